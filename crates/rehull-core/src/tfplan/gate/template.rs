//! The one thing that an upgrade may do: a launch template, updated in place, that afterwards says what was approved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::general::{ATTRIBUTE, CONTENT, ROLE};
use super::{kept, place};
use crate::domain::fleet::tag;
use crate::domain::ids::ContentDigest;
use crate::domain::terraform::Address;
use crate::domain::terraform::RoleContent;
use crate::tfplan::contract::{Contract, Templates};
use crate::tfplan::digest::sha256;
use crate::tfplan::finding::Finding;
use crate::tfplan::json::Trees;
use crate::tfplan::mask::{Masking, masking, part};
use crate::tfplan::node::Node;

/// How a change of an attribute is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// User data: its bytes have the digest of the rendered ones.
    UserData,
    /// The description of the version is the content digest, by which rehull finds it.
    Description,
    /// The image of the render.
    Image,
    /// The type of the render.
    InstanceType,
    /// The profile of the render, by name or ARN.
    Profile,
    /// The security groups of the render, as a set.
    SecurityGroups,
    /// The subnet of the render, in every interface that comes with the machine.
    Subnet,
    /// In the machine's own interface nothing else changes than subnet and security groups.
    Interfaces,
    /// Tags whose value is the content digest or the version of the render; none goes away, and by what a thing is known
    /// (`Name`, `rehull:…`, `aws:…`) stays, but for the content digest.
    Tags,
    /// Counted by EC2: known after the apply.
    Counted,
}

/// The attributes that an upgrade may change, and how each is held against the render. All others are refused.
pub const DECLARED: &[(&str, Said)] = &[
    ("default_version", Said::Counted),
    ("description", Said::Description),
    ("iam_instance_profile", Said::Profile),
    ("image_id", Said::Image),
    ("instance_type", Said::InstanceType),
    ("latest_version", Said::Counted),
    ("network_interfaces", Said::Interfaces),
    ("tag_specifications", Said::Tags),
    ("tags", Said::Tags),
    ("tags_all", Said::Tags),
    ("user_data", Said::UserData),
    ("vpc_security_group_ids", Said::SecurityGroups),
];

/// These must say what was approved even where the plan does not change them, and where they stand: a template that was made
/// by hand once with another profile or in another subnet would have it in its next version, too.
const ALWAYS: &[(Said, &[&str])] = &[
    (Said::UserData, &["user_data"]),
    (Said::Description, &["description"]),
    (Said::Image, &["image_id"]),
    (Said::InstanceType, &["instance_type"]),
    (Said::Profile, &["iam_instance_profile"]),
    (
        Said::SecurityGroups,
        &["network_interfaces", "vpc_security_group_ids"],
    ),
    (Said::Subnet, &["network_interfaces"]),
];

/// How keys of tags begin that nobody but AWS may set (EC2 user guide, "Tag restrictions").
const RESERVED: &str = "aws:";

/// What was found of one template.
pub(super) struct Judged<'c> {
    pub(super) role: Option<&'c RoleContent>,
    pub(super) findings: Vec<Finding>,
    /// Content digest that the description says before, if it is one.
    pub(super) from: Option<String>,
    /// What each attribute says, canonical; empty if it is updated.
    pub(super) says: BTreeMap<String, String>,
}

/// `updates`: the plan updates it in place; else it stays as it is, and has to say what was approved already.
pub(super) fn judge<'c>(
    contract: &'c Contract,
    address: &str,
    trees: &Trees<'_>,
    updates: bool,
) -> Judged<'c> {
    let mut judged = Judged {
        role: None,
        findings: Vec::new(),
        from: None,
        says: BTreeMap::new(),
    };
    let Some(inner) = attributes(contract.templates, trees) else {
        let reason = "it has not the attributes of a launch template, before and after";
        judged.findings.push(ROLE.at(address, reason));
        return judged;
    };
    let text = |tree: &Option<Node<'_>>, name: &str| {
        let value = tree.as_ref().and_then(|tree| tree.get(name)?.text());
        value.map(str::to_owned)
    };
    let (before, after) = (text(&inner.before, "name"), text(&inner.after, "name"));
    let role = match (&before, &after) {
        (Some(before), Some(after)) if before == after => contract.role_of(after),
        (Some(_) | None, Some(_) | None) => None,
    };
    let Some(role) = role else {
        let name = Address::new(&after.or(before).unwrap_or_default());
        let reason = format!("the launch template `{name}` is that of no slot or role of this plan");
        judged.findings.push(ROLE.at(address, reason));
        return judged;
    };
    judged.role = Some(role);
    judged.from = text(&inner.before, "description")
        .and_then(|text| ContentDigest::described(&text))
        .map(|digest| digest.to_string());
    if let Some(after) = inner.after.as_ref().and_then(Node::map).filter(|_| !updates) {
        let said = |(name, value): (&Cow<'_, str>, &Node<'_>)| {
            let mut text = String::new();
            value.canonical(&mut text);
            (name.to_string(), text)
        };
        judged.says = after.iter().map(said).collect();
    }
    for (said, names) in ALWAYS {
        if !is_as_approved((*said, names), &inner, role) {
            judged
                .findings
                .push(CONTENT.at(address, content_reason(*said, role, updates)));
        }
    }
    let beside = kept::against(address, inner.after.as_ref(), role);
    judged.findings.extend(beside);
    for name in outer_changes(contract.templates, trees).chain(inner.changed()) {
        judged.findings.extend(changed(address, name, &inner, role));
    }
    judged
}

/// One attribute that changes.
fn changed(address: &str, name: &str, trees: &Trees<'_>, role: &RoleContent) -> Option<Finding> {
    let row = DECLARED.iter().find(|(declared, _)| *declared == name);
    let Some((_, said)) = row else {
        let name = Address::new(name);
        let reason = format!("the plan changes `{name}`, which is no part of what is rendered and approved");
        return Some(ATTRIBUTE.at(address, reason));
    };
    if ALWAYS.iter().any(|(always, _)| always == said) || holds(*said, name, trees, role) {
        return None;
    }
    let reason = format!("the plan changes `{name}` to something else than the render says");
    Some(ATTRIBUTE.at(address, reason))
}

fn content_reason(said: Said, role: &RoleContent, updates: bool) -> String {
    let what = match said {
        Said::UserData => format!("user data with {}", role.user_data),
        Said::Description => format!("the description `{}`", role.content.description()),
        Said::Image => format!("the image {}", role.image),
        Said::InstanceType => format!("the type {}", role.instance_type),
        Said::Profile => format!("the instance profile {}", role.instance_profile),
        Said::SecurityGroups => "exactly the security groups of the render".to_owned(),
        Said::Subnet => match &role.subnet {
            Some(subnet) => format!("all its interfaces in {subnet}"),
            None => "interfaces whose subnet is left to the group".to_owned(),
        },
        Said::Interfaces | Said::Tags | Said::Counted => "what the render says".to_owned(),
    };
    let verb = if updates {
        "would not have"
    } else {
        "is left without"
    };
    format!(
        "the next version for {} {verb} {what}, which is what was approved",
        role.role
    )
}

/// What the template says afterwards is what the render says, as far as it can be read: a value that is known only after the
/// apply, or that somebody hides, is none. User data is compared although it may be sensitive: its bytes are there.
fn is_as_approved((said, names): (Said, &[&str]), trees: &Trees<'_>, role: &RoleContent) -> bool {
    let Some(after) = trees.after.as_ref() else {
        return false;
    };
    if names.iter().any(|name| is_unknown(name, trees)) {
        return false;
    }
    let text = |name: &str| after.get(name).and_then(Node::text);
    let hidden = || names.iter().any(|name| is_hidden(name, trees));
    match said {
        Said::UserData => text("user_data").is_some_and(|text| {
            STANDARD
                .decode(text)
                .is_ok_and(|bytes| sha256(&bytes) == role.user_data)
        }),
        Said::Description => text("description") == Some(role.content.description().as_str()),
        Said::Image => text("image_id") == Some(role.image.as_str()),
        Said::InstanceType => text("instance_type") == Some(role.instance_type.as_str()),
        Said::Profile => !hidden() && place::is_profile(after, role),
        Said::SecurityGroups => !hidden() && place::are_groups(after, role),
        Said::Subnet => !hidden() && place::is_subnet(after, role),
        Said::Interfaces | Said::Tags | Said::Counted => false,
    }
}

fn is_unknown(name: &str, trees: &Trees<'_>) -> bool {
    let unknown = trees.unknown.as_ref().and_then(|tree| tree.get(name));
    unknown.is_some_and(Node::has_true)
}

fn is_hidden(name: &str, trees: &Trees<'_>) -> bool {
    let Some(after) = trees.after.as_ref() else {
        return true;
    };
    match masking(after, trees.after_mask.as_ref()) {
        Masking::Clear => false,
        Masking::Whole => true,
        Masking::Parts(mask) => after.get(name).is_some_and(|value| part(value, mask, name).any()),
    }
}

/// A change of what the render says only in part, or not at all.
fn holds(said: Said, name: &str, trees: &Trees<'_>, role: &RoleContent) -> bool {
    let before = trees.before.as_ref().and_then(|tree| tree.get(name));
    let after = trees.after.as_ref().and_then(|tree| tree.get(name));
    match said {
        // Nobody chooses it; where it is known, the plan says that no version is made, and then it may not change.
        Said::Counted => trees.unknown.as_ref().and_then(|tree| tree.get(name)) == Some(&Node::Bool(true)),
        Said::Interfaces => {
            let both = before.zip(after);
            !is_unknown(name, trees) && both.is_some_and(|(before, after)| place::are_alike(before, after))
        }
        Said::Tags => {
            let (before, after) = (before.unwrap_or(&Node::Null), after.unwrap_or(&Node::Null));
            !is_unknown(name, trees) && tags(before, after, role)
        }
        Said::UserData
        | Said::Description
        | Said::Image
        | Said::InstanceType
        | Said::Profile
        | Said::SecurityGroups
        | Said::Subnet => false,
    }
}

/// A machine is launched with these, and rehull knows by them which slot it is of, whether it was told to go, to stop. What
/// begins with `aws:`, in whatever case, is EC2's own: it refuses to launch with such a tag.
fn is_of_identity(key: &str) -> bool {
    let is_reserved = key
        .get(..RESERVED.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(RESERVED));
    key == "Name" || key.starts_with("rehull:") || is_reserved
}

/// Every leaf that differs is content digest or version, and none goes away.
fn tags(before: &Node<'_>, after: &Node<'_>, role: &RoleContent) -> bool {
    match (before, after) {
        (before, after) if before == after => true,
        (Node::Null | Node::Text(_), Node::Text(text)) => {
            *text == role.content.as_str() || *text == role.version.as_str()
        }
        (Node::Null | Node::Map(_), Node::Map(new)) => {
            let old = before.map();
            let stays = old.is_none_or(|old| old.keys().all(|name| new.contains_key(name)));
            let digest = |name: &str, value: &Node<'_>| {
                name == tag::DIGEST && value.text() == Some(role.content.as_str())
            };
            stays
                && new.iter().all(|(name, value)| {
                    let was = before.get(name).unwrap_or(&Node::Null);
                    was == value || (!is_of_identity(name) || digest(name, value)) && tags(was, value, role)
                })
        }
        (Node::List(old), Node::List(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| tags(old, new, role))
        }
        _ => false,
    }
}

/// The attributes of the template: those of the resource, or of the stand-in's `input`.
fn attributes<'a>(templates: Templates, trees: &Trees<'a>) -> Option<Trees<'a>> {
    let inner = |tree: &Option<Node<'a>>| match templates {
        Templates::Aws => tree.clone(),
        Templates::StandIn => tree.as_ref().and_then(|tree| tree.get("input")).cloned(),
    };
    // Terraform leaves out what is not sensitive; a mask of another shape hides all of it.
    let mask = match (templates, &trees.after_mask) {
        (Templates::StandIn, Some(Node::Map(mask))) => {
            Some(mask.get("input").cloned().unwrap_or(Node::Bool(false)))
        }
        (Templates::Aws | Templates::StandIn, mask) => mask.clone(),
    };
    let inner = Trees::of(
        inner(&trees.before),
        inner(&trees.after),
        inner(&trees.unknown),
        mask,
    );
    inner.are_objects().then_some(inner)
}

/// What else of a stand-in changes than `input`, and `output`, which repeats it.
fn outer_changes<'t>(templates: Templates, trees: &'t Trees<'_>) -> impl Iterator<Item = &'t String> {
    let stand_in = templates == Templates::StandIn;
    let changed = trees.changed().iter();
    changed.filter(move |name| stand_in && !["input", "output"].contains(&name.as_str()))
}
