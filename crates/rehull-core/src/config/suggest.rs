//! "Did you mean": the nearest known word, if it is near enough to be worth saying.

/// The nearest of the known words. Spelling that differs only in case, `-` and `_` counts as equal.
pub(super) fn did_you_mean<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    let wanted = plain(word);
    // One slip per three letters: `regoin` is `region`, `s4` is `s3`, but `nodes` is not `slots`.
    let slips_max = wanted.chars().count().div_ceil(3);
    known
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b`, `c` ``.
pub(super) fn list<'k>(words: impl Iterator<Item = &'k str>) -> String {
    words
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn suggests_the_nearest_known_word_and_nothing_far_fetched() {
        let known = [
            "region",
            "account",
            "endpoint",
            "instanceType",
            "instanceProfile",
            "slots",
        ];
        for (typed, meant) in [
            ("regoin", Some("region")),
            ("acount", Some("account")),
            ("instance_type", Some("instanceType")),
            ("InstanceProfile", Some("instanceProfile")),
            ("slot", Some("slots")),
            ("nodes", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(typed, known.into_iter()), meant, "{typed}");
        }
    }
}
