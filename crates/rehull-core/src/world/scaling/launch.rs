//! A group's launch: which version, which type, which subnet, and what is told when EC2 refuses.

use std::collections::BTreeSet;

use super::Group;
use super::activity::Status;
use super::member::{Lifecycle, Member};
use super::settings::{Launch, Template};
use crate::world::World;
use crate::world::agenda::later;
use crate::world::api::ec2::{LaunchData, Response, RunInstances, TemplateRef};
use crate::world::error::AwsError;
use crate::world::instance::Instance;
use crate::world::template::TemplateVersion;
use crate::world::timing::Quantity;

/// An override may carry a template of its own; with an allocation by priority the first one is launched.
fn choice(launch: &Launch) -> (&Template, Option<&String>) {
    match launch {
        Launch::Plain(template) => (template, None),
        Launch::Mixed(policy) => {
            let first = policy.instance_types.first();
            let own = first.and_then(|name| policy.override_templates.get(name));
            (own.unwrap_or(&policy.template), first)
        }
    }
}

impl World {
    /// The zone is the group's choice: the one with the fewest. False: nothing came up, and an activity says why.
    pub(super) fn launch_member(&mut self, name: &str, cause: &str, without: &mut BTreeSet<String>) -> bool {
        let Some(group) = self.scaling.groups.get(name) else {
            return false;
        };
        let mut zones = self.zones_of(group);
        zones.retain(|zone| !without.contains(zone));
        zones.sort_by_key(|zone| group.counted_in(zone));
        let stays = group.settings.distribution == "balanced-only";
        for zone in zones {
            match self.start(name, &zone) {
                Ok(id) => {
                    self.join(name, &id, cause);
                    return true;
                }
                Err(error) => {
                    self.failed_launch(name, cause, &error);
                    // Another zone has the same template, so it helps with capacity only.
                    if stays || error.code != "InsufficientInstanceCapacity" {
                        return false;
                    }
                    without.insert(zone);
                }
            }
        }
        false
    }

    fn failed_launch(&mut self, name: &str, cause: &str, error: &AwsError) {
        let id = self.begin(name, Status::Failed, "Launching a new EC2 instance", cause);
        let activities = self
            .scaling
            .groups
            .get_mut(name)
            .map(|group| &mut group.activities);
        let mut activities = activities.into_iter().flatten();
        if let Some(activity) = activities.find(|one| one.id == id) {
            activity.message = format!("{} Launching EC2 instance failed.", error.message);
        }
    }

    fn start(&mut self, name: &str, zone: &str) -> Result<String, AwsError> {
        let group = self.scaling.groups.get(name);
        let group = group.ok_or_else(|| super::no_group(name))?;
        let (template, instance_type) = choice(&group.settings.launch);
        let which = TemplateRef::Id(template.id.clone());
        // `$Latest`, `$Default` and nothing mean what they mean now, not what they meant when the group was made.
        let version = self.template(&which)?.version(template.version.as_deref())?;
        let mut data = self.data(group, zone, version)?;
        data.instance_type = instance_type.cloned();
        let asked = RunInstances {
            min_count: 1,
            max_count: 1,
            template: Some((which, Some(version.number.to_string()))),
            data,
            ..RunInstances::default()
        };
        let Response::Reservation(launched) = self.run_instances(&asked)? else {
            return Err(super::invalid("RunInstances answered something else"));
        };
        let id = launched.into_iter().next().map(|sight| sight.instance.id);
        id.ok_or_else(|| super::invalid("RunInstances launched nothing"))
    }

    /// Subnet and tags are the group's; a template that describes interfaces gets the subnet there.
    fn data(&self, group: &Group, zone: &str, version: &TemplateVersion) -> Result<LaunchData, AwsError> {
        let mut subnets = group.settings.subnets.iter();
        let subnet = subnets.find(|id| self.subnet(id).is_ok_and(|subnet| subnet.zone == zone));
        let subnet = subnet.ok_or_else(|| super::invalid(format!("There is no subnet in {zone}")))?;
        let mut data = LaunchData::default();
        data.tags.insert("instance".to_owned(), group.propagated());
        if version.data.interfaces.is_empty() {
            data.subnet = Some(subnet.clone());
            return Ok(data);
        }
        data.interfaces.clone_from(&version.data.interfaces);
        for interface in &mut data.interfaces {
            interface.subnet = Some(subnet.clone());
        }
        Ok(data)
    }

    fn join(&mut self, name: &str, id: &str, cause: &str) {
        let description = format!("Launching a new EC2 instance: {id}");
        let activity = self.begin(name, Status::PreInService, &description, cause);
        let tick = self.draw(id, Quantity::GroupLaunches);
        let ready_from = later(self.now, tick);
        let Some(mut member) = self.membership(name, id) else {
            return;
        };
        member.ready_from = ready_from;
        member.activity = Some(activity);
        if let Some(group) = self.scaling.groups.get_mut(name) {
            group.members.insert(id.to_owned(), member);
        }
    }

    /// A pending member out of an instance, which gets the service's own tag.
    pub(super) fn membership(&mut self, name: &str, id: &str) -> Option<Member> {
        const VERSION: &str = "aws:ec2launchtemplate:version";
        let now = self.now;
        let instance: &mut Instance = self.instances.get_mut(id)?;
        instance
            .tags
            .insert("aws:autoscaling:groupName".to_owned(), name.to_owned());
        let template = instance.tags.get("aws:ec2launchtemplate:id").cloned();
        let version = instance.tags.get(VERSION).and_then(|text| text.parse().ok());
        let (zone, instance_type) = (instance.zone.clone(), instance.instance_type.clone());
        let launched = instance.launched;
        let template = template.zip(version).and_then(|(template, version)| {
            let known = self.templates.get(&template)?;
            Some((template, known.name.clone(), version))
        });
        Some(Member {
            instance: id.to_owned(),
            zone,
            instance_type,
            template,
            lifecycle: Lifecycle::Pending,
            is_healthy: true,
            is_protected: false,
            ready_from: now,
            in_service_since: None,
            waiting: None,
            due: None,
            activity: None,
            launched,
        })
    }
}
