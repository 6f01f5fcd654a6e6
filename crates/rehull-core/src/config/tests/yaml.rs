//! The text itself: syntax, traps, limits.

use proptest::prelude::*;

use super::{EXAMPLE, Spans, example_with, mistakes, only, parse, position};

#[test]
fn a_key_that_stands_twice_is_shown_at_both_places() {
    let text = example_with("  region:", "  account: \"444455556666\"\n  region:");
    let mistake = only(&text, "config::duplicate_key");
    let places = [mistake.span, mistake.more[0].0].map(|span| position(&text, span.start));
    assert_eq!(places, [(8, 3), (7, 3)]);
}

#[test]
fn an_empty_file_points_to_the_example() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "~"] {
        assert!(
            only(text, "config::empty")
                .help
                .unwrap()
                .contains("examples/three-etcd"),
            "{text:?}"
        );
    }
}

#[test]
fn a_second_document_is_one_mistake_and_the_first_is_still_judged() {
    let text = format!(
        "{}---\ncluster: other\n",
        example_with("cluster: dev", "cluster: DEV")
    );
    let told = mistakes(&text);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("config::cluster_name"));
    assert!(told[1].contains("config::several_documents"));
    assert!(parse("c", &format!("---\n{EXAMPLE}")).is_ok());
    assert!(parse("c", &format!("{EXAMPLE}...\n")).is_ok());
}

#[test]
fn tabs_and_open_brackets_are_told_in_plain_words() {
    let text = example_with("  account", "\taccount");
    let tab = only(&text, "config::tab");
    assert_eq!(&text[tab.span.start..tab.span.end], "\t");
    let text = example_with("prefix: store/ }", "prefix: store/");
    let bracket = only(&text, "config::syntax");
    assert_eq!(position(&text, bracket.more[0].0.start), (12, 7));
}

#[test]
fn aliases_are_copies_and_merge_keys_are_not_known() {
    let text = example_with("artefacts: {", "artefacts: &a {").replace(
        "snapshots: { bucket: rehull-dev-snapshots, prefix: etcd/ }",
        "snapshots: *a",
    );
    assert!(only(&text, "config::overlap").message.contains("`snapshots`"));
    let text = example_with("cluster: dev", "cluster: dev\n<<: { a: b }");
    assert!(
        only(&text, "config::unknown_key")
            .help
            .unwrap()
            .contains("merge keys")
    );
    assert!(
        mistakes("format: &a [*a]")
            .iter()
            .any(|told| told.contains("config::alias"))
    );
}

#[test]
fn hostile_files_end_at_a_limit() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs = format!("{laughs}a{level}: &a{level} [{items}]\n");
    }
    only(&laughs, "config::too_many_values");
    only(&"[".repeat(10_000), "config::too_deep");
    only(&"- ".repeat(10_000), "config::too_deep");
    only(&"x".repeat(300 * 1024), "config::too_big");
}

#[test]
fn a_long_text_is_not_copied_as_often_as_a_file_likes() {
    let often = vec!["*a"; 1_000].join(", ");
    only(
        &format!("a: &a {}\nb: [{often}]\n", "x".repeat(10_000)),
        "config::too_many_values",
    );
    assert!(parse("c", &example_with("artefacts: {", "artefacts: &a {")).is_ok());
}

#[test]
fn a_key_longer_than_any_is_refused_and_not_kept_for_every_value_below_it() {
    let long = "k".repeat(200);
    let key = only(
        &example_with("cluster: dev", &format!("cluster: dev\n{long}: [1, 2, 3]")),
        "config::key",
    );
    assert!(key.message.len() < 100, "{}", key.message);
}

#[test]
fn of_very_many_mistakes_the_first_ones_are_shown_and_the_rest_is_counted() {
    let keys: Vec<String> = (0..1_000).map(|number| format!("key{number:04}: 1\n")).collect();
    let keys = keys.concat();
    let found = parse(
        "c",
        &example_with("cluster: dev\n", &format!("cluster: dev\n{keys}")),
    )
    .unwrap_err();
    assert_eq!(found.len(), 101);
    assert!(found[0].message.contains("key0000"), "{}", found[0].message);
    assert_eq!(found[100].message, "900 more mistakes are not shown");
    assert!(found[99].span < found[100].span);
}

#[test]
fn tags_and_odd_keys_are_refused() {
    only(
        &example_with("cluster: dev", "cluster: !vault dev"),
        "config::tag",
    );
    only(
        &example_with("cluster: dev", "cluster: dev\n? [a]\n: b"),
        "config::key",
    );
    assert!(parse("c", &example_with("cluster: dev", "cluster: !!str dev")).is_ok());
    only(&example_with("builtIn: 1", "builtIn: !!int x"), "config::type");
}

#[test]
fn carets_count_characters_not_bytes_and_survive_a_byte_order_mark() {
    let text = example_with("cluster: dev", "cluster: dev # Ümläüte 日本\nclustr: x");
    let mistake = only(&text, "config::unknown_key");
    assert_eq!(&text[mistake.span.start..mistake.span.end], "clustr");
    let text = format!(
        "\u{feff}{}",
        example_with("cluster: dev", "cluster: DEV").replace('\n', "\r\n")
    );
    let mistake = only(&text, "config::cluster_name");
    assert_eq!(&text[mistake.span.start..mistake.span.end], "DEV");
}

#[test]
fn what_the_file_says_cannot_draw_on_a_terminal() {
    let mistake = only(
        &example_with("cluster: dev", "cluster: \"a\\e[2Jb\""),
        "config::cluster_name",
    );
    assert!(!mistake.message.contains('\u{1b}'), "{}", mistake.message);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn no_heap_of_yaml_punctuation_makes_the_reader_panic(text in "[a-c1:\\-?\\[\\]{}&*!|>'\"#,%@` \t\r\nä\u{feff}\\\\.~<=]{0,80}") {
        check(&text);
    }

    #[test]
    fn no_cut_or_paste_in_the_example_makes_the_reader_panic(
        from in 0..EXAMPLE.len(), length in 0..60_usize, paste in "[a-c1:\\-?\\[\\]{}&*!|>'\"#, \t\n$]{0,6}",
    ) {
        let end = (from + length).min(EXAMPLE.len());
        check(&format!("{}{paste}{}", &EXAMPLE[..from], &EXAMPLE[end..]));
    }
}

/// Whatever comes in: no panic, and every place lies inside the text, on character boundaries.
fn check(text: &str) {
    let found = parse("c", text).err().unwrap_or_default();
    for mistake in found {
        let places = std::iter::once(mistake.span).chain(mistake.more.iter().map(|(span, _)| *span));
        for place in places {
            assert!(
                text.get(place.start..place.end).is_some(),
                "{place:?} in {text:?}: {mistake:?}"
            );
        }
    }
    let _ = Spans::of(text).caret("/etcd/version");
}
