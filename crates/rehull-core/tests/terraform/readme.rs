//! Files that are made from others: written by `make gen`, compared by every test run.

use std::fmt::Write as _;
use std::fs;

use hcl_edit::structure::Block;

use crate::files::{File, Folder, label, read, root, text};

/// `make gen` sets it.
const WRITE: &str = "REHULL_GEN";

/// Compares a file with what it is made from, or writes it.
#[track_caller]
pub(crate) fn is_as_generated(path: &str, wanted: &str) {
    if std::env::var_os(WRITE).is_some() {
        fs::write(root().join(path), wanted).unwrap();
    }
    let found = fs::read_to_string(root().join(path)).unwrap_or_default();
    let differs = found
        .lines()
        .zip(wanted.lines())
        .position(|(one, other)| one != other);
    let line = differs.unwrap_or_else(|| found.lines().count()) + 1;
    assert!(
        found == wanted,
        "{path}:{line}: is not what it is made from: run `make gen`"
    );
}

#[test]
fn every_modules_readme_is_made_from_the_module() {
    for folder in read()
        .iter()
        .filter(|folder| folder.path.starts_with("terraform/modules/"))
    {
        is_as_generated(&format!("{}/README.md", folder.path), &page(folder));
    }
}

#[test]
fn the_page_about_terraform_names_every_module_and_state() {
    let page = text("docs/terraform.md");
    for folder in read() {
        let module = folder.path.strip_prefix("terraform/modules/");
        assert!(
            module.is_none_or(|name| page.contains(&format!("](../terraform/modules/{name}/README.md)"))),
            "docs/terraform.md does not link {}",
            folder.path
        );
    }
    for state in ["base", "templates", "groups"] {
        assert!(
            page.contains(&format!("| `{state}` |")),
            "docs/terraform.md has no row about `{state}`"
        );
    }
}

fn page(folder: &Folder) -> String {
    let mut out = format!("# {}\n\n", folder.name());
    let main = folder
        .files
        .iter()
        .find(|file| file.path.ends_with("/main.tf"))
        .unwrap();
    out.push_str(&introduction(main));
    out.push_str("\n<!-- made from the .tf files by `make gen` -->\n");

    out.push_str("\n## Inputs\n\n| name | meaning | default |\n|---|---|---|\n");
    for (file, block) in folder.blocks("variable") {
        let default = match value(file, block, "default") {
            Some(default) => format!("`{}`", one_line(&default)),
            None => "required".to_owned(),
        };
        writeln!(
            out,
            "| `{}` | {} | {default} |",
            label(block, 0),
            description(file, block)
        )
        .unwrap();
    }
    out.push_str("\n### Types\n\n```hcl\n");
    for (file, block) in folder.blocks("variable") {
        writeln!(
            out,
            "{} = {}",
            label(block, 0),
            value(file, block, "type").unwrap_or_default()
        )
        .unwrap();
    }
    out.push_str("```\n\n## Outputs\n\n| name | meaning |\n|---|---|\n");
    for (file, block) in folder.blocks("output") {
        writeln!(out, "| `{}` | {} |", label(block, 0), description(file, block)).unwrap();
    }
    out.push_str("\n## What it makes\n\n");
    for (_, block) in folder.blocks("resource") {
        writeln!(out, "- `{}.{}`", label(block, 0), label(block, 1)).unwrap();
    }
    out
}

/// The comment that a module begins with.
fn introduction(main: &File) -> String {
    let lines = main.text.lines().map_while(|line| line.strip_prefix("# "));
    let words: Vec<&str> = lines.collect();
    assert!(
        !words.is_empty(),
        "{}: begins with no comment about what the module is for",
        main.path
    );
    format!("{}\n", words.join("\n"))
}

/// The source text of an attribute, without what its place has indented.
fn value(file: &File, block: &Block, key: &str) -> Option<String> {
    use hcl_edit::Span as _;
    let span = block.body.get_attribute(key)?.value.span()?;
    let lines: Vec<&str> = file.text[span].trim().lines().collect();
    let flush = lines.iter().map(|line| line.strip_prefix("  ").unwrap_or(line));
    Some(flush.collect::<Vec<_>>().join("\n"))
}

/// For a cell of a table.
fn description(file: &File, block: &Block) -> String {
    let given = &block.body.get_attribute("description").unwrap().value;
    let said = match given.as_str() {
        Some(said) => said.to_owned(),
        None => value(file, block, "description")
            .map(|text| heredoc(&text))
            .unwrap_or_default(),
    };
    one_line(&said).replace('|', "\\|")
}

fn heredoc(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let inner = lines.get(1..lines.len() - 1).unwrap_or_default();
    inner.join(" ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
