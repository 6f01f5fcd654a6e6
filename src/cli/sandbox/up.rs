//! `rehull sandbox up`: the ground (volumes, interfaces, buckets, certificates), then a cluster on it.

use std::path::{Path, PathBuf};

use rehull_core::domain::etcd::Endpoint;
use rehull_core::domain::ids::RolloutId;
use rehull_core::domain::version::EtcdVersion;
use rehull_core::plan::RolloutKind;
use serde_json::json;

use crate::cli::apply;
use crate::cli::cluster_file::ClusterFile;
use crate::cli::console::Console;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::planning;
use crate::cli::toolbox;
use crate::cli::wire;
use crate::cli::wish::{Change, Format, Up};
use crate::report::json::OUTPUT_FORMAT;
use crate::report::paint::Tone;
use crate::sandbox::{self, Info, UpOptions};

/// Brings it up and creates the cluster, unless it exists already.
///
/// # Errors
/// The toolbox lacks a binary, the name is taken by another sandbox, or the cluster did not come up.
pub fn run(console: &Console, environment: &Environment, up: &Up) -> Result<Exit, Failure> {
    let toolbox = toolbox::root(environment, up.toolbox.as_ref());
    let info = lay(up, &toolbox)?;
    if !up.empty {
        let exit = create(console, environment, &info, toolbox.clone())?;
        if exit != Exit::Ok {
            return Ok(exit);
        }
        super::control_plane::raise(console, environment, &info, &toolbox)?;
    }
    let runs = if up.empty {
        None
    } else {
        let file = readable(info.cluster_file());
        Some(wire::runtime()?.block_on(running(&file, environment))?)
    };
    show(console, &info, runs.as_deref())?;
    Ok(Exit::Ok)
}

/// Releases that members run, as they say themselves: a sandbox that exists may have been upgraded since it was laid.
async fn running(path: &Path, environment: &Environment) -> Result<Vec<EtcdVersion>, Failure> {
    let file = ClusterFile::read(path)?;
    let world = wire::World::connect(&file, environment).await?;
    let seen = planning::look(&world, &file, &RolloutId::new("status")).await;
    let answers = seen.etcd.endpoints.values().filter_map(Endpoint::answer);
    let mut versions: Vec<EtcdVersion> = answers.map(|answer| answer.version).collect();
    versions.sort_unstable();
    versions.dedup();
    Ok(versions)
}

/// `etcd 3.6.14`, as far as members say so.
fn release(runs: Option<&[EtcdVersion]>, laid_with: &str) -> String {
    match runs {
        None => format!("etcd {laid_with} not created yet"),
        Some([]) => "no member answers".to_owned(),
        Some(versions) => {
            let versions: Vec<String> = versions.iter().map(EtcdVersion::to_string).collect();
            format!("etcd {}", versions.join(" and "))
        }
    }
}

/// Starts the daemon; a sandbox whose daemon has died goes on as it was.
pub(super) fn lay(up: &Up, toolbox: &Path) -> Result<Info, Failure> {
    let rehull = std::env::current_exe().map_err(|error| {
        Failure::new(
            Exit::Refused,
            "sandbox::program",
            "cannot find this program itself",
        )
        .because(&error)
    })?;
    let options = UpOptions {
        name: up.place.name.clone(),
        dir: up.place.dir.clone(),
        members: up.members,
        strategy: up.strategy,
        etcd_version: up.etcd.to_string(),
        toolbox: toolbox.to_owned(),
        timing: up.timing,
        terraform: up.terraform,
        control_plane: up.control_plane.clone(),
        rehull,
    };
    wire::runtime()?
        .block_on(sandbox::up(&options))
        .map_err(|error| Failure::sandbox(&error))
}

/// The first rollout of the cluster, as anywhere else: nothing of a sandbox is created behind rehull's back.
pub(super) fn create(
    console: &Console,
    environment: &Environment,
    info: &Info,
    toolbox: PathBuf,
) -> Result<Exit, Failure> {
    let file = readable(info.cluster_file());
    if wire::runtime()?.block_on(exists(&file, environment))? {
        return Ok(Exit::Ok);
    }
    wire::runtime()?.block_on(wire::terraform::first_templates(console, environment, &file))?;
    let change = Change {
        again: false,
        file: Some(file),
        kind: RolloutKind::Bootstrap,
        plan_digest: None,
        yes: true,
        toolbox: Some(toolbox),
    };
    console.say("creating the cluster: machines boot, members find each other");
    apply::run(&console.muted(), environment, &change)
}

async fn exists(path: &Path, environment: &Environment) -> Result<bool, Failure> {
    let file = ClusterFile::read(path)?;
    let world = wire::World::connect(&file, environment).await?;
    let identity = rehull_core::executor::identity::read(world.store().as_ref()).await;
    identity.map(|identity| identity.is_some()).map_err(|error| {
        Failure::new(
            Exit::Refused,
            "store::identity",
            "the identity record cannot be read",
        )
        .because(&error)
    })
}

/// Relative to here if it lies below: that is what a person types.
pub(super) fn readable(path: PathBuf) -> PathBuf {
    let here = std::env::current_dir()
        .ok()
        .and_then(|here| here.canonicalize().ok());
    here.and_then(|here| path.strip_prefix(here).ok().map(PathBuf::from))
        .unwrap_or(path)
}

fn show(console: &Console, info: &Info, runs: Option<&[EtcdVersion]>) -> Result<(), Failure> {
    let file = readable(info.cluster_file());
    if console.format == Format::Json {
        let document = json!({ "format": OUTPUT_FORMAT, "kind": "sandbox", "sandbox": info, "clusterFile": file, "runs": runs });
        return console.answer_json(&document);
    }
    let paint = console.out_paint();
    let (name, endpoint) = (paint.tone(Tone::Strong, &info.name), &info.endpoint);
    let release = release(runs, &info.etcd_version);
    let members: Vec<String> = info
        .slots
        .iter()
        .map(|slot| format!("{} {}", slot.name, slot.address))
        .collect();
    let (file, members) = (file.display(), members.join(" · "));
    let apiservers = match &info.control_plane {
        Some(one) => format!("  kubernetes {} at {}\n", one.version, one.endpoint),
        None => String::new(),
    };
    let which = match info.name.as_str() {
        "dev" => String::new(),
        name => format!(" --name {name}"),
    };
    console.answer(&format!(
        "{name} is up   {release}   AWS at {endpoint}\n  {members}\n{apiservers}  next   rehull status {file}, or change it: rehull sandbox pin VERSION{which}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_that_was_upgraded_is_shown_with_what_its_members_run() {
        let (before, after) = (EtcdVersion::new(3, 5, 33), EtcdVersion::new(3, 6, 14));
        assert_eq!(release(Some(&[after]), "3.5.33"), "etcd 3.6.14");
        assert_eq!(
            release(Some(&[before, after]), "3.5.33"),
            "etcd 3.5.33 and 3.6.14"
        );
        assert_eq!(release(Some(&[]), "3.5.33"), "no member answers");
        assert_eq!(release(None, "3.5.33"), "etcd 3.5.33 not created yet");
    }
}
