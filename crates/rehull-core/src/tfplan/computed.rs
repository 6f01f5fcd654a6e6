//! What an approval can only cover by the sources: an argument that is set and not known before the apply. A plan has what it
//! refers to, and not what it says of that: `"Action": "*"` beside the name of a new bucket is in none.

use std::collections::{BTreeMap, BTreeSet};

use super::gate::configuration::{self, Configuration};
use super::json::Trees;
use super::node::Node;

/// By the end of their names: what no plan has, known or not.
const WRITE_ONLY: &str = "_wo";

/// Of what changes, what is not known, until the configuration tells what of it is set.
#[derive(Default)]
pub(super) struct Computed {
    /// By address without keys: the names that lead to it.
    untold: BTreeMap<String, BTreeSet<Vec<String>>>,
    is_set: bool,
}

impl Computed {
    /// Something happens to this object.
    pub(super) fn note(&mut self, address: &str, trees: &Trees<'_>) {
        if trees.after.is_none() && trees.unknown.is_none() {
            return;
        }
        let paths = self
            .untold
            .entry(configuration::without_keys(address))
            .or_default();
        if let Some(unknown) = &trees.unknown {
            walk(unknown, &mut Vec::new(), paths);
        }
    }

    /// An output is nothing but what stands in the configuration.
    pub(super) fn note_output(&mut self, trees: &Trees<'_>) {
        self.is_set |= trees.unknown.as_ref().is_some_and(Node::has_true);
    }

    /// The configuration, which comes last.
    pub(super) fn configured(&mut self, configuration: &Configuration<'_, '_>, dynamic: &BTreeSet<String>) {
        let untold = std::mem::take(&mut self.untold);
        self.is_set |= untold
            .iter()
            .any(|(address, paths)| match configuration.resource(address) {
                Some(resource) => {
                    let given = resource.get("expressions").unwrap_or(&Node::Null);
                    let names = given.map().into_iter().flatten();
                    let mut names = names.map(|(name, _)| name);
                    names.any(|name| name.ends_with(WRITE_ONLY))
                        || paths.iter().any(|path| is_set(path, &[given], dynamic))
                }
                // Nobody can tell.
                None => !paths.is_empty(),
            });
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set
    }
}

fn walk(unknown: &Node<'_>, path: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>) {
    match unknown {
        Node::Bool(true) => {
            found.insert(path.clone());
        }
        Node::List(items) => items.iter().for_each(|item| walk(item, path, found)),
        Node::Map(names) => {
            for (name, value) in names {
                path.push(name.to_string());
                walk(value, path, found);
                path.pop();
            }
        }
        Node::Null | Node::Bool(false) | Node::Number(_) | Node::Text(_) => {}
    }
}

/// The argument at the end of this path, or one that has it inside, stands in one of these blocks, or in a `dynamic` one.
fn is_set(path: &[String], blocks: &[&Node<'_>], dynamic: &BTreeSet<String>) -> bool {
    let Some((name, rest)) = path.split_first() else {
        // All of a block.
        return true;
    };
    let given: Vec<&Node<'_>> = blocks.iter().filter_map(|block| block.get(name)).collect();
    if dynamic.contains(name) || given.iter().any(|one| is_expression(one)) {
        return true;
    }
    let inner: Vec<&Node<'_>> = given
        .into_iter()
        .flat_map(|one| one.list().map_or_else(|| vec![one], |list| list.iter().collect()))
        .collect();
    !inner.is_empty() && is_set(rest, &inner, dynamic)
}

/// An argument, and no block.
fn is_expression(given: &Node<'_>) -> bool {
    given.map().is_some_and(|names| {
        names
            .keys()
            .all(|name| ["constant_value", "references"].contains(&name.as_ref()))
    })
}
