//! Proves that a plan of Terraform is the hand-over and nothing more: in the old root module everything of the members
//! is forgotten, in the new one it is imported; nothing is made, replaced, destroyed or changed but tags.
//!
//! The gate reads the plan and refuses what it refuses everywhere; the rows in here come on top.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::domain::ids::ContentDigest;
use crate::domain::terraform::Address;
use crate::tfplan::{
    Action, Decision, DigestKey, Finding, KeyTooShort, Mode, Setting, ShownChange, Terms, Tool, Unreadable,
    decide,
};

/// Format of `handover.json`.
pub const HANDOVER_FORMAT: u32 = 1;
/// rehull's tags are added to what is imported; nothing else may change.
const TAGS: [&str; 2] = ["tags", "tags_all"];
/// Values are compared with nothing, so the key of their fingerprints is of no meaning.
const KEY: &[u8; 32] = b"fingerprints of a plan that ends";

/// What both plans have to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// Format of this document; 1.
    pub format: u32,
    /// Which cluster.
    pub cluster: String,
    /// Addresses in the old root module that it forgets.
    pub forgets: BTreeSet<String>,
    /// Addresses in the new root module that it imports.
    pub imports: BTreeSet<String>,
}

/// Whose plan it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// It forgets.
    Old,
    /// It imports.
    New,
    /// It does nothing: what a second plan has to say.
    Settled,
}

/// What a plan was found to be.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Whose plan it is.
    pub root: Root,
    /// How many objects it hands over.
    pub objects: usize,
    /// Why it must not be applied. Empty: it may.
    pub findings: Vec<Finding>,
}

/// One row: stable word, what is refused, what to do.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// For example `handover::create`.
    pub id: &'static str,
    /// Completes "it …".
    pub what: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! rows {
    ($($name:ident $id:literal: $what:literal, so $remedy:literal;)+) => {
        $(const $name: Row = Row { id: $id, what: $what, remedy: $remedy };)+
        /// What is refused beside what the gate refuses everywhere.
        pub const ROWS: &[Row] = &[$($name),+];
    };
}

rows! {
    CREATE "handover::create": "would be made anew beside the one that exists", so "in the new root: keep the `import` blocks of HANDOVER.md; in the old one: nothing is made during the hand-over";
    DESTROY "handover::destroy": "would be destroyed or replaced", so "in the old root: add removed.tf and delete the resource's own block; in the new one: correct the argument that forces the replacement to what exists";
    UPDATE "handover::update": "would change in more than its tags", so "correct the arguments to what exists; change them after the hand-over, on their own";
    MOVE "handover::move": "moves within the state", so "apply moves on their own, before or after the hand-over";
    STRANGER "handover::stranger": "is no part of the hand-over", so "apply it on its own, before or after the hand-over";
    MIXED "handover::mixed": "is imported in a plan that also forgets", so "hand over between two root modules, as HANDOVER.md says";
    MISSING "handover::missing": "is part of the hand-over and is not in the plan", so "in the old root: it is gone from the state already, or removed.tf lacks it; in the new one: an `import` block is missing";
    TOO_MANY "handover::too_many": "has more changes than are read", so "apply what waits in this module first";
}

impl Row {
    fn at(&self, address: &str) -> Finding {
        Finding {
            address: Some(Address::new(address)),
            rule: self.id,
            reason: format!("it {}", self.what),
            remedy: self.remedy.to_owned(),
        }
    }
}

/// Reads one plan (`terraform show -json`).
///
/// # Errors
/// What was handed over could not be read as a plan at all.
pub fn prove(plan: impl Read, handover: &Handover) -> Result<Proof, Unreadable> {
    let terms = Terms::new(Mode::Infrastructure, Tool::Terraform);
    let key: Result<DigestKey, KeyTooShort> = DigestKey::new("handover", KEY);
    let setting = Setting {
        providers: BTreeMap::new(),
        lock_file: ContentDigest::new(""),
        envelope: None,
        key: key.ok(),
    };
    Ok(judge(&decide(plan, &terms, &setting)?, handover))
}

fn judge(decision: &Decision, handover: &Handover) -> Proof {
    let forgets = decision.changes.iter().any(|one| one.action == Action::Forget);
    let imports = decision.changes.iter().any(|one| one.imported);
    let root = match (forgets, imports) {
        (true, _) => Root::Old,
        (false, true) => Root::New,
        (false, false) => Root::Settled,
    };
    let mut findings: Vec<Finding> = decision
        .changes
        .iter()
        .filter_map(|one| row(one, root, handover).map(|row| row.at(one.address.as_str())))
        .collect();
    let wanted = match root {
        Root::Old => Some(&handover.forgets),
        Root::New => Some(&handover.imports),
        Root::Settled => None,
    };
    let there: BTreeSet<&str> = decision.changes.iter().map(|one| one.address.as_str()).collect();
    for address in wanted.into_iter().flatten() {
        if !there.contains(Address::new(address).as_str()) {
            findings.push(MISSING.at(address));
        }
    }
    if decision.counts.changes > decision.changes.len() {
        let mut finding = TOO_MANY.at("");
        finding.address = None;
        findings.push(finding);
    }
    let said: BTreeSet<Option<Address>> = findings.iter().map(|one| one.address.clone()).collect();
    let unsaid = |one: &&Finding| one.address.is_none() || !said.contains(&one.address);
    findings.extend(decision.findings.iter().filter(unsaid).cloned());
    Proof {
        root,
        objects: decision.counts.changes,
        findings,
    }
}

fn row(one: &ShownChange, root: Root, handover: &Handover) -> Option<&'static Row> {
    let address = one.address.as_str();
    let known = |list: &BTreeSet<String>| list.iter().any(|known| Address::new(known).as_str() == address);
    if one.moved_from.is_some() {
        return Some(&MOVE);
    }
    match one.action {
        Action::Create => Some(&CREATE),
        Action::Delete | Action::DeleteThenCreate | Action::CreateThenDelete | Action::CreateThenForget => {
            Some(&DESTROY)
        }
        Action::Forget if known(&handover.forgets) => None,
        Action::Forget => Some(&STRANGER),
        Action::Read => None,
        Action::NoOp | Action::Update if !one.imported => {
            // Something that stands in either module and has nothing to do with the members.
            (one.action == Action::Update).then_some(&STRANGER)
        }
        Action::NoOp | Action::Update if root == Root::Old => Some(&MIXED),
        Action::NoOp | Action::Update if !known(&handover.imports) => Some(&STRANGER),
        Action::NoOp | Action::Update => {
            let only_tags = one.attributes.iter().all(|one| TAGS.contains(&one.name.as_str()));
            (!only_tags).then_some(&UPDATE)
        }
    }
}

/// The table as `docs/adopt.md` has it.
#[must_use]
pub fn rules() -> String {
    let mut out = "| rule | refused: an object that | what to do |\n|---|---|---|\n".to_owned();
    for row in ROWS {
        out.push_str(&format!("| `{}` | {} | {} |\n", row.id, row.what, row.remedy));
    }
    out
}
