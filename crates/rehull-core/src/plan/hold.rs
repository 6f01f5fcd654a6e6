//! What was taken back is held: a re-run, or the next merge, does not roll it out again by itself.

use super::{Envelope, RolloutKind, RolloutPlan};
use crate::domain::ids::RolloutId;

/// Why this plan is held, and what to do; `None`: it is not.
///
/// `past`: the rollouts of the cluster that can be read, newest first. Held is an upgrade to content that the newest change
/// of the cluster's pins took back; also where nobody can say any more what that content was. Other content is free, which
/// is how a corrected pull request gets through.
#[must_use]
pub fn held(past: &[(RolloutId, RolloutPlan)], envelope: &Envelope) -> Option<String> {
    if envelope.kind != RolloutKind::Upgrade || !envelope.replaces() {
        return None;
    }
    // A healed or replaced member changes nothing about what was decided of the pins.
    let (by, of) = past.iter().find_map(|(id, plan)| match &plan.envelope.kind {
        RolloutKind::Rollback { of } => Some((id, Some(of))),
        RolloutKind::Upgrade | RolloutKind::Bootstrap => Some((id, None)),
        RolloutKind::Heal { .. } | RolloutKind::Replace { .. } => None,
    })?;
    let of = of?;
    let taken_back = past.iter().find(|(id, _)| id.as_str() == of);
    let is_again = taken_back.is_none_or(|(_, plan)| same_content(&plan.envelope, envelope));
    is_again.then(|| {
        format!(
            "{by} has taken this back ({of}): it is not rolled out again by itself → change the pins, or release it: rehull apply FILE --again"
        )
    })
}

/// Some machine would boot again what it was brought back from.
fn same_content(taken_back: &Envelope, now: &Envelope) -> bool {
    let servers = |envelope: &'_ Envelope| envelope.servers().map(|planned| planned.to.digest.clone());
    if servers(now).is_some_and(|digest| servers(taken_back) == Some(digest)) {
        return true;
    }
    let mut groups = now.worker_groups();
    let is_again = groups.any(|planned| {
        let mut before = taken_back.worker_groups();
        before.any(|before| before.group == planned.group && before.to.digest == planned.to.digest)
    });
    if is_again {
        return true;
    }
    let mut changing = now.slots.iter().filter(|slot| slot.changes());
    changing.any(|slot| {
        let mut before = taken_back.slots.iter();
        before.any(|before| before.slot.name == slot.slot.name && before.to.digest == slot.to.digest)
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected shall fail loudly"
    )]

    use super::super::tests::{desired, make};
    use super::*;
    use crate::domain::version::EtcdVersion;
    use crate::rollout::tests::model::{Model, NEW, OLD, slot_name};

    fn upgrade_to(version: EtcdVersion) -> RolloutPlan {
        make(
            &desired(3, version),
            &Model::healthy(3).observe(),
            RolloutKind::Upgrade,
        )
        .unwrap()
    }

    fn named(id: &str, kind: RolloutKind) -> (RolloutId, RolloutPlan) {
        let mut plan = upgrade_to(NEW);
        plan.envelope.kind = kind;
        (RolloutId::new(id), plan)
    }

    fn back() -> (RolloutId, RolloutPlan) {
        let of = "dev-2026-11-21-01".to_owned();
        named("dev-2026-11-21-02", RolloutKind::Rollback { of })
    }

    fn first() -> (RolloutId, RolloutPlan) {
        named("dev-2026-11-21-01", RolloutKind::Upgrade)
    }

    #[test]
    fn what_was_taken_back_is_held_until_its_content_is_another() {
        let again = upgrade_to(NEW).envelope;
        let why = held(&[back(), first()], &again).unwrap();
        assert!(
            why.starts_with("dev-2026-11-21-02 has taken this back (dev-2026-11-21-01)"),
            "{why}"
        );
        assert!(why.contains("--again"), "{why}");
        let mut corrected = again.clone();
        for slot in &mut corrected.slots {
            slot.to.digest = crate::domain::ids::ContentDigest::new("sha256:other");
        }
        assert_eq!(held(&[back(), first()], &corrected), None);
        // Its policy is no content of a machine: a longer bake is no correction.
        let mut slower = again;
        slower.policy.bake = std::time::Duration::from_secs(7200);
        assert!(held(&[back(), first()], &slower).is_some());
    }

    #[test]
    fn a_heal_in_between_releases_nothing_and_an_upgrade_does() {
        let again = upgrade_to(NEW).envelope;
        let healed = named("dev-2026-11-21-03", RolloutKind::Heal { slot: slot_name(0) });
        assert!(held(&[healed, back(), first()], &again).is_some());
        let released = named("dev-2026-11-21-03", RolloutKind::Upgrade);
        assert_eq!(held(&[released, back(), first()], &again), None);
        assert_eq!(held(&[first()], &again), None);
        assert_eq!(held(&[], &again), None);
    }

    #[test]
    fn where_nobody_knows_what_was_taken_back_every_upgrade_is_held_and_nothing_else_is() {
        let mut envelope = upgrade_to(NEW).envelope;
        assert!(held(&[back()], &envelope).is_some());
        for kind in [
            RolloutKind::Heal { slot: slot_name(0) },
            RolloutKind::Replace { slot: slot_name(0) },
            RolloutKind::Rollback { of: "x".to_owned() },
        ] {
            envelope.kind = kind;
            assert_eq!(held(&[back()], &envelope), None);
        }
        assert_eq!(
            held(&[back()], &upgrade_to(OLD).envelope),
            None,
            "it replaces nothing"
        );
    }
}
