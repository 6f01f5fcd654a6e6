//! `rehull render`: the bytes that machines are booted with. Nothing secret is in them, so they may be printed.

use std::collections::BTreeMap;
use std::path::Path;

use rehull_core::domain::ids::SlotName;
use rehull_core::render::{self, CONTROL_PLANE_VARIABLES, RenderedSlot, USER_DATA_MAX, VARIABLES};
use serde_json::json;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::{Format, Rendering};
use crate::report::json::OUTPUT_FORMAT;
use crate::report::numbers::count;
use crate::report::paint::Tone;
use crate::report::table::{Cell, Row, layout};

/// Stands for a slot where the machines of the control plane are meant.
const SERVERS: &str = "control-plane";

/// Renders a cluster file and prints the part that was asked for.
///
/// # Errors
/// The file or its template is wrong, or the slot does not exist.
pub fn run(console: &Console, path: &Path, rendering: &Rendering) -> Result<Exit, Failure> {
    let file = ClusterFile::read(path)?;
    if let Rendering::Slot(name) = rendering
        && name.as_str() == SERVERS
        && file.desired.control_plane.is_some()
    {
        return servers(console, &file);
    }
    let rendered = match (file.render(), rendering) {
        (Ok(rendered), _) => rendered,
        (Err(failure), Rendering::Slot(name)) => {
            // Whoever has to mend the template has to see what it makes.
            if console.format != Format::Json
                && let Some(text) = file.rendered_text(name)?
            {
                console.answer(&text)?;
            }
            return Err(failure);
        }
        (Err(failure), _) => return Err(failure),
    };
    match rendering {
        Rendering::Tfvars => {
            let servers = file.render_servers()?;
            console.answer(&render::tfvars(&file.desired, &rendered, servers.as_ref()))?;
        }
        Rendering::Slot(name) => {
            let has_servers = file.desired.control_plane.is_some();
            slot(console, (&rendered, has_servers), name)?;
        }
        Rendering::Overview => overview(console, &rendered, file.render_servers()?.as_ref())?,
    }
    Ok(Exit::Ok)
}

/// One text for all machines of the group.
fn servers(console: &Console, file: &ClusterFile) -> Result<Exit, Failure> {
    let rendered = match file.render_servers() {
        Ok(rendered) => rendered,
        Err(failure) => {
            if console.format != Format::Json
                && let Some(text) = file.server_text()?
            {
                console.answer(&text)?;
            }
            return Err(failure);
        }
    };
    if let Some(rendered) = rendered {
        match console.format {
            Format::Json => console.answer_json(&document(&[], Some(&rendered)))?,
            Format::Text | Format::Markdown => console.answer(&rendered.user_data)?,
        }
    }
    Ok(Exit::Ok)
}

fn slot(
    console: &Console,
    (rendered, has_servers): (&BTreeMap<SlotName, RenderedSlot>, bool),
    name: &SlotName,
) -> Result<(), Failure> {
    let Some(slot) = rendered.get(name) else {
        let known = rendered.keys().map(SlotName::as_str);
        let known: Vec<&str> = known.chain(has_servers.then_some(SERVERS)).collect();
        let failure = Failure::new(
            Exit::Usage,
            "render::unknown_slot",
            format!("the file has no slot `{name}`"),
        );
        return Err(failure.help(format!("slots: {}", known.join(", "))));
    };
    match console.format {
        Format::Json => console.answer_json(&document(&[(name, slot)], None)),
        Format::Text | Format::Markdown => console.answer(&slot.user_data),
    }
}

fn overview(
    console: &Console,
    rendered: &BTreeMap<SlotName, RenderedSlot>,
    servers: Option<&RenderedSlot>,
) -> Result<(), Failure> {
    if console.format == Format::Json {
        return console.answer_json(&document(&rendered.iter().collect::<Vec<_>>(), servers));
    }
    let head = ["slot", "content digest", "user data"].map(|word| Cell::left(word).tone(Tone::Faint));
    let mut rows = vec![Row::Cells(head.to_vec())];
    let slots = rendered.iter().map(|(name, slot)| (name.as_str(), slot));
    let servers = servers.map(|rendered| (SERVERS, rendered));
    rows.extend(slots.chain(servers).map(|(name, slot)| {
        let size = u64::try_from(slot.user_data.len()).unwrap_or(u64::MAX);
        let room = u64::try_from(USER_DATA_MAX).unwrap_or(u64::MAX);
        Row::Cells(vec![
            Cell::left(name),
            Cell::left(slot.digest.as_str()),
            Cell::left(format!("{} of {} bytes", count(size), count(room))),
        ])
    }));
    console.answer(&layout(&rows, "", console.out_paint()))
}

fn document(slots: &[(&SlotName, &RenderedSlot)], servers: Option<&RenderedSlot>) -> serde_json::Value {
    let slot = |(name, slot): &(&SlotName, &RenderedSlot)| json!({ "slot": name, "digest": slot.digest, "userData": slot.user_data });
    let mut document = json!({ "format": OUTPUT_FORMAT, "kind": "render", "slots": slots.iter().map(slot).collect::<Vec<_>>() });
    if let (Some(servers), Some(document)) = (servers, document.as_object_mut()) {
        let servers = json!({ "digest": servers.digest, "userData": servers.user_data });
        document.insert("controlPlane".to_owned(), servers);
    }
    document
}

/// Lists what a template may use.
///
/// # Errors
/// The answer cannot be written.
pub fn variables(console: &Console) -> Result<Exit, Failure> {
    if console.format == Format::Json {
        let described = |variable: render::Variable| {
            json!({
                "name": variable.name,
                "kind": variable.kind,
                "example": variable.example,
                "meaning": variable.meaning,
            })
        };
        let list = VARIABLES.map(described).to_vec();
        let servers = CONTROL_PLANE_VARIABLES.map(described).to_vec();
        let document = json!({ "format": OUTPUT_FORMAT, "kind": "variables", "variables": list, "controlPlane": servers });
        console.answer_json(&document)?;
        return Ok(Exit::Ok);
    }
    let head = ["variable", "kind", "meaning", "for example"].map(|word| Cell::left(word).tone(Tone::Faint));
    let mut rows = vec![Row::Cells(head.to_vec())];
    let row = |variable: render::Variable| {
        let cells = [variable.name, variable.kind, variable.meaning, variable.example];
        Row::Cells(cells.map(Cell::left).to_vec())
    };
    rows.extend(VARIABLES.map(row));
    rows.push(Row::Note("of a control-plane template".to_owned()));
    rows.extend(CONTROL_PLANE_VARIABLES.map(row));
    console.answer(&layout(&rows, "", console.out_paint()))?;
    Ok(Exit::Ok)
}
