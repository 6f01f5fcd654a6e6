//! The workers of a simulated cluster: what Terraform would have laid, what runs on them, and the plan of their upgrade.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ground::GroundError;
use super::kube::{Cast, user_data};
use super::lab::Lab;
use super::laid::{GroupToLay, WorkerGroupLaid, WorkersLaid};
use crate::domain::ids::{
    ContentDigest, GroupName, InstanceId, LaunchTemplateName, NodeName, ObjectName, PodUid, StepId,
};
use crate::domain::machine::MachineContent;
use crate::domain::version::KubernetesVersion;
use crate::plan::{OrderRule, ServerContent, WorkerGroupPlan, WorkerPolicy, WorkersPlan};
use crate::ports::{PortError, TemplateContent, Unevicted};

/// Name of the groups and of their launch templates, less a letter.
const NAME: &str = "sim-workers";
/// The workload whose budget can be made to allow nobody to go.
const BLOCKED: &str = "default/web";
/// The one that others depend on, and one of those.
const FIRST: &str = "default/redis";
const THEN: &str = "default/backend";
/// What runs on every node.
const DAEMONS: [&str; 2] = ["kube-system/cni", "kube-system/kube-proxy"];

/// Workers in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// Groups: 1 to 3. The first begins with the first zone, the second with the second one, and so on round.
    pub groups: u8,
    /// Zones of each: 1 to 3.
    #[serde(default = "one")]
    pub zones: u8,
    /// Machines of each: 1 to 5.
    pub machines: u8,
    /// Running at the beginning.
    pub from: KubernetesVersion,
    /// What their launch templates have a version of.
    pub to: KubernetesVersion,
    /// So many more of each group at most.
    pub surge: u8,
    /// So many nodes at most are drained at once.
    pub budget: u8,
}

/// How the workers stand at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkersEnded {
    /// Releases of the nodes that are ready, sorted.
    pub kubelets: Vec<KubernetesVersion>,
    /// What each group launches, its sizes, what is suspended: a line each.
    pub groups: Vec<String>,
    /// Nodes that are cordoned or tainted.
    pub altered: Vec<String>,
}

impl Workers {
    /// From 1.33.13 to 1.34.2, one more at a time, two drains at once.
    #[must_use]
    pub const fn new(groups: u8, machines: u8) -> Self {
        Self {
            groups,
            zones: 1,
            machines,
            from: KubernetesVersion::new(1, 33, 13),
            to: KubernetesVersion::new(1, 34, 2),
            surge: 1,
            budget: 2,
        }
    }

    fn letters(self) -> impl Iterator<Item = char> {
        ('a'..='z').take(usize::from(self.groups))
    }

    /// Names of the groups.
    fn names(self) -> impl Iterator<Item = String> {
        self.letters().map(|letter| format!("{NAME}-{letter}"))
    }

    fn laid(self) -> WorkersLaid {
        let groups = self.names().map(|name| WorkerGroupLaid {
            name,
            machines: u32::from(self.machines),
            surge: u32::from(self.surge),
            unavailable: WorkerPolicy::default().max_unavailable,
        });
        WorkersLaid {
            groups: groups.collect(),
            budget: u32::from(self.budget),
            order: vec![order()],
            blocked: ObjectName::new(BLOCKED),
        }
    }
}

const fn one() -> u8 {
    1
}

/// The declared order.
fn order() -> OrderRule {
    OrderRule {
        first: ObjectName::new(FIRST),
        then: ObjectName::new(THEN),
    }
}

fn digest(release: KubernetesVersion) -> ContentDigest {
    let text = user_data(release);
    ContentDigest::new(format!("sha256:{}", hex::encode(Sha256::digest(text))))
}

/// What runs: something with a budget, something that others depend on, something that may run anywhere.
fn cast() -> Vec<Cast> {
    let mut cast = vec![
        Cast::new(BLOCKED, 4, Some(3)),
        Cast::new(FIRST, 2, Some(1)),
        Cast::new(THEN, 2, Some(1)),
    ];
    cast.extend(system());
    cast
}

/// What runs in every cluster.
pub(super) fn system() -> [Cast; 2] {
    let operator = Cast {
        tolerates_cordon: true,
        ..Cast::new("kube-system/operator", 1, None)
    };
    [Cast::new("kube-system/coredns", 2, Some(1)), operator]
}

impl Lab {
    /// Launch templates, groups, and what runs on them.
    pub(super) fn lay_workers(
        &mut self,
        now: Timestamp,
        wanted: Workers,
        like: &TemplateContent,
    ) -> Result<(), GroundError> {
        let zones = usize::from(wanted.zones);
        let (_, subnets) = self.subnets(now, zones.max(usize::from(wanted.groups)))?;
        for (nth, name) in wanted.names().enumerate() {
            let of_group = subnets.iter().cycle().skip(nth).take(zones);
            let of_group: Vec<String> = of_group.cloned().collect();
            let versions = [wanted.from, wanted.to].map(|release| TemplateContent {
                digest: digest(release),
                user_data: user_data(release),
                ..like.clone()
            });
            self.lay_versions(now, &name, &versions)?;
            let group = GroupToLay {
                name: &name,
                launch_template: &name,
                machines: u32::from(wanted.machines),
                subnets: &of_group,
                targets: &[],
            };
            self.lay_group(now, &group)?;
        }
        let nodes = usize::from(wanted.groups.saturating_mul(wanted.machines));
        self.populate(cast(), wanted.laid(), nodes);
        Ok(())
    }

    /// What runs on workers that are laid: these workloads, and what runs on every node.
    pub(super) fn populate(&mut self, cast: Vec<Cast>, laid: WorkersLaid, nodes: usize) {
        let daemons = DAEMONS.map(ObjectName::new);
        self.kube.lay(cast, daemons.to_vec(), nodes);
        self.workers = Some(Arc::new(laid));
    }

    pub(super) fn set_node(
        &mut self,
        now: Timestamp,
        node: &NodeName,
        verb: &'static str,
    ) -> Result<(), PortError> {
        self.stir();
        self.kube.set_node(now, node, verb)
    }

    pub(super) fn evict(&mut self, now: Timestamp, pod: &ObjectName, uid: &PodUid) -> Result<(), Unevicted> {
        self.stir();
        self.kube.evict((now, self.draw), pod, uid)
    }

    /// The machine of the node that is hit.
    pub(super) fn worker_that_is_hit(&self) -> Option<InstanceId> {
        let name = self.kube.victim()?;
        self.kube.node(&name).map(|node| node.machine.clone())
    }

    /// How they stand at the end.
    pub(super) fn workers_ended(&mut self, now: Timestamp) -> Option<WorkersEnded> {
        let laid = self.workers.clone()?;
        let ready = self
            .kube
            .nodes()
            .filter(|(_, node)| node.is_ready() && node.lives());
        let mut kubelets: Vec<KubernetesVersion> = ready.map(|(_, node)| node.release).collect();
        kubelets.sort();
        let names = laid.groups.iter().map(|group| GroupName::new(&group.name));
        let groups = names.filter_map(|name| self.group_ended(now, &name)).collect();
        Some(WorkersEnded {
            kubelets,
            groups,
            altered: self.kube.altered().into_iter().collect(),
        })
    }
}

/// What `rehull plan` would say of them.
pub(super) fn plan(wanted: Workers) -> WorkersPlan {
    let content = |version| ServerContent {
        version,
        digest: digest(version),
    };
    let reasons = (wanted.from != wanted.to).then(|| format!("Kubernetes {} → {}", wanted.from, wanted.to));
    let groups = wanted.names().map(|name| WorkerGroupPlan {
        step: StepId::new(format!("workers/{name}")),
        group: GroupName::new(&name),
        targets: Vec::new(),
        launch_template: LaunchTemplateName::new(&name),
        from: Some(content(wanted.from)),
        to: content(wanted.to),
        // Their versions are there: nobody has to make one.
        machine: MachineContent::default(),
        reasons: reasons.iter().cloned().collect(),
        policy: WorkerPolicy {
            max_surge: u32::from(wanted.surge),
            ..WorkerPolicy::default()
        },
    });
    WorkersPlan {
        groups: groups.collect(),
        budget: u32::from(wanted.budget),
        order: vec![order()],
    }
}

/// The plan of the way back.
pub(super) fn turned(there: &WorkersPlan) -> WorkersPlan {
    let groups = there.groups.iter().map(|group| WorkerGroupPlan {
        from: Some(group.to.clone()),
        to: group.from.clone().unwrap_or_else(|| group.to.clone()),
        ..group.clone()
    });
    WorkersPlan {
        groups: groups.collect(),
        ..there.clone()
    }
}
