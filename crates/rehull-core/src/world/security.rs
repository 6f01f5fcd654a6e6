//! Security groups and their rules: held and told. Nothing enforces them: on loopback everything may talk.

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::Tags;
use super::error::AwsError;
use super::network::{SecurityGroup, Vpc, laid};
use super::query::ec2::{self, done, tag_set, tags_for};
use super::query::{Document, Operation, Scope};
use super::select::Described as _;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// `sgr-…`.
    pub id: String,
    /// The group that it belongs to.
    pub group: String,
    /// Out of the group's machines.
    pub is_egress: bool,
    /// What it lets through.
    pub traffic: Traffic,
    /// Text.
    pub description: Option<String>,
    /// Tags.
    pub tags: Tags,
}

/// What a rule lets through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// `tcp`, `udp`, `-1` for all.
    pub protocol: String,
    /// First port; -1 with all protocols.
    pub from_port: i64,
    /// Last port.
    pub to_port: i64,
    /// Who is at the other end.
    pub peer: Peer,
}

/// The other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    /// A range of IPv4.
    Range(String),
    /// A range of IPv6.
    Range6(String),
    /// Machines of a group.
    Group(String),
}

impl Rule {
    /// What a group is born with.
    pub(super) fn allow_all(id: String, group: String) -> Self {
        Self {
            id,
            group,
            is_egress: true,
            traffic: Traffic {
                protocol: "-1".to_owned(),
                from_port: -1,
                to_port: -1,
                peer: Peer::Range("0.0.0.0/0".to_owned()),
            },
            description: None,
            tags: Tags::new(),
        }
    }
}

laid!(
    Rule,
    &["security-group-rule-id", "group-id"],
    "InvalidSecurityGroupRuleId.NotFound",
    "The security group rule ID '{}' does not exist",
    |row, filter| match filter {
        "security-group-rule-id" => vec![row.id.clone()],
        "group-id" => vec![row.group.clone()],
        _ => vec![],
    }
);

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateSecurityGroup", create),
    Operation::of("DeleteSecurityGroup", delete),
    Operation::of("AuthorizeSecurityGroupIngress", |world, at| {
        authorize(world, at, false)
    }),
    Operation::of("AuthorizeSecurityGroupEgress", |world, at| {
        authorize(world, at, true)
    }),
    Operation::of("RevokeSecurityGroupIngress", |world, at| revoke(world, at, false)),
    Operation::of("RevokeSecurityGroupEgress", |world, at| revoke(world, at, true)),
    Operation::of("DescribeSecurityGroupRules", |world, at| {
        let groups = world.network.security_groups.iter();
        RULES.answer(world, at, groups.flat_map(|group| &group.rules))
    }),
    Operation::of("ModifySecurityGroupRules", modify),
];

const RULES: ec2::Table<Rule> = ec2::Table {
    ids: "SecurityGroupRuleId",
    name: "securityGroupRuleSet",
    row: rule_row,
};

fn rule_row(world: &World, one: &Rule) -> Document {
    let document = Document::new()
        .text("securityGroupRuleId", &one.id)
        .text("groupId", &one.group)
        .text("groupOwnerId", &world.setup.account)
        .flag("isEgress", one.is_egress)
        .text("ipProtocol", &one.traffic.protocol)
        .number("fromPort", one.traffic.from_port)
        .number("toPort", one.traffic.to_port)
        .maybe("description", one.description.as_ref());
    let document = match &one.traffic.peer {
        Peer::Range(range) => document.text("cidrIpv4", range),
        Peer::Range6(range) => document.text("cidrIpv6", range),
        Peer::Group(id) => document.document(
            "referencedGroupInfo",
            Document::new()
                .text("groupId", id)
                .text("userId", &world.setup.account),
        ),
    };
    tag_set(document, &one.tags)
}

impl World {
    fn group_mut(&mut self, id: &str) -> Result<&mut SecurityGroup, AwsError> {
        let found = self
            .network
            .security_groups
            .iter_mut()
            .find(|group| group.id == id);
        found.ok_or_else(|| SecurityGroup::not_found(id))
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let (name, vpc) = (at.need("GroupName")?, at.need("VpcId")?);
    if !world.network.vpcs.iter().any(|known| known.id == vpc) {
        return Err(Vpc::not_found(&vpc));
    }
    let mut groups = world.network.security_groups.iter();
    if groups.any(|group| group.vpc == vpc && group.name == name) {
        return Err(AwsError::bad(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc}'"),
        ));
    }
    let id = world.new_id("sg");
    let everything = Rule::allow_all(world.new_id("sgr"), id.clone());
    let group = SecurityGroup {
        id: id.clone(),
        name,
        description: at.need("GroupDescription")?,
        vpc,
        rules: vec![everything],
        tags: tags_for(at, "security-group")?,
    };
    let answer = tag_set(done().text("groupId", id), &group.tags);
    world.network.security_groups.push(group);
    Ok(answer)
}

fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let id = at.need("GroupId")?;
    if world.group_mut(&id)?.name == "default" {
        return Err(AwsError::bad(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    let mut others = world
        .network
        .security_groups
        .iter()
        .filter(|group| group.id != id);
    let is_referenced = others.any(|group| {
        group
            .rules
            .iter()
            .any(|rule| rule.traffic.peer == Peer::Group(id.clone()))
    });
    let is_on_interface = world
        .interfaces
        .values()
        .any(|one| one.security_groups.contains(&id));
    let is_on_balancer = world
        .balancing
        .balancers
        .values()
        .any(|one| one.security_groups.contains(&id));
    if is_referenced || is_on_interface || is_on_balancer {
        return Err(AwsError::bad(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        ));
    }
    world.network.security_groups.retain(|group| group.id != id);
    Ok(done())
}

/// `IpPermissions.N`: every range and every group of it is a rule of its own.
fn traffics(at: &Scope<'_>) -> Result<Vec<(Traffic, Option<String>)>, AwsError> {
    let mut all = Vec::new();
    for permission in at.items("IpPermissions") {
        let protocol = permission.need("IpProtocol")?;
        let port = |name: &str| Ok::<i64, AwsError>(permission.parse(name)?.unwrap_or(-1));
        let (from_port, to_port) = match protocol.as_str() {
            "-1" => {
                permission.ignore(&["FromPort", "ToPort"]);
                (-1, -1)
            }
            _ => (port("FromPort")?, port("ToPort")?),
        };
        let ranges = permission.items("IpRanges");
        let ranges = ranges
            .iter()
            .map(|range| Ok::<_, AwsError>((Peer::Range(range.need("CidrIp")?), range.text("Description"))));
        let ranges6 = permission.items("Ipv6Ranges");
        let ranges6 = ranges6.iter().map(|range| {
            Ok::<_, AwsError>((Peer::Range6(range.need("CidrIpv6")?), range.text("Description")))
        });
        let groups = permission.items("Groups");
        let groups = groups.iter().map(|group| {
            group.ignore(&["UserId"]);
            Ok::<_, AwsError>((Peer::Group(group.need("GroupId")?), group.text("Description")))
        });
        for row in ranges.chain(ranges6).chain(groups) {
            let (peer, description) = row?;
            let traffic = Traffic {
                protocol: protocol.clone(),
                from_port,
                to_port,
                peer,
            };
            all.push((traffic, description));
        }
    }
    Ok(all)
}

fn authorize(world: &mut World, at: &Scope<'_>, is_egress: bool) -> Result<Document, AwsError> {
    let id = at.need("GroupId")?;
    let tags = tags_for(at, "security-group-rule")?;
    let mut made = Vec::new();
    for (traffic, description) in traffics(at)? {
        if let Peer::Group(other) = &traffic.peer {
            world.group_mut(other)?;
        }
        let rule = Rule {
            id: world.new_id("sgr"),
            group: id.clone(),
            is_egress,
            traffic,
            description,
            tags: tags.clone(),
        };
        let group = world.group_mut(&id)?;
        let known = |known: &Rule| known.is_egress == is_egress && known.traffic == rule.traffic;
        if group.rules.iter().any(known) {
            return Err(AwsError::bad(
                "InvalidPermission.Duplicate",
                "the specified rule already exists",
            ));
        }
        group.rules.push(rule.clone());
        made.push(rule_row(world, &rule));
    }
    if made.is_empty() {
        return Err(AwsError::bad(
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
        ));
    }
    Ok(done().list("securityGroupRuleSet", made))
}

fn revoke(world: &mut World, at: &Scope<'_>, is_egress: bool) -> Result<Document, AwsError> {
    let ids = at.list("SecurityGroupRuleId");
    let traffics = traffics(at)?;
    let group = world.group_mut(&at.need("GroupId")?)?;
    for id in &ids {
        if !group
            .rules
            .iter()
            .any(|rule| rule.id == *id && rule.is_egress == is_egress)
        {
            return Err(Rule::not_found(id));
        }
    }
    group.rules.retain(|rule| !ids.contains(&rule.id));
    for (traffic, _) in traffics {
        let before = group.rules.len();
        group
            .rules
            .retain(|rule| rule.is_egress != is_egress || rule.traffic != traffic);
        if group.rules.len() == before {
            return Err(AwsError::bad(
                "InvalidPermission.NotFound",
                "The specified rule does not exist in this security group.",
            ));
        }
    }
    Ok(done())
}

fn modify(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let group = world.group_mut(&at.need("GroupId")?)?;
    for change in at.items("SecurityGroupRule") {
        let id = change.need("SecurityGroupRuleId")?;
        let rule = group.rules.iter_mut().find(|rule| rule.id == id);
        let rule = rule.ok_or_else(|| Rule::not_found(&id))?;
        let said = change.at("SecurityGroupRule");
        let peer = match (
            said.text("CidrIpv4"),
            said.text("CidrIpv6"),
            said.text("ReferencedGroupId"),
        ) {
            (Some(range), None, None) => Peer::Range(range),
            (None, Some(range), None) => Peer::Range6(range),
            (None, None, Some(group)) => Peer::Group(group),
            _ => {
                return Err(AwsError::value(
                    "Exactly one of CidrIpv4, CidrIpv6 and ReferencedGroupId is modelled",
                ));
            }
        };
        rule.traffic = Traffic {
            protocol: said.need("IpProtocol")?,
            from_port: said.parse("FromPort")?.unwrap_or(-1),
            to_port: said.parse("ToPort")?.unwrap_or(-1),
            peer,
        };
        rule.description = said.text("Description");
    }
    Ok(done())
}
