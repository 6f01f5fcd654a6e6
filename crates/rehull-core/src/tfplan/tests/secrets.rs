//! No value of a plan comes out of it that was not let through.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use serde_json::{Value, json};

use super::plans;
use super::*;
use crate::tfplan::mask::{plain, redact};
use crate::tfplan::node::Node;

const CANARY: &str = "canary-hunter2";

/// Everything that somebody could print, log or send of a decision.
fn everything(decision: &Decision) -> String {
    let findings: Vec<String> = decision.findings.iter().map(ToString::to_string).collect();
    format!(
        "{decision:?}\n{}\n{}",
        serde_json::to_string(decision).unwrap(),
        findings.join("\n")
    )
}

#[test]
fn a_canary_in_every_corner_of_a_plan_comes_out_nowhere() {
    let real = include_str!("../fixtures/recorded/sensitive.json");
    assert!(real.contains(CANARY));
    for terms in [upgrade_of_stand_ins(), upgrade(), infrastructure()] {
        for setting in [keyed(), setting(None)] {
            let decision = decide(real.as_bytes(), &terms, &setting).unwrap();
            assert!(!everything(&decision).contains("hunter2"));
        }
    }
    let mut plan = plans::upgrade();
    plan["configuration"]["root_module"]["variables"]["cluster"]["sensitive"] = true.into();
    assert!(spoilt(&mut plan, "") > 100);
    // It is refused for many reasons now, and none of them repeats a value.
    for terms in [upgrade(), infrastructure()] {
        let decision = judged(&plan, &terms);
        assert!(
            !everything(&decision).contains("hunter2"),
            "{}",
            everything(&decision)
        );
    }
}

/// Words of the format and names of things; all other texts are values.
const TOLD: &[&str] = &[
    "actions",
    "address",
    "format_version",
    "full_name",
    "mode",
    "name",
    "provider_name",
    "terraform_version",
    "type",
];

/// Every value becomes a canary, and all of them are marked as sensitive. How many.
fn spoilt(value: &mut Value, under: &str) -> usize {
    match value {
        Value::String(text) if !TOLD.contains(&under) => {
            CANARY.clone_into(text);
            1
        }
        Value::Array(items) => items.iter_mut().map(|item| spoilt(item, under)).sum(),
        Value::Object(map) => {
            let one = |(name, item): (&String, &mut Value)| {
                if ["before_sensitive", "after_sensitive"].contains(&name.as_str()) {
                    *item = Value::Bool(true);
                    0
                } else {
                    spoilt(item, name)
                }
            };
            map.iter_mut().map(one).sum()
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[test]
fn a_copy_that_terraform_does_not_mark_is_not_shown_either() {
    // `terraform_data` repeats its sensitive input in `output`, and the mask does not follow: as recorded.
    let real = include_str!("../fixtures/recorded/sensitive.json");
    let plan: Value = serde_json::from_str(real).unwrap();
    let change = &plan["resource_changes"][0]["change"];
    assert_eq!(change["before"]["output"]["password"], "canary-hunter2-before");
    assert_eq!(
        change["before_sensitive"]["output"].get("password"),
        None,
        "unmarked, and it is the secret"
    );
    let decision = decide(real.as_bytes(), &infrastructure(), &keyed()).unwrap();
    let shown = decision.changes[0]
        .attributes
        .iter()
        .find(|one| one.name == "output")
        .unwrap();
    assert_eq!((&shown.before, &shown.after), (&Shown::Masked, &Shown::Unknown));
}

fn shown(value: &Value, mask: Option<&Value>) -> Shown {
    let object = json!({"image_id": value}).to_string();
    let mask = mask.map(ToString::to_string);
    let node = |text: &'_ str| -> Box<serde_json::value::RawValue> { serde_json::from_str(text).unwrap() };
    let (object, mask) = (node(&object), mask.as_deref().map(node));
    let (object, mask) = (
        Node::of(&object).ok().unwrap(),
        mask.as_deref().map(|mask| Node::of(mask).ok().unwrap()),
    );
    redact(
        "aws_launch_template",
        "image_id",
        (Some(&object), mask.as_ref(), None),
    )
}

#[test]
fn what_a_mask_does_not_say_in_its_own_shape_is_not_shown() {
    let (open, value) = (Shown::Value("ami-1".to_owned()), json!("ami-1"));
    for (mask, expected) in [
        (Some(json!({})), open.clone()),
        (Some(json!(false)), open.clone()),
        (Some(json!({"image_id": false})), open.clone()),
        (Some(json!({"user_data": true})), open),
        (None, Shown::Masked),
        (Some(json!(true)), Shown::Masked),
        (Some(json!(null)), Shown::Masked),
        (Some(json!([])), Shown::Masked),
        (Some(json!("false")), Shown::Masked),
        (Some(json!({"image_id": true})), Shown::Masked),
        (Some(json!({"image_id": {}})), Shown::Masked),
        (Some(json!({"image_id": [false]})), Shown::Masked),
        (Some(json!({"image_id": null})), Shown::Masked),
        (Some(json!({"image_id": 0})), Shown::Masked),
    ] {
        assert_eq!(shown(&value, mask.as_ref()), expected, "{mask:?}");
    }
    let clear = json!({});
    for (value, expected) in [
        (json!(null), Shown::Nothing),
        (json!(8), Shown::Value("8".to_owned())),
        (json!(["ami-1"]), Shown::Masked),
        (json!("a\u{1b}[2Jb"), Shown::Masked),
        (json!("a\u{202e}b"), Shown::Masked),
        (json!("a".repeat(201)), Shown::Masked),
    ] {
        assert_eq!(shown(&value, Some(&clear)), expected, "{value}");
    }
}

#[test]
fn variables_have_no_mask_so_the_configuration_tells_which_are_sensitive() {
    let with = |sensitive: Value, declared: bool| {
        let mut plan = plans::upgrade();
        plan["variables"] = json!({"cluster": {"value": "dev"}, "password": {"value": CANARY}});
        let variables = if declared {
            json!({"cluster": {"sensitive": sensitive}, "password": {}})
        } else {
            json!({})
        };
        plan["configuration"]["root_module"]["variables"] = variables;
        judged(&plan, &upgrade()).variables
    };
    let named = |name: &str, value: Shown| ShownVariable {
        name: name.to_owned(),
        value,
    };
    let open = named("cluster", Shown::Value("dev".to_owned()));
    let (masked, password) = (named("cluster", Shown::Masked), named("password", Shown::Masked));
    assert_eq!(
        with(json!(false), true),
        [open, password.clone()],
        "the other is on no list"
    );
    assert_eq!(with(json!(true), true), [masked.clone(), password.clone()]);
    assert_eq!(with(json!("no"), true), [masked.clone(), password.clone()]);
    assert_eq!(
        with(json!(false), false),
        [masked, password],
        "nobody declared it"
    );
}

#[test]
fn addresses_cannot_disguise_themselves_or_run_on() {
    let address = Address::new("aws_x.y[\"\u{1b}[31m\u{202e}\n\"]");
    assert_eq!(address.as_str(), "aws_x.y[\"\u{fffd}[31m\u{fffd}\u{fffd}\"]");
    assert_eq!(Address::new(&"é".repeat(1_000)).as_str().chars().count(), 301);
}

#[test]
fn values_of_a_plan_and_keys_have_no_way_to_be_printed() {
    // Inherent constants come before those of a trait: `true` only where the bound holds.
    trait No {
        const DEBUG: bool = false;
        const DISPLAY: bool = false;
        const SERIALIZE: bool = false;
    }
    struct Is<T>(PhantomData<T>);
    impl<T> No for Is<T> {}
    struct IsDisplay<T>(PhantomData<T>);
    impl<T> No for IsDisplay<T> {}
    struct IsSerialize<T>(PhantomData<T>);
    impl<T> No for IsSerialize<T> {}
    impl<T: Debug> Is<T> {
        const DEBUG: bool = true;
    }
    impl<T: Display> IsDisplay<T> {
        const DISPLAY: bool = true;
    }
    impl<T: serde::Serialize> IsSerialize<T> {
        const SERIALIZE: bool = true;
    }
    let seen = [
        Is::<Shown>::DEBUG,
        IsDisplay::<Shown>::DISPLAY,
        IsSerialize::<Shown>::SERIALIZE,
    ];
    assert_eq!(seen, [true; 3], "the question itself works");
    let node = [
        Is::<Node<'_>>::DEBUG,
        IsDisplay::<Node<'_>>::DISPLAY,
        IsSerialize::<Node<'_>>::SERIALIZE,
    ];
    assert_eq!(node, [false; 3]);
    let key = [
        Is::<DigestKey>::DEBUG,
        IsDisplay::<DigestKey>::DISPLAY,
        IsSerialize::<DigestKey>::SERIALIZE,
    ];
    assert_eq!(key, [false; 3]);
    assert_eq!(plain(&Node::Null), Shown::Nothing);
}

#[test]
fn the_state_before_has_a_mask_of_its_own_and_the_same_walk_reads_it() {
    let real: Value = serde_json::from_str(include_str!("../fixtures/recorded/sensitive.json")).unwrap();
    let resource = &real["prior_state"]["values"]["root_module"]["resources"][0];
    let (values, mask) = (
        resource["values"].to_string(),
        resource["sensitive_values"].to_string(),
    );
    let raw = |text: &str| -> Box<serde_json::value::RawValue> { serde_json::from_str(text).unwrap() };
    let (values, mask) = (raw(&values), raw(&mask));
    let (values, mask) = (Node::of(&values).ok().unwrap(), Node::of(&mask).ok().unwrap());
    let input = values.get("input").unwrap();
    let masking = crate::tfplan::mask::part(input, &mask, "input");
    assert!(masking.any(), "the password is masked in it");
    let shown = redact("aws_launch_template", "id", (Some(&values), Some(&mask), None));
    assert!(matches!(shown, Shown::Value(_)));
    assert_eq!(
        redact("terraform_data", "id", (Some(&values), Some(&mask), None)),
        Shown::Masked,
        "on no list"
    );
}
