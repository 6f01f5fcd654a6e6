//! Control plane and workers of a rehearsal: what Terraform would have laid of them, as far as one cluster file says it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::as_it_is::{AsItIs, Part};
use super::given::{Names, subnet_called};
use crate::domain::control_plane::ControlPlaneRole;
use crate::domain::desired::Desired;
use crate::domain::ids::{ContentDigest, ObjectName, TargetGroupArn, Zone};
use crate::domain::machine::MachineContent;
use crate::domain::version::KubernetesVersion;
use crate::domain::worker::{WorkerGroupRole, WorkersRole};
use crate::ports::TemplateContent;
use crate::sim::control_plane::PORT;
use crate::sim::ground::GroundError;
use crate::sim::kube::Cast;
use crate::sim::lab::Lab;
use crate::sim::laid::{BalancerToLay, GroupToLay, ServersLaid, WorkerGroupLaid, WorkersLaid};
use crate::sim::stand_in;
use crate::sim::workers::system;

/// The workload that is assumed to run everywhere.
pub(super) const WORKLOAD: &str = "assumed/web";
/// What the target groups of workers are asked at; nothing depends on it.
const PORT_OF_WORKERS: &str = "443";

/// The zones that groups are assumed to lie in: those of the members, each once.
pub(super) fn zones(desired: &Desired) -> Vec<&Zone> {
    let mut zones: Vec<&Zone> = Vec::new();
    for slot in &desired.etcd.slots {
        if !zones.contains(&&slot.zone) {
            zones.push(&slot.zone);
        }
    }
    zones
}

/// The subnet that groups have in a zone.
pub(super) fn subnet_in(zone: &Zone) -> String {
    format!("groups-{zone}")
}

/// What all machines of groups are made from.
pub(super) fn machines(desired: &Desired) -> impl Iterator<Item = &MachineContent> {
    let servers = desired.control_plane.iter().map(|role| &role.machine);
    let workers = desired.workers.iter().flat_map(|workers| &workers.groups);
    servers.chain(workers.map(|role| &role.machine))
}

/// Security groups are the region's own.
pub(super) fn translate_security_groups(desired: &mut Desired, group: &str) {
    let workers = desired.workers.iter_mut().flat_map(|workers| &mut workers.groups);
    let servers = desired.control_plane.iter_mut().map(|role| &mut role.machine);
    for machine in servers.chain(workers.map(|role| &mut role.machine)) {
        machine.security_groups = vec![group.to_owned()];
    }
}

/// Lays groups, side by side with what they were before.
pub(super) struct Layer<'a> {
    pub(super) lab: &'a mut Lab,
    pub(super) now: Timestamp,
    pub(super) as_it_is: &'a AsItIs,
    pub(super) names: &'a mut Names,
    /// By zone.
    subnets: Vec<String>,
    network: String,
    /// Where a module makes versions of launch templates, the modelled one makes those of etcd only: the others are there.
    by_terraform: bool,
}

impl<'a> Layer<'a> {
    pub(super) fn new(
        (lab, now): (&'a mut Lab, Timestamp),
        desired: &Desired,
        as_it_is: &'a AsItIs,
        names: &'a mut Names,
    ) -> Result<Self, GroundError> {
        let mut subnets = Vec::new();
        let mut network = String::new();
        for zone in zones(desired) {
            let subnet = subnet_called(&mut lab.world, now, &subnet_in(zone))?;
            subnets.push(subnet.id);
            network = subnet.vpc;
        }
        Ok(Self {
            lab,
            now,
            as_it_is,
            names,
            subnets,
            network,
            by_terraform: desired.terraform.is_some(),
        })
    }

    /// Everything that the file names; ids of the region stand in it afterwards.
    pub(super) fn lay(&mut self, desired: &mut Desired) -> Result<(), GroundError> {
        if let Some(role) = &mut desired.control_plane {
            self.lay_servers(role)?;
        }
        if let Some(role) = &mut desired.workers {
            self.lay_workers(role)?;
        }
        Ok(())
    }

    fn lay_servers(&mut self, role: &mut ControlPlaneRole) -> Result<(), GroundError> {
        let machines = self.as_it_is.servers(role);
        let to = stand_in::servers(role);
        let before = self
            .as_it_is
            .before(Part::ControlPlane, role.version)
            .map(|from| {
                let before = ControlPlaneRole {
                    version: from,
                    ..role.clone()
                };
                stand_in::servers_before(&before, from == role.version)
            });
        let versions = self.versions(&role.machine, before, to);
        let (name, template) = (role.group.as_str(), role.launch_template.as_str());
        self.lab.lay_versions(self.now, template, &versions)?;
        // A zone without a server would have nobody to serve in it.
        let zones = usize::try_from(machines).unwrap_or(usize::MAX);
        let subnets: Vec<String> = self.subnets.iter().take(zones).cloned().collect();
        let targets = self.lay_targets("control-plane", (PORT, &subnets), &role.target_group)?;
        let group = GroupToLay {
            name,
            launch_template: template,
            machines,
            subnets: &subnets,
            targets: std::slice::from_ref(&targets),
        };
        self.lab.lay_group(self.now, &group)?;
        role.target_group = TargetGroupArn::new(targets);
        self.lab.control_plane = Some(Arc::new(ServersLaid {
            group: role.group.clone(),
            targets: role.target_group.clone(),
            balancer: "control-plane".to_owned(),
            machines,
            floor: role.serving.floor,
        }));
        Ok(())
    }

    fn lay_workers(&mut self, workers: &mut WorkersRole) -> Result<(), GroundError> {
        let mut balanced: BTreeMap<TargetGroupArn, TargetGroupArn> = BTreeMap::new();
        let mut groups = Vec::new();
        for role in &mut workers.groups {
            for arn in &mut role.target_groups {
                let laid = if let Some(laid) = balanced.get(arn) {
                    laid.clone()
                } else {
                    let name = format!("workers-{}", balanced.len());
                    let subnets = self.subnets.clone();
                    TargetGroupArn::new(self.lay_targets(&name, (PORT_OF_WORKERS, &subnets), arn)?)
                };
                balanced.insert(arn.clone(), laid.clone());
                *arn = laid;
            }
            groups.push(self.lay_worker_group(role)?);
        }
        let nodes: u32 = groups.iter().map(|group| group.machines).sum();
        let laid = WorkersLaid {
            groups,
            budget: workers.budget,
            order: workers.order.clone(),
            blocked: ObjectName::new(WORKLOAD),
        };
        let count = usize::try_from(nodes).unwrap_or(usize::MAX);
        self.lab.populate(cast(workers, nodes), laid, count);
        Ok(())
    }

    fn lay_worker_group(&mut self, role: &WorkerGroupRole) -> Result<WorkerGroupLaid, GroundError> {
        let machines = self.as_it_is.workers(role);
        let to = stand_in::workers(role);
        let before = self.as_it_is.before(Part::Workers, role.version).map(|from| {
            let before = WorkerGroupRole {
                version: from,
                ..role.clone()
            };
            stand_in::workers_before(&before, from == role.version)
        });
        let versions = self.versions(&role.machine, before, to);
        let template = role.launch_template.as_str();
        self.lab.lay_versions(self.now, template, &versions)?;
        let targets: Vec<String> = role.target_groups.iter().map(ToString::to_string).collect();
        let group = GroupToLay {
            name: role.group.as_str(),
            launch_template: template,
            machines,
            subnets: &self.subnets,
            targets: &targets,
        };
        self.lab.lay_group(self.now, &group)?;
        Ok(WorkerGroupLaid {
            name: role.group.to_string(),
            machines,
            surge: role.policy.max_surge,
            unavailable: role.policy.max_unavailable,
        })
    }

    /// A target group with a load balancer in front of it, in place of the file's.
    fn lay_targets(
        &mut self,
        name: &str,
        (port, subnets): (&str, &[String]),
        given: &TargetGroupArn,
    ) -> Result<String, GroundError> {
        let laid = self.lab.lay_balancer(
            self.now,
            &BalancerToLay {
                name,
                port,
                network: &self.network,
                subnets,
                lets_go_s: &self.as_it_is.lets_go_s().to_string(),
            },
        )?;
        self.names.add(&laid, given.as_str());
        Ok(laid)
    }

    /// What was launched so far, and what is to be launched where somebody else has made that already. Without a former
    /// content the machines are what the file says.
    fn versions(
        &self,
        machine: &MachineContent,
        before: Option<(String, ContentDigest)>,
        to: (String, ContentDigest),
    ) -> Vec<TemplateContent> {
        let all = match before {
            Some(before) if self.by_terraform => vec![before, to],
            Some(before) => vec![before],
            None => vec![to],
        };
        let contents = all.into_iter().map(|(user_data, digest)| TemplateContent {
            digest,
            image: machine.image.as_str().to_owned(),
            instance_type: machine.instance_type.clone(),
            instance_profile: machine.instance_profile.clone(),
            security_groups: machine.security_groups.clone(),
            subnet: None,
            user_data,
            tags: BTreeMap::new(),
        });
        contents.collect()
    }
}

/// What is assumed to run on so many nodes: something that is everywhere and may miss a quarter of its pods, what the file
/// says an order of, and what runs in every cluster.
fn cast(workers: &WorkersRole, nodes: u32) -> Vec<Cast> {
    let pods = nodes.saturating_mul(2).max(4);
    let least = pods.saturating_sub(pods / 4);
    let rules = workers.order.iter();
    let ordered: BTreeSet<&ObjectName> = rules.flat_map(|rule| [&rule.first, &rule.then]).collect();
    let everywhere = Cast::new(WORKLOAD, pods, Some(least));
    let of_the_file = ordered.iter().map(|name| Cast::new(name.as_str(), 2, Some(1)));
    let mut cast: Vec<Cast> = std::iter::once(everywhere).chain(of_the_file).collect();
    for one in system() {
        if !ordered.contains(&one.name) {
            cast.push(one);
        }
    }
    cast
}

/// The release that is usually left for this one: the minor before it, at its first patch.
pub(super) fn usual_before(to: KubernetesVersion) -> KubernetesVersion {
    match to.minor.checked_sub(1) {
        Some(minor) => KubernetesVersion::new(to.major, minor, 0),
        None => to,
    }
}
