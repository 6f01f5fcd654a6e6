//! Nodes and what runs on them: the look at them, and what is done to them.

use super::ports::{Ports, Scene};
use crate::domain::kube::KubeView;
use crate::domain::kube::REPLACED_SOON;
use crate::domain::node_action::NodeAction;
use crate::domain::observed::{Gap, Observed, Part, Partial};
use crate::mutant::mutant;
use crate::ports::PortError;

const NOT_CONNECTED: &str = "this process has no connection to Kubernetes";

/// Everything, where the scene has nodes to roll.
pub(super) async fn observe(ports: &Ports<'_>, scene: &Scene) -> Partial<KubeView> {
    let nothing = |gaps| Partial {
        value: KubeView::default(),
        gaps,
    };
    if scene.workers.is_empty() {
        return nothing(Vec::new());
    }
    match ports.kube {
        Some(kube) => kube.view.observe().await,
        None => nothing(vec![Gap {
            part: Part::Kube,
            why: NOT_CONNECTED.to_owned(),
        }]),
    }
}

/// One bounded call.
pub(super) async fn perform(ports: Ports<'_>, action: &NodeAction) -> Result<(), PortError> {
    let Some(kube) = ports.kube else {
        let why = NOT_CONNECTED.to_owned();
        return Err(PortError::NotSent { why });
    };
    match action {
        NodeAction::Cordon(_) if mutant!(SkipCordon) => Ok(()),
        NodeAction::Cordon(of) => kube.nodes.cordon(&of.node).await,
        NodeAction::Uncordon(of) => kube.nodes.uncordon(&of.node).await,
        NodeAction::Taint(of) => kube.nodes.taint(&of.node).await,
        NodeAction::Untaint(of) => kube.nodes.untaint(&of.node).await,
        // Who has to leave is written down with the intent; each of them is asked by itself.
        NodeAction::Drain { .. } => Ok(()),
        NodeAction::Evict { pod, uid, .. } => {
            let told = kube.evictions.evict(pod, uid).await;
            told.or_else(|why| why.into_error().map_or(Ok(()), Err))
        }
    }
}

/// The world shows what the action was to bring about.
pub(super) fn is_evident(action: &NodeAction, seen: &Observed) -> bool {
    let of = action.of();
    let node = seen
        .kube
        .nodes
        .get(&of.node)
        .filter(|node| node.machine.as_ref() == Some(&of.machine));
    match action {
        NodeAction::Cordon(_) => node.is_some_and(|node| node.is_cordoned),
        NodeAction::Uncordon(_) => node.is_none_or(|node| !node.is_cordoned),
        NodeAction::Taint(_) => node.is_some_and(|node| node.taints.contains(REPLACED_SOON)),
        NodeAction::Untaint(_) => node.is_none_or(|node| !node.taints.contains(REPLACED_SOON)),
        // Written down is done.
        NodeAction::Drain { .. } => true,
        NodeAction::Evict { uid, .. } => !seen.kube.pods.contains_key(uid),
    }
}
