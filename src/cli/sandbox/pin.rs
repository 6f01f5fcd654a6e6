//! `rehull sandbox pin`: another release in the cluster file, as the author of a pull request would write it.

use serde_json::json;

use super::up::readable;
use crate::cli::console::Console;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::toolbox;
use crate::cli::wire;
use crate::cli::wish::{Format, Pin};
use crate::report::json::OUTPUT_FORMAT;
use crate::sandbox;

/// Writes version and digests; nothing else happens until somebody applies the file.
///
/// # Errors
/// There is no sandbox of this name, or a binary of the release is not in the toolbox.
pub fn run(console: &Console, environment: &Environment, pin: &Pin) -> Result<Exit, Failure> {
    let seen = wire::runtime()?.block_on(sandbox::status(&pin.place.name, &pin.place.dir));
    let info = seen.map_err(|error| Failure::sandbox(&error))?.info;
    if pin.kubernetes.is_some() && info.control_plane.is_none() {
        let message = format!("the sandbox `{}` has no control plane", info.name);
        let failure = Failure::new(Exit::Refused, "sandbox::no_control_plane", message);
        return Err(failure.help("bring one up with `rehull sandbox up --control-plane VERSION --name NAME`"));
    }
    let toolbox = toolbox::root(environment, pin.toolbox.as_ref());
    let mut pins = Vec::new();
    if let Some(version) = pin.etcd {
        info.pin(version, &toolbox)
            .map_err(|error| Failure::sandbox(&error))?;
        pins.push(format!("etcd {version}"));
    }
    if let Some(version) = pin.kubernetes {
        info.pin_kubernetes(version, &toolbox)
            .map_err(|error| Failure::sandbox(&error))?;
        pins.push(format!("Kubernetes {version}"));
    }
    let file = readable(info.cluster_file());
    if console.format == Format::Json {
        let document = json!({
            "format": OUTPUT_FORMAT, "kind": "sandbox-pin", "clusterFile": file, "etcd": pin.etcd, "kubernetes": pin.kubernetes,
        });
        console.answer_json(&document)?;
        return Ok(Exit::Ok);
    }
    let file = file.display();
    console.answer(&format!(
        "{file} pins {} now\n  next   rehull plan {file}\n",
        pins.join(" and ")
    ))?;
    Ok(Exit::Ok)
}
