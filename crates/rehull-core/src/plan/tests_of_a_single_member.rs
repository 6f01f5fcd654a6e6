//! A cluster of one member: where it is silent nobody else can be asked.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use super::tests::{codes, desired, make};
use super::{Past, PlanInput, Refusal, RolloutKind, RolloutPlan, SlotContent, Target, plan_knowing};
use crate::domain::desired::Desired;
use crate::domain::etcd::Endpoint;
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;
use crate::rollout::tests::model::{Model, NEW, OLD, digest, slot_name};

/// Another release of the new minor.
const PATCH: EtcdVersion = EtcdVersion::new(3, 6, 12);

fn alone() -> Desired {
    let mut want = desired(1, NEW);
    want.etcd.strategy = EtcdStrategy::Reattach;
    want.policy.accept_downtime = true;
    want
}

/// The plan of the rollout that has moved the member to the new release.
fn upgrade() -> RolloutPlan {
    make(&alone(), &Model::healthy(1).observe(), RolloutKind::Upgrade).unwrap()
}

/// Its machine is the new one, and says nothing.
fn silent() -> Observed {
    let mut model = Model::healthy(1);
    model.machines[0].digest = Some(digest(&slot_name(0), NEW));
    let versions = model.templates.values_mut().next().unwrap();
    for version in [NEW, PATCH] {
        let mut more = versions[0].clone();
        more.digest = Some(digest(&slot_name(0), version));
        versions.push(more);
    }
    let mut seen = model.observe();
    seen.etcd
        .endpoints
        .insert(slot_name(0), Endpoint::Silent("no answer within 2 s".to_owned()));
    seen
}

fn made(
    kind: RolloutKind,
    version: EtcdVersion,
    seen: &Observed,
    served: Option<EtcdVersion>,
) -> Result<RolloutPlan, Vec<Refusal>> {
    let want = alone();
    let digest = digest(&slot_name(0), version);
    let input = PlanInput {
        desired: &want,
        seen,
        kind,
        target: Target::Known([(slot_name(0), SlotContent { version, digest })].into()),
        servers: None,
        workers: std::collections::BTreeMap::new(),
        strategy: want.etcd.strategy,
        rehull: "0.0.0",
    };
    let past = Past {
        plans: vec![upgrade()],
        served: served
            .map(|version| (slot_name(0), version))
            .into_iter()
            .collect(),
    };
    plan_knowing(&input, &past)
}

fn back() -> RolloutKind {
    RolloutKind::Rollback { of: "t-1".to_owned() }
}

fn heal() -> RolloutKind {
    RolloutKind::Heal { slot: slot_name(0) }
}

#[test]
fn one_that_never_served_goes_back_and_the_way_back_has_a_way_back() {
    let plan = made(back(), OLD, &silent(), None).unwrap();
    assert_eq!(plan.forecast.blockers, Vec::<String>::new());
    let slot = &plan.envelope.slots[0];
    assert_eq!(slot.reasons, ["etcd 3.6.14 → 3.5.33"]);
    assert_eq!(slot.from.as_ref().unwrap().version, NEW);
    assert_eq!(plan.envelope.from, Some(NEW));
}

#[test]
fn one_that_served_and_is_silent_now_is_not_taken_back_behind_the_point_of_no_return() {
    let refusals = made(back(), OLD, &silent(), Some(NEW)).unwrap_err();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0].code, "plan::point_of_no_return");
    assert!(
        refusals[0].help.contains("rehull etcd heal"),
        "{}",
        refusals[0].help
    );
    // Within one minor there is no such point.
    assert!(made(back(), PATCH, &silent(), Some(NEW)).is_ok());
}

#[test]
fn a_silent_one_can_be_healed_as_it_was_unless_somebody_strange_answers() {
    let plan = made(heal(), NEW, &silent(), None).unwrap();
    assert_eq!(plan.forecast.blockers, Vec::<String>::new());
    assert!(plan.envelope.slots[0].changes());
    let mut seen = silent();
    let strange = Endpoint::Strange("our certificate has expired".to_owned());
    seen.etcd.endpoints.insert(slot_name(0), strange);
    for kind in [heal(), back()] {
        assert_eq!(codes(made(kind, NEW, &seen, None)), ["plan::unanswered"]);
    }
}

#[test]
fn of_three_silent_ones_none_is_healed_or_taken_back() {
    let mut seen = Model::healthy(3).observe();
    for endpoint in seen.etcd.endpoints.values_mut() {
        *endpoint = Endpoint::Silent("no answer within 2 s".to_owned());
    }
    for kind in [heal(), back()] {
        assert_eq!(codes(make(&desired(3, NEW), &seen, kind)), ["plan::unanswered"]);
    }
}
