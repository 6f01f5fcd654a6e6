//! How long others are waited for. Most waits end by themselves or have a deadline of their own; for a member that somebody
//! else has taken out, or a gate that stays red, only somebody else can do something: whoever runs rehull has to hear of it.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::waiting::{RedGate, Waiting, WaitingOn};

/// For how long nothing was waited for but others, in monotonic time.
#[derive(Debug, Default)]
pub(super) struct Patience {
    waited: Duration,
    /// The last look, if it has waited for others since.
    last: Option<Duration>,
}

/// What a wait comes to without anybody's doing.
enum Ends {
    /// It ends, or has a deadline that ends the rollout.
    ByItself,
    /// It ends, unless the same happens once more: such time counts for nothing, and does not begin anew what has counted,
    /// or a member that falls again and again would be waited for without an end.
    UnlessItFallsAgain,
    /// Who has to do something.
    ByOthers(String),
}

impl Patience {
    /// Something was done, or is about to be.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// For whom it has waited in vain, once that has gone on for `limit`.
    pub(super) fn is_over(
        &mut self,
        waiting: &[Waiting],
        (wall, now): (Timestamp, Duration),
        limit: Duration,
    ) -> Option<String> {
        let mut for_whom: Vec<String> = Vec::new();
        let mut falls = false;
        for waiting in waiting {
            match ends(&waiting.on, wall) {
                Ends::ByItself => {
                    self.begin_anew();
                    return None;
                }
                Ends::UnlessItFallsAgain => falls = true,
                Ends::ByOthers(whom) => {
                    let words = format!("{} waits: {whom}", waiting.step);
                    if !for_whom.contains(&words) {
                        for_whom.push(words);
                    }
                }
            }
        }
        if waiting.is_empty() {
            self.begin_anew();
            return None;
        }
        if falls {
            self.last = None;
            return None;
        }
        let since = now.saturating_sub(self.last.unwrap_or(now));
        self.last = Some(now);
        self.waited = self.waited.saturating_add(since);
        (self.waited >= limit).then(|| {
            let whom = for_whom.join("; ");
            format!("nothing could be done for {}: {whom}", long(self.waited))
        })
    }
}

fn long(waited: Duration) -> String {
    match waited.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn ends(on: &WaitingOn, wall: Timestamp) -> Ends {
    match on {
        WaitingOn::Gate { red } => of_gates(red, wall),
        WaitingOn::OtherMemberOut { slot, seen } => Ends::ByOthers(format!("{slot} is out ({seen})")),
        WaitingOn::Join { lacks, until, .. } if *until <= wall => Ends::ByOthers(lacks.clone()),
        WaitingOn::Join { .. }
        | WaitingOn::Unreadable { .. }
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
        | WaitingOn::Retry { .. } => Ends::ByItself,
    }
}

/// Those that turn green by themselves are not what is waited for in vain.
fn of_gates(red: &[RedGate], wall: Timestamp) -> Ends {
    let lasts = |red: &&RedGate| red.until.is_none_or(|until| until <= wall);
    match red.iter().find(lasts) {
        Some(red) => Ends::ByOthers(of_gate(red)),
        None if red.is_empty() => Ends::ByOthers("a red gate".to_owned()),
        None => Ends::UnlessItFallsAgain,
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
            Some(
                "nothing could be done for 10 min: etcd/etcd-b waits: etcd-a is out (its port refuses connections)"
            )
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
            Some(
                "nothing could be done for 10 min: etcd/etcd-b waits: its port refuses connections; machine says running"
            )
        );
        patience.begin_anew();
        assert_eq!(after(&mut patience, 1_301, [out()]), None);
        // Nothing to wait for is no wait.
        assert_eq!(after(&mut patience, 9_999, []), None);
    }

    fn steady(until_s: i64) -> WaitingOn {
        let red = RedGate {
            slot: Some(SlotName::new("etcd-c")),
            gate: "steady".to_owned(),
            seen: "its etcd has ended 3 times".to_owned(),
            until: Some(Timestamp::from_second(until_s).unwrap()),
        };
        WaitingOn::Gate { red: vec![red] }
    }

    #[test]
    fn a_gate_that_turns_green_by_itself_is_waited_for_and_counts_for_nothing() {
        let mut patience = Patience::default();
        for at in [0, 600, 1_199] {
            assert_eq!(after(&mut patience, at, [steady(1_200)]), None);
        }
        // Whoever falls again in that time is not waited for without an end.
        assert_eq!(after(&mut patience, 1_200, [out()]), None);
        assert_eq!(after(&mut patience, 1_500, [out()]), None);
        assert_eq!(after(&mut patience, 1_501, [steady(4_000)]), None);
        assert_eq!(after(&mut patience, 3_999, [steady(4_000)]), None);
        assert_eq!(after(&mut patience, 4_000, [out()]), None);
        assert_eq!(after(&mut patience, 4_299, [out()]), None);
        assert!(after(&mut patience, 4_300, [out()]).is_some());
    }

    #[test]
    fn all_who_are_waited_for_are_named_once_each_and_a_short_patience_in_seconds() {
        let mut patience = Patience::default();
        let wall = Timestamp::from_second(900).unwrap();
        let limit = Duration::from_secs(30);
        let all = || waits([out(), join(0), out()]);
        let at = Duration::from_secs;
        assert_eq!(patience.is_over(&all(), (wall, at(0)), limit), None);
        assert_eq!(
            patience.is_over(&all(), (wall, at(30)), limit).as_deref(),
            Some(
                "nothing could be done for 30 s: etcd/etcd-b waits: etcd-a is out (its port refuses connections); etcd/etcd-b waits: its port refuses connections; machine says running"
            )
        );
    }
}
