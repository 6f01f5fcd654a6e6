//! Where a network load balancer really sends connections, which is not what its API says: new ones still reach a target
//! for a while after it was deregistered or found unhealthy, whatever the deregistration delay.
//!
//! Pure questions for whoever moves bytes. A zone's node reaches targets of its own zone, unless cross-zone is on; where
//! none of those is healthy it sends to all of them, and its address leaves the name while another zone has a healthy one.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::World;
use super::agenda::later;
use super::target::{Stage, Target, TargetId};
use super::target_group::TargetGroup;

/// A node of a load balancer: one zone, one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// ARN of the load balancer.
    pub balancer: String,
    /// Port of the listener.
    pub port: i64,
    /// ARN of the target group behind it.
    pub target_group: String,
    /// Zone of the node.
    pub zone: String,
    /// The name still leads here. Resolvers remember for a minute on top of that.
    pub is_named: bool,
    /// Who gets new connections here; nobody: they are refused.
    pub targets: Vec<TargetId>,
}

/// What happens to connections of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flows {
    /// New ones may come.
    pub new: bool,
    /// Those that are there stay.
    pub established: bool,
}

impl Target {
    /// The data plane sends by health alone, however many others there are.
    pub(super) fn is_sent_to(&self, now: Timestamp) -> bool {
        let lags = self.sent_until.is_some_and(|until| until > now);
        match self.stage {
            Stage::Healthy => true,
            Stage::Unhealthy | Stage::Draining | Stage::Gone => lags,
            Stage::Registering | Stage::Checking => false,
        }
    }
}

impl TargetGroup {
    /// Established connections are cut: because the target is unhealthy, or at the end of its delay.
    fn cuts(&self, target: &Target) -> bool {
        match target.stage {
            Stage::Unhealthy => self.is_on("target_health_state.unhealthy.connection_termination.enabled"),
            Stage::Gone => self.is_on("deregistration_delay.connection_termination.enabled"),
            Stage::Registering | Stage::Checking | Stage::Healthy | Stage::Draining => false,
        }
    }
}

impl World {
    /// All nodes of all load balancers.
    #[must_use]
    pub fn data_plane(&self, now: Timestamp) -> Vec<Route> {
        let now = now.max(self.now);
        let listeners = self.balancing.listeners.values();
        listeners.flat_map(|listener| self.nodes(listener, now)).collect()
    }

    /// When the data plane changes next without anything happening: it forgets a target that it should not send to.
    #[must_use]
    pub fn next_forgotten(&self) -> Option<Timestamp> {
        let groups = self.balancing.target_groups.values();
        let lags = groups
            .flat_map(|group| &group.targets)
            .filter_map(|one| one.sent_until);
        lags.filter(|until| *until > self.now).min()
    }

    fn nodes(&self, listener: &super::listener::Listener, now: Timestamp) -> Vec<Route> {
        let Some(group) = self.balancing.target_groups.get(&listener.target_group) else {
            return Vec::new();
        };
        let zones = self.balancer_zones(&listener.balancer);
        let is_cross = self.crosses_zones(group, &listener.balancer);
        let is_healthy_at = |zone: &str| {
            let mut reached = group.targets.iter();
            reached.any(|one| {
                one.stage == Stage::Healthy && (is_cross || self.zone_of(&one.instance) == Some(zone))
            })
        };
        let healthy: BTreeSet<&String> = zones.iter().filter(|zone| is_healthy_at(zone)).collect();
        let node = |zone: &String| {
            let reached = group.targets.iter().filter(|one| {
                self.zone_of(&one.instance).is_some_and(|its| {
                    zones.iter().any(|known| known == its) && (is_cross || its == zone.as_str())
                })
            });
            let fails_open = !healthy.contains(zone);
            let sent = reached.filter(|one| {
                let by_default = fails_open && matches!(one.stage, Stage::Checking | Stage::Unhealthy);
                by_default || one.is_sent_to(now)
            });
            Route {
                balancer: listener.balancer.clone(),
                port: listener.port,
                target_group: group.arn.clone(),
                zone: zone.clone(),
                is_named: healthy.is_empty() || healthy.contains(zone),
                targets: sent.map(|one| id_of(group, one)).collect(),
            }
        };
        zones.iter().map(node).collect()
    }

    /// One node or another sends new connections to this target now.
    #[must_use]
    pub fn routes_to(&self, target: &TargetId, now: Timestamp) -> bool {
        let nodes = self.data_plane(now);
        nodes.iter().any(|node| node.targets.contains(target))
    }

    /// As the API tells it.
    #[must_use]
    pub fn is_healthy(&self, target: &TargetId) -> bool {
        let group = self.balancing.target_groups.get(&target.group);
        let known = group.and_then(|group| group.target(target));
        known.is_some_and(|one| one.stage == Stage::Healthy)
    }

    /// New and established connections of a target, also of one that is not told any more.
    #[must_use]
    pub fn flows(&self, target: &TargetId, now: Timestamp) -> Flows {
        let group = self.balancing.target_groups.get(&target.group);
        let is_cut = group.is_some_and(|group| match group.target(target) {
            Some(known) => group.cuts(known),
            None => group.is_on("deregistration_delay.connection_termination.enabled"),
        });
        Flows {
            new: self.routes_to(target, now),
            established: !is_cut,
        }
    }

    /// When the delay of a draining target ends.
    #[must_use]
    pub fn drained_at(&self, target: &TargetId) -> Option<Timestamp> {
        let group = self.balancing.target_groups.get(&target.group)?;
        let known = group.target(target).filter(|one| one.stage == Stage::Draining)?;
        Some(later(known.since, group.deregistration_delay()))
    }

    fn balancer_zones(&self, arn: &str) -> Vec<String> {
        let subnets = self.balancer(arn).map(|one| one.subnets.as_slice());
        let subnets = subnets.unwrap_or_default().iter();
        subnets
            .filter_map(|id| self.subnet(id).ok())
            .map(|subnet| subnet.zone.clone())
            .collect()
    }

    /// The target group's word counts; without one, the load balancer's.
    fn crosses_zones(&self, group: &TargetGroup, balancer: &str) -> bool {
        const KEY: &str = "load_balancing.cross_zone.enabled";
        match group.attribute(KEY) {
            "true" => true,
            "false" => false,
            _ => self.balancer(balancer).is_ok_and(|one| one.is_on(KEY)),
        }
    }

    pub(super) fn zone_of(&self, instance: &str) -> Option<&str> {
        self.instances.get(instance).map(|one| one.zone.as_str())
    }

    /// Zones in which somebody sends to this group; nobody: no listener leads to it.
    pub(super) fn zones_served(&self, group: &str) -> BTreeSet<String> {
        let listeners = self.balancing.listeners.values();
        listeners
            .filter(|listener| listener.forwards_to(group))
            .flat_map(|listener| self.balancer_zones(&listener.balancer))
            .collect()
    }
}

fn id_of(group: &TargetGroup, one: &Target) -> TargetId {
    TargetId {
        group: group.arn.clone(),
        instance: one.instance.clone(),
        port: one.port,
    }
}
