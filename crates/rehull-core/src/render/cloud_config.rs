//! What cloud-init must be able to read. Only what every boot relies on is checked; other keys are the user's.

use saphyr::{LoadableYamlNode, Yaml};

use super::cloud_config_keys;

pub(super) struct Problem {
    pub(super) line: Option<usize>,
    pub(super) why: String,
}

/// The files in a cloud-config and their sizes in bytes.
pub(super) fn parts(text: &str) -> Result<Vec<(String, usize)>, Problem> {
    let first = text.lines().next().unwrap_or_default();
    if first.trim_end() != "#cloud-config" {
        return Err(problem(
            Some(1),
            "the first line must be `#cloud-config`, or cloud-init ignores all of it",
        ));
    }
    let documents = Yaml::load_from_str(text).map_err(|error| Problem {
        line: Some(error.marker().line()),
        why: error.info().to_owned(),
    })?;
    let [document] = documents.as_slice() else {
        return Err(problem(None, "it must be exactly one YAML document"));
    };
    if !document.is_mapping() {
        return Err(problem(None, "it must be a mapping of cloud-init keys"));
    }
    for key in document.as_mapping().iter().flat_map(|keys| keys.keys()) {
        let name = key.as_str().unwrap_or_default();
        if let Some(why) = cloud_config_keys::wrong(name) {
            return Err(Problem {
                line: line_of(text, name),
                why,
            });
        }
    }
    if let Some(commands) = document.as_mapping_get("runcmd") {
        let all = commands.as_sequence().map(|list| list.iter().all(is_command));
        if all != Some(true) {
            return Err(problem(
                None,
                "`runcmd` must be a list of strings or of lists of strings",
            ));
        }
    }
    let Some(files) = document.as_mapping_get("write_files") else {
        return Ok(Vec::new());
    };
    let files = files
        .as_sequence()
        .ok_or_else(|| problem(None, "`write_files` must be a list"))?;
    files.iter().map(file).collect()
}

/// Where a top-level key stands, from 1.
fn line_of(text: &str, key: &str) -> Option<usize> {
    let is_it = |line: &str| {
        let rest = line.trim_start_matches(['"', '\'']).strip_prefix(key);
        rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    };
    text.lines().position(is_it).map(|place| place.saturating_add(1))
}

fn file(entry: &Yaml<'_>) -> Result<(String, usize), Problem> {
    let text = |key: &str| entry.as_mapping_get(key).and_then(Yaml::as_str);
    let path = text("path").filter(|path| path.starts_with('/'));
    let path = path.ok_or_else(|| problem(None, "every entry of `write_files` needs an absolute `path`"))?;
    let content = text("content").ok_or_else(|| Problem {
        line: None,
        why: format!("`{path}` in `write_files` has no `content`"),
    })?;
    // An unquoted 0644 is an integer to YAML, and cloud-init then ignores it.
    let quoted = entry
        .as_mapping_get("permissions")
        .is_none_or(|mode| mode.as_str().is_some_and(is_octal));
    if !quoted {
        return Err(Problem {
            line: None,
            why: format!("`permissions` of `{path}` must be quoted, for example \"0644\""),
        });
    }
    Ok((path.to_owned(), content.len()))
}

fn is_octal(mode: &str) -> bool {
    (3..=4).contains(&mode.len()) && mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
}

fn is_command(command: &Yaml<'_>) -> bool {
    let words = command
        .as_sequence()
        .map(|words| words.iter().all(|word| word.as_str().is_some()));
    command.as_str().is_some() || words == Some(true)
}

fn problem(line: Option<usize>, why: &str) -> Problem {
    Problem {
        line,
        why: why.to_owned(),
    }
}
