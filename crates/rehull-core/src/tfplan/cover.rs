//! What no plan tells of a value that is not known yet: the sources, and what was read while they were evaluated. An approval
//! of such a plan covers them by themselves.

use std::collections::BTreeMap;

use super::decision::{Setting, Sources};
use super::digest::Fingerprints;
use super::finding::Finding;
use super::gate::general::{NO_KEY, SOURCES};
use super::node::Node;
use super::prior::Said;
use crate::domain::terraform::Address;

/// What a run writes: the sources leave it out, unless the call that reads it says so.
const LOG: &str = ".log";

/// Variables that could lead a path elsewhere than where its call says.
#[derive(Default)]
pub(super) struct Leads {
    /// The first that leads out of a folder.
    up: Option<String>,
    /// The first that may be a whole path.
    anywhere: Option<String>,
}

impl Leads {
    /// What this variable says; `None`: nobody can tell.
    pub(super) fn note(&mut self, name: &str, value: Option<&Node<'_>>) {
        if self.up.is_none() && value.is_none_or(|value| any(value, climbs)) {
            self.up = Some(name.to_owned());
        }
        if self.anywhere.is_none() && value.is_none_or(|value| any(value, is_whole)) {
            self.anywhere = Some(name.to_owned());
        }
    }

    fn why(&self, sources: &Sources) -> Option<String> {
        let computes = sources.computes.as_ref().or(sources.computes_all.as_ref());
        let up = self.up.as_ref().zip(computes);
        let (variable, place) = up.or_else(|| self.anywhere.as_ref().zip(sources.computes_all.as_ref()))?;
        let variable = Address::new(variable);
        Some(format!(
            "{place} computes which file it reads, and the variable `{variable}` may lead it elsewhere"
        ))
    }
}

/// Adds it to the facts of a manifest. What is returned says why some of it cannot be covered.
pub(super) fn cover(
    setting: &Setting,
    said: Said,
    leads: &Leads,
    facts: &mut BTreeMap<String, String>,
) -> Vec<Finding> {
    let (sources, key) = (&setting.sources, setting.key.as_ref());
    // Under the key, too: files with variables lie there.
    let prints = Fingerprints::at(key, "sources");
    for (folder, digest) in &sources.folders {
        let print = prints.of(folder, digest.as_str());
        facts.insert(format!("sources in `{folder}`"), print);
    }
    for (address, print) in said.prints {
        facts.insert(format!("what `{}` says", Address::new(&address)), print);
    }
    let mut findings = Vec::new();
    if let Some(address) = said.unkeyed {
        let reason = "it says something sensitive, and there is no key for its digest";
        findings.push(NO_KEY.at(&address, reason));
    }
    if let Some(file) = sources.secret.as_ref().filter(|_| key.is_none()) {
        let reason = format!("`{file}` is a part of the sources, and there is no key for its digest");
        findings.push(NO_KEY.of_plan(reason));
    }
    let why = sources.uncovered.clone().or_else(|| leads.why(sources));
    findings.extend(why.map(|why| SOURCES.of_plan(why)));
    findings
}

/// A text in it, or a name.
fn any(value: &Node<'_>, is: fn(&str) -> bool) -> bool {
    match value {
        Node::Text(text) => is(text),
        Node::List(items) => items.iter().any(|item| any(item, is)),
        Node::Map(values) => values.iter().any(|(name, value)| is(name) || any(value, is)),
        Node::Null | Node::Bool(_) | Node::Number(_) => false,
    }
}

/// As a part of a path it leads out of a folder, or to a log.
fn climbs(text: &str) -> bool {
    text.ends_with(LOG) || text.split(['/', '\\']).any(|part| part == "..")
}

/// A file by a whole path, or by the home of whoever runs this.
fn is_whole(text: &str) -> bool {
    text.starts_with(['/', '~']) && !text.ends_with('/')
}
