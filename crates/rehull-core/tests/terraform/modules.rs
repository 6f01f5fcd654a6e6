//! What a folder gives to the modules that it calls.

use std::collections::BTreeMap;

use hcl_edit::Span as _;
use hcl_edit::structure::Block;

use crate::arguments::nearest;
use crate::files::{Folder, label};
use crate::types::Type;
use crate::value::misfits;

/// Terraform's own arguments of a module.
const META: [&str; 5] = ["source", "count", "for_each", "depends_on", "providers"];

/// The folder that a module's `source` leads to.
pub(crate) fn target<'a>(folder: &Folder, block: &Block, all: &'a [Folder]) -> Option<&'a Folder> {
    let source = block.body.get_attribute("source")?.value.as_str()?.to_owned();
    let mut path: Vec<&str> = folder.path.split('/').collect();
    for step in source.split('/') {
        match step {
            "." => {}
            ".." => drop(path.pop()),
            name => path.push(name),
        }
    }
    let path = path.join("/");
    all.iter().find(|folder| folder.path == path)
}

/// Arguments that a module does not have, does not get, or that do not fit.
pub(crate) fn check(folder: &Folder, all: &[Folder]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, block) in folder.blocks("module") {
        let name = label(block, 0);
        let Some(target) = target(folder, block, all) else {
            found.push(file.problem(
                block.span(),
                &format!("the source of module `{name}` is no folder here"),
            ));
            continue;
        };
        let variables = variables(target);
        for attribute in block
            .body
            .attributes()
            .filter(|given| !META.contains(&given.key.as_str()))
        {
            let key = attribute.key.as_str();
            match variables.get(key) {
                Some((wanted, _)) => found.extend(misfits(file, key, &attribute.value, wanted)),
                None => found.push(file.problem(
                    attribute.span(),
                    &format!(
                        "{} has no variable `{key}`{}",
                        target.path,
                        nearest(key, variables.keys())
                    ),
                )),
            }
        }
        let missing = variables
            .iter()
            .filter(|(key, (_, optional))| !optional && !block.body.has_attribute(key));
        found.extend(missing.map(|(key, _)| {
            file.problem(
                block.span(),
                &format!("{} needs the variable `{key}`", target.path),
            )
        }));
    }
    found
}

/// Type of each variable, and whether it may be left out. What has no readable type is told by `rules`.
pub(crate) fn variables(folder: &Folder) -> BTreeMap<String, (Type, bool)> {
    let read = folder.blocks("variable").map(|(_, block)| {
        let declared = block
            .body
            .get_attribute("type")
            .map(|given| Type::of(&given.value));
        let wanted = declared.and_then(Result::ok).unwrap_or(Type::Any);
        (label(block, 0), (wanted, block.body.has_attribute("default")))
    });
    read.collect()
}
