//! The Eviction API, answer by answer.

use async_trait::async_trait;
use hyper::Request;
use kube::core::Status;
use rehull_core::domain::ids::{ObjectName, PodUid};
use rehull_core::ports::{Evictions, PortError, Rule, Unevicted};
use serde_json::json;

use super::error::{Failed, after, text};
use super::{KubeApi, bounded};

/// Reason of the cause that names a budget.
const BUDGET: &str = "DisruptionBudget";
/// What the API says of a pod with two budgets, with status 500 and no reason (pkg/registry/core/pod/storage/eviction.go).
const TWO_BUDGETS: &str = "more than one PodDisruptionBudget";
/// And of a budget whose status is older than itself.
const PROCESSED: &str = "still being processed";

#[async_trait]
impl Evictions for KubeApi {
    async fn evict(&self, pod: &ObjectName, uid: &PodUid) -> Result<(), Unevicted> {
        let request = request(pod, uid)?;
        let asked = bounded("create pods/eviction", self.client.request::<Status>(request)).await;
        asked.map(drop).map_err(|failed| unevicted(pod, failed))
    }
}

/// Made by hand: that of kube 5.0 says `delete_options`, which the API does not know, so that its precondition would be
/// lost and another pod of the same name could go.
fn request(pod: &ObjectName, uid: &PodUid) -> Result<Request<Vec<u8>>, PortError> {
    let invalid = |text: String| PortError::Refused {
        rule: Rule::Invalid,
        text,
    };
    let Some((namespace, name)) = pod.as_str().split_once('/') else {
        return Err(invalid(format!("`{pod}` names no pod")));
    };
    let body = json!({
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": { "namespace": namespace, "name": name },
        "deleteOptions": { "preconditions": { "uid": uid.as_str() } },
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
    let request = Request::post(path).header("content-type", "application/json");
    let request = request.body(body.to_string().into_bytes());
    request.map_err(|error| invalid(error.to_string()))
}

fn unevicted(pod: &ObjectName, failed: Failed) -> Unevicted {
    let Some(status) = failed.status else {
        return failed.error.into();
    };
    match status.code {
        404 => Unevicted::Gone,
        // Another pod has this name by now.
        409 if status.message.to_lowercase().contains("uid in precondition") => Unevicted::Gone,
        429 => by_budget(pod, &status).unwrap_or_else(|| failed.error.into()),
        500 if status.message.contains(TWO_BUDGETS) => Unevicted::TwoBudgets {
            text: text(&status.message),
        },
        _ => failed.error.into(),
    }
}

/// `None`: the API is asked too often, and no budget has anything to do with it.
fn by_budget(pod: &ObjectName, status: &Status) -> Option<Unevicted> {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    let cause = causes.find(|cause| cause.reason == BUDGET)?;
    if cause.message.contains(PROCESSED) {
        return Some(Unevicted::StillProcessed { after: after(status) });
    }
    // "The disruption budget cart needs 1 healthy pods and has 1 currently": of the pod's own namespace.
    let named = cause
        .message
        .split_once("disruption budget ")
        .map(|(_, rest)| rest);
    let named = named.and_then(|rest| rest.split_whitespace().next());
    let (namespace, _) = pod.as_str().split_once('/')?;
    Some(Unevicted::BlockedByBudget {
        budget: named.map(|name| ObjectName::new(format!("{namespace}/{name}"))),
        text: text(&format!("{} {}", status.message, cause.message)),
    })
}
