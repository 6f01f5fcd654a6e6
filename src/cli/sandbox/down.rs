//! `rehull sandbox down`: no process and no file stays.

use serde_json::json;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::wire;
use crate::cli::wish::Format;
use crate::cli::wish::Place;
use crate::report::json::OUTPUT_FORMAT;
use crate::sandbox::{self, Down};

/// Takes it down; one that is not there is down already.
///
/// # Errors
/// Something of it could not be ended or removed.
pub fn run(console: &Console, place: &Place) -> Result<Exit, Failure> {
    let down = wire::runtime()?.block_on(sandbox::down(&place.name, &place.dir));
    let word = match down.map_err(|error| Failure::sandbox(&error))? {
        Down::Removed => "down",
        Down::Absent => "absent",
    };
    if console.format == Format::Json {
        let document =
            json!({ "format": OUTPUT_FORMAT, "kind": "sandbox-down", "sandbox": place.name, "was": word });
        console.answer_json(&document)?;
    } else if word == "down" {
        console.answer(&format!("{} is down\n", place.name))?;
    } else {
        console.answer(&format!("there is no sandbox {}\n", place.name))?;
    }
    Ok(Exit::Ok)
}
