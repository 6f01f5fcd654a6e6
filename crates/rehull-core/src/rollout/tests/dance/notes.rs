//! What the journal learns, and what a new process makes of it.

use super::state::{Act, Box_, Way, Word, World};

impl Box_ {
    /// This rollout launched it, or has told it something.
    pub(super) fn is_in_the_journal(self) -> bool {
        self.join != Way::Bootstrap || self.noted.go != Word::Nothing || self.noted.stop != Word::Nothing
    }

    /// Its patience begins now, in the sight of the process that works now.
    fn begins(&mut self) {
        let noted = &mut self.noted;
        (noted.began_before_us, noted.over_before_us, noted.over) = (false, false, false);
    }
}

impl World {
    /// Another process attaches: what it finds began before it.
    pub(super) fn attach(&mut self) {
        self.fresh = true;
        for slot in &mut self.slots {
            slot.gave_up = false;
            for machine in slot.machines.iter_mut().filter(|machine| machine.is_live()) {
                if machine.is_in_the_journal() {
                    let noted = &mut machine.noted;
                    noted.launched_before_us = true;
                    noted.began_before_us = true;
                    noted.over_before_us |= noted.over;
                    noted.over = false;
                }
            }
        }
    }

    /// An action has come true; `word` is what the journal says of it.
    pub(super) fn note(&mut self, act: Act, word: Word, is_spare: bool) {
        let done = word == Word::Done;
        let slot = self.slot_mut(act.slot());
        match act {
            Act::Launch { .. } => {
                if let Some(machine) = slot.machines.last_mut() {
                    machine.noted.launched = done;
                }
            }
            Act::Go { machine, .. } => {
                let machine = &mut slot.machines[usize::from(machine)];
                machine.begins();
                machine.noted.go = word;
            }
            Act::AskStop { machine, .. } => {
                let machine = &mut slot.machines[usize::from(machine)];
                machine.begins();
                machine.noted.stop = word;
                slot.ours |= slot.member.is_some();
            }
            Act::Terminate {
                machine,
                did_not_boot,
                ..
            } => {
                let holds = slot.volume == Some(machine);
                slot.ours |= holds && slot.member.is_some_and(|member| member.started) && !slot.lost;
                slot.gave_up |= did_not_boot && done;
            }
            Act::Remove { .. } => {
                slot.ours = !is_spare;
                slot.lost = false;
            }
            Act::Verify { .. } => slot.verified = done,
            _ => {}
        }
    }

    /// A request of an earlier process has come true: what it told a machine was intended before us.
    pub(super) fn note_stray(&mut self, act: Act, is_spare: bool) {
        self.note(act, Word::Intended, is_spare);
        if let Act::Go { slot, machine, .. } | Act::AskStop { slot, machine } = act {
            self.machine_mut(slot, machine).noted.began_before_us = true;
        }
    }

    /// What is in doubt is settled when it can be seen.
    pub(super) fn settle_by_looking(&mut self) {
        for machine in self.slots.iter_mut().flat_map(|slot| &mut slot.machines) {
            if !machine.is_live() {
                continue;
            }
            machine.noted.launched |= machine.join != Way::Bootstrap;
            if machine.noted.go == Word::Intended {
                machine.begins();
                machine.noted.go = Word::Done;
            }
            if machine.noted.stop == Word::Intended {
                machine.begins();
                machine.noted.stop = Word::Done;
            }
        }
    }
}
