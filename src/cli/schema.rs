//! `rehull schema`: what editors complete and underline with.

use rehull_core::config;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;

/// Prints the JSON Schema of cluster files; it is JSON with and without `--output json`.
///
/// # Errors
/// The answer cannot be written.
pub fn run(console: &Console) -> Result<Exit, Failure> {
    console.answer_json(&config::schema())?;
    Ok(Exit::Ok)
}
