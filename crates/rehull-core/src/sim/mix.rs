//! Faults drawn from a seed, as a bad day would mix them: one to four in the world, up to two at rehull's requests.
//!
//! Each fault in the world ends within ten minutes, so that a run which does not end well afterwards has no excuse. What
//! takes a member out is drawn more often than what only delays, and a third of all mixes strike twice within a minute:
//! that is how members are lost inside the window of a replacement.

use super::draw::Draw;
use super::fault::{Faults, Happening, RequestFault, RequestTrouble, WorldFault};
use crate::domain::ids::SlotName;

/// Seconds of a rollout for each of its members, and requests of rehull: about as many as it takes when nothing happens, so
/// that a fault comes while there is something to disturb (`a_bad_day_is_over_before_the_rollout_is`).
const MEMBER_S: u64 = 100;
const MEMBER_REQUESTS: u64 = 45;
/// Faults of one mix are further apart than this in two of three cases.
const CLOSE_S: u64 = 60;
/// Length of what ends.
const FOR_MAX_S: u64 = 600;
/// A run of Terraform takes about so long.
const RUN_MAX_S: u64 = 90;
/// Draws of a mix, and more.
const OF_TERRAFORM: u64 = 1_000;
const OF_CONTROL_PLANE: u64 = 2_000;
const OF_WORKERS: u64 = 3_000;
const OF_A_PERSON: u64 = 4_000;
const OF_EDITS: u64 = 5_000;
const OF_LIES: u64 = 6_000;
/// What AWS tells may be so many seconds old.
const STALE_MAX_S: u64 = 10;

/// How long a rollout takes on a good day, and how many requests it makes.
#[derive(Clone, Copy)]
struct Span {
    seconds: u64,
    requests: u64,
}

/// A control plane of three.
const EXCHANGE: Span = Span {
    seconds: 1_500,
    requests: 250,
};
/// Two groups of three workers each.
const DRAINS: Span = Span {
    seconds: 450,
    requests: 200,
};

impl Span {
    fn of(members: u8) -> Self {
        let members = u64::from(members);
        Self {
            seconds: MEMBER_S.saturating_mul(members),
            requests: MEMBER_REQUESTS.saturating_mul(members),
        }
    }
}

/// The faults of a seed for a cluster of so many members.
#[must_use]
pub fn drawn(seed: u64, members: u8) -> Faults {
    within(seed, members, Span::of(members))
}

fn within(seed: u64, members: u8, span: Span) -> Faults {
    let mut dice = Dice {
        draw: Draw::new(seed),
        ordinal: 0,
    };
    let close = dice.next(3) == 0;
    let first = dice.next(span.seconds);
    let count = 1_u64.saturating_add(dice.next(4));
    let world = (0..count).map(|_| {
        let slot = dice.slot(members);
        let what = dice.happening(slot);
        let at_s = if close {
            first.saturating_add(dice.next(CLOSE_S))
        } else {
            dice.next(span.seconds)
        };
        WorldFault {
            at_s,
            for_s: 5_u64.saturating_add(dice.next(FOR_MAX_S)),
            what,
        }
    });
    let world: Vec<WorldFault> = world.collect();
    let count = dice.next(3);
    let requests = (0..count).map(|_| RequestFault {
        nth: dice.next(span.requests),
        how: dice.trouble(),
    });
    Faults {
        requests: requests.collect(),
        world,
        ..Faults::default()
    }
}

/// The same faults, and one or two that befall Terraform: its run is over within two minutes if nothing goes wrong.
#[must_use]
pub fn drawn_by_terraform(seed: u64, members: u8) -> Faults {
    let mut dice = Dice {
        draw: Draw::new(seed),
        // Behind everything that the others draw.
        ordinal: OF_TERRAFORM,
    };
    let more = dice.one_or_two(members, RUN_MAX_S, Dice::of_terraform);
    let calm = Span::of(members);
    let span = Span {
        seconds: calm.seconds.saturating_add(RUN_MAX_S),
        ..calm
    };
    let mut faults = within(seed, members, span);
    faults.world.extend(more);
    faults
}

/// The same faults, and one or two after which a person may have to look: some of them no rollout gets over.
#[must_use]
pub fn drawn_for_a_person(seed: u64, members: u8) -> Faults {
    let mut dice = Dice {
        draw: Draw::new(seed),
        ordinal: OF_A_PERSON,
    };
    let span = Span::of(members);
    let more = dice.one_or_two(members, span.seconds, Dice::for_a_person);
    let mut faults = within(seed, members, span);
    faults.world.extend(more);
    faults
}

/// What befalls a control plane in a rollout of its own: machines of its own among what is lost.
#[must_use]
pub fn drawn_for_a_control_plane(seed: u64, members: u8) -> Faults {
    let mut dice = Dice {
        draw: Draw::new(seed),
        ordinal: OF_CONTROL_PLANE,
    };
    let mut faults = within(seed, members, EXCHANGE);
    for fault in &mut faults.world {
        let slot = dice.slot(members);
        if dice.next(3) == 0 {
            fault.what = Happening::ServerLost { slot };
        }
    }
    faults
}

/// What befalls workers in a rollout of their own.
#[must_use]
pub fn drawn_for_workers(seed: u64, members: u8) -> Faults {
    let mut dice = Dice {
        draw: Draw::new(seed),
        ordinal: OF_WORKERS,
    };
    let mut faults = within(seed, members, DRAINS);
    for fault in &mut faults.world {
        if dice.next(2) == 0 {
            fault.what = dice.of_workers();
        }
    }
    faults
}

/// What befalls a control plane, and one or two edits of its group by somebody else.
#[must_use]
pub fn drawn_for_an_edited_control_plane(seed: u64, members: u8) -> Faults {
    let mut faults = drawn_for_a_control_plane(seed, members);
    faults.world.extend(edits(seed, EXCHANGE, Dice::edit));
    faults
}

/// What befalls workers, and one or two edits of their first group by somebody else.
#[must_use]
pub fn drawn_for_edited_workers(seed: u64, members: u8) -> Faults {
    let mut faults = drawn_for_workers(seed, members);
    faults.world.extend(edits(seed, DRAINS, Dice::edit_or_stale_boot));
    faults
}

/// The same faults, and one or two by which rehull is lied to: what it reads is old or missing, an answer comes late, and
/// machines boot with what is not theirs.
#[must_use]
pub fn drawn_with_lies(seed: u64, members: u8) -> Faults {
    let mut dice = Dice {
        draw: Draw::new(seed),
        ordinal: OF_LIES,
    };
    let span = Span::of(members);
    let more = dice.one_or_two(members, span.seconds, Dice::lie);
    let late = RequestFault {
        nth: dice.next(span.requests),
        how: RequestTrouble::LateAnswer,
    };
    let mut faults = within(seed, members, span);
    faults.world.extend(more);
    faults.requests.push(late);
    faults
}

fn edits(seed: u64, span: Span, of: fn(&mut Dice) -> Happening) -> Vec<WorldFault> {
    let mut dice = Dice {
        draw: Draw::new(seed),
        ordinal: OF_EDITS,
    };
    let count = 1_u64.saturating_add(dice.next(2));
    let faults = (0..count).map(|_| WorldFault {
        what: of(&mut dice),
        at_s: dice.next(span.seconds),
        for_s: 5_u64.saturating_add(dice.next(FOR_MAX_S)),
    });
    faults.collect()
}

struct Dice {
    draw: Draw,
    ordinal: u64,
}

impl Dice {
    fn next(&mut self, end: u64) -> u64 {
        self.ordinal = self.ordinal.saturating_add(1);
        self.draw.below("fault", self.ordinal, end)
    }

    fn slot(&mut self, members: u8) -> SlotName {
        let nth = self.next(u64::from(members));
        let letter = ('a'..='z').nth(usize::try_from(nth).unwrap_or(0)).unwrap_or('a');
        SlotName::new(format!("etcd-{letter}"))
    }

    fn trouble(&mut self) -> RequestTrouble {
        let all = RequestTrouble::ALL;
        let nth = self.next(u64::try_from(RequestTrouble::DRAWN).unwrap_or(1));
        let drawn = all.get(usize::try_from(nth).unwrap_or(0));
        drawn.copied().unwrap_or(RequestTrouble::KillBefore)
    }

    /// One or two of these faults, each at a slot, within so many seconds.
    fn one_or_two(
        &mut self,
        members: u8,
        seconds: u64,
        what: fn(&mut Self, SlotName) -> Happening,
    ) -> Vec<WorldFault> {
        let count = 1_u64.saturating_add(self.next(2));
        let faults = (0..count).map(|_| {
            let slot = self.slot(members);
            WorldFault {
                what: what(self, slot),
                at_s: self.next(seconds),
                for_s: 5_u64.saturating_add(self.next(FOR_MAX_S)),
            }
        });
        faults.collect()
    }

    fn happening(&mut self, slot: SlotName) -> Happening {
        match self.next(25) {
            0 | 1 => Happening::Terminate { slot },
            2 | 3 => Happening::PowerCut { slot },
            4 => Happening::KillProcess { slot },
            5 | 6 => Happening::Freeze { slot },
            7 => Happening::LeaderFlip,
            8 => Happening::NoCapacity { slot },
            9 => Happening::ZoneLoss { slot },
            10 => Happening::StuckVolume { slot },
            11 => Happening::Throttle,
            12 => Happening::StoreDown,
            13 => Happening::ExpiredCredentials,
            14 | 15 => Happening::WrongArtefact,
            16 | 17 => Happening::NeverBoots,
            18 => Happening::SecondRehull,
            19 | 20 => Happening::Partition { slot },
            21 => Happening::BootsLate {
                seconds: self.seconds(400),
            },
            22 => Happening::SlowJoin {
                seconds: self.seconds(400),
            },
            23 => Happening::SnapshotHangs,
            _ => Happening::ClockJump {
                seconds: self.seconds(1_200).saturating_sub(600),
            },
        }
    }

    fn of_workers(&mut self) -> Happening {
        match self.next(7) {
            0 | 1 => Happening::NodeLost,
            2 => Happening::KubeletHangs,
            3 | 4 => Happening::BudgetBlocks,
            5 => Happening::ScaleOut,
            _ => Happening::NeverBoots,
        }
    }

    fn edit(&mut self) -> Happening {
        match self.next(7) {
            0 => Happening::ZoneAdded,
            1 => Happening::VersionEdited,
            2 => Happening::MaxLowered,
            3 => Happening::ProcessesResumed,
            4 => Happening::StaleReads {
                seconds: self.seconds(STALE_MAX_S),
            },
            5 => Happening::ReadsLost,
            _ => Happening::ScaleIn,
        }
    }

    /// A server that serves its former release may be the last one of its zone (`open/seed-74-edited`).
    fn edit_or_stale_boot(&mut self) -> Happening {
        if self.next(8) == 0 {
            Happening::StaleUserData
        } else {
            self.edit()
        }
    }

    fn lie(&mut self, slot: SlotName) -> Happening {
        match self.next(4) {
            0 | 1 => Happening::StaleReads {
                seconds: self.seconds(STALE_MAX_S),
            },
            2 => Happening::ReadsLost,
            _ => Happening::ForeignUserData { slot },
        }
    }

    fn for_a_person(&mut self, slot: SlotName) -> Happening {
        match self.next(11) {
            0 | 1 => Happening::AskAbort,
            9 | 10 => Happening::Revert,
            2 | 3 => Happening::Alarm {
                slot,
                alarm: "NOSPACE".to_owned(),
            },
            4 => Happening::Alarm {
                slot,
                alarm: "CORRUPT".to_owned(),
            },
            5 => Happening::ForeignVolume { slot },
            6 | 7 => Happening::SnapshotFails,
            _ => Happening::RemoveMember { slot },
        }
    }

    fn of_terraform(&mut self, slot: SlotName) -> Happening {
        match self.next(10) {
            0 | 1 => Happening::ComputerLost,
            2 => Happening::PlanDies,
            3 | 4 => Happening::ApplyDies { slot },
            5 => Happening::PlanChanged,
            6 => Happening::StateLocked,
            7 => Happening::ExpiredCredentials,
            8 => Happening::SecondRehull,
            _ => Happening::TerraformSlow {
                seconds: self.seconds(200),
            },
        }
    }

    fn seconds(&mut self, end: u64) -> i64 {
        i64::try_from(self.next(end)).unwrap_or(0)
    }
}
