//! Who answers what, after the caller was checked and the limits have counted it.

use super::World;
use super::api::{Call, Request, Response, ec2};
use super::error::AwsError;
use super::query::{Query, Service};

impl World {
    pub(super) fn answer(&mut self, call: &Call, name: &str) -> Result<Response, AwsError> {
        let principal = self.authorise(call)?.clone();
        self.count(&call.request, name)?;
        match &call.request {
            Request::GetCallerIdentity => Ok(Response::CallerIdentity(self.caller_identity(&principal))),
            Request::S3(asked) => self.s3(asked, &principal).map(Response::S3),
            Request::Ec2(asked) => self.ec2(asked).map(Response::Ec2),
            Request::Query(asked) => self.query(asked).map(Response::Query),
        }
    }

    /// One more request, if the limits have room for it.
    pub(super) fn count(&mut self, request: &Request, name: &str) -> Result<(), AwsError> {
        let (code, message) = match request {
            Request::S3(_) if self.faults.take_throttle(name) => {
                ("SlowDown", "Please reduce your request rate.")
            }
            Request::Ec2(_) if self.faults.take_throttle(name) || !self.throttle.take(name, self.now) => {
                ("RequestLimitExceeded", "Request limit exceeded.")
            }
            Request::Query(asked) if self.faults.take_throttle(name) || !self.has_room(asked) => {
                match asked.service() {
                    Service::Ec2 => ("RequestLimitExceeded", "Request limit exceeded."),
                    Service::LoadBalancing | Service::AutoScaling | Service::Iam => {
                        ("Throttling", "Rate exceeded")
                    }
                    Service::Kms => ("ThrottlingException", "Rate exceeded"),
                }
            }
            Request::S3(_) | Request::Ec2(_) | Request::Query(_) | Request::GetCallerIdentity => {
                return Ok(());
            }
        };
        Err(AwsError::with(503, code, message))
    }

    /// Only EC2's limits are modelled.
    fn has_room(&mut self, asked: &Query) -> bool {
        asked.service() != Service::Ec2 || self.throttle.take(asked.action(), self.now)
    }

    fn ec2(&mut self, asked: &ec2::Request) -> Result<ec2::Response, AwsError> {
        use ec2::Request as Ask;
        match asked {
            Ask::CreateLaunchTemplate(asked) => self.create_template(asked),
            Ask::CreateLaunchTemplateVersion(asked) => self.create_template_version(asked),
            Ask::DescribeLaunchTemplates(asked) => self.describe_templates(asked),
            Ask::DescribeLaunchTemplateVersions(asked) => self.describe_template_versions(asked),
            Ask::ModifyLaunchTemplate {
                template,
                default_version,
            } => self.modify_template(template, default_version),
            Ask::DeleteLaunchTemplate { template } => self.delete_template(template),
            Ask::RunInstances(asked) => self.run_instances(asked),
            Ask::DescribeInstances(by) => self.describe_instances(by),
            Ask::TerminateInstances { ids } => self.terminate_instances(ids),
            Ask::RebootInstances { ids } => self.reboot_instances(ids),
            Ask::CreateTags { ids, tags } => self.create_tags(ids, tags),
            Ask::DeleteTags { ids, tags } => self.delete_tags(ids, tags),
            Ask::CreateNetworkInterface(asked) => self.create_interface(asked),
            Ask::DescribeNetworkInterfaces(by) => self.describe_interfaces(by),
            Ask::DeleteNetworkInterface { id } => self.delete_interface(id),
            Ask::AttachNetworkInterface {
                interface,
                instance,
                device_index,
            } => self.attach_interface(interface, instance, *device_index),
            Ask::DetachNetworkInterface { attachment } => self.detach_interface(attachment),
            Ask::CreateVolume(asked) => self.create_volume(asked),
            Ask::DescribeVolumes(by) => self.describe_volumes(by),
            Ask::DeleteVolume { id } => self.delete_volume(id),
            Ask::AttachVolume {
                volume,
                instance,
                device,
            } => self.attach_volume(volume, instance, device),
            Ask::DetachVolume {
                volume,
                instance,
                force,
            } => self.detach_volume(volume, instance.as_deref(), *force),
            Ask::DescribeSubnets(by) => self.describe_subnets(by),
            Ask::DescribeSecurityGroups(by) => self.describe_security_groups(by),
            Ask::DescribeImages(by) => self.describe_images(by),
            Ask::DescribeVpcs(by) => self.describe_vpcs(by),
            Ask::DescribeAvailabilityZones => Ok(ec2::Response::Zones(self.zones())),
        }
    }
}

pub(super) fn action(request: &Request) -> &'static str {
    match request {
        Request::Ec2(asked) => asked.action(),
        Request::S3(asked) => asked.operation.name(),
        Request::Query(asked) => asked.action(),
        Request::GetCallerIdentity => "GetCallerIdentity",
    }
}

pub(super) fn is_read(action: &str) -> bool {
    ["Describe", "Get", "Head", "List"]
        .iter()
        .any(|verb| action.starts_with(verb))
}
