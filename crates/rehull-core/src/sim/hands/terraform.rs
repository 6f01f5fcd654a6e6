//! The run of Terraform of one process, beside its loop: plan, compare with what was approved, apply, plan once more.
//!
//! As in production it is this process that begins one program after the other. Who dies leaves the one of now alive; an
//! apply is taken up by a later process on the same computer, of anything else nobody ever hears.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;

use super::Hands;
use crate::domain::ids::RolloutId;
use crate::domain::terraform::{Manifest, TerraformProgress, TerraformRun, TerraformStage};
use crate::ports::{ApprovedRun, LeaseNow, LeaseState, PortError, TerraformJobs};
use crate::sim::lab::Lab;
use crate::sim::terraform::{Order, PATIENCE, Program, ProgramEnd, ProgramNumber};
use crate::sim::time::{since_begin, wait};

/// How often a program is listened to.
const LISTEN_EVERY: Duration = Duration::from_secs(1);
/// What an interrupted program has to wind up in.
const GRACE: Duration = Duration::from_secs(3);
/// Between two tries of an apply that finds the lock of the state taken.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// What one process knows of its run. One rollout per process.
#[derive(Clone, Default)]
pub(in crate::sim) struct Runs(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// `None`: it has begun none and taken none up.
    run: Option<TerraformRun>,
    /// What nobody has begun to work on.
    work: Option<Work>,
    /// The program of now.
    program: Option<ProgramNumber>,
}

enum Work {
    Whole(Box<Whole>),
    /// An apply of an earlier process.
    Rest(ProgramNumber),
}

struct Whole {
    order: Order,
    approved: Manifest,
    /// The process has it; what is left of a process that is gone shall not keep it.
    lease: Weak<dyn LeaseState>,
}

/// Why a run did not come to the wanted end.
struct Unfit {
    why: String,
    help: String,
}

impl Runs {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever is polled looks for work; whoever begins some is polled afterwards.
    async fn work(&self) -> Work {
        poll_fn(|_| match self.known().work.take() {
            Some(work) => Poll::Ready(work),
            None => Poll::Pending,
        })
        .await
    }
}

impl Known {
    fn begin(&mut self, work: Work, stage: TerraformStage) {
        self.work = Some(work);
        self.run = Some(running(stage, None));
    }

    const fn goes_on(&self) -> bool {
        matches!(self.run, Some(TerraformRun::Running(_)))
    }
}

fn running(stage: TerraformStage, program: Option<&Program>) -> TerraformRun {
    let (done, of) = match (stage, program) {
        (TerraformStage::Apply, Some(program)) => (program.done, program.of),
        (
            TerraformStage::Init
            | TerraformStage::Plan
            | TerraformStage::Compare
            | TerraformStage::Lock
            | TerraformStage::Apply
            | TerraformStage::Verify,
            _,
        ) => (0, 0),
    };
    TerraformRun::Running(TerraformProgress { stage, done, of })
}

#[async_trait]
impl TerraformJobs for Hands {
    async fn start(&self, rollout: &RolloutId, approved: ApprovedRun<'_>) -> Result<(), PortError> {
        let order = Order {
            computer: self.computer,
            process: self.process,
            rollout: rollout.clone(),
            change: Arc::new(approved.change.clone()),
            envelope: approved.envelope.clone(),
            serial: 0,
        };
        self.request("start terraform", |lab, _| {
            let goes_on = self.terraform.known().goes_on();
            if !goes_on && !self.take_up(lab, rollout) {
                let work = Whole {
                    order: order.clone(),
                    approved: approved.manifest.clone(),
                    lease: Arc::downgrade(approved.lease),
                };
                let work = Work::Whole(Box::new(work));
                self.terraform.known().begin(work, TerraformStage::Init);
            }
            Ok(())
        })
        .await
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<TerraformRun, PortError> {
        let is_known = self.terraform.known().run.is_some();
        if !is_known {
            self.take_up(&self.lab(), rollout);
        }
        Ok(self.terraform.known().run.clone().unwrap_or_default())
    }
}

impl Hands {
    /// An apply that an earlier process has left alive on this computer: its end counts as if it had been begun here.
    fn take_up(&self, lab: &Lab, rollout: &RolloutId) -> bool {
        let Some(apply) = lab.terraform.living_apply(self.computer, rollout) else {
            return false;
        };
        let mut known = self.terraform.known();
        known.begin(Work::Rest(apply), TerraformStage::Apply);
        true
    }

    /// Carries out what is begun, for as long as the process lives.
    pub(in crate::sim) async fn listen_to_terraform(&self) {
        loop {
            let work = self.terraform.work().await;
            let ended = match work {
                Work::Whole(work) => self.whole(*work).await,
                Work::Rest(apply) => self.rest(apply).await,
            };
            self.tell(match ended {
                Ok(()) => TerraformRun::Applied,
                Err(Unfit { why, help }) => TerraformRun::Failed { why, help },
            });
        }
    }

    /// The process ends: nothing new is begun, and what goes on gets one interrupt. True: it still lives afterwards.
    pub(in crate::sim) async fn wind_up_terraform(&self) -> bool {
        let program = {
            let mut known = self.terraform.known();
            known.work = None;
            known.program.take()
        };
        let Some(number) = program else { return false };
        let now = self.now();
        self.lab().interrupt_terraform(now, number);
        let until = self.clock_now().saturating_add(GRACE);
        while self.lives(number) {
            if self.clock_now() >= until {
                return true;
            }
            wait(&self.stage.time, LISTEN_EVERY).await;
        }
        false
    }

    async fn whole(&self, work: Whole) -> Result<(), Unfit> {
        let Whole {
            order,
            approved,
            lease,
        } = work;
        self.program(TerraformStage::Init, &order).await?;
        let planned = self.program(TerraformStage::Plan, &order).await?;
        let ProgramEnd::Changes(now, serial) = planned else {
            return Ok(());
        };
        self.program(TerraformStage::Compare, &order).await?;
        let beyond = approved.beyond(&now);
        if !beyond.is_empty() {
            let beyond: Vec<String> = beyond.iter().map(ToString::to_string).collect();
            return Err(Unfit {
                why: format!(
                    "what it would do now is not what was approved: {}",
                    beyond.join("; ")
                ),
                help: "end this rollout with rehull abort, look at the plan of now, and approve that"
                    .to_owned(),
            });
        }
        let order = Order { serial, ..order };
        self.apply(&order, &lease).await?;
        self.verified(&order).await
    }

    /// As in production: an apply does not wait for the lock of the state, and the lease is asked before every try.
    async fn apply(&self, order: &Order, lease: &Weak<dyn LeaseState>) -> Result<(), Unfit> {
        let mut left = PATIENCE;
        loop {
            still_ours(lease).await?;
            let now = self.now();
            let number = self
                .lab()
                .start_terraform(now, TerraformStage::Apply, order.clone());
            if self.end_of(number).await? != ProgramEnd::Locked {
                return Ok(());
            }
            if left.is_zero() {
                return Err(locked());
            }
            self.tell(running(TerraformStage::Lock, None));
            wait(&self.stage.time, ASK_EVERY).await;
            left = left.saturating_sub(ASK_EVERY);
        }
    }

    async fn rest(&self, apply: ProgramNumber) -> Result<(), Unfit> {
        let order = self
            .lab()
            .terraform
            .program(apply)
            .map(|program| program.order().clone());
        let Some(order) = order else {
            return Err(lost());
        };
        self.end_of(apply).await?;
        let order = Order {
            process: self.process,
            ..order
        };
        self.verified(&order).await
    }

    async fn verified(&self, order: &Order) -> Result<(), Unfit> {
        match self.program(TerraformStage::Verify, order).await? {
            ProgramEnd::NothingToChange => Ok(()),
            ProgramEnd::Well
            | ProgramEnd::Changes(..)
            | ProgramEnd::Locked
            | ProgramEnd::Failed { .. }
            | ProgramEnd::Killed => Err(Unfit {
                why: "it was applied, and a second plan is not empty".to_owned(),
                help: "look at `terraform plan` of the module".to_owned(),
            }),
        }
    }

    async fn program(&self, stage: TerraformStage, order: &Order) -> Result<ProgramEnd, Unfit> {
        let now = self.now();
        let number = self.lab().start_terraform(now, stage, order.clone());
        match self.end_of(number).await? {
            ProgramEnd::Locked => Err(locked()),
            end @ (ProgramEnd::Well
            | ProgramEnd::NothingToChange
            | ProgramEnd::Changes(..)
            | ProgramEnd::Failed { .. }
            | ProgramEnd::Killed) => Ok(end),
        }
    }

    /// Listens to a program until it has ended.
    async fn end_of(&self, number: ProgramNumber) -> Result<ProgramEnd, Unfit> {
        self.terraform.known().program = Some(number);
        loop {
            let program = self.lab().terraform.program(number).cloned();
            let Some(program) = program else {
                return Err(lost());
            };
            if let Some(end) = program.end {
                self.terraform.known().program = None;
                return heard(end);
            }
            self.tell(running(program.stage, Some(&program)));
            let next = since_begin(program.next).saturating_sub(self.stage.time.elapsed());
            let pause = next.clamp(Duration::from_millis(1), LISTEN_EVERY);
            wait(&self.stage.time, pause).await;
        }
    }

    fn lives(&self, number: ProgramNumber) -> bool {
        let lab = self.lab();
        let program = lab.terraform.program(number);
        program.is_some_and(|program| program.end.is_none())
    }

    fn clock_now(&self) -> Duration {
        self.stage.time.elapsed()
    }

    /// What changes can be seen, and rehull looks again.
    fn tell(&self, run: TerraformRun) {
        let before = self.terraform.known().run.replace(run.clone());
        if before != Some(run) {
            self.lab().stir();
        }
    }
}

fn heard(end: ProgramEnd) -> Result<ProgramEnd, Unfit> {
    match end {
        ProgramEnd::Well | ProgramEnd::NothingToChange | ProgramEnd::Changes(..) | ProgramEnd::Locked => {
            Ok(end)
        }
        ProgramEnd::Failed { why, help } => Err(Unfit { why, help }),
        ProgramEnd::Killed => Err(lost()),
    }
}

async fn still_ours(lease: &Weak<dyn LeaseState>) -> Result<(), Unfit> {
    let Some(lease) = lease.upgrade() else {
        return Err(not_ours("its process has ended"));
    };
    match lease.confirm().await {
        LeaseNow::Ours => Ok(()),
        LeaseNow::Lost { to } => Err(not_ours(&format!("the lease has gone to {to}"))),
        LeaseNow::Unread(error) => Err(not_ours(&error.to_string())),
    }
}

fn not_ours(why: &str) -> Unfit {
    Unfit {
        why: format!("nothing was applied: {why}"),
        help: "look who works on the cluster (rehull status), and resume what is still open".to_owned(),
    }
}

fn locked() -> Unfit {
    Unfit {
        why: "the state is locked by another run".to_owned(),
        help: "wait until that run has ended; if it is dead: rehull unlock FILE ID".to_owned(),
    }
}

fn lost() -> Unfit {
    Unfit {
        why: "killed by signal 9: the lock of the state may stay, and the state says nothing of what was begun"
            .to_owned(),
        help: "look in AWS at what was begun and has no end, then free the lock that it left (rehull unlock FILE ID) and plan again".to_owned(),
    }
}
