//! `rehull status` and `rehull etcd status`: what is, without touching anything.

use std::path::Path;

use jiff::Timestamp;
use rehull_core::domain::etcd::Endpoint;
use rehull_core::domain::ids::RolloutId;
use rehull_core::domain::observed::Observed;
use rehull_core::executor::lease::{LeaseRecord, LeaseTimes};
use rehull_core::journal::Scope;
use serde_json::{Value, json};

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::wire::{self, World};
use super::wish::{Format, OfRollout, Subject};
use super::{lease, local, planning, rollouts};
use crate::report::json::{self as shape, OUTPUT_FORMAT};
use crate::report::members;
use crate::report::numbers::{account, between, duration};
use crate::report::paint::{Paint, Tone};
use crate::report::summary;
use crate::report::table::{Cell, Row, layout};
use crate::report::timeline::{Outcome, Timeline};
use crate::report::{abandoned, halt, plain};

/// How many events of a rollout are shown.
const LAST: usize = 3;

/// What was found out.
struct Found {
    seen: Option<Observed>,
    holder: Option<LeaseRecord>,
    rollout: Option<(RolloutId, Timeline, Vec<String>)>,
    now: Timestamp,
}

/// Shows a cluster with its newest rollout, or one rollout.
///
/// # Errors
/// Something that is needed for the answer cannot be read.
pub fn run(console: &Console, environment: &Environment, subject: &Subject) -> Result<Exit, Failure> {
    let (path, asked) = match subject {
        Subject::Rollouts(path) => return all(console, environment, path),
        Subject::Cluster(path) => (path.clone(), None),
        Subject::Rollout(OfRollout { rollout, file }) => (
            local::cluster_file(rollout, file.as_deref())?,
            Some(rollout.clone()),
        ),
    };
    let file = ClusterFile::read(&path)?;
    let found = wire::runtime()?.block_on(async {
        let world = World::connect(&file, environment).await?;
        look(&world, &file, asked).await
    })?;
    show(console, &file, &found)
}

/// Shows the members alone.
///
/// # Errors
/// As [`run`].
pub fn etcd(console: &Console, environment: &Environment, path: &Path) -> Result<Exit, Failure> {
    let file = ClusterFile::read(path)?;
    let seen = wire::runtime()?.block_on(async {
        let world = World::connect(&file, environment).await?;
        Ok::<_, Failure>(planning::look(&world, &file, &RolloutId::new("status")).await)
    })?;
    let slots = &members::shown(&file.desired.etcd, &seen);
    match console.format {
        Format::Json => {
            let mut document = members::json(slots, &seen);
            if let Value::Object(fields) = &mut document {
                fields.insert("format".to_owned(), OUTPUT_FORMAT.into());
                fields.insert("kind".to_owned(), "etcd-status".into());
            }
            console.answer_json(&document)?;
        }
        Format::Text | Format::Markdown => {
            console.answer(&members::text(slots, &seen, console.out_paint()))?;
        }
    }
    Ok(if quorum_is_lost(&file, &seen) {
        Exit::NeedsPerson
    } else {
        Exit::Ok
    })
}

/// Lists every rollout, newest first.
fn all(console: &Console, environment: &Environment, path: &Path) -> Result<Exit, Failure> {
    let file = ClusterFile::read(path)?;
    let cluster = &file.desired.cluster;
    let told = wire::runtime()?.block_on(async {
        let world = World::connect(&file, environment).await?;
        let mut told = Vec::new();
        for rollout in rollouts::ids(world.store().as_ref()).await?.into_iter().rev() {
            let scope = Scope {
                cluster: cluster.clone(),
                rollout: rollout.clone(),
            };
            // One that cannot be read any more must not hide the others.
            told.push((rollout, rollouts::history(&world, &scope).await.ok()));
        }
        Ok::<_, Failure>(told)
    })?;
    let rows: Vec<(RolloutId, String, &str)> = told
        .into_iter()
        .map(
            |(rollout, history)| match history.map(|history| history.timeline()) {
                Some(timeline) => (rollout, timeline.headline.clone(), ending(&timeline)),
                None => (rollout, "cannot be read".to_owned(), "unknown"),
            },
        )
        .collect();
    match console.format {
        Format::Json => {
            let one = |(rollout, headline, outcome): &(RolloutId, String, &str)| json!({ "rollout": rollout, "headline": headline, "outcome": outcome });
            let rollouts: Vec<Value> = rows.iter().map(one).collect();
            let document = json!({ "format": OUTPUT_FORMAT, "kind": "rollouts", "cluster": cluster, "rollouts": rollouts });
            console.answer_json(&document)?;
        }
        Format::Text | Format::Markdown if rows.is_empty() => console.answer("no rollout yet\n")?,
        Format::Text | Format::Markdown => {
            let row = |(rollout, headline, outcome): &(RolloutId, String, &str)| {
                Row::Cells(vec![
                    Cell::left(rollout.as_str()),
                    Cell::left(*outcome),
                    Cell::left(headline),
                ])
            };
            let rows: Vec<Row> = rows.iter().map(row).collect();
            console.answer(&layout(&rows, "", console.out_paint()))?;
        }
    }
    Ok(Exit::Ok)
}

/// How a rollout ended, in a word.
fn ending(timeline: &Timeline) -> &'static str {
    match (&timeline.over, &timeline.outcome) {
        (Some(over), _) if over.starts_with("superseded") => "superseded",
        (Some(_), _) => "aborted",
        (None, Outcome::Finished) => "finished",
        (None, Outcome::Stopped { .. }) => "stopped",
        (None, Outcome::Open) => "open",
    }
}

async fn look(world: &World, file: &ClusterFile, asked: Option<RolloutId>) -> Result<Found, Failure> {
    let cluster = &file.desired.cluster;
    let one = asked.is_some();
    let rollout = match asked {
        Some(rollout) => Some(rollout),
        None => rollouts::ids(world.store().as_ref()).await?.pop(),
    };
    let told = match rollout {
        None => None,
        Some(rollout) => {
            let scope = Scope {
                cluster: cluster.clone(),
                rollout: rollout.clone(),
            };
            let history = rollouts::history(world, &scope).await?;
            let mut timeline = Timeline::default();
            let mut lines = Vec::new();
            for event in &history.events {
                timeline.apply(event);
                lines.extend(
                    plain::lines(event, &timeline, Paint::Plain)
                        .lines()
                        .map(str::to_owned),
                );
            }
            let mut timeline = timeline.of_plan(&history.plan);
            timeline.over = history.over;
            timeline.snapshot = history.snapshot;
            lines.drain(..lines.len().saturating_sub(LAST));
            Some((rollout, timeline, lines))
        }
    };
    let seen = if one {
        None
    } else {
        Some(planning::look(world, file, &RolloutId::new("status")).await)
    };
    let holder = lease::held(world.store().as_ref()).await?;
    Ok(Found {
        seen,
        holder,
        rollout: told,
        now: world.clock().now(),
    })
}

fn show(console: &Console, file: &ClusterFile, found: &Found) -> Result<Exit, Failure> {
    match console.format {
        Format::Json => console.answer_json(&document(file, found))?,
        Format::Text | Format::Markdown => console.answer(&text(file, found, console.out_paint()))?,
    }
    let lost = found.seen.as_ref().is_some_and(|seen| quorum_is_lost(file, seen));
    Ok(if lost { Exit::NeedsPerson } else { Exit::Ok })
}

fn text(file: &ClusterFile, found: &Found, paint: Paint) -> String {
    let desired = &file.desired;
    let place = format!(
        "{} ({}, account {})",
        desired.cluster,
        desired.aws.region,
        account(desired.aws.account.as_str())
    );
    let mut out = format!(
        "{}   etcd {} wanted\n\n",
        paint.tone(Tone::Strong, &place),
        desired.etcd.version
    );
    if let Some(seen) = &found.seen {
        out.push_str(&members::text(&members::shown(&desired.etcd, seen), seen, paint));
        out.push('\n');
    }
    match &found.rollout {
        None => out.push_str("no rollout yet\n"),
        Some((id, timeline, last)) => {
            out.push_str(&format!(
                "{}   {}\n",
                paint.tone(Tone::Strong, id.as_str()),
                timeline.headline
            ));
            out.push_str(&format!("  {}\n", state(timeline, found)));
            out.extend(
                last.iter()
                    .map(|line| format!("  {}\n", paint.tone(Tone::Faint, line))),
            );
            if let (Some(kept), false) = (&timeline.snapshot, timeline.outcome == Outcome::Finished) {
                out.push_str(&format!("  snapshot  {}\n", summary::snapshot(kept)));
            }
            if let Some(abandoned) = left_behind(timeline, found, paint) {
                out.push_str(&abandoned);
            } else if let Some(halt) = halt::text(timeline, paint) {
                out.push_str(&format!("\n{halt}"));
            } else if timeline.outcome == Outcome::Finished {
                out.push_str(&format!("\n{}", summary::text(timeline, None, paint)));
            }
        }
    }
    let is_over = |(_, timeline, _): &(_, Timeline, _)| !is_open(timeline);
    if found.rollout.as_ref().is_none_or(is_over)
        && let Some(seen) = found.seen.as_ref().filter(|seen| quorum_is_lost(file, seen))
    {
        out.push_str(&format!("next   {}\n", way_out(seen)));
    }
    out
}

/// Someone may work on it, or its process has ended without a word; what to do then is said by [`left_behind`].
fn is_open(timeline: &Timeline) -> bool {
    timeline.over.is_none() && timeline.outcome == Outcome::Open
}

fn quorum_is_lost(file: &ClusterFile, seen: &Observed) -> bool {
    members::standing(&members::shown(&file.desired.etcd, seen), seen).margin() < 0
}

/// Silence may be ours as well: where nobody is heard, nothing is known of the quorum.
fn way_out(seen: &Observed) -> &'static str {
    let mut endpoints = seen.etcd.endpoints.values();
    if endpoints.any(|endpoint| matches!(endpoint, Endpoint::Answered(_) | Endpoint::Refused)) {
        "start nothing and delete nothing: docs/runbooks/quorum-lost.md"
    } else {
        "no member can be asked from here: look from a machine that reaches them, and start nothing before"
    }
}

/// What to do about a rollout on which nobody works any more, as far as its lease tells.
fn left_behind(timeline: &Timeline, found: &Found, paint: Paint) -> Option<String> {
    if !is_open(timeline) {
        return None;
    }
    let takes_over = match holder(timeline, found) {
        None => None,
        Some(holder) if is_silent(holder, found.now) => {
            let quiet = duration(LeaseTimes::of(holder.ttl()).quiet());
            Some(format!(" takes over, {quiet} after it is typed"))
        }
        Some(_) => return None,
    };
    Some(abandoned::text(timeline, takes_over.as_deref(), paint))
}

/// Without a sign of life for as long as it may live without one.
fn is_silent(holder: &LeaseRecord, now: Timestamp) -> bool {
    between(holder.renewed_at, now) >= holder.ttl()
}

fn holder<'a>(timeline: &Timeline, found: &'a Found) -> Option<&'a LeaseRecord> {
    let is_of = |holder: &&LeaseRecord| timeline.rollout.as_ref() == Some(&holder.rollout);
    found.holder.as_ref().filter(is_of)
}

/// Over, at work, or abandoned: what the journal says and who holds the lease, together.
fn state(timeline: &Timeline, found: &Found) -> String {
    let holder = holder(timeline, found);
    if let Some(over) = &timeline.over {
        return over.clone();
    }
    match (&timeline.outcome, holder) {
        (Outcome::Finished, _) => "finished".to_owned(),
        (Outcome::Stopped { .. }, None) => {
            format!("stopped; {} of {} done", timeline.done(), timeline.steps.len())
        }
        (_, Some(holder)) => {
            let (since, beat) = (
                between(holder.since, found.now),
                between(holder.renewed_at, found.now),
            );
            let (since, beat) = (duration(since), duration(beat));
            let (done, all) = (timeline.done(), timeline.steps.len());
            let by = &holder.holder;
            if is_silent(holder, found.now) {
                format!("{by} worked on it and gives no sign of life since {beat}; {done} of {all} done")
            } else {
                format!("{by} works on it since {since}, last sign of life {beat} ago; {done} of {all} done")
            }
        }
        (Outcome::Open, None) => format!(
            "nobody works on it; {} of {} done",
            timeline.done(),
            timeline.steps.len()
        ),
    }
}

fn document(file: &ClusterFile, found: &Found) -> Value {
    let etcd = |seen| members::json(&members::shown(&file.desired.etcd, seen), seen);
    json!({
        "format": OUTPUT_FORMAT,
        "kind": "status",
        "cluster": file.desired.cluster,
        "etcd": found.seen.as_ref().map(etcd),
        "rollout": found.rollout.as_ref().map(|(_, timeline, _)| shape::summary(timeline, None)),
        "lease": found.holder.as_ref().map(|holder| json!({
            "holder": holder.holder,
            "rollout": holder.rollout,
            "since": holder.since,
            "renewedAt": holder.renewed_at,
        })),
    })
}

#[cfg(test)]
mod tests;
