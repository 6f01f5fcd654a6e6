//! Times without an acknowledged write.

use std::time::Duration;

use super::report::Stall;

/// Gaps between successive instants from zero to `until`, longest first, at most `count`.
///
/// The time before the first and after the last instant counts: a writer that never got through must not look well.
pub(super) fn longest(instants: &mut Vec<Duration>, until: Duration, count: usize) -> Vec<Stall> {
    instants.push(until);
    instants.sort_unstable();
    let mut before = Duration::ZERO;
    let mut gaps: Vec<(Duration, Duration)> = Vec::with_capacity(instants.len());
    for &at in instants.iter() {
        gaps.push((at.saturating_sub(before), before));
        before = at;
    }
    gaps.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    gaps.truncate(count);
    gaps.into_iter()
        .map(|(length, from)| Stall {
            from_ms: millis(from),
            length_ms: millis(length),
        })
        .collect()
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stalls(instants: &[u64], until: u64) -> Vec<(u64, u64)> {
        let mut instants = instants.iter().copied().map(Duration::from_millis).collect();
        longest(&mut instants, Duration::from_millis(until), 2)
            .iter()
            .map(|stall| (stall.from_ms, stall.length_ms))
            .collect()
    }

    #[test]
    fn finds_the_longest_gaps_wherever_they_are() {
        assert_eq!(stalls(&[5, 10, 60, 65], 70), [(10, 50), (0, 5)]);
        assert_eq!(stalls(&[40, 45], 50), [(0, 40), (40, 5)]);
    }

    #[test]
    fn a_writer_that_never_got_through_stalled_all_the_time() {
        assert_eq!(stalls(&[], 300), [(0, 300)]);
    }
}
