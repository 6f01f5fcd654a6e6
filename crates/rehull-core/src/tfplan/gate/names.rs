//! A resource that is made may set something that is there already: whom it names decides, and that may be known only when
//! the whole plan was read.

use std::collections::BTreeSet;

use super::configuration;
use crate::tfplan::finding::Finding;
use crate::tfplan::json::Trees;
use crate::tfplan::node::Node;

/// What is set of something else by being made.
struct Row {
    kind: &'static str,
    /// The argument that names it.
    argument: &'static str,
    /// Types that make such a thing, and the attribute that is its name, if one gives it.
    makers: &'static [(&'static str, &'static str)],
    /// The argument may be left out.
    optional: bool,
    why: &'static str,
}

const BUCKET: &[(&str, &str)] = &[("aws_s3_bucket", "bucket")];
const OF_A_BUCKET: &[&str] = &[
    "aws_s3_bucket_versioning",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_replication_configuration",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_object_lock_configuration",
    "aws_s3_bucket_acl",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_ownership_controls",
];
const REPLACES: &str = "this replaces what it was set to before, which no plan shows";

const MOVES: &str = "this attaches something to it, which only rehull does";

const ROWS: &[Row] = &[
    Row {
        kind: "aws_kms_key_policy",
        argument: "key_id",
        makers: &[("aws_kms_key", "")],
        optional: false,
        why: REPLACES,
    },
    Row {
        kind: "aws_default_security_group",
        argument: "vpc_id",
        makers: &[("aws_vpc", "")],
        optional: false,
        why: REPLACES,
    },
    Row {
        kind: "aws_network_acl",
        argument: "subnet_ids",
        makers: &[("aws_subnet", "")],
        optional: true,
        why: "this takes it from the list that lets its traffic through now",
    },
    Row {
        kind: "aws_autoscaling_lifecycle_hook",
        argument: "autoscaling_group_name",
        makers: &[("aws_autoscaling_group", "name")],
        optional: false,
        why: "its machines would wait for somebody to complete this, and may be ended if nobody does",
    },
    Row {
        kind: "aws_secretsmanager_secret_version",
        argument: "secret_id",
        makers: &[("aws_secretsmanager_secret", "name")],
        optional: false,
        why: "the next machine boots with this one",
    },
    Row {
        kind: "aws_service_discovery_instance",
        argument: "service_id",
        makers: &[("aws_service_discovery_service", "")],
        optional: false,
        why: "this is written over an instance of the same name",
    },
    Row {
        kind: "aws_eip",
        argument: "network_interface",
        makers: &[("aws_network_interface", "")],
        optional: true,
        why: MOVES,
    },
    Row {
        kind: "aws_eip",
        argument: "instance",
        makers: &[("aws_instance", "")],
        optional: true,
        why: MOVES,
    },
    Row {
        kind: "aws_network_interface",
        argument: "attachment",
        makers: &[("aws_instance", "")],
        optional: true,
        why: MOVES,
    },
    Row {
        kind: "aws_instance",
        argument: "network_interface",
        makers: &[("aws_network_interface", "")],
        optional: true,
        why: MOVES,
    },
];

const OF_BUCKETS: Row = Row {
    kind: "",
    argument: "bucket",
    makers: BUCKET,
    optional: false,
    why: REPLACES,
};

/// A resource that sets what it names; whether that is there already is still to be found out.
pub(super) struct Setting {
    row: &'static Row,
    /// Address of the instance.
    address: String,
    /// The name, where it is known; empty where it is no single text.
    named: Option<String>,
    /// Nothing of the argument is known: where the configuration does not have it, the provider fills it in.
    is_open: bool,
    refused: Finding,
}

/// What the plan makes.
#[derive(Default)]
pub(super) struct Made {
    /// Addresses without keys.
    addresses: BTreeSet<String>,
    /// Type and name.
    names: BTreeSet<(String, String)>,
}

impl Made {
    pub(super) fn note(&mut self, kind: &str, address: &str, trees: Option<&Trees<'_>>) {
        self.addresses.insert(configuration::without_keys(address));
        let mut makers = ROWS.iter().chain([&OF_BUCKETS]).flat_map(|row| row.makers);
        let Some((_, attribute)) = makers.find(|(maker, _)| *maker == kind) else {
            return;
        };
        let after = trees.and_then(|trees| trees.after.as_ref());
        if let Some(name) = after.and_then(|after| after.get(attribute)?.text()) {
            self.names.insert((kind.to_owned(), name.to_owned()));
        }
    }
}

/// The settings that this resource, which is made, makes of something else. `refused` says why, should that be there already.
pub(super) fn sets(
    kind: &str,
    address: &str,
    trees: Option<&Trees<'_>>,
    refused: impl Fn(&str) -> Finding,
) -> Vec<Setting> {
    let of_buckets = OF_A_BUCKET.contains(&kind).then_some(&OF_BUCKETS);
    let rows = ROWS.iter().filter(|row| row.kind == kind).chain(of_buckets);
    let setting = |row: &'static Row| {
        let value = trees.and_then(|trees| trees.after.as_ref()?.get(row.argument));
        let unknown = trees.and_then(|trees| trees.unknown.as_ref()?.get(row.argument));
        let is_unknown = unknown.is_some_and(Node::has_true);
        if row.optional && !is_unknown && value.is_none_or(Node::is_empty) {
            return None;
        }
        let named = value.and_then(Node::text).unwrap_or_default().to_owned();
        Some(Setting {
            row,
            address: address.to_owned(),
            named: (!is_unknown).then_some(named),
            is_open: unknown == Some(&Node::Bool(true)) && value.is_none_or(Node::is_empty),
            refused: refused(&format!(
                "what its `{}` names is there already, or not plainly made by this plan, and {}: ",
                row.argument, row.why
            )),
        })
    };
    rows.filter_map(setting).collect()
}

/// What it sets is there already, or not plainly made by the same plan.
pub(super) fn is_there(setting: &Setting, made: &Made, configuration: Option<&Node<'_>>) -> Option<Finding> {
    let row = setting.row;
    let is_made = setting.named.as_ref().is_none_or(|name| {
        let mut makers = row.makers.iter();
        makers.any(|(maker, _)| made.names.contains(&((*maker).to_owned(), name.clone())))
    });
    // By a name alone both would be made at once: where the thing is there already its maker fails, and this does not.
    let is_new = is_made
        && configuration.is_some_and(|configuration| {
            match configuration::references(configuration, &setting.address, row.argument) {
                Some(references) => all_are_new(setting, made, &references),
                // No plan has what a `dynamic` block says: then the value alone would tell of it.
                None => row.optional && setting.is_open,
            }
        });
    (!is_new).then(|| setting.refused.clone())
}

/// It refers to something, and only to what the plan makes; what has been set of that is as new.
fn all_are_new(setting: &Setting, made: &Made, references: &[String]) -> bool {
    let of_repetition = |reference: &&String| ["each.", "count."].iter().any(|of| reference.starts_with(of));
    let mut things = references
        .iter()
        .filter(|reference| !of_repetition(reference))
        .peekable();
    things.peek().is_some()
        && things.all(|reference| {
            in_the_module_of(&setting.address, reference).is_some_and(|(kind, address)| {
                let is_maker = setting.row.makers.iter().any(|(maker, _)| *maker == kind);
                (is_maker || OF_A_BUCKET.contains(&kind.as_str())) && made.addresses.contains(&address)
            })
        })
}

/// Type and address of what an expression of this resource refers to: `aws_s3_bucket.this[0].id` beside
/// `module.a["x"].aws_s3_bucket_policy.this` is `module.a.aws_s3_bucket.this`.
fn in_the_module_of(address: &str, reference: &str) -> Option<(String, String)> {
    let plain = configuration::without_keys(address);
    let (module, _) = plain.rsplit_once('.')?;
    let prefix = match module.rsplit_once('.') {
        Some((module, _)) => format!("{module}."),
        None => String::new(),
    };
    let reference = configuration::without_keys(reference);
    let mut parts = reference.split('.');
    let (kind, name) = (parts.next()?, parts.next()?);
    Some((kind.to_owned(), format!("{prefix}{kind}.{name}")))
}
