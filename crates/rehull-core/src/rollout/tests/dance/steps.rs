//! What can happen in a state: a tick, actions that come true, the world going on by itself, and what goes wrong.

use super::super::model::{Boots, INDEX, Model, report};
use super::decision::{Look, Verdict};
use super::faults::Faults;
use super::scene::Scene;
use super::state::{Act, Phase, Power, State, Word, World};
use super::step::Step;
use crate::domain::fleet::{BootPhase, MachineState};

/// Where a step leads to.
pub(super) type Edge = (Step, State);

/// Everything that can happen next. `look` is what rehull would decide now.
pub(super) fn edges(scene: &Scene, state: &State, look: impl FnOnce(&World) -> Look) -> Vec<Edge> {
    let mut edges = Vec::new();
    by_itself(scene, state, &mut edges);
    arrivals(scene, state, &mut edges);
    harm(scene, state, &mut edges);
    if state.pending.is_empty() {
        tick(state, &look(&state.world), &mut edges);
    }
    if !edges.iter().any(|(step, _)| !step.is_fault()) && state.world.machines().any(|(_, _, m)| m.is_timed())
    {
        edges.push((Step::PatienceEnds, patience_ends(state)));
    }
    edges
}

fn tick(state: &State, look: &Look, edges: &mut Vec<Edge>) {
    let mut next = state.clone();
    let step = match &look.verdict {
        Verdict::Done => return,
        Verdict::Stop(reason) if reason.needs_human() => return,
        Verdict::Stop(_) => {
            next.world.attach();
            Step::Resume
        }
        Verdict::Go { act, joined, .. } => {
            next.world.settle_by_looking();
            for (slot, machine) in joined {
                next.world.machine_mut(*slot, *machine).noted.joined = true;
                next.world.slot_mut(*slot).verified = false;
            }
            next.pending.clone_from(act);
            next.pending.sort_unstable();
            Step::Tick
        }
    };
    if next != *state {
        edges.push((step, next));
    }
}

/// Actions of the tick, each for itself, and the one that is late.
fn arrivals(scene: &Scene, state: &State, edges: &mut Vec<Edge>) {
    for at in 0..state.pending.len() {
        let mut rest = state.clone();
        let act = rest.pending.remove(at);
        edges.push((Step::Done(act), comes_true(scene, &rest, act, Word::Done)));
        let mut unheard = rest.clone();
        if spend(&mut unheard, |left| &mut left.lost) {
            edges.push((
                Step::AnswerLost(act),
                comes_true(scene, &unheard, act, Word::Intended),
            ));
        }
        if spend(&mut rest, |left| &mut left.failed) {
            edges.push((Step::CameToNothing(act), rest));
        }
        let mut late = state.clone();
        if state.stray.is_none() && spend(&mut late, |left| &mut left.strays) {
            late.pending.clear();
            late.stray = Some(act);
            late.world.attach();
            edges.push((Step::CrashWithStray(act), late));
        }
    }
    if let Some(act) = state.stray {
        let mut rest = state.clone();
        rest.stray = None;
        let (mut after, noted) = performed(scene, &rest, act);
        if let Some(act) = noted {
            after.world.note_stray(act, scene.is_spare(act.slot()));
        }
        edges.push((Step::Stray(act), after));
        edges.push((Step::StrayEnded(act), rest));
    }
    let mut killed = state.clone();
    if spend(&mut killed, |left| &mut left.crashes) {
        killed.pending.clear();
        killed.world.attach();
        edges.push((Step::Crash, killed));
    }
}

fn spend(state: &mut State, of: impl FnOnce(&mut Faults) -> &mut u8) -> bool {
    let left = of(&mut state.left);
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

/// The other side does it, unless it would refuse.
fn comes_true(scene: &Scene, state: &State, act: Act, word: Word) -> State {
    let (mut next, noted) = performed(scene, state, act);
    if let Some(act) = noted {
        next.world.note(act, word, scene.is_spare(act.slot()));
    }
    next
}

/// The state after it, and the action by the numbers of then; `None`: it was refused.
fn performed(scene: &Scene, state: &State, act: Act) -> (State, Option<Act>) {
    let mut next = state.clone();
    if !is_accepted(&state.world, act) {
        return (next, None);
    }
    let mut model = scene.model(&state.world);
    // That nobody stops a leader is asked of the decision; meanwhile another may have been elected.
    let leader = match act {
        Act::AskStop { .. } => model.leader.take(),
        _ => None,
    };
    model.perform(&scene.action(act));
    model.leader = model.leader.or(leader);
    let mut noted = act;
    next.world = fold(scene, &mut model, state, &mut next, Some(&mut noted));
    (next, Some(noted))
}

/// The model as the world of `next`, whose actions are renumbered.
fn fold(scene: &Scene, model: &mut Model, before: &State, next: &mut State, act: Option<&mut Act>) -> World {
    let mut acts: Vec<&mut Act> = next.pending.iter_mut().chain(&mut next.stray).collect();
    acts.extend(act);
    let world = scene.world(model, &before.world, &mut acts);
    let listed = |slot: u8| world.slot(slot).member.is_some();
    for act in acts {
        if let Act::Remove { slot, listed: now } | Act::Promote { slot, listed: now } = act {
            *now &= listed(*slot);
        }
    }
    next.pending.sort_unstable();
    world
}

fn is_accepted(world: &World, act: Act) -> bool {
    let slot = world.slot(act.slot());
    let is_live = |machine: u8| slot.machines[usize::from(machine)].is_live();
    match act {
        // With the same token it is the same machine.
        Act::Launch {
            new,
            join,
            generation,
            ..
        } => !slot
            .machines
            .iter()
            .any(|m| m.is_live() && (m.new, m.join, m.generation) == (new, join, generation)),
        Act::MoveLeader { from, to } => world.leader == Some(from) && world.slot(to).is_healthy(),
        Act::AskStop { machine, .. } | Act::Go { machine, .. } | Act::Terminate { machine, .. } => {
            is_live(machine)
        }
        Act::Remove { listed, .. } => listed && slot.member.is_some() && world.has_quorum(),
        Act::Add { .. } => slot.member.is_none() && world.has_quorum(),
        Act::Promote { listed, .. } => {
            let in_sync = |member: super::state::Member| member.learner && member.started && !member.behind;
            listed && slot.member.is_some_and(in_sync) && world.has_quorum()
        }
        Act::DetachInterface { machine, .. } => slot.interface == Some(machine),
        Act::DetachVolume { machine, .. } => slot.volume == Some(machine),
        Act::AttachInterface { machine, .. } => slot.interface.is_none() && is_live(machine),
        Act::AttachVolume { machine, .. } => slot.volume.is_none() && is_live(machine),
        Act::Verify { .. } => world.has_quorum() && world.healthy() == world.voters(),
    }
}

/// What the world does by itself, once for each slot.
fn by_itself(scene: &Scene, state: &State, edges: &mut Vec<Edge>) {
    let mut push = |step: Step, change: &dyn Fn(&mut Model)| {
        let mut next = state.clone();
        let mut model = scene.model(&state.world);
        change(&mut model);
        next.world = fold(scene, &mut model, state, &mut next, None);
        match step {
            Step::Refuses(_) => spend(&mut next, |left| &mut left.refused),
            Step::LeadsUnasked(_) => spend(&mut next, |left| &mut left.elections),
            _ => true,
        };
        edges.push((step, next));
    };
    for (slot, number, machine) in state.world.machines() {
        let held = state.world.slot(slot);
        let id = scene.id(slot, number);
        let at = |model: &Model| model.machines.iter().position(|m| m.id == id).unwrap();
        let holds = held.volume == Some(number) && held.interface == Some(number);
        match (machine.power, machine.phase) {
            // A request of a process that was overtaken is dead long before a machine has booted.
            (Power::Pending, _) if state.stray.is_some() => {}
            (Power::Pending, _) => {
                let boot = |model: &mut Model, phase| {
                    let machine = at(model);
                    model.machines[machine].state = MachineState::Running;
                    model.machines[machine].report = report(&id, phase);
                };
                push(Step::Boots(slot), &|model| boot(model, BootPhase::Warm));
                if state.left.refused > 0 {
                    push(Step::Refuses(slot), &|model| boot(model, BootPhase::Refused));
                }
            }
            (Power::ShuttingDown, _) => push(Step::Ends(slot), &|model| model.end(at(model))),
            (Power::Running, Phase::Warm) if machine.go && holds => {
                push(Step::Starts(slot), &|model| model.start(at(model)));
                if state.left.refused > 0 {
                    push(Step::Refuses(slot), &|model| {
                        model.boots = Boots::RefusesVolume;
                        model.start(at(model));
                    });
                }
            }
            (Power::Running, Phase::Running) if machine.stop_asked && !held.frozen => {
                push(Step::Stops(slot), &|model| {
                    let machine = at(model);
                    model.running.remove(&scene.name(slot));
                    model.machines[machine].report = report(&id, BootPhase::Stopped);
                });
            }
            _ => {}
        }
    }
    members_by_themselves(scene, state, &mut push);
    let late = state.stray.is_some();
    if state.world.fresh && !late && !state.world.machines().any(|(_, _, machine)| machine.is_timed()) {
        edges.push((Step::TimePasses, patience_ends(state)));
    }
}

fn members_by_themselves(scene: &Scene, state: &State, push: &mut impl FnMut(Step, &dyn Fn(&mut Model))) {
    let quorum = state.world.has_quorum();
    for (number, slot) in (0_u8..).zip(&state.world.slots) {
        let name = scene.name(number);
        if slot.frozen {
            push(Step::Thaws(number), &|model| {
                model.down.remove(&name);
            });
        } else if quorum && slot.serves() && slot.member.is_some_and(|member| member.behind) {
            push(Step::CatchesUp(number), &|model| {
                let of_it = model.members.iter_mut().find(|member| member.slot == name);
                of_it.unwrap().applied = INDEX;
            });
        }
        let may_lead = slot.is_healthy() && quorum && state.world.leader != Some(number);
        let unasked = state.world.leader.is_some();
        if may_lead && (!unasked || state.left.elections > 0) {
            let step = if unasked {
                Step::LeadsUnasked(number)
            } else {
                Step::Leads(number)
            };
            push(step, &|model| model.leader = Some(Scene::listed(number)));
        }
    }
}

/// Members freeze, machines are lost, patience ends too early.
fn harm(scene: &Scene, state: &State, edges: &mut Vec<Edge>) {
    let room = state.world.harmed() < usize::from(state.left.at_once);
    for (number, slot) in (0_u8..).zip(&state.world.slots) {
        let mut frozen = state.clone();
        if room && slot.runs && !slot.frozen && spend(&mut frozen, |left| &mut left.freezes) {
            let mut model = scene.model(&state.world);
            model.down.insert(scene.name(number));
            frozen.world = fold(scene, &mut model, state, &mut frozen, None);
            edges.push((Step::Freezes(number), frozen));
        }
    }
    for (slot, number, machine) in state.world.machines() {
        let mut lost = state.clone();
        if !room || !machine.is_live() || !spend(&mut lost, |left| &mut left.losses) {
            continue;
        }
        let held = state.world.slot(slot);
        let by_it = held.volume == Some(number) && held.runs && !held.ours;
        let mut model = scene.model(&state.world);
        model.kill_machine(&scene.id(slot, number));
        // Whom the model elects is one of several.
        model.leader = model.leader.filter(|_| state.world.leader != Some(slot));
        lost.world = fold(scene, &mut model, state, &mut lost, None);
        lost.world.slot_mut(slot).lost |= by_it;
        edges.push((Step::IsLost(slot), lost));
    }
    let mut asked = state.clone();
    if state.pending.is_empty() && !state.world.rest && spend(&mut asked, |left| &mut left.aborts) {
        asked.world.rest = true;
        edges.push((Step::AskedToRest, asked));
    }
    let waits = |machine: &super::state::Box_| machine.is_timed() && !machine.noted.over;
    let mut late = state.clone();
    // Requests are dead long before any patience ends.
    let timed = state.stray.is_none() && state.world.machines().any(|(_, _, machine)| waits(machine));
    if timed && spend(&mut late, |left| &mut left.late) {
        edges.push((Step::PatienceEndsEarly, patience_ends(&late)));
    }
}

fn patience_ends(state: &State) -> State {
    let mut next = state.clone();
    next.world.fresh = false;
    for slot in &mut next.world.slots {
        for machine in slot.machines.iter_mut().filter(|machine| machine.is_live()) {
            machine.noted.over |= machine.is_in_the_journal();
        }
    }
    next
}
