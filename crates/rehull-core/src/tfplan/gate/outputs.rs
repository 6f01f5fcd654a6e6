//! Outputs tell the number of a new version, so in an upgrade they may only say what follows from it.

use std::collections::BTreeMap;

use super::Seen;
use super::general::{OUTPUT, UNKNOWN_ACTION, UNKNOWN_FIELD, UNREADABLE};
use crate::domain::terraform::RoleContent;
use crate::tfplan::actions::Action;
use crate::tfplan::contract::Contract;
use crate::tfplan::finding::Finding;
use crate::tfplan::json::{Change, Trees};
use crate::tfplan::node::Node;

/// What the outputs of an upgrade may follow from.
pub(in crate::tfplan) struct Source<'g> {
    pub(in crate::tfplan) contract: &'g Contract,
    /// The launch templates of the plan, by role.
    pub(in crate::tfplan) templates: &'g BTreeMap<String, Seen>,
}

/// One output; `source` in an upgrade only.
pub(in crate::tfplan) fn judge(
    address: &str,
    change: &Change<'_>,
    source: Option<&Source<'_>>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = change
        .unknown_fields
        .iter()
        .map(|_| UNKNOWN_FIELD.at(address, "its change has a field that this version does not know"))
        .collect();
    let Some(action) = change.action else {
        findings.push(UNKNOWN_ACTION.at(address, "its action is none that this version knows"));
        return findings;
    };
    if action == Action::NoOp {
        if change.differs() != Ok(false) {
            findings.push(UNREADABLE.at(address, "nothing happens to it, and yet its values differ"));
        }
        return findings;
    }
    let Some(source) = source else {
        return findings;
    };
    let Ok(trees) = change.trees() else {
        findings.push(UNREADABLE.at(address, "its values have another shape than the format has"));
        return findings;
    };
    if action != Action::Update {
        findings.push(OUTPUT.at(
            address,
            format!("{action}: an upgrade changes versions, not the list of outputs"),
        ));
    } else if !source.explains(&Side::of(&trees), Under::default()) {
        findings.push(OUTPUT.at(
            address,
            "its new value is known before the apply, and is nothing that the render or a launch template says",
        ));
    }
    findings
}

/// One value of an output.
struct Side<'t, 'a> {
    before: Option<&'t Node<'a>>,
    after: Option<&'t Node<'a>>,
    unknown: Option<&'t Node<'a>>,
}

impl<'t, 'a> Side<'t, 'a> {
    fn of(trees: &'t Trees<'a>) -> Self {
        Self {
            before: trees.before.as_ref(),
            after: trees.after.as_ref(),
            unknown: trees.unknown.as_ref(),
        }
    }

    fn get(&self, name: &str) -> Self {
        let inner = |tree: Option<&'t Node<'a>>| tree.and_then(|tree| tree.get(name));
        Self {
            before: inner(self.before),
            after: inner(self.after),
            unknown: inner(self.unknown),
        }
    }
}

/// The slot or group that a value stands under, if any.
#[derive(Clone, Copy, Default)]
struct Under<'s> {
    template: Option<&'s Seen>,
    role: Option<&'s RoleContent>,
}

impl Source<'_> {
    /// Each leaf that differs is known only after the apply (and what an upgrade applies are launch templates), or repeats
    /// the render, or stands under its slot or group and repeats the launch template there, which was updated already: so
    /// it is after an apply that broke off behind its last update.
    fn explains(&self, side: &Side<'_, '_>, under: Under<'_>) -> bool {
        if side.unknown == Some(&Node::Bool(true)) {
            return true;
        }
        match (side.before, side.after) {
            (before, after) if before == after => true,
            (None | Some(Node::Null | Node::Text(_)), Some(Node::Text(text))) => {
                self.is_rendered(text, under.role)
            }
            (Some(Node::Map(old)), Some(Node::Map(new))) => {
                // An attribute that is unknown is absent after.
                let mut names: Vec<&str> = old.keys().chain(new.keys()).map(AsRef::as_ref).collect();
                names.sort_unstable();
                names.dedup();
                names.into_iter().all(|name| {
                    let inner = side.get(name);
                    let repeats = under.template.zip(inner.after);
                    repeats.is_some_and(|(template, value)| template.repeats(name, value))
                        || self.explains(&inner, self.under(under, name))
                })
            }
            (Some(Node::List(old)), Some(Node::List(new))) => {
                old.len() == new.len()
                    && old.iter().zip(new).enumerate().all(|(n, (old, new))| {
                        let inner = Side {
                            before: Some(old),
                            after: Some(new),
                            unknown: side.unknown.and_then(|tree| tree.list()?.get(n)),
                        };
                        self.explains(&inner, under)
                    })
            }
            _ => false,
        }
    }

    /// What stands under this name.
    fn under<'s>(&'s self, under: Under<'s>, name: &str) -> Under<'s> {
        let role = || self.contract.roles.iter().find(|role| role.role == name);
        Under {
            template: under.template.or_else(|| self.templates.get(name)),
            role: under.role.or_else(role),
        }
    }

    /// What stands under a slot or a group repeats the render of that one.
    fn is_rendered(&self, text: &str, of: Option<&RoleContent>) -> bool {
        let mut roles = self.contract.roles.iter();
        roles.any(|role| {
            of.is_none_or(|of| of.role == role.role)
                && [
                    role.content.as_str(),
                    role.version.as_str(),
                    role.user_data.as_str(),
                    role.image.as_str(),
                    role.instance_type.as_str(),
                ]
                .contains(&text)
        })
    }
}
