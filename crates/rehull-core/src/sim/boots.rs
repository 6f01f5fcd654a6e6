//! What a machine is told when it is switched on, where that is not what it was launched with.

use crate::domain::fleet::tag;
use crate::domain::ids::InstanceId;
use crate::sim::lab::Lab;
use crate::world::api::Text;
use crate::world::api::ec2::TemplateRef;

/// The tags that EC2 writes of a launch from a template.
const TEMPLATE: &str = "aws:ec2launchtemplate:id";
const VERSION: &str = "aws:ec2launchtemplate:version";

impl Lab {
    /// The text that it boots with: its own, but for what goes wrong. A machine that has fetched everything boots as it did.
    pub(super) fn boots_with(&self, id: &InstanceId, own: &Text) -> Text {
        if self.reports.contains_key(id) {
            return own.clone();
        }
        let foreign = || self.user_data_of_slot(id);
        let stale = || self.former_user_data(id).filter(|_| self.boots.stale);
        foreign().or_else(stale).unwrap_or_else(|| own.clone())
    }

    /// Of the version before the one that it was launched from.
    fn former_user_data(&self, id: &InstanceId) -> Option<Text> {
        let tags = &self.world.instance(id.as_str())?.tags;
        let template = TemplateRef::Id(tags.get(TEMPLATE)?.clone());
        let version: u64 = tags.get(VERSION)?.parse().ok()?;
        let versions = &self.world.launch_template(&template).ok()?.versions;
        let (_, former) = versions.range(..version).next_back()?;
        former.data.user_data.clone()
    }

    /// Of the machine of another slot, where one of etcd is switched on.
    fn user_data_of_slot(&self, id: &InstanceId) -> Option<Text> {
        let slot = self.boots.foreign.as_ref()?.as_str();
        self.world.instance(id.as_str())?.tags.get(tag::SLOT)?;
        let mut machines = self.world.instances();
        let other = machines.find(|other| other.tags.get(tag::SLOT).is_some_and(|of| of == slot))?;
        Some(other.user_data.clone())
    }

    /// Its report lies where it believes to belong: whoever looks for that of another slot's machine finds none.
    pub(super) fn is_heard(&self, id: &InstanceId, slot: &str) -> bool {
        let tags = self.world.instance(id.as_str()).map(|instance| &instance.tags);
        tags.and_then(|tags| tags.get(tag::SLOT))
            .is_none_or(|of| of == slot)
    }
}
