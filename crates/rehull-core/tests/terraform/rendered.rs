//! What rehull renders and what `templates` reads are one form. Terraform drops an attribute that is not declared without
//! a word, and a variable that nobody sets ends in a question.

use std::collections::{BTreeMap, BTreeSet};

use rehull_core::config;
use rehull_core::domain::fleet::tag;
use rehull_core::render::{self, RenderedGroups, RenderedSlot, render_control_plane, render_slot, tfvars};
use serde_json::Value;

use crate::files::{Folder, read, text};
use crate::modules::variables;
use crate::readme::is_as_generated;
use crate::types::Type;

/// Variables of `templates` that rehull does not render, with the reason.
const BY_HAND: [(&str, &str); 1] = [(
    "account_id",
    "a guard against rehull's own mistakes must not come from rehull",
)];

/// Short, and with what Terraform would replace in a template of its own.
const USER_DATA: &str = "#cloud-config\nruncmd:\n- [sh, -c, 'echo {{slot.name}} ${HOME} %{HOME}']\n";

const SERVER_USER_DATA: &str = "#cloud-config\nruncmd:\n- [echo, \"{{kubernetes.version}}\"]\n";

/// The text that rehull writes for the example.
pub(crate) fn example() -> String {
    let path = "examples/control-plane/cluster.yaml";
    let desired = config::parse(path, &text(path)).unwrap_or_else(|_| panic!("{path} is no cluster file"));
    let slots = desired.etcd.rendered().map(|slot| {
        let rendered: RenderedSlot = render_slot(&desired, slot, USER_DATA).unwrap();
        (slot.name.clone(), rendered)
    });
    let role = desired.control_plane.as_ref().unwrap();
    let servers = render_control_plane(&desired, role, SERVER_USER_DATA).unwrap();
    let groups = RenderedGroups {
        servers: Some(servers),
        ..RenderedGroups::default()
    };
    tfvars(&desired, &slots.collect::<BTreeMap<_, _>>(), &groups)
}

fn templates(folders: &[Folder]) -> &Folder {
    let path = "terraform/environments/dev/templates";
    folders.iter().find(|folder| folder.path == path).unwrap()
}

/// Where a JSON value does not fit a type exactly: too much is as wrong as too little.
fn misfits(place: &str, value: &Value, wanted: &Type) -> Vec<String> {
    match (value, wanted) {
        (Value::String(_), Type::String)
        | (Value::Number(_), Type::Number)
        | (Value::Bool(_), Type::Bool) => Vec::new(),
        (Value::Array(elements), Type::Many(of)) => elements
            .iter()
            .flat_map(|element| misfits(place, element, of))
            .collect(),
        (Value::Object(entries), Type::Map(of)) => entries
            .iter()
            .flat_map(|(key, value)| misfits(&format!("{place}.{key}"), value, of))
            .collect(),
        (Value::Object(entries), Type::Object(attributes)) => {
            let dropped = entries.keys().filter(|key| !attributes.contains_key(*key));
            let mut found: Vec<String> = dropped
                .map(|key| format!("{place}.{key} is rendered and not declared"))
                .collect();
            for (key, (of, _)) in attributes {
                match entries.get(key) {
                    Some(value) => found.extend(misfits(&format!("{place}.{key}"), value, of)),
                    None => found.push(format!("{place}.{key} is declared and not rendered")),
                }
            }
            found
        }
        (value, wanted) => vec![format!("{place}: {value} is rendered where {wanted} is declared")],
    }
}

fn compare(rendered: &Value, declared: &BTreeMap<String, (Type, bool)>) -> Vec<String> {
    let rendered = rendered.as_object().unwrap();
    let by_hand = BY_HAND.map(|(name, _)| name);
    let mut found = Vec::new();
    for name in rendered.keys().filter(|name| !declared.contains_key(*name)) {
        found.push(format!("`{name}` is rendered and not declared"));
    }
    for (name, (wanted, _)) in declared
        .iter()
        .filter(|(name, _)| !by_hand.contains(&name.as_str()))
    {
        match rendered.get(name) {
            Some(value) => found.extend(misfits(name, value, wanted)),
            None => found.push(format!("`{name}` is declared and not rendered")),
        }
    }
    found
}

#[test]
fn templates_declares_exactly_what_rehull_renders() {
    let folders = read();
    let rendered: Value = serde_json::from_str(&example()).unwrap();
    crate::none(&compare(&rendered, &variables(templates(&folders))));
}

#[test]
fn an_attribute_that_only_one_side_knows_is_found_at_any_depth() {
    let folders = read();
    let declared = variables(templates(&folders));
    let rendered: Value = serde_json::from_str(&example()).unwrap();
    let mut more = rendered.clone();
    more["etcd_launch_templates"]["etcd-a"]["key_name"] = Value::from("a");
    assert_eq!(
        compare(&more, &declared),
        ["etcd_launch_templates.etcd-a.key_name is rendered and not declared"]
    );
    let mut fewer = rendered.clone();
    let slot = fewer["etcd_launch_templates"]["etcd-b"].as_object_mut().unwrap();
    slot.remove("subnet_id").unwrap();
    assert_eq!(
        compare(&fewer, &declared),
        ["etcd_launch_templates.etcd-b.subnet_id is declared and not rendered"]
    );
    let mut other = rendered;
    other["rehull_format"] = Value::from("1");
    assert_eq!(
        compare(&other, &declared),
        ["rehull_format: \"1\" is rendered where a number is declared"]
    );
}

#[test]
fn the_module_takes_all_that_templates_passes_on() {
    let folders = read();
    let module = folders
        .iter()
        .find(|folder| folder.name() == "launch-template")
        .unwrap();
    let content = |declared: &BTreeMap<String, (Type, bool)>, name: &str| {
        let wanted = match &declared[name].0 {
            Type::Map(of) => (**of).clone(),
            other => other.clone(),
        };
        let Type::Object(attributes) = wanted else {
            panic!("{name} is no object")
        };
        attributes.into_keys().collect::<BTreeSet<String>>()
    };
    let (passed, taken) = (variables(templates(&folders)), variables(module));
    assert_eq!(
        content(&passed, "etcd_launch_templates"),
        content(&taken, "launch_template")
    );
    let mut of_groups = content(&passed, "group_launch_templates");
    of_groups.insert("subnet_id".to_owned());
    assert_eq!(of_groups, content(&taken, "launch_template"));
}

#[test]
fn the_rendered_file_that_the_modules_are_tested_with_is_what_rehull_writes() {
    is_as_generated(
        "crates/rehull-core/tests/terraform/rehull.auto.tfvars.json",
        &example(),
    );
}

#[test]
fn the_limit_of_user_data_is_the_same_on_both_sides() {
    let module = text("terraform/modules/launch-template/variables.tf");
    let base64 = render::USER_DATA_MAX.div_ceil(3) * 4;
    assert!(
        module.contains(&format!("< {base64} ||")),
        "not {base64} characters in base64"
    );
    // One byte more than a multiple of three ends in two signs of padding.
    assert_eq!(render::USER_DATA_MAX % 3, 1);
}

#[test]
fn slots_carry_the_tags_that_rehull_looks_for_and_speak_the_words_of_the_cluster_file() {
    let main = text("terraform/modules/etcd/main.tf");
    for tag in [tag::CLUSTER, tag::SLOT] {
        assert!(main.contains(&format!("\"{tag}\"")), "no part has the tag {tag}");
    }
    assert!(
        main.contains(&format!(
            "ignore_changes = [tags[\"{0}\"], tags_all[\"{0}\"]]",
            tag::GENERATION
        )),
        "Terraform would take away the tag {}",
        tag::GENERATION
    );
    let schema = config::schema();
    let slot = &schema["$defs"]["Slot"]["properties"];
    let words: BTreeSet<&String> = slot
        .as_object()
        .unwrap_or_else(|| panic!("{schema:#}"))
        .keys()
        .collect();
    let folders = read();
    let etcd = folders.iter().find(|folder| folder.name() == "etcd").unwrap();
    let (_, output) = etcd
        .blocks("output")
        .find(|(_, block)| crate::files::label(block, 0) == "slots")
        .unwrap();
    let value = &output.body.get_attribute("value").unwrap().value;
    let each = &value.as_for_expr().unwrap().value_expr;
    let keys = each
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(key, _)| crate::types::key_text(key));
    let keys: BTreeSet<String> = keys.collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>(), words);
}
