//! rehull itself takes three real apiservers to the next minor, while clients of every class go on.

use rehull::sandbox::load::{Load, Mix};

use super::rig::Plane;
use crate::support::toolbox;

const OLD: &str = "1.33.13";
const NEW: &str = "1.34.2";
/// So much has to have gone through before it counts.
const REQUESTS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "wants binaries that take Go 10 to 20 minutes: `make test-control-plane`"]
async fn three_apiservers_go_to_the_next_minor_under_load_and_clients_lose_nothing() {
    if toolbox::kubernetes(NEW, "kube-apiserver").is_none() {
        return;
    }
    let Some(plane) = Plane::up("roll", OLD).await else {
        return;
    };
    let (code, said) = plane
        .rehull(&format!("sandbox pin --kubernetes {NEW} --name roll --dir ."))
        .await;
    assert_eq!(code, 0, "{said}");
    let (code, said) = plane.rehull("plan FILE").await;
    assert_eq!(code, 0, "{said}");
    let change = format!("Kubernetes {OLD} → {NEW} on 3 control-plane machines");
    assert!(said.contains(&change), "{said}");

    let before = plane.healthy().await;
    let pki = plane.info.control_plane_pki_dir();
    let load = Load::start(&plane.plane().endpoint, &pki, &Mix::default())
        .await
        .unwrap();
    let (code, said) = plane.rehull("apply FILE --yes").await;
    let report = load.stop().await;
    assert_eq!(code, 0, "{said}");
    println!("{}", raw(&report));
    assert_eq!(report.breaches(), Vec::<String>::new(), "{report:#?}\n{said}");
    assert!(report.requests() >= REQUESTS, "{} requests", report.requests());
    assert!(report.watches.acknowledged > 100, "{report:#?}");

    let after = plane.healthy().await;
    assert_eq!(after.len(), 3, "{after:?}");
    assert!(
        !after.iter().any(|id| before.contains(id)),
        "{before:?} {after:?}"
    );
    let client = plane.new_each_time();
    for _ in 0..9 {
        let answer = client.get(plane.url("/version")).send().await.unwrap();
        let page: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(page["gitVersion"], format!("v{NEW}"));
    }
    // Nothing that was altered of the group stays so, but for what it launches.
    assert_eq!(plane.group().await, ("2".to_owned(), [3, 3, 3], 0));
    let (code, said) = plane.rehull("plan FILE").await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing to do"), "{said}");
}

/// Raw events per class, as they came to clients that keep no contract.
fn raw(report: &rehull::sandbox::load::Report) -> String {
    let classes = report.classes.iter();
    let lines = classes.map(|(class, tally)| {
        let (requests, failed, events) = (tally.requests, tally.failed, &tally.events);
        format!("{class:?}: {requests} requests, {failed} failed, {events:?}")
    });
    let watches = &report.watches;
    let seen = format!(
        "watches: {} acknowledged, {} missed, {} resumed",
        watches.acknowledged, watches.missed, watches.resumed
    );
    lines.chain([seen]).collect::<Vec<_>>().join("\n")
}
