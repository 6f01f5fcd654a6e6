//! Mistakes in files, shown: carets for a person, the same without colour for everything else.

use std::borrow::Cow;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report, SourceSpan,
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

/// All mistakes of one file, one after the other; `text` is what `config::parse` was given.
#[must_use]
pub fn render(mistakes: &[Mistake], text: &str, look: Look) -> String {
    let text = harmless(text);
    let drawn: Vec<String> = mistakes.iter().map(|mistake| one(mistake, &text, look)).collect();
    drawn.join("\n")
}

fn one(mistake: &Mistake, text: &str, look: Look) -> String {
    let (mut theme, columns) = match look {
        Look::Terminal { columns } => (GraphicalTheme::unicode(), columns),
        Look::Plain => (GraphicalTheme::unicode_nocolor(), 80),
    };
    // miette draws an icon before the sentence; the word and the code in its place make the line searchable.
    theme.characters.error = format!("error[{}]:", mistake.code);
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_context_lines(0)
        .with_width(columns.max(40))
        .with_wrap_lines(look != Look::Plain)
        .without_syntax_highlighting();
    let mut drawn = String::new();
    match handler.render_report(&mut drawn, report(mistake, text).as_ref()) {
        Ok(()) => format!("{}\n", drawn.trim()),
        // Only a label outside of the text ends here; the sentence is worth more than the drawing.
        Err(_) => format!("error[{}]: {}: {}\n", mistake.code, mistake.file, mistake.message),
    }
}

fn report(mistake: &Mistake, text: &str) -> Report {
    let mut labels = vec![LabeledSpan::new_primary_with_span(
        Some(mistake.label.clone()),
        source_span(mistake.span),
    )];
    let more = mistake.more.iter();
    labels.extend(more.map(|(span, label)| LabeledSpan::at(source_span(*span), label.clone())));
    let mut diagnostic = MietteDiagnostic::new(mistake.message.clone()).with_labels(labels);
    diagnostic.help.clone_from(&mistake.help);
    Report::new(diagnostic).with_source_code(NamedSource::new(&mistake.file, text.to_owned()))
}

fn source_span(span: Span) -> SourceSpan {
    SourceSpan::new(span.start.into(), span.end.saturating_sub(span.start))
}

/// The text with the same length in bytes, less what must not reach a terminal or a log: control characters, which
/// could draw anything, and private keys that somebody pasted.
fn harmless(text: &str) -> Cow<'_, str> {
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
    if shown == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(shown)
    }
}
