//! What people and Auto Scaling itself do to a group, and what of it is nobody's fault.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Oracle;
use super::ask::Ask;
use super::rules::Wrong;
use crate::domain::ids::{GroupName, InstanceId};
use crate::sim::lab::Lab;

/// A look that was made before somebody changed the group is acted on within this.
const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// What is known of groups that somebody else than rehull has touched.
#[derive(Clone, Debug, Default)]
pub(super) struct Edits {
    /// Somebody has set what a group launches, last.
    version: Option<Timestamp>,
    /// That was before rehull rolled it: it is what is put back.
    is_theirs: bool,
    /// When somebody has resumed what rehull had suspended; it has not been suspended again.
    resumed: Option<(GroupName, Timestamp)>,
    /// Somebody has given it another zone, or taken one.
    zones: bool,
    /// Since when rehull rolls a group, and has not given it back.
    waves: BTreeMap<GroupName, Timestamp>,
}

impl Edits {
    /// rehull has told a group what to launch, or gives it back.
    pub(super) fn sends(&mut self, now: Timestamp, ask: &Ask<'_>) {
        if let Ask::SetGroup(group, ..) = ask {
            self.waves.entry((*group).clone()).or_insert(now);
        }
        if let Ask::Resume(group, _) = ask {
            self.waves.remove(*group);
        }
        if let Ask::Suspend(group, _) = ask {
            self.resumed = self.resumed.take().filter(|(resumed, _)| resumed != *group);
        }
    }

    /// A group is rolled on, though somebody has resumed what interferes, and that could be seen.
    pub(super) fn goes_on_beside_what_interferes(&self, now: Timestamp, ask: &Ask<'_>) -> Option<Wrong> {
        let (resumed, at) = self.resumed.as_ref()?;
        let is_on_it = matches!(ask, Ask::SetGroup(group, ..) if *group == resumed);
        let until = at.checked_add(SEEN_WITHIN).ok()?;
        let was_held = self.waves.get(resumed).is_some_and(|since| since < at);
        (is_on_it && was_held && until <= now).then(|| {
            (
                6,
                format!("{}, and what interferes is not suspended", ask.words()),
            )
        })
    }

    /// Where a group launches was changed by somebody, perhaps when rehull had done with it.
    pub(super) const fn zones_were_edited(&self) -> bool {
        self.zones
    }

    /// What a group launches may have been set by somebody after rehull had looked, or before it had begun.
    pub(super) fn set_version(&self, now: Timestamp) -> bool {
        let until = self.version.and_then(|at| at.checked_add(SEEN_WITHIN).ok());
        self.is_theirs || until.is_some_and(|until| now < until)
    }
}

impl Oracle {
    pub(in crate::sim) fn version_was_edited(&mut self, now: Timestamp, group: &str) {
        let edits = &mut self.memory.edits;
        edits.version = Some(now);
        edits.is_theirs |= !edits.waves.contains_key(&GroupName::new(group));
    }

    pub(in crate::sim) const fn zones_are_edited(&mut self) {
        self.memory.edits.zones = true;
    }

    pub(in crate::sim) fn processes_were_resumed(&mut self, now: Timestamp, group: &str) {
        self.memory.edits.resumed = Some((GroupName::new(group), now));
    }

    /// A group that has to be smaller ends one of its choice.
    pub(in crate::sim) fn sizes_were_edited(&mut self, now: Timestamp, ends_one: bool, of_workers: bool) {
        if ends_one && of_workers {
            self.memory.nodes_were_harmed = true;
        } else if ends_one {
            self.memory.servers_were_harmed = true;
            self.servers.last = Some(now);
        }
    }
}

impl Lab {
    /// A group has ended this one to even out its zones. Unless rehull had it in hand that is nobody's fault, and what
    /// follows is not rehull's either. False: it was not ended for that.
    pub(super) fn was_balanced_away(&mut self, now: Timestamp, group: &str, id: &InstanceId) -> bool {
        let row = self.world.scaling_group_row(group);
        let Some(row) = row.filter(|row| row.was_balanced_away(id.as_str())) else {
            return false;
        };
        let memory = &self.oracle.memory;
        let since = memory.edits.waves.get(&GroupName::new(group)).copied();
        let in_the_wave = since.zip(row.balanced()).filter(|(since, at)| at > since);
        if in_the_wave.is_some() && memory.edits.resumed.is_none() {
            let what = format!("{group} evens out its zones and ends {id}, while it is rolled");
            self.oracle.breach(now, 6, what);
        }
        self.oracle.memory.nodes_were_harmed = true;
        true
    }
}
