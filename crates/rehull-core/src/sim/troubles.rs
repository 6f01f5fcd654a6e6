//! Which trouble strikes which request.

use std::collections::BTreeMap;

use super::fault::{Cue, Faults, RequestTrouble, Then, WorldFault};

/// Counts requests and says what happens to each.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    count: u64,
    by_number: BTreeMap<u64, RequestTrouble>,
    cues: Vec<Cue>,
    by_kind: BTreeMap<&'static str, u64>,
}

/// What happens to one request, and because of it.
#[derive(Debug, Default)]
pub(super) struct Struck {
    pub(super) trouble: Option<RequestTrouble>,
    pub(super) world: Vec<WorldFault>,
}

impl Troubles {
    pub(super) fn of(faults: &Faults) -> Self {
        let numbered = faults.requests.iter().map(|fault| (fault.nth, fault.how));
        Self {
            by_number: numbered.collect(),
            cues: faults.cues.clone(),
            ..Self::default()
        }
    }

    /// The next request, of this kind.
    pub(super) fn strike(&mut self, what: &'static str) -> Struck {
        let number = self.count;
        self.count = number.saturating_add(1);
        let mut struck = Struck {
            trouble: self.by_number.get(&number).copied(),
            world: Vec::new(),
        };
        // What is never sent is none of its kind: whoever goes on sends it, and what waits for it is not shifted by the kill.
        if struck.trouble == Some(RequestTrouble::KillBefore) {
            return struck;
        }
        let of_kind = self.by_kind.entry(what).or_default();
        *of_kind = of_kind.saturating_add(1);
        let due = |cue: &&Cue| cue.request == what && cue.nth == *of_kind;
        for cue in self.cues.iter().filter(due) {
            match &cue.then {
                Then::Trouble(how) => struck.trouble = Some(*how),
                Then::World(fault) => struck.world.push(fault.clone()),
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Happening, RequestFault};
    use super::*;

    #[test]
    fn what_waits_for_a_request_is_not_shifted_by_one_that_was_never_sent() {
        let flip = WorldFault {
            at_s: 0,
            for_s: 0,
            what: Happening::LeaderFlip,
        };
        let faults = Faults {
            requests: vec![RequestFault {
                nth: 0,
                how: RequestTrouble::KillBefore,
            }],
            cues: vec![Cue {
                request: "MemberAdd".to_owned(),
                nth: 1,
                then: Then::World(flip.clone()),
            }],
            ..Faults::default()
        };
        let mut troubles = Troubles::of(&faults);
        let killed = troubles.strike("MemberAdd");
        assert_eq!(killed.trouble, Some(RequestTrouble::KillBefore));
        assert!(killed.world.is_empty());
        assert_eq!(troubles.strike("MemberAdd").world, [flip]);
    }
}
