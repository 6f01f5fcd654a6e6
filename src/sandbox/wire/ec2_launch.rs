//! What a machine is launched with, as RunInstances and launch templates write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rehull_core::world::AwsError;
use rehull_core::world::api::Text;
use rehull_core::world::api::ec2::{DiskSpec, InterfaceSpec, LaunchData, MetadataSpec};
use rehull_core::world::query::Scope;
use rehull_core::world::query::ec2::tag_specifications;

/// Both spell these parameters the same, one below `LaunchTemplateData`.
pub(super) fn launch_data(at: &Scope<'_>) -> Result<LaunchData, AwsError> {
    let interfaces: Result<_, _> = at.items("NetworkInterface").iter().map(interface).collect();
    let disks: Result<_, _> = at.items("BlockDeviceMapping").iter().map(disk).collect();
    Ok(LaunchData {
        image: at.text("ImageId"),
        instance_type: at.text("InstanceType"),
        profile: profile(&at.at("IamInstanceProfile")),
        security_groups: at.list("SecurityGroupId"),
        subnet: None,
        interfaces: interfaces?,
        disks: disks?,
        metadata: metadata(&at.at("MetadataOptions"))?,
        user_data: at.text("UserData").map(|text| user_data(&text)).transpose()?,
        tags: tag_specifications(at)?,
        key_name: at.text("KeyName"),
        ebs_optimized: at.parse("EbsOptimized")?,
        monitoring: at.at("Monitoring").parse("Enabled")?,
        shutdown_behavior: at.text("InstanceInitiatedShutdownBehavior"),
    })
}

/// EC2 accepts the name or the ARN, whose last part is the name.
fn profile(at: &Scope<'_>) -> Option<String> {
    let arn = at
        .text("Arn")
        .and_then(|arn| arn.rsplit('/').next().map(str::to_owned));
    at.text("Name").or(arn)
}

fn metadata(at: &Scope<'_>) -> Result<MetadataSpec, AwsError> {
    let one_of = |name: &str, words: [&str; 2]| match at.text(name) {
        Some(word) if !words.contains(&word.as_str()) => Err(AwsError::value(format!(
            "Value ({word}) for parameter {name} is invalid"
        ))),
        word => Ok(word),
    };
    Ok(MetadataSpec {
        http_tokens: one_of("HttpTokens", ["required", "optional"])?,
        http_endpoint: one_of("HttpEndpoint", ["enabled", "disabled"])?,
        hop_limit: at.parse("HttpPutResponseHopLimit")?,
        instance_tags: one_of("InstanceMetadataTags", ["enabled", "disabled"])?,
    })
}

fn interface(at: &Scope<'_>) -> Result<InterfaceSpec, AwsError> {
    // Terraform's provider names the first card, which is the only one that most instance types have.
    if at.parse("NetworkCardIndex")?.unwrap_or(0) != 0 {
        return Err(AwsError::value(
            "The instance type has one network card, with index 0",
        ));
    }
    Ok(InterfaceSpec {
        device_index: at.parse("DeviceIndex")?.unwrap_or(0),
        interface: at.text("NetworkInterfaceId"),
        subnet: at.text("SubnetId"),
        security_groups: at.list("SecurityGroupId"),
        address: at.parse("PrivateIpAddress")?,
        delete_on_termination: at.parse("DeleteOnTermination")?,
        public_address: at.parse("AssociatePublicIpAddress")?,
        description: at.text("Description"),
    })
}

fn disk(at: &Scope<'_>) -> Result<DiskSpec, AwsError> {
    let ebs = at.at("Ebs");
    Ok(DiskSpec {
        device: at.need("DeviceName")?,
        size_gib: ebs.parse("VolumeSize")?,
        volume_type: ebs.text("VolumeType"),
        delete_on_termination: ebs.parse("DeleteOnTermination")?,
        encrypted: ebs.parse("Encrypted")?,
    })
}

/// The model keeps text; user data that is not text (gzip) is legal on EC2 and refused here.
fn user_data(encoded: &str) -> Result<Text, AwsError> {
    let malformed = || {
        AwsError::bad(
            "InvalidUserData.Malformed",
            "Invalid BASE64 encoding of user data.",
        )
    };
    let bytes = BASE64.decode(encoded.trim()).map_err(|_| malformed())?;
    let text = String::from_utf8(bytes).map_err(|_| {
        AwsError::bad(
            "InvalidUserData.Malformed",
            "The sandbox takes user data as UTF-8 text only.",
        )
    })?;
    Ok(text.into())
}

/// The other direction, for answers.
pub(super) fn encode_user_data(text: &str) -> String {
    BASE64.encode(text)
}
