//! What a sandbox says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use rehull_core::world::instance::InstanceState;
use rehull_core::world::{Switch, TargetId, World};
use serde::{Deserialize, Serialize};

use super::clock;
use super::down::is_served;
use super::error::SandboxError;
use super::info::Info;
use super::options;
use super::wire::PREFIX;

/// A daemon answers at once, or it is stopped.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A process that was killed has let go of everything after this.
const DYING_LOOKS: u32 = 50;

/// The machines of a world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// By id, terminated ones included as long as EC2 would tell them.
    pub machines: Vec<MachineStatus>,
    /// Load balancers that listen, by address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub balancers: Vec<BalancerStatus>,
}

/// One port of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BalancerStatus {
    /// ARN.
    pub arn: String,
    /// Stands for the name that AWS tells.
    pub address: Ipv4Addr,
    /// Port.
    pub port: i64,
    /// Who has connections or may get them.
    pub targets: Vec<TargetStatus>,
}

/// One target, as the data plane sees it and not as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Instance id.
    pub instance: String,
    /// Its checks pass, as far as they were made.
    pub passes: bool,
    /// The API tells it as healthy.
    pub is_healthy: bool,
    /// New connections may come.
    pub gets_new: bool,
    /// Connections that go through.
    pub sessions: u32,
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
    options::check_name(name)?;
    let state = dir.canonicalize().map_err(|_| absent())?.join(name);
    let info = Info::load(&state)?.ok_or_else(absent)?;
    if !is_served(&state)? {
        return Ok(Seen { info, status: None });
    }
    let why = match ask(&info).await {
        Ok(status) => {
            return Ok(Seen {
                info,
                status: Some(status),
            });
        }
        Err(why) => why,
    };
    if !outlives_a_death(&state).await? {
        return Ok(Seen { info, status: None });
    }
    Err(SandboxError::Silent {
        endpoint: info.endpoint,
        why,
    })
}

/// A daemon serves this folder, and not one that died while it was asked or is dying.
pub(super) async fn is_at_work(state: &Path) -> Result<bool, SandboxError> {
    if !is_served(state)? {
        return Ok(false);
    }
    let answers = match Info::load(state)? {
        Some(info) => ask(&info).await.is_ok(),
        None => false,
    };
    Ok(answers || outlives_a_death(state).await?)
}

async fn outlives_a_death(state: &Path) -> Result<bool, SandboxError> {
    for _ in 0..DYING_LOOKS {
        if !is_served(state)? {
            return Ok(false);
        }
        clock::sleep(LOOK_EVERY).await;
    }
    Ok(true)
}

async fn ask(info: &Info) -> Result<Status, String> {
    let url = format!("{}{PREFIX}status", info.endpoint);
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let client = client.map_err(|error| error.to_string())?;
    let answer = client.get(url).send().await.map_err(|error| error.to_string())?;
    let text = answer.bytes().await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// Switches a fault of a running sandbox.
pub async fn switch(info: &Info, switch: &Switch) -> Result<(), SandboxError> {
    let wish = serde_json::to_vec(switch).map_err(|error| SandboxError::Silent {
        endpoint: info.endpoint.clone(),
        why: error.to_string(),
    })?;
    post(info, "switch", wish).await
}

/// Through the sandbox's own door.
pub(super) async fn post(info: &Info, door: &str, body: Vec<u8>) -> Result<(), SandboxError> {
    let silent = |why: String| SandboxError::Silent {
        endpoint: info.endpoint.clone(),
        why,
    };
    let url = format!("{}{PREFIX}{door}", info.endpoint);
    let answer = reqwest::Client::new().post(url).body(body).send().await;
    let answer = answer.map_err(|error| silent(error.to_string()))?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(silent(answer.text().await.unwrap_or_default()))
}

pub(super) fn of(
    world: &World,
    addresses: &BTreeMap<String, Ipv4Addr>,
    sessions: &BTreeMap<TargetId, u32>,
) -> Status {
    let machines = world.instances().map(|instance| MachineStatus {
        id: instance.id.clone(),
        state: instance.state,
        zone: instance.zone.clone(),
        powered: instance.boot.is_some(),
        slot: instance.tags.get(rehull_core::domain::fleet::tag::SLOT).cloned(),
    });
    Status {
        machines: machines.collect(),
        balancers: balancers(world, addresses, sessions),
    }
}

fn balancers(
    world: &World,
    addresses: &BTreeMap<String, Ipv4Addr>,
    sessions: &BTreeMap<TargetId, u32>,
) -> Vec<BalancerStatus> {
    let (checks, now) = (world.checks(), clock::now());
    let mut all: BTreeMap<(String, i64), BTreeSet<TargetId>> = BTreeMap::new();
    for route in world.data_plane(now) {
        let at = all.entry((route.balancer, route.port)).or_default();
        // Those of its group that get nothing now may have connections, or will get some.
        let known = checks.iter().map(|check| &check.target).chain(sessions.keys());
        let known = known.filter(|target| target.group == route.target_group).cloned();
        at.extend(known.chain(route.targets));
    }
    let target = |id: TargetId| TargetStatus {
        passes: checks.iter().any(|check| check.target == id && check.passes),
        is_healthy: world.is_healthy(&id),
        gets_new: world.routes_to(&id, now),
        sessions: sessions.get(&id).copied().unwrap_or_default(),
        instance: id.instance,
    };
    let all = all.into_iter().filter_map(|((arn, port), targets)| {
        Some(BalancerStatus {
            address: addresses.get(&arn).copied()?,
            arn,
            port,
            targets: targets.into_iter().map(target).collect(),
        })
    });
    all.collect()
}
