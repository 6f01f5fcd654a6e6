//! Sentences for waits, actions and reasons: the only place where the core's variants become English.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rehull_core::domain::action::{Action, Preflight, TerminateWhy};
use rehull_core::domain::group::Sizes;
use rehull_core::domain::group_action::GroupAction;
use rehull_core::domain::node_action::{NodeAction, OfNode};
use rehull_core::domain::observed::Part;
use rehull_core::domain::terraform::TerraformProgress;
use rehull_core::domain::waiting::{LeftPod, RedGate, StopReason, WaitingOn};

use super::numbers::{bytes, count};

/// When a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When something happens.
    Open,
    /// At this instant, by itself.
    Over(Timestamp),
    /// When something happens; at this instant the rollout stops waiting for it.
    Limit(Timestamp),
}

/// What is waited for, after the word "waiting:".
#[must_use]
pub fn wait(on: &WaitingOn) -> String {
    match on {
        WaitingOn::Unreadable { part: which, why } => format!("{} cannot be read: {why}", part(*which)),
        WaitingOn::Snapshot { bytes: size } => format!("snapshot, {} so far", bytes(*size)),
        WaitingOn::Terraform { progress } => terraform(progress.as_ref()),
        WaitingOn::Boot { machine, phase, .. } => format!("{machine} to be warm ({phase})"),
        WaitingOn::Gate { red } => gates(red),
        WaitingOn::Settle { .. } => "peer links to be old enough for etcd to trust them".to_owned(),
        WaitingOn::Leader { from } => format!("{from} to hand over the lead"),
        WaitingOn::Stop { machine, .. } => format!("etcd on {machine} to stop gracefully"),
        WaitingOn::Slot { part, state } => format!("{part}: {state}"),
        WaitingOn::Join {
            lacks,
            lag: Some(lag),
            ..
        } if *lag > 0 && !lacks.contains("behind") => {
            format!("{lacks}, {} entries behind", count(*lag))
        }
        WaitingOn::Join { lacks, .. } => lacks.clone(),
        WaitingOn::Termination { machine } => format!("{machine} to be terminated"),
        WaitingOn::Bake { .. } => "the bake to end, the last moment to go back for free".to_owned(),
        WaitingOn::OtherMemberOut { slot, seen } => {
            format!("{slot} is out ({seen}): only bringing it back is legal now")
        }
        WaitingOn::Launch { group, .. } => format!("a new machine of {group}"),
        WaitingOn::Serving { machine, lacks, .. } => format!("{machine} to serve: it {lacks}"),
        WaitingOn::Canary { machine, .. } => {
            format!("{machine}, the first new one, to serve for the time of the bake")
        }
        WaitingOn::LetGo { machine, state, .. } => {
            format!("the load balancer to let go of {machine} ({state}), which serves meanwhile")
        }
        WaitingOn::Floor {
            machine,
            healthy,
            floor,
            zone,
        } => {
            let place = zone
                .as_ref()
                .map_or_else(String::new, |zone| format!(" in {zone}"));
            format!("more healthy targets{place}: without {machine} there would be {healthy} of {floor}")
        }
        WaitingOn::NodeReady {
            machine, node, lacks, ..
        } => {
            let node = node
                .as_ref()
                .map_or_else(String::new, |node| format!(" (node {node})"));
            format!("{machine}{node} to carry pods: it {lacks}")
        }
        WaitingOn::Drain { node, pods, .. } => {
            format!("node {node} to be empty: {}", left_pods(pods).join("; "))
        }
        WaitingOn::DrainTurn {
            group,
            draining,
            budget,
        } => format!("a turn to drain the next node of {group}: {draining} of {budget} are being drained"),
        WaitingOn::Retry { action, why, .. } => format!("another try to {action}: {why}"),
    }
}

fn terraform(progress: Option<&TerraformProgress>) -> String {
    match progress {
        None => "terraform has applied; EC2 to list the new versions".to_owned(),
        Some(TerraformProgress { stage, of: 0, .. }) => format!("terraform: {}", stage.words()),
        Some(TerraformProgress { stage, done, of }) => {
            format!("terraform: {}, {done} of {of} done", stage.words())
        }
    }
}

/// The clock of a wait.
#[must_use]
pub fn until(on: &WaitingOn) -> Until {
    match on {
        WaitingOn::Boot { until, .. }
        | WaitingOn::Stop { until, .. }
        | WaitingOn::Join { until, .. }
        | WaitingOn::Launch { until, .. }
        | WaitingOn::NodeReady { until, .. }
        | WaitingOn::Drain { until, .. }
        | WaitingOn::Serving { until, .. } => Until::Limit(*until),
        WaitingOn::Settle { until }
        | WaitingOn::Bake { until }
        | WaitingOn::Canary { until, .. }
        | WaitingOn::LetGo { until, .. } => Until::Over(*until),
        WaitingOn::Retry { at, .. } => Until::Over(*at),
        WaitingOn::Unreadable { .. }
        | WaitingOn::Snapshot { .. }
        | WaitingOn::Terraform { .. }
        | WaitingOn::Gate { .. }
        | WaitingOn::Leader { .. }
        | WaitingOn::Slot { .. }
        | WaitingOn::Termination { .. }
        | WaitingOn::OtherMemberOut { .. }
        | WaitingOn::Floor { .. }
        | WaitingOn::DrainTurn { .. } => Until::Open,
    }
}

/// Every pod by name, with what holds it.
fn left_pods(pods: &[LeftPod]) -> Vec<String> {
    let one = |left: &LeftPod| format!("{} {}", left.pod, left.held.words());
    pods.iter().map(one).collect()
}

fn gates(red: &[RedGate]) -> String {
    let one = |gate: &RedGate| match &gate.slot {
        Some(slot) => format!("{slot} {}: {}", gate.gate, gate.seen),
        None => format!("{}: {}", gate.gate, gate.seen),
    };
    red.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A part of the snapshot, in words.
#[must_use]
pub fn part(part: Part) -> &'static str {
    match part {
        Part::Machines => "the list of machines",
        Part::Slots => "interfaces and volumes",
        Part::Templates => "launch templates",
        Part::BootReports => "boot reports",
        Part::Jobs => "the snapshot, or Terraform's run",
        Part::Identity => "the identity record",
        Part::Mailbox => "the mailbox",
        Part::Groups => "Auto Scaling groups",
        Part::Targets => "targets of load balancers",
        Part::Kube => "nodes and pods",
    }
}

/// What an action does, in the imperative, with every name it touches.
#[must_use]
pub fn action(action: &Action) -> String {
    match action {
        Action::StartSnapshot => "take a snapshot".to_owned(),
        Action::CreateTemplateVersion { template, .. } => {
            format!("make a version of launch template {template}")
        }
        Action::ApplyTerraform { approved } => format!("begin terraform apply of {approved}"),
        Action::LaunchMachine {
            template,
            version,
            join,
            ..
        } => {
            format!("launch from {template} version {version} ({})", join.as_str())
        }
        Action::MoveLeader { from, to, .. } => format!("move the leader from {from} to {to}"),
        Action::AskStop { machine, .. } => format!("stop etcd on {machine}"),
        Action::RemoveMember { member, via, .. } => format!("remove member {member}, asking {via}"),
        Action::DetachInterface {
            interface, machine, ..
        } => format!("detach {interface} from {machine}"),
        Action::DetachVolume { volume, machine, .. } => format!("detach {volume} from {machine}"),
        Action::AttachInterface {
            interface, machine, ..
        } => format!("attach {interface} to {machine}"),
        Action::AttachVolume {
            volume,
            machine,
            generation,
            ..
        } => {
            format!("attach {volume} (generation {generation}) to {machine}")
        }
        Action::AddMember {
            peer_url,
            via,
            learner,
            ..
        } => {
            let kind = if *learner { "learner" } else { "member" };
            format!("add {kind} {peer_url}, asking {via}")
        }
        Action::PromoteMember { member, via, .. } => format!("promote learner {member}, asking {via}"),
        Action::Go { machine, .. } => format!("tell {machine} to go"),
        Action::Preflight {
            check: Preflight::Writes,
        } => "write a small key through every member".to_owned(),
        Action::Preflight {
            check: Preflight::Data,
        } => "compare the data of all members".to_owned(),
        Action::VerifyData { slot } => format!("compare the data of {slot} with the others"),
        Action::TerminateMachine { machine, why, .. } => {
            format!("terminate {machine} ({})", terminate_why(*why))
        }
        Action::RecordIdentity { etcd_cluster } => {
            format!("record the identity of etcd cluster {etcd_cluster}")
        }
        Action::Group(action) => group_action(action),
        Action::Node(action) => node_action(action),
    }
}

fn node_action(action: &NodeAction) -> String {
    let OfNode { node, machine, .. } = action.of();
    match action {
        NodeAction::Cordon(_) => format!("cordon {node} ({machine})"),
        NodeAction::Uncordon(_) => format!("uncordon {node} ({machine})"),
        NodeAction::Taint(_) => format!("mark {node} ({machine}) as one that is replaced soon"),
        NodeAction::Untaint(_) => format!("take that mark from {node} ({machine})"),
        NodeAction::Drain { pods, .. } => format!("drain {node} ({machine}) of {} pods", pods.len()),
        NodeAction::Evict { pod, .. } => format!("evict {pod} from {node}"),
    }
}

fn group_action(action: &GroupAction) -> String {
    let list = |processes: &BTreeSet<String>| {
        let names: Vec<&str> = processes.iter().map(String::as_str).collect();
        names.join(", ")
    };
    match action {
        GroupAction::HoldGroup { group, processes, .. } => format!("suspend {} of {group}", list(processes)),
        GroupAction::CreateVersion { template, .. } => format!("make a version of {template}"),
        GroupAction::ReleaseGroup { group, processes } => {
            format!("resume {} of {group}", list(processes))
        }
        GroupAction::SetGroup {
            group,
            version,
            sizes: Sizes { min, max, desired },
        } => format!("let {group} launch version {version}, {desired} machines ({min} to {max})"),
        GroupAction::Deregister { machine, targets, .. } => {
            format!("deregister {machine} from {}", targets.name())
        }
        GroupAction::TerminateMember { machine, group } => {
            format!("terminate {machine}, and {group} wants one less")
        }
    }
}

fn terminate_why(why: TerminateWhy) -> &'static str {
    match why {
        TerminateWhy::Replaced => "replaced",
        TerminateWhy::Released => "the spare has done its part",
        TerminateWhy::Unwanted => "not wanted any more",
        TerminateWhy::DidNotBoot => "it did not boot",
        TerminateWhy::DidNotJoin => "its member did not join in time",
        TerminateWhy::PoweredOff => "somebody switched it off, and its member is back on another machine",
        TerminateWhy::UngracefulStop => "its graceful stop was not seen in time",
    }
}

/// Why a rollout stopped; more than one line only where evidence is shown.
#[must_use]
pub fn because(reason: &StopReason) -> Vec<String> {
    match reason {
        StopReason::Asked { how } => vec![format!("asked to: {how}")],
        StopReason::QuorumLost { evidence } => {
            let mut lines = vec!["etcd has lost its quorum: nothing may be touched".to_owned()];
            lines.extend(evidence.iter().cloned());
            lines
        }
        StopReason::OutsideEnvelope { what } => vec![format!("the world is not as approved: {what}")],
        StopReason::BootRefused { machine, code, text } => {
            vec![format!("{machine} refused to boot ({code}): {text}")]
        }
        StopReason::Deadline { what } => vec![what.clone()],
        StopReason::Refused { action, text } => vec![format!("{action} was refused: {text}")],
        StopReason::PastPointOfNoReturn { slot, what } => vec![format!("{slot}: {what}")],
        StopReason::Alarm { slot, alarm } => vec![format!("{slot} raised the alarm {alarm}")],
        StopReason::NoCapacity { slot, text } => vec![
            format!("no capacity for the replacement of {slot}: {text}"),
            "its old machine was not touched".to_owned(),
        ],
        StopReason::NoLaunch { group, text } => vec![
            format!("{group} cannot launch: {text}"),
            "how many it should be, and what it launches, were put back".to_owned(),
        ],
        StopReason::Undrained { node, pods } => {
            let mut lines = vec![format!("node {node} was not empty in time; nothing was forced")];
            lines.extend(left_pods(pods));
            lines
        }
        StopReason::Terraform { why, .. } => vec![format!("terraform: {why}")],
        StopReason::LeaseLost { holder } if holder.is_empty() => vec!["the lease was lost".to_owned()],
        StopReason::LeaseLost { holder } => vec![format!("the lease was taken over by {holder}")],
        StopReason::StoreSilent { store, since, why } => vec![
            format!("the store {store} does not answer since {since:.0}: {why}"),
            "nobody is known to have taken the lease over; it runs out by itself".to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use rehull_core::domain::ids::SlotName;

    use super::*;

    #[test]
    fn a_red_gate_names_the_member_the_gate_and_what_was_seen() {
        let red = vec![
            RedGate {
                slot: Some(SlotName::new("etcd-c")),
                gate: "applied-lag".to_owned(),
                seen: "4120 entries behind (gate: 100)".to_owned(),
                until: None,
            },
            RedGate {
                slot: None,
                gate: "leader".to_owned(),
                seen: "no leader".to_owned(),
                until: None,
            },
        ];
        assert_eq!(
            wait(&WaitingOn::Gate { red }),
            "etcd-c applied-lag: 4120 entries behind (gate: 100); leader: no leader"
        );
    }
}
