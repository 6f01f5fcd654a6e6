//! EC2 Query parameters → requests of the world.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use rehull_core::world::AwsError;
use rehull_core::world::api::ec2::{
    CreateLaunchTemplate, CreateLaunchTemplateVersion, CreateNetworkInterface, CreateVolume,
    DescribeTemplateVersions, DescribeTemplates, Request, RunInstances, TemplateRef,
};

use rehull_core::world::performance::Performance;
use rehull_core::world::query::ec2::{describe, page, tags, tags_for};
use rehull_core::world::query::{Params, Scope};

use super::ec2_launch::launch_data;

/// The one API version that everybody uses.
const VERSION: &str = "2016-11-15";

/// Reads one request; unknown actions and parameters are refused.
pub(super) fn decode(params: &Params) -> Result<Request, AwsError> {
    let root = params.root();
    let action = root.need("Action")?;
    let version = root.need("Version")?;
    if version != VERSION {
        return Err(AwsError::bad(
            "NoSuchVersion",
            format!("The requested version ({version}) does not exist"),
        ));
    }
    let dry_run = root.parse::<bool>("DryRun")?.unwrap_or(false);
    let request = request(&action, &root)?;
    params.finish()?;
    if dry_run {
        return Err(AwsError::with(
            412,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    Ok(request)
}

fn request(action: &str, at: &Scope<'_>) -> Result<Request, AwsError> {
    Ok(match action {
        "CreateLaunchTemplate" => Request::CreateLaunchTemplate(Box::new(create_template(at)?)),
        "CreateLaunchTemplateVersion" => Request::CreateLaunchTemplateVersion(Box::new(create_version(at)?)),
        "DescribeLaunchTemplates" => Request::DescribeLaunchTemplates(DescribeTemplates {
            names: at.list("LaunchTemplateName"),
            by: describe(at, "LaunchTemplateId")?,
        }),
        "DescribeLaunchTemplateVersions" => Request::DescribeLaunchTemplateVersions(describe_versions(at)?),
        "ModifyLaunchTemplate" => {
            at.text("ClientToken"); // Setting a number twice is harmless.
            Request::ModifyLaunchTemplate {
                template: template_ref(at)?,
                default_version: at.need("SetDefaultVersion")?,
            }
        }
        "DeleteLaunchTemplate" => Request::DeleteLaunchTemplate {
            template: template_ref(at)?,
        },
        "RunInstances" => Request::RunInstances(Box::new(run_instances(at)?)),
        "DescribeInstances" => Request::DescribeInstances(describe(at, "InstanceId")?),
        "TerminateInstances" => Request::TerminateInstances {
            ids: at.list("InstanceId"),
        },
        "RebootInstances" => Request::RebootInstances {
            ids: at.list("InstanceId"),
        },
        "CreateTags" => Request::CreateTags {
            ids: at.list("ResourceId"),
            tags: tags(at),
        },
        "DeleteTags" => Request::DeleteTags {
            ids: at.list("ResourceId"),
            tags: tags_to_delete(at),
        },
        "DescribeSubnets" => Request::DescribeSubnets(describe(at, "SubnetId")?),
        "DescribeSecurityGroups" => Request::DescribeSecurityGroups(describe(at, "GroupId")?),
        "DescribeImages" => Request::DescribeImages(describe(at, "ImageId")?),
        "DescribeVpcs" => Request::DescribeVpcs(describe(at, "VpcId")?),
        "DescribeAvailabilityZones" => Request::DescribeAvailabilityZones,
        _ => device_request(action, at)?,
    })
}

fn device_request(action: &str, at: &Scope<'_>) -> Result<Request, AwsError> {
    Ok(match action {
        "CreateNetworkInterface" => Request::CreateNetworkInterface(create_interface(at)?),
        "DescribeNetworkInterfaces" => {
            Request::DescribeNetworkInterfaces(describe(at, "NetworkInterfaceId")?)
        }
        "DeleteNetworkInterface" => Request::DeleteNetworkInterface {
            id: at.need("NetworkInterfaceId")?,
        },
        "AttachNetworkInterface" => Request::AttachNetworkInterface {
            interface: at.need("NetworkInterfaceId")?,
            instance: at.need("InstanceId")?,
            device_index: at.parse("DeviceIndex")?.unwrap_or(1),
        },
        "DetachNetworkInterface" => {
            at.text("Force"); // The guest cannot hold an interface back here.
            Request::DetachNetworkInterface {
                attachment: at.need("AttachmentId")?,
            }
        }
        "CreateVolume" => Request::CreateVolume(create_volume(at)?),
        "DescribeVolumes" => Request::DescribeVolumes(describe(at, "VolumeId")?),
        "DeleteVolume" => Request::DeleteVolume {
            id: at.need("VolumeId")?,
        },
        "AttachVolume" => Request::AttachVolume {
            volume: at.need("VolumeId")?,
            instance: at.need("InstanceId")?,
            device: at.need("Device")?,
        },
        "DetachVolume" => {
            at.text("Device"); // The volume says it all.
            Request::DetachVolume {
                volume: at.need("VolumeId")?,
                instance: at.text("InstanceId"),
                force: at.parse("Force")?.unwrap_or(false),
            }
        }
        other => {
            return Err(AwsError::bad(
                "InvalidAction",
                format!("The action {other} is not modelled by the sandbox"),
            ));
        }
    })
}

fn create_template(at: &Scope<'_>) -> Result<CreateLaunchTemplate, AwsError> {
    Ok(CreateLaunchTemplate {
        name: at.need("LaunchTemplateName")?,
        description: at.text("VersionDescription"),
        data: launch_data(&at.at("LaunchTemplateData"))?,
        tags: tags_for(at, "launch-template")?,
        token: at.text("ClientToken"),
    })
}

fn create_version(at: &Scope<'_>) -> Result<CreateLaunchTemplateVersion, AwsError> {
    Ok(CreateLaunchTemplateVersion {
        template: template_ref(at)?,
        source_version: at.text("SourceVersion"),
        description: at.text("VersionDescription"),
        data: launch_data(&at.at("LaunchTemplateData"))?,
        token: at.text("ClientToken"),
    })
}

fn describe_versions(at: &Scope<'_>) -> Result<DescribeTemplateVersions, AwsError> {
    Ok(DescribeTemplateVersions {
        template: template_ref(at)?,
        versions: at.list("LaunchTemplateVersion"),
        min: at.parse("MinVersion")?,
        max: at.parse("MaxVersion")?,
        page: page(at)?,
    })
}

fn run_instances(at: &Scope<'_>) -> Result<RunInstances, AwsError> {
    let template = at.at("LaunchTemplate");
    let version = template.text("Version");
    let template = match (
        template.text("LaunchTemplateId"),
        template.text("LaunchTemplateName"),
    ) {
        (None, None) => None,
        (id, name) => Some((one_of(id, name)?, version)),
    };
    let mut data = launch_data(at)?;
    data.subnet = at.text("SubnetId");
    Ok(RunInstances {
        min_count: at.parse("MinCount")?.unwrap_or(0),
        max_count: at.parse("MaxCount")?.unwrap_or(0),
        template,
        data,
        zone: at.at("Placement").text("AvailabilityZone"),
        token: at.text("ClientToken"),
    })
}

fn create_interface(at: &Scope<'_>) -> Result<CreateNetworkInterface, AwsError> {
    Ok(CreateNetworkInterface {
        subnet: at.need("SubnetId")?,
        address: address(at)?,
        security_groups: at.list("SecurityGroupId"),
        description: at.text("Description").unwrap_or_default(),
        tags: tags_for(at, "network-interface")?,
        token: at.text("ClientToken"),
    })
}

/// One address, in either of the two ways to say it.
fn address(at: &Scope<'_>) -> Result<Option<Ipv4Addr>, AwsError> {
    let mut addresses: Vec<Ipv4Addr> = Vec::from_iter(at.parse("PrivateIpAddress")?);
    for one in at.items("PrivateIpAddresses") {
        one.ignore(&["Primary"]);
        addresses.extend(one.parse::<Ipv4Addr>("PrivateIpAddress")?);
    }
    match addresses.as_slice() {
        [] => Ok(None),
        [address] => Ok(Some(*address)),
        _ => Err(AwsError::value("The sandbox models one address per interface")),
    }
}

fn create_volume(at: &Scope<'_>) -> Result<CreateVolume, AwsError> {
    Ok(CreateVolume {
        zone: at.need("AvailabilityZone")?,
        size_gib: at.parse("Size")?.unwrap_or(8),
        volume_type: at.text("VolumeType"),
        encrypted: at.parse("Encrypted")?.unwrap_or(false),
        performance: Performance {
            iops: at.parse("Iops")?,
            throughput: at.parse("Throughput")?,
            kms_key: at.text("KmsKeyId"),
        },
        tags: tags_for(at, "volume")?,
        token: at.text("ClientToken"),
    })
}

fn template_ref(at: &Scope<'_>) -> Result<TemplateRef, AwsError> {
    one_of(at.text("LaunchTemplateId"), at.text("LaunchTemplateName"))
}

fn one_of(id: Option<String>, name: Option<String>) -> Result<TemplateRef, AwsError> {
    match (id, name) {
        (Some(id), None) => Ok(TemplateRef::Id(id)),
        (None, Some(name)) => Ok(TemplateRef::Name(name)),
        (Some(_), Some(_)) => Err(AwsError::bad(
            "InvalidParameterCombination",
            "Either the launch template ID or the launch template name can be specified, not both.",
        )),
        (None, None) => Err(AwsError::bad(
            "MissingParameter",
            "Either the launch template ID or the launch template name must be specified.",
        )),
    }
}

fn tags_to_delete(at: &Scope<'_>) -> BTreeMap<String, Option<String>> {
    at.items("Tag")
        .iter()
        .filter_map(|tag| Some((tag.text("Key")?, tag.text("Value"))))
        .collect()
}
