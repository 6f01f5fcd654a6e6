//! From a cluster file and a look at the world to a rollout plan; every command that plans does it here.

use std::collections::BTreeMap;

use rehull_core::domain::ids::{GroupName, RolloutId, SlotName};
use rehull_core::domain::observed::Observed;
use rehull_core::domain::version::EtcdVersion;
use rehull_core::executor::{Scene, observe, observe_patiently, open};
use rehull_core::journal::Scope;
use rehull_core::plan::{
    self, Past, PlanInput, RolloutKind, RolloutPlan, ServersTarget, SlotContent, Target, content_for_heal,
    last_seen,
};
use rehull_core::render::RenderedSlot;
use rehull_core::rollout;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::rollouts;
use super::version::VERSION;
use super::wire::{self, World};

/// What is to be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What kind of rollout.
    pub kind: RolloutKind,
    /// Also what a rollback has taken back.
    pub again: bool,
}

/// A plan, and the id that its rollout would have.
pub struct Planned {
    /// What would be done.
    pub plan: RolloutPlan,
    /// Not taken by anybody yet.
    pub rollout: RolloutId,
}

/// Looks at the world and plans a rollout of this kind.
///
/// # Errors
/// Everything that stands against it, at once.
pub async fn plan(
    console: &Console,
    world: &World,
    file: &ClusterFile,
    asked: &Asked,
) -> Result<Planned, Failure> {
    let known = rollouts::ids(world.store().as_ref()).await?;
    let rollout = rollouts::next_id(&known, &file.desired.cluster, world.clock().now());
    let servers = servers(world, file, &asked.kind).await?;
    let workers = workers(world, file, &asked.kind).await?;
    let with = nodes_matter(&asked.kind, servers.is_some() || !workers.is_empty());
    let seen = observe_patiently(&world.ports(), &scene(file, &rollout, with)).await;
    let target = target(world, file, &asked.kind, &seen).await?;
    let input = PlanInput {
        desired: &file.desired,
        seen: &seen,
        kind: asked.kind.clone(),
        target,
        servers,
        workers,
        strategy: file.desired.etcd.strategy,
        rehull: VERSION,
    };
    let name = file.path.to_string_lossy();
    let earlier = rollouts::plans(world, &file.desired.cluster).await?;
    let past = Past {
        plans: earlier.iter().map(|(_, plan)| plan.clone()).collect(),
        served: served(world, file, &input.kind).await?,
    };
    let mut plan = plan::plan_knowing(&input, &past).map_err(|mut refusals| {
        for refusal in &mut refusals {
            name_file(&mut refusal.help, &name);
        }
        Failure::refusals(refusals, &name, &file.text)
    })?;
    if !asked.again {
        plan.forecast
            .blockers
            .extend(plan::held(&earlier, &plan.envelope));
    }
    for blocker in &mut plan.forecast.blockers {
        name_file(blocker, &name);
    }
    wire::terraform::complete(console, world, file, &seen, &mut plan).await?;
    Ok(Planned { plan, rollout })
}

/// The core does not know where the cluster file lies; whoever copies a command should not have to fill it in.
pub(super) fn name_file(text: &mut String, file: &str) {
    if text.contains(" FILE") {
        *text = text.replace(" FILE", &format!(" {file}"));
    }
}

/// One look at everything that belongs to the cluster.
pub async fn look(world: &World, file: &ClusterFile, rollout: &RolloutId) -> Observed {
    observe(&world.ports(), &scene(file, rollout, Nodes::LeftAlone)).await
}

/// Whether nodes are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nodes {
    LookedAt,
    LeftAlone,
}

/// A member is healed while etcd, and with it the API, may be out: nodes are asked for only where groups are rolled, or the
/// control plane that their kubelets ask.
const fn nodes_matter(kind: &RolloutKind, groups_are_rolled: bool) -> Nodes {
    match kind {
        RolloutKind::Upgrade => Nodes::LookedAt,
        RolloutKind::Rollback { .. } if groups_are_rolled => Nodes::LookedAt,
        RolloutKind::Rollback { .. }
        | RolloutKind::Bootstrap
        | RolloutKind::Heal { .. }
        | RolloutKind::Replace { .. } => Nodes::LeftAlone,
    }
}

fn scene(file: &ClusterFile, rollout: &RolloutId, nodes: Nodes) -> Scene {
    let mut scene = Scene::new(&file.desired.cluster, rollout, file.desired.etcd.watched());
    let workers = file.desired.workers.iter();
    let workers = workers.filter(|_| nodes == Nodes::LookedAt);
    for group in workers.flat_map(|workers| &workers.groups) {
        scene = scene.with_workers(&group.group, &group.target_groups, &group.launch_template);
    }
    match &file.desired.control_plane {
        Some(role) => scene.with_servers(&role.group, &role.target_group, &role.launch_template),
        None => scene,
    }
}

/// What the control plane should become; a rollback takes back what that rollout changed of it, and no more.
async fn servers(
    world: &World,
    file: &ClusterFile,
    kind: &RolloutKind,
) -> Result<Option<ServersTarget>, Failure> {
    match kind {
        RolloutKind::Upgrade => {
            let rendered = file.render_servers()?;
            Ok(rendered.map(|made| ServersTarget::Rendered(made.user_data, made.digest)))
        }
        RolloutKind::Rollback { of } => {
            let plan = rollouts::history(world, &scope(file, of)).await?.plan;
            let before = plan.envelope.servers().and_then(|planned| planned.from.clone());
            Ok(before.map(ServersTarget::Known))
        }
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } | RolloutKind::Replace { .. } => Ok(None),
    }
}

/// What the workers should become; a rollback takes back what that rollout changed of them, and no more.
async fn workers(
    world: &World,
    file: &ClusterFile,
    kind: &RolloutKind,
) -> Result<BTreeMap<GroupName, ServersTarget>, Failure> {
    match kind {
        RolloutKind::Upgrade => {
            let rendered = file.render_workers()?.into_iter();
            let target = |made: RenderedSlot| ServersTarget::Rendered(made.user_data, made.digest);
            Ok(rendered.map(|(group, made)| (group, target(made))).collect())
        }
        RolloutKind::Rollback { of } => {
            let plan = rollouts::history(world, &scope(file, of)).await?.plan;
            let groups = plan.envelope.worker_groups();
            let before = groups.filter_map(|planned| Some((planned.group.clone(), planned.from.clone()?)));
            Ok(before
                .map(|(group, from)| (group, ServersTarget::Known(from)))
                .collect())
        }
        RolloutKind::Bootstrap | RolloutKind::Heal { .. } | RolloutKind::Replace { .. } => {
            Ok(BTreeMap::new())
        }
    }
}

/// What the machines should become. Healing and going back take what an earlier rollout knew: the pins of the file
/// are not even looked at.
async fn target(
    world: &World,
    file: &ClusterFile,
    kind: &RolloutKind,
    seen: &Observed,
) -> Result<Target, Failure> {
    match kind {
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Replace { .. } => {
            let rendered = file.render()?.into_iter();
            Ok(Target::Rendered(
                rendered
                    .map(|(slot, made)| (slot, (made.user_data, made.digest)))
                    .collect(),
            ))
        }
        RolloutKind::Heal { slot } => heal(world, file, slot, seen).await,
        RolloutKind::Rollback { of } => former(world, file, of).await,
    }
}

async fn heal(
    world: &World,
    file: &ClusterFile,
    slot: &SlotName,
    seen: &Observed,
) -> Result<Target, Failure> {
    let cluster = &file.desired.cluster;
    let plans = rollouts::plans(world, cluster).await?.into_iter();
    let plans: Vec<RolloutPlan> = plans.map(|(_, plan)| plan).collect();
    let mut known: BTreeMap<SlotName, SlotContent> = BTreeMap::new();
    // Another one that is out too is not touched, but it stands in the plan with what it had.
    for name in file.desired.etcd.slots.iter().map(|slot| &slot.name) {
        let endpoint = seen.etcd.endpoints.get(name);
        if name != slot && endpoint.is_some_and(|endpoint| endpoint.answer().is_some()) {
            continue;
        }
        let told = match last_seen(seen, name) {
            Some(_) => None,
            None => rollouts::told_to_go(world, cluster, name).await?,
        };
        // Without a known content the planner refuses, and says so better than could be said here.
        let content = content_for_heal(&plans, seen, name, told.as_slice());
        known.extend(content.map(|content| (name.clone(), content)));
    }
    Ok(Target::Known(known))
}

/// Members that were seen serving in the rollout that is to be undone, or after it.
async fn served(
    world: &World,
    file: &ClusterFile,
    kind: &RolloutKind,
) -> Result<BTreeMap<SlotName, EtcdVersion>, Failure> {
    let RolloutKind::Rollback { of } = kind else {
        return Ok(BTreeMap::new());
    };
    let mut served: BTreeMap<SlotName, EtcdVersion> = BTreeMap::new();
    // A heal after it may have brought up what never came up in it. Of later ones what cannot be read is left out.
    let all = rollouts::ids(world.store().as_ref()).await?;
    for later in all.iter().skip_while(|id| id.as_str() != of) {
        let scope = scope(file, later.as_str());
        let view = rollouts::view(world, &scope).await;
        let plan = open::read_plan(world.store().as_ref(), &scope).await;
        let (view, plan) = match (view, plan) {
            (Ok(view), Ok(Some(plan))) => (view, plan),
            (Err(error), _) if later.as_str() == of => return Err(error),
            (_, Err(error)) if later.as_str() == of => return Err(Failure::open(&error)),
            _ => continue,
        };
        for slot in plan.envelope.slots {
            if slot.changes() && rollout::has_joined(&view, &slot.slot.name) {
                let highest = served.entry(slot.slot.name).or_insert(slot.to.version);
                *highest = slot.to.version.max(*highest);
            }
        }
    }
    Ok(served)
}

fn scope(file: &ClusterFile, of: &str) -> Scope {
    Scope {
        cluster: file.desired.cluster.clone(),
        rollout: RolloutId::new(of),
    }
}

async fn former(world: &World, file: &ClusterFile, of: &str) -> Result<Target, Failure> {
    let plan = rollouts::history(world, &scope(file, of)).await?.plan;
    let slots = plan.envelope.slots.into_iter();
    let mut known: BTreeMap<SlotName, SlotContent> = slots
        .filter_map(|slot| Some((slot.slot.name, slot.from?)))
        .collect();
    if known.is_empty() {
        let message = format!("`{of}` had no machines before it: there is nothing to go back to");
        return Err(Failure::new(Exit::Refused, "rollback::nothing_before", message));
    }
    // The spare is there for the others only: on the way back it may run what it ran on the way there.
    known.extend(plan.envelope.spare.map(|spare| (spare.slot.name, spare.to)));
    Ok(Target::Known(known))
}
