//! Every block of a folder against the schemas of the provider's releases that it takes.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, Structure};

use crate::files::{File, Folder, label};
use crate::schema::{Content, Nested, Provider, RELEASES};
use crate::value::misfits;

/// Terraform's own arguments of a resource or data source.
const META: [&str; 4] = ["count", "for_each", "depends_on", "provider"];

/// Data of Terraform's built-in provider that is used here.
const REMOTE_STATE: &str = "terraform_remote_state";

/// What is wrong with the resources, data sources and providers of a folder.
pub(crate) fn check(folder: &Folder) -> Vec<String> {
    let found = RELEASES.iter().flat_map(|release| by_release(folder, release));
    let once: BTreeSet<String> = found.collect();
    once.into_iter().collect()
}

fn by_release(folder: &Folder, release: &Provider) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, known) in [("resource", &release.resources), ("data", &release.data_sources)] {
        for (file, block) in folder.blocks(kind) {
            let name = label(block, 0);
            match known.get(&name) {
                Some(content) => found.extend(top_level(file, block, &name, content)),
                None if kind == "data" && name == REMOTE_STATE => {}
                None => found.push(file.problem(
                    block.span(),
                    &format!(
                        "the provider's schema has no {kind} `{name}`{}",
                        nearest(&name, known.keys())
                    ),
                )),
            }
        }
    }
    for (file, block) in folder.blocks("provider") {
        found.extend(inside(file, block, "provider", &release.configuration, &[]));
    }
    found
}

fn top_level(file: &File, block: &Block, name: &str, content: &Content) -> Vec<String> {
    let mut found = inside(file, block, name, content, &META);
    for lifecycle in block.body.get_blocks("lifecycle") {
        found.extend(lifecycle_of(file, lifecycle, name, content));
    }
    found
}

/// What stands between the braces of `block`; `more` are arguments that Terraform itself takes there.
fn inside(file: &File, block: &Block, name: &str, content: &Content, more: &[&str]) -> Vec<String> {
    let (mut found, mut given) = (Vec::new(), BTreeMap::new());
    for structure in &block.body {
        match structure {
            Structure::Attribute(attribute) => {
                let key = attribute.key.as_str();
                if !more.contains(&key) {
                    found.extend(argument(file, attribute, name, content));
                    given.insert(key.to_owned(), Times::of(1));
                }
            }
            // Terraform's own; looked at by the caller.
            Structure::Block(nested) if nested.has_ident("lifecycle") && more == META => {}
            Structure::Block(nested) => found.extend(nested_block(file, nested, name, content, &mut given)),
        }
    }
    let missing = content
        .attributes
        .iter()
        .filter(|(key, attribute)| attribute.required && !given.contains_key(*key));
    found.extend(missing.map(|(key, _)| file.problem(block.span(), &format!("`{name}` needs `{key}`"))));
    for (key, nested) in &content.block_types {
        let times = given.get(key).copied().unwrap_or_default();
        if times.most < nested.min_items {
            found.push(file.problem(
                block.span(),
                &format!("`{name}` needs at least {} block `{key}`", nested.min_items),
            ));
        }
        if times.least > nested.most() {
            found.push(file.problem(
                block.span(),
                &format!(
                    "`{name}` takes at most {} block `{key}`, and here are {}",
                    nested.most(),
                    times.least
                ),
            ));
        }
    }
    found
}

/// How often a block stands there; a dynamic one may stand there any number of times.
#[derive(Clone, Copy, Default)]
struct Times {
    least: usize,
    most: usize,
}

impl Times {
    fn of(times: usize) -> Self {
        Self {
            least: times,
            most: times,
        }
    }
}

fn argument(file: &File, attribute: &Attribute, name: &str, content: &Content) -> Vec<String> {
    let key = attribute.key.as_str();
    let refuse = |what: &str| vec![file.problem(attribute.span(), &format!("`{name}.{key}` {what}"))];
    let Some(known) = content.attributes.get(key) else {
        return if content.block_types.contains_key(key) {
            refuse("is a block, not an argument")
        } else {
            let names = content.attributes.keys().chain(content.block_types.keys());
            refuse(&format!("is no argument{}", nearest(key, names)))
        };
    };
    if known.is_read_only() {
        return refuse("is what the provider tells and cannot be set");
    }
    if known.deprecated {
        return refuse("is deprecated");
    }
    if known.required && attribute.value.is_null() {
        return refuse("has to have a value");
    }
    misfits(file, key, &attribute.value, &known.value)
}

fn nested_block(
    file: &File,
    block: &Block,
    name: &str,
    content: &Content,
    given: &mut BTreeMap<String, Times>,
) -> Vec<String> {
    let dynamic = block.has_ident("dynamic");
    let key = if dynamic {
        label(block, 0)
    } else {
        block.ident.as_str().to_owned()
    };
    let refuse = |what: &str| vec![file.problem(block.span(), &format!("`{name}.{key}` {what}"))];
    let Some(nested) = content.block_types.get(&key) else {
        return if content.attributes.contains_key(&key) {
            refuse("is an argument, not a block")
        } else {
            let names = content.attributes.keys().chain(content.block_types.keys());
            refuse(&format!("is no block{}", nearest(&key, names)))
        };
    };
    if nested.block.deprecated {
        return refuse("is deprecated");
    }
    let times = given.entry(key.clone()).or_default();
    let name = format!("{name}.{key}");
    if !dynamic {
        times.least += 1;
        times.most = times.most.saturating_add(1);
        return inside(file, block, &name, &nested.block, &[]);
    }
    times.most = usize::MAX;
    in_dynamic(file, block, &name, nested)
}

fn in_dynamic(file: &File, block: &Block, name: &str, nested: &Nested) -> Vec<String> {
    let mut found = Vec::new();
    for structure in &block.body {
        match structure {
            Structure::Attribute(attribute) if ["for_each", "iterator"].contains(&attribute.key.as_str()) => {
            }
            Structure::Block(content) if content.has_ident("content") => {
                found.extend(inside(file, content, name, &nested.block, &[]));
            }
            _ => found.push(file.problem(
                block.span(),
                "a dynamic block takes for_each, iterator and content",
            )),
        }
    }
    for needed in ["for_each"]
        .into_iter()
        .filter(|key| !block.body.has_attribute(key))
    {
        found.push(file.problem(
            block.span(),
            &format!("the dynamic block `{name}` needs `{needed}`"),
        ));
    }
    if block.body.get_blocks("content").count() != 1 {
        found.push(file.problem(
            block.span(),
            &format!("the dynamic block `{name}` needs one `content`"),
        ));
    }
    found
}

fn lifecycle_of(file: &File, block: &Block, name: &str, content: &Content) -> Vec<String> {
    let mut found = Vec::new();
    for structure in &block.body {
        match structure {
            Structure::Attribute(attribute) => match attribute.key.as_str() {
                "create_before_destroy" | "prevent_destroy" | "replace_triggered_by" => {}
                "ignore_changes" => {
                    let paths = attribute.value.as_array().into_iter().flatten();
                    found.extend(paths.filter_map(|path| ignored(file, path, name, content)));
                }
                key => found.push(file.problem(attribute.span(), &format!("a lifecycle has no `{key}`"))),
            },
            Structure::Block(nested)
                if nested.has_ident("precondition") || nested.has_ident("postcondition") => {}
            Structure::Block(nested) => found.push(file.problem(
                nested.span(),
                &format!("a lifecycle has no `{}`", nested.ident.as_str()),
            )),
        }
    }
    found
}

/// A path of `ignore_changes` that leads nowhere ignores nothing.
fn ignored(file: &File, path: &Expression, name: &str, content: &Content) -> Option<String> {
    let refuse = |step: &str| {
        let what = format!("`ignore_changes` of `{name}` names `{step}`, which does not exist");
        Some(file.problem(path.span(), &what))
    };
    let steps = match path {
        Expression::Variable(first) => vec![first.as_str().to_owned()],
        Expression::Traversal(traversal) => named_steps(traversal)?,
        _ => return Some(file.problem(path.span(), "`ignore_changes` takes names only")),
    };
    let mut content = content;
    for step in &steps {
        if content.attributes.contains_key(step) {
            return None;
        }
        match content.block_types.get(step) {
            Some(nested) => content = &nested.block,
            None => return refuse(step),
        }
    }
    None
}

/// The names of a traversal without its indices.
pub(crate) fn named_steps(traversal: &Traversal) -> Option<Vec<String>> {
    let mut steps = vec![traversal.expr.as_variable()?.as_str().to_owned()];
    for operator in &traversal.operators {
        if let TraversalOperator::GetAttr(name) = operator.value() {
            steps.push(name.as_str().to_owned());
        }
    }
    Some(steps)
}

/// `, did you mean …?` or nothing.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let near = known.map(|other| (strsim::damerau_levenshtein(name, other), other));
    match near.min().filter(|(distance, _)| *distance <= 3) {
        Some((_, other)) => format!(", did you mean `{other}`?"),
        None => String::new(),
    }
}
