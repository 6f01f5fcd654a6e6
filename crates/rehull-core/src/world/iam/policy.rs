//! Managed policies and their versions.

use std::collections::BTreeMap;

use super::{Policy, check_document, check_name, conflict, encoded, exists, no_pages, whole};
use crate::world::World;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope, tag_list, tags};

/// More are refused (IAM user guide, "Versioning IAM policies").
const VERSIONS_MAX: usize = 5;

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("CreatePolicy", create),
    Operation::of("GetPolicy", |world, at| {
        let policy = world.policy(at)?.clone();
        Ok(Document::new().document("Policy", row(world, &policy)))
    }),
    Operation::of("DeletePolicy", delete),
    Operation::of("CreatePolicyVersion", create_version),
    Operation::of("GetPolicyVersion", |world, at| {
        let number = number(at)?;
        let policy = world.policy(at)?;
        let version = version_row(policy, number, true)?;
        Ok(Document::new().document("PolicyVersion", version))
    }),
    Operation::of("ListPolicyVersions", |world, at| {
        no_pages(at);
        let policy = world.policy(at)?;
        let rows = policy
            .versions
            .keys()
            .rev()
            .map(|number| version_row(policy, *number, false));
        Ok(whole("Versions", rows.collect::<Result<Vec<_>, _>>()?))
    }),
    Operation::of("DeletePolicyVersion", delete_version),
    Operation::of("TagPolicy", |world, at| {
        let tags = tags(at);
        world.policy(at)?.tags.extend(tags);
        Ok(Document::new())
    }),
    Operation::of("UntagPolicy", |world, at| {
        let keys = at.list("TagKeys");
        world.policy(at)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Document::new())
    }),
    Operation::of("ListPolicyTags", |world, at| {
        no_pages(at);
        Ok(whole("Tags", tag_list(&world.policy(at)?.tags)))
    }),
];

fn no_policy(arn: &str) -> AwsError {
    AwsError::with(404, "NoSuchEntity", format!("Policy {arn} was not found."))
}

impl World {
    fn policy(&mut self, at: &Scope<'_>) -> Result<&mut Policy, AwsError> {
        let arn = at.need("PolicyArn")?;
        self.iam.policies.get_mut(&arn).ok_or_else(|| no_policy(&arn))
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("PolicyName")?;
    let path = at.text("Path").unwrap_or_else(|| "/".to_owned());
    check_name(&name, &path)?;
    let document = at.need("PolicyDocument")?;
    check_document(&document)?;
    let arn = world.iam_arn("policy", &path, &name);
    if world.iam.policies.contains_key(&arn) {
        return Err(exists("A policy", &name));
    }
    let policy = Policy {
        name,
        path,
        id: world.iam_id("ANPA"),
        created: world.now,
        description: at.text("Description"),
        versions: BTreeMap::from([(1, (document, world.now))]),
        default: 1,
        tags: tags(at),
    };
    let answer = Document::new().document("Policy", row(world, &policy));
    world.iam.policies.insert(arn, policy);
    Ok(answer)
}

fn attachments(world: &World, arn: &str) -> usize {
    world
        .iam
        .roles
        .values()
        .filter(|role| role.attached.contains(arn))
        .count()
}

fn row(world: &World, policy: &Policy) -> Document {
    let arn = world.iam_arn("policy", &policy.path, &policy.name);
    let attached = i64::try_from(attachments(world, &arn)).unwrap_or(i64::MAX);
    let date = policy.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let document = Document::new()
        .text("PolicyName", &policy.name)
        .text("PolicyId", &policy.id)
        .text("Arn", arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", format!("v{}", policy.default))
        .number("AttachmentCount", attached)
        .number("PermissionsBoundaryUsageCount", 0)
        .flag("IsAttachable", true)
        .maybe("Description", policy.description.as_ref())
        .text("CreateDate", date.clone())
        .text("UpdateDate", date);
    if policy.tags.is_empty() {
        return document;
    }
    document.list("Tags", tag_list(&policy.tags))
}

fn number(at: &Scope<'_>) -> Result<u32, AwsError> {
    let text = at.need("VersionId")?;
    let number = text.strip_prefix('v').and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| AwsError::bad("ValidationError", format!("{text} is no version of a policy")))
}

fn version_row(policy: &Policy, number: u32, with_document: bool) -> Result<Document, AwsError> {
    let (document, created) = policy.versions.get(&number).ok_or_else(|| {
        AwsError::with(
            404,
            "NoSuchEntity",
            format!("Policy {} version v{number} does not exist.", policy.name),
        )
    })?;
    Ok(Document::new()
        .text("VersionId", format!("v{number}"))
        .flag("IsDefaultVersion", policy.default == number)
        .text("CreateDate", created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .maybe("Document", with_document.then(|| encoded(document))))
}

fn create_version(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let document = at.need("PolicyDocument")?;
    check_document(&document)?;
    let now = world.now;
    let policy = world.policy(at)?;
    if policy.versions.len() >= VERSIONS_MAX {
        return Err(AwsError::with(
            409,
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
        ));
    }
    let number = policy
        .versions
        .keys()
        .next_back()
        .copied()
        .unwrap_or(0)
        .saturating_add(1);
    policy.versions.insert(number, (document, now));
    if at.flag("SetAsDefault")? {
        policy.default = number;
    }
    Ok(Document::new().document("PolicyVersion", version_row(policy, number, false)?))
}

fn delete_version(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let number = number(at)?;
    let policy = world.policy(at)?;
    if policy.default == number {
        return Err(conflict("Cannot delete the default version of a policy."));
    }
    version_row(policy, number, false)?;
    policy.versions.remove(&number);
    Ok(Document::new())
}

fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let versions = world.policy(at)?.versions.len();
    let arn = at.need("PolicyArn")?;
    if attachments(world, &arn) > 0 {
        return Err(conflict("Cannot delete a policy attached to entities."));
    }
    if versions > 1 {
        return Err(conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        ));
    }
    world.iam.policies.remove(&arn);
    Ok(Document::new())
}
