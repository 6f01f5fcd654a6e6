//! What machines are made from: the same keys in every role.

use std::collections::BTreeMap;

use super::Reader;
use crate::config::mistake::Wrong;
use crate::config::spans::Pointer;
use crate::config::value;
use crate::domain::ids::ImageId;
use crate::domain::machine::MachineContent;

/// As a role has them in the file.
pub(super) struct TypedMachine<'a> {
    pub(super) image: Option<&'a String>,
    pub(super) instance_type: Option<&'a String>,
    pub(super) instance_profile: Option<&'a String>,
    pub(super) security_groups: Option<&'a [Option<String>]>,
}

impl Reader<'_, '_> {
    /// `at`: the role. Which binaries there may be differs by role.
    pub(super) fn machine(
        &mut self,
        at: &Pointer,
        typed: &TypedMachine<'_>,
        binaries: Option<BTreeMap<String, String>>,
    ) -> Option<MachineContent> {
        let image = self.resource::<ImageId>(&at.key("image"), typed.image);
        let kind = self.text(&at.key("instanceType"), typed.instance_type, value::instance_type);
        let profile = &at.key("instanceProfile");
        let profile = self.text(profile, typed.instance_profile, value::instance_profile);
        let groups = self.security_groups(&at.key("securityGroups"), typed.security_groups);
        Some(MachineContent {
            image: image?,
            instance_type: kind?,
            instance_profile: profile?,
            security_groups: groups?,
            binaries: binaries?,
        })
    }

    fn security_groups(&mut self, at: &Pointer, groups: Option<&[Option<String>]>) -> Option<Vec<String>> {
        let groups = groups?;
        if groups.is_empty() || groups.len() > 16 {
            let wrong = Wrong::new(
                "config::security_groups",
                "1 to 16 security groups are needed",
                "not 1 to 16",
            );
            self.mistakes.add(at, wrong);
        }
        let mut read: Vec<String> = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            let at = at.index(index);
            let group = self.text(&at, group.as_ref(), |text| {
                value::resource(text, "sg-", "security group")
            })?;
            if read.contains(&group) {
                self.mistakes.add(
                    &at,
                    Wrong::new("config::duplicate", format!("`{group}` stands twice"), "again"),
                );
            }
            read.push(group);
        }
        Some(read)
    }
}
