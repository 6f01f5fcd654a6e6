//! The reference of the cluster file, written from its schema, so that the two cannot differ.

use std::fmt::Write as _;

use serde_json::Value;

use super::schema::COMPILED;

/// Markdown: one table per map of keys, in file order.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    section(&COMPILED.schema, "", &mut text);
    text
}

fn section(part: &Value, at: &str, text: &mut String) {
    let Some(properties) = part.get("properties").and_then(Value::as_object) else {
        return;
    };
    let heading = if at.is_empty() {
        "Top level".to_owned()
    } else {
        format!("`{at}`")
    };
    let required: Vec<&str> = part
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    // Writing into a `String` cannot fail.
    let _ = write!(
        text,
        "\n### {heading}\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
    );
    for (key, value) in properties {
        let meaning = value
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .replace('\n', " ");
        let default = match value.get("default") {
            Some(Value::String(default)) => format!("`{default}`"),
            Some(default) => format!("`{default}`"),
            None if required.contains(&key.as_str()) => "required".to_owned(),
            None => "–".to_owned(),
        };
        let _ = writeln!(
            text,
            "| `{key}` | {} | {default} | {meaning} |",
            value_kind(value)
        );
    }
    for (key, value) in properties {
        let (below, mark) = match resolve(value).get("items") {
            Some(items) => (resolve(items), "[]"),
            None => (resolve(value), ""),
        };
        let at = if at.is_empty() {
            format!("{key}{mark}")
        } else {
            format!("{at}.{key}{mark}")
        };
        section(below, &at, text);
    }
}

fn resolve(value: &Value) -> &Value {
    let target = value
        .get("$ref")
        .and_then(Value::as_str)
        .map(|reference| reference.trim_start_matches('#'));
    target
        .and_then(|pointer| COMPILED.schema.pointer(pointer))
        .unwrap_or(value)
}

fn value_kind(value: &Value) -> String {
    let words = resolve(value).get("oneOf").and_then(Value::as_array);
    if let Some(words) = words {
        let words = words.iter().filter_map(|word| word.get("const")?.as_str());
        return words
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let pattern = value.get("pattern").and_then(Value::as_str);
    match resolve(value)
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "string" if pattern == Some(super::file::DURATION) => "duration".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "`true`, `false`".to_owned(),
        "array" => "list".to_owned(),
        _ => "keys".to_owned(),
    }
}
