//! Tag rules: reserved keys, sizes, and the narrower key syntax of instance metadata.

use std::collections::BTreeMap;

use super::World;
use super::api::ec2::{Response, Tags};
use super::error::AwsError;

/// EC2's limit per resource.
const TAGS_MAX: usize = 50;

/// Rules for tags that a caller sets.
pub(super) fn check(tags: &Tags) -> Result<(), AwsError> {
    for (key, value) in tags {
        if key.starts_with("aws:") {
            return Err(AwsError::value(format!(
                "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
            )));
        }
        if key.is_empty() || key.chars().count() > 128 {
            return Err(AwsError::value(format!(
                "Value ( {key} ) for parameter key is invalid. Tag keys must have 1 to 128 characters"
            )));
        }
        if value.chars().count() > 256 {
            return Err(AwsError::value(
                "Tag value exceeds the maximum length of 256 characters",
            ));
        }
    }
    Ok(())
}

/// With tags in instance metadata a key is a path element: no `/`, no space.
pub(super) fn check_for_metadata(tags: &Tags) -> Result<(), AwsError> {
    for key in tags.keys() {
        let legal = key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_+=,.@:".contains(c));
        if !legal || [".", "..", "_index"].contains(&key.as_str()) {
            return Err(AwsError::value(format!(
                "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), \
                 and must not be a reserved name ('.', '..', '_index')"
            )));
        }
    }
    Ok(())
}

fn own(tags: &Tags) -> usize {
    tags.keys().filter(|key| !key.starts_with("aws:")).count()
}

impl World {
    /// All or nothing: one unknown id, and no resource is tagged.
    pub(super) fn create_tags(&mut self, ids: &[String], tags: &Tags) -> Result<Response, AwsError> {
        check(tags)?;
        for id in ids {
            let in_metadata = self
                .instances
                .get(id)
                .is_some_and(|instance| instance.metadata.instance_tags);
            if in_metadata {
                check_for_metadata(tags)?;
            }
            let mut merged = self.tags_of(id)?.clone();
            merged.extend(tags.clone());
            if own(&merged) > TAGS_MAX {
                return Err(AwsError::bad("TagLimitExceeded", "More than 50 tags specified"));
            }
        }
        for id in ids {
            self.tags_of(id)?.extend(tags.clone());
        }
        Ok(Response::Done)
    }

    /// A key without value deletes whatever the value is; an absent key is success.
    pub(super) fn delete_tags(
        &mut self,
        ids: &[String],
        tags: &BTreeMap<String, Option<String>>,
    ) -> Result<Response, AwsError> {
        for id in ids {
            self.tags_of(id)?;
        }
        for id in ids {
            self.tags_of(id)?.retain(|key, value| match tags.get(key) {
                Some(Some(wanted)) => wanted != value,
                Some(None) => false,
                None => true,
            });
        }
        Ok(Response::Done)
    }

    fn tags_of(&mut self, id: &str) -> Result<&mut Tags, AwsError> {
        match id.split_once('-').map(|(kind, _)| kind) {
            Some("i") => self.instance_mut(id).map(|instance| &mut instance.tags),
            Some("eni") => self.interface_mut(id).map(|interface| &mut interface.tags),
            Some("vol") => self.volume_mut(id).map(|volume| &mut volume.tags),
            Some("lt") => self.template_by_id(id).map(|template| &mut template.tags),
            Some(_) => self.network_tags_of(id).ok_or_else(|| unknown(id)),
            None => Err(unknown(id)),
        }
    }
}

impl World {
    /// Tags of what a network is made of. Ids of different kinds never meet.
    fn network_tags_of(&mut self, id: &str) -> Option<&mut Tags> {
        let (network, gateways, ways) = (&mut self.network, &mut self.gateways, &mut self.ways);
        let vpcs = network.vpcs.iter_mut().map(|one| (&one.id, &mut one.tags));
        let subnets = network.subnets.iter_mut().map(|one| (&one.id, &mut one.tags));
        let mut of_groups = Vec::new();
        for group in &mut network.security_groups {
            of_groups.push((&group.id, &mut group.tags));
            of_groups.extend(group.rules.iter_mut().map(|rule| (&rule.id, &mut rule.tags)));
        }
        let internet = gateways.internet.iter_mut().map(|(id, one)| (id, &mut one.tags));
        let addresses = gateways.addresses.iter_mut().map(|(id, one)| (id, &mut one.tags));
        let nats = gateways.nats.iter_mut().map(|(id, one)| (id, &mut one.tags));
        let tables = ways.tables.iter_mut().map(|(id, one)| (id, &mut one.tags));
        let endpoints = ways.endpoints.iter_mut().map(|(id, one)| (id, &mut one.tags));
        let mut all = vpcs
            .chain(subnets)
            .chain(of_groups)
            .chain(internet)
            .chain(addresses)
            .chain(nats)
            .chain(tables)
            .chain(endpoints);
        all.find(|(known, _)| known.as_str() == id).map(|(_, tags)| tags)
    }
}

fn unknown(id: &str) -> AwsError {
    AwsError::bad("InvalidID", format!("The ID '{id}' is not valid"))
}
