//! What no way is found for, and what small differences do.

use super::*;

/// `code at place: message. help`
fn told(result: Result<Path, Vec<Refusal>>) -> Vec<String> {
    let refusals = result.expect_err("refused").into_iter().map(|refusal| {
        let place = refusal.pointer.unwrap_or_default();
        format!(
            "{} at {place}: {}. {}",
            refusal.code, refusal.message, refusal.help
        )
    });
    refusals.collect()
}

fn refused(seen: &Seen, pins: &Pins) -> String {
    told(way(seen, pins)).join("\n")
}

#[test]
fn a_start_older_than_the_catalogue_is_refused_and_told_where_the_way_begins() {
    let seen = seen("3.4.45", "1.10.13", &[("general", "1.10.13", 5)]);
    let pins = pins("3.4.45", "1.17.17", &[("general", "1.17.17")]);
    insta::assert_snapshot!(refused(&seen, &pins));
}

#[test]
fn a_pin_or_a_member_that_nobody_described_is_refused_at_its_place() {
    let general = [("general", "1.37.2", 5)];
    let newer = refused(
        &seen("3.7.3", "1.37.2", &general),
        &pins("3.7.3", "1.38.0", &[("general", "1.38.0")]),
    );
    assert!(
        newer.contains("path::unknown at /controlPlane/version: nothing is known about Kubernetes 1.38"),
        "{newer}"
    );
    assert!(
        newer.contains("path::unknown at /workers/groups/0/version"),
        "{newer}"
    );
    assert!(
        newer.contains("pin a release of 1.14 to 1.37, or update rehull"),
        "{newer}"
    );
    let etcd = refused(&seen("3.7.3", "1.37.2", &general), &pins("3.8.0", "1.37.2", &[]));
    assert!(
        etcd.contains("path::etcd_hop at /etcd/version: nothing is known about etcd 3.8"),
        "{etcd}"
    );
    let old = refused(&seen("3.3.10", "1.15.12", &[]), &pins("3.4.45", "1.16.15", &[]));
    assert!(
        old.contains("members run etcd 3.3: nothing is known about it"),
        "{old}"
    );
}

#[test]
fn pins_that_could_not_stand_together_are_refused_all_at_once() {
    let groups = [
        ("old", "1.30.14", 5),
        ("new", "1.31.14", 5),
        ("back", "1.32.13", 5),
    ];
    let seen = seen("3.5.35", "1.33.13", &groups);
    let all = refused(
        &seen,
        &pins(
            "3.5.35",
            "1.34.13",
            &[("old", "1.30.14"), ("new", "1.35.10"), ("back", "1.31.14")],
        ),
    );
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines.len(), 3, "{all}");
    assert!(
        lines[0]
            .contains("/workers/groups/0/version: kubelet 1.30.14 of old is too old for apiservers of 1.34"),
        "{all}"
    );
    assert!(
        lines[1].contains("/workers/groups/1/version: kubelet 1.35.10 of new is newer than the apiservers"),
        "{all}"
    );
    assert!(
        lines[2].contains("/workers/groups/2/version: 1.31.14 is pinned for back, and its nodes run 1.32"),
        "{all}"
    );
}

#[test]
fn etcd_and_apiservers_that_do_not_work_together_are_refused() {
    let text = refused(&seen("3.5.35", "1.33.13", &[]), &pins("3.7.3", "1.34.13", &[]));
    assert!(
        text.contains("path::pair at /etcd/version: etcd 3.7.3 is not known to work with apiservers of 1.34"),
        "{text}"
    );
    assert!(text.contains("pin a release of etcd 3.5 or 3.6"), "{text}");
}

#[test]
fn a_bad_release_of_etcd_and_a_lower_minor_are_refused_with_etcds_own_reasons() {
    let bad = refused(&seen("3.4.45", "1.25.16", &[]), &pins("3.5.1", "1.25.16", &[]));
    assert!(bad.contains("etcd 3.5.1 is not to be run"), "{bad}");
    let down = refused(&seen("3.5.35", "1.25.16", &[]), &pins("3.4.45", "1.25.16", &[]));
    assert!(
        down.contains("a lower minor refuses the data of a higher one"),
        "{down}"
    );
    let young = refused(&seen("3.5.35", "1.34.13", &[]), &pins("3.6.4", "1.34.13", &[]));
    assert!(
        young.contains("path::etcd_hop at /etcd/version: etcd 3.6.4 cannot follow 3.5.35"),
        "{young}"
    );
}

#[test]
fn a_control_plane_goes_no_way_back_and_no_three_minors_serve_together() {
    let back = refused(&seen("3.5.35", "1.33.13", &[]), &pins("3.5.35", "1.32.13", &[]));
    assert!(back.contains("path::way_back at /controlPlane/version"), "{back}");
    let mut wide = seen("3.5.35", "1.31.14", &[]);
    wide.servers.insert(ServerVersions::all(v("1.33.13")), 1);
    let wide = refused(&wide, &pins("3.5.35", "1.34.13", &[]));
    assert!(
        wide.contains("apiservers of 1.31 and of 1.33 serve together"),
        "{wide}"
    );
    let mut controllers = seen("3.5.35", "1.33.13", &[]);
    let odd = ServerVersions {
        scheduler: v("1.31.14"),
        ..ServerVersions::all(v("1.33.13"))
    };
    controllers.servers.insert(odd, 1);
    let controllers = refused(&controllers, &pins("3.5.35", "1.34.13", &[]));
    assert!(
        controllers.contains("kube-scheduler 1.31.14 asks an apiserver of 1.33.13"),
        "{controllers}"
    );
}

#[test]
fn nothing_is_planned_from_where_nobody_looked() {
    let blind = Seen {
        etcd: BTreeMap::new(),
        ..seen("3.5.35", "1.33.13", &[])
    };
    let text = refused(&blind, &pins("3.5.35", "1.34.13", &[]));
    assert!(text.contains("path::unseen at /etcd/version"), "{text}");
    let blind = Seen {
        servers: BTreeMap::new(),
        ..seen("3.5.35", "1.33.13", &[])
    };
    let text = refused(&blind, &pins("3.5.35", "1.34.13", &[]));
    assert!(text.contains("path::unseen at /controlPlane/version"), "{text}");
}

#[test]
fn a_group_that_nobody_pins_is_not_left_behind() {
    let seen = seen(
        "3.5.35",
        "1.30.14",
        &[("general", "1.30.14", 5), ("theirs", "1.28.15", 2)],
    );
    let text = refused(&seen, &pins("3.5.35", "1.33.13", &[("general", "1.33.13")]));
    assert!(
        text.contains("nodes of theirs run 1.28, and no legal way takes them along to apiservers of 1.33"),
        "{text}"
    );
    let near = way(&seen, &pins("3.5.35", "1.31.14", &[("general", "1.31.14")])).unwrap();
    assert_eq!(hops(&near), ["control plane 1.31.14", "workers general 1.31.14"]);
}

#[test]
fn nothing_is_done_where_everything_runs_what_is_pinned() {
    let path = way(
        &seen("3.6.16", "1.36.6", &[("general", "1.36.6", 5)]),
        &pins("3.6.16", "1.36.6", &[("general", "1.36.6")]),
    );
    assert_eq!(
        path.unwrap().to_string(),
        "nothing to do: everything runs what is pinned\n"
    );
}

#[test]
fn nodes_that_are_too_old_already_come_first_and_it_is_told() {
    let path = way(
        &seen("3.5.35", "1.24.17", &[("general", "1.20.15", 5)]),
        &pins("3.5.35", "1.25.16", &[("general", "1.25.16")]),
    )
    .unwrap();
    assert_eq!(
        hops(&path),
        [
            "workers general 1.24.17",
            "control plane 1.25.16",
            "workers general 1.25.16"
        ]
    );
    assert!(
        path.notes
            .iter()
            .any(|note| note.contains("nodes of general run 1.20 under apiservers of 1.24")),
        "{path}"
    );
}

#[test]
fn an_empty_group_is_rolled_before_its_next_machine_would_be_too_old() {
    let path = way(
        &seen("3.5.35", "1.25.16", &[("spare", "1.25.16", 0)]),
        &pins("3.5.35", "1.30.14", &[("spare", "1.30.14")]),
    )
    .unwrap();
    let rolls: Vec<String> = hops(&path)
        .into_iter()
        .filter(|hop| hop.starts_with("workers"))
        .collect();
    assert_eq!(rolls, ["workers spare 1.28.15", "workers spare 1.30.14"]);
}

#[test]
fn a_kube_proxy_that_was_left_behind_counts_like_a_kubelet() {
    let mut seen = seen("3.5.35", "1.28.15", &[]);
    let node = NodeVersions {
        kubelet: v("1.28.15"),
        kube_proxy: v("1.25.16"),
    };
    seen.groups
        .insert(GroupName::new("general"), BTreeMap::from([(node, 4)]));
    let path = way(&seen, &pins("3.5.35", "1.29.15", &[("general", "1.29.15")])).unwrap();
    assert_eq!(
        hops(&path),
        [
            "workers general 1.28.15",
            "control plane 1.29.15",
            "workers general 1.29.15"
        ]
    );
}

#[test]
fn the_patch_of_a_minor_on_the_way_is_one_that_runs_already() {
    let mut seen = seen("3.5.35", "1.28.15", &[("general", "1.28.3", 90)]);
    let nodes = seen.groups.get_mut(&GroupName::new("general")).unwrap();
    nodes.insert(NodeVersions::all(v("1.25.16")), 2);
    let path = way(&seen, &pins("3.5.35", "1.31.14", &[("general", "1.31.14")])).unwrap();
    assert_eq!(hops(&path)[0], "workers general 1.28.3");
    assert_eq!(path.hops[0].machines, 2);
}
