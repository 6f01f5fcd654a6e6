//! The control plane of a sandbox: binaries into the bucket, launch template and group, and the wait until all serve.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::cluster_file::ClusterFile;
use crate::cli::console::Console;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::toolbox;
use crate::cli::wire;
use crate::cli::wish::Raise;
use crate::sandbox::control_plane::FirstVersion;
use crate::sandbox::{self, ControlPlaneInfo, Info};

/// Three machines boot side by side, fetch 270 MB each and become healthy after two checks; a busy computer gets minutes.
const PATIENCE: Duration = Duration::from_secs(360);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// As many machines as zones.
const MACHINES: usize = 3;

/// Launches the control plane of a sandbox that is up.
///
/// # Errors
/// There is no such sandbox, or what [`raise`] says.
pub fn run(console: &Console, environment: &Environment, asked: &Raise) -> Result<Exit, Failure> {
    let user_data = std::fs::read_to_string(&asked.user_data)
        .map_err(|error| Failure::unreadable(&asked.user_data, &error))?;
    let toolbox = toolbox::root(environment, asked.toolbox.as_ref());
    let seen = wire::runtime()?.block_on(sandbox::status(&asked.place.name, &asked.place.dir));
    let info = seen.map_err(|error| Failure::sandbox(&error))?.info;
    let Some(control_plane) = &info.control_plane else {
        return Err(Failure::new(
            Exit::Refused,
            "sandbox::no_control_plane",
            format!("the sandbox `{}` has no control plane", info.name),
        )
        .help("bring one up with `rehull sandbox up --control-plane VERSION`"));
    };
    raise(console, environment, &info, (&toolbox, user_data))?;
    let (version, endpoint) = (&control_plane.version, &control_plane.endpoint);
    console.answer(&format!(
        "{MACHINES} apiservers {version} are healthy behind {endpoint}\n"
    ))?;
    Ok(Exit::Ok)
}

/// Launches the group and returns when all of it is healthy behind the load balancer.
///
/// # Errors
/// A binary is missing, AWS refuses, or somebody does not become healthy.
pub(super) fn raise(
    console: &Console,
    environment: &Environment,
    info: &Info,
    (toolbox, user_data): (&Path, String),
) -> Result<(), Failure> {
    let Some(control_plane) = &info.control_plane else {
        return Ok(());
    };
    let folder = toolbox.join("kubernetes").join(&control_plane.version);
    console.say("launching the control plane: machines boot, apiservers become healthy");
    wire::runtime()?.block_on(async {
        publish(environment, info, control_plane, &folder).await?;
        let first = FirstVersion {
            user_data,
            description: None,
        };
        first
            .launch(info)
            .await
            .map_err(|error| Failure::sandbox(&error))?;
        until_healthy(info).await
    })
}

async fn publish(
    environment: &Environment,
    info: &Info,
    control_plane: &ControlPlaneInfo,
    folder: &Path,
) -> Result<(), Failure> {
    let file = ClusterFile::read(&info.cluster_file())?;
    wire::publish(&file, environment, &control_plane.binaries, folder).await
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
