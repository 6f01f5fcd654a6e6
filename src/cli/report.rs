//! `rehull report`: a rollout told again, from its journal and its event log.

use rehull_core::journal::Scope;
use serde_json::json;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::drive::ending_text;
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::local;
use super::rollouts::{self, History};
use super::wire::{self, World};
use super::wish::{Format, OfRollout};
use crate::report::json::{self, OUTPUT_FORMAT};
use crate::report::paint::{Paint, Tone};
use crate::report::timeline::Timeline;
use crate::report::{markdown, plain};

/// Reads and shows it.
///
/// # Errors
/// There is no such rollout, or it cannot be read.
pub fn run(console: &Console, environment: &Environment, of: &OfRollout) -> Result<Exit, Failure> {
    let file = ClusterFile::read(&local::cluster_file(&of.rollout, of.file.as_deref())?)?;
    let history = wire::runtime()?.block_on(async {
        let world = World::connect(&file, environment).await?;
        let scope = Scope {
            cluster: file.desired.cluster.clone(),
            rollout: of.rollout.clone(),
        };
        rollouts::history(&world, &scope).await
    })?;
    let answer = match console.format {
        Format::Markdown => markdown::rollout(&history.events, &history.timeline(), None),
        Format::Text => text(&history, console.out_paint()),
        Format::Json => {
            let summary = json::summary(&history.timeline(), None);
            let events = &history.events;
            let document =
                json!({ "format": OUTPUT_FORMAT, "kind": "report", "summary": summary, "events": events });
            format!("{document:#}\n")
        }
    };
    console.answer(&answer)?;
    Ok(Exit::Ok)
}

/// The end first, then how it came to it.
fn text(history: &History, paint: Paint) -> String {
    let timeline = history.timeline();
    let id = timeline.rollout.as_ref().map_or("", |id| id.as_str());
    let mut out = format!("{}   {}\n\n", paint.tone(Tone::Strong, id), timeline.headline);
    out.push_str(&ending_text(&timeline, paint));
    out.push('\n');
    let mut so_far = Timeline::default();
    for event in &history.events {
        so_far.apply(event);
        out.push_str(&plain::lines(event, &so_far, paint));
    }
    out
}
