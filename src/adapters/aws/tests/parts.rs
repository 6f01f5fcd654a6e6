//! What is seen of interfaces, volumes and launch templates.

use std::collections::BTreeMap;

use rehull_core::domain::desired::Slot;
use rehull_core::domain::fleet::{Attachment, SlotParts as Parts};
use rehull_core::domain::ids::{
    InstanceId, InterfaceId, LaunchTemplateName, SlotName, SubnetId, VolumeId, Zone,
};
use rehull_core::domain::observed::Partial;
use rehull_core::ports::{LaunchTemplates, SlotParts};

use super::super::replay::{Answer, Replay};
use super::super::{AwsLaunchTemplates, AwsSlotParts};

fn slot() -> Slot {
    Slot {
        name: SlotName::new("etcd-a"),
        zone: Zone::new("ap-northeast-1a"),
        subnet: SubnetId::new("subnet-1"),
        interface: InterfaceId::new("eni-1"),
        volume: VolumeId::new("vol-1"),
        address: "10.0.1.10".parse().unwrap(),
        launch_template: LaunchTemplateName::new("dev-etcd-a"),
    }
}

fn volume(state: &str, attachments: &str, tags: &str) -> Answer {
    Answer::new(
        200,
        &format!(
            "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId><status>{state}</status>\
             <availabilityZone>ap-northeast-1a</availabilityZone><attachmentSet>{attachments}</attachmentSet>\
             <tagSet>{tags}</tagSet></item></volumeSet></DescribeVolumesResponse>"
        ),
    )
}

fn interface(status: &str, attachment: &str) -> Answer {
    Answer::new(
        200,
        &format!(
            "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>\
             <status>{status}</status><privateIpAddress>10.0.1.10</privateIpAddress>{attachment}</item>\
             </networkInterfaceSet></DescribeNetworkInterfacesResponse>"
        ),
    )
}

async fn parts(volume: Answer, interface: Answer) -> (Parts, Vec<String>) {
    let replay = Replay::of([volume, interface]);
    let seen: Partial<BTreeMap<SlotName, Parts>> =
        AwsSlotParts::new(replay.clients().await).observe(&[slot()]).await;
    let gaps = seen.gaps.iter().map(|gap| gap.why.clone()).collect();
    (seen.value.into_values().next().unwrap(), gaps)
}

fn at(state: &str, flags: &str) -> String {
    format!(
        "<item><volumeId>vol-1</volumeId><instanceId>i-0aa</instanceId><status>{state}</status>{flags}</item>"
    )
}

#[tokio::test]
async fn every_state_of_a_volume_leads_to_one_reading() {
    let machine = || InstanceId::new("i-0aa");
    for (state, attachments, expected) in [
        ("available", String::new(), Attachment::Available),
        ("in-use", at("attached", ""), Attachment::Attached(machine())),
        ("in-use", at("attaching", ""), Attachment::Attaching(machine())),
        ("in-use", at("detaching", ""), Attachment::Detaching(machine())),
        ("in-use", at("busy", ""), Attachment::Detaching(machine())),
        ("available", at("detached", ""), Attachment::Available),
        (
            "in-use",
            at("reticulating", ""),
            Attachment::Unclear("reticulating".to_owned()),
        ),
        ("in-use", String::new(), Attachment::Unclear("in-use".to_owned())),
        (
            "deleting",
            String::new(),
            Attachment::Unclear("deleting".to_owned()),
        ),
        (
            "in-use",
            at("attached", "") + &at("attached", ""),
            Attachment::Unclear("at 2 machines at once".to_owned()),
        ),
    ] {
        let (parts, gaps) = parts(volume(state, &attachments, ""), interface("available", "")).await;
        assert_eq!(parts.volume.attachment, expected, "{state} {attachments}");
        assert_eq!(gaps, Vec::<String>::new());
    }
}

#[tokio::test]
async fn every_state_of_an_interface_leads_to_one_reading() {
    let machine = || InstanceId::new("i-0aa");
    let at = |status: &str| {
        format!(
            "<attachment><attachmentId>a-1</attachmentId><instanceId>i-0aa</instanceId><status>{status}</status></attachment>"
        )
    };
    let owned =
        "<attachment><attachmentId>a-1</attachmentId><status>attached</status></attachment>".to_owned();
    for (status, attachment, expected) in [
        ("available", String::new(), Attachment::Available),
        ("in-use", at("attached"), Attachment::Attached(machine())),
        ("in-use", at("attaching"), Attachment::Attaching(machine())),
        ("in-use", at("detaching"), Attachment::Detaching(machine())),
        ("in-use", String::new(), Attachment::Unclear("in-use".to_owned())),
        (
            "in-use",
            at("levitating"),
            Attachment::Unclear("levitating".to_owned()),
        ),
        (
            "in-use",
            owned,
            Attachment::Unclear("attached to something that is no instance".to_owned()),
        ),
    ] {
        let (parts, _) = parts(volume("available", "", ""), interface(status, &attachment)).await;
        assert_eq!(parts.interface.attachment, expected, "{status} {attachment}");
        assert_eq!(parts.interface_address, Some("10.0.1.10".parse().unwrap()));
    }
}

#[tokio::test]
async fn a_part_that_would_die_with_its_machine_is_named() {
    let flag = "<deleteOnTermination>true</deleteOnTermination>";
    let held =
        format!("<attachment><instanceId>i-0aa</instanceId><status>attached</status>{flag}</attachment>");
    let (_, gaps) = parts(
        volume("in-use", &at("attached", flag), ""),
        interface("in-use", &held),
    )
    .await;
    assert_eq!(
        gaps,
        ["vol-1", "eni-1"].map(|part| {
            format!(
                "`{part}` would be deleted together with `i-0aa`: DeleteOnTermination is set on the attachment"
            )
        })
    );
}

#[tokio::test]
async fn a_generation_that_nobody_can_read_is_not_a_volume_that_was_never_used() {
    let tags = "<item><key>rehull:generation</key><value>x</value></item>";
    let (parts, gaps) = parts(volume("available", "", tags), interface("available", "")).await;
    assert_eq!(parts.volume_generation, None);
    assert_eq!(
        gaps,
        ["the tag `rehull:generation` of `vol-1` says `x`, which means nothing here"]
    );
}

#[tokio::test]
async fn what_ec2_does_not_know_is_missing() {
    let (parts, gaps) = parts(
        Answer::new(
            200,
            "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>",
        ),
        Answer::new(
            200,
            "<DescribeNetworkInterfacesResponse><networkInterfaceSet/></DescribeNetworkInterfacesResponse>",
        ),
    )
    .await;
    assert_eq!(
        (parts.volume.attachment, parts.interface.attachment),
        (Attachment::Missing, Attachment::Missing)
    );
    assert_eq!(gaps, Vec::<String>::new());
}

#[tokio::test]
async fn only_a_whole_digest_in_a_description_counts() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let item = |number: u32, description: &str| {
        format!(
            "<item><versionNumber>{number}</versionNumber><versionDescription>{description}</versionDescription></item>"
        )
    };
    let items = [
        item(3, &format!("rehull {digest}")),
        item(1, "made by hand"),
        item(2, "rehull sha256:short"),
    ];
    let replay = Replay::of([Answer::new(
        200,
        &format!(
            "<DescribeLaunchTemplateVersionsResponse><launchTemplateVersionSet>{}</launchTemplateVersionSet>\
             </DescribeLaunchTemplateVersionsResponse>",
            items.concat()
        ),
    )]);
    let name = LaunchTemplateName::new("dev-etcd-a");
    let seen = AwsLaunchTemplates::new(replay.clients().await)
        .observe(std::slice::from_ref(&name))
        .await;
    let versions: Vec<(String, Option<String>)> = seen.value[&name]
        .iter()
        .map(|version| {
            (
                version.version.to_string(),
                version.digest.as_ref().map(ToString::to_string),
            )
        })
        .collect();
    assert_eq!(
        versions,
        [
            ("1".to_owned(), None),
            ("2".to_owned(), None),
            ("3".to_owned(), Some(digest))
        ]
    );
}
