//! What `status` says of a cluster and a rollout that need a person.

use rehull_core::domain::etcd::EtcdView;
use rehull_core::domain::fleet::FleetView;
use rehull_core::domain::group::GroupsView;
use rehull_core::domain::kube::KubeView;
use rehull_core::domain::observed::Jobs;
use rehull_core::event::{Event, What};

use super::*;

fn file() -> ClusterFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/three-etcd/cluster.yaml");
    ClusterFile::read(&path).expect("the example is legal")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("in range")
}

/// Nobody serves: their ports refuse connections, or nothing comes back at all.
fn without_members(file: &ClusterFile, endpoint: &Endpoint) -> Observed {
    let slots = file.desired.etcd.slots.iter();
    Observed {
        at: at(0),
        fleet: FleetView::default(),
        etcd: EtcdView {
            client_cert_until: None,
            endpoints: slots.map(|slot| (slot.name.clone(), endpoint.clone())).collect(),
        },
        groups: GroupsView::default(),
        kube: KubeView::default(),
        jobs: Jobs::default(),
        identity: None,
        requests: Vec::new(),
        gaps: Vec::new(),
    }
}

fn found(seen: Option<Observed>) -> Found {
    Found {
        seen,
        holder: None,
        rollout: None,
        now: at(0),
    }
}

fn exit(file: &ClusterFile, found: &Found) -> Exit {
    let console = Console::new(Format::Text, true, true).muted();
    show(&console, file, found).expect("it can be shown")
}

#[test]
fn a_lost_quorum_needs_a_person_and_has_a_next_line() {
    let file = file();
    let found = found(Some(without_members(&file, &Endpoint::Refused)));
    assert_eq!(exit(&file, &found), Exit::NeedsPerson);
    let text = text(&file, &found, Paint::Plain);
    let next = "next   start nothing and delete nothing: docs/runbooks/quorum-lost.md\n";
    assert!(text.ends_with(next), "{text}");
}

#[test]
fn where_nobody_is_heard_the_next_line_does_not_call_the_quorum_lost() {
    let file = file();
    let found = found(Some(without_members(
        &file,
        &Endpoint::Silent("timed out".to_owned()),
    )));
    assert_eq!(exit(&file, &found), Exit::NeedsPerson);
    let text = text(&file, &found, Paint::Plain);
    assert!(text.contains("next   no member can be asked from here"), "{text}");
}

/// A rollout that was begun at 0 s, and its holder, who gave its last sign of life at 10 s.
fn held(now: i64) -> Found {
    let id = RolloutId::new("dev-2026-11-21-01");
    let started = Event {
        at: at(0),
        rollout: id.clone(),
        what: What::Started {
            first: true,
            summary: "etcd 3.5.33 → 3.6.14 on 3 machines".to_owned(),
            steps: Vec::new(),
            groups: Vec::new(),
        },
    };
    let holder = LeaseRecord {
        format: 1,
        holder: "ann@vm 380".to_owned(),
        rollout: id.clone(),
        nonce: "n".to_owned(),
        epoch: 1,
        beat: 3,
        ttl_ms: 60_000,
        since: at(0),
        renewed_at: at(10),
        released: false,
    };
    Found {
        seen: None,
        holder: Some(holder),
        rollout: Some((id, Timeline::of(&[started]), Vec::new())),
        now: at(now),
    }
}

#[test]
fn a_holder_without_a_sign_of_life_is_told_as_such_with_what_to_type() {
    let file = file();
    let silent = text(&file, &held(81), Paint::Plain);
    assert!(
        silent.contains("ann@vm 380 worked on it and gives no sign of life since 1 min 11 s"),
        "{silent}"
    );
    let next = "next         rehull resume dev-2026-11-21-01 takes over, 1 min 25 s after it is typed   |   rehull abort dev-2026-11-21-01\n";
    assert!(silent.contains(next), "{silent}");
    assert!(silent.contains("at rest?     nobody has looked"), "{silent}");
}

#[test]
fn a_holder_that_gives_signs_of_life_is_left_alone() {
    let text = text(&file(), &held(20), Paint::Plain);
    assert!(text.contains("ann@vm 380 works on it since 20"), "{text}");
    assert!(!text.contains("rehull resume"), "{text}");
}
