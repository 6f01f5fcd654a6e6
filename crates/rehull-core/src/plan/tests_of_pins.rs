//! Pins that etcd itself would refuse.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use super::RolloutKind;
use super::tests::{desired, make};
use crate::domain::etcd::Endpoint;
use crate::domain::observed::Observed;
use crate::domain::version::EtcdVersion;
use crate::rollout::tests::model::{Model, NEW, OLD, digest};

#[test]
fn skipped_minors_and_downgrades_are_refused_at_the_pin() {
    for (version, code) in [
        (EtcdVersion::new(3, 7, 1), "plan::etcd_hop"),
        // The cluster version is 3.5: etcd itself refuses a member below it.
        (EtcdVersion::new(3, 4, 34), "plan::point_of_no_return"),
    ] {
        let refusals = make(
            &desired(3, version),
            &Model::healthy(3).observe(),
            RolloutKind::Upgrade,
        )
        .unwrap_err();
        assert_eq!(refusals[0].code, code, "{version}");
        assert_eq!(refusals[0].pointer.as_deref(), Some("/etcd/version"));
    }
}

/// Nobody has asked for a way back: what was typed is a pin, and a pin is what has to be typed.
#[test]
fn a_pin_below_the_cluster_version_is_told_which_pin_is_taken_and_what_comes_before_this_one() {
    let mut seen = Model::healthy(3).observe();
    let refused = |seen: &Observed, to| make(&desired(3, to), seen, RolloutKind::Upgrade).unwrap_err();
    let older = &refused(&seen, EtcdVersion::new(3, 4, 34))[0];
    assert!(!older.message.contains("go back"), "{}", older.message);
    assert_eq!(
        older.help,
        "pin a release of 3.5 (the members run 3.5.33), or a newer minor. There is no way back to 3.4 but a snapshot: docs/runbooks/rollback-refused.md"
    );
    for endpoint in seen.etcd.endpoints.values_mut() {
        if let Endpoint::Answered(answer) = endpoint {
            answer.version = NEW;
            answer.cluster_version = Some(NEW.line());
        }
    }
    for machine in &mut seen.fleet.machines {
        machine.digest = Some(digest(&machine.slot, NEW));
    }
    let older = &refused(&seen, OLD)[0];
    for words in [
        "pin a release of 3.6 (the members run 3.6.14)",
        "`strategy: reattach`",
    ] {
        assert!(older.help.contains(words), "{}", older.help);
    }
}
