//! `rehull render`: the bytes that machines are booted with. Nothing secret is in them, so they may be printed.

use std::collections::BTreeMap;
use std::path::Path;

use rehull_core::domain::ids::{GroupName, SlotName};
use rehull_core::render::{
    self, CONTROL_PLANE_VARIABLES, RenderedGroups, RenderedSlot, USER_DATA_MAX, VARIABLES, WORKER_VARIABLES,
};
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
        && let Some(of_group) = of_group(&file, name.as_str())
    {
        return group(console, of_group);
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
            let groups = file.render_groups()?;
            console.answer(&render::tfvars(&file.desired, &rendered, &groups))?;
        }
        Rendering::Slot(name) => slot(console, (&rendered, &file), name)?,
        Rendering::Overview => overview(console, &rendered, &file.render_groups()?)?,
    }
    Ok(Exit::Ok)
}

/// A group that stands for a slot: what it renders to, and what its template makes where that is no user data.
struct OfGroup {
    rendered: Result<RenderedGroups, Failure>,
    only: Option<RenderedSlot>,
    text: Result<Option<String>, Failure>,
}

/// `None`: this is no group of the file.
fn of_group(file: &ClusterFile, name: &str) -> Option<OfGroup> {
    let mut workers = file.desired.workers.iter().flat_map(|workers| &workers.groups);
    if name == SERVERS && file.desired.control_plane.is_some() {
        let rendered = file.render_servers().map(|servers| RenderedGroups {
            servers,
            ..RenderedGroups::default()
        });
        let only = rendered.as_ref().ok().and_then(|groups| groups.servers.clone());
        return Some(OfGroup {
            rendered,
            only,
            text: file.server_text(),
        });
    }
    if !workers.any(|group| group.group.as_str() == name) {
        return None;
    }
    let rendered = file.render_workers().map(|mut workers| {
        workers.retain(|group, _| group.as_str() == name);
        RenderedGroups {
            workers,
            ..RenderedGroups::default()
        }
    });
    let only = rendered
        .as_ref()
        .ok()
        .and_then(|groups| groups.workers.values().next().cloned());
    Some(OfGroup {
        rendered,
        only,
        text: file.worker_text(name),
    })
}

/// One text for all machines of the group.
fn group(console: &Console, of: OfGroup) -> Result<Exit, Failure> {
    let rendered = match of.rendered {
        Ok(rendered) => rendered,
        Err(failure) => {
            if console.format != Format::Json
                && let Some(text) = of.text?
            {
                console.answer(&text)?;
            }
            return Err(failure);
        }
    };
    if let Some(only) = of.only {
        match console.format {
            Format::Json => console.answer_json(&document(&[], &rendered))?,
            Format::Text | Format::Markdown => console.answer(&only.user_data)?,
        }
    }
    Ok(Exit::Ok)
}

fn slot(
    console: &Console,
    (rendered, file): (&BTreeMap<SlotName, RenderedSlot>, &ClusterFile),
    name: &SlotName,
) -> Result<(), Failure> {
    let Some(slot) = rendered.get(name) else {
        let known = rendered.keys().map(SlotName::as_str);
        let servers = file.desired.control_plane.as_ref().map(|_| SERVERS);
        let workers = file.desired.workers.iter().flat_map(|workers| &workers.groups);
        let workers = workers.map(|group| group.group.as_str());
        let known: Vec<&str> = known.chain(servers).chain(workers).collect();
        let failure = Failure::new(
            Exit::Usage,
            "render::unknown_slot",
            format!("the file has no slot `{name}`"),
        );
        return Err(failure.help(format!("slots: {}", known.join(", "))));
    };
    match console.format {
        Format::Json => console.answer_json(&document(&[(name, slot)], &RenderedGroups::default())),
        Format::Text | Format::Markdown => console.answer(&slot.user_data),
    }
}

fn overview(
    console: &Console,
    rendered: &BTreeMap<SlotName, RenderedSlot>,
    groups: &RenderedGroups,
) -> Result<(), Failure> {
    if console.format == Format::Json {
        return console.answer_json(&document(&rendered.iter().collect::<Vec<_>>(), groups));
    }
    let head = ["slot", "content digest", "user data"].map(|word| Cell::left(word).tone(Tone::Faint));
    let mut rows = vec![Row::Cells(head.to_vec())];
    let slots = rendered.iter().map(|(name, slot)| (name.as_str(), slot));
    let servers = groups.servers.iter().map(|rendered| (SERVERS, rendered));
    let workers = groups
        .workers
        .iter()
        .map(|(group, rendered)| (group.as_str(), rendered));
    rows.extend(slots.chain(servers).chain(workers).map(|(name, slot)| {
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

fn document(slots: &[(&SlotName, &RenderedSlot)], groups: &RenderedGroups) -> serde_json::Value {
    let slot = |(name, slot): &(&SlotName, &RenderedSlot)| json!({ "slot": name, "digest": slot.digest, "userData": slot.user_data });
    let mut document = json!({ "format": OUTPUT_FORMAT, "kind": "render", "slots": slots.iter().map(slot).collect::<Vec<_>>() });
    let Some(fields) = document.as_object_mut() else {
        return document;
    };
    if let Some(servers) = &groups.servers {
        let servers = json!({ "digest": servers.digest, "userData": servers.user_data });
        fields.insert("controlPlane".to_owned(), servers);
    }
    if !groups.workers.is_empty() {
        let group = |(group, made): (&GroupName, &RenderedSlot)| json!({ "group": group, "digest": made.digest, "userData": made.user_data });
        let workers = groups.workers.iter().map(group).collect();
        fields.insert("workers".to_owned(), workers);
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
        let workers = WORKER_VARIABLES.map(described).to_vec();
        let document = json!({ "format": OUTPUT_FORMAT, "kind": "variables", "variables": list, "controlPlane": servers, "worker": workers });
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
    rows.push(Row::Note("of a worker template".to_owned()));
    rows.extend(WORKER_VARIABLES.map(row));
    console.answer(&layout(&rows, "", console.out_paint()))?;
    Ok(Exit::Ok)
}
