//! Reads Rust text just far enough for the tidy tests: what is code, what is a test, where items end.
//!
//! It is no parser. Comments and the insides of literals are blanked, so that a rule never fires on prose, and braces
//! can be counted. Offsets and line numbers stay those of the file.

/// One line of a source file as the rules see it.
pub(crate) struct Statement {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A function or trait: its name, its first and last line, and its text.
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) at: usize,
    pub(crate) line: usize,
    pub(crate) line_count: usize,
    pub(crate) body: String,
}

/// The same text with comments and the contents of string and character literals turned into spaces.
pub(crate) fn mask(text: &str) -> String {
    let mut masker = Masker {
        chars: text.chars().collect(),
        at: 0,
        out: String::with_capacity(text.len()),
    };
    while let Some(next) = masker.peek(0) {
        masker.step(next);
    }
    masker.out
}

struct Masker {
    chars: Vec<char>,
    at: usize,
    out: String,
}

impl Masker {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn keep(&mut self, count: usize) {
        for _ in 0..count {
            self.out.extend(self.peek(0));
            self.at += 1;
        }
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count {
            // The width in bytes stays the same, or offsets would no longer be those of the file.
            match self.peek(0) {
                Some('\n') => self.out.push('\n'),
                Some(other) => self.out.push_str(&" ".repeat(other.len_utf8())),
                None => {}
            }
            self.at += 1;
        }
    }

    fn step(&mut self, next: char) {
        let inside_word = self.out.chars().next_back().is_some_and(is_word);
        match (next, self.peek(1)) {
            ('/', Some('/')) => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.blank(1);
                }
            }
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => self.string(),
            ('r' | 'b' | 'c', _) if !inside_word => self.prefixed_literal(),
            ('\'', _) => self.character_or_lifetime(),
            _ => self.keep(1),
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => (depth += 1, self.blank(2)).1,
                (Some('*'), Some('/')) => (depth -= 1, self.blank(2)).1,
                (Some(_), _) => self.blank(1),
                (None, _) => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep(1);
        while let Some(c) = self.peek(0) {
            match c {
                '\\' => self.blank(2),
                '"' => return self.keep(1),
                _ => self.blank(1),
            }
        }
    }

    /// `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `c"…"`; anything else that starts with these letters is kept.
    fn prefixed_literal(&mut self) {
        let letters = (0..3)
            .take_while(|n| matches!(self.peek(*n), Some('r' | 'b' | 'c')))
            .count();
        let raw = (0..letters).any(|n| self.peek(n) == Some('r'));
        let hashes = (letters..self.chars.len())
            .take_while(|n| self.peek(*n) == Some('#'))
            .count();
        let opens = self.peek(letters + hashes) == Some('"');
        if !opens || (hashes > 0 && !raw) {
            return self.keep(1);
        }
        self.keep(letters + hashes);
        if !raw {
            return self.string();
        }
        self.keep(1);
        while self.peek(0).is_some() {
            if self.peek(0) == Some('"') && (1..=hashes).all(|n| self.peek(n) == Some('#')) {
                return self.keep(1 + hashes);
            }
            self.blank(1);
        }
    }

    fn character_or_lifetime(&mut self) {
        if self.peek(1) == Some('\\') {
            self.keep(1);
            self.blank(2);
            while self.peek(0).is_some_and(|c| c != '\'') {
                self.blank(1);
            }
            self.keep(1);
        } else if self.peek(2) == Some('\'') {
            self.keep(1);
            self.blank(1);
            self.keep(1);
        } else {
            self.keep(1);
        }
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Offsets at which `word` stands with no letter, digit or underscore around it.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let starts = !word.starts_with(is_word) || !before(code, *at).ends_with(is_word);
        let ends = !word.ends_with(is_word) || !after(code, at + word.len()).starts_with(is_word);
        starts && ends
    })
}

pub(crate) fn before(code: &str, at: usize) -> &str {
    code.get(..at).unwrap_or_default()
}

pub(crate) fn after(code: &str, at: usize) -> &str {
    code.get(at..).unwrap_or_default()
}

pub(crate) fn line_of(code: &str, at: usize) -> usize {
    before(code, at).matches('\n').count() + 1
}

/// Offset of the closing brace, or of the semicolon, of the item that starts at `from`.
fn item_end(code: &str, from: usize) -> usize {
    let (mut brackets, mut braces) = (0, 0);
    for (at, c) in after(code, from).char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' => braces += 1,
            '}' if braces <= 1 => return from + at,
            '}' => braces -= 1,
            ';' if brackets == 0 && braces == 0 => return from + at,
            _ => {}
        }
    }
    code.len()
}

/// Every `fn name` or `trait name` of the masked text.
pub(crate) fn items<'a>(code: &'a str, keyword: &'a str) -> impl Iterator<Item = Item> + 'a {
    words(code, keyword).filter_map(move |at| {
        let rest = after(code, at + keyword.len());
        let name: String = rest.trim_start().chars().take_while(|c| is_word(*c)).collect();
        // `fn(u8) -> u8` is a type and has no name.
        if name.is_empty() || !rest.starts_with(char::is_whitespace) {
            return None;
        }
        let end = item_end(code, at);
        let line = line_of(code, at);
        let body = before(after(code, at), end - at).to_owned();
        Some(Item {
            name,
            at,
            line,
            line_count: line_of(code, end) - line + 1,
            body,
        })
    })
}

/// How many functions a trait declares itself, not counting those nested in default bodies.
pub(crate) fn methods_of(body: &str) -> usize {
    let depth = |at| {
        let head = before(body, at);
        head.matches('{').count() - head.matches('}').count()
    };
    items(body, "fn").filter(|item| depth(item.at) == 1).count()
}

/// Masked text with everything under `#[cfg(test)]` blanked as well.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for marker in ["#[cfg(test)]", "#[cfg(all(test"] {
        while let Some(at) = out.find(marker) {
            let attribute_end = at + after(&out, at).find(']').unwrap_or_default();
            let end = (item_end(&out, attribute_end + 1) + 1).min(out.len());
            let blank: String = before(&out, end)
                .chars()
                .skip(before(&out, at).chars().count())
                .map(|c| if c == '\n' { c } else { ' ' })
                .collect();
            out = format!("{}{blank}{}", before(&out, at), after(&out, end));
        }
    }
    out
}

/// The lines of the masked text, and after them every `use` tree taken apart, so that `use std::{fs, io}` is seen as
/// `use std::fs` and `use std::io`.
pub(crate) fn statements(code: &str) -> Vec<Statement> {
    let lines = code.lines().enumerate().map(|(index, text)| Statement {
        line: index + 1,
        text: text.to_owned(),
    });
    let mut all: Vec<Statement> = lines.collect();
    for at in words(code, "use").filter(|at| after(code, at + 3).starts_with(char::is_whitespace)) {
        let tree = before(after(code, at + 3), item_end_of_use(code, at + 3) - at - 3);
        let mut paths = Vec::new();
        flatten("", tree, &mut paths);
        all.extend(paths.into_iter().map(|path| Statement {
            line: line_of(code, at),
            text: format!("use {path}"),
        }));
    }
    all
}

fn item_end_of_use(code: &str, from: usize) -> usize {
    after(code, from)
        .find(';')
        .map_or(code.len(), |length| from + length)
}

fn flatten(prefix: &str, tree: &str, into: &mut Vec<String>) {
    let (mut depth, mut start) = (0, 0);
    let mut parts = Vec::new();
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(before(after(tree, start), at - start));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(after(tree, start));
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((head, rest)) => flatten(
                &format!("{prefix}{}", head.trim()),
                rest.trim_end().trim_end_matches('}'),
                into,
            ),
            None => into.push(format!("{prefix}{part}")),
        }
    }
}
