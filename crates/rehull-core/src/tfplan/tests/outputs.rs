//! What an output may say in an upgrade, slot by slot.

use serde_json::json;

use super::*;

fn said_of_a_slot(says: &Value) -> BTreeSet<&'static str> {
    let mut plan = plans::upgrade();
    plan["output_changes"]["launch_templates"]["after"]["etcd-a"] = says.clone();
    rules(&judged(&plan, &upgrade()))
}

#[test]
fn an_output_says_of_a_slot_what_was_rendered_for_it_and_not_for_another() {
    let of = |slot: &str| sha256(user_data(slot, "3.6.14").as_bytes());
    let says = |slot: &str| json!({"id": of(slot)});
    assert_eq!(said_of_a_slot(&says("etcd-a")), [].into());
    assert_eq!(said_of_a_slot(&says("etcd-b")), ["gate::output"].into());
}

#[test]
fn an_output_whose_map_becomes_a_word_is_refused() {
    assert_eq!(said_of_a_slot(&json!("3.6.14")), ["gate::output"].into());
}
