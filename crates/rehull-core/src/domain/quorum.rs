//! Quorum arithmetic: one place, with the table it must agree with.
//!
//! `margin` = voters that may still fail. It is always computed for the state *after* a change, and a voter that has
//! just been added counts as unhealthy, because it may never start:
//!
//! | voters | steady | one out | removed | added, not started | joined |
//! |---|---|---|---|---|---|
//! | 1 | 0 | -1 | impossible | – | – |
//! | 3 | 1 | 0 | 0 (2 voters) | 0 (3 voters, 2 up) | 1 |
//! | 5 | 2 | 1 | 1 (4 voters) | 1 (5 voters, 4 up) | 2 |
//! | 7 | 3 | 2 | 2 (6 voters) | 2 (7 voters, 6 up) | 3 |

use crate::mutant::mutant;

/// Voters and how many of them are healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Voters in the member list.
    pub voters: u32,
    /// Those that answer, serve and follow.
    pub healthy: u32,
}

/// Votes needed for a decision.
#[must_use]
pub const fn quorum(voters: u32) -> u32 {
    voters / 2 + 1
}

impl Standing {
    /// Healthy voters that may still fail before writes stop; negative: quorum is lost.
    #[must_use]
    pub fn margin(self) -> i64 {
        mutant!(HalfIsAQuorum => return i64::from(self.healthy) - i64::from(self.voters / 2));
        i64::from(self.healthy) - i64::from(quorum(self.voters))
    }

    /// After one healthy voter has stopped.
    #[must_use]
    pub const fn after_stop(self) -> Self {
        Self {
            voters: self.voters,
            healthy: self.healthy.saturating_sub(1),
        }
    }

    /// After removing a voter that is already out.
    #[must_use]
    pub const fn after_removing_one_that_is_out(self) -> Self {
        Self {
            voters: self.voters.saturating_sub(1),
            healthy: self.healthy,
        }
    }

    /// After adding a voter; it counts as unhealthy until it has joined.
    #[must_use]
    pub const fn after_adding(self) -> Self {
        Self {
            voters: self.voters.saturating_add(1),
            healthy: self.healthy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_agrees_with_the_table_above_through_a_whole_replacement() {
        for (voters, steady, out, removed, added) in [
            (1, 0, -1, -1, -1),
            (3, 1, 0, 0, 0),
            (5, 2, 1, 1, 1),
            (7, 3, 2, 2, 2),
            (9, 4, 3, 3, 3),
        ] {
            let all = Standing {
                voters,
                healthy: voters,
            };
            let stopped = all.after_stop();
            let gone = stopped.after_removing_one_that_is_out();
            assert_eq!(all.margin(), steady, "{voters} voters");
            assert_eq!(stopped.margin(), out, "{voters} voters, one stopped");
            assert_eq!(gone.margin(), removed, "{voters} voters, one removed");
            assert_eq!(
                gone.after_adding().margin(),
                added,
                "{voters} voters, one added and not started"
            );
        }
    }

    #[test]
    fn adding_before_removing_never_raises_the_margin() {
        for voters in 1..=9 {
            let all = Standing {
                voters,
                healthy: voters,
            };
            assert!(all.after_adding().margin() <= all.margin(), "{voters} voters");
        }
    }

    #[test]
    fn even_numbers_tolerate_no_more_than_the_odd_number_below() {
        for voters in [2, 4, 6, 8] {
            let even = Standing {
                voters,
                healthy: voters,
            };
            let odd = Standing {
                voters: voters - 1,
                healthy: voters - 1,
            };
            assert_eq!(even.margin(), odd.margin());
        }
    }
}
