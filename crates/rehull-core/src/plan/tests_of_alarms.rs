//! Plans while an alarm is raised.
#![allow(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use super::RolloutKind;
use super::tests::{desired, make};
use super::tests_of_incidents::{content, heal};
use crate::domain::etcd::Endpoint;
use crate::rollout::tests::model::{Model, NEW, OLD, slot_name};

/// No key is written by it, and the person needs the margin for defragmenting the others.
#[test]
fn without_space_a_member_may_be_healed_and_nothing_else_is_planned() {
    let mut model = Model::healthy(3);
    let machine = model.carrier(&slot_name(2)).unwrap();
    model.kill_machine(&machine);
    let full = |alarm: &str| {
        let mut seen = model.observe();
        for endpoint in seen.etcd.endpoints.values_mut() {
            if let Endpoint::Answered(answer) = endpoint {
                answer.alarms = vec![alarm.to_owned()];
                answer.db_size = 3 << 30;
                answer.db_quota = Some(3 << 30);
            }
        }
        seen
    };
    let healed = heal(&full("NOSPACE"), 2, Some(content(2, OLD))).unwrap().forecast;
    assert!(healed.blockers.is_empty(), "{:?}", healed.blockers);
    let note = |text: &&String| text.contains("NOSPACE") && text.contains("docs/runbooks/alarm.md");
    assert!(healed.notes.iter().any(|text| note(&text)), "{:?}", healed.notes);
    let doubtful = heal(&full("CORRUPT"), 2, Some(content(2, OLD))).unwrap().forecast;
    assert!(doubtful.blockers.iter().any(|text| text.contains("CORRUPT")));
    let upgrade = make(&desired(3, NEW), &full("NOSPACE"), RolloutKind::Upgrade).unwrap();
    let blockers = upgrade.forecast.blockers;
    assert!(
        blockers.iter().any(|text| text.contains("NOSPACE")),
        "{blockers:?}"
    );
    assert!(
        blockers.iter().any(|text| text.contains("of its quota")),
        "{blockers:?}"
    );
}
