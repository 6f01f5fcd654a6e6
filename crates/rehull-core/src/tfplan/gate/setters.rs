//! What a resource sets, by being made, of something that may be there already: a table.

/// One argument.
pub(in crate::tfplan) struct Row {
    pub(in crate::tfplan) kind: &'static str,
    /// The argument that names what is set; of a block, the block.
    pub(in crate::tfplan) argument: &'static str,
    /// In each such block, the argument that names it.
    pub(in crate::tfplan) inside: Option<&'static str>,
    /// Types that make such a thing, and the attribute that is its name, if one gives it.
    pub(in crate::tfplan) makers: &'static [(&'static str, &'static str)],
    pub(in crate::tfplan) given: Given,
    pub(in crate::tfplan) why: &'static str,
}

/// How an argument is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::tfplan) enum Given {
    /// It has to be.
    Always,
    /// It may be left out.
    Perhaps,
    /// It may be left out, and is a list: where one part is not known a plan does not have the others.
    PerhapsAsList,
}

use Given::{Always, Perhaps, PerhapsAsList};

macro_rules! rows {
    ($($kind:literal $argument:literal $([$inside:literal])? $given:ident of $makers:expr, $why:expr;)+) => {
        pub(in crate::tfplan) const ROWS: &[Row] = &[$(Row {
            kind: $kind,
            argument: $argument,
            inside: rows!(@ $($inside)?),
            makers: $makers,
            given: $given,
            why: $why,
        }),+];
    };
    (@) => { None };
    (@ $inside:literal) => { Some($inside) };
}

const BUCKET: &[(&str, &str)] = &[("aws_s3_bucket", "bucket")];
pub(in crate::tfplan) const OF_A_BUCKET: &[&str] = &[
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
pub(in crate::tfplan) const OF_BUCKETS: Row = Row {
    kind: "",
    argument: "bucket",
    inside: None,
    makers: BUCKET,
    given: Always,
    why: REPLACES,
};

const GROUP: &[(&str, &str)] = &[("aws_autoscaling_group", "name")];
const INTERFACE: &[(&str, &str)] = &[("aws_network_interface", "")];
const LISTENER: &[(&str, &str)] = &[("aws_lb_listener", ""), ("aws_alb_listener", "")];
const MACHINE: &[(&str, &str)] = &[("aws_instance", "")];
const TARGET_GROUP: &[(&str, &str)] = &[("aws_lb_target_group", ""), ("aws_alb_target_group", "")];

const REPLACES: &str = "this replaces what it was set to before, which no plan shows";
const MOVES: &str = "this attaches something to it, which only rehull does";
const DIVERTS: &str = "this takes requests that it sends elsewhere now";
const SERVES: &str = "its clients would be served by this as well";
const JOINS: &str = "its machines would be asked, and perhaps ended, for another reason than now";

rows! {
    "aws_kms_key_policy" "key_id" Always of &[("aws_kms_key", "")], REPLACES;
    "aws_default_security_group" "vpc_id" Always of &[("aws_vpc", "")], REPLACES;
    "aws_network_acl" "subnet_ids" PerhapsAsList of &[("aws_subnet", "")], "this takes it from the list that lets its traffic through now";
    "aws_autoscaling_lifecycle_hook" "autoscaling_group_name" Always of GROUP, "its machines would wait for somebody to complete this, and may be ended if nobody does";
    "aws_autoscaling_attachment" "autoscaling_group_name" Always of GROUP, JOINS;
    "aws_autoscaling_traffic_source_attachment" "autoscaling_group_name" Always of GROUP, JOINS;
    "aws_lb_listener_rule" "listener_arn" Always of LISTENER, DIVERTS;
    "aws_alb_listener_rule" "listener_arn" Always of LISTENER, DIVERTS;
    "aws_lb_target_group_attachment" "target_group_arn" Always of TARGET_GROUP, SERVES;
    "aws_alb_target_group_attachment" "target_group_arn" Always of TARGET_GROUP, SERVES;
    "aws_elb_attachment" "elb" Always of &[("aws_elb", "name")], SERVES;
    "aws_route53_zone" "vpc" ["vpc_id"] Perhaps of &[("aws_vpc", "")], "there this hides what other zones say of the names in it";
    "aws_secretsmanager_secret_version" "secret_id" Always of &[("aws_secretsmanager_secret", "name")], "the next machine boots with this one";
    "aws_service_discovery_instance" "service_id" Always of &[("aws_service_discovery_service", "")], "this is written over an instance of the same name";
    "aws_eip" "network_interface" Perhaps of INTERFACE, MOVES;
    "aws_eip" "instance" Perhaps of MACHINE, MOVES;
    "aws_network_interface" "attachment" ["instance"] Perhaps of MACHINE, MOVES;
    "aws_instance" "network_interface" ["network_interface_id"] Perhaps of INTERFACE, MOVES;
    "aws_instance" "primary_network_interface" ["network_interface_id"] Perhaps of INTERFACE, MOVES;
}

impl Row {
    /// What to do instead.
    pub(in crate::tfplan) fn remedy(&self, of_type: &str) -> String {
        let by_hand = "apply this once by hand";
        match (self.given, self.makers.first()) {
            (Always | Perhaps, Some((maker, _))) => {
                format!("where the plan makes it name its resource itself, `{maker}.NAME.id`; else {by_hand}")
            }
            (PerhapsAsList, _) | (_, None) => format!("{of_type}; or {by_hand}"),
        }
    }
}
