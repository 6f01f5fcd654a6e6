//! How much may come out for how much went in.

use rehull_core::config::Mistake;

/// A sentence for people, whatever it quotes.
const SENTENCE_MAX_BYTES: usize = 4 * 1024;
/// All mistakes of one file. A terminal keeps about as much.
const MISTAKES_MAX_BYTES: usize = 256 * 1024;

/// A reason for people: not empty, not endless, and nothing in it that a terminal would obey.
#[track_caller]
pub(crate) fn reason(text: &str) {
    assert!(!text.is_empty(), "a refusal without a reason");
    assert!(
        text.len() <= SENTENCE_MAX_BYTES,
        "a reason of {} bytes",
        text.len()
    );
    let obeyed = text.chars().find(|letter| letter.is_control() && *letter != '\n');
    assert_eq!(obeyed, None, "a control character in: {text:?}");
}

/// Mistakes of a file: each points into the text, and all of them can be read.
#[track_caller]
pub(crate) fn mistakes(text: &str, mistakes: &[Mistake]) {
    assert!(!mistakes.is_empty(), "refused without a mistake");
    let mut bytes: usize = 0;
    for mistake in mistakes {
        let help = mistake.help.as_deref().unwrap_or_default();
        reason(&mistake.message);
        reason(&mistake.label);
        assert!(help.len() <= SENTENCE_MAX_BYTES, "help of {} bytes", help.len());
        let others = mistake.more.iter().map(|(span, _)| span);
        for span in others.chain([&mistake.span]) {
            let inside = text.get(span.start..span.end).is_some();
            assert!(inside, "{span:?} is no part of {} bytes: {mistake:?}", text.len());
        }
        bytes += mistake.message.len() + mistake.label.len() + help.len() + mistake.at.len();
    }
    assert!(
        bytes <= MISTAKES_MAX_BYTES,
        "{} mistakes of {bytes} bytes for a text of {}",
        mistakes.len(),
        text.len()
    );
}
