//! Every wait of a group ends: it is over, or the rollout stops by name.

use super::scene::{Scene, id, name, version};
use crate::domain::group::{Server, Sizes, TargetHealth};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::Zone;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::RecordBody;
use crate::rollout::{Goal, Next};

/// One look, whose marks are written.
pub(super) fn look(scene: &mut Scene, goal: Goal) -> Vec<WaitingOn> {
    let next = scene.next(goal);
    let Next::Continue {
        act, waiting, mark, ..
    } = next
    else {
        panic!("{next:?}")
    };
    assert_eq!(act, []);
    for mark in mark {
        scene.mark(&mark);
    }
    waiting.into_iter().map(|waiting| waiting.on).collect()
}

/// Who has to leave may not: two of four are unhealthy.
fn below_the_floor() -> Scene {
    let mut scene = Scene::with_one_more();
    for letter in ["b", "c"] {
        scene.health(letter, Some(TargetHealth::Unhealthy));
    }
    scene
}

#[test]
fn the_floor_is_waited_for_as_long_as_a_new_server_and_then_it_is_a_stop() {
    let mut scene = below_the_floor();
    for _ in 0..9 {
        let waits = look(&mut scene, Goal::Rest);
        assert!(
            matches!(
                waits[..],
                [WaitingOn::Floor {
                    healthy: 2,
                    floor: 3,
                    ..
                }]
            ),
            "{waits:?}"
        );
        scene.pass(100);
    }
    let StopReason::Deadline { what } = scene.stop(Goal::Rest) else {
        panic!("{:?}", scene.stop(Goal::Rest))
    };
    assert_eq!(
        what,
        "i-b has to leave, and may not: without it 2 of at least 3 targets would be healthy"
    );
    // Whoever resumes has the whole time again.
    scene.record(RecordBody::Attached {
        holder: "another".to_owned(),
    });
    assert!(matches!(
        look(&mut scene, Goal::Rest)[..],
        [WaitingOn::Floor { .. }]
    ));
}

#[test]
fn a_floor_that_is_waited_for_anew_after_something_was_done_has_its_whole_time() {
    let mut scene = below_the_floor();
    look(&mut scene, Goal::Rest);
    scene.pass(800);
    let sizes = scene.group().sizes;
    scene.done(GroupAction::SetGroup {
        group: name(),
        version: version(2),
        sizes,
    });
    look(&mut scene, Goal::Rest);
    scene.pass(800);
    look(&mut scene, Goal::Rest);
    scene.pass(100);
    scene.stop(Goal::Rest);
}

fn put_back(scene: &Scene, goal: Goal) -> u32 {
    let acts = scene.acts(goal);
    let [GroupAction::SetGroup { sizes, .. }] = acts[..] else {
        panic!("{acts:?}")
    };
    sizes.desired
}

#[test]
fn a_lost_server_that_its_group_does_not_make_up_for_is_waited_for_to_an_instant_that_does_not_move() {
    for goal in [Goal::Finish, Goal::Rest] {
        let mut scene = Scene::with_one_more();
        scene
            .group()
            .members
            .retain(|member| member.machine == id("new") || member.machine == id("a"));
        let until = scene.until(300);
        for _ in 0..3 {
            let group = name();
            assert_eq!(look(&mut scene, goal), [WaitingOn::Launch { group, until }]);
            scene.pass(100);
        }
        // Of our own surge first.
        assert_eq!(put_back(&scene, goal), 3);
        let sizes = Sizes {
            desired: 3,
            ..scene.group().sizes
        };
        scene.done(GroupAction::SetGroup {
            group: name(),
            version: version(2),
            sizes,
        });
        scene.group().sizes = sizes;
        let waits = look(&mut scene, goal);
        assert!(matches!(waits[..], [WaitingOn::Launch { .. }]), "{waits:?}");
        scene.pass(300);
        if goal == Goal::Rest {
            // What is missing is for the group itself to make up for.
            assert_eq!(put_back(&scene, goal), 3);
            continue;
        }
        let text = "nothing came up in time".to_owned();
        let group = name();
        assert_eq!(scene.stop(goal), StopReason::NoLaunch { group, text });
    }
}

#[test]
fn a_second_server_that_is_lost_after_the_first_was_made_up_for_has_its_whole_time() {
    let mut scene = Scene::with_one_more();
    scene.group().members.retain(|member| member.machine != id("b"));
    look(&mut scene, Goal::Finish);
    scene.pass(250);
    scene.server("other", "b", 2);
    scene.group().members.retain(|member| member.machine != id("c"));
    look(&mut scene, Goal::Finish);
    scene.pass(250);
    let waits = look(&mut scene, Goal::Finish);
    assert!(matches!(waits[..], [WaitingOn::Launch { .. }]), "{waits:?}");
}

/// A new server, alone in zone c, serves the old release and was given up by whoever resumed.
fn serves_the_old_release() -> Scene {
    let mut scene = Scene::with_one_more();
    let seen = scene.group();
    seen.members.retain(|member| member.machine != id("c"));
    scene.mark("launched i-x");
    scene.server("x", "c", 2);
    let old = Server::Ready {
        version: super::scene::OLD,
    };
    scene.seen.groups.servers.insert(id("x"), old);
    scene.pass(1_000);
    scene.record(RecordBody::Attached {
        holder: "another".to_owned(),
    });
    scene
}

#[test]
fn a_server_that_is_given_up_and_is_the_last_of_its_zone_goes_when_one_more_has_come() {
    let mut scene = serves_the_old_release();
    let acts = scene.acts(Goal::Finish);
    let [GroupAction::SetGroup { sizes, .. }] = acts[..] else {
        panic!("{acts:?}")
    };
    assert_eq!(sizes.desired, 5);
    scene.done(acts[0].clone());
    scene.group().sizes = sizes;
    scene.pass(10);
    // One that still comes up is waited for, and no other is launched meanwhile.
    scene.server("y", "c", 2);
    scene.health("y", Some(TargetHealth::Initial));
    let waits = look(&mut scene, Goal::Finish);
    let [WaitingOn::Serving { machine, .. }] = &waits[..] else {
        panic!("{waits:?}")
    };
    assert_eq!(*machine, id("y"));
    scene.health("y", Some(TargetHealth::Healthy));
    let acts = scene.acts(Goal::Finish);
    assert!(
        matches!(&acts[..], [GroupAction::Deregister { machine, .. }] if *machine == id("x")),
        "{acts:?}"
    );
}

#[test]
fn a_server_that_is_given_up_where_its_zone_takes_no_other_stops_by_name_in_the_end() {
    let mut scene = serves_the_old_release();
    for (letter, zone) in [("y", "a"), ("z", "b")] {
        let acts = scene.acts(Goal::Finish);
        let [GroupAction::SetGroup { sizes, .. }] = acts[..] else {
            panic!("{acts:?}")
        };
        scene.done(acts[0].clone());
        scene.group().sizes = sizes;
        scene.pass(10);
        scene.mark(&format!("launched {}", id(letter)));
        scene.server(letter, zone, 2);
    }
    assert_eq!(scene.group().members.last().unwrap().zone, Zone::new("b"));
    // As many as there may be: one of those that are too many leaves, and another one is tried.
    let acts = scene.acts(Goal::Finish);
    assert!(
        matches!(&acts[..], [GroupAction::Deregister { machine, .. }] if *machine != id("x")),
        "{acts:?}"
    );
}
