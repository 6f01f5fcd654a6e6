//! Listeners: a port of a load balancer and the target group behind it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::balancer::{attribute_list, invalid, owned_by, set_attributes};
use super::error::AwsError;
use super::query::{Document, Operation, Scope, tags};
use super::target_group;

/// A TCP listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listener {
    arn: String,
    pub(super) balancer: String,
    pub(super) port: i64,
    protocol: String,
    pub(super) target_group: String,
    attributes: BTreeMap<String, String>,
    pub(super) tags: Tags,
}

/// Attributes of a new one (API reference, `ListenerAttribute`).
const ATTRIBUTES: [(&str, &str); 1] = [("tcp.idle_timeout.seconds", "350")];

impl Listener {
    pub(super) fn forwards_to(&self, target_group: &str) -> bool {
        self.target_group == target_group
    }
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateListener", create),
    Operation::of("DescribeListeners", describe),
    Operation::of("ModifyListener", modify),
    Operation::of("DeleteListener", |world, at| {
        let arn = at.need("ListenerArn")?;
        let gone = world.balancing.listeners.remove(&arn);
        gone.map(|_| Document::new()).ok_or_else(|| not_found(&arn))
    }),
    Operation::of("DescribeListenerAttributes", |world, at| {
        Ok(attribute_list(&world.listener_mut(at)?.attributes))
    }),
    Operation::of("ModifyListenerAttributes", |world, at| {
        let attributes = &mut world.listener_mut(at)?.attributes;
        set_attributes(attributes, at)?;
        Ok(attribute_list(attributes))
    }),
];

fn not_found(arn: &str) -> AwsError {
    AwsError::bad("ListenerNotFound", format!("Listener '{arn}' not found"))
}

impl World {
    fn listener_mut(&mut self, at: &Scope<'_>) -> Result<&mut Listener, AwsError> {
        let arn = at.need("ListenerArn")?;
        self.balancing
            .listeners
            .get_mut(&arn)
            .ok_or_else(|| not_found(&arn))
    }
}

/// The one action that is modelled: all to one target group, written in either of its two forms.
fn forward(world: &World, at: &Scope<'_>) -> Result<Option<String>, AwsError> {
    let actions = at.items("DefaultActions");
    let mut groups = Vec::new();
    for action in &actions {
        action.ignore(&["Order"]);
        if action.need("Type")? != "forward" {
            return Err(invalid("The sandbox models actions of the type forward only"));
        }
        groups.extend(action.text("TargetGroupArn"));
        let all = action.at("ForwardConfig");
        for group in all.items("TargetGroups") {
            group.ignore(&["Weight"]);
            groups.push(group.need("TargetGroupArn")?);
        }
        all.at("TargetGroupStickinessConfig")
            .ignore(&["Enabled", "DurationSeconds"]);
    }
    groups.dedup();
    match groups.as_slice() {
        [] => Ok(None),
        [arn] if world.balancing.target_groups.contains_key(arn) => Ok(Some(arn.clone())),
        [arn] => Err(target_group::not_found(arn)),
        _ => Err(invalid("The sandbox models one target group per listener")),
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let balancer = at.need("LoadBalancerArn")?;
    let (_, path) = world
        .balancer(&balancer)?
        .arn
        .split_once(":loadbalancer/")
        .unwrap_or_default();
    let path = path.to_owned();
    let (port, protocol) = (at.parse("Port")?.unwrap_or_default(), at.need("Protocol")?);
    if protocol != "TCP" {
        return Err(AwsError::bad(
            "UnsupportedProtocol",
            "The sandbox models listeners of the protocol TCP only",
        ));
    }
    let mut known = world.balancing.listeners.values();
    if known.any(|known| known.balancer == balancer && known.port == port) {
        return Err(AwsError::bad(
            "DuplicateListener",
            format!("A listener already exists on port {port} for this load balancer '{balancer}'"),
        ));
    }
    let target_group = forward(world, at)?.ok_or_else(|| invalid("A listener needs a default action"))?;
    let arn = world.balancing_arn("listener", &path);
    let listener = Listener {
        arn: arn.clone(),
        balancer,
        port,
        protocol,
        target_group,
        attributes: owned_by(&ATTRIBUTES),
        tags: tags(at),
    };
    let answer = Document::new().list("Listeners", [row(&listener)]);
    world.balancing.listeners.insert(arn, listener);
    Ok(answer)
}

fn row(one: &Listener) -> Document {
    let targets = Document::new()
        .text("TargetGroupArn", &one.target_group)
        .number("Weight", 1);
    let forward = Document::new().list("TargetGroups", [targets]).document(
        "TargetGroupStickinessConfig",
        Document::new().flag("Enabled", false),
    );
    let action = Document::new()
        .text("Type", "forward")
        .text("TargetGroupArn", &one.target_group)
        .document("ForwardConfig", forward);
    Document::new()
        .text("ListenerArn", &one.arn)
        .text("LoadBalancerArn", &one.balancer)
        .number("Port", one.port)
        .text("Protocol", &one.protocol)
        .list("DefaultActions", [action])
}

fn describe(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["PageSize", "Marker"]);
    let (arns, balancer) = (at.list("ListenerArns"), at.text("LoadBalancerArn"));
    let all = &world.balancing.listeners;
    if let Some(missing) = arns.iter().find(|arn| !all.contains_key(*arn)) {
        return Err(not_found(missing));
    }
    let is_wanted = |one: &&Listener| {
        (arns.is_empty() || arns.contains(&one.arn))
            && balancer.as_ref().is_none_or(|arn| *arn == one.balancer)
    };
    Ok(Document::new().list("Listeners", all.values().filter(is_wanted).map(row)))
}

fn modify(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let target_group = forward(world, at)?;
    let listener = world.listener_mut(at)?;
    if let Some(target_group) = target_group {
        listener.target_group = target_group;
    }
    if let Some(port) = at.parse("Port")? {
        listener.port = port;
    }
    if at
        .text("Protocol")
        .is_some_and(|protocol| protocol != listener.protocol)
    {
        return Err(AwsError::bad(
            "UnsupportedProtocol",
            "The sandbox models listeners of the protocol TCP only",
        ));
    }
    Ok(Document::new().list("Listeners", [row(listener)]))
}
