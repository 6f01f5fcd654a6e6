//! Everything the loop touches, by reference. Built in one place and handed in.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lease::LeaseTimes;
use crate::domain::desired::Slot;
use crate::domain::ids::{ClusterName, GroupName, LaunchTemplateName, RolloutId, TargetGroupArn};
use crate::event::EventSink;
use crate::plan::RolloutPlan;
use crate::ports::{
    Clock, EtcdMembership, EtcdProbe, EtcdView, Evictions, Groups, LaunchTemplates, LeaseState, Machines,
    Nodes, NodesView, Servers, SlotParts, SnapshotJobs, Store, Targets, TerraformJobs,
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
    /// Kubernetes; `None`: nobody has connected to it.
    pub kube: Option<KubePorts<'a>>,
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

/// The doors to Kubernetes.
#[derive(Clone, Copy)]
pub struct KubePorts<'a> {
    /// Reads.
    pub view: &'a dyn NodesView,
    /// What is set of nodes.
    pub nodes: &'a dyn Nodes,
    /// Evictions.
    pub evictions: &'a dyn Evictions,
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

/// What to look at: the same in every tick.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Cluster whose machines count.
    pub(super) cluster: ClusterName,
    /// Rollout whose jobs and mailbox count.
    pub(super) rollout: RolloutId,
    /// Slots of the cluster.
    pub(super) slots: Vec<Slot>,
    /// Launch templates, each once.
    pub(super) templates: Vec<LaunchTemplateName>,
    /// Its control plane, where rehull rolls it.
    pub(super) servers: Option<ServersScene>,
    /// Its groups of workers, where rehull rolls them; empty: nobody looks at nodes.
    pub(super) workers: Vec<WorkersScene>,
}

/// Where a group of workers is looked at.
#[derive(Clone, Debug)]
pub(super) struct WorkersScene {
    pub(super) group: GroupName,
    pub(super) targets: Vec<TargetGroupArn>,
}

/// Where the control plane is looked at.
#[derive(Clone, Debug)]
pub(super) struct ServersScene {
    pub(super) group: GroupName,
    pub(super) targets: TargetGroupArn,
}

impl Scene {
    /// These slots of a cluster.
    #[must_use]
    pub fn new(cluster: &ClusterName, rollout: &RolloutId, slots: Vec<Slot>) -> Self {
        let names: BTreeSet<&LaunchTemplateName> = slots.iter().map(|slot| &slot.launch_template).collect();
        let templates = names.into_iter().cloned().collect();
        Self {
            cluster: cluster.clone(),
            rollout: rollout.clone(),
            slots,
            templates,
            servers: None,
            workers: Vec::new(),
        }
    }

    /// What a rollout looks at.
    #[must_use]
    pub fn of(plan: &RolloutPlan, rollout: &RolloutId) -> Self {
        let slots = plan.envelope.all_slots().map(|planned| planned.slot.clone());
        let mut scene = Self::new(&plan.envelope.cluster, rollout, slots.collect());
        let groups = plan.envelope.workers.iter().flat_map(|workers| &workers.groups);
        for group in groups {
            scene = scene.with_workers(&group.group, &group.targets, &group.launch_template);
        }
        match &plan.envelope.control_plane {
            Some(planned) => scene.with_servers(&planned.group, &planned.targets, &planned.launch_template),
            None => scene,
        }
    }

    /// And this group of nodes.
    #[must_use]
    pub fn with_workers(
        mut self,
        group: &GroupName,
        targets: &[TargetGroupArn],
        template: &LaunchTemplateName,
    ) -> Self {
        self.workers.push(WorkersScene {
            group: group.clone(),
            targets: targets.to_vec(),
        });
        if !self.templates.contains(template) {
            self.templates.push(template.clone());
        }
        self
    }

    /// And this group behind its load balancer.
    #[must_use]
    pub fn with_servers(
        mut self,
        group: &GroupName,
        targets: &TargetGroupArn,
        template: &LaunchTemplateName,
    ) -> Self {
        self.servers = Some(ServersScene {
            group: group.clone(),
            targets: targets.clone(),
        });
        self.templates.push(template.clone());
        self
    }
}
