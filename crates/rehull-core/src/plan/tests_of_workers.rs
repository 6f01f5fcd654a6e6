//! Workers in the plan, after the control plane.

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
use crate::domain::ids::{
    ContentDigest, GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, NodeName, ObjectName,
    PodUid, Zone,
};
use crate::domain::kube::{Budget, Node, Owner, Pod, PodState};
use crate::domain::observed::{Gap, Observed, Part};
use crate::domain::version::KubernetesVersion;
use crate::rollout::tests::model::{Model, OLD, slot_name};

const EXAMPLE: &str = include_str!("../../../../examples/workers/cluster.yaml");
const GENERAL: &str = "dev-general";
const MEMORY: &str = "dev-memory";
const SERVERS: &str = "dev-control-plane";

fn digest(letter: &str) -> ContentDigest {
    ContentDigest::new(format!("sha256:{}", letter.repeat(64)))
}

fn version(number: u64) -> LaunchTemplateVersion {
    LaunchTemplateVersion(NonZeroU64::new(number).unwrap())
}

fn release(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

/// Control plane and kubelets are pinned at 1.34.2.
fn file() -> Desired {
    let example = crate::config::parse("c", EXAMPLE).unwrap();
    Desired {
        control_plane: example.control_plane,
        workers: example.workers,
        ..desired(3, OLD)
    }
}

/// Two machines of version 1 of their launch template, of content `a`.
fn group(name: &str, seen: &mut Observed) {
    let member = |n: u8| Member {
        machine: InstanceId::new(format!("i-{name}-{n}")),
        zone: Zone::new(format!("z{n}")),
        lifecycle: Lifecycle::InService,
        is_healthy: true,
        version: Some(version(1)),
    };
    let sizes = Sizes {
        min: 2,
        max: 2,
        desired: 2,
    };
    let shown = Group {
        template: LaunchTemplateName::new(name),
        launches: Launches::Version(version(1)),
        sizes,
        suspended: BTreeSet::new(),
        members: (0..2).map(member).collect(),
        zones: BTreeSet::new(),
        refused: None,
    };
    let one = TemplateVersion {
        version: version(1),
        digest: Some(digest("a")),
    };
    seen.fleet
        .templates
        .insert(LaunchTemplateName::new(name), vec![one]);
    seen.groups.groups.insert(GroupName::new(name), shown);
}

/// Apiservers of the first release, kubelets of the second.
fn world(apiserver: &str, kubelet: &str) -> Observed {
    let mut seen = Model::healthy(3).observe();
    let role = file().control_plane.unwrap();
    for name in [SERVERS, GENERAL, MEMORY] {
        group(name, &mut seen);
    }
    let servers = (0..2).map(|n| InstanceId::new(format!("i-{SERVERS}-{n}")));
    let servers: Vec<InstanceId> = servers.collect();
    let healthy = servers.iter().map(|id| (id.clone(), TargetHealth::Healthy));
    seen.groups.targets.insert(role.target_group, healthy.collect());
    let version = release(apiserver);
    let ready = servers.into_iter().map(|id| (id, Server::Ready { version }));
    seen.groups.servers = ready.collect();
    for name in [GENERAL, MEMORY] {
        for n in 0..2 {
            let node = Node {
                machine: Some(InstanceId::new(format!("i-{name}-{n}"))),
                kubelet: Some(release(kubelet)),
                not_ready: None,
                is_cordoned: false,
                taints: BTreeSet::new(),
                labels: BTreeMap::new(),
            };
            seen.kube.nodes.insert(NodeName::new(format!("{name}-{n}")), node);
        }
    }
    seen
}

struct Asked {
    desired: Desired,
    kind: RolloutKind,
    servers: Option<ServersTarget>,
    workers: BTreeMap<GroupName, ServersTarget>,
}

fn to(letter: &str) -> ServersTarget {
    ServersTarget::Rendered("#cloud-config".to_owned(), digest(letter))
}

impl Asked {
    /// Workers to content `b`; the control plane is what it shall be.
    fn workers() -> Self {
        let mut desired = file();
        desired.control_plane.as_mut().unwrap().serving.floor = 2;
        Self {
            desired,
            kind: RolloutKind::Upgrade,
            servers: Some(to("a")),
            workers: [GENERAL, MEMORY]
                .map(|name| (GroupName::new(name), to("b")))
                .into(),
        }
    }

    /// And the control plane to content `b`.
    fn both() -> Self {
        Self {
            servers: Some(to("b")),
            ..Self::workers()
        }
    }

    fn plan(&self, seen: &Observed) -> Result<RolloutPlan, Vec<Refusal>> {
        plan(&PlanInput {
            desired: &self.desired,
            seen,
            kind: self.kind.clone(),
            target: rendered(&self.desired),
            servers: self.servers.clone(),
            workers: self.workers.clone(),
            strategy: self.desired.etcd.strategy,
            rehull: "test",
        })
    }

    fn refused(&self, seen: &Observed) -> Vec<(&'static str, String)> {
        let refusals = self.plan(seen).expect_err("a refusal");
        refusals.into_iter().map(|one| (one.code, one.message)).collect()
    }
}

#[test]
fn nodes_of_another_content_give_way_after_the_control_plane_group_by_group() {
    let plan = Asked::workers().plan(&world("1.34.2", "1.33.13")).unwrap();
    let groups: Vec<_> = plan.envelope.worker_groups().collect();
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].reasons, ["kubelet 1.33.13 → 1.34.2"]);
    assert_eq!(groups[0].from.as_ref().unwrap().version, release("1.33.13"));
    assert_eq!(groups[0].machine.image.as_str(), "ami-8acc23d5688586c15");
    assert_eq!(groups[0].targets.len(), 1);
    let workers = plan.envelope.workers.as_ref().unwrap();
    assert_eq!((workers.budget, workers.order.len()), (2, 1));
    let lines = &plan.forecast.workers;
    assert_eq!((lines.len(), lines[0].leaving, lines[0].desired), (2, 2, 2));
    assert_eq!(plan.headline(), "kubelet 1.34.2 on 4 workers of 2 groups");
    assert!(plan.envelope.replaces() && !plan.envelope.replaces_members());
    assert_eq!(plan.worker_user_data.len(), 2);
    assert_eq!(plan.forecast.blockers, Vec::<String>::new());
    assert!(plan.forecast.total >= lines[0].about);
}

#[test]
fn the_plan_is_another_one_when_a_group_of_workers_is() {
    let seen = world("1.34.2", "1.33.13");
    let one = Asked::workers().plan(&seen).unwrap().envelope.digest();
    let mut other = Asked::workers();
    other.desired.workers.as_mut().unwrap().budget = 1;
    assert_ne!(other.plan(&seen).unwrap().envelope.digest(), one);
    assert_eq!(Asked::workers().plan(&seen).unwrap().envelope.digest(), one);
}

#[test]
fn workers_of_the_wanted_content_stay_and_what_they_are_stays_approved() {
    let mut asked = Asked::workers();
    asked.workers = [GENERAL, MEMORY]
        .map(|name| (GroupName::new(name), to("a")))
        .into();
    let plan = asked.plan(&world("1.34.2", "1.34.2")).unwrap();
    assert_eq!(plan.envelope.worker_groups().count(), 0);
    assert_eq!(plan.envelope.workers.as_ref().unwrap().groups.len(), 2);
    assert!(plan.forecast.workers.is_empty() && !plan.envelope.replaces());
}

#[test]
fn a_kubelet_is_compared_with_what_the_apiservers_serve_when_its_turn_comes() {
    let ahead = Asked::workers().refused(&world("1.33.13", "1.33.13"));
    assert_eq!(ahead.len(), 2, "one per group: {ahead:?}");
    assert_eq!(ahead[0].0, "plan::kubelet_skew");
    assert_eq!(
        ahead[0].1,
        "kubelet 1.34.2 of dev-general is newer than the apiservers, which serve 1.33.13"
    );
    let both = Asked::both().plan(&world("1.33.13", "1.33.13")).unwrap();
    assert_eq!(
        both.envelope.worker_groups().count(),
        2,
        "the control plane goes first"
    );
    assert_eq!(
        both.headline(),
        "Kubernetes 1.33.13 → 1.34.2 on 2 control-plane machines; kubelet 1.34.2 on 4 workers of 2 groups"
    );
}

/// Also nodes that rehull does not roll: nobody would bring them up afterwards.
#[test]
fn a_hop_of_the_control_plane_that_would_strand_a_node_is_refused_by_its_name() {
    let mut seen = world("1.33.13", "1.33.13");
    let mut lonely = seen.kube.nodes[&NodeName::new("dev-general-0")].clone();
    lonely.machine = None;
    lonely.kubelet = Some(release("1.30.9"));
    seen.kube.nodes.insert(NodeName::new("edge-1"), lonely.clone());
    let stranded = Asked::both().refused(&seen);
    assert_eq!(stranded[0].1, "edge-1 would be too old for apiservers of 1.34.2");
    lonely.kubelet = None;
    seen.kube.nodes.insert(NodeName::new("edge-1"), lonely);
    let unknown = Asked::both().refused(&seen);
    assert_eq!(
        unknown[0].1,
        "edge-1 run a kubelet of no release that could be compared"
    );
}

#[test]
fn a_control_plane_does_not_go_back_under_newer_kubelets() {
    let mut asked = Asked::both();
    asked.kind = RolloutKind::Rollback { of: "x".to_owned() };
    let known = ServerContent {
        version: release("1.33.13"),
        digest: digest("a"),
    };
    asked.servers = Some(ServersTarget::Known(known));
    asked.workers = BTreeMap::new();
    let mut seen = world("1.34.2", "1.34.2");
    let servers = seen.groups.groups.get_mut(&GroupName::new(SERVERS)).unwrap();
    for member in &mut servers.members {
        member.version = Some(version(2));
    }
    servers.launches = Launches::Version(version(2));
    let refused = asked.refused(&seen);
    assert!(
        refused[0].1.contains("would be newer than apiservers of 1.33.13"),
        "{refused:?}"
    );
}

#[test]
fn no_apiserver_that_answers_no_worker_that_is_rolled() {
    let mut seen = world("1.34.2", "1.33.13");
    seen.groups
        .servers
        .values_mut()
        .for_each(|server| *server = Server::Silent);
    assert_eq!(Asked::workers().refused(&seen)[0].0, "plan::no_api_version");
}

#[test]
fn nodes_that_cannot_be_read_are_a_refusal_and_never_no_nodes() {
    let mut seen = world("1.34.2", "1.33.13");
    seen.gaps.push(Gap {
        part: Part::Kube,
        why: "denied: list pods".to_owned(),
    });
    let refused = Asked::workers().refused(&seen);
    assert_eq!(refused[0].0, "plan::blind");
    assert!(refused[0].1.contains("denied: list pods"), "{refused:?}");
}

#[test]
fn what_cannot_be_rolled_is_refused_with_the_place_of_its_group() {
    type Break = fn(&mut Group);
    let cases: [(&str, Break); 2] = [
        ("plan::floating", |group| {
            group.launches = Launches::Floating("$Latest".to_owned());
        }),
        ("plan::other_template", |group| {
            group.template = LaunchTemplateName::new("other");
        }),
    ];
    for (wanted, change) in cases {
        let mut seen = world("1.34.2", "1.33.13");
        change(seen.groups.groups.get_mut(&GroupName::new(MEMORY)).unwrap());
        let refusals = Asked::workers().plan(&seen).expect_err(wanted);
        assert_eq!(refusals[0].code, wanted);
        let at = refusals[0].pointer.clone().unwrap_or_default();
        assert!(at.starts_with("/workers/groups/1/"), "{at}");
    }
    let mut seen = world("1.34.2", "1.33.13");
    seen.groups.groups.remove(&GroupName::new(GENERAL));
    assert_eq!(Asked::workers().refused(&seen)[0].0, "plan::no_group");
}

/// What `rehull plan` shows before anything is begun.
#[test]
fn a_budget_that_can_never_let_anybody_go_blocks_the_start_by_name() {
    let mut seen = world("1.34.2", "1.33.13");
    let uid = PodUid::new("u1");
    let pod = Pod {
        name: ObjectName::new("shop/cart-1"),
        node: Some(NodeName::new("dev-general-0")),
        owner: Owner::Workload(ObjectName::new("shop/cart")),
        state: PodState::Ready,
        priority: 0,
        has_local_storage: true,
        tolerates_cordon: false,
        selector: BTreeMap::new(),
    };
    seen.kube.pods.insert(uid.clone(), pod);
    seen.kube.budgets = vec![Budget {
        name: ObjectName::new("shop/cart"),
        pods: BTreeSet::from([uid]),
        allowed: 0,
        expected: 1,
        healthy: 1,
        desired: 1,
        is_observed: true,
        lets_unhealthy_go: false,
    }];
    let plan = Asked::workers().plan(&seen).unwrap();
    assert_eq!(
        plan.forecast.blockers,
        [
            "shop/cart: it allows nobody to go: 1 of 1 are healthy, never fewer than 1 → it can never allow anybody to go: one replica more, or a looser budget"
        ]
    );
    let notes = plan.forecast.notes.join("\n");
    assert!(notes.contains("shop/cart-1: it has local storage"), "{notes}");
    assert!(notes.contains("at most 2 nodes are drained at once"), "{notes}");
}

#[test]
fn healing_a_member_leaves_the_workers_alone() {
    let mut asked = Asked::workers();
    asked.kind = RolloutKind::Replace { slot: slot_name(0) };
    let plan = asked.plan(&world("1.34.2", "1.33.13")).unwrap();
    assert_eq!(plan.envelope.workers, None);
}

#[test]
fn a_way_back_takes_groups_to_the_version_that_exists_and_leaves_the_others_alone() {
    let mut asked = Asked::workers();
    asked.kind = RolloutKind::Rollback { of: "x".to_owned() };
    let known = ServerContent {
        version: release("1.33.13"),
        digest: digest("a"),
    };
    asked.workers = BTreeMap::from([(GroupName::new(GENERAL), ServersTarget::Known(known.clone()))]);
    let mut seen = world("1.34.2", "1.34.2");
    let general = seen.groups.groups.get_mut(&GroupName::new(GENERAL)).unwrap();
    for member in &mut general.members {
        member.version = Some(version(2));
    }
    let plan = asked.plan(&seen).unwrap();
    let groups: Vec<_> = plan.envelope.worker_groups().collect();
    assert_eq!((groups.len(), &groups[0].to), (1, &known));
    assert!(plan.worker_user_data.is_empty(), "its version exists");
    assert_eq!(
        plan.headline(),
        "rollback of x: kubelet 1.33.13 on 2 workers of dev-general"
    );
    seen.fleet.templates.clear();
    assert_eq!(asked.refused(&seen)[0].0, "plan::template_gone");
}
