//! What a plan is measured against: the content that was rendered and approved, role by role.

use std::collections::BTreeSet;

use crate::domain::ids::{ContentDigest, ImageId, LaunchTemplateName, SlotName, SubnetId};
use crate::plan::RolloutPlan;
use crate::plan::envelope::SlotPlan;

/// What a plan is asked to be, and by whom it was made.
pub struct Terms {
    /// For an upgrade, or for infrastructure.
    pub mode: Mode,
    /// Which program wrote it, as `version -json` says; the plan itself does not tell.
    pub tool: Tool,
    /// Sources of providers that may run. A provider is a program, and a plan already runs it.
    pub providers: BTreeSet<String>,
}

impl Terms {
    /// With the providers that rehull's own modules use.
    #[must_use]
    pub fn new(mode: Mode, tool: Tool) -> Self {
        Self {
            mode,
            tool,
            providers: PROVIDERS.iter().map(|source| (*source).to_owned()).collect(),
        }
    }
}

/// The AWS provider, from either registry, and the one that is part of the program.
pub const PROVIDERS: &[&str] = &[
    "registry.opentofu.org/hashicorp/aws",
    "registry.terraform.io/hashicorp/aws",
    "terraform.io/builtin/terraform",
];

/// What a plan may do.
pub enum Mode {
    /// These roles go to this content, by launch templates that are updated in place, and nothing else.
    Upgrade(Contract),
    /// Anything but machines, what they boot, and what cannot be made again.
    Infrastructure,
}

/// Who wrote the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Terraform 1.11 or later.
    Terraform,
    /// OpenTofu: writes neither `applyable` nor `complete`.
    OpenTofu,
}

impl Tool {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Terraform => "Terraform",
            Self::OpenTofu => "OpenTofu",
        }
    }
}

/// The content of all roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// As what a launch template stands in the configuration.
    pub templates: Templates,
    /// One per launch template.
    pub roles: Vec<RoleContent>,
}

/// As what a launch template stands in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Templates {
    /// `aws_launch_template` of the AWS provider.
    Aws,
    /// `terraform_data` whose `input` has the same attributes: for a sandbox without the AWS provider. Never for AWS.
    StandIn,
}

impl Templates {
    /// The type of resource.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Aws => "aws_launch_template",
            Self::StandIn => "terraform_data",
        }
    }

    pub(super) fn is_from(self, provider: &str) -> bool {
        match self {
            Self::Aws => provider.ends_with("/hashicorp/aws"),
            Self::StandIn => provider == "terraform.io/builtin/terraform",
        }
    }
}

/// What one launch template has to say afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Where the machine's own interface is made.
    pub subnet: SubnetId,
}

/// A plan that cannot be a contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// The plan lost a text.
    #[error("the rollout plan has no user data for {slot}, so no launch template can be compared with it")]
    NoUserData {
        /// Of which slot.
        slot: SlotName,
    },
}

impl Contract {
    /// What the envelope of a rollout plan promises for every slot and for the spare.
    ///
    /// # Errors
    /// A slot without rendered user data.
    pub fn of(plan: &RolloutPlan, templates: Templates) -> Result<Self, ContractError> {
        let roles = plan.envelope.all_slots().map(|planned| role(plan, planned));
        Ok(Self {
            templates,
            roles: roles.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn role_of(&self, template: &str) -> Option<&RoleContent> {
        let mut roles = self.roles.iter();
        roles.find(|role| role.launch_template.as_str() == template)
    }
}

fn role(plan: &RolloutPlan, planned: &SlotPlan) -> Result<RoleContent, ContractError> {
    let slot = &planned.slot;
    let text = plan.user_data.get(&slot.name);
    let text = text.ok_or_else(|| ContractError::NoUserData {
        slot: slot.name.clone(),
    })?;
    let machine = &plan.envelope.machine;
    Ok(RoleContent {
        role: slot.name.as_str().to_owned(),
        launch_template: slot.launch_template.clone(),
        version: planned.to.version.to_string(),
        user_data: super::digest::sha256(text.as_bytes()),
        content: planned.to.digest.clone(),
        image: ImageId::new(machine.image.as_str()),
        instance_type: machine.instance_type.clone(),
        instance_profile: machine.instance_profile.clone(),
        security_groups: machine.security_groups.iter().cloned().collect(),
        subnet: slot.subnet.clone(),
    })
}
