//! Both forms of a state, and what is none.

use serde_json::{Value, json};

use super::*;
use crate::adopt::StateError;

/// The same state as `terraform state pull` writes it, one resource per instance as after `state mv`.
fn pulled(shown: &mut Value) -> Value {
    let resource = |one: &mut Value| {
        let address = one["address"].as_str().unwrap().to_owned();
        let mut instance = json!({ "schema_version": 1, "attributes": one["values"] });
        if let Some(key) = one.get("index") {
            instance["index_key"] = key.clone();
        }
        let mut resource =
            json!({ "mode": one["mode"], "type": one["type"], "name": one["name"], "instances": [instance] });
        if address.starts_with("module.etcd") {
            resource["module"] = json!("module.etcd");
        }
        resource
    };
    let resources: Vec<Value> = all(shown).map(resource).collect();
    json!({ "version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "x", "outputs": {}, "resources": resources })
}

#[test]
fn a_state_that_is_pulled_and_one_that_is_shown_are_adopted_alike() {
    let shown = adopted(MAPPING, &state());
    assert_eq!(adopted(MAPPING, &pulled(&mut state())), shown);
}

#[test]
fn instances_by_key_are_named_as_terraform_names_them() {
    let mut state = state();
    for index in 0..3 {
        for one in all(&mut state) {
            let address = one["address"]
                .as_str()
                .unwrap()
                .replace(&format!("etcd[{index}]"), &format!("etcd[\"m.{index}\"]"));
            one["address"] = json!(address);
            if one.get("index") == Some(&json!(index)) {
                one["index"] = json!(format!("m.{index}"));
            }
        }
    }
    let mut text = MAPPING.to_owned();
    for index in 0..3 {
        let (from, to) = (
            format!("\"module.etcd.aws_instance.etcd[{index}]\""),
            format!("'module.etcd.aws_instance.etcd[\"m.{index}\"]'"),
        );
        text = text.replace(&from, &to);
    }
    let adoption = adopted(&text, &pulled(&mut state));
    let handover = &adoption.files["handover.json"];
    assert!(
        handover.contains(r#""module.etcd.aws_instance.etcd[\"m.1\"]""#),
        "{handover}"
    );
    let removed = &adoption.files["terraform/old/removed.tf"];
    assert!(
        removed.contains("from = module.etcd.aws_instance.etcd\n"),
        "{removed}"
    );
}

#[test]
fn what_is_no_state_of_a_known_format_is_refused_and_no_value_of_it_is_repeated() {
    let refused = |state: &str| State::read(state.as_bytes()).unwrap_err();
    let secret = "canary-1c5f";
    let cases = [
        (format!("{{\"values\": \"{secret}"), "JSON"),
        (json!({ "other": secret }).to_string(), "another document"),
        (json!({ "format_version": "1.2", "resource_changes": [], "x": secret }).to_string(), "a plan"),
        (json!({ "format_version": "2.0", "values": secret }).to_string(), "format \"2.0\""),
        (json!({ "version": 3, "modules": secret }).to_string(), "format 3"),
        (json!({ "format_version": "1.0", "values": { "root_module": { "resources": secret } } }).to_string(), "shape"),
        (json!({ "format_version": "1.0", "values": { "root_module": { "resources": [{ "address": "a.b", "mode": "managed", "type": "a", "values": secret }] } } }).to_string(), "`a.b`"),
        (json!({ "version": 4, "resources": [{ "mode": "managed", "type": "a", "name": "b", "instances": [{ "deposed": "1", "attributes": { "x": secret } }] }] }).to_string(), "left behind"),
    ];
    for (text, says) in cases {
        let error = refused(&text);
        let shown = format!("{error} {error:?} {}", error.help());
        assert!(shown.contains(says) && !shown.contains(secret), "{shown}");
    }
    assert_eq!(
        State::read(b"{\"format_version\": \"1.0\"}").map(|state| state.all().count()),
        Ok(0)
    );
    assert!(matches!(refused("[]"), StateError::NotAState { .. }));
}
