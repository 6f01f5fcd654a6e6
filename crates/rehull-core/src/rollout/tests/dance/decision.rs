//! One look: what rehull decides in a world, and whether that keeps what has to be kept.

use super::super::super::{Goal, Next};
use super::scene::{NOW, Scene, instant};
use super::state::{Act, Phase, Power, Slot, World};
use crate::audit::Violation;
use crate::domain::action::Action;
use crate::domain::ids::{SlotName, StepId};
use crate::domain::observed::Observed;
use crate::domain::waiting::{StopReason, Waiting, WaitingOn};
use crate::journal::{JournalView, Record, RecordBody};
use crate::plan::RolloutPlan;

type Decide = fn(&RolloutPlan, &Observed, &JournalView, Goal) -> Next;
type Check = fn(&RolloutPlan, &Observed, &[(StepId, Action)]) -> Result<(), Violation>;

/// Who decides and who checks it: the real ones, or a mutant.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) decide: Decide,
    pub(super) check: Check,
}

/// A decision, small.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Done,
    Stop(StopReason),
    Go {
        act: Vec<Act>,
        /// Slot and machine of every mark.
        joined: Vec<(u8, u8)>,
        waiting: Vec<Waiting>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) verdict: Verdict,
    /// What it would break.
    pub(super) broken: Option<String>,
}

pub(super) fn look(scene: &Scene, rules: Rules, world: &World) -> Look {
    let seen = scene.model(world).observe();
    let mut journal = scene.journal(world);
    let goal = if world.rest { Goal::Rest } else { Goal::Finish };
    let mut next = (rules.decide)(&scene.plan, &seen, &journal, goal);
    // Who is seen out is written down once, and time has passed when it is back: every state is one after that.
    if let Next::Continue { mark, .. } = &next
        && note_who_is_out(&mut journal, mark)
    {
        next = (rules.decide)(&scene.plan, &seen, &journal, goal);
    }
    match next {
        Next::Done => Look {
            verdict: Verdict::Done,
            broken: unfinished(scene, world),
        },
        Next::Stop(reason) => Look {
            broken: unfounded(world, &reason),
            verdict: Verdict::Stop(reason),
        },
        Next::Continue {
            act: actions,
            waiting,
            mark,
            ..
        } => {
            let audit = (rules.check)(&scene.plan, &seen, &actions);
            let audit = audit
                .err()
                .map(|violation| format!("audit refuses it: {violation}"));
            let mut act: Vec<Act> = Vec::new();
            for (_, action) in &actions {
                let one = scene.act(world, action);
                if !act.contains(&one) {
                    act.push(one);
                }
            }
            let joined: Vec<(u8, u8)> = mark.iter().map(|mark| scene.marked(mark)).collect();
            let broken = audit
                .or_else(|| breaks(scene, world, &act))
                .or_else(|| causeless(scene, world, &waiting))
                .or_else(|| {
                    let nothing = act.is_empty() && joined.is_empty() && waiting.is_empty();
                    nothing.then(|| "it does nothing and waits for nothing".to_owned())
                });
            Look {
                verdict: Verdict::Go { act, joined, waiting },
                broken,
            }
        }
    }
}

/// True: there was something to write down.
fn note_who_is_out(journal: &mut JournalView, marks: &[String]) -> bool {
    let is_of_a_fall = |mark: &&String| mark.starts_with("out ") || mark.starts_with("ended ");
    let out: Vec<&String> = marks.iter().filter(is_of_a_fall).collect();
    for mark in &out {
        let mark = (*mark).clone();
        let at = instant(NOW - 1_000);
        let body = RecordBody::Marked { mark };
        journal.apply(&Record { at, body }).unwrap();
    }
    !out.is_empty()
}

impl Scene {
    /// Slot and machine of `joined <slot> <slot>/<number>`.
    fn marked(&self, mark: &str) -> (u8, u8) {
        let mut words = mark.split(' ').skip(1);
        let slot = self.slot(&SlotName::new(words.next().unwrap()));
        let number = words.next().unwrap().rsplit('/').next().unwrap();
        (slot, number.parse().unwrap())
    }
}

/// Takes a member that may serve out, or changes who votes.
fn takes_out(scene: &Scene, world: &World, act: Act) -> bool {
    let slot = world.slot(act.slot());
    match act {
        Act::AskStop { .. } => slot.member.is_some_and(|member| !member.learner),
        // A dead spare only makes the quorum larger.
        Act::Remove { slot: number, .. } if scene.is_spare(number) && !slot.runs => false,
        Act::Remove { .. } => slot.member.is_some_and(|member| !member.learner),
        Act::Terminate { machine, .. } => {
            let ends = slot.machines[usize::from(machine)];
            let may_run = ends.go && !matches!(ends.phase, Phase::Stopped | Phase::Refused);
            slot.volume == Some(machine) && may_run && ends.power != Power::Off
        }
        _ => false,
    }
}

/// What the actions would break, in the world as it was looked at.
fn breaks(scene: &Scene, world: &World, act: &[Act]) -> Option<String> {
    for one in act.iter().copied().filter(|one| takes_out(scene, world, *one)) {
        let number = one.slot();
        let mut others = (0_u8..).zip(&world.slots).filter(|(other, _)| *other != number);
        let out = |(other, slot): (u8, &Slot)| {
            let counts = slot.member.is_some_and(|m| !m.learner) || !scene.is_spare(other);
            (counts && (!slot.is_healthy() || slot.is_going())).then(|| scene.name(other))
        };
        if let Some(other) = others.find_map(out) {
            return Some(format!("{} while {other} is out", scene.words(one)));
        }
        let leads = world.leader == Some(number) && world.healthy() > 1;
        if leads && matches!(one, Act::AskStop { .. }) {
            return Some(format!("{} while it leads", scene.words(one)));
        }
    }
    for one in act {
        if let Act::Terminate { slot, machine, .. } = one {
            let ended = world.machine(*slot, *machine);
            let stops = ended.stop_asked && ended.phase == Phase::Running && ended.power == Power::Running;
            if stops && !ended.noted.over {
                return Some(format!("{} before its time to stop is over", scene.words(*one)));
            }
        }
    }
    // Any subset may come true.
    let subsets = 1_u32 << act.len();
    for subset in 1..subsets {
        let chosen = (0_u32..).zip(act).filter(|(at, _)| subset & (1 << at) != 0);
        let after = chosen.fold(world.clone(), |world, (_, act)| worst_case(world, *act));
        if world.has_quorum() && !after.has_quorum() {
            let chosen = (0_u32..).zip(act).filter(|(at, _)| subset & (1 << at) != 0);
            let words: Vec<String> = chosen.map(|(_, act)| scene.words(*act)).collect();
            let (healthy, voters) = (after.healthy(), after.voters());
            return Some(format!(
                "quorum is lost by {}: {healthy} of {voters} voters",
                words.join(" + ")
            ));
        }
    }
    None
}

/// As if it were done at once, and nothing came of what is only hoped for.
fn worst_case(mut world: World, act: Act) -> World {
    let slot = world.slot_mut(act.slot());
    match act {
        Act::AskStop { .. } => slot.runs = false,
        Act::Terminate { machine, .. } if slot.volume == Some(machine) => slot.runs = false,
        Act::DetachVolume { .. } | Act::DetachInterface { .. } => slot.runs = false,
        Act::Remove { .. } => slot.member = None,
        Act::Add { learner, .. } => {
            slot.member = Some(super::state::Member {
                started: false,
                learner,
                behind: true,
            });
        }
        _ => {}
    }
    world
}

/// What is waited for has to be so in the world.
fn causeless(scene: &Scene, world: &World, waiting: &[Waiting]) -> Option<String> {
    let wrong = |on: &WaitingOn| match on {
        WaitingOn::Boot { machine, .. } => !scene
            .find(world, machine)
            .is_some_and(|m| m.phase == Phase::Silent),
        WaitingOn::Gate { red } => {
            let all_well = world.leader.is_some()
                && !world.slots.iter().any(Slot::is_going)
                && world.slots.iter().all(|slot| {
                    slot.member.is_none_or(|m| !m.behind) && {
                        slot.is_healthy() || slot.member.is_none() && slot.machines.is_empty()
                    }
                });
            red.is_empty() || all_well
        }
        WaitingOn::Leader { from } => world.leader != Some(scene.slot(from)),
        WaitingOn::Stop { machine, .. } => !scene
            .find(world, machine)
            .is_some_and(|m| m.stop_asked && m.phase != Phase::Stopped),
        WaitingOn::Join { .. } => false,
        WaitingOn::Termination { machine } => !scene
            .find(world, machine)
            .is_some_and(|m| m.power == Power::ShuttingDown),
        // Without a quorum nobody serves.
        WaitingOn::OtherMemberOut { slot, .. } => {
            world.slot(scene.slot(slot)).is_healthy() && world.has_quorum()
        }
        // One instant: the wait is over with the next look.
        WaitingOn::Settle { .. } => false,
        WaitingOn::Slot { state, .. } => state != "still answers",
        WaitingOn::Launch { .. }
        | WaitingOn::Serving { .. }
        | WaitingOn::Canary { .. }
        | WaitingOn::LetGo { .. }
        | WaitingOn::Floor { .. }
        | WaitingOn::NodeReady { .. }
        | WaitingOn::Drain { .. }
        | WaitingOn::DrainTurn { .. }
        | WaitingOn::Bake { .. }
        | WaitingOn::Snapshot { .. }
        | WaitingOn::Terraform { .. }
        | WaitingOn::Unreadable { .. }
        | WaitingOn::Retry { .. } => true,
    };
    let found = waiting.iter().find(|waiting| wrong(&waiting.on))?;
    Some(format!("it waits for what is not so: {:?}", found.on))
}

impl Scene {
    fn find(&self, world: &World, id: &crate::domain::ids::InstanceId) -> Option<super::state::Box_> {
        let mut machines = world.machines();
        let found = machines.find(|(slot, number, _)| self.id(*slot, *number) == *id)?;
        Some(*found.2)
    }
}

/// A stop has to name what is so.
fn unfounded(world: &World, reason: &StopReason) -> Option<String> {
    let some = |is_so: &dyn Fn(&super::state::Box_) -> bool| {
        world
            .machines()
            .any(|(_, _, machine)| machine.is_live() && is_so(machine))
    };
    let is_so = match reason {
        StopReason::Deadline { .. } => some(&|machine| machine.noted.over),
        StopReason::BootRefused { .. } => some(&|machine| machine.phase == Phase::Refused),
        // Said by the checker, with its path.
        other => other.needs_human(),
    };
    (!is_so).then(|| format!("it stops without a cause: {reason:?}"))
}

/// What is left to do although rehull says that it is done.
fn unfinished(scene: &Scene, world: &World) -> Option<String> {
    for (number, slot) in (0_u8..).zip(&world.slots) {
        let live = slot.machines.iter().filter(|machine| machine.is_live()).count();
        let is_spare = scene.is_spare(number);
        let wanted = usize::from(!is_spare);
        let runs_new = slot.carrier().is_some_and(|machine| machine.new);
        // At rest whoever was harmed by others stays harmed.
        let is_up = slot.is_healthy() && (world.rest || runs_new) || world.rest && slot.frozen;
        let serves = if is_spare { slot.member.is_none() } else { is_up };
        if live != wanted || !serves || slot.ours {
            let name = scene.name(number);
            return Some(format!("the holder is done, and {name} is not: {slot:?}"));
        }
    }
    None
}

/// What no state may be, whatever has happened in it.
pub(super) fn broken(scene: &Scene, world: &World) -> Option<String> {
    let ours: Vec<String> = (0_u8..)
        .zip(&world.slots)
        .filter(|(_, slot)| slot.ours)
        .map(|(number, _)| scene.name(number).to_string())
        .collect();
    if ours.len() > 1 {
        return Some(format!("{} are out by our doing", ours.join(" and ")));
    }
    // Whoever was harmed by others counts as if it were well: what is missing then is missing by us.
    let counts = |slot: &&Slot| {
        let serves = slot.serves() || slot.lost;
        serves && slot.member.is_some_and(|member| !member.learner)
    };
    let (left, voters) = (world.slots.iter().filter(counts).count(), world.voters());
    (left <= voters / 2).then(|| format!("the quorum is lost by our doing: {left} of {voters} voters"))
}
