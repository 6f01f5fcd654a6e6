//! `rehull plan` in the simulator, with Terraform's part where the cluster file names a module.

use std::collections::BTreeMap;

use super::{HOME, Run};
use crate::domain::desired::Desired;
use crate::domain::ids::{RolloutId, SlotName};
use crate::executor::{Scene, observe};
use crate::plan::{Past, PlanInput, RolloutKind, RolloutPlan, Target, plan_knowing};
use crate::render::{RenderedGroups, RenderedSlot, terraform_change};
use crate::sim::ground::{self, GroundError, Unplanned};
use crate::sim::oracle::Witness;
use crate::sim::process;
use crate::sim::stand_in;
use crate::sim::story;
use crate::sim::verdict::End;

/// A ground on which there is nothing to be upgraded.
pub(super) fn not_created(end: &End) -> GroundError {
    let why = match end {
        End::Stopped(ended) => story::ended(ended),
        End::Endless(why) => why.clone(),
        End::Finished | End::Aborted | End::WentBack | End::NoWayBack(_) => "it was given up".to_owned(),
    };
    GroundError(format!("the cluster could not be created: {why}"))
}

/// What `rehull plan` looks at.
fn scene(desired: &Desired, rollout: &RolloutId) -> Scene {
    let mut scene = Scene::new(&desired.cluster, rollout, desired.etcd.watched());
    for group in desired.workers.iter().flat_map(|workers| &workers.groups) {
        scene = scene.with_workers(&group.group, &group.target_groups, &group.launch_template);
    }
    match &desired.control_plane {
        Some(role) => scene.with_servers(&role.group, &role.target_group, &role.launch_template),
        None => scene,
    }
}

impl Run {
    /// `rehull plan`, which changes nothing and waits for nobody.
    pub(super) fn plan(&self, desired: &Desired, kind: RolloutKind) -> Result<RolloutPlan, Unplanned> {
        let rendered = ground::rendered(desired)?;
        let target = rendered
            .iter()
            .map(|(slot, made)| (slot.clone(), (made.user_data.clone(), made.digest.clone())));
        let target = Target::Rendered(target.collect());
        let plan = self.plan_knowing((desired, target), kind, &Past::default())?;
        Ok(self.complete(plan, desired, &rendered)?)
    }

    /// The same for any target, and with what is known of earlier rollouts.
    pub(super) fn plan_knowing(
        &self,
        (desired, target): (&Desired, Target),
        kind: RolloutKind,
        past: &Past,
    ) -> Result<RolloutPlan, Unplanned> {
        let rollout = RolloutId::new("none");
        let witness = Witness::new(self.hands(0, HOME), rollout.clone());
        let ports = process::ports(&witness);
        let (servers, workers) = match kind {
            RolloutKind::Upgrade => stand_in::targets(desired),
            // What is created, or gone back from, is planned as in a cluster without groups.
            RolloutKind::Bootstrap
            | RolloutKind::Rollback { .. }
            | RolloutKind::Heal { .. }
            | RolloutKind::Replace { .. } => (None, BTreeMap::new()),
        };
        let scene = scene(desired, &rollout);
        let look = observe(&ports, &scene);
        let seen = futures_util::FutureExt::now_or_never(look)
            .ok_or_else(|| GroundError("a look waits".to_owned()))?;
        let input = PlanInput {
            desired,
            seen: &seen,
            kind,
            target,
            servers,
            workers,
            strategy: desired.etcd.strategy,
            rehull: "simulated",
        };
        plan_knowing(&input, past).map_err(Unplanned::Refused)
    }

    /// What Terraform would do becomes part of what is approved. Before there is a cluster a person lets it make
    /// everything.
    fn complete(
        &self,
        mut plan: RolloutPlan,
        desired: &Desired,
        rendered: &BTreeMap<SlotName, RenderedSlot>,
    ) -> Result<RolloutPlan, GroundError> {
        if desired.terraform.is_none() || plan.user_data.is_empty() {
            return Ok(plan);
        }
        let change = terraform_change(desired, rendered, &RenderedGroups::default());
        let mut lab = self.stage.lab();
        if plan.envelope.kind == RolloutKind::Bootstrap {
            let now = self.stage.time.now();
            lab.make_all(now, &change).map_err(ground::wrong)?;
            return Ok(plan);
        }
        let envelope = plan.envelope.digest_beside_terraform();
        let proposed = lab.proposal(&change, Some(&envelope));
        if !proposed.changes.is_empty() {
            plan.envelope.terraform = Some(proposed);
            plan.terraform = Some(change);
        }
        Ok(plan)
    }
}

#[cfg(test)]
impl super::Prepared {
    /// The same where the store belongs to another etcd cluster.
    pub(in crate::sim) fn with_the_record_of_another(mut self) -> Option<Self> {
        use crate::domain::ids::EtcdClusterId;
        use crate::domain::observed::Identity;
        use crate::journal::keys::IDENTITY;
        let mut identity: Identity = serde_json::from_slice(self.lab.store.bytes(IDENTITY)?).ok()?;
        identity.etcd_cluster = EtcdClusterId(!identity.etcd_cluster.0);
        let bytes = serde_json::to_vec(&identity).ok()?;
        self.lab.store.put(IDENTITY, &bytes);
        Some(self)
    }
}
