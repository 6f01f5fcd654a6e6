//! The services that are asked in flat names and answer in trees: the rest of EC2, Elastic Load Balancing, Auto Scaling,
//! IAM, KMS. Only people and their Terraform ask them, so requests stay in AWS's own names, and the model reads them
//! itself: one place per operation. What machines need of EC2 is typed ([`ec2`](super::api::ec2)).

mod document;
pub mod ec2;
mod params;

pub use document::{Document, Value};
pub use params::{Params, Scope};

use std::collections::BTreeMap;

use super::World;
use super::api::ec2::Tags;
use super::error::AwsError;

/// One of these services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// What of EC2 is not typed.
    Ec2,
    /// Load balancers of the second kind.
    LoadBalancing,
    /// Groups.
    AutoScaling,
    /// Roles, policies, profiles, identity providers.
    Iam,
    /// Keys. JSON on the wire, the same names.
    Kms,
}

impl Service {
    /// As in `service:Action` and in the scope of a signature.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::LoadBalancing => "elasticloadbalancing",
            Self::AutoScaling => "autoscaling",
            Self::Iam => "iam",
            Self::Kms => "kms",
        }
    }

    /// By the service in the scope of a signature.
    #[must_use]
    pub fn signed(name: &str) -> Option<Self> {
        let all = [
            Self::Ec2,
            Self::LoadBalancing,
            Self::AutoScaling,
            Self::Iam,
            Self::Kms,
        ];
        all.into_iter().find(|service| service.prefix() == name)
    }

    fn tables(self) -> &'static [&'static [Operation]] {
        match self {
            Self::Ec2 => &[
                super::vpc::OPERATIONS,
                super::gateway::OPERATIONS,
                super::route::OPERATIONS,
                super::endpoint::OPERATIONS,
                super::security::OPERATIONS,
            ],
            Self::LoadBalancing => &[
                super::balancer::OPERATIONS,
                super::target_group::OPERATIONS,
                super::registration::OPERATIONS,
                super::listener::OPERATIONS,
            ],
            Self::AutoScaling => &[
                super::scaling::OPERATIONS,
                super::scaling::describe::OPERATIONS,
                super::scaling::hook::OPERATIONS,
                super::scaling::hold::OPERATIONS,
                super::scaling::tags::OPERATIONS,
                super::scaling::moves::OPERATIONS,
                super::scaling::health::OPERATIONS,
            ],
            Self::Iam => &[
                super::iam::role::OPERATIONS,
                super::iam::policy::OPERATIONS,
                super::iam::profile::OPERATIONS,
                super::iam::oidc::OPERATIONS,
            ],
            Self::Kms => &[super::kms::OPERATIONS],
        }
    }

    /// All actions that are answered.
    pub fn actions(self) -> impl Iterator<Item = &'static str> {
        self.tables()
            .iter()
            .copied()
            .flatten()
            .map(|operation| operation.name)
    }

    fn operation(self, action: &str) -> Option<&'static Operation> {
        let mut all = self.tables().iter().copied().flatten();
        all.find(|operation| operation.name == action)
    }

    fn unknown(self, action: &str) -> AwsError {
        let code = match self {
            Self::Kms => "UnknownOperationException",
            Self::Ec2 | Self::LoadBalancing | Self::AutoScaling | Self::Iam => "InvalidAction",
        };
        AwsError::bad(
            code,
            format!("The action {action} is not modelled by the sandbox"),
        )
    }
}

/// An action and who answers it.
pub(super) struct Operation {
    name: &'static str,
    answer: Answerer,
}

type Answerer = fn(&mut World, &Scope<'_>) -> Result<Document, AwsError>;

impl Operation {
    pub(super) const fn of(name: &'static str, answer: Answerer) -> Self {
        Self { name, answer }
    }
}

/// One request to one of these services, its action known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    service: Service,
    operation: &'static str,
    values: BTreeMap<String, String>,
}

impl Query {
    /// An action that nobody answers is refused here.
    ///
    /// # Errors
    /// The service's word for an unknown action.
    pub fn new(service: Service, action: &str, params: Params) -> Result<Self, AwsError> {
        let operation = service.operation(action).ok_or_else(|| service.unknown(action))?;
        Ok(Self {
            service,
            operation: operation.name,
            values: params.into_values(),
        })
    }

    /// Which.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// The service's name of the action.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        self.operation
    }
}

/// An answer, with what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Service.
    pub service: Service,
    /// Action.
    pub action: &'static str,
    /// What is below the root.
    pub document: Document,
}

impl World {
    /// That a parameter was not understood is known at the end only. A request that is refused has changed nothing.
    pub(super) fn query(&mut self, asked: &Query) -> Result<Answered, AwsError> {
        let operation = asked
            .service
            .operation(asked.operation)
            .ok_or_else(|| asked.service.unknown(asked.operation))?;
        let params = Params::of(asked.values.clone());
        // Asked for by whoever has found the service.
        params.root().ignore(&["Action", "Version"]);
        let before = (!super::is_read(asked.operation)).then(|| self.clone());
        let document = (operation.answer)(self, &params.root()).and_then(|document| {
            params.finish()?;
            Ok(document)
        });
        if let (Err(_), Some(before)) = (&document, before) {
            *self = before;
        }
        Ok(Answered {
            service: asked.service,
            action: asked.operation,
            document: document?,
        })
    }
}

/// `Tags.N.Key`, `Tags.N.Value`, as all but EC2 write them.
pub(super) fn tags(at: &Scope<'_>) -> Tags {
    let pairs = at.items("Tags");
    pairs
        .iter()
        .filter_map(|tag| Some((tag.text("Key")?, tag.text("Value").unwrap_or_default())))
        .collect()
}

/// The other direction.
pub(super) fn tag_list(tags: &Tags) -> Vec<Document> {
    let rows = tags.iter();
    rows.map(|(key, value)| Document::new().text("Key", key).text("Value", value))
        .collect()
}
