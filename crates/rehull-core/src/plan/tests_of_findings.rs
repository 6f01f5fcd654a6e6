//! What stands in the way of a drain is told before it begins.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Finding, Severity, findings};
use super::{OrderRule, ServerContent, WorkerGroupPlan, WorkerPolicy, WorkersPlan};
use crate::domain::group::{Group, GroupsView, Launches, Lifecycle, Member, Sizes};
use crate::domain::ids::{
    ContentDigest, GroupName, InstanceId, LaunchTemplateName, NodeName, ObjectName, PodUid, StepId, Zone,
};
use crate::domain::kube::{Budget, KubeView, Node, Owner, Pod, PodState, Workload};
use crate::domain::version::KubernetesVersion;

fn object(name: &str) -> ObjectName {
    ObjectName::new(name)
}

fn plan() -> WorkersPlan {
    let group = WorkerGroupPlan {
        step: StepId::new("workers/general"),
        group: GroupName::new("general"),
        targets: Vec::new(),
        launch_template: LaunchTemplateName::new("general"),
        from: None,
        to: ServerContent {
            version: KubernetesVersion::new(1, 34, 2),
            digest: ContentDigest::new("sha256:new"),
        },
        machine: crate::domain::machine::MachineContent::default(),
        reasons: vec!["Kubernetes".to_owned()],
        policy: WorkerPolicy::default(),
    };
    WorkersPlan {
        groups: vec![group],
        budget: 1,
        order: Vec::new(),
    }
}

fn groups() -> GroupsView {
    let member = Member {
        machine: InstanceId::new("i-a"),
        zone: Zone::new("a"),
        lifecycle: Lifecycle::InService,
        is_healthy: true,
        version: None,
    };
    let group = Group {
        template: LaunchTemplateName::new("general"),
        launches: Launches::Floating("$Default".to_owned()),
        sizes: Sizes {
            min: 1,
            max: 1,
            desired: 1,
        },
        suspended: BTreeSet::new(),
        members: vec![member],
        zones: BTreeSet::new(),
        refused: None,
    };
    GroupsView {
        groups: BTreeMap::from([(GroupName::new("general"), group)]),
        ..GroupsView::default()
    }
}

fn node(machine: &str) -> Node {
    Node {
        machine: Some(InstanceId::new(machine)),
        kubelet: None,
        not_ready: None,
        is_cordoned: false,
        taints: BTreeSet::new(),
        labels: BTreeMap::new(),
    }
}

fn pod(name: &str, on: &str, owner: Owner) -> Pod {
    Pod {
        name: object(name),
        node: Some(NodeName::new(on)),
        owner,
        state: PodState::Ready,
        priority: 0,
        has_local_storage: false,
        tolerates_cordon: false,
        selector: BTreeMap::new(),
    }
}

/// Node `a` is of the group, node `b` is nobody's business.
fn kube(pods: Vec<Pod>) -> KubeView {
    let nodes = [("a", "i-a"), ("b", "i-b")].map(|(name, machine)| (NodeName::new(name), node(machine)));
    let pods = (0..)
        .zip(pods)
        .map(|(nth, pod): (u32, Pod)| (PodUid::new(format!("uid-{nth}")), pod));
    KubeView {
        nodes: nodes.into(),
        pods: pods.collect(),
        ..KubeView::default()
    }
}

fn web(replicas: u32) -> Workload {
    Workload {
        name: object("default/web"),
        kind: "Deployment".to_owned(),
        replicas,
    }
}

fn budget(name: &str, [allowed, expected, healthy, desired]: [u32; 4]) -> Budget {
    Budget {
        name: object(name),
        pods: BTreeSet::from([PodUid::new("uid-0")]),
        allowed,
        expected,
        healthy,
        desired,
        is_observed: true,
        lets_unhealthy_go: false,
    }
}

fn of_web() -> Owner {
    Owner::Workload(object("default/web"))
}

fn found(kube: &KubeView) -> Vec<(Severity, String)> {
    let short = |finding: Finding| (finding.severity, finding.about);
    findings(&plan(), &groups(), kube)
        .into_iter()
        .map(short)
        .collect()
}

#[test]
fn nothing_is_found_where_everybody_may_go() {
    let mut kube = kube(vec![pod("default/web-1", "a", of_web())]);
    kube.workloads = vec![web(2)];
    kube.budgets = vec![budget("default/web", [1, 2, 2, 1])];
    assert_eq!(found(&kube), []);
}

#[test]
fn a_budget_that_can_never_let_anybody_go_blocks_and_one_that_cannot_now_warns() {
    let mut kube = kube(vec![pod("default/web-1", "a", of_web())]);
    for (numbers, severity) in [
        ([0, 2, 2, 2], Severity::Blocker),
        ([0, 3, 1, 2], Severity::Warning),
        ([0, 0, 1, 0], Severity::Blocker),
    ] {
        kube.budgets = vec![budget("default/web", numbers)];
        assert_eq!(
            found(&kube),
            [(severity, "default/web".to_owned())],
            "{numbers:?}"
        );
    }
}

#[test]
fn what_runs_on_nodes_that_stay_is_nobodys_business() {
    let mut kube = kube(vec![pod("default/web-1", "b", Owner::Nobody)]);
    kube.budgets = vec![budget("default/web", [0, 2, 2, 2])];
    kube.nodes.get_mut(&NodeName::new("b")).unwrap().is_cordoned = true;
    assert_eq!(found(&kube), []);
}

#[test]
fn pods_that_a_drain_cannot_move_or_that_lose_something_are_named() {
    let mut kube = kube(vec![
        pod("default/bare", "a", Owner::Nobody),
        pod("default/web-1", "a", of_web()),
        pod(
            "kube-system/cni-1",
            "a",
            Owner::DaemonSet(object("kube-system/cni")),
        ),
    ]);
    kube.workloads = vec![web(1)];
    let web = kube.pods.get_mut(&PodUid::new("uid-1")).unwrap();
    web.has_local_storage = true;
    web.selector = BTreeMap::from([("disk".to_owned(), "fast".to_owned())]);
    let expected = [
        (Severity::Blocker, "default/bare"),
        (Severity::Blocker, "default/web-1"),
        (Severity::Warning, "default/web"),
        (Severity::Warning, "default/web-1"),
    ];
    assert_eq!(
        found(&kube),
        expected.map(|(severity, about)| (severity, about.to_owned()))
    );
}

#[test]
fn two_budgets_over_one_pod_block_it() {
    let mut kube = kube(vec![pod("default/web-1", "a", of_web())]);
    kube.budgets = vec![
        budget("default/one", [1, 2, 2, 1]),
        budget("default/two", [1, 2, 2, 1]),
    ];
    assert_eq!(found(&kube), [(Severity::Blocker, "default/web-1".to_owned())]);
}

#[test]
fn an_order_that_goes_round_in_a_circle_blocks() {
    let rule = |first: &str, then: &str| OrderRule {
        first: object(first),
        then: object(then),
    };
    let mut plan = plan();
    plan.order = vec![
        rule("d/a", "d/b"),
        rule("d/b", "d/c"),
        rule("d/c", "d/a"),
        rule("d/x", "d/a"),
    ];
    let found = findings(&plan, &groups(), &kube(Vec::new()));
    let about: Vec<&str> = found.iter().map(|finding| finding.about.as_str()).collect();
    assert_eq!(about, ["d/a", "d/b", "d/c"]);
}
