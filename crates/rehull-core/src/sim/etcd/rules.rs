//! Membership changes and the refusals of etcd, by release: etcd.md §1.2 and §1.3.

use std::time::Duration;

use jiff::Timestamp;

use super::{Etcd, Member, Process};
use crate::domain::ids::{MemberId, SlotName};
use crate::domain::version::EtcdVersion;
use crate::ports::{PortError, Rule};

/// Peer links younger than this count as down (`HealthInterval`).
const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// A learner may be promoted when it has 90 % of the leader's log.
const READY_PERCENT: u64 = 90;

impl Etcd {
    /// `MemberAdd`, sent to the member of a slot.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn add(
        &mut self,
        now: Timestamp,
        via: &SlotName,
        url: &str,
        learner: bool,
    ) -> Result<MemberId, PortError> {
        self.advance(now);
        let server = self.server(via)?.clone();
        if !learner {
            self.check_started(self.voters().saturating_add(1), None)?;
        }
        self.check_links_for_add(&server, now)?;
        self.check_leader()?;
        if learner && self.members.values().any(|member| member.learner) {
            return Err(refused(
                Rule::TooManyLearners,
                "etcdserver: too many learner members in cluster",
            ));
        }
        if self.members.values().any(|member| member.url == url) {
            return Err(refused(Rule::MemberExists, "etcdserver: member ID already exist"));
        }
        let id = self.new_member_id();
        let member = Member {
            id,
            name: String::new(),
            published: false,
            url: url.to_owned(),
            learner,
        };
        self.members.insert(id, member);
        self.settle(now);
        Ok(id)
    }

    /// `MemberRemove`. Unknown ids are success, as the adapter reads "member not found".
    ///
    /// # Errors
    /// As etcd words them.
    pub fn remove(&mut self, now: Timestamp, via: &SlotName, id: MemberId) -> Result<(), PortError> {
        self.advance(now);
        let server = self.server(via)?.clone();
        let Some(member) = self.members.get(&id).cloned() else {
            return Ok(());
        };
        if !member.learner {
            self.check_started(self.voters().saturating_sub(1), Some(id))?;
            self.check_links_for_remove(&server, now, id)?;
        }
        self.check_leader()?;
        self.forget(id);
        self.settle(now);
        Ok(())
    }

    /// `MemberPromote`. A voter is success, as the adapter reads it.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn promote(&mut self, now: Timestamp, via: &SlotName, id: MemberId) -> Result<(), PortError> {
        self.advance(now);
        self.server(via)?;
        self.check_leader()?;
        let leader_log = self
            .processes
            .values()
            .find(|p| Some(p.data.member) == self.leader)
            .map(|p| p.data.log);
        let log = self
            .connected()
            .find(|(_, p)| p.data.member == id)
            .map(|(_, p)| p.data.log);
        let Some(member) = self.members.get_mut(&id) else {
            return Err(PortError::Gone {
                what: format!("member {id}: etcdserver: member not found"),
            });
        };
        if !member.learner {
            return Ok(());
        }
        let ready = log.is_some_and(|log| {
            log.saturating_mul(100) >= leader_log.unwrap_or(u64::MAX / 100).saturating_mul(READY_PERCENT)
        });
        if !ready {
            return Err(refused(
                Rule::LearnerNotReady,
                "etcdserver: can only promote a learner member which is in sync with leader",
            ));
        }
        member.learner = false;
        self.settle(now);
        Ok(())
    }

    /// `MoveLeader`, which only the leader takes.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn move_leader(&mut self, now: Timestamp, via: &SlotName, to: MemberId) -> Result<(), PortError> {
        self.advance(now);
        let server = self.server(via)?.data.member;
        if self.leader != Some(server) {
            return Err(refused(Rule::NotLeader, "etcdserver: not leader"));
        }
        let target = self
            .connected()
            .find(|(_, process)| process.data.member == to)
            .map(|(_, p)| p.data.log);
        let votes = self.members.get(&to).is_some_and(|member| !member.learner);
        match target {
            // raft waits for the target's log before it hands over.
            Some(log) if votes && log >= self.committed => {
                self.lead(to);
                Ok(())
            }
            Some(_) if votes => Err(PortError::OutcomeUnknown {
                why: "etcdserver: request timed out, leader transfer took too long".to_owned(),
            }),
            Some(_) | None => Err(refused(Rule::NotLeader, "etcdserver: bad leader transferee")),
        }
    }

    /// Somebody else makes the leader change hands: a slow disk, a network that hiccups.
    pub fn flip_leader(&mut self, now: Timestamp) {
        self.advance(now);
        let others = self.connected().map(|(_, process)| process.data.clone());
        let next = others
            .filter(|data| Some(data.member) != self.leader && data.log >= self.committed)
            .map(|data| data.member)
            .find(|id| self.members.get(id).is_some_and(|member| !member.learner));
        if let Some(next) = next.filter(|_| self.leader.is_some()) {
            self.lead(next);
            self.settle(now);
        }
    }

    /// The process that a client at this slot's address reaches.
    fn server(&self, via: &SlotName) -> Result<&Process, PortError> {
        match self.processes.get(via) {
            None => Err(PortError::NotSent {
                why: format!("{via}: connection refused"),
            }),
            Some(process) if process.frozen => Err(PortError::OutcomeUnknown {
                why: format!("{via}: no answer in time"),
            }),
            Some(process) if process.cut => Err(PortError::OutcomeUnknown {
                why: "etcdserver: request timed out".to_owned(),
            }),
            Some(process) => Ok(process),
        }
    }

    fn check_leader(&self) -> Result<(), PortError> {
        if self.leader.is_some() {
            return Ok(());
        }
        Err(PortError::OutcomeUnknown {
            why: "etcdserver: request timed out".to_owned(),
        })
    }

    /// Started voters must be a quorum of the membership that results. Growing from one to two is let through.
    fn check_started(&self, voters_after: usize, leaving: Option<MemberId>) -> Result<(), PortError> {
        let started = self
            .members
            .values()
            .filter(|member| !member.learner && !member.name.is_empty() && Some(member.id) != leaving)
            .count();
        let grows_from_one = leaving.is_none() && started == 1 && voters_after == 2;
        if grows_from_one || started >= quorum(voters_after) {
            return Ok(());
        }
        Err(refused(
            Rule::NotEnoughStarted,
            "etcdserver: re-configuration failed due to not enough started members",
        ))
    }

    fn check_links_for_add(&self, server: &Process, now: Timestamp) -> Result<(), PortError> {
        let old = self.linked_voters(server, now);
        let enough = if needs_every_voter(server.version) {
            old == self.voters()
        } else {
            old >= quorum(self.voters().saturating_add(1))
        };
        if enough { Ok(()) } else { Err(unhealthy()) }
    }

    fn check_links_for_remove(
        &self,
        server: &Process,
        now: Timestamp,
        leaving: MemberId,
    ) -> Result<(), PortError> {
        let goes = self
            .connected()
            .find(|(_, process)| process.data.member == leaving);
        // Who is not connected anyway may always go.
        let Some((_, goes)) = goes else { return Ok(()) };
        let linked = usize::from(goes.data.member == server.data.member || is_old(server, goes, now));
        let left = self.linked_voters(server, now).saturating_sub(linked);
        if left >= quorum(self.voters().saturating_sub(1)) {
            Ok(())
        } else {
            Err(unhealthy())
        }
    }

    /// Voters to which this process has had links for long enough, itself included.
    fn linked_voters(&self, server: &Process, now: Timestamp) -> usize {
        self.connected()
            .filter(|(_, process)| {
                self.members
                    .get(&process.data.member)
                    .is_some_and(|member| !member.learner)
            })
            .filter(|(_, process)| process.data.member == server.data.member || is_old(server, process, now))
            .count()
    }
}

fn is_old(one: &Process, other: &Process, now: Timestamp) -> bool {
    let since = one.since.max(other.since);
    since.checked_add(HEALTH_INTERVAL).is_ok_and(|old| old <= now)
}

/// Before 3.5.30 and 3.6.11 a member is added only where every voter is connected.
fn needs_every_voter(version: EtcdVersion) -> bool {
    version < EtcdVersion::new(3, 5, 30)
        || (version >= EtcdVersion::new(3, 6, 0) && version < EtcdVersion::new(3, 6, 11))
}

const fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

fn unhealthy() -> PortError {
    refused(Rule::UnhealthyCluster, "etcdserver: unhealthy cluster")
}

fn refused(rule: Rule, text: &str) -> PortError {
    PortError::Refused {
        rule,
        text: text.to_owned(),
    }
}
