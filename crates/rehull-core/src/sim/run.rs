//! A whole simulation: the ground, the cluster on it, the rollout, everybody who starts rehull again, and the verdict.

mod after;
mod back;
mod errands;
mod plan;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use self::after::After;
use super::chronicle::{Chronicle, Happened};
use super::control_plane;
use super::crew::{Crew, Went};
use super::draw::Draw;
use super::fault::Faults;
use super::ground::{self, Ground, GroundError, Unplanned};
use super::hands::{Hands, Stage};
use super::lab::Lab;
use super::oracle::standing;
use super::process::{self, Ended, Job, Listener};
use super::scenario::{Provisioner, Scenario};
use super::time::{ProcessClock, ProcessNumber, VirtualTime};
use super::verdict::{End, Verdict};
use super::workers;
use crate::domain::desired::Desired;
use crate::domain::ids::RolloutId;
use crate::domain::version::EtcdVersion;
use crate::event::Event;
use crate::executor::Rules;
use crate::plan::{RolloutKind, RolloutPlan};

/// Whoever runs rehull starts it again so long after it was killed.
const RESTART: Duration = Duration::from_secs(10);
/// No rollout takes longer, whatever happens to it.
const BOUND: Duration = Duration::from_secs(12 * 3_600);
/// Computers: the one on which rehull is started, and that of a second rehull. Each that follows a lost one has the next
/// number.
const HOME: u32 = 1;
const ELSEWHERE: u32 = 0;
/// How long a stopped process sleeps: two lives of its lease.
const PAUSE: Duration = Duration::from_secs(150);

/// A cluster that runs `from`, ready to be upgraded again and again.
#[derive(Clone)]
pub struct Prepared {
    lab: Lab,
    /// Nothing has happened yet when it is made, so it is the same for every seed and every fault.
    plan: Arc<RolloutPlan>,
    before: Desired,
    after: Desired,
    elapsed: Duration,
    scenario: Scenario,
    upgrades: u32,
}

/// Writes down what one process tells.
struct Ear {
    stage: Arc<Stage>,
    process: ProcessNumber,
}

impl Ear {
    fn note(&self, what: Happened) {
        let now = self.stage.time.now();
        self.stage.lab().note(now, self.process, what);
    }
}

impl Listener for Ear {
    fn hear(&self, event: &Event) {
        self.note(Happened::Told(Box::new(event.clone())));
    }
}

/// Lays the ground and lets rehull itself create the cluster on it.
///
/// # Errors
/// The scenario makes no sense, or the bootstrap did not finish: a bug.
pub fn prepare(scenario: &Scenario) -> Result<Prepared, GroundError> {
    let ground = ground::lay(scenario, VirtualTime::default().now())?;
    Ok(settle(ground, scenario.clone())?)
}

/// Lets rehull itself create the cluster on this ground.
pub(super) fn settle(ground: Ground, scenario: Scenario) -> Result<Prepared, Unplanned> {
    let mut lab = ground.lab;
    let like = ground::machine_content(&ground.before);
    let now = VirtualTime::default().now();
    let control_plane = match scenario.control_plane {
        Some(wanted) => {
            let by_terraform = scenario.provisioner == Provisioner::Terraform;
            let targets = lab.lay_control_plane(now, wanted, (&like, by_terraform))?;
            Some((wanted, targets))
        }
        None => None,
    };
    if let Some(wanted) = scenario.workers {
        lab.lay_workers(now, wanted, &like)?;
    }
    // Volumes of a cluster that is created have been there for a while.
    let settled = Duration::from_secs(if lab.control_plane.is_some() || lab.workers.is_some() {
        1_800
    } else {
        600
    });
    lab.advance(super::time::instant(settled));
    let rules = Rules::default();
    let mut run = Run::start(lab, settled, &Faults::default());
    let plan = run.plan(&ground.before, RolloutKind::Bootstrap)?;
    let verdict = run.finish(Arc::new(plan), "bootstrap", rules);
    if verdict.end != End::Finished {
        return Err(plan::not_created(&verdict.end).into());
    }
    let mut plan = run.plan(&ground.after, RolloutKind::Upgrade)?;
    if let Some((wanted, targets)) = control_plane {
        let machine = plan.envelope.machine.clone();
        plan.envelope.control_plane = Some(control_plane::plan(wanted, targets, machine));
        plan.server_user_data = Some(control_plane::user_data(wanted.to));
    }
    if let Some(wanted) = scenario.workers {
        plan.envelope.workers = Some(workers::plan(wanted));
    }
    let mut lab = run.stage.lab().clone();
    lab.oracle.read_ahead(&plan);
    Ok(Prepared {
        lab,
        plan: Arc::new(plan),
        before: ground.before,
        after: ground.after,
        elapsed: verdict.took.saturating_add(settled),
        scenario,
        upgrades: 0,
    })
}

impl Prepared {
    /// Upgrades the cluster, with these waits and these faults.
    ///
    /// # Errors
    /// None so far: what cannot be planned is not prepared.
    pub fn upgrade(&self, scenario: &Scenario, rules: Rules) -> Result<Verdict, GroundError> {
        Ok(self.run(scenario, rules).0)
    }

    /// The same, and what is left for the next upgrade.
    ///
    /// # Errors
    /// The next one cannot be planned.
    pub fn upgrade_and_keep(
        &self,
        scenario: &Scenario,
        rules: Rules,
    ) -> Result<(Verdict, Self), GroundError> {
        let (verdict, run) = self.run(scenario, rules);
        let left = Self {
            plan: Arc::new(run.plan(&self.after, RolloutKind::Upgrade)?),
            before: self.before.clone(),
            lab: run.stage.lab().clone(),
            after: self.after.clone(),
            elapsed: self.elapsed.saturating_add(verdict.took),
            scenario: self.scenario.clone(),
            upgrades: self.upgrades.saturating_add(1),
        };
        Ok((verdict, left))
    }

    fn run(&self, scenario: &Scenario, rules: Rules) -> (Verdict, Run) {
        let mut lab = self.lab.clone();
        lab.reseed(Draw::new(scenario.seed));
        let begin = super::time::instant(self.elapsed);
        lab.chronicle = Chronicle::beginning(begin);
        for fault in &scenario.faults.world {
            lab.plan_fault(begin, fault);
        }
        let mut run = Run::start(lab, self.elapsed, &scenario.faults);
        run.before = Some(self.before.clone());
        let name = match self.upgrades {
            0 => "upgrade".to_owned(),
            before => format!("upgrade-{}", before.saturating_add(1)),
        };
        let verdict = run.finish(self.plan.clone(), &name, rules);
        (verdict, run)
    }

    /// The plan of the upgrade, as the planner makes it.
    #[must_use]
    pub fn plan(&self) -> &RolloutPlan {
        &self.plan
    }

    /// What it was prepared for.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }
}

struct Run {
    stage: Arc<Stage>,
    begin: Duration,
    wall_offset_s: Arc<AtomicI64>,
    number: ProcessNumber,
    looks: u32,
    /// Stops at a deadline.
    waits: u32,
    /// Where rehull is started.
    computer: u32,
    /// What the cluster file said before the change.
    before: Option<Desired>,
    /// Somebody has reverted the change, and the way back has not begun.
    is_reverted: bool,
    /// It has.
    goes_back: bool,
}

impl Run {
    fn start(lab: Lab, begin: Duration, faults: &Faults) -> Self {
        let stage = Stage::new(lab, faults);
        stage.time.advance_to(begin);
        Self {
            stage,
            begin,
            wall_offset_s: Arc::default(),
            number: 0,
            looks: 0,
            waits: 0,
            computer: HOME,
            before: None,
            is_reverted: false,
            goes_back: false,
        }
    }

    fn hands(&self, number: ProcessNumber, computer: u32) -> Hands {
        let clock = ProcessClock::new(self.stage.time.clone(), self.wall_offset_s.clone());
        Hands::new(self.stage.clone(), number, Arc::new(clock), PAUSE, computer)
    }

    fn finish(&mut self, plan: Arc<RolloutPlan>, rollout: &str, rules: Rules) -> Verdict {
        let job = Job {
            by_terraform: plan.envelope.terraform.is_some(),
            rollout: RolloutId::new(rollout),
            ttl: plan.envelope.policy.lease_ttl,
            plan,
            rules,
            supersedes: None,
        };
        let end = self.drive_there_and_back(&job);
        let took = self.stage.time.elapsed().saturating_sub(self.begin);
        let now = self.stage.time.now();
        let mut lab = self.stage.lab();
        if end == End::Finished {
            lab.judge_the_module(now, &job.plan);
        }
        if matches!(end, End::Finished | End::Aborted | End::WentBack) {
            lab.judge_what_is_owed(now);
            lab.judge_what_nodes_owe(now);
            lab.judge_who_is_left(now);
        }
        let moments = std::mem::take(&mut lab.chronicle).into_moments();
        let told = moments.iter().filter_map(|moment| match &moment.what {
            Happened::Told(event) => Some(event.as_ref().clone()),
            Happened::Began
            | Happened::Trouble { .. }
            | Happened::Ended(_)
            | Happened::World { .. }
            | Happened::Voters => None,
        });
        let slots = job.plan.envelope.slots.iter().map(|planned| &planned.slot);
        Verdict {
            end,
            breaches: lab.oracle.breaches().to_vec(),
            took,
            processes: self.number,
            looks: self.stage.looks(),
            looked_at: self.stage.looked_at().saturating_sub(self.begin),
            requests: self.stage.take_passed(),
            members: slots.map(|slot| lab.serving(slot)).collect(),
            control_plane: lab.control_plane_ended(now),
            workers: lab.workers_ended(now),
            machines: lab.living_machines(),
            events: told.collect(),
            moments,
        }
    }

    /// To the end of the rollout, and of the way back if somebody reverts it.
    fn drive_there_and_back(&mut self, job: &Job) -> End {
        let mut crew = Crew::new(self.stage.clone());
        let end = self.drive(job, &mut crew);
        if !std::mem::take(&mut self.is_reverted) {
            return end;
        }
        match self.way_back(job, &mut crew, &end) {
            Ok(back) => {
                self.goes_back = true;
                self.stage.lab().turn(&job.rollout);
                match self.drive(&back, &mut crew) {
                    End::Finished => End::WentBack,
                    other @ (End::Aborted
                    | End::Stopped(_)
                    | End::Endless(_)
                    | End::WentBack
                    | End::NoWayBack(_)) => other,
                }
            }
            Err(instead) => instead,
        }
    }

    fn drive(&mut self, job: &Job, crew: &mut Crew<Ended>) -> End {
        let bound = self.begin.saturating_add(BOUND);
        let mut next = Some(self.stage.time.elapsed());
        loop {
            let now = self.stage.time.elapsed();
            if now >= bound {
                return End::Endless(format!("after {} s", BOUND.as_secs()));
            }
            if !self.stage.lab().oracle.breaches().is_empty() {
                // What follows proves nothing any more, and may never come to an end.
                return End::Endless("a promise was broken".to_owned());
            }
            if self.run_errands(job, crew) {
                next = Some(now.saturating_add(RESTART));
            }
            if next.is_some_and(|at| at <= now) {
                next = None;
                self.begin_process(job, crew, self.computer);
            }
            match crew.go_on(next.unwrap_or(bound)) {
                Went::On => {}
                Went::Stuck => return End::Endless("nobody can go on".to_owned()),
                Went::Killed => next = Some(now.saturating_add(RESTART)),
                Went::Ended(ended) => match self.after(ended, crew) {
                    After::End(end) => return end,
                    After::Again(pause) => next = Some(now.saturating_add(pause)),
                    After::Nothing => {}
                },
            }
        }
    }

    fn begin_process(&mut self, job: &Job, crew: &mut Crew<Ended>, computer: u32) {
        self.number = self.number.saturating_add(1);
        let ear = Arc::new(Ear {
            stage: self.stage.clone(),
            process: self.number,
        });
        ear.note(Happened::Began);
        let listener: Arc<dyn Listener> = ear.clone();
        let process = process::run(self.hands(self.number, computer), job.clone(), listener);
        crew.start((self.number, computer), async move {
            let ended = process.await;
            ear.note(Happened::Ended(ended.clone()));
            ended
        });
    }
}

impl Lab {
    /// Every later wait follows this seed.
    fn reseed(&mut self, draw: Draw) {
        self.draw = draw;
        self.etcd.reseed(draw);
        self.world.reseed(draw.number("world", 0));
    }

    /// Release of the member that serves in a slot.
    fn serving(&self, slot: &crate::domain::desired::Slot) -> Option<EtcdVersion> {
        let answer = self.endpoint(slot).answer().cloned()?;
        (answer.serves && standing(&self.etcd).out.is_empty()).then_some(answer.version)
    }
}
