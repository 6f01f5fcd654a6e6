//! Target groups: settings, health check, attributes. Who is registered: [`registration`](super::registration).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::balancer::{attribute_list, check_name, invalid, owned_by, set_attributes};
use super::error::AwsError;
use super::query::{Document, Operation, Scope, tags};
use super::target::Target;

/// A target group of instances behind a network load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TargetGroup {
    pub(super) arn: String,
    name: String,
    protocol: String,
    pub(super) port: i64,
    pub(super) vpc: String,
    pub(super) check: HealthCheck,
    attributes: BTreeMap<String, String>,
    /// By instance and port.
    pub(super) targets: Vec<Target>,
    pub(super) tags: Tags,
}

/// How a target is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `TCP`, `HTTP` or `HTTPS`.
    pub protocol: String,
    /// `traffic-port`, or its number.
    pub port: String,
    /// Path of a check by HTTP.
    pub path: Option<String>,
    /// Codes that pass, for example `200-399`.
    pub matcher: Option<String>,
    /// Seconds from one to the next.
    pub interval: i64,
    /// Seconds until nothing is an answer, too.
    pub timeout: i64,
    /// So many in a row make a target healthy.
    pub healthy: i64,
    /// So many in a row make it unhealthy.
    pub unhealthy: i64,
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
        let group = world.target_group_mut(at)?;
        set_attributes(&mut group.attributes, at)?;
        check_seconds(group)?;
        Ok(attribute_list(&group.attributes))
    }),
];

/// Attributes that are times. The model counts with them, so they must be numbers here.
fn check_seconds(group: &TargetGroup) -> Result<(), AwsError> {
    for (key, most) in [
        ("deregistration_delay.timeout_seconds", 3_600),
        ("target_health_state.unhealthy.draining_interval_seconds", 360_000),
    ] {
        let value = group.attribute(key);
        if !value.parse::<u64>().is_ok_and(|seconds| seconds <= most) {
            return Err(invalid(format!(
                "Attribute '{key}' must be between 0 and {most}, not '{value}'"
            )));
        }
    }
    Ok(())
}

pub(super) fn not_found(arn: &str) -> AwsError {
    AwsError::bad("TargetGroupNotFound", format!("Target group '{arn}' not found"))
}

impl World {
    pub(super) fn target_group_mut(&mut self, at: &Scope<'_>) -> Result<&mut TargetGroup, AwsError> {
        let arn = at.need("TargetGroupArn")?;
        let group = self.balancing.target_groups.get_mut(&arn);
        group.ok_or_else(|| not_found(&arn))
    }
}

impl TargetGroup {
    /// An attribute's value; this kind has no other attributes than those of a new one.
    pub(super) fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }

    pub(super) fn is_on(&self, key: &str) -> bool {
        self.attribute(key) == "true"
    }

    fn seconds(&self, key: &str) -> Duration {
        Duration::from_secs(self.attribute(key).parse().unwrap_or(0))
    }

    pub(super) fn deregistration_delay(&self) -> Duration {
        self.seconds("deregistration_delay.timeout_seconds")
    }

    /// How long an unhealthy target counts as draining; only one whose connections are not cut.
    pub(super) fn unhealthy_draining(&self) -> Duration {
        if self.is_on("target_health_state.unhealthy.connection_termination.enabled") {
            return Duration::ZERO;
        }
        self.seconds("target_health_state.unhealthy.draining_interval_seconds")
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
        targets: Vec::new(),
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
    world.plan_turns(&group.arn);
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
