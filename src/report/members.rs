//! The members of a cluster as they are right now: who leads, who lags, who is out, how many may still fail.

use rehull_core::domain::desired::{EtcdRole, Slot};
use rehull_core::domain::etcd::{Endpoint, MemberAnswer};
use rehull_core::domain::fleet::{Machine, MachineState};
use rehull_core::domain::ids::SlotName;
use rehull_core::domain::observed::Observed;
use rehull_core::domain::quorum::Standing;
use serde_json::{Value, json};

use super::numbers::{bytes, count, plural};
use super::paint::{Paint, Tone};
use super::table::{Cell, Row, layout};
use super::words;

/// Every slot, and the spare while there is anything to see of it.
#[must_use]
pub fn shown(etcd: &EtcdRole, seen: &Observed) -> Vec<Slot> {
    let is_used = |slot: &&Slot| machine(seen, &slot.name).is_some() || answer(seen, &slot.name).is_some();
    etcd.slots
        .iter()
        .chain(etcd.spare.iter().filter(is_used))
        .cloned()
        .collect()
}

/// Voters and healthy ones. The member list of a member that serves decides; without any, the slots of the file do.
#[must_use]
pub fn standing(slots: &[Slot], seen: &Observed) -> Standing {
    let answers = || slots.iter().filter_map(|slot| answer(seen, &slot.name));
    let listed = answers()
        .filter(|answer| answer.serves)
        .find_map(|answer| answer.members.as_ref());
    let voters = listed.map_or(slots.len(), |members| {
        members.iter().filter(|member| !member.learner).count()
    });
    let healthy = answers()
        .filter(|answer| answer.serves && !answer.learner)
        .count();
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Standing {
        voters: small(voters),
        healthy: small(healthy),
    }
}

/// The table, alarms, what could not be read, and the margin; ends in a newline.
#[must_use]
pub fn text(slots: &[Slot], seen: &Observed, paint: Paint) -> String {
    let head = ["member", "machine", "etcd", "role", "behind", "database", "seen"];
    let mut rows = vec![Row::Cells(
        head.map(|word| Cell::left(word).tone(Tone::Faint)).to_vec(),
    )];
    rows.extend(slots.iter().map(|slot| Row::Cells(row(slot, seen))));
    let mut out = layout(&rows, "  ", paint);
    for gap in &seen.gaps {
        out.push_str(&format!(
            "  {} {} cannot be read: {}\n",
            paint.tone(Tone::Bad, "✗"),
            words::part(gap.part),
            gap.why
        ));
    }
    out.push_str(&format!("\n{}\n", margin(standing(slots, seen), paint)));
    out
}

/// `margin 1: 3 of 3 voters healthy, one may still fail`.
#[must_use]
pub fn margin(standing: Standing, paint: Paint) -> String {
    let Standing { voters, healthy } = standing;
    let margin = standing.margin();
    let (tone, meaning) = match margin {
        lost if lost < 0 => (Tone::Bad, "no quorum: nothing can be written".to_owned()),
        0 if voters == 1 => (
            Tone::Normal,
            "a single member: every stop is an outage".to_owned(),
        ),
        0 => (Tone::Care, "one more failure stops all writes".to_owned()),
        1 => (Tone::Good, "one may still fail".to_owned()),
        more => (Tone::Good, format!("{more} may still fail")),
    };
    let voters = plural(usize::try_from(voters).unwrap_or(usize::MAX), "voter", "voters");
    paint.tone(
        tone,
        &format!("margin {margin}: {healthy} of {voters} healthy, {meaning}"),
    )
}

fn row(slot: &Slot, seen: &Observed) -> Vec<Cell> {
    let machine = machine(seen, &slot.name);
    let answer = answer(seen, &slot.name);
    let applied = seen
        .etcd
        .endpoints
        .values()
        .filter_map(Endpoint::answer)
        .map(|answer| answer.applied_index)
        .max();
    let (word, tone) = seen_words(seen, &slot.name);
    let dash = || "–".to_owned();
    vec![
        Cell::left(slot.name.as_str()),
        Cell::left(machine.map_or_else(dash, |machine| machine.id.to_string())),
        Cell::left(answer.map_or_else(dash, |answer| answer.version.to_string())),
        Cell::left(answer.map_or_else(dash, |answer| role(answer).to_owned())),
        Cell::right(answer.map_or_else(dash, |answer| {
            count(applied.unwrap_or_default().saturating_sub(answer.applied_index))
        })),
        Cell::right(answer.map_or_else(dash, |answer| bytes(answer.db_size))),
        Cell::left(word).tone(tone),
    ]
}

fn role(answer: &MemberAnswer) -> &'static str {
    match (answer.learner, answer.leader == Some(answer.id)) {
        (true, _) => "learner",
        (false, true) => "leader",
        (false, false) => "follower",
    }
}

fn seen_words(seen: &Observed, slot: &SlotName) -> (String, Tone) {
    match seen.etcd.endpoints.get(slot) {
        Some(Endpoint::Answered(answer)) if !answer.alarms.is_empty() => {
            (answer.alarms.join(", "), Tone::Bad)
        }
        Some(Endpoint::Answered(answer)) if answer.serves => ("serves".to_owned(), Tone::Good),
        Some(endpoint) => (endpoint.words(), Tone::Bad),
        None => ("not asked".to_owned(), Tone::Bad),
    }
}

fn answer<'a>(seen: &'a Observed, slot: &SlotName) -> Option<&'a MemberAnswer> {
    seen.etcd.endpoints.get(slot).and_then(Endpoint::answer)
}

/// The machine that carries the slot: the one at its volume, else the newest live one.
fn machine<'a>(seen: &'a Observed, slot: &SlotName) -> Option<&'a Machine> {
    let holder = seen
        .fleet
        .slots
        .get(slot)
        .and_then(|parts| parts.volume.attachment.machine());
    let live = || {
        seen.fleet
            .machines
            .iter()
            .filter(|machine| machine.slot == *slot && machine.is_live())
    };
    live()
        .find(|machine| holder == Some(&machine.id))
        .or_else(|| live().next_back())
}

/// The same for scripts.
#[must_use]
pub fn json(slots: &[Slot], seen: &Observed) -> Value {
    let standing = standing(slots, seen);
    let member = |slot: &Slot| {
        let answer = answer(seen, &slot.name);
        let machine = machine(seen, &slot.name);
        json!({
            "slot": slot.name,
            "machine": machine.map(|machine| &machine.id),
            "machineState": machine.map(|machine| state(&machine.state)),
            "version": answer.map(|answer| answer.version),
            "role": answer.map(role),
            "serves": answer.is_some_and(|answer| answer.serves),
            "appliedIndex": answer.map(|answer| answer.applied_index),
            "databaseBytes": answer.map(|answer| answer.db_size),
            "alarms": answer.map(|answer| &answer.alarms),
            "seen": seen_words(seen, &slot.name).0,
        })
    };
    json!({
        "voters": standing.voters,
        "healthy": standing.healthy,
        "margin": standing.margin(),
        "members": slots.iter().map(member).collect::<Vec<_>>(),
        "gaps": seen.gaps,
    })
}

fn state(state: &MachineState) -> Value {
    serde_json::to_value(state).unwrap_or_default()
}
