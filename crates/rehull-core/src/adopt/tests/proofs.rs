//! Plans of both root modules, one thing wrong at a time: every row of the table has its plan.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::adopt::{Handover, Proof, ROWS, Root, prove};

const AWS: &str = "registry.terraform.io/hashicorp/aws";
const INTERFACE: &str = "aws_network_interface.slot[\"etcd-1\"]";

fn handover() -> Handover {
    serde_json::from_str(&adopted(MAPPING, &state()).files["handover.json"]).unwrap()
}

fn change(address: &str, kind: &str, change: &Value) -> Value {
    json!({ "address": address, "mode": "managed", "type": kind, "name": "x", "provider_name": AWS, "change": change })
}

fn kind_of(address: &str) -> String {
    let plain = address.split('[').next().unwrap();
    plain.rsplit('.').nth(1).unwrap().to_owned()
}

fn forget(address: &str) -> Value {
    let values = json!({ "id": "x", "user_data": "y" });
    let masks = json!({ "actions": ["forget"], "before": values, "after": null, "after_unknown": {}, "before_sensitive": { "user_data": true }, "after_sensitive": false });
    change(address, &kind_of(address), &masks)
}

/// Imported, and tagged.
fn import(address: &str) -> Value {
    let masks = json!({
        "actions": ["update"], "importing": { "id": "x" },
        "before": { "id": "x", "size": 100, "tags": {}, "tags_all": {} },
        "after": { "id": "x", "size": 100, "tags": { "rehull:cluster": "prod" }, "tags_all": { "rehull:cluster": "prod" } },
        "after_unknown": {}, "before_sensitive": {}, "after_sensitive": {},
    });
    change(address, &kind_of(address), &masks)
}

fn plan(changes: &[Value]) -> Value {
    json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "planned_values": { "root_module": {} },
        "resource_changes": changes, "output_changes": {}, "prior_state": { "format_version": "1.0" },
        "configuration": { "provider_config": { "aws": { "name": "aws", "full_name": AWS } }, "root_module": {} },
        "timestamp": "2026-11-29T09:00:00Z", "applyable": !changes.is_empty(), "complete": true, "errored": false,
    })
}

fn old() -> Vec<Value> {
    handover().forgets.iter().map(|address| forget(address)).collect()
}

fn new() -> Vec<Value> {
    handover().imports.iter().map(|address| import(address)).collect()
}

fn proof(changes: &[Value]) -> Proof {
    prove(plan(changes).to_string().as_bytes(), &handover()).unwrap()
}

fn rules(proof: &Proof) -> BTreeSet<&'static str> {
    proof.findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn the_plans_of_the_hand_over_are_proven_and_an_empty_one_is_settled() {
    for (changes, root, objects) in [
        (old(), Root::Old, 12),
        (new(), Root::New, 6),
        (Vec::new(), Root::Settled, 0),
    ] {
        let proof = proof(&changes);
        assert_eq!((proof.root, proof.objects), (root, objects));
        assert_eq!(rules(&proof), BTreeSet::new(), "{proof:#?}");
    }
}

fn acts(address: &str, actions: &Value) -> Value {
    let mut one = import(address);
    one["change"]["actions"] = actions.clone();
    one["change"]["importing"] = Value::Null;
    one
}

fn with(mut changes: Vec<Value>, more: Value) -> Vec<Value> {
    changes.push(more);
    changes
}

/// The new root's plan with another change of one interface.
fn instead(by: &dyn Fn(&mut Value)) -> Vec<Value> {
    let mut changes = new();
    let mut all = changes.iter_mut();
    by(all.find(|one| one["address"] == INTERFACE).unwrap());
    changes
}

fn replaces(words: &Value) -> Vec<Value> {
    instead(&|one: &mut Value| {
        one["change"]["actions"] = words.clone();
        one["change"]["replace_paths"] = json!([["size"]]);
    })
}

/// A row, and a plan that it refuses.
fn cases() -> Vec<(&'static str, Vec<Value>)> {
    let many: Vec<Value> = (0..501)
        .map(|index| forget(&format!("aws_instance.many[{index}]")))
        .collect();
    vec![
        (
            "handover::create",
            with(new(), acts("aws_ebs_volume.slot[\"etcd-9\"]", &json!(["create"]))),
        ),
        (
            "handover::create",
            with(old(), acts("aws_instance.next[0]", &json!(["create"]))),
        ),
        (
            "handover::destroy",
            with(old(), acts("aws_security_group_rule.x", &json!(["delete"]))),
        ),
        ("handover::destroy", replaces(&json!(["delete", "create"]))),
        ("handover::destroy", replaces(&json!(["create", "delete"]))),
        ("handover::destroy", replaces(&json!(["create", "forget"]))),
        (
            "handover::update",
            instead(&|one| one["change"]["after"]["size"] = json!(200)),
        ),
        (
            "handover::update",
            instead(&|one| one["change"]["after"]["private_ips"] = json!(["10.0.0.1"])),
        ),
        (
            "handover::move",
            instead(&|one| one["previous_address"] = json!("aws_network_interface.other")),
        ),
        (
            "handover::stranger",
            with(old(), acts("aws_security_group.x", &json!(["update"]))),
        ),
        (
            "handover::stranger",
            with(old(), forget("module.etcd.aws_route53_record.x")),
        ),
        (
            "handover::stranger",
            with(new(), import("aws_ebs_volume.slot[\"etcd-9\"]")),
        ),
        (
            "handover::mixed",
            with(old(), import("aws_ebs_volume.slot[\"etcd-0\"]")),
        ),
        ("handover::missing", old().split_off(1)),
        ("handover::missing", new().split_off(1)),
        ("handover::too_many", [old(), many].concat()),
    ]
}

#[test]
fn every_row_refuses_its_plan_and_nothing_else_of_it() {
    let mut met = BTreeSet::new();
    for (id, changes) in cases() {
        let refused = rules(&proof(&changes));
        let allowed: &[&str] = if id == "handover::too_many" {
            &["handover::stranger"]
        } else {
            &[]
        };
        let others: Vec<&&str> = refused
            .iter()
            .filter(|rule| **rule != id && !allowed.contains(*rule))
            .collect();
        assert!(refused.contains(id) && others.is_empty(), "{id}: {refused:?}");
        met.insert(id);
    }
    let rows: BTreeSet<&str> = ROWS.iter().map(|row| row.id).collect();
    assert_eq!(met, rows);
}

#[test]
fn what_the_gate_refuses_everywhere_is_refused_here() {
    let mut unknown = new();
    unknown[0]["change"]["actions"] = json!(["adopt"]);
    assert!(!proof(&unknown).findings.is_empty());
    let mut errored = plan(&old());
    errored["errored"] = json!(true);
    let proof = prove(errored.to_string().as_bytes(), &handover()).unwrap();
    assert!(!proof.findings.is_empty());
    assert!(prove("{}".as_bytes(), &handover()).is_ok_and(|proof| !proof.findings.is_empty()));
    assert!(prove("no plan".as_bytes(), &handover()).is_err());
}

#[test]
fn no_value_of_a_plan_is_told() {
    let mut changes = new();
    changes[0]["change"]["after"]["size"] = json!("canary-77");
    changes[1]["change"]["before"]["tags"]["x"] = json!("canary-77");
    let proof = proof(&changes);
    assert!(!format!("{proof:?} {}", json!(proof)).contains("canary"));
}

/// Recorded from Terraform 1.11 with the stand-in for the AWS provider, of what is written for the example.
const RECORDED: [(&str, Root, usize); 2] = [
    (include_str!("../fixtures/forgets.json"), Root::Old, 12),
    (include_str!("../fixtures/imports.json"), Root::New, 6),
];

#[test]
fn plans_that_terraform_has_made_of_the_written_files_are_proven() {
    for (plan, root, objects) in RECORDED {
        let proof = prove(plan.as_bytes(), &handover()).unwrap();
        assert_eq!((proof.root, proof.objects), (root, objects));
        assert_eq!(rules(&proof), BTreeSet::new(), "{proof:#?}");
    }
}
