//! What was first seen when.

use std::ops::Bound;

use jiff::Timestamp;

use super::JournalView;

impl JournalView {
    /// When this was first seen.
    #[must_use]
    pub fn marked_at(&self, mark: &str) -> Option<Timestamp> {
        self.marks.get(mark).copied()
    }

    /// When the mark of these three words was set: as [`Self::marked_at`], for what is asked in every tick.
    #[must_use]
    pub fn marked_with(&self, [kind, of, at]: [&str; 3]) -> Option<Timestamp> {
        let mut of_kind = self.marks_like(kind);
        of_kind.find_map(|(mark, set)| (after(after(mark, kind)?, of)? == at).then_some(set))
    }

    /// All marks that begin like this, in the order of the names, and when each was set.
    pub fn marks_like(&self, start: &str) -> impl Iterator<Item = (&str, Timestamp)> {
        let from = (Bound::Included(start), Bound::Unbounded);
        let marks = self.marks.range::<str, _>(from);
        let like = marks.take_while(move |(mark, _)| mark.starts_with(start));
        like.map(|(mark, set)| (mark.as_str(), *set))
    }

    /// Everything that was marked, in the order of the names.
    pub fn marks(&self) -> impl Iterator<Item = &str> {
        self.marks.keys().map(String::as_str)
    }
}

/// What follows this word.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.strip_prefix(word)?.strip_prefix(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_by_its_words_as_by_its_whole_text_and_never_by_a_part_of_it() {
        let mut view = JournalView::default();
        let marks = [
            "joined",
            "joined a",
            "joined a i-1",
            "joined a i-10",
            "joined ab i-1",
            "joiner a i-2",
        ];
        for (second, mark) in (0..).zip(marks) {
            let at = Timestamp::constant(second, 0);
            view.marks.insert(mark.to_owned(), at);
        }
        for words in [
            ["joined", "a", "i-1"],
            ["joined", "a", "i-10"],
            ["joined", "ab", "i-1"],
            ["joiner", "a", "i-2"],
        ] {
            let found = view.marked_with(words);
            assert!(found.is_some());
            assert_eq!(found, view.marked_at(&words.join(" ")));
        }
        for words in [
            ["joined", "a", "i-2"],
            ["joined", "b", "i-1"],
            ["joine", "a", "i-1"],
            ["joined", "a", ""],
        ] {
            assert_eq!(view.marked_with(words), None);
        }
    }
}
