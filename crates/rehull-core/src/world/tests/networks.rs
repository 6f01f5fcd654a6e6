//! What a network is made of, in the order in which it comes and goes.

use super::bench::{Bench, ZONE_A, ZONE_C};
use crate::world::query::Service::Ec2;
use crate::world::query::{Document, Value};

/// The text below these names; a number steps into a list.
pub(super) fn text(document: &Document, path: &str) -> String {
    let mut value = Value::Document(document.clone());
    for name in path.split('.') {
        value = match &value {
            Value::Document(document) => document.get(name).cloned(),
            Value::List(rows) => name.parse().ok().and_then(|at: usize| rows.get(at).cloned()),
            Value::Text(_) | Value::Flag(_) | Value::Number(_) => None,
        }
        .unwrap_or_else(|| panic!("no {name} of {path} in {document:?}"));
    }
    match value {
        Value::Text(text) => text,
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        other => panic!("{path} is {other:?}"),
    }
}

pub(super) fn rows(document: &Document, name: &str) -> usize {
    match document.get(name) {
        Some(Value::List(rows)) => rows.len(),
        other => panic!("{name} is {other:?}"),
    }
}

pub(super) fn vpc(bench: &mut Bench) -> String {
    let made = bench
        .query(Ec2, "CreateVpc", &[("CidrBlock", "10.9.0.0/16")])
        .unwrap();
    text(&made, "vpc.vpcId")
}

pub(super) fn subnet(bench: &mut Bench, vpc: &str, zone: &str, cidr: &str) -> Result<String, &'static str> {
    let said = [("VpcId", vpc), ("AvailabilityZone", zone), ("CidrBlock", cidr)];
    let made = bench.query(Ec2, "CreateSubnet", &said)?;
    Ok(text(&made, "subnet.subnetId"))
}

fn refused(bench: &mut Bench, action: &str, said: &[(&str, &str)]) -> &'static str {
    bench.query(Ec2, action, said).expect_err(action)
}

#[test]
fn a_network_is_born_with_a_table_an_acl_and_a_group_and_goes_with_them() {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let of_vpc = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc.as_str())];
    let tables = bench.query(Ec2, "DescribeRouteTables", &of_vpc).unwrap();
    assert_eq!(text(&tables, "routeTableSet.0.associationSet.0.main"), "true");
    assert_eq!(text(&tables, "routeTableSet.0.routeSet.0.gatewayId"), "local");
    let acls = bench.query(Ec2, "DescribeNetworkAcls", &of_vpc).unwrap();
    assert_eq!(text(&acls, "networkAclSet.0.default"), "true");
    let rules = bench.query(Ec2, "DescribeSecurityGroupRules", &[]).unwrap();
    assert_eq!(text(&rules, "securityGroupRuleSet.0.cidrIpv4"), "0.0.0.0/0");
    bench.query(Ec2, "DeleteVpc", &[("VpcId", &vpc)]).unwrap();
    let tables = bench.query(Ec2, "DescribeRouteTables", &of_vpc).unwrap();
    assert_eq!(rows(&tables, "routeTableSet"), 0);
    assert_eq!(
        refused(&mut bench, "DeleteVpc", &[("VpcId", &vpc)]),
        "InvalidVpcID.NotFound"
    );
}

#[test]
fn attributes_are_those_that_were_set() {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let read = |bench: &mut Bench, name: &str| {
        let said = [("VpcId", vpc.as_str()), ("Attribute", name)];
        let told = bench.query(Ec2, "DescribeVpcAttribute", &said).unwrap();
        text(&told, &format!("{name}.value"))
    };
    assert_eq!(read(&mut bench, "enableDnsSupport"), "true");
    assert_eq!(read(&mut bench, "enableDnsHostnames"), "false");
    let said = [("VpcId", vpc.as_str()), ("EnableDnsHostnames.Value", "true")];
    bench.query(Ec2, "ModifyVpcAttribute", &said).unwrap();
    assert_eq!(read(&mut bench, "enableDnsHostnames"), "true");
}

#[test]
fn subnets_lie_in_their_network_beside_each_other_and_in_a_zone_of_the_region() {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    subnet(&mut bench, &vpc, ZONE_A, "10.9.1.0/24").unwrap();
    for (zone, cidr, code) in [
        (ZONE_C, "10.9.1.0/25", "InvalidSubnet.Conflict"),
        (ZONE_C, "10.8.1.0/24", "InvalidSubnet.Range"),
        (ZONE_C, "10.9.2.0/29", "InvalidSubnet.Range"),
        (ZONE_C, "10.9.2.1/24", "InvalidParameterValue"),
        ("eu-west-1a", "10.9.2.0/24", "InvalidParameterValue"),
    ] {
        assert_eq!(subnet(&mut bench, &vpc, zone, cidr), Err(code), "{zone} {cidr}");
    }
    subnet(&mut bench, &vpc, ZONE_C, "10.9.2.0/24").unwrap();
}

#[test]
fn what_something_stands_on_stays() {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let subnet = subnet(&mut bench, &vpc, ZONE_A, "10.9.1.0/24").unwrap();
    let gateway = bench.query(Ec2, "CreateInternetGateway", &[]).unwrap();
    let gateway = text(&gateway, "internetGateway.internetGatewayId");
    let address = bench.query(Ec2, "AllocateAddress", &[("Domain", "vpc")]).unwrap();
    let address = text(&address, "allocationId");
    let nat = [("SubnetId", subnet.as_str()), ("AllocationId", address.as_str())];
    assert_eq!(
        refused(&mut bench, "CreateNatGateway", &nat),
        "Gateway.NotAttached"
    );
    let attach = [("InternetGatewayId", gateway.as_str()), ("VpcId", vpc.as_str())];
    bench.query(Ec2, "AttachInternetGateway", &attach).unwrap();
    assert_eq!(
        refused(&mut bench, "AttachInternetGateway", &attach),
        "Resource.AlreadyAssociated"
    );
    let made = bench.query(Ec2, "CreateNatGateway", &nat).unwrap();
    assert_eq!(
        refused(&mut bench, "CreateNatGateway", &nat),
        "Resource.AlreadyAssociated"
    );
    let nat = text(&made, "natGateway.natGatewayId");
    let taken = bench.query(Ec2, "DescribeAddresses", &[]).unwrap();
    let taken = text(&taken, "addressesSet.0.associationId");
    let taken = [("AssociationId", taken.as_str())];
    assert_eq!(
        refused(&mut bench, "DisassociateAddress", &taken),
        "OperationNotPermitted"
    );

    for (action, said, code) in [
        ("DeleteVpc", vec![("VpcId", vpc.as_str())], "DependencyViolation"),
        (
            "DeleteSubnet",
            vec![("SubnetId", subnet.as_str())],
            "DependencyViolation",
        ),
        ("DetachInternetGateway", attach.to_vec(), "DependencyViolation"),
        ("DeleteInternetGateway", vec![attach[0]], "DependencyViolation"),
        (
            "ReleaseAddress",
            vec![("AllocationId", address.as_str())],
            "InvalidIPAddress.InUse",
        ),
    ] {
        assert_eq!(refused(&mut bench, action, &said), code, "{action}");
    }
    bench
        .query(Ec2, "DeleteNatGateway", &[("NatGatewayId", nat.as_str())])
        .unwrap();
    assert_eq!(
        refused(&mut bench, "DisassociateAddress", &taken),
        "InvalidAssociationID.NotFound"
    );
    for (action, said) in [
        ("ReleaseAddress", vec![("AllocationId", address.as_str())]),
        ("DetachInternetGateway", attach.to_vec()),
        ("DeleteInternetGateway", vec![attach[0]]),
        ("DeleteSubnet", vec![("SubnetId", subnet.as_str())]),
        ("DeleteVpc", vec![("VpcId", vpc.as_str())]),
    ] {
        bench.query(Ec2, action, &said).expect(action);
    }
}

#[test]
fn a_gateway_endpoint_is_a_route_in_its_tables() {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let table = bench.query(Ec2, "CreateRouteTable", &[("VpcId", &vpc)]).unwrap();
    let table = text(&table, "routeTable.routeTableId");
    let said = |service| {
        [
            ("VpcId", vpc.as_str()),
            ("ServiceName", service),
            ("RouteTableId.1", table.as_str()),
        ]
    };
    let other = said("com.amazonaws.ap-northeast-1.sqs");
    assert_eq!(
        refused(&mut bench, "CreateVpcEndpoint", &other),
        "InvalidServiceName"
    );
    let made = bench.query(Ec2, "CreateVpcEndpoint", &said("com.amazonaws.ap-northeast-1.s3"));
    let endpoint = text(&made.unwrap(), "vpcEndpoint.vpcEndpointId");
    let routes = |bench: &mut Bench| {
        let told = bench
            .query(Ec2, "DescribeRouteTables", &[("RouteTableId.1", &table)])
            .unwrap();
        let Some(Value::List(tables)) = told.get("routeTableSet") else {
            panic!("{told:?}")
        };
        let [Value::Document(one)] = tables.as_slice() else {
            panic!("{tables:?}")
        };
        rows(one, "routeSet")
    };
    assert_eq!(routes(&mut bench), 2, "the local one and the endpoint's");
    assert_eq!(
        refused(&mut bench, "DeleteVpc", &[("VpcId", &vpc)]),
        "DependencyViolation"
    );
    let gone = bench
        .query(Ec2, "DeleteVpcEndpoints", &[("VpcEndpointId.1", &endpoint)])
        .unwrap();
    assert_eq!((rows(&gone, "unsuccessful"), routes(&mut bench)), (0, 1));
    let again = bench
        .query(Ec2, "DeleteVpcEndpoints", &[("VpcEndpointId.1", &endpoint)])
        .unwrap();
    assert_eq!(
        text(&again, "unsuccessful.0.error.code"),
        "InvalidVpcEndpointId.NotFound"
    );
}

#[test]
fn a_group_that_another_group_names_stays() {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let mut group = |name: &str| {
        let said = [
            ("GroupName", name),
            ("GroupDescription", "d"),
            ("VpcId", vpc.as_str()),
        ];
        bench
            .query(Ec2, "CreateSecurityGroup", &said)
            .map(|made| text(&made, "groupId"))
    };
    let (one, other) = (group("one").unwrap(), group("other").unwrap());
    assert_eq!(group("one"), Err("InvalidGroup.Duplicate"));
    let rule = [
        ("GroupId", one.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "2379"),
        ("IpPermissions.1.ToPort", "2380"),
        ("IpPermissions.1.Groups.1.GroupId", other.as_str()),
    ];
    let made = bench.query(Ec2, "AuthorizeSecurityGroupIngress", &rule).unwrap();
    let id = text(&made, "securityGroupRuleSet.0.securityGroupRuleId");
    assert_eq!(
        refused(&mut bench, "AuthorizeSecurityGroupIngress", &rule),
        "InvalidPermission.Duplicate"
    );
    assert_eq!(
        refused(&mut bench, "DeleteSecurityGroup", &[("GroupId", &other)]),
        "DependencyViolation"
    );
    let revoke = [("GroupId", one.as_str()), ("SecurityGroupRuleId.1", id.as_str())];
    bench.query(Ec2, "RevokeSecurityGroupIngress", &revoke).unwrap();
    assert_eq!(
        refused(&mut bench, "RevokeSecurityGroupIngress", &revoke),
        "InvalidSecurityGroupRuleId.NotFound"
    );
    bench
        .query(Ec2, "DeleteSecurityGroup", &[("GroupId", &other)])
        .unwrap();
}

#[test]
fn a_request_that_is_not_understood_whole_has_changed_nothing() {
    let mut bench = Bench::fast();
    let said = [("CidrBlock", "10.9.0.0/16"), ("Ipv6Pool", "p")];
    let before = bench.query(Ec2, "DescribeRouteTables", &[]).unwrap();
    assert_eq!(refused(&mut bench, "CreateVpc", &said), "UnknownParameter");
    assert_eq!(bench.query(Ec2, "DescribeRouteTables", &[]).unwrap(), before);
    assert_eq!(refused(&mut bench, "CreateMagic", &[]), "InvalidAction");
}

#[test]
fn a_group_is_born_without_the_rule_for_ipv6_that_terraform_takes_away() {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let said = [
        ("GroupName", "g"),
        ("GroupDescription", "g"),
        ("VpcId", vpc.as_str()),
    ];
    let made = bench.query(Ec2, "CreateSecurityGroup", &said).unwrap();
    let group = text(&made, "groupId");
    let everything6 = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.FromPort", "0"),
        ("IpPermissions.1.ToPort", "0"),
        ("IpPermissions.1.Ipv6Ranges.1.CidrIpv6", "::/0"),
    ];
    assert_eq!(
        refused(&mut bench, "RevokeSecurityGroupEgress", &everything6),
        "InvalidPermission.NotFound"
    );
    let made = bench
        .query(Ec2, "AuthorizeSecurityGroupEgress", &everything6)
        .unwrap();
    assert_eq!(text(&made, "securityGroupRuleSet.0.cidrIpv6"), "::/0");
    bench
        .query(Ec2, "RevokeSecurityGroupEgress", &everything6)
        .unwrap();
}
