//! The rollout plan as data. [`Envelope`] is what an approval binds; [`Forecast`] may change by the minute.

use crate::domain::machine::MachineContent;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::group::ControlPlanePlan;
use super::worker::{WorkerGroupPlan, WorkersPlan};
use crate::domain::canonical::canonical;
use crate::domain::desired::Slot;
use crate::domain::ids::{
    AccountId, ClusterName, ContentDigest, EtcdClusterId, GroupName, InstanceId, Region, SlotName, StepId,
};
use crate::domain::policy::{EtcdStrategy, RolloutPolicy};
use crate::domain::terraform::{Manifest, TerraformChange};
use crate::domain::version::EtcdVersion;

/// Current format of plan files.
pub const PLAN_FORMAT: u32 = 1;

/// Envelope, forecast and the rendered texts (which enter the envelope by digest).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPlan {
    /// What is approved.
    pub envelope: Envelope,
    /// What is expected.
    pub forecast: Forecast,
    /// User data per slot; its SHA-256 stands in the slot's content.
    pub user_data: BTreeMap<SlotName, String>,
    /// User data of the control plane; absent where no version of its launch template has to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_user_data: Option<String>,
    /// User data per group of workers; empty where no version of their launch templates has to be made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub worker_user_data: BTreeMap<GroupName, String>,
    /// Machines that must go although their content is the wanted one (`etcd replace`). Ids are never digested.
    #[serde(default)]
    pub replaces: BTreeMap<SlotName, BTreeSet<InstanceId>>,
    /// What Terraform makes the launch template versions from; absent where it makes none. Enters the envelope by its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terraform: Option<TerraformChange>,
}

/// Everything that an approval covers; its canonical JSON is digested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// Version of rehull that made it; recorded, part of the digest.
    pub rehull: String,
    /// Cluster.
    pub cluster: ClusterName,
    /// Account it is for.
    pub account: AccountId,
    /// Region it is for.
    pub region: Region,
    /// etcd cluster id; `None` only for bootstrap.
    pub etcd_cluster: Option<EtcdClusterId>,
    /// What kind of rollout.
    pub kind: RolloutKind,
    /// Version most members run before; `None` for bootstrap.
    pub from: Option<EtcdVersion>,
    /// Version all planned members run afterwards.
    pub to: EtcdVersion,
    /// How members are replaced.
    pub strategy: EtcdStrategy,
    /// Followers first, leader last: stated, because it is approved.
    pub order: String,
    /// Every slot of the cluster; those with `change` are replaced.
    pub slots: Vec<SlotPlan>,
    /// The spare slot of `learner-first`: with reasons it gets a member meanwhile; absent with every other strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<SlotPlan>,
    /// Rolled after etcd; absent where rehull does not roll it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlanePlan>,
    /// Rolled after the control plane; absent where rehull rolls none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersPlan>,
    /// Launch template fields shared by all slots.
    pub machine: MachineContent,
    /// Waits and limits.
    pub policy: RolloutPolicy,
    /// Until when it can be reverted.
    pub reversible: Reversible,
    /// What Terraform changes for it, fingerprint by fingerprint; absent where it makes none of the launch template versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terraform: Option<Manifest>,
}

impl Envelope {
    /// The slots and the spare.
    pub fn all_slots(&self) -> impl Iterator<Item = &SlotPlan> {
        self.slots.iter().chain(&self.spare)
    }

    /// A machine is replaced by it.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.replaces_members() || self.servers().is_some() || self.worker_groups().next().is_some()
    }

    /// A machine of etcd is.
    #[must_use]
    pub fn replaces_members(&self) -> bool {
        self.all_slots().any(SlotPlan::changes)
    }

    /// The control plane, if its machines are replaced.
    #[must_use]
    pub fn servers(&self) -> Option<&ControlPlanePlan> {
        self.control_plane.as_ref().filter(|planned| planned.changes())
    }

    /// Groups of workers whose machines are replaced.
    pub fn worker_groups(&self) -> impl Iterator<Item = &WorkerGroupPlan> {
        let groups = self.workers.iter().flat_map(|workers| &workers.groups);
        groups.filter(|planned| planned.changes())
    }

    /// It leaves no member of the old minor: the cluster version rises, and with it the last way back is gone. What is
    /// not known to stay old counts as new.
    #[must_use]
    pub fn ends_the_old_minor(&self) -> bool {
        let target = self.to.line();
        let stays_old = |slot: &SlotPlan| {
            let from = slot.from.as_ref();
            !slot.changes() && from.is_some_and(|from| from.version.line() < target)
        };
        let rises = matches!(self.reversible, Reversible::UntilLastOldMember { .. });
        rises && !self.slots.iter().any(stays_old)
    }

    /// Before its last switch it waits for the bake: the last moment to go back for free.
    #[must_use]
    pub fn bakes(&self) -> bool {
        self.ends_the_old_minor() && self.slots.len() > 1 && !self.policy.bake.is_zero()
    }

    /// The digest of everything but Terraform's part, which names it among its facts.
    #[must_use]
    pub fn digest_beside_terraform(&self) -> ContentDigest {
        let beside = Self {
            terraform: None,
            ..self.clone()
        };
        beside.digest()
    }

    /// `sha256:` over the canonical JSON: keys sorted, no white space. Equal envelopes have equal digests on every
    /// machine; that is what an approval names.
    #[must_use]
    pub fn digest(&self) -> ContentDigest {
        // Serialising plain data into a value cannot fail; if it ever does, `null` matches no approval.
        let value = serde_json::to_value(self).unwrap_or(serde_json::Value::Null);
        let mut text = String::new();
        canonical(&value, &mut text);
        ContentDigest::new(format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes()))))
    }
}

/// Kinds of rollouts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RolloutKind {
    /// To the pins of the cluster file.
    Upgrade,
    /// A new cluster.
    Bootstrap,
    /// One dead slot, at the content that the survivors run.
    Heal {
        /// Slot.
        slot: SlotName,
    },
    /// One member, same pins or not, because a person says so.
    Replace {
        /// Slot.
        slot: SlotName,
    },
    /// Back to the content before another rollout.
    Rollback {
        /// Of which rollout.
        of: String,
    },
}

/// One slot in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotPlan {
    /// Step that approves it, for example `etcd/etcd-b`.
    pub step: StepId,
    /// The slot.
    pub slot: Slot,
    /// What the machine was booted with, where known.
    pub from: Option<SlotContent>,
    /// What it should have been booted with.
    pub to: SlotContent,
    /// Why it is replaced; empty: it is not.
    pub reasons: Vec<String>,
}

impl SlotPlan {
    /// This slot's machine is replaced by this rollout.
    #[must_use]
    pub fn changes(&self) -> bool {
        !self.reasons.is_empty()
    }
}

/// What decides whether two machines are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotContent {
    /// etcd release.
    pub version: EtcdVersion,
    /// Content digest over pins, image, type, flags, user data, secret revision.
    pub digest: ContentDigest,
}

/// Until when one can go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reversible", rename_all = "kebab-case")]
pub enum Reversible {
    /// Always.
    Always,
    /// Until the last old member of the minor is replaced.
    UntilLastOldMember {
        /// Why.
        why: String,
    },
    /// Never (bootstrap).
    Never {
        /// Why.
        why: String,
    },
}

/// Expected, shown, never digested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Order expected from today's leader.
    pub order: Vec<ForecastStep>,
    /// The control plane, after etcd; absent where its machines stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<ServersForecast>,
    /// Groups of workers, after the control plane.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkersForecast>,
    /// Things that must be fixed first.
    pub blockers: Vec<String>,
    /// Things worth knowing.
    pub notes: Vec<String>,
    /// Expected total.
    pub total: Duration,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastStep {
    /// Step.
    pub step: StepId,
    /// Slot.
    pub slot: SlotName,
    /// Why it stands here.
    pub because: String,
    /// Quorum margin before, during, after.
    pub margin: (i64, i64, i64),
    /// Expected duration.
    pub about: Duration,
    /// This is the point of no return.
    pub point_of_no_return: bool,
}

/// The line of the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServersForecast {
    /// Step.
    pub step: StepId,
    /// Machines that give way, and how many the group had.
    pub leaving: u32,
    /// As its group says.
    pub desired: u32,
    /// In so many zones.
    pub zones: u32,
    /// Expected duration.
    pub about: Duration,
}

/// The line of a group of workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkersForecast {
    /// Step.
    pub step: StepId,
    /// Its group.
    pub group: GroupName,
    /// Machines that give way.
    pub leaving: u32,
    /// As its group says.
    pub desired: u32,
    /// Expected duration, if it were alone.
    pub about: Duration,
}
