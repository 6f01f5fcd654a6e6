//! One program of Terraform: `init`, `plan`, `show` or `apply`, and how it ended.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::ids::{ContentDigest, RolloutId};
use crate::domain::terraform::{Manifest, RoleContent, TerraformChange, TerraformStage};
use crate::sim::draw::{Draw, Spread};
use crate::world::Timing;

/// Which one, counted over the whole simulation.
pub(in crate::sim) type ProgramNumber = u64;

/// What a program is started for.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Order {
    /// Where it runs.
    pub(in crate::sim) computer: u32,
    /// Who has started it.
    pub(in crate::sim) process: u32,
    pub(in crate::sim) rollout: RolloutId,
    pub(in crate::sim) change: Arc<TerraformChange>,
    /// Digest of the envelope beside Terraform's part.
    pub(in crate::sim) envelope: ContentDigest,
    /// Of the state that its plan was made for; only an apply has a plan.
    pub(in crate::sim) serial: u64,
}

/// A program, alive or ended.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Program {
    pub(in crate::sim) stage: TerraformStage,
    pub(super) order: Order,
    /// False: it waits for the lock.
    pub(super) works: bool,
    pub(super) interrupted: bool,
    pub(super) takes: Duration,
    /// When it goes on by itself, or gives up waiting.
    pub(in crate::sim) next: Timestamp,
    pub(super) todo: Vec<RoleContent>,
    pub(in crate::sim) done: usize,
    pub(in crate::sim) of: usize,
    pub(super) failed: Vec<String>,
    pub(in crate::sim) end: Option<ProgramEnd>,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) enum ProgramEnd {
    /// Done.
    Well,
    /// A plan without a change.
    NothingToChange,
    /// A plan with these, and the serial of the state that it is for.
    Changes(Box<Manifest>, u64),
    /// Somebody else has the lock of the state.
    Locked,
    /// It says what was wrong.
    Failed { why: String, help: String },
    /// Nobody heard how.
    Killed,
}

impl ProgramEnd {
    pub(super) fn failed(why: &str, help: &str) -> Self {
        Self::Failed {
            why: why.to_owned(),
            help: help.to_owned(),
        }
    }
}

impl Program {
    pub(super) const fn new(stage: TerraformStage, order: Order, takes: Duration) -> Self {
        Self {
            stage,
            order,
            works: false,
            interrupted: false,
            takes,
            next: Timestamp::MAX,
            todo: Vec::new(),
            done: 0,
            of: 0,
            failed: Vec::new(),
            end: None,
        }
    }

    /// The order, for whoever takes it up.
    pub(in crate::sim) const fn order(&self) -> &Order {
        &self.order
    }

    /// Nothing is left to do for an apply, or it was interrupted.
    pub(super) fn end_of_apply(&self) -> ProgramEnd {
        let progress = format!("{} of {} are done", self.done, self.of);
        if !self.failed.is_empty() {
            return ProgramEnd::failed(
                &format!("applied in part: {}; {progress}", self.failed.join("; ")),
                "plan again: it shows what is left",
            );
        }
        if !self.todo.is_empty() {
            return ProgramEnd::failed(
                &format!("interrupted; the state is saved and its lock is free; {progress}"),
                "plan again: it shows what is left",
            );
        }
        ProgramEnd::Well
    }
}

/// Seen with Terraform 1.11 and the AWS provider: a plugin is started for each of them, and reads what is there.
const fn spread(stage: TerraformStage) -> Spread {
    match stage {
        TerraformStage::Init => Spread::new(1_500, 3_000, 12_000, 40_000),
        TerraformStage::Plan | TerraformStage::Verify => Spread::new(3_000, 8_000, 30_000, 90_000),
        TerraformStage::Compare | TerraformStage::Lock => Spread::new(500, 1_500, 4_000, 8_000),
        TerraformStage::Apply => Spread::new(2_000, 4_000, 10_000, 30_000),
    }
}

/// One launch template version, and what the provider reads after it.
const EACH: Spread = Spread::new(800, 2_000, 6_000, 20_000);
/// The sandbox answers at once; what is left is Terraform itself.
const FAST: u32 = 10;

/// How long a program takes, of an apply until its first change.
pub(super) fn takes(draw: Draw, timing: Timing, stage: TerraformStage, number: ProgramNumber) -> Duration {
    quick(
        timing,
        draw.wait("terraform", stage.words(), number, spread(stage)),
    )
}

/// How long one change takes.
pub(super) fn each(draw: Draw, timing: Timing, number: ProgramNumber, role: &str) -> Duration {
    quick(timing, draw.wait(role, "terraform change", number, EACH))
}

fn quick(timing: Timing, wait: Duration) -> Duration {
    match timing {
        Timing::Aws => wait,
        Timing::Fast => wait / FAST,
    }
}
