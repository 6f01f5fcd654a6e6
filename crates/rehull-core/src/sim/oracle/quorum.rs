//! What a request leaves of the quorum, in the worst case.

use std::time::Duration;

use super::rules::{Case, Wrong};
use super::truth::{process_of, tag_of};
use crate::domain::fleet::tag;
use crate::domain::ids::MemberId;
use crate::sim::etcd::Process;

/// What is sent on a look that is older was not looked at again when it should have been.
const FRESH: Duration = Duration::from_secs(12);

impl Case<'_> {
    /// In the worst case: whoever was told to stop counts as stopped.
    pub(super) fn costs_the_quorum(&self, verb: &str, process: &Process) -> Option<Wrong> {
        // Somebody else has removed a voter just now: with that one the quorum was there. Nobody sends on an old look.
        let is_fresh = self
            .looked_at
            .checked_add(FRESH)
            .is_ok_and(|until| self.now <= until);
        if is_fresh
            && self.lab.oracle.was_harmed_since(self.looked_at)
            && self.truth.voters < self.look.voters
        {
            return None;
        }
        let needed = self.truth.voters / 2 + 1;
        let healthy = |id: &MemberId| self.look.healthy.contains(id) || self.truth.healthy.contains(id);
        let own = usize::from(healthy(&process.data.member));
        let processes = || self.lab.etcd.processes().map(|(_, process)| process);
        let stays = |process: &Process| {
            tag_of(self.lab, &process.machine, tag::STOP).is_none()
                && !self.memory.may_be_going(&process.machine, self.now)
        };
        // Who has died since the last look was there in it.
        let goes = |id: &MemberId| processes().any(|other| other.data.member == *id && !stays(other));
        let died = self
            .look
            .healthy
            .iter()
            .filter(|id| !self.truth.healthy.contains(id));
        let seen = self.truth.healthy.iter().chain(died);
        let left = seen
            .filter(|id| **id != process.data.member && self.is_voter(**id) && !goes(id))
            .count();
        (self.truth.voters > 1 && left < needed && left + own >= needed).then(|| {
            let voters = self.truth.voters;
            (
                3,
                format!("{verb} of {} leaves {left} of {voters} voters", process.machine),
            )
        })
    }

    pub(super) fn removes_who_runs(&self, member: MemberId) -> Option<Wrong> {
        let is_healthy = self.look.healthy.contains(&member) && self.truth.healthy.contains(&member);
        (is_healthy || self.was_to_stay(member)).then(|| (3, format!("MemberRemove of {member}, which runs")))
    }

    /// Its process runs, whether it serves or hangs, and nobody has told its machine to stop.
    fn was_to_stay(&self, member: MemberId) -> bool {
        let carrier = process_of(&self.lab.etcd, member).map(|process| &process.machine);
        carrier.is_some_and(|id| self.look.running.contains(id) && tag_of(self.lab, id, tag::STOP).is_none())
    }
}
