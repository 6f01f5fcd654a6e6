//! The example is legal; each test changes one thing in it.

mod control_plane;
mod every_key;
mod rules;
mod structure;
mod workers;
mod yaml;

use super::*;

pub(super) const EXAMPLE: &str = include_str!("../../../../../examples/three-etcd/cluster.yaml");

/// The same with a control plane.
pub(super) const WITH_SERVERS: &str = include_str!("../../../../../examples/control-plane/cluster.yaml");

/// And with workers.
pub(super) const WITH_WORKERS: &str = include_str!("../../../../../examples/workers/cluster.yaml");

/// The example with one text replaced by another; the text must be there.
pub(super) fn example_with(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "{old:?} is not in the example");
    EXAMPLE.replacen(old, new, 1)
}

/// `line: code: message`, one per mistake, and what the caret underlines.
pub(super) fn mistakes(text: &str) -> Vec<String> {
    let told = |mistake: &Mistake| {
        let (line, _) = position(text, mistake.span.start);
        let underlined = &text[mistake.span.start..mistake.span.end];
        format!("{line}: {}: {} <{underlined}>", mistake.code, mistake.message)
    };
    parse("cluster.yaml", text)
        .err()
        .unwrap_or_default()
        .iter()
        .map(told)
        .collect()
}

/// Exactly one mistake, with this code.
#[track_caller]
pub(super) fn only(text: &str, code: &str) -> Mistake {
    let found = parse("cluster.yaml", text).expect_err("a mistake");
    assert_eq!(found.len(), 1, "{:#?}", mistakes(text));
    let only = found.into_iter().next().unwrap();
    assert_eq!(only.code, code, "{}", only.message);
    only
}

#[test]
fn the_example_is_legal_and_says_what_it_says() {
    let desired = parse("cluster.yaml", EXAMPLE).unwrap();
    assert_eq!(desired.cluster.as_str(), "dev");
    assert_eq!(desired.etcd.version.to_string(), "3.6.14");
    assert_eq!(desired.etcd.slots.len(), 3);
    assert_eq!(desired.etcd.slots[1].peer_url(), "https://10.0.2.10:2380");
    assert_eq!(desired.policy, crate::domain::policy::RolloutPolicy::default());
}

#[test]
fn the_defaults_in_the_schema_are_the_defaults_that_apply() {
    let without = &EXAMPLE[..EXAMPLE.find("rollout:").unwrap()];
    let schema = schema();
    let rollout = &schema["$defs"]["Rollout"]["properties"];
    let lines: Vec<String> = rollout
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, part)| {
            format!(
                "  {key}: {}",
                part["default"]
                    .as_str()
                    .map_or(part["default"].to_string(), str::to_owned)
            )
        })
        .collect();
    assert_eq!(lines.len(), 11);
    let written_out = format!("{without}rollout:\n{}\n", lines.join("\n"));
    let (written_out, left_out) = (parse("a", &written_out).unwrap(), parse("a", without).unwrap());
    assert_eq!(written_out.policy, left_out.policy);
}

#[test]
fn later_refusals_find_the_place_of_a_pointer() {
    let spans = Spans::of(EXAMPLE);
    let shown = |pointer: &str| {
        let span = spans.caret(pointer);
        &EXAMPLE[span.start..span.end]
    };
    assert_eq!(shown("/etcd/version"), "3.6.14");
    assert_eq!(shown("/etcd/slots/1/name"), "etcd-b");
    assert_eq!(shown("/etcd/slots"), "slots");
    assert_eq!(
        shown("/rollout/settle"),
        "rollout",
        "a default has the place it would be written in"
    );
    assert_eq!(shown("/nothing/like/it"), "format: 1");
    assert_eq!(Spans::of("}").caret("/etcd"), Span::default());
}

#[test]
fn a_file_of_another_format_is_refused_for_that_alone() {
    let newer = only(
        &example_with("format: 1", "format: 2\nnodePools: []"),
        "config::format",
    );
    assert!(newer.help.unwrap().contains("newer rehull"));
    let older = only(&example_with("format: 1", "format: 0"), "config::format");
    assert!(older.help.unwrap().contains("docs/cluster-file.md"));
}

#[test]
fn the_reference_in_the_docs_is_the_schema_in_words() {
    const DOCS: &str = include_str!("../../../../../docs/cluster-file.md");
    let (_, written) = DOCS
        .split_once("<!-- generated from the schema: begin -->\n")
        .unwrap();
    let (written, _) = written.split_once("\n<!-- generated: end -->").unwrap();
    let current = reference();
    assert!(
        written.trim() == current.trim(),
        "put this into docs/cluster-file.md:\n{current}"
    );
}

#[test]
fn the_schema_is_itself_a_schema() {
    assert!(jsonschema::meta::is_valid(&schema()));
    assert_eq!(
        schema()["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

#[test]
fn positions_count_lines_and_characters_from_one() {
    let text = "a\näb\r\nc";
    let places = [0, 1, 2, 4, 7, 8].map(|byte| position(text, byte));
    assert_eq!(places, [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]);
    assert_eq!(position(text, 1_000), (3, 2), "past the end is the end");
}
