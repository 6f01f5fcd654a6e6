//! What differs between the plan that somebody agreed to and the one that is made again when the lease is held.
//!
//! The whole envelope is walked, so that nothing that is approved can change unnoticed; only the words are for people.

use serde_json::Value;

use super::envelope::Envelope;

/// One line per difference, `where: shown → now`; empty exactly if both have the same digest.
#[must_use]
pub fn differences(shown: &Envelope, now: &Envelope) -> Vec<String> {
    let (old, new) = (value(shown), value(now));
    let mut lines = Vec::new();
    walk("", &old, &new, &mut lines);
    // What Terraform changes is compared by its own words: its values are fingerprints, and nobody reads those.
    match (&shown.terraform, &now.terraform) {
        (None, None) => {}
        (Some(shown), Some(now)) => {
            let differ = shown.differences(now);
            lines.extend(differ.iter().map(|difference| format!("terraform: {difference}")));
        }
        (Some(_), None) => {
            lines.push("terraform: it had to change something, and no longer has to".to_owned());
        }
        (None, Some(_)) => lines.push("terraform: it had nothing to change, and now it has".to_owned()),
    }
    lines
}

fn value(envelope: &Envelope) -> Value {
    let envelope = Envelope {
        terraform: None,
        ..envelope.clone()
    };
    // Plain data: this cannot fail; if it ever did, `null` would differ from everything.
    serde_json::to_value(envelope).unwrap_or(Value::Null)
}

fn walk(place: &str, old: &Value, new: &Value, lines: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let (old, new) = (before.get(key), after.get(key));
                let (old, new) = (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null));
                walk(&inside(place, key), old, new, lines);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (number, (old, new)) in before.iter().zip(after).enumerate() {
                let name = old.pointer("/slot/name").and_then(Value::as_str);
                let name = name.map_or_else(|| number.to_string(), str::to_owned);
                walk(&inside(place, &name), old, new, lines);
            }
        }
        (old, new) if old == new => {}
        (old, new) => lines.push(format!("{place}: {} → {}", words(old), words(new))),
    }
}

fn inside(place: &str, key: &str) -> String {
    if place.is_empty() {
        key.to_owned()
    } else {
        format!("{place}.{key}")
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::indexing_slicing,
        reason = "a test that meets the unexpected shall fail loudly"
    )]
    use super::*;
    use crate::domain::policy::EtcdStrategy;
    use crate::domain::version::EtcdVersion;
    use crate::rollout::tests::model;

    #[test]
    fn a_plan_made_again_names_every_difference_and_none_means_the_same_digest() {
        let shown = model::plan(3, EtcdStrategy::RemoveThenAdd).envelope;
        let mut now = shown.clone();
        assert_eq!(differences(&shown, &now), Vec::<String>::new());
        assert_eq!(shown.digest(), now.digest());
        now.from = Some(EtcdVersion::new(3, 6, 14));
        now.slots[1].reasons = Vec::new();
        now.policy.lag_entries_max = 7;
        let lines = differences(&shown, &now);
        assert_ne!(shown.digest(), now.digest());
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines.iter().any(|line| line == "from: 3.5.33 → 3.6.14"),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("slots.etcd-b.reasons: [")),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("policy.lag_entries_max: ")),
            "{lines:?}"
        );
    }
}
