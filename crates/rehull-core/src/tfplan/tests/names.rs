//! What a resource that is made sets of something else: only of what the same plan makes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

/// A resource in the configuration, whose argument refers to these.
pub(super) fn configured(address: &str, argument: &str, references: &[&str]) -> Value {
    let (kind, name) = address.split_once('.').unwrap();
    json!({
        "address": address, "mode": "managed", "type": kind, "name": name,
        "expressions": {argument: {"references": references}},
    })
}

/// One that is made.
pub(super) fn made(address: &str, after: &Value, unknown: &Value) -> Value {
    let (kind, name) = address.split_once('.').unwrap();
    json!({
        "address": address, "mode": "managed", "type": kind, "name": name, "provider_name": plans::AWS,
        "change": {
            "actions": ["create"], "before": null, "after": after, "after_unknown": unknown,
            "before_sensitive": false, "after_sensitive": {},
        },
    })
}

pub(super) fn found(changes: &[Value], resources: &[Value]) -> BTreeSet<&'static str> {
    found_by(&infrastructure(), changes, resources)
}

pub(super) fn found_by(terms: &Terms, changes: &[Value], resources: &[Value]) -> BTreeSet<&'static str> {
    let mut plan = plans::plan(changes, &json!({}));
    plan["configuration"]["root_module"]["resources"] = json!(resources);
    rules(&judged(&plan, terms))
}

fn bucket() -> Value {
    made(
        "aws_s3_bucket.new",
        &json!({"bucket": "dev-new"}),
        &json!({"id": true}),
    )
}

const RULE: &str = "aws_s3_bucket_lifecycle_configuration.x";

fn expires(unknown: bool) -> Value {
    if unknown {
        made(RULE, &json!({"rule": []}), &json!({"bucket": true}))
    } else {
        made(RULE, &json!({"rule": [], "bucket": "dev-snapshots"}), &json!({}))
    }
}

#[test]
fn what_is_set_of_a_bucket_is_of_one_that_the_plan_makes() {
    let refers = |references: &[&str]| vec![configured(RULE, "bucket", references)];
    let of_the_new = ["aws_s3_bucket.new.id", "aws_s3_bucket.new"];
    assert_eq!(found(&[bucket(), expires(true)], &refers(&of_the_new)), [].into());
    assert_eq!(
        found(
            &[expires(true), bucket()],
            &refers(&["aws_s3_bucket.new", "each.key"])
        ),
        [].into(),
        "whatever the order"
    );
    let by_name = made(RULE, &json!({"rule": [], "bucket": "dev-new"}), &json!({}));
    assert_eq!(
        found(&[bucket(), by_name.clone()], &refers(&of_the_new)),
        [].into(),
        "its name is known"
    );
    // Made at once: where the bucket is there already its maker fails, and this does not.
    let by_name_alone = found(&[bucket(), by_name], &[]);
    assert_eq!(by_name_alone, ["gate::bucket"].into());
    let chained = "aws_s3_bucket_versioning.new";
    let versioned = made(chained, &json!({}), &json!({"bucket": true}));
    let resources = [
        configured(RULE, "bucket", &["aws_s3_bucket_versioning.new.bucket", chained]),
        configured(chained, "bucket", &of_the_new),
    ];
    assert_eq!(
        found(&[bucket(), versioned, expires(true)], &resources),
        [].into()
    );
}

/// Not known yet is not new: the name of the bucket with the snapshots, passed through something that is made, or asked of a
/// data source during the apply, is unknown in the plan as well.
#[test]
fn a_bucket_that_is_not_known_yet_is_not_taken_for_a_new_one() {
    let refused = BTreeSet::from(["gate::bucket"]);
    let value = made(
        "terraform_data.name",
        &json!({"input": "dev-snapshots"}),
        &json!({"output": true}),
    );
    for references in [
        &["terraform_data.name.output", "terraform_data.name"][..],
        &["data.aws_s3_bucket.there.id", "data.aws_s3_bucket.there"],
        &["aws_s3_bucket.new.id", "aws_s3_bucket.new", "terraform_data.name"],
        &["aws_s3_bucket.there.id", "aws_s3_bucket.there"],
        &["var.bucket"],
        &["each.value"],
        &[],
    ] {
        let resources = [configured(RULE, "bucket", references)];
        let changes = [bucket(), value.clone(), expires(true)];
        assert_eq!(found(&changes, &resources), refused, "{references:?}");
    }
    assert_eq!(
        found(&[bucket(), expires(true)], &[]),
        refused,
        "nobody says whose"
    );
    assert_eq!(
        found(&[bucket(), expires(false)], &[]),
        refused,
        "one that is there"
    );
}

/// Each does by being made what a row refuses as a change: the next machine boots with another secret, an interface of a
/// member is in another machine.
#[test]
fn whatever_is_attached_or_written_by_being_made_belongs_to_what_the_plan_makes() {
    for (address, argument, there, rule) in [
        (
            "aws_secretsmanager_secret_version.x",
            "secret_id",
            json!("dev-etcd"),
            "gate::secret",
        ),
        ("aws_eip.x", "network_interface", json!("eni-1"), "gate::name"),
        ("aws_eip.x", "instance", json!("i-1"), "gate::name"),
        (
            "aws_network_interface.x",
            "attachment",
            json!([{"instance": "i-1", "device_index": 1}]),
            "gate::interface",
        ),
        (
            "aws_instance.x",
            "network_interface",
            json!([{"network_interface_id": "eni-1", "device_index": 0}]),
            "gate::machine",
        ),
        (
            "aws_service_discovery_instance.x",
            "service_id",
            json!("srv-1"),
            "gate::name",
        ),
    ] {
        let of_there = made(address, &json!({argument: there}), &json!({}));
        assert_eq!(found(&[of_there], &[]), [rule].into(), "{address} {argument}");
    }
    let secret = made("aws_secretsmanager_secret.new", &json!({}), &json!({"id": true}));
    let version = "aws_secretsmanager_secret_version.x";
    let of_the_new = made(version, &json!({}), &json!({"secret_id": true}));
    let resources = [configured(
        version,
        "secret_id",
        &["aws_secretsmanager_secret.new.id"],
    )];
    assert_eq!(found(&[secret, of_the_new], &resources), [].into());
    let interface = made(
        "aws_network_interface.new",
        &json!({"attachment": []}),
        &json!({"id": true}),
    );
    let address = made(
        "aws_eip.x",
        &json!({"instance": null}),
        &json!({"network_interface": true}),
    );
    let refers = ["aws_network_interface.new.id", "aws_network_interface.new"];
    let resources = [configured("aws_eip.x", "network_interface", &refers)];
    assert_eq!(found(&[interface, address], &resources), [].into());
    assert_eq!(
        found(&[made("aws_eip.x", &json!({"domain": "vpc"}), &json!({}))], &[]),
        [].into()
    );
}

#[test]
fn what_a_block_attaches_is_looked_for_in_the_block() {
    let refers = ["aws_network_interface.new.id", "aws_network_interface.new"];
    // No plan's configuration has what a `dynamic` block says.
    let attached = json!({"attachment": [{"instance": "i-1", "device_index": 1}]});
    let by_dynamic = made(
        "aws_network_interface.x",
        &attached,
        &json!({"attachment": [{"attachment_id": true}]}),
    );
    assert_eq!(found(&[by_dynamic], &[]), ["gate::interface"].into());
    // Of a block, the references stand one level lower.
    let own = made(
        "aws_instance.x",
        &json!({"network_interface": [{"device_index": 0}]}),
        &json!({"network_interface": [{"network_interface_id": true}]}),
    );
    let mut block = configured("aws_instance.x", "network_interface", &[]);
    block["expressions"]["network_interface"] =
        json!([{"device_index": {"constant_value": 0}, "network_interface_id": {"references": refers}}]);
    let interface = made(
        "aws_network_interface.new",
        &json!({"attachment": []}),
        &json!({"id": true}),
    );
    assert_eq!(found(&[interface, own], &[block]), [].into());
}

#[test]
fn a_machine_that_terraform_launches_does_not_pass_for_one_of_ours() {
    let launched = |tags: Value, unknown: Value| {
        let launched = made("aws_instance.x", &json!({"tags": tags}), &unknown);
        found(&[launched], &[])
    };
    let refused = BTreeSet::from(["gate::machine"]);
    assert_eq!(launched(json!({"Name": "bastion"}), json!({})), [].into());
    assert_eq!(launched(json!({"rehull:slot": "etcd-a"}), json!({})), refused);
    assert_eq!(
        launched(json!({}), json!({"tags": {"rehull:slot": true}})),
        refused
    );
    assert_eq!(launched(Value::Null, json!({"tags": true})), refused);
    assert_eq!(launched(Value::Null, json!({"tags_all": true})), [].into());
    let template = json!([{"name": "dev-etcd-a", "version": "7"}]);
    let by_template = made(
        "aws_instance.x",
        &json!({"launch_template": template}),
        &json!({}),
    );
    assert_eq!(found(&[by_template], &[]), refused);
}

/// What is not known yet may be one of ours.
#[test]
fn a_tag_that_is_not_known_before_the_apply_is_none_that_may_change() {
    let update = |unknown: Value| {
        let mut change = plans::change("aws_ebs_volume", &["update"], "tags");
        change["change"]["before"]["tags"] = json!({"a": "1"});
        change["change"]["after"]["tags"] = json!({"a": "1"});
        change["change"]["after_unknown"] = unknown;
        found(&[change], &[])
    };
    let refused = BTreeSet::from(["gate::volume"]);
    for unknown in [
        json!({"tags": {"rehull:generation": true}}),
        json!({"tags": {"rehull:slot": true}}),
        json!({"tags": true}),
        json!({"tags_all": true}),
        json!({"tags": {"a": false, "rehull:slot": [true]}}),
    ] {
        assert_eq!(update(unknown.clone()), refused, "{unknown}");
    }
    assert_eq!(update(json!({"tags": {"Name": true}})), [].into());
    let mut group = plans::change("aws_autoscaling_group", &["update"], "tag");
    group["change"]["after_unknown"] = json!({"tag": [{"key": true}]});
    assert_eq!(found(&[group], &[]), ["gate::group"].into());
}

#[test]
fn what_lets_traffic_through_is_not_moved_to_another_place() {
    for (kind, attribute, rule) in [
        ("aws_network_acl", "subnet_ids", "gate::access_list"),
        ("aws_internet_gateway", "vpc_id", "gate::gateway"),
        ("aws_vpn_gateway", "vpc_id", "gate::gateway"),
    ] {
        let moved = plans::change(kind, &["update"], attribute);
        assert_eq!(found(&[moved], &[]), [rule].into(), "{kind}");
    }
}

#[test]
fn a_module_sets_what_is_its_own() {
    let of_module = |module: &str, mut change: Value| {
        let address = format!("module.{module}.{}", change["address"].as_str().unwrap());
        change["address"] = address.into();
        change
    };
    let judge = |made_in: &str| {
        let changes = [of_module(made_in, bucket()), of_module("store", expires(true))];
        let mut plan = plans::plan(&changes, &json!({}));
        let rule = configured(RULE, "bucket", &["aws_s3_bucket.new.id", "aws_s3_bucket.new"]);
        plan["configuration"]["root_module"]["module_calls"] =
            json!({"store": {"module": {"resources": [rule]}}, "other": {"module": {"resources": []}}});
        rules(&judged(&plan, &infrastructure()))
    };
    assert_eq!(judge("store"), [].into());
    assert_eq!(judge("other"), ["gate::bucket"].into(), "that of another module");
}

#[test]
fn who_may_read_a_bucket_and_what_passes_a_subnet_are_not_set_of_what_is_there() {
    for kind in [
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_ownership_controls",
    ] {
        let open = made(
            &format!("{kind}.x"),
            &json!({"bucket": "dev-snapshots"}),
            &json!({}),
        );
        assert_eq!(found(&[open], &[]), ["gate::bucket_guard"].into(), "{kind}");
    }
    let list = |subnets: Value, unknown: Value| {
        let list = made("aws_network_acl.x", &json!({"subnet_ids": subnets}), &unknown);
        found(&[list], &[])
    };
    assert_eq!(list(json!(["subnet-1"]), json!({})), ["gate::access_list"].into());
    assert_eq!(
        list(Value::Null, json!({"subnet_ids": true})),
        [].into(),
        "computed: it takes none"
    );
}

#[test]
fn a_hook_that_machines_wait_for_comes_with_its_group_only() {
    let hook = |group: &str| {
        let after = json!({"autoscaling_group_name": group, "default_result": "ABANDON"});
        made("aws_autoscaling_lifecycle_hook.x", &after, &json!({}))
    };
    let group = made(
        "aws_autoscaling_group.new",
        &json!({"name": "dev-new"}),
        &json!({}),
    );
    let refers = ["aws_autoscaling_group.new.name", "aws_autoscaling_group.new"];
    let resources = [configured(
        "aws_autoscaling_lifecycle_hook.x",
        "autoscaling_group_name",
        &refers,
    )];
    assert_eq!(found(&[group.clone(), hook("dev-new")], &resources), [].into());
    assert_eq!(
        found(&[group.clone(), hook("dev-new")], &[]),
        ["gate::group_part"].into()
    );
    assert_eq!(
        found(&[group, hook("dev-workers")], &[]),
        ["gate::group_part"].into()
    );
}

/// By them rehull knows whose a machine and a disk are; a group hands its tags down, and says them as a list of blocks.
#[test]
fn a_tag_of_ours_is_one_wherever_it_stands() {
    let update = |kind: &str, attribute: &str, before: Value, after: Value| {
        let mut change = plans::change(kind, &["update"], attribute);
        change["change"]["before"][attribute] = before;
        change["change"]["after"][attribute] = after;
        found(&[change], &[])
    };
    let tag =
        |key: &str, value: &str, down: bool| json!({"key": key, "value": value, "propagate_at_launch": down});
    let (ours, other) = (tag("rehull:cluster", "dev", true), tag("team", "a", true));
    let of_group = |before: Value, after: Value| update("aws_autoscaling_group", "tag", before, after);
    let refused = BTreeSet::from(["gate::group"]);
    assert_eq!(of_group(json!([ours, other]), json!([other])), refused, "it goes");
    let prod = tag("rehull:cluster", "prod", true);
    assert_eq!(
        of_group(json!([ours]), json!([prod])),
        refused,
        "another cluster's"
    );
    let kept = tag("rehull:cluster", "dev", false);
    assert_eq!(
        of_group(json!([ours]), json!([kept])),
        refused,
        "no machine gets it"
    );
    assert_eq!(
        of_group(json!([ours]), json!([ours, other])),
        [].into(),
        "one beside it"
    );
    assert_eq!(
        of_group(json!([other]), json!([kept, other])),
        [].into(),
        "it is handed over"
    );
    assert_eq!(
        of_group(json!([other]), json!([ours, other])),
        refused,
        "and its machines would be taken for those of slots"
    );
    let (had, left) = (json!({"rehull:slot": "etcd-a", "a": "b"}), json!({"a": "b"}));
    assert_eq!(
        update("aws_instance", "volume_tags", had, left),
        ["gate::machine"].into()
    );
}
