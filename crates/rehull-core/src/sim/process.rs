//! One process of rehull, from its start to its last word: the code of production over simulated ports.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join;

use super::hands::Hands;
use super::oracle::Witness;
use super::rhythm::Rhythm;
use crate::domain::ids::RolloutId;
use crate::domain::waiting::StopReason;
use crate::event::{Event, EventSink, Rest};
use crate::executor::lease::{Acquired, Claim, LeaseKeeper, LeaseTimes, take_over};
use crate::executor::open::{Access, OpenError, Opened, begin, resume, supersede};
use crate::executor::{Attention, Driver, KubePorts, Outcome, Ports, Rules, RunError, ServingPorts, Watch};
use crate::journal::{Scope, TornTail, Writer};
use crate::plan::RolloutPlan;
use crate::ports::{LeaseState, TerraformJobs};

/// What a process is started for.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) rollout: RolloutId,
    pub(super) plan: Arc<RolloutPlan>,
    pub(super) rules: Rules,
    pub(super) ttl: Duration,
    /// The rollout whose place it takes, if that is not over.
    pub(super) supersedes: Option<RolloutId>,
    /// The cluster file names a module.
    pub(super) by_terraform: bool,
}

/// How a process ended, as its exit code would tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The plan is done.
    Finished,
    /// It was done, or given up, before.
    Closed(String),
    /// A stop point.
    Stopped {
        /// Why.
        reason: StopReason,
        /// Whether it may be left like this.
        rest: Box<Rest>,
    },
    /// Somebody else holds the lease.
    Held(String),
    /// It could not begin, or could not write down why it stopped.
    Failed(String),
}

/// Nobody sends signals in here: a kill is a kill.
struct NoSignals;

impl Attention for NoSignals {
    fn stop_asked(&self) -> Option<String> {
        None
    }
}

/// Who hears what a process tells.
pub(super) trait Listener: Send + Sync {
    fn hear(&self, event: &Event);
}

struct Told<'a>(&'a dyn Listener, &'a Witness);

impl EventSink for Told<'_> {
    fn emit(&self, event: &Event) {
        self.1.hears(event);
        self.0.hear(event);
    }
}

/// `apply` or `resume`, whichever it turns out to be.
pub(super) async fn run(hands: Hands, job: Job, listener: Arc<dyn Listener>) -> Ended {
    let nonce = format!("process-{}", hands.process);
    let claim = Claim {
        holder: format!("rehull@sim {}", hands.process),
        rollout: job.rollout.clone(),
        nonce: nonce.clone(),
        ttl: job.ttl,
    };
    let clock = hands.clock.clone();
    let terraform = hands.clone();
    let witness = Witness::new(hands, job.rollout.clone());
    let store: Arc<Witness> = Arc::new(witness.clone());
    let grant = match take_over(store.as_ref(), clock.as_ref(), &claim, &|_, _| {}).await {
        Ok(Acquired::Ours(grant)) => grant,
        Ok(Acquired::Held(holding)) => return Ended::Held(holding.by),
        Err(error) => return Ended::Failed(error.to_string()),
    };
    let keeper = Arc::new(LeaseKeeper::new(store, clock, grant));
    let told: Arc<dyn LeaseState> = keeper.clone();
    // Boxed: the whole loop lives in it, and every caller would carry it on its stack.
    let work = Box::pin(work(&witness, job, &nonce, &told, listener.as_ref()));
    let besides = join(keeper.keep(), terraform.listen_to_terraform());
    let (ended, in_flight) = beside(besides, work).await;
    // What lives on keeps the lease, so that nobody works beside it until that has run out.
    let lives = terraform.wind_up_terraform().await;
    if !in_flight && !lives {
        // A lease that cannot be given back runs out by itself.
        let _ = keeper.release().await;
    }
    ended
}

/// The rollout, and whether a call may still be on its way.
async fn work(
    witness: &Witness,
    job: Job,
    nonce: &str,
    lease: &Arc<dyn LeaseState>,
    listener: &dyn Listener,
) -> (Ended, bool) {
    let (by_terraform, rules, ttl) = (job.by_terraform, job.rules, job.ttl);
    let access = Access {
        store: witness,
        clock: witness.hands.clock.as_ref(),
        lease: lease.as_ref(),
        scope: Scope {
            cluster: job.plan.envelope.cluster.clone(),
            rollout: job.rollout.clone(),
        },
        writer: Writer {
            nonce: nonce.to_owned(),
            tail: TornTail::Refused,
        },
    };
    let opened = match resume(access.clone()).await {
        Err(OpenError::NotFound { .. }) => begin_anew(access, job).await,
        found => found,
    };
    let opened = match opened {
        Ok(opened) => opened,
        Err(OpenError::Closed { outcome, .. }) => return (Ended::Closed(outcome), false),
        Err(error) => return (Ended::Failed(error.to_string()), false),
    };
    let told = Told(listener, witness);
    let watch = Watch {
        lease,
        times: LeaseTimes::of(ttl),
        attention: &NoSignals,
        events: &told,
    };
    let rhythm = Rhythm::new(&witness.hands, witness.hands.lab().draw);
    let jobs: &dyn TerraformJobs = witness;
    let ports = Ports {
        clock: &rhythm,
        terraform: by_terraform.then_some(jobs),
        ..ports(witness)
    };
    let driver = Driver::new(opened, ports, watch, rules);
    match driver.run(&format!("rehull@sim {}", witness.hands.process)).await {
        Ok(Outcome::Finished) => (Ended::Finished, false),
        Ok(Outcome::Stopped {
            reason,
            rest,
            in_flight,
        }) => {
            let rest = Box::new(rest);
            (Ended::Stopped { reason, rest }, in_flight)
        }
        Err(error @ RunError::Target(_)) => (Ended::Failed(error.to_string()), false),
        Err(RunError::Journal {
            source, in_flight, ..
        }) => (Ended::Failed(source.to_string()), in_flight),
    }
}

async fn begin_anew(access: Access<'_>, job: Job) -> Result<Opened<'_>, OpenError> {
    if let Some(of) = job.supersedes {
        supersede(access.of(of), &job.rollout).await?;
    }
    begin(access, Arc::unwrap_or_clone(job.plan)).await
}

pub(super) fn ports(witness: &Witness) -> Ports<'_> {
    Ports {
        machines: witness,
        parts: witness,
        templates: witness,
        etcd: witness,
        membership: witness,
        probe: &witness.hands,
        snapshots: witness,
        serving: Some(ServingPorts {
            groups: witness,
            targets: witness,
            servers: &witness.hands,
        }),
        kube: Some(KubePorts {
            view: &witness.hands,
            nodes: witness,
            evictions: witness,
        }),
        terraform: None,
        store: witness,
        clock: witness.hands.clock.as_ref(),
    }
}

/// Runs `work` to its end with `beside` going on next to it, as a task of its own would.
async fn beside<F: Future>(beside: impl Future, work: F) -> F::Output {
    let mut beside = pin!(futures_util::FutureExt::fuse(beside));
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        let _ = beside.as_mut().poll(cx);
        Poll::Pending
    })
    .await
}
