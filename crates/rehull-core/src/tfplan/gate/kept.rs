//! What a launch template says and no render does: every version that an upgrade makes repeats it. Judged is, whether it
//! changes or not, what rehull relies on in each machine; the rest of it is whoever's who made the template.

use super::general::KEPT;
use crate::domain::fleet::tag;
use crate::domain::terraform::RoleContent;
use crate::tfplan::finding::Finding;
use crate::tfplan::node::Node;

/// How the tags begin that rehull alone gives.
const OURS: &str = "rehull:";

/// One attribute.
pub(in crate::tfplan) struct Kept {
    /// Its name.
    pub(in crate::tfplan) attribute: &'static str,
    /// For the reference and for people: what it has to be.
    pub(in crate::tfplan) only_if: &'static str,
    /// What would come of it otherwise.
    pub(in crate::tfplan) or_else: &'static str,
    holds: fn(&Node<'_>, &RoleContent) -> bool,
}

/// What is judged.
pub(in crate::tfplan) const ROWS: &[Kept] = &[
    Kept {
        attribute: "metadata_options",
        only_if: "the metadata service is on and asks for session tokens (`http_tokens = \"required\"`), and of a slot it tells tags (`instance_metadata_tags = \"enabled\"`)",
        or_else: "without tokens a request that was tricked out of a process gets the role's keys; without tags the machine of a slot never hears that it may go",
        holds: metadata,
    },
    Kept {
        attribute: "disable_api_termination",
        only_if: "it is not set",
        or_else: "the machine could not be ended, and a rollout would stop half way with one member out",
        holds: is_off,
    },
    Kept {
        attribute: "disable_api_stop",
        only_if: "it is not set",
        or_else: "EC2 then refuses to end the machine as well",
        holds: is_off,
    },
    Kept {
        attribute: "instance_market_options",
        only_if: "there are none",
        or_else: "EC2 would end the machine when it likes, whatever the quorum is then",
        holds: is_nothing,
    },
    Kept {
        attribute: "tag_specifications",
        only_if: "it gives no tag below `rehull:` but `rehull:digest`",
        or_else: "a machine that is born with `rehull:go` starts its member before its time, and one with the name of another slot passes for that one",
        holds: gives_none_of_ours,
    },
];

/// Rows that this template, as it is afterwards, does not keep.
pub(super) fn against(address: &str, template: Option<&Node<'_>>, role: &RoleContent) -> Vec<Finding> {
    let broken = ROWS.iter().filter(|row| {
        let value = template.and_then(|template| template.get(row.attribute));
        !(row.holds)(value.unwrap_or(&Node::Null), role)
    });
    let finding = |row: &Kept| {
        let reason = format!(
            "machines of {} would have another `{}` than this: {}; {}",
            role.role, row.attribute, row.only_if, row.or_else
        );
        KEPT.at(address, reason)
    };
    broken.map(finding).collect()
}

/// Where nothing is said the image and the account decide: older ones ask for no token, and none tells tags.
fn metadata(options: &Node<'_>, role: &RoleContent) -> bool {
    let Some([options]) = options.list() else {
        return false;
    };
    let says = |name: &str, value: &str| options.get(name).and_then(Node::text) == Some(value);
    let is_on = match options.get("http_endpoint") {
        None | Some(Node::Null) => true,
        Some(said) => matches!(said.text(), Some("" | "enabled")),
    };
    let tells_tags = role.subnet.is_none() || says("instance_metadata_tags", "enabled");
    is_on && says("http_tokens", "required") && tells_tags
}

fn is_off(value: &Node<'_>, _: &RoleContent) -> bool {
    matches!(value, Node::Null | Node::Bool(false))
}

fn is_nothing(value: &Node<'_>, _: &RoleContent) -> bool {
    value.is_empty()
}

fn gives_none_of_ours(value: &Node<'_>, _: &RoleContent) -> bool {
    !gives_ours(value)
}

/// However deep it stands.
fn gives_ours(value: &Node<'_>) -> bool {
    let is_ours = |name: &str| name.starts_with(OURS) && name != tag::DIGEST;
    let mut of_list = value.list().into_iter().flatten();
    let mut of_map = value.map().into_iter().flatten();
    of_list.any(gives_ours)
        || of_map.any(|(name, value)| *value != Node::Null && is_ours(name) || gives_ours(value))
}
