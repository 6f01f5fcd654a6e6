//! Real apiservers in an Auto Scaling group of the sandbox, behind its load balancer.

mod rig;
mod roll;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use rehull::sandbox::load::{Load, Mix};
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use self::rig::{LIMIT, Plane};
use crate::support::eventually;

const VERSION: &str = "1.33.13";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "wants binaries that take Go 10 to 20 minutes: `make test-control-plane`"]
async fn apiservers_of_a_group_are_reached_through_a_balancer_that_lags_and_are_replaced() {
    let Some(plane) = Plane::up("servers", VERSION).await else {
        return;
    };
    let all = plane.healthy().await;
    assert_eq!(all.len(), 3, "{all:?}");
    objects_come_and_go(&plane).await;
    plane.cross_zones().await;
    let leaver = new_connections_lag_behind_a_deregistration(&plane, &all).await;
    a_terminated_machine_is_made_up_for(&plane, &leaver).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "wants binaries that take Go 10 to 20 minutes: `make test-control-plane`"]
async fn connections_of_a_target_that_turns_unhealthy_are_cut_and_it_comes_back() {
    let Some(plane) = Plane::up("frozen", VERSION).await else {
        return;
    };
    let frozen = plane.healthy().await.remove(0);
    // Nothing is sent on them: only the load balancer can end those.
    let mut idle = Vec::new();
    while plane.target(&frozen).await.unwrap().sessions == 0 {
        idle.push(TcpStream::connect(plane.address()).await.unwrap());
    }
    let with_it = plane.target(&frozen).await.unwrap().sessions;
    plane.signal_api_server(&frozen, Signal::STOP);
    plane.until_healthy(2, &frozen).await;
    eventually("the end of its connections", LIMIT, async || {
        let target = plane.target(&frozen).await?;
        (target.sessions == 0).then_some(())
    })
    .await;
    let mut cut = 0;
    for stream in &mut idle {
        // Those of the other apiservers are silent, or ended by them in peace.
        let read = tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await;
        if let Ok(Err(error)) = read
            && error.kind() == ErrorKind::ConnectionReset
        {
            cut += 1;
        }
    }
    assert_eq!(cut, with_it, "those of the frozen apiserver");

    let before = plane.api_server(&frozen);
    plane.signal_api_server(&frozen, Signal::KILL);
    plane.until_healthy(3, "").await;
    assert_ne!(plane.api_server(&frozen), before);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "wants binaries that take Go 10 to 20 minutes: `make test-control-plane`"]
async fn clients_that_keep_the_contract_lose_nothing_when_a_server_is_taken_out_first_and_ended_then() {
    let Some(plane) = Plane::up("contract", VERSION).await else {
        return;
    };
    plane.cross_zones().await;
    let leaver = plane.healthy().await.remove(0);
    let pki = plane.info.control_plane_pki_dir();
    let load = Load::start(&plane.plane().endpoint, &pki, &Mix::default())
        .await
        .unwrap();
    eventually("a while of peace", LIMIT, async || {
        (load.so_far().requests() > 500).then_some(())
    })
    .await;
    plane.deregister(&leaver).await;
    eventually("the data plane", LIMIT, async || {
        (!plane.target(&leaver).await?.gets_new).then_some(())
    })
    .await;
    plane.terminate(&leaver).await;
    eventually("another machine", LIMIT, async || {
        let healthy = plane.healthy().await;
        (healthy.len() == 3 && !plane.has_processes(&leaver)).then_some(())
    })
    .await;
    let report = load.stop().await;
    assert_eq!(report.breaches(), Vec::<String>::new(), "{report:#?}");
    assert!(report.watches.acknowledged > 100, "{report:#?}");
    // Somebody was careless, or nothing was tried here.
    let troubles = report.events("closed") + report.events("goaway") + report.watches.resumed;
    assert!(troubles > 0, "{report:#?}");
}

/// With the operator's certificate and no client of Kubernetes.
async fn objects_come_and_go(plane: &Plane) {
    let client = plane.new_each_time();
    let own = |name: &str| plane.url(&format!("{MAPS}/{name}"));
    for nth in 0..6 {
        let name = format!("map-{nth}");
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "n": nth.to_string() } });
        let made = client
            .post(plane.url(MAPS))
            .header("content-type", "application/json")
            .body(map.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    let listed = read(&client, &plane.url(MAPS)).await;
    let names: BTreeSet<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|item| item["metadata"]["name"].as_str())
        .filter(|name| name.starts_with("map-"))
        .collect();
    assert_eq!(names.len(), 6);
    assert_eq!(read(&client, &own("map-3")).await["data"]["n"], "3");
    for name in names {
        let gone = client.delete(own(name)).send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::OK);
    }
    let missing = client.get(own("map-3")).send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let version = read(&client, &plane.url("/version")).await;
    assert_eq!(version["gitVersion"], format!("v{VERSION}"));
}

async fn read(client: &reqwest::Client, url: &str) -> Value {
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{url}");
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// Returns who was deregistered.
async fn new_connections_lag_behind_a_deregistration(plane: &Plane, all: &[String]) -> String {
    let ready = plane.url("/readyz");
    let mut kept = Vec::new();
    let everybody = async || {
        plane
            .balancer()
            .await
            .targets
            .iter()
            .all(|target| target.sessions > 0)
    };
    while !everybody().await {
        let client = plane.client();
        assert_eq!(client.get(&ready).send().await.unwrap().status(), StatusCode::OK);
        kept.push(client);
        assert!(kept.len() < 60, "three targets share sixty connections");
    }
    let leaver = all[0].clone();
    let sessions = async || plane.target(&leaver).await.map_or(0, |target| target.sessions);
    let before = sessions().await;
    plane.deregister(&leaver).await;
    let mut late = Vec::new();
    while sessions().await == before {
        late.push(TcpStream::connect(plane.address()).await.unwrap());
        assert!(
            late.len() < 60,
            "a deregistered target still gets new connections for a while"
        );
    }
    eventually("the data plane", LIMIT, async || {
        let target = plane.target(&leaver).await?;
        (!target.gets_new).then_some(())
    })
    .await;
    drop(late);
    eventually("only those from before", LIMIT, async || {
        (sessions().await == before).then_some(())
    })
    .await;
    let client = plane.new_each_time();
    for _ in 0..30 {
        assert_eq!(client.get(&ready).send().await.unwrap().status(), StatusCode::OK);
    }
    let mut held = Vec::new();
    for _ in 0..30 {
        held.push(TcpStream::connect(plane.address()).await.unwrap());
    }
    assert_eq!(sessions().await, before, "nobody new comes");
    for client in &kept {
        assert_eq!(client.get(&ready).send().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(sessions().await, before, "established connections stay");
    leaver
}

async fn a_terminated_machine_is_made_up_for(plane: &Plane, leaver: &str) {
    plane.terminate(leaver).await;
    let (client, ready) = (plane.new_each_time(), plane.url("/readyz"));
    let mut answers = 0;
    eventually("another machine", LIMIT, async || {
        // Who connects anew never meets the one that is going.
        assert_eq!(client.get(&ready).send().await.unwrap().status(), StatusCode::OK);
        answers += 1;
        let healthy = plane.healthy().await;
        (healthy.len() == 3 && !plane.has_processes(leaver)).then_some(())
    })
    .await;
    assert!(answers > 10, "{answers}");
    assert!(!plane.healthy().await.iter().any(|id| id == leaver));
}
