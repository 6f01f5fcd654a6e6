//! The first version of the launch template, and the group that launches it: what a first `terraform apply` would make.

use std::io;

use rehull_core::domain::fleet::tag;
use rehull_core::world::AwsError;
use rehull_core::world::api::ec2::{CreateLaunchTemplate, LaunchData, MetadataSpec, Request as Ec2, Tags};
use rehull_core::world::api::{Call, Request};
use rehull_core::world::query::{Params, Query, Service};
use serde::{Deserialize, Serialize};

use super::Laid;
use crate::sandbox::daemon::Mailbox;
use crate::sandbox::error::SandboxError;
use crate::sandbox::info::Info;
use crate::sandbox::lay::Laid as AllLaid;
use crate::sandbox::layout::{IMAGE, INSTANCE_TYPE, Layout, REGION};
use crate::sandbox::status::post;

/// What the machines of a control plane are launched with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstVersion {
    /// Plain user data.
    pub user_data: String,
    /// Description of the launch template version.
    pub description: Option<String>,
}

impl FirstVersion {
    /// Launch template and group of a sandbox that was brought up with a control plane; the machines boot from now on.
    /// What is there already stays as it is.
    ///
    /// # Errors
    /// The sandbox has no control plane, AWS would refuse it, or its daemon does not answer.
    pub async fn launch(&self, info: &Info) -> Result<(), SandboxError> {
        let body = serde_json::to_vec(self).map_err(|error| SandboxError::Silent {
            endpoint: info.endpoint.clone(),
            why: error.to_string(),
        })?;
        post(info, "control-plane", body).await
    }
}

/// What the group's machines stand on.
pub(in crate::sandbox) struct Ground {
    layout: Layout,
    laid: Laid,
}

/// As many machines as zones.
const SIZE: &str = "3";

impl Ground {
    /// `None`: the sandbox was brought up without a control plane.
    pub(in crate::sandbox) fn of(layout: &Layout, laid: &AllLaid) -> Option<Self> {
        Some(Self {
            layout: layout.clone(),
            laid: laid.control_plane.clone()?,
        })
    }

    /// Makes what is missing.
    pub(in crate::sandbox) async fn raise(
        &self,
        mailbox: &Mailbox,
        first: FirstVersion,
    ) -> io::Result<Result<(), String>> {
        let template = Request::Ec2(Ec2::CreateLaunchTemplate(Box::new(self.template(first))));
        for (request, already) in [
            (template, "InvalidLaunchTemplateName.AlreadyExistsException"),
            (
                self.group().map_err(|error| io::Error::other(error.message))?,
                "AlreadyExists",
            ),
        ] {
            let call = Call {
                access_key: Some(self.layout.operator().id),
                region: Some(REGION.to_owned()),
                request,
            };
            match mailbox.call(call, None).await?.answer.result {
                Ok(_) => {}
                Err(error) if error.code == already => {}
                Err(error) => return Ok(Err(error.message)),
            }
        }
        Ok(Ok(()))
    }

    /// Tags stay out of the metadata: its machines may carry the one that Kubernetes' own controllers ask for, and that has
    /// a slash in it.
    fn template(&self, first: FirstVersion) -> CreateLaunchTemplate {
        let name = self.layout.control_plane();
        CreateLaunchTemplate {
            name: name.clone(),
            description: first.description,
            data: LaunchData {
                image: Some(IMAGE.to_owned()),
                instance_type: Some(INSTANCE_TYPE.to_owned()),
                profile: Some(name),
                security_groups: vec![self.laid.security_group.clone()],
                metadata: MetadataSpec {
                    http_tokens: Some("required".to_owned()),
                    ..MetadataSpec::default()
                },
                user_data: Some(first.user_data.into()),
                ..LaunchData::default()
            },
            tags: Tags::from([(tag::CLUSTER.to_owned(), self.layout.name.clone())]),
            token: None,
        }
    }

    fn group(&self) -> Result<Request, AwsError> {
        let name = self.layout.control_plane();
        let subnets = self.laid.subnets.join(",");
        let mut said: Vec<(String, String)> = [
            ("AutoScalingGroupName", name.as_str()),
            ("LaunchTemplate.LaunchTemplateName", &name),
            ("LaunchTemplate.Version", "1"),
            ("MinSize", SIZE),
            ("MaxSize", SIZE),
            ("DesiredCapacity", SIZE),
            ("VPCZoneIdentifier", &subnets),
            ("TargetGroupARNs.1", &self.laid.target_group),
            ("HealthCheckType", "EC2"),
            ("InstanceMaintenancePolicy.MinHealthyPercentage", "100"),
            ("InstanceMaintenancePolicy.MaxHealthyPercentage", "200"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        // `rehull:cluster` stays off the machines: on an instance it says "an etcd slot".
        let tags = [
            ("Name", name.as_str(), "true"),
            ("rehull:group", &name, "true"),
            (tag::CLUSTER, &self.layout.name, "false"),
        ];
        for (nth, (key, value, on_machines)) in (1_usize..).zip(tags) {
            let parts = [
                ("ResourceId", name.as_str()),
                ("ResourceType", "auto-scaling-group"),
                ("Key", key),
                ("Value", value),
                ("PropagateAtLaunch", on_machines),
            ];
            said.extend(parts.map(|(part, value)| (format!("Tags.{nth}.{part}"), value.to_owned())));
        }
        let query = Query::new(Service::AutoScaling, "CreateAutoScalingGroup", Params::of(said))?;
        Ok(Request::Query(query))
    }
}
