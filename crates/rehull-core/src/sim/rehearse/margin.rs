//! How many voters may still fail, over one run: the true number, not what rehull believes.

use std::time::Duration;

use serde::Serialize;

use crate::domain::action::Action;
use crate::domain::ids::SlotName;
use crate::event::What;
use crate::sim::chronicle::{Happened, Moment};

/// From here on so many voters may fail, until the next one of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MarginChange {
    /// Milliseconds since the rollout began.
    pub at_ms: u64,
    /// Voters that may still fail before writes end; below 0 there is no quorum.
    pub margin: i64,
    /// What rehull had done just before: `etcd-b: stop`.
    pub why: String,
}

/// Every change of the margin.
pub(super) fn changes(moments: &[Moment]) -> Vec<MarginChange> {
    let mut changes: Vec<MarginChange> = Vec::new();
    let mut why = "the rollout begins".to_owned();
    for moment in moments {
        match &moment.what {
            Happened::Told(event) => {
                if let What::Acting { action, .. } = &event.what
                    && let Some((slot, what)) = moves(action)
                {
                    why = format!("{slot} {what}");
                }
            }
            Happened::World { what, .. } => why = format!("in the world: {}", what.name()),
            Happened::Began | Happened::Trouble { .. } | Happened::Ended(_) | Happened::Voters => {}
        }
        let margin = moment.standing.margin();
        if changes.last().is_none_or(|last| last.margin != margin) {
            let why = why.clone();
            let at_ms = u64::try_from(moment.at.as_millis()).unwrap_or(u64::MAX);
            changes.push(MarginChange { at_ms, margin, why });
        }
    }
    changes
}

/// What a request of rehull's does to the standing of a member, where it does anything.
fn moves(action: &Action) -> Option<(&SlotName, &'static str)> {
    let what = match action {
        Action::AskStop { .. } => "stops",
        Action::RemoveMember { .. } => "has left the list",
        Action::AddMember { learner: false, .. } => "is in the list again and not up yet",
        Action::AddMember { learner: true, .. } => "is in the list as a learner",
        Action::Go { .. } => "serves again",
        Action::PromoteMember { .. } => "has become a voter",
        Action::TerminateMachine { .. } => "loses its old machine",
        Action::StartSnapshot
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::LaunchMachine { .. }
        | Action::MoveLeader { .. }
        | Action::DetachInterface { .. }
        | Action::DetachVolume { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::RecordIdentity { .. }
        | Action::Group(_)
        | Action::Node(_) => return None,
    };
    action.slot().map(|slot| (slot, what))
}

/// The longest time without a break at this margin or below.
pub(super) fn longest_at_most(changes: &[MarginChange], margin: i64, end: Duration) -> Duration {
    let end_ms = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
    let mut longest = 0;
    let mut since: Option<u64> = None;
    for change in changes {
        if change.margin <= margin {
            since.get_or_insert(change.at_ms);
        } else if let Some(since) = since.take() {
            longest = change.at_ms.saturating_sub(since).max(longest);
        }
    }
    if let Some(since) = since {
        longest = end_ms.saturating_sub(since).max(longest);
    }
    Duration::from_millis(longest)
}

/// The lowest margin of a run.
pub(super) fn lowest(changes: &[MarginChange]) -> Option<i64> {
    changes.iter().map(|change| change.margin).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change((at_ms, margin): (u64, i64)) -> MarginChange {
        let why = String::new();
        MarginChange { at_ms, margin, why }
    }

    #[test]
    fn time_at_a_margin_is_counted_without_a_break_and_to_the_end() {
        let end = Duration::from_secs(10);
        let longest = |changes: &[(u64, i64)], margin| {
            let changes: Vec<_> = changes.iter().copied().map(change).collect();
            longest_at_most(&changes, margin, end).as_millis()
        };
        assert_eq!(longest(&[(0, 1)], 0), 0);
        assert_eq!(longest(&[(0, 1), (2_000, 0), (5_000, 1)], 0), 3_000);
        assert_eq!(
            longest(&[(0, 1), (2_000, 0), (3_000, -1), (7_000, 0), (8_000, 1)], 0),
            6_000
        );
        assert_eq!(longest(&[(0, 1), (2_000, 0), (5_000, 1), (6_000, 0)], 0), 4_000);
        assert_eq!(longest(&[(0, 1), (2_000, 0), (3_000, -1), (7_000, 0)], -1), 4_000);
    }
}
