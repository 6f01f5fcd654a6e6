//! What each client does, five times a second: mostly it reads, now and then it makes an object and removes it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::json;

use super::LoadError;
use super::client::{Ask, Class, Client, Outcome};
use super::connection::{Dialer, Protocol};
use super::tally::Tally;
use crate::sandbox::clock;

/// Who the clients are.
pub(super) const USER: &str = "rehull-load";
pub(super) const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// Label of all objects of the load.
pub(super) const LABEL: &str = "rehull-load";

const PAUSE: Duration = Duration::from_millis(200);
/// Authorisation follows a binding within a second.
const ADMITTED_WITHIN: u32 = 50;

/// Lets the user do everything.
pub(super) async fn admit(admin: &Dialer) -> Result<(), LoadError> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": USER },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER }],
    });
    let ask = Ask {
        method: Method::POST,
        path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings".to_owned(),
        body: binding.to_string(),
    };
    match once(admin, &ask).await? {
        StatusCode::CREATED | StatusCode::CONFLICT => Ok(()),
        other => Err(LoadError::because(format!("the user is not let in: {other}"))),
    }
}

/// Every server has heard of it: each new connection may meet another one.
pub(super) async fn until_admitted(dialer: &Dialer) -> Result<(), LoadError> {
    let mut in_a_row = 0_u32;
    for _ in 0..ADMITTED_WITHIN {
        match once(dialer, &Ask::get(format!("{MAPS}?limit=1"))).await? {
            StatusCode::OK => in_a_row = in_a_row.saturating_add(1),
            _ => in_a_row = 0,
        }
        if in_a_row >= ADMITTED_WITHIN / 4 {
            return Ok(());
        }
        clock::sleep(PAUSE / 2).await;
    }
    Err(LoadError::because("the user is not let in by every apiserver"))
}

async fn once(dialer: &Dialer, ask: &Ask) -> Result<StatusCode, LoadError> {
    let request = ask
        .request()
        .ok_or_else(|| LoadError::because("a request cannot be made"))?;
    let broken = |broken| LoadError::because(format!("{broken:?}"));
    let mut connection = dialer.dial(Protocol::Http1, true).await.map_err(broken)?;
    let answer = connection.send(request).await.map_err(broken)?;
    Ok(answer.status)
}

/// One client, until it is told to stop.
pub(super) async fn go_on(
    (dialer, class): (Arc<Dialer>, Class),
    number: u32,
    tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
) {
    let mut client = Client::new(Arc::clone(&dialer), class, Arc::clone(&tally));
    // Looks for what the client itself could not know, and counts nothing of its own.
    let mut looker = Client::new(dialer, Class::Good(Protocol::Http1), Arc::default());
    let mut rounds = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let name = format!("load-{number}-{rounds}");
        rounds = rounds.saturating_add(1);
        // What could not be made need not be removed: that has been counted.
        let mut is_there = false;
        for ask in round(&name) {
            if ask.method == Method::DELETE && !is_there {
                continue;
            }
            let begun = clock::now();
            match client.call(&ask).await {
                Outcome::Done(_) => {
                    if ask.method == Method::POST {
                        tally.acknowledged(&name);
                        is_there = true;
                    }
                }
                Outcome::Failed(text) => tally.failed(class, text),
                Outcome::Unknown(word) => {
                    tally.failed(class, format!("{} {}: {word}", ask.method, ask.path));
                    if ask.method != Method::GET {
                        is_there = find_out(&mut looker, &ask, &name, (&tally, class)).await;
                    }
                }
            }
            let took = Duration::try_from(clock::now().duration_since(begun)).unwrap_or_default();
            clock::sleep(PAUSE.saturating_sub(took)).await;
        }
    }
}

/// Half of it reads, a quarter writes.
fn round(name: &str) -> [Ask; 8] {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "labels": { LABEL: "yes" } }, "data": { "load": "x" },
    });
    let own = format!("{MAPS}/{name}");
    [
        Ask::get("/api/v1/namespaces/default"),
        Ask::get("/version"),
        Ask {
            method: Method::POST,
            path: MAPS.to_owned(),
            body: map.to_string(),
        },
        Ask::get("/api/v1/namespaces?limit=5"),
        Ask::get(format!("{MAPS}?limit=5&labelSelector={LABEL}")),
        Ask::get("/api/v1/namespaces/kube-system"),
        Ask {
            method: Method::DELETE,
            path: own,
            body: String::new(),
        },
        Ask::get("/api/v1/namespaces/default"),
    ]
}

/// A call that broke has been done or not; whoever reports on it must know which. What was not done is done now, so that
/// the round goes on as it should. True: the object is there.
async fn find_out(looker: &mut Client, ask: &Ask, name: &str, (tally, class): (&Tally, Class)) -> bool {
    let exists = match looker.call(&Ask::get(format!("{MAPS}/{name}"))).await {
        Outcome::Done(_) => true,
        Outcome::Failed(text) if text.contains("404") => false,
        Outcome::Failed(_) | Outcome::Unknown(_) => {
            tally.never_known(class);
            return false;
        }
    };
    let done = exists == (ask.method == Method::POST);
    if done {
        tally.done_unknown(class);
    } else if let Outcome::Failed(_) | Outcome::Unknown(_) = looker.call(ask).await {
        tally.never_known(class);
        return false;
    }
    let is_there = ask.method == Method::POST;
    if is_there {
        tally.acknowledged(name);
    }
    is_there
}
