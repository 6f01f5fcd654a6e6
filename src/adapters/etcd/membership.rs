//! Membership changes: looked at before, sent once to one member, looked at after whenever the answer is not certain.
//!
//! etcd has no idempotency tokens, so each change has a natural key (peer URL, member id): what is already there is
//! success, and a lost answer is settled by reading the list on all members after a linearizable read.

use std::time::Duration;

use async_trait::async_trait;
use etcd_client::MemberAddOptions;
use futures_util::future::{join_all, select_all};
use rehull_core::domain::desired::Slot;
use rehull_core::domain::etcd::ListedMember;
use rehull_core::domain::ids::MemberId;
use rehull_core::ports::{EtcdMembership, PortError, Rule};

use super::lists::Listing;
use super::pool::{EtcdPool, READ_LIMIT, not_sent};
use super::words::{NOT_A_LEARNER, says};
use crate::adapters::clock::{pause, within};

/// What etcd gives up by itself, it gives up after 5 s + 2 election time-outs (7 s by default), and its own words are
/// better than ours. Without a quorum a change of the membership waits as long as we do, and so does a transfer to a voter
/// that does not run (`docs/fidelity.md`).
const SEND_LIMIT: Duration = Duration::from_secs(9);
/// An addition may need a second try a second later.
const ADD_LIMIT: Duration = Duration::from_secs(8);
/// How long a lost answer is looked for. Look (2 × 2 s) + send + this stay below the ports' 20 s.
const SETTLE_LIMIT: Duration = Duration::from_secs(6);
const SETTLE_EVERY: Duration = Duration::from_millis(250);
/// A transfer takes 0.1 s; more than an election's time means that it failed.
const LEADER_LIMIT: Duration = Duration::from_secs(5);
/// One look at one member; a member that hangs must not hide the others.
const LEADER_LOOK: Duration = Duration::from_millis(500);
const LEADER_EVERY: Duration = Duration::from_millis(50);

#[async_trait]
impl EtcdMembership for EtcdPool {
    async fn add(&self, via: &Slot, peer_url: &str, learner: bool) -> Result<MemberId, PortError> {
        let url = via.client_url();
        let before = self.listing(&url, READ_LIMIT).await.map_err(not_sent)?;
        if let Some(present) = before.by_peer_url(peer_url) {
            return newcomer(present, learner);
        }
        let sent = match self.send_add(&url, peer_url, learner).await {
            // etcd makes a member's id of its peer URL and the second, and never takes a removed id again: an addition
            // within the second of one that was removed since is refused, as "member not found" of all things.
            Err(PortError::Gone { .. }) => {
                pause(Duration::from_secs(1)).await;
                self.send_add(&url, peer_url, learner).await
            }
            first => first,
        };
        let found = |listing: &Listing| {
            listing
                .by_peer_url(peer_url)
                .map(|member| newcomer(member, learner))
        };
        match sent {
            Err(PortError::OutcomeUnknown { why }) => self.settle(&url, &before, why, found).await?,
            definite => definite,
        }
    }

    async fn remove(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        let url = via.client_url();
        let before = self.listing(&url, READ_LIMIT).await.map_err(not_sent)?;
        if before.by_id(member).is_none() {
            return Ok(());
        }
        let sent = self
            .send(&url, SEND_LIMIT, |mut client| async move {
                client.member_remove(member.0).await
            })
            .await;
        let gone = |listing: &Listing| listing.by_id(member).is_none().then_some(());
        match sent {
            Ok(_) | Err(PortError::Gone { .. }) => Ok(()),
            Err(PortError::OutcomeUnknown { why }) => self.settle(&url, &before, why, gone).await,
            Err(error) => Err(error),
        }
    }

    async fn promote(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        let url = via.client_url();
        let before = self.listing(&url, READ_LIMIT).await.map_err(not_sent)?;
        let is_voter = |listing: &Listing| listing.by_id(member).filter(|found| !found.learner).map(|_| ());
        if is_voter(&before).is_some() {
            return Ok(());
        }
        let sent = self
            .send(&url, SEND_LIMIT, |mut client| async move {
                client.member_promote(member.0).await
            })
            .await;
        match sent {
            Ok(_) => Ok(()),
            // Somebody else was faster, or our own lost call worked.
            Err(error) if says(&error, NOT_A_LEARNER) => {
                let after = self.listing(&url, READ_LIMIT).await;
                after.ok().and_then(|listing| is_voter(&listing)).ok_or(error)
            }
            Err(PortError::OutcomeUnknown { why }) => self.settle(&url, &before, why, is_voter).await,
            Err(error) => Err(error),
        }
    }

    async fn move_leader(&self, leader: &Slot, to: MemberId) -> Result<(), PortError> {
        let url = leader.client_url();
        let before = self.listing(&url, READ_LIMIT).await.map_err(not_sent)?;
        let seen = self.leader_seen_by(&url).await.map_err(not_sent)?;
        if seen.leader != to {
            if seen.leader != seen.by {
                return Err(PortError::Refused {
                    rule: Rule::NotLeader,
                    text: format!(
                        "{} ({}) does not lead, {} does",
                        leader.name, seen.by, seen.leader
                    ),
                });
            }
            let sent = self
                .send(&url, SEND_LIMIT, |mut client| async move {
                    client.move_leader(to.0).await
                })
                .await;
            match sent {
                Ok(_) | Err(PortError::OutcomeUnknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.two_members_follow(&before, to).await
    }
}

/// Only a member that has never started (it has no name) can be the one we added; a named one is the old member.
fn newcomer(member: &ListedMember, learner: bool) -> Result<MemberId, PortError> {
    if member.name.is_empty() && member.learner == learner {
        return Ok(member.id);
    }
    let kind = if member.learner { "learner" } else { "voter" };
    Err(PortError::Refused {
        rule: Rule::MemberExists,
        text: format!(
            "{} is taken by the {kind} {} `{}`",
            member.peer_urls.join(", "),
            member.id,
            member.name
        ),
    })
}

struct SeenLeader {
    by: MemberId,
    leader: MemberId,
}

impl EtcdPool {
    async fn send_add(&self, via: &str, peer_url: &str, learner: bool) -> Result<MemberId, PortError> {
        let answer = self
            .send(via, ADD_LIMIT, |mut client| async move {
                let options = MemberAddOptions::new();
                let options = if learner {
                    options.with_is_learner()
                } else {
                    options
                };
                client.member_add([peer_url], Some(options)).await
            })
            .await?;
        answer
            .member()
            .map(|member| MemberId(member.id()))
            .ok_or_else(|| PortError::Unreadable {
                text: "the new member is missing in the answer to its own addition".to_owned(),
            })
    }

    /// Looks at all members until one that serves linearizable reads shows the change.
    async fn settle<T>(
        &self,
        via: &str,
        before: &Listing,
        why: String,
        look: impl Fn(&Listing) -> Option<T> + Sync,
    ) -> Result<T, PortError> {
        let mut urls = before.client_urls.clone();
        if !urls.iter().any(|url| url == via) {
            urls.push(via.to_owned());
        }
        // Each member is asked at its own pace: one that hangs must not hide another's answer.
        let searches = urls.iter().map(|url| {
            Box::pin(async {
                loop {
                    let listing = self.listing(url, READ_LIMIT).await;
                    if let Some(found) = listing.ok().as_ref().and_then(&look) {
                        return found;
                    }
                    pause(SETTLE_EVERY).await;
                }
            })
        });
        let search = async { select_all(searches).await.0 };
        within(SETTLE_LIMIT, search)
            .await
            .ok_or_else(|| PortError::OutcomeUnknown {
                why: format!("{why}; no member showed the change within {SETTLE_LIMIT:?}"),
            })
    }

    async fn leader_seen_by(&self, url: &str) -> Result<SeenLeader, PortError> {
        let status = self
            .read(url, READ_LIMIT, |mut client| async move { client.status().await })
            .await?;
        let by = status.header().map_or(0, etcd_client::ResponseHeader::member_id);
        Ok(SeenLeader {
            by: MemberId(by),
            leader: MemberId(status.leader()),
        })
    }

    /// One member's word is not enough: the old leader may be the last to know.
    async fn two_members_follow(&self, before: &Listing, to: MemberId) -> Result<(), PortError> {
        let wanted = before.client_urls.len().min(2);
        let watch = async {
            loop {
                let statuses = before
                    .client_urls
                    .iter()
                    .map(|url| within(LEADER_LOOK, self.leader_seen_by(url)));
                let seen = join_all(statuses).await;
                let follow = seen
                    .iter()
                    .flatten()
                    .flatten()
                    .filter(|seen| seen.leader == to)
                    .count();
                if follow >= wanted {
                    return;
                }
                pause(LEADER_EVERY).await;
            }
        };
        within(LEADER_LIMIT, watch)
            .await
            .ok_or_else(|| PortError::OutcomeUnknown {
                why: format!("{wanted} members did not follow {to} within {LEADER_LIMIT:?}"),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, learner: bool) -> ListedMember {
        ListedMember {
            id: MemberId(0xa),
            name: name.to_owned(),
            peer_urls: vec!["https://10.0.1.10:2380".to_owned()],
            learner,
        }
    }

    #[test]
    fn a_peer_url_of_a_member_that_never_started_is_our_own_addition() {
        assert_eq!(newcomer(&member("", false), false), Ok(MemberId(0xa)));
        assert_eq!(newcomer(&member("", true), true), Ok(MemberId(0xa)));
    }

    #[test]
    fn a_peer_url_of_a_started_member_or_of_the_other_kind_is_taken() {
        for (present, learner) in [(member("etcd-a", false), false), (member("", true), false)] {
            let answer = newcomer(&present, learner);
            assert!(
                matches!(
                    answer,
                    Err(PortError::Refused {
                        rule: Rule::MemberExists,
                        ..
                    })
                ),
                "{answer:?}"
            );
        }
    }
}
