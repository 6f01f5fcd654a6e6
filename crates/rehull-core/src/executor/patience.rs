//! How long others are waited for. Most waits end by themselves or have a deadline of their own; for a member that somebody
//! else has taken out, or a gate that stays red, only somebody else can do something: whoever runs rehull has to hear of it.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::waiting::{RedGate, Waiting, WaitingOn};

/// Since when nothing is waited for but others, in monotonic time.
#[derive(Debug, Default)]
pub(super) struct Patience(Option<Duration>);

impl Patience {
    /// Something was done, or is about to be.
    pub(super) fn begin_anew(&mut self) {
        self.0 = None;
    }

    /// For whom it has waited in vain, once that has gone on for `limit`.
    pub(super) fn is_over(
        &mut self,
        waiting: &[Waiting],
        (wall, now): (Timestamp, Duration),
        limit: Duration,
    ) -> Option<String> {
        let for_whom: Option<Vec<String>> = waiting.iter().map(|waiting| others(&waiting.on, wall)).collect();
        let Some(for_whom) = for_whom.and_then(|all| all.into_iter().next()) else {
            self.0 = None;
            return None;
        };
        let waited = now.saturating_sub(*self.0.get_or_insert(now));
        let minutes = waited.as_secs() / 60;
        (waited >= limit).then(|| format!("nothing could be done for {minutes} min: {for_whom}"))
    }
}

/// Who has to do something, if only somebody else can.
fn others(on: &WaitingOn, wall: Timestamp) -> Option<String> {
    match on {
        WaitingOn::Gate { red } => Some(red.first().map_or_else(|| "a red gate".to_owned(), of_gate)),
        WaitingOn::OtherMemberOut { slot, seen } => Some(format!("{slot} is out ({seen})")),
        WaitingOn::Join { lacks, until, .. } => (*until <= wall).then(|| lacks.clone()),
        WaitingOn::Unreadable { .. }
        | WaitingOn::Snapshot { .. }
        | WaitingOn::Terraform { .. }
        | WaitingOn::Boot { .. }
        | WaitingOn::Settle { .. }
        | WaitingOn::Leader { .. }
        | WaitingOn::Stop { .. }
        | WaitingOn::Slot { .. }
        | WaitingOn::Termination { .. }
        | WaitingOn::Bake { .. }
        | WaitingOn::Launch { .. }
        | WaitingOn::Serving { .. }
        | WaitingOn::Canary { .. }
        | WaitingOn::LetGo { .. }
        | WaitingOn::Floor { .. }
        | WaitingOn::NodeReady { .. }
        | WaitingOn::Drain { .. }
        | WaitingOn::DrainTurn { .. }
        | WaitingOn::Retry { .. } => None,
    }
}

fn of_gate(red: &RedGate) -> String {
    let whose = red
        .slot
        .as_ref()
        .map_or_else(String::new, |slot| format!("{slot} "));
    format!("the gate `{whose}{}` stays red ({})", red.gate, red.seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{SlotName, StepId};

    const LIMIT: Duration = Duration::from_secs(600);

    fn out() -> WaitingOn {
        WaitingOn::OtherMemberOut {
            slot: SlotName::new("etcd-a"),
            seen: "its port refuses connections".to_owned(),
        }
    }

    fn join(until_s: i64) -> WaitingOn {
        WaitingOn::Join {
            lacks: "its port refuses connections; machine says running".to_owned(),
            lag: None,
            until: Timestamp::from_second(until_s).unwrap(),
        }
    }

    fn waits(on: impl IntoIterator<Item = WaitingOn>) -> Vec<Waiting> {
        let step = StepId::new("etcd/etcd-b");
        on.into_iter()
            .map(|on| Waiting {
                step: step.clone(),
                on,
            })
            .collect()
    }

    /// After so many seconds of this, by both clocks.
    fn after(
        patience: &mut Patience,
        seconds: u64,
        on: impl IntoIterator<Item = WaitingOn>,
    ) -> Option<String> {
        let wall = Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap();
        patience.is_over(&waits(on), (wall, Duration::from_secs(seconds)), LIMIT)
    }

    #[test]
    fn a_member_that_stays_out_is_named_after_ten_minutes() {
        let mut patience = Patience::default();
        assert_eq!(after(&mut patience, 5, [out()]), None);
        assert_eq!(after(&mut patience, 604, [out()]), None);
        assert_eq!(
            after(&mut patience, 605, [out()]).as_deref(),
            Some("nothing could be done for 10 min: etcd-a is out (its port refuses connections)")
        );
    }

    #[test]
    fn what_has_a_deadline_of_its_own_begins_it_anew() {
        let mut patience = Patience::default();
        assert_eq!(after(&mut patience, 0, [out()]), None);
        // This one is over at its own deadline, and counts from then on.
        assert_eq!(after(&mut patience, 599, [out(), join(600)]), None);
        assert_eq!(after(&mut patience, 700, [out(), join(600)]), None);
        assert_eq!(after(&mut patience, 1_299, [join(600)]), None);
        assert_eq!(
            after(&mut patience, 1_300, [join(600)]).as_deref(),
            Some("nothing could be done for 10 min: its port refuses connections; machine says running")
        );
        patience.begin_anew();
        assert_eq!(after(&mut patience, 1_301, [out()]), None);
        // Nothing to wait for is no wait.
        assert_eq!(after(&mut patience, 9_999, []), None);
    }
}
