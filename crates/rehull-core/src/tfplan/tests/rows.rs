//! One test per row of the tables. What is expected stands here once more, by hand: a row that changes by accident is
//! seen.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::plans;
use super::*;

/// What infrastructure may do with a type: make, change this attribute, destroy and replace. And an attribute that it
/// may not change.
struct Row {
    id: &'static str,
    kind: &'static str,
    create: bool,
    changes: &'static [&'static str],
    never: Option<&'static str>,
    destroy: bool,
}

const REFUSED: bool = false;
const ALLOWED: bool = true;

impl Row {
    fn holds(&self) {
        let by_itself = |actions: &[&str], attribute: &str| {
            rules(&judged(
                &plans::alone(self.kind, actions, attribute),
                &infrastructure(),
            ))
        };
        let expect = |allowed: bool| {
            if allowed {
                BTreeSet::new()
            } else {
                BTreeSet::from([self.id])
            }
        };
        assert_eq!(by_itself(&["create"], "a"), expect(self.create), "create");
        for actions in [&["delete"][..], &["delete", "create"], &["create", "delete"]] {
            assert_eq!(by_itself(actions, "a"), expect(self.destroy), "{actions:?}");
        }
        assert_eq!(
            by_itself(&["create", "forget"], "a"),
            expect(REFUSED),
            "create, then forget"
        );
        for attribute in self.changes {
            assert_eq!(
                by_itself(&["update"], attribute),
                expect(ALLOWED),
                "update of {attribute}"
            );
        }
        if let Some(attribute) = self.never {
            assert_eq!(
                by_itself(&["update"], attribute),
                expect(REFUSED),
                "update of {attribute}"
            );
        }
        self.is_refused_in_an_upgrade();
    }

    fn is_refused_in_an_upgrade(&self) {
        for actions in [
            &["create"][..],
            &["update"],
            &["delete"],
            &["delete", "create"],
            &["create", "delete"],
            &["create", "forget"],
        ] {
            let attribute = self.changes.first().copied().unwrap_or("a");
            let plan = plans::upgrade_and(plans::change(self.kind, actions, attribute));
            let decision = judged(&plan, &upgrade());
            // A launch template that is updated is looked into, and this one is nobody's.
            let id = if self.kind == "aws_launch_template" && actions == ["update"] {
                "gate::role"
            } else {
                self.id
            };
            assert_eq!(rules(&decision), [id].into(), "{actions:?}");
            let finding = &decision.findings[0];
            assert_eq!(finding.address, Some(Address::new(&format!("{}.x", self.kind))));
            assert!(!finding.reason.is_empty() && !finding.remedy.is_empty());
        }
    }
}

macro_rules! rows {
    ($($name:ident: $id:literal, $kind:literal, create $create:ident, changes $changes:expr, never $never:expr, destroy $destroy:ident;)+) => {
        $(#[test]
        fn $name() {
            Row { id: $id, kind: $kind, create: $create, changes: &$changes, never: $never, destroy: $destroy }.holds();
        })+

        #[test]
        fn every_row_by_type_has_its_test() {
            let tested: BTreeSet<&str> = [$($id),+].into();
            let known = RULES.iter().map(|rule| rule.id).chain(["gate::unknown_type"]).collect();
            assert_eq!(tested, known);
        }
    };
}

rows! {
    a_launch_template: "gate::launch_template", "aws_launch_template", create ALLOWED, changes ["tags", "tags_all"], never Some("user_data"), destroy REFUSED;
    a_launch_template_that_gets_a_new_version: "gate::launch_template", "aws_launch_template", create ALLOWED, changes [], never Some("latest_version"), destroy REFUSED;
    a_volume: "gate::volume", "aws_ebs_volume", create ALLOWED, changes ["tags", "size", "type", "iops", "throughput"], never Some("encrypted"), destroy REFUSED;
    a_snapshot: "gate::snapshot", "aws_ebs_snapshot", create ALLOWED, changes ["tags"], never Some("storage_tier"), destroy REFUSED;
    an_interface: "gate::interface", "aws_network_interface", create ALLOWED, changes ["tags", "security_groups"], never Some("private_ips"), destroy REFUSED;
    an_attachment: "gate::attachment", "aws_volume_attachment", create REFUSED, changes [], never Some("force_detach"), destroy REFUSED;
    a_name: "gate::name", "aws_route53_record", create ALLOWED, changes ["ttl"], never Some("records"), destroy REFUSED;
    a_fleet: "gate::fleet", "aws_ec2_fleet", create REFUSED, changes ["tags"], never Some("target_capacity_specification"), destroy REFUSED;
    a_machine: "gate::machine", "aws_instance", create ALLOWED, changes ["tags"], never Some("user_data"), destroy REFUSED;
    a_group: "gate::group", "aws_autoscaling_group", create ALLOWED, changes ["tag"], never Some("launch_template"), destroy REFUSED;
    a_group_that_is_resized: "gate::group", "aws_autoscaling_group", create ALLOWED, changes [], never Some("desired_capacity"), destroy REFUSED;
    a_part_of_a_group: "gate::group_part", "aws_autoscaling_lifecycle_hook", create REFUSED, changes [], never Some("heartbeat_timeout"), destroy REFUSED;
    a_balancer: "gate::balancer", "aws_lb", create ALLOWED, changes ["idle_timeout"], never Some("subnets"), destroy REFUSED;
    a_target_group: "gate::target_group", "aws_lb_target_group", create ALLOWED, changes ["deregistration_delay"], never Some("port"), destroy REFUSED;
    a_bucket: "gate::bucket", "aws_s3_bucket", create ALLOWED, changes ["tags"], never Some("force_destroy"), destroy REFUSED;
    the_versioning_of_a_bucket: "gate::bucket", "aws_s3_bucket_versioning", create REFUSED, changes [], never Some("versioning_configuration"), destroy REFUSED;
    the_guard_of_a_bucket: "gate::bucket_guard", "aws_s3_bucket_policy", create REFUSED, changes ["policy"], never None, destroy REFUSED;
    an_object: "gate::object", "aws_s3_object", create REFUSED, changes [], never Some("source_hash"), destroy REFUSED;
    a_key: "gate::key", "aws_kms_key", create ALLOWED, changes ["description"], never Some("is_enabled"), destroy REFUSED;
    a_secret: "gate::secret", "aws_ssm_parameter", create ALLOWED, changes ["tags"], never Some("value"), destroy REFUSED;
    a_data_store: "gate::data_store", "aws_dynamodb_table", create ALLOWED, changes ["tags"], never Some("ttl"), destroy REFUSED;
    an_identity: "gate::identity", "aws_iam_role", create ALLOWED, changes ["assume_role_policy"], never None, destroy REFUSED;
    a_permission: "gate::permission", "aws_iam_role_policy", create ALLOWED, changes ["policy"], never None, destroy ALLOWED;
    a_network: "gate::network", "aws_subnet", create ALLOWED, changes ["tags"], never None, destroy REFUSED;
    a_gateway: "gate::gateway", "aws_internet_gateway", create ALLOWED, changes ["tags"], never Some("vpc_id"), destroy REFUSED;
    an_access_list: "gate::access_list", "aws_network_acl", create ALLOWED, changes ["ingress", "egress", "tags"], never Some("subnet_ids"), destroy REFUSED;
    a_firewall: "gate::firewall", "aws_security_group", create ALLOWED, changes ["ingress"], never None, destroy REFUSED;
    a_path: "gate::path", "aws_security_group_rule", create ALLOWED, changes ["description"], never None, destroy ALLOWED;
    a_watch: "gate::watch", "aws_cloudwatch_metric_alarm", create ALLOWED, changes ["threshold"], never None, destroy ALLOWED;
    an_act_in_disguise: "gate::operates", "aws_ec2_instance_state", create REFUSED, changes [], never Some("state"), destroy REFUSED;
    a_value: "gate::value", "terraform_data", create ALLOWED, changes ["input"], never None, destroy REFUSED;
    a_type_that_nobody_knows: "gate::unknown_type", "aws_quantum_ledger", create REFUSED, changes ["tags"], never Some("a"), destroy REFUSED;
    a_schedule_of_a_group: "gate::unknown_type", "aws_autoscaling_schedule", create REFUSED, changes [], never Some("desired_capacity"), destroy REFUSED;
    an_api_in_disguise: "gate::unknown_type", "aws_cloudcontrolapi_resource", create REFUSED, changes [], never Some("desired_state"), destroy REFUSED;
}

#[test]
fn in_an_upgrade_nothing_of_any_known_type_is_ever_made_changed_or_destroyed() {
    for kind in RULES.iter().flat_map(|rule| rule.types) {
        for actions in [
            &["create"][..],
            &["update"],
            &["delete"],
            &["delete", "create"],
            &["create", "delete"],
            &["forget"],
        ] {
            let plan = plans::upgrade_and(plans::change(kind, actions, "tags"));
            assert_eq!(
                judged(&plan, &upgrade()).verdict,
                Verdict::Refused,
                "{kind} {actions:?}"
            );
        }
    }
}

/// A mutation of a plan that is allowed, and the terms under which it was.
type Spoil = fn(&mut Value);

macro_rules! general {
    ($($name:ident: $id:literal, $spoil:expr;)+) => {
        $(#[test]
        fn $name() {
            let mut plan = plans::upgrade();
            assert_eq!(rules(&judged(&plan, &upgrade())), [].into(), "before");
            let spoil: Spoil = $spoil;
            spoil(&mut plan);
            assert_eq!(rules(&judged(&plan, &upgrade())), [$id].into());
        })+

        #[test]
        fn every_general_row_has_its_test() {
            let tested: BTreeSet<&str> = [$($id),+, "gate::undeclared_replace", "digest::no_key", "digest::sources"].into();
            assert_eq!(tested, GENERAL.iter().map(|rule| rule.id).collect());
        }
    };
}

fn first(plan: &mut Value) -> &mut Value {
    &mut plan["resource_changes"][0]
}

fn without(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap();
}

/// The plan does not change it, and it is this.
fn both(plan: &mut Value, name: &str, value: &Value) {
    for side in ["before", "after"] {
        first(plan)["change"][side][name] = value.clone();
    }
}

fn hide(plan: &mut Value, name: &str, mask: &Value) {
    first(plan)["change"]["after_sensitive"][name] = mask.clone();
}

fn unknown(plan: &mut Value, name: &str, mask: &Value) {
    first(plan)["change"]["after_unknown"][name] = mask.clone();
}

fn interfaces(of: &[(&str, &[&str])]) -> Value {
    let one = |(n, (subnet, groups)): (usize, &(&str, &[&str]))| json!({"device_index": n, "subnet_id": subnet, "security_groups": groups});
    of.iter().enumerate().map(one).collect()
}

/// What is judged although the plan does not change it may stand in any of the ways that mean the same.
#[test]
fn a_template_may_say_the_rendered_place_in_any_way_that_means_the_same() {
    let ways: [(&str, Value); 5] = [
        ("iam_instance_profile", json!([{"name": "dev-etcd"}])),
        (
            "iam_instance_profile",
            json!([{"name": null, "arn": "arn:aws:iam::123456789012:instance-profile/x/dev-etcd"}]),
        ),
        (
            "network_interfaces",
            interfaces(&[("subnet-1", &["sg-2", "sg-1"])]),
        ),
        ("vpc_security_group_ids", json!([])),
        ("vpc_security_group_ids", json!(["sg-2", "sg-1"])),
    ];
    for (name, value) in ways {
        let mut plan = plans::upgrade();
        both(&mut plan, name, &value);
        assert_eq!(rules(&judged(&plan, &upgrade())), [].into(), "{name} {value}");
    }
}

/// Where an interface is not known as a whole, its other parts are not either.
#[test]
fn a_place_that_is_known_only_after_the_apply_is_refused() {
    for mask in [
        json!(true),
        json!([{"subnet_id": true}]),
        json!([{"security_groups": true}]),
    ] {
        let mut plan = plans::upgrade();
        unknown(&mut plan, "network_interfaces", &mask);
        let found = rules(&judged(&plan, &upgrade()));
        assert_eq!(found, ["gate::content", "gate::attribute"].into(), "{mask}");
    }
}

general! {
    another_format: "plan::format", |plan| plan["format_version"] = "2.0".into();
    no_format: "plan::format", |plan| without(plan, "format_version");
    no_version_of_the_program: "plan::format", |plan| without(plan, "terraform_version");
    a_missing_errored: "plan::flags", |plan| without(plan, "errored");
    a_missing_complete: "plan::flags", |plan| without(plan, "complete");
    a_missing_applyable: "plan::flags", |plan| without(plan, "applyable");
    a_plan_that_failed: "plan::errored", |plan| plan["errored"] = true.into();
    a_plan_of_a_part: "plan::incomplete", |plan| plan["complete"] = false.into();
    a_change_that_is_put_off: "plan::deferred", |plan| plan["deferred_changes"] = json!([{"reason": "unknown"}]);
    an_action_that_is_put_off: "plan::deferred", |plan| plan["deferred_action_invocations"] = json!([{}]);
    an_action_beside_the_changes: "plan::deferred", |plan| plan["action_invocations"] = json!([{"address": "action.aws_lambda_invoke.x"}]);
    a_number_that_is_not_known: "plan::deferred", |plan| first(plan)["index_unknown"] = true.into();
    changes_that_cannot_be_applied: "plan::not_applyable", |plan| plan["applyable"] = false.into();
    a_part_of_the_plan_that_is_new: "plan::unknown_field", |plan| plan["side_effects"] = json!([1]);
    a_field_of_a_change_that_is_new: "plan::unknown_field", |plan| first(plan)["change"]["also"] = true.into();
    a_field_of_an_entry_that_is_new: "plan::unknown_field", |plan| first(plan)["action_triggers"] = json!([]);
    a_field_of_an_output_that_is_new: "plan::unknown_field", |plan| plan["output_changes"]["launch_templates"]["also"] = true.into();
    an_unknown_action: "plan::unknown_action", |plan| plan["resource_changes"][3]["change"]["actions"] = json!(["update", "reboot"]);
    an_unknown_action_of_an_output: "plan::unknown_action", |plan| plan["output_changes"]["launch_templates"]["actions"] = json!(["ponder"]);
    no_action_at_all: "plan::unknown_action", |plan| plan["resource_changes"][3]["change"]["actions"] = json!([]);
    an_address_of_another_type: "plan::unreadable_change", |plan| first(plan)["address"] = "module.etcd.aws_ebs_volume.this[\"etcd-a\"]".into();
    a_template_that_differs_although_nothing_happens_to_it: "plan::unreadable_change", |plan| first(plan)["change"]["actions"] = json!(["no-op"]);
    an_object_that_stands_twice: "plan::duplicate", |plan| {
        let twice = plan["resource_changes"][3].clone();
        plan["resource_changes"].as_array_mut().unwrap().push(twice);
    };
    two_resources_for_one_template: "plan::duplicate", |plan| {
        let mut twice = first(plan).clone();
        twice["address"] = "module.etcd.aws_launch_template.this[\"etcd-z\"]".into();
        plan["resource_changes"].as_array_mut().unwrap().push(twice);
    };
    a_check_that_fails: "plan::check", |plan| plan["checks"] = json!([{"address": {"to_display": "check.x"}, "status": "fail"}]);
    a_check_that_could_not_be_asked: "plan::check", |plan| plan["checks"] = json!([{"address": {"to_display": "check.x"}, "status": "error"}]);
    a_check_with_an_unknown_word: "plan::check", |plan| plan["checks"] = json!([{"address": {"to_display": "check.x"}, "status": "maybe"}]);
    a_provider_of_somebody_else: "gate::provider", |plan| plan["configuration"]["provider_config"]["x"] = json!({"full_name": "registry.terraform.io/evil/aws"});
    a_template_by_another_provider: "gate::provider", |plan| first(plan)["provider_name"] = "registry.terraform.io/evil/aws".into();
    a_template_by_the_wrong_allowed_provider: "gate::provider", |plan| first(plan)["provider_name"] = "terraform.io/builtin/terraform".into();
    a_profile_that_may_name_a_program: "gate::provider_setting", |plan| {
        plan["configuration"]["provider_config"]["aws"]["expressions"] = json!({"region": {"constant_value": "eu-west-1"}, "profile": {"constant_value": "x"}});
    };
    a_file_that_may_name_a_program: "gate::provider_setting", |plan| {
        plan["configuration"]["provider_config"]["aws.other"] = json!({"full_name": plans::AWS, "expressions": {"shared_config_files": {"constant_value": ["./config"]}}});
    };
    tags_that_no_plan_shows: "gate::provider_setting", |plan| {
        plan["configuration"]["provider_config"]["aws"]["expressions"] = json!({"ignore_tags": [{"key_prefixes": {"constant_value": ["rehull:"]}}]});
    };
    a_setting_of_a_provider_that_has_none: "gate::provider_setting", |plan| {
        plan["configuration"]["provider_config"]["terraform"] = json!({"full_name": "terraform.io/builtin/terraform", "expressions": {"region": {"constant_value": "x"}}});
    };
    settings_of_another_shape: "plan::unreadable_change", |plan| plan["configuration"]["provider_config"]["aws"]["expressions"] = json!(["profile"]);
    a_provisioner: "gate::code", |plan| {
        let resources = &mut plan["configuration"]["root_module"]["module_calls"]["etcd"]["module"]["resources"];
        *resources = json!([{"address": "terraform_data.x", "type": "terraform_data", "provisioners": [{"type": "local-exec"}]}]);
    };
    a_data_source_that_runs_a_program: "gate::data_source", |plan| {
        plan["configuration"]["root_module"]["resources"] = json!([{"address": "data.external.x", "mode": "data", "type": "external"}]);
    };
    a_data_source_that_asks_the_network: "gate::data_source", |plan| {
        plan["configuration"]["root_module"]["resources"] = json!([{"address": "data.http.x", "mode": "data", "type": "http"}]);
    };
    a_data_source_that_calls_a_function: "gate::data_source", |plan| {
        plan["configuration"]["root_module"]["resources"] = json!([{"address": "data.aws_lambda_invocation.x", "mode": "data", "type": "aws_lambda_invocation"}]);
    };
    a_state_that_is_asked_of_somebody: "gate::data_source", |plan| {
        plan["configuration"]["root_module"]["resources"] = json!([{"address": "data.terraform_remote_state.x", "mode": "data", "type": "terraform_remote_state", "expressions": {"backend": {"constant_value": "http"}}}]);
    };
    no_configuration: "gate::no_configuration", |plan| without(plan, "configuration");
    an_empty_configuration: "gate::no_configuration", |plan| plan["configuration"] = json!({});
    a_move: "gate::move", |plan| plan["resource_changes"][3]["previous_address"] = "aws_autoscaling_group.old".into();
    an_import: "gate::import", |plan| plan["resource_changes"][3]["change"]["importing"] = json!({"id": "x"});
    a_forgotten_object: "gate::forget", |plan| {
        plan["resource_changes"][4]["change"]["actions"] = json!(["forget"]);
    };
    a_deposed_object: "gate::deposed", |plan| {
        let mut deposed = plan["resource_changes"][4].clone();
        deposed["deposed"] = "00000000".into();
        deposed["change"]["actions"] = json!(["delete"]);
        plan["resource_changes"].as_array_mut().unwrap().push(deposed);
    };
    a_data_source_that_is_read_during_the_apply: "gate::read", |plan| {
        let mut read = plans::change("aws_ami", &["read"], "id");
        read["mode"] = "data".into();
        read["address"] = "data.aws_ami.x".into();
        plan["resource_changes"].as_array_mut().unwrap().push(read);
    };
    an_output_with_another_id: "gate::output", |plan| plan["output_changes"]["launch_templates"]["after"]["etcd-a"]["id"] = "lt-evil".into();
    an_output_that_loses_a_slot: "gate::output", |plan| without(&mut plan["output_changes"]["launch_templates"]["after"], "etcd-a");
    a_file_whose_token_is_sent_anywhere: "gate::provider_setting", |plan| plan["configuration"]["provider_config"]["aws"]["expressions"] = json!({"assume_role_with_web_identity": [{"web_identity_token_file": {"constant_value": "/x"}}]});
    a_new_output: "gate::output", |plan| plan["output_changes"]["launch_templates"]["actions"] = json!(["create"]);
    a_template_of_nobody: "gate::role", |plan| {
        let mut other = plans::template("etcd-z");
        other["address"] = "aws_launch_template.this".into();
        plan["resource_changes"].as_array_mut().unwrap().push(other);
    };
    a_slot_that_is_not_in_the_plan: "gate::missing", |plan| {
        plan["resource_changes"].as_array_mut().unwrap().remove(0);
    };
    user_data_of_somebody_else: "gate::content", |plan| first(plan)["change"]["after"]["user_data"] = "I2Nsb3VkLWNvbmZpZwo=".into();
    user_data_that_is_not_known: "gate::content", |plan| {
        without(&mut first(plan)["change"]["after"], "user_data");
        first(plan)["change"]["after_unknown"]["user_data"] = true.into();
    };
    a_template_that_stays_as_it_is: "gate::content", |plan| {
        let before = first(plan)["change"]["before"].clone();
        first(plan)["change"]["after"] = before;
        first(plan)["change"]["after_unknown"] = json!({});
        first(plan)["change"]["actions"] = json!(["no-op"]);
    };
    a_description_that_rehull_would_not_find: "gate::content", |plan| first(plan)["change"]["after"]["description"] = "by hand".into();
    another_image: "gate::content", |plan| first(plan)["change"]["after"]["image_id"] = "ami-evil".into();
    another_type_of_instance: "gate::content", |plan| first(plan)["change"]["after"]["instance_type"] = "t3.nano".into();
    another_profile: "gate::content", |plan| first(plan)["change"]["after"]["iam_instance_profile"] = json!([{"arn": "", "name": "admin"}]);
    a_profile_that_somebody_else_has_given_it_once: "gate::content", |plan| both(plan, "iam_instance_profile", &json!([{"arn": "", "name": "admin"}]));
    no_profile_at_all: "gate::content", |plan| both(plan, "iam_instance_profile", &json!([]));
    a_profile_that_is_not_known: "gate::content", |plan| unknown(plan, "iam_instance_profile", &json!([{"name": true}]));
    a_profile_that_is_hidden: "gate::content", |plan| hide(plan, "iam_instance_profile", &json!([{"name": true}]));
    a_subnet_that_somebody_else_has_given_it_once: "gate::content", |plan| both(plan, "network_interfaces", &interfaces(&[("subnet-2", &["sg-1", "sg-2"])]));
    an_interface_that_does_not_say_where_it_is: "gate::content", |plan| both(plan, "network_interfaces", &json!([{"device_index": 0, "security_groups": ["sg-1", "sg-2"]}]));
    no_interface_at_all: "gate::content", |plan| {
        both(plan, "network_interfaces", &json!([]));
        both(plan, "vpc_security_group_ids", &json!(["sg-1", "sg-2"]));
    };
    a_second_interface_in_another_subnet: "gate::content", |plan| both(plan, "network_interfaces", &interfaces(&[("subnet-1", &["sg-1", "sg-2"]), ("subnet-2", &["sg-1", "sg-2"])]));
    a_subnet_that_is_hidden: "gate::content", |plan| hide(plan, "network_interfaces", &json!([{"subnet_id": true, "security_groups": [false, false]}]));
    security_groups_that_somebody_else_has_given_it_once: "gate::content", |plan| both(plan, "network_interfaces", &interfaces(&[("subnet-1", &["sg-1", "sg-evil"])]));
    a_security_group_too_many: "gate::content", |plan| both(plan, "network_interfaces", &interfaces(&[("subnet-1", &["sg-1", "sg-2", "sg-3"])]));
    no_security_groups_at_all: "gate::content", |plan| both(plan, "network_interfaces", &interfaces(&[("subnet-1", &[])]));
    security_groups_of_the_template_beside_those_of_its_interface: "gate::content", |plan| both(plan, "vpc_security_group_ids", &json!(["sg-1"]));
    security_groups_of_the_template_that_are_not_known: "gate::content", |plan| unknown(plan, "vpc_security_group_ids", &json!(true));
    security_groups_that_are_hidden: "gate::content", |plan| hide(plan, "network_interfaces", &json!([{"security_groups": [true, false]}]));
    a_template_of_which_nobody_says_what_is_hidden: "gate::content", |plan| without(&mut first(plan)["change"], "after_sensitive");
    a_root_disk_that_is_not_encrypted: "gate::attribute", |plan| first(plan)["change"]["after"]["block_device_mappings"][0]["ebs"][0]["encrypted"] = "false".into();
    metadata_over_more_hops: "gate::attribute", |plan| first(plan)["change"]["after"]["metadata_options"][0]["http_put_response_hop_limit"] = 2.into();
    metadata_without_a_token: "gate::kept", |plan| both(plan, "metadata_options", &json!([{"http_tokens": "optional", "instance_metadata_tags": "enabled"}]));
    a_key_pair: "gate::attribute", |plan| first(plan)["change"]["after"]["key_name"] = "mine".into();
    another_subnet: "gate::content", |plan| first(plan)["change"]["after"]["network_interfaces"][0]["subnet_id"] = "subnet-2".into();
    a_public_address: "gate::attribute", |plan| first(plan)["change"]["after"]["network_interfaces"][0]["associate_public_ip_address"] = "true".into();
    another_security_group: "gate::content", |plan| first(plan)["change"]["after"]["vpc_security_group_ids"] = json!(["sg-evil"]);
    a_tag_of_ones_own: "gate::attribute", |plan| first(plan)["change"]["after"]["tag_specifications"][0]["tags"]["kubernetes.io/cluster/prod"] = "owned".into();
    another_name_of_the_machine: "gate::attribute", |plan| first(plan)["change"]["after"]["tag_specifications"][0]["tags"]["Name"] = "3.6.14".into();
    a_digest_that_is_not_the_content: "gate::attribute", |plan| first(plan)["change"]["after"]["tags"]["rehull:digest"] = "3.6.14".into();
    a_tag_that_only_aws_may_set: "gate::attribute", |plan| first(plan)["change"]["after"]["tag_specifications"][0]["tags"]["aws:etcd"] = "3.6.14".into();
    another_cluster_in_a_tag: "gate::attribute", |plan| first(plan)["change"]["after"]["tags_all"]["rehull:cluster"] = content("2").into();
    a_tag_that_goes_away: "gate::attribute", |plan| without(&mut first(plan)["change"]["after"]["tags"], "rehull:cluster");
}
