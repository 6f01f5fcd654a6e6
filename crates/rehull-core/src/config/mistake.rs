//! What is wrong, where, and what to write instead: collected, never thrown.

use serde::Serialize;

use super::spans::{Pointer, Span, Spans};

/// So many mistakes of a file are shown.
const SHOWN_MAX: usize = 100;

/// One mistake in a file. Rendering (carets, colour) is the caller's; everything needed for it is in here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Name of the file as the caller gave it.
    pub file: String,
    /// Stable word for scripts, for example `config::unknown_key`.
    pub code: &'static str,
    /// One sentence without a full stop; names are quoted.
    pub message: String,
    /// What to type instead, where that can be said.
    pub help: Option<String>,
    /// JSON pointer of the place.
    pub at: String,
    /// Text beside the caret.
    pub label: String,
    /// Where the caret points.
    pub span: Span,
    /// Other places that belong to it, for example the first of two equal keys.
    pub more: Vec<(Span, String)>,
}

impl Mistake {
    /// A mistake at a pointer: for refusals that come after reading, so that they look like those from reading.
    #[must_use]
    pub fn at(file: &str, spans: &Spans, pointer: &str, wrong: Wrong) -> Self {
        Self {
            file: file.to_owned(),
            code: wrong.code,
            message: wrong.message,
            help: wrong.help,
            at: pointer.to_owned(),
            label: wrong.label,
            span: spans.caret(pointer),
            more: Vec::new(),
        }
    }
}

/// A text from the file inside a sentence: in back quotes, clipped, and without control characters, because the file
/// may come from anybody's pull request and the sentence goes to a terminal.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_MAX_CHARS: usize = 64;
    format!(
        "`{}`",
        printable(text, SHOWN_MAX_CHARS).replace(['`', '\n'], "\u{fffd}")
    )
}

/// The same without quotes, lines kept: a sentence of somebody else's that quotes the file.
pub(crate) fn printable(text: &str, chars_max: usize) -> String {
    let letter = |c: char| {
        if c.is_control() && c != '\n' {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let more = text.chars().nth(chars_max).map(|_| '…');
    text.chars().take(chars_max).map(letter).chain(more).collect()
}

/// What is wrong, before anybody knows where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    code: &'static str,
    message: String,
    help: Option<String>,
    label: String,
}

impl Wrong {
    /// Code, sentence, and the words beside the caret.
    pub fn new(code: &'static str, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
            label: label.into(),
        }
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Adds what to type instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects the mistakes of one file.
#[derive(Debug)]
pub(super) struct Mistakes<'a> {
    file: &'a str,
    spans: &'a Spans,
    list: Vec<Mistake>,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(file: &'a str, spans: &'a Spans) -> Self {
        Self {
            file,
            spans,
            list: Vec::new(),
        }
    }

    /// At the value (or the key of a map or list).
    pub(super) fn add(&mut self, at: &Pointer, wrong: Wrong) {
        self.list
            .push(Mistake::at(self.file, self.spans, at.as_str(), wrong));
    }

    /// At the key: the value is not to blame.
    pub(super) fn add_at_key(&mut self, at: &Pointer, wrong: Wrong) {
        let mut mistake = Mistake::at(self.file, self.spans, at.as_str(), wrong);
        mistake.span = self.spans.key(at.as_str()).unwrap_or(mistake.span);
        self.list.push(mistake);
    }

    /// At a place, pointing to the other places that make it wrong.
    pub(super) fn add_with(&mut self, at: &Pointer, wrong: Wrong, others: &[(Pointer, String)]) {
        let mut mistake = Mistake::at(self.file, self.spans, at.as_str(), wrong);
        mistake.more = others
            .iter()
            .map(|(other, label)| (self.spans.caret(other.as_str()), label.clone()))
            .collect();
        self.list.push(mistake);
    }

    /// At a byte range that has no pointer (syntax, a second key of the same name).
    pub(super) fn add_at_span(&mut self, span: Span, wrong: Wrong, more: Vec<(Span, String)>) {
        let mistake = Mistake::at(self.file, self.spans, "", wrong);
        self.list.push(Mistake {
            span,
            more,
            ..mistake
        });
    }

    /// Keeps the value, or the reason why there is none.
    pub(super) fn keep<T>(&mut self, at: &Pointer, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|wrong| self.add(at, wrong)).ok()
    }

    /// In file order; two mistakes at one place stay in the order in which they were found. Nobody reads more than a
    /// screenful or two, so the rest is counted.
    pub(super) fn into_sorted(mut self) -> Vec<Mistake> {
        self.list.sort_by_key(|mistake| mistake.span);
        let Some(next) = self.list.get(SHOWN_MAX).map(|mistake| mistake.span) else {
            return self.list;
        };
        let left = self.list.len().saturating_sub(SHOWN_MAX);
        self.list.truncate(SHOWN_MAX);
        let message = format!("{left} more mistakes are not shown");
        let wrong = Wrong::new("config::many_mistakes", message, "from here on");
        self.add_at_span(
            next,
            wrong.help("mend the first ones, then check again"),
            Vec::new(),
        );
        self.list
    }

    /// Nothing has been said yet about this place or anything below it.
    pub(super) fn none_under(&self, at: &Pointer) -> bool {
        let below = format!("{at}/");
        !self
            .list
            .iter()
            .any(|mistake| mistake.at == at.as_str() || mistake.at.starts_with(&below))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
