//! Writes a change into the manifest: every value under the fingerprint of its place.

use std::collections::{BTreeMap, BTreeSet};

use super::digest::{DigestKey, Fingerprints};
use super::json::Trees;
use super::mask::{Masking, item, masking, part};
use super::node::{Node, quoted};

/// What rehull owns and Terraform ignores: it moves all day by itself, so while a plan leaves it as it is, it is no part
/// of what is approved. The same names stand in the modules' `lifecycle.ignore_changes`.
pub(super) const OWNED: &[(&str, &[&str])] = &[(
    "aws_autoscaling_group",
    &[
        "desired_capacity",
        "launch_template",
        "max_size",
        "min_size",
        "mixed_instances_policy",
        "predicted_capacity",
        "suspended_processes",
        "warm_pool_size",
    ],
)];

/// One side of a change, at one path.
#[derive(Clone, Copy)]
struct Side<'t, 'a> {
    value: Option<&'t Node<'a>>,
    mask: Mask<'t, 'a>,
    unknown: Option<&'t Node<'a>>,
}

#[derive(Clone, Copy)]
enum Mask<'t, 'a> {
    Clear,
    Whole,
    Parts(&'t Node<'a>),
}

/// Collects the fingerprints of one change.
pub(super) struct Recorder {
    prints: Fingerprints,
    values: BTreeMap<String, String>,
    /// What stays as it is inside of an attribute that changes: one fingerprint for all of it, or a security group with a
    /// hundred rules would be a thousand of them.
    rest: String,
    unkeyed: Option<String>,
}

/// The fingerprints, and the first path of a sensitive value that there is no key for.
pub(super) struct Recorded {
    pub(super) values: BTreeMap<String, String>,
    pub(super) unkeyed: Option<String>,
}

/// All attributes of an object; those that change, leaf by leaf.
pub(super) fn object(key: Option<&DigestKey>, address: &str, kind: &str, trees: &Trees<'_>) -> Recorded {
    let mut recorder = Recorder::new(key, address);
    let owned = OWNED
        .iter()
        .find(|(of, _)| *of == kind)
        .map_or(&[][..], |(_, names)| names);
    let (before, after) = sides(trees);
    let changed = trees.changed();
    for name in names(&[before.value, after.value, after.unknown]) {
        let (old, new) = (before.at(name), after.at(name));
        if changed.binary_search_by(|of| of.as_str().cmp(name)).is_ok() {
            recorder.attribute(name, old, new);
        } else if !owned.contains(&name) {
            recorder.leaf(name.to_owned(), old, new);
        }
    }
    recorder.done()
}

/// One value without attributes: an output.
pub(super) fn value(key: Option<&DigestKey>, address: &str, trees: &Trees<'_>) -> Recorded {
    let mut recorder = Recorder::new(key, address);
    let (before, after) = sides(trees);
    recorder.attribute("value", before, after);
    recorder.done()
}

fn sides<'t, 'a>(trees: &'t Trees<'a>) -> (Side<'t, 'a>, Side<'t, 'a>) {
    let side = |value: Option<&'t Node<'a>>, mask: Option<&'t Node<'a>>, unknown| Side {
        value,
        mask: value.map_or_else(
            || {
                if mask.is_some_and(Node::has_true) {
                    Mask::Whole
                } else {
                    Mask::Clear
                }
            },
            |value| masking(value, mask).into(),
        ),
        unknown,
    };
    let before = side(trees.before.as_ref(), trees.before_mask.as_ref(), None);
    let after = side(
        trees.after.as_ref(),
        trees.after_mask.as_ref(),
        trees.unknown.as_ref(),
    );
    (before, after)
}

impl<'t, 'a> From<Masking<'t, 'a>> for Mask<'t, 'a> {
    fn from(masking: Masking<'t, 'a>) -> Self {
        match masking {
            Masking::Clear => Self::Clear,
            Masking::Whole => Self::Whole,
            Masking::Parts(mask) => Self::Parts(mask),
        }
    }
}

impl<'t, 'a> Side<'t, 'a> {
    /// One attribute of it.
    fn at(self, name: &str) -> Self {
        let value = self.value.and_then(|value| value.get(name));
        let mask = match (self.mask, value) {
            (Mask::Parts(mask), Some(value)) => part(value, mask, name).into(),
            (Mask::Parts(_), None) => Mask::Clear,
            (Mask::Clear | Mask::Whole, _) => self.mask,
        };
        let unknown = self
            .unknown
            .and_then(|unknown| part_of(unknown, unknown.get(name)));
        Self { value, mask, unknown }
    }

    /// One element of it.
    fn item(self, n: usize) -> Self {
        let value = self.value.and_then(|value| value.list()?.get(n));
        let mask = match (self.mask, value) {
            (Mask::Parts(mask), Some(value)) => item(value, mask, n).into(),
            (Mask::Parts(_), None) => Mask::Clear,
            (Mask::Clear | Mask::Whole, _) => self.mask,
        };
        let item = |unknown: &'t Node<'a>| unknown.list()?.get(n);
        let unknown = self.unknown.and_then(|unknown| part_of(unknown, item(unknown)));
        Self { value, mask, unknown }
    }

    fn is_sensitive(self) -> bool {
        match self.mask {
            Mask::Clear => false,
            Mask::Whole => true,
            Mask::Parts(mask) => mask.has_true(),
        }
    }

    fn is_wholly_sensitive(self) -> bool {
        matches!(self.mask, Mask::Whole)
    }

    /// The same before and after, known, and as sensitive.
    fn stays(self, after: Self) -> bool {
        let known = |side: Self| !side.unknown.is_some_and(Node::has_true);
        let value = |side: Self| side.value.filter(|value| **value != Node::Null);
        known(self)
            && known(after)
            && self.is_sensitive() == after.is_sensitive()
            && value(self) == value(after)
    }

    /// Unknown is another thing than null or absent, and a value that becomes sensitive is another one than before.
    fn encoded(self, out: &mut String) {
        out.push(if self.is_sensitive() { 's' } else { 'p' });
        if let Some(unknown) = self.unknown.filter(|unknown| unknown.has_true()) {
            out.push('?');
            unknown.canonical(out);
        }
        // An absent attribute and a null one are the same to Terraform.
        self.value.unwrap_or(&Node::Null).canonical(out);
        out.push(';');
    }
}

/// Of what is wholly unknown every part is.
fn part_of<'t, 'a>(unknown: &'t Node<'a>, part: Option<&'t Node<'a>>) -> Option<&'t Node<'a>> {
    if *unknown == Node::Bool(true) {
        return Some(unknown);
    }
    part
}

impl Recorder {
    fn new(key: Option<&DigestKey>, address: &str) -> Self {
        Self {
            prints: Fingerprints::at(key, address),
            values: BTreeMap::new(),
            rest: String::new(),
            unkeyed: None,
        }
    }

    /// Leaf by leaf where it changes.
    fn attribute(&mut self, name: &str, before: Side<'_, '_>, after: Side<'_, '_>) {
        self.walk(name.to_owned(), before, after);
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            let path = format!("{name} (what stays of it)");
            let print = self.prints.of(&path, &rest);
            self.values.insert(path, print);
        }
    }

    fn walk(&mut self, path: String, before: Side<'_, '_>, after: Side<'_, '_>) {
        if before.stays(after) {
            if !self.lacks_key(&path, before, after) {
                quoted(&path, &mut self.rest);
                before.encoded(&mut self.rest);
            }
            return;
        }
        // Names inside of something wholly sensitive are not told.
        let closed = before.is_wholly_sensitive() || after.is_wholly_sensitive();
        let values = [before.value, after.value];
        let is_map = |value: Option<&Node<'_>>| value.is_none_or(|value| value.map().is_some());
        let is_list = |value: Option<&Node<'_>>| value.is_none_or(|value| value.list().is_some());
        let empty = values.iter().flatten().all(|value| value.is_empty());
        if closed || empty {
            self.leaf(path, before, after);
        } else if values.into_iter().all(is_map) {
            for name in names(&[before.value, after.value, after.unknown]) {
                self.walk(below(&path, name), before.at(name), after.at(name));
            }
        } else if values.into_iter().all(is_list) {
            let length = values
                .iter()
                .flatten()
                .filter_map(|value| value.list())
                .map(<[Node<'_>]>::len);
            for n in 0..length.max().unwrap_or_default() {
                self.walk(format!("{path}[{n}]"), before.item(n), after.item(n));
            }
        } else {
            self.leaf(path, before, after);
        }
    }

    fn leaf(&mut self, path: String, before: Side<'_, '_>, after: Side<'_, '_>) {
        if self.lacks_key(&path, before, after) {
            return;
        }
        let mut value = String::new();
        before.encoded(&mut value);
        after.encoded(&mut value);
        let print = self.prints.of(&path, &value);
        self.values.insert(path, print);
    }

    fn lacks_key(&mut self, path: &str, before: Side<'_, '_>, after: Side<'_, '_>) -> bool {
        let lacks = !self.prints.are_keyed() && (before.is_sensitive() || after.is_sensitive());
        if lacks {
            self.unkeyed.get_or_insert_with(|| path.to_owned());
        }
        lacks
    }

    fn done(self) -> Recorded {
        Recorded {
            values: self.values,
            unkeyed: self.unkeyed,
        }
    }
}

/// `tags.Name`, `tags["a.b"]`: two attributes never have one path, or the second would hide the first.
fn below(path: &str, name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !name.is_empty() && name.chars().all(plain) {
        return format!("{path}.{name}");
    }
    let mut longer = format!("{path}[");
    quoted(name, &mut longer);
    longer.push(']');
    longer
}

fn names<'t>(trees: &[Option<&'t Node<'_>>]) -> BTreeSet<&'t str> {
    let maps = trees.iter().flatten().filter_map(|tree| tree.map());
    maps.flat_map(|map| map.keys().map(AsRef::as_ref)).collect()
}
