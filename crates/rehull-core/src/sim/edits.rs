//! What people and Auto Scaling itself do to a group while rehull rolls it.

use jiff::Timestamp;

use super::fault::Happening;
use super::ground::GroundError;
use super::lab::Lab;
use crate::domain::group::{Group, Launches, Sizes};
use crate::domain::ids::GroupName;
use crate::world::query::Service;

/// The sizes that the group has by the wishes of people, whatever rehull tells it meanwhile; `None`: nobody has wished.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    sizes: Option<Sizes>,
    /// So many of them.
    count: u32,
}

impl Wishes {
    /// What it has to be in the end, where so many machines were laid.
    pub(super) fn wanted(self, laid: u32) -> Sizes {
        self.sizes.unwrap_or(Sizes {
            min: laid,
            max: laid,
            desired: laid,
        })
    }

    /// Somebody has wished something.
    pub(super) const fn are_some(self) -> bool {
        self.sizes.is_some()
    }

    /// The group is left as people want it. Whose minimum it is cannot be told where rehull lowers it as well, nor whose
    /// maximum after two wishes: one may have taken the other back before anybody had looked.
    pub(super) fn are_met(self, laid: u32, left: Sizes) -> bool {
        let wanted = self.wanted(laid);
        let min = !self.are_some() && left.min == wanted.min || self.are_some() && left.min <= laid;
        let max = left.max == wanted.max || self.count > 1 && left.max >= left.desired;
        min && max && left.desired == wanted.desired
    }

    fn are(&mut self, sizes: Sizes) {
        self.sizes = Some(sizes);
        self.count = self.count.saturating_add(1);
    }

    /// One more.
    pub(super) fn more(&mut self, laid: u32) {
        let sizes = self.wanted(laid);
        let desired = sizes.desired.saturating_add(1);
        let max = sizes.max.max(desired);
        self.are(Sizes {
            max,
            desired,
            ..sizes
        });
    }

    fn less(&mut self, laid: u32) {
        let sizes = self.wanted(laid);
        let desired = sizes.desired.saturating_sub(1);
        let min = sizes.min.min(desired);
        self.are(Sizes {
            min,
            desired,
            ..sizes
        });
    }

    fn at_most(&mut self, laid: u32, most: u32) {
        let sizes = self.wanted(laid);
        self.are(Sizes {
            min: sizes.min.min(most),
            max: sizes.max.min(most),
            desired: sizes.desired.min(most),
        });
    }
}

impl Lab {
    /// The group that people touch, and so many machines of it were laid.
    fn touched(&self) -> Option<(GroupName, u32)> {
        let workers = self.workers.as_ref().and_then(|laid| laid.first());
        let of_workers = workers.map(|group| (GroupName::new(&group.name), group.machines));
        let servers = self.control_plane.as_ref();
        of_workers.or_else(|| servers.map(|laid| (laid.group.clone(), laid.machines)))
    }

    fn laid(&self) -> u32 {
        self.touched().map_or(0, |(_, machines)| machines)
    }

    fn update_by_hand(
        &mut self,
        now: Timestamp,
        name: &str,
        said: &[(&str, &str)],
    ) -> Result<(), GroundError> {
        let named = [&[("AutoScalingGroupName", name)], said].concat();
        self.by_hand(now, Service::AutoScaling, "UpdateAutoScalingGroup", &named)
            .map(drop)
    }

    /// The first group of workers gets a second zone, or has one again.
    pub(super) fn set_zones(&mut self, now: Timestamp, is_more: bool) {
        if self.workers.is_none() {
            return;
        }
        let Some((name, _)) = self.touched() else { return };
        let Ok((_, subnets)) = self.subnets(now, 1_usize.saturating_add(usize::from(is_more))) else {
            return;
        };
        let said = [("VPCZoneIdentifier", subnets.join(","))];
        let said = said.each_ref().map(|(key, value)| (*key, value.as_str()));
        // What is refused to a person's hand did not happen.
        let _ = self.update_by_hand(now, name.as_str(), &said);
        self.oracle.zones_are_edited();
    }

    /// Somebody edits the group.
    pub(super) fn edit_group(&mut self, now: Timestamp, how: &Happening) {
        let Some((name, _)) = self.touched() else { return };
        let Ok(Some(found)) = self.group_by_hand(now, &name) else {
            return;
        };
        let name = name.as_str();
        let is = |one: Happening| *how == one;
        // What is refused to a person's hand did not happen.
        let _ = if is(Happening::VersionEdited) {
            self.edit_version(now, name, &found)
        } else if is(Happening::MaxLowered) {
            self.lower_max(now, name, &found)
        } else if is(Happening::ScaleIn) {
            self.scale_in(now, name, &found)
        } else if is(Happening::ScaleOut) {
            self.scale_out(now, name, &found)
        } else if is(Happening::ProcessesResumed) {
            self.resume_all(now, name)
        } else {
            Ok(())
        };
    }

    /// The first version, or the second one where that is launched.
    fn edit_version(&mut self, now: Timestamp, name: &str, found: &Group) -> Result<(), GroundError> {
        let is_first = matches!(&found.launches, Launches::Version(version) if version.to_string() == "1");
        let said = [
            ("LaunchTemplate.LaunchTemplateName", found.template.as_str()),
            ("LaunchTemplate.Version", if is_first { "2" } else { "1" }),
        ];
        self.update_by_hand(now, name, &said)?;
        self.oracle.version_was_edited(now, name);
        Ok(())
    }

    fn lower_max(&mut self, now: Timestamp, name: &str, found: &Group) -> Result<(), GroundError> {
        let most = found.sizes.max.saturating_sub(1).max(1);
        let (max, min) = (most.to_string(), found.sizes.min.min(most).to_string());
        self.update_by_hand(now, name, &[("MaxSize", &max), ("MinSize", &min)])?;
        self.wishes.at_most(self.laid(), most);
        self.oracle
            .sizes_were_edited(now, found.sizes.desired > most, self.workers.is_some());
        Ok(())
    }

    /// A person, or an autoscaler. A control plane is nobody's to scale.
    fn scale_out(&mut self, now: Timestamp, name: &str, found: &Group) -> Result<(), GroundError> {
        if self.workers.is_none() {
            return Ok(());
        }
        let desired = found.sizes.desired.saturating_add(1);
        let most = found.sizes.max.max(desired).to_string();
        let said = [
            ("MaxSize", most.as_str()),
            ("DesiredCapacity", &desired.to_string()),
        ];
        self.update_by_hand(now, name, &said)?;
        self.wishes.more(self.laid());
        Ok(())
    }

    fn scale_in(&mut self, now: Timestamp, name: &str, found: &Group) -> Result<(), GroundError> {
        let desired = found.sizes.desired.saturating_sub(1).max(1);
        let (less, min) = (desired.to_string(), found.sizes.min.min(desired).to_string());
        self.update_by_hand(now, name, &[("DesiredCapacity", &less), ("MinSize", &min)])?;
        let is_less = found.sizes.desired > desired;
        if is_less {
            self.wishes.less(self.laid());
        }
        self.oracle
            .sizes_were_edited(now, is_less, self.workers.is_some());
        Ok(())
    }

    /// None named means all.
    fn resume_all(&mut self, now: Timestamp, name: &str) -> Result<(), GroundError> {
        let said = [("AutoScalingGroupName", name)];
        self.by_hand(now, Service::AutoScaling, "ResumeProcesses", &said)?;
        self.oracle.processes_were_resumed(now, name);
        Ok(())
    }
}
