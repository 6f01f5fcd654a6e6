//! The parts of `terraform show -json` (format 1.x; OpenTofu writes the same shapes), field by field.
//!
//! Unlike readers that show a plan, this one has to notice what it does not know: a field of a change that no version so
//! far has may be one more thing that the apply does. Field names are those of `jsonplan` in hashicorp/terraform.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::actions::Action;
use super::node::{Entry, Fields, Malformed, Node};

/// One entry of `resource_changes`.
pub(super) struct ResourceChange<'a> {
    pub(super) address: Cow<'a, str>,
    /// A move.
    pub(super) previous_address: Option<Cow<'a, str>>,
    pub(super) managed: bool,
    pub(super) kind: Cow<'a, str>,
    pub(super) provider: Cow<'a, str>,
    /// An object that an earlier, interrupted replacement left behind.
    pub(super) deposed: Option<Cow<'a, str>>,
    /// Number or key are not known yet.
    pub(super) index_unknown: bool,
    pub(super) change: Change<'a>,
    pub(super) unknown_fields: Vec<Cow<'a, str>>,
}

/// What happens to one object or one output.
#[derive(Default)]
pub(super) struct Change<'a> {
    /// `None`: words that this version does not know; they are in `words`.
    pub(super) action: Option<Action>,
    pub(super) words: Vec<Cow<'a, str>>,
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
    after_unknown: Option<&'a RawValue>,
    before_sensitive: Option<&'a RawValue>,
    after_sensitive: Option<&'a RawValue>,
    replace_paths: Option<&'a RawValue>,
    pub(super) importing: bool,
    pub(super) unknown_fields: Vec<Cow<'a, str>>,
}

/// The five trees of a change, parsed. Absent stays absent.
pub(super) struct Trees<'a> {
    /// `None` where there is no object before: absent or null.
    pub(super) before: Option<Node<'a>>,
    /// `None` where there is none after, or where all of it is unknown.
    pub(super) after: Option<Node<'a>>,
    pub(super) unknown: Option<Node<'a>>,
    pub(super) before_mask: Option<Node<'a>>,
    pub(super) after_mask: Option<Node<'a>>,
    pub(super) replace_paths: Option<Node<'a>>,
    changed: OnceCell<Vec<String>>,
}

impl<'a> ResourceChange<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, Malformed> {
        let mut unknown_fields = Vec::new();
        let (mut address, mut kind, mut provider, mut mode) = (None, None, None, None);
        let (mut previous_address, mut deposed, mut index_unknown) = (None, None, false);
        let entry = Entry::of(raw)?;
        for (name, value) in entry.fields.0 {
            match name.as_ref() {
                "address" => address = Some(text(value)?),
                "previous_address" => previous_address = Some(text(value)?),
                "mode" => mode = Some(text(value)?),
                "type" => kind = Some(text(value)?),
                "provider_name" => provider = Some(text(value)?),
                "deposed" => deposed = Some(text(value)?),
                "index_unknown" => index_unknown = flag(value)?,
                // The address holds them; the reason is for display only, as the format says.
                "module_address" | "name" | "index" | "action_reason" => {}
                _ => unknown_fields.push(name),
            }
        }
        let managed = match mode.as_deref() {
            Some("managed") => true,
            Some("data") => false,
            Some(_) | None => return Err(Malformed),
        };
        Ok(Self {
            address: address.ok_or(Malformed)?,
            previous_address,
            managed,
            kind: kind.ok_or(Malformed)?,
            provider: provider.unwrap_or_default(),
            deposed,
            index_unknown,
            change: Change::from_fields(entry.change.ok_or(Malformed)?)?,
            unknown_fields,
        })
    }
}

impl<'a> Change<'a> {
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, Malformed> {
        Self::from_fields(Fields::of(raw)?)
    }

    fn from_fields(fields: Fields<'a>) -> Result<Self, Malformed> {
        let mut change = Self::default();
        for (name, value) in fields.0 {
            match name.as_ref() {
                "actions" => change.words = texts(value)?,
                "before" => change.before = Some(value),
                "after" => change.after = Some(value),
                "after_unknown" => change.after_unknown = Some(value),
                "before_sensitive" => change.before_sensitive = Some(value),
                "after_sensitive" => change.after_sensitive = Some(value),
                "replace_paths" => change.replace_paths = Some(value),
                "importing" => change.importing = !is_null(value),
                // The identity repeats ids of the object; generated configuration comes with an import.
                "generated_config" | "before_identity" | "after_identity" => {}
                _ => change.unknown_fields.push(name),
            }
        }
        let words: Vec<&str> = change.words.iter().map(AsRef::as_ref).collect();
        change.action = Action::parse(&words);
        Ok(change)
    }

    /// Before and after are not the same, or something of it is known only after the apply. As both are written by one
    /// encoder, their text tells for most of a large plan, and nothing is parsed.
    pub(super) fn differs(&self) -> Result<bool, Malformed> {
        let text = |raw: Option<&'a RawValue>| raw.map(RawValue::get);
        let known = text(self.after_unknown).is_none_or(|unknown| !unknown.contains("true"));
        if known && text(self.before) == text(self.after) {
            return Ok(false);
        }
        let trees = self.trees()?;
        if trees.are_objects() {
            return Ok(!trees.changed().is_empty());
        }
        Ok(trees.before != trees.after || trees.unknown.as_ref().is_some_and(Node::has_true))
    }

    pub(super) fn trees(&self) -> Result<Trees<'a>, Malformed> {
        Ok(Trees {
            before: there(self.before)?,
            after: there(self.after)?,
            unknown: self.after_unknown.map(Node::of).transpose()?,
            before_mask: self.before_sensitive.map(Node::of).transpose()?,
            after_mask: self.after_sensitive.map(Node::of).transpose()?,
            replace_paths: self.replace_paths.map(Node::of).transpose()?,
            changed: OnceCell::new(),
        })
    }
}

impl<'a> Trees<'a> {
    /// Of before, after, what is unknown and what of it is sensitive: for attributes that stand one level deeper.
    pub(super) fn of(
        before: Option<Node<'a>>,
        after: Option<Node<'a>>,
        unknown: Option<Node<'a>>,
        after_mask: Option<Node<'a>>,
    ) -> Self {
        Self {
            before,
            after,
            unknown,
            before_mask: None,
            after_mask,
            replace_paths: None,
            changed: OnceCell::new(),
        }
    }

    /// There are attributes before and after.
    pub(super) fn are_objects(&self) -> bool {
        let both = [&self.before, &self.after];
        both.iter()
            .all(|tree| tree.as_ref().is_some_and(|tree| tree.map().is_some()))
    }

    /// Attributes that differ between before and after, or are known only after the apply; sorted.
    pub(super) fn changed(&self) -> &[String] {
        self.changed.get_or_init(|| {
            let trees = [&self.before, &self.after, &self.unknown];
            let maps = trees.into_iter().filter_map(|tree| tree.as_ref()?.map());
            let names: BTreeSet<&str> = maps.flat_map(|map| map.keys().map(AsRef::as_ref)).collect();
            let changed = names.into_iter().filter(|name| self.differs(name));
            changed.map(str::to_owned).collect()
        })
    }

    fn differs(&self, name: &str) -> bool {
        let unknown = self.unknown.as_ref().and_then(|tree| tree.get(name));
        let (before, after) = (side(self.before.as_ref(), name), side(self.after.as_ref(), name));
        unknown.is_some_and(Node::has_true) || before != after
    }
}

/// An absent attribute and a null one are the same to Terraform.
fn side<'t, 'a>(tree: Option<&'t Node<'a>>, name: &str) -> Option<&'t Node<'a>> {
    tree?.get(name).filter(|value| **value != Node::Null)
}

fn there(raw: Option<&RawValue>) -> Result<Option<Node<'_>>, Malformed> {
    raw.filter(|raw| !is_null(raw)).map(Node::of).transpose()
}

pub(super) fn is_null(raw: &RawValue) -> bool {
    raw.get().trim() == "null"
}

pub(super) fn text(raw: &RawValue) -> Result<Cow<'_, str>, Malformed> {
    match Node::of(raw)? {
        Node::Text(text) => Ok(text),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::List(_) | Node::Map(_) => Err(Malformed),
    }
}

pub(super) fn flag(raw: &RawValue) -> Result<bool, Malformed> {
    Node::of(raw)?.bool().ok_or(Malformed)
}

fn texts(raw: &RawValue) -> Result<Vec<Cow<'_, str>>, Malformed> {
    match Node::of(raw)? {
        Node::List(items) => items
            .into_iter()
            .map(|item| match item {
                Node::Text(text) => Ok(text),
                Node::Null | Node::Bool(_) | Node::Number(_) | Node::List(_) | Node::Map(_) => Err(Malformed),
            })
            .collect(),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => Err(Malformed),
    }
}
