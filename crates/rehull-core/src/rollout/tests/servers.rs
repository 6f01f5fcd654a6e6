//! The control plane, tick by tick: what is proposed for one look at a group, and what `audit` says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::time::Duration;

use jiff::Timestamp;

use super::fixture::plan;
use super::model::Model;
use crate::audit;
use crate::domain::action::Action;
use crate::domain::fleet::TemplateVersion;
use crate::domain::group::{FailedLaunch, Group, Launches, Lifecycle, Member, Server, Sizes, TargetHealth};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{
    ContentDigest, GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, RolloutId, StepId,
    TargetGroupArn, Zone,
};
use crate::domain::observed::{Gap, Observed, Part};
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::KubernetesVersion;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::{JournalView, Record, RecordBody, token};
use crate::plan::{ControlPlanePlan, RolloutPlan, ServerContent, ServingPolicy};
use crate::rollout::{Goal, Next, decide};

const OLD: KubernetesVersion = KubernetesVersion::new(1, 33, 13);
const NEW: KubernetesVersion = KubernetesVersion::new(1, 34, 2);
const STEP: &str = "control-plane/cp";

fn version(number: u64) -> LaunchTemplateVersion {
    LaunchTemplateVersion(NonZeroU64::new(number).unwrap())
}

fn name() -> GroupName {
    GroupName::new("cp")
}

fn id(letter: &str) -> InstanceId {
    InstanceId::new(format!("i-{letter}"))
}

/// One look, and the records before it.
struct Scene {
    plan: RolloutPlan,
    seen: Observed,
    records: Vec<Record>,
}

impl Scene {
    /// Three old servers, one in each zone, all healthy; nothing was done yet.
    fn new() -> Self {
        let content = |version: KubernetesVersion| ServerContent {
            version,
            digest: ContentDigest::new(format!("sha256:{version}")),
        };
        let mut plan = plan(3, EtcdStrategy::RemoveThenAdd);
        for slot in &mut plan.envelope.slots {
            slot.reasons.clear();
        }
        plan.envelope.control_plane = Some(ControlPlanePlan {
            step: StepId::new(STEP),
            group: name(),
            targets: TargetGroupArn::new("arn:tg"),
            launch_template: LaunchTemplateName::new("cp"),
            from: Some(content(OLD)),
            to: content(NEW),
            reasons: vec!["Kubernetes".to_owned()],
            policy: ServingPolicy::default(),
        });
        let mut seen = Model::healthy(3).observe();
        let template = |number, release| TemplateVersion {
            version: version(number),
            digest: Some(content(release).digest),
        };
        let templates = vec![template(1, OLD), template(2, NEW)];
        seen.fleet
            .templates
            .insert(LaunchTemplateName::new("cp"), templates);
        let sizes = Sizes {
            min: 3,
            max: 3,
            desired: 3,
        };
        let group = Group {
            template: LaunchTemplateName::new("cp"),
            launches: Launches::Version(version(1)),
            sizes,
            suspended: BTreeSet::new(),
            members: Vec::new(),
            refused: None,
        };
        seen.groups.groups.insert(name(), group);
        seen.groups
            .targets
            .insert(TargetGroupArn::new("arn:tg"), BTreeMap::new());
        let records = vec![
            Record {
                at: seen.at,
                body: RecordBody::Opened {
                    envelope: plan.envelope.digest(),
                    plan: None,
                    rehull: "test".to_owned(),
                },
            },
            Record {
                at: seen.at,
                body: RecordBody::Attached {
                    holder: "test".to_owned(),
                },
            },
        ];
        let mut scene = Self { plan, seen, records };
        for letter in ["a", "b", "c"] {
            scene.server(letter, letter, 1);
        }
        scene
    }

    /// Held, told to be one more, and the new one is there, in zone a, and has passed.
    fn with_one_more() -> Self {
        let mut scene = Self::new();
        let sizes = scene.group().sizes;
        scene.done(GroupAction::HoldGroup {
            group: name(),
            processes: BTreeSet::from(["AZRebalance".to_owned()]),
            version: version(1),
            sizes,
        });
        let sizes = Sizes {
            max: 4,
            desired: 4,
            ..sizes
        };
        scene.group().sizes = sizes;
        scene.group().launches = Launches::Version(version(2));
        scene.done(GroupAction::SetGroup {
            group: name(),
            version: version(2),
            sizes,
        });
        scene.pass(1);
        for mark in ["launched i-new", "served i-new", "passed cp"] {
            scene.mark(mark);
        }
        scene.server("new", "a", 2);
        scene
    }

    fn group(&mut self) -> &mut Group {
        self.seen.groups.groups.get_mut(&name()).unwrap()
    }

    fn server(&mut self, letter: &str, zone: &str, of: u64) {
        self.group().members.push(Member {
            machine: id(letter),
            zone: Zone::new(zone),
            lifecycle: Lifecycle::InService,
            is_healthy: true,
            version: Some(version(of)),
        });
        self.health(letter, Some(TargetHealth::Healthy));
        let release = if of == 1 { OLD } else { NEW };
        let answer = Server::Ready { version: release };
        self.seen.groups.servers.insert(id(letter), answer);
    }

    fn health(&mut self, letter: &str, health: Option<TargetHealth>) {
        let targets = self.seen.groups.targets.values_mut().next().unwrap();
        targets.remove(&id(letter));
        targets.extend(health.map(|health| (id(letter), health)));
    }

    fn pass(&mut self, seconds: u64) {
        self.seen.at = self.seen.at.checked_add(Duration::from_secs(seconds)).unwrap();
    }

    fn record(&mut self, body: RecordBody) {
        let at = self.seen.at;
        self.records.push(Record { at, body });
    }

    fn mark(&mut self, mark: &str) {
        let mark = mark.to_owned();
        self.record(RecordBody::Marked { mark });
    }

    fn intend(&mut self, action: GroupAction) {
        let action = Action::Group(action);
        let (rollout, step) = (RolloutId::new("r"), StepId::new(STEP));
        let attempt = self.journal().next_attempt(&action.key());
        let token = token(&rollout, &step, &action.key(), attempt);
        self.record(RecordBody::Intended {
            step,
            action,
            attempt,
            token,
        });
    }

    fn done(&mut self, action: GroupAction) {
        let key = action.key();
        self.intend(action);
        let attempt = self.journal().past(&key).unwrap().attempts;
        self.record(RecordBody::Settled {
            key,
            attempt,
            error: None,
        });
    }

    fn journal(&self) -> JournalView {
        JournalView::fold(&self.records).unwrap()
    }

    fn next(&self, goal: Goal) -> Next {
        let next = decide(&self.plan, &self.seen, &self.journal(), goal);
        if let Next::Continue { act, .. } = &next {
            assert_eq!(audit::check_next(&self.plan, &self.seen, act), Ok(()));
        }
        next
    }

    fn acts(&self, goal: Goal) -> Vec<GroupAction> {
        let Next::Continue { act, .. } = self.next(goal) else {
            panic!("{:?}", self.next(goal))
        };
        let group = act.into_iter().map(|(_, action)| match action {
            Action::Group(action) => action,
            other => panic!("{other:?}"),
        });
        group.collect()
    }

    fn waits(&self, goal: Goal) -> Vec<WaitingOn> {
        let Next::Continue { waiting, act, .. } = self.next(goal) else {
            panic!("{:?}", self.next(goal))
        };
        assert_eq!(act, []);
        waiting.into_iter().map(|waiting| waiting.on).collect()
    }

    fn stop(&self, goal: Goal) -> StopReason {
        match self.next(goal) {
            Next::Stop(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn refused(&self, action: GroupAction) -> String {
        let act = [(StepId::new(STEP), Action::Group(action))];
        let refused = audit::check_next(&self.plan, &self.seen, &act);
        refused.unwrap_err().to_string()
    }

    fn until(&self, seconds: u64) -> Timestamp {
        self.seen.at.checked_add(Duration::from_secs(seconds)).unwrap()
    }
}

fn deregister(letter: &str) -> GroupAction {
    GroupAction::Deregister {
        group: name(),
        targets: TargetGroupArn::new("arn:tg"),
        machine: id(letter),
    }
}

fn terminate(letter: &str) -> GroupAction {
    GroupAction::TerminateMember {
        group: name(),
        machine: id(letter),
    }
}

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

#[test]
fn a_hold_in_doubt_is_sent_again_as_it_was_written_down() {
    let mut scene = Scene::new();
    let sizes = scene.group().sizes;
    let hold = GroupAction::HoldGroup {
        group: name(),
        processes: BTreeSet::from(["AZRebalance".to_owned()]),
        version: version(1),
        sizes,
    };
    scene.intend(hold.clone());
    // It came through; read anew there would be nothing of ours to resume.
    scene.group().suspended.insert("AZRebalance".to_owned());
    assert_eq!(scene.acts(Goal::Finish), [hold]);
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
    let mut scene = Scene::new();
    scene.seen.fleet.templates.clear();
    assert_eq!(outside(&scene), "cp has no version with the planned content");
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
