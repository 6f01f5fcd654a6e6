//! VPCs and subnets that somebody makes, changes and deletes. What is in a network keeps it from going.

use super::World;
use super::api::ec2::Tags;
use super::error::AwsError;
use super::network::{Cidr, SecurityGroup, Subnet, Vpc, VpcAttributes};
use super::query::ec2::{done, tag_set, tags_for};
use super::query::{Document, Operation, Scope};
use super::route::{Acl, Table};
use super::security::Rule;
use super::select::Described as _;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateVpc", create_vpc),
    Operation::of("ModifyVpcAttribute", modify_vpc_attribute),
    Operation::of("DescribeVpcAttribute", describe_vpc_attribute),
    Operation::of("DeleteVpc", delete_vpc),
    Operation::of("CreateSubnet", create_subnet),
    Operation::of("ModifySubnetAttribute", modify_subnet_attribute),
    Operation::of("DeleteSubnet", delete_subnet),
];

/// A range as a caller writes it.
pub(super) fn cidr(at: &Scope<'_>, name: &str) -> Result<Cidr, AwsError> {
    let text = at.need(name)?;
    text.parse().map_err(|()| {
        AwsError::value(format!(
            "Value ({text}) for parameter {name} is invalid. This is not a valid CIDR block."
        ))
    })
}

/// EC2's refusal to delete what something else needs.
pub(super) fn dependency(what: &str, id: &str) -> AwsError {
    AwsError::bad(
        "DependencyViolation",
        format!("The {what} '{id}' has dependencies and cannot be deleted."),
    )
}

fn create_vpc(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["AmazonProvidedIpv6CidrBlock", "InstanceTenancy"]);
    let cidr = cidr(at, "CidrBlock")?;
    if !(16..=28).contains(&cidr.bits) {
        return Err(AwsError::bad(
            "InvalidVpc.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    let vpc = Vpc {
        id: world.new_id("vpc"),
        cidr,
        is_default: false,
        attributes: VpcAttributes::default(),
        tags: tags_for(at, "vpc")?,
    };
    // What every network is born with.
    let group = world.new_id("sg");
    let everything = Rule::allow_all(world.new_id("sgr"), group.clone());
    world.network.security_groups.push(SecurityGroup {
        id: group,
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc: vpc.id.clone(),
        rules: vec![everything],
        tags: Tags::new(),
    });
    let table = Table::main(world.new_id("rtb"), world.new_id("rtbassoc"), &vpc);
    world.ways.tables.insert(table.id.clone(), table);
    let acl = Acl {
        id: world.new_id("acl"),
        vpc: vpc.id.clone(),
    };
    world.ways.acls.insert(acl.id.clone(), acl);
    let answer = Document::new().document("vpc", row(world, &vpc));
    world.network.vpcs.push(vpc);
    Ok(answer)
}

fn row(world: &World, one: &Vpc) -> Document {
    let document = Document::new()
        .text("vpcId", &one.id)
        .text("ownerId", &world.setup.account)
        .text("state", "available")
        .text("cidrBlock", one.cidr.to_string())
        .flag("isDefault", one.is_default)
        .text("instanceTenancy", "default");
    tag_set(document, &one.tags)
}

fn vpc_mut<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Vpc, AwsError> {
    let found = world.network.vpcs.iter_mut().find(|vpc| vpc.id == id);
    found.ok_or_else(|| Vpc::not_found(id))
}

fn modify_vpc_attribute(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let vpc = vpc_mut(world, &at.need("VpcId")?)?;
    let said = |name: &str| at.at(name).parse::<bool>("Value");
    let attributes = &mut vpc.attributes;
    if let Some(on) = said("EnableDnsSupport")? {
        attributes.dns_support = on;
    }
    if let Some(on) = said("EnableDnsHostnames")? {
        attributes.dns_hostnames = on;
    }
    if let Some(on) = said("EnableNetworkAddressUsageMetrics")? {
        attributes.usage_metrics = on;
    }
    Ok(done())
}

fn describe_vpc_attribute(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let vpc = vpc_mut(world, &at.need("VpcId")?)?;
    let wanted = at.need("Attribute")?;
    let (name, on) = match wanted.as_str() {
        "enableDnsSupport" => ("enableDnsSupport", vpc.attributes.dns_support),
        "enableDnsHostnames" => ("enableDnsHostnames", vpc.attributes.dns_hostnames),
        "enableNetworkAddressUsageMetrics" => {
            ("enableNetworkAddressUsageMetrics", vpc.attributes.usage_metrics)
        }
        other => {
            return Err(AwsError::value(format!(
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            )));
        }
    };
    Ok(Document::new()
        .text("vpcId", &vpc.id)
        .document(name, Document::new().flag("value", on)))
}

fn delete_vpc(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("VpcId")?;
    vpc_mut(world, &id)?;
    let network = &world.network;
    let has_subnet = network.subnets.iter().any(|subnet| subnet.vpc == id);
    let mut groups = network.security_groups.iter().filter(|group| group.vpc == id);
    let has_group = groups.any(|group| group.name != "default");
    let mut tables = world.ways.tables.values().filter(|table| table.vpc == id);
    let has_table = tables.any(|table| !table.is_main());
    let has_endpoint = world.ways.endpoints.values().any(|endpoint| endpoint.vpc == id);
    if has_subnet || has_group || has_table || has_endpoint || world.gateways.is_attached_to(&id) {
        return Err(dependency("vpc", &id));
    }
    world.network.security_groups.retain(|group| group.vpc != id);
    world.ways.tables.retain(|_, table| table.vpc != id);
    world.ways.acls.retain(|_, acl| acl.vpc != id);
    world.network.vpcs.retain(|vpc| vpc.id != id);
    Ok(done())
}

fn create_subnet(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let vpc = vpc_mut(world, &at.need("VpcId")?)?.clone();
    let cidr = cidr(at, "CidrBlock")?;
    if !vpc.cidr.encloses(cidr) || !(16..=28).contains(&cidr.bits) {
        return Err(AwsError::bad(
            "InvalidSubnet.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    let mut neighbours = world.network.subnets.iter().filter(|subnet| subnet.vpc == vpc.id);
    if neighbours.any(|subnet| subnet.cidr.overlaps(cidr)) {
        return Err(AwsError::bad(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{cidr}' conflicts with another subnet"),
        ));
    }
    let zones = world.zones();
    let zone = at
        .text("AvailabilityZone")
        .or_else(|| zones.first().cloned())
        .unwrap_or_default();
    if !zones.contains(&zone) {
        let known = zones.join(", ");
        return Err(AwsError::value(format!(
            "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the \
             following availability zones: {known}."
        )));
    }
    let subnet = Subnet {
        id: world.new_id("subnet"),
        vpc: vpc.id,
        zone,
        cidr,
        last_given: None,
        public_addresses: false,
        tags: tags_for(at, "subnet")?,
    };
    let made = Document::new()
        .text("subnetId", &subnet.id)
        .text("state", "available")
        .text("vpcId", &subnet.vpc)
        .text("cidrBlock", subnet.cidr.to_string())
        .text("availabilityZone", &subnet.zone);
    let answer = Document::new().document("subnet", tag_set(made, &subnet.tags));
    world.network.subnets.push(subnet);
    Ok(answer)
}

fn modify_subnet_attribute(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("SubnetId")?;
    let public = at.at("MapPublicIpOnLaunch").flag("Value")?;
    let mut subnets = world.network.subnets.iter_mut();
    let subnet = subnets
        .find(|subnet| subnet.id == id)
        .ok_or_else(|| Subnet::not_found(&id))?;
    subnet.public_addresses = public;
    Ok(done())
}

fn delete_subnet(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("SubnetId")?;
    world.subnet(&id)?;
    let has_interface = world.interfaces.values().any(|interface| interface.subnet == id);
    let has_gateway = world.gateways.nats.values().any(|nat| nat.subnet == id);
    let has_balancer = world
        .balancing
        .balancers
        .values()
        .any(|one| one.subnets.contains(&id));
    if has_interface || has_gateway || has_balancer {
        return Err(dependency("subnet", &id));
    }
    for table in world.ways.tables.values_mut() {
        table
            .associations
            .retain(|_, subnet| subnet.as_deref() != Some(id.as_str()));
    }
    world.network.subnets.retain(|subnet| subnet.id != id);
    Ok(done())
}
