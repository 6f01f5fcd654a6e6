//! What a describe shows of a group, by reference: see [`World::instances_by`].

use jiff::Timestamp;

use super::Group;
use super::activity::Status;
use super::member::Member;
use super::settings::Launch;
use crate::world::World;

/// A row of DescribeAutoScalingGroups, as far as it is read.
pub struct GroupRow<'a> {
    world: &'a World,
    group: &'a Group,
}

/// One of its instances.
pub struct MemberRow<'a> {
    member: &'a Member,
}

impl World {
    /// `None`: there is no such group.
    #[must_use]
    pub fn scaling_group_row(&self, name: &str) -> Option<GroupRow<'_>> {
        let world = self;
        self.scaling
            .groups
            .get(name)
            .map(|group| GroupRow { world, group })
    }
}

impl<'a> GroupRow<'a> {
    /// Name and version of the launch template, as a caller wrote the version; `None`: it launches from several.
    #[must_use]
    pub fn template(&self) -> Option<(&'a str, Option<&'a str>)> {
        match &self.group.settings.launch {
            Launch::Plain(template) => Some((&template.name, template.version.as_deref())),
            Launch::Mixed(_) => None,
        }
    }

    /// Least, most and desired.
    #[must_use]
    pub fn sizes(&self) -> [i64; 3] {
        let settings = &self.group.settings;
        [settings.min, settings.max, settings.desired]
    }

    /// Suspended by somebody, or by the service itself.
    pub fn suspended(&self) -> impl Iterator<Item = &'a str> {
        let all = self.group.suspended.iter().chain(&self.group.given_up);
        all.map(String::as_str)
    }

    /// Where it may launch.
    #[must_use]
    pub fn zones(&self) -> Vec<String> {
        self.world.zones_of(self.group)
    }

    /// When one was launched to even out the zones, last.
    #[must_use]
    pub const fn balanced(&self) -> Option<Timestamp> {
        self.group.balanced
    }

    /// This one was ended for it.
    #[must_use]
    pub fn was_balanced_away(&self, instance: &str) -> bool {
        self.group.balanced_away.contains(instance)
    }

    /// Its instances.
    pub fn members(&self) -> impl Iterator<Item = MemberRow<'a>> {
        self.group.members.values().map(|member| MemberRow { member })
    }

    /// When the newest activity began, and what it says, if it has failed.
    #[must_use]
    pub fn failure(&self) -> Option<(Timestamp, &'a str)> {
        let newest = self.group.activities.last()?;
        let failed = newest.status == Status::Failed && !newest.message.is_empty();
        failed.then_some((newest.at, newest.message.as_str()))
    }
}

impl<'a> MemberRow<'a> {
    /// Id.
    #[must_use]
    pub fn instance(&self) -> &'a str {
        &self.member.instance
    }

    /// Zone.
    #[must_use]
    pub fn zone(&self) -> &'a str {
        &self.member.zone
    }

    /// The service's word for how far its lifecycle has come.
    #[must_use]
    pub fn lifecycle(&self) -> &'static str {
        self.member.lifecycle.name()
    }

    /// The group has found nothing wrong.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.member.is_healthy
    }

    /// The version that it was launched from.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.member.template.as_ref().map(|(_, _, version)| *version)
    }
}
