//! Launch templates made through the EC2 API (`provisioner: api`): one template per slot, one version per content.
//!
//! A version is known by the content digest in its description, so making the same content twice makes one version,
//! with or without a lost answer in between. The default version is never touched: nothing of rehull reads it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplate, LaunchTemplateHttpTokensState,
    LaunchTemplateIamInstanceProfileSpecificationRequest, LaunchTemplateInstanceMetadataEndpointState,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateInstanceMetadataTagsState,
    LaunchTemplateInstanceNetworkInterfaceSpecificationRequest, LaunchTemplateVersion as SdkTemplateVersion,
    RequestLaunchTemplateData, ResourceType, TagSpecification,
};
use rehull_core::domain::fleet::TemplateVersion;
use rehull_core::domain::ids::{LaunchTemplateName, Token};
use rehull_core::domain::observed::{Gap, Part, Partial};
use rehull_core::ports::{LaunchTemplates, MadeVersion, PortError, TemplateContent};

use super::client::AwsClients;
use super::convert;
use super::error::{Absent, Call, Failure};
use super::machines::{CALL_LIMIT, sdk_tags, too_long};
use crate::adapters::clock::within;

/// What EC2 gives at most; every version carries its user data, so pages are big.
const PAGE: i32 = 200;
/// The metadata service answers the machine itself and nothing behind it.
const METADATA_HOPS: i32 = 1;

const DESCRIBE: Call = Call {
    action: "ec2:DescribeLaunchTemplateVersions",
    absent: Absent::NotYet,
};
const CREATE: Call = Call {
    action: "ec2:CreateLaunchTemplate",
    absent: Absent::NotYet,
};
const CREATE_VERSION: Call = Call {
    action: "ec2:CreateLaunchTemplateVersion",
    absent: Absent::NotYet,
};

/// The launch templates of a cluster's slots.
#[derive(Clone, Debug)]
pub struct AwsLaunchTemplates {
    clients: AwsClients,
}

impl AwsLaunchTemplates {
    /// Templates in the account and region of these clients.
    #[must_use]
    pub fn new(clients: AwsClients) -> Self {
        Self { clients }
    }

    /// Ascending; `None` for a template that does not exist.
    async fn versions(
        &self,
        template: &LaunchTemplateName,
    ) -> Result<Option<Vec<TemplateVersion>>, PortError> {
        let request = self.clients.ec2.describe_launch_template_versions();
        let request = request.launch_template_name(template.as_str());
        let mut pages = request.into_paginator().page_size(PAGE).send();
        let mut versions = Vec::new();
        while let Some(page) = pages.next().await {
            match page.map_err(|error| DESCRIBE.failed(&Failure::of(&error))) {
                Ok(page) => {
                    versions.extend(
                        page.launch_template_versions()
                            .iter()
                            .filter_map(convert::template_version),
                    );
                }
                Err(PortError::NotYetVisible { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        versions.sort_by_key(|version| version.version);
        Ok(Some(versions))
    }

    async fn make(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError> {
        let Some(versions) = self.versions(template).await? else {
            return self.make_template(template, content, token).await;
        };
        match versions
            .iter()
            .rfind(|version| version.digest.as_ref() == Some(&content.digest))
        {
            Some(present) => Ok(MadeVersion(present.version)),
            None => self.make_version(template, content, token).await,
        }
    }

    async fn make_template(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError> {
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::LaunchTemplate)
            .set_tags(Some(sdk_tags(&content.tags)))
            .build();
        let answer = self
            .clients
            .ec2_once
            .create_launch_template()
            .launch_template_name(template.as_str())
            .version_description(content.digest.description())
            .launch_template_data(data(content))
            .tag_specifications(tags)
            .client_token(token.as_str())
            .send()
            .await
            .map_err(|error| CREATE.failed(&Failure::of(&error)))?;
        let number = answer
            .launch_template()
            .and_then(LaunchTemplate::latest_version_number);
        // A template begins with version 1; asking for the number all the same costs nothing.
        number
            .and_then(|number| number.to_string().parse().ok())
            .map(MadeVersion)
            .ok_or_else(|| PortError::OutcomeUnknown {
                why: "CreateLaunchTemplate answered without a version".to_owned(),
            })
    }

    async fn make_version(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError> {
        // No source version: nothing is inherited, the content is all there is.
        let answer = self
            .clients
            .ec2_once
            .create_launch_template_version()
            .launch_template_name(template.as_str())
            .version_description(content.digest.description())
            .launch_template_data(data(content))
            .client_token(token.as_str())
            .send()
            .await
            .map_err(|error| CREATE_VERSION.failed(&Failure::of(&error)))?;
        let made: Option<&SdkTemplateVersion> = answer.launch_template_version();
        made.and_then(convert::template_version)
            .map(|made| MadeVersion(made.version))
            .ok_or_else(|| PortError::OutcomeUnknown {
                why: "CreateLaunchTemplateVersion answered without a number".to_owned(),
            })
    }
}

#[async_trait]
impl LaunchTemplates for AwsLaunchTemplates {
    async fn observe(
        &self,
        templates: &[LaunchTemplateName],
    ) -> Partial<BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>> {
        let looks = templates.iter().map(async |template| {
            let look = within(CALL_LIMIT, self.versions(template)).await;
            let unknown = || {
                Err(PortError::OutcomeUnknown {
                    why: too_long(DESCRIBE.action),
                })
            };
            (template, look.unwrap_or_else(unknown))
        });
        let (mut value, mut gaps) = (BTreeMap::new(), Vec::new());
        for (template, look) in futures_util::future::join_all(looks).await {
            match look {
                Ok(Some(versions)) => {
                    value.insert(template.clone(), versions);
                }
                Ok(None) => {}
                Err(error) => gaps.push(Gap {
                    part: Part::Templates,
                    why: format!("`{template}`: {error}"),
                }),
            }
        }
        Partial { value, gaps }
    }

    async fn create_version(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError> {
        let made = Box::pin(within(CALL_LIMIT, self.make(template, content, token))).await;
        made.unwrap_or_else(|| {
            Err(PortError::OutcomeUnknown {
                why: too_long(CREATE_VERSION.action),
            })
        })
    }
}

fn data(content: &TemplateContent) -> RequestLaunchTemplateData {
    // The machine's own interface goes with the machine; a slot's is attached later and stays.
    let interface = LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .set_subnet_id(content.subnet.clone())
        .set_groups(Some(content.security_groups.clone()))
        .delete_on_termination(true)
        .build();
    // Tags in the metadata are how a slot's machine learns what it is for, and when to go and to stop. Those of a group may
    // have a `/` in a key, as Kubernetes' own controllers ask for, and then EC2 would refuse the launch.
    let tags = if content.subnet.is_some() {
        LaunchTemplateInstanceMetadataTagsState::Enabled
    } else {
        LaunchTemplateInstanceMetadataTagsState::Disabled
    };
    let metadata = LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(METADATA_HOPS)
        .instance_metadata_tags(tags)
        .build();
    let profile = LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
        .name(&content.instance_profile)
        .build();
    RequestLaunchTemplateData::builder()
        .image_id(&content.image)
        .instance_type(InstanceType::from(content.instance_type.as_str()))
        .iam_instance_profile(profile)
        .network_interfaces(interface)
        .metadata_options(metadata)
        .user_data(aws_smithy_types::base64::encode(&content.user_data))
        .build()
}
