//! What a plan is made from, and the first questions to it.

use std::collections::BTreeMap;

use super::envelope::{RolloutKind, RolloutPlan, SlotContent};
use super::group::ServerContent;
use crate::domain::desired::Desired;
use crate::domain::fleet::Machine;
use crate::domain::ids::{ContentDigest, GroupName, SlotName};
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;

/// Everything a plan is made from.
#[derive(Clone, Debug)]
pub struct PlanInput<'a> {
    /// The cluster file.
    pub desired: &'a Desired,
    /// The world.
    pub seen: &'a Observed,
    /// What kind of rollout.
    pub kind: RolloutKind,
    /// What the machines should be.
    pub target: Target,
    /// What the machines of the control plane should be; `None`: they are left alone.
    pub servers: Option<ServersTarget>,
    /// What the machines of worker groups should be; those that are not named are left alone.
    pub workers: BTreeMap<GroupName, ServersTarget>,
    /// How members are replaced; usually `desired.etcd.strategy`.
    pub strategy: EtcdStrategy,
    /// Version of rehull.
    pub rehull: &'a str,
}

/// What earlier rollouts of the cluster tell.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Their plans, newest first: they tell what machines were booted with.
    pub plans: Vec<RolloutPlan>,
    /// Members that were seen serving in the rollout to go back from or after it, and at which version: all that is known
    /// of those that are silent now.
    pub served: BTreeMap<SlotName, EtcdVersion>,
}

/// The content that machines should have.
#[derive(Clone, Debug)]
pub enum Target {
    /// Rendered from the cluster file: user data and digest per slot.
    Rendered(BTreeMap<SlotName, (String, ContentDigest)>),
    /// Content of an earlier rollout; its launch template versions exist.
    Known(BTreeMap<SlotName, SlotContent>),
}

/// The content that machines of a group should have.
#[derive(Clone, Debug)]
pub enum ServersTarget {
    /// Rendered from the cluster file: user data and digest.
    Rendered(String, ContentDigest),
    /// Content of an earlier rollout; its launch template version exists.
    Known(ServerContent),
}

/// Versions of the members that answer: the lowest decides what the cluster may do.
pub(super) fn lowest_version(seen: &Observed) -> Option<EtcdVersion> {
    seen.etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer())
        .map(|answer| answer.version)
        .min()
}

/// The live machine that carries a slot: the one that holds its volume, else the newest that was told to go.
pub(super) fn holder<'a>(seen: &'a Observed, slot: &SlotName) -> Option<&'a Machine> {
    let at = seen
        .fleet
        .slots
        .get(slot)
        .and_then(|parts| parts.volume.attachment.machine());
    let mut live: Vec<&Machine> = seen.fleet.live_in(slot).collect();
    live.sort_by_key(|machine| {
        (
            at != Some(&machine.id),
            !machine.go,
            std::cmp::Reverse(machine.launched_at),
        )
    });
    live.into_iter().next()
}
