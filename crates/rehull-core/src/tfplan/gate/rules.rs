//! The rules by type of resource, as a table: what it holds, and what may be done to it outside of an upgrade.
//!
//! In an upgrade there is one row that matters: launch templates may be updated in place. Everything else is refused
//! there, and the row says why. `docs/terraform-gate.md` is this table in words; a test compares them.

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable word, for example `gate::volume`.
    pub id: &'static str,
    /// Types of resources, as the providers name them.
    pub types: &'static [&'static str],
    /// What is lost with it; completes "it holds …".
    pub holds: &'static str,
    /// A new one may be made outside of an upgrade.
    pub create: bool,
    /// What may be changed in place outside of an upgrade.
    pub in_place: InPlace,
    /// May be destroyed or replaced outside of an upgrade.
    pub destroy: bool,
    /// What to do instead.
    pub remedy: &'static str,
}

/// Which changes in place are harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPlace {
    /// All.
    Any,
    /// Changes of these attributes and of no other.
    Only(&'static [&'static str]),
    /// None.
    Never,
}

use InPlace::{Any, Never, Only};

const TAGS: &[&str] = &["tags", "tags_all"];

macro_rules! rules {
    ($($id:literal [$($kind:literal),+] holds $holds:literal, made: $create:literal, changed: $in_place:expr, gone: $destroy:literal, instead $remedy:literal;)+) => {
        /// Every type that is known. Of what is not in here, tags may be changed outside of an upgrade.
        pub const RULES: &[Rule] = &[$(Rule {
            id: $id,
            types: &[$($kind),+],
            holds: $holds,
            create: $create,
            in_place: $in_place,
            destroy: $destroy,
            remedy: $remedy,
        }),+];
    };
}

rules! {
    "gate::launch_template" ["aws_launch_template", "aws_launch_configuration"]
        holds "what the next machine boots",
        made: true, changed: Only(TAGS), gone: false,
        instead "machines change by an upgrade: change the cluster file and let `rehull plan` show what follows";
    "gate::volume" ["aws_ebs_volume"]
        holds "the data of a member",
        made: true, changed: Only(&["tags", "tags_all", "size", "type", "iops", "throughput"]), gone: false,
        instead "put it back into the configuration as it was; to give a member a new disk, name the new volume in the cluster file and keep the old one until the member has joined";
    "gate::snapshot" ["aws_ebs_snapshot", "aws_ebs_snapshot_copy", "aws_ebs_snapshot_import", "aws_ami", "aws_ami_copy"]
        holds "a copy that machines or a restore are made from",
        made: true, changed: Only(TAGS), gone: false,
        instead "use `removed { lifecycle { destroy = false } }`, and delete it by hand when nothing refers to it";
    "gate::interface" ["aws_network_interface"]
        holds "the address by which clients and peers know a member",
        made: true, changed: Only(&["tags", "tags_all", "description", "security_groups", "source_dest_check"]), gone: false,
        instead "put it back into the configuration as it was; a member gets another address through a new slot in the cluster file";
    "gate::attachment" ["aws_volume_attachment", "aws_network_interface_attachment", "aws_network_interface_sg_attachment", "aws_eip_association"]
        holds "the tie between a running machine and its disk or address",
        made: false, changed: Never, gone: false,
        instead "disks and interfaces are moved by rehull, one member at a time: take the attachment out of Terraform with `removed { lifecycle { destroy = false } }`";
    "gate::name" ["aws_eip", "aws_route53_record", "aws_route53_zone", "aws_service_discovery_service", "aws_service_discovery_instance"]
        holds "a name or an address that others have written down",
        made: true, changed: Only(&["tags", "tags_all", "comment", "ttl"]), gone: false,
        instead "make the new one beside it, move the clients, and only then take the old one out of Terraform with `removed { lifecycle { destroy = false } }`";
    "gate::fleet" ["aws_spot_instance_request", "aws_spot_fleet_request", "aws_ec2_fleet"]
        holds "machines that nobody but AWS launches, perhaps by a launch template of a member",
        made: false, changed: Only(TAGS), gone: false,
        instead "keep it in a root module that rehull neither plans nor applies";
    "gate::machine" ["aws_instance"]
        holds "a running machine, and with it perhaps a member",
        made: true, changed: Only(&["tags", "tags_all", "volume_tags", "monitoring", "vpc_security_group_ids", "disable_api_termination", "disable_api_stop"]), gone: false,
        instead "machines are replaced by rehull, one at a time: `rehull apply`, or `rehull etcd replace MEMBER`; hand over with `removed { lifecycle { destroy = false } }`";
    "gate::group" ["aws_autoscaling_group"]
        holds "all machines of a role",
        made: true, changed: Only(&["tags", "tag", "default_cooldown", "enabled_metrics", "metrics_granularity", "wait_for_capacity_timeout", "timeouts"]), gone: false,
        instead "version, sizes and processes of a group belong to rehull: list them in `lifecycle.ignore_changes`; never rename or replace a group";
    "gate::group_part" ["aws_autoscaling_attachment", "aws_autoscaling_lifecycle_hook", "aws_autoscaling_traffic_source_attachment"]
        holds "how the machines of a group enter and leave service",
        made: true, changed: Never, gone: false,
        instead "let it come with a new group; of a group that is there add the new one first, by hand and when no rollout is open, take the old one out of Terraform with `removed { lifecycle { destroy = false } }`, and delete it then";
    "gate::balancer" ["aws_lb", "aws_alb", "aws_elb", "aws_lb_listener", "aws_alb_listener", "aws_lb_listener_rule", "aws_alb_listener_rule", "aws_lb_listener_certificate"]
        holds "the address that every client of the apiserver uses",
        made: true, changed: Only(&["tags", "tags_all", "access_logs", "connection_logs", "idle_timeout", "enable_deletion_protection", "enable_cross_zone_load_balancing", "cross_zone_load_balancing", "security_groups", "ssl_policy", "certificate_arn", "health_check"]), gone: false,
        instead "make the new one beside it, move the clients, then take the old one out of Terraform with `removed { lifecycle { destroy = false } }`";
    "gate::target_group" ["aws_lb_target_group", "aws_alb_target_group", "aws_lb_target_group_attachment", "aws_alb_target_group_attachment", "aws_elb_attachment"]
        holds "which machines serve",
        made: true, changed: Only(&["tags", "tags_all", "deregistration_delay", "connection_termination", "slow_start", "stickiness", "health_check", "load_balancing_cross_zone_enabled"]), gone: false,
        instead "make the new group beside it (`name_prefix`, `create_before_destroy` is not enough: the old one goes while machines are registered in it)";
    "gate::bucket" ["aws_s3_bucket", "aws_s3_bucket_versioning", "aws_s3_bucket_object_lock_configuration", "aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_replication_configuration", "aws_s3_bucket_server_side_encryption_configuration"]
        holds "journal, lease, snapshots or artefacts, or the rule that keeps them",
        made: true, changed: Only(TAGS), gone: false,
        instead "keep it; where it really must change, do it by hand when no rollout is open, then import what you made";
    "gate::bucket_guard" ["aws_s3_bucket_policy", "aws_s3_bucket_public_access_block", "aws_s3_bucket_ownership_controls", "aws_s3_bucket_acl"]
        holds "what keeps others away from snapshots and artefacts",
        made: true, changed: Any, gone: false,
        instead "change it in place; a bucket must not be without it even between two calls";
    "gate::object" ["aws_s3_object", "aws_s3_bucket_object", "aws_s3_object_copy"]
        holds "an artefact that machines of an older launch template version still ask for",
        made: false, changed: Never, gone: false,
        instead "artefacts are published by rehull under their digest, and pruned when nothing refers to them: take objects out of Terraform with `removed { lifecycle { destroy = false } }`";
    "gate::key" ["aws_kms_key", "aws_kms_alias", "aws_kms_replica_key", "aws_kms_external_key", "aws_kms_grant", "aws_kms_key_policy"]
        holds "the key without which volumes, snapshots and secrets cannot be read",
        made: true, changed: Only(&["tags", "tags_all", "description", "enable_key_rotation", "rotation_period_in_days"]), gone: false,
        instead "never destroy a key that has encrypted anything; disable it by hand, wait, and look who complains";
    "gate::secret" ["aws_secretsmanager_secret", "aws_secretsmanager_secret_version", "aws_ssm_parameter", "aws_acm_certificate", "aws_acmpca_certificate_authority", "tls_private_key", "tls_self_signed_cert", "tls_locally_signed_cert", "random_password", "random_bytes"]
        holds "a key, a certificate or a setting that machines read when they boot",
        made: true, changed: Only(&["tags", "tags_all", "description"]), gone: false,
        instead "write the new one beside it and name its revision in the cluster file, so that machines move to it one at a time";
    "gate::data_store" ["aws_dynamodb_table", "aws_db_instance", "aws_rds_cluster", "aws_efs_file_system", "aws_backup_vault", "aws_backup_plan", "aws_dlm_lifecycle_policy", "aws_cloudwatch_log_group"]
        holds "data, or the copies of it",
        made: true, changed: Only(&["tags", "tags_all", "description"]), gone: false,
        instead "take it out of Terraform with `removed { lifecycle { destroy = false } }`";
    "gate::identity" ["aws_iam_role", "aws_iam_instance_profile", "aws_iam_openid_connect_provider", "aws_iam_user", "aws_iam_group"]
        holds "who the machines and the pipeline are",
        made: true, changed: Any, gone: false,
        instead "make the new one beside it, name it in the cluster file, roll, and remove the old one when no machine uses it";
    "gate::permission" ["aws_iam_policy", "aws_iam_role_policy", "aws_iam_role_policy_attachment"]
        holds "what machines and the pipeline may do",
        made: true, changed: Any, gone: true,
        instead "apply it outside of an upgrade";
    "gate::network" ["aws_vpc", "aws_subnet", "aws_nat_gateway", "aws_route_table", "aws_vpc_endpoint", "aws_vpc_dhcp_options", "aws_ec2_transit_gateway_vpc_attachment", "aws_placement_group"]
        holds "the network that machines, volumes and interfaces stand in",
        made: true, changed: Any, gone: false,
        instead "make the new one beside it and move slot by slot; nothing of the old network may go while a machine stands in it";
    "gate::gateway" ["aws_internet_gateway", "aws_egress_only_internet_gateway", "aws_vpn_gateway"]
        holds "the way out of a network",
        made: true, changed: Only(TAGS), gone: false,
        instead "make the new network with a gateway of its own; a gateway that is moved is gone from where it was";
    "gate::access_list" ["aws_network_acl"]
        holds "what passes between subnets",
        made: true, changed: Only(&["tags", "tags_all", "ingress", "egress"]), gone: false,
        instead "make the new list beside it for new subnets: one that is given to a subnet takes it from the list that lets its traffic through now";
    "gate::firewall" ["aws_security_group", "aws_default_security_group"]
        holds "who may speak with members and apiservers",
        made: true, changed: Any, gone: false,
        instead "make the new group beside it; a group that machines are in cannot be destroyed, and replacing it waits for them";
    "gate::path" ["aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule", "aws_network_acl_rule", "aws_route", "aws_route_table_association"]
        holds "one way for packets",
        made: true, changed: Any, gone: true,
        instead "apply it outside of an upgrade";
    "gate::watch" ["aws_cloudwatch_metric_alarm", "aws_cloudwatch_dashboard", "aws_sns_topic", "aws_sns_topic_subscription", "aws_sqs_queue", "aws_autoscaling_notification"]
        holds "who is told when something goes wrong",
        made: true, changed: Any, gone: true,
        instead "apply it outside of an upgrade: an alarm that is missing during a rollout halts nothing";
    "gate::value" ["terraform_data"]
        holds "a value of the module's own, or what stands in for a launch template in a sandbox",
        made: true, changed: Any, gone: false,
        instead "take it out of Terraform with `removed { lifecycle { destroy = false } }`";
    "gate::operates" ["aws_ami_from_instance", "aws_cloudwatch_event_rule", "aws_cloudwatch_event_target", "aws_ec2_instance_state", "aws_ssm_association", "aws_ssm_maintenance_window_task", "aws_lambda_invocation", "aws_cloudformation_stack", "aws_cloudformation_stack_set"]
        holds "an act on machines that looks like a thing",
        made: false, changed: Never, gone: false,
        instead "nobody but rehull acts on machines; take it out of the configuration with `removed { lifecycle { destroy = false } }`";
}

/// The row of a type.
#[must_use]
pub(in crate::tfplan) fn rule_for(kind: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.types.contains(&kind))
}

/// A type that no row knows.
pub const UNKNOWN: Rule = Rule {
    id: "gate::unknown_type",
    types: &[],
    holds: "what this version of rehull does not know",
    create: false,
    in_place: Only(TAGS),
    destroy: false,
    remedy: "keep it in a root module that rehull neither plans nor applies: it may act on machines (a schedule of a group, a tag, an API in disguise)",
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_stands_in_one_row_and_every_row_has_a_name_of_its_own() {
        let types: Vec<&str> = RULES.iter().flat_map(|rule| rule.types).copied().collect();
        assert_eq!(types.iter().collect::<BTreeSet<_>>().len(), types.len());
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        assert!(!ids.contains(UNKNOWN.id) && rule_for("aws_nothing").is_none());
    }
}
