//! Unit files, as far as machines use them: what systemd.service(5) and systemd.exec(5) say about these directives.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;

/// One parsed service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnitFile {
    pub(super) kind: Kind,
    /// Arguments as written: split and unquoted, variables not yet replaced.
    pub(super) exec_start: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// Path, and whether it may be missing.
    pub(super) environment_files: Vec<(String, bool)>,
    pub(super) working_directory: Option<String>,
    pub(super) restart: Restart,
    pub(super) restart_after: Duration,
    pub(super) stop_timeout: Duration,
    pub(super) kill_signal: Signal,
    /// Must be mount points, or the start fails.
    pub(super) mount_points: Vec<String>,
    /// `enable` links the unit there.
    pub(super) wanted_by: Vec<String>,
    /// Directives that this stand-in does not follow.
    pub(super) ignored: Vec<String>,
}

/// `Type=`. Readiness messages are not waited for: `notify` counts as started when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Simple,
    Oneshot,
}

/// `Restart=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    No,
    OnFailure,
    Always,
}

impl Default for UnitFile {
    fn default() -> Self {
        Self {
            kind: Kind::Simple,
            exec_start: Vec::new(),
            environment: Vec::new(),
            environment_files: Vec::new(),
            working_directory: None,
            restart: Restart::No,
            restart_after: Duration::from_millis(100), // DefaultRestartSec
            stop_timeout: Duration::from_secs(90),     // DefaultTimeoutStopSec
            kill_signal: Signal::TERM,
            mount_points: Vec::new(),
            wanted_by: Vec::new(),
            ignored: Vec::new(),
        }
    }
}

impl UnitFile {
    /// Parses the text of a unit file.
    ///
    /// # Errors
    /// A line that systemd would not understand either, or a value this stand-in does not know.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut unit = Self::default();
        let mut section = String::new();
        for line in joined_lines(text) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=') {
                unit.set(&section, key.trim(), value.trim())?;
            } else {
                return Err(format!("`{line}` is neither a section nor a directive"));
            }
        }
        if unit.exec_start.is_empty() {
            return Err("there is no ExecStart".to_owned());
        }
        Ok(unit)
    }

    fn set(&mut self, section: &str, key: &str, value: &str) -> Result<(), String> {
        match (section, key) {
            ("Service", "Type") => match value {
                "simple" | "exec" | "notify" | "idle" => self.kind = Kind::Simple,
                "oneshot" => self.kind = Kind::Oneshot,
                other => return Err(format!("Type={other} is not known here")),
            },
            ("Service", "ExecStart") => self.exec_start = split(value)?,
            ("Service", "Environment") => {
                for word in split(value)? {
                    let (name, value) = word
                        .split_once('=')
                        .ok_or_else(|| format!("`{word}` is no assignment"))?;
                    self.environment.push((name.to_owned(), value.to_owned()));
                }
            }
            ("Service", "EnvironmentFile") => {
                let path = value.strip_prefix('-');
                self.environment_files
                    .push((path.unwrap_or(value).to_owned(), path.is_some()));
            }
            ("Service", "WorkingDirectory") => self.working_directory = Some(value.to_owned()),
            ("Service", "Restart") => match value {
                "no" => self.restart = Restart::No,
                "on-failure" => self.restart = Restart::OnFailure,
                "always" => self.restart = Restart::Always,
                other => return Err(format!("Restart={other} is not known here")),
            },
            ("Service", "RestartSec") => self.restart_after = time_span(value)?,
            ("Service", "TimeoutStopSec") => self.stop_timeout = time_span(value)?,
            ("Service", "KillSignal") => self.kill_signal = signal(value)?,
            ("Unit", "AssertPathIsMountPoint") => self.mount_points.push(value.to_owned()),
            ("Install", "WantedBy") => self.wanted_by.extend(value.split_whitespace().map(str::to_owned)),
            ("Unit", "Description" | "Documentation" | "After" | "Wants") => {}
            (section, key) => self.ignored.push(format!("[{section}] {key}")),
        }
        Ok(())
    }

    /// The command line with the variables of `environment` in place.
    pub(super) fn command(&self, environment: &BTreeMap<String, String>) -> Vec<String> {
        self.exec_start
            .iter()
            .flat_map(|word| expand(word, environment))
            .collect()
    }
}

/// Lines without comments; a backslash at the end joins the next one.
fn joined_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('#') || line.starts_with(';') {
            continue;
        }
        if let Some(head) = line.strip_suffix('\\') {
            open.push_str(head);
            open.push(' ');
            continue;
        }
        open.push_str(line);
        if !open.trim().is_empty() {
            lines.push(open.trim().to_owned());
        }
        open.clear();
    }
    lines
}

/// Words of a command line: white space separates, quotes keep together, backslashes escape, `%%` is one per cent sign.
fn split(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', _) => word.push(escaped(letters.next())?),
            ('%', _) => match letters.next() {
                Some('%') => word.push('%'),
                other => {
                    return Err(format!(
                        "the specifier %{} is not known here",
                        other.unwrap_or(' ')
                    ));
                }
            },
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                begun = true;
            }
            (letter, None) if letter.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (letter, _) => word.push(letter),
        }
    }
    if quote.is_some() {
        return Err(format!("a quote is not closed: {line}"));
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn escaped(letter: Option<char>) -> Result<char, String> {
    match letter {
        Some('n') => Ok('\n'),
        Some('t') => Ok('\t'),
        Some('s') => Ok(' '),
        Some(same @ ('\\' | '"' | '\'')) => Ok(same),
        other => Err(format!("the escape \\{} is not known here", other.unwrap_or(' '))),
    }
}

/// `${NAME}` is replaced inside a word; a word that is `$NAME` becomes as many words as its value; `$$` is one dollar.
fn expand(word: &str, environment: &BTreeMap<String, String>) -> Vec<String> {
    let value = |name: &str| environment.get(name).cloned().unwrap_or_default();
    if let Some(name) = word
        .strip_prefix('$')
        .filter(|name| !name.is_empty() && !name.starts_with(['$', '{']))
    {
        return value(name).split_whitespace().map(str::to_owned).collect();
    }
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
            out.push_str(&value(name));
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    vec![out]
}

/// `5`, `5s`, `500ms`, `1min 30s`, `2h`; a bare number means seconds (systemd.time).
fn time_span(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time span");
    let mut total = Duration::ZERO;
    for part in text.split_whitespace() {
        let unit_at = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, unit) = part.split_at(unit_at);
        let number: u64 = number.parse().map_err(|_| bad())?;
        total += match unit {
            "ms" => Duration::from_millis(number),
            "" | "s" | "sec" => Duration::from_secs(number),
            "m" | "min" => Duration::from_secs(number * 60),
            "h" | "hr" => Duration::from_secs(number * 3600),
            _ => return Err(bad()),
        };
    }
    if total.is_zero() && text.trim() != "0" {
        Err(bad())
    } else {
        Ok(total)
    }
}

fn signal(name: &str) -> Result<Signal, String> {
    match name.trim_start_matches("SIG") {
        "TERM" => Ok(Signal::TERM),
        "INT" => Ok(Signal::INT),
        "QUIT" => Ok(Signal::QUIT),
        "HUP" => Ok(Signal::HUP),
        "KILL" => Ok(Signal::KILL),
        _ => Err(format!("KillSignal={name} is not known here")),
    }
}

/// An EnvironmentFile: assignments, comments, values with or without quotes.
pub(super) fn environment_file(text: &str) -> Vec<(String, String)> {
    let assignments = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']));
    let pairs = assignments.filter_map(|line| line.split_once('='));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned()))
        .collect()
}

fn unquoted(value: &str) -> &str {
    let inner = |quote: char| {
        value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_the_built_in_set_are_understood() {
        let boot = UnitFile::parse(include_str!(
            "../../../templates/user-data/etcd/1/rehull-boot.service"
        ))
        .unwrap();
        assert_eq!(boot.exec_start, ["/opt/rehull/boot"]);
        assert_eq!(
            (boot.restart, boot.restart_after),
            (Restart::OnFailure, Duration::from_secs(5))
        );
        assert_eq!(boot.wanted_by, ["multi-user.target"]);

        let text = "# c\n[Unit]\nAssertPathIsMountPoint=/d\n[Service]\nType=exec\nExecStart=/x \\\n  --a=${A} \\\n  \"--b=c d\"\nTimeoutStopSec=75\n";
        let etcd = UnitFile::parse(text).unwrap();
        let environment = BTreeMap::from([("A".to_owned(), "1 2".to_owned())]);
        assert_eq!(etcd.command(&environment), ["/x", "--a=1 2", "--b=c d"]);
        assert_eq!(
            (etcd.stop_timeout, etcd.mount_points),
            (Duration::from_secs(75), vec!["/d".to_owned()])
        );
    }

    #[test]
    fn a_command_line_is_read_as_systemd_reads_it() {
        let environment = BTreeMap::from([("LIST".to_owned(), "a b".to_owned())]);
        for (line, words) in [
            (
                r#"/x "--a=50%% of $$HOME \"q\" \\""#,
                vec!["/x", r#"--a=50% of $HOME "q" \"#],
            ),
            ("/x $LIST ${LIST} $NONE", vec!["/x", "a", "b", "a b"]),
            ("/x '' a'b'c", vec!["/x", "", "abc"]),
        ] {
            let unit = UnitFile {
                exec_start: split(line).unwrap(),
                ..UnitFile::default()
            };
            assert_eq!(unit.command(&environment), words, "{line}");
        }
        for bad in ["/x %i", "/x \"a", "/x \\q"] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_followed_is_named_and_what_is_wrong_is_refused() {
        let unit = UnitFile::parse("[Service]\nExecStart=/x\nUser=etcd\nLimitNOFILE=1\n").unwrap();
        assert_eq!(unit.ignored, ["[Service] User", "[Service] LimitNOFILE"]);
        for bad in [
            "[Service]\n",
            "[Service]\nExecStart=/x\nRestart=sometimes\n",
            "[Service]\nnonsense\n",
        ] {
            assert!(UnitFile::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_spans_have_units_or_mean_seconds() {
        for (text, expected) in [
            ("5", 5_000),
            ("500ms", 500),
            ("1min 30s", 90_000),
            ("0", 0),
            ("2h", 7_200_000),
        ] {
            assert_eq!(
                time_span(text).unwrap(),
                Duration::from_millis(expected),
                "{text}"
            );
        }
        assert!(time_span("soon").is_err());
        assert!(time_span("").is_err());
    }

    #[test]
    fn environment_files_may_quote() {
        let read = environment_file("# c\nA=1\nB=\"x y\"\nC='z'\n\n");
        assert_eq!(
            read,
            [("A", "1"), ("B", "x y"), ("C", "z")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }
}
