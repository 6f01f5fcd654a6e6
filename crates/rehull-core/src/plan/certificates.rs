//! Certificates that end soon. A member whose certificate has ended is a member that nobody can ask: better known before
//! the first change than after it.

use jiff::Timestamp;

use super::envelope::{Envelope, RolloutKind, SlotPlan};
use crate::domain::observed::Observed;

/// A week is enough to issue new ones without haste, and no rollout takes that long.
const BLOCKS_BELOW_DAYS: i64 = 7;
/// Worth knowing: the usual time in which renewals are planned.
const NOTED_BELOW_DAYS: i64 = 30;
const RENEW_OURS: &str = "renew what `etcd.clientTls` names";
const RENEW_THEIRS: &str = "put new ones under a new `etcd.machineTls.revision` and apply that alone: it renews them without a change of release";

/// One certificate that ends soon.
struct Ending {
    whose: String,
    until: Timestamp,
    days: i64,
    remedy: &'static str,
    /// Whatever its age: see [`may_renew`].
    only_noted: bool,
}

impl Ending {
    fn blocks(&self) -> bool {
        self.days < BLOCKS_BELOW_DAYS && !self.only_noted
    }

    fn words(&self, limit: i64) -> String {
        let Self {
            whose,
            until,
            days,
            remedy,
            ..
        } = self;
        let when = match *days {
            ..0 => "has ended".to_owned(),
            0 => "in less than a day".to_owned(),
            1 => "in 1 day".to_owned(),
            more => format!("in {more} days"),
        };
        format!("{whose} ends at {until}, {when} (gate: {limit} days) → {remedy}")
    }
}

/// What holds the first change back.
pub(super) fn blockers(envelope: &Envelope, seen: &Observed) -> Vec<String> {
    let endings = endings(envelope, seen);
    let blocking = endings.iter().filter(|ending| ending.blocks());
    blocking.map(|ending| ending.words(BLOCKS_BELOW_DAYS)).collect()
}

/// What is worth knowing.
pub(super) fn notes(envelope: &Envelope, seen: &Observed) -> Vec<String> {
    let endings = endings(envelope, seen);
    let noted = endings.iter().filter(|ending| !ending.blocks());
    noted.map(|ending| ending.words(NOTED_BELOW_DAYS)).collect()
}

fn endings(envelope: &Envelope, seen: &Observed) -> Vec<Ending> {
    // The way out of an incident is not held up, and a new cluster has no blockers.
    let is_way_out = match envelope.kind {
        RolloutKind::Heal { .. } | RolloutKind::Rollback { .. } | RolloutKind::Bootstrap => true,
        RolloutKind::Upgrade | RolloutKind::Replace { .. } => false,
    };
    let ours = seen.etcd.client_cert_until.map(|until| {
        let whose = "our own certificate for etcd".to_owned();
        (whose, until, RENEW_OURS, is_way_out)
    });
    let theirs = envelope.all_slots().filter_map(|slot| {
        let answer = seen.etcd.endpoints.get(&slot.slot.name)?.answer()?;
        let whose = format!("the server certificate of {}", slot.slot.name);
        let renews = may_renew(slot, answer.version == slot.to.version);
        Some((whose, answer.cert_until?, RENEW_THEIRS, is_way_out || renews))
    });
    let soon = |(whose, until, remedy, only_noted): (String, Timestamp, &'static str, bool)| {
        let left = until.duration_since(seen.at);
        let days = left.as_hours().div_euclid(24);
        let ending = Ending {
            whose,
            until,
            days: if left.is_negative() { -1 } else { days },
            remedy,
            only_noted,
        };
        (days < NOTED_BELOW_DAYS).then_some(ending)
    };
    ours.into_iter().chain(theirs).filter_map(soon).collect()
}

/// A machine that is replaced at its own release is how certificates are renewed: the new one fetches its revision.
fn may_renew(slot: &SlotPlan, same_release: bool) -> bool {
    slot.changes() && same_release
}
