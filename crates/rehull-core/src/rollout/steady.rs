//! A member that is back is not yet one to rely on: etcd counts peer links younger than 5 s as down, and what has fallen
//! once may be falling again and again.
//!
//! One green look says nothing of the look before it, so who was seen out, and when it was back, is written down: a pair
//! of marks for each time, and a third if its process had ended. A slow answer may be the path's fault or the disk's; a
//! process that ends is started again by its machine within seconds, and ends again within seconds of that.

use std::time::Duration;

use jiff::Timestamp;

use super::gates;
use super::situation::{Health, Situation, SlotSituation};
use super::tick::Tick;
use crate::domain::etcd::Endpoint;
use crate::domain::ids::SlotName;
use crate::domain::waiting::RedGate;
use crate::journal::JournalView;
use crate::mutant::mutant;

/// How many settling times a member has to stay up after its process has ended for the first time: a minute, with the
/// smallest one. systemd starts it again after seconds; what ends at once, ends long before.
const AFTER_AN_END: u32 = 10;
/// The longest that is asked for, in settling times.
const MOST: u32 = 100;

/// Marks members that are out now and were not at the last look, those whose process has ended, and those that are back.
pub(super) fn note(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) {
    note_unless(now, journal, tick, |slot| is_ours(slot, journal));
}

/// The same in a look that shows members and no machines. Who is out by our doing is told by what was asked for.
pub(super) fn note_by_journal(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) {
    let asked = |slot: &SlotSituation<'_>| {
        let name = slot.name();
        slot.plan.changes() && journal.switches(name) && !gates::has_joined(name, journal)
    };
    note_unless(now, journal, tick, |slot| asked(slot) || !was_asked(now, slot));
}

/// Its address was asked in this look.
fn was_asked(now: &Situation<'_>, slot: &SlotSituation<'_>) -> bool {
    now.seen.etcd.endpoints.contains_key(slot.name())
}

fn note_unless(
    now: &Situation<'_>,
    journal: &JournalView,
    tick: &mut Tick,
    is_ours: impl Fn(&SlotSituation<'_>) -> bool,
) {
    for slot in now.listed_slots() {
        let name = slot.name();
        let times = times(OUT, name, journal);
        let is_back = || journal.marked_at(&mark(BACK, name, times)).is_some();
        match slot.standing() {
            Health::Out if is_ours(slot) => {}
            Health::Out => {
                let begins = times == 0 || is_back();
                let time = if begins { times.saturating_add(1) } else { times };
                if begins {
                    tick.mark(mark(OUT, name, time));
                }
                let ended = mark(ENDED, name, time);
                if slot.endpoint == &Endpoint::Refused && journal.marked_at(&ended).is_none() {
                    tick.mark(ended);
                }
            }
            Health::Healthy if times > 0 && back_from(now, name, times, journal).is_none() => {
                tick.mark(mark(BACK, name, times));
            }
            Health::Healthy => {}
        }
    }
}

/// Since when nobody but this step's member was seen out, as far as this process can know: it did not look before it
/// took over.
pub(super) fn since(now: &Situation<'_>, step: &SlotName, journal: &JournalView) -> Option<Timestamp> {
    mutant!(SkipHealth => return None);
    let rose = |slot: &SlotSituation<'_>| {
        let name = slot.name();
        let outs = times(OUT, name, journal);
        // Whoever is out has no links that could be young: for it there is a gate, or nobody waits.
        let has_been_out = outs > 0 && slot.standing() == Health::Healthy;
        // Not marked as back yet: this is the first look that sees it.
        has_been_out.then(|| back_from(now, name, outs, journal).unwrap_or(now.seen.at))
    };
    let attached = journal.holder().map(|(_, at)| at);
    let attached = attached.filter(|at| *at <= now.seen.at);
    now.others(step).filter_map(rose).chain(attached).max()
}

/// Members that the step leaves alone and that have fallen before: each longer than the settling time, the more often the
/// longer. Whoever was out once, by a slow answer, is a matter of the settling time.
pub(super) fn red(now: &Situation<'_>, step: &SlotName, journal: &JournalView) -> Vec<RedGate> {
    mutant!(FallenIsSteady => return Vec::new());
    let settle = now.plan.envelope.policy.settle;
    let unsteady = |slot: &SlotSituation<'_>| {
        let name = slot.name();
        let (outs, ends) = (times(OUT, name, journal), times(ENDED, name, journal));
        let wanted = settle.saturating_mul(patience(outs, ends));
        let back = back_from(now, name, outs, journal);
        let until = back.and_then(|back| back.checked_add(wanted).ok());
        if wanted <= settle || until.is_some_and(|until| now.seen.at >= until) {
            return None;
        }
        Some(RedGate {
            slot: Some(name.clone()),
            gate: "steady".to_owned(),
            seen: words(outs, ends, back, wanted),
            until,
        })
    };
    now.others(step).filter_map(unsteady).collect()
}

/// How often a member's process was seen to have ended in this rollout, not by our doing.
pub(super) fn ends(slot: &SlotName, journal: &JournalView) -> u32 {
    times(ENDED, slot, journal)
}

/// In settling times.
fn patience(outs: u32, ends: u32) -> u32 {
    let doubled = 2_u32.saturating_pow(ends.saturating_sub(1));
    let after_ends = if ends > 0 {
        AFTER_AN_END.saturating_mul(doubled)
    } else {
        0
    };
    outs.max(after_ends).min(MOST)
}

fn words(outs: u32, ends: u32, back: Option<Timestamp>, wanted: Duration) -> String {
    let often = |times: u32| match times {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let fell = match ends {
        0 => format!("was out {}", often(outs)),
        ends => format!("its etcd has ended {}", often(ends)),
    };
    let since = back.map_or_else(
        || "not back for long".to_owned(),
        |back| format!("back since {}", back.strftime("%H:%M:%SZ")),
    );
    format!("{fell} in this rollout, {since} (gate: {} s)", wanted.as_secs())
}

/// When it was back after it had been out so many times. An instant in the future was written before the clock went back:
/// it is written again.
fn back_from(now: &Situation<'_>, slot: &SlotName, outs: u32, journal: &JournalView) -> Option<Timestamp> {
    let at = journal.marked_at(&mark(BACK, slot, outs));
    at.filter(|at| *at <= now.seen.at)
}

/// Taken out by its own step in this rollout, which marks when it has joined. A member that this rollout leaves alone is
/// never out by our doing, although its machine carries what the plan wants.
fn is_ours(slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    slot.plan.changes() && slot.switch_has_begun() && gates::joined_at(slot, journal).is_none()
}

/// When a member was last seen to be back.
pub(super) fn last_back(journal: &JournalView) -> Option<Timestamp> {
    let marks = journal.marks_like(BACK);
    let back = marks.filter(|(mark, _)| mark.split(' ').next() == Some(BACK));
    back.map(|(_, at)| at).max()
}

const OUT: &str = "out";
const BACK: &str = "back";
const ENDED: &str = "ended";

/// How often that was marked.
pub(super) fn times(word: &str, slot: &SlotName, journal: &JournalView) -> u32 {
    let is_of_slot = |(mark, _): &(&str, Timestamp)| {
        let of = mark.strip_prefix(word).and_then(|of| of.strip_prefix(' '));
        let time = of.and_then(|of| of.strip_prefix(slot.as_str()));
        time.is_some_and(|time| time.starts_with(' '))
    };
    u32::try_from(journal.marks_like(word).filter(is_of_slot).count()).unwrap_or(u32::MAX)
}

/// The mark of one of several times: a mark is written once.
pub(super) fn mark(word: &str, slot: &SlotName, time: u32) -> String {
    format!("{word} {slot} {time}")
}
