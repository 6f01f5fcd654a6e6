//! Writes the cluster file: what the mapping says, and what the state tells beside it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::members::Member;
use super::state::Object;
use crate::config::Span;
use crate::config::yaml::{Entry, Kind, Node, load};
use crate::plan::Refusal;

/// The text, not judged yet.
pub(super) fn text(cluster_file: &[Entry], members: &[Member<'_>]) -> Result<String, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut top: Vec<Entry> = vec![entry("format", number(1))];
    for one in cluster_file.iter().filter(|one| one.key != "format") {
        top.push(one.clone());
    }
    let cluster = top
        .iter()
        .find(|entry| entry.key == "cluster")
        .and_then(|entry| raw(&entry.value))
        .unwrap_or_default()
        .to_owned();
    below(&mut top, "aws", |target| {
        for (key, seen) in place(members) {
            fill(target, key, seen, &mut refusals);
        }
    });
    below(&mut top, "etcd", |etcd| {
        let lacks = |etcd: &[Entry], key: &str| !etcd.iter().any(|one| one.key == key);
        if lacks(etcd, "instanceType") {
            let kind = |one: &Object| one.text("instance_type").map(str::to_owned);
            let kind = same(members, "instanceType", kind, &mut refusals);
            etcd.extend(kind.map(|kind| entry("instanceType", words(&kind))));
        }
        if lacks(etcd, "securityGroups") {
            let groups =
                |one: &Object| Some(one.texts("vpc_security_group_ids")).filter(|groups| !groups.is_empty());
            if let Some(groups) = same(members, "securityGroups", groups, &mut refusals) {
                let list = groups.iter().map(|group| words(group)).collect();
                etcd.push(entry("securityGroups", node(Kind::List(list))));
            }
        }
        let slots = members.iter().map(|member| slot(member, &cluster)).collect();
        etcd.push(entry("slots", node(Kind::List(slots))));
    });
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut out =
        "# Written by `rehull adopt`; from here on it is yours. Every key: docs/cluster-file.md of rehull.\n"
            .to_owned();
    write_map(&mut out, &top, 0);
    Ok(out)
}

/// Name of a slot's launch template.
pub(super) fn launch_template(cluster: &str, member: &str) -> String {
    format!("{cluster}-{member}")
}

fn slot(member: &Member<'_>, cluster: &str) -> Node {
    let mut entries = vec![entry("name", words(&member.name))];
    for key in ["zone", "subnet", "interface", "volume", "address"] {
        if let Some(value) = member.slot.get(key) {
            entries.push(entry(key, words(value)));
        }
    }
    let template = launch_template(cluster, &member.name);
    entries.push(entry("launchTemplate", words(&template)));
    node(Kind::Map(entries))
}

/// Account and region, as the machines' own names say them: `arn:aws:ec2:REGION:ACCOUNT:instance/i-…`.
fn place(members: &[Member<'_>]) -> Vec<(&'static str, BTreeSet<String>)> {
    let part = |index: usize| {
        members
            .iter()
            .filter_map(|member| member.instance?.text("arn")?.split(':').nth(index))
            .map(str::to_owned)
            .collect()
    };
    vec![("account", part(4)), ("region", part(3))]
}

/// What the state says beside what the mapping says; both, and differently, is a mistake.
fn fill(entries: &mut Vec<Entry>, key: &'static str, seen: BTreeSet<String>, refusals: &mut Vec<Refusal>) {
    let told = entries
        .iter()
        .find(|one| one.key == key)
        .and_then(|one| raw(&one.value));
    let other = seen
        .iter()
        .find(|one| told.is_some_and(|told| told != one.as_str()));
    if let Some(other) = other.or_else(|| seen.iter().nth(1)) {
        let message = format!("the state has machines in {key} {other}");
        let help = "one cluster lives in one account and one region: take the state of this cluster, or correct the mapping";
        refusals.push(
            Refusal::new("adopt::place", message, help).at(format!("/clusterFile/aws/{key}"), "another one"),
        );
        return;
    }
    if told.is_none()
        && let Some(only) = seen.into_iter().next()
    {
        entries.push(entry(key, words(&only)));
    }
}

/// What all machines have in common. Where they differ somebody has to say what the next ones get.
fn same<T: Eq>(
    members: &[Member<'_>],
    key: &str,
    of: impl Fn(&Object) -> Option<T>,
    refusals: &mut Vec<Refusal>,
) -> Option<T> {
    let seen = |member: &Member<'_>| Some((member.name.clone(), of(member.instance?)?));
    let all: Vec<(String, T)> = members.iter().filter_map(seen).collect();
    let (first, value) = all.first()?;
    if let Some((other, _)) = all.iter().find(|(_, seen)| seen != value) {
        let message = format!("the machines of {first} and {other} have different {key}");
        let help = format!(
            "a slot's next machine gets what the cluster file says: name `etcd.{key}` in the mapping"
        );
        refusals.push(Refusal::new("adopt::unlike", message, help).at("/clusterFile/etcd", "not named here"));
        return None;
    }
    // Of a machine that no state knows nobody can say that it is like the others.
    if all.len() < members.len() {
        return None;
    }
    all.into_iter().next().map(|(_, value)| value)
}

/// Changes the map below a key, made where there is none. Something else that stands there is left to the judge of the file.
fn below(top: &mut Vec<Entry>, key: &str, change: impl FnOnce(&mut Vec<Entry>)) {
    if !top.iter().any(|one| one.key == key) {
        top.push(entry(key, node(Kind::Map(Vec::new()))));
    }
    let one = top.iter_mut().find(|one| one.key == key);
    if let Some(Kind::Map(entries)) = one.map(|one| &mut one.value.kind) {
        change(entries);
    }
}

fn node(kind: Kind) -> Node {
    let span = Span::default();
    Node { span, kind }
}

fn entry(key: &str, value: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        key_span: Span::default(),
        value,
    }
}

fn words(text: &str) -> Node {
    node(Kind::Scalar {
        value: Value::String(text.to_owned()),
        raw: text.to_owned(),
    })
}

fn number(number: i64) -> Node {
    node(Kind::Scalar {
        value: Value::from(number),
        raw: number.to_string(),
    })
}

fn raw(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar { raw, .. } => Some(raw),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

fn write_map(out: &mut String, entries: &[Entry], depth: usize) {
    for one in entries {
        out.push_str(&"  ".repeat(depth));
        write_entry(out, one, depth);
    }
}

fn write_entry(out: &mut String, one: &Entry, depth: usize) {
    out.push_str(&scalar(&Value::String(one.key.clone()), &one.key));
    out.push(':');
    match &one.value.kind {
        Kind::Scalar { value, raw } => out.push_str(&format!(" {}\n", scalar(value, raw))),
        Kind::List(items) if items.is_empty() => out.push_str(" []\n"),
        Kind::Map(inner) if inner.is_empty() => out.push_str(" {}\n"),
        Kind::Map(inner) => {
            out.push('\n');
            write_map(out, inner, depth.saturating_add(1));
        }
        Kind::List(items) => {
            out.push('\n');
            for item in items {
                write_item(out, item, depth.saturating_add(1));
            }
        }
    }
}

fn write_item(out: &mut String, item: &Node, depth: usize) {
    out.push_str(&"  ".repeat(depth));
    out.push_str("- ");
    match &item.kind {
        Kind::Scalar { value, raw } => out.push_str(&format!("{}\n", scalar(value, raw))),
        Kind::Map(entries) if !entries.is_empty() => {
            for (index, one) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(&"  ".repeat(depth.saturating_add(1)));
                }
                write_entry(out, one, depth.saturating_add(1));
            }
        }
        // The format has no lists of lists: the judge of the file says so.
        Kind::Map(_) | Kind::List(_) => out.push_str("{}\n"),
    }
}

/// A text stays without quotes only if it is read again as the same text.
fn scalar(value: &Value, raw: &str) -> String {
    let Value::String(text) = value else {
        return if raw.is_empty() {
            "null".to_owned()
        } else {
            raw.to_owned()
        };
    };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._/-".contains(letter);
    let reads = load(text).document.map(|document| document.kind);
    let same = matches!(reads, Some(Kind::Scalar { value: Value::String(again), .. }) if again == *text);
    if same && text.chars().all(is_plain) {
        text.clone()
    } else {
        Value::String(text.clone()).to_string()
    }
}
