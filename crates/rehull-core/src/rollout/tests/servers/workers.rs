//! Workers: what their groups are launched from. How nodes give way is told by the simulator's stories.

use super::scene::{INTERFERES, NEW, Scene, id, version};
use crate::domain::action::Action;
use crate::domain::fleet::TemplateVersion;
use crate::domain::group::{Lifecycle, Member, Sizes};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, StepId, Zone};
use crate::domain::machine::MachineContent;
use crate::domain::waiting::StopReason;
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
