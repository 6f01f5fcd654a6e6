//! Objects of the API → what decisions know of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Node as ApiNode, Pod as ApiPod, Toleration};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use rehull_core::domain::ids::{InstanceId, NodeName, ObjectName, PodUid, Region};
use rehull_core::domain::kube::{Budget, Node, NotReady, Owner, Pod, PodState, Workload};

use super::error::text;
use super::selector;
use crate::adapters::apiservers::release;

/// Key of the taint of a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// A static pod that the kubelet shows to the API.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Who made up a ReplicaSet: a pod names the ReplicaSet, people the Deployment. By namespace and name.
pub(super) type MadeBy = BTreeMap<ObjectName, ObjectName>;

pub(super) fn object(meta: &ObjectMeta) -> ObjectName {
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let name = meta.name.as_deref().unwrap_or_default();
    ObjectName::new(format!("{namespace}/{name}"))
}

fn controller(meta: &ObjectMeta) -> Option<&OwnerReference> {
    let mut owners = meta.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true))
}

pub(super) fn made_by(sets: &[ObjectMeta]) -> MadeBy {
    let made = sets.iter().filter_map(|meta| {
        let owner = controller(meta)?;
        Some((object(meta), of_same_namespace(meta, &owner.name)))
    });
    made.collect()
}

fn of_same_namespace(meta: &ObjectMeta, name: &str) -> ObjectName {
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    ObjectName::new(format!("{namespace}/{name}"))
}

pub(super) fn node(node: ApiNode, region: &Region) -> (NodeName, Node) {
    let spec = node.spec.unwrap_or_default();
    let status = node.status.unwrap_or_default();
    let mut conditions = status.conditions.into_iter().flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    let born = node.metadata.creation_timestamp.map(|time| time.0);
    let not_ready = match ready {
        Some(ready) if ready.status == "True" => None,
        Some(ready) => Some(NotReady {
            why: said(ready.reason, ready.message),
            since: ready
                .last_transition_time
                .map(|time| time.0)
                .or(born)
                .unwrap_or(Timestamp::UNIX_EPOCH),
        }),
        None => Some(NotReady {
            why: "it has never told how it is".to_owned(),
            since: born.unwrap_or(Timestamp::UNIX_EPOCH),
        }),
    };
    let kubelet = status.node_info.and_then(|info| release(&info.kubelet_version));
    let shown = Node {
        machine: spec.provider_id.as_deref().and_then(|id| machine(id, region)),
        kubelet,
        not_ready,
        is_cordoned: spec.unschedulable == Some(true),
        taints: spec.taints.into_iter().flatten().map(|taint| taint.key).collect(),
        labels: node.metadata.labels.unwrap_or_default(),
    };
    (NodeName::new(node.metadata.name.unwrap_or_default()), shown)
}

fn said(reason: Option<String>, message: Option<String>) -> String {
    let words = message.filter(|message| !message.is_empty()).or(reason);
    text(&words.unwrap_or_else(|| "no reason is given".to_owned()))
}

/// `aws:///ap-northeast-1a/i-0123456789abcdef0`; of another cloud or region it is no machine of ours.
fn machine(provider: &str, region: &Region) -> Option<InstanceId> {
    let path = provider.strip_prefix("aws://")?;
    let (before, id) = path.rsplit_once('/')?;
    let zone = before.rsplit('/').next().unwrap_or_default();
    let is_ours = id.starts_with("i-") && zone.starts_with(region.as_str());
    is_ours.then(|| InstanceId::new(id))
}

pub(super) fn pod(pod: &ApiPod, made_by: &MadeBy) -> Option<(PodUid, Pod)> {
    let meta = &pod.metadata;
    let uid = PodUid::new(meta.uid.as_deref()?);
    let spec = pod.spec.clone().unwrap_or_default();
    let mut volumes = spec.volumes.iter().flatten();
    let mut tolerations = spec.tolerations.iter().flatten();
    let shown = Pod {
        name: object(meta),
        node: spec.node_name.filter(|name| !name.is_empty()).map(NodeName::new),
        owner: owner(meta, made_by),
        state: state(pod),
        priority: spec.priority.unwrap_or_default(),
        has_local_storage: volumes.any(|volume| volume.empty_dir.is_some()),
        tolerates_cordon: tolerations.any(is_of_a_cordon),
        selector: spec.node_selector.unwrap_or_default(),
    };
    Some((uid, shown))
}

fn owner(meta: &ObjectMeta, made_by: &MadeBy) -> Owner {
    let is_mirror = meta.annotations.iter().flatten().any(|(key, _)| key == MIRROR);
    let Some(owner) = controller(meta) else {
        return if is_mirror { Owner::Node } else { Owner::Nobody };
    };
    let name = of_same_namespace(meta, &owner.name);
    match owner.kind.as_str() {
        "Node" => Owner::Node,
        _ if is_mirror => Owner::Node,
        "DaemonSet" => Owner::DaemonSet(name),
        "ReplicaSet" => Owner::Workload(made_by.get(&name).cloned().unwrap_or(name)),
        _ => Owner::Workload(name),
    }
}

fn state(pod: &ApiPod) -> PodState {
    let status = pod.status.as_ref();
    let phase = status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default();
    let mut conditions = status
        .and_then(|status| status.conditions.as_ref())
        .into_iter()
        .flatten();
    let is_ready = conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
    match phase {
        "Succeeded" | "Failed" => PodState::Ended,
        _ if pod.metadata.deletion_timestamp.is_some() => PodState::Terminating,
        "Pending" => PodState::Pending,
        _ if is_ready => PodState::Ready,
        _ => PodState::Running,
    }
}

/// The scheduler lets it on a cordoned node.
fn is_of_a_cordon(toleration: &Toleration) -> bool {
    let exists = toleration.operator.as_deref() == Some("Exists");
    let key = toleration.key.as_deref().unwrap_or_default();
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let value = toleration.value.as_deref().unwrap_or_default();
    let is_of_key = key == UNSCHEDULABLE && (exists || value.is_empty()) || key.is_empty() && exists;
    is_of_key && (effect.is_empty() || effect == "NoSchedule")
}

fn count(number: Option<i32>) -> u32 {
    u32::try_from(number.unwrap_or_default()).unwrap_or_default()
}

/// Kubernetes assumes 1 where nothing is said.
fn replicas(number: Option<i32>) -> u32 {
    number.map_or(1, |number| u32::try_from(number).unwrap_or_default())
}

pub(super) fn deployment(it: &Deployment) -> Workload {
    Workload {
        name: object(&it.metadata),
        kind: "Deployment".to_owned(),
        replicas: replicas(it.spec.replicas),
    }
}

pub(super) fn stateful_set(it: &StatefulSet) -> Workload {
    Workload {
        name: object(&it.metadata),
        kind: "StatefulSet".to_owned(),
        replicas: replicas(it.spec.replicas),
    }
}

pub(super) fn budget(it: &PodDisruptionBudget, pods: &[ApiPod]) -> Budget {
    let spec = it.spec.clone().unwrap_or_default();
    let status = it.status.clone().unwrap_or_default();
    let none = BTreeMap::new();
    let is_meant = |pod: &&ApiPod| {
        let labels = pod.metadata.labels.as_ref().unwrap_or(&none);
        pod.metadata.namespace == it.metadata.namespace && selector::matches(spec.selector.as_ref(), labels)
    };
    let meant = pods.iter().filter(is_meant);
    let meant: BTreeSet<PodUid> = meant
        .filter_map(|pod| pod.metadata.uid.as_deref().map(PodUid::new))
        .collect();
    Budget {
        name: object(&it.metadata),
        pods: meant,
        allowed: count(status.disruptions_allowed),
        expected: count(status.expected_pods),
        healthy: count(status.current_healthy),
        desired: count(status.desired_healthy),
        is_observed: status.observed_generation >= it.metadata.generation,
        lets_unhealthy_go: spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
    }
}
