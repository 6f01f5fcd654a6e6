//! What may be asked of the world, request by request. A rule holds when it held at the process's last look or holds
//! now: between the two the world may have changed, and that is nobody's fault.

use jiff::Timestamp;

use super::ask::Ask;
use super::memory::Memory;
use super::truth::{Truth, tag_of};
use super::workers;
use crate::domain::desired::Slot;
use crate::domain::fleet::{BootPhase, tag};
use crate::domain::ids::{Generation, InstanceId, MemberId, RolloutId, SlotName};
use crate::plan::{RolloutKind, RolloutPlan, SlotPlan};
use crate::ports::LaunchRequest;
use crate::sim::etcd::Process;
use crate::sim::lab::Lab;
use crate::world::instance::InstanceState;

/// A rule that was broken: invariant of ARCHITECTURE.md, and how.
pub(super) type Wrong = (u8, String);

/// One request with everything that it is judged by.
pub(super) struct Case<'a> {
    pub(super) lab: &'a Lab,
    pub(super) now: Timestamp,
    /// What its process could see.
    pub(super) look: &'a Truth,
    /// When that was.
    pub(super) looked_at: Timestamp,
    /// What is so now.
    pub(super) truth: Truth,
    pub(super) plan: &'a RolloutPlan,
    /// Tag of the machines that this rollout has launched.
    pub(super) rollout: &'a str,
    pub(super) memory: &'a Memory,
    /// Nobody but rehull has touched a member.
    pub(super) unharmed: bool,
}

impl Case<'_> {
    /// Every rule that the request breaks.
    pub(super) fn judge(&self, ask: &Ask<'_>) -> Vec<Wrong> {
        let found = match *ask {
            Ask::Stop(id) => self.judge_stop(id),
            Ask::Terminate(id) => self.judge_end(id),
            Ask::Go(id) => self.judge_go(id),
            Ask::Remove(member) => vec![
                self.removes_who_runs(member),
                self.without_snapshot("MemberRemove")
                    .filter(|_| !self.is_of_the_spare(member)),
                self.copies_doubtful_data("MemberRemove"),
            ],
            Ask::Add(..) => vec![
                self.without_snapshot("MemberAdd"),
                self.copies_doubtful_data("MemberAdd"),
            ],
            Ask::Promote(member) => vec![self.promotes_who_lacks(member)],
            Ask::MoveLeader(_) => vec![self.leader_before_others()],
            Ask::DetachInterface(_, id) | Ask::DetachVolume(_, id) => vec![self.takes_from_who_runs(id)],
            Ask::AttachInterface(part, id) => {
                vec![self.at_another_slot(id, |slot| slot.interface == *part)]
            }
            Ask::AttachVolume(part, id, _) => vec![self.at_another_slot(id, |slot| slot.volume == *part)],
            Ask::Launch(request) => vec![self.second_machine(request), self.of_half_a_run(request)],
            Ask::CreateVersion(..) => vec![self.past_terraform()],
            Ask::ApplyTerraform(approved) => vec![self.applies_something_else(approved)],
            Ask::Deregister(id) | Ask::EndMember(id) => workers::leaves(self.lab, self.now, ask, id),
            Ask::Evict(_) | Ask::Node(..) | Ask::RecordIdentity => workers::judge(self.lab, ask),
            Ask::SetGroup(..) | Ask::Suspend(..) | Ask::Resume(..) | Ask::StartSnapshot => Vec::new(),
        };
        found.into_iter().flatten().collect()
    }

    fn judge_stop(&self, id: &InstanceId) -> Vec<Option<Wrong>> {
        let Some(process) = self.voter_on(id) else {
            return Vec::new();
        };
        vec![
            self.costs_the_quorum("stop", process),
            self.in_alarm("stop"),
            self.without_snapshot("stop")
                .filter(|_| !self.is_of_the_spare(process.data.member)),
            self.before_comparison("stop", id),
            self.stops_the_leader(process),
            self.outside_the_plan(id),
            self.relies_on_who_fell(process),
            self.begins_though_asked_to_rest(id),
            self.ends_the_old_minor_unwatched(id, process),
        ]
    }

    fn judge_end(&self, id: &InstanceId) -> Vec<Option<Wrong>> {
        let costs = self
            .voter_on(id)
            .and_then(|process| self.costs_the_quorum("terminate", process));
        let mut found = vec![costs];
        if tag_of(self.lab, id, tag::GO).is_none() {
            return found;
        }
        if self.carries(id) {
            found.push(self.gives_up_early(id));
        } else {
            found.push(self.leaves_no_way_back(id));
            found.push(self.before_comparison("terminate", id));
        }
        found
    }

    fn judge_go(&self, id: &InstanceId) -> Vec<Option<Wrong>> {
        let Some(slot) = self.slot_of(id) else {
            return Vec::new();
        };
        let has_both = self.carries(id) && self.lab.world.has_address(id.as_str(), slot.address);
        let parts = (!has_both).then(|| (3, format!("{id} was told to go without its volume and interface")));
        vec![parts, self.starts_on_removed_data(slot, id)]
    }

    pub(super) fn slot_of(&self, id: &InstanceId) -> Option<&Slot> {
        let name = tag_of(self.lab, id, tag::SLOT)?;
        self.lab.slots.iter().find(|slot| slot.name.as_str() == name)
    }

    /// It holds the volume of its slot.
    fn carries(&self, id: &InstanceId) -> bool {
        let volume = self.slot_of(id).map(|slot| slot.volume.as_str());
        volume.is_some_and(|volume| self.lab.world.volume_at(volume) == Some(id.as_str()))
    }

    /// The voter whose etcd runs on a machine.
    fn voter_on(&self, id: &InstanceId) -> Option<&Process> {
        let mut processes = self.lab.etcd.processes();
        let (_, process) = processes.find(|(_, process)| process.machine == *id)?;
        self.is_voter(process.data.member).then_some(process)
    }

    pub(super) fn is_voter(&self, id: MemberId) -> bool {
        let mut members = self.lab.etcd.members();
        members.any(|member| member.id == id && !member.learner)
    }

    /// Voters with their processes, one left aside.
    fn other_voters(&self, not: MemberId) -> impl Iterator<Item = (&SlotName, &Process)> {
        let others = self.lab.etcd.processes();
        others.filter(move |(_, process)| process.data.member != not && self.is_voter(process.data.member))
    }

    /// The spare has nothing that the others have not.
    fn is_of_the_spare(&self, member: MemberId) -> bool {
        let spare = self.plan.envelope.spare.as_ref();
        let mut members = self.lab.etcd.members();
        let found = members.find(|listed| listed.id == member);
        found
            .zip(spare)
            .is_some_and(|(listed, spare)| listed.name == spare.slot.name.as_str())
    }

    /// The snapshot is what is left when everything else has failed.
    fn without_snapshot(&self, verb: &str) -> Option<Wrong> {
        let wanted = match self.plan.envelope.kind {
            RolloutKind::Upgrade | RolloutKind::Rollback { .. } | RolloutKind::Replace { .. } => {
                self.plan.envelope.policy.snapshot
            }
            RolloutKind::Bootstrap | RolloutKind::Heal { .. } => false,
        };
        let is_kept = |rollout: &str| {
            let key = crate::journal::keys::snapshot(&RolloutId::new(rollout));
            self.lab.store.get(&key).is_some()
        };
        // Whoever goes back while a member is out does not wait for another one.
        let serves = |planned: &SlotPlan| {
            let process = self.lab.etcd.process(&planned.slot.name);
            process.is_some_and(|process| process.takes_part() && self.is_voter(process.data.member))
        };
        let is_out = !self.plan.envelope.slots.iter().all(serves);
        let of_former = match &self.plan.envelope.kind {
            RolloutKind::Rollback { of } => is_out && is_kept(of),
            RolloutKind::Upgrade
            | RolloutKind::Replace { .. }
            | RolloutKind::Bootstrap
            | RolloutKind::Heal { .. } => false,
        };
        (wanted && !is_kept(self.rollout) && !of_former)
            .then(|| (8, format!("{verb} before there was a snapshot")))
    }

    /// What has joined in this rollout holds the same data as the others, before anything else is given up.
    fn before_comparison(&self, verb: &str, id: &InstanceId) -> Option<Wrong> {
        if !self.unharmed || self.truth.voters < 2 {
            return None;
        }
        let joined = |process: &Process| {
            process.machine != *id && tag_of(self.lab, &process.machine, tag::ROLLOUT) == Some(self.rollout)
        };
        let begins = match self.plan.envelope.kind {
            RolloutKind::Upgrade | RolloutKind::Rollback { .. } | RolloutKind::Replace { .. } => true,
            RolloutKind::Bootstrap | RolloutKind::Heal { .. } => false,
        };
        if begins && self.memory.compared.is_none() {
            return Some((3, format!("{verb} before any data was compared")));
        }
        let fresh = |process: &Process| self.memory.compared.is_none_or(|at| at < process.since);
        let mut voters = self.other_voters(MemberId(0));
        let (slot, _) = voters.find(|(_, process)| joined(process) && fresh(process))?;
        Some((3, format!("{verb} before the data of {slot} was compared")))
    }

    fn stops_the_leader(&self, process: &Process) -> Option<Wrong> {
        let leads = |truth: &Truth| {
            let leader = truth.leader.as_ref().and_then(|slot| self.lab.etcd.process(slot));
            leader.is_some_and(|leader| leader.machine == process.machine)
        };
        let avoidable = self.unharmed && self.truth.voters > 1;
        (avoidable && leads(self.look) && leads(&self.truth))
            .then(|| (4, format!("stop of {} while it leads", process.machine)))
    }

    fn outside_the_plan(&self, id: &InstanceId) -> Option<Wrong> {
        let slot = self.slot_of(id)?;
        let mut planned = self.plan.envelope.slots.iter().chain(&self.plan.envelope.spare);
        let changes = planned.any(|planned| planned.slot.name == slot.name && !planned.reasons.is_empty());
        (!changes).then(|| {
            (
                1,
                format!("stop of {}, which the plan does not change", slot.name),
            )
        })
    }

    fn begins_though_asked_to_rest(&self, id: &InstanceId) -> Option<Wrong> {
        let slot = self.slot_of(id)?;
        let spare = self.plan.envelope.spare.as_ref();
        let is_spare = spare.is_some_and(|spare| spare.slot.name == slot.name);
        let asked = self.look.rest_asked && self.truth.rest_asked && !is_spare && self.carries(id);
        asked.then(|| {
            (
                6,
                format!("{} was begun after somebody had asked for rest", slot.name),
            )
        })
    }

    /// With the last old member the way back goes: the others are watched first.
    fn ends_the_old_minor_unwatched(&self, id: &InstanceId, process: &Process) -> Option<Wrong> {
        let envelope = &self.plan.envelope;
        let ends = matches!(
            envelope.reversible,
            crate::plan::Reversible::UntilLastOldMember { .. }
        ) && process.version.line() < envelope.to.line()
            && self
                .other_voters(process.data.member)
                .all(|(_, other)| other.version.line() >= envelope.to.line());
        if !ends || !self.unharmed || self.memory.clock_was_set || envelope.slots.len() < 2 {
            return None;
        }
        let watched = |other: &Process| {
            other
                .since
                .checked_add(envelope.policy.bake)
                .is_ok_and(|until| until <= self.now)
        };
        let mut others = self.other_voters(process.data.member);
        others.any(|(_, other)| !watched(other)).then(|| {
            (
                8,
                format!("stop of {id}, the last old member, before the bake was over"),
            )
        })
    }

    /// Silence is no end: a machine has the time that was approved, to join and to stop.
    fn gives_up_early(&self, id: &InstanceId) -> Option<Wrong> {
        let policy = &self.plan.envelope.policy;
        let (patience, what) = if tag_of(self.lab, id, tag::STOP).is_some() {
            (policy.stop_deadline, "stop")
        } else {
            (policy.join_deadline, "join")
        };
        let said = self.lab.reports.get(id).map(|report| &report.phase);
        let explained = matches!(said, Some(BootPhase::Refused | BootPhase::Stopped));
        let until = self.memory.told.get(id)?.checked_add(patience).ok()?;
        (!explained && !self.memory.clock_was_set && self.now < until)
            .then(|| (9, format!("{id} was given up before its time to {what} was over")))
    }

    /// Until the new member serves, the old machine is the way back.
    fn leaves_no_way_back(&self, id: &InstanceId) -> Option<Wrong> {
        let slot = self.slot_of(id)?;
        let serves = self
            .lab
            .etcd
            .process(&slot.name)
            .is_some_and(|process| self.is_voter(process.data.member));
        let spare = self.plan.envelope.spare.as_ref();
        let is_spare = spare.is_some_and(|spare| spare.slot.name == slot.name);
        (self.unharmed && !serves && !is_spare).then(|| {
            (
                8,
                format!("terminate of {id} while no member runs in {}", slot.name),
            )
        })
    }

    fn promotes_who_lacks(&self, member: MemberId) -> Option<Wrong> {
        let limit = self.plan.envelope.policy.lag_entries_max;
        let least = self.look.lacks(member).min(self.truth.lacks(member));
        (least > limit).then(|| {
            (
                3,
                format!("MemberPromote of {member}, which lacks {least} entries"),
            )
        })
    }

    /// Followers first, leader last: that is part of what was approved.
    fn leader_before_others(&self) -> Option<Wrong> {
        let slot = self
            .look
            .leader
            .as_ref()
            .filter(|leader| self.truth.leader.as_ref() == Some(leader))?;
        let untouched = |process: &Process| {
            tag_of(self.lab, &process.machine, tag::ROLLOUT) != Some(self.rollout)
                && tag_of(self.lab, &process.machine, tag::STOP).is_none()
        };
        let changes = |slot: &SlotName| {
            let mut planned = self.plan.envelope.slots.iter();
            planned.any(|planned| planned.slot.name == *slot && !planned.reasons.is_empty())
        };
        let leader = self.lab.etcd.process(slot).filter(|process| untouched(process))?;
        let mut others = self.other_voters(leader.data.member);
        let (other, _) = others.find(|(name, process)| changes(name) && untouched(process))?;
        self.unharmed.then(|| {
            (
                1,
                format!("the leader {slot} has to go before {other}, which nobody has touched"),
            )
        })
    }

    fn takes_from_who_runs(&self, id: &InstanceId) -> Option<Wrong> {
        (self.look.running.contains(id) && self.truth.running.contains(id))
            .then(|| (3, format!("a part is taken from {id}, whose etcd runs")))
    }

    fn at_another_slot(&self, id: &InstanceId, owns: impl Fn(&Slot) -> bool) -> Option<Wrong> {
        let slot = self.slot_of(id)?;
        (!owns(slot)).then(|| {
            (
                1,
                format!("a part of another slot is to go to {id} of {}", slot.name),
            )
        })
    }

    /// Nobody needs two machines that wait for the same go: the first launch was taken for lost. How long a launch may
    /// stay invisible is measured by the wall clock, so a clock that was set can cost a machine, which goes in the end.
    /// A machine that is launched for another purpose (a step that was begun when its slot turned out to be lost) is none.
    fn second_machine(&self, request: &LaunchRequest) -> Option<Wrong> {
        if self.memory.clock_was_set {
            return None;
        }
        let purpose = [tag::SLOT, tag::DIGEST, tag::GENERATION, tag::JOIN];
        let mut instances = self.lab.world.instances();
        let waits = instances.find(|instance| {
            let lives = matches!(instance.state, InstanceState::Pending | InstanceState::Running);
            let same = purpose
                .iter()
                .all(|key| instance.tags.get(*key) == request.tags.get(*key));
            let told = instance.tags.contains_key(tag::GO);
            lives && same && !told && instance.token.as_deref() != Some(request.token.as_str())
        })?;
        let slot = request.tags.get(tag::SLOT)?;
        Some((
            2,
            format!("a second machine of {slot} is launched beside {}", waits.id),
        ))
    }

    /// The data directory of a member that was removed is never started again.
    fn starts_on_removed_data(&self, slot: &Slot, id: &InstanceId) -> Option<Wrong> {
        let generation: u32 = tag_of(self.lab, id, tag::GENERATION)?.parse().ok()?;
        let disk = self.lab.disks.get(slot.volume.as_str())?;
        let data = disk.data(Generation(generation))?;
        let listed = self.lab.etcd.members().any(|member| member.id == data.member);
        (self.unharmed && !listed).then(|| {
            (
                3,
                format!(
                    "{id} was told to go on the data of the removed member {}",
                    data.member
                ),
            )
        })
    }
}
