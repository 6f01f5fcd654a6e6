//! Scaling activities: the only place where a group says why it does not do what it was told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::World;

/// Something that a group does, did or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activity {
    pub(super) id: String,
    pub(super) at: Timestamp,
    #[serde(default)]
    pub(super) ended: Option<Timestamp>,
    pub(super) description: String,
    pub(super) cause: String,
    /// Empty: nothing to say.
    pub(super) message: String,
    #[serde(default)]
    pub(super) status: Status,
}

/// How far an activity is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    /// A machine boots.
    PreInService,
    InProgress,
    /// A machine waits for a hook.
    MidLifecycleAction,
    /// A machine waits for the deregistration delay.
    WaitingForELBConnectionDraining,
    Successful,
    #[default]
    Failed,
    Cancelled,
}

impl Status {
    /// The word of the service, and percents.
    pub(super) const fn told(self) -> (&'static str, i64) {
        match self {
            Self::PreInService => ("PreInService", 30),
            Self::InProgress => ("InProgress", 50),
            Self::MidLifecycleAction => ("MidLifecycleAction", 60),
            Self::WaitingForELBConnectionDraining => ("WaitingForELBConnectionDraining", 40),
            Self::Successful => ("Successful", 100),
            Self::Failed => ("Failed", 100),
            Self::Cancelled => ("Cancelled", 100),
        }
    }

    pub(super) const fn is_over(self) -> bool {
        match self {
            Self::Successful | Self::Failed | Self::Cancelled => true,
            Self::PreInService
            | Self::InProgress
            | Self::MidLifecycleAction
            | Self::WaitingForELBConnectionDraining => false,
        }
    }
}

/// AWS keeps six weeks; a group that fails for days has said enough here.
const KEPT: usize = 300;

impl World {
    /// A new activity; its id.
    pub(super) fn begin(&mut self, group: &str, status: Status, description: &str, cause: &str) -> String {
        let (id, now) = (self.new_id("activity"), self.now);
        if let Some(group) = self.scaling.groups.get_mut(group) {
            group.activities.push(Activity {
                id: id.clone(),
                at: now,
                ended: status.is_over().then_some(now),
                description: description.to_owned(),
                cause: cause.to_owned(),
                message: String::new(),
                status,
            });
            let surplus = group.activities.len().saturating_sub(KEPT);
            group.activities.drain(..surplus);
        }
        id
    }

    /// The activity of a member, if it has one.
    pub(super) fn progress(&mut self, instance: &str, status: Status, message: &str) {
        let now = self.now;
        let Some(group) = self.group_with(instance) else {
            return;
        };
        let Some(member) = group.members.get_mut(instance) else {
            return;
        };
        let id = if status.is_over() {
            member.activity.take()
        } else {
            member.activity.clone()
        };
        let mut all = group.activities.iter_mut();
        let Some(activity) = all.find(|one| Some(&one.id) == id.as_ref()) else {
            return;
        };
        activity.status = status;
        activity.ended = status.is_over().then_some(now);
        message.clone_into(&mut activity.message);
    }
}
