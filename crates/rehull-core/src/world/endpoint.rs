//! Gateway endpoints: a route to a service, in the tables that name it.

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::error::AwsError;
use super::network::{Vpc, laid};
use super::query::ec2::{self, done, tag_set, tags_for};
use super::query::{Document, Operation, Scope, Value};
use super::route::Route;
use super::select::Described as _;

/// What EC2 puts where nobody gives a policy.
const POLICY: &str = "{\"Version\":\"2008-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}]}";

/// A VPC endpoint of the kind `Gateway`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Endpoint {
    pub(super) id: String,
    pub(super) vpc: String,
    pub(super) service: String,
    pub(super) policy: String,
    pub(super) tables: Vec<String>,
    pub(super) tags: Tags,
}

laid!(
    Endpoint,
    &[
        "vpc-endpoint-id",
        "vpc-id",
        "service-name",
        "vpc-endpoint-type",
        "vpc-endpoint-state"
    ],
    "InvalidVpcEndpointId.NotFound",
    "The Vpc Endpoint Id '{}' does not exist",
    |row, filter| match filter {
        "vpc-endpoint-id" => vec![row.id.clone()],
        "vpc-id" => vec![row.vpc.clone()],
        "service-name" => vec![row.service.clone()],
        "vpc-endpoint-type" => vec!["Gateway".to_owned()],
        "vpc-endpoint-state" => vec!["available".to_owned()],
        _ => vec![],
    }
);

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateVpcEndpoint", create),
    Operation::of("DescribeVpcEndpoints", |world, at| {
        ENDPOINTS.answer(world, at, world.ways.endpoints.values())
    }),
    Operation::of("ModifyVpcEndpoint", modify),
    Operation::of("DeleteVpcEndpoints", delete),
    Operation::of("DescribePrefixLists", prefix_lists),
];

const ENDPOINTS: ec2::Table<Endpoint> = ec2::Table {
    ids: "VpcEndpointId",
    name: "vpcEndpointSet",
    row,
};

fn row(world: &World, one: &Endpoint) -> Document {
    let tables = one.tables.iter().map(|table| Value::Text(table.clone()));
    let document = Document::new()
        .text("vpcEndpointId", &one.id)
        .text("vpcEndpointType", "Gateway")
        .text("vpcId", &one.vpc)
        .text("serviceName", &one.service)
        .text("state", "available")
        .text("ownerId", &world.setup.account)
        .text("policyDocument", &one.policy)
        .flag("privateDnsEnabled", false)
        .flag("requesterManaged", false)
        .list("routeTableIdSet", tables);
    tag_set(document, &one.tags)
}

/// The addresses of a service that is reached by a gateway endpoint; the id is the region's own.
fn prefix_list(world: &World, service: &str) -> Option<(String, String)> {
    let name = service.strip_prefix("com.amazonaws.")?;
    let modelled = name == format!("{}.s3", world.setup.region);
    modelled.then(|| (super::setup::id(0, "pl", 0), service.to_owned()))
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["ClientToken", "PrivateDnsEnabled"]);
    let (vpc, service) = (at.need("VpcId")?, at.need("ServiceName")?);
    if !world.network.vpcs.iter().any(|known| known.id == vpc) {
        return Err(Vpc::not_found(&vpc));
    }
    if at.text("VpcEndpointType").is_some_and(|kind| kind != "Gateway") {
        return Err(AwsError::value(
            "The sandbox models endpoints of the type Gateway only",
        ));
    }
    if prefix_list(world, &service).is_none() {
        return Err(AwsError::bad(
            "InvalidServiceName",
            format!("The Vpc Endpoint Service '{service}' does not exist"),
        ));
    }
    let endpoint = Endpoint {
        id: world.new_id("vpce"),
        vpc,
        service,
        policy: at.text("PolicyDocument").unwrap_or_else(|| POLICY.to_owned()),
        tables: Vec::new(),
        tags: tags_for(at, "vpc-endpoint")?,
    };
    let id = endpoint.id.clone();
    world.ways.endpoints.insert(id.clone(), endpoint);
    for table in at.list("RouteTableId") {
        link(world, &id, &table)?;
    }
    let made = world
        .ways
        .endpoints
        .get(&id)
        .ok_or_else(|| Endpoint::not_found(&id))?;
    Ok(Document::new().document("vpcEndpoint", row(world, made)))
}

fn link(world: &mut World, id: &str, table: &str) -> Result<(), AwsError> {
    let endpoint = world
        .ways
        .endpoints
        .get(id)
        .ok_or_else(|| Endpoint::not_found(id))?;
    if let Some((list, _)) = prefix_list(world, &endpoint.service.clone()) {
        let routes = &mut world.table_mut(table)?.routes;
        routes.insert(list, Route::Gateway(id.to_owned()));
    }
    if let Some(endpoint) = world.ways.endpoints.get_mut(id) {
        endpoint.tables.push(table.to_owned());
    }
    Ok(())
}

fn unlink(world: &mut World, id: &str, table: &str) {
    if let Some(table) = world.ways.tables.get_mut(table) {
        table
            .routes
            .retain(|_, route| *route != Route::Gateway(id.to_owned()));
    }
    if let Some(endpoint) = world.ways.endpoints.get_mut(id) {
        endpoint.tables.retain(|known| known != table);
    }
}

fn modify(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["PrivateDnsEnabled"]);
    let id = at.need("VpcEndpointId")?;
    if at.flag("ResetPolicy")? || at.has("PolicyDocument") {
        let policy = at.text("PolicyDocument").unwrap_or_else(|| POLICY.to_owned());
        let endpoint = world.ways.endpoints.get_mut(&id);
        endpoint.ok_or_else(|| Endpoint::not_found(&id))?.policy = policy;
    }
    for table in at.list("AddRouteTableId") {
        link(world, &id, &table)?;
    }
    for table in at.list("RemoveRouteTableId") {
        unlink(world, &id, &table);
    }
    Ok(done())
}

fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let ids = at.list("VpcEndpointId");
    if ids.is_empty() {
        at.need("VpcEndpointId")?;
    }
    let mut unsuccessful = Vec::new();
    for id in ids {
        let Some(endpoint) = world.ways.endpoints.get(&id) else {
            let why = Endpoint::not_found(&id);
            let error = Document::new()
                .text("code", why.code)
                .text("message", why.message);
            unsuccessful.push(Document::new().text("resourceId", id).document("error", error));
            continue;
        };
        for table in endpoint.tables.clone() {
            unlink(world, &id, &table);
        }
        world.ways.endpoints.remove(&id);
    }
    Ok(Document::new().list("unsuccessful", unsuccessful))
}

fn prefix_lists(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let asked = ec2::describe(at, "PrefixListId")?;
    let service = format!("com.amazonaws.{}.s3", world.setup.region);
    let rows = prefix_list(world, &service).into_iter().filter(|(id, name)| {
        let by_id = asked.ids.is_empty() || asked.ids.contains(id);
        by_id
            && asked.filters.iter().all(|filter| match filter.name.as_str() {
                "prefix-list-name" => filter.values.contains(name),
                "prefix-list-id" => filter.values.contains(id),
                _ => false,
            })
    });
    let rows = rows.map(|(id, name)| {
        Document::new()
            .text("prefixListId", id)
            .text("prefixListName", name)
            .list("cidrSet", ["192.0.2.0/24".to_owned()])
    });
    Ok(Document::new().list("prefixListSet", rows))
}
