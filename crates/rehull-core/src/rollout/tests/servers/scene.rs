//! One look at a group, and the records before it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::time::Duration;

use jiff::Timestamp;

use crate::audit;
use crate::domain::action::Action;
use crate::domain::fleet::TemplateVersion;
use crate::domain::group::{Group, Launches, Lifecycle, Member, Server, Sizes, TargetHealth};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{
    ContentDigest, GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, RolloutId, StepId,
    TargetGroupArn, Zone,
};
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::KubernetesVersion;
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::journal::{JournalView, Record, RecordBody, token};
use crate::plan::{ControlPlanePlan, RolloutPlan, ServerContent, ServingPolicy};
use crate::rollout::tests::fixture::plan;
use crate::rollout::tests::model::Model;
use crate::rollout::{Goal, Next, decide};

pub(super) const OLD: KubernetesVersion = KubernetesVersion::new(1, 33, 13);
pub(super) const NEW: KubernetesVersion = KubernetesVersion::new(1, 34, 2);
/// What moves machines by itself.
pub(super) const INTERFERES: [&str; 3] = ["AZRebalance", "AlarmNotification", "ScheduledActions"];
pub(super) const STEP: &str = "control-plane/cp";

pub(super) fn version(number: u64) -> LaunchTemplateVersion {
    LaunchTemplateVersion(NonZeroU64::new(number).unwrap())
}

pub(super) fn name() -> GroupName {
    GroupName::new("cp")
}

pub(super) fn id(letter: &str) -> InstanceId {
    InstanceId::new(format!("i-{letter}"))
}

/// One look, and the records before it.
pub(super) struct Scene {
    pub(super) plan: RolloutPlan,
    pub(super) seen: Observed,
    pub(super) records: Vec<Record>,
}

impl Scene {
    /// Three old servers, one in each zone, all healthy; nothing was done yet.
    pub(super) fn new() -> Self {
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
            machine: plan.envelope.machine.clone(),
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
            zones: BTreeSet::new(),
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
    pub(super) fn with_one_more() -> Self {
        let mut scene = Self::new();
        let sizes = scene.group().sizes;
        scene.done(GroupAction::HoldGroup {
            group: name(),
            processes: INTERFERES.map(str::to_owned).into(),
            version: version(1),
            sizes,
            beyond: 0,
        });
        let sizes = Sizes {
            max: 4,
            desired: 4,
            ..sizes
        };
        scene.group().sizes = sizes;
        scene.group().suspended = INTERFERES.map(str::to_owned).into();
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

    pub(super) fn group(&mut self) -> &mut Group {
        self.seen.groups.groups.get_mut(&name()).unwrap()
    }

    pub(super) fn server(&mut self, letter: &str, zone: &str, of: u64) {
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

    pub(super) fn health(&mut self, letter: &str, health: Option<TargetHealth>) {
        let targets = self.seen.groups.targets.values_mut().next().unwrap();
        targets.remove(&id(letter));
        targets.extend(health.map(|health| (id(letter), health)));
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.seen.at = self.seen.at.checked_add(Duration::from_secs(seconds)).unwrap();
    }

    pub(super) fn record(&mut self, body: RecordBody) {
        let at = self.seen.at;
        self.records.push(Record { at, body });
    }

    pub(super) fn mark(&mut self, mark: &str) {
        let mark = mark.to_owned();
        self.record(RecordBody::Marked { mark });
    }

    pub(super) fn intend(&mut self, action: GroupAction) {
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

    pub(super) fn done(&mut self, action: GroupAction) {
        let key = action.key();
        self.intend(action);
        let attempt = self.journal().past(&key).unwrap().attempts;
        self.record(RecordBody::Settled {
            key,
            attempt,
            error: None,
        });
    }

    pub(super) fn journal(&self) -> JournalView {
        JournalView::fold(&self.records).unwrap()
    }

    pub(super) fn next(&self, goal: Goal) -> Next {
        let next = decide(&self.plan, &self.seen, &self.journal(), goal);
        if let Next::Continue { act, .. } = &next {
            assert_eq!(audit::check_next(&self.plan, &self.seen, act), Ok(()));
        }
        next
    }

    pub(super) fn acts(&self, goal: Goal) -> Vec<GroupAction> {
        let Next::Continue { act, .. } = self.next(goal) else {
            panic!("{:?}", self.next(goal))
        };
        let group = act.into_iter().map(|(_, action)| match action {
            Action::Group(action) => action,
            other => panic!("{other:?}"),
        });
        group.collect()
    }

    pub(super) fn waits(&self, goal: Goal) -> Vec<WaitingOn> {
        let Next::Continue { waiting, act, .. } = self.next(goal) else {
            panic!("{:?}", self.next(goal))
        };
        assert_eq!(act, []);
        waiting.into_iter().map(|waiting| waiting.on).collect()
    }

    pub(super) fn stop(&self, goal: Goal) -> StopReason {
        match self.next(goal) {
            Next::Stop(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn refused(&self, action: GroupAction) -> String {
        let act = [(StepId::new(STEP), Action::Group(action))];
        let refused = audit::check_next(&self.plan, &self.seen, &act);
        refused.unwrap_err().to_string()
    }

    pub(super) fn until(&self, seconds: u64) -> Timestamp {
        self.seen.at.checked_add(Duration::from_secs(seconds)).unwrap()
    }
}

pub(super) fn deregister(letter: &str) -> GroupAction {
    GroupAction::Deregister {
        group: name(),
        targets: TargetGroupArn::new("arn:tg"),
        machine: id(letter),
    }
}

pub(super) fn terminate(letter: &str) -> GroupAction {
    GroupAction::TerminateMember {
        group: name(),
        machine: id(letter),
    }
}
