//! The example cluster, changed one thing at a time.

mod proofs;
mod rows;
mod stages;
mod states;
mod told;
mod written;

use serde_json::Value;

use super::{Adoption, State, Unadopted, adopt};
use crate::config::adoption::{self, Mapping};
use crate::plan::Refusal;

const MAPPING: &str = include_str!("../../../../../examples/adopt/mapping.yaml");
const STATE: &str = include_str!("../../../../../examples/adopt/state.json");

fn mapping(text: &str) -> Mapping {
    adoption::read("mapping.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

fn state() -> Value {
    serde_json::from_str(STATE).unwrap()
}

fn read(state: &Value) -> State {
    State::read(state.to_string().as_bytes()).unwrap()
}

fn adopted(text: &str, state: &Value) -> Adoption {
    adopt(&mapping(text), Some(&read(state))).unwrap_or_else(|why| panic!("{why:#?}"))
}

/// What stands against it.
fn refused(text: &str, state: &Value) -> Vec<Refusal> {
    match adopt(&mapping(text), Some(&read(state))) {
        Err(Unadopted::Refused(refusals)) => refusals,
        Err(Unadopted::Mistaken(mistakes)) => panic!("{mistakes:#?}"),
        Ok(adoption) => panic!("nothing stands against it: {:#?}", adoption.files),
    }
}

/// The values of the object at this address.
fn values<'v>(state: &'v mut Value, address: &str) -> &'v mut Value {
    let found = all(state).find(|one| one["address"] == address);
    &mut found.unwrap_or_else(|| panic!("no `{address}`"))["values"]
}

fn all(state: &mut Value) -> impl Iterator<Item = &mut Value> {
    let root = state["values"]["root_module"].as_object_mut().unwrap();
    let mut lists = Vec::new();
    for (key, value) in root {
        match key.as_str() {
            "resources" => lists.push(value),
            "child_modules" => lists.push(&mut value[0]["resources"]),
            _ => {}
        }
    }
    lists.into_iter().flat_map(|list| list.as_array_mut().unwrap())
}

fn add(state: &mut Value, address: &str, kind: &str, values: &Value) {
    let one = serde_json::json!({ "address": address, "mode": "managed", "type": kind, "values": values });
    let root = state["values"]["root_module"]["resources"]
        .as_array_mut()
        .unwrap();
    root.push(one);
}

fn without(state: &mut Value, address: &str) {
    let modules = &mut state["values"]["root_module"];
    for list in ["/resources", "/child_modules/0/resources"] {
        let list = modules.pointer_mut(list).unwrap().as_array_mut().unwrap();
        list.retain(|one| one["address"] != address);
    }
}
