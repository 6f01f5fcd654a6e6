//! `rehull version`.

use serde_json::json;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::Format;
use crate::report::json::OUTPUT_FORMAT;

/// Version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints it.
///
/// # Errors
/// The answer cannot be written.
pub fn run(console: &Console) -> Result<Exit, Failure> {
    let document = json!({ "format": OUTPUT_FORMAT, "kind": "version", "rehull": VERSION });
    match console.format {
        Format::Json => console.answer_json(&document)?,
        Format::Text | Format::Markdown => console.answer(&format!("rehull {VERSION}\n"))?,
    }
    Ok(Exit::Ok)
}
