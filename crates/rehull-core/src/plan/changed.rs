//! What differs between the plan that somebody agreed to and the one that is made again when the lease is held.
//!
//! The whole envelope is walked, so that nothing that is approved can change unnoticed; what stands there as data is told in
//! words.

use serde_json::{Map, Value};

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
        (old, new) => lines.push(told(place, old, new)),
    }
}

fn told(place: &str, old: &Value, new: &Value) -> String {
    let slot = place
        .strip_prefix("slots.")
        .and_then(|inner| inner.strip_suffix(".from"));
    match (slot, runs(old), runs(new)) {
        (Some(slot), Some(version), None) => {
            format!("{slot}: ran etcd {version} when the plan was shown, and does not tell what it runs now")
        }
        (Some(slot), None, Some(version)) => {
            format!("{slot}: runs etcd {version}, and did not tell when the plan was shown")
        }
        _ => {
            let (old, new) = (words(old), words(new));
            // Reasons have arrows of their own.
            let mark = if old.contains('→') || new.contains('→') {
                "`"
            } else {
                ""
            };
            format!("{place}: {mark}{old}{mark} → {mark}{new}{mark}")
        }
    }
}

/// The release of a slot's content.
fn runs(content: &Value) -> Option<&str> {
    content.get("digest")?;
    content.get("version")?.as_str()
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
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) if items.is_empty() => "nothing".to_owned(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => of_fields(value, fields),
    }
}

/// By its name where it has one; else field by field.
fn of_fields(value: &Value, fields: &Map<String, Value>) -> String {
    let name = value.pointer("/slot/name").or_else(|| fields.get("name"));
    if let Some(name) = name.and_then(Value::as_str) {
        return name.to_owned();
    }
    if let Some(version) = runs(value) {
        return format!("etcd {version}");
    }
    // As serde writes a span of time.
    if let (Some(seconds), Some(_)) = (fields.get("secs"), fields.get("nanos")) {
        return format!("{seconds} s");
    }
    let field = |(key, value): (&String, &Value)| format!("{key} {}", words(value));
    fields.iter().map(field).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::indexing_slicing,
        reason = "a test that meets the unexpected shall fail loudly"
    )]
    use std::time::Duration;

    use super::super::envelope::{Reversible, RolloutKind};
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
                .any(|line| line == "slots.etcd-b.reasons: `etcd 3.5.33 → 3.6.14` → `nothing`"),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("policy.lag_entries_max: ")),
            "{lines:?}"
        );
    }

    /// Between the plan and its approval a member goes out, or is back.
    #[test]
    fn a_member_that_went_out_since_the_plan_was_shown_is_told_in_words() {
        let shown = model::plan(3, EtcdStrategy::RemoveThenAdd).envelope;
        let mut now = shown.clone();
        now.slots[1].from = None;
        let out = "etcd-b: ran etcd 3.5.33 when the plan was shown, and does not tell what it runs now";
        assert_eq!(differences(&shown, &now), [out]);
        let back = "etcd-b: runs etcd 3.5.33, and did not tell when the plan was shown";
        assert_eq!(differences(&now, &shown), [back]);
    }

    #[test]
    fn no_difference_is_told_as_data() {
        let shown = model::plan(3, EtcdStrategy::RemoveThenAdd).envelope;
        let spare = model::plan(3, EtcdStrategy::LearnerFirst).envelope;
        let mut now = shown.clone();
        now.spare = spare.spare;
        now.kind = RolloutKind::Rollback {
            of: "dev-1".to_owned(),
        };
        now.policy.settle = Duration::from_secs(60);
        now.machine.security_groups = vec!["sg-1".to_owned(), "sg-2".to_owned()];
        now.reversible = Reversible::Never {
            why: "new".to_owned(),
        };
        now.slots.pop();
        let lines = differences(&shown, &now);
        for line in &lines {
            assert!(!line.contains(['{', '[', '"']), "{line}");
        }
        let slots = "slots: etcd-a; etcd-b; etcd-c → etcd-a; etcd-b".to_owned();
        assert!(lines.contains(&slots), "{lines:#?}");
    }
}
