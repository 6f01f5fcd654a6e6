//! A scenario as the text that [`super::read`] reads: what a failed run leaves behind.

use crate::sim::fault::{Cue, Happening, RequestFault, Then, WorldFault};
use crate::sim::{ControlPlane, Provisioner, Scenario, Workers};

/// The whole file.
#[must_use]
pub fn write(scenario: &Scenario) -> String {
    let mut text = format!(
        "about: {}\nmembers: {}\nfrom: {}\nto: {}\nstrategy: {}\n{}{}{}timing: {}\nseed: {}\n",
        text_of(&scenario.about),
        scenario.members,
        scenario.from,
        scenario.to,
        scenario.strategy.as_str(),
        provisioner(scenario.provisioner),
        scenario.control_plane.map_or_else(String::new, control_plane),
        scenario.workers.map_or_else(String::new, workers),
        super::timing_word(scenario.timing),
        scenario.seed,
    );
    let faults = &scenario.faults;
    if faults.is_empty() {
        return text;
    }
    text.push_str("faults:\n");
    let world = faults.world.iter().map(|fault| world(fault, ""));
    let requests = faults.requests.iter().map(|RequestFault { nth, how }| {
        let how = how.name();
        format!("how: {how}, request: {nth}")
    });
    let cues = faults.cues.iter().map(cue);
    for line in world.chain(requests).chain(cues) {
        text.push_str(&format!("  - {{ {line} }}\n"));
    }
    text
}

/// The default is not said.
fn provisioner(provisioner: Provisioner) -> String {
    match provisioner {
        Provisioner::Api => String::new(),
        Provisioner::Terraform => format!("provisioner: {}\n", provisioner.as_str()),
    }
}

fn control_plane(wanted: ControlPlane) -> String {
    let ControlPlane { machines, from, to } = wanted;
    format!("controlPlane: {{ machines: {machines}, from: {from}, to: {to} }}\n")
}

fn workers(wanted: Workers) -> String {
    let Workers {
        groups,
        zones,
        machines,
        from,
        to,
        surge,
        budget,
    } = wanted;
    let sizes =
        format!("groups: {groups}, zones: {zones}, machines: {machines}, surge: {surge}, budget: {budget}");
    format!("workers: {{ {sizes}, from: {from}, to: {to} }}\n")
}

fn cue(cue: &Cue) -> String {
    let Cue { request, nth, then } = cue;
    match then {
        Then::Trouble(how) => format!("how: {}, request: {request}, nth: {nth}", how.name()),
        Then::World(fault) => world(fault, &format!(", when: {request}, nth: {nth}")),
    }
}

fn world(fault: &WorldFault, when: &str) -> String {
    let WorldFault { at_s, for_s, what } = fault;
    let mut own = what
        .slot()
        .map_or_else(String::new, |slot| format!(", slot: {slot}"));
    if let Happening::Alarm { alarm, .. } = what {
        own.push_str(&format!(", alarm: {alarm}"));
    }
    if let Some(seconds) = what.seconds() {
        own.push_str(&format!(", seconds: {seconds}"));
    }
    let lasts = if *for_s > 0 {
        format!(", for: {for_s}s")
    } else {
        String::new()
    };
    format!("what: {}{own}{when}, at: {at_s}s{lasts}", what.name())
}

/// A JSON string is a YAML string.
fn text_of(text: &str) -> String {
    let text = if text.is_empty() {
        "a run of the simulator"
    } else {
        text
    };
    serde_json::Value::from(text).to_string()
}
