//! A member that is back is not yet one to rely on: etcd counts peer links younger than 5 s as down, and what has fallen
//! once may be falling again and again.
//!
//! One green look says nothing of the look before it, so who was seen out, and when it was back, is written down: a pair
//! of marks for each time.

use jiff::Timestamp;

use super::gates;
use super::situation::{Health, Situation, SlotSituation};
use super::tick::Tick;
use crate::domain::ids::SlotName;
use crate::journal::JournalView;
use crate::mutant::mutant;

/// Marks members that are out now and were not at the last look, and those that are back.
pub(super) fn note(now: &Situation<'_>, journal: &JournalView, tick: &mut Tick) {
    for slot in now.listed_slots() {
        let name = slot.name();
        let times = times_out(name, journal);
        let is_back = journal.marked_at(&back(name, times)).is_some();
        match slot.standing() {
            Health::Out if (times == 0 || is_back) && !is_ours(slot, journal) => {
                tick.mark(out(name, times.saturating_add(1)));
            }
            Health::Healthy if times > 0 && back_at(now, name, journal).is_none() => {
                tick.mark(back(name, times));
            }
            Health::Out | Health::Healthy => {}
        }
    }
}

/// Since when nobody but this step's member was seen out, as far as this process can know: it did not look before it
/// took over.
pub(super) fn since(now: &Situation<'_>, step: &SlotName, journal: &JournalView) -> Option<Timestamp> {
    mutant!(SkipHealth => return None);
    let rose = |slot: &SlotSituation<'_>| {
        let name = slot.name();
        // Not marked as back yet: this is the first look that sees it.
        (times_out(name, journal) > 0).then(|| back_at(now, name, journal).unwrap_or(now.seen.at))
    };
    let attached = journal.holder().map(|(_, at)| at);
    let attached = attached.filter(|at| *at <= now.seen.at);
    now.others(step).filter_map(rose).chain(attached).max()
}

/// When it was back the last time. An instant in the future was written before the clock went back: it is written again.
fn back_at(now: &Situation<'_>, slot: &SlotName, journal: &JournalView) -> Option<Timestamp> {
    let at = journal.marked_at(&back(slot, times_out(slot, journal)));
    at.filter(|at| *at <= now.seen.at)
}

/// Taken out by its own step, which marks when it has joined.
fn is_ours(slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    slot.switch_has_begun() && gates::joined_at(slot, journal).is_none()
}

fn times_out(slot: &SlotName, journal: &JournalView) -> usize {
    let prefix = format!("out {slot} ");
    journal.marks().filter(|mark| mark.starts_with(&prefix)).count()
}

fn out(slot: &SlotName, time: usize) -> String {
    format!("out {slot} {time}")
}

fn back(slot: &SlotName, time: usize) -> String {
    format!("back {slot} {time}")
}
