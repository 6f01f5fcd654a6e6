//! Sizes and limits of a group that are not what they were, and groups of fewer machines than zones.

use super::scene::{INTERFERES, Scene, deregister, id, name, version};
use crate::domain::group::Sizes;
use crate::domain::group_action::GroupAction;
use crate::domain::waiting::StopReason;
use crate::rollout::{Goal, Next};

fn put_back(scene: &Scene, goal: Goal) -> Sizes {
    let acts = scene.acts(goal);
    let [GroupAction::HoldGroup { sizes, .. }] = acts[..] else {
        panic!("{acts:?}")
    };
    sizes
}

fn set(scene: &Scene) -> Sizes {
    let acts = scene.acts(Goal::Finish);
    let [GroupAction::SetGroup { sizes, .. }] = acts[..] else {
        panic!("{acts:?}")
    };
    sizes
}

#[test]
fn a_maximum_that_somebody_raises_in_the_middle_is_kept_in_the_end() {
    for goal in [Goal::Finish, Goal::Rest] {
        let mut scene = Scene::with_one_more();
        scene.group().sizes.max = 10;
        let sizes = put_back(&scene, goal);
        assert_eq!((sizes.min, sizes.max, sizes.desired), (3, 10, 3));
        let acts = scene.acts(goal);
        scene.done(acts[0].clone());
        assert_eq!(scene.acts(goal), [deregister("a")]);
        // And in what it is told meanwhile.
        scene.health("b", None);
        scene.health("c", None);
        if goal == Goal::Finish {
            assert_eq!(set(&scene).max, 10);
        }
    }
}

#[test]
fn a_maximum_that_may_be_our_own_of_a_moment_ago_is_nobodys_wish_and_later_it_is() {
    let mut scene = Scene::with_one_more();
    let five = Sizes {
        min: 3,
        max: 5,
        desired: 5,
    };
    let told = |sizes| GroupAction::SetGroup {
        group: name(),
        version: version(2),
        sizes,
    };
    scene.done(told(five));
    scene.done(told(Sizes {
        max: 4,
        desired: 4,
        ..five
    }));
    scene.group().sizes.max = 5;
    scene.pass(14);
    assert_eq!(scene.acts(Goal::Finish), [deregister("a")]);
    scene.pass(1);
    assert_eq!(put_back(&scene, Goal::Finish).max, 5);
}

#[test]
fn a_minimum_that_somebody_raises_is_kept_and_asks_for_as_many_as_it_says() {
    let mut scene = Scene::with_one_more();
    scene.group().sizes.min = 4;
    let sizes = put_back(&scene, Goal::Finish);
    assert_eq!((sizes.min, sizes.max, sizes.desired), (4, 4, 4));
}

#[test]
fn a_group_that_was_made_smaller_than_its_floor_after_it_was_planned_is_not_begun() {
    let mut scene = Scene::new();
    scene.group().sizes.desired = 2;
    scene.group().members.pop();
    let next = scene.next(Goal::Finish);
    let Next::Stop(StopReason::OutsideEnvelope { what }) = &next else {
        panic!("{next:?}")
    };
    assert!(
        what.contains("desired capacity of cp to 2, and never fewer than 3"),
        "{what}"
    );
    assert!(what.ends_with("`floor: 2`"), "{what}");
    assert!(matches!(scene.next(Goal::Rest), Next::Done));
}

/// Two machines in a group of three zones, told to be so many now: zone, and whether each is new.
fn two_over_three_zones(desired: u32, servers: &[(&str, bool)]) -> Scene {
    let mut scene = Scene::new();
    scene.plan.envelope.control_plane.as_mut().unwrap().policy.floor = 2;
    let before = Sizes {
        min: 2,
        max: 2,
        desired: 2,
    };
    scene.done(GroupAction::HoldGroup {
        group: name(),
        processes: INTERFERES.map(str::to_owned).into(),
        version: version(1),
        sizes: before,
        beyond: 0,
    });
    let sizes = Sizes {
        max: desired,
        desired,
        ..before
    };
    scene.done(GroupAction::SetGroup {
        group: name(),
        version: version(2),
        sizes,
    });
    scene.mark("passed cp");
    let seen = scene.group();
    seen.sizes = sizes;
    seen.suspended = INTERFERES.map(str::to_owned).into();
    seen.launches = crate::domain::group::Launches::Version(version(2));
    seen.members.clear();
    for (nth, (zone, is_new)) in servers.iter().enumerate() {
        let letter = format!("s{nth}");
        for mark in ["launched", "served"] {
            scene.mark(&format!("{mark} {}", id(&letter)));
        }
        scene.server(&letter, zone, if *is_new { 2 } else { 1 });
    }
    scene
}

#[test]
fn of_two_machines_over_three_zones_an_old_one_leaves_when_it_has_a_neighbour_and_not_before() {
    let alone = two_over_three_zones(3, &[("a", false), ("b", true), ("c", true)]);
    assert_eq!(set(&alone).desired, 4);
    // The group has put none where it is missing, twice: with two in each zone it has to.
    let five = [("a", false), ("b", true), ("b", true), ("c", true), ("c", true)];
    assert_eq!(set(&two_over_three_zones(5, &five)).desired, 6);
    let six = [
        ("a", false),
        ("a", true),
        ("b", true),
        ("b", true),
        ("c", true),
        ("c", true),
    ];
    assert_eq!(
        two_over_three_zones(6, &six).acts(Goal::Finish),
        [deregister("s0")]
    );
}

#[test]
fn of_two_machines_over_three_zones_one_zone_is_left_empty_in_the_end_and_only_then() {
    let four = two_over_three_zones(4, &[("a", true), ("b", true), ("b", true), ("c", true)]);
    assert_eq!(four.acts(Goal::Finish), [deregister("s1")]);
    let three = two_over_three_zones(3, &[("a", true), ("b", true), ("c", true)]);
    assert_eq!(three.acts(Goal::Finish), [deregister("s0")]);
}

#[test]
fn audit_lets_a_zone_be_emptied_only_where_a_group_has_more_zones_than_machines() {
    let three = [("a", true), ("b", true), ("c", true)];
    let mut scene = two_over_three_zones(3, &three);
    scene.group().sizes.min = 3;
    let alone = "invariant 4: would leave nobody healthy in a without i-s0";
    assert_eq!(scene.refused(deregister("s0")), alone);
    let four = [("a", true), ("b", true), ("b", true), ("c", true)];
    let alone = "invariant 4: would leave nobody healthy in a without i-s0";
    assert_eq!(two_over_three_zones(4, &four).refused(deregister("s0")), alone);
}
