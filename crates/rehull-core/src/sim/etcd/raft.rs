//! Time in the cluster: writes, replication, elections, and the cluster version.

use std::time::Duration;

use jiff::Timestamp;

use super::rule::EtcdRule;
use super::{Etcd, Process};
use crate::domain::ids::MemberId;
use crate::sim::draw::Spread;

/// Entries that clients write per second while there is a leader.
const WRITES_PER_S: u64 = 200;
/// Entries that a follower takes from the leader's log per second (etcd.md E3: thousands of writes in 0.2 s).
const CATCH_UP_PER_S: u64 = 20_000;
/// The leader keeps this many entries behind its last snapshot; who lacks more gets the database (etcd.md §2.1).
const CATCH_UP_ENTRIES: u64 = 5_000;
/// Election time-out 1 s, randomised, and the vote (etcd.md §1.6: 1.02 to 1.84 s without a write).
const ELECTION: Spread = Spread::new(1_000, 1_200, 1_800, 2_000);
/// Sending and applying a database (etcd.md §5: 256 MB in 2.5 s, 1 GB in 14 s).
const SNAPSHOT: Spread = Spread::new(500, 2_500, 14_000, 60_000);
/// The leader compares versions when it is elected and every 4 s from then on (`monitorVersionInterval`).
const VERSION_MONITOR: Duration = Duration::from_secs(4);
/// `MinClusterVersion`: what a cluster is whose members are not all there when it begins.
const FIRST_LINE: (u32, u32) = (3, 0);

impl Etcd {
    /// Lets time pass.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.replicate(due);
            self.happen(due);
            self.settle(due);
        }
        self.replicate(now);
    }

    /// When something happens by itself next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let snapshots = self.processes.values().filter(|process| process.takes_part());
        snapshots
            .filter_map(|process| process.snapshot_until)
            .chain(self.election_due)
            .chain(self.line_due)
            .min()
    }

    /// A leader and the quorum behind it.
    #[must_use]
    pub fn has_leader(&self) -> bool {
        self.leader.is_some()
    }

    /// Voters whose processes take part.
    #[must_use]
    pub fn connected_voters(&self) -> usize {
        self.connected()
            .filter(|(_, process)| self.votes(process))
            .count()
    }

    /// Voters of the agreed membership.
    #[must_use]
    pub fn voters(&self) -> usize {
        self.members.values().filter(|member| !member.learner).count()
    }

    /// Enough voters take part.
    #[must_use]
    pub fn has_quorum(&self) -> bool {
        self.voters() > 0 && self.connected_voters() > self.voters() / 2
    }

    pub(super) fn connected(&self) -> impl Iterator<Item = (&crate::domain::ids::SlotName, &Process)> {
        self.processes
            .iter()
            .filter(|(_, process)| process.takes_part() && self.members.contains_key(&process.data.member))
    }

    fn votes(&self, process: &Process) -> bool {
        let member = self.members.get(&process.data.member);
        member.is_some_and(|member| !member.learner)
    }

    /// Entries of the time since the last call.
    fn replicate(&mut self, now: Timestamp) {
        let passed = Duration::try_from(now.duration_since(self.at)).unwrap_or_default();
        self.at = self.at.max(now);
        let Some(leader) = self.leader else { return };
        let grown = |per_s: u64| scaled(per_s, passed);
        let Some(log) = self
            .log_of(leader)
            .map(|log| log.saturating_add(grown(WRITES_PER_S)))
        else {
            return;
        };
        let caught_up = grown(CATCH_UP_PER_S);
        for process in self.processes.values_mut().filter(|process| process.takes_part()) {
            process.data.log = if process.data.member == leader {
                log
            } else if process.snapshot_until.is_some() {
                process.data.log
            } else {
                // A longer log than the leader's holds entries that nobody was told of: they are dropped.
                process.data.log.saturating_add(caught_up).min(log)
            };
        }
        self.commit();
    }

    fn commit(&mut self) {
        let mut logs = Vec::with_capacity(self.processes.len());
        for process in self.processes.values().filter(|process| process.takes_part()) {
            let Some(member) = self.members.get(&process.data.member) else {
                continue;
            };
            self.matched.insert(member.id, process.data.log);
            if !member.learner {
                logs.push(process.data.log);
            }
        }
        logs.sort_unstable_by(|one: &u64, other| other.cmp(one));
        // The entry that a quorum has.
        if let Some(log) = logs.get(self.voters() / 2) {
            self.committed = self.committed.max(*log);
        }
    }

    pub(super) fn log_of(&self, member: MemberId) -> Option<u64> {
        let mut logs = self
            .connected()
            .filter(|(_, process)| process.data.member == member);
        logs.next().map(|(_, process)| process.data.log)
    }

    fn happen(&mut self, now: Timestamp) {
        let log = self.leader.and_then(|leader| self.log_of(leader));
        for process in self.processes.values_mut() {
            if process.snapshot_until.is_some_and(|until| until <= now) && process.takes_part() {
                match log {
                    Some(log) => {
                        process.data.log = process.data.log.max(log);
                        process.snapshot_until = None;
                    }
                    // Nobody sends: it waits for the next leader.
                    None => process.snapshot_until = now.checked_add(Duration::from_secs(1)).ok(),
                }
            }
        }
        if self.election_due.is_some_and(|due| due <= now) {
            self.election_due = None;
            self.elect();
        }
        if self.line_due.is_some_and(|due| due <= now) {
            self.line_due = None;
            self.compare_versions();
        }
    }

    /// The voter with the longest log: a quorum votes for it, because none of them knows more.
    fn elect(&mut self) {
        if !self.has_quorum() {
            return;
        }
        let candidates = self.connected().filter(|(_, process)| self.votes(process));
        let best =
            candidates.max_by_key(|(slot, process)| (process.data.log, std::cmp::Reverse((*slot).clone())));
        let Some((log, member)) = best.map(|(_, process)| (process.data.log, process.data.member)) else {
            return;
        };
        if log < self.committed && self.broken.is_none() {
            self.broken = Some(format!(
                "member {member} was elected with a log up to {log}, but {} was acknowledged",
                self.committed
            ));
        }
        self.follow(EtcdRule::Election);
        self.lead(member);
    }

    pub(super) fn lead(&mut self, member: MemberId) {
        self.changed();
        self.leader = Some(member);
        self.leads_since = self.at;
        self.matched.clear();
        self.term = self.term.saturating_add(1);
        self.compare_versions();
    }

    fn compare_versions(&mut self) {
        let lowest = self.lowest_line();
        if self.line.is_none() && lowest.is_none() {
            self.follow(EtcdRule::VersionOfBeginners);
            self.line = Some(FIRST_LINE);
        } else if self.line.is_some() && lowest > self.line {
            self.follow(EtcdRule::VersionRises);
        }
        self.line = self.line.max(lowest);
    }

    /// What follows at once from who runs and who is a member now.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.changed();
        self.end_the_removed();
        self.end_the_outdated();
        let leads = self.leader.is_some_and(|leader| {
            self.connected()
                .any(|(_, process)| process.data.member == leader && self.votes(process))
        });
        if !leads || !self.has_quorum() {
            self.leader = None;
        }
        if self.leader.is_none() && self.has_quorum() {
            let wait = self.draw.wait("etcd", "election", self.term, ELECTION);
            self.election_due = self.election_due.or_else(|| now.checked_add(wait).ok());
        } else {
            self.election_due = None;
        }
        self.begin_snapshots(now);
        let rises = self.leader.is_some() && self.lowest_line() > self.line;
        self.line_due = match (rises, self.line_due) {
            (false, _) => None,
            (true, Some(due)) => Some(due),
            (true, None) => self.next_comparison(now),
        };
    }

    fn next_comparison(&self, now: Timestamp) -> Option<Timestamp> {
        let mut due = self.leads_since;
        while due <= now {
            due = due.checked_add(VERSION_MONITOR).ok()?;
        }
        Some(due)
    }

    fn begin_snapshots(&mut self, now: Timestamp) {
        let Some(log) = self.leader.and_then(|leader| self.log_of(leader)) else {
            return;
        };
        let draw = &self.draw;
        for (slot, process) in &mut self.processes {
            let lacks = log.saturating_sub(process.data.log);
            if process.snapshot_until.is_none() && lacks > CATCH_UP_ENTRIES && process.takes_part() {
                let wait = draw
                    .wait(slot.as_str(), "snapshot", process.data.member.0, SNAPSHOT)
                    .saturating_add(self.slow_by);
                process.snapshot_until = now.checked_add(wait).ok();
            }
        }
    }

    /// Lowest minor of all listed members, once every one of them tells its own.
    fn lowest_line(&self) -> Option<(u32, u32)> {
        let line_of = |id: &MemberId| {
            let mut connected = self.connected();
            connected
                .find(|(_, process)| process.data.member == *id)
                .map(|(_, process)| process.version.line())
        };
        let lines: Option<Vec<(u32, u32)>> = self.members.keys().map(line_of).collect();
        lines?.into_iter().min()
    }
}

fn scaled(per_s: u64, passed: Duration) -> u64 {
    let ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
    per_s.saturating_mul(ms) / 1_000
}
