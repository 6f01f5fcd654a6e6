//! When an action is sent again, and what is told meanwhile.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::domain::ids::{InstanceId, SlotName};
use crate::journal::{Record, RecordBody, token};

fn go() -> Action {
    Action::Go {
        slot: SlotName::new("etcd-a"),
        machine: InstanceId::new("i-1"),
        with_spare: false,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A journal in which the action was tried once and settled like this at second 100.
fn settled(action: &Action, error: Option<PortError>) -> JournalView {
    let (step, key) = (StepId::new("etcd/etcd-a"), action.key());
    let token = token(&crate::domain::ids::RolloutId::new("r"), &step, &key, 1);
    let envelope = crate::domain::ids::ContentDigest::new("sha256:0");
    let bodies = [
        RecordBody::Opened {
            envelope,
            plan: None,
            rehull: "0".to_owned(),
        },
        RecordBody::Intended {
            step,
            action: action.clone(),
            attempt: 1,
            token,
        },
        RecordBody::Settled {
            key,
            attempt: 1,
            error,
        },
    ];
    let records = bodies.map(|body| Record { at: at(100), body });
    JournalView::fold(&records).unwrap()
}

fn free_after(action: &Action, error: Option<PortError>) -> i64 {
    let journal = settled(action, error);
    let free = |second: &i64| {
        let act = vec![(StepId::new("s"), action.clone())];
        !gate(act, &journal, at(*second)).ready.is_empty()
    };
    (100..300).find(free).unwrap() - 100
}

#[test]
fn each_kind_of_failure_has_its_own_pause() {
    let refused = |rule| PortError::Refused {
        rule,
        text: String::new(),
    };
    let why = String::new;
    for (error, seconds) in [
        (PortError::NotSent { why: why() }, 1),
        (PortError::OutcomeUnknown { why: why() }, 2),
        (PortError::NotYetVisible { why: why() }, 1),
        (
            PortError::Throttled {
                after: Duration::from_secs(9),
            },
            9,
        ),
        (PortError::Gone { what: why() }, 2),
        (refused(Rule::UnhealthyCluster), 1),
        (refused(Rule::NotEnoughStarted), 6),
        (refused(Rule::NotLeader), 1),
        (refused(Rule::Busy), 2),
        (refused(Rule::InsufficientCapacity), 0),
        (PortError::Denied { action: why() }, 0),
    ] {
        assert_eq!(free_after(&go(), Some(error.clone())), seconds, "{error}");
    }
}

/// etcd's links are as old as the member that came back last, and no look tells more of them.
#[test]
fn a_member_add_that_was_refused_is_tried_again_when_the_links_of_who_came_back_are_old() {
    let add = Action::AddMember {
        slot: SlotName::new("etcd-a"),
        peer_url: "https://10.0.1.10:2380".to_owned(),
        via: SlotName::new("etcd-b"),
        learner: false,
    };
    let refused = PortError::Refused {
        rule: Rule::UnhealthyCluster,
        text: "etcdserver: unhealthy cluster".to_owned(),
    };
    let tried_after = |back: Option<i64>| {
        let mut journal = settled(&add, Some(refused.clone()));
        let mark = "back etcd-c 1".to_owned();
        let marked = back.map(|second| Record {
            at: at(second),
            body: RecordBody::Marked { mark },
        });
        if let Some(record) = &marked {
            journal.apply(record).unwrap();
        }
        let is_free = |second: &i64| {
            let act = vec![(StepId::new("s"), add.clone())];
            !gate(act, &journal, at(*second)).ready.is_empty()
        };
        (back.unwrap_or(100).max(100)..300).find(is_free).unwrap() - 100
    };
    assert_eq!(tried_after(None), 1, "nobody was seen out: soon");
    assert_eq!(tried_after(Some(60)), 1, "that was long ago");
    assert_eq!(tried_after(Some(100)), 6, "5 s after the return, and a little");
    assert_eq!(tried_after(Some(103)), 9);
    assert_eq!(
        tried_after(Some(109)),
        11,
        "out again and again, or only late: tried all the same"
    );
    assert_eq!(tried_after(Some(130)), 30, "back at last: at once");
}

#[test]
fn pauses_double_up_to_their_maximum() {
    let error = PortError::NotSent { why: String::new() };
    let seconds: Vec<u64> = (1..8).map(|failures| pause(&error, failures).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(pause(&error, u32::MAX).as_secs(), 30);
}

#[test]
fn a_launch_that_was_done_is_not_repeated_while_it_may_only_be_invisible() {
    let launch = Action::LaunchMachine {
        slot: SlotName::new("etcd-a"),
        template: crate::domain::ids::LaunchTemplateName::new("lt"),
        version: "1".parse().unwrap(),
        digest: crate::domain::ids::ContentDigest::new("sha256:1"),
        join: crate::domain::fleet::Join::Existing,
        generation: crate::domain::ids::Generation(2),
    };
    assert_eq!(free_after(&launch, None), 120);
    assert_eq!(free_after(&go(), None), 5);
    // Every launch is invisible for a moment: that is no retry that anybody has to read of.
    let journal = settled(&launch, None);
    let told = |second: &i64| {
        let act = vec![(StepId::new("s"), launch.clone())];
        let gated = gate(act, &journal, at(*second));
        assert_eq!(gated.ready, []);
        assert!(gated.until.is_some());
        !gated.waiting.is_empty()
    };
    assert_eq!((100..300).find(told), Some(105));
}

#[test]
fn a_clock_that_went_back_does_not_stretch_a_pause() {
    let journal = settled(&go(), Some(PortError::NotSent { why: String::new() }));
    let gated = gate(vec![(StepId::new("s"), go())], &journal, at(50));
    assert_eq!(gated.ready.len(), 1);
}

#[test]
fn the_same_action_proposed_twice_is_one() {
    let twice = vec![(StepId::new("s"), go()), (StepId::new("t"), go())];
    assert_eq!(gate(twice, &JournalView::default(), at(0)).ready.len(), 1);
}
