//! Every key of the example, one after the other: taken out, and misspelled.

use super::*;

/// Keys that have a default.
const OPTIONAL: [&str; 16] = [
    "/rollout",
    "/rollout/bake",
    "/rollout/snapshot",
    "/etcd/flags",
    "/controlPlane/serving",
    "/controlPlane/serving/floor",
    "/workers",
    "/workers/budget",
    "/workers/order",
    "/workers/groups/0/targetGroups",
    "/workers/groups/0/binaries",
    "/workers/groups/0/rolling",
    "/workers/groups/0/rolling/maxSurge",
    "/workers/groups/0/rolling/canary",
    "/workers/groups/0/rolling/bake",
    "/workers/groups/0/rolling/drainDeadline",
];

/// Names of flags, and of files that machines fetch, are their programs' business, not the schema's.
fn is_flag(pointer: &str) -> bool {
    pointer.starts_with("/etcd/flags/")
        || pointer.contains("/binaries/") && pointer.starts_with("/workers/")
        || pointer.matches('/').count() > 3 && pointer.contains("/flags/kube-")
}

/// Every key of an example and where it stands.
fn keys() -> Vec<(String, Span)> {
    let document = super::super::yaml::load(WITH_WORKERS).document.unwrap();
    let mut found = Vec::new();
    collect(&document, &Pointer::root(), &mut found);
    assert!(found.len() > 50, "{}", found.len());
    found
}

fn collect(node: &Node, at: &Pointer, found: &mut Vec<(String, Span)>) {
    match &node.kind {
        Kind::Scalar { .. } => {}
        Kind::List(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| collect(item, &at.index(index), found)),
        Kind::Map(entries) => {
            for entry in entries {
                let at = at.key(&entry.key);
                found.push((at.to_string(), entry.key_span));
                collect(&entry.value, &at, found);
            }
        }
    }
}

#[test]
fn a_misspelled_key_is_told_on_its_line() {
    for (pointer, key) in keys() {
        if is_flag(&pointer) {
            continue;
        }
        let text = format!("{}zz{}", &WITH_WORKERS[..key.end], &WITH_WORKERS[key.end..]);
        let found = parse("c", &text).expect_err(&pointer);
        let line = position(&text, key.start).0;
        let told = found
            .iter()
            .any(|m| m.code == "config::unknown_key" && position(&text, m.span.start).0 == line);
        assert!(told, "{pointer}: {:#?}", mistakes(&text));
    }
}

#[test]
fn a_missing_key_is_told_at_its_parent_unless_it_has_a_default() {
    // JSON is YAML with a key per line, so a key can be taken out of the value instead of out of the text.
    let document = super::super::yaml::load(WITH_WORKERS).document.unwrap();
    let whole = as_json(&document);
    for (pointer, _) in keys() {
        // That `workers` need `controlPlane` is a rule, not the schema's.
        if is_flag(&pointer) || pointer == "/controlPlane" {
            continue;
        }
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut less = whole.clone();
        less.pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .shift_remove(name)
            .unwrap();
        let text = serde_json::to_string_pretty(&less).unwrap();
        let found = parse("c", &text);
        if OPTIONAL.contains(&pointer.as_str()) {
            assert!(found.is_ok(), "{pointer}: {:#?}", mistakes(&text));
            continue;
        }
        let place = Spans::of(&text).caret(parent);
        let told = found
            .expect_err(&pointer)
            .iter()
            .any(|m| m.span == place && m.at == parent);
        assert!(told, "{pointer}: {:#?}", mistakes(&text));
    }
}

#[test]
fn whatever_the_schema_refuses_the_reader_explains_in_its_own_words() {
    let whole = as_json(&super::super::yaml::load(WITH_WORKERS).document.unwrap());
    let odd = [
        "\"§ §\"",
        "\"\"",
        "-1",
        "0",
        "99",
        "[]",
        "{}",
        "[null]",
        "[1]",
        "null",
        "true",
        "{\"a\": 1}",
    ];
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (pointer, _) in keys() {
        for value in odd {
            let mut changed = whole.clone();
            *changed.pointer_mut(&pointer).unwrap() = serde_json::from_str(value).unwrap();
            let text = serde_json::to_string(&changed).unwrap();
            let found = parse("c", &text).err().unwrap_or_default();
            let own_words = found.iter().all(|mistake| mistake.code != "config::schema");
            assert!(own_words, "{pointer} = {value}: {:#?}", mistakes(&text));
            assert!(
                validator.is_valid(&changed) || !found.is_empty(),
                "{pointer} = {value}"
            );
        }
    }
}

fn as_json(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar { value, .. } => value.clone(),
        Kind::List(items) => items.iter().map(as_json).collect(),
        Kind::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), as_json(&entry.value)))
                .collect(),
        ),
    }
}
