//! What an allowed upgrade is, written once more: on other types and without any code of the gate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::names::{configured, found, made};
use super::*;

const ATTRIBUTES_THAT_MAY_CHANGE: &[&str] = &[
    "default_version",
    "description",
    "iam_instance_profile",
    "image_id",
    "instance_type",
    "latest_version",
    "network_interfaces",
    "tag_specifications",
    "tags",
    "tags_all",
    "user_data",
    "vpc_security_group_ids",
];

/// A plan that does nothing but what was approved; else what is wrong with it.
pub(super) fn is_safe(plan: &Value) -> Result<(), String> {
    if plan["format_version"]
        .as_str()
        .is_none_or(|text| !text.starts_with("1."))
    {
        return Err("format".to_owned());
    }
    if plan["applyable"] != true || plan["complete"] != true || plan["errored"] != false {
        return Err("flags".to_owned());
    }
    outputs_follow(plan)?;
    let mut names = Vec::new();
    for entry in plan["resource_changes"].as_array().ok_or("changes")? {
        let change = &entry["change"];
        let beside = ["previous_address", "deposed", "index_unknown"]
            .iter()
            .any(|name| entry.get(name).is_some_and(|value| *value != false));
        if beside || change.get("importing").is_some_and(|value| !value.is_null()) {
            return Err(format!("beside: {entry}"));
        }
        match (&change["actions"], entry["type"].as_str()) {
            (actions, Some("aws_launch_template")) if *actions == json!(["update"]) => {
                if entry["mode"] != "managed"
                    || !entry["provider_name"]
                        .as_str()
                        .unwrap_or("")
                        .ends_with("/hashicorp/aws")
                {
                    return Err("not the resource of AWS".to_owned());
                }
                names.push(is_approved(change)?);
            }
            (actions, Some("aws_launch_template")) if *actions == json!(["no-op"]) => {
                if without_nulls(&change["before"]) != without_nulls(&change["after"]) {
                    return Err("nothing happens, and something differs".to_owned());
                }
                names.push(is_approved(change)?);
            }
            (actions, _) if *actions == json!(["no-op"]) => {}
            (actions, kind) => return Err(format!("{actions} of {kind:?}")),
        }
    }
    names.sort();
    names.dedup();
    if names != SLOTS.map(|slot| format!("dev-{slot}")) {
        return Err(format!("not all templates: {names:?}"));
    }
    Ok(())
}

/// To Terraform an attribute that is null is one that is not there.
fn without_nulls(side: &Value) -> Value {
    let mut side = side.clone();
    if let Some(attributes) = side.as_object_mut() {
        attributes.retain(|_, value| !value.is_null());
    }
    side
}

/// What is known of a slot in an output is what it was, a word of the render in the place of another one of its kind, or what
/// its template at rest says.
fn outputs_follow(plan: &Value) -> Result<(), String> {
    for (name, output) in plan["output_changes"].as_object().into_iter().flatten() {
        if output["actions"] == json!(["no-op"]) || output["after_unknown"] == true {
            continue;
        }
        for slot in SLOTS {
            let changes = plan["resource_changes"].as_array().into_iter().flatten();
            let mut at_rest = changes.map(|entry| &entry["change"]).filter(|change| {
                change["actions"] == json!(["no-op"]) && change["after"]["name"] == format!("dev-{slot}")
            });
            let template = at_rest.next().map_or(&Value::Null, |change| &change["after"]);
            for (field, value) in output["after"][slot].as_object().into_iter().flatten() {
                let made = if field == "version" {
                    "latest_version"
                } else {
                    field
                };
                let digest = content("2");
                let rendered = [digest.as_str(), "3.6.14", "ami-0123456789abcdef0", "m6i.large"];
                let unknown = output["after_unknown"][slot][field] == true;
                let was = &output["before"][slot][field];
                let replaces = |text: &&str| was.as_str().is_some_and(|was| kind(was) == kind(text));
                let follows = [was, &template[made]].contains(&value)
                    || value
                        .as_str()
                        .filter(replaces)
                        .is_some_and(|text| rendered.contains(&text));
                if !follows && !unknown {
                    return Err(format!("output {name} says of {slot}: {field} = {value}"));
                }
            }
        }
    }
    Ok(())
}

fn kind(text: &str) -> &'static str {
    let is_numbers = text
        .chars()
        .all(|letter| letter == '.' || letter.is_ascii_digit());
    if text.starts_with("sha256:") {
        "digest"
    } else if text.starts_with("ami-") {
        "image"
    } else if is_numbers {
        "version"
    } else if text.contains('.') {
        "type"
    } else {
        "none of the render"
    }
}

fn is_approved(change: &Value) -> Result<String, String> {
    let (before, after) = (&change["before"], &change["after"]);
    let name = after["name"].as_str().ok_or("no name")?;
    let slot = name.strip_prefix("dev-").ok_or("no slot")?;
    let script = STANDARD
        .decode(after["user_data"].as_str().ok_or("no user data")?)
        .map_err(|_| "base64")?;
    let expected = json!([
        user_data(slot, "3.6.14"),
        format!("rehull {}", content("2")),
        "ami-0123456789abcdef0",
        "m6i.large"
    ]);
    let script = String::from_utf8_lossy(&script).into_owned();
    if json!([
        script,
        after["description"],
        after["image_id"],
        after["instance_type"]
    ]) != expected
    {
        return Err(format!("not what was rendered: {after}"));
    }
    let keys = before
        .as_object()
        .into_iter()
        .chain(after.as_object())
        .flat_map(|map| map.keys());
    for key in keys {
        if before[key] != after[key] && !ATTRIBUTES_THAT_MAY_CHANGE.contains(&key.as_str()) {
            return Err(format!("`{key}` changes"));
        }
    }
    for (key, unknown) in change["after_unknown"].as_object().into_iter().flatten() {
        let is_unknown = unknown.to_string().contains("true");
        if is_unknown && !["latest_version", "default_version"].contains(&key.as_str()) {
            return Err(format!("`{key}` is not known"));
        }
    }
    is_known_by_the_same(before, after)?;
    is_in_its_place(change)?;
    can_be_rolled(after)?;
    Ok(name.to_owned())
}

/// Its name and rehull's own tags, wherever tags stand.
fn is_known_by_the_same(before: &Value, after: &Value) -> Result<(), String> {
    let known = |side: &Value| -> Vec<BTreeMap<String, Value>> {
        let specifications = side["tag_specifications"].as_array().into_iter().flatten();
        let all = specifications.map(|one| &one["tags"]);
        let of = |tags: &Value| -> BTreeMap<String, Value> {
            let tags = tags.as_object().into_iter().flatten();
            tags.filter(|(key, _)| *key == "Name" || key.starts_with("rehull:") || key.starts_with("aws:"))
                .filter(|(key, value)| *key != "rehull:digest" || **value != content("2"))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        [&side["tags"], &side["tags_all"]]
            .into_iter()
            .chain(all)
            .map(of)
            .collect()
    };
    if known(before) == known(after) {
        Ok(())
    } else {
        Err("it is known by another tag".to_owned())
    }
}

/// Whatever it was before.
fn is_in_its_place(change: &Value) -> Result<(), String> {
    let after = &change["after"];
    if after["iam_instance_profile"] != json!([{"arn": "", "name": "dev-etcd"}])
        && after["iam_instance_profile"] != json!([{"name": "dev-etcd"}])
        && after["iam_instance_profile"] != json!([{"arn": null, "name": "dev-etcd"}])
    {
        return Err("profile".to_owned());
    }
    let interfaces = after["network_interfaces"].as_array().ok_or("no interfaces")?;
    if interfaces.is_empty() || interfaces.iter().any(|one| one["subnet_id"] != "subnet-1") {
        return Err("subnet".to_owned());
    }
    let beside = &after["vpc_security_group_ids"];
    let beside =
        Some(beside).filter(|groups| !groups.is_null() && **groups != json!([]) && **groups != json!({}));
    let groups = interfaces.iter().map(|one| &one["security_groups"]).chain(beside);
    if groups
        .map(set)
        .any(|groups| groups != set(&json!(["sg-1", "sg-2"])))
    {
        return Err("security groups".to_owned());
    }
    for name in [
        "iam_instance_profile",
        "network_interfaces",
        "vpc_security_group_ids",
    ] {
        let mask = &change["after_sensitive"];
        if *mask != json!(false) && (!mask.is_object() || mask[name].to_string().contains("true")) {
            return Err(format!("`{name}` is hidden"));
        }
    }
    Ok(())
}

/// Whatever stands there beside the render.
fn can_be_rolled(after: &Value) -> Result<(), String> {
    let options = after["metadata_options"].as_array().map(Vec::as_slice);
    let Some([options]) = options else {
        return Err("metadata options".to_owned());
    };
    let endpoint = &options["http_endpoint"];
    let is_on = endpoint.is_null() || *endpoint == "" || *endpoint == "enabled";
    if !is_on || options["http_tokens"] != "required" || options["instance_metadata_tags"] != "enabled" {
        return Err("metadata".to_owned());
    }
    for name in ["disable_api_stop", "disable_api_termination"] {
        if ![json!(null), json!(false)].contains(&after[name]) {
            return Err(format!("`{name}`"));
        }
    }
    let market = &after["instance_market_options"];
    if ![json!(null), json!([]), json!({})].contains(market) {
        return Err("market".to_owned());
    }
    Ok(())
}

fn set(groups: &Value) -> BTreeSet<String> {
    let groups = groups.as_array().into_iter().flatten();
    groups.map(ToString::to_string).collect()
}

/// The provider tells `allow_overwrite` of a record itself, so no plan of a new one knows it.
#[test]
fn a_new_record_is_made_where_nobody_says_that_it_may_take_over_another() {
    let judge = |argument: &str| {
        let record = made(
            "aws_route53_record.x",
            &json!({"name": "x.example.com", "type": "A"}),
            &json!({"id": true, "allow_overwrite": true}),
        );
        found(
            &[record],
            &[configured("aws_route53_record.x", argument, &["var.x"])],
        )
    };
    assert_eq!(judge("records"), [].into());
    assert_eq!(judge("allow_overwrite"), ["gate::name"].into());
}
