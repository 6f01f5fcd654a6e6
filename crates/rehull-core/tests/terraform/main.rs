//! What can be known of `terraform/` without Terraform, a provider or an account.
//!
//! Every resource, argument and block is held against the provider's own schema (`schema/`), every reference against what
//! is declared, and all of it against the rules that rehull depends on. `snippets` shows that each check refuses what it is
//! there for. What only Terraform can evaluate is in `terraform/tests`, run by `tools/terraform.sh`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    reason = "a test says what it expects by failing, and `make gen` asks for files by an environment variable"
)]

mod adapters;
mod arguments;
mod data;
mod files;
mod modules;
mod readme;
mod references;
mod rendered;
mod rules;
mod schema;
mod snippets;
mod types;
mod value;

use files::Folder;

/// All problems at once, as a person wants to read them.
#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn every(check: fn(&Folder, &[Folder]) -> Vec<String>) {
    let folders = files::read();
    let problems: Vec<String> = folders
        .iter()
        .flat_map(|folder| check(folder, &folders))
        .collect();
    none(&problems);
}

#[test]
fn every_argument_and_block_is_one_that_the_provider_has() {
    every(|folder, _| arguments::check(folder));
}

#[test]
fn every_reference_names_something_that_is_declared_and_nothing_is_declared_for_nothing() {
    every(references::check);
}

#[test]
fn every_module_gets_what_it_asks_for_and_no_attribute_is_dropped_without_a_word() {
    every(modules::check);
}

#[test]
fn every_rule_that_rehull_depends_on_is_kept() {
    every(|folder, _| rules::check(folder));
}

/// Whatever waits elsewhere, and whatever a module is changed to: an upgrade cannot carry it along.
#[test]
fn an_upgrade_applies_launch_templates_and_reads_nothing() {
    let folders = files::read();
    let state = folders
        .iter()
        .find(|folder| folder.path == "terraform/environments/dev/templates")
        .unwrap();
    let called = state
        .blocks("module")
        .map(|(_, block)| modules::target(state, block, &folders).unwrap());
    let parts: Vec<&Folder> = called.chain([state]).collect();
    let made: Vec<String> = parts.iter().flat_map(|part| part.names("resource")).collect();
    assert!(
        !made.is_empty() && made.iter().all(|kind| kind == "aws_launch_template"),
        "{made:?}"
    );
    let read: Vec<String> = parts.iter().flat_map(|part| part.names("data")).collect();
    assert!(read.is_empty(), "{read:?}");
}

#[test]
fn environments_differ_in_their_data_only() {
    none(&files::differences_between_environments());
}
