//! The common rules of all describes: ids must exist, filters must be known, pages have a least size.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api::ec2::{Describe, Filter, Page, PageRequest, Tags};
use super::error::AwsError;

/// When a new resource becomes known: EC2 is eventually consistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visibility {
    /// To calls that name its id.
    pub named_from: Timestamp,
    /// To lists and filters.
    pub listed_from: Timestamp,
}

impl Visibility {
    /// Known from the beginning.
    pub(super) const ALWAYS: Self = Self {
        named_from: Timestamp::MIN,
        listed_from: Timestamp::MIN,
    };
}

/// What can be listed and filtered.
pub(super) trait Described: Clone {
    /// Filters that EC2 has for it and the world models, besides `tag:…` and `tag-key`.
    const FILTERS: &'static [&'static str];
    /// Least and greatest MaxResults.
    const PAGE: (u32, u32) = (5, 1_000);

    fn id(&self) -> &str;
    fn tags(&self) -> &Tags;
    fn visibility(&self) -> Visibility;
    /// Values of one of [`Self::FILTERS`].
    fn values(&self, filter: &str) -> Vec<String>;
    fn not_found(id: &str) -> AwsError;
}

/// The rows of one answer, in the order of ids.
pub(super) fn select<'a, T: Described + 'a>(
    all: impl Iterator<Item = &'a T>,
    by: &Describe,
    now: Timestamp,
) -> Result<Page<T>, AwsError> {
    let Page { rows, next } = choose(all, by, now)?;
    let rows = rows.into_iter().cloned().collect();
    Ok(Page { rows, next })
}

/// The same by reference.
pub(super) fn choose<'a, T: Described + 'a>(
    all: impl Iterator<Item = &'a T>,
    by: &Describe,
    now: Timestamp,
) -> Result<Page<&'a T>, AwsError> {
    check_filters(T::FILTERS, &by.filters)?;
    check_page::<T>(by)?;
    let mut rows: Vec<&T> = all
        .filter(|row| {
            let seen = row.visibility();
            now >= if by.ids.is_empty() {
                seen.listed_from
            } else {
                seen.named_from
            }
        })
        .collect();
    if !by.ids.is_empty() {
        if let Some(missing) = by
            .ids
            .iter()
            .find(|id| !rows.iter().any(|row| row.id() == id.as_str()))
        {
            return Err(T::not_found(missing));
        }
        rows.retain(|row| by.ids.iter().any(|id| id == row.id()));
    }
    rows.retain(|row| by.filters.iter().all(|filter| matches(*row, filter)));
    rows.sort_by(|left, right| left.id().cmp(right.id()));
    Ok(cut(rows, &by.page))
}

fn check_filters(known: &[&str], filters: &[Filter]) -> Result<(), AwsError> {
    for filter in filters {
        let name = filter.name.as_str();
        if !(name.starts_with("tag:") || name == "tag-key" || known.contains(&name)) {
            return Err(AwsError::value(format!("The filter '{name}' is invalid")));
        }
    }
    Ok(())
}

fn check_page<T: Described>(by: &Describe) -> Result<(), AwsError> {
    let Some(max) = by.page.max else { return Ok(()) };
    let (least, most) = T::PAGE;
    if max < least {
        return Err(AwsError::value(format!(
            "Value ( {max} ) for parameter maxResults is invalid. Expecting a value greater than {least}."
        )));
    }
    if max > most {
        return Err(AwsError::value(format!(
            "Value ( {max} ) for parameter maxResults is invalid. Expecting a value smaller than {most}."
        )));
    }
    if by.ids.is_empty() {
        return Ok(());
    }
    Err(AwsError::bad(
        "InvalidParameterCombination",
        "The parameter that lists ids cannot be used with the parameter maxResults",
    ))
}

fn matches<T: Described>(row: &T, filter: &Filter) -> bool {
    let is_wanted = |value: &String| filter.values.iter().any(|pattern| matches_value(pattern, value));
    match filter.name.strip_prefix("tag:") {
        Some(key) => row.tags().get(key).is_some_and(is_wanted),
        None if filter.name == "tag-key" => row.tags().keys().any(is_wanted),
        None => row.values(&filter.name).iter().any(is_wanted),
    }
}

/// The token is the last id of the page before, so rows that come and go do not shift the next page.
fn cut<'a, T: Described>(rows: Vec<&'a T>, page: &PageRequest) -> Page<&'a T> {
    let rest = rows
        .into_iter()
        .filter(|row| page.token.as_deref().is_none_or(|last| row.id() > last));
    let most = page
        .max
        .and_then(|max| usize::try_from(max).ok())
        .unwrap_or(usize::MAX);
    let mut shown: Vec<&T> = rest.take(most.saturating_add(1)).collect();
    let more = shown.len() > most;
    shown.truncate(most);
    let next = shown.last().filter(|_| more).map(|row| row.id().to_owned());
    Page { rows: shown, next }
}

/// Most patterns are plain values.
fn matches_value(pattern: &str, value: &str) -> bool {
    if pattern.contains(['*', '?', '\\']) {
        wildcard(pattern, value)
    } else {
        pattern == value
    }
}

/// EC2's wildcards: `*` any text, `?` one character, a backslash takes the next character as it is.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_rest.as_str();
            wildcard(rest, text)
                || text.char_indices().any(|(at, c)| {
                    text.get(at + c.len_utf8()..)
                        .is_some_and(|tail| wildcard(rest, tail))
                })
        }
        Some('?') => {
            let mut text_rest = text.chars();
            text_rest.next().is_some() && wildcard(pattern_rest.as_str(), text_rest.as_str())
        }
        Some('\\') => {
            let wanted = pattern_rest.next().unwrap_or('\\');
            text.strip_prefix(wanted)
                .is_some_and(|tail| wildcard(pattern_rest.as_str(), tail))
        }
        Some(wanted) => text
            .strip_prefix(wanted)
            .is_some_and(|tail| wildcard(pattern_rest.as_str(), tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_those_of_ec2() {
        for (pattern, text, expected) in [
            ("dev", "dev", true),
            ("dev", "dev2", false),
            ("dev*", "dev2", true),
            ("*", "", true),
            ("?", "", false),
            ("d?v", "dev", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
