//! `rehull etcd snapshot`: the same job that a rollout runs before its first change, by hand.

use std::path::Path;
use std::time::Duration;

use rehull_core::domain::ids::RolloutId;
use rehull_core::domain::observed::{JobState, SnapshotFact};
use serde_json::json;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::planning;
use super::wire::{self, World};
use super::wish::Format;
use crate::report::json::OUTPUT_FORMAT;
use crate::report::numbers::bytes;

/// How often the job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Takes a snapshot and says where it is.
///
/// # Errors
/// No member answers, or the job failed; then nothing counts as a snapshot.
pub fn run(console: &Console, environment: &Environment, path: &Path) -> Result<Exit, Failure> {
    let file = ClusterFile::read(path)?;
    let fact = wire::runtime()?.block_on(async {
        let world = World::connect(&file, environment).await?;
        world.fetch_restore_tool(&file).await?;
        take(console, &world, &file).await
    })?;
    let place = format!(
        "s3://{}/{}",
        file.desired.snapshots.bucket, file.desired.snapshots.prefix
    );
    match console.format {
        Format::Json => {
            console.answer_json(
                &json!({ "format": OUTPUT_FORMAT, "kind": "snapshot", "place": place, "snapshot": fact }),
            )?;
        }
        Format::Text | Format::Markdown => {
            let line = format!(
                "{place}{}   {}, revision {}, sha256 {}, test-restored by {}\n",
                fact.key,
                bytes(fact.bytes),
                fact.revision,
                fact.sha256,
                fact.restored_by
            );
            console.answer(&line)?;
        }
    }
    Ok(Exit::Ok)
}

async fn take(console: &Console, world: &World, file: &ClusterFile) -> Result<SnapshotFact, Failure> {
    let job = RolloutId::new(format!(
        "snapshot-{}",
        world.clock().now().strftime("%Y%m%dT%H%M%SZ")
    ));
    let seen = planning::look(world, file, &job).await;
    let serving = seen
        .etcd
        .endpoints
        .iter()
        .find(|(_, end)| end.answer().is_some_and(|answer| answer.serves));
    let Some((member, _)) = serving else {
        let failure = Failure::new(
            Exit::NeedsPerson,
            "snapshot::nobody_serves",
            "no member serves: nothing to copy",
        );
        return Err(failure.help(format!("look with `rehull etcd status {}`", file.path.display())));
    };
    let failed = |why: String| {
        let failure = Failure::new(Exit::Refused, "snapshot::failed", "there is no snapshot").note(why);
        failure.help("mend the cause and take it again; a half one is never kept")
    };
    let jobs = world.ports().snapshots;
    let slots = &file.desired.etcd.slots;
    jobs.start(&job, slots, member)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let mut told = 0;
    loop {
        match jobs
            .observe(&job)
            .await
            .map_err(|error| failed(error.to_string()))?
        {
            JobState::Done(fact) => return Ok(fact),
            JobState::Failed { why } => return Err(failed(why)),
            JobState::Absent => return Err(failed("the job is gone".to_owned())),
            JobState::Running { bytes: now } if now / MIB > told / MIB => {
                console.say(&format!("snapshot: {} so far", bytes(now)));
                told = now;
            }
            JobState::Running { .. } => {}
        }
        world.clock().sleep(LOOK_EVERY).await;
    }
}

/// A line per 64 MiB is enough.
const MIB: u64 = 64 * 1024 * 1024;
