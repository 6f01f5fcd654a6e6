//! The domain gate: is this plan what it should be, and nothing more?
//!
//! Judges one change after the other and keeps nothing of them but findings. What is not known is refused.

pub(super) mod configuration;
pub(super) mod general;
pub(super) mod kept;
mod names;
pub(super) mod outputs;
pub(super) mod over;
mod place;
mod policy;
pub(super) mod rules;
pub(super) mod setters;
pub(super) mod template;
mod untold;

use std::collections::{BTreeMap, BTreeSet};

use super::actions::Action;
use super::contract::{Contract, Mode, Templates, Terms};
use super::finding::Finding;
use super::json::{ResourceChange, Trees};
use super::node::Node;
use crate::domain::terraform::Address;

use configuration::Configuration;
use general::{
    DEFERRED, DEPOSED, DUPLICATE, FORGET, General, IMPORT, MISSING, MOVE, PROVIDER, READ, UNDECLARED,
    UNKNOWN_ACTION, UNKNOWN_FIELD, UNREADABLE,
};
use rules::{InPlace, Rule, UNKNOWN, rule_for};
use untold::Untold;

/// What the gate knows so far.
pub(super) struct Gate<'t> {
    terms: &'t Terms,
    pub(super) findings: Vec<Finding>,
    seen: BTreeSet<(String, String)>,
    /// By role: where it stands, what it was, whether it changes.
    pub(super) roles: BTreeMap<String, Seen>,
    /// Replacements that are allowed if an argument asks for them: address and arguments.
    replaces: Vec<(String, Vec<String>)>,
    /// What is made, and what sets something of which it is not known yet whether it is new.
    made: names::Made,
    settings: Vec<names::Setting>,
    /// Judged arguments that are not known yet, of which the configuration tells whether anybody has set them.
    open: Vec<untold::Open>,
}

/// A launch template of a role.
pub(super) struct Seen {
    pub(super) address: Address,
    pub(super) from: Option<String>,
    pub(super) changes: bool,
    /// What each attribute says, canonical, if it stays as it is: outputs may be behind it.
    says: BTreeMap<String, String>,
}

impl Seen {
    /// The attribute is known and says this. `version` is the name that outputs have for the number of the newest one.
    pub(super) fn repeats(&self, name: &str, value: &Node<'_>) -> bool {
        let name = if name == "version" { "latest_version" } else { name };
        let mut text = String::new();
        value.canonical(&mut text);
        self.says.get(name) == Some(&text)
    }
}

/// Nothing happens to this object, not even to its address.
pub(super) fn is_nothing(change: &ResourceChange<'_>) -> bool {
    change.change.action == Some(Action::NoOp)
        && change.previous_address.is_none()
        && !change.change.importing
        && change.deposed.is_none()
}

impl<'t> Gate<'t> {
    pub(super) fn new(terms: &'t Terms) -> Self {
        Self {
            terms,
            findings: Vec::new(),
            seen: BTreeSet::new(),
            roles: BTreeMap::new(),
            replaces: Vec::new(),
            made: names::Made::default(),
            settings: Vec::new(),
            open: Vec::new(),
        }
    }

    fn refuse(&mut self, rule: General, address: &str, reason: impl Into<String>) {
        self.findings.push(rule.at(address, reason));
    }

    /// One change; its trees are parsed only if something happens to it.
    pub(super) fn judge(&mut self, change: &ResourceChange<'_>, trees: Option<&Trees<'_>>) {
        self.shape(change);
        let Some(action) = change.change.action else {
            let words = Address::new(&change.change.words.join(", "));
            let reason = format!("its actions are [{words}], which this version does not know");
            self.refuse(UNKNOWN_ACTION, &change.address, reason);
            return;
        };
        match &self.terms.mode {
            Mode::Upgrade(contract) => self.upgrade(contract, change, action, trees),
            Mode::Infrastructure => self.infrastructure(change, action, trees),
        }
    }

    /// What is wrong with a change whatever the mode.
    fn shape(&mut self, change: &ResourceChange<'_>) {
        let address = change.address.as_ref();
        for field in change.unknown_fields.iter().chain(&change.change.unknown_fields) {
            let reason = format!("its change has a field `{}`", Address::new(field));
            self.refuse(UNKNOWN_FIELD, address, reason);
        }
        let deposed = change.deposed.as_deref().unwrap_or_default();
        if !self.seen.insert((address.to_owned(), deposed.to_owned())) {
            self.refuse(DUPLICATE, address, "it stands twice in the plan");
        }
        // What stays is not looked at further: its content would be taken for there already.
        if change.change.action == Some(Action::NoOp) && change.change.differs() != Ok(false) {
            self.refuse(
                UNREADABLE,
                address,
                "nothing happens to it, and yet its values differ",
            );
        }
        if change.index_unknown {
            self.refuse(DEFERRED, address, "its number or key is not known yet");
        }
        let plain = configuration::without_keys(address);
        let named = if change.managed { "" } else { "data." };
        let end = format!("{named}{}.", change.kind);
        let last = plain.rsplit_once('.').map(|(head, _)| format!("{head}."));
        if !last.is_some_and(|head| head == end || head.ends_with(&format!(".{end}"))) {
            let kind = Address::new(&change.kind);
            self.refuse(
                UNREADABLE,
                address,
                format!("its address does not belong to its type `{kind}`"),
            );
        }
        if !self.terms.providers.contains(change.provider.as_ref()) {
            self.refuse(
                PROVIDER,
                address,
                configuration::provider_reason(&change.provider),
            );
        }
    }

    fn upgrade(
        &mut self,
        contract: &Contract,
        change: &ResourceChange<'_>,
        action: Action,
        trees: Option<&Trees<'_>>,
    ) {
        let is_template = change.managed && change.kind == contract.templates.kind();
        let address = change.address.as_ref();
        if is_nothing(change) {
            if let Some(trees) = trees.filter(|_| is_template) {
                self.template(contract, address, trees, false);
            }
            return;
        }
        if let Some((rule, reason)) = beside(change, action) {
            self.refuse(rule, address, reason);
        } else if is_template && action == Action::Update {
            if !contract.templates.is_from(&change.provider) {
                self.refuse(
                    PROVIDER,
                    address,
                    configuration::provider_reason(&change.provider),
                );
            }
            match trees.filter(|trees| trees.replace_paths.is_none()) {
                Some(trees) => self.template(contract, address, trees, true),
                None => self.refuse(
                    UNREADABLE,
                    address,
                    "an update in place that names reasons of a replacement",
                ),
            }
        } else {
            let rule = rule_for(&change.kind).unwrap_or(&UNKNOWN);
            let reason = format!("{action} is refused in an upgrade: it holds {}", rule.holds);
            let remedy = in_an_upgrade(rule, action);
            self.findings.push(Finding::at(address, rule.id, reason, remedy));
        }
    }

    fn template(&mut self, contract: &Contract, address: &str, trees: &Trees<'_>, changes: bool) {
        let judged = template::judge(contract, address, trees, changes);
        let Some(role) = judged.role else {
            // A stand-in's type is used for other things too, and those may stay as they are.
            if changes || contract.templates == Templates::Aws {
                self.findings.extend(judged.findings);
            }
            return;
        };
        self.findings.extend(judged.findings);
        let seen = Seen {
            address: Address::new(address),
            from: judged.from,
            changes,
            says: judged.says,
        };
        if let Some(other) = self.roles.insert(role.role.clone(), seen) {
            let reason = format!(
                "`{}` manages the launch template {} too",
                other.address, role.launch_template
            );
            self.refuse(DUPLICATE, address, reason);
        }
    }

    fn infrastructure(&mut self, change: &ResourceChange<'_>, action: Action, trees: Option<&Trees<'_>>) {
        let address = change.address.as_ref();
        if is_nothing(change) || !change.managed && action == Action::Read {
            return;
        }
        if change.deposed.is_some() {
            self.refuse(
                DEPOSED,
                address,
                format!("{action} of an object that an earlier apply left behind"),
            );
            return;
        }
        let rule = rule_for(&change.kind).unwrap_or(&UNKNOWN);
        let denied = |what: &str| {
            let reason = format!("{action} is refused: {what}it holds {}", rule.holds);
            Finding::at(address, rule.id, reason, rule.remedy)
        };
        if let Some(trees) = trees.filter(|_| action.gives()) {
            if let Some(more) = over::does_more(&change.kind, action, trees) {
                return self.findings.push(denied(&more));
            }
            match untold::judge((&change.kind, action, address), trees, denied) {
                Untold::Refused(finding) => return self.findings.push(finding),
                Untold::Open(open) => self.open.extend(open),
            }
        }
        match action {
            Action::NoOp | Action::Forget => {}
            Action::Create if rule.create => {
                self.made.note(&change.kind, address, trees);
                self.settings
                    .extend(names::sets(&change.kind, address, trees, denied));
            }
            Action::Update => match trees.filter(|trees| trees.are_objects()) {
                Some(trees) => {
                    if let Some(name) = trees.changed().iter().find(|name| !may_change(rule, name)) {
                        let name = Address::new(name);
                        self.findings.push(denied(&format!("`{name}` changes, and ")));
                    }
                }
                None => self.refuse(
                    UNREADABLE,
                    address,
                    "an update of something that has no attributes",
                ),
            },
            Action::Delete if rule.destroy => {}
            Action::DeleteThenCreate | Action::CreateThenDelete if rule.destroy => {
                let paths = trees.and_then(|trees| trees.replace_paths.as_ref());
                self.replaces.push((address.to_owned(), first_steps(paths)));
            }
            Action::Create
            | Action::Read
            | Action::Delete
            | Action::DeleteThenCreate
            | Action::CreateThenDelete
            | Action::CreateThenForget => self.findings.push(denied("")),
        }
    }

    /// Replacements have to be asked for by an argument that stands in the configuration, which comes last.
    pub(super) fn configuration(&mut self, configuration: &Configuration<'_, '_>) {
        self.findings.extend(configuration.judge(self.terms));
        for setting in std::mem::take(&mut self.settings) {
            self.findings.extend(names::is_there(
                &setting,
                &self.made,
                Some(configuration),
                self.terms,
            ));
        }
        for open in std::mem::take(&mut self.open) {
            self.findings
                .extend(untold::is_set(&open, Some(configuration), self.terms));
        }
        for (address, arguments) in std::mem::take(&mut self.replaces) {
            let undeclared = arguments
                .iter()
                .find(|argument| configuration.expression(&address, argument).is_none());
            if let Some(argument) = undeclared {
                let argument = Address::new(argument);
                let reason = format!(
                    "it would be replaced because of `{argument}`, which its configuration does not set"
                );
                self.refuse(UNDECLARED, &address, reason);
            }
        }
    }

    /// Every role has its template, and every replacement was looked up.
    pub(super) fn complete(&mut self) {
        for setting in std::mem::take(&mut self.settings) {
            self.findings
                .extend(names::is_there(&setting, &self.made, None, self.terms));
        }
        for open in std::mem::take(&mut self.open) {
            self.findings.extend(untold::is_set(&open, None, self.terms));
        }
        for (address, _) in std::mem::take(&mut self.replaces) {
            self.refuse(
                UNREADABLE,
                &address,
                "the configuration does not stand behind the changes",
            );
        }
        let Mode::Upgrade(contract) = &self.terms.mode else {
            return;
        };
        for role in &contract.roles {
            if !self.roles.contains_key(&role.role) {
                let reason = format!(
                    "the launch template {} of {} is not in the plan",
                    role.launch_template, role.role
                );
                self.findings.push(MISSING.of_plan(reason));
            }
        }
    }
}

/// What an upgrade refuses whatever the type.
fn beside(change: &ResourceChange<'_>, action: Action) -> Option<(General, String)> {
    if change.deposed.is_some() {
        return Some((
            DEPOSED,
            format!("{action} of an object that an earlier apply left behind"),
        ));
    }
    if let Some(from) = &change.previous_address {
        return Some((MOVE, format!("it was `{}` before", Address::new(from))));
    }
    if change.change.importing {
        return Some((IMPORT, "it would be imported".to_owned()));
    }
    match action {
        Action::Forget => Some((FORGET, "it would stay, unknown to Terraform".to_owned())),
        Action::Read => Some((READ, "it is read during the apply".to_owned())),
        Action::NoOp
        | Action::Create
        | Action::Update
        | Action::Delete
        | Action::DeleteThenCreate
        | Action::CreateThenDelete
        | Action::CreateThenForget => None,
    }
}

/// What the table allows outside of an upgrade can go that way; else the row knows better.
fn in_an_upgrade(rule: &Rule, action: Action) -> String {
    let apart = match action {
        Action::Create => rule.create,
        Action::Update => rule.in_place != InPlace::Never,
        Action::Delete | Action::DeleteThenCreate | Action::CreateThenDelete => rule.destroy,
        Action::NoOp | Action::Read | Action::Forget | Action::CreateThenForget => false,
    };
    if apart {
        "apply it on its own, before or after the upgrade: `rehull apply --infrastructure`".to_owned()
    } else {
        rule.remedy.to_owned()
    }
}

fn may_change(rule: &Rule, name: &str) -> bool {
    match rule.in_place {
        InPlace::Any => true,
        InPlace::Only(names) => names.contains(&name),
        InPlace::Never => false,
    }
}

/// The arguments that a replacement is for. Without paths (tainted, or asked for) there is none that could be declared.
fn first_steps(paths: Option<&Node<'_>>) -> Vec<String> {
    let paths = paths.and_then(Node::list).unwrap_or_default();
    let first = |path: &Node<'_>| Some(path.list()?.first()?.text()?.to_owned());
    let mut steps: Vec<String> = paths.iter().map(|path| first(path).unwrap_or_default()).collect();
    if steps.is_empty() {
        steps.push(String::new());
    }
    steps
}
