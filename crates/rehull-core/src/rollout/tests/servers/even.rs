//! Workers over several zones: AZRebalance, once it is resumed, must find nothing to do.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::{INTERFERES, NEW, Scene, id, version};
use super::workers::held;
use crate::domain::action::Action;
use crate::domain::group::{Launches, Lifecycle, Member, Sizes};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{GroupName, NodeName, Zone};
use crate::domain::kube::Node;
use crate::domain::node_action::NodeAction;
use crate::domain::waiting::{Waiting, WaitingOn};
use crate::rollout::{Goal, Next};

fn group() -> GroupName {
    GroupName::new("general")
}

/// New machines that have passed, ready, each in the zone of its letter; the group launches in a, b and c.
fn rolled(zones: &str) -> Scene {
    let desired = u32::try_from(zones.len()).unwrap();
    let mut scene = held(desired, desired);
    let seen = scene.seen.groups.groups.get_mut(&group()).unwrap();
    seen.members.clear();
    seen.launches = Launches::Version(version(2));
    seen.zones = ["a", "b", "c"].map(Zone::new).into();
    let sizes = seen.sizes;
    scene.done(GroupAction::SetGroup {
        group: group(),
        version: version(2),
        sizes,
    });
    scene.pass(60);
    scene.mark("passed general");
    for (nth, zone) in zones.chars().enumerate() {
        add(&mut scene, nth, zone);
    }
    scene
}

fn add(scene: &mut Scene, nth: usize, zone: char) {
    let machine = id(&format!("w{nth}"));
    for mark in ["launched", "ready"] {
        scene.mark(&format!("{mark} {machine}"));
    }
    let member = Member {
        machine: machine.clone(),
        zone: Zone::new(zone.to_string()),
        lifecycle: Lifecycle::InService,
        is_healthy: true,
        version: Some(version(2)),
    };
    scene
        .seen
        .groups
        .groups
        .get_mut(&group())
        .unwrap()
        .members
        .push(member);
    let node = Node {
        machine: Some(machine),
        kubelet: Some(NEW),
        not_ready: None,
        is_cordoned: false,
        taints: BTreeSet::new(),
        labels: BTreeMap::new(),
    };
    let name = NodeName::new(format!("node-{nth}"));
    scene.seen.kube.nodes.insert(name, node);
}

fn one_more(desired: u32) -> GroupAction {
    let sizes = Sizes {
        min: 0,
        max: desired,
        desired,
    };
    GroupAction::SetGroup {
        group: group(),
        version: version(2),
        sizes,
    }
}

/// The group was told to be one more, to be evened out, and has a new machine in this zone.
fn being_evened(zones: &str, more: char) -> Scene {
    let mut scene = rolled(zones);
    let Next::Continue { act, mark, .. } = scene.next(Goal::Finish) else {
        panic!("{:?}", scene.next(Goal::Finish))
    };
    let desired = u32::try_from(zones.len()).unwrap() + 1;
    let acts: Vec<_> = act.into_iter().map(|(_, action)| action).collect();
    assert_eq!(acts, [Action::Group(one_more(desired))]);
    for mark in mark {
        scene.mark(&mark);
    }
    scene.done(one_more(desired));
    let seen = scene.seen.groups.groups.get_mut(&group()).unwrap();
    seen.sizes = Sizes {
        min: 0,
        max: desired,
        desired,
    };
    scene.pass(60);
    add(&mut scene, zones.len(), more);
    scene
}

fn is_given_back(scene: &Scene, goal: Goal) -> bool {
    let acts = scene.acts(goal);
    matches!(acts[..], [GroupAction::ReleaseGroup { .. }])
}

fn cordoned(scene: &Scene, goal: Goal) -> Vec<String> {
    let Next::Continue { act, .. } = scene.next(goal) else {
        panic!("{:?}", scene.next(goal))
    };
    let node = |(_, action)| match action {
        Action::Node(NodeAction::Cordon(of)) => of.node.to_string(),
        other => panic!("{other:?}"),
    };
    act.into_iter().map(node).collect()
}

#[test]
fn a_group_that_is_even_is_given_back_at_once() {
    for zones in ["abc", "aabc", "aabbc", "a", "ab"] {
        assert!(is_given_back(&rolled(zones), Goal::Finish), "{zones}");
    }
}

#[test]
fn a_group_with_two_more_in_one_zone_than_in_another_launches_one_more_and_drains_one_of_where_most_are() {
    let scene = being_evened("aab", 'c');
    assert_eq!(cordoned(&scene, Goal::Finish), ["node-0"]);
    assert_eq!(cordoned(&scene, Goal::Rest), ["node-0"]);
}

#[test]
fn the_one_more_that_evens_a_group_out_is_waited_for_and_not_taken_for_one_too_many() {
    let mut scene = being_evened("aab", 'c');
    let seen = scene.seen.groups.groups.get_mut(&group()).unwrap();
    seen.members[3].lifecycle = Lifecycle::Pending;
    for goal in [Goal::Finish, Goal::Rest] {
        let Next::Continue { act, waiting, .. } = scene.next(goal) else {
            panic!("{:?}", scene.next(goal))
        };
        assert_eq!(act, []);
        let is_its_node = |waiting: &Waiting| matches!(&waiting.on, WaitingOn::NodeReady { machine, .. } if *machine == id("w3"));
        assert!(
            !waiting.is_empty() && waiting.iter().all(is_its_node),
            "{waiting:?}"
        );
    }
}

#[test]
fn a_group_that_could_not_be_evened_out_is_given_back_when_that_was_tried() {
    let mut scene = being_evened("aab", 'a');
    assert_eq!(cordoned(&scene, Goal::Finish), ["node-0"]);
    scene.done(GroupAction::TerminateMember {
        group: group(),
        machine: id("w0"),
    });
    scene.pass(60);
    let seen = scene.seen.groups.groups.get_mut(&group()).unwrap();
    seen.members.remove(0);
    seen.sizes.desired = 3;
    let acts = scene.acts(Goal::Finish);
    assert!(
        matches!(acts[..], [GroupAction::SetGroup { sizes, .. }] if sizes.max == 3),
        "{acts:?}"
    );
    seen_as_before(&mut scene);
    assert!(is_given_back(&scene, Goal::Finish));
}

fn seen_as_before(scene: &mut Scene) {
    scene.done(one_more(3));
    scene.seen.groups.groups.get_mut(&group()).unwrap().sizes.max = 3;
}

#[test]
fn machines_where_a_group_launches_no_more_are_moved_as_well() {
    let scene = being_evened("dabc", 'a');
    assert_eq!(cordoned(&scene, Goal::Finish), ["node-0"]);
}

#[test]
fn a_group_that_nobody_would_even_out_is_given_back_as_it_is() {
    let mut scene = rolled("aab");
    let seen = scene.seen.groups.groups.get_mut(&group()).unwrap();
    let sizes = seen.sizes;
    let others = INTERFERES.iter().filter(|process| **process != "AZRebalance");
    scene.done(GroupAction::HoldGroup {
        group: group(),
        processes: others.map(|process| (*process).to_owned()).collect(),
        version: version(1),
        sizes,
        beyond: 0,
    });
    assert!(is_given_back(&scene, Goal::Finish));
}
