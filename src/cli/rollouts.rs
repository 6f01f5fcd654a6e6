//! Rollouts in a store: their ids, whether they are over, and everything that was told of them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rehull_core::domain::ids::{ClusterName, ContentDigest, RolloutId, SlotName, StepId};
use rehull_core::event::{Event, What};
use rehull_core::executor::open;
use rehull_core::journal::{self, JournalView, RecordBody, Scope, keys};
use rehull_core::plan::RolloutPlan;
use rehull_core::ports::Store;

use super::event_log;
use super::failure::Failure;
use super::wire::World;
use crate::report::replay;
use crate::report::timeline::{Kept, Timeline};

/// Rollouts among which one that is not over is looked for.
const LOOKED_AT: usize = 5;

/// A rollout as its journal and its event log tell it.
pub struct History {
    /// What was approved.
    pub plan: RolloutPlan,
    /// What happened.
    pub events: Vec<Event>,
    /// Steps whose end somebody was told; the end of others was only found in the journal.
    pub told: BTreeSet<StepId>,
    /// How it was closed, if it was before its end.
    pub over: Option<String>,
    /// What was kept before its first change.
    pub snapshot: Option<Kept>,
}

impl History {
    /// Everything that happened, and of ends of steps only those that somebody was told: what a process that goes on
    /// has before it.
    #[must_use]
    pub fn into_told(self) -> Vec<Event> {
        let Self { mut events, told, .. } = self;
        events.retain(|event| step_done(event).is_none_or(|step| told.contains(step)));
        events
    }

    /// The story of it.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        Timeline::of(&self.events)
            .of_plan(&self.plan)
            .closed_as(self.over.clone())
            .with_snapshot(self.snapshot.clone())
    }
}

/// All rollouts of a store, oldest first: their ids begin with the cluster and the day.
///
/// # Errors
/// The store does not answer.
pub async fn ids(store: &dyn Store) -> Result<Vec<RolloutId>, Failure> {
    let keys = store
        .list(keys::ROLLOUTS)
        .await
        .map_err(|error| Failure::store(&error))?;
    let id = |key: &String| {
        Some(RolloutId::new(
            key.strip_prefix(keys::ROLLOUTS)?.split('/').next()?,
        ))
    };
    // Snapshots taken by hand stand beside the rollouts.
    let is_rollout = |id: &RolloutId| cluster_of(id.as_str()).is_some();
    let mut ids: Vec<RolloutId> = keys.iter().filter_map(id).filter(is_rollout).collect();
    ids.dedup();
    sort(&mut ids);
    Ok(ids)
}

/// By day and number, as numbers: the hundredth of a day comes after the ninety-ninth.
fn sort(ids: &mut [RolloutId]) {
    ids.sort_by_key(|id| {
        let (day, number) = id.as_str().rsplit_once('-').unwrap_or((id.as_str(), ""));
        (day.to_owned(), number.parse::<u32>().unwrap_or(0))
    });
}

/// The id of the next rollout: `<cluster>-<UTC day>-<number of the day>`.
#[must_use]
pub fn next_id(known: &[RolloutId], cluster: &ClusterName, now: Timestamp) -> RolloutId {
    let today = format!("{cluster}-{}-", now.strftime("%Y-%m-%d"));
    let numbers = known
        .iter()
        .filter_map(|id| id.as_str().strip_prefix(&today)?.parse::<u32>().ok());
    let next = numbers.max().unwrap_or(0).saturating_add(1);
    RolloutId::new(format!("{today}{next:02}"))
}

/// The cluster in an id, if the text is an id.
#[must_use]
pub fn cluster_of(id: &str) -> Option<&str> {
    let mut parts = id.rsplitn(5, '-');
    let digits = |part: Option<&str>, least: usize| {
        part.is_some_and(|text| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let day = digits(parts.next(), 2)
        && digits(parts.next(), 2)
        && digits(parts.next(), 2)
        && digits(parts.next(), 4);
    parts.next().filter(|cluster| day && !cluster.is_empty())
}

/// What the journal of a rollout says.
///
/// # Errors
/// It cannot be read, or is damaged.
pub async fn view(world: &World, scope: &Scope) -> Result<JournalView, Failure> {
    let loaded = journal::load(world.store().as_ref(), scope, world.tail).await;
    loaded
        .map(|loaded| loaded.view)
        .map_err(|error| Failure::journal(&error))
}

/// The newest rollout that is not over. Usually only the newest of all can be, because a new one is refused while another
/// is open; one that was begun under a clock that was ahead sorts behind later ones.
///
/// # Errors
/// As [`view`].
pub async fn unfinished(world: &World, cluster: &ClusterName) -> Result<Option<RolloutId>, Failure> {
    for rollout in ids(world.store().as_ref())
        .await?
        .into_iter()
        .rev()
        .take(LOOKED_AT)
    {
        let scope = Scope {
            cluster: cluster.clone(),
            rollout: rollout.clone(),
        };
        if view(world, &scope).await?.closed().is_none() {
            return Ok(Some(rollout));
        }
    }
    Ok(None)
}

/// The step that ends with this event.
fn step_done(event: &Event) -> Option<&StepId> {
    if let What::StepDone { step } = &event.what {
        Some(step)
    } else {
        None
    }
}

/// The plan of a rollout and everything that happened in it, from its journal and its event log.
///
/// # Errors
/// There is no such rollout, or it cannot be read.
pub async fn history(world: &World, scope: &Scope) -> Result<History, Failure> {
    let store = world.store().as_ref();
    let plan = open::read_plan(store, scope)
        .await
        .map_err(|error| Failure::open(&error))?;
    let plan = plan.ok_or_else(|| Failure::unknown_rollout(&scope.rollout))?;
    let segments = journal::read_all(store, scope, world.tail)
        .await
        .map_err(|error| Failure::journal(&error))?;
    let logged = event_log::read(store, &scope.rollout).await.unwrap_or_default();
    let told = logged.iter().filter_map(step_done).cloned().collect();
    let events = replay::merge(replay::events(&plan, &segments), logged);
    let records = segments.iter().flat_map(|segment| &segment.records);
    let mut over = records.filter_map(|record| match &record.body {
        RecordBody::Closed { outcome } if outcome != "finished" => Some(outcome.clone()),
        RecordBody::Closed { .. }
        | RecordBody::Opened { .. }
        | RecordBody::Attached { .. }
        | RecordBody::Intended { .. }
        | RecordBody::Settled { .. }
        | RecordBody::Marked { .. }
        | RecordBody::Answered { .. }
        | RecordBody::Stopped { .. } => None,
    });
    let over = over.next_back();
    let snapshot = snapshot(world, &scope.rollout).await;
    Ok(History {
        plan,
        events,
        told,
        over,
        snapshot,
    })
}

/// The snapshot of a rollout, if its fact is in the store. For people: what cannot be read is not shown.
pub async fn snapshot(world: &World, rollout: &RolloutId) -> Option<Kept> {
    let stored = world.store().get(&keys::snapshot(rollout)).await.ok()??;
    Some(Kept {
        place: world.snapshots_at().to_owned(),
        fact: serde_json::from_slice(&stored.bytes).ok()?,
    })
}

/// Plans of all rollouts, newest first; those that cannot be read any more are left out.
///
/// # Errors
/// The store does not answer.
pub async fn plans(world: &World, cluster: &ClusterName) -> Result<Vec<(RolloutId, RolloutPlan)>, Failure> {
    let store = world.store().as_ref();
    let mut plans = Vec::new();
    for rollout in ids(store).await?.into_iter().rev() {
        let scope = Scope {
            cluster: cluster.clone(),
            rollout,
        };
        let plan = open::read_plan(store, &scope).await.ok().flatten();
        plans.extend(plan.map(|plan| (scope.rollout, plan)));
    }
    Ok(plans)
}

/// Content of the machine that was told last to run a slot's member, by the newest journal that knows of one. Journals
/// that cannot be read are left out: what they would tell is then asked of the survivors.
///
/// # Errors
/// The store does not answer.
pub async fn told_to_go(
    world: &World,
    cluster: &ClusterName,
    slot: &SlotName,
) -> Result<Option<ContentDigest>, Failure> {
    for rollout in ids(world.store().as_ref()).await?.into_iter().rev() {
        let scope = Scope {
            cluster: cluster.clone(),
            rollout,
        };
        let view = view(world, &scope).await.ok();
        if let Some(digest) = view.as_ref().and_then(|view| view.told_to_go(slot)) {
            return Ok(Some(digest.clone()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_up_within_a_day_and_start_again_the_next() {
        let cluster = ClusterName::new("dev");
        let now: Timestamp = "2026-11-21T23:59:59Z".parse().unwrap();
        let known = ["dev-2026-11-20-07", "dev-2026-11-21-02", "dev-2026-11-21-09"].map(RolloutId::new);
        assert_eq!(next_id(&known, &cluster, now).as_str(), "dev-2026-11-21-10");
        assert_eq!(next_id(&[], &cluster, now).as_str(), "dev-2026-11-21-01");
    }

    #[test]
    fn the_hundredth_rollout_of_a_day_is_newer_than_the_ninety_ninth() {
        let mut ids = ["d-2026-11-21-99", "d-2026-11-22-01", "d-2026-11-21-100"].map(RolloutId::new);
        sort(&mut ids);
        assert_eq!(
            ids,
            ["d-2026-11-21-99", "d-2026-11-21-100", "d-2026-11-22-01"].map(RolloutId::new)
        );
    }

    #[test]
    fn the_cluster_is_read_out_of_an_id_also_when_it_has_dashes() {
        for (id, cluster) in [
            ("dev-2026-11-21-01", Some("dev")),
            ("eu-west-dev-2026-11-21-101", Some("eu-west-dev")),
            ("clusters/dev.yaml", None),
            ("2026-11-21-01", None),
            ("dev-2026-11-21", None),
        ] {
            assert_eq!(cluster_of(id), cluster, "{id}");
        }
    }
}
