//! A stand-in for the Kubernetes API inside this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use kube::Config;
use rehull_core::domain::ids::Region;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::KubeApi;

#[derive(Default)]
struct Held {
    lists: BTreeMap<String, Vec<Value>>,
    refused: BTreeMap<String, Value>,
    page: Option<usize>,
    patches: usize,
    /// Somebody else changes a node behind every look at it.
    moves_on: bool,
    eviction: Option<Value>,
    evicted: Vec<(String, Value)>,
}

/// What it holds, from the outside.
#[derive(Clone, Default)]
pub(super) struct StandIn(Arc<Mutex<Held>>);

/// A `Status` that is a failure.
pub(super) fn answer(code: u16, reason: &str, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message })
}

/// Nobody listens behind this one.
pub(super) async fn nobody() -> KubeApi {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    reach(&format!("http://{address}"))
}

fn reach(url: &str) -> KubeApi {
    KubeApi::connect(Config::new(url.parse().unwrap()), &Region::new("ap-northeast-1")).unwrap()
}

impl StandIn {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap()
    }

    pub(super) async fn connect(&self) -> KubeApi {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(serve).with_state(self.clone());
        drop(tokio::spawn(async move { axum::serve(listener, app).await }));
        reach(&url)
    }

    pub(super) fn put(&self, path: &str, items: Vec<Value>) {
        self.held().lists.insert(path.to_owned(), items);
    }

    pub(super) fn refuse(&self, path: &str, answer: Value) {
        self.held().refused.insert(path.to_owned(), answer);
    }

    pub(super) fn cut_pages_to(&self, page: usize) {
        self.held().page = Some(page);
    }

    pub(super) fn move_on_after_a_look(&self) {
        self.held().moves_on = true;
    }

    pub(super) fn answer_evictions(&self, answer: Option<Value>) {
        self.held().eviction = answer;
    }

    pub(super) fn last_eviction(&self) -> (String, Value) {
        self.held().evicted.last().unwrap().clone()
    }

    pub(super) fn patches(&self) -> usize {
        self.held().patches
    }

    pub(super) fn node(&self, name: &str) -> Value {
        let mut held = self.held();
        held.node(name).unwrap().clone()
    }
}

impl Held {
    fn node(&mut self, name: &str) -> Option<&mut Value> {
        let nodes = self.lists.get_mut("/api/v1/nodes")?;
        nodes.iter_mut().find(|node| node["metadata"]["name"] == name)
    }

    fn list(&self, path: &str, from: usize) -> Value {
        let none = Vec::new();
        let all = self.lists.get(path).unwrap_or(&none);
        let until = self.page.map_or(all.len(), |page| all.len().min(from + page));
        let next = (until < all.len()).then(|| until.to_string());
        json!({ "kind": "List", "apiVersion": "v1", "metadata": { "continue": next }, "items": all[from..until] })
    }

    fn look(&mut self, name: &str) -> Value {
        let moves_on = self.moves_on;
        let Some(node) = self.node(name) else {
            return answer(404, "NotFound", &format!("nodes \"{name}\" not found"));
        };
        let seen = node.clone();
        if moves_on {
            node["metadata"]["resourceVersion"] = json!("8");
        }
        seen
    }

    fn patch(&mut self, name: &str, change: &Value) -> Value {
        let Some(node) = self.node(name) else {
            return answer(404, "NotFound", &format!("nodes \"{name}\" not found"));
        };
        let expected = &change["metadata"]["resourceVersion"];
        if expected.is_string() && *expected != node["metadata"]["resourceVersion"] {
            return answer(409, "Conflict", "the object has been modified");
        }
        merge(node, change);
        let done = node.clone();
        self.patches += 1;
        done
    }
}

/// RFC 7396.
fn merge(target: &mut Value, change: &Value) {
    let Value::Object(fields) = change else {
        *target = change.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

async fn serve(
    State(api): State<StandIn>,
    method: Method,
    uri: Uri,
    Query(asked): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let path = uri.path();
    let mut held = api.held();
    let told = if let Some(refused) = held.refused.get(path) {
        refused.clone()
    } else if path.ends_with("/eviction") {
        let body = serde_json::from_slice(&body).unwrap();
        held.evicted.push((path.to_owned(), body));
        let done = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201 });
        held.eviction.clone().unwrap_or(done)
    } else if let Some(name) = path.strip_prefix("/api/v1/nodes/") {
        match method {
            Method::PATCH => held.patch(name, &serde_json::from_slice(&body).unwrap()),
            _ => held.look(name),
        }
    } else {
        let from = asked.get("continue").map_or(0, |token| token.parse().unwrap());
        held.list(path, from)
    };
    let code = told["code"].as_u64().unwrap_or(200);
    let status = StatusCode::from_u16(u16::try_from(code).unwrap()).unwrap();
    (status, [("content-type", "application/json")], told.to_string()).into_response()
}
