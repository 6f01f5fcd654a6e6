//! User data of control-plane machines.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::*;
use crate::config::parse;
use crate::domain::control_plane::ControlPlaneRole;

const EXAMPLE: &str = include_str!("../../../../../examples/control-plane/cluster.yaml");

fn example() -> (Desired, ControlPlaneRole) {
    let desired = parse("c", EXAMPLE).unwrap();
    let role = desired.control_plane.clone().unwrap();
    (desired, role)
}

fn built_in(desired: &Desired, role: &ControlPlaneRole) -> RenderedSlot {
    render_control_plane(desired, role, builtin_control_plane(1).unwrap()).unwrap()
}

#[test]
fn every_machine_of_the_group_gets_the_same_text_with_room_for_flags() {
    let (desired, role) = example();
    let rendered = built_in(&desired, &role);
    assert_eq!(rendered, built_in(&desired, &role));
    assert!(rendered.user_data.len() < 14_000, "{}", rendered.user_data.len());
    insta::assert_snapshot!(
        rendered
            .user_data
            .lines()
            .filter(|line| !line.is_empty())
            .filter(|line| {
                line.contains("ExecStart")
                    || line.trim_start().starts_with("--")
                    || line.contains("\"--")
                    || line.contains("REHULL_")
            })
            .take(60)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

#[test]
fn the_digest_of_control_plane_set_1_is_the_same_for_ever() {
    let (desired, role) = example();
    insta::assert_snapshot!(built_in(&desired, &role).digest);
}

type Change = fn(&mut ControlPlaneRole);

#[test]
fn everything_that_asks_for_new_servers_changes_the_digest_and_nothing_else_does() {
    let (desired, role) = example();
    let before = built_in(&desired, &role).digest;
    let changes: [(&str, Change); 8] = [
        ("version", |r| r.version = "1.34.3".parse().unwrap()),
        ("binaries", |r| {
            drop(
                r.machine
                    .binaries
                    .insert("kube-scheduler".to_owned(), "cd".repeat(32)),
            );
        }),
        ("image", |r| {
            r.machine.image = crate::domain::ids::ImageId::new("ami-2");
        }),
        ("instance type", |r| {
            r.machine.instance_type = "m7i.large".to_owned();
        }),
        ("profile", |r| r.machine.instance_profile = "other".to_owned()),
        ("security groups", |r| {
            r.machine.security_groups.push("sg-9".to_owned());
        }),
        ("flags", |r| r.flags.clear()),
        ("certificates", |r| r.machine_tls.revision = "2".to_owned()),
    ];
    for (what, change) in changes {
        let mut other = role.clone();
        change(&mut other);
        assert_ne!(built_in(&desired, &other).digest, before, "{what}");
    }
    let same: [(&str, Change); 3] = [
        ("floor", |r| r.serving.floor = 2),
        ("group", |r| r.group = crate::domain::ids::GroupName::new("x")),
        ("order of security groups", |r| {
            r.machine.security_groups.reverse();
        }),
    ];
    for (what, change) in same {
        let mut other = role.clone();
        change(&mut other);
        assert_eq!(built_in(&desired, &other).digest, before, "{what}");
    }
}

/// Names as a template would write them; a list of plain texts has no names below.
pub(super) fn names(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                names(&below, value, found);
            }
        }
        Value::Array(items) => {
            found.insert(path.to_owned());
            for item in items.iter().filter(|item| !item.is_string()) {
                names(&format!("{path}[]"), item, found);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn the_variables_of_the_control_plane_that_are_documented_are_those_that_are_passed() {
    let (desired, mut role) = example();
    for component in crate::domain::control_plane::COMPONENTS {
        let flags = role.flags.entry(component.to_owned()).or_default();
        flags.insert("v".to_owned(), "2".to_owned());
    }
    let mut passed = BTreeSet::new();
    names("", &control_plane::values(&desired, &role).unwrap(), &mut passed);
    let documented: Vec<&str> = CONTROL_PLANE_VARIABLES
        .iter()
        .map(|variable| variable.name)
        .collect();
    assert_eq!(passed.iter().map(String::as_str).collect::<Vec<_>>(), documented);
}

#[test]
fn a_missing_variable_of_a_control_plane_template_is_told_with_the_nearest_one() {
    let (desired, role) = example();
    let refused = render_control_plane(
        &desired,
        &role,
        "#cloud-config\nruncmd:\n- [echo, \"{{kubernetes.versoin}}\"]\n",
    );
    let RenderError::Template { help, .. } = refused.unwrap_err() else {
        panic!("another refusal")
    };
    assert_eq!(help, "did you mean `kubernetes.version`?");
}
