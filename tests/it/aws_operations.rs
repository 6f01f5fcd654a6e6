//! Which operations of AWS the adapters send, and that the page about fidelity says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const VERBS: [&str; 16] = [
    "attach_",
    "create_",
    "delete_",
    "deregister_",
    "describe_",
    "detach_",
    "get_",
    "head_",
    "list_",
    "modify_",
    "put_",
    "resume_",
    "run_",
    "suspend_",
    "terminate_",
    "update_",
];
/// A field of an answer, called like an operation.
const FIELDS: [&str; 1] = ["delete_on_termination"];

/// Names of methods that start a request, as the SDK spells them.
fn sent(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                sent(&path, found);
            }
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let calls = text.split('.').filter_map(|rest| rest.split_once("()"));
        let names = calls.map(|(name, _)| name).filter(|name| {
            VERBS.iter().any(|verb| name.starts_with(verb))
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                && !FIELDS.contains(name)
        });
        found.extend(names.map(str::to_owned));
    }
}

fn camel(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    });
    words.collect()
}

#[test]
fn every_operation_that_an_adapter_sends_stands_in_the_page_about_fidelity() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    sent(&root.join("src/adapters"), &mut found);
    let found: BTreeSet<String> = found.iter().map(|name| camel(name)).collect();
    let page = fs::read_to_string(root.join("docs/fidelity.md")).unwrap();
    let listed = page
        .lines()
        .skip_while(|line| !line.starts_with("Every operation that an adapter sends"))
        .take_while(|line| !line.is_empty());
    let text = listed.collect::<Vec<_>>().join(" ");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let listed: BTreeSet<String> = words
        .filter(|word| word.bytes().filter(u8::is_ascii_uppercase).count() > 1 && word.len() > 6)
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, found);
}
