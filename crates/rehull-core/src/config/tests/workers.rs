//! The `workers` part: each test changes one thing in the example.

use super::*;
use crate::domain::desired::TemplateRef;
use crate::domain::worker::WorkerPolicy;

fn with(old: &str, new: &str) -> String {
    assert!(WITH_WORKERS.contains(old), "{old:?} is not in the example");
    WITH_WORKERS.replacen(old, new, 1)
}

fn role(text: &str) -> crate::domain::worker::WorkersRole {
    parse("c", text).unwrap().workers.unwrap()
}

#[test]
fn the_example_with_workers_is_legal_and_the_others_have_none() {
    let role = role(WITH_WORKERS);
    assert_eq!((role.budget, role.groups.len()), (2, 2));
    assert_eq!(role.order[0].first.as_str(), "default/redis");
    let general = &role.groups[0];
    assert_eq!(general.version.to_string(), "1.34.2");
    assert_eq!(general.template, TemplateRef::File("worker.yaml".to_owned()));
    assert_eq!(general.policy.max_surge, 2);
    assert_eq!(general.policy.drain_deadline.as_secs(), 1800);
    let memory = &role.groups[1];
    assert_eq!(memory.policy, WorkerPolicy::default());
    assert!(memory.machine.binaries.is_empty() && memory.target_groups.is_empty());
    assert_eq!(parse("c", WITH_SERVERS).unwrap().workers, None);
}

#[test]
fn workers_without_a_control_plane_are_refused_because_nobody_could_say_what_it_serves() {
    let start = WITH_WORKERS.find("controlPlane:").unwrap();
    let end = WITH_WORKERS.find("workers:\n").unwrap();
    let text = format!("{}{}", &WITH_WORKERS[..start], &WITH_WORKERS[end..]);
    only(&text, "config::workers_alone");
}

#[test]
fn a_kubelet_is_never_newer_than_the_control_plane_and_at_most_three_minors_older() {
    let kubelet = "      version: 1.34.2\n      binaries: # sha256sum of each; none";
    let pinned = |version: &str| with(kubelet, &kubelet.replace("1.34.2", version));
    let newer = only(&pinned("1.35.0"), "config::kubelet_skew");
    assert!(
        newer.message.contains("newer than the control plane"),
        "{newer:?}"
    );
    assert_eq!(newer.at, "/workers/groups/0/version");
    let older = only(&pinned("1.30.9"), "config::kubelet_skew");
    assert!(older.message.contains("too old"), "{older:?}");
    for fits in ["1.34.9", "1.33.13", "1.31.0"] {
        assert_eq!(role(&pinned(fits)).groups[0].version.to_string(), fits);
    }
}

#[test]
fn two_groups_share_no_auto_scaling_group_and_no_launch_template_with_anybody() {
    let same = only(
        &with("autoScalingGroup: dev-memory", "autoScalingGroup: dev-general"),
        "config::duplicate",
    );
    assert_eq!(same.at, "/workers/groups/1/autoScalingGroup");
    let of_servers = only(
        &with("launchTemplate: dev-memory", "launchTemplate: dev-control-plane"),
        "config::duplicate",
    );
    assert_eq!(of_servers.at, "/workers/groups/1/launchTemplate");
}

#[test]
fn a_group_that_may_have_neither_one_more_nor_one_fewer_is_refused() {
    let text = with(
        "        maxSurge: 2",
        "        maxSurge: 0\n        maxUnavailable: 0",
    );
    only(&text, "config::rolling");
    let fewer = role(&with("        maxSurge: 2", "        maxSurge: 0"));
    assert_eq!(fewer.groups[0].policy.max_unavailable, 1);
}

#[test]
fn an_order_names_two_workloads_by_namespace_and_name() {
    let rule = "{ first: default/redis, then: default/backend }";
    only(
        &with(rule, "{ first: redis, then: default/backend }"),
        "config::workload",
    );
    only(
        &with(rule, "{ first: default/redis, then: default/Redis }"),
        "config::workload",
    );
    only(
        &with(rule, "{ first: default/redis, then: default/redis }"),
        "config::order",
    );
}

#[test]
fn the_server_is_an_https_url_and_nothing_behind_it() {
    for wrong in [
        "http://api.dev.example:6443",
        "api.dev.example",
        "https://api.dev.example/k8s",
        "https://me@api",
    ] {
        only(&with("https://api.dev.example:6443", wrong), "config::server");
    }
}

#[test]
fn what_new_connections_need_to_stay_away_from_a_worker_is_not_shortened_on_aws() {
    only(
        &with("        maxSurge: 2", "        propagation: 30s"),
        "config::too_short",
    );
}

#[test]
fn the_key_that_evicts_every_pod_stands_where_no_machine_may_read() {
    let files =
        "    files: { ca: pki/kubernetes-ca.crt, cert: pki/rehull-workers.crt, key: pki/rehull-workers.key }";
    let text = with(files, "    s3: { bucket: rehull-dev, prefix: artefacts/keys/ }");
    only(&text, "config::overlap");
}

#[test]
fn the_defaults_of_rolling_in_the_schema_are_those_that_apply() {
    let defaults = &schema()["$defs"]["Rolling"]["properties"];
    let keys: Vec<String> = defaults
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, part)| format!("        {key}: {}", part["default"].to_string().replace('"', "")))
        .collect();
    assert_eq!(keys.len(), 8);
    let written = "        maxSurge: 2\n        canary: 1\n        bake: 5m\n        drainDeadline: 30m";
    let role = role(&with(written, &keys.join("\n")));
    assert_eq!(role.groups[0].policy, WorkerPolicy::default());
}
