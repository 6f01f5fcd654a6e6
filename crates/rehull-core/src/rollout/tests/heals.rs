//! Healing with more than one member out.

use super::model::{Model, OLD, plan, slot_name};
use super::{End, walk};
use crate::domain::fleet::Machine;
use crate::domain::policy::EtcdStrategy;
use crate::plan::RolloutKind;
use crate::rollout::Goal;

/// Two of five are lost with no rollout open. The person heals one; the other comes back first, also when EC2 has
/// forgotten its machine and nothing is known but what it is to run.
#[test]
fn who_heals_one_of_two_that_are_lost_gets_both_back() {
    for strategy in [
        EtcdStrategy::RemoveThenAdd,
        EtcdStrategy::Reattach,
        EtcdStrategy::LearnerFirst,
    ] {
        for forgotten in [false, true] {
            let mut plan = plan(5, strategy);
            let mut model = Model::ready_for(strategy, 5);
            plan.envelope.kind = RolloutKind::Heal { slot: slot_name(1) };
            plan.envelope.to = OLD;
            plan.envelope.spare = None;
            for planned in &mut plan.envelope.slots {
                planned.to = planned.from.clone().unwrap();
                if planned.slot.name != slot_name(1) {
                    planned.reasons.clear();
                }
            }
            for slot in [1, 2] {
                let machine = model.carrier(&slot_name(slot)).unwrap();
                model.kill_machine(&machine);
                // Whoever does not answer tells no version.
                plan.envelope.slots[slot].from = None;
            }
            if forgotten {
                model.machines.retain(Machine::is_live);
            }
            let case = format!("{strategy:?} {forgotten}");
            assert_eq!(
                walk(&mut model, &plan, Goal::Finish, 900),
                End::Done,
                "{case}: {:#?}",
                model.story
            );
            assert_eq!(model.healthy_voters(), 5, "{case}");
            assert!(model.running.values().all(|version| *version == OLD), "{case}");
            let stopped = model.story.iter().find(|key| key.starts_with("ask-stop "));
            assert_eq!(stopped, None, "{case}: nobody who serves is touched");
        }
    }
}
