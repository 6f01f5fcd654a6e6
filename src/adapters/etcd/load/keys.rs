//! Keys and values of the probe. A value can be derived from its key, so a wrong value shows without remembering any.

/// Below here the probe may write; nothing else of rehull ever does.
pub(super) const ROOT: &str = "/rehull/probe/";

/// Writer and number of one write.
pub(super) type WriteId = (u32, u32);

/// Common beginning of all keys of a run.
pub(super) fn prefix(run: &str) -> String {
    format!("{ROOT}{run}/")
}

/// First key behind all keys of a run.
pub(super) fn behind(run: &str) -> String {
    // `0` follows `/` in ASCII.
    format!("{ROOT}{run}0")
}

/// Every write has a key of its own: a later write must not hide the loss of an earlier one.
pub(super) fn key(run: &str, (writer, number): WriteId) -> String {
    format!("{ROOT}{run}/{writer:03}/{number:08}")
}

pub(super) fn value((writer, number): WriteId) -> String {
    format!("written by {writer} as {number}")
}

/// The write that this key and value come from, if they are ours and belong together.
pub(super) fn parse(run: &str, key: &[u8], found: &[u8]) -> Option<WriteId> {
    let text = std::str::from_utf8(key).ok()?;
    let (writer, number) = text.strip_prefix(&prefix(run))?.split_once('/')?;
    let id = (writer.parse().ok()?, number.parse().ok()?);
    (value(id).as_bytes() == found).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_back_its_write_only_with_the_value_that_was_written() {
        let id = (2, 31);
        let key = key("demo", id);
        assert_eq!(key, "/rehull/probe/demo/002/00000031");
        assert_eq!(parse("demo", key.as_bytes(), value(id).as_bytes()), Some(id));
        assert_eq!(parse("demo", key.as_bytes(), value((2, 30)).as_bytes()), None);
        assert_eq!(parse("other", key.as_bytes(), value(id).as_bytes()), None);
        assert!(prefix("demo").as_str() < key.as_str() && key.as_str() < behind("demo").as_str());
    }
}
