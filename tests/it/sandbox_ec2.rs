//! The sandbox's EC2 through the vendor's SDK.

use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{
    Filter, HttpTokensState, IamInstanceProfileSpecification, InstanceStateName,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateInstanceMetadataTagsState,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, LaunchTemplateSpecification,
    RequestLaunchTemplateData, ResourceType, Tag, TagSpecification,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rehull::sandbox::layout::IMAGE;
use rehull_core::world::Switch;

use crate::sandbox::{Sandbox, start};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn tags(of: ResourceType, pairs: &[(&str, &str)]) -> TagSpecification {
    let tags = pairs.iter().map(|(key, value)| tag(key, value)).collect();
    TagSpecification::builder()
        .resource_type(of)
        .set_tags(Some(tags))
        .build()
}

#[expect(clippy::needless_pass_by_value, reason = "so that it can stand in `map_err`")]
fn code<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> String {
    error
        .as_service_error()
        .and_then(|error| error.code())
        .unwrap_or("no code")
        .to_owned()
}

async fn subnet(ec2: &aws_sdk_ec2::Client, name: &str) -> String {
    let by_name = Filter::builder().name("tag:Name").values(name).build();
    let answer = ec2.describe_subnets().filters(by_name).send().await.unwrap();
    answer.subnets()[0].subnet_id().unwrap().to_owned()
}

async fn data(ec2: &aws_sdk_ec2::Client) -> RequestLaunchTemplateData {
    let primary = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .subnet_id(subnet(ec2, "dev-machines-ap-northeast-1a").await)
        .build();
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .instance_metadata_tags(LaunchTemplateInstanceMetadataTagsState::Enabled)
        .build();
    let profile = LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
        .name("dev-etcd")
        .build();
    RequestLaunchTemplateData::builder()
        .image_id(IMAGE)
        .instance_type("m6i.large".into())
        .network_interfaces(primary)
        .metadata_options(metadata)
        .iam_instance_profile(profile)
        .user_data(BASE64.encode("#cloud-config\n"))
        .build()
}

async fn template(ec2: &aws_sdk_ec2::Client) {
    let made = ec2
        .create_launch_template()
        .launch_template_name("dev-etcd-a")
        .version_description("sha256:aa")
        .launch_template_data(data(ec2).await)
        .tag_specifications(tags(ResourceType::LaunchTemplate, &[("rehull:cluster", "dev")]))
        .send()
        .await
        .unwrap();
    let template = made.launch_template().unwrap();
    assert_eq!(
        (
            template.latest_version_number(),
            template.default_version_number()
        ),
        (Some(1), Some(1))
    );
}

async fn run(ec2: &aws_sdk_ec2::Client, token: &str) -> Result<String, String> {
    let version = LaunchTemplateSpecification::builder()
        .launch_template_name("dev-etcd-a")
        .version("1")
        .build();
    let answer = ec2
        .run_instances()
        .launch_template(version)
        .min_count(1)
        .max_count(1)
        .client_token(token)
        .tag_specifications(tags(
            ResourceType::Instance,
            &[("rehull:cluster", "dev"), ("rehull:slot", "etcd-a")],
        ))
        .send()
        .await;
    answer
        .map(|answer| answer.instances()[0].instance_id().unwrap().to_owned())
        .map_err(code)
}

async fn until_state(ec2: &aws_sdk_ec2::Client, id: &str, wanted: &InstanceStateName) {
    for _ in 0..200 {
        let answer = ec2.describe_instances().instance_ids(id).send().await;
        let state = answer.ok().and_then(|answer| {
            answer
                .reservations()
                .first()?
                .instances()
                .first()?
                .state()?
                .name()
                .cloned()
        });
        if state.as_ref() == Some(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{id} did not become {wanted:?}");
}

async fn running() -> (Sandbox, aws_sdk_ec2::Client, String) {
    let sandbox = start().await;
    let ec2 = sandbox.ec2().await;
    template(&ec2).await;
    let id = run(&ec2, "one").await.unwrap();
    until_state(&ec2, &id, &InstanceStateName::Running).await;
    (sandbox, ec2, id)
}

#[tokio::test]
async fn a_template_version_comes_back_as_it_was_written() {
    let sandbox = start().await;
    let ec2 = sandbox.ec2().await;
    template(&ec2).await;
    let second = ec2
        .create_launch_template_version()
        .launch_template_name("dev-etcd-a")
        .version_description("sha256:bb")
        .launch_template_data(data(&ec2).await)
        .send()
        .await
        .unwrap();
    assert_eq!(
        second.launch_template_version().unwrap().version_number(),
        Some(2)
    );
    let answer = ec2
        .describe_launch_template_versions()
        .launch_template_name("dev-etcd-a")
        .versions("$Default")
        .versions("$Latest")
        .send()
        .await
        .unwrap();
    let versions: Vec<_> = answer
        .launch_template_versions()
        .iter()
        .map(|one| (one.version_number(), one.version_description()))
        .collect();
    assert_eq!(
        versions,
        [(Some(2), Some("sha256:bb")), (Some(1), Some("sha256:aa"))]
    );
    let read = answer.launch_template_versions()[0]
        .launch_template_data()
        .unwrap();
    assert_eq!(read.user_data(), Some(BASE64.encode("#cloud-config\n").as_str()));
    assert_eq!(read.iam_instance_profile().unwrap().name(), Some("dev-etcd"));
    let metadata = read.metadata_options().unwrap();
    assert_eq!(
        metadata.http_tokens(),
        Some(&LaunchTemplateHttpTokensState::Required)
    );
    assert!(read.network_interfaces()[0].subnet_id().is_some());
}

#[tokio::test]
async fn a_machine_comes_up_from_a_numbered_version_and_is_found_by_its_tags() {
    let (_sandbox, ec2, id) = running().await;
    let by_tag = Filter::builder().name("tag:rehull:cluster").values("dev").build();
    let by_state = Filter::builder()
        .name("instance-state-name")
        .values("running")
        .build();
    let answer = ec2
        .describe_instances()
        .filters(by_tag)
        .filters(by_state)
        .send()
        .await
        .unwrap();
    let machine = &answer.reservations()[0].instances()[0];
    assert_eq!(machine.instance_id(), Some(id.as_str()));
    assert_eq!(
        machine.metadata_options().unwrap().http_tokens(),
        Some(&HttpTokensState::Required)
    );
    assert_eq!(
        machine.placement().unwrap().availability_zone(),
        Some("ap-northeast-1a")
    );
    assert!(
        machine
            .iam_instance_profile()
            .unwrap()
            .arn()
            .unwrap()
            .ends_with("instance-profile/dev-etcd")
    );
    assert!(machine.launch_time().is_some());
    let version = machine
        .tags()
        .iter()
        .find(|tag| tag.key() == Some("aws:ec2launchtemplate:version"));
    assert_eq!(version.unwrap().value(), Some("1"));
    let primary = &machine.network_interfaces()[0];
    assert_eq!(primary.attachment().unwrap().delete_on_termination(), Some(true));
}

#[tokio::test]
async fn the_same_token_launches_once_and_other_parameters_under_it_are_refused() {
    let sandbox = start().await;
    let ec2 = sandbox.ec2().await;
    template(&ec2).await;
    let first = run(&ec2, "token").await;
    assert_eq!(run(&ec2, "token").await, first);
    let other = ec2
        .run_instances()
        .image_id(IMAGE)
        .min_count(1)
        .max_count(1)
        .client_token("token")
        .iam_instance_profile(
            IamInstanceProfileSpecification::builder()
                .name("dev-etcd")
                .build(),
        )
        .send()
        .await;
    assert_eq!(code(other.unwrap_err()), "IdempotentParameterMismatch");
}

#[tokio::test]
async fn a_slash_in_a_tag_key_is_refused_when_metadata_shows_tags() {
    let (_sandbox, ec2, id) = running().await;
    let refusal = ec2
        .create_tags()
        .resources(&id)
        .tags(tag("kubernetes.io/cluster/dev", "owned"))
        .send()
        .await;
    assert_eq!(code(refusal.unwrap_err()), "InvalidParameterValue");
    ec2.create_tags()
        .resources(&id)
        .tags(tag("rehull:go", "1"))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn volume_and_interface_move_to_a_machine_and_are_free_when_it_is_terminated() {
    let (_sandbox, ec2, id) = running().await;
    let volume = ec2
        .create_volume()
        .availability_zone("ap-northeast-1a")
        .size(8)
        .send()
        .await
        .unwrap();
    let volume = volume.volume_id().unwrap().to_owned();
    let slots = subnet(&ec2, "dev-slots-ap-northeast-1a").await;
    let interface = ec2
        .create_network_interface()
        .subnet_id(slots)
        .private_ip_address("127.20.1.11");
    let interface = interface.send().await.unwrap();
    let interface = interface
        .network_interface()
        .unwrap()
        .network_interface_id()
        .unwrap()
        .to_owned();
    tokio::time::sleep(Duration::from_millis(500)).await;

    ec2.attach_volume()
        .volume_id(&volume)
        .instance_id(&id)
        .device("/dev/sdf")
        .send()
        .await
        .unwrap();
    let attached = ec2
        .attach_network_interface()
        .network_interface_id(&interface)
        .instance_id(&id)
        .device_index(1);
    assert!(attached.send().await.unwrap().attachment_id().is_some());
    let twice = ec2
        .attach_volume()
        .volume_id(&volume)
        .instance_id(&id)
        .device("/dev/sdg")
        .send()
        .await;
    assert_eq!(code(twice.unwrap_err()), "VolumeInUse");

    ec2.terminate_instances().instance_ids(&id).send().await.unwrap();
    until_state(&ec2, &id, &InstanceStateName::Terminated).await;
    let volumes = ec2.describe_volumes().volume_ids(&volume).send().await.unwrap();
    assert_eq!(volumes.volumes()[0].state().unwrap().as_str(), "available");
    let interfaces = ec2
        .describe_network_interfaces()
        .network_interface_ids(&interface)
        .send()
        .await
        .unwrap();
    assert_eq!(
        interfaces.network_interfaces()[0].status().unwrap().as_str(),
        "available"
    );
}

#[tokio::test]
async fn faults_reach_the_sdk_as_the_errors_of_ec2() {
    let sandbox = start().await;
    let ec2 = sandbox.ec2().await;
    template(&ec2).await;
    let zone = "ap-northeast-1a".to_owned();
    sandbox
        .api
        .switch(Switch::NoCapacity { zone, on: true })
        .await
        .unwrap();
    assert_eq!(
        run(&ec2, "a").await,
        Err("InsufficientInstanceCapacity".to_owned())
    );
    let unknown = ec2
        .describe_instances()
        .instance_ids("i-0123456789abcdef0")
        .send()
        .await;
    assert_eq!(code(unknown.unwrap_err()), "InvalidInstanceID.NotFound");
}
