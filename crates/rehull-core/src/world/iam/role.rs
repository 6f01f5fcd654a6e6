//! Roles with their inline policies and attachments.

use std::collections::{BTreeMap, BTreeSet};

use super::{Role, check_document, check_name, conflict, encoded, exists, no_pages, no_such, whole};
use crate::world::World;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope, tag_list, tags};

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateRole", create),
    Operation::of("GetRole", |world, at| {
        let role = world.role(at)?.clone();
        Ok(Document::new().document("Role", row(world, &role)))
    }),
    Operation::of("UpdateRole", update),
    Operation::of("UpdateRoleDescription", update),
    Operation::of("UpdateAssumeRolePolicy", |world, at| {
        let document = at.need("PolicyDocument")?;
        check_document(&document)?;
        world.role(at)?.trust = document;
        Ok(Document::new())
    }),
    Operation::of("PutRolePermissionsBoundary", |world, at| {
        world.role(at)?.boundary = Some(at.need("PermissionsBoundary")?);
        Ok(Document::new())
    }),
    Operation::of("DeleteRolePermissionsBoundary", |world, at| {
        world.role(at)?.boundary = None;
        Ok(Document::new())
    }),
    Operation::of("DeleteRole", delete),
    Operation::of("PutRolePolicy", |world, at| {
        let (name, document) = (at.need("PolicyName")?, at.need("PolicyDocument")?);
        check_document(&document)?;
        world.role(at)?.inline.insert(name, document);
        Ok(Document::new())
    }),
    Operation::of("GetRolePolicy", inline),
    Operation::of("DeleteRolePolicy", |world, at| {
        let name = at.need("PolicyName")?;
        let gone = world.role(at)?.inline.remove(&name);
        gone.map(|_| Document::new())
            .ok_or_else(|| no_such("role policy", &name))
    }),
    Operation::of("ListRolePolicies", |world, at| {
        no_pages(at);
        Ok(whole("PolicyNames", world.role(at)?.inline.keys().cloned()))
    }),
    Operation::of("AttachRolePolicy", attach),
    Operation::of("DetachRolePolicy", |world, at| {
        let arn = at.need("PolicyArn")?;
        if world.role(at)?.attached.remove(&arn) {
            return Ok(Document::new());
        }
        Err(AwsError::with(
            404,
            "NoSuchEntity",
            format!("Policy {arn} was not found."),
        ))
    }),
    Operation::of("ListAttachedRolePolicies", attached),
    Operation::of("TagRole", |world, at| {
        let tags = tags(at);
        world.role(at)?.tags.extend(tags);
        Ok(Document::new())
    }),
    Operation::of("UntagRole", |world, at| {
        let keys = at.list("TagKeys");
        world.role(at)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Document::new())
    }),
    Operation::of("ListRoleTags", |world, at| {
        no_pages(at);
        Ok(whole("Tags", tag_list(&world.role(at)?.tags)))
    }),
];

impl World {
    fn role(&mut self, at: &Scope<'_>) -> Result<&mut Role, AwsError> {
        let name = at.need("RoleName")?;
        self.iam
            .roles
            .get_mut(&name)
            .ok_or_else(|| no_such("role", &name))
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("RoleName")?;
    let path = at.text("Path").unwrap_or_else(|| "/".to_owned());
    check_name(&name, &path)?;
    let trust = at.need("AssumeRolePolicyDocument")?;
    check_document(&trust)?;
    if world.iam.roles.contains_key(&name) {
        return Err(exists("Role", &name));
    }
    let role = Role {
        name: name.clone(),
        path,
        id: world.iam_id("AROA"),
        created: world.now,
        description: at.text("Description"),
        trust,
        session_seconds: at.parse("MaxSessionDuration")?.unwrap_or(3_600),
        boundary: at.text("PermissionsBoundary"),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        tags: tags(at),
    };
    let answer = Document::new().document("Role", row(world, &role));
    world.iam.roles.insert(name, role);
    Ok(answer)
}

pub(super) fn row(world: &World, role: &Role) -> Document {
    let document = Document::new()
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Path", &role.path)
        .text("Arn", world.iam_arn("role", &role.path, &role.name))
        .text(
            "CreateDate",
            role.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
        .text("AssumeRolePolicyDocument", encoded(&role.trust))
        .maybe("Description", role.description.as_ref())
        .number("MaxSessionDuration", role.session_seconds);
    let document = match &role.boundary {
        None => document,
        Some(arn) => document.document(
            "PermissionsBoundary",
            Document::new()
                .text("PermissionsBoundaryType", "Policy")
                .text("PermissionsBoundaryArn", arn),
        ),
    };
    if role.tags.is_empty() {
        return document;
    }
    document.list("Tags", tag_list(&role.tags))
}

fn update(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let role = world.role(at)?;
    if let Some(description) = at.text("Description") {
        role.description = Some(description);
    }
    if let Some(seconds) = at.parse("MaxSessionDuration")? {
        role.session_seconds = seconds;
    }
    Ok(Document::new())
}

fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let role = world.role(at)?.clone();
    if world
        .iam
        .profiles
        .values()
        .any(|profile| profile.role.as_ref() == Some(&role.name))
    {
        return Err(conflict(
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    if !role.attached.is_empty() {
        return Err(conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(conflict("Cannot delete entity, must delete policies first."));
    }
    world.iam.roles.remove(&role.name);
    Ok(Document::new())
}

fn inline(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("PolicyName")?;
    let role = world.role(at)?;
    let document = role
        .inline
        .get(&name)
        .ok_or_else(|| no_such("role policy", &name))?;
    Ok(Document::new()
        .text("RoleName", &role.name)
        .text("PolicyDocument", encoded(document))
        .text("PolicyName", name))
}

/// Policies of AWS itself exist without anybody making them.
fn attach(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let arn = at.need("PolicyArn")?;
    if !arn.starts_with("arn:aws:iam::aws:policy/") && !world.iam.policies.contains_key(&arn) {
        return Err(AwsError::with(
            404,
            "NoSuchEntity",
            format!("Policy {arn} does not exist or is not attachable."),
        ));
    }
    world.role(at)?.attached.insert(arn);
    Ok(Document::new())
}

fn attached(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["PathPrefix"]);
    no_pages(at);
    let rows = world.role(at)?.attached.iter().map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        Document::new().text("PolicyName", name).text("PolicyArn", arn)
    });
    Ok(whole("AttachedPolicies", rows))
}
