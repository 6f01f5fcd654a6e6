//! One snapshot with one instant. Everything is asked at the same time; what does not answer becomes a gap.

use std::time::Duration;

use futures_util::future::{join, join3, join4};

use super::ports::{Ports, Scene};
use super::{identity, mailbox};
use crate::domain::fleet::FleetView;
use crate::domain::observed::{Gap, JobState, Jobs, Observed, Part, Partial};

/// With etcd's default of 1 s a candidate waits for 1 to 2 s, and votes may split twice; a member that serves nothing
/// for longer than this has another reason.
const ELECTION_MAX: Duration = Duration::from_secs(8);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Looks at everything that a decision may need. Never fails: what could not be read is named in `gaps`.
pub async fn observe(ports: &Ports<'_>, scene: &Scene<'_>) -> Observed {
    let mut gaps = Vec::new();
    let templates = scene.templates();
    let aws = join4(
        ports.machines.observe(scene.cluster),
        ports.parts.observe(&scene.slots),
        ports.templates.observe(&templates),
        ports.etcd.observe(&scene.slots),
    );
    let store = join3(
        ports.snapshots.observe(scene.rollout),
        identity::read(ports.store),
        mailbox::list(ports.store, scene.rollout),
    );
    let ((machines, slots, templates, etcd), (snapshot, identity, inbox)) = join(aws, store).await;
    let fleet = FleetView {
        machines: whole(machines, &mut gaps),
        slots: whole(slots, &mut gaps),
        templates: whole(templates, &mut gaps),
    };
    let snapshot = named(snapshot, Part::Jobs, &mut gaps).unwrap_or(JobState::Absent);
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
        jobs: Jobs { snapshot },
        identity,
        requests,
        gaps,
    }
}

/// A first look is often taken while a leader changes: for these seconds members answer and serve nothing, and what was
/// planned from that would name healthy members as sick. Looked at again until all that answer serve, or for as long as
/// no election takes.
pub async fn observe_after_election(ports: &Ports<'_>, scene: &Scene<'_>) -> Observed {
    let since = ports.clock.monotonic();
    loop {
        let seen = observe(ports, scene).await;
        let waited = ports.clock.monotonic().saturating_sub(since);
        if !seen.etcd.may_be_electing() || waited >= ELECTION_MAX {
            return seen;
        }
        ports.clock.sleep(LOOK_AGAIN).await;
    }
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
