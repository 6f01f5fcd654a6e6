//! What a plan is measured against: the content that was rendered and approved, role by role.

use std::collections::BTreeSet;

use crate::domain::terraform::RoleContent;

/// What a plan is asked to be, and by whom it was made.
pub struct Terms {
    /// For an upgrade, or for infrastructure.
    pub mode: Mode,
    /// Which program wrote it, as `version -json` says; the plan itself does not tell.
    pub tool: Tool,
    /// Sources of providers that may run. A provider is a program, and a plan already runs it.
    pub providers: BTreeSet<String>,
    /// Names of the `dynamic` blocks that stand in the sources: of one that is not known before the apply a plan tells nothing,
    /// not even that it is there.
    pub dynamic: BTreeSet<String>,
    /// Resources by address without keys, each with the name of an argument that is, wherever the sources set it, a list of
    /// references to attributes of resources, one by one: of a list a plan tells what it refers to, and not what stands beside
    /// that.
    pub plain: BTreeSet<(String, String)>,
}

impl Terms {
    /// With the providers that rehull's own modules use.
    #[must_use]
    pub fn new(mode: Mode, tool: Tool) -> Self {
        Self {
            mode,
            tool,
            providers: PROVIDERS.iter().map(|source| (*source).to_owned()).collect(),
            dynamic: BTreeSet::new(),
            plain: BTreeSet::new(),
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

impl Contract {
    pub(super) fn role_of(&self, template: &str) -> Option<&RoleContent> {
        let mut roles = self.roles.iter();
        roles.find(|role| role.launch_template.as_str() == template)
    }
}

/// Whom an alarm tells, in lists of which every item is judged: whoever reads the sources looks whether they are
/// [`Terms::plain`].
pub const ALARM_ACTIONS: &[&str] = &["alarm_actions", "ok_actions", "insufficient_data_actions"];
