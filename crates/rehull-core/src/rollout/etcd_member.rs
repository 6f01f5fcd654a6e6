//! Replaces one etcd member, warm then switch.
//!
//! Replacement booted and waiting → leader away → graceful stop observed → (member removed) → slot moved →
//! (member added) → go → joined, caught up, settled, same data → old machine terminated.
//!
//! [`next`] reads the snapshot only, so it can be asked again after any crash. Stop comes before remove because
//! removing a running member cuts its calls in flight; both orders were measured under a live control plane:
//! 34 failed API requests for remove-first on the leader, none for this one.

use jiff::Timestamp;

use super::gates;
use super::situation::{Health, Situation, SlotSituation};
use super::slot_move;
use super::tick::Tick;
use crate::domain::action::{Action, TerminateWhy};
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::{BootPhase, Join, Machine, MachineState};
use crate::domain::ids::{Generation, SlotName};
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::JournalView;

/// What a step may read.
pub(crate) struct Step<'a> {
    pub(crate) now: &'a Situation<'a>,
    pub(crate) slot: &'a SlotSituation<'a>,
    pub(crate) journal: &'a JournalView,
    /// Waits that forbid taking the old member out (snapshot, bake); empty: it may begin.
    pub(crate) hold: Vec<WaitingOn>,
}

/// Proposes what brings this slot one stage further.
pub(crate) fn next(step: &Step<'_>, tick: &mut Tick) {
    let Some(new) = step.slot.new else {
        return launch(step, tick);
    };
    if let Some(reason) = refusal(new) {
        return tick.stop(reason);
    }
    if new.go {
        join(step, new, tick);
    } else {
        switch(step, new, tick);
    }
}

impl Step<'_> {
    fn wait(&self, tick: &mut Tick, on: WaitingOn) {
        tick.wait(&self.slot.plan.step, on);
    }

    fn act(&self, tick: &mut Tick, action: Action) {
        tick.act(&self.slot.plan.step, action);
    }

    fn name(&self) -> SlotName {
        self.slot.name().clone()
    }

    /// `start + limit`; an unknown start means that the full limit begins now.
    fn until(&self, start: Option<Timestamp>, limit: std::time::Duration) -> Timestamp {
        let at = self.now.seen.at;
        start.unwrap_or(at).checked_add(limit).unwrap_or(Timestamp::MAX)
    }

    /// A gate wait if members that stay are not green.
    fn others_green(&self, tick: &mut Tick) -> bool {
        let red = gates::red(self.now, self.slot.name());
        if red.is_empty() {
            return true;
        }
        self.wait(tick, WaitingOn::Gate { red });
        false
    }
}

fn refusal(machine: &Machine) -> Option<StopReason> {
    let report = machine.report.as_ref()?;
    match report.phase {
        BootPhase::Refused => Some(StopReason::BootRefused {
            machine: machine.id.clone(),
            code: report.code.clone(),
            text: report.text.clone(),
        }),
        BootPhase::Fetching
        | BootPhase::Warm
        | BootPhase::Starting
        | BootPhase::Running
        | BootPhase::Stopped
        | BootPhase::Other(_) => None,
    }
}

/// Stage 1: no replacement yet.
fn launch(step: &Step<'_>, tick: &mut Tick) {
    let plan = step.slot.plan;
    if !step.slot.switch_has_begun() && !step.others_green(tick) {
        return;
    }
    let Some(version) = step.now.template_version(plan) else {
        return tick.stop(StopReason::OutsideEnvelope {
            what: format!(
                "launch template {} has no version with digest {}",
                plan.slot.launch_template, plan.to.digest
            ),
        });
    };
    let holds = step.slot.parts.and_then(|parts| parts.volume_generation);
    let (join, generation) = match (step.now.plan.envelope.strategy, holds) {
        (EtcdStrategy::Reattach, Some(held)) => (Join::Reattach, held),
        (EtcdStrategy::Reattach, None) => {
            return tick.stop(StopReason::OutsideEnvelope {
                what: format!(
                    "volume {} carries no generation tag: no data to reattach",
                    plan.slot.volume
                ),
            });
        }
        (EtcdStrategy::RemoveThenAdd | EtcdStrategy::LearnerFirst, held) => {
            (Join::Existing, held.map_or(Generation(1), Generation::next))
        }
    };
    step.act(
        tick,
        Action::LaunchMachine {
            slot: step.name(),
            template: plan.slot.launch_template.clone(),
            version: version.version,
            digest: plan.to.digest.clone(),
            join,
            generation,
        },
    );
}

/// Stages 2 to 6: the replacement exists and has no go yet.
fn switch(step: &Step<'_>, new: &Machine, tick: &mut Tick) {
    if !warm(step, new, tick) {
        return;
    }
    if !step.slot.switch_has_begun() && !may_begin(step, tick) {
        return;
    }
    if !old_is_stopped(step, tick) {
        return;
    }
    let removes = step.now.plan.envelope.strategy != EtcdStrategy::Reattach;
    // Before the go, a listed member that has a name is the old one: the new one gets its name when it starts.
    let old_line = step.slot.listed.filter(|line| !line.name.is_empty());
    if removes && let Some(line) = old_line {
        if step.others_green(tick)
            && let Some(via) = survivor(step)
        {
            step.act(
                tick,
                Action::RemoveMember {
                    slot: step.name(),
                    member: line.id,
                    via,
                },
            );
        }
        return slot_move::off_the_old(step.slot, new, tick);
    }
    if !slot_move::to_the_new(step.slot, new, tick) {
        return;
    }
    if step.slot.listed.is_none() {
        if removes
            && step.others_green(tick)
            && let Some(via) = survivor(step)
        {
            let peer_url = step.slot.plan.slot.peer_url();
            step.act(
                tick,
                Action::AddMember {
                    slot: step.name(),
                    peer_url,
                    via,
                },
            );
        } else if !removes {
            tick.stop(StopReason::OutsideEnvelope {
                what: format!(
                    "{} is in no member list: its data cannot be reattached",
                    step.slot.name()
                ),
            });
        }
        return;
    }
    step.act(
        tick,
        Action::Go {
            slot: step.name(),
            machine: new.id.clone(),
        },
    );
}

/// Stage 2: everything verified, waiting for its go.
fn warm(step: &Step<'_>, new: &Machine, tick: &mut Tick) -> bool {
    let phase = new.report.as_ref().map(|report| &report.phase);
    if new.state == MachineState::Running && phase == Some(&BootPhase::Warm) {
        return true;
    }
    let until = step.until(new.launched_at, step.now.plan.envelope.policy.boot_deadline);
    if step.now.seen.at >= until {
        let what = format!(
            "machine {} of {} did not become warm in time",
            new.id,
            step.slot.name()
        );
        tick.stop(StopReason::Deadline { what });
    } else {
        let phase = phase.map_or_else(|| ec2_word(&new.state), boot_word);
        step.wait(
            tick,
            WaitingOn::Boot {
                machine: new.id.clone(),
                phase,
                until,
            },
        );
    }
    false
}

/// Between stages 2 and 3: the last moment at which nothing has been touched.
fn may_begin(step: &Step<'_>, tick: &mut Tick) -> bool {
    let mut free = step.others_green(tick);
    for on in &step.hold {
        step.wait(tick, on.clone());
        free = false;
    }
    if let Some(until) = gates::settled_at(step.now, step.journal)
        && step.now.seen.at < until
    {
        step.wait(tick, WaitingOn::Settle { until });
        free = false;
    }
    free
}

/// Stages 3 and 4: leader away, graceful stop observed. A dead old machine is stopped already.
fn old_is_stopped(step: &Step<'_>, tick: &mut Tick) -> bool {
    let active: Vec<&Machine> = step
        .slot
        .old
        .iter()
        .copied()
        .filter(|m| m.go && !is_stopped(m))
        .collect();
    let answering = step.slot.endpoint.answer().is_some();
    if active.is_empty() {
        if answering {
            // Reported as stopped, yet something answers at its address: look again before touching anything.
            step.wait(
                tick,
                WaitingOn::Slot {
                    part: "etcd".to_owned(),
                    state: "still answers".to_owned(),
                },
            );
        }
        return !answering;
    }
    let asked = active.iter().all(|machine| machine.stop_asked);
    if !asked {
        if !step.others_green(tick) || !leadership_elsewhere(step, tick) {
            return false;
        }
        for machine in active.iter().filter(|machine| !machine.stop_asked) {
            step.act(
                tick,
                Action::AskStop {
                    slot: step.name(),
                    machine: machine.id.clone(),
                },
            );
        }
        return false;
    }
    for machine in active {
        let ask = Action::AskStop {
            slot: step.name(),
            machine: machine.id.clone(),
        };
        let until = step.until(
            step.journal.done_at(&ask.key()),
            step.now.plan.envelope.policy.stop_deadline,
        );
        if step.now.seen.at >= until {
            let why = TerminateWhy::UngracefulStop;
            step.act(
                tick,
                Action::TerminateMachine {
                    slot: step.name(),
                    machine: machine.id.clone(),
                    why,
                },
            );
        }
        step.wait(
            tick,
            WaitingOn::Stop {
                machine: machine.id.clone(),
                until,
            },
        );
    }
    false
}

/// Graceful stop reported by the machine, or power off according to EC2.
fn is_stopped(machine: &Machine) -> bool {
    let reported = machine
        .report
        .as_ref()
        .is_some_and(|report| report.phase == BootPhase::Stopped);
    reported || matches!(machine.state, MachineState::Stopped)
}

/// Stage 3. True when the slot's member does not lead (any more), or nobody else could.
fn leadership_elsewhere(step: &Step<'_>, tick: &mut Tick) -> bool {
    let Some(answer) = step.slot.endpoint.answer() else {
        return true;
    };
    if answer.leader != Some(answer.id) {
        return true;
    }
    let Some((to, to_id)) = next_leader(step, answer.id) else {
        return step.now.slots.len() == 1;
    };
    let action = Action::MoveLeader {
        from: step.name(),
        from_id: answer.id,
        to,
        to_id,
    };
    step.wait(tick, WaitingOn::Leader { from: step.name() });
    step.act(tick, action);
    false
}

/// Healthy voters: those whose last transfer did not fail first, then those that already run the new version.
fn next_leader(
    step: &Step<'_>,
    from_id: crate::domain::ids::MemberId,
) -> Option<(SlotName, crate::domain::ids::MemberId)> {
    let mut targets: Vec<_> = step
        .now
        .others(step.slot.name())
        .filter(|slot| slot.standing() == Health::Healthy)
        .filter_map(|slot| slot.endpoint.answer().map(|answer| (slot, answer)))
        .map(|(slot, answer)| {
            let to = slot.name().clone();
            let key = Action::MoveLeader {
                from: step.name(),
                from_id,
                to: to.clone(),
                to_id: answer.id,
            }
            .key();
            let failed = step.journal.past(&key).is_some_and(|past| past.failed.is_some());
            (failed, answer.version != slot.plan.to.version, to, answer.id)
        })
        .collect();
    targets.sort_by_key(|(failed, old, _, _)| (*failed, *old));
    targets.into_iter().next().map(|(_, _, to, id)| (to, id))
}

/// A healthy member that stays, the one that joined longest ago: etcd judges by the *receiver's* own peer links.
fn survivor(step: &Step<'_>) -> Option<SlotName> {
    let mut healthy: Vec<_> = step
        .now
        .others(step.slot.name())
        .filter(|slot| slot.standing() == Health::Healthy)
        .map(|slot| {
            (
                step.journal.marked_at(&gates::joined_mark(slot.name())),
                slot.name().clone(),
            )
        })
        .collect();
    healthy.sort_by_key(|(joined, _)| *joined);
    healthy.into_iter().next().map(|(_, name)| name)
}

/// Stages 7 and 8: it was told to go.
fn join(step: &Step<'_>, new: &Machine, tick: &mut Tick) {
    let policy = &step.now.plan.envelope.policy;
    let lag = step
        .slot
        .endpoint
        .answer()
        .map(|a| step.now.applied_max().saturating_sub(a.applied_index));
    let lacks = if !step.slot.parts_at_new() {
        Some("volume and interface are not both at the new machine".to_owned())
    } else if !step.slot.serves_new() {
        Some(join_lacks(step.slot, new))
    } else {
        lag.filter(|entries| *entries > policy.lag_entries_max)
            .map(|entries| format!("{entries} entries behind (gate: {})", policy.lag_entries_max))
    };
    let mark = gates::joined_mark(step.slot.name());
    let joined = step.journal.marked_at(&mark);
    match (lacks, joined) {
        (Some(lacks), _) => {
            let go = Action::Go {
                slot: step.name(),
                machine: new.id.clone(),
            };
            let until = step.until(step.journal.done_at(&go.key()), policy.join_deadline);
            if step.now.seen.at >= until && joined.is_none() {
                let what = format!("{} did not join in time: {lacks}", step.slot.name());
                return tick.stop(StopReason::Deadline { what });
            }
            step.wait(tick, WaitingOn::Join { lacks, lag, until });
        }
        (None, None) => {
            tick.mark(mark);
            step.wait(
                tick,
                WaitingOn::Settle {
                    until: step.until(None, policy.settle),
                },
            );
        }
        (None, Some(at)) => settled(step, at, tick),
    }
}

fn join_lacks(slot: &SlotSituation<'_>, new: &Machine) -> String {
    let phase = new
        .report
        .as_ref()
        .map_or_else(|| "no report".to_owned(), |report| boot_word(&report.phase));
    match slot.endpoint {
        Endpoint::Answered(answer) if slot.standing() == Health::Healthy => {
            format!("runs {} instead of {}", answer.version, slot.plan.to.version)
        }
        Endpoint::Answered(_) => gates::describe(slot),
        Endpoint::Refused | Endpoint::Silent(_) | Endpoint::Strange(_) => {
            format!("{}; machine says {phase}", gates::describe(slot))
        }
    }
}

/// Stage 8: links are old enough, data is the same everywhere, then the old machine goes.
fn settled(step: &Step<'_>, joined: Timestamp, tick: &mut Tick) {
    let until = step.until(Some(joined), step.now.plan.envelope.policy.settle);
    if step.now.seen.at < until {
        return step.wait(tick, WaitingOn::Settle { until });
    }
    let verify = Action::VerifyData { slot: step.name() };
    let verified = step.journal.done_at(&verify.key()).is_some_and(|at| at >= joined);
    if !verified && step.now.slots.len() > 1 {
        if step.others_green(tick) {
            step.act(tick, verify);
        }
        return;
    }
    for machine in &step.slot.old {
        let why = if machine.go {
            TerminateWhy::Replaced
        } else {
            TerminateWhy::Unwanted
        };
        step.act(
            tick,
            Action::TerminateMachine {
                slot: step.name(),
                machine: machine.id.clone(),
                why,
            },
        );
    }
}

/// The step has nothing left to do.
pub(crate) fn is_complete(now: &Situation<'_>, slot: &SlotSituation<'_>, journal: &JournalView) -> bool {
    if !slot.plan.changes() {
        return true;
    }
    let policy = &now.plan.envelope.policy;
    let Some(joined) = journal.marked_at(&gates::joined_mark(slot.name())) else {
        return false;
    };
    let settled = joined
        .checked_add(policy.settle)
        .is_ok_and(|until| now.seen.at >= until);
    let verify = Action::VerifyData {
        slot: slot.name().clone(),
    };
    let verified = now.slots.len() == 1 || journal.done_at(&verify.key()).is_some_and(|at| at >= joined);
    slot.serves_new() && settled && verified && slot.old.is_empty()
}

fn boot_word(phase: &BootPhase) -> String {
    match phase {
        BootPhase::Fetching => "fetching",
        BootPhase::Warm => "warm",
        BootPhase::Starting => "starting",
        BootPhase::Running => "running",
        BootPhase::Stopped => "stopped",
        BootPhase::Refused => "refused",
        BootPhase::Other(word) => word,
    }
    .to_owned()
}

fn ec2_word(state: &MachineState) -> String {
    match state {
        MachineState::Pending => "pending",
        MachineState::Running => "running, no report yet",
        MachineState::Stopping => "stopping",
        MachineState::Stopped => "stopped",
        MachineState::ShuttingDown => "shutting-down",
        MachineState::Terminated => "terminated",
        MachineState::Other(word) => word,
    }
    .to_owned()
}
