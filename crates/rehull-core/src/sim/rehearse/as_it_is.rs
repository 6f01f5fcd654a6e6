//! How the cluster is now, as far as no cluster file says it: what somebody has said instead, and what is assumed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::groups::{WORKLOAD, usual_before, zones};
use crate::domain::control_plane::ControlPlaneRole;
use crate::domain::desired::{Desired, TemplateRef};
use crate::domain::ids::{GroupName, Zone};
use crate::domain::version::{EtcdVersion, KubernetesVersion};
use crate::domain::worker::WorkerGroupRole;

/// A worker group has so many machines where nobody says so.
const MACHINES: u32 = 3;
/// A target group that nobody has set lets go of connections after so many seconds (API reference,
/// `deregistration_delay.timeout_seconds`).
const LETS_GO_S: u32 = 300;

/// Parts of a plan, in the order in which they are rolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Members of etcd.
    Etcd,
    /// Apiservers, and what runs beside them.
    ControlPlane,
    /// Groups of nodes.
    Workers,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Etcd, Self::ControlPlane, Self::Workers];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ControlPlane => "control plane",
            Self::Workers => "workers",
        }
    }

    /// The same as an argument of a command.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ControlPlane => "control-plane",
            Self::Workers => "workers",
        }
    }
}

/// What somebody has said of the cluster as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsItIs {
    /// Release of the members.
    pub etcd: EtcdVersion,
    /// Release of apiservers and kubelets; `None`: the minor before that of the control plane.
    pub kubernetes: Option<KubernetesVersion>,
    /// Machines of groups.
    pub machines: BTreeMap<GroupName, u32>,
    /// Seconds in which target groups let go of connections.
    pub deregistration_delay_s: Option<u32>,
    /// Parts that are rehearsed; apiservers that workers ask serve what the file says otherwise.
    pub parts: BTreeSet<Part>,
}

/// Something that no cluster file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// What is taken to be so.
    pub says: String,
    /// With this it is said otherwise; `None`: it cannot be said.
    pub flag: Option<String>,
}

/// A group of the file that is not rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Auto Scaling group.
    pub group: GroupName,
    /// Why.
    pub why: String,
}

impl AsItIs {
    /// Everything is rehearsed, and of groups nothing is known.
    #[must_use]
    pub fn running(etcd: EtcdVersion) -> Self {
        Self {
            etcd,
            kubernetes: None,
            machines: BTreeMap::new(),
            deregistration_delay_s: None,
            parts: Part::ALL.into(),
        }
    }

    /// Release of apiservers and kubelets, for a file with groups.
    fn kubernetes(&self, desired: &Desired) -> Option<KubernetesVersion> {
        let role = desired.control_plane.as_ref()?;
        Some(self.kubernetes.unwrap_or_else(|| usual_before(role.version)))
    }

    /// The file without groups that nobody has asked for: they do not matter. A control plane that workers ask does.
    pub(super) fn part_of(&self, desired: &Desired) -> Desired {
        let mut part = desired.clone();
        if !self.parts.contains(&Part::Workers) {
            part.workers = None;
        }
        if !self.parts.contains(&Part::ControlPlane) && part.workers.is_none() {
            part.control_plane = None;
        }
        part
    }

    /// The same with everything resolved that a file decides.
    pub(super) fn of(&self, desired: &Desired) -> Self {
        Self {
            kubernetes: self.kubernetes(desired),
            ..self.clone()
        }
    }

    /// What machines of a part run that are to run this; `None`: they are that already, in all respects. Nothing is ever
    /// taken down to what the file says.
    pub(super) fn before(&self, part: Part, to: KubernetesVersion) -> Option<KubernetesVersion> {
        let from = self.kubernetes.unwrap_or(to);
        let from = match part {
            Part::Workers => from.min(to),
            Part::Etcd | Part::ControlPlane => from,
        };
        self.parts.contains(&part).then_some(from)
    }

    /// Machines of the control plane.
    pub(super) fn servers(&self, role: &ControlPlaneRole) -> u32 {
        let said = self.machines.get(&role.group).copied();
        said.unwrap_or(role.serving.floor).max(1)
    }

    /// Machines of a group of workers.
    pub(super) fn workers(&self, role: &WorkerGroupRole) -> u32 {
        let said = self.machines.get(&role.group).copied();
        said.unwrap_or(MACHINES).max(1)
    }

    pub(super) fn lets_go_s(&self) -> u32 {
        self.deregistration_delay_s.unwrap_or(LETS_GO_S)
    }

    /// Groups of parts that nobody has asked for.
    pub(super) fn left_out(&self, desired: &Desired) -> Vec<LeftOut> {
        let asked: Vec<&str> = self.parts.iter().map(|part| part.word()).collect();
        let asked = asked.join(" and ");
        let left = |(part, group): (Part, &GroupName)| {
            let why = match part {
                Part::ControlPlane if self.parts.contains(&Part::Workers) => {
                    format!("only {asked} was asked for, so it serves what the file says")
                }
                Part::Etcd | Part::ControlPlane | Part::Workers => format!("only {asked} was asked for"),
            };
            let group = group.clone();
            (!self.parts.contains(&part)).then_some(LeftOut { group, why })
        };
        let servers = desired.control_plane.iter();
        let servers = servers.map(|role| (Part::ControlPlane, &role.group));
        let workers = desired.workers.iter().flat_map(|workers| &workers.groups);
        let workers = workers.map(|role| (Part::Workers, &role.group));
        servers.chain(workers).filter_map(left).collect()
    }

    /// Everything about groups that nobody has said, in the order of the plan.
    pub(super) fn assumptions(&self, desired: &Desired) -> Vec<Assumption> {
        let Some(servers) = &desired.control_plane else {
            return Vec::new();
        };
        let workers = desired.workers.as_ref();
        let mut all = Assumptions::default();
        self.assume_releases(desired, &mut all);
        if !self.machines.contains_key(&servers.group) && self.parts.contains(&Part::ControlPlane) {
            let machines = self.servers(servers);
            let says = format!("{} has {machines} machines, which is its floor", servers.group);
            all.flagged(says, format!("--machines {}=N", servers.group));
        }
        let groups = workers.iter().flat_map(|workers| &workers.groups);
        for role in groups.filter(|role| !self.machines.contains_key(&role.group)) {
            let says = format!("{} has {MACHINES} machines", role.group);
            all.flagged(says, format!("--machines {}=N", role.group));
        }
        let zones: Vec<&str> = zones(desired).into_iter().map(Zone::as_str).collect();
        all.says(format!(
            "groups lie in the zones of the members ({}), and may not be smaller or larger than they are",
            zones.join(", ")
        ));
        if self.deregistration_delay_s.is_none() {
            let says = format!("a deregistered target keeps its connections for {LETS_GO_S} s");
            all.flagged(says, "--deregistration-delay SECONDS".to_owned());
        }
        if let Some(workers) = workers {
            all.says(format!(
                "two pods of {WORKLOAD} run on each node, and a quarter of them may be away; CoreDNS and an operator that tolerates cordons run as well"
            ));
            if !workers.order.is_empty() {
                all.says("workloads of `order` have two pods each, of which one may be away".to_owned());
            }
            if workers.groups.iter().any(|role| !role.target_groups.is_empty()) {
                all.says("a node answers the checks of its target groups while it is ready".to_owned());
            }
        }
        all.says(self.assumed_boot(desired));
        all.0
    }

    fn assume_releases(&self, desired: &Desired, all: &mut Assumptions) {
        let Some(from) = self.kubernetes(desired) else {
            return;
        };
        if self.kubernetes.is_none() {
            let rolls_servers = self.parts.contains(&Part::ControlPlane);
            let who = match (rolls_servers, desired.workers.is_some()) {
                (true, true) => "apiservers and kubelets run",
                (false, _) => "kubelets run",
                (true, false) => "apiservers run",
            };
            let says = format!("{who} Kubernetes {from}");
            all.flagged(says, "--kubernetes VERSION".to_owned());
        }
        let groups = desired.workers.iter().flat_map(|workers| &workers.groups);
        for role in groups.filter(|role| role.version < from) {
            let (group, version) = (&role.group, role.version);
            all.says(format!(
                "kubelets of {group} run {version} already and are replaced for something else"
            ));
        }
    }

    /// Whose templates are not carried out.
    fn assumed_boot(&self, desired: &Desired) -> String {
        let name = |template: &TemplateRef| match template {
            TemplateRef::File(own) => own.clone(),
            TemplateRef::BuiltIn(set) => format!("the built-in set {set}"),
        };
        let servers = desired.control_plane.iter().map(|role| &role.template);
        let servers = servers.filter(|_| self.parts.contains(&Part::ControlPlane));
        let workers = desired.workers.iter().flat_map(|workers| &workers.groups);
        let workers = workers.map(|role| &role.template);
        let names: BTreeSet<String> = servers.chain(workers).map(name).collect();
        let names: Vec<String> = names.into_iter().collect();
        format!(
            "machines of groups boot as modelled ones do, with the pinned release: no model carries out {}",
            names.join(", ")
        )
    }
}

#[derive(Default)]
struct Assumptions(Vec<Assumption>);

impl Assumptions {
    fn says(&mut self, says: String) {
        self.0.push(Assumption { says, flag: None });
    }

    fn flagged(&mut self, says: String, flag: String) {
        let flag = Some(flag);
        self.0.push(Assumption { says, flag });
    }
}
