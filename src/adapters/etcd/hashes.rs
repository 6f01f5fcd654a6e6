//! Same data on every voter: hash of the key space at one revision.
//!
//! Hashing scans the store and stalls the member that does it (110–140 ms on 1 GB), so voters are asked one after the
//! other, followers first.

use std::time::Duration;

use futures_util::future::join_all;
use rehull_core::domain::desired::Slot;
use rehull_core::ports::{PortError, Rule};
use tokio::time::timeout;

use super::lists::linearizable_read;
use super::pool::{EtcdPool, READ_LIMIT, not_sent};
use super::words::{COMPACTED, FUTURE_REVISION, says};

/// Bound of one comparison, all retries included: the ports' 20 s with a margin.
const LIMIT: Duration = Duration::from_secs(19);
/// A compaction that falls between two answers makes them incomparable; compactions are minutes apart.
const ROUNDS_MAX: u32 = 3;

/// What one voter answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hash {
    slot: String,
    of_keys: u32,
    compacted: i64,
}

/// What the answers of one round mean.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// Taken on different sides of a compaction.
    Incomparable,
    Different(String),
}

impl EtcdPool {
    pub(super) async fn hashes_agree(&self, slots: &[Slot]) -> Result<(), PortError> {
        timeout(LIMIT, self.rounds(slots)).await.unwrap_or_else(|_| {
            Err(PortError::NotSent {
                why: format!("hashes were not compared within {LIMIT:?}"),
            })
        })
    }

    async fn rounds(&self, slots: &[Slot]) -> Result<(), PortError> {
        let voters = self.voters(slots).await?;
        for _ in 0..ROUNDS_MAX {
            match self.round(&voters).await? {
                Some(Verdict::Same) => return Ok(()),
                Some(Verdict::Different(text)) => {
                    return Err(PortError::Refused {
                        rule: Rule::Other,
                        text,
                    });
                }
                Some(Verdict::Incomparable) | None => {}
            }
        }
        Err(PortError::NotSent {
            why: format!("{ROUNDS_MAX} comparisons in a row were crossed by a compaction"),
        })
    }

    /// All of them, the leader last. Fewer hashes than members would prove less than is claimed, and one alone nothing:
    /// a member that is late, or a learner (which etcd does not hash), makes the comparison impossible.
    async fn voters<'a>(&self, slots: &'a [Slot]) -> Result<Vec<&'a Slot>, PortError> {
        let statuses = join_all(slots.iter().map(async |slot| {
            let status = self
                .read(&slot.client_url(), READ_LIMIT, |mut client| async move {
                    client.status().await
                })
                .await
                .map_err(not_sent)?;
            if status.is_learner() {
                return Err(PortError::NotSent {
                    why: format!("{} is a learner: its data cannot be compared", slot.name),
                });
            }
            let id = status.header().map(etcd_client::ResponseHeader::member_id);
            Ok((id == Some(status.leader()), slot))
        }));
        let mut voters = statuses
            .await
            .into_iter()
            .collect::<Result<Vec<(bool, &Slot)>, PortError>>()?;
        voters.sort_by_key(|&(leads, _)| leads);
        Ok(voters.into_iter().map(|(_, slot)| slot).collect())
    }

    /// `None`: the revision was compacted away before everybody had answered.
    async fn round(&self, voters: &[&Slot]) -> Result<Option<Verdict>, PortError> {
        let mut revision = None;
        let mut hashes = Vec::with_capacity(voters.len());
        for slot in voters {
            let url = slot.client_url();
            // On every voter, so that it has applied what the first one had.
            let seen = self
                .read(&url, READ_LIMIT, linearizable_read)
                .await
                .map_err(not_sent)?;
            let at = *revision.get_or_insert(seen);
            let answer = self
                .read(&url, LIMIT, |mut client| async move { client.hash_kv(at).await })
                .await;
            match answer {
                Ok(answer) => hashes.push(Hash {
                    slot: slot.name.to_string(),
                    of_keys: answer.hash(),
                    compacted: answer.compact_version(),
                }),
                Err(error) if says(&error, COMPACTED) || says(&error, FUTURE_REVISION) => return Ok(None),
                Err(error) => return Err(not_sent(error)),
            }
        }
        let Some(revision) = revision else {
            return Err(PortError::NotSent {
                why: "no voter answers".to_owned(),
            });
        };
        Ok(Some(judge(revision, &hashes)))
    }
}

fn judge(revision: i64, hashes: &[Hash]) -> Verdict {
    let Some(first) = hashes.first() else {
        return Verdict::Incomparable;
    };
    if hashes.iter().any(|other| other.compacted != first.compacted) {
        return Verdict::Incomparable;
    }
    if hashes.iter().all(|other| other.of_keys == first.of_keys) {
        return Verdict::Same;
    }
    let each: Vec<String> = hashes
        .iter()
        .map(|one| format!("{} {:08x}", one.slot, one.of_keys))
        .collect();
    Verdict::Different(format!(
        "the members hold different data at revision {revision}: {}",
        each.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(slot: &str, of_keys: u32, compacted: i64) -> Hash {
        Hash {
            slot: slot.to_owned(),
            of_keys,
            compacted,
        }
    }

    #[test]
    fn names_everybody_when_hashes_differ() {
        let hashes = [
            hash("etcd-a", 1, 5),
            hash("etcd-b", 1, 5),
            hash("etcd-c", 0xbad, 5),
        ];
        assert_eq!(
            judge(9, &hashes),
            Verdict::Different(
                "the members hold different data at revision 9: etcd-a 00000001, etcd-b 00000001, etcd-c 00000bad"
                    .to_owned()
            )
        );
    }

    #[test]
    fn equal_hashes_across_a_compaction_prove_nothing() {
        assert_eq!(
            judge(9, &[hash("etcd-a", 1, 5), hash("etcd-b", 1, 7)]),
            Verdict::Incomparable
        );
        assert_eq!(
            judge(9, &[hash("etcd-a", 1, 5), hash("etcd-b", 1, 5)]),
            Verdict::Same
        );
        assert_eq!(judge(9, &[]), Verdict::Incomparable);
    }
}
