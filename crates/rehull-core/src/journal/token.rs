//! Idempotency tokens.

use sha2::{Digest, Sha256};

use crate::domain::ids::{RolloutId, StepId, Token};

/// 128 bits; EC2 takes client tokens of up to 64 characters.
const TOKEN_HEX_DIGITS: usize = 32;

/// Token of one attempt of one action: the same in every process, before and after a crash.
///
/// `key` is [`crate::domain::action::Action::key`]. Every part goes in with its length, so no two different lists of
/// parts read the same.
#[must_use]
pub fn token(rollout: &RolloutId, step: &StepId, key: &str, attempt: u32) -> Token {
    let mut hash = Sha256::new();
    for part in [rollout.as_str(), step.as_str(), key, &attempt.to_string()] {
        hash.update(format!("{}:", part.len()));
        hash.update(part);
    }
    let hash = hash.finalize();
    Token::new(format!("{hash:.TOKEN_HEX_DIGITS$x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rollout: &str, step: &str, key: &str, attempt: u32) -> Token {
        token(&RolloutId::new(rollout), &StepId::new(step), key, attempt)
    }

    #[test]
    fn a_token_never_changes_between_releases_because_a_resumed_launch_must_send_the_same_one() {
        let token = of("dev-2026-11-21-01", "etcd/etcd-b", "go i-1", 1);
        assert_eq!(token.as_str(), "20992e07bd30ae788dc3dff70920610a");
    }

    #[test]
    fn tokens_differ_in_every_part_and_in_where_one_part_ends() {
        let one = of("r", "s", "k", 1);
        for other in [
            of("r2", "s", "k", 1),
            of("r", "s2", "k", 1),
            of("r", "s", "k2", 1),
            of("r", "s", "k", 2),
        ] {
            assert_ne!(one, other);
        }
        assert_ne!(of("ab", "c", "k", 1), of("a", "bc", "k", 1));
        assert_ne!(of("r", "s", "k", 11), of("r", "s", "k1", 1));
    }
}
