//! The first look at a module: what stands in its own files, before anything of it is run. A plan's configuration tells of
//! the provisioners of resources and not of those in `removed` blocks, which an apply runs as well (seen with 1.11.4).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::TerraformError;

/// Written by `init`: where the modules lie that this one calls.
const MODULES: &str = ".terraform/modules/modules.json";
/// Files that Terraform and OpenTofu read.
const ENDS: [&str; 4] = [".tf", ".tofu", ".tf.json", ".tofu.json"];
const WORD: &str = "provisioner";

/// File and line of the first provisioner in this module, or in one that it calls. To be asked after `init`.
pub(super) fn provisioner(module: &Path) -> Result<Option<String>, TerraformError> {
    for folder in folders(module)? {
        let entries = fs::read_dir(&folder).map_err(TerraformError::file(&folder))?;
        let mut files = Vec::new();
        for entry in entries {
            files.push(entry.map_err(TerraformError::file(&folder))?.path());
        }
        files.sort();
        for file in files {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if !ENDS.iter().any(|end| name.ends_with(end)) {
                continue;
            }
            let bytes = fs::read(&file).map_err(TerraformError::file(&file))?;
            let text = String::from_utf8_lossy(&bytes);
            let found = if file.extension().is_some_and(|end| end == "json") {
                text.lines().position(|line| line.contains("\"provisioner\""))
            } else {
                text.lines().position(begins_a_provisioner)
            };
            if let Some(line) = found {
                return Ok(Some(format!("{}:{}", file.display(), line.saturating_add(1))));
            }
        }
    }
    Ok(None)
}

/// The module, and those that it calls: without the list there are none.
fn folders(module: &Path) -> Result<Vec<PathBuf>, TerraformError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed {
        modules: Vec<Called>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Called {
        dir: PathBuf,
    }
    let path = module.join(MODULES);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![module.to_owned()]),
        Err(error) => return Err(TerraformError::file(path)(error)),
    };
    let listed: Listed =
        serde_json::from_slice(&text).map_err(|error| TerraformError::file(path)(io::Error::from(error)))?;
    let mut folders = vec![module.to_owned()];
    folders.extend(listed.modules.into_iter().map(|called| module.join(called.dir)));
    Ok(folders)
}

/// A block begins where a line, another block or a comment does, and is no argument of that name. A text or a comment over
/// several lines may look the same: then it is named once too often, never once too little.
fn begins_a_provisioner(line: &str) -> bool {
    line.match_indices(WORD).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let rest = rest.strip_prefix(WORD).unwrap_or_default();
        let before = before.trim_end();
        let begins = before.is_empty() || before.ends_with(['{', '}']) || before.ends_with("*/");
        let is_word = !rest.starts_with(|next: char| next.is_alphanumeric() || "_-".contains(next));
        begins && is_word && !rest.trim_start().starts_with(['=', ':'])
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_provisioner_is_a_block_however_it_is_written() {
        for line in [
            "provisioner \"local-exec\" {",
            "  provisioner local-exec {",
            "removed { provisioner \"local-exec\" {",
            "/* x */ provisioner \"local-exec\" {",
            "provisioner /* x */ \"local-exec\" {",
            "provisioner",
        ] {
            assert!(begins_a_provisioner(line), "{line}");
        }
        for line in [
            "# provisioner \"local-exec\" {",
            "// provisioner \"local-exec\" {",
            "  provisioner = \"ebs.csi.aws.com\"",
            "  provisioner: \"x\"",
            "provisioners \"x\" {",
            "description = \"no provisioner\"",
        ] {
            assert!(!begins_a_provisioner(line), "{line}");
        }
    }

    #[test]
    fn the_module_and_all_that_it_calls_are_looked_through() {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        let called = dir.path().join("called");
        for folder in [&root.join(".terraform/modules"), &called] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(
            root.join("main.tf"),
            "module \"a\" {\n  source = \"../called\"\n}\n",
        )
        .unwrap();
        fs::write(root.join("notes.md"), "provisioner \"local-exec\" {}\n").unwrap();
        assert_eq!(provisioner(&root).unwrap(), None);
        let list = "{\"Modules\":[{\"Key\":\"\",\"Source\":\"\",\"Dir\":\".\"},{\"Key\":\"a\",\"Source\":\"../called\",\"Dir\":\"../called\"}]}";
        fs::write(root.join(MODULES), list).unwrap();
        fs::write(called.join("x.tf.json"), "{\"resource\": {}}\n").unwrap();
        assert_eq!(provisioner(&root).unwrap(), None);
        fs::write(
            called.join("x.tf.json"),
            "{\n\"removed\": {\"provisioner\": {}}}\n",
        )
        .unwrap();
        let found = provisioner(&root).unwrap().unwrap();
        assert!(found.ends_with("called/x.tf.json:2"), "{found}");
        fs::write(
            root.join("gone.tofu"),
            "removed {\n  provisioner local-exec {}\n}\n",
        )
        .unwrap();
        let found = provisioner(&root).unwrap().unwrap();
        assert!(found.ends_with("root/gone.tofu:2"), "{found}");
        fs::write(root.join(MODULES), "{}").unwrap();
        assert!(
            provisioner(&root).is_err(),
            "a list that cannot be read is no empty one"
        );
    }
}
