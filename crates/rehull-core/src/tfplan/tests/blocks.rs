//! What blocks attach, block by block, and what no plan tells of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::names::{configured, found, found_by, made};
use super::*;

const ENI: &str = "aws_network_interface.new";

fn new_interface() -> Value {
    made(ENI, &json!({}), &json!({"id": true, "attachment": true}))
}

/// A machine with blocks of this name: what is known of each, what is not, and what stands in the configuration.
fn machine(block: &str, (after, unknown): (&Value, &Value), blocks: Value) -> (Value, Value) {
    let machine = made("aws_instance.x", &json!({block: after}), &json!({block: unknown}));
    let mut resource = configured("aws_instance.x", block, &[]);
    resource["expressions"][block] = blocks;
    (machine, resource)
}

fn of_new() -> Value {
    json!({"network_interface_id": {"references": [format!("{ENI}.id"), ENI]}})
}

/// Seen with the AWS provider 5.100.0: beside the new interface the one of a member would have been in the machine.
#[test]
fn every_block_of_an_interface_names_one_that_the_plan_makes() {
    let there = json!({"network_interface_id": {"constant_value": "eni-1"}});
    let judge = |after: Value, unknown: Value, blocks: Value| {
        let (machine, resource) = machine("network_interface", (&after, &unknown), blocks);
        found(&[new_interface(), machine], &[resource])
    };
    let untold = json!({"network_interface_id": true});
    let (of_there, of_a_new) = (
        json!({"network_interface_id": "eni-1", "device_index": 1}),
        json!({"device_index": 0}),
    );
    let refused = BTreeSet::from(["gate::machine"]);
    assert_eq!(
        judge(
            json!([of_a_new, of_there]),
            json!([untold, {}]),
            json!([of_new(), there])
        ),
        refused
    );
    // A `dynamic` block, which no configuration in a plan has, beside a plain one.
    assert_eq!(
        judge(
            json!([of_a_new, of_there]),
            json!([untold, {}]),
            json!([of_new()])
        ),
        refused
    );
    assert_eq!(
        judge(
            json!([of_a_new, of_a_new]),
            json!([untold, untold]),
            json!([of_new()])
        ),
        refused,
        "not known either"
    );
    let elsewhere = json!({"network_interface_id": {"references": ["data.aws_network_interface.x.id"]}});
    assert_eq!(
        judge(
            json!([of_a_new, of_a_new]),
            json!([untold, untold]),
            json!([of_new(), elsewhere])
        ),
        refused
    );
    let beside = json!({"device_index": {"references": [format!("{ENI}.id")]}});
    assert_eq!(
        judge(json!([of_a_new]), json!([untold]), json!([beside])),
        refused,
        "another argument of the block"
    );
    assert_eq!(
        judge(json!(null), json!(true), json!([of_new()])),
        refused,
        "a `dynamic` block that is not known beside a plain one"
    );
    assert_eq!(
        judge(
            json!([of_a_new, of_a_new]),
            json!([untold, untold]),
            json!([of_new(), of_new()])
        ),
        [].into()
    );
}

#[test]
fn an_interface_is_attached_to_no_machine_beside_a_new_one() {
    let attached = made(
        "aws_network_interface.x",
        &json!({"attachment": [{"instance": "i-1", "device_index": 1}, {"device_index": 1}]}),
        &json!({"attachment": [{"attachment_id": true}, {"attachment_id": true, "instance": true}]}),
    );
    let machine = made("aws_instance.new", &json!({}), &json!({"id": true}));
    let mut resource = configured("aws_network_interface.x", "attachment", &[]);
    resource["expressions"]["attachment"] = json!([
        {"instance": {"constant_value": "i-1"}},
        {"instance": {"references": ["aws_instance.new.id", "aws_instance.new"]}},
    ]);
    assert_eq!(
        found(&[machine, attached], &[resource]),
        ["gate::interface"].into()
    );
}

/// The argument of release 6.10.0 of the AWS provider, which stands for `network_interface`.
#[test]
fn the_first_interface_of_a_machine_is_one_that_the_plan_makes() {
    let judge = |after: Value, unknown: Value, blocks: Value| {
        let (machine, resource) = machine("primary_network_interface", (&after, &unknown), blocks);
        found(&[new_interface(), machine], &[resource])
    };
    let there = json!([{"network_interface_id": "eni-1"}]);
    let told = json!([{"network_interface_id": {"constant_value": "eni-1"}}]);
    assert_eq!(judge(there, json!([{}]), told), ["gate::machine"].into());
    let untold = json!([{"network_interface_id": true}]);
    assert_eq!(judge(json!([{}]), untold, json!([of_new()])), [].into());
}

/// Both look the same in a plan: nobody has said it, or a `dynamic` block over something that is not known yet has.
#[test]
fn a_block_of_which_nothing_is_known_is_taken_for_none_only_where_no_source_has_a_dynamic_one() {
    for (address, block, rule) in [
        ("aws_network_interface.x", "attachment", "gate::interface"),
        ("aws_instance.x", "network_interface", "gate::machine"),
        ("aws_instance.x", "primary_network_interface", "gate::machine"),
    ] {
        let alone = made(address, &json!({}), &json!({block: true}));
        let judge = |dynamic: &[&str]| {
            let mut terms = infrastructure();
            terms.dynamic = dynamic.iter().map(|name| (*name).to_owned()).collect();
            found_by(&terms, std::slice::from_ref(&alone), &[])
        };
        assert_eq!(judge(&[]), [].into(), "{block}");
        assert_eq!(judge(&["tag", "network_interfaces"]), [].into(), "{block}");
        assert_eq!(judge(&["tag", block]), [rule].into(), "{block}");
    }
}

/// Seen with the AWS provider 5.100.0: of a list with one part that is not known a plan tells nothing.
#[test]
fn a_list_of_which_a_part_is_not_known_may_name_what_is_there() {
    let subnet = made("aws_subnet.new", &json!({}), &json!({"id": true}));
    let list = made("aws_network_acl.x", &json!({}), &json!({"subnet_ids": true}));
    let refers = ["aws_subnet.new.id", "aws_subnet.new"];
    let resource = configured("aws_network_acl.x", "subnet_ids", &refers);
    let refused = BTreeSet::from(["gate::access_list"]);
    assert_eq!(found(&[subnet.clone(), list.clone()], &[resource]), refused);
    assert_eq!(found(&[subnet, list], &[]), [].into(), "it does not stand there");
}

#[test]
fn what_takes_requests_or_machines_of_something_comes_with_it_only() {
    for (address, argument, maker, rule) in [
        (
            "aws_lb_listener_rule.x",
            "listener_arn",
            "aws_lb_listener.new",
            "gate::balancer",
        ),
        (
            "aws_alb_listener_rule.x",
            "listener_arn",
            "aws_alb_listener.new",
            "gate::balancer",
        ),
        (
            "aws_autoscaling_attachment.x",
            "autoscaling_group_name",
            "aws_autoscaling_group.new",
            "gate::group_part",
        ),
        (
            "aws_autoscaling_traffic_source_attachment.x",
            "autoscaling_group_name",
            "aws_autoscaling_group.new",
            "gate::group_part",
        ),
        (
            "aws_lb_target_group_attachment.x",
            "target_group_arn",
            "aws_lb_target_group.new",
            "gate::target_group",
        ),
        (
            "aws_alb_target_group_attachment.x",
            "target_group_arn",
            "aws_alb_target_group.new",
            "gate::target_group",
        ),
        ("aws_elb_attachment.x", "elb", "aws_elb.new", "gate::target_group"),
    ] {
        let there = made(address, &json!({argument: "there"}), &json!({}));
        assert_eq!(found(&[there], &[]), [rule].into(), "{address}");
        let thing = made(maker, &json!({}), &json!({"id": true}));
        let of_new = made(address, &json!({}), &json!({argument: true}));
        let refers = configured(address, argument, &[&format!("{maker}.id"), maker]);
        assert_eq!(found(&[thing, of_new], &[refers]), [].into(), "{address}");
    }
}

/// In a network that is there it hides what other zones say of its names.
#[test]
fn a_private_zone_comes_with_its_network_only() {
    let zone = |after: Value, unknown: Value, blocks: Value| {
        let zone = made(
            "aws_route53_zone.x",
            &json!({"vpc": after}),
            &json!({"vpc": unknown}),
        );
        let mut resource = configured("aws_route53_zone.x", "vpc", &[]);
        resource["expressions"]["vpc"] = blocks;
        let network = made("aws_vpc.new", &json!({}), &json!({"id": true}));
        found(&[network, zone], &[resource])
    };
    let there = json!([{"vpc_id": {"constant_value": "vpc-1"}}]);
    let refused = BTreeSet::from(["gate::name"]);
    assert_eq!(zone(json!([{"vpc_id": "vpc-1"}]), json!([{}]), there), refused);
    let new = json!([{"vpc_id": {"references": ["aws_vpc.new.id", "aws_vpc.new"]}}]);
    assert_eq!(zone(json!([{}]), json!([{"vpc_id": true}]), new), [].into());
    let public = made("aws_route53_zone.x", &json!({"vpc": []}), &json!({}));
    assert_eq!(found(&[public], &[]), [].into());
}

/// Its machines would be a member's to rehull, or stop it: on an instance `rehull:cluster` says "an etcd slot".
#[test]
fn a_new_group_gives_its_machines_no_tag_of_ours_but_its_own_name() {
    let group = |tags: Value, unknown: Value| {
        let after = json!({"name": "dev-workers", "tag": tags});
        found(
            &[made("aws_autoscaling_group.x", &after, &json!({"tag": unknown}))],
            &[],
        )
    };
    let tag =
        |key: &str, value: &str, down: bool| json!({"key": key, "value": value, "propagate_at_launch": down});
    let refused = BTreeSet::from(["gate::group"]);
    // As our own modules have them.
    let ours = json!([
        tag("Name", "dev-workers", true),
        tag("rehull:group", "dev-workers", true),
        tag("rehull:cluster", "dev", false),
        tag("team", "a", true),
    ]);
    assert_eq!(group(ours, json!([{}, {}, {}, {}])), [].into());
    for other in [
        tag("rehull:slot", "etcd-a", true),
        tag("rehull:slot", "etcd-a", false),
        tag("rehull:cluster", "dev", true),
        tag("rehull:group", "dev-control-plane", true),
        tag("rehull:go", "x", true),
    ] {
        assert_eq!(group(json!([other]), json!([{}])), refused, "{other}");
    }
    assert_eq!(group(json!([{"value": "a"}]), json!([{"key": true}])), refused);
    let untold = json!([{"key": "rehull:cluster", "value": "dev"}]);
    assert_eq!(group(untold, json!([{"propagate_at_launch": true}])), refused);
    let untold = json!([{"key": "rehull:group", "propagate_at_launch": true}]);
    assert_eq!(group(untold, json!([{"value": true}])), refused);
    assert_eq!(group(Value::Null, json!(true)), refused);
}

#[test]
fn a_new_launch_template_gives_its_machines_no_tag_of_ours() {
    let template = |specifications: Value, unknown: Value| {
        let after = json!({"name": "other", "tags": {"rehull:cluster": "dev", "rehull:slot": "etcd-a"}, "tag_specifications": specifications});
        let unknown = json!({"tags_all": true, "tag_specifications": unknown});
        found(&[made("aws_launch_template.x", &after, &unknown)], &[])
    };
    let of = |kind: &str, tags: Value| json!([{"resource_type": kind, "tags": tags}]);
    let refused = BTreeSet::from(["gate::launch_template"]);
    assert_eq!(
        template(json!([]), json!([])),
        [].into(),
        "as our own modules have it"
    );
    assert_eq!(
        template(of("instance", json!({"team": "a"})), json!([{"tags": {}}])),
        [].into()
    );
    for kind in ["instance", "volume", "network-interface"] {
        for name in ["rehull:cluster", "rehull:slot", "rehull:group"] {
            let ours = of(kind, json!({name: "dev"}));
            assert_eq!(template(ours, json!([{"tags": {}}])), refused, "{kind} {name}");
        }
    }
    for unknown in [
        json!(true),
        json!([{"tags": true}]),
        json!([{"tags": {"rehull:slot": true}}]),
    ] {
        assert_eq!(template(Value::Null, unknown.clone()), refused, "{unknown}");
    }
}

/// `for_each` over the buckets themselves says as much as the name of one.
#[test]
fn each_value_is_one_of_what_is_repeated_over() {
    let versioning = "aws_s3_bucket_versioning.x";
    let judge = |over: &[&str], refers: &[&str]| {
        let mut resource = configured(versioning, "bucket", refers);
        resource["for_each_expression"] = json!({"references": over});
        let bucket = made(
            "aws_s3_bucket.new",
            &json!({"bucket": "dev-new"}),
            &json!({"id": true}),
        );
        let mut change = made(versioning, &json!({}), &json!({"bucket": true}));
        change["address"] = format!("{versioning}[\"a\"]").into();
        change["index"] = "a".into();
        found(&[bucket, change], &[resource])
    };
    let value = ["each.value.id", "each.value"];
    let refused = BTreeSet::from(["gate::bucket"]);
    assert_eq!(judge(&["aws_s3_bucket.new"], &value), [].into());
    for over in [
        &["data.aws_s3_bucket.there"][..],
        &["aws_s3_bucket.there"],
        &["aws_s3_bucket.new", "var.buckets"],
        &["local.buckets"],
        &[],
    ] {
        assert_eq!(judge(over, &value), refused, "{over:?}");
    }
    let beside = ["aws_s3_bucket.new.id", "aws_s3_bucket.new", "each.value"];
    assert_eq!(judge(&["data.aws_s3_bucket.there"], &beside), refused);
    let key = ["aws_s3_bucket.new", "each.key"];
    assert_eq!(
        judge(&["local.buckets"], &key),
        [].into(),
        "a key is always known"
    );
}

#[test]
fn of_something_new_it_is_said_how_to_name_it() {
    let guard = made("aws_s3_bucket_policy.x", &json!({}), &json!({"bucket": true}));
    let plan = plans::plan(&[guard], &json!({}));
    let decision = judged(&plan, &infrastructure());
    let remedy = &decision.findings[0].remedy;
    assert_eq!(
        remedy,
        "where the plan makes it name its resource itself, `aws_s3_bucket.NAME.id`; else apply this once by hand"
    );
}

#[test]
fn a_policy_that_makes_images_restarts_no_machine_for_it() {
    let policy = |details: Value, unknown: Value| {
        let after = json!({"policy_details": details});
        let unknown = json!({"policy_details": unknown});
        found(&[made("aws_dlm_lifecycle_policy.x", &after, &unknown)], &[])
    };
    let refused = BTreeSet::from(["gate::data_store"]);
    let of_snapshots = json!([{"policy_type": "EBS_SNAPSHOT_MANAGEMENT", "parameters": []}]);
    assert_eq!(policy(of_snapshots, json!([{}])), [].into());
    let images = |parameters: Value| json!([{"policy_type": "IMAGE_MANAGEMENT", "parameters": parameters}]);
    assert_eq!(policy(images(json!([])), json!([{}])), refused);
    assert_eq!(
        policy(images(json!([{"no_reboot": false}])), json!([{}])),
        refused
    );
    assert_eq!(
        policy(images(json!([{"no_reboot": true}])), json!([{}])),
        [].into()
    );
    assert_eq!(policy(json!([{}]), json!([{"policy_type": true}])), refused);
    assert_eq!(policy(Value::Null, json!(true)), refused);
}
