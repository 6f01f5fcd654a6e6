//! Target groups: settings, health check, attributes, and who is registered. Nobody is asked whether it is healthy yet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::balancer::{attribute_list, check_name, invalid, owned_by, set_attributes};
use super::error::AwsError;
use super::instance::Instance;
use super::query::{Document, Operation, Scope, tags};
use super::select::Described as _;

/// A target group of instances behind a network load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TargetGroup {
    pub(super) arn: String,
    name: String,
    protocol: String,
    port: i64,
    vpc: String,
    check: HealthCheck,
    attributes: BTreeMap<String, String>,
    /// Instance and port.
    targets: BTreeSet<(String, i64)>,
    pub(super) tags: Tags,
}

/// How a target is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HealthCheck {
    protocol: String,
    port: String,
    path: Option<String>,
    matcher: Option<String>,
    interval: i64,
    timeout: i64,
    healthy: i64,
    unhealthy: i64,
}

/// Attributes of a new one (API reference, `TargetGroupAttribute`).
const ATTRIBUTES: [(&str, &str); 14] = [
    ("deregistration_delay.connection_termination.enabled", "false"),
    ("deregistration_delay.timeout_seconds", "300"),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
    ),
    ("preserve_client_ip.enabled", "true"),
    ("proxy_protocol_v2.enabled", "false"),
    ("stickiness.enabled", "false"),
    ("stickiness.type", "source_ip"),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        "1",
    ),
    (
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        "off",
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
    ),
    (
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
    ),
    (
        "target_health_state.unhealthy.connection_termination.enabled",
        "true",
    ),
    ("target_health_state.unhealthy.draining_interval_seconds", "0"),
    ("target_failover.on_unhealthy", "no_rebalance"),
];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateTargetGroup", create),
    Operation::of("DescribeTargetGroups", describe),
    Operation::of("ModifyTargetGroup", modify),
    Operation::of("DeleteTargetGroup", delete),
    Operation::of("DescribeTargetGroupAttributes", |world, at| {
        let attributes = &world.target_group_mut(at)?.attributes;
        Ok(attribute_list(attributes))
    }),
    Operation::of("ModifyTargetGroupAttributes", |world, at| {
        let attributes = &mut world.target_group_mut(at)?.attributes;
        set_attributes(attributes, at)?;
        Ok(attribute_list(attributes))
    }),
    Operation::of("RegisterTargets", register),
    Operation::of("DeregisterTargets", |world, at| {
        let targets = targets(at)?;
        let group = world.target_group_mut(at)?;
        group.targets.retain(|(id, port)| !is_among(&targets, id, *port));
        Ok(Document::new())
    }),
    Operation::of("DescribeTargetHealth", target_health),
];

pub(super) fn not_found(arn: &str) -> AwsError {
    AwsError::bad("TargetGroupNotFound", format!("Target group '{arn}' not found"))
}

impl World {
    fn target_group_mut(&mut self, at: &Scope<'_>) -> Result<&mut TargetGroup, AwsError> {
        let arn = at.need("TargetGroupArn")?;
        let group = self.balancing.target_groups.get_mut(&arn);
        group.ok_or_else(|| not_found(&arn))
    }
}

impl HealthCheck {
    /// What is not said stays as it is.
    fn change(&mut self, at: &Scope<'_>) -> Result<(), AwsError> {
        if let Some(protocol) = at.text("HealthCheckProtocol") {
            self.protocol = protocol;
        }
        if let Some(port) = at.text("HealthCheckPort") {
            self.port = port;
        }
        let by_http = self.protocol.starts_with("HTTP");
        let path = at.text("HealthCheckPath");
        let matcher = at.at("Matcher").text("HttpCode");
        if !by_http && (path.is_some() || matcher.is_some()) {
            return Err(invalid(
                "Health check path and matcher need a health check by HTTP or HTTPS",
            ));
        }
        if by_http {
            let former = (self.path.take(), self.matcher.take());
            self.path = path.or(former.0).or_else(|| Some("/".to_owned()));
            self.matcher = matcher.or(former.1).or_else(|| Some("200-399".to_owned()));
        }
        for (name, value, allowed) in [
            ("HealthCheckIntervalSeconds", &mut self.interval, 5..=300),
            ("HealthCheckTimeoutSeconds", &mut self.timeout, 2..=120),
            ("HealthyThresholdCount", &mut self.healthy, 2..=10),
            ("UnhealthyThresholdCount", &mut self.unhealthy, 2..=10),
        ] {
            let said = at.parse(name)?.unwrap_or(*value);
            if !allowed.contains(&said) {
                let (least, most) = (allowed.start(), allowed.end());
                return Err(invalid(format!(
                    "{name} must be between {least} and {most}, not {said}"
                )));
            }
            *value = said;
        }
        Ok(())
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["HealthCheckEnabled", "IpAddressType", "ProtocolVersion"]);
    let (name, vpc) = (at.need("Name")?, at.need("VpcId")?);
    check_name("target group", &name)?;
    let protocol = at.need("Protocol")?;
    if protocol != "TCP" || at.text("TargetType").is_some_and(|kind| kind != "instance") {
        return Err(invalid(
            "The sandbox models target groups of the protocol TCP and of instances only",
        ));
    }
    if !world.network.vpcs.iter().any(|known| known.id == vpc) {
        return Err(invalid(format!("The VPC ID '{vpc}' is not found")));
    }
    if world
        .balancing
        .target_groups
        .values()
        .any(|known| known.name == name)
    {
        return Err(AwsError::bad(
            "DuplicateTargetGroupName",
            format!("A target group with the same name '{name}' exists, but with different settings"),
        ));
    }
    let mut check = HealthCheck {
        protocol: "TCP".to_owned(),
        port: "traffic-port".to_owned(),
        path: None,
        matcher: None,
        interval: 30,
        timeout: 10,
        healthy: 5,
        unhealthy: 2,
    };
    check.change(at)?;
    let arn = world.balancing_arn("targetgroup", &name);
    let group = TargetGroup {
        arn: arn.clone(),
        name,
        protocol,
        port: at.parse("Port")?.unwrap_or_default(),
        vpc,
        check,
        attributes: owned_by(&ATTRIBUTES),
        targets: BTreeSet::new(),
        tags: tags(at),
    };
    let answer = Document::new().list("TargetGroups", [row(world, &group)]);
    world.balancing.target_groups.insert(arn, group);
    Ok(answer)
}

fn row(world: &World, one: &TargetGroup) -> Document {
    let listeners = world
        .balancing
        .listeners
        .values()
        .filter(|listener| listener.forwards_to(&one.arn));
    let balancers: BTreeSet<String> = listeners.map(|listener| listener.balancer.clone()).collect();
    let check = &one.check;
    let document = Document::new()
        .text("TargetGroupArn", &one.arn)
        .text("TargetGroupName", &one.name)
        .text("Protocol", &one.protocol)
        .number("Port", one.port)
        .text("VpcId", &one.vpc)
        .text("TargetType", "instance")
        .text("IpAddressType", "ipv4")
        .flag("HealthCheckEnabled", true)
        .text("HealthCheckProtocol", &check.protocol)
        .text("HealthCheckPort", &check.port)
        .maybe("HealthCheckPath", check.path.as_ref())
        .number("HealthCheckIntervalSeconds", check.interval)
        .number("HealthCheckTimeoutSeconds", check.timeout)
        .number("HealthyThresholdCount", check.healthy)
        .number("UnhealthyThresholdCount", check.unhealthy)
        .list("LoadBalancerArns", balancers);
    match &check.matcher {
        Some(codes) => document.document("Matcher", Document::new().text("HttpCode", codes)),
        None => document,
    }
}

fn describe(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["PageSize", "Marker"]);
    let (arns, names) = (at.list("TargetGroupArns"), at.list("Names"));
    let of_balancer = at.text("LoadBalancerArn");
    let all = &world.balancing.target_groups;
    if let Some(missing) = arns.iter().find(|arn| !all.contains_key(*arn)) {
        return Err(not_found(missing));
    }
    if let Some(missing) = names
        .iter()
        .find(|name| !all.values().any(|one| one.name == **name))
    {
        return Err(AwsError::bad(
            "TargetGroupNotFound",
            format!("One or more target groups not found: {missing}"),
        ));
    }
    let is_behind = |one: &TargetGroup| {
        of_balancer.as_ref().is_none_or(|arn| {
            let mut listeners = world.balancing.listeners.values();
            listeners.any(|listener| listener.balancer == *arn && listener.forwards_to(&one.arn))
        })
    };
    let is_named = |one: &TargetGroup| {
        (arns.is_empty() && names.is_empty()) || arns.contains(&one.arn) || names.contains(&one.name)
    };
    let rows = all
        .values()
        .filter(|one| is_named(one) && is_behind(one))
        .map(|one| row(world, one));
    Ok(Document::new().list("TargetGroups", rows))
}

fn modify(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["HealthCheckEnabled"]);
    let group = world.target_group_mut(at)?;
    group.check.change(at)?;
    let group = group.clone();
    Ok(Document::new().list("TargetGroups", [row(world, &group)]))
}

fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let arn = at.need("TargetGroupArn")?;
    if world
        .balancing
        .listeners
        .values()
        .any(|listener| listener.forwards_to(&arn))
    {
        return Err(AwsError::bad(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    world.balancing.target_groups.remove(&arn);
    Ok(Document::new())
}

fn targets(at: &Scope<'_>) -> Result<Vec<(String, Option<i64>)>, AwsError> {
    let rows = at.items("Targets");
    rows.iter()
        .map(|target| Ok((target.need("Id")?, target.parse("Port")?)))
        .collect()
}

fn is_among(wanted: &[(String, Option<i64>)], id: &str, port: i64) -> bool {
    wanted
        .iter()
        .any(|(known, at)| known == id && at.is_none_or(|at| at == port))
}

fn register(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    for (id, port) in targets(at)? {
        if !world.instances.contains_key(&id) {
            let why = Instance::not_found(&id).message;
            return Err(AwsError::bad("InvalidTarget", why));
        }
        let group = world.target_group_mut(at)?;
        group.targets.insert((id, port.unwrap_or(group.port)));
    }
    Ok(Document::new())
}

/// Nobody asks the targets: they stay at the beginning.
fn target_health(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let wanted = targets(at)?;
    let group = world.target_group_mut(at)?;
    let rows = group
        .targets
        .iter()
        .filter(|(id, port)| wanted.is_empty() || is_among(&wanted, id, *port));
    let rows = rows.map(|(id, port)| {
        let health = Document::new()
            .text("State", "initial")
            .text("Reason", "Elb.RegistrationInProgress")
            .text(
                "Description",
                "The sandbox does not ask targets for their health yet",
            );
        Document::new()
            .document("Target", Document::new().text("Id", id).number("Port", *port))
            .text("HealthCheckPort", port.to_string())
            .document("TargetHealth", health)
    });
    Ok(Document::new().list("TargetHealthDescriptions", rows))
}
