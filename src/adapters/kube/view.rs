//! The look at everything that a rollout of workers decides by.

use std::fmt::Debug;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, try_join, try_join3};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::core::{ObjectList, PartialObjectMeta};
use kube::{Api, Resource};
use rehull_core::domain::kube::KubeView;
use rehull_core::domain::observed::{Gap, Part, Partial};
use rehull_core::ports::NodesView;
use serde::de::DeserializeOwned;

use super::convert;
use super::error::Failed;
use super::{CALL_LIMIT, KubeApi, PAGE_LIMIT, bounded_by};
use crate::adapters::clock::within;

/// Objects per answer: as many as kubectl asks for. The pages of one list are of one instant.
const PAGE: u32 = 500;

#[async_trait]
impl NodesView for KubeApi {
    async fn observe(&self) -> Partial<KubeView> {
        let why = match within(CALL_LIMIT, self.read()).await {
            Some(Ok(value)) => {
                return Partial {
                    value,
                    gaps: Vec::new(),
                };
            }
            Some(Err(failed)) => failed.error.to_string(),
            None => format!("nodes and pods are not listed within {CALL_LIMIT:?}"),
        };
        Partial {
            value: KubeView::default(),
            gaps: vec![Gap {
                part: Part::Kube,
                why,
            }],
        }
    }
}

impl KubeApi {
    /// All lists, or nothing: pods without their budgets would look as if they could go.
    async fn read(&self) -> Result<KubeView, Failed> {
        let ((nodes, pods, budgets), (sets, deployments, stateful)) = try_join(
            try_join3(
                self.list::<Node>("list nodes"),
                self.list::<Pod>("list pods"),
                self.list::<PodDisruptionBudget>("list poddisruptionbudgets"),
            ),
            try_join3(
                self.replica_sets(),
                self.list::<Deployment>("list deployments"),
                self.list::<StatefulSet>("list statefulsets"),
            ),
        )
        .await?;
        let made_by = convert::made_by(&sets);
        let budgets = budgets.iter().map(|budget| convert::budget(budget, &pods));
        let deployments = deployments.iter().map(convert::deployment);
        Ok(KubeView {
            budgets: budgets.collect(),
            nodes: nodes
                .into_iter()
                .map(|node| convert::node(node, &self.region))
                .collect(),
            pods: pods
                .iter()
                .filter_map(|pod| convert::pod(pod, &made_by))
                .collect(),
            workloads: deployments
                .chain(stateful.iter().map(convert::stateful_set))
                .collect(),
        })
    }

    async fn list<K>(&self, action: &str) -> Result<Vec<K>, Failed>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let ask = |params: ListParams| -> BoxFuture<'_, kube::Result<ObjectList<K>>> {
            let api = &api;
            Box::pin(async move { api.list(&params).await })
        };
        pages(action, ask).await
    }

    /// Only who made them: their specifications are half of what such a list would weigh.
    async fn replica_sets(&self) -> Result<Vec<ObjectMeta>, Failed> {
        let api: Api<ReplicaSet> = Api::all(self.client.clone());
        let ask =
            |params: ListParams| -> BoxFuture<'_, kube::Result<ObjectList<PartialObjectMeta<ReplicaSet>>>> {
                let api = &api;
                Box::pin(async move { api.list_metadata(&params).await })
            };
        let all = pages("list replicasets", ask).await?;
        Ok(all.into_iter().map(|one| one.metadata).collect())
    }
}

async fn pages<'a, K: Clone>(
    action: &str,
    ask: impl Fn(ListParams) -> BoxFuture<'a, kube::Result<ObjectList<K>>>,
) -> Result<Vec<K>, Failed> {
    let mut all = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = bounded_by(PAGE_LIMIT, action, ask(params.clone())).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}
