//! Judges the world itself, at every instant and after every request: never what rehull believes of it, and with none
//! of rehull's code. What it finds is a bug in rehull, or in the model.

mod alarms;
mod ask;
mod doors;
mod edits;
mod falls;
mod ledger;
mod left;
mod memory;
mod quorum;
mod rules;
mod serving;
mod skew;
mod target;
mod terraform;
mod truth;
mod witness;
mod workers;

use std::time::Duration;

use jiff::Timestamp;

use super::etcd::Etcd;
use super::fault::Happening;
use super::store::Objects;
use crate::domain::ids::{RolloutId, SlotName};
use crate::plan::RolloutPlan;
use memory::Memory;
pub(crate) use witness::Witness;

/// Harm from outside is got over when so much time has passed since the last of it, and all is well: machines that were
/// told to end have ended by then.
const GOT_OVER: Duration = Duration::from_secs(600);

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// When.
    pub at: Timestamp,
    /// Invariant of ARCHITECTURE.md.
    pub invariant: u8,
    /// What was seen.
    pub what: String,
}

/// What was found, and whether anybody but rehull has touched a member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    breaches: Vec<Breach>,
    harmed_at: Option<Timestamp>,
    /// Harm to members, and to servers, that the next look has to excuse.
    members: Harm,
    servers: Harm,
    memory: Memory,
}

/// Harm from outside that is not got over yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Harm {
    last: Option<Timestamp>,
    lasting: u32,
}

impl Harm {
    fn of(&mut self, now: Timestamp, what: &Happening, begins: bool) {
        if begins || what.lasts() {
            self.last = Some(now);
        }
        if what.lasts() {
            self.lasting = if begins {
                self.lasting.saturating_add(1)
            } else {
                self.lasting.saturating_sub(1)
            };
        }
    }

    /// What is so now has nothing to do with it. `all_well`: nothing of it is left to be seen.
    fn is_over(&mut self, now: Timestamp, all_well: bool) -> bool {
        let over = |at: Timestamp| at.checked_add(GOT_OVER).is_ok_and(|until| until <= now);
        if all_well && self.lasting == 0 && self.last.is_some_and(over) {
            self.last = None;
        }
        self.last.is_none()
    }
}

/// Who would answer if a quorum were needed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Voters of the membership.
    pub voters: usize,
    /// Voters that run and take part.
    pub healthy: usize,
    /// Slots of listed voters that do not; a name is empty before its member has started once.
    pub out: Vec<SlotName>,
}

/// The true standing.
#[must_use]
pub(crate) fn standing(etcd: &Etcd) -> Standing {
    let runs = |id| {
        let mut processes = etcd.processes();
        processes.any(|(_, process)| process.data.member == id && process.takes_part())
    };
    let voters: Vec<_> = etcd.members().filter(|member| !member.learner).collect();
    let out = voters.iter().filter(|member| !runs(member.id));
    let out: Vec<SlotName> = out.map(|member| SlotName::new(member.name.clone())).collect();
    Standing {
        voters: voters.len(),
        healthy: voters.len() - out.len(),
        out,
    }
}

/// Voters, and those of them that take part: the cheap half of [`standing`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) voters: usize,
    pub(super) healthy: usize,
}

impl Counts {
    pub(super) fn of(etcd: &Etcd) -> Self {
        let runs = |id| {
            let mut processes = etcd.processes();
            processes.any(|(_, process)| process.data.member == id && process.takes_part())
        };
        let mut counts = Self::default();
        for member in etcd.members().filter(|member| !member.learner) {
            counts.voters += 1;
            counts.healthy += usize::from(runs(member.id));
        }
        counts
    }
}

impl Standing {
    /// Voters that may still fail before writes end; below 0 there is no quorum.
    #[must_use]
    pub fn margin(&self) -> i64 {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let quorum = count(self.voters / 2).saturating_add(1);
        count(self.healthy).saturating_sub(quorum)
    }

    const fn has_quorum(&self) -> bool {
        self.healthy > self.voters / 2
    }
}

impl Oracle {
    /// Everything that was found.
    #[must_use]
    pub(crate) fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// A plan that is going to be approved and stored again and again.
    pub(super) fn read_ahead(&mut self, plan: &RolloutPlan) {
        self.memory.read_ahead(plan);
    }

    /// Somebody else took a member out: what rehull decided on an older look is not its fault. Or set a clock: waits by
    /// the wall clock mean nothing any more.
    pub(super) fn disturbed(&mut self, now: Timestamp, what: &Happening, begins: bool) {
        if what.harms_a_member() {
            self.members.of(now, what, begins);
        }
        if what.harms_a_server() {
            self.servers.of(now, what, begins);
        }
        if !begins {
            return;
        }
        if what.harms_a_member() {
            self.harmed_at = Some(now);
        }
        self.memory.servers_were_harmed |= what.harms_a_server();
        self.memory.zone_was_lost |= matches!(what, Happening::ZoneLoss { .. });
        self.memory.nodes_were_harmed |= what.harms_a_node();
        self.memory.capacity_was_missing |= matches!(what, Happening::NoCapacity { .. });
        self.memory.reads_were_stale |= matches!(what, Happening::StaleReads { .. });
        self.memory.clock_was_set |= matches!(what, Happening::ClockJump { .. });
    }

    /// Was a member harmed at or after this instant?
    #[must_use]
    pub(crate) fn was_harmed_since(&self, at: Timestamp) -> bool {
        self.harmed_at.is_some_and(|harmed| harmed >= at)
    }

    /// Nobody but rehull has touched a member yet.
    #[must_use]
    pub(crate) fn is_unharmed(&self) -> bool {
        self.harmed_at.is_none()
    }

    /// At every instant: what raft promises, and where no harm from outside is to be got over a quorum and at most one
    /// member out.
    pub(super) fn look(&mut self, now: Timestamp, etcd: &Etcd, Counts { voters, healthy }: Counts) {
        if let Some(broken) = etcd.broken() {
            let what = broken.to_owned();
            self.breach(now, 3, what);
        }
        if voters == 0 || etcd.committed() == 0 || !self.members.is_over(now, healthy == voters) {
            return;
        }
        if let Some(what) = skew::of_members(etcd) {
            self.breach(now, 5, what);
        }
        if voters > 1 && healthy <= voters / 2 {
            self.breach(now, 3, format!("{healthy} of {voters} voters are left"));
        }
        if voters - healthy > 1 {
            let out = standing(etcd).out;
            let names: Vec<&str> = out.iter().map(SlotName::as_str).collect();
            self.breach(now, 3, format!("{} are out at once", names.join(" and ")));
        }
    }

    /// After a request of rehull's that was decided on a look at `looked_at`: did it leave fewer healthy voters than a
    /// quorum of the membership that it found, or take a second member out?
    pub(super) fn judge(
        &mut self,
        (now, looked_at): (Timestamp, Timestamp),
        before: &Standing,
        after: &Etcd,
        what: &str,
    ) {
        if before.voters <= 1 || self.was_harmed_since(looked_at) {
            return;
        }
        let after = standing(after);
        if before.has_quorum() && !after.has_quorum() {
            self.breach(
                now,
                3,
                format!("{what} left {} of {} voters", after.healthy, after.voters),
            );
        }
        if after.voters < before.voters && before.out.len() > 1 && after.healthy < before.healthy {
            self.breach(
                now,
                3,
                format!("{what} removed a healthy voter while others were out"),
            );
        }
    }

    /// The rollout is taken back from now on.
    pub(super) fn turn(&mut self, store: &Objects, rollout: &RolloutId) {
        self.memory.turn(store, rollout);
    }

    pub(super) fn breach(&mut self, at: Timestamp, invariant: u8, what: String) {
        let known = |breach: &Breach| breach.invariant == invariant && breach.what == what;
        if !self.breaches.iter().any(known) {
            self.breaches.push(Breach { at, invariant, what });
        }
    }
}
