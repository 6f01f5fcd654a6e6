//! One snapshot with one instant. Everything is asked at the same time, but for etcd; what does not answer becomes a gap.

use std::time::Duration;

use futures_util::future::{join, join3, join4};

use super::ports::{Ports, Scene};
use super::{groups, identity, mailbox, nodes};
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::FleetView;
use crate::domain::observed::{Gap, JobState, Jobs, Observed, Part, Partial};
use crate::domain::terraform::TerraformRun;
use crate::ports::PortError;

/// With etcd's default of 1 s a candidate waits for 1 to 2 s, and votes may split twice; a disk under load stands still
/// for a second or two. What lasts longer than this has another reason.
const PASSES_WITHIN: Duration = Duration::from_secs(8);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Looks at everything that a decision may need. Never fails: what could not be read is named in `gaps`.
pub async fn observe(ports: &Ports<'_>, scene: &Scene) -> Observed {
    let mut gaps = Vec::new();
    let aws = join3(
        ports.machines.observe(&scene.cluster),
        ports.parts.observe(&scene.slots),
        ports.templates.observe(&scene.templates),
    );
    let store = join4(
        ports.snapshots.observe(&scene.rollout),
        identity::read(ports.store),
        mailbox::list(ports.store, &scene.rollout),
        terraform(ports, scene),
    );
    let of_groups = join(groups::observe(ports, scene), nodes::observe(ports, scene));
    let everything = join3(aws, store, of_groups);
    let ((machines, slots, templates), (snapshot, identity, inbox, terraform), (groups, kube)) =
        everything.await;
    // Last: who is healthy decides who may be taken out, and AWS can take its time.
    let etcd = ports.etcd.observe(&scene.slots).await;
    let fleet = FleetView {
        machines: whole(machines, &mut gaps),
        slots: whole(slots, &mut gaps),
        templates: whole(templates, &mut gaps),
    };
    let groups = whole(groups, &mut gaps);
    let kube = whole(kube, &mut gaps);
    let snapshot = named(snapshot, Part::Jobs, &mut gaps).unwrap_or(JobState::Absent);
    let terraform = named(terraform, Part::Jobs, &mut gaps).unwrap_or_default();
    let identity = named(identity, Part::Identity, &mut gaps).flatten();
    let requests = named(inbox, Part::Mailbox, &mut gaps).map_or_else(Vec::new, |inbox| {
        let unread = inbox.unreadable.into_iter();
        gaps.extend(unread.map(|why| Gap {
            part: Part::Mailbox,
            why,
        }));
        inbox.requests
    });
    Observed {
        // After the last answer: a timer that runs from "first seen at" must not have begun before it was seen.
        at: ports.clock.now(),
        fleet,
        etcd,
        groups,
        kube,
        jobs: Jobs { snapshot, terraform },
        identity,
        requests,
        gaps,
    }
}

async fn terraform(ports: &Ports<'_>, scene: &Scene) -> Result<TerraformRun, PortError> {
    match ports.terraform {
        Some(terraform) => terraform.observe(&scene.rollout).await,
        None => Ok(TerraformRun::Absent),
    }
}

/// One look is not enough to call a member sick: in the seconds in which a leader changes, members answer and serve
/// nothing, and one whose disk stands still answers late. Looked at again until that has passed, or for as long as it may
/// take.
pub async fn observe_patiently(ports: &Ports<'_>, scene: &Scene) -> Observed {
    let since = ports.clock.monotonic();
    loop {
        let seen = observe(ports, scene).await;
        let waited = ports.clock.monotonic().saturating_sub(since);
        if !may_pass(&seen) || waited >= PASSES_WITHIN {
            return seen;
        }
        ports.clock.sleep(LOOK_AGAIN).await;
    }
}

/// Somebody answers and serves no read, or is silent although a machine lives in its slot. A port that refuses, and a
/// slot without a machine, are what they are.
fn may_pass(seen: &Observed) -> bool {
    seen.etcd.endpoints.iter().any(|(slot, endpoint)| match endpoint {
        Endpoint::Answered(answer) => !answer.serves && !answer.learner,
        Endpoint::Silent(_) => seen.fleet.live_in(slot).next().is_some(),
        Endpoint::Refused | Endpoint::Strange(_) => false,
    })
}

fn whole<T>(partial: Partial<T>, gaps: &mut Vec<Gap>) -> T {
    gaps.extend(partial.gaps);
    partial.value
}

fn named<T, E: std::error::Error>(answer: Result<T, E>, part: Part, gaps: &mut Vec<Gap>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(error) => {
            gaps.push(Gap {
                part,
                why: chain(&error),
            });
            None
        }
    }
}

/// An error with everything it was caused by, on one line: a gap is text.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
