//! What cloud-init must be able to read. Only what every boot relies on is checked; other keys are the user's.

use serde_json::Value;

use super::cloud_config_keys;
use crate::config::yaml::{self, Entry, Kind, Node};
use crate::config::{position, quoted};

pub(super) struct Problem {
    pub(super) line: Option<usize>,
    pub(super) why: String,
}

/// The files in a cloud-config and their sizes in bytes.
pub(super) fn parts(user_data: &str) -> Result<Vec<(String, usize)>, Problem> {
    let first = user_data.lines().next().unwrap_or_default();
    if first.trim_end() != "#cloud-config" {
        return Err(problem(
            Some(1),
            "the first line must be `#cloud-config`, or cloud-init ignores all of it",
        ));
    }
    let loaded = yaml::load(user_data);
    let line = |byte| Some(position(user_data, byte).0);
    if let Some(slip) = loaded.slips.first() {
        return Err(problem(line(slip.span.start), slip.wrong.message()));
    }
    let keys = match loaded.document.map(|document| document.kind) {
        Some(Kind::Map(keys)) => keys,
        Some(Kind::Scalar { .. } | Kind::List(_)) | None => {
            return Err(problem(None, "it must be a mapping of cloud-init keys"));
        }
    };
    for entry in &keys {
        if let Some(why) = cloud_config_keys::wrong(&entry.key) {
            return Err(problem(line(entry.key_span.start), &why));
        }
    }
    if let Some(commands) = get(&keys, "runcmd")
        && !list(commands).is_some_and(|commands| commands.iter().all(is_command))
    {
        return Err(problem(
            line(commands.span.start),
            "`runcmd` must be a list of strings or of lists of strings",
        ));
    }
    let Some(files) = get(&keys, "write_files") else {
        return Ok(Vec::new());
    };
    let at = line(files.span.start);
    let files = list(files).ok_or_else(|| problem(at, "`write_files` must be a list"))?;
    files
        .iter()
        .map(|entry| file(entry).map_err(|why| problem(line(entry.span.start), &why)))
        .collect()
}

fn get<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Node> {
    let entry = entries.iter().find(|entry| entry.key == key)?;
    Some(&entry.value)
}

fn list(node: &Node) -> Option<&[Node]> {
    match &node.kind {
        Kind::List(items) => Some(items),
        Kind::Scalar { .. } | Kind::Map(_) => None,
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar {
            value: Value::String(text),
            ..
        } => Some(text),
        Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => None,
    }
}

fn file(entry: &Node) -> Result<(String, usize), String> {
    let entries = match &entry.kind {
        Kind::Map(entries) => entries.as_slice(),
        Kind::Scalar { .. } | Kind::List(_) => &[],
    };
    let path = get(entries, "path").and_then(text);
    let path = path
        .filter(|path| path.starts_with('/'))
        .ok_or("every entry of `write_files` needs an absolute `path`")?;
    let content = get(entries, "content")
        .and_then(text)
        .ok_or_else(|| format!("{} in `write_files` has no `content`", quoted(path)))?;
    // An unquoted 0644 is an integer to YAML, and cloud-init then ignores it.
    let mode = get(entries, "permissions");
    if !mode.is_none_or(|mode| text(mode).is_some_and(is_octal)) {
        return Err(format!(
            "`permissions` of {} must be quoted, for example \"0644\"",
            quoted(path)
        ));
    }
    Ok((path.to_owned(), content.len()))
}

fn is_octal(mode: &str) -> bool {
    (3..=4).contains(&mode.len()) && mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
}

fn is_command(command: &Node) -> bool {
    let words = list(command).map(|words| words.iter().all(|word| text(word).is_some()));
    text(command).is_some() || words == Some(true)
}

fn problem(line: Option<usize>, why: &str) -> Problem {
    Problem {
        line,
        why: why.to_owned(),
    }
}
