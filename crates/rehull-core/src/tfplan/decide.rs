//! One plan from its first byte to the verdict.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::value::RawValue;

use super::actions::Action;
use super::computed::Computed;
use super::contract::{Mode, Terms};
use super::cover::{Leads, cover};
use super::decision::{
    Counts, Decision, RoleChange, SHOWN_CHANGES_MAX, Setting, ShownAttribute, ShownChange, ShownVariable,
    Verdict,
};
use super::digest::sha256;
use super::gate::configuration::Configuration;
use super::gate::general::{NO_CONFIGURATION, NO_KEY, UNREADABLE};
use super::gate::{Gate, is_nothing, outputs};
use super::header::{failed_checks, headed};
use super::json::{Change, ResourceChange, Trees};
use super::mask::{Shown, plain, redact};
use super::node::{Fields, Malformed, Node};
use super::prior::{self, Said};
use super::read::{Header, Sink, Unreadable, read};
use super::record::{self, Recorded};
use super::reference;
use crate::domain::ids::ContentDigest;
use crate::domain::terraform::Address;
use crate::domain::terraform::{MANIFEST_FORMAT, Manifest, Part};

/// Variables of which nothing else than the value itself is of interest, and no secret by their meaning.
const SHOWN_VARIABLES: &[&str] = &["cluster", "region", "rehull_format"];

/// Reads and judges one plan.
///
/// # Errors
/// What was handed over could not be read as a plan at all.
pub fn decide(plan: impl Read, terms: &Terms, setting: &Setting) -> Result<Decision, Unreadable> {
    let mut reader = Reader {
        terms,
        setting,
        gate: Gate::new(terms),
        manifest: Manifest {
            format: MANIFEST_FORMAT,
            key: setting.key.as_ref().map(|key| key.id().to_owned()),
            facts: BTreeMap::new(),
            changes: BTreeMap::new(),
            outputs: BTreeMap::new(),
        },
        changes: Vec::new(),
        variables: Vec::new(),
        unjudged: Vec::new(),
        counts: Counts::default(),
        configured: false,
        told: None,
        computed: Computed::default(),
        said: Said::default(),
        leads: Leads::default(),
    };
    let header = read(plan, &mut reader)?;
    Ok(reader.verdict(&header))
}

struct Reader<'t> {
    terms: &'t Terms,
    setting: &'t Setting,
    gate: Gate<'t>,
    manifest: Manifest,
    changes: Vec<ShownChange>,
    variables: Vec<ShownVariable>,
    /// No mask comes with variables: the configuration, which stands last, tells which are sensitive.
    unjudged: Vec<(String, Shown)>,
    counts: Counts,
    configured: bool,
    /// Digest of what providers are told, as the configuration says it.
    told: Option<ContentDigest>,
    /// Arguments that are set and not known yet: without any the sources, and what was read for them, are no part of what is
    /// approved.
    computed: Computed,
    said: Said,
    leads: Leads,
}

impl Sink for Reader<'_> {
    fn change(&mut self, raw: &RawValue) {
        self.counts.entries += 1;
        if self.one(raw).is_err() {
            let reason = format!(
                "change number {} has another shape than the format has",
                self.counts.entries
            );
            self.gate.findings.push(UNREADABLE.of_plan(reason));
        }
    }

    fn outputs(&mut self, raw: &RawValue) {
        if self.all_outputs(raw).is_err() {
            self.gate
                .findings
                .push(UNREADABLE.of_plan("`output_changes` has another shape than the format has"));
        }
    }

    fn checks(&mut self, raw: &RawValue) {
        match Node::of(raw) {
            Ok(checks) => self.gate.findings.extend(failed_checks(&checks)),
            Err(Malformed) => {
                self.gate
                    .findings
                    .push(UNREADABLE.of_plan("`checks` has another shape than the format has"));
            }
        }
    }

    fn configuration(&mut self, raw: &RawValue) {
        let Ok(configuration) = Node::of(raw) else {
            self.gate
                .findings
                .push(UNREADABLE.of_plan("`configuration` has another shape than the format has"));
            return;
        };
        self.configured = configuration.get("root_module").is_some();
        self.told = configuration.get("provider_config").map(|told| {
            let mut text = String::new();
            told.canonical(&mut text);
            sha256(text.as_bytes())
        });
        let known = Configuration::of(&configuration);
        self.gate.configuration(&known);
        self.computed.configured(&known, &self.terms.dynamic);
        for (name, part) in &mut self.manifest.changes {
            part.shape.push_str(&by_whom(&known, name));
        }
        let declared = configuration
            .get("root_module")
            .and_then(|root| root.get("variables"));
        for (name, value) in std::mem::take(&mut self.unjudged) {
            // A variable that nobody declared has no word on whether it is sensitive.
            let declared = declared.and_then(|declared| declared.get(&name));
            let open =
                declared.is_some_and(|of| of.get("sensitive").is_none_or(|is| *is == Node::Bool(false)));
            let value = if open { value } else { Shown::Masked };
            self.variables.push(ShownVariable { name, value });
        }
    }

    fn prior_state(&mut self, raw: &RawValue) {
        if let Ok(said) = prior::said(raw, self.setting.key.as_ref()) {
            self.said = said;
        } else {
            let reason = "`prior_state` has another shape than the format has";
            self.gate.findings.push(UNREADABLE.of_plan(reason));
        }
    }

    /// Of an upgrade the gate knows what each argument says.
    fn wants_prior_state(&self) -> bool {
        matches!(self.terms.mode, Mode::Infrastructure)
    }

    fn variables(&mut self, raw: &RawValue) {
        let Ok(Fields(fields)) = Fields::of(raw) else {
            self.gate
                .findings
                .push(UNREADABLE.of_plan("`variables` has another shape than the format has"));
            return;
        };
        for (name, raw) in fields {
            let listed = SHOWN_VARIABLES.contains(&name.as_ref());
            let node = Node::of(raw).ok();
            self.leads.note(&name, node.as_ref());
            let value = node.and_then(|of| of.get("value").map(plain));
            let value = value.filter(|_| listed).unwrap_or(Shown::Masked);
            self.unjudged
                .push((Address::new(&name).as_str().to_owned(), value));
        }
    }
}

impl Reader<'_> {
    fn one(&mut self, raw: &RawValue) -> Result<(), Malformed> {
        let change = ResourceChange::of(raw)?;
        let nothing = is_nothing(&change);
        let template = match &self.terms.mode {
            Mode::Upgrade(contract) => change.kind == contract.templates.kind(),
            Mode::Infrastructure => false,
        };
        // Most of a large plan stays as it is: its values are not even parsed.
        let trees = if nothing && !template {
            None
        } else {
            Some(change.change.trees()?)
        };
        self.gate.judge(&change, trees.as_ref());
        if let Some(trees) = trees.filter(|_| !nothing) {
            self.counts.changes += 1;
            self.show(&change, &trees);
            self.record(&change, &trees);
        }
        Ok(())
    }

    fn show(&mut self, change: &ResourceChange<'_>, trees: &Trees<'_>) {
        let Some(action) = change
            .change
            .action
            .filter(|_| self.changes.len() < SHOWN_CHANGES_MAX)
        else {
            return;
        };
        let (before, after) = (trees.before.as_ref(), trees.after.as_ref());
        let attribute = |name: &str| ShownAttribute {
            name: Address::new(name).as_str().to_owned(),
            before: redact(&change.kind, name, (before, trees.before_mask.as_ref(), None)),
            after: redact(
                &change.kind,
                name,
                (after, trees.after_mask.as_ref(), trees.unknown.as_ref()),
            ),
        };
        self.changes.push(ShownChange {
            address: Address::new(&change.address),
            action,
            moved_from: change.previous_address.as_deref().map(Address::new),
            imported: change.change.importing,
            attributes: trees.changed().iter().map(|name| attribute(name)).collect(),
        });
    }

    fn record(&mut self, change: &ResourceChange<'_>, trees: &Trees<'_>) {
        let mut name = change.address.clone().into_owned();
        if let Some(deposed) = &change.deposed {
            name = format!("{name} (deposed {deposed})");
        }
        // Of an upgrade the gate knows what each argument says.
        if let Mode::Infrastructure = self.terms.mode {
            self.computed.note(&change.address, trees);
        }
        if self.configured {
            let reason = "the configuration does not stand behind the changes";
            self.gate.findings.push(UNREADABLE.of_plan(reason));
        }
        let key = self.setting.key.as_ref();
        let recorded = record::object(key, &name, &change.kind, trees);
        let part = self.part(&name, shape(change, trees), recorded);
        self.manifest.changes.insert(name, part);
    }

    fn part(&mut self, address: &str, shape: String, recorded: Recorded) -> Part {
        if let Some(path) = recorded.unkeyed {
            let reason = format!(
                "`{}` is sensitive, and there is no key for its digest",
                Address::new(&path)
            );
            self.gate.findings.push(NO_KEY.at(address, reason));
        }
        Part {
            shape,
            values: recorded.values,
        }
    }

    fn all_outputs(&mut self, raw: &RawValue) -> Result<(), Malformed> {
        for (name, raw) in Fields::of(raw)?.0 {
            let change = Change::of(raw)?;
            let address = format!("output.{name}");
            let source = match &self.terms.mode {
                Mode::Upgrade(contract) => Some(outputs::Source {
                    contract,
                    templates: &self.gate.roles,
                }),
                Mode::Infrastructure => None,
            };
            let findings = outputs::judge(&address, &change, source.as_ref());
            self.gate.findings.extend(findings);
            let Some(action) = change.action.filter(|action| *action != Action::NoOp) else {
                continue;
            };
            self.counts.outputs += 1;
            let trees = change.trees()?;
            if let Mode::Infrastructure = self.terms.mode {
                self.computed.note_output(&trees);
            }
            let recorded = record::value(self.setting.key.as_ref(), &address, &trees);
            let part = self.part(&address, action.verb().to_owned(), recorded);
            self.manifest.outputs.insert(name.into_owned(), part);
        }
        Ok(())
    }

    fn verdict(mut self, header: &Header) -> Decision {
        self.gate.complete();
        let works = self.counts.changes + self.counts.outputs > 0;
        let mut findings = headed(header, self.terms.tool, works);
        if !self.configured {
            findings.push(NO_CONFIGURATION.of_plan("it has no `configuration`"));
        }
        findings.append(&mut self.gate.findings);
        self.counts.drifted = header.drifted;
        self.manifest.facts = reference::facts(self.terms, self.setting, header);
        // Where they ask, and as whom.
        let told = self
            .told
            .take()
            .map(|told| ("settings of providers".to_owned(), told.to_string()));
        self.manifest.facts.extend(told);
        if self.computed.is_set() {
            let said = std::mem::take(&mut self.said);
            let facts = &mut self.manifest.facts;
            findings.extend(cover(self.setting, said, &self.leads, facts));
        }
        let refused = !findings.is_empty();
        Decision {
            verdict: match (refused, works) {
                (true, _) => Verdict::Refused,
                (false, true) => Verdict::Allowed,
                (false, false) => Verdict::Nothing,
            },
            findings,
            roles: self.roles(),
            changes: self.changes,
            variables: self.variables,
            counts: self.counts,
            manifest: (!refused).then_some(self.manifest),
        }
    }

    fn roles(&self) -> Vec<RoleChange> {
        let Mode::Upgrade(contract) = &self.terms.mode else {
            return Vec::new();
        };
        let change = |(name, seen): (&String, &super::gate::Seen)| {
            let role = contract.roles.iter().find(|role| role.role == *name)?;
            Some(RoleChange {
                role: name.clone(),
                address: seen.address.clone(),
                from: seen.from.clone(),
                to: role.content.clone(),
                changes: seen.changes,
            })
        };
        self.gate.roles.iter().filter_map(change).collect()
    }
}

/// Everything of a change that is no value of the object.
fn shape(change: &ResourceChange<'_>, trees: &Trees<'_>) -> String {
    let mut shape = format!(
        "{} of {} by {}",
        change.change.words.join(","),
        change.kind,
        change.provider
    );
    if let Some(from) = &change.previous_address {
        shape.push_str(&format!(", moved from {from}"));
    }
    if change.change.importing {
        shape.push_str(", imported");
    }
    if let Some(paths) = &trees.replace_paths {
        shape.push_str(", because of ");
        paths.canonical(&mut shape);
    }
    shape
}

/// By which configuration of its provider, account and region with it, this is done. What is configured no longer is done with
/// as the state says, which no plan repeats.
fn by_whom(configuration: &Configuration<'_, '_>, name: &str) -> String {
    let address = name
        .rsplit_once(" (deposed ")
        .map_or(name, |(address, _)| address);
    configuration
        .provider_of(address)
        .map_or_else(String::new, |key| {
            format!(", by the provider configuration {}", Address::new(key))
        })
}
