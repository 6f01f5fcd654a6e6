//! All times of a lease follow from its time to live.

use std::time::Duration;

/// Longer leases do not make calls longer: every port call is bounded by 20 s.
const CALL_BOUND_MAX: Duration = Duration::from_secs(20);
/// A call's bound and what may pass between the look at the lease and the first byte on the wire.
const CALL_TIMEOUT_MAX: Duration = Duration::from_secs(25);
/// Renewing faster than this would only make noise.
const RETRY_MIN: Duration = Duration::from_millis(20);

/// Times derived from one time to live; with 60 s: renewed every 15 s, tried again after 2 s, calls bounded by 20 s and
/// sent only while the lease outlives 25 s. So two renewals may fail before nothing new is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long the lease lives without a renewal.
    pub ttl: Duration,
    /// Pause between renewals.
    pub renew_every: Duration,
    /// Pause after a renewal that failed.
    pub retry_after: Duration,
    /// A call without an answer is given up after this, whatever time-out its adapter has.
    pub call_bound: Duration,
    /// A call is sent only if the lease lives longer than this.
    pub call_timeout: Duration,
}

impl LeaseTimes {
    /// The times of a lease.
    #[must_use]
    pub fn of(ttl: Duration) -> Self {
        Self {
            ttl,
            renew_every: ttl / 4,
            retry_after: (ttl / 30).max(RETRY_MIN),
            call_bound: (ttl / 3).min(CALL_BOUND_MAX),
            call_timeout: (ttl / 12).saturating_mul(5).min(CALL_TIMEOUT_MAX),
        }
    }

    /// How long a version must stand still before it may be taken over: the last call that its holder may have sent
    /// has ended by then.
    #[must_use]
    pub fn quiet(&self) -> Duration {
        self.ttl.saturating_add(self.call_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_before_its_lease_and_a_lease_survives_two_failed_renewals() {
        for seconds in [1, 6, 60, 300] {
            let times = LeaseTimes::of(Duration::from_secs(seconds));
            assert!(times.call_bound < times.call_timeout, "{seconds} s");
            assert!(
                times.ttl > times.call_timeout + times.renew_every * 2,
                "{seconds} s"
            );
        }
        let minute = LeaseTimes::of(Duration::from_secs(60));
        assert_eq!(minute.call_timeout, Duration::from_secs(25));
        assert_eq!(minute.quiet(), Duration::from_secs(85));
    }
}
