//! How long something took over many runs, in whole seconds.

use std::time::Duration;

use serde::Serialize;

/// Of all runs: the shortest, the two that are spoken of, and the longest. Every value was seen in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    /// Shortest.
    pub min_s: u64,
    /// Half of the runs took no longer.
    pub p50_s: u64,
    /// 95 of 100 runs took no longer.
    pub p95_s: u64,
    /// Longest.
    pub max_s: u64,
}

impl Distribution {
    /// Of these; all 0 if there are none.
    #[must_use]
    pub fn of(spans: impl IntoIterator<Item = Duration>) -> Self {
        let mut seconds: Vec<u64> = spans.into_iter().map(rounded).collect();
        seconds.sort_unstable();
        let at = |percent| seconds.get(rank(seconds.len(), percent)).copied().unwrap_or(0);
        Self {
            min_s: at(0),
            p50_s: at(50),
            p95_s: at(95),
            max_s: at(100),
        }
    }
}

/// The nearest rank: the smallest value that so many per cent of all do not exceed.
pub(super) fn rank(count: usize, percent: usize) -> usize {
    let up_to = count.saturating_mul(percent).div_ceil(100);
    up_to.saturating_sub(1)
}

/// Whole seconds, half a second upwards.
pub(super) fn rounded(span: Duration) -> u64 {
    span.saturating_add(Duration::from_millis(500)).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seconds: impl IntoIterator<Item = u64>) -> [u64; 4] {
        let all = Distribution::of(seconds.into_iter().map(Duration::from_secs));
        [all.min_s, all.p50_s, all.p95_s, all.max_s]
    }

    #[test]
    fn every_value_is_one_that_was_seen() {
        assert_eq!(of([]), [0, 0, 0, 0]);
        assert_eq!(of([7]), [7, 7, 7, 7]);
        assert_eq!(of([9, 1]), [1, 1, 9, 9]);
        assert_eq!(of((1..=100).rev()), [1, 50, 95, 100]);
        assert_eq!(of(1..=20), [1, 10, 19, 20]);
    }

    #[test]
    fn seconds_are_rounded_and_never_cut() {
        for (millis, seconds) in [(0, 0), (499, 0), (500, 1), (1_499, 1), (1_500, 2)] {
            assert_eq!(rounded(Duration::from_millis(millis)), seconds, "{millis} ms");
        }
    }
}
