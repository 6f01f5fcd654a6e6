//! Request limits: one token bucket per action class, with EC2's published sizes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Tokens are counted in thousandths, so that a refill per millisecond is exact.
const TOKEN: i64 = 1_000;

/// Size of a bucket and what flows in per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    capacity: i64,
    refill_per_second: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    milli_tokens: i64,
    at: Timestamp,
}

/// All buckets of the account and region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Throttle {
    buckets: BTreeMap<String, Bucket>,
}

/// EC2 buckets requests per action; RunInstances has by far the smallest one.
fn limit_of(action: &str) -> Limit {
    match action {
        "RunInstances" => Limit {
            capacity: 5,
            refill_per_second: 2,
        },
        "TerminateInstances" => Limit {
            capacity: 100,
            refill_per_second: 5,
        },
        "CreateTags" | "DeleteTags" => Limit {
            capacity: 100,
            refill_per_second: 10,
        },
        describe if describe.starts_with("Describe") => Limit {
            capacity: 100,
            refill_per_second: 20,
        },
        _ => Limit {
            capacity: 50,
            refill_per_second: 5,
        },
    }
}

impl Throttle {
    /// Takes one token; `false`: there was none.
    pub(super) fn take(&mut self, action: &str, now: Timestamp) -> bool {
        let limit = limit_of(action);
        let full = limit.capacity * TOKEN;
        let bucket = match self.buckets.get_mut(action) {
            Some(bucket) => bucket,
            None => self.buckets.entry(action.to_owned()).or_insert(Bucket {
                milli_tokens: full,
                at: now,
            }),
        };
        // One token per second is one thousandth of a token per millisecond.
        let passed_ms = i64::try_from(now.duration_since(bucket.at).as_millis()).unwrap_or(i64::MAX);
        let refill = passed_ms.max(0).saturating_mul(limit.refill_per_second);
        bucket.milli_tokens = bucket.milli_tokens.saturating_add(refill).min(full);
        bucket.at = now;
        if bucket.milli_tokens < TOKEN {
            return false;
        }
        bucket.milli_tokens -= TOKEN;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::world::agenda::later;

    #[test]
    fn the_sixth_launch_at_once_is_throttled_and_half_a_second_later_one_more_is_free() {
        let mut throttle = Throttle::default();
        let now = Timestamp::UNIX_EPOCH;
        let taken = (0..6).filter(|_| throttle.take("RunInstances", now)).count();
        assert_eq!(taken, 5);
        assert!(!throttle.take("RunInstances", later(now, Duration::from_millis(499))));
        assert!(throttle.take("RunInstances", later(now, Duration::from_millis(500))));
    }

    #[test]
    fn describes_of_one_kind_do_not_starve_another_kind() {
        let mut throttle = Throttle::default();
        let now = Timestamp::UNIX_EPOCH;
        while throttle.take("DescribeInstances", now) {}
        assert!(throttle.take("DescribeVolumes", now));
    }
}
