//! "Did you mean": the nearest known word, if it is near enough to be worth saying.

/// Nothing longer is a slip of a word that is known, and comparing takes time by the length.
const WORD_MAX_CHARS: usize = 64;

/// The nearest of the known words. Spelling that differs only in case, `-` and `_` counts as equal.
pub fn did_you_mean<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if word.chars().nth(WORD_MAX_CHARS).is_some() {
        return None;
    }
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

/// What is wrong with the name of a member that does not exist, and what to type instead.
pub fn member<'k>(typed: &str, known: impl Iterator<Item = &'k str> + Clone) -> (String, String) {
    let help = match did_you_mean(typed, known.clone()) {
        Some(near) => format!("did you mean `{near}`? nothing was touched"),
        None => format!("its members are {}; nothing was touched", list(known)),
    };
    (format!("`{typed}` is no member of this cluster"), help)
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
        let endless = "region".repeat(100_000);
        assert_eq!(did_you_mean(&endless, [endless.as_str()].into_iter()), None);
    }
}
