//! Kubelets and apiservers: at no instant may they differ by more than Kubernetes supports, whoever's nodes they are.

use super::envelope::RolloutKind;
use super::group::ControlPlanePlan;
use super::input::PlanInput;
use super::refusal::Refusal;
use super::worker::WorkerGroupPlan;
use super::workers::version_of;
use crate::catalog::kubernetes::KubeletSkew;
use crate::domain::group::Server;
use crate::domain::ids::NodeName;
use crate::domain::version::KubernetesVersion;
use crate::domain::worker::WorkersRole;

/// Named in a message; the rest is counted.
const NAMED_MAX: usize = 3;

/// Of the groups' new kubelets, and of every node that there is now: those of no group are stranded like the others.
pub(super) fn refusals(
    input: &PlanInput<'_>,
    role: &WorkersRole,
    groups: &[WorkerGroupPlan],
    servers: Option<&ControlPlanePlan>,
) -> Vec<Refusal> {
    let rolls_servers = servers.is_some_and(ControlPlanePlan::changes);
    if !rolls_servers && !groups.iter().any(WorkerGroupPlan::changes) {
        return Vec::new();
    }
    let Some(apiserver) = serves(input, servers) else {
        let message = "no apiserver tells which release it serves: nobody can say which kubelets it takes";
        let help = "look at the control plane first; nothing was touched";
        return vec![
            Refusal::new("plan::no_api_version", message, help).at("/controlPlane/version", "pinned here"),
        ];
    };
    let mut refusals = Vec::new();
    for planned in groups.iter().filter(|planned| planned.changes()) {
        refusals.extend(of_new(role, planned, apiserver));
    }
    if rolls_servers {
        refusals.extend(of_nodes(input, apiserver));
    }
    refusals
}

/// The lowest release that serves when workers are rolled, which is after the control plane.
fn serves(input: &PlanInput<'_>, servers: Option<&ControlPlanePlan>) -> Option<KubernetesVersion> {
    let group = servers.and_then(|planned| input.seen.groups.groups.get(&planned.group));
    let group = group.or_else(|| {
        let role = input.desired.control_plane.as_ref()?;
        input.seen.groups.groups.get(&role.group)
    })?;
    let told =
        group
            .members
            .iter()
            .filter_map(|member| match input.seen.groups.servers.get(&member.machine) {
                Some(Server::Ready { version }) => Some(*version),
                Some(Server::NotReady { .. } | Server::Refused | Server::Silent) | None => None,
            });
    let lowest = told.min()?;
    let planned = servers.filter(|planned| planned.changes());
    Some(planned.map_or(lowest, |planned| planned.to.version))
}

fn of_new(role: &WorkersRole, planned: &WorkerGroupPlan, apiserver: KubernetesVersion) -> Option<Refusal> {
    let kubelet = planned.to.version;
    let group = &planned.group;
    let (message, help) = match KubeletSkew::of(kubelet, apiserver) {
        KubeletSkew::Fits => return None,
        KubeletSkew::TooNew => (
            format!("kubelet {kubelet} of {group} is newer than the apiservers, which serve {apiserver}"),
            "a kubelet is never newer than an apiserver: take the control plane there first".to_owned(),
        ),
        KubeletSkew::TooOld { most } => (
            format!("kubelet {kubelet} of {group} is too old for apiservers of {apiserver}"),
            format!("at most {most} minors behind: pin a newer one"),
        ),
    };
    let refusal = Refusal::new("plan::kubelet_skew", message, help);
    Some(refusal.at(
        version_of(role, planned),
        format!("the apiservers serve {apiserver}"),
    ))
}

/// Nodes as they are now, while the control plane becomes what it shall be: the workers follow only then.
fn of_nodes(input: &PlanInput<'_>, apiserver: KubernetesVersion) -> Vec<Refusal> {
    let nodes = &input.seen.kube.nodes;
    let of = |is_wanted: fn(KubeletSkew) -> bool| {
        let fitting = nodes.iter().filter(move |(_, node)| {
            node.kubelet
                .is_some_and(|kubelet| is_wanted(KubeletSkew::of(kubelet, apiserver)))
        });
        fitting.map(|(name, _)| name).collect::<Vec<_>>()
    };
    let unknown = nodes.iter().filter(|(_, node)| node.kubelet.is_none());
    let unknown: Vec<&NodeName> = unknown.map(|(name, _)| name).collect();
    let goes_back = matches!(input.kind, RolloutKind::Rollback { .. });
    let newer = if goes_back {
        "workers go back before the control plane: pin their former release in the cluster file and `rehull apply` that, then go back"
    } else {
        "let these nodes run an older kubelet first"
    };
    let cases = [
        (
            of(|skew| matches!(skew, KubeletSkew::TooOld { .. })),
            format!("would be too old for apiservers of {apiserver}"),
            "bring their kubelets up before the control plane makes its next hop, also those of groups that rehull does not roll",
        ),
        (
            of(|skew| skew == KubeletSkew::TooNew),
            format!("would be newer than apiservers of {apiserver}"),
            newer,
        ),
        (
            unknown,
            "run a kubelet of no release that could be compared".to_owned(),
            "let them run a release, or take them out of the cluster",
        ),
    ];
    let refusals = cases.into_iter().filter(|(nodes, _, _)| !nodes.is_empty());
    let refusals = refusals.map(|(nodes, what, help)| {
        let message = format!("{} {what}", named(&nodes));
        Refusal::new("plan::kubelet_skew", message, help)
    });
    refusals.collect()
}

fn named(nodes: &[&NodeName]) -> String {
    let first: Vec<&str> = nodes.iter().take(NAMED_MAX).map(|name| name.as_str()).collect();
    match nodes.len().saturating_sub(first.len()) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
