//! The `controlPlane` part: each test changes one thing in the example.

use std::time::Duration;

use super::*;
use crate::domain::policy::ServingPolicy;

fn with(old: &str, new: &str) -> String {
    assert!(WITH_SERVERS.contains(old), "{old:?} is not in the example");
    WITH_SERVERS.replacen(old, new, 1)
}

#[test]
fn the_example_with_a_control_plane_is_legal_and_the_one_without_has_none() {
    let role = parse("c", WITH_SERVERS).unwrap().control_plane.unwrap();
    assert_eq!(role.version.to_string(), "1.34.2");
    assert_eq!(role.service_account_issuer, "https://kubernetes.default.svc");
    assert_eq!(role.flags["kube-apiserver"]["authorization-mode"], "Node,RBAC");
    assert!(role.flags["kube-scheduler"].is_empty());
    assert_eq!(role.serving, ServingPolicy::default());
    assert_eq!(parse("c", EXAMPLE).unwrap().control_plane, None);
}

#[test]
fn flags_that_rehull_sets_are_refused_with_what_to_write_instead() {
    for (flag, help) in [
        ("etcd-servers", "the slots of `etcd`"),
        ("service-cluster-ip-range", "write `serviceCidr`"),
        ("service-account-issuer", "write `serviceAccountIssuer`"),
        ("tls-cert-file", "`machineTls`"),
        ("advertise-address", "address of the machine"),
    ] {
        let text = with("shutdown-delay-duration: 6s", &format!("{flag}: x"));
        let found = only(&text, "config::flag_owned");
        assert!(found.help.clone().unwrap_or_default().contains(help), "{found:?}");
    }
}

/// Skew through the load balancer: what is newer than the oldest apiserver must not reach it.
#[test]
fn no_program_of_a_control_plane_machine_may_be_sent_through_the_load_balancer() {
    let text = with(
        "  template:\n    builtIn: 1\n  machineTls: { bucket: rehull-dev-secrets, prefix: control-plane/",
        "    kube-scheduler: { master: \"https://api.dev.example\" }\n  template:\n    builtIn: 1\n  machineTls: { bucket: rehull-dev-secrets, prefix: control-plane/",
    );
    let found = only(&text, "config::flag_owned");
    assert!(
        found
            .help
            .clone()
            .unwrap_or_default()
            .contains("never through the load balancer"),
        "{found:?}"
    );
}

#[test]
fn an_apiserver_that_would_let_everybody_in_is_refused() {
    only(
        &with("      authorization-mode: Node,RBAC\n", ""),
        "config::authorization",
    );
}

#[test]
fn a_classic_load_balancer_is_refused_with_the_way_out() {
    let arn =
        "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/dev-apiserver/0123456789abcdef";
    for wrong in [
        "dev-apiserver",
        "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:loadbalancer/dev-apiserver",
    ] {
        let found = only(&with(arn, wrong), "config::target_group");
        assert!(
            found
                .help
                .clone()
                .unwrap_or_default()
                .contains("network load balancer"),
            "{found:?}"
        );
    }
}

#[test]
fn what_new_connections_need_to_stay_away_is_not_shortened_on_aws() {
    let short = with("    floor: 3", "    propagation: 30s");
    only(&short, "config::too_short");
    let sandbox = short.replacen(
        "  region: ap-northeast-1\n",
        "  region: ap-northeast-1\n  endpoint: http://127.20.0.1:4566\n",
        1,
    );
    let role = parse("c", &sandbox).unwrap().control_plane.unwrap();
    assert_eq!(role.serving.propagation, Duration::from_secs(30));
}

#[test]
fn keys_of_the_servers_are_apart_from_what_other_machines_may_read() {
    let tls = "machineTls: { bucket: rehull-dev-secrets, prefix: control-plane/";
    only(
        &with(tls, "machineTls: { bucket: rehull-dev, prefix: artefacts/x/"),
        "config::overlap",
    );
    only(
        &with(tls, "machineTls: { bucket: rehull-dev-secrets, prefix: etcd/x/"),
        "config::overlap",
    );
}

#[test]
fn two_programs_with_one_digest_are_a_slip_of_copying() {
    let (one, other) = (
        "6b8e5f1bf9c15b9a2f2d1e7b2a7da2a3b2fa3d7e1a1e2c6d1f8a4b0c9d8e7f6a",
        "7c9f6a2ca0d26c0b3a3e2f8c3b8eb3b4c3ab4e8f2b2f3d7e2a9b5c1d0e9f8a7b",
    );
    only(&with(other, one), "config::duplicate");
}

#[test]
fn the_defaults_of_serving_in_the_schema_are_those_that_apply() {
    let defaults = &schema()["$defs"]["Serving"]["properties"];
    let text = |key: &str| defaults[key]["default"].to_string().replace('"', "");
    let written = format!(
        "    floor: {}\n    crossZone: {}\n    propagation: {}\n    serveDeadline: {}\n    launchDeadline: {}\n    bake: {}",
        text("floor"),
        text("crossZone"),
        text("propagation"),
        text("serveDeadline"),
        text("launchDeadline"),
        text("bake"),
    );
    let role = parse("c", &with("    floor: 3", &written))
        .unwrap()
        .control_plane
        .unwrap();
    assert_eq!(role.serving, ServingPolicy::default());
}
