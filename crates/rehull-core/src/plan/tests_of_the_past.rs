//! What earlier plans tell the planner, and what is in the way although nothing is to be replaced.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use super::tests::{codes, desired, make, rendered};
use super::{Past, PlanInput, Refusal, RolloutKind, RolloutPlan, Target, plan_knowing};
use crate::domain::desired::Desired;
use crate::domain::etcd::{Endpoint, MemberAnswer};
use crate::domain::ids::{ContentDigest, SlotName};
use crate::domain::observed::Observed;
use crate::rollout::tests::model::{Model, NEW, OLD, digest, slot_name};

fn knowing(want: &Desired, target: Target, earlier: &[RolloutPlan]) -> Result<RolloutPlan, Vec<Refusal>> {
    let seen = Model::healthy(3).observe();
    let input = PlanInput {
        desired: want,
        seen: &seen,
        kind: RolloutKind::Upgrade,
        target,
        servers: None,
        workers: std::collections::BTreeMap::new(),
        strategy: want.etcd.strategy,
        rehull: "0.0.0",
    };
    plan_knowing(
        &input,
        &Past {
            plans: earlier.to_vec(),
            ..Past::default()
        },
    )
}

fn change(seen: &mut Observed, n: usize, change: impl FnOnce(&mut MemberAnswer)) {
    if let Some(Endpoint::Answered(answer)) = seen.etcd.endpoints.get_mut(&slot_name(n)) {
        change(answer);
    }
}

/// The plan by which the machines of the model were booted.
fn former() -> RolloutPlan {
    let mut want = desired(3, OLD);
    want.etcd
        .machine
        .binaries
        .insert("etcd".to_owned(), "aa".repeat(32));
    make(&want, &Model::healthy(3).observe(), RolloutKind::Upgrade).unwrap()
}

#[test]
fn digests_of_the_release_before_are_refused_at_their_pin() {
    let mut want = desired(3, NEW);
    want.etcd
        .machine
        .binaries
        .insert("etcd".to_owned(), "aa".repeat(32));
    let refusals = knowing(&want, rendered(&want), &[former()]).unwrap_err();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0].code, "plan::forgotten_digest");
    assert_eq!(refusals[0].pointer.as_deref(), Some("/etcd/binaries/etcd"));
    assert!(
        refusals[0].message.contains("digest of etcd 3.5.33"),
        "{}",
        refusals[0].message
    );
    assert!(
        refusals[0].help.contains("sha256sum DIR/etcd/3.6.14/etcd"),
        "{}",
        refusals[0].help
    );

    want.etcd
        .machine
        .binaries
        .insert("etcd".to_owned(), "bb".repeat(32));
    assert_eq!(codes(knowing(&want, rendered(&want), &[former()])), ["planned"]);
}

#[test]
fn of_two_plans_with_one_digest_the_older_one_says_which_release_it_is() {
    let mut mistaken = former();
    mistaken.envelope.to = NEW;
    let mut want = desired(3, OLD);
    want.etcd
        .machine
        .binaries
        .insert("etcd".to_owned(), "aa".repeat(32));
    let earlier = [mistaken, former()];
    assert_eq!(codes(knowing(&want, rendered(&want), &earlier)), ["planned"]);
}

#[test]
fn a_machine_of_the_same_release_is_replaced_for_reasons_with_from_and_to() {
    let mut former = former();
    for name in (0..3).map(slot_name) {
        former
            .user_data
            .insert(name, "#cloud-config\n# a\nquota: 1\n".to_owned());
    }
    let mut want = desired(3, OLD);
    want.etcd.machine.instance_type = "m6i.xlarge".to_owned();
    want.etcd
        .machine
        .binaries
        .insert("etcd".to_owned(), "aa".repeat(32));
    let one = |name: SlotName| {
        let text = "#cloud-config\n# a\nquota: 2\n".to_owned();
        let digest = ContentDigest::new(format!("sha256:new-{name}"));
        (name, (text, digest))
    };
    let target = Target::Rendered((0..3).map(slot_name).map(one).collect());
    let plan = knowing(&want, target.clone(), &[former]).unwrap();
    assert_eq!(
        plan.envelope.slots[0].reasons,
        [
            "instance type: m6i.large → m6i.xlarge",
            "user data: `quota: 1` → `quota: 2`"
        ]
    );
    assert!(plan.forecast.order[0].because.contains("m6i.large → m6i.xlarge"));
    let unknown = knowing(&want, target, &[]).unwrap();
    assert!(unknown.envelope.slots[0].reasons[0].starts_with("its content digest differs"));
}

#[test]
fn a_misspelt_member_is_refused_with_the_nearest_name() {
    for kind in [
        RolloutKind::Replace {
            slot: SlotName::new("etcd-bb"),
        },
        RolloutKind::Heal {
            slot: SlotName::new("etdc-b"),
        },
    ] {
        let refusals = make(&desired(3, NEW), &Model::healthy(3).observe(), kind).unwrap_err();
        assert_eq!(refusals.len(), 1, "{refusals:?}");
        assert_eq!(refusals[0].code, "plan::unknown_member");
        assert!(
            refusals[0].help.starts_with("did you mean `etcd-b`?"),
            "{}",
            refusals[0].help
        );
    }
}

#[test]
fn a_database_too_big_to_be_copied_or_too_near_its_quota_blocks_with_the_remedy() {
    let blockers = |size: u64, quota: Option<u64>| {
        let mut seen = Model::healthy(3).observe();
        change(&mut seen, 1, |answer| {
            answer.db_size = size;
            answer.db_quota = quota;
        });
        let plan = make(&desired(3, NEW), &seen, RolloutKind::Upgrade).unwrap();
        plan.forecast.blockers
    };
    let gib = 1024 * 1024 * 1024;
    assert_eq!(blockers(gib, Some(8 * gib)), Vec::<String>::new());
    let big = blockers(6 * gib, Some(8 * gib));
    assert_eq!(big.len(), 1, "{big:?}");
    assert!(
        big[0].contains("has 6 GiB") && big[0].contains("`etcdctl defrag`"),
        "{big:?}"
    );
    let full = blockers(7 * gib, Some(8 * gib));
    assert_eq!(full.len(), 2, "{full:?}");
    // Below 3.6 a member does not tell its quota: what etcd takes by itself counts.
    let untold = blockers(gib * 19 / 10, None);
    assert!(
        untold[0].contains("of 2147483648 bytes of its quota"),
        "{untold:?}"
    );
}

#[test]
fn a_member_that_is_out_is_named_with_its_command_although_no_machine_is_replaced() {
    for serves in [true, false] {
        let mut seen = Model::healthy(3).observe();
        if serves {
            seen.etcd.endpoints.insert(slot_name(1), Endpoint::Refused);
        } else {
            change(&mut seen, 1, |answer| answer.serves = false);
        }
        let plan = make(&desired(3, OLD), &seen, RolloutKind::Upgrade).unwrap();
        assert!(plan.envelope.slots.iter().all(|slot| !slot.changes()));
        let blockers = plan.forecast.blockers;
        assert_eq!(blockers.len(), 1, "{blockers:?}");
        assert!(
            blockers[0].starts_with("etcd-b ") && blockers[0].contains("rehull etcd heal etcd-b"),
            "{blockers:?}"
        );
    }
}

/// Members of 3.6 below which somebody has enabled etcd's own downgrade.
fn downgrading() -> Observed {
    let mut seen = Model::healthy(3).observe();
    for n in 0..3 {
        change(&mut seen, n, |answer| answer.version = NEW);
        seen.fleet.machines[n].digest = Some(digest(&slot_name(n), NEW));
    }
    seen
}

#[test]
fn while_etcds_own_downgrade_is_enabled_nothing_newer_is_planned_and_the_minor_it_is_for_is() {
    let seen = downgrading();
    let newer = crate::domain::version::EtcdVersion::new(3, 7, 1);
    let slot = slot_name(1);
    for (version, kind) in [
        (newer, RolloutKind::Upgrade),
        (NEW, RolloutKind::Replace { slot }),
    ] {
        let refusals = make(&desired(3, version), &seen, kind).unwrap_err();
        assert_eq!(refusals[0].code, "plan::downgrade_enabled", "{version}");
        assert!(
            refusals[0].help.contains("etcdctl downgrade cancel"),
            "{}",
            refusals[0].help
        );
    }
    let mut want = desired(3, OLD);
    let refusals = make(&want, &seen, RolloutKind::Upgrade).unwrap_err();
    assert_eq!(refusals[0].code, "plan::downgrade_in_place");
    want.etcd.strategy = crate::domain::policy::EtcdStrategy::Reattach;
    let back = make(&want, &seen, RolloutKind::Upgrade).unwrap();
    assert_eq!(back.envelope.to, OLD);
    assert_eq!(
        back.envelope.slots.iter().filter(|slot| slot.changes()).count(),
        3
    );
    // Two minors below, or with a member that does not answer, it is a downgrade like any other.
    let codes_of = |seen: &Observed, version| codes(make(&desired(3, version), seen, RolloutKind::Upgrade));
    let older = crate::domain::version::EtcdVersion::new(3, 4, 23);
    assert_ne!(codes_of(&seen, older), ["planned"]);
    let mut one_is_out = downgrading();
    one_is_out.etcd.endpoints.insert(slot_name(2), Endpoint::Refused);
    assert_ne!(codes_of(&one_is_out, OLD), ["planned"]);
}

/// From 3.6 on etcd says itself that it is enabled, also when some members have gone down already: by the versions alone it
/// would look like an upgrade in the middle.
#[test]
fn a_downgrade_in_the_middle_is_no_upgrade_to_go_on_with() {
    let mut seen = downgrading();
    change(&mut seen, 0, |answer| answer.version = OLD);
    seen.fleet.machines[0].digest = Some(digest(&slot_name(0), OLD));
    let planned = |seen: &Observed, want: &Desired| codes(make(want, seen, RolloutKind::Upgrade));
    assert_eq!(
        planned(&seen, &desired(3, NEW)),
        ["planned"],
        "an upgrade in the middle"
    );
    for n in 1..3 {
        change(&mut seen, n, |answer| answer.downgrade_to = Some(OLD.line()));
    }
    assert_eq!(planned(&seen, &desired(3, NEW)), ["plan::downgrade_enabled"]);
    let mut back = desired(3, OLD);
    assert_eq!(planned(&seen, &back), ["plan::downgrade_in_place"]);
    back.etcd.strategy = crate::domain::policy::EtcdStrategy::Reattach;
    assert_eq!(planned(&seen, &back), ["planned"]);
}

/// Anew it would not join, and an abort could not end what waits for the downgrade to be cancelled.
#[test]
fn while_a_downgrade_is_enabled_a_lost_member_is_healed_on_its_own_data_only() {
    let mut seen = downgrading();
    for n in 0..2 {
        change(&mut seen, n, |answer| answer.downgrade_to = Some(OLD.line()));
    }
    seen.etcd.endpoints.insert(slot_name(2), Endpoint::Refused);
    let slot = slot_name(2);
    let healed = |want: &Desired| codes(make(want, &seen, RolloutKind::Heal { slot: slot.clone() }));
    let mut want = desired(3, NEW);
    assert_eq!(healed(&want), ["plan::downgrade_enabled"]);
    want.etcd.strategy = crate::domain::policy::EtcdStrategy::Reattach;
    assert_eq!(healed(&want), ["planned"]);
}
