//! What is judged by what it says, and does not say it before the apply.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::names::{configured, found, found_by, made};
use super::*;

macro_rules! plans {
    ($($name:literal beside $dynamic:expr => $rules:expr;)+) => {
        /// Plans of the AWS provider 5.100.0 (two of them changed by hand to what another release says): name, text, names of
        /// `dynamic` blocks in the sources, rules that refuse it.
        const PLANS: &[(&str, &str, &[&str], &[&str])] =
            &[$(($name, include_str!(concat!("../fixtures/aws/", $name, ".json")), &$dynamic, &$rules)),+];
    };
}

plans! {
    "address-beside-dynamic-blocks" beside ["network_interface"] => [];
    "alarm-beside-a-new-topic" beside [] => ["gate::watch"];
    "default-tags-not-known" beside [] => ["gate::machine"];
    "group-of-release-4" beside [] => ["gate::group"];
    "machine-by-a-dynamic-template" beside ["launch_template"] => ["gate::machine"];
    "policy-with-scripts" beside [] => ["gate::data_store"];
}

#[test]
fn every_plan_of_the_real_provider_has_its_verdict_as_infrastructure() {
    for (name, text, dynamic, expected) in PLANS {
        let mut terms = infrastructure();
        terms.dynamic = dynamic.iter().map(|name| (*name).to_owned()).collect();
        let decision = decide(text.as_bytes(), &terms, &keyed()).unwrap();
        assert_eq!(rules(&decision), expected.iter().copied().collect(), "{name}");
    }
}

/// Type and argument, what of it is not known, the rule. Each is refused where it is made, or where it changes.
type Row = (&'static str, &'static str, fn() -> Value, &'static str);

const MADE: &[Row] = &[
    ("aws_instance", "launch_template", || json!(true), "gate::machine"),
    (
        "aws_instance",
        "launch_template",
        || json!([{"name": true}]),
        "gate::machine",
    ),
    ("aws_instance", "tags", || json!(true), "gate::machine"),
    (
        "aws_instance",
        "tags",
        || json!({"rehull:slot": true}),
        "gate::machine",
    ),
    ("aws_instance", "volume_tags", || json!(true), "gate::machine"),
    (
        "aws_instance",
        "ebs_block_device",
        || json!([{"tags": true}]),
        "gate::machine",
    ),
    (
        "aws_instance",
        "root_block_device",
        || json!([{"tags": {"rehull:slot": true}}]),
        "gate::machine",
    ),
    ("aws_autoscaling_group", "tag", || json!(true), "gate::group"),
    (
        "aws_autoscaling_group",
        "tag",
        || json!([{"key": true}]),
        "gate::group",
    ),
    ("aws_autoscaling_group", "tags", || json!(true), "gate::group"),
    (
        "aws_autoscaling_group",
        "tags",
        || json!([{}, true]),
        "gate::group",
    ),
    (
        "aws_launch_template",
        "tag_specifications",
        || json!(true),
        "gate::launch_template",
    ),
    (
        "aws_launch_template",
        "tag_specifications",
        || json!([{"tags": true}]),
        "gate::launch_template",
    ),
    (
        "aws_dlm_lifecycle_policy",
        "policy_details",
        || json!(true),
        "gate::data_store",
    ),
    (
        "aws_dlm_lifecycle_policy",
        "policy_details",
        || json!([{"schedule": true}]),
        "gate::data_store",
    ),
    (
        "aws_dlm_lifecycle_policy",
        "policy_details",
        || json!([{"schedule": [{"create_rule": true}]}]),
        "gate::data_store",
    ),
    (
        "aws_dlm_lifecycle_policy",
        "policy_details",
        || json!([{"schedule": [{"create_rule": [{"scripts": true}]}]}]),
        "gate::data_store",
    ),
    (
        "aws_dlm_lifecycle_policy",
        "policy_details",
        || json!([{"policy_type": true}]),
        "gate::data_store",
    ),
    (
        "aws_dlm_lifecycle_policy",
        "policy_details",
        || json!([{"parameters": [{"no_reboot": true}]}]),
        "gate::data_store",
    ),
    (
        "aws_cloudwatch_metric_alarm",
        "alarm_actions",
        || json!(true),
        "gate::watch",
    ),
    (
        "aws_cloudwatch_metric_alarm",
        "ok_actions",
        || json!([false, true]),
        "gate::watch",
    ),
    (
        "aws_cloudwatch_metric_alarm",
        "insufficient_data_actions",
        || json!(true),
        "gate::watch",
    ),
];

const CHANGED: &[Row] = &[
    (
        "aws_cloudwatch_metric_alarm",
        "alarm_actions",
        || json!(true),
        "gate::watch",
    ),
    (
        "aws_autoscaling_group",
        "instance_refresh",
        || json!(true),
        "gate::group",
    ),
    ("aws_autoscaling_group", "tag", || json!(true), "gate::group"),
    ("aws_instance", "tags", || json!(true), "gate::machine"),
    ("aws_ebs_volume", "tags_all", || json!(true), "gate::volume"),
];

/// Its own reason and a remedy that helps: nothing of the cluster file, of `ignore_changes`, or of replacing machines.
#[test]
fn a_judged_argument_that_is_not_known_yet_is_refused_for_that_and_it_is_said_what_to_do() {
    let judge = |change: Value, name: &str, rule: &str| {
        let decision = judged(&plans::plan(&[change], &json!({})), &infrastructure());
        assert_eq!(rules(&decision), [rule].into(), "{name}");
        let finding = &decision.findings[0];
        assert!(
            finding
                .reason
                .contains(&format!("`{name}` is not known yet, and may ")),
            "{}",
            finding.reason
        );
        assert_eq!(
            finding.remedy,
            "make what it names first, in a plan of its own without this, or write values that are known before the apply"
        );
    };
    for (kind, argument, unknown, rule) in MADE {
        let change = made(&format!("{kind}.x"), &json!({}), &json!({*argument: unknown()}));
        judge(change, argument, rule);
    }
    for (kind, argument, unknown, rule) in CHANGED {
        let mut change = plans::change(kind, &["update"], argument);
        change["change"]["after"] = json!({"id": "id-1"});
        change["change"]["after_unknown"] = json!({*argument: unknown()});
        judge(change, argument, rule);
    }
    // Of a list of another kind a plan has the rest.
    let after = json!({"alarm_actions": ["arn:aws:sns:eu-central-1:1:a", null]});
    let alarm = made(
        "aws_cloudwatch_metric_alarm.x",
        &after,
        &json!({"alarm_actions": [false, true]}),
    );
    judge(alarm, "alarm_actions", "gate::watch");
}

#[test]
fn what_the_provider_fills_in_is_known_to_be_nothing_of_the_configurations() {
    let machine = || {
        made(
            "aws_instance.x",
            &json!({"tags": null}),
            &json!({"tags_all": true, "ebs_block_device": true, "root_block_device": true}),
        )
    };
    let judge = |resources: &[Value]| {
        let mut terms = infrastructure();
        // As `terraform-aws-modules/ec2-instance` has it.
        terms.dynamic.insert("root_block_device".to_owned());
        found_by(&terms, &[machine()], resources)
    };
    assert_eq!(judge(&[]), [].into());
    let set = configured("aws_instance.x", "root_block_device", &[]);
    assert_eq!(judge(&[set]), ["gate::machine"].into());
}

/// Of a provider that gives everything tags, a machine without known ones has none that are known.
#[test]
fn default_tags_that_are_not_known_yet_may_be_a_slots() {
    let judge = |defaults: &[&str], key: Option<&str>| {
        let machine = made(
            "aws_instance.x",
            &json!({"tags": null}),
            &json!({"tags_all": true}),
        );
        let mut resource = configured("aws_instance.x", "ami", &[]);
        if let Some(key) = key {
            resource["provider_config_key"] = key.into();
        }
        let mut plan = plans::plan(&[machine], &json!({}));
        plan["configuration"]["root_module"]["resources"] = json!([resource]);
        for name in ["aws", "aws.other"] {
            let mut provider = json!({"name": "aws", "full_name": plans::AWS, "expressions": {}});
            if defaults.contains(&name) {
                provider["expressions"]["default_tags"] = json!([{"tags": {"references": ["local.tags"]}}]);
            }
            plan["configuration"]["provider_config"][name] = provider;
        }
        rules(&judged(&plan, &infrastructure()))
    };
    let refused = BTreeSet::from(["gate::machine"]);
    assert_eq!(judge(&["aws"], Some("aws")), refused);
    assert_eq!(judge(&["aws.other"], Some("aws")), [].into(), "not its own");
    assert_eq!(judge(&["aws.other"], None), refused, "nobody tells whose it is");
    assert_eq!(judge(&[], None), [].into());
    let known = made(
        "aws_instance.x",
        &json!({"tags_all": {"team": "a"}}),
        &json!({"tags_all": {}}),
    );
    assert_eq!(found(&[known], &[]), [].into());
}

/// Nothing stands beside the references where the sources say so.
#[test]
fn an_alarm_of_nothing_but_new_topics_only_tells() {
    let judge = |plain: &[(&str, &str)], refers: &[&str]| {
        let mut terms = infrastructure();
        let plain = plain
            .iter()
            .map(|(resource, name)| ((*resource).to_owned(), (*name).to_owned()));
        terms.plain = plain.collect();
        let alarm = made(
            "aws_cloudwatch_metric_alarm.x",
            &json!({}),
            &json!({"alarm_actions": true}),
        );
        let resource = configured("aws_cloudwatch_metric_alarm.x", "alarm_actions", refers);
        found_by(&terms, &[alarm], &[resource])
    };
    let topic = ["aws_sns_topic.new.arn", "aws_sns_topic.new"];
    let refused = BTreeSet::from(["gate::watch"]);
    let own = [("aws_cloudwatch_metric_alarm.x", "alarm_actions")];
    assert_eq!(judge(&own, &topic), [].into());
    assert_eq!(judge(&[], &topic), refused);
    let other = ("aws_cloudwatch_metric_alarm.x", "ok_actions");
    assert_eq!(judge(&[other], &topic), refused);
    let anothers = ("module.a.aws_cloudwatch_metric_alarm.x", "alarm_actions");
    assert_eq!(judge(&[anothers], &topic), refused);
    assert_eq!(judge(&own, &[]), refused);
    for other in [
        "aws_ssm_document.x.arn",
        "terraform_data.x.output",
        "local.x",
        "aws_sns_topic_x.y.arn",
    ] {
        assert_eq!(judge(&own, &[topic[0], topic[1], other]), refused, "{other}");
    }
}

/// Replaced it is given new arguments as well.
#[test]
fn an_alarm_that_is_replaced_ends_no_machine_either() {
    for actions in [["delete", "create"], ["create", "delete"]] {
        for (after, unknown) in [
            (
                json!(["arn:aws:automate:eu-central-1:ec2:terminate"]),
                json!([false]),
            ),
            (Value::Null, json!(true)),
        ] {
            let mut plan = plans::alone("aws_cloudwatch_metric_alarm", &actions, "alarm_name");
            let change = &mut plan["resource_changes"][0]["change"];
            change["after"]["alarm_actions"] = after;
            change["after_unknown"]["alarm_actions"] = unknown;
            assert_eq!(rules(&judged(&plan, &infrastructure())), ["gate::watch"].into());
        }
        let renamed = plans::alone("aws_cloudwatch_metric_alarm", &actions, "alarm_name");
        assert_eq!(rules(&judged(&renamed, &infrastructure())), [].into());
    }
}

#[test]
fn a_machine_that_is_there_does_not_become_one_of_a_slot_by_its_tags() {
    let tagged = |kind: &str, attribute: &str, name: &str| {
        let mut change = plans::change(kind, &["update"], attribute);
        change["change"]["before"][attribute] = json!({"Name": "bastion"});
        change["change"]["after"][attribute] = json!({"Name": "bastion", name: "x"});
        found(&[change], &[])
    };
    for name in ["rehull:cluster", "rehull:slot"] {
        for attribute in ["tags", "tags_all", "volume_tags"] {
            let refused = tagged("aws_instance", attribute, name);
            assert_eq!(refused, ["gate::machine"].into(), "{attribute} {name}");
        }
        assert_eq!(
            tagged("aws_ebs_volume", "tags", name),
            [].into(),
            "a disk is handed over so"
        );
        assert_eq!(tagged("aws_network_interface", "tags", name), [].into());
    }
    assert_eq!(tagged("aws_instance", "tags", "team"), [].into());
}

/// Before release 5 of the provider the tags of a group could be maps, in which everything is a text.
#[test]
fn tags_of_a_group_are_judged_in_both_shapes() {
    let group = |tag: Value| {
        let after = json!({"name": "dev-workers", "tag": [], "tags": [tag]});
        found(
            &[made(
                "aws_autoscaling_group.x",
                &after,
                &json!({"tag": [], "tags": [{}]}),
            )],
            &[],
        )
    };
    let tag =
        |key: &str, down: Value| json!({"key": key, "value": "dev-workers", "propagate_at_launch": down});
    let refused = BTreeSet::from(["gate::group"]);
    assert_eq!(group(tag("rehull:slot", json!("true"))), refused);
    assert_eq!(group(tag("rehull:cluster", json!("true"))), refused);
    assert_eq!(group(tag("rehull:cluster", json!("false"))), [].into());
    assert_eq!(group(tag("rehull:group", json!("true"))), [].into());
    assert_eq!(group(tag("team", json!("true"))), [].into());
}

#[test]
fn a_policy_of_snapshots_says_nothing_that_is_not_known_here() {
    let policy = |details: Value, unknown: Value| {
        let after = json!({"policy_details": [details]});
        let unknown = json!({"policy_details": [unknown]});
        found(&[made("aws_dlm_lifecycle_policy.x", &after, &unknown)], &[])
    };
    let refused = BTreeSet::from(["gate::data_store"]);
    let create = |more: Value| {
        json!({
            "policy_type": "EBS_SNAPSHOT_MANAGEMENT", "resource_types": ["INSTANCE"], "target_tags": {"a": "b"},
            "action": [], "event_source": [], "parameters": [{"exclude_boot_volume": true}],
            "schedule": [{"name": "hourly", "create_rule": [more], "retain_rule": [{"count": 24, "interval": null}], "tags_to_add": {"a": "b"}}],
        })
    };
    let computed = json!({"resource_locations": true, "schedule": [{"copy_tags": true, "create_rule": [{"interval_unit": true, "location": true, "times": true}]}]});
    assert_eq!(
        policy(create(json!({"interval": 1, "scripts": []})), computed.clone()),
        [].into()
    );
    let scripts = create(json!({"interval": 1, "scripts": [{"execution_handler": "x", "stages": ["PRE"]}]}));
    assert_eq!(policy(scripts, computed), refused);
    assert_eq!(policy(create(json!({"later": "x"})), json!({})), refused);
    assert_eq!(policy(json!({"later": {"a": 1}}), json!({})), refused);
}
