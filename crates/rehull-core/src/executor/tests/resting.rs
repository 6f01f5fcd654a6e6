//! May it be left like this? And what becomes of actions in doubt.

use super::*;
use crate::domain::action::Action;
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::Attachment;
use crate::domain::ids::{InstanceId, StepId, Token};
use crate::domain::observed::{Gap, Observed, Part};
use crate::executor::rest;
use crate::executor::settle::by_looking;
use crate::journal::Record;
use crate::ports::PortError;
use crate::rollout::tests::model::{Model, slot_name};

const LATE: Duration = Duration::from_secs(170);

fn left(change: impl FnOnce(&mut Observed)) -> Vec<String> {
    let plan = model::plan(3, EtcdStrategy::RemoveThenAdd);
    let mut seen = Model::healthy(3).observe();
    change(&mut seen);
    let rest = rest(&plan, &seen, &JournalView::default());
    assert_eq!(rest.at_rest, rest.left.is_empty());
    rest.left
}

#[test]
fn a_healthy_cluster_with_nothing_owed_is_at_rest() {
    assert_eq!(left(|_| {}), Vec::<String>::new());
}

#[test]
fn whatever_is_out_in_between_or_unseen_is_not_at_rest_and_has_a_name() {
    let (a, b) = (slot_name(0), slot_name(1));
    let gone = left(|seen| {
        seen.etcd.endpoints.insert(b.clone(), Endpoint::Refused);
    });
    assert_eq!(gone, ["etcd-b is out", "margin 0 of 1"]);
    let moving = left(|seen| {
        let parts = seen.fleet.slots.get_mut(&a).unwrap();
        parts.interface.attachment = Attachment::Detaching(InstanceId::new("i-old-0"));
    });
    assert_eq!(moving, ["the interface of etcd-a is leaving i-old-0"]);
    let surplus = left(|seen| {
        let mut machine = seen.fleet.machines[0].clone();
        machine.id = InstanceId::new("i-new");
        seen.fleet.machines.push(machine);
    });
    assert_eq!(surplus, ["machine i-new of etcd-a runs beside it"]);
    let unread = left(|seen| {
        seen.gaps.push(Gap {
            part: Part::Machines,
            why: "throttled".to_owned(),
        });
    });
    assert_eq!(unread, ["machines unread: throttled"]);
    assert!(
        left(|seen| seen.gaps.push(Gap {
            part: Part::Mailbox,
            why: "x".to_owned()
        }))
        .is_empty()
    );
}

fn in_doubt(model: &mut Model, action: &Action) {
    let body = RecordBody::Intended {
        step: StepId::new("etcd/etcd-a"),
        action: action.clone(),
        attempt: 1,
        token: Token::new("t"),
    };
    model.records.push(Record { at: model.at, body });
}

#[test]
fn an_action_in_doubt_is_done_when_the_world_shows_it_and_failed_when_it_never_does() {
    let stop = Action::AskStop {
        slot: slot_name(1),
        machine: InstanceId::new("i-old-1"),
    };
    let mut model = Model::healthy(3);
    in_doubt(&mut model, &stop);
    let look =
        |model: &Model, act: &[(StepId, Action)]| by_looking(act, &model.observe(), &model.journal(), LATE);
    assert_eq!(look(&model, &[]), [], "nothing to be seen yet");

    let again = (StepId::new("etcd/etcd-b"), stop.clone());
    (0..200).for_each(|_| model.advance());
    assert_eq!(look(&model, &[again]), [], "sent again instead");
    let failed = look(&model, &[]);
    assert!(
        matches!(
            &failed[0].body,
            RecordBody::Settled {
                error: Some(PortError::NotSent { .. }),
                ..
            }
        ),
        "{failed:?}"
    );
    model.perform(&stop);
    let done = look(&model, &[]);
    assert!(
        matches!(&done[0].body, RecordBody::Settled { error: None, .. }),
        "{done:?}"
    );

    let mut blind = model.observe();
    blind.gaps.push(Gap {
        part: Part::Machines,
        why: "throttled".to_owned(),
    });
    assert_eq!(
        by_looking(&[], &blind, &model.journal(), LATE),
        [],
        "not on half a snapshot"
    );
}
