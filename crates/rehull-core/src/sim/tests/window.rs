//! The window: a member was removed and its successor is not yet added, so nobody else may fail.

use super::super::fault::{Cue, Then};
use super::*;
use crate::domain::action::Action;
use crate::event::{Event, What};

fn plain((from, to): (&str, &str)) -> Scenario {
    Scenario {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        ..Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 1)
    }
}

/// etcd of this slot is killed so many seconds after the first `member remove`.
fn falls(slot: SlotName, after_s: u64) -> Faults {
    let cue = Cue {
        request: "MemberRemove".to_owned(),
        nth: 1,
        then: Then::World(WorldFault {
            at_s: after_s,
            for_s: 0,
            what: Happening::KillProcess { slot },
        }),
    };
    Faults {
        cues: vec![cue],
        ..Faults::default()
    }
}

/// Two that are not the first to be removed.
fn others(events: &[Event]) -> Vec<SlotName> {
    let removed = events.iter().find_map(|event| match &event.what {
        What::Acted {
            action: Action::RemoveMember { slot, .. },
            ..
        } => Some(slot.clone()),
        _ => None,
    });
    let all = ["etcd-a", "etcd-b", "etcd-c"].map(SlotName::new);
    all.into_iter()
        .filter(|slot| Some(slot) != removed.as_ref())
        .collect()
}

/// When the first `member add` was sent and when it was done, in seconds after the first event, and how often in between.
fn first_add(events: &[Event]) -> (i64, i64, usize) {
    let second = |event: &Event| event.at.duration_since(events[0].at).as_secs();
    let adds = events.iter().filter_map(|event| match &event.what {
        What::Acted {
            action: Action::AddMember { .. },
            error,
            ..
        } => Some((second(event), error.is_none())),
        _ => None,
    });
    let adds: Vec<(i64, bool)> = adds.collect();
    let done = adds.iter().position(|(_, done)| *done).unwrap();
    (adds[0].0, adds[done].0, done)
}

/// etcd trusts its links 5 s after another member is back. rehull sees the return at once, so that is when it asks again;
/// before, it slept 6, then 12, then 24 s, with one more loss costing the quorum.
#[test]
fn another_member_that_falls_in_the_window_holds_the_add_up_for_no_longer_than_etcd_does() {
    let mut refused = 0;
    // Releases that want every voter connected.
    for hop in [("3.5.24", "3.5.33"), ("3.6.4", "3.6.14")] {
        let plain = plain(hop);
        let prepared = prepare(&plain).unwrap();
        let undisturbed = prepared.upgrade(&plain, Rules::default()).unwrap();
        for (slot, after_s) in others(&undisturbed.events)
            .into_iter()
            .flat_map(|slot| (0..30).map(move |s| (slot.clone(), s)))
        {
            let case = format!("{hop:?}: {slot} falls {after_s} s after the removal");
            let scenario = plain.clone().with(falls(slot, after_s));
            let verdict = prepared.upgrade(&scenario, Rules::default()).unwrap();
            assert_upgraded(&verdict, &scenario, &case);
            let (first, done, tries) = first_add(&verdict.events);
            println!("{case}: first try at {first} s, added at {done} s, {tries} refused");
            let held = done - first;
            assert!(held <= 10, "{case}: {held} s between the first try and the last");
            assert!(tries <= 3, "{case}: {tries} tries were refused");
            refused += tries;
        }
    }
    assert!(refused > 0, "nothing was refused: the test shows nothing");
}
