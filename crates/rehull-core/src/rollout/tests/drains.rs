//! Who may leave a node, budget by budget and rule by rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::{NodeName, ObjectName, PodUid};
use crate::domain::kube::{Budget, KubeView, Owner, Pod, PodState, Workload};
use crate::domain::waiting::PodHeld;
use crate::plan::OrderRule;
use crate::rollout::drain::{Drains, list, stragglers};

fn object(name: &str) -> ObjectName {
    ObjectName::new(name)
}

fn uid(name: &str) -> PodUid {
    PodUid::new(name)
}

fn pod(of: &str, name: &str, on: &str, state: PodState) -> (PodUid, Pod) {
    let pod = Pod {
        name: object(&format!("d/{name}")),
        node: Some(NodeName::new(on)),
        owner: Owner::Workload(object(of)),
        state,
        priority: 0,
        has_local_storage: false,
        tolerates_cordon: false,
        selector: BTreeMap::new(),
    };
    (uid(name), pod)
}

fn kube(pods: Vec<(PodUid, Pod)>) -> KubeView {
    KubeView {
        pods: pods.into_iter().collect(),
        ..KubeView::default()
    }
}

fn budget(allowed: u32, pods: &[&str]) -> Budget {
    Budget {
        name: object("d/budget"),
        pods: pods.iter().map(|name| uid(name)).collect(),
        allowed,
        expected: 3,
        healthy: 2,
        desired: 2,
        is_observed: true,
        lets_unhealthy_go: false,
    }
}

/// What holds each pod of node `n`.
fn held(kube: &KubeView, order: &[OrderRule]) -> BTreeMap<String, PodHeld> {
    let list = list(kube, &NodeName::new("n"));
    let mut drains = Drains::new(kube, order);
    drains.add(&list);
    drains.keep_the_order();
    let left = drains.left(&list).into_iter();
    left.map(|(uid, left)| (uid.to_string(), left.held)).collect()
}

fn by_budget() -> PodHeld {
    PodHeld::Budget {
        budget: object("d/budget"),
        healthy: 2,
        desired: 2,
    }
}

#[test]
fn a_budget_lets_go_as_many_as_it_allows_and_holds_the_others_by_name() {
    use PodState::Ready;
    let mut kube = kube(vec![
        pod("d/web", "a", "n", Ready),
        pod("d/web", "b", "n", Ready),
        pod("d/other", "c", "n", Ready),
    ]);
    kube.budgets = vec![budget(1, &["a", "b"])];
    let expected = [
        ("a", PodHeld::Nothing),
        ("b", by_budget()),
        ("c", PodHeld::Nothing),
    ];
    assert_eq!(
        held(&kube, &[]),
        expected.map(|(name, held)| (name.to_owned(), held)).into()
    );
    kube.budgets[0].is_observed = false;
    assert_eq!(held(&kube, &[])["a"], by_budget());
}

#[test]
fn whoever_is_not_ready_goes_where_the_budget_is_met_and_whoever_is_pending_always() {
    use PodState::{Pending, Running};
    let mut kube = kube(vec![
        pod("d/web", "a", "n", Running),
        pod("d/web", "b", "n", Pending),
    ]);
    kube.budgets = vec![budget(0, &["a", "b"])];
    assert_eq!(held(&kube, &[])["a"], PodHeld::Nothing);
    kube.budgets[0].healthy = 1;
    let all = held(&kube, &[]);
    assert!(matches!(all["a"], PodHeld::Budget { .. }), "{all:?}");
    assert_eq!(all["b"], PodHeld::Nothing);
    kube.budgets[0].lets_unhealthy_go = true;
    assert_eq!(held(&kube, &[])["a"], PodHeld::Nothing);
}

#[test]
fn what_two_budgets_are_about_and_what_has_no_controller_is_never_asked_to_go() {
    use PodState::Ready;
    let mut kube = kube(vec![pod("d/web", "a", "n", Ready), pod("d/web", "b", "n", Ready)]);
    kube.budgets = vec![budget(1, &["a"]), budget(1, &["a"])];
    kube.pods.get_mut(&uid("b")).unwrap().owner = Owner::Nobody;
    let all = held(&kube, &[]);
    assert!(matches!(all["a"], PodHeld::TwoBudgets { .. }), "{all:?}");
    assert_eq!(all["b"], PodHeld::NoController);
}

#[test]
fn who_depends_on_another_stays_until_that_one_is_ready_elsewhere_and_none_of_it_moves() {
    use PodState::{Ready, Running, Terminating};
    let order = [OrderRule {
        first: object("d/redis"),
        then: object("d/backend"),
    }];
    let first = PodHeld::Order {
        first: object("d/redis"),
    };
    let at = |states: [(PodState, &str); 2]| {
        let [(one, on), (other, elsewhere)] = states;
        let mut kube = kube(vec![
            pod("d/redis", "r1", on, one),
            pod("d/redis", "r2", elsewhere, other),
            pod("d/backend", "b", "n", Ready),
        ]);
        kube.workloads = vec![Workload {
            name: object("d/redis"),
            kind: "StatefulSet".to_owned(),
            replicas: 2,
        }];
        held(&kube, &order)["b"].clone()
    };
    assert_eq!(at([(Ready, "n"), (Ready, "m")]), first, "it is still here");
    assert_eq!(at([(Terminating, "n"), (Ready, "m")]), first, "it stops");
    assert_eq!(at([(Running, "m"), (Ready, "m")]), first, "it starts elsewhere");
    assert_eq!(at([(Ready, "m"), (Ready, "m")]), PodHeld::Nothing);
}

#[test]
fn what_tolerates_a_cordon_is_listed_once_and_not_chased_when_it_comes_back() {
    use PodState::Ready;
    let mut daemon = pod("d/cni", "cni", "n", Ready);
    daemon.1.owner = Owner::DaemonSet(object("d/cni"));
    let mut kube = kube(vec![daemon, pod("d/web", "a", "n", Ready)]);
    let node = NodeName::new("n");
    let known = list(&kube, &node);
    assert_eq!(
        known.keys().cloned().collect::<BTreeSet<_>>(),
        BTreeSet::from([uid("a")])
    );
    let late = pod("d/web", "late", "n", Ready);
    let mut back = pod("d/operator", "back", "n", Ready);
    back.1.tolerates_cordon = true;
    kube.pods.extend([late, back]);
    let more = stragglers(&kube, &node, &known);
    assert_eq!(
        more.keys().cloned().collect::<BTreeSet<_>>(),
        BTreeSet::from([uid("late")])
    );
}
