//! The folder of the new repository: whether there is room for every file, and all of them or none.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Where the lines of `.gitignore` go when there is one.
pub(super) const IGNORED_ASIDE: &str = "gitignore.rehull";
/// Files that a repository often has before anything of rehull's is in it, and where rehull's go then.
const ASIDE: [(&str, &str); 2] = [("README.md", "README.rehull.md"), (".gitignore", IGNORED_ASIDE)];

/// The same files; one whose place a person's own file has goes beside it.
pub(super) fn around_what_is_there(dir: &Path, files: Vec<(String, String)>) -> Vec<(String, String)> {
    let place = |path: String| {
        let aside = ASIDE.iter().find(|(usual, _)| *usual == path);
        match aside {
            Some((usual, aside)) if is_there(&dir.join(usual)) => (*aside).to_owned(),
            Some(_) | None => path,
        }
    };
    files
        .into_iter()
        .map(|(path, text)| (place(path), text))
        .collect()
}

/// Nothing is in the way of any of them.
///
/// # Errors
/// A file is there already, or something that is no folder stands where a folder has to be.
pub(super) fn is_free(dir: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    for folder in folders(dir, files) {
        let found = folder.symlink_metadata();
        if found.is_ok_and(|found| !found.is_dir()) {
            let message = format!("`{}` is no folder, and files go below it", folder.display());
            let failure = Failure::new(Exit::Usage, "init::no_folder", message);
            return Err(failure.help("name a new folder: nothing was written"));
        }
    }
    let mut there = files
        .iter()
        .map(|(path, _)| dir.join(path))
        .filter(|path| is_there(path));
    let Some(first) = there.next() else {
        return Ok(());
    };
    let mut failure = Failure::new(
        Exit::Usage,
        "init::exists",
        format!("`{}` is there already", first.display()),
    );
    let more = there.count();
    if more > 0 {
        failure = failure.note(format!("so are {more} more of its files"));
    }
    Err(failure.help("name a new folder: nothing is ever written over, and nothing was written"))
}

/// Writes all of them; where one cannot be written, none is left.
///
/// # Errors
/// Which one cannot be written.
pub(super) fn write(dir: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let made: Vec<PathBuf> = std::iter::once(dir.to_owned())
        .chain(folders(dir, files))
        .filter(|folder| !is_there(folder))
        .collect();
    let mut begun = Vec::new();
    for (path, text) in files {
        let path = dir.join(path);
        if let Err(error) = write_one(&path, text, &mut begun) {
            // What is told is why it could not be written; what cannot be taken away again is seen by whoever looks.
            for file in &begun {
                let _ = fs::remove_file(file);
            }
            for folder in made.iter().rev() {
                let _ = fs::remove_dir(folder);
            }
            return Err(Failure::unwritable(&path, &error));
        }
    }
    Ok(())
}

fn write_one(path: &Path, text: &str, begun: &mut Vec<PathBuf>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(path)?;
    begun.push(path.to_owned());
    file.write_all(text.as_bytes())
}

/// A link to nowhere is there, too.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Every folder below `dir` that one of these files is in, a folder before what is in it.
fn folders(dir: &Path, files: &[(String, String)]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = files
        .iter()
        .flat_map(|(path, _)| Path::new(path).ancestors().skip(1))
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(|folder| dir.join(folder))
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    fn files(paths: &[&str]) -> Vec<(String, String)> {
        let file = |path: &&str| ((*path).to_owned(), "ours".to_owned());
        paths.iter().map(file).collect()
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_readme_that_is_there_stays_and_ours_goes_beside_it() {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("README.md"), "theirs").unwrap();
        let files = around_what_is_there(dir.path(), files(&[".gitignore", "README.md"]));
        is_free(dir.path(), &files).unwrap();
        write(dir.path(), &files).unwrap();
        assert_eq!(names(dir.path()), [".gitignore", "README.md", "README.rehull.md"]);
        assert_eq!(
            fs::read_to_string(dir.path().join("README.md")).unwrap(),
            "theirs"
        );
    }

    #[test]
    fn a_file_or_a_link_where_a_folder_has_to_be_is_named_and_nothing_is_written() {
        let dir = TempDir::new().unwrap();
        let elsewhere = TempDir::new().unwrap();
        let files = files(&["a/b/one", "two"]);
        symlink(elsewhere.path(), dir.path().join("a")).unwrap();
        assert!(is_free(dir.path(), &files).is_err());
        fs::remove_file(dir.path().join("a")).unwrap();
        fs::create_dir(dir.path().join("a")).unwrap();
        is_free(dir.path(), &files).unwrap();
        fs::write(dir.path().join("a/b"), "").unwrap();
        assert!(is_free(dir.path(), &files).is_err());
    }

    #[test]
    fn where_one_cannot_be_written_none_is_left() {
        let dir = TempDir::new().unwrap();
        let repository = dir.path().join("new");
        // A name that no file system takes, which nobody can see beforehand.
        let long = format!("c/{}", "x".repeat(300));
        let failed = write(&repository, &files(&["a/one", "b/two", &long]));
        assert!(failed.is_err());
        assert!(!repository.exists());
        fs::create_dir_all(repository.join("a")).unwrap();
        fs::set_permissions(repository.join("a"), fs::Permissions::from_mode(0o750)).unwrap();
        assert!(write(&repository, &files(&["a/one", &long])).is_err());
        assert_eq!(names(&repository), ["a"], "what was there before stays");
    }
}
