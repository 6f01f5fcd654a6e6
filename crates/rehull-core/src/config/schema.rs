//! The JSON Schema of the cluster file, made from the types in `file`.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::file;

/// The schema, ready for use. Compiling it takes longer than everything else about reading a file.
pub(super) struct Compiled {
    pub(super) schema: Value,
    /// Or why it could not be compiled, which no test has ever seen.
    pub(super) validator: Result<Validator, String>,
}

pub(super) static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string());
    Compiled { schema, validator }
});

/// JSON Schema (2020-12) of a cluster file. Editors use it; `parse` checks with the same.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(file::Cluster).to_value();
    forbid_null(&mut schema);
    schema
}

/// `Option` in `file` means "may be missing", never "may be null": a key without a value is a mistake.
fn forbid_null(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(mut options)) = members.remove("anyOf") {
                options.retain(|option| option.get("type").is_none_or(|name| name != "null"));
                match options.as_slice() {
                    [Value::Object(only)] => members.extend(only.clone()),
                    _ => {
                        members.insert("anyOf".to_owned(), Value::Array(options));
                    }
                }
            }
            members.values_mut().for_each(forbid_null);
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
