//! Proves that a plan of Terraform is the hand-over and nothing more: in the old root module everything of the members
//! is forgotten, in the new one it is imported; nothing is made, replaced, destroyed or changed but for rehull's tags.
//!
//! The gate reads the plan and refuses what it refuses everywhere; the rows in here come on top. What runs code of the
//! module's own is no matter of a hand-over: each of its plans runs that anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::Serialize;

use super::handover::{Handover, Import};
use super::planned::{Entry, Planned, TAGS};
use crate::domain::ids::ContentDigest;
use crate::domain::terraform::Address;
use crate::tfplan::{
    Action, Belongs, Decision, DigestKey, Finding, KeyTooShort, Mode, Setting, ShownChange, Sources, Terms,
    Tool, Unreadable, decide,
};

/// Values are compared with nothing, so the key of their fingerprints is of no meaning.
const KEY: &[u8; 32] = b"fingerprints of a plan that ends";
/// Rules of the gate about programs that a plan or an apply runs. They hold here for what is handed over alone.
const OF_CODE: [&str; 4] = [
    "gate::provider",
    "gate::provider_setting",
    "gate::code",
    "gate::data_source",
];

/// Whose plan it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// It forgets.
    Old,
    /// It imports.
    New,
}

/// How far the hand-over of that module is, by this plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// To be applied.
    HandsOver,
    /// Applied: what a second plan has to say.
    Settled,
    /// Nothing of the members is in it, and nothing else by which the module could be known: the same plan comes out of
    /// any other folder.
    Unclear,
}

/// What a plan was found to be.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    /// Whose plan it is, as was said.
    pub root: Root,
    /// How far that module is.
    pub stage: Stage,
    /// How many objects it hands over.
    pub objects: usize,
    /// How many outputs it changes: an output is a value in the state, and changes nothing in the world.
    pub outputs: usize,
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
    RETAG "handover::tags": "would lose or change a tag, get one that is not rehull's, or not get those of rehull", so "in main.tf: write every tag that the object has now, and leave rehull's as they were written; no `default_tags` during the hand-over";
    ANOTHER "handover::another": "is another object than the one that is handed over, or its id is not known", so "take root module, workspace and account of this cluster; if its state has changed since, write the hand-over anew";
    MOVE "handover::move": "moves within the state", so "apply moves on their own, before or after the hand-over";
    STRANGER "handover::stranger": "is no part of the hand-over", so "apply it on its own, before or after the hand-over";
    MIXED "handover::mixed": "is imported in the old root module, or forgotten in the new one", so "hand over between two root modules, as HANDOVER.md says; `--root` says whose plan this is";
    MISSING "handover::missing": "is part of the hand-over, and the plan does nothing with it", so "in the old root: removed.tf is not in this folder or lacks it, it is gone from the state already, or this is another folder or workspace; in the new one: an `import` block is missing, or this is another folder";
    ELSEWHERE "handover::elsewhere": "stays in the old root module, and neither it nor anything else of that module is in the plan", so "take folder and workspace of the root module that made the cluster; if all of that is gone from it, write the hand-over anew";
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

/// Reads one plan (`terraform show -json`) of the root module that it is said to be of.
///
/// # Errors
/// What was handed over could not be read as a plan at all.
pub fn prove(mut plan: impl Read, handover: &Handover, root: Root, tool: Tool) -> Result<Proof, Unreadable> {
    let mut text = Vec::new();
    plan.read_to_end(&mut text).map_err(Unreadable::Broken)?;
    let terms = Terms::new(Mode::Infrastructure, tool);
    let key: Result<DigestKey, KeyTooShort> = DigestKey::new("handover", KEY);
    let setting = Setting {
        providers: BTreeMap::new(),
        lock_file: ContentDigest::new(""),
        sources: Sources::default(),
        of: Belongs::Nothing,
        key: key.ok(),
    };
    let decision = decide(text.as_slice(), &terms, &setting)?;
    let planned: Planned = serde_json::from_slice(&text)?;
    let judge = Judge {
        decision: &decision,
        entries: planned.entries(),
        existing: planned.existing(),
        handover,
        root,
    };
    Ok(judge.proof(tool))
}

struct Judge<'p> {
    decision: &'p Decision,
    entries: BTreeMap<&'p str, &'p Entry>,
    existing: BTreeSet<&'p str>,
    handover: &'p Handover,
    root: Root,
}

impl Judge<'_> {
    fn proof(&self, tool: Tool) -> Proof {
        let handed = |one: &&ShownChange| match self.root {
            Root::Old => one.action == Action::Forget,
            Root::New => one.imported,
        };
        let objects = self.decision.changes.iter().filter(handed).count();
        let mut findings: Vec<Finding> = self
            .decision
            .changes
            .iter()
            .filter_map(|one| self.row(one))
            .collect();
        let stage = match self.root {
            Root::Old => self.old(objects, &mut findings),
            Root::New => self.new_one(objects, &mut findings),
        };
        if self.decision.counts.changes > self.decision.changes.len() {
            let mut finding = TOO_MANY.at("");
            finding.address = None;
            findings.push(finding);
        }
        let said: BTreeSet<Option<Address>> = findings.iter().map(|one| one.address.clone()).collect();
        let unsaid = |one: &&Finding| one.address.is_none() || !said.contains(&one.address);
        let mut general: Vec<Finding> = self.decision.findings.iter().filter(unsaid).cloned().collect();
        general.retain(|one| !self.is_own_code(one));
        for one in general.iter_mut().filter(|one| one.rule == "plan::flags") {
            if tool == Tool::Terraform {
                one.remedy
                    .push_str("; a plan of OpenTofu is told by `--tool opentofu`");
            }
        }
        findings.append(&mut general);
        Proof {
            root: self.root,
            stage,
            objects,
            outputs: self.decision.counts.outputs,
            findings,
        }
    }

    /// All of it is forgotten, or gone already; and it is the old module.
    fn old(&self, objects: usize, findings: &mut Vec<Finding>) -> Stage {
        let before = findings.len();
        let left = |address: &str| objects > 0 || self.existing.contains(address);
        for address in self.handover.forgets.keys().filter(|address| left(address)) {
            if !self.is_changed(address) {
                findings.push(MISSING.at(address));
            }
        }
        let stays = &self.handover.stays;
        match stays.first() {
            _ if objects > 0 => Stage::HandsOver,
            None => Stage::Unclear,
            Some(first) => {
                let known = stays.iter().any(|one| self.existing.contains(one.as_str()));
                if !known && findings.len() == before {
                    findings.push(ELSEWHERE.at(first));
                }
                Stage::Settled
            }
        }
    }

    /// All of it is imported, or there already.
    fn new_one(&self, objects: usize, findings: &mut Vec<Finding>) -> Stage {
        for (address, import) in &self.handover.imports {
            let row = match self.entries.get(address.as_str()) {
                None => Some(&MISSING),
                // What changes has been judged.
                Some(entry) if entry.is_no_op() && !self.is_changed(address) => other(entry, import),
                Some(_) => None,
            };
            findings.extend(row.map(|row| row.at(address)));
        }
        if objects > 0 {
            Stage::HandsOver
        } else {
            Stage::Settled
        }
    }

    fn is_changed(&self, address: &str) -> bool {
        let address = Address::new(address);
        self.decision.changes.iter().any(|one| one.address == address)
    }

    /// Something that the module's own plans run whatever is handed over.
    fn is_own_code(&self, finding: &Finding) -> bool {
        let mut changes = self.decision.changes.iter();
        OF_CODE.contains(&finding.rule)
            && !changes
                .any(|one| one.action != Action::Read && finding.address.as_ref() == Some(&one.address))
    }

    fn row(&self, one: &ShownChange) -> Option<Finding> {
        let address = one.address.as_str();
        let row = match one.action {
            _ if one.moved_from.is_some() => Some(&MOVE),
            Action::Create => Some(&CREATE),
            Action::Delete
            | Action::DeleteThenCreate
            | Action::CreateThenDelete
            | Action::CreateThenForget => Some(&DESTROY),
            Action::Read => None,
            Action::Forget => self.forgotten(address),
            Action::NoOp | Action::Update => self.changed(one),
        };
        row.map(|row| row.at(address))
    }

    fn forgotten(&self, address: &str) -> Option<&'static Row> {
        if self.root == Root::New {
            return Some(&MIXED);
        }
        let mut known = self.handover.forgets.iter();
        let Some((address, id)) = known.find(|(known, _)| Address::new(known).as_str() == address) else {
            return Some(&STRANGER);
        };
        let entry = self.entries.get(address.as_str());
        (!entry.is_some_and(|entry| entry.is(id))).then_some(&ANOTHER)
    }

    fn changed(&self, one: &ShownChange) -> Option<&'static Row> {
        if self.root == Root::Old {
            return Some(if one.imported { &MIXED } else { &STRANGER });
        }
        let mut known = self.handover.imports.iter();
        let Some((address, import)) = known.find(|(known, _)| Address::new(known) == one.address) else {
            return Some(&STRANGER);
        };
        if !one.attributes.iter().all(|one| TAGS.contains(&one.name.as_str())) {
            return Some(&UPDATE);
        }
        // One that was imported before, and then not tagged, is as good.
        match self.entries.get(address.as_str()) {
            Some(entry) => other(entry, import),
            None => Some(&ANOTHER),
        }
    }
}

/// Another object, or other tags than were written.
fn other(entry: &Entry, import: &Import) -> Option<&'static Row> {
    if !entry.is(&import.id) {
        Some(&ANOTHER)
    } else if !entry.is_tagged(import) {
        Some(&RETAG)
    } else {
        None
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
