//! Reads one snapshot as "worker by worker": whose node is ready, who is cordoned by us, who still has to leave it.

use std::time::Duration;

use jiff::Timestamp;

use super::look::{LAUNCHED, Look, READY};
use crate::domain::action::Action;
use crate::domain::group::{Group, Lifecycle, Member};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::LaunchTemplateVersion;
use crate::domain::kube::Node;
use crate::domain::node_action::{Lasting, NodeAction, OfNode};
use crate::domain::observed::Observed;
use crate::domain::waiting::WaitingOn;
use crate::journal::JournalView;
use crate::plan::WorkerGroupPlan;
use crate::rollout::Goal;
use crate::rollout::apiserver::later;
use crate::rollout::drain::List;
use crate::rollout::hold::Held;
use crate::rollout::serving::{Before, Versions, small};
use crate::rollout::tick::Tick;

/// A group of workers at one instant.
pub(in crate::rollout) struct Pool<'a> {
    pub(in crate::rollout) plan: &'a WorkerGroupPlan,
    pub(super) seen: &'a Observed,
    pub(super) journal: &'a JournalView,
    look: &'a Look<'a>,
    pub(super) group: &'a Group,
    /// What the group launches now.
    pub(super) launches: LaunchTemplateVersion,
    /// What it shall launch in the end.
    pub(super) wanted: LaunchTemplateVersion,
    /// What it was before this rollout took hold of it; `None`: it does not hold it.
    pub(super) before: Option<Before>,
    /// What its desired capacity should be by everything that this rollout has told it.
    pub(super) told: Option<i64>,
    /// The first new nodes were watched for their time.
    pub(super) has_passed: bool,
    /// The words with which the group said that it can launch none more.
    pub(super) lacks_capacity: Option<&'a str>,
    /// All that count against the desired capacity.
    pub(in crate::rollout) workers: Vec<Worker<'a>>,
}

/// One machine of the group, and its node.
pub(in crate::rollout) struct Worker<'a> {
    pub(super) member: &'a Member,
    pub(super) is_new: bool,
    /// Where it is new: when it was first seen here.
    pub(super) launched: Option<Timestamp>,
    /// Where it is new: its node was ready once.
    pub(super) was_ready: bool,
    pub(super) node: Option<(OfNode, &'a Node)>,
    /// By this rollout.
    pub(super) is_cordoned: bool,
    /// Who has to leave, and since when.
    pub(in crate::rollout) drain: Option<(Timestamp, &'a List)>,
    /// What it lacks before anything rests on it; `None`: its node is ready.
    pub(super) lacks: Option<String>,
}

impl<'a> Pool<'a> {
    /// Or what is not as it was when it was planned.
    pub(in crate::rollout) fn read(
        plan: &'a WorkerGroupPlan,
        seen: &'a Observed,
        journal: &'a JournalView,
        look: &'a Look<'a>,
    ) -> Result<Self, String> {
        let (group, versions) = Versions::read(seen, &plan.group, &plan.launch_template, &plan.to.digest)?;
        let mut pool = Self {
            plan,
            seen,
            journal,
            look,
            group,
            launches: versions.launches,
            wanted: versions.wanted,
            before: Before::of(journal, &plan.group),
            told: journal.desired_of(&plan.group),
            has_passed: false,
            lacks_capacity: None,
            workers: Vec::with_capacity(group.members.len()),
        };
        pool.has_passed = pool.is_marked(&pool.passed_mark());
        pool.lacks_capacity = pool.refusal();
        for (member, is_new) in counted(group, &versions) {
            let worker = pool.worker(member, is_new);
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    fn worker(&self, member: &'a Member, is_new: bool) -> Worker<'a> {
        let placed = self.look.node_of(member);
        let node = placed.map(|placed| {
            let of = OfNode {
                group: self.plan.group.clone(),
                node: placed.name.clone(),
                machine: member.machine.clone(),
            };
            (of, placed.node)
        });
        let of = node.as_ref().map(|(of, _)| of);
        let of = of.filter(|_| placed.is_some_and(|placed| placed.was_cordoned));
        let of = of.filter(|of| self.journal.lasts(Lasting::Cordon, of).is_some());
        let (is_cordoned, drain) = (of.is_some(), of.and_then(|of| self.journal.drain_of(of)));
        let mut worker = Worker {
            member,
            is_new,
            launched: is_new.then(|| self.look.launched(member)).flatten(),
            was_ready: is_new && self.look.ready(member).is_some_and(|at| at <= self.seen.at),
            is_cordoned,
            drain,
            node,
            lacks: None,
        };
        worker.lacks = self.lacks(&worker);
        worker
    }

    /// Once a node was ready only its own condition counts: what runs on it comes and goes.
    fn lacks(&self, worker: &Worker<'_>) -> Option<String> {
        match &worker.member.lifecycle {
            Lifecycle::InService => {}
            Lifecycle::Pending => return Some("is not in service yet".to_owned()),
            Lifecycle::Leaving => return Some("leaves its group".to_owned()),
            Lifecycle::Other(word) => return Some(format!("is {word} in its group")),
        }
        let Some((of, node)) = &worker.node else {
            return Some("has no node".to_owned());
        };
        if let Some(not_ready) = &node.not_ready {
            return Some(format!("is not ready: {}", not_ready.why));
        }
        if !worker.is_new || worker.was_ready {
            return None;
        }
        if node.kubelet != Some(self.plan.to.version) {
            let runs = node
                .kubelet
                .map_or("a kubelet of no release".to_owned(), |it| it.to_string());
            return Some(format!("runs {runs}"));
        }
        let missing = self.look.missing(&of.node, self.group)?;
        Some(format!("waits for {missing}"))
    }

    pub(super) fn ready_mark(member: &Member) -> String {
        Self::mark(READY, member)
    }

    pub(super) fn launched_mark(member: &Member) -> String {
        Self::mark(LAUNCHED, member)
    }

    pub(super) fn undrained_mark(member: &Member) -> String {
        Self::mark("undrained ", member)
    }

    fn mark(start: &str, member: &Member) -> String {
        [start, member.machine.as_str()].concat()
    }

    pub(super) fn passed_mark(&self) -> String {
        format!("passed {}", self.plan.group)
    }

    pub(super) fn is_marked(&self, mark: &str) -> bool {
        self.journal.marked_at(mark).is_some_and(|at| at <= self.seen.at)
    }

    pub(super) fn counted(&self) -> u32 {
        small(self.workers.len())
    }

    pub(in crate::rollout) fn olds(&self) -> impl Iterator<Item = &Worker<'a>> {
        self.workers.iter().filter(|worker| !worker.is_new)
    }

    pub(super) fn news(&self) -> impl Iterator<Item = &Worker<'a>> {
        self.workers.iter().filter(|worker| worker.is_new)
    }

    /// Nodes that this rollout has cordoned.
    pub(in crate::rollout) fn drained(&self) -> impl Iterator<Item = &Worker<'a>> {
        self.workers.iter().filter(|worker| worker.is_cordoned)
    }

    /// Nodes that pods can be scheduled on.
    pub(super) fn available(&self) -> u32 {
        small(self.workers.iter().filter(|worker| worker.is_available()).count())
    }

    pub(super) fn leaving(&self) -> impl Iterator<Item = &Member> {
        self.held().leaving()
    }

    pub(super) fn held(&self) -> Held<'a> {
        Held {
            name: &self.plan.group,
            step: &self.plan.step,
            group: self.group,
            journal: self.journal,
            at: self.seen.at,
        }
    }

    /// Our own changes of nodes that are still there.
    pub(super) fn lasting(&self, what: Lasting) -> impl Iterator<Item = &OfNode> {
        let nodes = self.workers.iter().filter_map(|worker| worker.node.as_ref());
        let ours = nodes.filter(move |(of, _)| self.journal.lasts(what, of).is_some());
        ours.map(|(of, _)| of)
    }

    /// What those have to leave that go on being drained: on the way to rest only what the group has too many.
    pub(in crate::rollout) fn leaves(&self, goal: Goal) -> Vec<&'a List> {
        if self.drained().next().is_none() {
            return Vec::new();
        }
        let goers = self.goers(goal);
        let leaving = self.drained().filter(|worker| is_among(&goers, worker));
        let lists = leaving.filter_map(|worker| worker.drain);
        lists.map(|(_, list)| list).collect()
    }

    pub(super) fn act(&self, tick: &mut Tick, action: GroupAction) {
        tick.act(&self.plan.step, Action::Group(action));
    }

    pub(super) fn act_on(&self, tick: &mut Tick, action: NodeAction) {
        tick.act(&self.plan.step, Action::Node(action));
    }

    pub(super) fn wait(&self, tick: &mut Tick, on: WaitingOn) {
        tick.wait(&self.plan.step, on);
    }

    /// Whoever takes over begins with the full limit again.
    pub(super) fn deadline(&self, start: Option<Timestamp>, limit: Duration) -> Timestamp {
        let attached = self.journal.holder().map(|(_, at)| at);
        later(start.max(attached).unwrap_or(self.seen.at), limit)
    }

    /// Its time was up before this process began: whoever says `resume` has seen it.
    pub(super) fn was_over(&self, start: Timestamp, limit: Duration) -> bool {
        let attached = self.journal.holder().map(|(_, at)| at);
        attached > Some(later(start, limit))
    }
}

impl Worker<'_> {
    /// Cordoned, by this rollout or by somebody else.
    pub(in crate::rollout) fn is_closed(&self) -> bool {
        self.is_cordoned || self.node.as_ref().is_some_and(|(_, node)| node.is_cordoned)
    }

    /// Pods can be scheduled there.
    pub(super) fn is_available(&self) -> bool {
        self.lacks.is_none() && self.node.is_some() && !self.is_closed()
    }
}

/// Members that count against the desired capacity, and whether they are new.
fn counted<'a>(group: &'a Group, versions: &Versions<'_>) -> impl Iterator<Item = (&'a Member, bool)> {
    let members = group.members.iter().filter(|member| member.lifecycle.counts());
    members.map(|member| {
        let is_new = member.version.is_some_and(|version| versions.is_new(version));
        (member, is_new)
    })
}

/// How many of them are new, and how many are old: nodes are not asked for that. Or what is not as it was planned.
pub(super) fn counts(plan: &WorkerGroupPlan, seen: &Observed) -> Result<(u32, u32), String> {
    let (group, versions) = Versions::read(seen, &plan.group, &plan.launch_template, &plan.to.digest)?;
    let all = small(counted(group, &versions).count());
    let new = small(counted(group, &versions).filter(|(_, is_new)| *is_new).count());
    Ok((new, all.saturating_sub(new)))
}

/// Whether this is one of them.
pub(super) fn is_among(workers: &[&Worker<'_>], one: &Worker<'_>) -> bool {
    let mut all = workers.iter();
    all.any(|worker| worker.member.machine == one.member.machine)
}
