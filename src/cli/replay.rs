//! `rehull rehearse --scenario FILE`: one run of the simulator, exactly as it was, told as a story. Offline.

use std::fs;

use rehull_core::executor::Rules;
use rehull_core::sim::{self, End, Faults, GroundError, Scenario, Verdict};
use serde_json::{Value, json};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::{Format, Replaying};
use crate::report::json::OUTPUT_FORMAT;

/// Replays it. A promise that is broken, or a run without an end, needs a person.
///
/// # Errors
/// The scenario cannot be read, or makes no sense.
pub fn run(console: &Console, asked: &Replaying) -> Result<Exit, Failure> {
    let path = &asked.scenario;
    let text = fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    let read = sim::read_scenario(&path.to_string_lossy(), &text);
    let mut scenario = read.map_err(|mistakes| Failure::in_file(mistakes, &text))?;
    if let Some(seed) = asked.seed {
        scenario.seed = seed;
    }
    // As the tests of the simulator do: how the cluster came to be is no part of the scenario.
    let calm = Scenario {
        about: String::new(),
        seed: 0,
        faults: Faults::default(),
        ..scenario.clone()
    };
    let prepared = sim::prepare(&calm).map_err(|error| senseless(&error))?;
    let verdict = prepared.upgrade(&scenario, Rules::default());
    let verdict = verdict.map_err(|error| senseless(&error))?;
    let story = sim::story(&scenario, &verdict);
    match console.format {
        Format::Json => {
            console.answer_json(&json!({
                "format": OUTPUT_FORMAT,
                "kind": "story",
                "scenario": scenario,
                "ending": ending(&verdict),
                "story": story.lines().collect::<Vec<_>>(),
            }))?;
        }
        Format::Text | Format::Markdown => console.answer(&story)?,
    }
    let endless = matches!(verdict.end, End::Endless(_));
    Ok(if endless || !verdict.breaches.is_empty() {
        Exit::NeedsPerson
    } else {
        Exit::Ok
    })
}

fn senseless(error: &GroundError) -> Failure {
    let failure = Failure::new(
        Exit::Refused,
        "rehearse::scenario",
        "this scenario cannot be simulated",
    );
    failure
        .because(error)
        .help("its releases and its strategy must be ones that `rehull plan` would take, for a new cluster and then for its upgrade; docs/scenarios.md says what the other keys may be")
}

fn ending(verdict: &Verdict) -> Value {
    let word = match &verdict.end {
        End::Finished => "finished",
        End::Aborted => "aborted",
        End::WentBack => "went back",
        End::NoWayBack(_) => "no way back",
        End::Stopped(_) => "stopped",
        End::Endless(_) => "endless",
    };
    let breaches = verdict.breaches.iter();
    json!({
        "ends": word,
        "tookMs": u64::try_from(verdict.took.as_millis()).unwrap_or(u64::MAX),
        "processes": verdict.processes,
        "members": verdict.members,
        "machines": verdict.machines,
        "breaches": breaches.map(|breach| json!({
            "at": breach.at, "invariant": breach.invariant, "what": breach.what,
        })).collect::<Vec<_>>(),
    })
}
