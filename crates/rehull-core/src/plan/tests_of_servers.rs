//! The control plane in the plan.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use super::input::ServersTarget;
use super::tests::{desired, rendered};
use super::*;
use crate::domain::desired::Desired;
use crate::domain::fleet::TemplateVersion;
use crate::domain::group::{Group, Launches, Lifecycle, Member, Server, Sizes, TargetHealth};
use crate::domain::ids::{ContentDigest, InstanceId, LaunchTemplateVersion, Zone};
use crate::domain::observed::Observed;
use crate::domain::version::KubernetesVersion;
use crate::rollout::tests::model::{Model, OLD};

const EXAMPLE: &str = include_str!("../../../../examples/control-plane/cluster.yaml");

fn digest(letter: &str) -> ContentDigest {
    ContentDigest::new(format!("sha256:{}", letter.repeat(64)))
}

fn version(number: u64) -> LaunchTemplateVersion {
    LaunchTemplateVersion(NonZeroU64::new(number).unwrap())
}

/// The pinned release is 1.34.2.
fn file() -> Desired {
    let role = crate::config::parse("c", EXAMPLE).unwrap().control_plane;
    Desired {
        control_plane: role,
        ..desired(3, OLD)
    }
}

/// Three servers of version 1 of their launch template.
fn world(release: &str) -> Observed {
    let role = file().control_plane.unwrap();
    let mut seen = Model::healthy(3).observe();
    let release: KubernetesVersion = release.parse().unwrap();
    let id = |n: u8| InstanceId::new(format!("i-{n}"));
    let member = |n: u8| Member {
        machine: id(n),
        zone: Zone::new(format!("z{n}")),
        lifecycle: Lifecycle::InService,
        is_healthy: true,
        version: Some(version(1)),
    };
    let sizes = Sizes {
        min: 3,
        max: 3,
        desired: 3,
    };
    let group = Group {
        template: role.launch_template.clone(),
        launches: Launches::Version(version(1)),
        sizes,
        suspended: BTreeSet::new(),
        members: (0..3).map(member).collect(),
        zones: BTreeSet::new(),
        refused: None,
    };
    let one = TemplateVersion {
        version: version(1),
        digest: Some(digest("a")),
    };
    seen.fleet.templates.insert(role.launch_template, vec![one]);
    seen.groups.groups.insert(role.group, group);
    let healthy = (0..3).map(|n| (id(n), TargetHealth::Healthy)).collect();
    seen.groups.targets.insert(role.target_group, healthy);
    seen.groups.servers = (0..3)
        .map(|n| (id(n), Server::Ready { version: release }))
        .collect();
    seen
}

fn planned(desired: &Desired, seen: &Observed, target: &str) -> Result<RolloutPlan, Vec<Refusal>> {
    asked(
        desired,
        seen,
        RolloutKind::Upgrade,
        ServersTarget::Rendered(String::new(), digest(target)),
    )
}

fn asked(
    desired: &Desired,
    seen: &Observed,
    kind: RolloutKind,
    servers: ServersTarget,
) -> Result<RolloutPlan, Vec<Refusal>> {
    plan(&PlanInput {
        desired,
        seen,
        kind,
        target: rendered(desired),
        servers: Some(servers),
        workers: BTreeMap::new(),
        strategy: desired.etcd.strategy,
        rehull: "test",
    })
}

fn code(refused: Result<RolloutPlan, Vec<Refusal>>) -> &'static str {
    let refusals = refused.expect_err("a refusal");
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals[0].code
}

#[test]
fn servers_of_another_content_give_way_after_etcd_and_the_plan_says_what_changes() {
    let plan = planned(&file(), &world("1.33.13"), "b").unwrap();
    let servers = plan.envelope.servers().unwrap();
    assert_eq!(servers.reasons, ["Kubernetes 1.33.13 → 1.34.2"]);
    assert_eq!(servers.from.as_ref().unwrap().digest, digest("a"));
    let line = plan.forecast.servers.clone().unwrap();
    assert_eq!((line.leaving, line.zones), (3, 3));
    assert!(plan.forecast.total >= line.about);
    assert_eq!(
        plan.headline(),
        "Kubernetes 1.33.13 → 1.34.2 on 3 control-plane machines"
    );
    assert_eq!(plan.forecast.blockers, Vec::<String>::new());
}

#[test]
fn servers_of_the_wanted_content_stay() {
    let mut desired = file();
    desired.control_plane.as_mut().unwrap().version = "1.33.13".parse().unwrap();
    let plan = planned(&desired, &world("1.33.13"), "a").unwrap();
    assert!(plan.envelope.control_plane.is_some(), "what it is stays approved");
    assert_eq!(plan.envelope.servers(), None);
    assert_eq!(plan.forecast.servers, None);
}

/// A group that would make up for a lost machine with something else is not what the file says.
#[test]
fn a_group_that_would_launch_another_content_is_a_reason() {
    let mut desired = file();
    let role = desired.control_plane.as_mut().unwrap();
    role.version = "1.33.13".parse().unwrap();
    let mut seen = world("1.33.13");
    let group = seen.groups.groups.get_mut(&role.group).unwrap();
    group.launches = Launches::Version(version(7));
    let plan = planned(&desired, &seen, "a").unwrap();
    let servers = plan.envelope.servers().unwrap();
    assert_eq!(servers.reasons, ["its group would launch another content"]);
}

#[test]
fn apiservers_take_one_minor_at_a_time_and_never_an_older_one_but_on_the_way_back() {
    assert_eq!(
        code(planned(&file(), &world("1.32.9"), "b")),
        "plan::kubernetes_hop"
    );
    assert_eq!(
        code(planned(&file(), &world("1.35.0"), "b")),
        "plan::kubernetes_hop"
    );
    let mut seen = world("1.35.0");
    let role = file().control_plane.unwrap();
    let two = TemplateVersion {
        version: version(2),
        digest: Some(digest("b")),
    };
    let known = ServerContent {
        version: role.version,
        digest: digest("b"),
    };
    let back = |seen: &Observed| {
        let kind = RolloutKind::Rollback { of: "x".to_owned() };
        asked(&file(), seen, kind, ServersTarget::Known(known.clone()))
    };
    assert_eq!(code(back(&seen)), "plan::template_gone");
    seen.fleet
        .templates
        .get_mut(&role.launch_template)
        .unwrap()
        .push(two);
    let plan = back(&seen).unwrap();
    assert_eq!(plan.envelope.servers().unwrap().to, known);
    assert_eq!(plan.server_user_data, None, "its version exists");
}

#[test]
fn what_cannot_be_rolled_is_refused_with_its_place() {
    type Break = fn(&mut Observed, &mut Desired);
    let cases: [(&str, Break); 5] = [
        ("plan::no_group", |seen, _| seen.groups.groups.clear()),
        ("plan::floating", |seen, _| {
            let group = seen.groups.groups.values_mut().next().unwrap();
            group.launches = Launches::Floating("$Latest".to_owned());
        }),
        ("plan::other_template", |seen, _| {
            let group = seen.groups.groups.values_mut().next().unwrap();
            group.template = crate::domain::ids::LaunchTemplateName::new("other");
        }),
        ("plan::floor", |_, desired| {
            desired.control_plane.as_mut().unwrap().serving.floor = 4;
        }),
        ("plan::not_registered", |seen, _| {
            seen.groups.targets.values_mut().for_each(BTreeMap::clear);
        }),
    ];
    for (wanted, change) in cases {
        let (mut seen, mut desired) = (world("1.33.13"), file());
        change(&mut seen, &mut desired);
        let refusals = planned(&desired, &seen, "b").expect_err(wanted);
        let found = refusals.iter().find(|refusal| refusal.code == wanted);
        let found = found.unwrap_or_else(|| panic!("{wanted}: {refusals:?}"));
        assert!(found.pointer.is_some(), "{wanted}");
    }
}

#[test]
fn a_target_that_does_not_serve_now_blocks_the_start_by_name() {
    let mut seen = world("1.33.13");
    let targets = seen.groups.targets.values_mut().next().unwrap();
    targets.insert(InstanceId::new("i-1"), TargetHealth::Unhealthy);
    let plan = planned(&file(), &seen, "b").unwrap();
    assert_eq!(plan.forecast.blockers.len(), 1);
    assert!(
        plan.forecast.blockers[0]
            .starts_with("i-1 of dev-control-plane is unhealthy at the load balancer → "),
        "{:?}",
        plan.forecast.blockers
    );
}

#[test]
fn healing_a_member_leaves_the_control_plane_alone() {
    let seen = world("1.33.13");
    let kind = RolloutKind::Replace {
        slot: crate::rollout::tests::model::slot_name(0),
    };
    let plan = asked(
        &file(),
        &seen,
        kind,
        ServersTarget::Rendered(String::new(), digest("b")),
    )
    .unwrap();
    assert_eq!(plan.envelope.control_plane, None);
}
