//! The control plane of a simulated cluster: what Terraform would have laid, and the plan of its upgrade.

use crate::domain::machine::MachineContent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ground::{GroundError, ask, wrong};
use super::lab::Lab;
pub(super) use super::servers::user_data;
use crate::domain::group::Group;
use crate::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, StepId, TargetGroupArn, Token};
use crate::domain::version::KubernetesVersion;
use crate::plan::{ControlPlanePlan, ServerContent, ServingPolicy};
use crate::ports::{PortError, TemplateContent};
use crate::world::api::ec2::{Describe, Request as Ask, Response as Told};
use crate::world::api::{Call, Request, Response};
use crate::world::query::{Document, Params, Query, Service, Value};

/// Name of the group, of its launch template and of everything else.
pub(super) const NAME: &str = "sim-control-plane";

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
        for (number, release) in releases.into_iter().enumerate() {
            let content = TemplateContent {
                digest: digest(release),
                user_data: user_data(release),
                subnet: None,
                ..like.clone()
            };
            let token = Token::new(format!("{NAME}-{number}"));
            self.write_version(
                now,
                &LaunchTemplateName::new(NAME),
                &content,
                (&token, number > 0),
            )
            .map_err(wrong)?;
        }
        let (vpc, subnets) = self.subnets(now, usize::from(wanted.machines))?;
        let group = self.lay_balancer(now, &vpc, &subnets)?;
        let machines = wanted.machines.to_string();
        let zones = subnets.join(",");
        let said = [
            ("AutoScalingGroupName", NAME),
            ("MinSize", &machines),
            ("MaxSize", &machines),
            ("DesiredCapacity", &machines),
            ("VPCZoneIdentifier", &zones),
            ("LaunchTemplate.LaunchTemplateName", NAME),
            ("LaunchTemplate.Version", "1"),
            ("TargetGroupARNs.member.1", &group),
        ];
        self.by_hand(now, Service::AutoScaling, "CreateAutoScalingGroup", &said)?;
        self.control_plane = Some(wanted);
        Ok(TargetGroupArn::new(group))
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

    fn lay_balancer(&mut self, now: Timestamp, vpc: &str, subnets: &[String]) -> Result<String, GroundError> {
        let names: Vec<String> = (1..=subnets.len())
            .map(|nth| format!("Subnets.member.{nth}"))
            .collect();
        let mut said = vec![("Name", NAME), ("Type", "network")];
        said.extend(
            names
                .iter()
                .map(String::as_str)
                .zip(subnets.iter().map(String::as_str)),
        );
        let made = self.by_hand(now, Service::LoadBalancing, "CreateLoadBalancer", &said)?;
        let balancer = first(&made, "LoadBalancers", "LoadBalancerArn")?;
        let said = [
            ("Name", NAME),
            ("Protocol", "TCP"),
            ("Port", "6443"),
            ("VpcId", vpc),
            ("HealthCheckIntervalSeconds", "10"),
            ("HealthyThresholdCount", "2"),
            ("UnhealthyThresholdCount", "2"),
        ];
        let made = self.by_hand(now, Service::LoadBalancing, "CreateTargetGroup", &said)?;
        let group = first(&made, "TargetGroups", "TargetGroupArn")?;
        self.add_listener(now, &balancer, &group)?;
        // Shorter than connections may still come: what the API tells is then not the whole truth.
        let said = [
            ("TargetGroupArn", group.as_str()),
            ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
            ("Attributes.member.1.Value", "30"),
        ];
        self.by_hand(now, Service::LoadBalancing, "ModifyTargetGroupAttributes", &said)?;
        Ok(group)
    }

    fn add_listener(&mut self, now: Timestamp, balancer: &str, group: &str) -> Result<(), GroundError> {
        let said = [
            ("LoadBalancerArn", balancer),
            ("Port", "6443"),
            ("Protocol", "TCP"),
            ("DefaultActions.member.1.Type", "forward"),
            ("DefaultActions.member.1.TargetGroupArn", group),
        ];
        self.by_hand(now, Service::LoadBalancing, "CreateListener", &said)
            .map(drop)
    }

    /// Somebody takes the listener away, or puts it back. Where there is no control plane there is none.
    pub(super) fn listen(&mut self, now: Timestamp, listens: bool) {
        if self.control_plane.is_some() {
            // One that is there, or gone, already stays so.
            let _ = self.set_listener(now, listens);
        }
    }

    fn set_listener(&mut self, now: Timestamp, listens: bool) -> Result<(), GroundError> {
        let named = [("Names.member.1", NAME)];
        let found = self.by_hand(now, Service::LoadBalancing, "DescribeLoadBalancers", &named)?;
        let balancer = first(&found, "LoadBalancers", "LoadBalancerArn")?;
        if listens {
            let found = self.by_hand(now, Service::LoadBalancing, "DescribeTargetGroups", &named)?;
            let group = first(&found, "TargetGroups", "TargetGroupArn")?;
            return self.add_listener(now, &balancer, &group);
        }
        let said = [("LoadBalancerArn", balancer.as_str())];
        let found = self.by_hand(now, Service::LoadBalancing, "DescribeListeners", &said)?;
        let listener = first(&found, "Listeners", "ListenerArn")?;
        let said = [("ListenerArn", listener.as_str())];
        self.by_hand(now, Service::LoadBalancing, "DeleteListener", &said)
            .map(drop)
    }

    pub(super) fn by_hand(
        &mut self,
        now: Timestamp,
        service: Service,
        action: &str,
        said: &[(&str, &str)],
    ) -> Result<Document, GroundError> {
        let owned = said
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let asked = Query::new(service, action, Params::of(owned)).map_err(wrong)?;
        let call = Call {
            access_key: Some(super::ground::PERSON.to_owned()),
            region: Some(self.world.setup().region.clone()),
            request: Request::Query(asked),
        };
        match self.world.handle(now, &call).result.map_err(wrong)? {
            Response::Query(answered) => Ok(answered.document),
            other @ (Response::S3(_) | Response::CallerIdentity(_) | Response::Ec2(_)) => Err(wrong(other)),
        }
    }

    /// The group, as somebody reads it who is not rehull.
    pub(super) fn group_by_hand(&mut self, now: Timestamp) -> Result<Option<Group>, PortError> {
        let key = std::mem::replace(&mut self.key, super::ground::PERSON.to_owned());
        let found = self.group_view(now, &GroupName::new(NAME));
        self.key = key;
        found
    }

    /// How the group stands at the end.
    pub(super) fn control_plane_ended(&mut self, now: Timestamp) -> Option<Ended> {
        self.control_plane?;
        let found = self.group_by_hand(now).ok()??;
        let mut releases: Vec<KubernetesVersion> = self.servers.releases().collect();
        releases.sort();
        let sizes = found.sizes;
        let group = format!(
            "launches {:?}, {}..{}, desired {}, suspended {:?}",
            found.launches, sizes.min, sizes.max, sizes.desired, found.suspended
        );
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

fn first(document: &Document, list: &str, name: &str) -> Result<String, GroundError> {
    let Some(Value::List(rows)) = document.get(list) else {
        return Err(wrong(list));
    };
    let Some(Value::Document(row)) = rows.first() else {
        return Err(wrong(list));
    };
    if let Some(Value::Text(text)) = row.get(name) {
        Ok(text.clone())
    } else {
        Err(wrong(name))
    }
}
