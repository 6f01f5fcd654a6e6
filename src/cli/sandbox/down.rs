//! `rehull sandbox down`: no process and no file stays.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::local;
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
    let word = match take_down(place)? {
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

/// Ends it, and removes what this folder knows of rollouts that nobody can ask for any more.
pub(super) fn take_down(place: &Place) -> Result<Down, Failure> {
    let rollouts = local::folders_of(&place.dir.join(&place.name).join("cluster.yaml"));
    let down = wire::runtime()?.block_on(sandbox::down(&place.name, &place.dir));
    let down = down.map_err(|error| Failure::sandbox(&error))?;
    for folder in rollouts {
        fs::remove_dir_all(&folder).map_err(|error| Failure::unwritable(&folder, &error))?;
    }
    if local::knows_no_rollout() {
        wire::forget_tools().map_err(|error| Failure::unwritable(Path::new(wire::TOOLS), &error))?;
    }
    Ok(down)
}
