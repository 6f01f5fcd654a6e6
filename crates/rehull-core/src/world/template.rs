//! Launch templates: numbered versions that never change, and two names that float over them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::{
    CreateLaunchTemplate, CreateLaunchTemplateVersion, DescribeTemplateVersions, DescribeTemplates,
    LaunchData, MetadataSpec, Page, Response, Tags, TemplateRef,
};
use super::error::AwsError;
use super::select::{Described, Visibility, select};
use super::tags;

/// EC2 counts the bytes before base64.
const USER_DATA_MAX: usize = 16_384;

/// A launch template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// `lt-…`.
    pub id: String,
    /// Name, unique in account and region.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// What an omitted version and `$Default` mean.
    pub default_version: u64,
    /// All versions by number.
    pub versions: BTreeMap<u64, TemplateVersion>,
    /// Tags.
    pub tags: Tags,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateVersion {
    /// From 1 on, never reused.
    pub number: u64,
    /// Text of the caller.
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// What it says of a machine.
    pub data: LaunchData,
}

impl Template {
    /// What `$Latest` means.
    #[must_use]
    pub fn latest_version(&self) -> u64 {
        self.versions.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Resolves a number, `$Latest`, `$Default` or nothing (the default version).
    pub(super) fn version(&self, wanted: Option<&str>) -> Result<&TemplateVersion, AwsError> {
        let number = match wanted {
            None | Some("$Default") => self.default_version,
            Some("$Latest") => self.latest_version(),
            Some(digits) => digits.parse().map_err(|_| {
                AwsError::bad(
                    "InvalidLaunchTemplateVersion.Malformed",
                    format!("The launch template version '{digits}' is malformed"),
                )
            })?,
        };
        self.versions.get(&number).ok_or_else(|| {
            AwsError::bad(
                "InvalidLaunchTemplateId.VersionNotFound",
                format!("Could not find launch template version {number}"),
            )
        })
    }
}

impl Described for Template {
    const FILTERS: &'static [&'static str] = &["launch-template-name", "create-time"];
    const PAGE: (u32, u32) = (1, 200);

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn visibility(&self) -> Visibility {
        Visibility::ALWAYS
    }
    fn values(&self, filter: &str) -> Vec<String> {
        match filter {
            "launch-template-name" => vec![self.name.clone()],
            "create-time" => vec![self.created.to_string()],
            _ => vec![],
        }
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::bad(
            "InvalidLaunchTemplateId.NotFound",
            format!("The specified launch template, with template ID {id}, does not exist."),
        )
    }
}

/// What holds for every set of launch parameters, in a template or in a call.
pub(super) fn check_data(data: &LaunchData) -> Result<(), AwsError> {
    if data
        .user_data
        .as_ref()
        .is_some_and(|text| text.len() > USER_DATA_MAX)
    {
        return Err(AwsError::value(format!(
            "User data is limited to {USER_DATA_MAX} bytes"
        )));
    }
    data.tags.values().try_for_each(tags::check)?;
    if data.metadata.instance_tags.as_deref() == Some("enabled") {
        data.tags
            .get("instance")
            .map_or(Ok(()), tags::check_for_metadata)?;
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), AwsError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_().[]/".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(legal) {
        return Ok(());
    }
    Err(AwsError::bad(
        "InvalidLaunchTemplateName.MalformedException",
        "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the \
         following characters: - ( ) . / _.",
    ))
}

impl World {
    pub(super) fn create_template(&mut self, asked: &CreateLaunchTemplate) -> Result<Response, AwsError> {
        check_name(&asked.name)?;
        check_data(&asked.data)?;
        tags::check(&asked.tags)?;
        if let Some(id) = self.repeated("CreateLaunchTemplate", asked.token.as_deref(), asked)? {
            return self
                .template_by_id(&id)
                .map(|template| Response::Template(template.clone()));
        }
        if self
            .templates
            .values()
            .any(|template| template.name == asked.name)
        {
            return Err(AwsError::bad(
                "InvalidLaunchTemplateName.AlreadyExistsException",
                "Launch template name already in use.",
            ));
        }
        let id = self.new_id("lt");
        let first = TemplateVersion {
            number: 1,
            description: asked.description.clone(),
            created: self.now,
            data: asked.data.clone(),
        };
        let template = Template {
            id: id.clone(),
            name: asked.name.clone(),
            created: self.now,
            default_version: 1,
            versions: BTreeMap::from([(1, first)]),
            tags: asked.tags.clone(),
        };
        self.templates.insert(id.clone(), template.clone());
        self.remember("CreateLaunchTemplate", asked.token.as_deref(), asked, &id);
        Ok(Response::Template(template))
    }

    pub(super) fn create_template_version(
        &mut self,
        asked: &CreateLaunchTemplateVersion,
    ) -> Result<Response, AwsError> {
        const ACTION: &str = "CreateLaunchTemplateVersion";
        check_data(&asked.data)?;
        if let Some(number) = self.repeated(ACTION, asked.token.as_deref(), asked)? {
            let template = self.template(&asked.template)?;
            let version = template.version(Some(&number))?;
            return Ok(Response::TemplateVersion(
                template.clone(),
                Box::new(version.clone()),
            ));
        }
        let now = self.now;
        let template = self.template_mut(&asked.template)?;
        let data = match &asked.source_version {
            Some(source) => overlay(template.version(Some(source))?.data.clone(), asked.data.clone()),
            None => asked.data.clone(),
        };
        let number = template.latest_version().saturating_add(1);
        let version = TemplateVersion {
            number,
            description: asked.description.clone(),
            created: now,
            data,
        };
        template.versions.insert(number, version.clone());
        let template = template.clone();
        self.remember(ACTION, asked.token.as_deref(), asked, &number.to_string());
        Ok(Response::TemplateVersion(template, Box::new(version)))
    }

    pub(super) fn describe_templates(&self, asked: &DescribeTemplates) -> Result<Response, AwsError> {
        if let Some(missing) = asked
            .names
            .iter()
            .find(|name| !self.templates.values().any(|template| template.name == **name))
        {
            return Err(no_such_name(missing));
        }
        let named = self
            .templates
            .values()
            .filter(|template| asked.names.is_empty() || asked.names.contains(&template.name));
        select(named, &asked.by, self.now).map(Response::Templates)
    }

    pub(super) fn describe_template_versions(
        &self,
        asked: &DescribeTemplateVersions,
    ) -> Result<Response, AwsError> {
        let template = self.template(&asked.template)?;
        let mut rows: Vec<TemplateVersion> = if asked.versions.is_empty() {
            template.versions.values().cloned().collect()
        } else {
            let found: Result<Vec<_>, _> = asked
                .versions
                .iter()
                .map(|wanted| template.version(Some(wanted)).cloned())
                .collect();
            found?
        };
        rows.retain(|row| {
            asked.min.is_none_or(|min| row.number >= min) && asked.max.is_none_or(|max| row.number <= max)
        });
        // EC2 lists the newest first; the token is the number of the last row shown.
        rows.sort_by_key(|row| std::cmp::Reverse(row.number));
        rows.dedup_by_key(|row| row.number);
        if let Some(last) = asked
            .page
            .token
            .as_deref()
            .and_then(|token| token.parse::<u64>().ok())
        {
            rows.retain(|row| row.number < last);
        }
        let most = asked
            .page
            .max
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| more).map(|row| row.number.to_string());
        Ok(Response::TemplateVersions(template.clone(), Page { rows, next }))
    }

    pub(super) fn modify_template(
        &mut self,
        template: &TemplateRef,
        default_version: &str,
    ) -> Result<Response, AwsError> {
        let template = self.template_mut(template)?;
        template.default_version = template.version(Some(default_version))?.number;
        Ok(Response::Template(template.clone()))
    }

    pub(super) fn delete_template(&mut self, template: &TemplateRef) -> Result<Response, AwsError> {
        let template = self.template(template)?.clone();
        self.templates.remove(&template.id);
        Ok(Response::Template(template))
    }

    pub(super) fn template(&self, which: &TemplateRef) -> Result<&Template, AwsError> {
        match which {
            TemplateRef::Id(id) => self.templates.get(id).ok_or_else(|| Template::not_found(id)),
            TemplateRef::Name(name) => self
                .templates
                .values()
                .find(|template| template.name == *name)
                .ok_or_else(|| no_such_name(name)),
        }
    }

    fn template_mut(&mut self, which: &TemplateRef) -> Result<&mut Template, AwsError> {
        let id = self.template(which)?.id.clone();
        self.template_by_id(&id)
    }

    pub(super) fn template_by_id(&mut self, id: &str) -> Result<&mut Template, AwsError> {
        self.templates.get_mut(id).ok_or_else(|| Template::not_found(id))
    }
}

fn no_such_name(name: &str) -> AwsError {
    AwsError::bad(
        "InvalidLaunchTemplateName.NotFoundException",
        format!("At least one of the launch templates specified in the request does not exist: {name}"),
    )
}

/// What is said on top wins; what is not said stays. Lists are replaced whole, tags are joined key by key.
pub(super) fn overlay(base: LaunchData, top: LaunchData) -> LaunchData {
    fn list<T>(base: Vec<T>, top: Vec<T>) -> Vec<T> {
        if top.is_empty() { base } else { top }
    }
    let mut tags = base.tags;
    for (resource, added) in top.tags {
        tags.entry(resource).or_default().extend(added);
    }
    LaunchData {
        image: top.image.or(base.image),
        instance_type: top.instance_type.or(base.instance_type),
        profile: top.profile.or(base.profile),
        security_groups: list(base.security_groups, top.security_groups),
        subnet: top.subnet.or(base.subnet),
        interfaces: list(base.interfaces, top.interfaces),
        disks: list(base.disks, top.disks),
        metadata: MetadataSpec {
            http_tokens: top.metadata.http_tokens.or(base.metadata.http_tokens),
            http_endpoint: top.metadata.http_endpoint.or(base.metadata.http_endpoint),
            hop_limit: top.metadata.hop_limit.or(base.metadata.hop_limit),
            instance_tags: top.metadata.instance_tags.or(base.metadata.instance_tags),
        },
        user_data: top.user_data.or(base.user_data),
        tags,
        key_name: top.key_name.or(base.key_name),
        ebs_optimized: top.ebs_optimized.or(base.ebs_optimized),
        monitoring: top.monitoring.or(base.monitoring),
        shutdown_behavior: top.shutdown_behavior.or(base.shutdown_behavior),
    }
}
