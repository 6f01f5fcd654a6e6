//! What rehull can do to the world: one idempotent API mutation each. `executor/perform` is the only reader.

use serde::{Deserialize, Serialize};

use super::fleet::Join;
use super::group_action::GroupAction;
use super::ids::{
    ContentDigest, EtcdClusterId, Generation, InstanceId, InterfaceId, LaunchTemplateName,
    LaunchTemplateVersion, MemberId, SlotName, VolumeId,
};
use super::node_action::NodeAction;

/// One mutation. It carries every value it needs: performing it takes no decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Start the snapshot job.
    StartSnapshot,
    /// Make a launch template (if it does not exist) or a version of it, described by its content digest.
    CreateTemplateVersion {
        /// Slot whose rendered content goes in; the text itself is in the plan.
        slot: SlotName,
        /// Template.
        template: LaunchTemplateName,
        /// Digest for the description.
        digest: ContentDigest,
    },
    /// Begin the run of Terraform that makes all missing versions: it plans again, compares with what was approved, applies.
    ApplyTerraform {
        /// Of the approved manifest.
        approved: ContentDigest,
    },
    /// RunInstances with a client token. The machine fetches, verifies and then waits for its go.
    LaunchMachine {
        /// For this slot.
        slot: SlotName,
        /// Template.
        template: LaunchTemplateName,
        /// Always a number.
        version: LaunchTemplateVersion,
        /// Goes into the tags.
        digest: ContentDigest,
        /// Goes into the tags.
        join: Join,
        /// Goes into the tags.
        generation: Generation,
    },
    /// Ask the leader itself to hand over.
    MoveLeader {
        /// Slot of the leader.
        from: SlotName,
        /// Its id.
        from_id: MemberId,
        /// Slot of the new leader.
        to: SlotName,
        /// Its id.
        to_id: MemberId,
    },
    /// Set the stop tag: the machine stops etcd gracefully and unmounts its volume.
    AskStop {
        /// Slot.
        slot: SlotName,
        /// Machine.
        machine: InstanceId,
    },
    /// Remove a member by id, asked of a member that stays.
    RemoveMember {
        /// Slot of the member.
        slot: SlotName,
        /// Its id.
        member: MemberId,
        /// Asked of this slot's member.
        via: SlotName,
    },
    /// Detach the interface.
    DetachInterface {
        /// Slot.
        slot: SlotName,
        /// Interface.
        interface: InterfaceId,
        /// From this machine.
        machine: InstanceId,
    },
    /// Detach the volume (never forced).
    DetachVolume {
        /// Slot.
        slot: SlotName,
        /// Volume.
        volume: VolumeId,
        /// From this machine.
        machine: InstanceId,
    },
    /// Attach the interface.
    AttachInterface {
        /// Slot.
        slot: SlotName,
        /// Interface.
        interface: InterfaceId,
        /// To this machine.
        machine: InstanceId,
    },
    /// Write the generation tag of the volume, then attach it.
    AttachVolume {
        /// Slot.
        slot: SlotName,
        /// Volume.
        volume: VolumeId,
        /// To this machine.
        machine: InstanceId,
        /// Which data it will hold from now on.
        generation: Generation,
    },
    /// Add a voter or a learner by peer URL, asked of a member that stays.
    AddMember {
        /// Slot of the new member.
        slot: SlotName,
        /// Its peer URL.
        peer_url: String,
        /// Asked of this slot's member.
        via: SlotName,
        /// As a learner: it counts in no quorum until it is promoted.
        #[serde(default)]
        learner: bool,
    },
    /// Make a learner that has caught up a voter, asked of a member that stays.
    PromoteMember {
        /// Slot of the learner.
        slot: SlotName,
        /// Its id.
        member: MemberId,
        /// Asked of this slot's member.
        via: SlotName,
    },
    /// Set the go tag: the machine mounts the volume and starts etcd.
    Go {
        /// Slot.
        slot: SlotName,
        /// Machine.
        machine: InstanceId,
        /// The spare is in the member list: etcd compares that list with the `--initial-cluster` of a newcomer.
        #[serde(default)]
        with_spare: bool,
    },
    /// Asked of all members once per rollout, before the first of them is taken out.
    Preflight {
        /// What is asked.
        check: Preflight,
    },
    /// Changes nothing: every voter holds the same data at one revision, asked once after a member has joined.
    VerifyData {
        /// Slot of the member that has just joined.
        slot: SlotName,
    },
    /// Terminate by id.
    TerminateMachine {
        /// Slot.
        slot: SlotName,
        /// Machine.
        machine: InstanceId,
        /// For people.
        why: TerminateWhy,
    },
    /// Write the identity record (bootstrap only).
    RecordIdentity {
        /// The new cluster's id.
        etcd_cluster: EtcdClusterId,
    },
    /// Of a group of machines.
    #[serde(untagged)]
    Group(GroupAction),
    /// Of a node of Kubernetes.
    #[serde(untagged)]
    Node(NodeAction),
}

/// Gates that cost more than a look, so that they are asked once and not at every tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preflight {
    /// A small key below `/rehull/probe/` can be written through every member; each write is an entry in the raft log.
    Writes,
    /// Every voter holds the same data at one revision, so that a difference is not blamed on the first newcomer; each
    /// hash scans the whole store.
    Data,
}

impl Preflight {
    /// Stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writes => "writes",
            Self::Data => "data",
        }
    }
}

/// Why a machine is terminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TerminateWhy {
    /// Its replacement serves.
    Replaced,
    /// It was booted for content that is no longer wanted.
    Unwanted,
    /// It refused to boot, or did not become warm in time, and a process that took over later met it like that.
    DidNotBoot,
    /// Its graceful stop was not observed in time.
    UngracefulStop,
    /// Its member did not come up in time, and a process that took over later still saw nothing of it.
    DidNotJoin,
    /// Somebody switched it off; its member is back on another machine.
    PoweredOff,
    /// The spare has done its part and has left the member list.
    Released,
}

impl Action {
    /// Natural key: same key, same intention. Part of the token and of journal look-ups.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::StartSnapshot => "start-snapshot".to_owned(),
            Self::CreateTemplateVersion { slot, digest, .. } => {
                format!("create-template-version {slot} {digest}")
            }
            Self::ApplyTerraform { approved } => format!("apply-terraform {approved}"),
            Self::LaunchMachine {
                slot,
                digest,
                generation,
                ..
            } => {
                format!("launch-machine {slot} {digest} {generation}")
            }
            Self::MoveLeader { from_id, to_id, .. } => format!("move-leader {from_id} {to_id}"),
            Self::AskStop { machine, .. } => format!("ask-stop {machine}"),
            Self::RemoveMember { member, .. } => format!("remove-member {member}"),
            Self::DetachInterface {
                interface, machine, ..
            } => format!("detach-interface {interface} {machine}"),
            Self::DetachVolume { volume, machine, .. } => format!("detach-volume {volume} {machine}"),
            Self::AttachInterface {
                interface, machine, ..
            } => format!("attach-interface {interface} {machine}"),
            Self::AttachVolume { volume, machine, .. } => format!("attach-volume {volume} {machine}"),
            Self::AddMember { peer_url, .. } => format!("add-member {peer_url}"),
            Self::PromoteMember { member, .. } => format!("promote-member {member}"),
            Self::Go { machine, .. } => format!("go {machine}"),
            Self::Preflight { check } => format!("preflight {}", check.as_str()),
            Self::VerifyData { slot } => format!("verify-data {slot}"),
            Self::TerminateMachine { machine, .. } => format!("terminate-machine {machine}"),
            Self::RecordIdentity { etcd_cluster } => format!("record-identity {etcd_cluster}"),
            Self::Group(action) => action.key(),
            Self::Node(action) => action.key(),
        }
    }

    /// The verb alone, for progress lines.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::StartSnapshot => "snapshot",
            Self::CreateTemplateVersion { .. } => "create template version",
            Self::ApplyTerraform { .. } => "terraform apply",
            Self::LaunchMachine { .. } => "launch",
            Self::MoveLeader { .. } => "move leader",
            Self::AskStop { .. } => "stop",
            Self::RemoveMember { .. } => "remove member",
            Self::DetachInterface { .. } => "detach interface",
            Self::DetachVolume { .. } => "detach volume",
            Self::AttachInterface { .. } => "attach interface",
            Self::AttachVolume { .. } => "attach volume",
            Self::AddMember { learner: false, .. } => "add member",
            Self::AddMember { learner: true, .. } => "add learner",
            Self::PromoteMember { .. } => "promote",
            Self::Go { .. } => "go",
            Self::Preflight { .. } => "preflight",
            Self::VerifyData { .. } => "verify data",
            Self::TerminateMachine { .. } => "terminate",
            Self::RecordIdentity { .. } => "record identity",
            Self::Group(action) => action.verb(),
            Self::Node(action) => action.verb(),
        }
    }

    /// Slot it is about, if it is about one.
    #[must_use]
    pub fn slot(&self) -> Option<&SlotName> {
        match self {
            Self::StartSnapshot
            | Self::ApplyTerraform { .. }
            | Self::Preflight { .. }
            | Self::RecordIdentity { .. }
            | Self::Group(_)
            | Self::Node(_) => None,
            Self::CreateTemplateVersion { slot, .. }
            | Self::LaunchMachine { slot, .. }
            | Self::AskStop { slot, .. }
            | Self::RemoveMember { slot, .. }
            | Self::DetachInterface { slot, .. }
            | Self::DetachVolume { slot, .. }
            | Self::AttachInterface { slot, .. }
            | Self::AttachVolume { slot, .. }
            | Self::AddMember { slot, .. }
            | Self::PromoteMember { slot, .. }
            | Self::Go { slot, .. }
            | Self::VerifyData { slot }
            | Self::TerminateMachine { slot, .. } => Some(slot),
            Self::MoveLeader { from, .. } => Some(from),
        }
    }
}
