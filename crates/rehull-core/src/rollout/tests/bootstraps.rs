//! A creation that is given up.

use super::model::{Boots, Model, plan};
use super::{End, walk};
use crate::domain::fleet::{Attachment, Machine};
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::StopReason;
use crate::plan::{RolloutKind, RolloutPlan};
use crate::rollout::Goal;

/// Slots, blank volumes and nothing else.
fn blank() -> (Model, RolloutPlan) {
    let mut plan = plan(3, EtcdStrategy::RemoveThenAdd);
    plan.envelope.kind = RolloutKind::Bootstrap;
    plan.envelope.etcd_cluster = None;
    let mut model = Model::healthy(3);
    model.machines.clear();
    model.members.clear();
    model.running.clear();
    model.data.clear();
    model.leader = None;
    model.identity = false;
    for parts in model.parts.values_mut() {
        parts.volume.attachment = Attachment::Available;
        parts.interface.attachment = Attachment::Available;
        parts.volume_generation = None;
    }
    (model, plan)
}

fn alive(model: &Model) -> usize {
    model.machines.iter().filter(|machine| machine.is_live()).count()
}

#[test]
fn a_creation_whose_machines_do_not_boot_can_be_given_up_and_leaves_blank_volumes() {
    for boots in [Boots::RefusesCold, Boots::Never] {
        let (mut model, plan) = blank();
        model.boots = boots;
        model.attach();
        let end = walk(&mut model, &plan, Goal::Finish, 1200);
        assert!(matches!(end, End::Stopped(_)), "{boots:?}: {end:?}");
        assert_eq!(alive(&model), 3);
        model.attach();
        let end = walk(&mut model, &plan, Goal::Rest, 60);
        assert_eq!(end, End::Done, "{boots:?}: {:#?}", model.story);
        assert_eq!(alive(&model), 0, "{boots:?}");
        let launched = model
            .story
            .iter()
            .filter(|key| key.starts_with("launch-machine "))
            .count();
        assert_eq!(launched, 3, "{boots:?}: {:#?}", model.story);
        assert!(
            model
                .parts
                .values()
                .all(|parts| parts.volume_generation.is_none())
        );
    }
}

#[test]
fn a_creation_that_was_not_begun_is_given_up_without_launching_anything() {
    let (mut model, plan) = blank();
    assert_eq!(walk(&mut model, &plan, Goal::Rest, 60), End::Done);
    assert_eq!(model.story, Vec::<String>::new());
}

#[test]
fn a_creation_that_has_begun_launches_nothing_more_on_the_way_to_rest() {
    let (mut model, plan) = blank();
    model.boots = Boots::RefusesVolume;
    model.attach();
    let end = walk(&mut model, &plan, Goal::Finish, 1200);
    assert!(
        matches!(end, End::Stopped(StopReason::BootRefused { .. })),
        "{end:?}"
    );
    let machines: Vec<Machine> = model.machines.clone();
    model.attach();
    let end = walk(&mut model, &plan, Goal::Rest, 60);
    assert!(
        matches!(end, End::Stopped(StopReason::BootRefused { .. })),
        "{end:?}"
    );
    assert_eq!(model.machines, machines);
}

#[test]
fn a_creation_whose_volumes_are_marked_already_is_not_called_blank() {
    let (mut model, plan) = blank();
    model.attach();
    while !model.story.iter().any(|key| key.starts_with("attach-volume ")) {
        assert!(matches!(
            walk(&mut model, &plan, Goal::Finish, 1),
            End::Waiting(_)
        ));
    }
    // The tag was written, the attachment itself failed.
    for parts in model.parts.values_mut() {
        parts.volume.attachment = Attachment::Available;
        parts.interface.attachment = Attachment::Available;
    }
    walk(&mut model, &plan, Goal::Rest, 5);
    assert_eq!(alive(&model), 3, "{:#?}", model.story);
}
