//! Mistakes in files, shown: carets for a person, the same without colour for everything else.

use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, MietteError, MietteSpanContents,
    Report, SourceCode, SourceSpan, SpanContents,
};
use rehull_core::config::{Mistake, Span};

/// For whom it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A terminal of this many columns: colour, and long sentences are wrapped.
    Terminal {
        /// Width in columns.
        columns: usize,
    },
    /// A file, a pipe, a pull request: no colour, nothing is wrapped.
    Plain,
}

/// A file with more mistakes than this is another kind of file; nobody reads the rest.
const SHOWN_MAX: usize = 50;

/// All mistakes of one file, one after the other; `text` is what `config::parse` was given.
#[must_use]
pub fn render(mistakes: &[Mistake], text: &str, look: Look) -> String {
    let text: Arc<str> = harmless(text).into();
    let mut drawn: Vec<String> = mistakes
        .iter()
        .take(SHOWN_MAX)
        .map(|mistake| one(mistake, &text, look))
        .collect();
    if let Some(rest) = mistakes.len().checked_sub(SHOWN_MAX).filter(|rest| *rest > 0) {
        drawn.push(format!("and {rest} more mistakes\n"));
    }
    drawn.join("\n")
}

fn one(mistake: &Mistake, text: &Arc<str>, look: Look) -> String {
    let (mut theme, columns) = match look {
        Look::Terminal { columns } => (GraphicalTheme::unicode(), columns),
        Look::Plain => (GraphicalTheme::unicode_nocolor(), 80),
    };
    // miette draws an icon before the sentence; the word and the code in its place make the line searchable.
    theme.characters.error = format!("error[{}]:", mistake.code);
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_context_lines(WHOLE_LINES)
        .with_width(columns.max(40))
        .with_wrap_lines(look != Look::Plain)
        .without_syntax_highlighting();
    let mut drawn = String::new();
    let places = std::iter::once(&mistake.span).chain(mistake.more.iter().map(|(span, _)| span));
    let inside = places
        .into_iter()
        .all(|place| text.get(place.start..place.end).is_some());
    match handler.render_report(&mut drawn, report(mistake, text).as_ref()) {
        Ok(()) if inside => format!("{}\n", drawn.trim()),
        // The text is not the one that was read; the sentence is worth more than the drawing.
        Ok(()) | Err(_) => format!("error[{}]: {}: {}\n", mistake.code, mistake.file, mistake.message),
    }
}

fn report(mistake: &Mistake, text: &Arc<str>) -> Report {
    let mut labels = vec![LabeledSpan::new_primary_with_span(
        Some(mistake.label.clone()),
        source_span(mistake.span),
    )];
    let more = mistake.more.iter();
    labels.extend(more.map(|(span, label)| LabeledSpan::at(source_span(*span), label.clone())));
    let mut diagnostic = MietteDiagnostic::new(mistake.message.clone()).with_labels(labels);
    diagnostic.help.clone_from(&mistake.help);
    Report::new(diagnostic).with_source_code(Lines {
        file: mistake.file.clone(),
        text: Arc::clone(text),
    })
}

fn source_span(span: Span) -> SourceSpan {
    SourceSpan::new(span.start.into(), span.end.saturating_sub(span.start))
}

/// miette asks with this for a drawing and with 0 for a position.
const WHOLE_LINES: usize = 1;

/// Shows the lines that a label stands on and none around them: miette alone shows neighbours or cuts the line.
struct Lines {
    file: String,
    text: Arc<str>,
}

impl SourceCode for Lines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        _after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset().saturating_add(span.len());
        let (head, tail) = (self.text.get(..span.offset()), self.text.get(end..));
        let (Some(head), Some(tail)) = (head, tail) else {
            return Err(MietteError::OutOfBounds);
        };
        let line_start = head.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
        let line = head.matches('\n').count();
        let (start, end, column) = if before == WHOLE_LINES {
            let line_end = tail
                .find('\n')
                .map_or(self.text.len(), |newline| end.saturating_add(newline));
            (line_start, line_end, 0)
        } else {
            let column = head.get(line_start..).unwrap_or_default().chars().count();
            (span.offset(), end, column)
        };
        let shown = self.text.get(start..end).unwrap_or_default();
        let range = SourceSpan::new(start.into(), shown.len());
        let lines = shown.matches('\n').count();
        let name = self.file.clone();
        let contents = MietteSpanContents::new_named(name, shown.as_bytes(), range, line, column, lines);
        Ok(Box::new(contents))
    }
}

/// The text with the same length in bytes, less what must not reach a terminal or a log: control characters, which
/// could draw anything, and private keys that somebody pasted.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut in_key = false;
    for line in text.split_inclusive('\n') {
        in_key |= line.contains("-----BEGIN");
        for c in line.chars() {
            if c == '\n' || c == '\r' || c == '\t' || !(in_key || c.is_control()) {
                shown.push(c);
            } else {
                let mask = if in_key { "*" } else { "?" };
                shown.push_str(&mask.repeat(c.len_utf8()));
            }
        }
        in_key &= !line.contains("-----END");
    }
    shown
}

#[cfg(test)]
mod tests {
    use rehull_core::config::{self, Spans, Wrong};

    use super::*;

    const MANY: &str = include_str!("../../tests/fixtures/config/many-mistakes.yaml");

    #[test]
    fn every_mistake_of_a_file_is_shown_at_once_with_its_place() {
        let mistakes = config::parse("clusters/dev.yaml", MANY).unwrap_err();
        insta::assert_snapshot!(render(&mistakes, MANY, Look::Plain));
    }

    #[test]
    fn a_refusal_that_comes_later_looks_like_a_mistake_found_while_reading() {
        let text = "format: 1\netcd:\n  version: 3.6.14\n";
        let wrong = Wrong::new(
            "plan::etcd_skip",
            "etcd 3.6.14 cannot follow 3.4.34: minor versions may not be skipped",
            "pinned here; the machines run 3.4.34",
        )
        .help("pin 3.5.33 first");
        let refusal = Mistake::at("clusters/dev.yaml", &Spans::of(text), "/etcd/version", wrong);
        insta::assert_snapshot!(render(&[refusal], text, Look::Plain));
    }

    #[test]
    fn a_file_of_another_kind_does_not_fill_the_screen() {
        let text = (0..100).fold(String::new(), |text, key| format!("{text}key{key}: x\n"));
        let mistakes = config::parse("c.yaml", &text).unwrap_err();
        let shown = render(&mistakes, &text, Look::Plain);
        assert_eq!(shown.matches("error[").count(), SHOWN_MAX);
        assert!(shown.ends_with(&format!("and {} more mistakes\n", mistakes.len() - SHOWN_MAX)));
    }

    #[test]
    fn a_terminal_gets_colour_and_everything_else_does_not() {
        let mistakes = config::parse("c.yaml", "").unwrap_err();
        assert!(render(&mistakes, "", Look::Terminal { columns: 100 }).contains('\u{1b}'));
        assert!(!render(&mistakes, "", Look::Plain).contains('\u{1b}'));
    }

    #[test]
    fn neither_control_characters_nor_private_keys_reach_the_terminal() {
        let text = "cluster: \u{1b}[2J\u{9b}x\nkey: |\n  -----BEGIN EC PRIVATE KEY-----\n  c2VjcmV0\n  -----END EC PRIVATE KEY-----\nb: c\n";
        let shown = harmless(text);
        assert_eq!(shown.len(), text.len(), "places count bytes");
        assert!(!shown.contains(['\u{1b}', '\u{9b}']));
        assert!(!shown.contains("c2VjcmV0") && shown.ends_with("\nb: c\n"));
    }

    #[test]
    fn a_place_outside_of_the_text_still_tells_the_mistake() {
        let mistakes = config::parse("c.yaml", MANY).unwrap_err();
        assert!(render(&mistakes, "", Look::Plain).contains("error[config::cluster_name]: c.yaml:"));
    }
}
