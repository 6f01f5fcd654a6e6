//! The control plane of a sandbox: binaries into the bucket, launch template and group, and the wait until all serve.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::cluster_file::ClusterFile;
use crate::cli::console::Console;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::wire::{self, Pins, World};
use crate::sandbox::control_plane::FirstVersion;
use crate::sandbox::{self, Info};

/// Three machines boot side by side, fetch 270 MB each and become healthy after two checks; a busy computer gets minutes.
const PATIENCE: Duration = Duration::from_secs(360);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// As many machines as zones.
const MACHINES: usize = 3;

/// Launches the group and returns when all of it is healthy behind the load balancer.
///
/// # Errors
/// A binary is missing, AWS refuses, or somebody does not become healthy.
pub(super) fn raise(
    console: &Console,
    environment: &Environment,
    info: &Info,
    toolbox: &Path,
) -> Result<(), Failure> {
    if info.control_plane.is_none() {
        return Ok(());
    }
    let file = ClusterFile::read(&info.cluster_file())?;
    let (Some(role), Some(pins), Some(rendered)) = (
        &file.desired.control_plane,
        Pins::of_servers(&file),
        file.render_servers()?,
    ) else {
        return Ok(());
    };
    let folder = toolbox.join("kubernetes").join(role.version.to_string());
    console.say("launching the control plane: machines boot, apiservers become healthy");
    wire::runtime()?.block_on(async {
        let world = World::connect(&file, environment).await?;
        world.publish((&file, pins), Some(&folder), &|_: &str| {}).await?;
        let first = FirstVersion {
            description: Some(rendered.digest.description()),
            user_data: rendered.user_data,
        };
        let launched = first.launch(info).await;
        launched.map_err(|error| Failure::sandbox(&error))?;
        until_healthy(info).await
    })
}

async fn until_healthy(info: &Info) -> Result<(), Failure> {
    let clock = wire::clock();
    let begun = clock.monotonic();
    let dir = info.dir.parent().map(PathBuf::from).unwrap_or_default();
    loop {
        // A daemon that hands 800 MB out may be late with its answer.
        let seen = sandbox::status(&info.name, &dir).await.ok();
        let status = seen.and_then(|seen| seen.status);
        let balancers = status.iter().flat_map(|status| &status.balancers);
        let targets = balancers.flat_map(|balancer| &balancer.targets);
        let healthy = targets.filter(|target| target.is_healthy).count();
        if healthy >= MACHINES {
            return Ok(());
        }
        if clock.monotonic().saturating_sub(begun) > PATIENCE {
            let machines = info.dir.join("machines");
            return Err(Failure::new(
                Exit::Refused,
                "sandbox::control_plane",
                format!(
                    "{healthy} of {MACHINES} apiservers are healthy after {} s",
                    PATIENCE.as_secs()
                ),
            )
            .help(format!(
                "look at `console.log` and `root/var/log` of the machines below {}",
                machines.display()
            )));
        }
        clock.sleep(LOOK_EVERY).await;
    }
}
