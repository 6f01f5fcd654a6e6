//! The adapter against a stand-in for the API: objects as JSON behind HTTP, merge patches of nodes, evictions answered with
//! what a real kube-apiserver 1.34.2 was seen to answer. TLS, authorisation and storage are not in it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected shall fail loudly"
)]

mod calls;
mod stand_in;

use std::collections::BTreeSet;
use std::time::Duration;

use rehull_core::domain::ids::{InstanceId, NodeName, ObjectName, PodUid};
use rehull_core::domain::kube::{Owner, PodState, REPLACED_SOON};
use rehull_core::domain::observed::Part;
use rehull_core::domain::version::KubernetesVersion;
use rehull_core::ports::{Evictions as _, Nodes as _, NodesView as _, PortError, Rule, Unevicted};
use serde_json::{Value, json};

use stand_in::{StandIn, answer};

fn node(name: &str, machine: &str) -> Value {
    json!({
        "metadata": { "name": name, "resourceVersion": "7", "creationTimestamp": "2026-11-21T10:00:00Z",
            "labels": { "disk": "ssd" } },
        "spec": { "providerID": format!("aws:///ap-northeast-1a/{machine}") },
        "status": {
            "nodeInfo": node_info("v1.33.13"),
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    })
}

fn node_info(kubelet: &str) -> Value {
    let names = [
        "architecture",
        "bootID",
        "containerRuntimeVersion",
        "kernelVersion",
        "kubeProxyVersion",
        "machineID",
        "operatingSystem",
        "osImage",
        "systemUUID",
    ];
    let mut info: serde_json::Map<String, Value> = names
        .map(|name| (name.to_owned(), json!("")))
        .into_iter()
        .collect();
    info.insert("kubeletVersion".to_owned(), json!(kubelet));
    Value::Object(info)
}

fn pod(name: &str, owner: &Value) -> Value {
    let owners: Vec<Value> = owner.is_object().then(|| owner.clone()).into_iter().collect();
    json!({
        "metadata": { "namespace": "shop", "name": name, "uid": format!("uid-{name}"), "ownerReferences": owners,
            "labels": { "app": name.split('-').next() } },
        "spec": { "nodeName": "n1", "containers": [] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
    })
}

fn owner(kind: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": true })
}

fn n1() -> NodeName {
    NodeName::new("n1")
}

/// One node that is well, one that is silent, one of another region.
fn put_nodes(api: &StandIn) {
    let mut sick = node("n2", "i-2");
    sick["status"]["conditions"][0] = json!({ "type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status.",
        "lastTransitionTime": "2026-11-21T10:05:00Z" });
    sick["spec"]["unschedulable"] = json!(true);
    sick["spec"]["taints"] = json!([{ "key": "a", "effect": "NoSchedule" }]);
    let elsewhere = json!({ "metadata": { "name": "n3" }, "spec": { "providerID": "aws:///eu-west-1a/i-3" },
        "status": { "nodeInfo": node_info("v0.0.0-master") } });
    api.put("/api/v1/nodes", vec![node("n1", "i-1"), sick, elsewhere]);
}

/// A pod of each kind of owner.
fn put_pods(api: &StandIn) {
    let mut stops = pod("cart-1", &owner("ReplicaSet", "cart-6f"));
    stops["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:06:00Z");
    let mut ended = pod("job-1", &owner("Job", "job"));
    ended["status"]["phase"] = json!("Succeeded");
    let mut mirror = pod("kube-proxy", &owner("Node", "n1"));
    mirror["metadata"]["annotations"] = json!({ "kubernetes.io/config.mirror": "x" });
    let mut cache = pod("cache-0", &owner("StatefulSet", "cache"));
    cache["spec"]["volumes"] = json!([{ "name": "tmp", "emptyDir": {} }]);
    cache["spec"]["nodeSelector"] = json!({ "disk": "ssd" });
    cache["spec"]["priority"] = json!(7);
    cache["spec"]["tolerations"] = json!([{ "operator": "Exists" }]);
    let bare = pod("bare", &Value::Null);
    let daemon = pod("cni-1", &owner("DaemonSet", "cni"));
    api.put(
        "/api/v1/pods",
        vec![
            pod("cart-2", &owner("ReplicaSet", "cart-6f")),
            stops,
            ended,
            mirror,
            cache,
            bare,
            daemon,
        ],
    );
}

fn put_workloads(api: &StandIn) {
    let set = json!({ "metadata": { "namespace": "shop", "name": "cart-6f", "ownerReferences": [owner("Deployment", "cart")] } });
    api.put("/apis/apps/v1/replicasets", vec![set]);
    api.put(
        "/apis/apps/v1/deployments",
        vec![json!({ "metadata": { "namespace": "shop", "name": "cart" },
        "spec": { "replicas": 2, "selector": {}, "template": {} } })],
    );
    api.put(
        "/apis/apps/v1/statefulsets",
        vec![json!({ "metadata": { "namespace": "shop", "name": "cache" },
        "spec": { "selector": {}, "template": {} } })],
    );
    api.put("/apis/policy/v1/poddisruptionbudgets", vec![json!({
        "metadata": { "namespace": "shop", "name": "cart", "generation": 2 },
        "spec": { "selector": { "matchLabels": { "app": "cart" } }, "unhealthyPodEvictionPolicy": "AlwaysAllow" },
        "status": { "disruptionsAllowed": 1, "expectedPods": 2, "currentHealthy": 2, "desiredHealthy": 1, "observedGeneration": 1 },
    })]);
}

#[tokio::test]
async fn a_look_tells_nodes_by_their_machines_and_how_they_are() {
    let api = StandIn::default();
    put_nodes(&api);
    let seen = api.connect().await.observe().await;
    assert_eq!(seen.gaps, []);
    let kube = seen.value;
    let one = &kube.nodes[&n1()];
    assert_eq!(one.machine, Some(InstanceId::new("i-1")));
    assert_eq!(one.kubelet, Some(KubernetesVersion::new(1, 33, 13)));
    assert_eq!((one.not_ready.clone(), one.is_cordoned), (None, false));
    let two = &kube.nodes[&NodeName::new("n2")];
    let not_ready = two.not_ready.clone().unwrap();
    assert_eq!(not_ready.why, "Kubelet stopped posting node status.");
    assert_eq!(not_ready.since.to_string(), "2026-11-21T10:05:00Z");
    assert_eq!(
        (two.is_cordoned, two.taints.clone()),
        (true, BTreeSet::from(["a".to_owned()]))
    );
    let three = &kube.nodes[&NodeName::new("n3")];
    assert_eq!(
        (three.machine.clone(), three.kubelet),
        (None, None),
        "another region, and no release"
    );
}

#[tokio::test]
async fn a_look_tells_pods_their_owners_and_the_budgets_over_them() {
    let api = StandIn::default();
    put_pods(&api);
    put_workloads(&api);
    let seen = api.connect().await.observe().await;
    assert_eq!(seen.gaps, []);
    let kube = seen.value;
    let pod = |name: &str| &kube.pods[&PodUid::new(format!("uid-{name}"))];
    let workload = |name: &str| Owner::Workload(ObjectName::new(name));
    assert_eq!(
        pod("cart-2").owner,
        workload("shop/cart"),
        "the Deployment, not its ReplicaSet"
    );
    assert_eq!(pod("cart-2").state, PodState::Ready);
    assert_eq!(pod("cart-1").state, PodState::Terminating);
    assert_eq!(
        (&pod("job-1").owner, pod("job-1").state),
        (&workload("shop/job"), PodState::Ended)
    );
    assert_eq!(pod("kube-proxy").owner, Owner::Node);
    assert_eq!(pod("bare").owner, Owner::Nobody);
    assert_eq!(pod("cni-1").owner, Owner::DaemonSet(ObjectName::new("shop/cni")));
    let cache = pod("cache-0");
    assert!(cache.has_local_storage && cache.tolerates_cordon && cache.priority == 7);
    assert_eq!(cache.selector["disk"], "ssd");
    let kinds: Vec<(&str, u32)> = kube
        .workloads
        .iter()
        .map(|one| (one.kind.as_str(), one.replicas))
        .collect();
    assert_eq!(kinds, [("Deployment", 2), ("StatefulSet", 1)]);
    let budget = &kube.budgets[0];
    assert_eq!(
        budget.pods,
        BTreeSet::from(["uid-cart-1", "uid-cart-2"].map(PodUid::new))
    );
    assert!(
        (budget.allowed, budget.is_observed, budget.lets_unhealthy_go) == (1, false, true),
        "{budget:?}"
    );
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_to_its_end() {
    let api = StandIn::default();
    let names: Vec<String> = (0..7).map(|n| format!("n{n}")).collect();
    api.put(
        "/api/v1/nodes",
        names.iter().map(|name| node(name, "i-1")).collect(),
    );
    api.cut_pages_to(3);
    let seen = api.connect().await.observe().await;
    assert_eq!((seen.gaps.len(), seen.value.nodes.len()), (0, 7));
}

#[tokio::test]
async fn what_may_not_be_read_is_a_gap_with_the_right_that_is_missing_and_nothing_is_half_known() {
    let api = StandIn::default();
    api.put("/api/v1/nodes", vec![node("n1", "i-1")]);
    api.refuse(
        "/apis/policy/v1/poddisruptionbudgets",
        answer(403, "Forbidden", "User 'rehull' cannot list poddisruptionbudgets"),
    );
    let seen = api.connect().await.observe().await;
    assert!(seen.value.nodes.is_empty());
    assert_eq!(seen.gaps[0].part, Part::Kube);
    assert_eq!(
        seen.gaps[0].why,
        "denied: list poddisruptionbudgets: User 'rehull' cannot list poddisruptionbudgets"
    );
}

#[tokio::test]
async fn cordon_and_taint_are_set_once_and_put_back_and_other_taints_stay() {
    let api = StandIn::default();
    let mut one = node("n1", "i-1");
    one["spec"]["taints"] = json!([{ "key": "a", "effect": "NoSchedule" }]);
    api.put("/api/v1/nodes", vec![one]);
    let kube = api.connect().await;
    for _ in 0..2 {
        kube.cordon(&n1()).await.unwrap();
        kube.taint(&n1()).await.unwrap();
    }
    assert_eq!(api.node("n1")["spec"]["unschedulable"], json!(true));
    let taints = json!([{ "key": "a", "effect": "NoSchedule" }, { "key": REPLACED_SOON, "effect": "PreferNoSchedule" }]);
    assert_eq!(api.node("n1")["spec"]["taints"], taints);
    assert_eq!(api.patches(), 3, "a taint that is there is not set again");
    for _ in 0..2 {
        kube.untaint(&n1()).await.unwrap();
        kube.uncordon(&n1()).await.unwrap();
    }
    assert_eq!(
        api.node("n1")["spec"]["taints"],
        json!([{ "key": "a", "effect": "NoSchedule" }])
    );
    assert_eq!(api.node("n1")["spec"].get("unschedulable"), None);
    let gone = NodeName::new("n9");
    assert_eq!(kube.uncordon(&gone).await, Ok(()));
    assert_eq!(kube.untaint(&gone).await, Ok(()));
    assert!(matches!(kube.cordon(&gone).await, Err(PortError::Gone { .. })));
}

#[tokio::test]
async fn a_taint_that_somebody_else_sets_in_between_is_not_lost_but_asked_for_again() {
    let api = StandIn::default();
    api.put("/api/v1/nodes", vec![node("n1", "i-1")]);
    api.move_on_after_a_look();
    let busy = api.connect().await.taint(&n1()).await.unwrap_err();
    assert!(
        matches!(busy, PortError::Refused { rule: Rule::Busy, .. }),
        "{busy:?}"
    );
    assert!(busy.is_passing());
}

#[tokio::test]
async fn an_eviction_names_the_very_pod_and_each_answer_is_told_apart() {
    let api = StandIn::default();
    let kube = api.connect().await;
    let (pod, uid) = (ObjectName::new("shop/cart-1"), PodUid::new("uid-cart-1"));
    let said = |answer: Option<Value>| {
        api.answer_evictions(answer);
        kube.evict(&pod, &uid)
    };
    assert_eq!(said(None).await, Ok(()));
    let (path, body) = api.last_eviction();
    assert_eq!(path, "/api/v1/namespaces/shop/pods/cart-1/eviction");
    assert_eq!(body["deleteOptions"]["preconditions"]["uid"], "uid-cart-1");
    assert_eq!(
        (&body["kind"], &body["apiVersion"]),
        (&json!("Eviction"), &json!("policy/v1"))
    );
    let violated = "Cannot evict pod as it would violate the pod's disruption budget.";
    let by_budget = |cause: &str, after: Option<u32>| {
        let mut told = answer(429, "TooManyRequests", violated);
        told["details"] = json!({ "causes": [{ "reason": "DisruptionBudget", "message": cause }], "retryAfterSeconds": after.unwrap_or(0) });
        Some(told)
    };
    let blocked = said(by_budget(
        "The disruption budget cart needs 1 healthy pods and has 1 currently",
        None,
    ))
    .await;
    let Err(Unevicted::BlockedByBudget { budget, text }) = blocked else {
        panic!("{blocked:?}")
    };
    assert_eq!(budget, Some(ObjectName::new("shop/cart")));
    assert!(
        text.ends_with("needs 1 healthy pods and has 1 currently"),
        "{text}"
    );
    let newer = by_budget(
        "The disruption budget cart is still being processed by the server.",
        Some(10),
    );
    let after = Duration::from_secs(10);
    assert_eq!(said(newer).await, Err(Unevicted::StillProcessed { after }));
    let two =
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    let two_budgets = said(Some(answer(500, "", two))).await;
    assert!(
        matches!(two_budgets, Err(Unevicted::TwoBudgets { .. })),
        "{two_budgets:?}"
    );
    let missing = said(Some(answer(404, "NotFound", "pods \"cart-1\" not found"))).await;
    assert_eq!(missing, Err(Unevicted::Gone));
    let other = "Precondition failed: UID in precondition: uid-cart-1, UID in object meta: uid-x";
    assert_eq!(
        said(Some(answer(409, "Conflict", other))).await,
        Err(Unevicted::Gone)
    );
}

#[tokio::test]
async fn too_many_requests_without_a_budget_are_throttling_and_an_ending_apiserver_leaves_it_open() {
    let api = StandIn::default();
    let kube = api.connect().await;
    let (pod, uid) = (ObjectName::new("shop/cart-1"), PodUid::new("u"));
    let mut busy = answer(
        429,
        "TooManyRequests",
        "the server has received too many requests",
    );
    busy["details"] = json!({ "retryAfterSeconds": 3 });
    api.answer_evictions(Some(busy));
    let after = Duration::from_secs(3);
    let throttled = Unevicted::Other(PortError::Throttled { after });
    assert_eq!(kube.evict(&pod, &uid).await, Err(throttled));
    api.answer_evictions(Some(answer(
        503,
        "ServiceUnavailable",
        "etcdserver: request timed out",
    )));
    let open = kube.evict(&pod, &uid).await;
    assert!(
        matches!(open, Err(Unevicted::Other(PortError::OutcomeUnknown { .. }))),
        "{open:?}"
    );
    let denied = "pods \"cart-1\" is forbidden: no";
    api.answer_evictions(Some(answer(403, "Forbidden", denied)));
    let denied = kube.evict(&pod, &uid).await;
    assert!(
        matches!(denied, Err(Unevicted::Other(PortError::Denied { .. }))),
        "{denied:?}"
    );
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let nobody = stand_in::nobody().await;
    let refused = nobody.cordon(&n1()).await.unwrap_err();
    assert!(matches!(refused, PortError::NotSent { .. }), "{refused:?}");
    let seen = nobody.observe().await;
    assert!(
        seen.gaps[0].why.contains("nothing listens there"),
        "{:?}",
        seen.gaps
    );
}

#[tokio::test]
async fn texts_that_are_no_certificates_are_refused_before_anybody_is_asked() {
    let tls = crate::adapters::etcd::PemTls {
        ca: b"no certificate".to_vec(),
        cert: Vec::new(),
        key: Vec::new(),
    };
    let region = rehull_core::domain::ids::Region::new("ap-northeast-1");
    assert!(super::KubeApi::new("https://127.0.0.1:1", &tls, &region).is_err());
}
