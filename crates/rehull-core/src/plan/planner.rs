//! Desired + observed → rollout plan.

use std::collections::{BTreeMap, BTreeSet};

use super::content::translated;
use super::envelope::{Envelope, PLAN_FORMAT, Reversible, RolloutKind, RolloutPlan, SlotContent, SlotPlan};
use super::input::{Past, PlanInput, ServersTarget, Target, holder, lowest_version};
use super::refusal::Refusal;
use super::{explain, forecast, pins, preconditions, servers, spare, workers};
use crate::config::suggest;
use crate::domain::desired::Slot;
use crate::domain::ids::{GroupName, SlotName, StepId};
use crate::domain::observed::Observed;
use crate::domain::version::EtcdVersion;

/// The reason for a machine whose release stays, where nothing more is known of it.
pub(super) const SAME_RELEASE: &str =
    "its content digest differs, in template, flags, image, type, binaries or certificates";

/// Plans, or says everything that stands against it.
pub fn plan(input: &PlanInput<'_>) -> Result<RolloutPlan, Vec<Refusal>> {
    plan_knowing(input, &Past::default())
}

/// The same with what is known of earlier rollouts.
pub fn plan_knowing(input: &PlanInput<'_>, past: &Past) -> Result<RolloutPlan, Vec<Refusal>> {
    let refusals = unknown_member(input);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let refusals = preconditions::of_the_world(input);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let machine = input.desired.etcd.machine.clone();
    let mut slots = slots(input, past)?;
    for slot in slots.iter_mut().filter(|slot| slot.reasons == [SAME_RELEASE]) {
        if let Some(known) = explain::reasons(input, &past.plans, &machine, slot) {
            slot.reasons = known;
        }
    }
    let spare = spare::plan(input, &slots).map_err(|refusal| vec![refusal])?;
    if let Some(refusal) = preconditions::nothing_to_heal(input) {
        return Err(vec![refusal]);
    }
    let control_plane = servers::plan(input)?;
    let workers = workers::plan(input, control_plane.as_ref())?;
    let known = slots.iter().filter_map(|slot| slot.from.as_ref());
    let from = lowest_version(input.seen).or_else(|| known.map(|from| from.version).min());
    let to = target_version(&slots).unwrap_or(input.desired.etcd.version);
    let envelope = Envelope {
        format: PLAN_FORMAT,
        rehull: input.rehull.to_owned(),
        cluster: input.desired.cluster.clone(),
        account: input.desired.aws.account.clone(),
        region: input.desired.aws.region.clone(),
        etcd_cluster: input.seen.identity.as_ref().map(|identity| identity.etcd_cluster),
        kind: input.kind.clone(),
        from,
        to,
        strategy: input.strategy,
        order: "followers first, leader last, one member at a time".to_owned(),
        slots,
        spare,
        control_plane,
        workers,
        machine,
        policy: input.desired.policy.clone(),
        reversible: reversible(input, from, to),
        terraform: None,
    };
    let mut refusals = preconditions::of_the_change(input, past, &envelope);
    refusals.extend(pins::forgotten(input, &past.plans));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let user_data = match &input.target {
        Target::Rendered(slots) => slots
            .iter()
            .map(|(slot, (text, _))| (slot.clone(), text.clone()))
            .collect(),
        Target::Known(_) => BTreeMap::new(),
    };
    let forecast = forecast::forecast(&envelope, input.seen, quota(input));
    Ok(RolloutPlan {
        replaces: replaces(input),
        envelope,
        forecast,
        user_data,
        server_user_data: input.servers.as_ref().and_then(user_data_of),
        worker_user_data: worker_user_data(input),
        terraform: None,
    })
}

/// What a version of a launch template would have to be made from.
fn user_data_of(target: &ServersTarget) -> Option<String> {
    match target {
        ServersTarget::Rendered(text, _) => Some(text.clone()),
        ServersTarget::Known(_) => None,
    }
}

fn worker_user_data(input: &PlanInput<'_>) -> BTreeMap<GroupName, String> {
    let groups = input.workers.iter();
    let rendered = groups.filter_map(|(group, target)| Some((group.clone(), user_data_of(target)?)));
    rendered.collect()
}

/// Where nothing changes, what the slots are to run stays the target: for a way back that is not what the file pins.
fn target_version(slots: &[SlotPlan]) -> Option<EtcdVersion> {
    let changing = slots.iter().filter(|slot| slot.changes());
    let to = changing.map(|slot| slot.to.version).max();
    to.or_else(|| slots.iter().map(|slot| slot.to.version).max())
}

/// A member that the file does not name is never touched, and nothing else is done in its place.
fn unknown_member(input: &PlanInput<'_>) -> Vec<Refusal> {
    let (RolloutKind::Heal { slot } | RolloutKind::Replace { slot }) = &input.kind else {
        return Vec::new();
    };
    let slots = &input.desired.etcd.slots;
    if slots.iter().any(|known| known.name == *slot) {
        return Vec::new();
    }
    let (message, help) = suggest::member(slot.as_str(), slots.iter().map(|known| known.name.as_str()));
    vec![Refusal::new("plan::unknown_member", message, help)]
}

fn slots(input: &PlanInput<'_>, past: &Past) -> Result<Vec<SlotPlan>, Vec<Refusal>> {
    let mut plans = Vec::new();
    let mut refusals = Vec::new();
    for slot in &input.desired.etcd.slots {
        match slot_plan(input, past, slot) {
            Ok(plan) => plans.push(plan),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() {
        Ok(plans)
    } else {
        Err(refusals)
    }
}

fn slot_plan(input: &PlanInput<'_>, past: &Past, slot: &Slot) -> Result<SlotPlan, Refusal> {
    let from = running_content(input.seen, slot).or_else(|| former_content(input, past, slot));
    let wanted = match &input.target {
        Target::Rendered(rendered) => rendered.get(&slot.name).map(|(_, digest)| SlotContent {
            version: input.desired.etcd.version,
            digest: digest.clone(),
        }),
        Target::Known(contents) => contents.get(&slot.name).cloned(),
    };
    let touched = match &input.kind {
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Rollback { .. } => true,
        RolloutKind::Heal { slot: only } | RolloutKind::Replace { slot: only } => *only == slot.name,
    };
    // A slot that this rollout does not touch stands in the plan with what it runs.
    let to = if touched { wanted } else { from.clone().or(wanted) };
    let Some(to) = to else {
        let otherwise =
            "no earlier rollout of this cluster names it: use `rehull apply` with the cluster file instead";
        let help = rendered_anew(&input.kind, &slot.name, otherwise);
        let message = format!("nothing is known of what {} should run", slot.name);
        return Err(Refusal::new("plan::no_content", message, help));
    };
    let reasons = if touched {
        // Of a member that is silent, earlier rollouts know what its machine was booted with.
        let booted = from.clone().or_else(|| booted_with(input, past, slot));
        reasons(input, slot, booted.as_ref(), &to)
    } else {
        Vec::new()
    };
    let step = StepId::new(format!("etcd/{}", slot.name));
    Ok(SlotPlan {
        step,
        slot: slot.clone(),
        from,
        to,
        reasons,
    })
}

/// How a slot whose content is gone gets a new one. While a member is out `apply` is blocked, and would name healing: the
/// way out of that circle is a replacement.
pub(super) fn rendered_anew(kind: &RolloutKind, slot: &SlotName, otherwise: &str) -> String {
    match kind {
        RolloutKind::Heal { .. } => {
            format!("pin in the cluster file what the others run, then: rehull etcd replace {slot} FILE")
        }
        RolloutKind::Upgrade
        | RolloutKind::Bootstrap
        | RolloutKind::Rollback { .. }
        | RolloutKind::Replace { .. } => otherwise.to_owned(),
    }
}

/// What the slot's machine was booted with (its tag) and what its member runs (its own answer).
pub(super) fn running_content(seen: &Observed, slot: &Slot) -> Option<SlotContent> {
    let digest = holder(seen, &slot.name)?.digest.clone()?;
    let version = seen
        .etcd
        .endpoints
        .get(&slot.name)
        .and_then(|endpoint| endpoint.answer())?
        .version;
    Some(SlotContent { version, digest })
}

/// What a silent member's machine was booted with. A way back that does not know it would itself have no way back.
fn former_content(input: &PlanInput<'_>, past: &Past, slot: &Slot) -> Option<SlotContent> {
    let goes_back = matches!(input.kind, RolloutKind::Rollback { .. });
    goes_back.then(|| booted_with(input, past, slot))?
}

/// By the tag of its machine, where an earlier plan knows the content.
fn booted_with(input: &PlanInput<'_>, past: &Past, slot: &Slot) -> Option<SlotContent> {
    let digest = holder(input.seen, &slot.name)?.digest.as_ref()?;
    translated(&past.plans, &slot.name, digest)
}

fn reasons(input: &PlanInput<'_>, slot: &Slot, from: Option<&SlotContent>, to: &SlotContent) -> Vec<String> {
    match &input.kind {
        RolloutKind::Bootstrap => return vec!["new cluster".to_owned()],
        RolloutKind::Heal { .. } => {
            return vec![format!("it is out, and comes back with etcd {}", to.version)];
        }
        RolloutKind::Replace { .. } => return vec!["a person asked for it".to_owned()],
        RolloutKind::Upgrade | RolloutKind::Rollback { .. } => {}
    }
    let Some(from) = from else {
        return match holder(input.seen, &slot.name) {
            Some(machine) if machine.digest.as_ref() == Some(&to.digest) => Vec::new(),
            Some(_) if is_silent(input.seen, slot) => {
                vec!["what it runs is not known: it does not answer".to_owned()]
            }
            Some(_) => vec!["what its machine was booted with is not known".to_owned()],
            None => vec!["no machine lives in it".to_owned()],
        };
    };
    if from.digest == to.digest {
        return Vec::new();
    }
    if from.version == to.version {
        vec![SAME_RELEASE.to_owned()]
    } else {
        vec![format!("etcd {} → {}", from.version, to.version)]
    }
}

fn is_silent(seen: &Observed, slot: &Slot) -> bool {
    let endpoint = seen.etcd.endpoints.get(&slot.name);
    endpoint.is_none_or(|endpoint| endpoint.answer().is_none())
}

/// The last old member may be one that is out: the cluster version has not risen before it is gone.
/// What a cluster says in its first seconds, until its leader has decided (`MinClusterVersion` of etcd).
const UNDECIDED: (u32, u32) = (3, 0);

fn reversible(input: &PlanInput<'_>, from: Option<EtcdVersion>, to: EtcdVersion) -> Reversible {
    if input.kind == RolloutKind::Bootstrap {
        return Reversible::Never {
            why: "a new cluster has nothing to go back to".to_owned(),
        };
    }
    let answers = input
        .seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer());
    let risen = answers
        .filter_map(|answer| answer.cluster_version)
        .filter(|version| *version != UNDECIDED)
        .max();
    let lowest = from.map(EtcdVersion::line).into_iter().chain(risen).min();
    match lowest {
        Some((major, minor)) if (major, minor) < to.line() => Reversible::UntilLastOldMember {
            why: format!(
                "when the last {major}.{minor} member is gone the cluster version rises to {}.{}, and older members are refused",
                to.major, to.minor
            ),
        },
        Some(_) | None => Reversible::Always,
    }
}

/// What the file gives a database; members below 3.6 do not tell their quota.
fn quota(input: &PlanInput<'_>) -> u64 {
    let flag = input.desired.etcd.flags.get("quota-backend-bytes");
    let bytes = flag.and_then(|text| text.parse().ok());
    bytes
        .filter(|bytes| *bytes > 0)
        .unwrap_or(forecast::QUOTA_DEFAULT)
}

/// `etcd replace` and `etcd heal` name a member whose machine may already carry the wanted content: a person asked for
/// another one, or it is healed because it hangs. These machines must go.
fn replaces(input: &PlanInput<'_>) -> BTreeMap<SlotName, BTreeSet<crate::domain::ids::InstanceId>> {
    let (RolloutKind::Replace { slot } | RolloutKind::Heal { slot }) = &input.kind else {
        return BTreeMap::new();
    };
    let live = input.seen.fleet.live_in(slot);
    BTreeMap::from([(slot.clone(), live.map(|machine| machine.id.clone()).collect())])
}
