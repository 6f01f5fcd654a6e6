//! An address of Terraform that may be shown.

use std::fmt;

use serde::Serialize;

/// Where: an address of Terraform, made harmless for a terminal and for a pull request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Address(String);

/// The longest address of real modules stays far below; what is cut off says so.
const ADDRESS_CHARACTERS_MAX: usize = 300;

/// Characters that a terminal obeys or a reader does not see: controls, marks of direction, spaces without width.
#[must_use]
pub fn is_disguise(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl Address {
    /// Characters that would disguise it are replaced, and what is too long is cut.
    pub fn new(text: &str) -> Self {
        let harmless = |letter| {
            if is_disguise(letter) {
                char::REPLACEMENT_CHARACTER
            } else {
                letter
            }
        };
        let mut safe: String = text.chars().take(ADDRESS_CHARACTERS_MAX).map(harmless).collect();
        if text.chars().nth(ADDRESS_CHARACTERS_MAX).is_some() {
            safe.push('…');
        }
        Self(safe)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
