//! What an earlier `init` has written down of the modules: where each call leads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::backend::plainly;
use super::called::{Call, Place};
use super::error::TerraformError;
use super::keys::Json;
use super::unfit::Unfit;

/// Written by `init`.
pub(super) const FILE: &str = ".terraform/modules/modules.json";
const IN_FILE: [&str; 1] = ["Modules"];
const IN_RECORD: [&str; 4] = ["Dir", "Key", "Source", "Version"];

/// What the list says of one call, found by the names that lead to it.
pub(super) struct Record {
    /// As it was when it was written.
    source: String,
    pub(super) dir: PathBuf,
}

impl Record {
    /// It was written for such a source. What is fetched lies in the same folder wherever it came from.
    pub(super) fn is_of(&self, call: &Call) -> bool {
        let was = Place::of(&self.source);
        match call.place {
            Place::Path => was == Some(Place::Path) && by_text(&self.source) == by_text(&call.from),
            Place::Fetched => was != Some(Place::Path),
        }
    }
}

/// The path of a `source`. Either slash is one.
pub(super) fn by_text(source: &str) -> PathBuf {
    clean(Path::new(&source.replace('\\', "/")))
}

/// A path by its text: `..` takes away the name before it, whatever that is.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match (part, cleaned.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                cleaned.pop();
            }
            _ => cleaned.push(part),
        }
    }
    cleaned
}

/// Terraform reads names in any case and takes the last one of two, so any other spelling is refused.
pub(super) fn list(root: &Path) -> Result<BTreeMap<String, Record>, Unfit> {
    let path = root.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(TerraformError::file(path)(error).into()),
    };
    let other = |what: String| {
        let why = format!("{what} in {}, and `init` writes no such thing", path.display());
        Unfit::new(why, "remove that file: `init` writes it anew")
    };
    let listed = Json::read(&text).map_err(|error| other(format!("what cannot be read ({error}) stands")))?;
    let listed = plainly(&listed, &IN_FILE).map_err(other)?;
    let records = match listed.get("Modules") {
        Some(Json::List(records)) => records.as_slice(),
        None | Some(Json::Null) => return Err(other("a list without modules stands".to_owned())),
        Some(_) => return Err(other("what is no list stands".to_owned())),
    };
    let mut found = BTreeMap::new();
    for record in records {
        let record = plainly(record, &IN_RECORD).map_err(other)?;
        let text = |name: &str| match record.get(name) {
            Some(Json::Text(text)) => Ok(text.clone()),
            Some(_) | None => Err(other(format!("a module without `{name}` stands"))),
        };
        let (key, source, dir) = (text("Key")?, text("Source")?, PathBuf::from(text("Dir")?));
        if found.insert(key.clone(), Record { source, dir }).is_some() {
            return Err(other(format!("`{key}` stands twice")));
        }
    }
    Ok(found)
}
