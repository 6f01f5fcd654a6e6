//! Templates that somebody means harm with: each ends at a limit, with a reason.

use super::with_file;

/// What a template says cannot be done, as far as it is said.
fn refusal(text: &str) -> String {
    with_file(text).unwrap_err().to_string()
}

#[test]
fn a_template_cannot_keep_anybody_waiting_nor_fill_the_memory() {
    let each = |levels: usize| {
        format!(
            "{}{}",
            "{{#each peers}}".repeat(levels),
            "{{/each}}".repeat(levels)
        )
    };
    assert!(
        refusal(&each(3)).contains("`{{#each}}` more than 2 deep"),
        "{}",
        refusal(&each(3))
    );
    let lists = "#cloud-config\nhostname: a{{#each peers}}{{#each ../peers}}{{/each}}{{/each}}\n";
    assert!(with_file(lists).is_ok(), "{}", refusal(lists));
    let piece = "{{> etcd/2/boot.sh}}".repeat(1_000);
    assert!(
        refusal(&piece).contains("renders to more than"),
        "{}",
        refusal(&piece)
    );
    assert!(refusal(&"x".repeat(40_000)).contains("a template of 40000 bytes"));
}

#[test]
fn a_template_cannot_exhaust_the_stack() {
    for deep in [
        "{{#if slot}}".repeat(1_000),
        format!("{{{{#if slot}}}}{}", "{{else if slot}}".repeat(1_000)),
        format!("{{{{lookup {}", "(lookup ".repeat(1_000)),
        "{{#> a}}".repeat(1_000),
        "{{^a}}".repeat(1_000),
    ] {
        assert!(
            refusal(&deep).contains("deep in each other"),
            "{}",
            refusal(&deep)
        );
    }
    let itself = "{{#*inline \"a\"}}{{> b}}{{/inline}}{{#*inline \"b\"}}{{> a}}{{/inline}}{{> a}}";
    assert!(
        refusal(itself).contains("parts that a template defines by itself"),
        "{}",
        refusal(itself)
    );
    let chain = format!(
        "#cloud-config\nhostname: {}\n",
        "{{#if slot}}a{{else if slot}}b{{/if}}".repeat(20)
    );
    assert!(with_file(&chain).is_ok());
}

#[test]
fn a_cloud_config_cannot_laugh_a_billion_times() {
    let mut laughs = "#cloud-config\nx-0: &a0 { ? [x, x, x, x] : x }\n".to_owned();
    for level in 1..40 {
        let below = level - 1;
        laughs += &format!("x-{level}: &a{level} {{ ? [*a{below}, *a{below}, *a{below}, *a{below}] : x }}\n");
    }
    assert!(
        refusal(&laughs).contains("a key must be a word"),
        "{}",
        refusal(&laughs)
    );
}

#[test]
fn what_a_template_says_cannot_draw_on_a_terminal() {
    for text in [
        "#cloud-config\n\"a\\e[2Jb\": 1\n",
        "{{#if \u{1b}[2J}}",
        "{{\u{1b}}}",
        "#cloud-config\n\u{7}: [\n",
    ] {
        let said = refusal(text);
        assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
    }
}
