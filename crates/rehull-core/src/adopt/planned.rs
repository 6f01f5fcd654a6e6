//! What a plan says of each object, as far as a hand-over is proven by it: which one it is, and its tags.
//!
//! The gate forgets values as it reads, so these are read on their own. None of them leaves this folder.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::handover::Import;

/// A plan, object by object.
#[derive(Deserialize)]
pub(super) struct Planned {
    #[serde(default)]
    resource_changes: Vec<Entry>,
    /// The state that the plan was made of. A plan that only refreshes has its objects here and nowhere else.
    prior_state: Option<Prior>,
}

/// One object.
#[derive(Deserialize)]
pub(super) struct Entry {
    address: String,
    change: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    actions: Vec<String>,
    importing: Option<Importing>,
    before: Option<Values>,
    after: Option<Values>,
    after_unknown: Option<Value>,
}

#[derive(Deserialize)]
struct Importing {
    id: Option<Value>,
    unknown: Option<Value>,
}

/// Other types may have other things by these names, so nothing is asked of their shape.
#[derive(Deserialize)]
struct Values {
    id: Option<Value>,
    tags: Option<Value>,
    tags_all: Option<Value>,
}

#[derive(Deserialize)]
struct Prior {
    values: Option<PriorValues>,
}

#[derive(Deserialize)]
struct PriorValues {
    #[serde(default)]
    root_module: Module,
}

#[derive(Default, Deserialize)]
struct Module {
    #[serde(default)]
    resources: Vec<Known>,
    #[serde(default)]
    child_modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Known {
    address: String,
}

/// rehull's tags are added to what is imported; nothing else may change.
pub(super) const TAGS: [&str; 2] = ["tags", "tags_all"];

impl Planned {
    /// Every object by its address. One that stands twice is refused by the gate.
    pub(super) fn entries(&self) -> BTreeMap<&str, &Entry> {
        let all = self.resource_changes.iter();
        all.map(|one| (one.address.as_str(), one)).collect()
    }

    /// Addresses of what exists now, as far as this root module knows.
    pub(super) fn existing(&self) -> BTreeSet<&str> {
        let changes = self.resource_changes.iter();
        let mut existing: BTreeSet<&str> = changes
            .filter(|one| one.change.before.is_some())
            .map(|one| one.address.as_str())
            .collect();
        if let Some(values) = self.prior_state.as_ref().and_then(|prior| prior.values.as_ref()) {
            values.root_module.gather(&mut existing);
        }
        existing
    }
}

impl Module {
    fn gather<'p>(&'p self, into: &mut BTreeSet<&'p str>) {
        into.extend(self.resources.iter().map(|one| one.address.as_str()));
        for child in &self.child_modules {
            child.gather(into);
        }
    }
}

impl Entry {
    /// It stays in the state as it is.
    pub(super) fn is_no_op(&self) -> bool {
        self.change.actions == ["no-op"]
    }

    /// It is the object with this id: as Terraform has read it, and as the `import` block names it where there is one.
    pub(super) fn is(&self, id: &str) -> bool {
        let wanted = |found: &Value| found.as_str() == Some(id);
        let before = self.change.before.as_ref().and_then(|one| one.id.as_ref());
        let named = self.change.importing.as_ref().is_none_or(|importing| {
            importing.id.as_ref().is_none_or(wanted) && !importing.unknown.as_ref().is_some_and(has_true)
        });
        before.is_some_and(wanted) && named
    }

    /// It ends with every tag that it has and with the wanted ones, and with no other.
    pub(super) fn is_tagged(&self, import: &Import) -> bool {
        let (Some(before), Some(after)) = (&self.change.before, &self.change.after) else {
            return false;
        };
        let unknown = self.change.after_unknown.as_ref();
        TAGS.iter().all(|name| {
            let (Some(before), Some(after)) = (map(before.tags(name)), map(after.tags(name))) else {
                return false;
            };
            let mut wanted = before;
            for (key, value) in &import.tags {
                // One that is there already keeps its value, so another cluster's tag is seen below.
                let value = Value::String(value.clone());
                wanted.entry(key.clone()).or_insert(value);
            }
            let has_all = import
                .tags
                .iter()
                .all(|(key, value)| wanted.get(key).and_then(Value::as_str) == Some(value.as_str()));
            let is_known = !unknown.and_then(|of| of.get(name)).is_some_and(has_true);
            has_all && is_known && after == wanted
        })
    }
}

impl Values {
    fn tags(&self, name: &str) -> Option<&Value> {
        if name == "tags" {
            self.tags.as_ref()
        } else {
            self.tags_all.as_ref()
        }
    }
}

/// No tags are an empty map, or none.
fn map(value: Option<&Value>) -> Option<Map<String, Value>> {
    match value {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(map)) => Some(map.clone()),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => None,
    }
}

/// In a tree of what is not known yet, or of what a block says of itself.
fn has_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Array(list) => list.iter().any(has_true),
        Value::Object(map) => map.values().any(has_true),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}
