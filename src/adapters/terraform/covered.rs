//! What a plan was made from, as a digest: everything that lies in the folder of the root module and of each one that it calls.
//! Files that a module reads while it is planned (`templatefile`) lie beside the rest of it, whatever they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rehull_core::domain::ids::ContentDigest;
use sha2::{Digest as _, Sha256};

use super::error::TerraformError;
use super::scan;

/// What programs keep beside the sources: of Terraform (the modules in it are folders of their own here), git and rehull.
const KEPT: [&str; 3] = [".terraform", ".git", ".rehull"];

/// Where `init` puts them.
const FETCHED: &str = ".terraform/modules";

/// By the folder as the root module sees it, which is `.` itself: `sha256:` over names and contents of its files.
///
/// # Errors
/// One of them cannot be read.
pub(super) fn sources(module: &Path) -> Result<BTreeMap<String, ContentDigest>, TerraformError> {
    let folders: BTreeSet<PathBuf> = scan::folders(module)?
        .iter()
        .map(|folder| package(folder.strip_prefix(module).unwrap_or(folder)))
        .collect();
    let mut found = BTreeMap::new();
    for folder in folders {
        let name = folder.display().to_string();
        let name = if name.is_empty() { ".".to_owned() } else { name };
        found.insert(name, digest(&module.join(folder))?);
    }
    Ok(found)
}

/// What was fetched may be a folder of something larger, whose other files it can read.
fn package(folder: &Path) -> PathBuf {
    let inside = folder.strip_prefix(FETCHED).ok();
    let fetched = inside.and_then(|inside| inside.components().next());
    fetched.map_or_else(|| folder.to_owned(), |name| Path::new(FETCHED).join(name))
}

/// Names are told with how long they are, so that no two folders have one text.
fn digest(folder: &Path) -> Result<ContentDigest, TerraformError> {
    let mut files = BTreeMap::new();
    let mut seen = BTreeSet::new();
    collect(folder, Path::new(""), &mut seen, &mut files)?;
    let mut hash = Sha256::new();
    for (name, content) in files {
        hash.update(format!("{} {name} {content}\n", name.len()));
    }
    Ok(ContentDigest::new(format!(
        "sha256:{}",
        hex::encode(hash.finalize())
    )))
}

fn collect(
    folder: &Path,
    inside: &Path,
    seen: &mut BTreeSet<PathBuf>,
    files: &mut BTreeMap<String, String>,
) -> Result<(), TerraformError> {
    let whole = match fs::canonicalize(folder) {
        Ok(whole) => whole,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TerraformError::file(folder)(error)),
    };
    // A link may lead back to where it stands.
    if !seen.insert(whole.clone()) {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(TerraformError::file(folder))? {
        let entry = entry.map_err(TerraformError::file(folder))?;
        let path = entry.path();
        let name = inside.join(entry.file_name());
        // What a link leads to is read, and one to nowhere is an editor's.
        let Ok(kind) = fs::metadata(&path) else {
            continue;
        };
        let is_kept = KEPT.iter().any(|kept| entry.file_name() == *kept);
        if kind.is_dir() && !is_kept {
            collect(&path, &name, seen, files)?;
        } else if kind.is_file() {
            let mut hash = Sha256::new();
            let mut file = fs::File::open(&path).map_err(TerraformError::file(&path))?;
            io::copy(&mut file, &mut hash).map_err(TerraformError::file(&path))?;
            files.insert(name.display().to_string(), hex::encode(hash.finalize()));
        }
    }
    seen.remove(&whole);
    Ok(())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn whatever_a_plan_may_have_read_is_in_the_digest_of_its_folder() {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        let write = |name: &str, text: &str| {
            let file = root.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("main.tf", "module \"a\" {\n  source = \"../called\"\n}\n");
        write("../called/main.tf", "");
        write("../other/main.tf", "");
        let list = r#"{"Modules":[{"Key":"","Source":"","Dir":"."},{"Key":"a","Source":"../called","Dir":"../called"},{"Key":"b","Source":"x/y/z","Dir":".terraform/modules/b/modules/c"}]}"#;
        write(".terraform/modules/modules.json", list);
        write(".terraform/modules/b/modules/c/main.tf", "");
        let mut before = sources(&root).unwrap();
        let names: Vec<&String> = before.keys().collect();
        assert_eq!(names, [".", "../called", ".terraform/modules/b"]);
        for (name, differs) in [
            ("main.tf", "."),
            ("policy.json", "."),
            ("templates/policy.json.tpl", "."),
            (".hidden.tpl", "."),
            ("rehull.auto.tfvars.json", "."),
            ("../called/files/a", "../called"),
            (".terraform/modules/b/templates/x", ".terraform/modules/b"),
        ] {
            write(name, "another");
            let now = sources(&root).unwrap();
            let changed: Vec<&String> = now.keys().filter(|of| now.get(*of) != before.get(*of)).collect();
            assert_eq!(changed, [differs], "{name}");
            before = now;
        }
        for name in [
            ".terraform/terraform.tfstate",
            ".git/index",
            ".rehull/scratch/a/b",
            "../other/a.tf",
        ] {
            write(name, "another");
            assert_eq!(sources(&root).unwrap(), before, "{name}");
        }
        fs::rename(root.join("policy.json"), root.join("policy.txt")).unwrap();
        assert_ne!(sources(&root).unwrap(), before, "a name");
    }

    #[test]
    fn what_a_link_leads_to_is_read_and_one_to_where_it_stands_ends() {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(dir.path().join("shared.tpl"), "a").unwrap();
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        link("../shared.tpl", "policy.tpl");
        link(".", "again");
        link("user@host.123:456", ".#main.tf");
        let before = sources(&root).unwrap();
        fs::write(dir.path().join("shared.tpl"), "b").unwrap();
        assert_ne!(sources(&root).unwrap(), before);
    }

    /// The same in every checkout.
    #[test]
    fn where_the_checkout_lies_is_no_part_of_it() {
        let of = || {
            let dir = TempDir::new().unwrap();
            fs::create_dir_all(dir.path().join("root/.terraform/modules")).unwrap();
            fs::create_dir(dir.path().join("called")).unwrap();
            fs::write(dir.path().join("root/main.tf"), "a").unwrap();
            let list = r#"{"Modules":[{"Key":"a","Source":"../called","Dir":"../called"}]}"#;
            fs::write(dir.path().join("root/.terraform/modules/modules.json"), list).unwrap();
            sources(&dir.path().join("root")).unwrap()
        };
        assert_eq!(of(), of());
    }
}
