//! What a lifecycle policy of snapshots and images may say: it restarts machines, or runs commands on them, where it is told so.
//! What is not known of it here may be one more way.

use crate::domain::terraform::Address;
use crate::tfplan::node::Node;

/// The argument.
pub(super) const DETAILS: &str = "policy_details";

/// A block and what may stand in it: blocks, and arguments of which nothing is asked.
struct Block {
    name: &'static str,
    arguments: &'static [&'static str],
    blocks: &'static [Block],
}

const fn block(name: &'static str, arguments: &'static [&'static str]) -> Block {
    Block {
        name,
        arguments,
        blocks: &[],
    }
}

const KEEPS: &[&str] = &["count", "interval", "interval_unit"];

/// As of release 6 of the provider, without `scripts`, which are commands on the machines.
const POLICY: Block = Block {
    name: DETAILS,
    arguments: &[
        "copy_tags",
        "create_interval",
        "extend_deletion",
        "policy_language",
        "policy_type",
        "resource_locations",
        "resource_type",
        "resource_types",
        "retain_interval",
        "target_tags",
    ],
    blocks: &[
        Block {
            name: "action",
            arguments: &["name"],
            blocks: &[Block {
                name: "cross_region_copy",
                arguments: &["target"],
                blocks: &[
                    block("encryption_configuration", &["cmk_arn", "encrypted"]),
                    block("retain_rule", KEEPS),
                ],
            }],
        },
        Block {
            name: "event_source",
            arguments: &["type"],
            blocks: &[block(
                "parameters",
                &["description_regex", "event_type", "snapshot_owner"],
            )],
        },
        block(
            "exclusions",
            &["exclude_boot_volumes", "exclude_tags", "exclude_volume_types"],
        ),
        block(
            "parameters",
            &["exclude_boot_volume", "exclude_data_volume_tags", "no_reboot"],
        ),
        Block {
            name: "schedule",
            arguments: &["copy_tags", "name", "tags_to_add", "variable_tags"],
            blocks: &[
                Block {
                    name: "archive_rule",
                    arguments: &[],
                    blocks: &[Block {
                        name: "archive_retain_rule",
                        arguments: &[],
                        blocks: &[block("retention_archive_tier", KEEPS)],
                    }],
                },
                block(
                    "create_rule",
                    &[
                        "cron_expression",
                        "interval",
                        "interval_unit",
                        "location",
                        "times",
                    ],
                ),
                Block {
                    name: "cross_region_copy_rule",
                    arguments: &["cmk_arn", "copy_tags", "encrypted", "target", "target_region"],
                    blocks: &[block("deprecate_rule", KEEPS), block("retain_rule", KEEPS)],
                },
                block("deprecate_rule", KEEPS),
                block(
                    "fast_restore_rule",
                    &["availability_zones", "count", "interval", "interval_unit"],
                ),
                block("retain_rule", KEEPS),
                block(
                    "share_rule",
                    &["target_accounts", "unshare_interval", "unshare_interval_unit"],
                ),
            ],
        },
    ],
};

/// Why these details do more than to copy what is stored.
pub(super) fn does_more(details: &Node<'_>) -> Option<String> {
    if let Some(name) = beyond(details, &POLICY, &|value| !value.is_empty()) {
        let name = Address::new(&name);
        return Some(format!(
            "`{name}` of its policy may run commands on machines, or do what is not known here: "
        ));
    }
    let mut blocks = details.list().unwrap_or_default().iter();
    let restarts = blocks.any(restarts);
    restarts.then(|| "it may restart the machines that it makes images of: ".to_owned())
}

/// A policy for images restarts machines unless it says that it does not.
fn restarts(details: &Node<'_>) -> bool {
    let parameters = details.get("parameters").and_then(Node::list).unwrap_or_default();
    details.get("policy_type").and_then(Node::text) == Some("IMAGE_MANAGEMENT")
        && !parameters
            .iter()
            .any(|one| one.get("no_reboot") == Some(&Node::Bool(true)))
}

/// What of it is not known before the apply may say such a thing: a block as a whole, what kind it is, or whether it restarts.
pub(super) fn is_untold(unknown: &Node<'_>) -> bool {
    let decides = |one: &Node<'_>| {
        let of = |name: &str| one.get(name).is_some_and(Node::has_true);
        of("policy_type") || of("parameters")
    };
    beyond(unknown, &POLICY, &|value| value.has_true()).is_some()
        || unknown.list().unwrap_or_default().iter().any(decides)
}

/// The first name in it that is not known here, of those that say something; or a block that is no list of such.
fn beyond(node: &Node<'_>, block: &Block, says: &dyn Fn(&Node<'_>) -> bool) -> Option<String> {
    if !says(node) {
        return None;
    }
    let Some(blocks) = node.list() else {
        return Some(block.name.to_owned());
    };
    for one in blocks.iter().filter(|one| says(one)) {
        let Some(names) = one.map() else {
            return Some(block.name.to_owned());
        };
        for (name, value) in names.iter().filter(|(_, value)| says(value)) {
            if block.arguments.contains(&name.as_ref()) {
                continue;
            }
            let inner = block.blocks.iter().find(|inner| inner.name == name.as_ref());
            let found = inner.map_or_else(|| Some(name.to_string()), |inner| beyond(value, inner, says));
            if found.is_some() {
                return found;
            }
        }
    }
    None
}
