//! `rehull sandbox status`: what runs on this machine, seen from below the cluster.

use serde_json::json;

use super::up::readable;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::wire;
use crate::cli::wish::Format;
use crate::cli::wish::Place;
use crate::report::json::OUTPUT_FORMAT;
use crate::report::paint::{Paint, Tone};
use crate::report::table::{Cell, Row, layout};
use crate::sandbox::{self, MachineStatus, Seen};

/// Shows one sandbox.
///
/// # Errors
/// There is none of this name, or it does not answer.
pub fn run(console: &Console, place: &Place) -> Result<Exit, Failure> {
    let seen = wire::runtime()?.block_on(sandbox::status(&place.name, &place.dir));
    let seen = seen.map_err(|error| Failure::sandbox(&error))?;
    match console.format {
        Format::Json => {
            let document = json!({ "format": OUTPUT_FORMAT, "kind": "sandbox-status", "sandbox": seen });
            console.answer_json(&document)?;
        }
        Format::Text | Format::Markdown => console.answer(&text(&seen, console.out_paint()))?,
    }
    Ok(Exit::Ok)
}

fn text(seen: &Seen, paint: Paint) -> String {
    let info = &seen.info;
    let name = paint.tone(Tone::Strong, &info.name);
    let file = readable(info.cluster_file());
    let Some(status) = &seen.status else {
        return format!(
            "{name} is not served: its daemon has died   next: rehull sandbox up --name {}\n",
            info.name
        );
    };
    let mut out = format!("{name}   AWS at {}   {}\n\n", info.endpoint, file.display());
    let head = ["machine", "slot", "zone", "state", "power"].map(|word| Cell::left(word).tone(Tone::Faint));
    let mut rows = vec![Row::Cells(head.to_vec())];
    rows.extend(status.machines.iter().map(|machine| Row::Cells(row(machine))));
    out.push_str(&layout(&rows, "  ", paint));
    out
}

fn row(machine: &MachineStatus) -> Vec<Cell> {
    let state = serde_json::to_value(machine.state).unwrap_or_default();
    let power = if machine.powered { "on" } else { "off" };
    vec![
        Cell::left(&machine.id),
        Cell::left(machine.slot.as_deref().unwrap_or("–")),
        Cell::left(&machine.zone),
        Cell::left(state.as_str().unwrap_or_default()),
        Cell::left(power),
    ]
}
