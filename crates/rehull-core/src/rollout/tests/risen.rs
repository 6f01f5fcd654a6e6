//! Members that are lost after the cluster version has risen.

use super::model::{Model, NEW, plan, slot_name};
use super::stories::upgraded;
use super::{End, walk};
use crate::domain::fleet::{Machine, MachineState};
use crate::domain::policy::EtcdStrategy;
use crate::rollout::Goal;

/// Every member runs the new minor, and not all steps are over.
fn risen(strategy: EtcdStrategy) -> Model {
    let plan = plan(3, strategy);
    let mut model = Model::healthy(3);
    let all_run = |model: &Model| (0..3).all(|slot| model.running.get(&slot_name(slot)) == Some(&NEW));
    while model.cluster_version != NEW.line() || !all_run(&model) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    model
}

/// What EC2 shows of the machines that ran the member before.
#[derive(Clone, Copy, Debug)]
enum Shown {
    /// Nothing: it has forgotten them.
    Nothing,
    /// One of the old content that was launched after its successor, and was told to go before it.
    AnOldOneLaunchedLater,
}

#[test]
fn a_member_lost_after_the_cluster_version_has_risen_comes_back_at_what_it_has_run_last() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        for shown in [Shown::Nothing, Shown::AnOldOneLaunchedLater] {
            for slot in 0..3 {
                let plan = plan(3, strategy);
                let mut model = risen(strategy);
                let lost = model.carrier(&slot_name(slot)).unwrap();
                let digest = plan.envelope.slots[slot].from.as_ref().unwrap().digest.clone();
                let before = Machine {
                    id: crate::domain::ids::InstanceId::new("i-before"),
                    digest: Some(digest),
                    state: MachineState::Terminated,
                    launched_at: Some(model.at),
                    stop_asked: false,
                    ..model.machine(&lost).clone()
                };
                model.kill_machine(&lost);
                model
                    .machines
                    .retain(|machine| machine.slot != slot_name(slot) || machine.is_live());
                if matches!(shown, Shown::AnOldOneLaunchedLater) {
                    model.machines.push(before);
                }
                let case = format!("{strategy:?} {shown:?} {slot}");
                let end = walk(&mut model, &plan, Goal::Finish, 1200);
                assert_eq!(end, End::Done, "{case}: {:#?}", model.story);
                upgraded(&model, 3);
            }
        }
    }
}
