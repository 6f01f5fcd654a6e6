//! What an approval covers, as fingerprints: two manifests say what differs, and neither says what it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Address;
use crate::domain::canonical::canonical;
use crate::domain::ids::ContentDigest;

/// Current format; another one means other fingerprints for the same plan.
pub const MANIFEST_FORMAT: u32 = 1;

/// In front of an output's name; no address of a resource begins so, because no provider may be called `output`.
const OUTPUT: &str = "output.";

/// One plan, value by value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_FORMAT`].
    pub format: u32,
    /// Id of the key, never the key.
    pub key: Option<String>,
    /// Named things that are no secret: versions, lock file, envelope, allowed shapes, rendered content per role.
    pub facts: BTreeMap<String, String>,
    /// By address.
    pub changes: BTreeMap<String, Part>,
    /// By name.
    pub outputs: BTreeMap<String, Part>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Action, provider, move, import, reasons of a replacement.
    pub shape: String,
    /// Fingerprint of before and after, per attribute path.
    pub values: BTreeMap<String, String>,
}

impl Manifest {
    /// `sha256:` over its canonical JSON. What an approval names.
    #[must_use]
    pub fn digest(&self) -> ContentDigest {
        // Piece by piece, because a plan of 20,000 changes has half a million values; the bytes are those of the whole.
        let mut hash = Sha256::new();
        let mut feed = |text: &str| hash.update(text.as_bytes());
        feed("{\"changes\":");
        parts(&self.changes, &mut feed);
        feed(&format!(
            ",\"facts\":{},\"format\":{}",
            text(&json!(self.facts)),
            self.format
        ));
        feed(&format!(",\"key\":{},\"outputs\":", text(&json!(self.key))));
        parts(&self.outputs, &mut feed);
        feed("}");
        ContentDigest::new(format!("sha256:{}", hex::encode(hash.finalize())))
    }

    /// What `now` has that `self` (which was approved) has not, and the other way round. Empty: the digests are equal.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let formats = (self.format != now.format).then(|| ("format".to_owned(), None));
        let keys = (self.key != now.key).then(|| ("digest key".to_owned(), None));
        for (what, address) in formats.into_iter().chain(keys) {
            found.push(Difference {
                address,
                what,
                kind: Kind::Changed,
            });
        }
        for (what, kind) in compared(&self.facts, &now.facts) {
            found.push(Difference {
                address: None,
                what,
                kind,
            });
        }
        // Under another key every fingerprint is another one: that says nothing of the values.
        let comparable = self.format == now.format && self.key == now.key;
        differ(&self.changes, &now.changes, "", comparable, &mut found);
        differ(&self.outputs, &now.outputs, OUTPUT, comparable, &mut found);
        found
    }

    /// What `now` would do that `self` (which was approved) does not cover. Where part of it was applied already, only the
    /// rest has to be in it: what is gone was done, and outputs follow what was done.
    #[must_use]
    pub fn beyond(&self, now: &Self) -> Vec<Difference> {
        let mut found = self.differences(now);
        let is_rest = self
            .changes
            .keys()
            .any(|address| !now.changes.contains_key(address));
        if is_rest {
            found.retain(|difference| match &difference.address {
                None => true,
                Some(address) if address.as_str().starts_with(OUTPUT) => false,
                Some(_) => difference.kind != Kind::Removed,
            });
        }
        found
    }
}

fn text(value: &Value) -> String {
    let mut out = String::new();
    canonical(value, &mut out);
    out
}

fn parts(parts: &BTreeMap<String, Part>, feed: &mut impl FnMut(&str)) {
    feed("{");
    for (n, (name, part)) in parts.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        feed(&format!(
            "{comma}{}:{}",
            Value::String(name.clone()),
            text(&json!(part))
        ));
    }
    feed("}");
}

fn compared<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Vec<(String, Kind)> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let kind = |name: &String| match (old.get(name), new.get(name)) {
        (None, Some(_)) => Some(Kind::Added),
        (Some(_), None) => Some(Kind::Removed),
        (Some(old), Some(new)) => (old != new).then_some(Kind::Changed),
        (None, None) => None,
    };
    names
        .into_iter()
        .filter_map(|name| Some((name.clone(), kind(name)?)))
        .collect()
}

fn differ(
    old: &BTreeMap<String, Part>,
    new: &BTreeMap<String, Part>,
    prefix: &str,
    comparable: bool,
    found: &mut Vec<Difference>,
) {
    for (name, kind) in compared(old, new) {
        let address = Some(Address::new(&format!("{prefix}{name}")));
        let (Some(before), Some(after)) = (old.get(&name), new.get(&name)) else {
            let what = "the change".to_owned();
            found.push(Difference { address, what, kind });
            continue;
        };
        if before.shape != after.shape {
            let what = format!(
                "what is done ({} → {})",
                Address::new(&before.shape),
                Address::new(&after.shape)
            );
            found.push(Difference {
                address: address.clone(),
                what,
                kind: Kind::Changed,
            });
        }
        if comparable {
            for (path, kind) in compared(&before.values, &after.values) {
                let what = Address::new(&path).as_str().to_owned();
                found.push(Difference {
                    address: address.clone(),
                    what,
                    kind,
                });
            }
        }
    }
}

/// One thing that is not as it was approved. No value stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Resource or output; `None`: a fact of the whole plan.
    pub address: Option<Address>,
    /// Attribute path, or name of the fact.
    pub what: String,
    /// How.
    pub kind: Kind,
}

/// How a plan differs from the approved one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It was not approved.
    Added,
    /// It was approved and is gone.
    Removed,
    /// It is another one.
    Changed,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "`{address}`: ")?;
        }
        match self.kind {
            Kind::Added => write!(f, "{} was not approved", self.what),
            Kind::Removed => write!(f, "{} was approved and is gone", self.what),
            Kind::Changed => write!(f, "{} is not as approved", self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_whole_as_canonical_json() {
        let part = |shape: &str| Part {
            shape: shape.to_owned(),
            values: [("b", "2"), ("a\"", "1")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        };
        let manifest = Manifest {
            format: MANIFEST_FORMAT,
            key: Some("env:X".to_owned()),
            facts: [
                ("z".to_owned(), "é".to_owned()),
                ("a".to_owned(), "\u{1}".to_owned()),
            ]
            .into(),
            changes: [
                ("x.y[\"k\"]".to_owned(), part("update")),
                ("a.b".to_owned(), part("create")),
            ]
            .into(),
            outputs: BTreeMap::new(),
        };
        let whole = text(&serde_json::to_value(&manifest).unwrap());
        let expected = format!("sha256:{}", hex::encode(Sha256::digest(whole.as_bytes())));
        assert_eq!(manifest.digest().as_str(), expected);
    }

    #[test]
    fn of_a_plan_that_was_applied_in_part_only_the_rest_has_to_be_as_approved() {
        let part = |value: &str| Part {
            shape: "update".to_owned(),
            values: [("user_data".to_owned(), value.to_owned())].into(),
        };
        let named = |list: &[(&str, &str)]| {
            let parts = list.iter().map(|(name, value)| ((*name).to_owned(), part(value)));
            parts.collect::<BTreeMap<_, _>>()
        };
        let manifest = |changes: &[(&str, &str)], outputs: &[(&str, &str)]| Manifest {
            format: MANIFEST_FORMAT,
            key: None,
            facts: [("envelope".to_owned(), "e".to_owned())].into(),
            changes: named(changes),
            outputs: named(outputs),
        };
        let approved = manifest(&[("a", "1"), ("b", "2")], &[("o", "9")]);
        assert_eq!(approved.beyond(&approved), []);
        // Output `o` tells of `a` in another way now that it is done.
        assert_eq!(approved.beyond(&manifest(&[("b", "2")], &[("o", "8")])), []);
        let lines = |now: &Manifest| {
            let found = approved.beyond(now);
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        // Nothing was done yet: then everything counts.
        assert_eq!(
            lines(&manifest(&[("a", "1"), ("b", "2")], &[("o", "8")])),
            ["`output.o`: user_data is not as approved"]
        );
        assert_eq!(
            lines(&manifest(&[("b", "3")], &[])),
            ["`b`: user_data is not as approved"]
        );
        assert_eq!(
            lines(&manifest(&[("b", "2"), ("c", "1")], &[])),
            ["`c`: the change was not approved"]
        );
        let mut other = manifest(&[("b", "2")], &[]);
        other.facts.insert("envelope".to_owned(), "f".to_owned());
        assert_eq!(lines(&other), ["envelope is not as approved"]);
    }
}
