//! Modelled Terraform: one module, the lock of its state, and the programs that are started on it.
//!
//! A program lives on its own, as in production: whoever has started it may die and it goes on, in a group of its own. It
//! dies with its computer, or because somebody kills it; then the lock that it held stays until a person frees it.

mod module;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

pub(super) use module::missing;
pub(super) use program::{Order, Program, ProgramEnd, ProgramNumber};

use super::lab::{Due, Lab, later};
use crate::domain::ids::{LaunchTemplateName, RolloutId, SlotName};
use crate::domain::terraform::TerraformStage;

/// For how long the lock of the state is waited for: by a plan itself, for an apply by whoever wants one.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// The provider asks again so long after EC2 has said "slow down".
const SLOWED_DOWN: Duration = Duration::from_secs(5);

/// Who has the lock of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lock {
    #[default]
    Free,
    Program(ProgramNumber),
    /// Left by a program that was killed.
    Dead,
    Somebody,
}

/// One module with everything that works on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Terraform {
    lock: Lock,
    somebody_wants_it: bool,
    programs: BTreeMap<ProgramNumber, Program>,
    numbers: ProgramNumber,
    /// Counts the applies that have changed something: a plan of before is stale.
    serial: u64,
    /// Versions that a run has looked at again after it had made them, by template and number.
    vouched: BTreeSet<(LaunchTemplateName, u64)>,
    pub(super) troubles: Troubles,
}

/// What is wrong with Terraform, while it lasts.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles {
    /// The next program that plans is killed.
    pub(super) plan_dies: bool,
    /// The next apply is killed when it has made the version of this slot.
    pub(super) apply_dies: Option<SlotName>,
    /// The module wants something else besides.
    pub(super) is_changed: bool,
    /// Programs that begin take so much longer.
    pub(super) slow: Duration,
}

impl Terraform {
    pub(super) fn program(&self, number: ProgramNumber) -> Option<&Program> {
        self.programs.get(&number)
    }

    /// An apply of this rollout that goes on, on this computer.
    pub(super) fn living_apply(&self, computer: u32, rollout: &RolloutId) -> Option<ProgramNumber> {
        let lives = |program: &Program| {
            program.stage == TerraformStage::Apply
                && program.end.is_none()
                && program.order.computer == computer
                && program.order.rollout == *rollout
        };
        let mut programs = self.programs.iter();
        programs
            .find(|(_, program)| lives(program))
            .map(|(number, _)| *number)
    }

    /// Something that a process has started goes on.
    pub(super) fn works_for(&self, process: u32) -> bool {
        let mut programs = self.programs.values();
        programs.any(|program| program.order.process == process && program.end.is_none())
    }

    /// A run that came to its end has made this version, or has found it as it should be.
    pub(super) fn vouches(&self, template: &LaunchTemplateName, version: u64) -> bool {
        self.vouched.contains(&(template.clone(), version))
    }
}

impl Lab {
    /// Starts a program; its end is found by its number.
    pub(super) fn start_terraform(
        &mut self,
        now: Timestamp,
        stage: TerraformStage,
        order: Order,
    ) -> ProgramNumber {
        let number = self.terraform.numbers.saturating_add(1);
        self.terraform.numbers = number;
        let takes = program::takes(self.draw, self.timing, stage, number);
        let takes = takes.saturating_add(self.terraform.troubles.slow);
        let mut program = Program::new(stage, order, takes);
        program.todo = self.to_make(&program, number);
        program.of = program.todo.len();
        program.next = later(now, PATIENCE);
        self.terraform.programs.insert(number, program);
        if !needs_lock(stage) || self.terraform.lock == Lock::Free {
            self.work_on(now, number);
        } else if stage == TerraformStage::Apply {
            // It is told not to wait: whoever has begun it asks for its lease before it tries once more.
            self.end_terraform(now, number, ProgramEnd::Locked);
        } else {
            self.plan(later(now, PATIENCE), Due::Terraform(number));
        }
        number
    }

    /// It has what it needs, and begins.
    fn work_on(&mut self, now: Timestamp, number: ProgramNumber) {
        let Some(program) = self.terraform.programs.get_mut(&number) else {
            return;
        };
        if needs_lock(program.stage) {
            self.terraform.lock = Lock::Program(number);
        }
        program.works = true;
        program.next = later(now, program.takes);
        let (next, stage, process) = (program.next, program.stage, program.order.process);
        self.plan(next, Due::Terraform(number));
        if stage == TerraformStage::Apply {
            self.judge_who_applies(now, process);
        }
    }

    /// A program is due.
    pub(super) fn terraform_goes_on(&mut self, now: Timestamp, number: ProgramNumber) {
        let Some(program) = self.terraform.programs.get(&number) else {
            return;
        };
        if program.end.is_some() || now < program.next {
            return;
        }
        if !program.works {
            return self.end_terraform(now, number, ProgramEnd::Locked);
        }
        match program.stage {
            TerraformStage::Init | TerraformStage::Compare | TerraformStage::Lock => {
                self.end_terraform(now, number, ProgramEnd::Well);
            }
            TerraformStage::Plan => {
                if std::mem::take(&mut self.terraform.troubles.plan_dies) {
                    return self.end_terraform(now, number, ProgramEnd::Killed);
                }
                let end = self.planned(number);
                self.end_terraform(now, number, end);
            }
            TerraformStage::Verify => {
                let end = self.planned(number);
                self.end_terraform(now, number, end);
            }
            TerraformStage::Apply => self.apply_on(now, number),
        }
    }

    /// What a plan finds: and where it finds nothing, what is there is as it should be.
    fn planned(&mut self, number: ProgramNumber) -> ProgramEnd {
        let Some(program) = self.terraform.programs.get(&number) else {
            return ProgramEnd::Killed;
        };
        let change = program.order.change.clone();
        let proposed = self.proposal(&change, Some(&program.order.envelope));
        let serial = self.terraform.serial;
        if proposed.changes.is_empty() {
            self.vouch(&change);
            return ProgramEnd::NothingToChange;
        }
        ProgramEnd::Changes(Box::new(proposed), serial)
    }

    /// The next version of an apply, or its end.
    fn apply_on(&mut self, now: Timestamp, number: ProgramNumber) {
        let Some(program) = self.terraform.programs.get(&number) else {
            return;
        };
        if program.order.serial != self.terraform.serial {
            let end = ProgramEnd::failed(
                "the state has changed since the plan was made; nothing was changed",
                "plan again; what was approved is compared with the new plan",
            );
            return self.end_terraform(now, number, end);
        }
        let next = program.todo.first().cloned().filter(|_| !program.interrupted);
        let Some(role) = next else {
            let end = program.end_of_apply();
            if program.done > 0 {
                self.terraform.serial = self.terraform.serial.saturating_add(1);
            }
            return self.end_terraform(now, number, end);
        };
        let change = program.order.change.clone();
        let made = self.make_role(now, &change, &role);
        let pause = match made {
            Err(crate::ports::PortError::Throttled { .. }) => SLOWED_DOWN,
            Ok(()) | Err(_) => program::each(self.draw, self.timing, number, role.role.as_str()),
        };
        let Some(program) = self.terraform.programs.get_mut(&number) else {
            return;
        };
        match made {
            Err(crate::ports::PortError::Throttled { .. }) => {}
            Ok(()) => {
                program.todo.remove(0);
                program.done = program.done.saturating_add(1);
                let dies = &mut self.terraform.troubles.apply_dies;
                if dies.as_ref().is_some_and(|slot| slot.as_str() == role.role) {
                    *dies = None;
                    return self.end_terraform(now, number, ProgramEnd::Killed);
                }
            }
            Err(error) => {
                program.todo.remove(0);
                program.failed.push(format!("{}: {error}", role.launch_template));
            }
        }
        program.next = later(now, pause);
        let next = program.next;
        self.plan(next, Due::Terraform(number));
    }

    fn end_terraform(&mut self, now: Timestamp, number: ProgramNumber, end: ProgramEnd) {
        let Some(program) = self.terraform.programs.get_mut(&number) else {
            return;
        };
        let is_killed = end == ProgramEnd::Killed;
        program.end = Some(end);
        self.stir();
        if self.terraform.lock != Lock::Program(number) {
            return;
        }
        if is_killed {
            self.terraform.lock = Lock::Dead;
        } else {
            self.free_the_lock(now);
        }
    }

    /// Whoever waits longest has it next.
    fn free_the_lock(&mut self, now: Timestamp) {
        self.terraform.lock = Lock::Free;
        if self.terraform.somebody_wants_it {
            self.terraform.lock = Lock::Somebody;
            return;
        }
        let mut programs = self.terraform.programs.iter();
        let waits = programs.find(|(_, program)| !program.works && program.end.is_none());
        if let Some(number) = waits.map(|(number, _)| *number) {
            self.work_on(now, number);
        }
    }

    /// One interrupt: what only reads ends at once, an apply ends with what it has begun.
    pub(super) fn interrupt_terraform(&mut self, now: Timestamp, number: ProgramNumber) {
        let Some(program) = self.terraform.programs.get_mut(&number) else {
            return;
        };
        if program.end.is_some() {
            return;
        }
        program.interrupted = true;
        if program.stage != TerraformStage::Apply || !program.works {
            let end = ProgramEnd::failed("interrupted", "run it again");
            self.end_terraform(now, number, end);
        }
    }

    /// Everything that runs on a computer goes with it.
    pub(super) fn lose_computer(&mut self, now: Timestamp, computer: u32) {
        let programs = self.terraform.programs.iter();
        let lost =
            programs.filter(|(_, program)| program.order.computer == computer && program.end.is_none());
        for number in lost.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.end_terraform(now, number, ProgramEnd::Killed);
        }
    }

    /// `rehull unlock`, by a person who has read why a run failed and has seen that nobody works there.
    pub(super) fn unlock_terraform(&mut self, now: Timestamp) {
        if self.terraform.lock == Lock::Dead {
            self.free_the_lock(now);
        }
    }

    /// Somebody else works on the module, or has ended.
    pub(super) fn somebody_locks(&mut self, now: Timestamp, locks: bool) {
        self.terraform.somebody_wants_it = locks;
        match self.terraform.lock {
            Lock::Free if locks => self.terraform.lock = Lock::Somebody,
            Lock::Somebody if !locks => self.free_the_lock(now),
            Lock::Free | Lock::Somebody | Lock::Program(_) | Lock::Dead => {}
        }
    }
}

/// `init` and `show` leave the state alone.
const fn needs_lock(stage: TerraformStage) -> bool {
    match stage {
        TerraformStage::Plan | TerraformStage::Apply | TerraformStage::Verify => true,
        TerraformStage::Init | TerraformStage::Compare | TerraformStage::Lock => false,
    }
}
