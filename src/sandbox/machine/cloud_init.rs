//! User data as cloud-init reads it: `write_files`, then `runcmd`, once per machine. A stand-in: other keys are ignored
//! and named. Everything is written from inside the machine, so that no link in it can lead out.

use std::fs;
use std::io;
use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};

/// What the machine executes, in order. Paths are the machine's own.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Scripts below [`SCRIPTS`] with what they are.
    pub(super) scripts: Vec<(&'static str, String)>,
    /// Contents of the files, in order; the first script puts them in place.
    files: Vec<Vec<u8>>,
    /// What is not followed.
    pub(super) ignored: Vec<String>,
}

const SCRIPTS: &str = "/var/lib/cloud/instance/scripts";
const FILES: &str = "/var/lib/cloud/instance/files";
/// Exists once the user data was executed: a reboot does not execute it again.
pub(super) const DONE: &str = "var/lib/cloud/instance/boot-finished";

impl Steps {
    /// Reads user data: a cloud-config, or one script that begins with `#!`.
    ///
    /// # Errors
    /// It is neither, or a part of it cannot be understood.
    pub(super) fn of(user_data: &str) -> Result<Self, String> {
        if user_data.starts_with("#!") {
            return Ok(Self {
                scripts: vec![("user-script", user_data.to_owned())],
                ..Self::default()
            });
        }
        if user_data.lines().next().map(str::trim_end) != Some("#cloud-config") {
            return Err("the first line is neither `#cloud-config` nor `#!`".to_owned());
        }
        let documents = Yaml::load_from_str(user_data).map_err(|error| error.to_string())?;
        let document = documents
            .first()
            .and_then(Yaml::as_mapping)
            .ok_or("it is no mapping")?;
        let mut steps = Self::default();
        let mut commands = String::new();
        for (key, value) in document {
            match key.as_str().unwrap_or_default() {
                "write_files" => steps.write_files(value)?,
                "runcmd" => commands = runcmd(value)?,
                other => steps.ignored.push(other.to_owned()),
            }
        }
        // cloud-init's order, whatever the order in the file.
        if !commands.is_empty() {
            steps.scripts.push(("runcmd", commands));
        }
        Ok(steps)
    }

    fn write_files(&mut self, list: &Yaml<'_>) -> Result<(), String> {
        let mut script = vec!["#!/bin/sh".to_owned(), "set -e".to_owned()];
        for entry in list.as_sequence().ok_or("write_files is no list")? {
            let text = |key: &str| entry.as_mapping_get(key).and_then(Yaml::as_str);
            let path = text("path").ok_or("an entry of write_files has no path")?;
            let content = decode(
                text("encoding").unwrap_or("text/plain"),
                text("content").unwrap_or_default(),
            )?;
            let staged = format!("{FILES}/{}", self.files.len());
            let (path, mode) = (quoted(path), quoted(text("permissions").unwrap_or("0644")));
            let appends = entry.as_mapping_get("append").and_then(Yaml::as_bool) == Some(true);
            script.push(if appends {
                format!("mkdir -p \"$(dirname {path})\" && cat {staged} >>{path} && chmod {mode} {path}")
            } else {
                format!("install -D -m {mode} {staged} {path}")
            });
            if let Some(owner) = text("owner").filter(|owner| !matches!(*owner, "root" | "root:root")) {
                self.ignored.push(format!("owner {owner} of {path}"));
            }
            self.files.push(content);
        }
        script.push(String::new());
        self.scripts.insert(0, ("write-files", script.join("\n")));
        Ok(())
    }

    /// Puts scripts and contents where the machine finds them; returns the scripts' paths in the machine.
    pub(super) fn stage(&self, root: &Path) -> io::Result<Vec<String>> {
        let inside = |path: &str| root.join(path.trim_start_matches('/'));
        fs::create_dir_all(inside(SCRIPTS))?;
        fs::create_dir_all(inside(FILES))?;
        for (n, content) in self.files.iter().enumerate() {
            fs::write(inside(FILES).join(n.to_string()), content)?;
        }
        let mut paths = Vec::new();
        for (name, text) in &self.scripts {
            let path = format!("{SCRIPTS}/{name}");
            fs::write(inside(&path), text)?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// One line per command, as cloud-init writes it: a failed command does not keep the next ones from running.
fn runcmd(list: &Yaml<'_>) -> Result<String, String> {
    let mut script = String::from("#!/bin/sh\n");
    for command in list.as_sequence().ok_or("runcmd is no list")? {
        if let Some(line) = command.as_str() {
            script.push_str(line);
        } else {
            let words = command
                .as_sequence()
                .ok_or("a command of runcmd is neither a string nor a list")?;
            let words: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(quoted)).collect();
            script.push_str(&words.ok_or("a word of runcmd is no string")?.join(" "));
        }
        script.push('\n');
    }
    Ok(script)
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn decode(encoding: &str, content: &str) -> Result<Vec<u8>, String> {
    match encoding {
        "text/plain" => Ok(content.as_bytes().to_owned()),
        "b64" | "base64" => base64(content),
        other => Err(format!("encoding {other} is not known here")),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, String> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text
        .bytes()
        .filter(|letter| !letter.is_ascii_whitespace() && *letter != b'=')
    {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err("the content is no base64".to_owned()),
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            let [.., byte] = (held >> bits).to_be_bytes();
            bytes.push(byte);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_before_commands_and_unknown_keys_are_named() {
        let steps = Steps::of(
            "#cloud-config\nruncmd:\n- [echo, \"it's\"]\n- echo $HOME\nusers: []\nwrite_files:\n- path: /a b\n  content: x\n  permissions: \"0755\"\n- path: /c\n  content: eQ==\n  encoding: b64\n  append: true\n  owner: etcd\n",
        )
        .unwrap();
        let names: Vec<&str> = steps.scripts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["write-files", "runcmd"]);
        insta::assert_snapshot!(
            steps
                .scripts
                .iter()
                .map(|(_, text)| text.as_str())
                .collect::<Vec<_>>()
                .join("--\n")
        );
        assert_eq!(steps.files, [b"x".to_vec(), b"y".to_vec()]);
        assert_eq!(steps.ignored, ["users", "owner etcd of '/c'"]);
    }

    #[test]
    fn a_script_is_run_as_it_is_and_anything_else_is_refused() {
        assert_eq!(Steps::of("#!/bin/sh\necho\n").unwrap().scripts.len(), 1);
        for bad in [
            "echo\n",
            "#cloud-config\n- a\n",
            "#cloud-config\nruncmd: x\n",
            "#cloud-config\nwrite_files: x\n",
        ] {
            assert!(Steps::of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn base64_of_any_length_is_read() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v\nYmFy", "foobar"),
            ("/+8=", "\u{ff}"),
        ] {
            let expected = if text == "/+8=" {
                vec![0xff, 0xef]
            } else {
                bytes.as_bytes().to_vec()
            };
            assert_eq!(base64(text).unwrap(), expected, "{text}");
        }
        assert!(base64("?").is_err());
    }
}
