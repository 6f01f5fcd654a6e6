//! The checker can fail: decisions that are wrong on purpose, and the path that each of them is found by.

use super::checker::Checker;
use super::decision::Rules;
use super::faults::Faults;
use super::scene::Scene;
use super::{NOTHING, REAL};
use crate::domain::action::Action;
use crate::domain::fleet::{BootPhase, Machine};
use crate::domain::ids::{SlotName, StepId};
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::WaitingOn;
use crate::journal::JournalView;
use crate::plan::RolloutPlan;
use crate::rollout::{Goal, Next, decide};

/// The mutant alone, with nobody to check it.
fn found(
    mutant: fn(&RolloutPlan, &Observed, &JournalView, Goal) -> Next,
    count: usize,
    left: Faults,
) -> String {
    let rules = Rules {
        decide: mutant,
        check: |_, _, _| Ok(()),
    };
    counterexample(rules, count, left)
}

#[allow(clippy::print_stdout, reason = "the path is for people")]
fn counterexample(rules: Rules, count: usize, left: Faults) -> String {
    let scene = Scene::new(count, EtcdStrategy::RemoveThenAdd);
    let found = Checker::new(&scene, rules).run(vec![scene.beginning()], left);
    let text = found.err().unwrap().to_string();
    println!("{text}\n");
    text
}

fn running<'a>(seen: &'a Observed, is_it: &dyn Fn(&SlotName) -> bool) -> Option<&'a Machine> {
    let mut machines = seen.fleet.machines.iter();
    machines.find(|m| m.is_live() && m.go && !m.stop_asked && is_it(&m.slot))
}

fn ask(machine: &Machine) -> (StepId, Action) {
    let action = Action::AskStop {
        slot: machine.slot.clone(),
        machine: machine.id.clone(),
    };
    (StepId::new(format!("etcd/{}", machine.slot)), action)
}

/// The leader is stopped where it should hand over first.
fn stops_the_leader(plan: &RolloutPlan, seen: &Observed, journal: &JournalView, goal: Goal) -> Next {
    let mut next = decide(plan, seen, journal, goal);
    if let Next::Continue { act, .. } = &mut next {
        for one in act {
            if let Action::MoveLeader { from, .. } = &one.1 {
                *one = ask(running(seen, &|slot| slot == from).unwrap());
            }
        }
    }
    next
}

/// A second member is stopped in the same tick.
fn stops_two_at_once(plan: &RolloutPlan, seen: &Observed, journal: &JournalView, goal: Goal) -> Next {
    let mut next = decide(plan, seen, journal, goal);
    if let Next::Continue { act, .. } = &mut next {
        let asked = act.iter().find_map(|(_, action)| match action {
            Action::AskStop { slot, .. } => Some(slot.clone()),
            _ => None,
        });
        let leads = |slot: &SlotName| {
            let answer = seen
                .etcd
                .endpoints
                .get(slot)
                .and_then(|endpoint| endpoint.answer());
            answer.is_some_and(|answer| answer.leader == Some(answer.id))
        };
        let other = asked.and_then(|asked| running(seen, &|slot| *slot != asked && !leads(slot)));
        act.extend(other.map(ask));
    }
    next
}

/// The next member is begun before the last one has joined.
fn begins_too_early(plan: &RolloutPlan, seen: &Observed, journal: &JournalView, goal: Goal) -> Next {
    let mut next = decide(plan, seen, journal, goal);
    if let Next::Continue { act, waiting, .. } = &mut next {
        let joins = waiting
            .iter()
            .find(|one| matches!(one.on, WaitingOn::Join { .. }));
        if let (true, Some(joins)) = (act.is_empty(), joins) {
            let is_other = |slot: &SlotName| joins.step != StepId::new(format!("etcd/{slot}"));
            act.extend(running(seen, &is_other).map(ask));
        }
    }
    next
}

/// The stopped member is removed although the gate is red because another one is out.
fn removes_behind_a_red_gate(plan: &RolloutPlan, seen: &Observed, journal: &JournalView, goal: Goal) -> Next {
    let mut next = decide(plan, seen, journal, goal);
    let stopped =
        |m: &&Machine| m.is_live() && m.report.as_ref().is_some_and(|r| r.phase == BootPhase::Stopped);
    let answers = || {
        seen.etcd
            .endpoints
            .values()
            .filter_map(|endpoint| endpoint.answer())
    };
    let list = answers().find_map(|answer| answer.members.as_ref());
    if let (Next::Continue { act, waiting, .. }, Some(list)) = (&mut next, list)
        && waiting.iter().any(|one| matches!(one.on, WaitingOn::Gate { .. }))
        && let Some(machine) = seen.fleet.machines.iter().find(stopped)
        && let Some(line) = list.iter().find(|line| line.name == machine.slot.as_str())
    {
        let (slot, via) = (machine.slot.clone(), machine.slot.clone());
        let action = Action::RemoveMember {
            slot,
            member: line.id,
            via,
        };
        act.push((StepId::new("s"), action));
    }
    next
}

/// A member that only has to come up is not waited for.
fn does_not_wait_for_the_join(
    plan: &RolloutPlan,
    seen: &Observed,
    journal: &JournalView,
    goal: Goal,
) -> Next {
    match decide(plan, seen, journal, goal) {
        Next::Continue { act, waiting, .. }
            if act.is_empty() && waiting.iter().any(|one| matches!(one.on, WaitingOn::Join { .. })) =>
        {
            Next::Done
        }
        next => next,
    }
}

#[test]
fn a_leader_that_is_stopped_is_found() {
    let text = found(stops_the_leader, 3, NOTHING);
    assert!(text.contains("stop etcd-a (machine 0) while it leads"), "{text}");
}

#[test]
fn a_second_member_that_is_stopped_at_once_is_found_and_refused_by_the_audit() {
    let text = found(stops_two_at_once, 3, NOTHING);
    assert!(text.contains("quorum is lost by stop etcd-b"), "{text}");
    let decide = stops_two_at_once;
    let text = counterexample(Rules { decide, ..REAL }, 3, NOTHING);
    assert!(text.contains("=> audit refuses it"), "{text}");
}

#[test]
fn a_member_that_is_begun_before_the_last_one_has_joined_is_found_and_refused_by_the_audit() {
    let text = found(begins_too_early, 3, NOTHING);
    assert!(
        text.contains("=> stop etcd-a (machine 0) while etcd-b is out"),
        "{text}"
    );
    let decide = begins_too_early;
    let text = counterexample(Rules { decide, ..REAL }, 3, NOTHING);
    assert!(text.contains("=> audit refuses it"), "{text}");
}

#[test]
fn a_member_that_is_removed_while_another_is_out_is_found() {
    let left = Faults {
        freezes: 1,
        ..NOTHING
    };
    let text = found(removes_behind_a_red_gate, 5, left);
    assert!(text.contains("=> remove member etcd-b while etcd-"), "{text}");
    assert!(text.contains("FREEZES"), "{text}");
}

#[test]
fn a_rollout_that_calls_itself_done_too_early_is_found() {
    let text = found(does_not_wait_for_the_join, 3, NOTHING);
    assert!(text.contains("the holder is done, and etcd-"), "{text}");
}
