//! The first look at a module: what stands in its own files, before anything of it is run. A plan's configuration tells of
//! the provisioners of resources and not of those in `removed` blocks, which an apply runs as well; and it tells nothing at
//! all of ephemeral resources, which are opened by every plan and every apply: one type of AWS invokes a function (both
//! seen with 1.11.4). And `init` and `plan` ask for credentials in files that a provider or a backend names, before there is
//! a plan that the gate could judge: a `credential_process` in one of them is a program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::begins::first;
use super::error::TerraformError;
use super::keys::Json;
use super::sources::line;

/// So the files of tests end, of both programs.
const ENDS_OF_TESTS: [&str; 4] = [".tftest.hcl", ".tftest.json", ".tofutest.hcl", ".tofutest.json"];
/// Where `init` looks for them beside the root module's own folder.
const TESTS: &str = "tests";
/// Files that Terraform and OpenTofu read.
const ENDS: [&str; 4] = [".tf", ".tofu", ".tf.json", ".tofu.json"];
/// What runs something that no plan tells of.
const WORDS: [&str; 2] = ["provisioner", "ephemeral"];

/// What names files of credentials, of a provider and of a backend.
const FILES: [&str; 3] = [
    "shared_config_files",
    "shared_credentials_files",
    "shared_credentials_file",
];

/// Left by an apply whose state could not be stored: what it made is known to nobody else.
const UNSAVED: &str = "errored.tfstate";

/// The state that an apply could not store. Whoever applies again before it is pushed makes everything a second time.
pub(super) fn unsaved_state(module: &Path) -> Result<Option<PathBuf>, TerraformError> {
    let file = module.join(UNSAVED);
    let is_there = file.try_exists().map_err(TerraformError::file(&file))?;
    Ok(is_there.then_some(file))
}

/// `init` looks here too, without being told to, and what it finds passes for any provider by its path alone.
const PLUGINS: &str = "terraform.d/plugins";

/// Programs of the module's own that would be run under a provider's name (seen with 1.11.4: the plan starts them). To be
/// asked before `init`.
pub(super) fn own_plugins(module: &Path) -> Result<Option<PathBuf>, TerraformError> {
    let folder = module.join(PLUGINS);
    let is_there = folder.try_exists().map_err(TerraformError::file(&folder))?;
    Ok(is_there.then_some(folder))
}

/// The first such block in these folders, and where. To be asked after `init`.
pub(super) fn untold(folders: &[PathBuf]) -> Result<Option<String>, TerraformError> {
    for folder in folders {
        for file in files(folder)? {
            if let Some(found) = in_file(&file, first, &WORDS)? {
                return Ok(Some(found));
            }
            if let Some(found) = in_file(&file, is_named, &FILES)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// Where the module, or what is passed on for its backend, names files of credentials. To be asked before `init`.
pub(super) fn named_files(module: &Path, backend: Option<&Path>) -> Result<Option<String>, TerraformError> {
    let backend = backend.map(|file| module.join(file));
    // Terraform says what it thinks of one that is not there.
    let backend = backend.filter(|file| file.is_file());
    for file in files(module)?.into_iter().chain(backend) {
        if let Some(found) = in_file(&file, is_named, &FILES)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Files of a folder that Terraform reads, in order. One that is not there has none, which Terraform says better.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, TerraformError> {
    ending(folder, &ENDS)
}

/// Files of tests of a root module, each behind the names that its runs have in the list of `init`.
pub(super) fn tests(root: &Path) -> Result<Vec<(String, PathBuf)>, TerraformError> {
    let mut found = Vec::new();
    for (folder, names) in [
        (root.to_owned(), "test".to_owned()),
        (root.join(TESTS), format!("test.{TESTS}")),
    ] {
        for file in ending(&folder, &ENDS_OF_TESTS)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let name = name.strip_suffix(".tftest.hcl").unwrap_or(&name);
            found.push((format!("{names}.{name}"), file.clone()));
        }
    }
    Ok(found)
}

fn ending(folder: &Path, ends: &[&str]) -> Result<Vec<PathBuf>, TerraformError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(TerraformError::file(folder)(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(TerraformError::file(folder))?;
        let file = entry.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // What is hidden is to Terraform an editor's; and a link to a folder is a file that it fails to read.
        let is_read = !name.starts_with('.') && ends.iter().any(|end| name.ends_with(end));
        if is_read && !entry.file_type().map_err(TerraformError::file(&file))?.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// A file's text as Terraform reads it: it may begin with a byte order mark.
pub(super) fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()
}

/// Where in a text something is.
type Find = fn(&str, &str) -> Option<usize>;

fn in_file(file: &Path, find: Find, words: &[&'static str]) -> Result<Option<String>, TerraformError> {
    let bytes = fs::read(file).map_err(TerraformError::file(file))?;
    let found = if file.extension().is_some_and(|end| end == "json") {
        in_json(&bytes, words)
    } else {
        in_text(&text(&bytes), find, words)
    };
    Ok(found.map(|(what, line)| format!("{what} stands in {}{line}", file.display())))
}

fn in_text(text: &str, find: Find, words: &[&'static str]) -> Option<(String, String)> {
    words.iter().find_map(|word| {
        let at = find(text, word)?;
        Some((format!("`{word}`"), format!(":{}", line(text, at))))
    })
}

/// Keys as they are meant, however they are spelt: an escape in them is none for Terraform either. What cannot be read may
/// hold anything.
fn in_json(bytes: &[u8], words: &[&'static str]) -> Option<(String, String)> {
    match Json::read(bytes) {
        Ok(json) => {
            // A variable may say `"ephemeral": true`, which opens nothing.
            let stands = |word: &&&str| json.under(word).iter().any(|value| !matches!(value, Json::Bool));
            words
                .iter()
                .find(stands)
                .map(|word| (format!("`{word}`"), String::new()))
        }
        Err(error) => Some(("what cannot be read".to_owned(), format!(" ({error})"))),
    }
}

/// Anywhere, also in a comment: what is named once too often is renamed soon.
fn is_named(text: &str, word: &str) -> Option<usize> {
    text.find(word)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Left by editors, while a file is open (`.#main.tf` is a link to nowhere) or for ever.
    #[test]
    fn what_terraform_does_not_read_is_not_looked_for() {
        let dir = TempDir::new().unwrap();
        for name in [
            "main.tf",
            ".draft.tf",
            "main.tf~",
            "#main.tf#",
            "a.tofu",
            "b.tf.json",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("user@host.123:456", dir.path().join(".#main.tf")).unwrap();
        fs::create_dir(dir.path().join("examples.tf")).unwrap();
        let found = files(dir.path()).unwrap();
        let names: Vec<&str> = found
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        assert_eq!(names, ["a.tofu", "b.tf.json", "main.tf"]);
    }

    #[test]
    fn behind_a_byte_order_mark_a_file_begins() {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("a.tf");
        fs::write(&file, "\u{feff}ephemeral \"a\" \"b\" {\n}\n").unwrap();
        let found = untold(&[dir.path().to_owned()]).unwrap();
        assert!(found.is_some_and(|found| found.ends_with("a.tf:1")));
    }

    #[test]
    fn files_that_may_name_a_program_are_found_before_init_and_in_what_is_called_after_it() {
        let dir = TempDir::new().unwrap();
        let root = dir.path();
        let backend = Some(Path::new("state.s3.tfbackend"));
        assert_eq!(named_files(root, backend).unwrap(), None);
        let found = |file: &str, text: &str| {
            fs::write(root.join(file), text).unwrap();
            let found = named_files(root, backend).unwrap();
            fs::remove_file(root.join(file)).unwrap();
            found.unwrap_or_default()
        };
        let provider = "provider \"aws\" {\n  shared_config_files /* x */ = [\"./config\"]\n}\n";
        let said = found("provider.tf", provider);
        assert!(
            said.starts_with("`shared_config_files` stands in ") && said.ends_with("provider.tf:2"),
            "{said}"
        );
        let said = found("state.s3.tfbackend", "shared_credentials_files = [\"x\"]\n");
        assert!(said.ends_with("state.s3.tfbackend:1"), "{said}");
        let said = found(
            "x.tf.json",
            "{\"provider\": {\"aws\": {\"\\u0073hared_config_files\": [\"x\"]}}}",
        );
        assert!(said.ends_with("x.tf.json"), "{said}");
        assert_eq!(found("notes.md", provider), "");
        assert_eq!(own_plugins(root).unwrap(), None);
        fs::create_dir_all(root.join(PLUGINS)).unwrap();
        assert_eq!(own_plugins(root).unwrap(), Some(root.join(PLUGINS)));

        let called = root.join("called");
        fs::create_dir(&called).unwrap();
        fs::write(called.join("provider.tf"), provider).unwrap();
        assert_eq!(named_files(root, backend).unwrap(), None, "not called yet");
        let folders = [root.to_owned(), called];
        assert!(
            untold(&folders)
                .unwrap()
                .is_some_and(|found| found.ends_with(":2"))
        );
    }

    #[test]
    fn the_module_and_all_that_it_calls_are_looked_through() {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        let called = dir.path().join("called");
        for folder in [&root, &called] {
            fs::create_dir_all(folder).unwrap();
        }
        let folders = [root.clone(), called.clone()];
        let untold = || untold(&folders);
        fs::write(root.join("notes.md"), "provisioner \"local-exec\" {}\n").unwrap();
        fs::write(called.join("x.tf.json"), "{\"resource\": {}}\n").unwrap();
        assert_eq!(untold().unwrap(), None);
        fs::write(
            called.join("x.tf.json"),
            "{\n\"removed\": {\"provisioner\": {}}}\n",
        )
        .unwrap();
        let found = untold().unwrap().unwrap();
        assert!(
            found.starts_with("`provisioner` stands in ") && found.ends_with("called/x.tf.json"),
            "{found}"
        );
        // An escape that Terraform reads as the same word.
        let escaped = "{\"removed\": {\"\\u0070rovisioner\": {}}}";
        fs::write(called.join("x.tf.json"), escaped).unwrap();
        assert!(untold().unwrap().is_some());
        // Terraform takes both.
        let twice = "{\"removed\": {\"provisioner\": {}}, \"removed\": {}}";
        fs::write(called.join("x.tf.json"), twice).unwrap();
        assert!(untold().unwrap().is_some());
        fs::write(called.join("x.tf.json"), "{ \"ephemeral\": ").unwrap();
        let found = untold().unwrap().unwrap();
        assert!(found.starts_with("what cannot be read stands in "), "{found}");
        fs::write(called.join("x.tf.json"), "{}").unwrap();
        let opened = "ephemeral \"aws_lambda_invocation\" \"x\" {\n}\n";
        fs::write(called.join("opened.tf"), opened).unwrap();
        let found = untold().unwrap().unwrap();
        assert!(
            found.starts_with("`ephemeral` stands in ") && found.ends_with("called/opened.tf:1"),
            "{found}"
        );
        fs::write(
            called.join("opened.tf"),
            "variable \"a\" {\n  ephemeral = true\n}\n",
        )
        .unwrap();
        assert_eq!(untold().unwrap(), None, "a variable may be");
        fs::write(
            root.join("gone.tofu"),
            "removed {\n  provisioner local-exec {}\n}\n",
        )
        .unwrap();
        let found = untold().unwrap().unwrap();
        assert!(found.ends_with("root/gone.tofu:2"), "{found}");
        assert_eq!(unsaved_state(&root).unwrap(), None);
        fs::write(root.join(UNSAVED), "{}").unwrap();
        assert_eq!(unsaved_state(&root).unwrap(), Some(root.join(UNSAVED)));
    }
}
