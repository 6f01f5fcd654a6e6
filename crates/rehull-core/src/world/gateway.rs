//! Ways out of a network: internet gateways, elastic addresses, NAT gateways. Held and told; no packet takes them.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::{CreateNetworkInterface, Tags};
use super::error::AwsError;
use super::network::{Vpc, laid};
use super::query::ec2::{self, done, tag_set, tags_for};
use super::query::{Document, Operation, Scope};
use super::route::Route;
use super::select::Described as _;
use super::vpc::dependency;

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gateways {
    pub(super) internet: BTreeMap<String, InternetGateway>,
    pub(super) addresses: BTreeMap<String, Address>,
    pub(super) nats: BTreeMap<String, Nat>,
}

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InternetGateway {
    id: String,
    vpc: Option<String>,
    pub(super) tags: Tags,
}

/// An elastic address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Address {
    id: String,
    public: Ipv4Addr,
    /// Association and interface, while a NAT gateway has it.
    at: Option<(String, String, Ipv4Addr)>,
    pub(super) tags: Tags,
}

/// A public NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nat {
    id: String,
    pub(super) subnet: String,
    vpc: String,
    allocation: String,
    pub(super) tags: Tags,
}

laid!(
    InternetGateway,
    &["internet-gateway-id", "attachment.vpc-id"],
    "InvalidInternetGatewayID.NotFound",
    "The internetGateway ID '{}' does not exist",
    |row, filter| match filter {
        "internet-gateway-id" => vec![row.id.clone()],
        "attachment.vpc-id" => row.vpc.clone().into_iter().collect(),
        _ => vec![],
    }
);
laid!(
    Address,
    &["allocation-id", "association-id", "public-ip", "domain"],
    "InvalidAllocationID.NotFound",
    "The allocation ID '{}' does not exist",
    |row, filter| match filter {
        "allocation-id" => vec![row.id.clone()],
        "association-id" => row
            .at
            .iter()
            .map(|(association, ..)| association.clone())
            .collect(),
        "public-ip" => vec![row.public.to_string()],
        "domain" => vec!["vpc".to_owned()],
        _ => vec![],
    }
);
laid!(
    Nat,
    &["nat-gateway-id", "subnet-id", "vpc-id", "state"],
    "NatGatewayNotFound",
    "NatGateway {} was not found",
    |row, filter| match filter {
        "nat-gateway-id" => vec![row.id.clone()],
        "subnet-id" => vec![row.subnet.clone()],
        "vpc-id" => vec![row.vpc.clone()],
        "state" => vec!["available".to_owned()],
        _ => vec![],
    }
);

impl Gateways {
    pub(super) fn is_attached_to(&self, vpc: &str) -> bool {
        self.internet
            .values()
            .any(|gateway| gateway.vpc.as_deref() == Some(vpc))
    }

    pub(super) fn check_internet(&self, id: &str) -> Result<(), AwsError> {
        self.internet
            .get(id)
            .map(|_| ())
            .ok_or_else(|| InternetGateway::not_found(id))
    }

    pub(super) fn check_nat(&self, id: &str) -> Result<(), AwsError> {
        self.nats.get(id).map(|_| ()).ok_or_else(|| Nat::not_found(id))
    }
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateInternetGateway", create_internet),
    Operation::of("DescribeInternetGateways", |world, at| {
        INTERNET.answer(world, at, world.gateways.internet.values())
    }),
    Operation::of("AttachInternetGateway", attach),
    Operation::of("DetachInternetGateway", detach),
    Operation::of("DeleteInternetGateway", delete_internet),
    Operation::of("AllocateAddress", allocate),
    Operation::of("DescribeAddresses", |world, at| {
        ADDRESSES.answer(world, at, world.gateways.addresses.values())
    }),
    Operation::of("DescribeAddressesAttribute", reverse_names),
    Operation::of("DisassociateAddress", disassociate),
    Operation::of("ReleaseAddress", release),
    Operation::of("CreateNatGateway", create_nat),
    Operation::of("DescribeNatGateways", |world, at| {
        NATS.answer(world, at, world.gateways.nats.values())
    }),
    Operation::of("DeleteNatGateway", delete_nat),
];

const INTERNET: ec2::Table<InternetGateway> = ec2::Table {
    ids: "InternetGatewayId",
    name: "internetGatewaySet",
    row: internet_row,
};
const ADDRESSES: ec2::Table<Address> = ec2::Table {
    ids: "AllocationId",
    name: "addressesSet",
    row: address_row,
};
const NATS: ec2::Table<Nat> = ec2::Table {
    ids: "NatGatewayId",
    name: "natGatewaySet",
    row: nat_row,
};

fn internet_row(world: &World, one: &InternetGateway) -> Document {
    let attachments = one.vpc.iter();
    let attachments = attachments.map(|vpc| Document::new().text("vpcId", vpc).text("state", "available"));
    let document = Document::new()
        .text("internetGatewayId", &one.id)
        .text("ownerId", &world.setup.account)
        .list("attachmentSet", attachments);
    tag_set(document, &one.tags)
}

fn address_row(world: &World, one: &Address) -> Document {
    let at = one.at.as_ref();
    let document = Document::new()
        .text("allocationId", &one.id)
        .text("publicIp", one.public.to_string())
        .text("domain", "vpc")
        .text("publicIpv4Pool", "amazon")
        .text("networkBorderGroup", &world.setup.region)
        .maybe("associationId", at.map(|(association, ..)| association))
        .maybe("networkInterfaceId", at.map(|(_, interface, _)| interface))
        .maybe("privateIpAddress", at.map(|(.., address)| address.to_string()));
    tag_set(document, &one.tags)
}

fn nat_row(world: &World, one: &Nat) -> Document {
    let address = world.gateways.addresses.get(&one.allocation);
    let at = address.and_then(|address| address.at.as_ref());
    let address = Document::new()
        .text("allocationId", &one.allocation)
        .maybe("publicIp", address.map(|address| address.public.to_string()))
        .maybe("associationId", at.map(|(association, ..)| association))
        .maybe("networkInterfaceId", at.map(|(_, interface, _)| interface))
        .maybe("privateIp", at.map(|(.., address)| address.to_string()))
        .flag("isPrimary", true)
        .text("status", "succeeded");
    let document = Document::new()
        .text("natGatewayId", &one.id)
        .text("subnetId", &one.subnet)
        .text("vpcId", &one.vpc)
        .text("state", "available")
        .text("connectivityType", "public")
        .list("natGatewayAddressSet", [address]);
    tag_set(document, &one.tags)
}

impl World {
    fn internet_mut(&mut self, id: &str) -> Result<&mut InternetGateway, AwsError> {
        let found = self.gateways.internet.get_mut(id);
        found.ok_or_else(|| InternetGateway::not_found(id))
    }
}

fn create_internet(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let gateway = InternetGateway {
        id: world.new_id("igw"),
        vpc: None,
        tags: tags_for(at, "internet-gateway")?,
    };
    let answer = Document::new().document("internetGateway", internet_row(world, &gateway));
    world.gateways.internet.insert(gateway.id.clone(), gateway);
    Ok(answer)
}

fn attach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (id, vpc) = (at.need("InternetGatewayId")?, at.need("VpcId")?);
    if !world.network.vpcs.iter().any(|known| known.id == vpc) {
        return Err(Vpc::not_found(&vpc));
    }
    let has_one = world.gateways.is_attached_to(&vpc);
    let gateway = world.internet_mut(&id)?;
    if gateway.vpc.is_some() || has_one {
        return Err(AwsError::bad(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {vpc}"),
        ));
    }
    gateway.vpc = Some(vpc);
    Ok(done())
}

/// With a public address behind it, it stays: EC2 says so by a dependency of the network.
fn detach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (id, vpc) = (at.need("InternetGatewayId")?, at.need("VpcId")?);
    let has_public = world.gateways.nats.values().any(|nat| nat.vpc == vpc);
    let gateway = world.internet_mut(&id)?;
    if gateway.vpc.as_deref() != Some(vpc.as_str()) {
        return Err(AwsError::bad(
            "Gateway.NotAttached",
            format!("resource {id} is not attached to network {vpc}"),
        ));
    }
    if has_public {
        return Err(AwsError::bad(
            "DependencyViolation",
            format!(
                "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
            ),
        ));
    }
    gateway.vpc = None;
    Ok(done())
}

fn delete_internet(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("InternetGatewayId")?;
    if world.internet_mut(&id)?.vpc.is_some() {
        return Err(dependency("internetGateway", &id));
    }
    world.gateways.internet.remove(&id);
    Ok(done())
}

/// Public addresses are of the range for documents (RFC 5737), so that none is somebody's.
fn allocate(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["Domain"]);
    let taken: Vec<Ipv4Addr> = world.gateways.addresses.values().map(|one| one.public).collect();
    let mut free = (1..=254).map(|last| Ipv4Addr::new(203, 0, 113, last));
    let public = free.find(|address| !taken.contains(address)).ok_or_else(|| {
        AwsError::bad(
            "AddressLimitExceeded",
            "The maximum number of addresses has been reached.",
        )
    })?;
    let address = Address {
        id: world.new_id("eipalloc"),
        public,
        at: None,
        tags: tags_for(at, "elastic-ip")?,
    };
    let answer = address_row(world, &address);
    world.gateways.addresses.insert(address.id.clone(), address);
    Ok(answer)
}

/// Reverse names are not modelled: no address has one.
fn reverse_names(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["Attribute"]);
    let asked = ec2::describe(at, "AllocationId")?;
    let all = world.gateways.addresses.values();
    let rows = all.filter(|one| asked.ids.is_empty() || asked.ids.contains(&one.id));
    Ok(Document::new().list(
        "addressSet",
        rows.map(|one| {
            Document::new()
                .text("allocationId", &one.id)
                .text("publicIp", one.public.to_string())
        }),
    ))
}

/// Only a NAT gateway has one here, and gives it back by itself when it is deleted.
fn disassociate(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("AssociationId")?;
    let mut addresses = world.gateways.addresses.values();
    let is_at = |one: &Address| {
        one.at
            .as_ref()
            .is_some_and(|(association, ..)| *association == id)
    };
    Err(if addresses.any(is_at) {
        AwsError::bad(
            "OperationNotPermitted",
            "You are not allowed to manage 'ela-attach' attachments.",
        )
    } else {
        AwsError::bad(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{id}' does not exist"),
        )
    })
}

fn release(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["NetworkBorderGroup"]);
    let id = at.need("AllocationId")?;
    let address = world.gateways.addresses.get(&id);
    if address.ok_or_else(|| Address::not_found(&id))?.at.is_some() {
        return Err(AwsError::bad(
            "InvalidIPAddress.InUse",
            format!("Address with allocation ID '{id}' is in use."),
        ));
    }
    world.gateways.addresses.remove(&id);
    Ok(done())
}

fn create_nat(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["ClientToken", "ConnectivityType"]);
    let (subnet, allocation) = (at.need("SubnetId")?, at.need("AllocationId")?);
    let vpc = world.subnet(&subnet)?.vpc.clone();
    if !world.gateways.is_attached_to(&vpc) {
        return Err(AwsError::bad(
            "Gateway.NotAttached",
            format!("Network {vpc} has no Internet gateway attached"),
        ));
    }
    let id = world.new_id("nat");
    let association = world.new_id("eipassoc");
    let interface = world.make_interface(&CreateNetworkInterface {
        subnet: subnet.clone(),
        description: format!("Interface for NAT Gateway {id}"),
        ..CreateNetworkInterface::default()
    })?;
    let address = world.gateways.addresses.get_mut(&allocation);
    let address = address.ok_or_else(|| Address::not_found(&allocation))?;
    if address.at.is_some() {
        return Err(AwsError::bad(
            "Resource.AlreadyAssociated",
            format!("Elastic IP address [{allocation}] is already associated"),
        ));
    }
    address.at = Some((association, interface.id, interface.address));
    let nat = Nat {
        id: id.clone(),
        subnet,
        vpc,
        allocation,
        tags: tags_for(at, "natgateway")?,
    };
    let answer = Document::new().document("natGateway", nat_row(world, &nat));
    world.gateways.nats.insert(id, nat);
    Ok(answer)
}

fn delete_nat(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("NatGatewayId")?;
    let nat = world
        .gateways
        .nats
        .remove(&id)
        .ok_or_else(|| Nat::not_found(&id))?;
    let address = world.gateways.addresses.get_mut(&nat.allocation);
    if let Some((_, interface, _)) = address.and_then(|address| address.at.take()) {
        world.interfaces.remove(&interface);
    }
    // A route to what is gone leads nowhere; EC2 keeps it as a black hole, which nobody here asks for.
    for table in world.ways.tables.values_mut() {
        table.routes.retain(|_, route| *route != Route::Nat(id.clone()));
    }
    Ok(Document::new().text("natGatewayId", id))
}
