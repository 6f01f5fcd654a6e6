//! What a sandbox says of itself.

use std::path::Path;

use rehull_core::world::Switch;
use rehull_core::world::World;
use rehull_core::world::instance::InstanceState;
use serde::{Deserialize, Serialize};

use super::down::is_served;
use super::error::SandboxError;
use super::info::Info;
use super::wire::PREFIX;

/// The machines of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// By id, terminated ones included as long as EC2 would tell them.
    pub machines: Vec<MachineStatus>,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// Instance id.
    pub id: String,
    /// EC2's word.
    pub state: InstanceState,
    /// Zone.
    pub zone: String,
    /// Powered on: differs from `running` after a power cut.
    pub powered: bool,
    /// Its slot, from its tag.
    pub slot: Option<String>,
}

/// A sandbox seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Where everything is.
    pub info: Info,
    /// Its machines; `None`: its daemon does not run (`up` starts it again).
    pub status: Option<Status>,
}

/// Looks at one sandbox.
pub async fn status(name: &str, dir: &Path) -> Result<Seen, SandboxError> {
    let absent = || SandboxError::Absent {
        name: name.to_owned(),
        dir: dir.to_owned(),
    };
    let state = dir.canonicalize().map_err(|_| absent())?.join(name);
    let info = Info::load(&state)?.ok_or_else(absent)?;
    if !is_served(&state)? {
        return Ok(Seen { info, status: None });
    }
    let url = format!("{}{PREFIX}status", info.endpoint);
    let silent = |why: String| SandboxError::Silent {
        endpoint: info.endpoint.clone(),
        why,
    };
    let answer = reqwest::get(url)
        .await
        .map_err(|error| silent(error.to_string()))?;
    let text = answer.bytes().await.map_err(|error| silent(error.to_string()))?;
    let status = serde_json::from_slice(&text).map_err(|error| silent(error.to_string()))?;
    Ok(Seen {
        info,
        status: Some(status),
    })
}

/// Switches a fault of a running sandbox.
pub async fn switch(info: &Info, switch: &Switch) -> Result<(), SandboxError> {
    let silent = |why: String| SandboxError::Silent {
        endpoint: info.endpoint.clone(),
        why,
    };
    let url = format!("{}{PREFIX}switch", info.endpoint);
    let wish = serde_json::to_vec(switch).map_err(|error| silent(error.to_string()))?;
    let answer = reqwest::Client::new().post(url).body(wish).send().await;
    let answer = answer.map_err(|error| silent(error.to_string()))?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(silent(answer.text().await.unwrap_or_default()))
}

pub(super) fn of(world: &World) -> Status {
    let machines = world.instances().map(|instance| MachineStatus {
        id: instance.id.clone(),
        state: instance.state,
        zone: instance.zone.clone(),
        powered: instance.boot.is_some(),
        slot: instance.tags.get(rehull_core::domain::fleet::tag::SLOT).cloned(),
    });
    Status {
        machines: machines.collect(),
    }
}
