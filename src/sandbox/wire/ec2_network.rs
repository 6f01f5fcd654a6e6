//! Subnets, security groups, images, networks and zones in EC2's XML.

use rehull_core::world::network::{Image, SecurityGroup, Subnet, Vpc};
use rehull_core::world::security::{Peer, Rule, Traffic};

use super::ec2_response::tag_set;
use super::xml::Xml;

pub(super) fn subnet(xml: &mut Xml, account: &str, one: &Subnet) {
    xml.leaf("subnetId", &one.id);
    xml.leaf("state", "available");
    xml.leaf("vpcId", &one.vpc);
    xml.leaf("cidrBlock", one.cidr);
    xml.leaf("availabilityZone", &one.zone);
    xml.leaf("ownerId", account);
    xml.leaf("defaultForAz", false);
    xml.leaf("mapPublicIpOnLaunch", one.public_addresses);
    xml.leaf("assignIpv6AddressOnCreation", false);
    xml.leaf("mapCustomerOwnedIpOnLaunch", false);
    xml.leaf("enableDns64", false);
    xml.leaf("ipv6Native", false);
    xml.element("privateDnsNameOptionsOnLaunch", |xml| {
        xml.leaf("hostnameType", "ip-name");
        xml.leaf("enableResourceNameDnsARecord", false);
        xml.leaf("enableResourceNameDnsAAAARecord", false);
    });
    tag_set(xml, &one.tags);
}

pub(super) fn security_group(xml: &mut Xml, account: &str, one: &SecurityGroup) {
    xml.leaf("groupId", &one.id);
    xml.leaf("groupName", &one.name);
    xml.leaf("groupDescription", &one.description);
    xml.leaf("vpcId", &one.vpc);
    xml.leaf("ownerId", account);
    for (name, is_egress) in [("ipPermissions", false), ("ipPermissionsEgress", true)] {
        let rules = one.rules.iter().filter(|rule| rule.is_egress == is_egress);
        xml.items(name, rules, |xml, rule| permission(xml, account, rule));
    }
    tag_set(xml, &one.tags);
}

fn permission(xml: &mut Xml, account: &str, rule: &Rule) {
    let Traffic {
        protocol,
        from_port,
        to_port,
        peer,
    } = &rule.traffic;
    xml.leaf("ipProtocol", protocol);
    if protocol != "-1" {
        xml.leaf("fromPort", from_port);
        xml.leaf("toPort", to_port);
    }
    match peer {
        Peer::Range(range) => xml.items("ipRanges", [range], |xml, range| {
            xml.leaf("cidrIp", range);
            xml.maybe("description", rule.description.as_ref());
        }),
        Peer::Range6(range) => xml.items("ipv6Ranges", [range], |xml, range| {
            xml.leaf("cidrIpv6", range);
            xml.maybe("description", rule.description.as_ref());
        }),
        Peer::Group(id) => xml.items("groups", [id], |xml, id| {
            xml.leaf("userId", account);
            xml.leaf("groupId", id);
            xml.maybe("description", rule.description.as_ref());
        }),
    }
}

pub(super) fn image(xml: &mut Xml, one: &Image) {
    xml.leaf("imageId", &one.id);
    xml.leaf("name", &one.name);
    xml.leaf("imageOwnerId", &one.owner);
    xml.leaf("imageState", "available");
    xml.leaf("isPublic", false);
    xml.leaf("architecture", "x86_64");
    xml.leaf("imageType", "machine");
    xml.leaf("rootDeviceType", "ebs");
    xml.leaf("rootDeviceName", "/dev/xvda");
    xml.leaf("virtualizationType", "hvm");
    tag_set(xml, &one.tags);
}

pub(super) fn vpc(xml: &mut Xml, account: &str, one: &Vpc) {
    xml.leaf("vpcId", &one.id);
    xml.leaf("ownerId", account);
    xml.leaf("state", "available");
    xml.leaf("cidrBlock", one.cidr);
    xml.leaf("isDefault", one.is_default);
    xml.leaf("instanceTenancy", "default");
    tag_set(xml, &one.tags);
}

pub(super) fn zone(xml: &mut Xml, name: &str) {
    let region = name.trim_end_matches(|c: char| c.is_ascii_lowercase());
    xml.leaf("zoneName", name);
    xml.leaf("zoneState", "available");
    xml.leaf("regionName", region);
    xml.leaf("zoneType", "availability-zone");
}
