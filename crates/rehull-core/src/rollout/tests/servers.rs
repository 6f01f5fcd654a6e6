//! The control plane, tick by tick: what is proposed for one look at a group, and what `audit` says of it.

mod even;
mod limits;
mod patience;
mod scene;
mod workers;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::action::Action;
use crate::domain::group::{FailedLaunch, Launches, Lifecycle, Sizes, TargetHealth};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{GroupName, LaunchTemplateName, TargetGroupArn};
use crate::domain::observed::{Gap, Part};
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::RecordBody;
use crate::rollout::{Goal, Next};

use scene::{INTERFERES, Scene, deregister, id, name, terminate, version};

#[test]
fn what_a_person_had_suspended_is_not_ours_to_resume() {
    let mut scene = Scene::new();
    scene.group().suspended.insert("AZRebalance".to_owned());
    let ours = ["AlarmNotification", "ScheduledActions"].map(str::to_owned);
    let [GroupAction::HoldGroup { processes, .. }] = &scene.acts(Goal::Finish)[..] else {
        panic!("{:?}", scene.acts(Goal::Finish))
    };
    assert_eq!(*processes, BTreeSet::from(ours));
}

/// Auto Scaling does not count it: with it there seem to be more than are wanted, and every one that is launched is one more.
#[test]
fn a_server_that_is_put_aside_stops_the_rollout_by_name_and_makes_nobody_launch_more() {
    let mut scene = Scene::with_one_more();
    scene.group().members[0].lifecycle = Lifecycle::Other("Standby".to_owned());
    scene.group().sizes.desired -= 1;
    let next = scene.next(Goal::Finish);
    let Next::Stop(StopReason::OutsideEnvelope { what }) = &next else {
        panic!("{next:?}")
    };
    assert!(what.contains("is Standby: somebody has put it aside"), "{what}");

    let most = scene.group().sizes.desired;
    let grows =
        |action: &GroupAction| matches!(action, GroupAction::SetGroup { sizes, .. } if sizes.desired > most);
    let acts = scene.acts(Goal::Rest);
    assert!(!acts.iter().any(grows), "{acts:?}");
}

#[test]
fn a_hold_in_doubt_is_sent_again_as_it_was_written_down() {
    let mut scene = Scene::new();
    let sizes = scene.group().sizes;
    let hold = GroupAction::HoldGroup {
        group: name(),
        processes: BTreeSet::from(["AZRebalance".to_owned()]),
        version: version(1),
        sizes,
        beyond: 0,
    };
    scene.intend(hold.clone());
    // It came through; read anew there would be nothing of ours to resume.
    scene.group().suspended.insert("AZRebalance".to_owned());
    assert_eq!(scene.acts(Goal::Finish), [hold]);
}

#[test]
fn what_somebody_resumes_in_the_middle_is_suspended_again_and_resumed_in_the_end() {
    let mut scene = Scene::with_one_more();
    scene.group().suspended.remove("AZRebalance");
    let [GroupAction::HoldGroup { processes, sizes, .. }] = &scene.acts(Goal::Finish)[..] else {
        panic!("{:?}", scene.acts(Goal::Finish))
    };
    assert_eq!(*processes, BTreeSet::from(INTERFERES.map(str::to_owned)));
    assert_eq!(sizes.desired, 3, "what is put back stays what it was");
}

#[test]
fn what_is_being_resumed_by_us_is_not_suspended_again() {
    let mut scene = Scene::with_one_more();
    scene.intend(GroupAction::ReleaseGroup {
        group: name(),
        processes: INTERFERES.map(str::to_owned).into(),
    });
    scene.group().suspended.clear();
    let holds = |action: &GroupAction| matches!(action, GroupAction::HoldGroup { .. });
    assert!(!scene.acts(Goal::Finish).iter().any(holds));
}

#[test]
fn a_group_that_somebody_makes_smaller_in_our_surge_is_told_again_before_it_ends_one_of_its_choice() {
    let mut scene = Scene::with_one_more();
    scene.group().sizes.desired = 3;
    let sizes = scene.group().sizes;
    let again = GroupAction::SetGroup {
        group: name(),
        version: version(2),
        sizes: Sizes {
            max: 4,
            desired: 4,
            ..sizes
        },
    };
    assert_eq!(scene.acts(Goal::Finish), [again]);
}

#[test]
fn the_old_server_beside_the_new_one_leaves_and_no_other() {
    let scene = Scene::with_one_more();
    assert_eq!(scene.acts(Goal::Finish), [deregister("a")]);
}

#[test]
fn a_deregistered_server_is_ended_after_the_delay_and_after_the_propagation_whichever_is_longer() {
    let mut scene = Scene::with_one_more();
    scene.done(deregister("a"));
    let until = scene.until(120);
    scene.health("a", Some(TargetHealth::Draining));
    scene.pass(119);
    let expected = |state: &str| WaitingOn::LetGo {
        machine: id("a"),
        state: state.to_owned(),
        until,
    };
    assert_eq!(scene.waits(Goal::Finish), [expected("draining")]);
    scene.health("a", None);
    assert_eq!(scene.waits(Goal::Finish), [expected("deregistered")]);
    scene.health("a", Some(TargetHealth::Draining));
    scene.pass(100);
    assert_eq!(scene.waits(Goal::Rest), [expected("draining")]);
    scene.health("a", None);
    assert_eq!(scene.acts(Goal::Finish), [terminate("a")]);
    assert_eq!(
        scene.acts(Goal::Rest),
        [terminate("a")],
        "what has begun is finished"
    );
}

#[test]
fn a_clock_that_went_back_behind_a_deregistration_begins_its_wait_again() {
    let mut scene = Scene::with_one_more();
    scene.pass(500);
    scene.done(deregister("a"));
    scene.health("a", None);
    scene.seen.at = scene.seen.at.checked_sub(Duration::from_secs(400)).unwrap();
    let until = scene.until(120);
    let [WaitingOn::LetGo { until: found, .. }] = scene.waits(Goal::Finish)[..] else {
        panic!("{:?}", scene.waits(Goal::Finish))
    };
    assert_eq!(found, until);
}

#[test]
fn somebody_who_registers_it_again_is_seen() {
    let mut scene = Scene::with_one_more();
    scene.done(deregister("a"));
    scene.pass(600);
    assert_eq!(scene.acts(Goal::Finish), [deregister("a")]);
}

#[test]
fn nobody_leaves_while_too_few_are_healthy_or_while_one_is_on_its_way_out() {
    let mut scene = Scene::with_one_more();
    scene.health("b", Some(TargetHealth::Unhealthy));
    assert_eq!(scene.acts(Goal::Finish), [deregister("b")], "nobody misses it");
    scene.health("c", Some(TargetHealth::Unhealthy));
    // One more is launched, up to one per zone.
    let [GroupAction::SetGroup { sizes, .. }] = scene.acts(Goal::Finish)[..] else {
        panic!("{:?}", scene.acts(Goal::Finish))
    };
    assert_eq!((sizes.max, sizes.desired), (5, 5));
    let mut scene = Scene::with_one_more();
    scene.server("gone", "b", 1);
    scene.group().members.last_mut().unwrap().lifecycle = Lifecycle::Leaving;
    let machine = id("gone");
    assert_eq!(scene.waits(Goal::Finish), [WaitingOn::Termination { machine }]);
}

#[test]
fn a_launch_that_failed_before_ours_is_no_answer_to_it_and_one_after_it_puts_the_group_back() {
    let mut scene = Scene::with_one_more();
    scene.group().members.pop();
    scene
        .records
        .retain(|record| !matches!(&record.body, RecordBody::Marked { .. }));
    let failed = |at: Timestamp| {
        let text = "no capacity".to_owned();
        Some(FailedLaunch { at, text })
    };
    let before = scene.seen.at.checked_sub(Duration::from_secs(60)).unwrap();
    scene.group().refused = failed(before);
    assert!(matches!(
        scene.waits(Goal::Finish)[..],
        [WaitingOn::Launch { .. }]
    ));
    scene.group().refused = failed(scene.seen.at);
    let [
        GroupAction::SetGroup {
            version: put_back,
            sizes,
            ..
        },
    ] = scene.acts(Goal::Finish)[..]
    else {
        panic!("{:?}", scene.acts(Goal::Finish))
    };
    assert_eq!((put_back, sizes.desired), (version(1), 3));
}

#[test]
fn what_is_not_as_it_was_planned_stops_by_name_and_what_cannot_be_read_is_waited_for() {
    let outside = |scene: &Scene| match scene.stop(Goal::Finish) {
        StopReason::OutsideEnvelope { what } => what,
        other => panic!("{other:?}"),
    };
    let mut scene = Scene::new();
    scene.group().launches = Launches::Floating("$Latest".to_owned());
    assert!(outside(&scene).contains("$Latest, which may be another version tomorrow"));
    let mut scene = Scene::new();
    scene.group().template = LaunchTemplateName::new("other");
    assert_eq!(outside(&scene), "the group cp launches from other");
    let mut scene = Scene::with_one_more();
    scene.group().sizes.desired = 9;
    assert!(outside(&scene).contains("desired capacity of cp to 9; it was 3"));
    let mut scene = Scene::new();
    scene.seen.groups.groups.clear();
    assert_eq!(outside(&scene), "there is no group cp");
    let why = "denied".to_owned();
    let part = Part::Targets;
    scene.seen.gaps.push(Gap { part, why });
    assert!(matches!(
        scene.waits(Goal::Finish)[..],
        [WaitingOn::Unreadable { .. }]
    ));
}

#[test]
fn a_version_that_is_missing_is_made_before_the_group_is_touched() {
    let mut scene = Scene::new();
    scene.seen.fleet.templates.clear();
    let Next::Continue { act, .. } = scene.next(Goal::Finish) else {
        panic!("nothing is done")
    };
    assert!(
        matches!(act[..], [(_, Action::Group(GroupAction::CreateVersion { .. }))]),
        "{act:?}"
    );
}

#[test]
fn a_rollout_that_is_aborted_before_its_version_was_made_is_at_rest() {
    let mut scene = Scene::new();
    scene.seen.fleet.templates.clear();
    let next = scene.next(Goal::Rest);
    assert!(matches!(next, Next::Done), "{next:?}");
}

#[test]
fn audit_refuses_what_decide_would_never_propose_for_a_group() {
    let scene = Scene::new();
    let too_few = "invariant 4: would leave 2 healthy targets of 3 without i-a";
    assert_eq!(scene.refused(deregister("a")), too_few);
    let mut scene = Scene::with_one_more();
    let alone = "invariant 4: would leave nobody healthy in b without i-b";
    assert_eq!(scene.refused(deregister("b")), alone);
    let serves = "invariant 4: would end i-a, which the load balancer has not let go of";
    assert_eq!(scene.refused(terminate("a")), serves);
    let mut elsewhere = deregister("a");
    if let GroupAction::Deregister { targets, .. } = &mut elsewhere {
        *targets = TargetGroupArn::new("arn:other");
    }
    let unplanned = "invariant 1: would deregister at arn:other, which is not in the plan";
    assert_eq!(scene.refused(elsewhere), unplanned);
    let sizes = Sizes {
        min: 3,
        max: 9,
        desired: 6,
    };
    let set = |number| GroupAction::SetGroup {
        group: name(),
        version: version(number),
        sizes,
    };
    assert_eq!(
        scene.refused(set(2)),
        "invariant 4: would launch 2 machines of cp at once"
    );
    let unapproved = "invariant 1: cp would launch version 7, which was not approved";
    assert_eq!(scene.refused(set(7)), unapproved);
    scene.health("c", Some(TargetHealth::Draining));
    let two = "invariant 4: would deregister i-a while i-c is draining";
    assert_eq!(scene.refused(deregister("a")), two);
    let other = GroupAction::ReleaseGroup {
        group: GroupName::new("workers"),
        processes: BTreeSet::new(),
    };
    let foreign = "invariant 1: would touch the group workers, which the plan does not change";
    assert_eq!(scene.refused(other), foreign);
}

#[test]
fn an_action_of_a_group_is_written_down_flat_and_read_again() {
    let action = Action::Group(deregister("a"));
    let text = serde_json::to_string(&action).unwrap();
    assert_eq!(
        text,
        r#"{"action":"deregister","group":"cp","targets":"arn:tg","machine":"i-a"}"#
    );
    assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), action);
}
