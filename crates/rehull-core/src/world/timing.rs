//! How long things take. Numbers are data; drawing one is a pure function of (seed, resource, quantity, ordinal).
//!
//! A draw never comes from a shared stream, so adding a call in one place does not change what happens in another.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which table of waits the world uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// Medians and tails as published for AWS.
    Aws,
    /// The same order of events, scaled so that a person can watch: for the sandbox and for tests.
    Fast,
}

/// Something that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// `pending` until `running`, Nitro.
    PendingToRunning,
    /// `shutting-down` until `terminated`, unless the guest needs longer.
    TerminateToTerminated,
    /// How long a guest may take to shut down before its power goes.
    GuestShutdownMax,
    /// How long a terminated instance can still be described.
    TerminatedStillDescribed,
    /// How long a terminated instance keeps its tags.
    TerminatedKeepsTags,
    /// A new id is unknown to calls that name it.
    NewIdUnknown,
    /// On top of that, a new instance is missing from lists and tag filters.
    NewIdUnlisted,
    /// A new volume is `creating`.
    VolumeCreate,
    /// A volume is `attaching`.
    VolumeAttach,
    /// Attached in the API, not yet visible in the guest.
    DeviceVisible,
    /// A volume that no guest holds is `detaching`.
    VolumeDetach,
    /// How often a busy volume is tried again.
    BusyRetry,
    /// A secondary interface is `attaching`.
    InterfaceAttach,
    /// A secondary interface is `detaching`.
    InterfaceDetach,
    /// A rebooted guest's firmware and boot loader.
    Restart,
    /// A changed wish until its group acts.
    GroupReacts,
    /// A group's own termination, or a machine found unhealthy, until it is made up for.
    GroupReplaces,
    /// A machine that EC2 alone knows to be gone until its group sees it.
    GroupNotices,
    /// A group's launch until `InService`, without hooks.
    GroupLaunches,
    /// A completed lifecycle action until the machine moves on.
    GroupMovesOn,
    /// A failed launch until the next try.
    GroupRetries,
    /// A registered target until it is checked for the first time.
    TargetRegistration,
    /// A deregistered target still gets new connections.
    TargetStillSent,
    /// A target found unhealthy still gets new connections.
    TargetUnhealthyStillSent,
}

/// Milliseconds at four points of the distribution; straight lines between them, the tail ends at twice the p99.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Nothing is faster.
    pub min: u64,
    /// Median.
    pub p50: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
}

const fn spread(min: u64, p50: u64, p95: u64, p99: u64) -> Spread {
    Spread::new(min, p50, p95, p99)
}

/// The same value every time.
const fn always(ms: u64) -> Spread {
    Spread {
        min: ms,
        p50: ms,
        p95: ms,
        p99: ms,
    }
}

impl Timing {
    /// The row of the table.
    #[must_use]
    pub const fn spread(self, quantity: Quantity) -> Spread {
        match self {
            Self::Aws => aws(quantity),
            Self::Fast => fast(quantity),
        }
    }

    /// A moment in a period that nobody chose, in thousandths of it.
    pub(super) fn phase(seed: u64, resource: &str, ordinal: u64) -> u64 {
        uniform(&format!("{seed}/{resource}/phase/{ordinal}")) / (WHOLE / 1_000)
    }

    /// One realised wait.
    #[must_use]
    pub fn draw(self, seed: u64, resource: &str, quantity: Quantity, ordinal: u64) -> Duration {
        let key = format!("{seed}/{resource}/{quantity:?}/{ordinal}");
        let spread = self.spread(quantity);
        Duration::from_millis(spread.at(uniform(&key)))
    }
}

/// Published clocks of EC2, EBS, groups and network load balancers; `docs/fidelity.md` names the sources and how sure they are.
const fn aws(quantity: Quantity) -> Spread {
    match quantity {
        Quantity::PendingToRunning => spread(3_000, 6_000, 14_000, 30_000),
        Quantity::TerminateToTerminated => spread(20_000, 42_000, 80_000, 180_000),
        // The vendor promises "a few minutes" and no number.
        Quantity::GuestShutdownMax => spread(60_000, 180_000, 300_000, 300_000),
        Quantity::TerminatedStillDescribed => spread(3_600_000, 3_600_000, 3_600_000, 3_600_000),
        Quantity::TerminatedKeepsTags => spread(60_000, 600_000, 1_800_000, 1_800_000),
        Quantity::NewIdUnknown => spread(0, 300, 3_000, 30_000),
        Quantity::NewIdUnlisted => spread(0, 700, 5_000, 30_000),
        Quantity::VolumeCreate => spread(500, 1_500, 3_000, 4_000),
        Quantity::VolumeAttach => spread(1_000, 3_000, 6_000, 30_000),
        Quantity::DeviceVisible => spread(200, 700, 3_000, 15_000),
        Quantity::VolumeDetach => spread(1_000, 4_000, 12_000, 60_000),
        Quantity::BusyRetry => always(1_000),
        Quantity::InterfaceAttach => spread(500, 2_000, 5_000, 60_000),
        Quantity::InterfaceDetach => spread(1_000, 2_500, 8_000, 60_000),
        Quantity::Restart => spread(3_000, 5_000, 10_000, 25_000),
        Quantity::GroupReacts => spread(1_000, 10_000, 22_000, 28_000),
        Quantity::GroupReplaces => spread(3_000, 12_000, 25_000, 60_000),
        Quantity::GroupNotices => spread(5_000, 60_000, 300_000, 900_000),
        Quantity::GroupLaunches => spread(5_000, 32_000, 35_000, 60_000),
        // Nobody has published the next two: they are guessed.
        Quantity::GroupMovesOn => spread(500, 2_000, 10_000, 20_000),
        Quantity::GroupRetries => spread(15_000, 60_000, 300_000, 900_000),
        Quantity::TargetRegistration => spread(15_000, 90_000, 180_000, 300_000),
        Quantity::TargetStillSent => spread(10_000, 75_000, 125_000, 180_000),
        Quantity::TargetUnhealthyStillSent => spread(20_000, 35_000, 45_000, 75_000),
    }
}

/// Short enough to watch, long enough that every state is seen by a client that polls.
const fn fast(quantity: Quantity) -> Spread {
    match quantity {
        Quantity::PendingToRunning => spread(200, 300, 400, 400),
        Quantity::TerminateToTerminated => spread(300, 500, 700, 700),
        Quantity::GuestShutdownMax => always(8_000),
        Quantity::TerminatedStillDescribed => always(3_600_000),
        Quantity::TerminatedKeepsTags => always(600_000),
        Quantity::NewIdUnknown => spread(0, 20, 60, 100),
        Quantity::NewIdUnlisted => spread(0, 30, 80, 150),
        Quantity::VolumeCreate => spread(20, 50, 80, 80),
        Quantity::VolumeAttach => spread(50, 100, 200, 200),
        Quantity::DeviceVisible => spread(10, 30, 60, 60),
        Quantity::VolumeDetach => spread(50, 100, 200, 200),
        Quantity::BusyRetry => always(100),
        Quantity::InterfaceAttach => spread(50, 80, 150, 150),
        Quantity::InterfaceDetach => spread(50, 100, 200, 200),
        Quantity::Restart => spread(100, 150, 200, 200),
        Quantity::GroupReacts => spread(100, 200, 300, 300),
        Quantity::GroupReplaces => spread(100, 200, 300, 300),
        Quantity::GroupNotices => spread(500, 1_000, 2_000, 2_000),
        Quantity::GroupLaunches => spread(500, 800, 1_000, 1_000),
        Quantity::GroupMovesOn => spread(50, 100, 200, 200),
        Quantity::GroupRetries => spread(1_000, 1_500, 2_000, 2_000),
        Quantity::TargetRegistration => spread(300, 500, 800, 800),
        Quantity::TargetStillSent => spread(1_000, 1_500, 2_000, 2_000),
        Quantity::TargetUnhealthyStillSent => spread(300, 500, 800, 800),
    }
}

/// Parts of ten thousand.
const WHOLE: u64 = 10_000;

impl Spread {
    /// Minimum, median, 95th and 99th percentile, in milliseconds.
    #[must_use]
    pub const fn new(min: u64, p50: u64, p95: u64, p99: u64) -> Self {
        Self { min, p50, p95, p99 }
    }

    /// The value below which `share` of ten thousand draws lie.
    #[must_use]
    pub const fn at(self, share: u64) -> u64 {
        let (low, high, from, to) = match share {
            0..5_000 => (self.min, self.p50, 0, 5_000),
            5_000..9_500 => (self.p50, self.p95, 5_000, 9_500),
            9_500..9_900 => (self.p95, self.p99, 9_500, 9_900),
            // A value that is always the same has no tail.
            _ if self.min == self.p99 => (self.p99, self.p99, 9_900, WHOLE),
            _ => (self.p99, self.p99.saturating_mul(2), 9_900, WHOLE),
        };
        let into = if share > to { to - from } else { share - from };
        low + high.saturating_sub(low).saturating_mul(into) / (to - from)
    }
}

/// Below [`WHOLE`], evenly spread over keys.
fn uniform(key: &str) -> u64 {
    let digest = Sha256::digest(key.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    number % WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_draws_the_same_wait_and_another_ordinal_another() {
        let draw = |ordinal| Timing::Aws.draw(7, "i-1", Quantity::PendingToRunning, ordinal);
        assert_eq!(draw(0), draw(0));
        assert_ne!(draw(0), draw(1));
    }

    #[test]
    fn a_thousand_draws_have_the_median_and_the_tail_of_the_table() {
        let mut waits: Vec<_> = (0..1_000)
            .map(|n| {
                Timing::Aws
                    .draw(1, "i-1", Quantity::TerminateToTerminated, n)
                    .as_millis()
            })
            .collect();
        waits.sort_unstable();
        let (median, p95) = (
            waits.get(500).copied().unwrap_or(0),
            waits.get(950).copied().unwrap_or(0),
        );
        assert!((38_000..46_000).contains(&median), "median {median}");
        assert!((70_000..95_000).contains(&p95), "p95 {p95}");
        assert!(waits.first().is_some_and(|least| *least >= 20_000));
    }

    #[test]
    fn a_constant_stays_constant_in_the_tail() {
        for share in [0, 4_999, 5_000, 9_499, 9_500, 9_999] {
            assert_eq!(always(100).at(share), 100);
        }
    }
}
