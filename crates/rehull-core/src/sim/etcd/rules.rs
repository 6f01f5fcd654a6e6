//! What one member answers to a call, by release: etcd.md §1.2 and §1.3.
//!
//! The checks stand in etcd's order: first those of the member that is asked (`mayAddMember` and its kind), then
//! whether anything is agreed on at all, then those of everybody (`ValidateConfigurationChange`).

use jiff::Timestamp;

use super::links::quorum;
use super::rule::EtcdRule;
use super::{Etcd, Member, Process};
use crate::domain::ids::{MemberId, SlotName};

/// A learner may be promoted when it has 90 % of the leader's log.
const READY_PERCENT: u64 = 90;
const CORRUPT: &str = "CORRUPT";
const NO_SPACE: &str = "NOSPACE";

/// Why a call was not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nobody listens there.
    NotReached,
    /// Nothing came back.
    Silent,
    /// The member said why not.
    Says(EtcdRule),
}

impl Etcd {
    /// `MemberAdd`, sent to the member of a slot.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn member_add(
        &mut self,
        now: Timestamp,
        via: &SlotName,
        url: &str,
        learner: bool,
    ) -> Result<MemberId, Refused> {
        self.advance(now);
        let server = self.server(via)?;
        if !learner {
            self.check_started(self.voters().saturating_add(1), None)?;
        }
        self.check_links_for_add(&server, now)?;
        self.check_quorum(&server)?;
        let made_in = (url.to_owned(), now.as_second());
        if self.removed.contains(&made_in) {
            return self.says(EtcdRule::SameSecond);
        }
        if self.made.values().any(|made| *made == made_in) {
            return self.says(EtcdRule::IdTaken);
        }
        if self.members.values().any(|member| member.url == url) {
            return self.says(EtcdRule::UrlTaken);
        }
        if learner && self.members.values().any(|member| member.learner) {
            return self.says(EtcdRule::TooManyLearners);
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
        self.made.insert(id, made_in);
        self.settle(now);
        Ok(id)
    }

    /// `MemberRemove`.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn member_remove(&mut self, now: Timestamp, via: &SlotName, id: MemberId) -> Result<(), Refused> {
        self.advance(now);
        let server = self.server(via)?;
        if self.members.get(&id).is_some_and(|member| member.learner) {
            self.follow(EtcdRule::LearnerMayGo);
        } else {
            let voters = self.members.keys().filter(|voter| **voter != id);
            let learners = self.members.len().saturating_sub(self.voters());
            let after = voters.count().saturating_sub(learners);
            self.check_started(after, Some(id))?;
            self.check_links_for_remove(&server, now, id)?;
        }
        self.check_quorum(&server)?;
        if !self.members.contains_key(&id) {
            return self.says(EtcdRule::NotFound);
        }
        self.forget(id);
        self.settle(now);
        Ok(())
    }

    /// `MemberPromote`. Whoever is asked hands it to the leader.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn member_promote(&mut self, now: Timestamp, via: &SlotName, id: MemberId) -> Result<(), Refused> {
        self.advance(now);
        let server = self.server(via)?;
        self.check_leader(&server)?;
        let Some(learner) = self.members.get(&id).map(|member| member.learner) else {
            return self.says(EtcdRule::NotFound);
        };
        let leads = self.leader.and_then(|leader| self.matched.get(&leader).copied());
        let matched = self.matched.get(&id).copied().unwrap_or_default();
        if matched.saturating_mul(100) < leads.unwrap_or_default().saturating_mul(READY_PERCENT) {
            return self.says(EtcdRule::LearnerBehind);
        }
        // The learner counts as started.
        if self.started(None).saturating_add(1) < quorum(self.voters().saturating_add(1)) {
            return self.says(EtcdRule::NotEnoughStarted);
        }
        if !learner {
            return self.says(EtcdRule::NotALearner);
        }
        if !self.connected().any(|(_, process)| process.data.member == id) {
            self.follow(EtcdRule::DeadLearnerPromoted);
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.learner = false;
        }
        self.settle(now);
        Ok(())
    }

    /// `MoveLeader`.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn transfer(&mut self, now: Timestamp, via: &SlotName, to: MemberId) -> Result<(), Refused> {
        self.advance(now);
        let server = self.server(via)?.data.member;
        if self.leader != Some(server) {
            return self.says(EtcdRule::NotLeader);
        }
        if self.members.get(&to).is_none_or(|member| member.learner) {
            return self.says(EtcdRule::BadTransferee);
        }
        if to == server {
            return Ok(());
        }
        let log = self.log_of(to);
        // raft waits for the target's log before it hands over, and etcd for the target to lead, however long.
        if log.is_none_or(|log| log < self.committed) {
            self.follow(EtcdRule::TransferHangs);
            return Err(Refused::Silent);
        }
        self.lead(to);
        self.settle(now);
        Ok(())
    }

    /// A write of data.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn put(&mut self, now: Timestamp, via: &SlotName) -> Result<(), Refused> {
        self.advance(now);
        let server = self.server(via)?;
        self.check_leader(&server)?;
        let raised = |alarm: &str| self.alarms.iter().any(|(_, raised)| raised == alarm);
        if raised(CORRUPT) {
            return self.says(EtcdRule::Corrupt);
        }
        if raised(NO_SPACE) {
            return self.says(EtcdRule::NoSpace);
        }
        Ok(())
    }

    /// A read: linearizable, or of the member's `own` copy.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn range(&mut self, now: Timestamp, via: &SlotName, own: bool) -> Result<(), Refused> {
        self.advance(now);
        if own {
            return self.process_at(via).map(|_| ());
        }
        let server = self.server(via)?;
        self.check_leader(&server)
    }

    /// The members, after a linearizable read.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn member_list(&mut self, now: Timestamp, via: &SlotName) -> Result<Vec<Member>, Refused> {
        self.range(now, via, false)?;
        Ok(self.members.values().cloned().collect())
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
    fn process_at(&self, via: &SlotName) -> Result<&Process, Refused> {
        match self.processes.get(via) {
            None => Err(Refused::NotReached),
            Some(process) if process.frozen => Err(Refused::Silent),
            Some(process) => Ok(process),
        }
    }

    /// The member there, if it is one that serves.
    fn server(&mut self, via: &SlotName) -> Result<Process, Refused> {
        let process = self.process_at(via)?.clone();
        let member = self.members.get(&process.data.member);
        if member.is_some_and(|member| member.learner) {
            return self.says(EtcdRule::NotForLearners);
        }
        Ok(process)
    }

    fn check_leader(&mut self, server: &Process) -> Result<(), Refused> {
        if self.leads(server) {
            return Ok(());
        }
        self.says(EtcdRule::NoQuorum)
    }

    /// Somebody leads whom this member knows.
    fn leads(&mut self, server: &Process) -> bool {
        if server.cut {
            self.follow(EtcdRule::CutOff);
        }
        self.leader_known_to(server).is_some()
    }

    /// etcd gives up on a write after 7 s, and on a change of the membership never.
    fn check_quorum(&mut self, server: &Process) -> Result<(), Refused> {
        if self.leads(server) {
            return Ok(());
        }
        self.follow(EtcdRule::ChangeHangs);
        Err(Refused::Silent)
    }

    /// Started voters must be a quorum of the membership that results. Growing from one to two is let through.
    fn check_started(&mut self, voters_after: usize, leaving: Option<MemberId>) -> Result<(), Refused> {
        let started = self.started(leaving);
        if leaving.is_none() && started == 1 && voters_after == 2 {
            self.follow(EtcdRule::OneMayGrow);
            return Ok(());
        }
        if started >= quorum(voters_after) {
            return Ok(());
        }
        self.says(EtcdRule::NotEnoughStarted)
    }

    fn started(&self, leaving: Option<MemberId>) -> usize {
        let voters = self.members.values().filter(|member| !member.learner);
        voters
            .filter(|member| !member.name.is_empty() && Some(member.id) != leaving)
            .count()
    }

    pub(super) fn says<T>(&mut self, rule: EtcdRule) -> Result<T, Refused> {
        self.follow(rule);
        Err(Refused::Says(rule))
    }
}
