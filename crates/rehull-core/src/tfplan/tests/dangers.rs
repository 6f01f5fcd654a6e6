//! Plans that have hurt people, in the shape in which Terraform writes them. Each names where it was told.

mod verbs;

use serde_json::{Value, json};

use super::plans;
use super::*;

/// What it is, the plan, the rules that refuse it as an upgrade, and those that refuse it as infrastructure.
type Danger = (
    &'static str,
    fn() -> Value,
    &'static [&'static str],
    &'static [&'static str],
);

fn beside(changes: Vec<Value>) -> Value {
    let mut plan = plans::upgrade();
    plan["resource_changes"].as_array_mut().unwrap().extend(changes);
    plan
}

/// Only these: as infrastructure they would be alone. Their arguments are declared.
fn only(changes: &[Value]) -> Value {
    let declared = changes.iter().map(|change| {
        json!({"address": change["address"], "mode": "managed", "type": change["type"], "expressions": {"a": {}, "ports": {}}})
    });
    let declared: Vec<Value> = declared.collect();
    let mut plan = plans::plan(changes, &json!({}));
    plan["configuration"]["root_module"]["resources"] = declared.into();
    plan
}

fn named(name: &str, mut change: Value) -> Value {
    change["address"] = format!("{}.{name}", change["type"].as_str().unwrap()).into();
    change["name"] = name.into();
    change
}

fn update(kind: &str, attribute: &str, from: Value, to: Value) -> Value {
    let mut change = plans::change(kind, &["update"], attribute);
    change["change"]["before"][attribute] = from;
    change["change"]["after"][attribute] = to;
    change
}

const REPLACE: &[&str] = &["delete", "create"];
const REPLACE_FIRST: &[&str] = &["create", "delete"];
const MISSING: &str = "gate::missing";

/// The threads in which they were told are named; the plans are built.
const DANGERS: &[Danger] = &[
    (
        "all members replaced in one apply, because user data is shared (coreos/tectonic-installer#1035, poseidon/typhoon#35)",
        || {
            let member = |n: u32| {
                let change = plans::change("aws_instance", REPLACE, "user_data");
                named(&format!("etcd{n}"), change)
            };
            only(&[member(0), member(1), member(2)])
        },
        &["gate::machine", MISSING],
        &["gate::machine"],
    ),
    (
        "a volume replaced because the provider reads another iops back (coreos/tectonic-installer#1035)",
        || only(&[plans::change("aws_ebs_volume", REPLACE, "iops")]),
        &["gate::volume", MISSING],
        &["gate::volume"],
    ),
    (
        "a volume made smaller: replaced",
        || beside(vec![plans::change("aws_ebs_volume", REPLACE, "size")]),
        &["gate::volume"],
        &["gate::launch_template", "gate::volume"],
    ),
    (
        "an interface whose address changes: replaced",
        || {
            beside(vec![plans::change(
                "aws_network_interface",
                REPLACE,
                "private_ips",
            )])
        },
        &["gate::interface"],
        &["gate::interface", "gate::launch_template"],
    ),
    (
        "a disk pulled from a running member",
        || only(&[plans::change("aws_volume_attachment", &["delete"], "a")]),
        &["gate::attachment", MISSING],
        &["gate::attachment"],
    ),
    (
        "the group rolled by Terraform beside rehull (hashicorp/terraform-provider-aws#42355)",
        || {
            beside(vec![update(
                "aws_autoscaling_group",
                "launch_template",
                json!([{"version": "7"}]),
                json!([{"version": "8"}]),
            )])
        },
        &["gate::group"],
        &["gate::group", "gate::launch_template"],
    ),
    (
        "`$Latest` in a group: the next scale-out boots what nobody gated (hashicorp/terraform-provider-aws#22464)",
        || {
            only(&[update(
                "aws_autoscaling_group",
                "launch_template",
                json!([{"version": "7"}]),
                json!([{"version": "$Latest"}]),
            )])
        },
        &["gate::group", MISSING],
        &["gate::group"],
    ),
    (
        "live machines scaled in, because desired_capacity stands in the configuration",
        || {
            only(&[update(
                "aws_autoscaling_group",
                "desired_capacity",
                json!(12),
                json!(3),
            )])
        },
        &["gate::group", MISSING],
        &["gate::group"],
    ),
    (
        "an instance refresh switched on (hashicorp/terraform-provider-aws#34189)",
        || {
            only(&[update(
                "aws_autoscaling_group",
                "instance_refresh",
                json!([]),
                json!([{"strategy": "Rolling"}]),
            )])
        },
        &["gate::group", MISSING],
        &["gate::group"],
    ),
    (
        "a group renamed: all machines go (create_before_destroy)",
        || only(&[plans::change("aws_autoscaling_group", REPLACE_FIRST, "name")]),
        &["gate::group", MISSING],
        &["gate::group"],
    ),
    (
        "the launch template replaced instead of updated: its number starts at 1 again",
        || {
            let mut plan = plans::upgrade();
            plan["resource_changes"][0]["change"]["actions"] = json!(REPLACE);
            plan["resource_changes"][0]["change"]["replace_paths"] = json!([["name"]]);
            plan
        },
        &["gate::launch_template", MISSING],
        &["gate::launch_template"],
    ),
    (
        "an update that names reasons of a replacement",
        || {
            let mut plan = plans::upgrade();
            plan["resource_changes"][0]["change"]["replace_paths"] = json!([["name"]]);
            plan
        },
        &["plan::unreadable_change", MISSING],
        &["gate::launch_template"],
    ),
    (
        "an artefact overwritten under a fixed key: older versions boot no more (getamis/vishwakarma)",
        || beside(vec![plans::change("aws_s3_object", &["update"], "source_hash")]),
        &["gate::object"],
        &["gate::launch_template", "gate::object"],
    ),
    (
        "the artefacts of the former pin deleted with the pin",
        || only(&[plans::change("aws_s3_object", &["delete"], "a")]),
        &["gate::object", MISSING],
        &["gate::object"],
    ),
    (
        "the bucket with journal and snapshots destroyed",
        || only(&[plans::change("aws_s3_bucket", &["delete"], "a")]),
        &["gate::bucket", MISSING],
        &["gate::bucket"],
    ),
    (
        "versioning suspended, so that an overwritten journal is gone",
        || {
            only(&[update(
                "aws_s3_bucket_versioning",
                "versioning_configuration",
                json!([{"status": "Enabled"}]),
                json!([{"status": "Suspended"}]),
            )])
        },
        &["gate::bucket", MISSING],
        &["gate::bucket"],
    ),
    (
        "the key of all volumes scheduled for deletion",
        || only(&[plans::change("aws_kms_key", &["delete"], "a")]),
        &["gate::key", MISSING],
        &["gate::key"],
    ),
    (
        "a target group with another port: replaced, and every apiserver is out",
        || only(&[plans::change("aws_lb_target_group", REPLACE, "port")]),
        &["gate::target_group", MISSING],
        &["gate::target_group"],
    ),
    (
        "a listener turned to another group at once",
        || {
            only(&[update(
                "aws_lb_listener",
                "default_action",
                json!([{"target_group_arn": "a"}]),
                json!([{"target_group_arn": "b"}]),
            )])
        },
        &["gate::balancer", MISSING],
        &["gate::balancer"],
    ),
    (
        "a machine stopped to change its type",
        || {
            only(&[update(
                "aws_instance",
                "instance_type",
                json!("m6i.large"),
                json!("m6i.xlarge"),
            )])
        },
        &["gate::machine", MISSING],
        &["gate::machine"],
    ),
    (
        "a machine stopped by a resource that says so",
        || only(&[plans::change("aws_ec2_instance_state", &["create"], "state")]),
        &["gate::operates", MISSING],
        &["gate::operates"],
    ),
    (
        "the base branch moved: a plan that takes back what others made (runatlantis/atlantis#804)",
        || {
            beside(vec![
                plans::change("aws_subnet", &["delete"], "a"),
                plans::change("aws_iam_role", &["delete"], "a"),
            ])
        },
        &["gate::identity", "gate::network"],
        &["gate::identity", "gate::launch_template", "gate::network"],
    ),
    (
        "everything destroyed (`TF_CLI_ARGS_plan=-destroy` in the environment)",
        || {
            let mut plan = plans::upgrade();
            for change in plan["resource_changes"].as_array_mut().unwrap() {
                change["change"]["actions"] = json!(["delete"]);
            }
            plan
        },
        &["gate::group", "gate::launch_template", MISSING, "gate::volume"],
        &["gate::group", "gate::launch_template", "gate::volume"],
    ),
    (
        "a volume that moves from one slot to another",
        || {
            let mut volume = plans::at_rest("aws_ebs_volume", "b", &json!({"id": "vol-1"}));
            volume["previous_address"] = "aws_ebs_volume.a".into();
            beside(vec![volume])
        },
        &["gate::move"],
        &["gate::launch_template"],
    ),
    (
        "an interface imported into a slot while it is rolled",
        || {
            let mut interface = plans::at_rest("aws_network_interface", "b", &json!({"id": "eni-1"}));
            interface["change"]["importing"] = json!({"id": "eni-1"});
            beside(vec![interface])
        },
        &["gate::import"],
        &["gate::launch_template"],
    ),
    (
        "a rule that the provider normalises: nobody asked for its replacement",
        || {
            let mut plan = only(&[plans::change("aws_security_group_rule", REPLACE, "ports")]);
            plan["configuration"]["root_module"]["resources"][0]["expressions"] = json!({"type": {}});
            plan
        },
        &["gate::path", MISSING],
        &["gate::undeclared_replace"],
    ),
    (
        "a tainted rule: no argument asked for it either",
        || {
            let mut plan = only(&[plans::change("aws_route", REPLACE, "ports")]);
            plan["resource_changes"][0]["change"]
                .as_object_mut()
                .unwrap()
                .remove("replace_paths");
            plan
        },
        &["gate::path", MISSING],
        &["gate::undeclared_replace"],
    ),
    (
        "a rule replaced because its argument changed: that is what infrastructure is for",
        || only(&[plans::change("aws_security_group_rule", REPLACE, "ports")]),
        &["gate::path", MISSING],
        &[],
    ),
    (
        "a name of a member that points elsewhere",
        || {
            only(&[update(
                "aws_route53_record",
                "records",
                json!(["10.0.0.1"]),
                json!(["10.0.9.9"]),
            )])
        },
        &["gate::name", MISSING],
        &["gate::name"],
    ),
    (
        "a hook that no longer waits for the drain",
        || only(&[plans::change("aws_autoscaling_lifecycle_hook", &["delete"], "a")]),
        &["gate::group_part", MISSING],
        &["gate::group_part"],
    ),
    (
        "a replacement that leaves the old one running, unknown to everybody",
        || only(&[plans::change("aws_route", &["create", "forget"], "ports")]),
        &["gate::path", MISSING],
        &["gate::path"],
    ),
];

#[test]
fn what_has_hurt_people_is_refused() {
    for (what, plan, upgrade_rules, infrastructure_rules) in DANGERS.iter().chain(verbs::DANGERS) {
        let as_upgrade = judged(&plan(), &upgrade());
        assert_eq!(
            rules(&as_upgrade),
            upgrade_rules.iter().copied().collect(),
            "as an upgrade: {what}"
        );
        let as_infrastructure = judged(&plan(), &infrastructure());
        let expected = infrastructure_rules.iter().copied().collect();
        assert_eq!(rules(&as_infrastructure), expected, "as infrastructure: {what}");
    }
}
