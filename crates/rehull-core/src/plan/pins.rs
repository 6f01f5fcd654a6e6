//! Digests that were forgotten when the version was changed: the machines would boot the old release under a new name.
//!
//! A file of digests says nothing of releases, so what is known comes from the plans that were carried out: the oldest
//! one that names a digest says which release it is of.

use super::envelope::{RolloutKind, RolloutPlan};
use super::input::{PlanInput, Target};
use super::refusal::Refusal;
use crate::domain::version::EtcdVersion;

/// One refusal per digest that belongs to another release. `earlier` are plans of this cluster, newest first.
pub(super) fn forgotten(input: &PlanInput<'_>, earlier: &[RolloutPlan]) -> Vec<Refusal> {
    if matches!(input.target, Target::Known(_)) {
        return Vec::new();
    }
    let pinned = input.desired.etcd.version;
    let role = &input.desired.etcd;
    role.machine
        .binaries
        .iter()
        .filter_map(|(name, sha256)| {
            let of = release_of(earlier, name, sha256).filter(|of| *of != pinned)?;
            let message = format!(
                "`{name}` is pinned by the digest of etcd {of}, but the version pinned is {pinned}: machines would boot {of}"
            );
            let help = format!(
                "write the digests of {pinned}: `sha256sum DIR/etcd/{pinned}/{name}` prints this one (in a sandbox: `rehull sandbox pin {pinned}`); or pin {of}"
            );
            let refusal = Refusal::new("plan::forgotten_digest", message, help);
            Some(refusal.at(
                format!("/etcd/binaries/{name}"),
                format!("an earlier rollout booted etcd {of} with this"),
            ))
        })
        .collect()
}

fn release_of(earlier: &[RolloutPlan], name: &str, sha256: &str) -> Option<EtcdVersion> {
    let booted = |plan: &&RolloutPlan| {
        rendered(plan) && plan.envelope.machine.binaries.get(name).map(String::as_str) == Some(sha256)
    };
    earlier.iter().rfind(booted).map(|plan| plan.envelope.to)
}

/// Plans whose machine part is what their machines boot; healing and going back take older content.
pub(super) fn rendered(plan: &RolloutPlan) -> bool {
    match plan.envelope.kind {
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Replace { .. } => true,
        RolloutKind::Heal { .. } | RolloutKind::Rollback { .. } => false,
    }
}
