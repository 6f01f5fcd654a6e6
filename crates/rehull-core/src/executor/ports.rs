//! Everything the loop touches, by reference. Built in one place and handed in.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lease::LeaseTimes;
use crate::domain::desired::Slot;
use crate::domain::ids::{ClusterName, LaunchTemplateName, RolloutId};
use crate::event::EventSink;
use crate::plan::{ControlPlanePlan, RolloutPlan};
use crate::ports::{
    Clock, EtcdMembership, EtcdProbe, EtcdView, Groups, LaunchTemplates, LeaseState, Machines, Servers,
    SlotParts, SnapshotJobs, Store, Targets, TerraformJobs,
};

/// The doors to the world.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// EC2 instances.
    pub machines: &'a dyn Machines,
    /// Persistent interfaces and volumes.
    pub parts: &'a dyn SlotParts,
    /// Launch templates.
    pub templates: &'a dyn LaunchTemplates,
    /// etcd, reads.
    pub etcd: &'a dyn EtcdView,
    /// etcd, membership.
    pub membership: &'a dyn EtcdMembership,
    /// etcd, the probe's key.
    pub probe: &'a dyn EtcdProbe,
    /// The snapshot job.
    pub snapshots: &'a dyn SnapshotJobs,
    /// Machines in groups; `None`: nobody has connected to what they need.
    pub serving: Option<ServingPorts<'a>>,
    /// Terraform; `None`: the cluster file names no module.
    pub terraform: Option<&'a dyn TerraformJobs>,
    /// Journal, lease, mailbox, identity.
    pub store: &'a dyn Store,
    /// Time.
    pub clock: &'a dyn Clock,
}

/// The doors to machines that live in groups.
#[derive(Clone, Copy)]
pub struct ServingPorts<'a> {
    /// Auto Scaling.
    pub groups: &'a dyn Groups,
    /// Load balancing.
    pub targets: &'a dyn Targets,
    /// Apiservers.
    pub servers: &'a dyn Servers,
}

/// What goes on beside the loop.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Kept fresh by a [`super::lease::LeaseKeeper`].
    pub lease: &'a Arc<dyn LeaseState>,
    /// The times of that lease.
    pub times: LeaseTimes,
    /// Signals.
    pub attention: &'a dyn Attention,
    /// Whoever shows or stores events.
    pub events: &'a dyn EventSink,
}

/// A person at this process.
pub trait Attention: Send + Sync {
    /// Somebody asked this process to end, and how (`SIGTERM`, `Ctrl-C`). Once set it stays; whoever sets it also cuts
    /// the loop's [`Clock::sleep`] short.
    fn stop_asked(&self) -> Option<String>;
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// Cluster whose machines count.
    pub cluster: &'a ClusterName,
    /// Rollout whose jobs and mailbox count.
    pub rollout: &'a RolloutId,
    /// Slots of the cluster.
    pub slots: Vec<Slot>,
    /// Its control plane, where rehull rolls it.
    pub control_plane: Option<&'a ControlPlanePlan>,
}

impl<'a> Scene<'a> {
    /// What a rollout looks at.
    #[must_use]
    pub fn of(plan: &'a RolloutPlan, rollout: &'a RolloutId) -> Self {
        let slots = plan
            .envelope
            .all_slots()
            .map(|planned| planned.slot.clone())
            .collect();
        Self {
            cluster: &plan.envelope.cluster,
            rollout,
            slots,
            control_plane: plan.envelope.control_plane.as_ref(),
        }
    }

    pub(super) fn templates(&self) -> Vec<LaunchTemplateName> {
        let of_slots = self.slots.iter().map(|slot| &slot.launch_template);
        let of_groups = self.control_plane.iter().map(|plan| &plan.launch_template);
        let names: BTreeSet<&LaunchTemplateName> = of_slots.chain(of_groups).collect();
        names.into_iter().cloned().collect()
    }
}
