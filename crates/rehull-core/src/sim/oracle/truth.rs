//! What is so, at one instant. What a process saw is sampled when it looks: nobody is blamed for what changed since.

use crate::domain::etcd::Endpoint;
use crate::domain::fleet::tag;
use crate::domain::ids::{InstanceId, MemberId, SlotName};
use crate::sim::etcd::{Etcd, Process};
use crate::sim::lab::Lab;

/// The cluster as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Truth {
    /// Voters of the membership.
    pub(super) voters: usize,
    /// Those that run and take part.
    pub(super) healthy: Vec<MemberId>,
    /// Machines on which an etcd runs, frozen or not.
    pub(super) running: Vec<InstanceId>,
    /// Slot of the leader.
    pub(super) leader: Option<SlotName>,
    /// Entries that a member lacks of the longest log.
    lacks: Vec<(MemberId, u64)>,
    /// An alarm is raised.
    pub(super) alarmed: bool,
    /// One is raised that is not about space: the data of those who have it may be wrong.
    pub(super) corrupt: bool,
    /// Somebody has asked the rollout to rest.
    pub(super) rest_asked: bool,
    /// Voters that may still fail, whoever was told to stop counted as failed; `None` while nobody leads.
    pub(super) margin: Option<i64>,
}

impl Truth {
    pub(super) fn of(lab: &Lab) -> Self {
        let etcd = &lab.etcd;
        let voters: Vec<MemberId> = etcd
            .members()
            .filter(|member| !member.learner)
            .map(|member| member.id)
            .collect();
        let takes_part = |id: &MemberId| process_of(etcd, *id).is_some_and(|process| !process.frozen);
        Self {
            voters: voters.len(),
            healthy: voters.iter().copied().filter(takes_part).collect(),
            running: etcd
                .processes()
                .map(|(_, process)| process.machine.clone())
                .collect(),
            leader: etcd.leader().cloned(),
            lacks: lacks_in(etcd),
            alarmed: etcd.tells_of_an_alarm(),
            corrupt: etcd.tells_of_an_alarm() && alarms(etcd).any(|alarm| alarm != "NOSPACE"),
            rest_asked: lab.oracle.memory.asks_for_rest(&lab.store),
            margin: etcd.leader().and_then(|_| margin(lab, &voters)),
        }
    }

    /// Nothing has changed that anybody counts: logs grow and catch up by themselves.
    pub(super) fn follows_the_logs(&mut self, lab: &Lab) {
        self.lacks = lacks_in(&lab.etcd);
    }

    /// Entries that a member lacks of the longest log; nothing at all is known of one that does not run.
    pub(super) fn lacks(&self, member: MemberId) -> u64 {
        let of_it = self.lacks.iter().find(|(id, _)| *id == member);
        of_it.map_or(u64::MAX, |(_, lacks)| *lacks)
    }
}

fn lacks_in(etcd: &Etcd) -> Vec<(MemberId, u64)> {
    let longest = etcd.processes().map(|(_, process)| process.data.log).max();
    let lack = |process: &Process| longest.unwrap_or(0).saturating_sub(process.data.log);
    let all = etcd.processes();
    all.map(|(_, process)| (process.data.member, lack(process)))
        .collect()
}

/// The process that carries a member.
pub(super) fn process_of(etcd: &Etcd, member: MemberId) -> Option<&Process> {
    let mut processes = etcd.processes();
    processes
        .find(|(_, process)| process.data.member == member)
        .map(|(_, process)| process)
}

/// A tag of a machine.
pub(super) fn tag_of<'a>(lab: &'a Lab, machine: &InstanceId, key: &str) -> Option<&'a str> {
    let instance = lab.world.instance(machine.as_str())?;
    instance.tags.get(key).map(String::as_str)
}

/// Alarms that somebody tells.
fn alarms(etcd: &Etcd) -> impl Iterator<Item = String> {
    etcd.processes().flat_map(|(slot, _)| match etcd.answer(slot) {
        Endpoint::Answered(answer) => answer.alarms,
        Endpoint::Refused | Endpoint::Silent(_) | Endpoint::Strange(_) => Vec::new(),
    })
}

fn margin(lab: &Lab, voters: &[MemberId]) -> Option<i64> {
    let counts = |(slot, process): &(&SlotName, &Process)| {
        let known = lab.slots.iter().find(|known| known.name == **slot);
        let serves = known.is_some_and(|known| lab.has_host(known)) && lab.etcd.serves(slot);
        let stops = tag_of(lab, &process.machine, tag::STOP).is_some();
        voters.contains(&process.data.member) && serves && !stops
    };
    let healthy = i64::try_from(lab.etcd.processes().filter(counts).count()).ok()?;
    let needed = i64::try_from(voters.len() / 2 + 1).ok()?;
    Some(healthy - needed)
}
