//! Tags of groups, some of which their machines get.

use super::Group;
use crate::world::World;
use crate::world::api::ec2::Tags;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope};

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateOrUpdateTags", tag),
    Operation::of("DeleteTags", untag),
];

/// Group, key, and value with whether machines get it.
type GroupTag = (String, String, (String, bool));

pub(super) fn read(at: &Scope<'_>, default: &str) -> Result<Vec<GroupTag>, AwsError> {
    let rows = at.items("Tags");
    let rows = rows.iter().map(|tag| {
        tag.ignore(&["ResourceType"]);
        let group = tag.text("ResourceId").unwrap_or_else(|| default.to_owned());
        let value = (
            tag.text("Value").unwrap_or_default(),
            tag.flag("PropagateAtLaunch")?,
        );
        Ok((group, tag.need("Key")?, value))
    });
    rows.collect()
}

impl Group {
    /// What a machine gets at its launch.
    pub(super) fn propagated(&self) -> Tags {
        let rows = self.tags.iter().filter(|(_, (_, propagated))| *propagated);
        rows.map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect()
    }
}

fn tag(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    for (group, key, value) in read(at, "")? {
        world.scaling_group_named(&group)?.tags.insert(key, value);
    }
    Ok(Document::new())
}

fn untag(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    for (group, key, _) in read(at, "")? {
        world.scaling_group_named(&group)?.tags.remove(&key);
    }
    Ok(Document::new())
}
