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
    } else if !source.explains(&Side::of(&trees), None) {
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

impl Source<'_> {
    /// Each leaf that differs is known only after the apply (and what an upgrade applies are launch templates), or goes from
    /// what a render said of a thing to what this one says of it, or stands under its slot or group and repeats the launch
    /// template there, which was updated already: so it is after an apply that broke off behind its last update. `of`: under
    /// which slot or group it stands; nothing is said there of another one.
    fn explains(&self, side: &Side<'_, '_>, of: Option<(&str, &Seen)>) -> bool {
        if side.unknown == Some(&Node::Bool(true)) {
            return true;
        }
        match (side.before, side.after) {
            (before, after) if before == after => true,
            (Some(Node::Text(was)), Some(Node::Text(text))) => self.is_rendered(was, text, of),
            (Some(Node::Map(old)), Some(Node::Map(new))) => {
                // An attribute that is unknown is absent after.
                let mut names: Vec<&str> = old.keys().chain(new.keys()).map(AsRef::as_ref).collect();
                names.sort_unstable();
                names.dedup();
                names.into_iter().all(|name| {
                    let inner = side.get(name);
                    let repeats = of.zip(inner.after);
                    repeats.is_some_and(|((_, template), value)| template.repeats(name, value))
                        || self.explains(&inner, of.or_else(|| self.template(name)))
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
                        self.explains(&inner, of)
                    })
            }
            _ => false,
        }
    }

    fn template(&self, role: &str) -> Option<(&str, &Seen)> {
        let (name, template) = self.templates.get_key_value(role)?;
        Some((name, template))
    }

    /// The render says it of a thing of this kind, as somebody said another one before: whoever reads an image there finds
    /// an image.
    fn is_rendered(&self, was: &str, text: &str, of: Option<(&str, &Seen)>) -> bool {
        let mut roles = self.contract.roles.iter();
        let says = |role: &RoleContent| {
            let said = [
                role.content.as_str(),
                role.version.as_str(),
                role.user_data.as_str(),
                role.image.as_str(),
                role.instance_type.as_str(),
            ];
            said.contains(&text)
        };
        Kind::of(was).is_some_and(|kind| Kind::of(text) == Some(kind))
            && roles.any(|role| of.is_none_or(|(name, _)| role.role == name) && says(role))
    }
}

/// How sizes of instances end: `xlarge`, `24xlarge`.
const SIZES: [&str; 5] = ["nano", "micro", "small", "medium", "large"];

/// What a text of a render is, as it looks: outputs have names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `sha256:…`, of content or user data.
    Digest,
    /// `ami-…`.
    Image,
    /// `3.6.14`.
    Version,
    /// `m6i.large`.
    InstanceType,
}

impl Kind {
    /// `None`: none of them.
    fn of(text: &str) -> Option<Self> {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if let Some(digits) = text.strip_prefix("sha256:") {
            return is_word(digits).then_some(Self::Digest);
        }
        if let Some(digits) = text.strip_prefix("ami-") {
            return is_word(digits).then_some(Self::Image);
        }
        let parts: Vec<&str> = text.split('.').collect();
        match parts.as_slice() {
            [major, minor, patch] if [major, minor, patch].into_iter().all(|part| is_number(part)) => {
                Some(Self::Version)
            }
            [family, size] if is_word(family) && family.contains(|letter: char| letter.is_ascii_digit()) => {
                let is_size = SIZES.iter().any(|end| size.ends_with(end)) || size.starts_with("metal");
                is_size.then_some(Self::InstanceType)
            }
            _ => None,
        }
    }
}
