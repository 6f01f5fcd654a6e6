//! Plans in the middle of things: the mixed window, a member that is out, a rollout that somebody gave up.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use super::tests::{codes, desired, make};
use super::{
    PlanInput, Refusal, Reversible, RolloutKind, RolloutPlan, SlotContent, Target, content_for_heal, plan,
};
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::{BootPhase, Join};
use crate::domain::ids::{ContentDigest, SlotName};
use crate::domain::observed::{Gap, Observed, Part};
use crate::domain::version::EtcdVersion;
use crate::rollout::tests::model::{Model, NEW, OLD, digest, slot, slot_name};

/// The slots up to this one run the new release already.
fn mixed(new: usize) -> Model {
    let mut model = Model::healthy(3);
    for n in 0..new {
        let name = slot_name(n);
        model.machines[n].digest = Some(digest(&name, NEW));
        model.running.insert(name, NEW);
    }
    model
}

pub(super) fn heal(
    seen: &Observed,
    n: usize,
    content: Option<SlotContent>,
) -> Result<RolloutPlan, Vec<Refusal>> {
    let want = desired(3, NEW);
    let slot = slot_name(n);
    let known = content
        .map(|content| (slot.clone(), content))
        .into_iter()
        .collect();
    plan(&PlanInput {
        desired: &want,
        seen,
        kind: RolloutKind::Heal { slot },
        target: Target::Known(known),
        servers: None,
        workers: std::collections::BTreeMap::new(),
        strategy: want.etcd.strategy,
        rehull: "0.0.0",
    })
}

pub(super) fn content(slot: usize, version: EtcdVersion) -> SlotContent {
    let digest = digest(&slot_name(slot), version);
    SlotContent { version, digest }
}

fn upgrade() -> RolloutPlan {
    make(
        &desired(3, NEW),
        &Model::healthy(3).observe(),
        RolloutKind::Upgrade,
    )
    .unwrap()
}

#[test]
fn the_plan_for_the_last_old_member_names_the_point_of_no_return_and_the_bake() {
    let last = make(&desired(3, NEW), &mixed(2).observe(), RolloutKind::Upgrade).unwrap();
    assert_eq!(last.forecast.order.len(), 1);
    assert!(last.forecast.order[0].point_of_no_return);
    assert!(last.forecast.order[0].about >= last.envelope.policy.bake);
    let all = upgrade();
    let points: Vec<bool> = all
        .forecast
        .order
        .iter()
        .map(|step| step.point_of_no_return)
        .collect();
    assert_eq!(points, [false, false, true]);
}

#[test]
fn replacing_one_of_several_old_members_is_no_point_of_no_return() {
    let kind = RolloutKind::Replace { slot: slot_name(1) };
    let one = make(&desired(3, NEW), &Model::healthy(3).observe(), kind).unwrap();
    assert!(!one.forecast.order[0].point_of_no_return);
    assert!(one.forecast.order[0].about < one.envelope.policy.bake);
}

#[test]
fn the_last_old_member_is_healed_as_it_was_and_the_way_back_stays_open() {
    let mut model = mixed(2);
    let machine = model.carrier(&slot_name(2)).unwrap();
    model.kill_machine(&machine);
    let seen = model.observe();
    let found = content_for_heal(&[upgrade()], &seen, &slot_name(2), &[]).unwrap();
    assert_eq!(found, content(2, OLD));
    let plan = heal(&seen, 2, Some(found)).unwrap();
    assert_eq!(plan.envelope.reversible, Reversible::Always);
    let template = slot(2).launch_template;
    let mut seen = seen;
    let versions = seen.fleet.templates.get_mut(&template).unwrap();
    versions[0].digest = Some(digest(&slot_name(2), NEW));
    // With the others' release it would be the end of the old minor, and the plan would have to say so.
    let plan = heal(&seen, 2, Some(content(2, NEW))).unwrap();
    assert!(matches!(
        plan.envelope.reversible,
        Reversible::UntilLastOldMember { .. }
    ));
    assert!(plan.forecast.order[0].point_of_no_return);
}

#[test]
fn a_member_is_healed_with_what_it_ran_and_not_with_what_somebody_gave_up() {
    let mut model = Model::healthy(3);
    let machine = model.carrier(&slot_name(1)).unwrap();
    model.kill_machine(&machine);
    // Same release, another flag: planned, begun and aborted.
    let mut given_up = upgrade();
    for planned in &mut given_up.envelope.slots {
        planned.to = SlotContent {
            version: OLD,
            digest: ContentDigest::new("sha256:given-up"),
        };
    }
    let plans = [given_up, upgrade()];
    assert_eq!(
        content_for_heal(&plans, &model.observe(), &slot_name(1), &[]),
        Some(content(1, OLD))
    );
    // EC2 has forgotten the machine: the journals know what it was told to run …
    let mut seen = model.observe();
    seen.fleet.machines.retain(|machine| machine.slot != slot_name(1));
    let told = [digest(&slot_name(1), OLD)];
    assert_eq!(
        content_for_heal(&plans, &seen, &slot_name(1), &told),
        Some(content(1, OLD))
    );
    // … and without them it becomes what stands beside the content of those who serve.
    assert_eq!(
        content_for_heal(&plans, &seen, &slot_name(1), &[]),
        Some(content(1, OLD))
    );
    assert_eq!(content_for_heal(&[], &seen, &slot_name(1), &[]), None);
}

#[test]
fn what_etcd_would_not_start_any_more_is_healed_as_the_survivors_are() {
    let mut model = mixed(3);
    let machine = model.carrier(&slot_name(1)).unwrap();
    model.kill_machine(&machine);
    model.cluster_version = NEW.line();
    let mut seen = model.observe();
    seen.fleet.machines.retain(|machine| machine.slot != slot_name(1));
    let told = [digest(&slot_name(1), OLD)];
    assert_eq!(
        content_for_heal(&[upgrade()], &seen, &slot_name(1), &told),
        Some(content(1, NEW))
    );
}

#[test]
fn a_member_that_serves_is_not_healed_and_the_one_that_is_out_is_named() {
    let refusals = heal(&Model::healthy(3).observe(), 1, Some(content(1, OLD))).unwrap_err();
    assert_eq!(refusals[0].code, "plan::nothing_to_heal");
    assert!(
        refusals[0].help.contains("etcd replace etcd-b"),
        "{}",
        refusals[0].help
    );
    let mut model = Model::healthy(3);
    let machine = model.carrier(&slot_name(2)).unwrap();
    model.kill_machine(&machine);
    let seen = model.observe();
    let refusals = heal_with_others(&seen, 0).unwrap_err();
    assert_eq!(refusals[0].code, "plan::nothing_to_heal");
    assert!(
        refusals[0]
            .help
            .contains("etcd-c is out: rehull etcd heal etcd-c"),
        "{}",
        refusals[0].help
    );
}

fn heal_with_others(seen: &Observed, slot: usize) -> Result<RolloutPlan, Vec<Refusal>> {
    let want = desired(3, NEW);
    let known = (0..3).map(|n| (slot_name(n), content(n, OLD))).collect();
    plan(&PlanInput {
        desired: &want,
        seen,
        kind: RolloutKind::Heal {
            slot: slot_name(slot),
        },
        target: Target::Known(known),
        servers: None,
        workers: std::collections::BTreeMap::new(),
        strategy: want.etcd.strategy,
        rehull: "0.0.0",
    })
}

#[test]
fn a_member_that_hangs_is_healed_on_another_machine_and_its_margin_is_what_is_left() {
    let mut seen = Model::healthy(3).observe();
    let machine = seen.fleet.machines[1].id.clone();
    seen.etcd
        .endpoints
        .insert(slot_name(1), Endpoint::Silent("timed out".to_owned()));
    let plan = heal(&seen, 1, Some(content(1, OLD))).unwrap();
    assert_eq!(plan.replaces[&slot_name(1)], [machine.clone()].into());
    assert_eq!(plan.forecast.order[0].margin, (0, 0, 1));
    let because = &plan.forecast.order[0].because;
    assert!(
        because.contains(machine.as_str()) && because.contains("timed out"),
        "{because}"
    );
}

#[test]
fn a_way_back_from_nothing_keeps_the_release_that_runs() {
    let want = desired(3, NEW);
    let known = (0..3).map(|n| (slot_name(n), content(n, OLD))).collect();
    let back = plan(&PlanInput {
        desired: &want,
        seen: &Model::healthy(3).observe(),
        kind: RolloutKind::Rollback { of: "t-1".to_owned() },
        target: Target::Known(known),
        servers: None,
        workers: std::collections::BTreeMap::new(),
        strategy: want.etcd.strategy,
        rehull: "0.0.0",
    })
    .unwrap();
    assert_eq!(back.headline(), "etcd 3.5.33, nothing to change");
}

#[test]
fn what_could_not_be_read_is_not_told_as_lost() {
    let mut seen = Model::healthy(3).observe();
    seen.fleet.machines.clear();
    seen.fleet.slots.clear();
    for part in [Part::Machines, Part::Slots] {
        let why = "throttled".to_owned();
        seen.gaps.push(Gap { part, why });
    }
    let planned = make(&desired(3, NEW), &seen, RolloutKind::Upgrade);
    assert_eq!(codes(planned), ["plan::blind"; 2]);
}

/// A plan to heal etcd-b of five, etcd-b and etcd-c being out.
fn heal_of_two(seen: &Observed) -> RolloutPlan {
    let want = desired(5, NEW);
    let known: std::collections::BTreeMap<SlotName, SlotContent> =
        [1, 2].map(|n| (slot_name(n), content(n, OLD))).into();
    plan(&PlanInput {
        desired: &want,
        seen,
        kind: RolloutKind::Heal { slot: slot_name(1) },
        target: Target::Known(known),
        servers: None,
        workers: std::collections::BTreeMap::new(),
        strategy: want.etcd.strategy,
        rehull: "0.0.0",
    })
    .unwrap()
}

#[test]
fn two_that_are_lost_do_not_keep_each_other_from_being_healed() {
    let mut seen = Model::healthy(5).observe();
    for n in [1, 2] {
        seen.etcd.endpoints.insert(slot_name(n), Endpoint::Refused);
    }
    // One that hangs on a living machine does not come back by itself.
    let blockers = heal_of_two(&seen).forecast.blockers;
    assert!(
        blockers.len() == 1 && blockers[0].contains("rehull etcd heal etcd-c"),
        "{blockers:?}"
    );
    // A machine that was to bring it back and has refused runs nothing.
    let mut refused = seen.clone();
    for machine in refused
        .fleet
        .machines
        .iter_mut()
        .filter(|machine| machine.slot == slot_name(2))
    {
        machine.report.as_mut().unwrap().phase = BootPhase::Refused;
    }
    assert_eq!(
        heal_of_two(&refused).forecast.blockers.len(),
        1,
        "its etcd may run"
    );
    for machine in &mut refused.fleet.machines {
        machine.join = Some(Join::Reattach);
    }
    assert_eq!(heal_of_two(&refused).forecast.blockers, Vec::<String>::new());
    seen.fleet
        .machines
        .retain(|machine| ![slot_name(1), slot_name(2)].contains(&machine.slot));
    let planned = heal_of_two(&seen);
    assert_eq!(planned.forecast.blockers, Vec::<String>::new());
    let notes = planned.forecast.notes;
    assert!(
        notes
            .iter()
            .any(|note| note.contains("etcd-c has no machine that runs it")),
        "{notes:?}"
    );
}

#[test]
fn what_is_approved_of_a_heal_does_not_change_with_the_words_of_a_look() {
    let mut seen = Model::healthy(3).observe();
    seen.etcd.endpoints.insert(slot_name(1), Endpoint::Refused);
    let heal = |seen: &Observed| {
        let want = desired(3, NEW);
        plan(&PlanInput {
            desired: &want,
            seen,
            kind: RolloutKind::Heal { slot: slot_name(1) },
            target: Target::Known([(slot_name(1), content(1, OLD))].into()),
            servers: None,
            workers: std::collections::BTreeMap::new(),
            strategy: want.etcd.strategy,
            rehull: "0.0.0",
        })
        .unwrap()
    };
    let first = heal(&seen);
    let because = &first.forecast.order[0].because;
    assert!(
        because.contains("gives way: its port refuses connections"),
        "{because}"
    );
    let silent = Endpoint::Silent("no answer within 2 s".to_owned());
    seen.etcd.endpoints.insert(slot_name(1), silent);
    assert_eq!(heal(&seen).envelope.digest(), first.envelope.digest());
    seen.fleet.machines.retain(|machine| machine.slot != slot_name(1));
    assert_eq!(heal(&seen).envelope.digest(), first.envelope.digest());
}

fn silence(seen: &mut Observed, n: usize) {
    let silent = Endpoint::Silent("timed out".to_owned());
    seen.etcd.endpoints.insert(slot_name(n), silent);
}

/// Such a plan is blocked; what it shows has to be so all the same.
#[test]
fn a_member_that_is_out_stands_first_with_the_margin_that_is_left_and_what_its_machine_was_booted_with() {
    let mut seen = Model::healthy(3).observe();
    silence(&mut seen, 2);
    let want = desired(3, NEW);
    let input = PlanInput {
        desired: &want,
        seen: &seen,
        kind: RolloutKind::Upgrade,
        target: super::tests::rendered(&want),
        servers: None,
        workers: std::collections::BTreeMap::new(),
        strategy: want.etcd.strategy,
        rehull: "0.0.0",
    };
    let mut booted_by = upgrade();
    for planned in &mut booted_by.envelope.slots {
        planned.to = planned.from.clone().unwrap();
    }
    let past = super::Past {
        plans: vec![booted_by],
        ..super::Past::default()
    };
    let knowing = super::plan_knowing(&input, &past).unwrap();
    let [first, second, third] = &knowing.forecast.order[..] else {
        panic!("{:?}", knowing.forecast.order)
    };
    assert_eq!(first.slot, slot_name(2));
    assert_eq!(first.because, "is out; etcd 3.5.33 → 3.6.14");
    assert_eq!(first.margin, (0, 0, 1));
    assert_eq!((second.margin, third.margin), ((1, 0, 1), (1, 0, 1)));
    let unknowing = plan(&input).unwrap();
    assert_eq!(
        unknowing.forecast.order[0].because,
        "is out; what it runs is not known: it does not answer"
    );
}

#[test]
fn where_another_member_is_out_and_stays_out_every_margin_is_one_less() {
    let mut seen = Model::healthy(5).observe();
    silence(&mut seen, 4);
    let kind = RolloutKind::Replace { slot: slot_name(1) };
    let one = make(&desired(5, NEW), &seen, kind).unwrap();
    assert_eq!(one.forecast.order[0].margin, (1, 0, 1));
    assert!(!one.forecast.blockers.is_empty());
}
