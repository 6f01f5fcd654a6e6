//! The journal of a state: as few records as say what [`Noted`](super::state::Noted) says, at instants that agree with it.

use super::scene::{NOW, Scene, instant};
use super::state::{Act, Box_, Word, World};
use crate::domain::action::{Action, Preflight, TerminateWhy};
use crate::domain::ids::{ContentDigest, InstanceId, StepId, Token};
use crate::journal::{JournalView, Record, RecordBody};

impl World {
    fn attached_at(&self) -> i64 {
        if self.fresh { NOW - 100 } else { NOW - 5_000 }
    }

    /// When the machine was told what it does now: to boot, to go or to stop.
    fn began_at(&self, machine: &Box_) -> i64 {
        let noted = machine.noted;
        match (noted.over_before_us, noted.began_before_us, noted.over) {
            (true, _, _) => NOW - 9_000,
            (false, true, _) => self.attached_at() - 50,
            (false, false, true) => NOW - 4_000,
            (false, false, false) => NOW - 50,
        }
    }

    /// By the journal.
    fn launched_at(&self, machine: &Box_) -> i64 {
        match (machine.go, machine.noted.launched_before_us) {
            (false, _) => self.began_at(machine),
            (true, true) => NOW - 20_000,
            (true, false) => self.began_at(machine).max(self.attached_at()),
        }
    }

    /// By EC2, which only counts while it boots; after that it orders the machines that ran.
    pub(super) fn seen_launched_at(&self, machine: &Box_) -> i64 {
        if machine.go {
            NOW - 30_000
        } else {
            self.began_at(machine)
        }
    }

    /// Asked to stop, it was told to go long ago.
    fn told_at(&self, machine: &Box_) -> i64 {
        if machine.stop_asked {
            NOW - 19_000
        } else {
            self.began_at(machine)
        }
    }
}

struct Writer(JournalView);

impl Writer {
    fn write(&mut self, at: i64, body: RecordBody) {
        self.0
            .apply(&Record {
                at: instant(at),
                body,
            })
            .unwrap();
    }

    fn intend(&mut self, at: i64, action: &Action) -> u32 {
        let attempt = self.0.next_attempt(&action.key());
        let body = RecordBody::Intended {
            step: StepId::new("s"),
            action: action.clone(),
            attempt,
            token: Token::new("t"),
        };
        self.write(at, body);
        attempt
    }

    fn act(&mut self, at: i64, action: &Action, word: Word) {
        if word == Word::Nothing {
            return;
        }
        let attempt = self.intend(at, action);
        if word == Word::Done {
            let (key, error) = (action.key(), None);
            self.write(at, RecordBody::Settled { key, attempt, error });
        }
    }
}

impl Scene {
    pub(super) fn journal(&self, world: &World) -> JournalView {
        let mut writer = Writer(JournalView::default());
        let opened = RecordBody::Opened {
            envelope: ContentDigest::new("sha256:0"),
            plan: None,
            rehull: "test".to_owned(),
        };
        writer.write(NOW - 30_000, opened);
        let holder = "somebody".to_owned();
        writer.write(world.attached_at(), RecordBody::Attached { holder });
        // Asked once, while all is well, and no part of the dance.
        for check in [Preflight::Writes, Preflight::Data] {
            writer.act(NOW - 29_000, &Action::Preflight { check }, Word::Done);
        }
        for (slot, number, machine) in world.machines() {
            self.note(&mut writer, world, (slot, number), machine);
        }
        for (number, slot) in (0_u8..).zip(&world.slots) {
            if slot.verified {
                writer.act(NOW - 20, &self.action(Act::Verify { slot: number }), Word::Done);
            }
            if slot.gave_up {
                let action = Action::TerminateMachine {
                    slot: self.name(number),
                    machine: InstanceId::new("gone"),
                    why: TerminateWhy::DidNotBoot,
                };
                writer.act(world.attached_at() + 1, &action, Word::Done);
            }
        }
        writer.0
    }

    fn note(&self, writer: &mut Writer, world: &World, (slot, number): (u8, u8), machine: &Box_) {
        let noted = machine.noted;
        if noted.launched {
            let launch = Act::Launch {
                slot,
                new: machine.new,
                join: machine.join,
                generation: machine.generation,
            };
            writer.act(world.launched_at(machine), &self.action(launch), Word::Done);
        }
        let go = Act::Go {
            slot,
            machine: number,
            with_spare: machine.with_spare,
        };
        writer.act(world.told_at(machine), &self.action(go), noted.go);
        let stop = Act::AskStop {
            slot,
            machine: number,
        };
        writer.act(world.began_at(machine), &self.action(stop), noted.stop);
        if noted.joined {
            let mark = format!("joined {} {}", self.name(slot), self.id(slot, number));
            writer.write(NOW - 30, RecordBody::Marked { mark });
        }
    }
}
