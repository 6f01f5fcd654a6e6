//! Waiting is typed and simultaneous: a tool that is silent is a tool that is hung.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{GroupName, InstanceId, NodeName, ObjectName, SlotName, StepId, Zone};
use super::observed::Part;
pub use super::stop::StopReason;
use super::terraform::TerraformProgress;
use super::words::words;

/// Why a step does not act right now. Every tick lists all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum WaitingOn {
    /// A part of the world could not be read.
    Unreadable {
        /// Which.
        part: Part,
        /// Why.
        why: String,
    },
    /// The snapshot job runs.
    Snapshot {
        /// Bytes so far.
        bytes: u64,
    },
    /// The run of Terraform that makes the launch template versions.
    Terraform {
        /// How far it is; `None`: it has ended, and EC2 does not show what it has made yet.
        progress: Option<TerraformProgress>,
    },
    /// A machine is not warm yet.
    Boot {
        /// Machine.
        machine: InstanceId,
        /// Its own word, or EC2's.
        phase: String,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// Members that the step does not touch are not all green.
    Gate {
        /// Every red thing, by name.
        red: Vec<RedGate>,
    },
    /// Peer links must be older than etcd's HealthInterval.
    Settle {
        /// When it is over.
        until: Timestamp,
    },
    /// An election, or a leader on its way.
    Leader {
        /// Who should give it up.
        from: SlotName,
    },
    /// The old etcd's graceful stop.
    Stop {
        /// Machine.
        machine: InstanceId,
        /// When it is called ungraceful.
        until: Timestamp,
    },
    /// Interface or volume on its way.
    Slot {
        /// `interface` or `volume`.
        part: String,
        /// EC2's word.
        state: String,
    },
    /// The new member starts, joins and catches up.
    Join {
        /// What it lacks.
        lacks: String,
        /// Entries behind the leader, when known.
        lag: Option<u64>,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// A machine on its way to `terminated`.
    Termination {
        /// Machine.
        machine: InstanceId,
    },
    /// The bake before the point of no return.
    Bake {
        /// When it is over.
        until: Timestamp,
    },
    /// Another member is out; only bringing that one back is legal.
    OtherMemberOut {
        /// Who.
        slot: SlotName,
        /// What is seen of it.
        seen: String,
    },
    /// A group was told to be one more, and shows no new machine yet.
    Launch {
        /// Group.
        group: GroupName,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// A new server does not serve through its load balancer yet.
    Serving {
        /// Machine.
        machine: InstanceId,
        /// What it lacks.
        lacks: String,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// The first new server is watched before more like it are launched.
    Canary {
        /// Machine.
        machine: InstanceId,
        /// When it is over.
        until: Timestamp,
    },
    /// A deregistered server goes on serving until the load balancer has let go of it.
    LetGo {
        /// Machine.
        machine: InstanceId,
        /// The load balancer's word for it.
        state: String,
        /// Not before.
        until: Timestamp,
    },
    /// Without this machine too few targets would be healthy.
    Floor {
        /// Machine.
        machine: InstanceId,
        /// Healthy without it.
        healthy: u32,
        /// Never fewer.
        floor: u32,
        /// Where, if one zone is meant.
        zone: Option<Zone>,
    },
    /// A new node does not carry anything yet.
    NodeReady {
        /// Machine.
        machine: InstanceId,
        /// Its node, once it has registered.
        node: Option<NodeName>,
        /// What it lacks.
        lacks: String,
        /// When the rollout stops because of it.
        until: Timestamp,
    },
    /// Pods that have to leave a node before its machine ends.
    Drain {
        /// Node.
        node: NodeName,
        /// Every pod that is still there, and what holds it.
        pods: Vec<LeftPod>,
        /// When the rollout stops because of them.
        until: Timestamp,
    },
    /// As many nodes are being drained as may be at once, over all groups.
    DrainTurn {
        /// Group whose next node waits.
        group: GroupName,
        /// Nodes that are being drained.
        draining: u32,
        /// At most so many.
        budget: u32,
    },
    /// The last attempt of an action failed; it is tried again later.
    Retry {
        /// Which action.
        action: String,
        /// Why it failed.
        why: String,
        /// When.
        at: Timestamp,
    },
}

words! {
    WaitingOn, "Its word, the one in the journal.":
    Unreadable => "unreadable",
    Snapshot => "snapshot",
    Terraform => "terraform",
    Boot => "boot",
    Gate => "gate",
    Settle => "settle",
    Leader => "leader",
    Stop => "stop",
    Slot => "slot",
    Join => "join",
    Termination => "termination",
    Bake => "bake",
    OtherMemberOut => "other-member-out",
    Launch => "launch",
    Serving => "serving",
    Canary => "canary",
    LetGo => "let-go",
    Floor => "floor",
    NodeReady => "node-ready",
    Drain => "drain",
    DrainTurn => "drain-turn",
    Retry => "retry",
}

/// One red gate: member, gate, what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedGate {
    /// Member, if it is about one.
    pub slot: Option<SlotName>,
    /// Stable word, for example `applied-lag`.
    pub gate: String,
    /// What was seen and what is wanted.
    pub seen: String,
    /// When it turns green by itself, if nothing else happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A pod that has not left its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftPod {
    /// Pod.
    pub pod: ObjectName,
    /// What holds it.
    pub held: PodHeld,
}

/// What holds a pod on its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum PodHeld {
    /// It may go: its eviction is asked for.
    Nothing,
    /// It was told to go, and stops.
    Stopping,
    /// A PodDisruptionBudget.
    Budget {
        /// Which.
        budget: ObjectName,
        /// Healthy pods of it.
        healthy: u32,
        /// Never fewer.
        desired: u32,
    },
    /// More than one budget is about it: Kubernetes refuses every eviction of it, for ever.
    TwoBudgets {
        /// All of them.
        budgets: Vec<ObjectName>,
    },
    /// It has no controller: once evicted it never comes back, and that is for a person to decide.
    NoController,
    /// The declared order: another workload is ready elsewhere first.
    Order {
        /// Which.
        first: ObjectName,
    },
}

impl PodHeld {
    /// For people, behind the name of the pod.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Nothing => "may go".to_owned(),
            Self::Stopping => "is stopping".to_owned(),
            Self::Budget {
                budget,
                healthy,
                desired,
            } => format!("is held by the budget {budget} ({healthy} healthy, never fewer than {desired})"),
            Self::TwoBudgets { budgets } => {
                let names: Vec<&str> = budgets.iter().map(ObjectName::as_str).collect();
                format!("has more than one budget ({})", names.join(", "))
            }
            Self::NoController => "has no controller, so nothing would make up for it".to_owned(),
            Self::Order { first } => format!("waits for {first} to be ready elsewhere"),
        }
    }
}

/// A step and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Step.
    pub step: StepId,
    /// Reason.
    pub on: WaitingOn,
}
