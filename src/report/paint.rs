//! Colour as an addition: every text is complete without it.

/// Whether escape sequences may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Text only.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    #[default]
    Normal,
    /// Done, healthy.
    Good,
    /// Worth a look.
    Care,
    /// Broken, or not safe to leave alone.
    Bad,
    /// Present, not important.
    Faint,
    /// What the eye should find first.
    Strong,
}

impl Paint {
    /// Wraps `text` in the escape sequences of `tone`, or returns it as it is.
    #[must_use]
    pub fn tone(self, tone: Tone, text: &str) -> String {
        let code = match (self, tone) {
            (Self::Plain, _) | (_, Tone::Normal) => return text.to_owned(),
            (Self::Colour, Tone::Good) => "32",
            (Self::Colour, Tone::Care) => "33",
            (Self::Colour, Tone::Bad) => "31;1",
            (Self::Colour, Tone::Faint) => "2",
            (Self::Colour, Tone::Strong) => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_never_touched() {
        assert_eq!(Paint::Plain.tone(Tone::Bad, "etcd-b is out"), "etcd-b is out");
        assert_eq!(Paint::Colour.tone(Tone::Normal, "etcd-b"), "etcd-b");
        assert_eq!(Paint::Colour.tone(Tone::Good, "✓"), "\u{1b}[32m✓\u{1b}[0m");
    }
}
