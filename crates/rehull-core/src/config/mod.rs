//! The cluster file: YAML text → [`Desired`], or every mistake in it at once, each with its place.
//!
//! `yaml` reads the text and remembers places, `structure` compares keys and types with the [`schema`], `read` turns
//! values into domain types, `rules` judges what several values say together. Each of them goes on after a mistake.

pub mod adoption;
mod file;
mod flags;
mod mistake;
mod place;
mod policy;
mod read;
mod reference;
mod rules;
pub mod scenario;
mod schema;
mod server_flags;
mod servers;
mod spans;
mod spare;
mod structure;
pub mod suggest;
mod value;
mod workers;
pub(crate) mod yaml;

use serde_json::Value;

pub use mistake::{Mistake, Wrong};
pub(crate) use mistake::{printable, quoted};
pub use reference::reference;
pub(crate) use rules::ETCDUTL_FROM;
pub use schema::schema;
pub use spans::{Span, Spans, position};

use crate::domain::desired::Desired;
use mistake::Mistakes;
use spans::Pointer;
use yaml::{Kind, Node};

/// Format of the cluster file that this version reads.
pub const FILE_FORMAT: i64 = 1;

/// Reads a cluster file. `file_name` is only repeated in the mistakes; nothing is opened.
///
/// # Errors
/// All mistakes in file order; at least one.
pub fn parse(file_name: &str, text: &str) -> Result<Desired, Vec<Mistake>> {
    read_document(file_name, text, empty(), understand)
}

/// Reads a text as one document. `empty` is what is wrong with one that holds nothing.
fn read_document<T>(
    file_name: &str,
    text: &str,
    empty: Wrong,
    understand: impl FnOnce(&Node, &mut Mistakes<'_>) -> Option<T>,
) -> Result<T, Vec<Mistake>> {
    let loaded = yaml::load(text);
    let spans = loaded
        .document
        .as_ref()
        .map_or_else(Spans::default, |root| Spans::of_node(text, root));
    let mut mistakes = Mistakes::new(file_name, &spans);
    let syntax_is_fine = loaded.slips.is_empty();
    for slip in loaded.slips {
        mistakes.add_at_span(slip.span, slip.wrong, slip.more);
    }
    let understood = match &loaded.document {
        Some(document) => understand(document, &mut mistakes),
        None if syntax_is_fine => {
            mistakes.add(&Pointer::root(), empty);
            None
        }
        None => None,
    };
    match understood {
        Some(understood) if mistakes.is_empty() => Ok(understood),
        Some(_) | None => Err(mistakes.into_sorted()),
    }
}

fn understand(document: &Node, mistakes: &mut Mistakes<'_>) -> Option<Desired> {
    if let Kind::Scalar {
        value: Value::Null, ..
    } = &document.kind
    {
        mistakes.add(&Pointer::root(), empty());
        return None;
    }
    if let Some(found) = other_format(document) {
        // The rest follows rules that this version does not know; judging it would only confuse.
        mistakes.add(&Pointer::root().key("format"), unknown_format(found));
        return None;
    }
    let fitted = structure::fit(document, mistakes);
    let (desired, parts) = read::read(&fitted.file, mistakes);
    rules::check(&fitted.file, &parts, mistakes);
    if mistakes.is_empty() {
        for (at, wrong) in fitted.left_to_reader {
            mistakes.add(&at, wrong);
        }
    }
    desired
}

fn empty() -> Wrong {
    Wrong::new("config::empty", "the file is empty", "nothing here")
        .help("begin with examples/three-etcd/cluster.yaml; every key is in docs/cluster-file.md")
}

fn other_format(document: &Node) -> Option<i64> {
    let Kind::Map(entries) = &document.kind else {
        return None;
    };
    let format = entries.iter().find(|entry| entry.key == "format")?;
    let Kind::Scalar { value, .. } = &format.value.kind else {
        return None;
    };
    value.as_i64().filter(|found| *found != FILE_FORMAT)
}

fn unknown_format(found: i64) -> Wrong {
    let message = format!("format {found} is not known; this version of rehull reads format {FILE_FORMAT}");
    let help = if found > FILE_FORMAT {
        "the file was written for a newer rehull: use that one"
    } else {
        "docs/cluster-file.md describes the keys of this format: write the file anew in it"
    };
    Wrong::new("config::format", message, "unknown format").help(help)
}

#[cfg(test)]
mod tests;
