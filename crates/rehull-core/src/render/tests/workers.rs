//! User data of workers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::servers::names;
use crate::config::parse;
use crate::domain::worker::WorkerGroupRole;

const EXAMPLE: &str = include_str!("../../../../../examples/workers/cluster.yaml");
const TEMPLATE: &str = include_str!("../../../../../examples/workers/worker.yaml");

fn rendered(desired: &Desired, n: usize) -> RenderedSlot {
    let workers = desired.workers.as_ref().unwrap();
    render_worker(desired, (workers, &workers.groups[n]), TEMPLATE).unwrap()
}

#[test]
fn the_example_renders_for_each_of_its_groups_to_the_same_text_every_time() {
    let desired = parse("c", EXAMPLE).unwrap();
    let (general, memory) = (rendered(&desired, 0), rendered(&desired, 1));
    assert_eq!(general, rendered(&desired, 0));
    assert!(
        general
            .user_data
            .contains("--node-labels=rehull.dev/group=dev-general")
    );
    let kubelet =
        "sha256/8da07b3db1e37d1c4b4f3a9d4c9fc4c5d4bc5f9a3c3a4e8f3ba0c6d2e1f0a9b8 /usr/local/bin/kubelet";
    assert!(general.user_data.contains(kubelet), "{}", general.user_data);
    assert!(
        !memory.user_data.contains("sha256sum"),
        "its image has everything"
    );
}

type Change = fn(&mut WorkerGroupRole);

#[test]
fn everything_that_asks_for_new_workers_changes_the_digest_and_nothing_else_does() {
    let mut desired = parse("c", EXAMPLE).unwrap();
    let before = rendered(&desired, 0).digest;
    let changes: [(&str, Change); 6] = [
        ("version", |group| group.version = "1.34.3".parse().unwrap()),
        ("binaries", |group| group.machine.binaries.clear()),
        ("image", |group| {
            group.machine.image = crate::domain::ids::ImageId::new("ami-1");
        }),
        ("type", |group| {
            group.machine.instance_type = "m7i.large".to_owned();
        }),
        ("profile", |group| {
            group.machine.instance_profile = "other".to_owned();
        }),
        ("security groups", |group| {
            group.machine.security_groups.push("sg-1".to_owned());
        }),
    ];
    for (what, change) in changes {
        let mut other = desired.clone();
        change(&mut other.workers.as_mut().unwrap().groups[0]);
        assert_ne!(rendered(&other, 0).digest, before, "{what}");
    }
    let workers = desired.workers.as_mut().unwrap();
    workers.budget = 7;
    workers.order.clear();
    workers.groups[0].policy.max_surge = 5;
    workers.groups[0].target_groups.clear();
    assert_eq!(
        rendered(&desired, 0).digest,
        before,
        "how it is rolled is no content"
    );
}

#[test]
fn the_variables_of_workers_that_are_documented_are_those_that_are_passed() {
    let desired = parse("c", EXAMPLE).unwrap();
    let workers = desired.workers.as_ref().unwrap();
    let mut passed = BTreeSet::new();
    let values = worker::values(&desired, workers, &workers.groups[0]).unwrap();
    names("", &values, &mut passed);
    let documented: Vec<&str> = WORKER_VARIABLES.iter().map(|variable| variable.name).collect();
    assert_eq!(passed.iter().map(String::as_str).collect::<Vec<_>>(), documented);
}

#[test]
fn the_launch_templates_of_workers_stand_beside_that_of_the_control_plane_for_terraform() {
    let desired = parse("c", EXAMPLE).unwrap();
    let workers = desired.workers.as_ref().unwrap();
    let made = workers.groups.iter().enumerate();
    let groups = RenderedGroups {
        servers: None,
        workers: made
            .map(|(n, group)| (group.group.clone(), rendered(&desired, n)))
            .collect(),
    };
    let change = terraform_change(&desired, &BTreeMap::new(), &groups);
    let roles: Vec<&str> = change.roles.iter().map(|role| role.role.as_str()).collect();
    assert_eq!(roles, ["dev-general", "dev-memory"]);
    let text: serde_json::Value = serde_json::from_str(&change.variables).unwrap();
    let template = &text["group_launch_templates"]["dev-memory"];
    assert_eq!(template["instance_type"], "r6i.large");
    assert_eq!(template["content_digest"], rendered(&desired, 1).digest.as_str());
}
