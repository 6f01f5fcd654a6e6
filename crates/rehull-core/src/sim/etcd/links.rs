//! Which peers a member is connected to, as its own transport counts them.

use std::time::Duration;

use jiff::Timestamp;

use super::rule::EtcdRule;
use super::rules::Refused;
use super::{Etcd, Process};
use crate::domain::ids::MemberId;
use crate::domain::version::EtcdVersion;

/// Peer links younger than this count as down (`HealthInterval`).
const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// 3.4 gives a peer up that sends nothing for so long (`ConnReadTimeout`). From 3.5 on the time-out has no effect: the
/// transport's `DialContext` goes before the `Dial` that would set it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// The peer does not run, or has been silent for too long.
    Down,
    /// Up for less than the health interval.
    Young,
    /// Up for longer.
    Old,
}

impl Etcd {
    pub(super) fn check_links_for_add(&mut self, server: &Process, now: Timestamp) -> Result<(), Refused> {
        let voters = self.voters();
        let old = self.linked_voters(server, now);
        let enough = if needs_every_voter(server.version) {
            old == voters
        } else {
            voters == 1 || old >= quorum(voters.saturating_add(1))
        };
        if enough {
            return Ok(());
        }
        self.says(EtcdRule::UnhealthyForAdd)
    }

    pub(super) fn check_links_for_remove(
        &mut self,
        server: &Process,
        now: Timestamp,
        leaving: MemberId,
    ) -> Result<(), Refused> {
        if leaving != server.data.member && self.link(server, leaving, now) == Link::Down {
            self.follow(EtcdRule::DownMayGo);
            return Ok(());
        }
        // Whoever leaves is taken off, connected for long enough or not.
        let left = self.linked_voters(server, now).saturating_sub(1);
        if left >= quorum(self.voters().saturating_sub(1)) {
            return Ok(());
        }
        self.says(EtcdRule::UnhealthyForRemove)
    }

    /// Voters to which this process has had links for long enough, itself included.
    fn linked_voters(&mut self, server: &Process, now: Timestamp) -> usize {
        let voters = self.members.values().filter(|member| !member.learner);
        let ids: Vec<MemberId> = voters.map(|member| member.id).collect();
        let mut count = 0_usize;
        for id in ids {
            if id == server.data.member {
                count = count.saturating_add(1);
                continue;
            }
            match self.link(server, id, now) {
                Link::Old => {
                    let hangs = self.process_of(id).is_some_and(|process| !process.takes_part());
                    if hangs {
                        self.follow(EtcdRule::HungLink);
                    }
                    count = count.saturating_add(1);
                }
                Link::Young => self.follow(EtcdRule::YoungLink),
                Link::Down => {}
            }
        }
        count
    }

    fn link(&self, server: &Process, to: MemberId, now: Timestamp) -> Link {
        let Some(peer) = self.process_of(to) else {
            return Link::Down;
        };
        if gives_up(server.version, peer, now) || gives_up(server.version, server, now) {
            return Link::Down;
        }
        let since = server.since.max(peer.since);
        if since.checked_add(HEALTH_INTERVAL).is_ok_and(|old| old <= now) {
            Link::Old
        } else {
            Link::Young
        }
    }

    fn process_of(&self, id: MemberId) -> Option<&Process> {
        self.processes.values().find(|process| process.data.member == id)
    }
}

/// A process of this release has lost its link to a peer that hangs or is cut off.
pub(super) fn gives_up(release: EtcdVersion, peer: &Process, now: Timestamp) -> bool {
    let since = peer.silent_since.filter(|_| release.line() <= (3, 4));
    since.is_some_and(|since| since.checked_add(READ_TIMEOUT).is_ok_and(|until| until <= now))
}

/// Before 3.5.30 and 3.6.11 a member is added only where every voter is connected.
fn needs_every_voter(version: EtcdVersion) -> bool {
    version < EtcdVersion::new(3, 5, 30)
        || (version >= EtcdVersion::new(3, 6, 0) && version < EtcdVersion::new(3, 6, 11))
}

pub(super) const fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}
