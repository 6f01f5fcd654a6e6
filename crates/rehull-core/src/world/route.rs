//! Route tables and network ACLs: held and told, nothing is routed by them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::endpoint::Endpoint;
use super::error::AwsError;
use super::network::{Cidr, Vpc, laid};
use super::query::ec2::{self, done, tag_set, tags_for};
use super::query::{Document, Operation, Scope};
use super::select::{Described, Visibility};
use super::vpc::{cidr, dependency};

/// All ways out of and through networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ways {
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) acls: BTreeMap<String, Acl>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
}

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) id: String,
    pub(super) vpc: String,
    /// Addresses of the network; the way to them is always there.
    pub(super) local: Cidr,
    /// By destination.
    pub(super) routes: BTreeMap<String, Route>,
    /// Subnets by association; `None`: all that have no other table.
    pub(super) associations: BTreeMap<String, Option<String>>,
    pub(super) tags: Tags,
}

/// Where a route leads, by the name that EC2 has for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Route {
    /// An internet gateway, or a gateway endpoint.
    Gateway(String),
    /// A NAT gateway.
    Nat(String),
    /// An interface.
    Interface(String),
}

/// The ACL that a network is born with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Acl {
    pub(super) id: String,
    pub(super) vpc: String,
}

impl Table {
    pub(super) fn main(id: String, association: String, vpc: &Vpc) -> Self {
        Self {
            id,
            vpc: vpc.id.clone(),
            local: vpc.cidr,
            routes: BTreeMap::new(),
            associations: BTreeMap::from([(association, None)]),
            tags: Tags::new(),
        }
    }

    pub(super) fn is_main(&self) -> bool {
        self.associations.values().any(Option::is_none)
    }
}

laid!(
    Table,
    &[
        "route-table-id",
        "vpc-id",
        "association.main",
        "association.subnet-id",
        "association.route-table-id",
        "association.route-table-association-id",
    ],
    "InvalidRouteTableID.NotFound",
    "The routeTable ID '{}' does not exist",
    |row, filter| match filter {
        "route-table-id" => vec![row.id.clone()],
        "association.route-table-id" if row.associations.is_empty() => vec![],
        "association.route-table-id" => vec![row.id.clone()],
        "vpc-id" => vec![row.vpc.clone()],
        "association.main" => vec![row.is_main().to_string()],
        "association.subnet-id" => row.associations.values().flatten().cloned().collect(),
        "association.route-table-association-id" => row.associations.keys().cloned().collect(),
        _ => vec![],
    }
);

impl Described for Acl {
    const FILTERS: &'static [&'static str] =
        &["default", "vpc-id", "network-acl-id", "association.subnet-id"];
    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        const NONE: &Tags = &Tags::new();
        NONE
    }
    fn visibility(&self) -> Visibility {
        Visibility::ALWAYS
    }
    fn values(&self, filter: &str) -> Vec<String> {
        match filter {
            "default" => vec!["true".to_owned()],
            "vpc-id" => vec![self.vpc.clone()],
            "network-acl-id" => vec![self.id.clone()],
            _ => vec![],
        }
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::bad(
            "InvalidNetworkAclID.NotFound",
            format!("The networkAcl ID '{id}' does not exist"),
        )
    }
}

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateRouteTable", create_table),
    Operation::of("DescribeRouteTables", |world, at| {
        TABLES.answer(world, at, world.ways.tables.values())
    }),
    Operation::of("DeleteRouteTable", delete_table),
    Operation::of("CreateRoute", create_route),
    Operation::of("ReplaceRoute", create_route),
    Operation::of("DeleteRoute", delete_route),
    Operation::of("AssociateRouteTable", associate),
    Operation::of("DisassociateRouteTable", disassociate),
    Operation::of("DescribeNetworkAcls", |world, at| {
        ACLS.answer(world, at, world.ways.acls.values())
    }),
];

const TABLES: ec2::Table<Table> = ec2::Table {
    ids: "RouteTableId",
    name: "routeTableSet",
    row: table_row,
};

const ACLS: ec2::Table<Acl> = ec2::Table {
    ids: "NetworkAclId",
    name: "networkAclSet",
    row: |world, acl| {
        let document = Document::new()
            .text("networkAclId", &acl.id)
            .text("vpcId", &acl.vpc)
            .text("ownerId", &world.setup.account)
            .flag("default", true);
        tag_set(document, acl.tags())
    },
};

fn table_row(world: &World, one: &Table) -> Document {
    let local = Document::new()
        .text("destinationCidrBlock", one.local.to_string())
        .text("gatewayId", "local")
        .text("state", "active")
        .text("origin", "CreateRouteTable");
    let made = one.routes.iter().map(|(destination, route)| {
        let to = if destination.starts_with("pl-") {
            "destinationPrefixListId"
        } else {
            "destinationCidrBlock"
        };
        let (name, target) = match route {
            Route::Gateway(id) => ("gatewayId", id),
            Route::Nat(id) => ("natGatewayId", id),
            Route::Interface(id) => ("networkInterfaceId", id),
        };
        Document::new()
            .text(to, destination)
            .text(name, target)
            .text("state", "active")
            .text("origin", "CreateRoute")
    });
    let associations = one.associations.iter().map(|(id, subnet)| {
        Document::new()
            .text("routeTableAssociationId", id)
            .text("routeTableId", &one.id)
            .maybe("subnetId", subnet.as_ref())
            .flag("main", subnet.is_none())
            .document("associationState", Document::new().text("state", "associated"))
    });
    let document = Document::new()
        .text("routeTableId", &one.id)
        .text("vpcId", &one.vpc)
        .text("ownerId", &world.setup.account)
        .list("routeSet", std::iter::once(local).chain(made))
        .list("associationSet", associations);
    tag_set(document, &one.tags)
}

impl World {
    pub(super) fn table_mut(&mut self, id: &str) -> Result<&mut Table, AwsError> {
        self.ways.tables.get_mut(id).ok_or_else(|| Table::not_found(id))
    }
}

fn create_table(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["ClientToken"]);
    let id = at.need("VpcId")?;
    let vpc = world.network.vpcs.iter().find(|vpc| vpc.id == id);
    let vpc = vpc.ok_or_else(|| Vpc::not_found(&id))?.clone();
    let table = Table {
        associations: BTreeMap::new(),
        tags: tags_for(at, "route-table")?,
        ..Table::main(world.new_id("rtb"), String::new(), &vpc)
    };
    let answer = Document::new().document("routeTable", table_row(world, &table));
    world.ways.tables.insert(table.id.clone(), table);
    Ok(answer)
}

fn delete_table(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("RouteTableId")?;
    if !world.table_mut(&id)?.associations.is_empty() {
        return Err(dependency("routeTable", &id));
    }
    world.ways.tables.remove(&id);
    for endpoint in world.ways.endpoints.values_mut() {
        endpoint.tables.retain(|table| *table != id);
    }
    Ok(done())
}

fn create_route(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let destination = cidr(at, "DestinationCidrBlock")?.to_string();
    let targets = [
        at.text("GatewayId").map(Route::Gateway),
        at.text("NatGatewayId").map(Route::Nat),
        at.text("NetworkInterfaceId").map(Route::Interface),
    ];
    let mut targets = targets.into_iter().flatten();
    let (Some(route), None) = (targets.next(), targets.next()) else {
        return Err(AwsError::bad(
            "InvalidParameterCombination",
            "Exactly one target of the route must be specified",
        ));
    };
    match &route {
        Route::Gateway(id) => world.gateways.check_internet(id)?,
        Route::Nat(id) => world.gateways.check_nat(id)?,
        Route::Interface(id) => {
            world.interface_mut(id)?;
        }
    }
    let replace = world.table_mut(&at.need("RouteTableId")?)?;
    let known = replace.routes.get(&destination);
    if known.is_some_and(|known| *known != route) && at.text("Action").as_deref() == Some("CreateRoute") {
        return Err(AwsError::bad(
            "RouteAlreadyExists",
            format!("The route identified by {destination} already exists."),
        ));
    }
    replace.routes.insert(destination, route);
    Ok(done())
}

fn delete_route(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let destination = cidr(at, "DestinationCidrBlock")?.to_string();
    let table = world.table_mut(&at.need("RouteTableId")?)?;
    match table.routes.remove(&destination) {
        Some(_) => Ok(done()),
        None => Err(AwsError::bad(
            "InvalidRoute.NotFound",
            format!(
                "no route with destination-cidr-block {destination} in route table {}",
                table.id
            ),
        )),
    }
}

fn associate(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (table, subnet) = (at.need("RouteTableId")?, at.need("SubnetId")?);
    world.subnet(&subnet)?;
    let mut all = world
        .ways
        .tables
        .values()
        .flat_map(|table| table.associations.values());
    if all.any(|known| known.as_deref() == Some(subnet.as_str())) {
        return Err(AwsError::bad(
            "Resource.AlreadyAssociated",
            format!(
                "the specified association for route table {table} conflicts with an existing association"
            ),
        ));
    }
    let id = world.new_id("rtbassoc");
    world
        .table_mut(&table)?
        .associations
        .insert(id.clone(), Some(subnet));
    Ok(Document::new()
        .text("associationId", id)
        .document("associationState", Document::new().text("state", "associated")))
}

fn disassociate(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("AssociationId")?;
    let mut tables = world.ways.tables.values_mut();
    match tables.find_map(|table| table.associations.remove(&id)) {
        Some(_) => Ok(done()),
        None => Err(AwsError::bad(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{id}' does not exist"),
        )),
    }
}
