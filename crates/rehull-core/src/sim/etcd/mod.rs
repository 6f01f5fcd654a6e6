//! A model of etcd: who is a member, whose process runs, how far each log reaches, who leads.
//!
//! Everything it knows has a source: `docs/fidelity.md` names, rule by rule, the test that compares it with the real
//! binaries. It is told what happens to processes and asked what a client would be answered; it never looks at rehull.

mod answer;
mod raft;
mod rules;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::draw::Draw;
use crate::domain::ids::{EtcdClusterId, InstanceId, MemberId, SlotName};
use crate::domain::version::EtcdVersion;
pub use start::{Died, InitialState, StartRequest};

/// A data directory: the identity and the log that a member keeps on its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Member that it belongs to, for ever.
    pub member: MemberId,
    /// Cluster of that member.
    pub cluster: EtcdClusterId,
    /// Last entry of its log.
    pub log: u64,
}

/// A line of the membership, as the cluster has agreed on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Id; never given twice.
    pub id: MemberId,
    /// Empty until it has started for the first time; a new cluster knows its members' names from its flags.
    pub name: String,
    /// It has started once and told its client URLs.
    pub published: bool,
    /// Peer URL.
    pub url: String,
    /// Does not vote.
    pub learner: bool,
}

/// A running etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Machine that it runs on.
    pub machine: InstanceId,
    /// Release of its binary.
    pub version: EtcdVersion,
    /// What it writes to its disk as it goes.
    pub data: Data,
    /// When it started: its peer links are as old as the younger end.
    pub since: Timestamp,
    /// Stopped by a signal, or cut off from everybody: it neither answers nor votes.
    pub frozen: bool,
    /// Its peers do not reach it, but clients do.
    pub cut: bool,
    /// It is too far behind for the leader's log and receives the whole database until then.
    pub snapshot_until: Option<Timestamp>,
}

impl Process {
    /// It hears its peers, and they hear it.
    #[must_use]
    pub const fn takes_part(&self) -> bool {
        !self.frozen && !self.cut
    }
}

/// A process that has ended by itself, with what it left on its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whose slot.
    pub slot: SlotName,
    /// Its machine.
    pub machine: InstanceId,
    /// What lies on the disk.
    pub data: Data,
}

/// One etcd cluster.
#[derive(Clone, Debug)]
pub struct Etcd {
    draw: Draw,
    at: Timestamp,
    cluster: EtcdClusterId,
    members: BTreeMap<MemberId, Member>,
    /// By the slot whose address they listen on.
    processes: BTreeMap<SlotName, Process>,
    leader: Option<MemberId>,
    term: u64,
    /// Everything up to here was acknowledged to somebody.
    committed: u64,
    /// Lowest minor that may join; never falls.
    line: Option<(u32, u32)>,
    line_due: Option<Timestamp>,
    election_due: Option<Timestamp>,
    alarms: BTreeSet<(MemberId, String)>,
    ended: Vec<Ended>,
    numbers: u64,
    changes: u64,
    slow_by: Duration,
    /// Somebody was elected whose log lacks acknowledged entries, or could vote twice.
    broken: Option<String>,
}

impl Etcd {
    /// Nobody has started yet.
    #[must_use]
    pub fn new(draw: Draw, at: Timestamp) -> Self {
        Self {
            cluster: EtcdClusterId(draw.number("etcd-cluster", 0)),
            draw,
            at,
            members: BTreeMap::new(),
            processes: BTreeMap::new(),
            leader: None,
            term: 1,
            committed: 0,
            line: None,
            line_due: None,
            election_due: None,
            alarms: BTreeSet::new(),
            ended: Vec::new(),
            numbers: 0,
            changes: 0,
            slow_by: Duration::ZERO,
            broken: None,
        }
    }

    /// Every later wait and id follows this seed.
    pub fn reseed(&mut self, draw: Draw) {
        self.draw = draw;
    }

    /// Its cluster id.
    #[must_use]
    pub fn cluster(&self) -> EtcdClusterId {
        self.cluster
    }

    /// The agreed membership, by id.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Running processes, by slot.
    pub fn processes(&self) -> impl Iterator<Item = (&SlotName, &Process)> {
        self.processes.iter()
    }

    /// The process of a slot.
    #[must_use]
    pub fn process(&self, slot: &SlotName) -> Option<&Process> {
        self.processes.get(slot)
    }

    /// Grows with everything that happens; not with logs.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Somebody lacks entries and is getting them.
    #[must_use]
    pub fn is_catching_up(&self) -> bool {
        let mut connected = self.connected();
        connected.any(|(_, process)| process.data.log < self.committed)
    }

    pub(super) fn changed(&mut self) {
        self.changes = self.changes.saturating_add(1);
    }

    /// Acknowledged entries.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// What has happened that raft promises never to happen.
    #[must_use]
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Slot of the leader.
    #[must_use]
    pub fn leader(&self) -> Option<&SlotName> {
        let leads = |(_, process): &(&SlotName, &Process)| Some(process.data.member) == self.leader;
        self.processes.iter().find(leads).map(|(slot, _)| slot)
    }

    /// Processes that ended by themselves since the last call.
    pub fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// A process ends, gracefully or not: its log is durable either way. `None`: none ran on this machine.
    pub fn stop(&mut self, now: Timestamp, slot: &SlotName, machine: &InstanceId) -> Option<Data> {
        self.advance(now);
        let runs = self
            .processes
            .get(slot)
            .is_some_and(|process| process.machine == *machine);
        let process = runs.then(|| self.processes.remove(slot)).flatten()?;
        self.settle(now);
        Some(process.data)
    }

    /// SIGSTOP and SIGCONT, or a network that takes and gives back all its links.
    pub fn freeze(&mut self, now: Timestamp, slot: &SlotName, frozen: bool) {
        self.advance(now);
        if let Some(process) = self.processes.get_mut(slot) {
            process.frozen = frozen;
            if !frozen {
                process.since = now;
            }
        }
        self.settle(now);
    }

    /// The network between a member and its peers goes, or comes back.
    pub fn cut(&mut self, now: Timestamp, slot: &SlotName, cut: bool) {
        self.advance(now);
        if let Some(process) = self.processes.get_mut(slot) {
            process.cut = cut;
            if !cut {
                process.since = now;
            }
        }
        self.settle(now);
    }

    /// Whoever needs the whole database gets it so much later.
    pub(super) fn slow_down(&mut self, by: Duration) {
        self.slow_by = by;
    }

    /// Raises or clears an alarm of the member that runs in a slot.
    pub fn alarm(&mut self, slot: &SlotName, alarm: &str, on: bool) {
        let Some(member) = self.processes.get(slot).map(|process| process.data.member) else {
            return;
        };
        self.changed();
        let entry = (member, alarm.to_owned());
        if on {
            self.alarms.insert(entry);
        } else {
            self.alarms.remove(&entry);
        }
    }

    /// Somebody removes the member of a slot by hand, without any check.
    pub fn remove_by_hand(&mut self, now: Timestamp, slot: &SlotName) {
        self.advance(now);
        if let Some(member) = self.processes.get(slot).map(|process| process.data.member) {
            self.forget(member);
        }
        self.settle(now);
    }

    /// A member is out of the membership for ever.
    fn forget(&mut self, member: MemberId) {
        self.members.remove(&member);
        self.alarms.retain(|(of, _)| *of != member);
    }

    /// Who learns that it was removed ends by itself.
    fn end_the_removed(&mut self) {
        let slots: Vec<SlotName> = self
            .processes
            .iter()
            .filter(|(_, process)| process.takes_part() && !self.members.contains_key(&process.data.member))
            .map(|(slot, _)| slot.clone())
            .collect();
        for slot in slots {
            if let Some(Process { machine, data, .. }) = self.processes.remove(&slot) {
                self.ended.push(Ended { slot, machine, data });
            }
        }
    }

    fn new_member_id(&mut self) -> MemberId {
        self.numbers = self.numbers.saturating_add(1);
        MemberId(self.draw.number("etcd-member", self.numbers))
    }
}
