//! Instance profiles.

use super::{InstanceProfile, check_name, conflict, exists, no_pages, no_such, role, whole};
use crate::world::World;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope, tag_list, tags};

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateInstanceProfile", create),
    Operation::of("GetInstanceProfile", |world, at| {
        let profile = world.profile(at)?.clone();
        Ok(Document::new().document("InstanceProfile", row(world, &profile)))
    }),
    Operation::of("AddRoleToInstanceProfile", add_role),
    Operation::of("RemoveRoleFromInstanceProfile", remove_role),
    Operation::of("ListInstanceProfilesForRole", of_role),
    Operation::of("DeleteInstanceProfile", delete),
    Operation::of("TagInstanceProfile", |world, at| {
        let tags = tags(at);
        world.profile(at)?.tags.extend(tags);
        Ok(Document::new())
    }),
    Operation::of("UntagInstanceProfile", |world, at| {
        let keys = at.list("TagKeys");
        world.profile(at)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Document::new())
    }),
    Operation::of("ListInstanceProfileTags", |world, at| {
        no_pages(at);
        Ok(whole("Tags", tag_list(&world.profile(at)?.tags)))
    }),
];

impl World {
    fn profile(&mut self, at: &Scope<'_>) -> Result<&mut InstanceProfile, AwsError> {
        let name = at.need("InstanceProfileName")?;
        let profile = self.iam.profiles.get_mut(&name);
        profile.ok_or_else(|| no_such("instance profile", &name))
    }
}

fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let name = at.need("InstanceProfileName")?;
    let path = at.text("Path").unwrap_or_else(|| "/".to_owned());
    check_name(&name, &path)?;
    if world.has_made_profile(&name) || world.identities.has_profile(&name) {
        return Err(exists("Instance Profile", &name));
    }
    let profile = InstanceProfile {
        name: name.clone(),
        path,
        id: world.iam_id("AIPA"),
        created: world.now,
        role: None,
        tags: tags(at),
    };
    let answer = Document::new().document("InstanceProfile", row(world, &profile));
    world.iam.profiles.insert(name, profile);
    Ok(answer)
}

fn row(world: &World, profile: &InstanceProfile) -> Document {
    let roles = profile.role.iter().filter_map(|name| world.iam.roles.get(name));
    let document = Document::new()
        .text("InstanceProfileName", &profile.name)
        .text("InstanceProfileId", &profile.id)
        .text("Path", &profile.path)
        .text(
            "Arn",
            world.iam_arn("instance-profile", &profile.path, &profile.name),
        )
        .text(
            "CreateDate",
            profile.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
        .list("Roles", roles.map(|found| role::row(world, found)));
    if profile.tags.is_empty() {
        return document;
    }
    document.list("Tags", tag_list(&profile.tags))
}

fn add_role(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let role = at.need("RoleName")?;
    if !world.iam.roles.contains_key(&role) {
        return Err(no_such("role", &role));
    }
    let profile = world.profile(at)?;
    if profile.role.is_some() {
        return Err(AwsError::with(
            409,
            "LimitExceeded",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        ));
    }
    profile.role = Some(role);
    Ok(Document::new())
}

fn remove_role(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let role = at.need("RoleName")?;
    let profile = world.profile(at)?;
    if profile.role.as_ref() != Some(&role) {
        return Err(no_such("role", &role));
    }
    profile.role = None;
    Ok(Document::new())
}

fn of_role(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    no_pages(at);
    let role = at.need("RoleName")?;
    if !world.iam.roles.contains_key(&role) {
        return Err(no_such("role", &role));
    }
    let profiles = world
        .iam
        .profiles
        .values()
        .filter(|profile| profile.role.as_ref() == Some(&role));
    Ok(whole(
        "InstanceProfiles",
        profiles.map(|profile| row(world, profile)),
    ))
}

fn delete(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let profile = world.profile(at)?;
    if profile.role.is_some() {
        return Err(conflict(
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    let name = profile.name.clone();
    world.iam.profiles.remove(&name);
    Ok(Document::new())
}
