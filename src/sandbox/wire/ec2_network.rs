//! Subnets, security groups, images, networks and zones in EC2's XML.

use rehull_core::world::network::{Image, SecurityGroup, Subnet, Vpc};

use super::ec2_response::tag_set;
use super::xml::Xml;

pub(super) fn subnet(xml: &mut Xml, account: &str, one: &Subnet) {
    xml.leaf("subnetId", &one.id);
    xml.leaf("state", "available");
    xml.leaf("vpcId", &one.vpc);
    xml.leaf("cidrBlock", one.cidr);
    xml.leaf("availabilityZone", &one.zone);
    xml.leaf("ownerId", account);
    xml.leaf("defaultForAz", true);
    xml.leaf("mapPublicIpOnLaunch", false);
    tag_set(xml, &one.tags);
}

pub(super) fn security_group(xml: &mut Xml, account: &str, one: &SecurityGroup) {
    xml.leaf("groupId", &one.id);
    xml.leaf("groupName", &one.name);
    xml.leaf("groupDescription", &one.name);
    xml.leaf("vpcId", &one.vpc);
    xml.leaf("ownerId", account);
    tag_set(xml, &one.tags);
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
    xml.leaf("isDefault", true);
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
