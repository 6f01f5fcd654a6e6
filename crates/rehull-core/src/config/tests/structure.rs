//! Keys and types.

use super::{example_with, mistakes, only};

#[test]
fn a_misspelled_key_is_one_mistake_with_a_suggestion() {
    let text = example_with("region:", "regoin:");
    let mistake = only(&text, "config::unknown_key");
    assert_eq!(mistake.help.as_deref(), Some("did you mean `region`?"));
    assert_eq!(&text[mistake.span.start..mistake.span.end], "regoin");
}

#[test]
fn an_unknown_key_does_not_hide_what_is_wrong_elsewhere() {
    let text =
        example_with("cluster: dev", "clusterr: dev\nfoo: bar").replace("- name: etcd-c", "- name: etcd-a");
    let told = mistakes(&text);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].contains("unknown key `clusterr`"));
    assert!(told[1].contains("unknown key `foo`"));
    assert!(told[2].contains("same name `etcd-a`"));
}

#[test]
fn a_key_in_the_wrong_place_is_sent_home() {
    let mistake = only(
        &example_with("  strategy:", "  settle: 6s\n  strategy:"),
        "config::unknown_key",
    );
    assert_eq!(mistake.help.as_deref(), Some("`settle` belongs under `rollout`"));
}

#[test]
fn numbers_where_text_belongs_say_how_to_write_them() {
    for (typed, instead, code, help) in [
        (
            "account: \"111122223333\"",
            "account: 111122223333",
            "config::type",
            "quote it: \"111122223333\"",
        ),
        (
            "revision: \"1\"",
            "revision: 1",
            "config::type",
            "quote it: \"1\"",
        ),
        (
            "revision: \"1\"",
            "revision: true",
            "config::type",
            "quote it: \"true\"",
        ),
        (
            "\"8589934592\"",
            "8589934592",
            "config::type",
            "quote it: \"8589934592\"",
        ),
        (
            "bake: 5m",
            "bake: 90",
            "config::duration_unit",
            "write `90s`, `90m` or `90h`",
        ),
        (
            "snapshot: true",
            "snapshot: yes",
            "config::type",
            "`yes`, `no`, `on` and `off` are plain text in YAML 1.2",
        ),
        (
            "builtIn: 1",
            "builtIn: \"1\"",
            "config::type",
            "write 1 without quotes",
        ),
    ] {
        assert_eq!(
            only(&example_with(typed, instead), code).help.as_deref(),
            Some(help),
            "{instead}"
        );
    }
}

#[test]
fn a_number_that_lost_its_leading_zeros_is_shown_as_typed() {
    let mistake = only(&example_with("\"111122223333\"", "011112222333"), "config::type");
    assert_eq!(
        mistake.message,
        "`account` is text, but YAML reads `011112222333` as the number 11112222333"
    );
}

#[test]
fn a_version_that_yaml_takes_for_a_number_is_told_as_both() {
    let told = mistakes(&example_with("3.6.14", "3.10"));
    assert_eq!(
        told,
        [
            "17: config::type: `version` is text, but YAML reads `3.10` as the number 3.1 <3.10>",
            "17: config::version: `3.10` is no etcd release <3.10>",
        ]
    );
}

#[test]
fn a_version_of_two_numbers_is_not_sent_into_quotes_that_would_be_refused_too() {
    let told =
        crate::config::parse("cluster.yaml", &example_with("3.6.14", "3.10")).expect_err("two mistakes");
    for mistake in told {
        let help = mistake.help.unwrap_or_default();
        assert!(help.starts_with("a release has three numbers"), "{help}");
    }
}

#[test]
fn fractions_and_huge_numbers_are_no_whole_numbers() {
    for number in ["1.0", "1e3", "99999999999999999999", ".inf", ".nan"] {
        only(
            &example_with("bake: 5m", &format!("lagEntriesMax: {number}")),
            "config::type",
        );
    }
}

#[test]
fn a_key_without_value_is_told_at_the_key() {
    let text = example_with("instanceType: m6i.large", "instanceType:");
    let mistake = only(&text, "config::no_value");
    assert_eq!(&text[mistake.span.start..mistake.span.end], "instanceType");
}

#[test]
fn a_word_from_a_fixed_list_gets_the_list() {
    let mistake = only(
        &example_with("remove-then-add", "remove_then_ad"),
        "config::unknown_word",
    );
    assert!(
        mistake
            .help
            .unwrap()
            .starts_with("did you mean `remove-then-add`?")
    );
    only(&example_with("remove-then-add", "7"), "config::unknown_word");
}

#[test]
fn alternatives_are_one_and_only_one() {
    let both = only(
        &example_with("builtIn: 1", "builtIn: 1\n    file: a.hbs"),
        "config::one_of",
    );
    assert_eq!(both.more.len(), 2);
    let neither = only(&example_with("    builtIn: 1\n", "    {}\n"), "config::one_of");
    assert_eq!(neither.message, "one of `builtIn`, `file` is needed");
    only(&example_with("builtIn: 1", "builtin: 1"), "config::unknown_key");
    only(&example_with("s3: {", "s4: {"), "config::unknown_key");
}

#[test]
fn something_else_than_a_map_is_told_once() {
    for text in ["[1, 2]", "just words", "5"] {
        let told = mistakes(text);
        assert_eq!(
            told.iter().filter(|line| line.contains("config::type")).count(),
            1,
            "{told:#?}"
        );
        assert!(
            told.iter().all(|line| !line.contains("fault of rehull")),
            "{told:#?}"
        );
    }
}
