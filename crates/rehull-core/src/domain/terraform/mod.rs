//! What Terraform is about to change, as far as an approval and a rollout have to know it.

mod address;
mod manifest;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ids::{ContentDigest, ImageId, LaunchTemplateName, SubnetId};

pub use address::{Address, is_disguise};
pub use manifest::{Difference, Kind, MANIFEST_FORMAT, Manifest, Part};

/// What Terraform is given, and what has to come of it: the same render, twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerraformChange {
    /// Text of the variables file. Nothing secret is in it.
    pub variables: String,
    /// One per launch template.
    pub roles: Vec<RoleContent>,
}

/// What the newest version of one launch template has to say after the apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleContent {
    /// Slot or role, for example `etcd-a`.
    pub role: String,
    /// The template is known by its name.
    pub launch_template: LaunchTemplateName,
    /// Version of the component, for example `3.6.14`.
    pub version: String,
    /// `sha256:` over the bytes of the rendered user data, before base64.
    pub user_data: ContentDigest,
    /// Content digest; stands in the version's description, by which rehull finds it.
    pub content: ContentDigest,
    /// Machine image.
    pub image: ImageId,
    /// EC2 type.
    pub instance_type: String,
    /// Name of the instance profile.
    pub instance_profile: String,
    /// Ids of security groups: a set to EC2.
    pub security_groups: BTreeSet<String>,
    /// Where the machine's own interface is made; absent where a group chooses it.
    pub subnet: Option<SubnetId>,
}

/// Where the run is that makes the launch template versions of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TerraformRun {
    /// None lives here, and none has ended in this process.
    #[default]
    Absent,
    /// On its way.
    Running(TerraformProgress),
    /// Ended in this process, and not with what was wanted.
    Failed {
        /// What came of it: a sentence.
        why: String,
        /// What to do, if anything is known.
        help: String,
    },
    /// Applied in this process, and a second plan was empty.
    Applied,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerraformProgress {
    /// What it does now.
    pub stage: TerraformStage,
    /// Changes that are done, of this many; only an apply has any.
    pub done: usize,
    /// Changes in all.
    pub of: usize,
}

/// The parts of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TerraformStage {
    /// `init`: providers and modules.
    Init,
    /// `plan`, under the lock of the state.
    Plan,
    /// The gate judges the plan and compares it with what was approved.
    Compare,
    /// Somebody has the lock of the state; nothing of this run is at work meanwhile.
    Lock,
    /// `apply` of exactly that plan.
    Apply,
    /// `plan` once more: nothing may be left to change.
    Verify,
}

impl TerraformStage {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Plan => "plan",
            Self::Compare => "comparing the plan with what was approved",
            Self::Lock => "somebody has the lock of the state",
            Self::Apply => "apply",
            Self::Verify => "planning again, to see that nothing is left",
        }
    }
}
