//! Plans as Terraform writes them for the AWS provider, built: the provider needs a network.
//!
//! The shape is that of the recorded ones; attributes are those of the provider's schema.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{SLOTS, content, user_data};

pub(super) const AWS: &str = "registry.terraform.io/hashicorp/aws";

/// An upgrade of all three slots: launch templates and the output that tells their versions, beside things at rest.
pub(super) fn upgrade() -> Value {
    let templates = SLOTS.iter().map(|slot| template(slot));
    let at_rest = [
        at_rest(
            "aws_autoscaling_group",
            "worker",
            &json!({"name": "dev-worker", "desired_capacity": 3}),
        ),
        at_rest("aws_ebs_volume", "data", &json!({"id": "vol-1", "size": 100})),
    ];
    let unknown: Value = SLOTS
        .iter()
        .map(|slot| ((*slot).to_owned(), json!({"version": true})))
        .collect();
    let known = |version: Option<u32>| -> Value {
        let one = |slot: &&str| {
            let mut one = json!({"id": format!("lt-{slot}")});
            if let Some(version) = version {
                one["version"] = version.into();
            }
            ((*slot).to_owned(), one)
        };
        SLOTS.iter().map(one).collect()
    };
    plan(
        &templates.chain(at_rest).collect::<Vec<_>>(),
        &json!({"launch_templates": {
            "actions": ["update"], "before": known(Some(7)), "after": known(None), "after_unknown": unknown,
            "before_sensitive": false, "after_sensitive": false,
        }}),
    )
}

/// The same after an apply that broke off behind this many of its launch templates: they stay as they are, and what the
/// output says of them is known, and changes.
pub(super) fn rest_of_upgrade(made: usize) -> Value {
    let mut plan = upgrade();
    for (n, slot) in SLOTS.iter().enumerate().take(made) {
        let change = &mut plan["resource_changes"][n]["change"];
        change["after"]["latest_version"] = 8.into();
        change["before"] = change["after"].clone();
        change["after_unknown"] = json!({"tags": {}, "tags_all": {}});
        change["actions"] = json!(["no-op"]);
        let output = &mut plan["output_changes"]["launch_templates"];
        output["after"][*slot]["version"] = 8.into();
        output["after_unknown"].as_object_mut().unwrap().remove(*slot);
    }
    plan
}

/// A plan of these changes.
pub(super) fn plan(changes: &[Value], outputs: &Value) -> Value {
    json!({
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "variables": {"cluster": {"value": "dev"}},
        "planned_values": {"root_module": {}},
        "resource_changes": changes,
        "output_changes": outputs,
        "prior_state": {"format_version": "1.0"},
        "configuration": {
            "provider_config": {"aws": {"name": "aws", "full_name": AWS}},
            "root_module": {
                "resources": [],
                "variables": {"cluster": {}},
                "module_calls": {"etcd": {"source": "./etcd", "module": {"resources": []}}},
            },
        },
        "timestamp": "2026-11-29T09:00:00Z",
        "applyable": true,
        "complete": true,
        "errored": false,
    })
}

/// The launch template of a slot, from 3.5.33 to 3.6.14.
pub(super) fn template(slot: &str) -> Value {
    let side = |version: &str, digit: &str| {
        json!({
            "arn": format!("arn:aws:ec2:ap-northeast-1:123456789012:launch-template/lt-{slot}"),
            "block_device_mappings": [{"device_name": "/dev/xvda", "ebs": [{"volume_size": 20, "encrypted": "true"}]}],
            "default_version": 1,
            "description": format!("rehull {}", content(digit)),
            "ebs_optimized": null,
            "iam_instance_profile": [{"arn": "", "name": "dev-etcd"}],
            "id": format!("lt-{slot}"),
            "image_id": "ami-0123456789abcdef0",
            "instance_type": "m6i.large",
            "key_name": null,
            "latest_version": 7,
            "metadata_options": [{"http_tokens": "required", "instance_metadata_tags": "enabled"}],
            "name": format!("dev-{slot}"),
            "network_interfaces": [{"device_index": 0, "subnet_id": "subnet-1", "security_groups": ["sg-1", "sg-2"]}],
            "tag_specifications": [{"resource_type": "instance", "tags": {"Name": format!("dev-{slot}")}}],
            "tags": {"rehull:cluster": "dev"},
            "tags_all": {"rehull:cluster": "dev"},
            "update_default_version": null,
            "user_data": STANDARD.encode(user_data(slot, version)),
            "vpc_security_group_ids": null,
        })
    };
    let mut after = side("3.6.14", "2");
    after.as_object_mut().unwrap().remove("latest_version");
    let mask = json!({"block_device_mappings": [{"ebs": [{}]}], "tags": {}, "tags_all": {}});
    json!({
        "address": format!("module.etcd.aws_launch_template.this[\"{slot}\"]"),
        "module_address": "module.etcd",
        "mode": "managed",
        "type": "aws_launch_template",
        "name": "this",
        "index": slot,
        "provider_name": AWS,
        "change": {
            "actions": ["update"],
            "before": side("3.5.33", "1"),
            "after": after,
            "after_unknown": {"latest_version": true, "tags": {}, "tags_all": {}},
            "before_sensitive": mask,
            "after_sensitive": mask,
        },
    })
}

/// One object with these actions; `attribute` goes from 1 to 2 if it is there before and after.
pub(super) fn change(kind: &str, actions: &[&str], attribute: &str) -> Value {
    let side = |there: bool, value: u32| {
        if there {
            json!({"id": "id-1", attribute: value})
        } else {
            Value::Null
        }
    };
    let before = actions != ["create"];
    let after = actions != ["delete"] && actions != ["forget"];
    let mask = |there: bool| if there { json!({}) } else { json!(false) };
    let replaces = actions.len() == 2;
    let mut change = json!({
        "address": format!("{kind}.x"),
        "mode": "managed",
        "type": kind,
        "name": "x",
        "provider_name": AWS,
        "change": {
            "actions": actions,
            "before": side(before, 1),
            "after": side(after, 2),
            "after_unknown": mask(after),
            "before_sensitive": mask(before),
            "after_sensitive": mask(after),
        },
    });
    if replaces {
        change["action_reason"] = "replace_because_cannot_update".into();
        change["change"]["replace_paths"] = json!([[attribute]]);
    }
    change
}

/// Nothing happens to it.
pub(super) fn at_rest(kind: &str, name: &str, value: &Value) -> Value {
    json!({
        "address": format!("{kind}.{name}"),
        "mode": "managed",
        "type": kind,
        "name": name,
        "provider_name": AWS,
        "change": {
            "actions": ["no-op"], "before": value, "after": value, "after_unknown": {},
            "before_sensitive": {}, "after_sensitive": {},
        },
    })
}

/// Infrastructure with this one change, whose argument stands in the configuration.
pub(super) fn alone(kind: &str, actions: &[&str], attribute: &str) -> Value {
    let mut plan = plan(&[change(kind, actions, attribute)], &json!({}));
    plan["configuration"]["root_module"]["resources"] = json!([{
        "address": format!("{kind}.x"), "mode": "managed", "type": kind, "name": "x",
        "expressions": {attribute: {"constant_value": 2}},
    }]);
    plan
}

/// The upgrade, and this beside it.
pub(super) fn upgrade_and(change: Value) -> Value {
    let mut plan = upgrade();
    plan["resource_changes"].as_array_mut().unwrap().push(change);
    plan
}
