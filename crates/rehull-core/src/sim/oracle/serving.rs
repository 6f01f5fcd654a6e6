//! Serving, judged in the balancer's data plane and at the servers themselves: never by what an API tells of them.

use std::time::Duration;

use jiff::Timestamp;

use super::rules::Wrong;
use crate::domain::group::Launches;
use crate::domain::ids::{InstanceId, LaunchTemplateVersion};
use crate::sim::lab::Lab;
use crate::world::Route;

/// A deregistered target gets no new connection after so long, as far as has ever been reported; what comes later is the
/// load balancer's fault and not rehull's.
const LETS_GO_WITHIN: Duration = Duration::from_secs(120);

/// Who serves through the load balancer. It is asked at every instant, and seldom changes.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    /// Changes of the world and of the servers until then.
    changes: (u64, u64),
    /// It may change by itself then.
    until: Option<Timestamp>,
    /// Servers that serve and are sent to.
    count: usize,
    /// A zone in which nobody is.
    empty: Option<String>,
}

impl Lab {
    /// At every instant, where nobody but rehull touches a machine: in every zone somebody serves, and so many in all.
    pub(in crate::sim) fn judge_serving(&mut self, now: Timestamp) {
        let Some(laid) = self.control_plane.clone() else {
            return;
        };
        let changes = (self.world.revision(), self.servers.changes());
        let known = self.oracle.memory.serving.take();
        let serving = known
            .filter(|known| known.changes == changes && known.until.is_none_or(|until| now < until))
            .unwrap_or_else(|| self.who_serves(now));
        let (count, empty) = (serving.count, serving.empty.clone());
        self.oracle.memory.serving = Some(serving);
        let floor = usize::try_from(laid.floor).unwrap_or(usize::MAX);
        let all_well = count >= floor && empty.is_none();
        self.oracle.memory.has_served |= all_well;
        self.judge_servers_skew(now);
        if !self.oracle.memory.has_served || !self.oracle.servers.is_over(now, all_well) {
            return;
        }
        if count < floor {
            let what = format!("{count} servers of {floor} serve through the load balancer");
            self.oracle.breach(now, 4, what);
        }
        if let Some(zone) = empty {
            self.oracle.breach(now, 4, format!("nobody serves in {zone}"));
        }
    }

    fn who_serves(&self, now: Timestamp) -> Serving {
        let nodes = routes(self, now);
        let serves = |id: &str| self.servers.serves(id);
        let mut sent: Vec<&str> = nodes
            .iter()
            .flat_map(|node| &node.targets)
            .map(|target| target.instance.as_str())
            .filter(|id| serves(id))
            .collect();
        sent.sort_unstable();
        sent.dedup();
        let empty = nodes
            .iter()
            .find(|node| !node.targets.iter().any(|target| serves(&target.instance)));
        Serving {
            changes: (self.world.revision(), self.servers.changes()),
            until: self.world.next_forgotten(),
            count: sent.len(),
            empty: empty.map(|node| node.zone.clone()),
        }
    }

    /// A server that has just gone off, while connections may still be sent to it.
    pub(in crate::sim) fn judge_silence(&mut self, now: Timestamp, id: &InstanceId) {
        let memory = &self.oracle.memory;
        if memory.servers_were_harmed || memory.clock_was_set || !memory.has_served {
            return;
        }
        let nodes = self.world.data_plane(now);
        let mut targets = nodes.iter().flat_map(|node| &node.targets);
        let is_sent_to = targets.any(|target| target.instance == id.as_str());
        let was_sent_away = memory.sent_away.contains_key(id);
        let let_go = memory.deregistered.get(id).copied();
        let early = let_go.is_none_or(|at| at.checked_add(LETS_GO_WITHIN).is_ok_and(|until| now < until));
        if is_sent_to && early {
            let what = format!("{id} stopped, and new connections are still sent to it");
            self.oracle.breach(now, 4, what);
        }
        if !was_sent_away {
            let what = format!("{id} was ended by its group, and not because rehull said so");
            self.oracle.breach(now, 4, what);
        }
    }

    /// While the first new machine is watched, whatever comes up by itself is of the old version.
    pub(in crate::sim) fn judge_what_is_launched(&mut self, now: Timestamp) {
        let Some(laid) = self.control_plane.clone() else {
            return;
        };
        let Ok(Some(group)) = self.group_by_hand(now, &laid.group) else {
            return;
        };
        let old = self.oracle.memory.old_version();
        let is_old = |version: &LaunchTemplateVersion| version.to_string() == old;
        let launches_old = matches!(&group.launches, Launches::Version(version) if is_old(version));
        let memory = &self.oracle.memory;
        let is_ours = !memory.servers_were_harmed && !memory.edits.set_version(now);
        if is_ours && !launches_old {
            let what = format!(
                "{:?} is launched, though none was watched long enough",
                group.launches
            );
            self.oracle.breach(now, 4, what);
        }
    }

    /// Nothing that was altered may be left at a resting place, nor at the end.
    pub(in crate::sim) fn judge_what_is_owed(&mut self, now: Timestamp) {
        let Some(laid) = self.control_plane.clone() else {
            return;
        };
        let Ok(Some(group)) = self.group_by_hand(now, &laid.group) else {
            return;
        };
        let machines = laid.machines;
        if !group.suspended.is_empty() {
            let what = format!("{:?} are left suspended", group.suspended);
            self.oracle.breach(now, 6, what);
        }
        let sizes = [group.sizes.min, group.sizes.max, group.sizes.desired];
        let was_edited = self.workers.is_none() && self.wishes.are_some();
        if sizes != [machines; 3] && !was_edited {
            let what = format!("the sizes of the group are left at {sizes:?}");
            self.oracle.breach(now, 6, what);
        }
    }
}

/// Where the load balancer of the control plane sends connections; others are none of its servers' business.
fn routes(lab: &Lab, now: Timestamp) -> Vec<Route> {
    let mut routes = lab.world.data_plane(now);
    let targets = lab.control_plane.as_ref().map(|laid| laid.targets.as_str());
    routes.retain(|route| Some(route.target_group.as_str()) == targets);
    routes
}

/// A machine leaves its load balancer, or its group, though too few would be left without it.
pub(super) fn leaves_too_few(lab: &Lab, now: Timestamp, id: &InstanceId) -> Option<Wrong> {
    let laid = lab.control_plane.as_ref()?;
    let nodes = routes(lab, now);
    let mut others: Vec<&str> = nodes
        .iter()
        .flat_map(|node| &node.targets)
        .map(|target| target.instance.as_str())
        .filter(|other| *other != id.as_str() && lab.servers.serves(other))
        .filter(|other| {
            !lab.oracle
                .memory
                .deregistered
                .contains_key(&InstanceId::new(*other))
        })
        .collect();
    others.sort_unstable();
    others.dedup();
    let floor = usize::try_from(laid.floor).unwrap_or(usize::MAX);
    let memory = &lab.oracle.memory;
    (memory.has_served && !memory.servers_were_harmed && others.len() < floor)
        .then(|| (4, format!("{id} leaves, and {} of {floor} serve", others.len())))
}

/// It was told to be let go, and that never came true: its load balancer has it registered all the same.
pub(super) fn is_still_registered(lab: &Lab, id: &InstanceId) -> Option<Wrong> {
    let was_told = lab.oracle.memory.deregistered.contains_key(id);
    (was_told && lab.world.is_registered(id.as_str())).then(|| {
        (
            4,
            format!("{id} is ended, and its load balancer has it registered"),
        )
    })
}
