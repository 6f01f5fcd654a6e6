//! Targets of a target group, as the API tells them: registered, checked, healthy or not, draining, gone. Where
//! connections really go is another matter: [`data_plane`](super::data_plane).
//!
//! Nothing is asked every interval. What a check would hear comes in as a fact when it changes, and the moment at which
//! enough checks have heard it is one event.

use core::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::agenda::{Event, later};
use super::effect::BootId;
use super::instance::InstanceState;
use super::target_group::{HealthCheck, TargetGroup};
use super::timing::{Quantity, Timing};

/// Names a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TargetId {
    /// ARN of its target group.
    pub group: String,
    /// Instance.
    pub instance: String,
    /// Port.
    pub port: i64,
}

/// A registered target, or one that the data plane has not forgotten yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) instance: String,
    pub(super) port: i64,
    pub(super) stage: Stage,
    /// Since when it is at this stage.
    pub(super) since: Timestamp,
    /// What a check hears now.
    passes: bool,
    passes_since: Timestamp,
    /// One of the moments at which it is checked; the others lie whole intervals away.
    checked_at: Timestamp,
    /// The data plane sends it new connections until then, though it is unhealthy or deregistered.
    pub(super) sent_until: Option<Timestamp>,
}

/// How far a target has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The load balancer does not check it yet.
    Registering,
    /// Too few checks to say anything.
    Checking,
    Healthy,
    Unhealthy,
    /// Deregistered, for the delay of its group.
    Draining,
    /// No longer told. Kept while the data plane lags.
    Gone,
}

/// Somebody to ask for a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whom.
    pub target: TargetId,
    /// Its machine's boot.
    pub boot: BootId,
    /// How and how often.
    pub how: HealthCheck,
    /// Address that is asked: the machine's own.
    pub address: Ipv4Addr,
    /// Port that is asked.
    pub port: i64,
    /// What the world was told last: the check passes.
    pub passes: bool,
}

impl Target {
    fn new(instance: String, port: i64, now: Timestamp) -> Self {
        Self {
            instance,
            port,
            stage: Stage::Registering,
            since: now,
            passes: false,
            passes_since: now,
            checked_at: now,
            sent_until: None,
        }
    }

    pub(super) fn is_told(&self) -> bool {
        self.stage != Stage::Gone
    }

    /// Neither leaving nor left.
    pub(super) const fn is_registered(&self) -> bool {
        match self.stage {
            Stage::Registering | Stage::Checking | Stage::Healthy | Stage::Unhealthy => true,
            Stage::Draining | Stage::Gone => false,
        }
    }

    fn enter(&mut self, stage: Stage, now: Timestamp) {
        self.stage = stage;
        self.since = now;
    }

    /// When enough checks in a row will have heard what contradicts the present stage.
    fn turns_at(&self, check: &HealthCheck) -> Option<Timestamp> {
        let checks = match (self.stage, self.passes) {
            (Stage::Checking | Stage::Unhealthy, true) => check.healthy,
            (Stage::Checking | Stage::Healthy, false) => check.unhealthy,
            (Stage::Healthy, true)
            | (Stage::Unhealthy, false)
            | (Stage::Registering | Stage::Draining | Stage::Gone, _) => return None,
        };
        let interval = check.interval.saturating_mul(1_000).max(1);
        let started = self.checked_at.as_millisecond();
        let heard = self.passes_since.as_millisecond().saturating_sub(started).max(0);
        let first = heard.saturating_add(interval - 1) / interval;
        let last = first.saturating_add(checks).saturating_sub(1);
        let at = started.saturating_add(last.saturating_mul(interval));
        Timestamp::from_millisecond(at).ok()
    }
}

impl TargetGroup {
    pub(super) fn target(&self, id: &TargetId) -> Option<&Target> {
        let mut all = self.targets.iter();
        all.find(|one| one.instance == id.instance && one.port == id.port)
    }

    fn target_mut(&mut self, id: &TargetId) -> Option<&mut Target> {
        let mut all = self.targets.iter_mut();
        all.find(|one| one.instance == id.instance && one.port == id.port)
    }
}

impl World {
    fn target_mut(&mut self, id: &TargetId) -> Option<&mut Target> {
        self.balancing.target_groups.get_mut(&id.group)?.target_mut(id)
    }

    /// Whoever is registered already stays as he is; whoever is leaving begins again.
    pub(super) fn register_target(&mut self, id: &TargetId) {
        let now = self.now;
        let Some(group) = self.balancing.target_groups.get_mut(&id.group) else {
            return;
        };
        if group.target(id).is_some_and(Target::is_registered) {
            return;
        }
        group
            .targets
            .retain(|one| one.instance != id.instance || one.port != id.port);
        group.targets.push(Target::new(id.instance.clone(), id.port, now));
        group
            .targets
            .sort_by(|a, b| (&a.instance, a.port).cmp(&(&b.instance, b.port)));
        let wait = self.draw(&id.resource(), Quantity::TargetRegistration);
        self.plan(wait, Event::TargetRegistered(id.clone()));
    }

    /// Its delay, which runs from now; `None`: nobody like that is registered. Whoever is leaving already goes on doing so.
    pub(super) fn deregister_target(&mut self, id: &TargetId) -> Option<Duration> {
        let group = self.balancing.target_groups.get(&id.group)?;
        let delay = group.deregistration_delay();
        let target = group.target(id).filter(|one| one.is_registered())?;
        let is_sent_to = target.is_sent_to(self.now);
        let lag = self.draw(&id.resource(), Quantity::TargetStillSent);
        let now = self.now;
        let target = self.target_mut(id)?;
        target.enter(Stage::Draining, now);
        target.sent_until = is_sent_to.then(|| later(now, lag));
        self.plan(delay, Event::TargetLeaves(id.clone()));
        Some(delay)
    }

    pub(super) fn target_registered(&mut self, id: &TargetId) {
        let Some(group) = self.balancing.target_groups.get(&id.group) else {
            return;
        };
        let interval = group.check.interval;
        // Checks of one target come at moments that nobody chose.
        let phase = self.phase(&id.resource()).saturating_mul(interval.unsigned_abs());
        let now = self.now;
        let Some(target) = self.target_mut(id).filter(|one| one.stage == Stage::Registering) else {
            return;
        };
        target.enter(Stage::Checking, now);
        target.checked_at = later(now, Duration::from_millis(phase));
        self.plan_turn(id);
    }

    fn phase(&mut self, resource: &str) -> u64 {
        let ordinal = self.next_ordinal(format!("{resource}/phase"));
        Timing::phase(self.setup.seed, resource, ordinal)
    }

    fn turns_at(&self, id: &TargetId) -> Option<Timestamp> {
        let group = self.balancing.target_groups.get(&id.group)?;
        group.target(id)?.turns_at(&group.check)
    }

    fn plan_turn(&mut self, id: &TargetId) {
        if let Some(at) = self.turns_at(id) {
            self.agenda.plan(at, Event::TargetTurns(id.clone()));
        }
    }

    /// The settings of the checks have changed.
    pub(super) fn plan_turns(&mut self, group: &str) {
        for id in self.target_ids(|one, _| one == group) {
            self.plan_turn(&id);
        }
    }

    pub(super) fn target_turns(&mut self, id: &TargetId) {
        // What was planned before the machine or the settings changed their mind is not due.
        if self.turns_at(id).is_none_or(|at| at > self.now) {
            return;
        }
        let lag = self.draw(&id.resource(), Quantity::TargetUnhealthyStillSent);
        let now = self.now;
        let Some(target) = self.target_mut(id) else { return };
        if target.passes {
            target.enter(Stage::Healthy, now);
            target.sent_until = None;
            self.member_is_served(id);
        } else {
            target.sent_until = (target.stage == Stage::Healthy).then(|| later(now, lag));
            target.enter(Stage::Unhealthy, now);
            self.member_is_unserved(&id.instance);
        }
    }

    pub(super) fn target_leaves(&mut self, id: &TargetId) {
        let now = self.now;
        let Some(group) = self.balancing.target_groups.get_mut(&id.group) else {
            return;
        };
        let delay = group.deregistration_delay();
        let Some(target) = group.target_mut(id) else {
            return;
        };
        let is_over = match target.stage {
            Stage::Draining => later(target.since, delay) <= now,
            Stage::Gone => true,
            Stage::Registering | Stage::Checking | Stage::Healthy | Stage::Unhealthy => false,
        };
        let lags = target.sent_until.filter(|until| *until > now);
        match lags {
            Some(until) if is_over => {
                target.enter(Stage::Gone, now);
                self.agenda.plan(until, Event::TargetLeaves(id.clone()));
            }
            None if is_over => group
                .targets
                .retain(|one| one.instance != id.instance || one.port != id.port),
            Some(_) | None => {}
        }
    }

    /// What a check of this target hears, if it asked the boot that is on now.
    pub(super) fn target_probed(&mut self, id: &TargetId, boot: BootId, passes: bool) {
        let is_on = |one: &super::instance::Instance| one.boot == Some(boot);
        if self.instances.get(&id.instance).is_some_and(is_on) {
            self.target_hears(id, passes);
        }
    }

    fn target_hears(&mut self, id: &TargetId, passes: bool) {
        let now = self.now;
        match self.target_mut(id) {
            Some(target) if target.passes != passes => {
                target.passes = passes;
                target.passes_since = now;
                self.plan_turn(id);
            }
            Some(_) | None => {}
        }
    }

    /// A machine that is off answers nobody.
    pub(super) fn targets_go_silent(&mut self, instance: &str) {
        for id in self.target_ids(|_, one| one.instance == instance) {
            self.target_hears(&id, false);
        }
    }

    /// An instance that can no longer be described is no target either.
    pub(super) fn targets_forgotten(&mut self, instance: &str) {
        for group in self.balancing.target_groups.values_mut() {
            group.targets.retain(|one| one.instance != instance);
        }
    }

    pub(super) fn target_ids(&self, is_wanted: impl Fn(&str, &Target) -> bool) -> Vec<TargetId> {
        let groups = self.balancing.target_groups.iter();
        let all = groups.flat_map(|(arn, group)| group.targets.iter().map(move |one| (arn, one)));
        all.filter(|(arn, one)| is_wanted(arn, one))
            .map(|(arn, one)| TargetId {
                group: arn.clone(),
                instance: one.instance.clone(),
                port: one.port,
            })
            .collect()
    }

    /// A load balancer has it registered somewhere: it is neither leaving nor left.
    #[must_use]
    pub fn is_registered(&self, instance: &str) -> bool {
        let all = self.balancing.target_groups.values();
        let mut targets = all.flat_map(|group| &group.targets);
        targets.any(|one| one.instance == instance && one.is_registered())
    }

    /// Whom a load balancer asks now. Whoever does it here reports every change of the answer
    /// ([`Fact::Probed`](super::Fact::Probed)).
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let registered = self.target_ids(|_, one| one.is_registered());
        let checks = registered.into_iter().filter_map(|target| {
            let instance = self.instances.get(&target.instance)?;
            let boot = instance
                .boot
                .filter(|_| instance.state == InstanceState::Running)?;
            let group = self.balancing.target_groups.get(&target.group)?;
            let how = group.check.clone();
            let port = how.port.parse().unwrap_or(target.port);
            Some(Check {
                boot,
                how,
                address: self.address_of(&target.instance)?,
                port,
                passes: group.target(&target)?.passes,
                target,
            })
        });
        checks.collect()
    }
}

impl TargetId {
    /// As draws name it.
    fn resource(&self) -> String {
        format!("{}/{}/{}", self.group, self.instance, self.port)
    }
}
