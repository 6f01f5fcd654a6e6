//! Answers of the world → EC2's XML.

use jiff::Timestamp;
use rehull_core::world::AwsError;
use rehull_core::world::api::ec2::{Page, Response, Sight, StateChange, Tags};
use rehull_core::world::instance::InstanceState;
use rehull_core::world::interface::Interface;
use rehull_core::world::volume::{Volume, VolumeAttachment};

use super::ec2_network as network;
use super::ec2_template as template;
use super::xml::Xml;

const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// What a document needs besides its answer.
pub(super) struct Frame<'a> {
    pub(super) action: &'a str,
    pub(super) request_id: &'a str,
    pub(super) account: &'a str,
}

pub(super) fn encode(frame: &Frame<'_>, response: &Response) -> String {
    Xml::document(&format!("{}Response", frame.action), Some(NAMESPACE), |xml| {
        xml.leaf("requestId", frame.request_id);
        body(xml, frame.account, response);
    })
}

pub(super) fn encode_error(request_id: &str, error: &AwsError) -> String {
    Xml::document("Response", None, |xml| {
        xml.element("Errors", |xml| {
            xml.element("Error", |xml| {
                xml.leaf("Code", error.code);
                xml.leaf("Message", &error.message);
            });
        });
        xml.leaf("RequestID", request_id);
    })
}

fn body(xml: &mut Xml, account: &str, response: &Response) {
    match response {
        Response::Done => xml.leaf("return", true),
        Response::Template(one) => xml.element("launchTemplate", |xml| template::template(xml, account, one)),
        Response::Templates(page) => {
            rows(xml, "launchTemplates", page, |xml, one| {
                template::template(xml, account, one);
            });
        }
        Response::TemplateVersion(of, one) => {
            xml.element("launchTemplateVersion", |xml| {
                template::version(xml, account, of, one);
            });
        }
        Response::TemplateVersions(of, page) => {
            rows(xml, "launchTemplateVersionSet", page, |xml, one| {
                template::version(xml, account, of, one);
            });
        }
        Response::Reservation(sights) => reservation(xml, account, sights),
        Response::Instances(page) => reservations(xml, account, page),
        Response::StateChanges(changes) => xml.items("instancesSet", changes, state_change),
        Response::Interface(one) => xml.element("networkInterface", |xml| interface(xml, account, one)),
        Response::Interfaces(page) => {
            rows(xml, "networkInterfaceSet", page, |xml, one| {
                interface(xml, account, one);
            });
        }
        Response::InterfaceAttached(id) => {
            xml.leaf("attachmentId", id);
            xml.leaf("networkCardIndex", 0);
        }
        Response::Volume(one) => volume(xml, one),
        Response::Volumes(page) => rows(xml, "volumeSet", page, volume),
        Response::VolumeAttachment(one) => volume_attachment(xml, one),
        Response::Subnets(page) => rows(xml, "subnetSet", page, |xml, one| {
            network::subnet(xml, account, one);
        }),
        Response::SecurityGroups(page) => {
            rows(xml, "securityGroupInfo", page, |xml, one| {
                network::security_group(xml, account, one);
            });
        }
        Response::Images(page) => rows(xml, "imagesSet", page, network::image),
        Response::Vpcs(page) => rows(xml, "vpcSet", page, |xml, one| network::vpc(xml, account, one)),
        Response::Zones(zones) => xml.items("availabilityZoneInfo", zones, |xml, zone| {
            network::zone(xml, zone);
        }),
    }
}

fn rows<T>(xml: &mut Xml, name: &str, page: &Page<T>, row: impl Fn(&mut Xml, &T)) {
    xml.items(name, &page.rows, |xml, one| row(xml, one));
    xml.maybe("nextToken", page.next.as_ref());
}

/// Times have milliseconds and a Z.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

pub(super) fn tag_set(xml: &mut Xml, tags: &Tags) {
    xml.items("tagSet", tags, |xml, (key, value)| {
        xml.leaf("key", key);
        xml.leaf("value", value);
    });
}

fn group_set(xml: &mut Xml, groups: &[String]) {
    xml.items("groupSet", groups, |xml, id| {
        xml.leaf("groupId", id);
    });
}

/// Rows of a page come by instance; EC2 folds those of one RunInstances call into a reservation.
fn reservations(xml: &mut Xml, account: &str, page: &Page<Sight>) {
    let mut ids: Vec<&str> = Vec::new();
    for sight in &page.rows {
        if !ids.contains(&sight.instance.reservation.as_str()) {
            ids.push(&sight.instance.reservation);
        }
    }
    xml.items("reservationSet", ids, |xml, id| {
        let of_it: Vec<Sight> = page
            .rows
            .iter()
            .filter(|sight| sight.instance.reservation == id)
            .cloned()
            .collect();
        reservation(xml, account, &of_it);
    });
    xml.maybe("nextToken", page.next.as_ref());
}

fn reservation(xml: &mut Xml, account: &str, sights: &[Sight]) {
    xml.maybe(
        "reservationId",
        sights.first().map(|sight| &sight.instance.reservation),
    );
    xml.leaf("ownerId", account);
    xml.items("instancesSet", sights, |xml, sight| instance(xml, account, sight));
}

fn state(xml: &mut Xml, name: &str, state: InstanceState) {
    xml.element(name, |xml| {
        xml.leaf("code", state.code());
        xml.leaf("name", state.name());
    });
}

fn state_change(xml: &mut Xml, change: &StateChange) {
    xml.leaf("instanceId", &change.id);
    state(xml, "currentState", change.now);
    state(xml, "previousState", change.before);
}

fn instance(xml: &mut Xml, account: &str, sight: &Sight) {
    let one = &sight.instance;
    let primary = sight.interfaces.first();
    xml.leaf("instanceId", &one.id);
    xml.leaf("imageId", &one.image);
    state(xml, "instanceState", one.state);
    xml.leaf("amiLaunchIndex", one.launch_index);
    xml.leaf("instanceType", &one.instance_type);
    xml.leaf("launchTime", time(one.launched));
    xml.element("placement", |xml| {
        xml.leaf("availabilityZone", &one.zone);
        xml.leaf("tenancy", "default");
    });
    xml.leaf("architecture", "x86_64");
    xml.leaf("rootDeviceType", "ebs");
    xml.leaf("rootDeviceName", "/dev/xvda");
    xml.maybe("keyName", one.key_name.as_ref());
    xml.maybe("clientToken", one.token.as_ref());
    if let Some(primary) = primary {
        xml.leaf("subnetId", &one.subnet);
        xml.leaf("vpcId", &one.vpc);
        xml.leaf("privateIpAddress", primary.address);
        group_set(xml, &primary.security_groups);
    }
    if let Some(profile) = &one.profile {
        xml.element("iamInstanceProfile", |xml| {
            xml.leaf(
                "arn",
                format!("arn:aws:iam::{account}:instance-profile/{profile}"),
            );
        });
    }
    if let Some((code, message)) = &one.state_reason {
        xml.element("stateReason", |xml| {
            xml.leaf("code", code);
            xml.leaf("message", message);
        });
    }
    xml.element("metadataOptions", |xml| {
        let enabled = |on: bool| if on { "enabled" } else { "disabled" };
        xml.leaf("state", "applied");
        xml.leaf(
            "httpTokens",
            if one.metadata.tokens_required {
                "required"
            } else {
                "optional"
            },
        );
        xml.leaf("httpPutResponseHopLimit", one.metadata.hop_limit);
        xml.leaf("httpEndpoint", enabled(one.metadata.enabled));
        xml.leaf("instanceMetadataTags", enabled(one.metadata.instance_tags));
    });
    xml.items("networkInterfaceSet", &sight.interfaces, |xml, at| {
        interface(xml, account, at);
    });
    xml.items("blockDeviceMapping", &sight.volumes, device);
    tag_set(xml, &one.tags);
}

fn device(xml: &mut Xml, at: &VolumeAttachment) {
    xml.leaf("deviceName", &at.device);
    xml.element("ebs", |xml| {
        xml.leaf("volumeId", &at.volume);
        xml.leaf("status", at.state.as_str());
        xml.leaf("attachTime", time(at.since));
        xml.leaf("deleteOnTermination", at.delete_on_termination);
    });
}

fn interface(xml: &mut Xml, account: &str, one: &Interface) {
    xml.leaf("networkInterfaceId", &one.id);
    xml.leaf("subnetId", &one.subnet);
    xml.leaf("vpcId", &one.vpc);
    xml.leaf("availabilityZone", &one.zone);
    xml.leaf("description", &one.description);
    xml.leaf("ownerId", account);
    xml.leaf("status", one.status());
    xml.leaf("macAddress", &one.mac);
    xml.leaf("privateIpAddress", one.address);
    xml.leaf("sourceDestCheck", true);
    xml.leaf("interfaceType", "interface");
    group_set(xml, &one.security_groups);
    xml.items("privateIpAddressesSet", [one.address], |xml, address| {
        xml.leaf("privateIpAddress", address);
        xml.leaf("primary", true);
    });
    if let Some(at) = &one.attachment {
        xml.element("attachment", |xml| {
            xml.leaf("attachmentId", &at.id);
            xml.leaf("instanceId", &at.instance);
            xml.leaf("instanceOwnerId", account);
            xml.leaf("deviceIndex", at.device_index);
            xml.leaf("networkCardIndex", 0);
            xml.leaf("status", at.state.as_str());
            xml.leaf("attachTime", time(at.since));
            xml.leaf("deleteOnTermination", at.delete_on_termination);
        });
    }
    tag_set(xml, &one.tags);
}

fn volume(xml: &mut Xml, one: &Volume) {
    xml.leaf("volumeId", &one.id);
    xml.leaf("size", one.size_gib);
    xml.leaf("availabilityZone", &one.zone);
    xml.leaf("status", one.state());
    xml.leaf("createTime", time(one.created));
    xml.leaf("volumeType", &one.volume_type);
    xml.leaf("encrypted", one.encrypted);
    xml.maybe("iops", one.performance.iops);
    xml.maybe("throughput", one.performance.throughput);
    xml.maybe("kmsKeyId", one.performance.kms_key.as_ref());
    xml.leaf("multiAttachEnabled", false);
    xml.items("attachmentSet", &one.attachment, volume_attachment);
    tag_set(xml, &one.tags);
}

fn volume_attachment(xml: &mut Xml, at: &VolumeAttachment) {
    xml.leaf("volumeId", &at.volume);
    xml.leaf("instanceId", &at.instance);
    xml.leaf("device", &at.device);
    xml.leaf("status", at.state.as_str());
    xml.leaf("attachTime", time(at.since));
    xml.leaf("deleteOnTermination", at.delete_on_termination);
}
