//! The control plane of a simulated cluster: what Terraform would have laid, and the plan of its upgrade.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ground::{GroundError, ask, wrong};
use super::lab::Lab;
use super::laid::{BalancerToLay, GroupToLay, ServersLaid, first};
pub(super) use super::servers::user_data;
use crate::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, StepId, TargetGroupArn};
use crate::domain::machine::MachineContent;
use crate::domain::version::KubernetesVersion;
use crate::plan::{ControlPlanePlan, ServerContent, ServingPolicy};
use crate::ports::TemplateContent;
use crate::world::api::ec2::{Describe, Request as Ask, Response as Told};
use crate::world::query::Service;

/// Name of the group, of its launch template and of everything else.
const NAME: &str = "sim-control-plane";
/// What apiservers listen on.
pub(super) const PORT: &str = "6443";

/// A control plane in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPlane {
    /// Machines: 1 to 5.
    pub machines: u8,
    /// Running at the beginning.
    pub from: KubernetesVersion,
    /// What it is rolled to.
    pub to: KubernetesVersion,
}

/// What is so of the group at the end, for the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Releases of the servers that serve, sorted.
    pub releases: Vec<KubernetesVersion>,
    /// What the group launches, its sizes, what is suspended: one line.
    pub group: String,
}

fn digest(release: KubernetesVersion) -> ContentDigest {
    let text = user_data(release);
    ContentDigest::new(format!("sha256:{}", hex::encode(Sha256::digest(text))))
}

impl Lab {
    /// Launch template, load balancer, target group, listener, group.
    pub(super) fn lay_control_plane(
        &mut self,
        now: Timestamp,
        wanted: ControlPlane,
        (like, by_terraform): (&TemplateContent, bool),
    ) -> Result<TargetGroupArn, GroundError> {
        // Its module knows the slots only; where it makes the versions this one is there already.
        let releases = if by_terraform {
            vec![wanted.from, wanted.to]
        } else {
            vec![wanted.from]
        };
        let versions = releases.into_iter().map(|release| TemplateContent {
            digest: digest(release),
            user_data: user_data(release),
            subnet: None,
            ..like.clone()
        });
        let versions: Vec<TemplateContent> = versions.collect();
        self.lay_versions(now, NAME, &versions)?;
        let (network, subnets) = self.subnets(now, usize::from(wanted.machines))?;
        let targets = self.lay_balancer(
            now,
            &BalancerToLay {
                name: NAME,
                port: PORT,
                network: &network,
                subnets: &subnets,
                // Shorter than connections may still come: what the API tells is then not the whole truth.
                lets_go_s: "30",
            },
        )?;
        let group = GroupToLay {
            name: NAME,
            launch_template: NAME,
            machines: u32::from(wanted.machines),
            subnets: &subnets,
            targets: std::slice::from_ref(&targets),
        };
        self.lay_group(now, &group)?;
        let targets = TargetGroupArn::new(targets);
        self.control_plane = Some(Arc::new(ServersLaid {
            group: GroupName::new(NAME),
            targets: targets.clone(),
            balancer: NAME.to_owned(),
            machines: u32::from(wanted.machines),
            floor: u32::from(wanted.machines),
        }));
        Ok(targets)
    }

    /// The network, and one subnet in each of so many zones.
    pub(super) fn subnets(
        &mut self,
        now: Timestamp,
        count: usize,
    ) -> Result<(String, Vec<String>), GroundError> {
        let Told::Subnets(found) = ask(&mut self.world, now, Ask::DescribeSubnets(Describe::default()))?
        else {
            return Err(wrong("no subnets"));
        };
        let vpc = found.rows.first().map(|subnet| subnet.vpc.clone());
        let mut rows = found.rows;
        rows.sort_by(|one, other| one.zone.cmp(&other.zone));
        let ids = rows.into_iter().take(count).map(|subnet| subnet.id);
        Ok((vpc.ok_or_else(|| wrong("no network"))?, ids.collect()))
    }

    /// Somebody takes the listener away, or puts it back. Where there is no control plane there is none.
    pub(super) fn listen(&mut self, now: Timestamp, listens: bool) {
        if let Some(laid) = self.control_plane.clone() {
            // One that is there, or gone, already stays so.
            let _ = self.set_listener(now, &laid.balancer, listens);
        }
    }

    fn set_listener(&mut self, now: Timestamp, name: &str, listens: bool) -> Result<(), GroundError> {
        let named = [("Names.member.1", name)];
        let found = self.by_hand(now, Service::LoadBalancing, "DescribeLoadBalancers", &named)?;
        let balancer = first(&found, "LoadBalancers", "LoadBalancerArn")?;
        if listens {
            let found = self.by_hand(now, Service::LoadBalancing, "DescribeTargetGroups", &named)?;
            let group = first(&found, "TargetGroups", "TargetGroupArn")?;
            return self.add_listener(now, (&balancer, PORT), &group);
        }
        let said = [("LoadBalancerArn", balancer.as_str())];
        let found = self.by_hand(now, Service::LoadBalancing, "DescribeListeners", &said)?;
        let listener = first(&found, "Listeners", "ListenerArn")?;
        let said = [("ListenerArn", listener.as_str())];
        self.by_hand(now, Service::LoadBalancing, "DeleteListener", &said)
            .map(drop)
    }

    /// How the group stands at the end.
    pub(super) fn control_plane_ended(&mut self, now: Timestamp) -> Option<Ended> {
        let laid = self.control_plane.clone()?;
        let group = self.group_ended(now, &laid.group)?;
        let mut releases: Vec<KubernetesVersion> = self.servers.releases().collect();
        releases.sort();
        Some(Ended { releases, group })
    }
}

/// What `rehull plan` would say of it.
pub(super) fn plan(
    wanted: ControlPlane,
    targets: TargetGroupArn,
    machine: MachineContent,
) -> ControlPlanePlan {
    let content = |version| ServerContent {
        version,
        digest: digest(version),
    };
    let reasons = (wanted.from != wanted.to).then(|| format!("Kubernetes {} → {}", wanted.from, wanted.to));
    ControlPlanePlan {
        step: StepId::new(format!("control-plane/{NAME}")),
        group: GroupName::new(NAME),
        targets,
        launch_template: LaunchTemplateName::new(NAME),
        from: Some(content(wanted.from)),
        to: content(wanted.to),
        machine,
        reasons: reasons.into_iter().collect(),
        policy: ServingPolicy {
            floor: u32::from(wanted.machines),
            ..ServingPolicy::default()
        },
    }
}

/// The plan of the way back.
pub(super) fn turned(there: &ControlPlanePlan) -> ControlPlanePlan {
    ControlPlanePlan {
        from: Some(there.to.clone()),
        to: there.from.clone().unwrap_or_else(|| there.to.clone()),
        ..there.clone()
    }
}
