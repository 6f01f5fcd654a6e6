//! What becomes of a seed: small damage, and the sizes that nobody types.

use proptest::prelude::*;
use proptest::sample::Index;

/// Inputs grow to this, which is more than any reader takes.
const INPUT_MAX_BYTES: usize = 300 * 1024;

/// Words that readers have opinions about.
const WORDS: &[&str] = &[
    "&a ",
    "*a",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "? ",
    "#",
    "\n",
    "\t",
    "\"",
    "'",
    "\\",
    "|\n",
    ">-\n",
    "---\n",
    "--\n",
    "<<: ",
    "!!int ",
    "!x ",
    "~",
    "null",
    "-1",
    "1e999",
    ".nan",
    "0x1F",
    "99999999999999999999",
    "18446744073709551615",
    "-9223372036854775808",
    "+010000-01-01T00:00:00Z",
    "-009999-01-02T01:59:59Z",
    "9999-12-30T22:00:00.999999999Z",
    "{{",
    "}}",
    "{{{",
    "{{#each ",
    "{{/each}}",
    "{{#if ",
    "{{else}}",
    "{{> ",
    "{{~",
    "../",
    "@index",
    "@root",
    "this.",
    "(lookup ",
    "\u{0}",
    "\u{feff}",
    "\u{2028}",
    "\u{1b}[2J",
    "é",
    "🦀",
    "fold\n",
    "raw\n",
];

/// One thing done to the bytes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// One bit.
    Flip(Index, u8),
    /// A word in between.
    Insert(Index, Index),
    /// A part goes.
    Cut(Index, Index),
    /// A part of another seed comes in.
    Splice(Index, Index, Index),
    /// A part stands there many times.
    Repeat(Index, Index, u16),
    /// A number, or any word between blanks, becomes another word.
    Replace(Index, Index),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        1 => (index(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        4 => (index(), index()).prop_map(|(at, word)| Change::Insert(at, word)),
        2 => (index(), index()).prop_map(|(from, to)| Change::Cut(from, to)),
        2 => (index(), index(), index()).prop_map(|(at, from, to)| Change::Splice(at, from, to)),
        2 => (index(), index(), prop_oneof![2..40_u16, 40..20_000_u16])
            .prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        3 => (index(), index()).prop_map(|(at, word)| Change::Replace(at, word)),
    ]
}

/// The bytes after the change; `other` is what splices are taken from.
pub(crate) fn changed(bytes: &[u8], change: &Change, other: &[u8]) -> Vec<u8> {
    let place = |index: &Index| index.index(bytes.len() + 1);
    let range = |one: usize, two: usize| one.min(two)..one.max(two);
    let put =
        |at: std::ops::Range<usize>, between: &[u8]| [&bytes[..at.start], between, &bytes[at.end..]].concat();
    let mut after = match change {
        Change::Flip(..) if bytes.is_empty() => Vec::new(),
        Change::Flip(at, bit) => {
            let mut after = bytes.to_vec();
            after[at.index(bytes.len())] ^= 1 << bit;
            after
        }
        Change::Insert(at, word) => put(place(at)..place(at), word.get(WORDS).as_bytes()),
        Change::Cut(from, to) => put(range(place(from), place(to)), b""),
        Change::Splice(at, from, to) => {
            let part = range(from.index(other.len() + 1), to.index(other.len() + 1));
            put(place(at)..place(at), &other[part])
        }
        Change::Repeat(from, to, times) => {
            let part = range(place(from), place(to));
            let times = usize::from(*times).min(INPUT_MAX_BYTES / part.len().max(1));
            put(part.clone(), &bytes[part].repeat(times))
        }
        Change::Replace(at, word) => {
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || b"\",:{}[]".contains(byte);
            let at = place(at);
            let start = bytes[..at]
                .iter()
                .rposition(is_blank)
                .map_or(0, |blank| blank + 1);
            let end = bytes[at..]
                .iter()
                .position(is_blank)
                .map_or(bytes.len(), |blank| at + blank);
            put(start..end, word.get(WORDS).as_bytes())
        }
    };
    after.truncate(INPUT_MAX_BYTES);
    after
}
