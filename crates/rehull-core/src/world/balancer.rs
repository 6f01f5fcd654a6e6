//! Load balancers: the nouns, their attributes and tags. Where connections go: [`data_plane`](super::data_plane).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::error::AwsError;
use super::listener::Listener;
use super::query::{Document, Operation, Scope, tag_list, tags};
use super::target_group::TargetGroup;

/// Load balancers, target groups and listeners by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Balancing {
    pub(super) balancers: BTreeMap<String, LoadBalancer>,
    pub(super) target_groups: BTreeMap<String, TargetGroup>,
    pub(super) listeners: BTreeMap<String, Listener>,
}

/// A network load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LoadBalancer {
    pub(super) arn: String,
    name: String,
    is_internal: bool,
    vpc: String,
    pub(super) subnets: Vec<String>,
    pub(super) security_groups: Vec<String>,
    created: Timestamp,
    attributes: BTreeMap<String, String>,
    tags: Tags,
}

impl LoadBalancer {
    pub(super) fn is_on(&self, attribute: &str) -> bool {
        self.attributes
            .get(attribute)
            .is_some_and(|value| value == "true")
    }
}

/// Attributes of a new one (API reference, `LoadBalancerAttribute`).
const ATTRIBUTES: [(&str, &str); 7] = [
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("dns_record.client_routing_policy", "any_availability_zone"),
    ("load_balancing.cross_zone.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateLoadBalancer", create),
    Operation::of("DescribeLoadBalancers", describe),
    Operation::of("DeleteLoadBalancer", delete),
    Operation::of("DescribeLoadBalancerAttributes", |world, at| {
        let attributes = &world.balancer(&at.need("LoadBalancerArn")?)?.attributes;
        Ok(attribute_list(attributes))
    }),
    Operation::of("ModifyLoadBalancerAttributes", |world, at| {
        let attributes = &mut world.balancer_mut(&at.need("LoadBalancerArn")?)?.attributes;
        set_attributes(attributes, at)?;
        Ok(attribute_list(attributes))
    }),
    Operation::of("SetSecurityGroups", set_security_groups),
    Operation::of("DescribeCapacityReservation", |world, at| {
        world.balancer(&at.need("LoadBalancerArn")?)?;
        Ok(Document::new().list("CapacityReservationState", Vec::<Document>::new()))
    }),
    Operation::of("AddTags", add_tags),
    Operation::of("RemoveTags", remove_tags),
    Operation::of("DescribeTags", describe_tags),
];

/// `Attributes.N.Key` and `.Value`; a name that this kind does not have is refused.
pub(super) fn set_attributes(known: &mut BTreeMap<String, String>, at: &Scope<'_>) -> Result<(), AwsError> {
    for attribute in at.items("Attributes") {
        let (key, value) = (
            attribute.need("Key")?,
            attribute.text("Value").unwrap_or_default(),
        );
        match known.get_mut(&key) {
            Some(former) => *former = value,
            None => return Err(invalid(format!("Attribute key '{key}' is not recognized"))),
        }
    }
    Ok(())
}

pub(super) fn attribute_list(known: &BTreeMap<String, String>) -> Document {
    let rows = known.iter();
    let rows = rows.map(|(key, value)| Document::new().text("Key", key).text("Value", value));
    Document::new().list("Attributes", rows)
}

pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::bad("ValidationError", message)
}

pub(super) fn owned_by(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn not_found(arn: &str) -> AwsError {
    AwsError::bad("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"))
}

impl World {
    pub(super) fn balancing_arn(&mut self, kind: &str, path: &str) -> String {
        let id = self.new_id("x").replace("x-0", "");
        let (region, account) = (&self.setup.region, &self.setup.account);
        format!("arn:aws:elasticloadbalancing:{region}:{account}:{kind}/{path}/{id}")
    }

    pub(super) fn balancer(&self, arn: &str) -> Result<&LoadBalancer, AwsError> {
        self.balancing.balancers.get(arn).ok_or_else(|| not_found(arn))
    }

    fn balancer_mut(&mut self, arn: &str) -> Result<&mut LoadBalancer, AwsError> {
        self.balancing
            .balancers
            .get_mut(arn)
            .ok_or_else(|| not_found(arn))
    }

    fn balancing_tags(&mut self, arn: &str) -> Result<&mut Tags, AwsError> {
        let balancing = &mut self.balancing;
        if let Some(listener) = balancing.listeners.get_mut(arn) {
            return Ok(&mut listener.tags);
        }
        if let Some(group) = balancing.target_groups.get_mut(arn) {
            return Ok(&mut group.tags);
        }
        let balancer = balancing.balancers.get_mut(arn);
        balancer.map(|one| &mut one.tags).ok_or_else(|| not_found(arn))
    }
}

/// 32 letters, digits and hyphens, for both kinds of things that have a name.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), AwsError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (1..=32).contains(&name.len())
        && name.chars().all(legal)
        && !name.starts_with('-')
        && !name.ends_with('-')
    {
        return Ok(());
    }
    Err(invalid(format!(
        "The {what} name '{name}' must have 1 to 32 letters, digits and hyphens, and no hyphen at its ends"
    )))
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("Name")?;
    check_name("load balancer", &name)?;
    if at.text("Type").as_deref() != Some("network") {
        return Err(invalid(
            "The sandbox models load balancers of the type network only",
        ));
    }
    if at.text("IpAddressType").is_some_and(|kind| kind != "ipv4") {
        return Err(invalid(
            "The sandbox models load balancers of the address type ipv4 only",
        ));
    }
    if world.balancing.balancers.values().any(|known| known.name == name) {
        return Err(AwsError::bad(
            "DuplicateLoadBalancerName",
            format!("A load balancer with the same name '{name}' exists, but with different settings"),
        ));
    }
    let mappings = at.items("SubnetMappings");
    let mappings = mappings
        .iter()
        .map(|mapping| mapping.need("SubnetId"))
        .collect::<Result<Vec<_>, _>>()?;
    let subnets: Vec<String> = at.list("Subnets").into_iter().chain(mappings).collect();
    let mut vpc = None;
    let mut zones = Vec::new();
    for id in &subnets {
        let subnet = world
            .subnet(id)
            .map_err(|_| AwsError::bad("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))?;
        if zones.contains(&subnet.zone) {
            return Err(AwsError::bad(
                "InvalidConfigurationRequest",
                "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
            ));
        }
        zones.push(subnet.zone.clone());
        vpc.get_or_insert_with(|| subnet.vpc.clone());
    }
    let vpc = vpc.ok_or_else(|| invalid("At least one subnet must be specified"))?;
    let security_groups = at.list("SecurityGroups");
    world.check_security_groups(&security_groups)?;
    let arn = world.balancing_arn("loadbalancer", &format!("net/{name}"));
    let balancer = LoadBalancer {
        arn: arn.clone(),
        name,
        is_internal: at.text("Scheme").as_deref() == Some("internal"),
        vpc,
        subnets,
        security_groups,
        created: world.now,
        attributes: owned_by(&ATTRIBUTES),
        tags: tags(at),
    };
    let answer = Document::new().list("LoadBalancers", [row(world, &balancer)]);
    world.balancing.balancers.insert(arn, balancer);
    Ok(answer)
}

fn row(world: &World, one: &LoadBalancer) -> Document {
    let (_, id) = one.arn.rsplit_once('/').unwrap_or_default();
    let scheme = if one.is_internal {
        "internal"
    } else {
        "internet-facing"
    };
    let zones = one.subnets.iter().filter_map(|id| world.subnet(id).ok());
    let zones = zones.map(|subnet| {
        Document::new()
            .text("ZoneName", &subnet.zone)
            .text("SubnetId", &subnet.id)
    });
    let document = Document::new()
        .text("LoadBalancerArn", &one.arn)
        .text("LoadBalancerName", &one.name)
        .text(
            "DNSName",
            format!("{}-{id}.elb.{}.amazonaws.com", one.name, world.setup.region),
        )
        .text("CanonicalHostedZoneId", "Z31USIVHYNEOWT")
        .text("CreatedTime", one.created.to_string())
        .text("Scheme", scheme)
        .text("Type", "network")
        .text("IpAddressType", "ipv4")
        .text("VpcId", &one.vpc)
        .document("State", Document::new().text("Code", "active"))
        .list("AvailabilityZones", zones);
    if one.security_groups.is_empty() {
        return document;
    }
    document
        .list("SecurityGroups", one.security_groups.iter().cloned())
        .text("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", "on")
}

fn describe(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["PageSize", "Marker"]);
    let (arns, names) = (at.list("LoadBalancerArns"), at.list("Names"));
    let all = &world.balancing.balancers;
    if let Some(missing) = arns.iter().find(|arn| !all.contains_key(*arn)) {
        return Err(not_found(missing));
    }
    if let Some(missing) = names
        .iter()
        .find(|name| !all.values().any(|one| one.name == **name))
    {
        return Err(AwsError::bad(
            "LoadBalancerNotFound",
            format!("Load balancers '[{missing}]' not found"),
        ));
    }
    let is_wanted = |one: &&LoadBalancer| {
        (arns.is_empty() && names.is_empty()) || arns.contains(&one.arn) || names.contains(&one.name)
    };
    let rows = all.values().filter(is_wanted).map(|one| row(world, one));
    Ok(Document::new().list("LoadBalancers", rows))
}

/// One that is not there is success (API reference, `DeleteLoadBalancer`). Its listeners go with it.
fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let arn = at.need("LoadBalancerArn")?;
    let protected = |one: &LoadBalancer| {
        one.attributes
            .get("deletion_protection.enabled")
            .is_some_and(|on| on == "true")
    };
    if world.balancing.balancers.get(&arn).is_some_and(protected) {
        return Err(AwsError::bad(
            "OperationNotPermitted",
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
        ));
    }
    world
        .balancing
        .listeners
        .retain(|_, listener| listener.balancer != arn);
    world.balancing.balancers.remove(&arn);
    Ok(Document::new())
}

/// Only one that had a group at its creation can get another (NLB user guide, "Update the security groups").
fn set_security_groups(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"]);
    let groups = at.list("SecurityGroups");
    world.check_security_groups(&groups)?;
    let balancer = world.balancer_mut(&at.need("LoadBalancerArn")?)?;
    if balancer.security_groups.is_empty() != groups.is_empty() {
        return Err(AwsError::bad(
            "InvalidConfigurationRequest",
            "A load balancer of type 'network' takes its first security group at creation only",
        ));
    }
    balancer.security_groups.clone_from(&groups);
    Ok(Document::new().list("SecurityGroupIds", groups))
}

fn add_tags(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    for arn in at.list("ResourceArns") {
        world.balancing_tags(&arn)?.extend(tags(at));
    }
    Ok(Document::new())
}

fn remove_tags(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let keys = at.list("TagKeys");
    for arn in at.list("ResourceArns") {
        world.balancing_tags(&arn)?.retain(|key, _| !keys.contains(key));
    }
    Ok(Document::new())
}

fn describe_tags(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let mut rows = Vec::new();
    for arn in at.list("ResourceArns") {
        let tags = tag_list(world.balancing_tags(&arn)?);
        rows.push(Document::new().text("ResourceArn", arn).list("Tags", tags));
    }
    Ok(Document::new().list("TagDescriptions", rows))
}
