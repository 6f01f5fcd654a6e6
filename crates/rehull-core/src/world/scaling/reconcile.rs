//! What a group does by itself: replace, launch, balance, scale in. Whoever changes something asks for one more look;
//! looking twice does nothing twice.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::Group;
use super::hold::Process;
use super::member::{Lifecycle, Member, count};
use crate::world::World;
use crate::world::agenda::{Event, later};
use crate::world::timing::Quantity;

/// So long the service goes on trying (user guide, "administrative suspension").
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

impl World {
    /// The group looks at itself after its reaction time.
    pub(super) fn act_soon(&mut self, name: &str) {
        let wait = self.draw(name, Quantity::GroupReacts);
        self.plan(wait, Event::GroupActs(name.to_owned()));
    }

    pub(in crate::world) fn group_acts(&mut self, name: &str) {
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        if group.deleting {
            if group.members.is_empty() {
                self.scaling.groups.remove(name);
            }
            return;
        }
        self.replace_unhealthy(name);
        self.launch_missing(name);
        self.rebalance(name);
        self.scale_in(name);
    }

    /// Terminates first and launches while that goes on, unless a maintenance policy keeps the whole capacity in service.
    fn replace_unhealthy(&mut self, name: &str) {
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        // With Terminate suspended nobody is replaced; on resume this finds who was marked meanwhile.
        if group.holds(Process::ReplaceUnhealthy) || group.holds(Process::Terminate) {
            return;
        }
        let keeps = group.settings.launches_first() && !group.holds(Process::Launch);
        let has_spare = !keeps || group.in_service() >= group.settings.least_in_service();
        let unhealthy = group.members.values();
        let unhealthy = unhealthy.filter(|one| !one.is_healthy && one.lifecycle.counts());
        // Whoever does not run serves nobody: nothing is kept by waiting for his replacement.
        let gone = unhealthy.filter(|one| has_spare || !self.runs(&one.instance));
        let gone: Vec<String> = gone.map(|one| one.instance.clone()).collect();
        let now = self.now;
        for id in gone {
            let cause =
                format!("At {now} an instance was taken out of service in response to a health check.");
            self.let_go(&id, &cause);
        }
    }

    fn launch_missing(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        if group.holds(Process::Launch) || group.retry_from.is_some_and(|from| from > now) {
            return;
        }
        let missing = group.missing();
        if missing <= 0 {
            return;
        }
        let (from, wanted) = (group.counted(), group.settings.desired);
        let because = group.because.as_deref().unwrap_or_default();
        let cause = format!(
            "{because}At {now} an instance was started in response to a difference between desired and actual capacity, \
             increasing the capacity from {from} to {wanted}."
        );
        let mut without = BTreeSet::new();
        for _ in 0..missing {
            if !self.launch_member(name, &cause, &mut without) {
                return self.retry_later(name);
            }
        }
        if let Some(group) = self.scaling.groups.get_mut(name) {
            group.because = None;
            group.failing_since = None;
            group.retry_from = None;
        }
    }

    /// Launches in the poorest zone first and terminates in the richest one when the new machine is in service; so for a
    /// while there are more than desired, up to a tenth of the maximum, or one.
    fn rebalance(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.scaling.groups.get(name) else {
            return;
        };
        let settles = group.members.values().any(|one| !one.is_settled());
        let waits = group.retry_from.is_some_and(|from| from > now);
        if group.holds(Process::AzRebalance) || group.holds(Process::Launch) || settles || waits {
            return;
        }
        let zones = self.zones_of(group);
        let sizes = || zones.iter().map(|zone| group.counted_in(zone));
        let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
        let strayed = group
            .members
            .values()
            .any(|one| one.lifecycle == Lifecycle::InService && !zones.contains(&one.zone));
        let ceiling = group
            .settings
            .max
            .saturating_add((group.settings.max / 10).max(1));
        // Whoever launches and then finds nobody to end would do so for ever.
        let gives = |one: &Member| !one.is_protected && (strayed || group.counted_in(&one.zone) == most);
        let is_stuck = !group.members.values().any(gives);
        let is_balanced = most.saturating_sub(least) < 2 && !strayed;
        if is_balanced || is_stuck || group.counted() >= ceiling || group.counted() > group.settings.desired {
            return;
        }
        let poorest = zones.iter().min_by_key(|zone| group.counted_in(zone));
        let Some(poorest) = poorest.cloned() else { return };
        let cause = format!(
            "At {now} instances were launched to balance instances in zone {poorest} with other zones, so that for a \
             while there are more than desired."
        );
        let others = zones.into_iter().filter(|zone| *zone != poorest);
        if self.launch_member(name, &cause, &mut others.collect()) {
            if let Some(group) = self.scaling.groups.get_mut(name) {
                group.rebalancing = true;
                group.balanced = Some(now);
            }
        } else {
            self.retry_later(name);
        }
    }

    fn scale_in(&mut self, name: &str) {
        let now = self.now;
        loop {
            let Some(group) = self.scaling.groups.get_mut(name) else {
                return;
            };
            let surplus = group.kept().saturating_sub(group.settings.desired);
            if surplus <= 0 {
                group.rebalancing = false;
                return;
            }
            let is_early = group.rebalancing && group.in_service() <= group.settings.desired;
            if group.holds(Process::Terminate) || is_early {
                return;
            }
            let is_balance = group.rebalancing;
            let Some(victim) = self.victim(name) else { return };
            if let Some(group) = self.scaling.groups.get_mut(name).filter(|_| is_balance) {
                group.balanced_away.insert(victim.clone());
            }
            let cause = format!(
                "At {now} an instance was taken out of service in response to a difference between desired and actual \
                 capacity."
            );
            self.let_go(&victim, &cause);
        }
    }

    /// The richest zone before any policy: so a lower desired capacity may well take a new machine.
    fn victim(&self, name: &str) -> Option<String> {
        let group = self.scaling.groups.get(name)?;
        let may_go = |one: &&Member| one.lifecycle == Lifecycle::InService && !one.is_protected;
        let candidates: Vec<&Member> = group.members.values().filter(may_go).collect();
        let zones = self.zones_of(group);
        let weight = |one: &Member| (!zones.contains(&one.zone), group.counted_in(&one.zone));
        let heaviest = candidates.iter().map(|one| weight(one)).max()?;
        let there = candidates.into_iter().filter(|one| weight(one) == heaviest);
        let policy = group.settings.termination_policies.first().map(String::as_str);
        let newest_first = policy == Some("NewestInstance");
        let by_age_only = newest_first || policy == Some("OldestInstance");
        let there = there.map(|one| {
            let version = one.template.as_ref().map_or(0, |(_, _, version)| *version);
            let version = if by_age_only { 0 } else { version };
            (version, one.launched, &one.instance)
        });
        let victim = if newest_first {
            there.max_by_key(|(_, launched, id)| (*launched, Reverse(*id)))
        } else {
            there.min()
        };
        victim.map(|(_, _, id)| id.clone())
    }

    /// After a launch that failed. For a day; then the service gives up until somebody resumes it.
    pub(super) fn retry_later(&mut self, name: &str) {
        let now = self.now;
        let wait = self.draw(name, Quantity::GroupRetries);
        let Some(group) = self.scaling.groups.get_mut(name) else {
            return;
        };
        let since = *group.failing_since.get_or_insert(now);
        group.retry_from = Some(later(now, wait));
        if later(since, PATIENCE) <= now {
            group.given_up.insert(Process::Launch.name().to_owned());
            return;
        }
        self.plan(wait, Event::GroupActs(name.to_owned()));
    }

    /// Zones of its subnets, in their order.
    pub(super) fn zones_of(&self, group: &Group) -> Vec<String> {
        let mut zones: Vec<String> = Vec::new();
        for id in &group.settings.subnets {
            match self.subnet(id) {
                Ok(subnet) if !zones.contains(&subnet.zone) => zones.push(subnet.zone.clone()),
                Ok(_) | Err(_) => {}
            }
        }
        zones
    }
}

impl Group {
    /// Without those that go in any case.
    fn kept(&self) -> i64 {
        let goes = |one: &&Member| one.lifecycle.counts() && !one.is_healthy;
        let going = if self.holds(Process::ReplaceUnhealthy) {
            0
        } else {
            count(self.members.values().filter(goes))
        };
        self.counted().saturating_sub(going)
    }

    /// How many to launch now. With a policy that launches first, whoever is unhealthy is made up for before he goes.
    fn missing(&self) -> i64 {
        let desired = self.settings.desired;
        let missing = desired.saturating_sub(self.counted());
        if !self.settings.launches_first() || self.holds(Process::ReplaceUnhealthy) {
            return missing;
        }
        let unhealthy = self.counted().saturating_sub(self.kept());
        let room = self.settings.most().saturating_sub(self.counted());
        missing.max(missing.saturating_add(unhealthy).min(room))
    }
}

impl Member {
    /// Nothing happens to it now.
    const fn is_settled(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::InService | Lifecycle::Standby)
    }
}
