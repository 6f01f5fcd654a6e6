//! Terraform as the core needs it: one run per rollout, begun once and then looked at.

use std::sync::Arc;

use async_trait::async_trait;

use super::{LeaseState, PortError};
use crate::domain::ids::{ContentDigest, RolloutId};
use crate::domain::terraform::{Manifest, TerraformChange, TerraformRun};

/// What a run may do.
#[derive(Clone, Copy)]
pub struct ApprovedRun<'a> {
    /// Its variables, and what has to come of it.
    pub change: &'a TerraformChange,
    /// Fingerprints of the plan that was approved.
    pub manifest: &'a Manifest,
    /// Digest of the envelope beside Terraform's part, one of the manifest's facts.
    pub envelope: &'a ContentDigest,
    /// Under which it is begun. Asked again right before the apply, which comes minutes later.
    pub lease: &'a Arc<dyn LeaseState>,
}

/// The run of Terraform of a rollout.
#[async_trait]
pub trait TerraformJobs: Send + Sync {
    /// Begins it in the background: plan, comparison with what was approved, apply, plan. One that still lives, from an
    /// earlier process on this machine, is taken up instead; beginning twice is success.
    async fn start(&self, rollout: &RolloutId, approved: ApprovedRun<'_>) -> Result<(), PortError>;
    /// Where it is.
    async fn observe(&self, rollout: &RolloutId) -> Result<TerraformRun, PortError>;
}
