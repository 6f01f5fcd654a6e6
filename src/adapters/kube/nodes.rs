//! What is set of a node, and put back: its cordon and our taint. Twice is the same as once.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Node, Taint};
use kube::Api;
use kube::api::{Patch, PatchParams};
use rehull_core::domain::ids::NodeName;
use rehull_core::domain::kube::REPLACED_SOON;
use rehull_core::ports::{Nodes, PortError};
use serde_json::{Value, json};

use super::error::Failed;
use super::{KubeApi, bounded};

/// Whoever is scheduled anew looks elsewhere first; nobody is evicted by it.
const EFFECT: &str = "PreferNoSchedule";

#[async_trait]
impl Nodes for KubeApi {
    async fn cordon(&self, node: &NodeName) -> Result<(), PortError> {
        self.set(node, &json!({ "spec": { "unschedulable": true } }))
            .await
            .map_err(|failed| failed.error)
    }

    async fn uncordon(&self, node: &NodeName) -> Result<(), PortError> {
        let free = json!({ "spec": { "unschedulable": null } });
        unless_gone(self.set(node, &free).await)
    }

    async fn taint(&self, node: &NodeName) -> Result<(), PortError> {
        self.change_taints(node, |taints| {
            let is_there = taints
                .iter()
                .any(|taint| taint.key == REPLACED_SOON && taint.effect == EFFECT);
            if is_there {
                return false;
            }
            taints.push(Taint {
                key: REPLACED_SOON.to_owned(),
                effect: EFFECT.to_owned(),
                ..Taint::default()
            });
            true
        })
        .await
        .map_err(|failed| failed.error)
    }

    async fn untaint(&self, node: &NodeName) -> Result<(), PortError> {
        let removed = self.change_taints(node, |taints| {
            let before = taints.len();
            taints.retain(|taint| taint.key != REPLACED_SOON);
            taints.len() != before
        });
        unless_gone(removed.await)
    }
}

fn unless_gone(done: Result<(), Failed>) -> Result<(), PortError> {
    match done {
        Err(failed) if failed.is_gone() => Ok(()),
        done => done.map_err(|failed| failed.error),
    }
}

impl KubeApi {
    async fn set(&self, node: &NodeName, change: &Value) -> Result<(), Failed> {
        let api: Api<Node> = Api::all(self.client.clone());
        let patch = Patch::Merge(change);
        let params = PatchParams::default();
        bounded("patch nodes", api.patch(node.as_str(), &params, &patch))
            .await
            .map(drop)
    }

    /// The list is one value to the API: what somebody else has added since our look makes it refuse ours (409).
    async fn change_taints(
        &self,
        node: &NodeName,
        change: impl FnOnce(&mut Vec<Taint>) -> bool,
    ) -> Result<(), Failed> {
        let api: Api<Node> = Api::all(self.client.clone());
        let seen = bounded("get nodes", api.get(node.as_str())).await?;
        let mut taints = seen.spec.and_then(|spec| spec.taints).unwrap_or_default();
        if !change(&mut taints) {
            return Ok(());
        }
        let version = seen.metadata.resource_version;
        let wanted = json!({ "metadata": { "resourceVersion": version }, "spec": { "taints": taints } });
        self.set(node, &wanted).await
    }
}
