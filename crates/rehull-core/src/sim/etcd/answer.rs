//! What a client is told by one member.

use super::{Etcd, Process};
use crate::domain::etcd::{Endpoint, MemberAnswer};
use crate::domain::ids::{MemberId, SlotName};
use crate::domain::version::EtcdVersion;

/// Size of every modelled database, in bytes.
const DB_SIZE: u64 = 64 << 20;

impl Etcd {
    /// Status, member list and a linearizable read, asked at a slot's address by somebody who reaches it.
    #[must_use]
    pub fn answer(&self, slot: &SlotName) -> Endpoint {
        match self.processes.get(slot) {
            None => Endpoint::Refused,
            Some(process) if process.frozen => Endpoint::Silent("no answer within 2 s".to_owned()),
            Some(process) => Endpoint::Answered(Box::new(self.member_answer(process))),
        }
    }

    /// Whether [`Self::answer`] would tell of a linearizable read.
    #[must_use]
    pub fn serves(&self, slot: &SlotName) -> bool {
        let process = self.processes.get(slot);
        process.is_some_and(|process| !process.frozen && self.reads(process))
    }

    /// Whether any [`Self::answer`] would tell of an alarm.
    #[must_use]
    pub fn tells_of_an_alarm(&self) -> bool {
        !self.alarms.is_empty() && self.processes.values().any(|process| !process.frozen)
    }

    /// Cut off from its peers a member knows of no leader, once its own election has timed out.
    pub(super) fn leader_known_to(&self, process: &Process) -> Option<MemberId> {
        self.leader.filter(|_| !process.cut)
    }

    fn is_learner(&self, id: MemberId) -> bool {
        self.members.get(&id).is_some_and(|member| member.learner)
    }

    fn reads(&self, process: &Process) -> bool {
        self.leader_known_to(process).is_some()
            && !self.is_learner(process.data.member)
            && process.snapshot_until.is_none()
    }

    fn member_answer(&self, process: &Process) -> MemberAnswer {
        let id = process.data.member;
        let reads = self.reads(process);
        MemberAnswer {
            id,
            cluster: process.data.cluster,
            leader: self.leader_known_to(process),
            term: self.term,
            raft_index: self.committed,
            applied_index: process.data.log.min(self.committed),
            version: process.version,
            cluster_version: self.line,
            learner: self.is_learner(id),
            alarms: self.alarms.iter().map(|(_, alarm)| alarm.clone()).collect(),
            db_size: DB_SIZE,
            db_quota: None,
            members: reads.then(|| self.members.shown()),
            serves: reads,
            unready: unready(process, reads),
            cert_until: None,
            downgrade_to: None,
        }
    }
}

/// `/readyz`, where the release has it: only the read can fail in the model.
fn unready(process: &Process, reads: bool) -> Vec<String> {
    let version = process.version;
    let since = if version.line() == (3, 4) {
        EtcdVersion::new(3, 4, 29)
    } else {
        EtcdVersion::new(3, 5, 11)
    };
    let failing = (version >= since && !reads).then(|| "linearizable_read".to_owned());
    failing.into_iter().collect()
}
