//! Workers: what their groups are launched from. How nodes give way is told by the simulator's stories.

use std::collections::{BTreeMap, BTreeSet};

use super::patience::look;
use super::scene::{INTERFERES, NEW, Scene, id, version};
use crate::domain::action::Action;
use crate::domain::fleet::TemplateVersion;
use crate::domain::group::{Launches, Lifecycle, Member, Sizes};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, NodeName, StepId, Zone};
use crate::domain::kube::{Node, REPLACED_SOON};
use crate::domain::machine::MachineContent;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::plan::{ServerContent, WorkerGroupPlan, WorkerPolicy, WorkersPlan};
use crate::rollout::{Goal, Next};

/// A group whose launch template has no version with the planned content; the control plane is done.
fn scene() -> Scene {
    let mut scene = Scene::new();
    let group = WorkerGroupPlan {
        step: StepId::new("workers/general"),
        group: GroupName::new("general"),
        targets: Vec::new(),
        launch_template: LaunchTemplateName::new("general"),
        from: None,
        to: ServerContent {
            version: NEW,
            digest: ContentDigest::new("sha256:general"),
        },
        machine: MachineContent::default(),
        reasons: vec!["kubelet".to_owned()],
        policy: WorkerPolicy::default(),
    };
    scene.plan.envelope.workers = Some(WorkersPlan {
        groups: vec![group],
        budget: 1,
        order: Vec::new(),
    });
    let servers = scene.plan.envelope.control_plane.as_mut();
    servers.unwrap().reasons.clear();
    let groups = &mut scene.seen.groups.groups;
    let mut seen = groups.values().next().unwrap().clone();
    seen.template = LaunchTemplateName::new("general");
    seen.members.clear();
    groups.insert(GroupName::new("general"), seen);
    scene
}

fn create(digest: &str) -> GroupAction {
    GroupAction::CreateVersion {
        group: GroupName::new("general"),
        template: LaunchTemplateName::new("general"),
        digest: ContentDigest::new(digest),
    }
}

#[test]
fn a_version_that_a_group_of_workers_lacks_is_made_before_the_group_is_touched() {
    assert_eq!(scene().acts(Goal::Finish), [create("sha256:general")]);
}

#[test]
fn workers_whose_version_was_not_made_yet_are_at_rest() {
    let next = scene().next(Goal::Rest);
    assert!(matches!(next, Next::Done), "{next:?}");
}

#[test]
fn no_other_version_of_a_group_of_workers_is_made_than_the_approved_one() {
    let refused = scene().refused(create("sha256:other"));
    assert!(
        refused.contains("would make sha256:other a version of general"),
        "{refused}"
    );
    let step = StepId::new("workers/general");
    let approved = [(step, Action::Group(create("sha256:general")))];
    let scene = scene();
    assert_eq!(
        crate::audit::check_next(&scene.plan, &scene.seen, &approved),
        Ok(())
    );
}

/// A group of so many old machines that is held, and has a version with the planned content.
pub(super) fn held(desired: u32, max: u32) -> Scene {
    let mut scene = scene();
    let known = |number, digest: &str| TemplateVersion {
        version: version(number),
        digest: Some(ContentDigest::new(digest)),
    };
    let all = vec![known(1, "sha256:former"), known(2, "sha256:general")];
    let template = LaunchTemplateName::new("general");
    scene.seen.fleet.templates.insert(template, all);
    let group = GroupName::new("general");
    let sizes = Sizes { min: 0, max, desired };
    let seen = scene.seen.groups.groups.get_mut(&group).unwrap();
    seen.sizes = sizes;
    let members = (0..desired).map(|number| Member {
        machine: id(&format!("w{number}")),
        zone: Zone::new("a"),
        lifecycle: Lifecycle::InService,
        is_healthy: true,
        version: Some(version(1)),
    });
    seen.members = members.collect();
    seen.suspended = INTERFERES.map(str::to_owned).into();
    scene.done(GroupAction::HoldGroup {
        group,
        processes: INTERFERES.map(str::to_owned).into(),
        version: version(1),
        sizes,
        beyond: 0,
    });
    scene
}

#[test]
fn a_group_that_nobody_is_wanted_of_launches_the_new_version_from_then_on() {
    let set = GroupAction::SetGroup {
        group: GroupName::new("general"),
        version: version(2),
        sizes: Sizes {
            min: 0,
            max: 3,
            desired: 0,
        },
    };
    assert_eq!(held(0, 3).acts(Goal::Finish), [set]);
}

#[test]
fn a_group_that_nobody_is_wanted_of_launches_what_it_did_where_its_rollout_is_aborted() {
    let acts = held(0, 3).acts(Goal::Rest);
    assert!(matches!(acts[..], [GroupAction::ReleaseGroup { .. }]), "{acts:?}");
}

#[test]
fn fewer_machines_and_a_lower_maximum_in_one_edit_are_both_followed() {
    let mut scene = held(6, 10);
    scene.pass(60);
    let group = GroupName::new("general");
    let seen = scene.seen.groups.groups.get_mut(&group).unwrap();
    seen.sizes = Sizes {
        min: 0,
        max: 5,
        desired: 3,
    };
    seen.members.truncate(3);
    let acts = scene.acts(Goal::Finish);
    let [GroupAction::HoldGroup { sizes, beyond, .. }] = &acts[..] else {
        panic!("{acts:?}")
    };
    assert_eq!((sizes.desired, sizes.max, *beyond), (3, 5, 0));
}

#[test]
fn limits_that_somebody_raises_are_kept_in_the_end() {
    let mut scene = held(3, 3);
    let group = GroupName::new("general");
    let seen = scene.seen.groups.groups.get_mut(&group).unwrap();
    (seen.sizes.min, seen.sizes.max) = (2, 9);
    let acts = scene.acts(Goal::Finish);
    let [GroupAction::HoldGroup { sizes, beyond, .. }] = &acts[..] else {
        panic!("{acts:?}")
    };
    assert_eq!((sizes.min, sizes.max, sizes.desired, *beyond), (2, 9, 3, 0));
    scene.done(acts[0].clone());
    let acts = scene.acts(Goal::Rest);
    assert!(matches!(acts[..], [GroupAction::ReleaseGroup { .. }]), "{acts:?}");
}

/// It stays so when one of those has left, and nothing was told since.
#[test]
fn a_maximum_that_made_room_for_one_more_that_somebody_wants_is_not_raised_any_further() {
    let mut scene = held(3, 3);
    let group = GroupName::new("general");
    let told = |max, desired| Sizes { min: 0, max, desired };
    scene.done(GroupAction::SetGroup {
        group: group.clone(),
        version: version(2),
        sizes: told(4, 4),
    });
    scene.pass(60);
    let is_put_back = |scene: &Scene| {
        let Next::Continue { act, .. } = scene.next(Goal::Finish) else {
            panic!("{:?}", scene.next(Goal::Finish))
        };
        act.into_iter().find_map(|(_, action)| match action {
            Action::Group(GroupAction::HoldGroup { sizes, beyond, .. }) => Some((sizes, beyond)),
            _ => None,
        })
    };
    let seen = |scene: &mut Scene, sizes| scene.seen.groups.groups.get_mut(&group).unwrap().sizes = sizes;
    seen(&mut scene, told(5, 5));
    let (sizes, beyond) = is_put_back(&scene).unwrap();
    assert_eq!((sizes, beyond), (told(4, 4), 1));
    scene.done(GroupAction::HoldGroup {
        group: group.clone(),
        processes: INTERFERES.map(str::to_owned).into(),
        version: version(1),
        sizes,
        beyond,
    });
    assert_eq!(is_put_back(&scene), None);
    scene.done(GroupAction::TerminateMember {
        group: group.clone(),
        machine: id("w0"),
    });
    scene.pass(60);
    seen(&mut scene, told(5, 4));
    assert_eq!(is_put_back(&scene), None);
}

/// It was not raised: what is put back was lowered, because somebody wants one less.
#[test]
fn a_minimum_above_what_is_put_back_may_be_the_one_that_was_told() {
    let mut scene = held(3, 3);
    let group = GroupName::new("general");
    let told = |desired| Sizes {
        min: 3,
        max: 4,
        desired,
    };
    scene.done(GroupAction::SetGroup {
        group: group.clone(),
        version: version(2),
        sizes: told(4),
    });
    scene.pass(60);
    let seen = scene.seen.groups.groups.get_mut(&group).unwrap();
    seen.sizes = told(3);
    let acts = scene.acts(Goal::Finish);
    let [GroupAction::HoldGroup { sizes, .. }] = &acts[..] else {
        panic!("{acts:?}")
    };
    assert_eq!((sizes.min, sizes.desired), (0, 2));
    scene.done(acts[0].clone());
    let Next::Continue { act, .. } = scene.next(Goal::Finish) else {
        panic!("{:?}", scene.next(Goal::Finish))
    };
    let holds =
        |(_, action): &(StepId, Action)| matches!(action, Action::Group(GroupAction::HoldGroup { .. }));
    assert!(!act.iter().any(holds), "{act:?}");
}

#[test]
fn a_worker_that_its_group_does_not_make_up_for_is_waited_for_to_an_instant_that_does_not_move() {
    let lost = || {
        let mut scene = held(3, 3);
        let group = GroupName::new("general");
        scene.seen.groups.groups.get_mut(&group).unwrap().members.pop();
        scene
    };
    for goal in [Goal::Finish, Goal::Rest] {
        let mut scene = lost();
        let group = GroupName::new("general");
        let until = scene.until(300);
        for _ in 0..3 {
            let waits = look(&mut scene, goal);
            let group = group.clone();
            assert_eq!(waits, [WaitingOn::Launch { group, until }]);
            scene.pass(100);
        }
        if goal == Goal::Rest {
            let acts = scene.acts(goal);
            assert!(matches!(acts[..], [GroupAction::ReleaseGroup { .. }]), "{acts:?}");
            continue;
        }
        let text = "nothing came up in time".to_owned();
        assert_eq!(scene.stop(goal), StopReason::NoLaunch { group, text });
    }
}

#[test]
fn nodes_of_others_without_which_nobody_may_go_are_waited_for_and_then_named() {
    let mut scene = held(3, 3);
    let group = GroupName::new("general");
    let sizes = Sizes {
        min: 0,
        max: 4,
        desired: 4,
    };
    scene.done(GroupAction::SetGroup {
        group: group.clone(),
        version: version(2),
        sizes,
    });
    for mark in ["launched i-w3", "ready i-w3", "passed general"] {
        scene.mark(mark);
    }
    scene.pass(60);
    let seen = scene.seen.groups.groups.get_mut(&group).unwrap();
    seen.sizes = sizes;
    seen.launches = Launches::Version(version(2));
    let mut new = seen.members[0].clone();
    (new.machine, new.version) = (id("w3"), Some(version(2)));
    seen.members.push(new);
    // Of the old ones two have no node, and one and the new one are fewer than three.
    for nth in [2, 3] {
        let node = Node {
            machine: Some(id(&format!("w{nth}"))),
            kubelet: Some(NEW),
            not_ready: None,
            is_cordoned: false,
            taints: BTreeSet::from([REPLACED_SOON.to_owned()]),
            labels: BTreeMap::new(),
        };
        let name = NodeName::new(format!("node-{nth}"));
        scene.seen.kube.nodes.insert(name, node);
    }
    let limit = WorkerPolicy::default().ready_deadline;
    for _ in 0..2 {
        let waits = look(&mut scene, Goal::Finish);
        let others = |on: &WaitingOn| matches!(on, WaitingOn::NodeReady { node: None, .. });
        assert!(waits.len() == 2 && waits.iter().all(others), "{waits:?}");
        scene.pass(limit.as_secs() / 2);
    }
    let StopReason::Deadline { what } = scene.stop(Goal::Finish) else {
        panic!("{:?}", scene.stop(Goal::Finish))
    };
    assert_eq!(what, "i-w0 of general has no node, and no other may go");
}

#[test]
fn a_worker_that_is_put_aside_stops_its_group_by_name() {
    let mut scene = held(3, 3);
    let group = GroupName::new("general");
    let seen = scene.seen.groups.groups.get_mut(&group).unwrap();
    seen.members[0].lifecycle = Lifecycle::Other("Standby".to_owned());
    let next = scene.next(Goal::Finish);
    let Next::Stop(StopReason::OutsideEnvelope { what }) = &next else {
        panic!("{next:?}")
    };
    assert!(what.contains("machine i-w0 of general is Standby"), "{what}");
}
