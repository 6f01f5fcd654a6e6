//! Groups of machines as Terraform would have laid them, whoever has described them: a scenario, or a cluster file.

use jiff::Timestamp;

use super::ground::{GroundError, PERSON, wrong};
use super::lab::Lab;
use crate::domain::group::Group;
use crate::domain::ids::{GroupName, LaunchTemplateName, ObjectName, TargetGroupArn, Token};
use crate::domain::worker::OrderRule;
use crate::ports::{PortError, TemplateContent};
use crate::world::api::{Call, Request, Response};
use crate::world::query::{Document, Params, Query, Service, Value};

/// What was laid of a control plane.
#[derive(Clone, Debug)]
pub(super) struct ServersLaid {
    pub(super) group: GroupName,
    /// Where its machines are registered.
    pub(super) targets: TargetGroupArn,
    /// Name of its load balancer, and of that target group.
    pub(super) balancer: String,
    pub(super) machines: u32,
    /// So many are to serve at every instant.
    pub(super) floor: u32,
}

/// What was laid of workers.
#[derive(Clone, Debug)]
pub(super) struct WorkersLaid {
    pub(super) groups: Vec<WorkerGroupLaid>,
    /// So many nodes at most may be drained at once.
    pub(super) budget: u32,
    /// The declared order, for whoever judges it.
    pub(super) order: Vec<OrderRule>,
    /// The workload whose budget can be made to allow nobody to go.
    pub(super) blocked: ObjectName,
}

/// What was laid of one group of workers.
#[derive(Clone, Debug)]
pub(super) struct WorkerGroupLaid {
    pub(super) name: String,
    pub(super) machines: u32,
    /// So many more at most; with 0 some are missing from the beginning.
    pub(super) surge: u32,
    /// So many fewer at most, where there can be none more.
    pub(super) unavailable: u32,
}

impl WorkersLaid {
    /// The group that people touch.
    pub(super) fn first(&self) -> Option<&WorkerGroupLaid> {
        self.groups.first()
    }
}

/// A group that is to be laid. It launches the first version of its launch template.
pub(super) struct GroupToLay<'a> {
    pub(super) name: &'a str,
    pub(super) launch_template: &'a str,
    pub(super) machines: u32,
    pub(super) subnets: &'a [String],
    pub(super) targets: &'a [String],
}

/// A network load balancer with one listener, and the target group behind it: all are called the same.
pub(super) struct BalancerToLay<'a> {
    pub(super) name: &'a str,
    pub(super) port: &'a str,
    pub(super) network: &'a str,
    pub(super) subnets: &'a [String],
    /// Deregistered targets keep their connections for so many seconds.
    pub(super) lets_go_s: &'a str,
}

impl Lab {
    /// Versions of a launch template, beginning with the first.
    pub(super) fn lay_versions(
        &mut self,
        now: Timestamp,
        name: &str,
        versions: &[TemplateContent],
    ) -> Result<(), GroundError> {
        let template = LaunchTemplateName::new(name);
        for (number, content) in versions.iter().enumerate() {
            let token = Token::new(format!("{name}-{number}"));
            self.write_version(now, &template, content, (&token, number > 0))
                .map_err(wrong)?;
        }
        Ok(())
    }

    /// The smallest and the largest that it may be is what it is.
    pub(super) fn lay_group(&mut self, now: Timestamp, wanted: &GroupToLay<'_>) -> Result<(), GroundError> {
        let machines = wanted.machines.to_string();
        let zones = wanted.subnets.join(",");
        let mut said = vec![
            ("AutoScalingGroupName", wanted.name),
            ("MinSize", &machines),
            ("MaxSize", &machines),
            ("DesiredCapacity", &machines),
            ("VPCZoneIdentifier", &zones),
            ("LaunchTemplate.LaunchTemplateName", wanted.launch_template),
            ("LaunchTemplate.Version", "1"),
        ];
        let names: Vec<String> = (1..=wanted.targets.len())
            .map(|nth| format!("TargetGroupARNs.member.{nth}"))
            .collect();
        let targets = wanted.targets.iter().map(String::as_str);
        said.extend(names.iter().map(String::as_str).zip(targets));
        self.by_hand(now, Service::AutoScaling, "CreateAutoScalingGroup", &said)
            .map(drop)
    }

    /// The target group's ARN.
    pub(super) fn lay_balancer(
        &mut self,
        now: Timestamp,
        wanted: &BalancerToLay<'_>,
    ) -> Result<String, GroundError> {
        let names: Vec<String> = (1..=wanted.subnets.len())
            .map(|nth| format!("Subnets.member.{nth}"))
            .collect();
        let mut said = vec![("Name", wanted.name), ("Type", "network")];
        let subnets = wanted.subnets.iter().map(String::as_str);
        said.extend(names.iter().map(String::as_str).zip(subnets));
        let made = self.by_hand(now, Service::LoadBalancing, "CreateLoadBalancer", &said)?;
        let balancer = first(&made, "LoadBalancers", "LoadBalancerArn")?;
        let said = [
            ("Name", wanted.name),
            ("Protocol", "TCP"),
            ("Port", wanted.port),
            ("VpcId", wanted.network),
            ("HealthCheckIntervalSeconds", "10"),
            ("HealthyThresholdCount", "2"),
            ("UnhealthyThresholdCount", "2"),
        ];
        let made = self.by_hand(now, Service::LoadBalancing, "CreateTargetGroup", &said)?;
        let group = first(&made, "TargetGroups", "TargetGroupArn")?;
        self.add_listener(now, (&balancer, wanted.port), &group)?;
        let said = [
            ("TargetGroupArn", group.as_str()),
            ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
            ("Attributes.member.1.Value", wanted.lets_go_s),
        ];
        self.by_hand(now, Service::LoadBalancing, "ModifyTargetGroupAttributes", &said)?;
        Ok(group)
    }

    pub(super) fn add_listener(
        &mut self,
        now: Timestamp,
        (balancer, port): (&str, &str),
        group: &str,
    ) -> Result<(), GroundError> {
        let said = [
            ("LoadBalancerArn", balancer),
            ("Port", port),
            ("Protocol", "TCP"),
            ("DefaultActions.member.1.Type", "forward"),
            ("DefaultActions.member.1.TargetGroupArn", group),
        ];
        self.by_hand(now, Service::LoadBalancing, "CreateListener", &said)
            .map(drop)
    }

    /// A request of somebody who is not rehull.
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
            access_key: Some(PERSON.to_owned()),
            region: Some(self.world.setup().region.clone()),
            request: Request::Query(asked),
        };
        match self.world.handle(now, &call).result.map_err(wrong)? {
            Response::Query(answered) => Ok(answered.document),
            other @ (Response::S3(_) | Response::CallerIdentity(_) | Response::Ec2(_)) => Err(wrong(other)),
        }
    }

    /// A group, as somebody reads it who is not rehull.
    pub(super) fn group_by_hand(
        &mut self,
        now: Timestamp,
        name: &GroupName,
    ) -> Result<Option<Group>, PortError> {
        let key = std::mem::replace(&mut self.key, PERSON.to_owned());
        let found = self.group_view(now, name);
        self.key = key;
        found
    }

    /// What a group launches, its sizes, what is suspended: one line.
    pub(super) fn group_ended(&mut self, now: Timestamp, name: &GroupName) -> Option<String> {
        let found = self.group_by_hand(now, name).ok()??;
        let sizes = found.sizes;
        Some(format!(
            "launches {:?}, {}..{}, desired {}, suspended {:?}",
            found.launches, sizes.min, sizes.max, sizes.desired, found.suspended
        ))
    }
}

/// A text of the first row of a list.
pub(super) fn first(document: &Document, list: &str, name: &str) -> Result<String, GroundError> {
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
