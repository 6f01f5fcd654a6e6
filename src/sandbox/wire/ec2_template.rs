//! Launch templates in EC2's XML.

use rehull_core::world::api::ec2::{DiskSpec, InterfaceSpec, LaunchData, MetadataSpec};
use rehull_core::world::template::{Template, TemplateVersion};

use super::ec2_launch::encode_user_data;
use super::ec2_response::{tag_set, time};
use super::xml::Xml;

fn heading(xml: &mut Xml, account: &str, one: &Template) {
    xml.leaf("launchTemplateId", &one.id);
    xml.leaf("launchTemplateName", &one.name);
    xml.leaf("createdBy", format!("arn:aws:iam::{account}:root"));
}

pub(super) fn template(xml: &mut Xml, account: &str, one: &Template) {
    heading(xml, account, one);
    xml.leaf("createTime", time(one.created));
    xml.leaf("defaultVersionNumber", one.default_version);
    xml.leaf("latestVersionNumber", one.latest_version());
    tag_set(xml, &one.tags);
}

pub(super) fn version(xml: &mut Xml, account: &str, of: &Template, one: &TemplateVersion) {
    heading(xml, account, of);
    xml.leaf("versionNumber", one.number);
    xml.maybe("versionDescription", one.description.as_ref());
    xml.leaf("createTime", time(one.created));
    xml.leaf("defaultVersion", of.default_version == one.number);
    xml.element("launchTemplateData", |xml| data(xml, &one.data));
}

fn data(xml: &mut Xml, data: &LaunchData) {
    xml.maybe("imageId", data.image.as_ref());
    xml.maybe("instanceType", data.instance_type.as_ref());
    xml.maybe("keyName", data.key_name.as_ref());
    xml.maybe("ebsOptimized", data.ebs_optimized);
    xml.maybe(
        "instanceInitiatedShutdownBehavior",
        data.shutdown_behavior.as_ref(),
    );
    xml.maybe("userData", data.user_data.as_deref().map(encode_user_data));
    if let Some(name) = &data.profile {
        xml.element("iamInstanceProfile", |xml| xml.leaf("name", name));
    }
    if let Some(enabled) = data.monitoring {
        xml.element("monitoring", |xml| xml.leaf("enabled", enabled));
    }
    if data.metadata != MetadataSpec::default() {
        xml.element("metadataOptions", |xml| metadata(xml, &data.metadata));
    }
    strings(xml, "securityGroupIdSet", &data.security_groups);
    if !data.interfaces.is_empty() {
        xml.items("networkInterfaceSet", &data.interfaces, interface);
    }
    if !data.disks.is_empty() {
        xml.items("blockDeviceMappingSet", &data.disks, disk);
    }
    if !data.tags.is_empty() {
        xml.items("tagSpecificationSet", &data.tags, |xml, (resource, tags)| {
            xml.leaf("resourceType", resource);
            tag_set(xml, tags);
        });
    }
}

/// A list of plain texts: the items hold them directly.
fn strings(xml: &mut Xml, name: &str, values: &[String]) {
    if !values.is_empty() {
        xml.element(name, |xml| {
            for value in values {
                xml.leaf("item", value);
            }
        });
    }
}

fn metadata(xml: &mut Xml, metadata: &MetadataSpec) {
    xml.leaf("state", "applied");
    xml.maybe("httpTokens", metadata.http_tokens.as_ref());
    xml.maybe("httpEndpoint", metadata.http_endpoint.as_ref());
    xml.maybe("httpPutResponseHopLimit", metadata.hop_limit);
    xml.maybe("instanceMetadataTags", metadata.instance_tags.as_ref());
}

fn interface(xml: &mut Xml, one: &InterfaceSpec) {
    xml.leaf("deviceIndex", one.device_index);
    xml.maybe("networkInterfaceId", one.interface.as_ref());
    xml.maybe("subnetId", one.subnet.as_ref());
    xml.maybe("privateIpAddress", one.address);
    xml.maybe("deleteOnTermination", one.delete_on_termination);
    xml.maybe("associatePublicIpAddress", one.public_address);
    xml.maybe("description", one.description.as_ref());
    if !one.security_groups.is_empty() {
        xml.element("groupSet", |xml| {
            for id in &one.security_groups {
                xml.leaf("groupId", id);
            }
        });
    }
}

fn disk(xml: &mut Xml, one: &DiskSpec) {
    xml.leaf("deviceName", &one.device);
    xml.element("ebs", |xml| {
        xml.maybe("volumeSize", one.size_gib);
        xml.maybe("volumeType", one.volume_type.as_ref());
        xml.maybe("deleteOnTermination", one.delete_on_termination);
        xml.maybe("encrypted", one.encrypted);
    });
}
