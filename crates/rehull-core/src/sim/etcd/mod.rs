//! A model of etcd: who is a member, whose process runs, how far each log reaches, who leads.
//!
//! Everything it knows has a source: `docs/fidelity.md` names, rule by rule, the test that compares it with the real
//! binaries. It is told what happens to processes and asked what a client would be answered; it never looks at rehull.

mod answer;
mod calls;
mod links;
mod list;
mod raft;
mod rule;
mod rules;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::draw::Draw;
use crate::domain::ids::{EtcdClusterId, InstanceId, MemberId, SlotName};
use crate::domain::version::EtcdVersion;
use list::Members;
pub use rule::EtcdRule;
pub use rules::Refused;
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
    /// Since when it is frozen or cut off.
    pub silent_since: Option<Timestamp>,
    /// It is too far behind for the leader's log and receives the whole database until then.
    pub snapshot_until: Option<Timestamp>,
}

impl Process {
    /// It hears its peers, and they hear it.
    #[must_use]
    pub const fn takes_part(&self) -> bool {
        !self.frozen && !self.cut
    }

    /// Its peers have stopped hearing it, or hear it again: over the same links, where nobody has given them up.
    fn silence(&mut self, now: Timestamp) {
        if self.takes_part() {
            if links::gives_up(self.version, self, now) {
                self.since = now;
            }
            self.silent_since = None;
        } else {
            self.silent_since = self.silent_since.or(Some(now));
        }
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
    /// Why.
    pub why: Died,
}

/// One etcd cluster.
#[derive(Clone, Debug)]
pub struct Etcd {
    draw: Draw,
    at: Timestamp,
    cluster: EtcdClusterId,
    members: Members,
    /// By the slot whose address they listen on.
    processes: BTreeMap<SlotName, Process>,
    leader: Option<MemberId>,
    /// When it was elected: its monitor of versions counts from there.
    leads_since: Timestamp,
    /// How far the leader has seen each log; a new leader begins to look again.
    matched: BTreeMap<MemberId, u64>,
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
    /// Peer URLs of the members that it began with.
    founders: BTreeSet<String>,
    /// Its log holds an entry of 3.6 or later, which 3.4 cannot read.
    too_new: bool,
    /// Peer URL and second of every member that was added, and of those that were removed since.
    made: BTreeMap<MemberId, (String, i64)>,
    removed: BTreeSet<(String, i64)>,
    followed: BTreeSet<EtcdRule>,
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
            members: Members::default(),
            processes: BTreeMap::new(),
            leader: None,
            leads_since: at,
            matched: BTreeMap::new(),
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
            founders: BTreeSet::new(),
            too_new: false,
            made: BTreeMap::new(),
            removed: BTreeSet::new(),
            followed: BTreeSet::new(),
            broken: None,
        }
    }

    /// Nobody has started yet; every wait and id follows this seed.
    #[must_use]
    pub fn with_seed(seed: u64, at: Timestamp) -> Self {
        Self::new(Draw::new(seed), at)
    }

    /// Rules that decided something so far.
    #[must_use]
    pub fn followed(&self) -> &BTreeSet<EtcdRule> {
        &self.followed
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
            process.silence(now);
        }
        self.settle(now);
    }

    /// The network between a member and its peers swallows everything, or passes it on again.
    pub fn cut(&mut self, now: Timestamp, slot: &SlotName, cut: bool) {
        self.advance(now);
        if let Some(process) = self.processes.get_mut(slot) {
            process.cut = cut;
            process.silence(now);
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

    /// Somebody removes the slot's member with etcdctl: through whichever other member takes it, if any does.
    pub fn remove_by_hand(&mut self, now: Timestamp, slot: &SlotName) {
        self.advance(now);
        let Some(member) = self.processes.get(slot).map(|process| process.data.member) else {
            return;
        };
        let others: Vec<SlotName> = self
            .processes
            .keys()
            .filter(|other| *other != slot)
            .cloned()
            .collect();
        // What etcd refuses because it would cost the quorum is not tried in another way.
        let _ = others
            .iter()
            .any(|via| self.member_remove(now, via, member).is_ok());
    }

    /// A member is out of the membership for ever.
    fn forget(&mut self, member: MemberId) {
        self.members.remove(&member);
        self.removed.extend(self.made.remove(&member));
        self.alarms.retain(|(of, _)| *of != member);
    }

    /// Who learns that it was removed ends by itself.
    fn end_the_removed(&mut self) {
        let members = &self.members;
        let removed = |process: &Process| !members.contains_key(&process.data.member);
        let slots = self.slots_of(removed);
        if !slots.is_empty() {
            self.follow(EtcdRule::RemovedEnds);
        }
        self.end(slots, Died::Removed);
    }

    fn slots_of(&self, is: impl Fn(&Process) -> bool) -> Vec<SlotName> {
        let hit = |(_, process): &(&SlotName, &Process)| process.takes_part() && is(process);
        self.processes
            .iter()
            .filter(hit)
            .map(|(slot, _)| slot.clone())
            .collect()
    }

    fn end(&mut self, slots: Vec<SlotName>, why: Died) {
        for slot in slots {
            if let Some(Process { machine, data, .. }) = self.processes.remove(&slot) {
                self.ended.push(Ended {
                    slot,
                    machine,
                    data,
                    why,
                });
            }
        }
    }

    /// A rule decides something.
    fn follow(&mut self, rule: EtcdRule) {
        self.followed.insert(rule);
    }

    /// Another second makes another id.
    fn forget_seconds(&mut self) {
        self.removed.clear();
    }

    fn new_member_id(&mut self) -> MemberId {
        self.numbers = self.numbers.saturating_add(1);
        MemberId(self.draw.number("etcd-member", self.numbers))
    }
}
