//! Targets of load balancers: who is registered, how healthy, and out of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth as Told, TargetHealthDescription, TargetHealthStateEnum,
};
use rehull_core::domain::group::TargetHealth;
use rehull_core::domain::ids::{InstanceId, TargetGroupArn};
use rehull_core::domain::observed::{Gap, Part, Partial};
use rehull_core::ports::{PortError, Targets};

use super::client::AwsClients;
use super::error::{Absent, Call, Failure};

const DESCRIBE: Call = Call {
    action: "elasticloadbalancing:DescribeTargetHealth",
    absent: Absent::Gone,
};
const DEREGISTER: Call = Call {
    action: "elasticloadbalancing:DeregisterTargets",
    absent: Absent::Gone,
};

/// Target groups of one account and region.
#[derive(Clone, Debug)]
pub struct AwsTargets {
    clients: AwsClients,
}

impl AwsTargets {
    /// Target groups that these clients see.
    #[must_use]
    pub fn new(clients: AwsClients) -> Self {
        Self { clients }
    }

    async fn health(&self, group: &TargetGroupArn) -> Result<BTreeMap<InstanceId, TargetHealth>, PortError> {
        let request = self.clients.elbv2.describe_target_health();
        let told = request.target_group_arn(group.as_str()).send().await;
        let told = told.map_err(|error| DESCRIBE.failed(&Failure::of(&error)))?;
        Ok(told
            .target_health_descriptions()
            .iter()
            .filter_map(target)
            .collect())
    }
}

#[async_trait]
impl Targets for AwsTargets {
    async fn observe(
        &self,
        groups: &[TargetGroupArn],
    ) -> Partial<BTreeMap<TargetGroupArn, BTreeMap<InstanceId, TargetHealth>>> {
        let asked = groups.iter().map(|group| self.health(group));
        let told = futures_util::future::join_all(asked).await;
        let mut seen = Partial {
            value: BTreeMap::new(),
            gaps: Vec::new(),
        };
        for (group, told) in groups.iter().zip(told) {
            match told {
                Ok(targets) => drop(seen.value.insert(group.clone(), targets)),
                Err(error) => seen.gaps.push(Gap {
                    part: Part::Targets,
                    why: error.to_string(),
                }),
            }
        }
        seen
    }

    async fn deregister(&self, group: &TargetGroupArn, machine: &InstanceId) -> Result<(), PortError> {
        let request = self.clients.elbv2_once.deregister_targets();
        let target = TargetDescription::builder().id(machine.as_str()).build();
        let request = request.target_group_arn(group.as_str()).targets(target);
        let done = request.send().await;
        done.map(drop)
            .map_err(|error| DEREGISTER.failed(&Failure::of(&error)))
    }
}

fn target(told: &TargetHealthDescription) -> Option<(InstanceId, TargetHealth)> {
    let id = told.target()?.id()?;
    Some((InstanceId::new(id), health(told.target_health()?)))
}

/// `unused` says nothing without its reason.
fn health(told: &Told) -> TargetHealth {
    match told.state() {
        Some(TargetHealthStateEnum::Initial) => TargetHealth::Initial,
        Some(TargetHealthStateEnum::Healthy) => TargetHealth::Healthy,
        Some(TargetHealthStateEnum::Unhealthy | TargetHealthStateEnum::UnhealthyDraining) => {
            TargetHealth::Unhealthy
        }
        Some(TargetHealthStateEnum::Draining) => TargetHealth::Draining,
        // The SDK's enum may grow.
        other => {
            let word = other.map_or("no state", TargetHealthStateEnum::as_str);
            let reason = told.reason().map_or("no reason", |reason| reason.as_str());
            TargetHealth::Other(format!("{word} ({reason})"))
        }
    }
}
