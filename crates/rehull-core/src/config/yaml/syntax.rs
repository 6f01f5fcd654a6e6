//! The parser's own words are for people who write parsers; the common slips get plain ones.

use super::{DEPTH_MAX, Slip};
use crate::config::mistake::Wrong;
use crate::config::spans::Span;

/// What to say when the text stops being YAML at byte `at`, with these maps and lists open (byte of their start).
pub(super) fn slip(text: &str, at: usize, info: &str, open: impl DoubleEndedIterator<Item = usize>) -> Slip {
    if let Some(tab) = tab_in_indentation(text, at) {
        let wrong = Wrong::new(
            "config::tab",
            "YAML is indented with spaces, never with tabs",
            "a tab",
        );
        return Slip {
            span: Span::new(tab, 1),
            wrong: wrong.help("replace each tab by two spaces"),
            more: Vec::new(),
        };
    }
    if info.contains("recursion limit") {
        return Slip {
            span: Span::new(at, 1),
            wrong: too_deep(),
            more: Vec::new(),
        };
    }
    let wrong = Wrong::new(
        "config::syntax",
        format!("this is no YAML: {info}"),
        "the reader stopped here",
    )
    .help("often the real mistake is a missing quote, bracket or colon on this line or above it");
    // A bracket that was never closed is noticed lines later, and never by its own name.
    let is_bracket = |start: &usize| {
        text.get(*start..)
            .is_some_and(|rest| rest.starts_with(['[', '{']))
    };
    let more = open
        .rev()
        .find(is_bracket)
        .map(|start| (Span::new(start, 1), "opened here".to_owned()));
    let length = text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(0, char::len_utf8);
    Slip {
        span: Span::new(at, length),
        wrong,
        more: more.into_iter().collect(),
    }
}

/// Nested beyond what the format has, told by the parser or by the loader, whoever notices first.
pub(super) fn too_deep() -> Wrong {
    Wrong::new("config::too_deep", "nested too deeply", "here")
        .help(format!("the limit is {DEPTH_MAX} levels"))
}

fn tab_in_indentation(text: &str, at: usize) -> Option<usize> {
    let line_start = text
        .get(..at)?
        .rfind('\n')
        .map_or(0, |newline| newline.saturating_add(1));
    let line = text.get(line_start..)?;
    let spaces = line.len().saturating_sub(line.trim_start_matches(' ').len());
    line.get(spaces..)?
        .starts_with('\t')
        .then(|| line_start.saturating_add(spaces))
}
