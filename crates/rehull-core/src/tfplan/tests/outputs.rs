//! What outputs may say after an upgrade: of each thing what the render says of that thing.

use serde_json::json;

use super::plans;
use super::*;

/// An output goes from one value to another; `etcd-b` is rendered to something of its own.
fn found(before: &Value, after: &Value) -> BTreeSet<&'static str> {
    let mut terms = upgrade();
    if let Mode::Upgrade(contract) = &mut terms.mode {
        contract.roles[1].image = ImageId::new("ami-0bbbbbbbbbbbbbbbb");
        contract.roles[1].instance_type = "m6i.xlarge".to_owned();
    }
    let mut plan = plans::upgrade();
    let after_of_b = &mut plan["resource_changes"][1]["change"]["after"];
    after_of_b["image_id"] = "ami-0bbbbbbbbbbbbbbbb".into();
    after_of_b["instance_type"] = "m6i.xlarge".into();
    plan["output_changes"]["told"] = json!({
        "actions": ["update"], "before": before, "after": after, "after_unknown": false,
        "before_sensitive": false, "after_sensitive": false,
    });
    rules(&judged(&plan, &terms))
}

#[test]
fn an_output_may_say_of_a_thing_what_the_render_says_of_it() {
    let digest = (content("1"), content("2"));
    for (before, after) in [
        (json!("3.5.33"), json!("3.6.14")),
        (json!(digest.0), json!(digest.1)),
        (
            json!(["ami-1", "ami-2"]),
            json!(["ami-0123456789abcdef0", "ami-0bbbbbbbbbbbbbbbb"]),
        ),
        (
            json!({"etcd": {"version": "3.5.33"}}),
            json!({"etcd": {"version": "3.6.14"}}),
        ),
        (
            json!({"etcd-b": {"id": "lt-b", "image": "ami-1", "type": "t3.nano"}}),
            json!({"etcd-b": {"id": "lt-b", "image": "ami-0bbbbbbbbbbbbbbbb", "type": "m6i.xlarge"}}),
        ),
    ] {
        assert_eq!(found(&before, &after), [].into(), "{before} → {after}");
    }
}

#[test]
fn an_output_does_not_become_a_rendered_text_in_the_place_of_something_else() {
    let image = "ami-0123456789abcdef0";
    for (before, after) in [
        (json!("dev.example.org"), json!(image)),
        (json!("node-1.example"), json!("m6i.large")),
        (json!("10.0.0.1"), json!("3.6.14")),
        (json!("https://10.0.0.1:2379"), json!(content("2"))),
        (json!("3.5.33"), json!(image)),
        (json!("m5.large"), json!("3.6.14")),
        (json!({"etcd-a": {"version": 7}}), json!(image)),
        (json!(["sg-1"]), json!(["m6i.large"])),
        (json!(7), json!("3.6.14")),
        (json!(null), json!("3.6.14")),
        (json!({"etcd-a": {}}), json!({"etcd-a": {"image": image}})),
    ] {
        assert_eq!(
            found(&before, &after),
            ["gate::output"].into(),
            "{before} → {after}"
        );
    }
}

#[test]
fn nothing_is_said_under_a_slot_that_the_render_says_of_another_one() {
    for (before, after) in [
        (
            json!({"etcd-a": "ami-1"}),
            json!({"etcd-a": "ami-0bbbbbbbbbbbbbbbb"}),
        ),
        (json!({"etcd-b": "t3.nano"}), json!({"etcd-b": "m6i.large"})),
        (
            json!({"etcd-a": {"in": {"etcd-b": "t3.nano"}}}),
            json!({"etcd-a": {"in": {"etcd-b": "m6i.xlarge"}}}),
        ),
    ] {
        assert_eq!(
            found(&before, &after),
            ["gate::output"].into(),
            "{before} → {after}"
        );
    }
}
