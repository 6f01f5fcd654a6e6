//! The planner against the modelled cluster of the rollout tests.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use std::collections::BTreeMap;

use super::{PlanInput, Refusal, Reversible, RolloutKind, RolloutPlan, SlotContent, Target, plan};
use crate::domain::desired::{
    AwsTarget, ClientTls, Desired, EtcdRole, MachineTls, ObjectLocation, StoreLocation, TemplateRef,
};
use crate::domain::etcd::Endpoint;
use crate::domain::ids::{
    AccountId, ClusterName, ContentDigest, EtcdClusterId, ImageId, InstanceId, MemberId, Region,
};
use crate::domain::machine::MachineContent;
use crate::domain::observed::Observed;
use crate::domain::policy::{EtcdStrategy, RolloutPolicy};
use crate::domain::version::EtcdVersion;
use crate::rollout::tests::model::{Model, NEW, OLD, digest, slot, slot_name};

pub(super) fn desired(count: usize, version: EtcdVersion) -> Desired {
    let location = |prefix: &str| ObjectLocation {
        bucket: "b".to_owned(),
        prefix: prefix.to_owned(),
    };
    Desired {
        cluster: ClusterName::new("t"),
        aws: AwsTarget {
            account: AccountId::new("111122223333"),
            region: Region::new("r-1"),
            endpoint: None,
        },
        store: StoreLocation::S3(location("store/")),
        artefacts: location("artefacts/"),
        snapshots: location("snapshots/"),
        etcd: EtcdRole {
            version,
            machine: MachineContent {
                binaries: BTreeMap::new(),
                image: ImageId::new("ami-1"),
                instance_type: "m6i.large".to_owned(),
                instance_profile: "p".to_owned(),
                security_groups: Vec::new(),
            },
            flags: BTreeMap::new(),
            template: TemplateRef::BuiltIn(1),
            machine_tls: MachineTls {
                location: location("tls/"),
                revision: "1".to_owned(),
            },
            client_tls: ClientTls::S3(location("client/")),
            strategy: EtcdStrategy::RemoveThenAdd,
            slots: (0..count).map(slot).collect(),
            spare: None,
        },
        control_plane: None,
        workers: None,
        terraform: None,
        policy: RolloutPolicy::default(),
    }
}

pub(super) fn rendered(desired: &Desired) -> Target {
    let one = |s: &crate::domain::desired::Slot| {
        (
            s.name.clone(),
            ("#cloud-config".to_owned(), digest(&s.name, desired.etcd.version)),
        )
    };
    Target::Rendered(desired.etcd.rendered().map(one).collect())
}

pub(super) fn make(
    desired: &Desired,
    seen: &Observed,
    kind: RolloutKind,
) -> Result<RolloutPlan, Vec<Refusal>> {
    let target = rendered(desired);
    plan(&PlanInput {
        desired,
        seen,
        kind,
        target,
        servers: None,
        workers: BTreeMap::new(),
        strategy: desired.etcd.strategy,
        rehull: "0.0.0",
    })
}

pub(super) fn codes(result: Result<RolloutPlan, Vec<Refusal>>) -> Vec<&'static str> {
    result.map_or_else(
        |refusals| refusals.iter().map(|r| r.code).collect(),
        |_| vec!["planned"],
    )
}

#[test]
fn plans_every_member_with_its_reason_and_the_leader_last() {
    let plan = make(
        &desired(3, NEW),
        &Model::healthy(3).observe(),
        RolloutKind::Upgrade,
    )
    .unwrap();
    let order: Vec<String> = plan
        .forecast
        .order
        .iter()
        .map(|step| step.slot.to_string())
        .collect();
    assert_eq!(order, ["etcd-b", "etcd-c", "etcd-a"], "etcd-a leads");
    assert!(
        plan.envelope
            .slots
            .iter()
            .all(|slot| slot.reasons == ["etcd 3.5.33 → 3.6.14"])
    );
    assert_eq!(plan.forecast.order[0].margin, (1, 0, 1));
    let last: Vec<bool> = plan
        .forecast
        .order
        .iter()
        .map(|step| step.point_of_no_return)
        .collect();
    assert_eq!(last, [false, false, true]);
    assert!(matches!(
        plan.envelope.reversible,
        Reversible::UntilLastOldMember { .. }
    ));
    assert!(plan.forecast.blockers.is_empty(), "{:?}", plan.forecast.blockers);
}

#[test]
fn a_cluster_that_was_just_born_has_the_same_digest_before_and_after_its_first_version_is_decided() {
    let want = desired(3, NEW);
    let at_version = |version: (u32, u32)| {
        let mut model = Model::healthy(3);
        model.cluster_version = version;
        make(&want, &model.observe(), RolloutKind::Upgrade)
            .unwrap()
            .envelope
    };
    let (newborn, decided) = (at_version((3, 0)), at_version(OLD.line()));
    assert_eq!(newborn.reversible, decided.reversible);
    assert_eq!(newborn.digest(), decided.digest());
}

#[test]
fn the_digest_survives_another_leader_and_other_machine_ids_and_nothing_else() {
    let want = desired(3, NEW);
    let digest_of = |model: &Model, want: &Desired| {
        make(want, &model.observe(), RolloutKind::Upgrade)
            .unwrap()
            .envelope
            .digest()
    };
    let mut model = Model::healthy(3);
    let first = digest_of(&model, &want);
    model.leader = Some(MemberId(3));
    for (n, machine) in model.machines.iter_mut().enumerate() {
        machine.id = InstanceId::new(format!("i-other-{n}"));
    }
    assert_eq!(digest_of(&model, &want), first);
    let mut baked = want.clone();
    baked.policy.bake = std::time::Duration::from_secs(1);
    assert_ne!(digest_of(&model, &baked), first);
    let mut typed = want.clone();
    typed.etcd.machine.instance_type = "m6i.xlarge".to_owned();
    assert_ne!(digest_of(&model, &typed), first);
    let mut account = model.observe();
    account.identity = None;
    assert_eq!(
        codes(make(&want, &account, RolloutKind::Upgrade)),
        ["plan::not_created"]
    );
}

#[test]
fn the_same_content_plans_nothing_whatever_version_of_rehull_asks() {
    let want = desired(3, OLD);
    let plan = make(&want, &Model::healthy(3).observe(), RolloutKind::Upgrade).unwrap();
    assert!(plan.envelope.slots.iter().all(|slot| !slot.changes()));
    assert!(plan.forecast.order.is_empty());
}

#[test]
fn everything_wrong_with_the_world_is_told_at_once() {
    let mut model = Model::healthy(3);
    model.parts.remove(&slot_name(0));
    model.parts.get_mut(&slot_name(1)).unwrap().volume_cluster = Some("prod".to_owned());
    model.parts.get_mut(&slot_name(2)).unwrap().interface_address = Some(core::net::Ipv4Addr::LOCALHOST);
    let found = codes(make(&desired(3, NEW), &model.observe(), RolloutKind::Upgrade));
    assert_eq!(
        found,
        ["plan::slot_missing", "plan::foreign_volume", "plan::slot_address"]
    );
}

#[test]
fn another_etcd_cluster_behind_an_address_is_refused_for_a_person() {
    let mut seen = Model::healthy(3).observe();
    let Some(Endpoint::Answered(answer)) = seen.etcd.endpoints.get_mut(&slot_name(1)) else {
        return;
    };
    answer.cluster = EtcdClusterId(9);
    let refusals = make(&desired(3, NEW), &seen, RolloutKind::Upgrade).unwrap_err();
    assert_eq!(refusals[0].code, "plan::other_etcd");
    assert!(refusals[0].needs_human);
}

#[test]
fn an_empty_cluster_with_an_identity_is_quorum_loss_and_without_one_it_can_be_created() {
    let mut model = Model::healthy(3);
    for n in 0..3 {
        model.kill_machine(&InstanceId::new(format!("i-old-{n}")));
    }
    let refusals = make(&desired(3, NEW), &model.observe(), RolloutKind::Upgrade).unwrap_err();
    assert_eq!(refusals[0].code, "plan::quorum_lost");
    assert!(
        refusals[0].message.contains("holds generation 1"),
        "{}",
        refusals[0].message
    );
    // Even without the record, used volumes are never formatted.
    model.identity = false;
    assert_eq!(
        codes(make(&desired(3, NEW), &model.observe(), RolloutKind::Bootstrap)),
        ["plan::not_blank"; 3]
    );
    for parts in model.parts.values_mut() {
        parts.volume_generation = None;
    }
    assert_eq!(
        codes(make(&desired(3, NEW), &model.observe(), RolloutKind::Bootstrap)),
        ["planned"]
    );
}

#[test]
fn rollback_is_refused_once_the_cluster_version_has_risen_and_names_the_way_out() {
    let mut seen = Model::healthy(3).observe();
    for endpoint in seen.etcd.endpoints.values_mut() {
        if let Endpoint::Answered(answer) = endpoint {
            answer.version = NEW;
            answer.cluster_version = Some((3, 6));
        }
    }
    let want = desired(3, OLD);
    let known = (0..3).map(|n| {
        let name = slot_name(n);
        (
            name.clone(),
            SlotContent {
                version: OLD,
                digest: ContentDigest::new(format!("sha256:{name}")),
            },
        )
    });
    let input = PlanInput {
        desired: &want,
        seen: &seen,
        kind: RolloutKind::Rollback { of: "t-1".to_owned() },
        target: Target::Known(known.collect()),
        servers: None,
        workers: BTreeMap::new(),
        strategy: EtcdStrategy::RemoveThenAdd,
        rehull: "0",
    };
    let refusals = plan(&input).unwrap_err();
    assert_eq!(refusals[0].code, "plan::point_of_no_return");
    assert!(refusals[0].help.contains("downgrade"), "{}", refusals[0].help);
}

#[test]
fn one_member_below_the_cluster_version_is_enough_to_refuse_the_way_back() {
    let mut seen = Model::healthy(3).observe();
    for endpoint in seen.etcd.endpoints.values_mut() {
        if let Endpoint::Answered(answer) = endpoint {
            answer.version = EtcdVersion::new(3, 6, 15);
            answer.cluster_version = Some((3, 6));
        }
    }
    let want = desired(3, OLD);
    let known = [(0, NEW), (1, OLD), (2, NEW)].map(|(n, version)| {
        let name = slot_name(n);
        let digest = ContentDigest::new(format!("sha256:former-{name}"));
        (name, SlotContent { version, digest })
    });
    let input = PlanInput {
        desired: &want,
        seen: &seen,
        kind: RolloutKind::Rollback { of: "t-1".to_owned() },
        target: Target::Known(known.into()),
        servers: None,
        workers: BTreeMap::new(),
        strategy: EtcdStrategy::RemoveThenAdd,
        rehull: "0",
    };
    let refusals = plan(&input).unwrap_err();
    assert_eq!(refusals[0].code, "plan::point_of_no_return");
    assert!(refusals[0].message.contains("etcd-b"), "{}", refusals[0].message);
}

#[test]
fn a_member_that_does_not_come_up_blocks_an_upgrade_but_not_the_way_back() {
    let mut seen = Model::healthy(3).observe();
    seen.etcd.endpoints.insert(slot_name(1), Endpoint::Refused);
    let blocked = make(&desired(3, NEW), &seen, RolloutKind::Upgrade).unwrap();
    assert_eq!(blocked.forecast.blockers.len(), 1);
    let back = make(
        &desired(3, NEW),
        &seen,
        RolloutKind::Rollback { of: "t-1".to_owned() },
    )
    .unwrap();
    assert!(back.forecast.blockers.is_empty(), "{:?}", back.forecast.blockers);
}

#[test]
fn small_clusters_are_refused_what_would_cost_them_quorum() {
    let mut want = desired(1, NEW);
    assert_eq!(
        codes(make(&want, &Model::healthy(1).observe(), RolloutKind::Upgrade)),
        ["plan::strategy", "plan::downtime"]
    );
    want.etcd.strategy = EtcdStrategy::Reattach;
    want.policy.accept_downtime = true;
    assert_eq!(
        codes(make(&want, &Model::healthy(1).observe(), RolloutKind::Upgrade)),
        ["planned"]
    );
}

#[test]
fn with_no_member_that_answers_there_is_no_plan_and_the_words_of_each_are_shown() {
    let mut seen = Model::healthy(3).observe();
    for endpoint in seen.etcd.endpoints.values_mut() {
        *endpoint = Endpoint::Strange("it says that our certificate has expired".to_owned());
    }
    let refusals = make(&desired(3, NEW), &seen, RolloutKind::Upgrade).unwrap_err();
    let [refusal] = refusals.as_slice() else {
        unreachable!("{refusals:?}")
    };
    assert_eq!(refusal.code, "plan::unanswered");
    assert!(
        refusal
            .message
            .contains("etcd-c: answers, but not as a member of this cluster: it says")
    );
    assert_eq!(refusal.pointer.as_deref(), Some("/etcd/clientTls"));
    assert!(refusal.needs_human && refusal.help.contains("openssl x509"));

    for endpoint in seen.etcd.endpoints.values_mut() {
        *endpoint = Endpoint::Refused;
    }
    let refusals = make(&desired(3, OLD), &seen, RolloutKind::Upgrade).unwrap_err();
    assert_eq!(refusals[0].pointer.as_deref(), Some("/etcd/slots"));
    assert!(
        refusals[0]
            .message
            .contains("etcd-a: its port refuses connections")
    );
}

#[test]
fn of_another_cluster_nothing_is_said_but_that() {
    let mut want = desired(3, NEW);
    want.cluster = ClusterName::new("other");
    let mut seen = Model::healthy(3).observe();
    seen.fleet.machines.clear();
    let refusals = make(&want, &seen, RolloutKind::Upgrade).unwrap_err();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0].code, "plan::other_cluster");
    assert_eq!(refusals[0].label, "the record says t");
}
