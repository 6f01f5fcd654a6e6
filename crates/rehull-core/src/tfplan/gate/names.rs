//! A resource that is made may set something that is there already: whom it names decides, and that may be known only when
//! the whole plan was read.

use std::collections::BTreeSet;

use super::configuration::{self, Configuration};
use super::setters::{Given, OF_A_BUCKET, OF_BUCKETS, ROWS, Row};
use crate::tfplan::contract::Terms;
use crate::tfplan::finding::Finding;
use crate::tfplan::json::Trees;
use crate::tfplan::node::Node;

/// A resource that sets what it names; whether that is there already is still to be found out.
pub(super) struct Setting {
    row: &'static Row,
    /// Address of the instance.
    address: String,
    /// The names that are known.
    named: Vec<String>,
    /// How many blocks name one each; `None`: nobody knows.
    blocks: Option<usize>,
    /// A part of it is not known, or all.
    is_untold: bool,
    /// Nothing of the argument is known: where the configuration does not have it, the provider fills it in.
    is_open: bool,
    refused: Finding,
}

/// What the plan makes.
#[derive(Default)]
pub(super) struct Made {
    /// Addresses without keys.
    addresses: BTreeSet<String>,
    /// Type and name.
    names: BTreeSet<(String, String)>,
}

impl Made {
    pub(super) fn note(&mut self, kind: &str, address: &str, trees: Option<&Trees<'_>>) {
        self.addresses.insert(configuration::without_keys(address));
        let mut makers = ROWS.iter().chain([&OF_BUCKETS]).flat_map(|row| row.makers);
        let Some((_, attribute)) = makers.find(|(maker, _)| *maker == kind) else {
            return;
        };
        let after = trees.and_then(|trees| trees.after.as_ref());
        if let Some(name) = after.and_then(|after| after.get(attribute)?.text()) {
            self.names.insert((kind.to_owned(), name.to_owned()));
        }
    }
}

/// The settings that this resource, which is made, makes of something else. `refused` says why, should that be there already.
pub(super) fn sets(
    kind: &str,
    address: &str,
    trees: Option<&Trees<'_>>,
    refused: impl Fn(&str) -> Finding,
) -> Vec<Setting> {
    let of_buckets = OF_A_BUCKET.contains(&kind).then_some(&OF_BUCKETS);
    let rows = ROWS.iter().filter(|row| row.kind == kind).chain(of_buckets);
    let setting = |row: &'static Row| {
        let value = trees.and_then(|trees| trees.after.as_ref()?.get(row.argument));
        let unknown = trees.and_then(|trees| trees.unknown.as_ref()?.get(row.argument));
        let value = value.unwrap_or(&Node::Null);
        let is_untold = unknown.is_some_and(Node::has_true);
        if row.given != Given::Always && !is_untold && value.is_empty() {
            return None;
        }
        let is_open = unknown == Some(&Node::Bool(true)) && value.is_empty();
        let why = format!(
            "what its `{}` names is there already, or not plainly made by this plan, and {}: ",
            row.argument, row.why
        );
        let mut refused = refused(&why);
        refused.remedy = row.remedy(&refused.remedy);
        Some(Setting {
            row,
            address: address.to_owned(),
            named: names(row, value, is_untold),
            blocks: row
                .inside
                .map_or(Some(1), |_| value.list().filter(|_| !is_open).map(<[_]>::len)),
            is_untold,
            is_open,
            refused,
        })
    };
    rows.filter_map(setting).collect()
}

/// The names that are known. What is no text where one should be is the name of nothing that a plan makes.
fn names(row: &Row, value: &Node<'_>, is_untold: bool) -> Vec<String> {
    let blocks = value.list().unwrap_or_default().iter();
    let all: Vec<&Node<'_>> = match row.inside {
        Some(inside) => blocks.filter_map(|block| block.get(inside)).collect(),
        None if value.list().is_some() => blocks.collect(),
        None => vec![value],
    };
    all.into_iter()
        .filter(|name| !is_untold || **name != Node::Null)
        .map(|name| name.text().unwrap_or_default().to_owned())
        .collect()
}

/// What it sets is there already, or not plainly made by the same plan.
pub(super) fn is_there(
    setting: &Setting,
    made: &Made,
    configuration: Option<&Configuration<'_, '_>>,
    terms: &Terms,
) -> Option<Finding> {
    let row = setting.row;
    let is_made = |name: &String| {
        let mut makers = row.makers.iter();
        makers.any(|(maker, _)| made.names.contains(&((*maker).to_owned(), name.clone())))
    };
    // By a name alone both would be made at once: where the thing is there already its maker fails, and this does not.
    let is_new = setting.named.iter().all(is_made)
        && configuration.is_some_and(|configuration| {
            match configuration.expression(&setting.address, row.argument) {
                Some(_) if row.given == Given::PerhapsAsList && setting.is_untold => false,
                Some(expression) => {
                    let repeated = configuration.repeated_over(&setting.address);
                    let expressions = each(row, expression);
                    setting.blocks == Some(expressions.len())
                        && expressions
                            .iter()
                            .all(|one| one.is_some_and(|one| all_are_new(setting, made, one, &repeated)))
                }
                // No plan has what a `dynamic` block says: then the value alone would tell of it. An argument is none.
                None => {
                    let is_dynamic = row.inside.is_some() && terms.dynamic.contains(row.argument);
                    row.given != Given::Always && setting.is_open && !is_dynamic
                }
            }
        });
    (!is_new).then(|| setting.refused.clone())
}

/// What names it, block by block.
fn each<'n, 'a>(row: &Row, expression: &'n Node<'a>) -> Vec<Option<&'n Node<'a>>> {
    match row.inside {
        Some(inside) => {
            let blocks = expression.list().unwrap_or_default().iter();
            blocks.map(|block| block.get(inside)).collect()
        }
        None => vec![Some(expression)],
    }
}

/// It refers to something, and only to what the plan makes; what has been set of that is as new. A key or a number of a
/// repetition is always known, and its value is of what is repeated over.
fn all_are_new(setting: &Setting, made: &Made, expression: &Node<'_>, repeated: &[String]) -> bool {
    let references = configuration::references(expression);
    let of_value = references
        .iter()
        .any(|reference| reference.starts_with("each.value"));
    let of_repetition = |reference: &&String| ["each.", "count."].iter().any(|of| reference.starts_with(of));
    let over = repeated.iter().filter(|_| of_value);
    let named = references.iter().filter(|reference| !of_repetition(reference));
    let is_new = |reference: &String| {
        in_the_module_of(&setting.address, reference).is_some_and(|(kind, address)| {
            let is_maker = setting.row.makers.iter().any(|(maker, _)| *maker == kind);
            (is_maker || OF_A_BUCKET.contains(&kind.as_str())) && made.addresses.contains(&address)
        })
    };
    let mut things = named.chain(over).peekable();
    let is_told = !of_value || !repeated.is_empty();
    is_told && things.peek().is_some() && things.all(is_new)
}

/// Type and address of what an expression of this resource refers to: `aws_s3_bucket.this[0].id` beside
/// `module.a["x"].aws_s3_bucket_policy.this` is `module.a.aws_s3_bucket.this`.
fn in_the_module_of(address: &str, reference: &str) -> Option<(String, String)> {
    let plain = configuration::without_keys(address);
    let (module, _) = plain.rsplit_once('.')?;
    let prefix = match module.rsplit_once('.') {
        Some((module, _)) => format!("{module}."),
        None => String::new(),
    };
    let reference = configuration::without_keys(reference);
    let mut parts = reference.split('.');
    let (kind, name) = (parts.next()?, parts.next()?);
    Some((kind.to_owned(), format!("{prefix}{kind}.{name}")))
}
