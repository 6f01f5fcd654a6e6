//! Short words for a column of a story; whole sentences for operators are `src/report`'s business.

use crate::domain::action::Action;
use crate::domain::group_action::GroupAction;
use crate::domain::node_action::NodeAction;
use crate::domain::waiting::{LeftPod, RedGate, StopReason, WaitingOn};
use crate::sim::fault::{Happening, RequestTrouble};
use crate::sim::process::Ended;

pub(super) fn action(action: &Action) -> String {
    match action {
        Action::MoveLeader { to, .. } => format!("move leader to {to}"),
        Action::StartSnapshot | Action::ApplyTerraform { .. } => "start".to_owned(),
        Action::CreateTemplateVersion { .. }
        | Action::LaunchMachine { .. }
        | Action::AskStop { .. }
        | Action::RemoveMember { .. }
        | Action::DetachInterface { .. }
        | Action::DetachVolume { .. }
        | Action::AttachInterface { .. }
        | Action::AttachVolume { .. }
        | Action::AddMember { .. }
        | Action::PromoteMember { .. }
        | Action::Go { .. }
        | Action::Preflight { .. }
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. } => action.verb().to_owned(),
        Action::Group(action) => group_action(action),
        Action::Node(action) => node_action(action),
    }
}

fn group_action(action: &GroupAction) -> String {
    match action {
        GroupAction::SetGroup { version, sizes, .. } => {
            format!("launch v{version}, {} of at most {}", sizes.desired, sizes.max)
        }
        GroupAction::HoldGroup { .. }
        | GroupAction::CreateVersion { .. }
        | GroupAction::ReleaseGroup { .. } => action.verb().to_owned(),
        GroupAction::Deregister { machine, .. } | GroupAction::TerminateMember { machine, .. } => {
            format!("{} {machine}", action.verb())
        }
    }
}

fn node_action(action: &NodeAction) -> String {
    match action {
        NodeAction::Cordon(of) | NodeAction::Uncordon(of) => format!("{} {}", action.verb(), of.node),
        NodeAction::Taint(of) | NodeAction::Untaint(of) => format!("{} {}", action.verb(), of.node),
        NodeAction::Drain { of, pods } => format!("drain {} of {} pods", of.node, pods.len()),
        NodeAction::Evict { pod, .. } => format!("evict {pod}"),
    }
}

/// Waits of one step with the same word are one line: each part of a run of Terraform has its own.
pub(super) fn wait_word(on: &WaitingOn) -> &'static str {
    match on {
        WaitingOn::Terraform {
            progress: Some(progress),
        } => progress.stage.words(),
        WaitingOn::Terraform { progress: None }
        | WaitingOn::Unreadable { .. }
        | WaitingOn::Snapshot { .. }
        | WaitingOn::Boot { .. }
        | WaitingOn::Gate { .. }
        | WaitingOn::Settle { .. }
        | WaitingOn::Leader { .. }
        | WaitingOn::Stop { .. }
        | WaitingOn::Slot { .. }
        | WaitingOn::Join { .. }
        | WaitingOn::Termination { .. }
        | WaitingOn::Bake { .. }
        | WaitingOn::OtherMemberOut { .. }
        | WaitingOn::Launch { .. }
        | WaitingOn::Serving { .. }
        | WaitingOn::Canary { .. }
        | WaitingOn::LetGo { .. }
        | WaitingOn::Floor { .. }
        | WaitingOn::NodeReady { .. }
        | WaitingOn::Drain { .. }
        | WaitingOn::DrainTurn { .. }
        | WaitingOn::Retry { .. } => on.name(),
    }
}

pub(super) fn wait(on: &WaitingOn) -> String {
    match on {
        WaitingOn::Unreadable { part, why } => format!("cannot read {}: {why}", part.words()),
        WaitingOn::Snapshot { .. } => "snapshot under way".to_owned(),
        WaitingOn::Terraform { progress } => match progress {
            Some(progress) => format!("terraform: {}", progress.stage.words()),
            None => "terraform has applied, EC2 does not show it yet".to_owned(),
        },
        WaitingOn::Boot { .. } => "boot".to_owned(),
        WaitingOn::Gate { red } => gates(red),
        WaitingOn::Settle { .. } => "peer links settle".to_owned(),
        WaitingOn::Leader { from } => format!("{from} hands over the lead"),
        WaitingOn::Stop { .. } => "etcd stops".to_owned(),
        WaitingOn::Slot { part, state } => format!("{part} {state}"),
        WaitingOn::Join { lacks, .. } => format!("join: {lacks}"),
        WaitingOn::Termination { .. } => "termination".to_owned(),
        WaitingOn::Bake { .. } => "bake before the point of no return".to_owned(),
        WaitingOn::OtherMemberOut { slot, seen } => format!("{slot} is out: {seen}"),
        WaitingOn::Launch { .. } => "the group launches".to_owned(),
        WaitingOn::Serving { machine, lacks, .. } => format!("{machine} {lacks}"),
        WaitingOn::Canary { machine, .. } => format!("{machine} is watched"),
        WaitingOn::LetGo { machine, state, .. } => format!("{machine} {state}, and serves on"),
        WaitingOn::Floor {
            machine,
            healthy,
            floor,
            zone,
        } => {
            let place = zone
                .as_ref()
                .map_or_else(String::new, |zone| format!(" in {zone}"));
            format!("without {machine} {healthy} healthy of {floor}{place}")
        }
        WaitingOn::NodeReady { machine, lacks, .. } => format!("{machine} {lacks}"),
        WaitingOn::Drain { node, pods, .. } => format!("{node}: {}", left(pods)),
        WaitingOn::DrainTurn {
            group,
            draining,
            budget,
        } => format!("the next of {group}: {draining} of {budget} nodes are being drained"),
        WaitingOn::Retry { action, why, .. } => format!("retry of {action}: {why}"),
    }
}

fn left(pods: &[LeftPod]) -> String {
    let one = |left: &LeftPod| format!("{} {}", left.pod, left.held.words());
    pods.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn gates(red: &[RedGate]) -> String {
    let one = |gate: &RedGate| match &gate.slot {
        Some(slot) => format!("{slot} {}: {}", gate.gate, gate.seen),
        None => format!("{}: {}", gate.gate, gate.seen),
    };
    format!(
        "red gates: {}",
        red.iter().map(one).collect::<Vec<_>>().join("; ")
    )
}

pub(super) fn trouble(process: u32, request: &str, how: RequestTrouble) -> String {
    match how {
        RequestTrouble::KillBefore => format!("rehull {process} is killed before {request}"),
        RequestTrouble::KillAfter => format!("rehull {process} is killed after {request}"),
        RequestTrouble::LoseRequest => format!("{request} is lost on its way"),
        RequestTrouble::LoseAnswer => format!("the answer to {request} is lost"),
        RequestTrouble::Delay => format!("{request} arrives {} s late", RequestTrouble::DELAY.as_secs()),
        RequestTrouble::Twice => format!("{request} arrives twice"),
        RequestTrouble::Pause => {
            format!("rehull {process} is stopped before {request}, for two lives of its lease")
        }
        RequestTrouble::Throttle => format!("{request} is throttled"),
        RequestTrouble::LateAnswer => {
            format!(
                "the answer to {request} comes {} s late",
                RequestTrouble::DELAY.as_secs()
            )
        }
    }
}

/// `None`: the end of something that has none.
pub(super) fn world(what: &Happening, begins: bool) -> Option<String> {
    if begins { Some(begin(what)) } else { end(what) }
}

fn begin(what: &Happening) -> String {
    match what {
        Happening::Terminate { slot } => format!("somebody terminates the machine of {slot}"),
        Happening::PowerCut { slot } => format!("the machine of {slot} loses its power"),
        Happening::KillProcess { slot } => format!("etcd of {slot} is killed; systemd starts it again"),
        Happening::Freeze { slot } => format!("{slot} hangs"),
        Happening::LeaderFlip => "the leader changes".to_owned(),
        Happening::Alarm { slot, alarm } => format!("{slot} raises {alarm}"),
        Happening::RemoveMember { slot } => format!("somebody removes the member of {slot}"),
        Happening::NoCapacity { slot } => format!("the zone of {slot} has no capacity"),
        Happening::ZoneLoss { slot } => format!("the zone of {slot} is lost"),
        Happening::ServerLost { slot } => {
            format!("somebody terminates the control-plane machine in the zone of {slot}")
        }
        Happening::ListenerGone => "somebody takes the load balancer's listener away".to_owned(),
        Happening::NodeLost => "somebody terminates a worker".to_owned(),
        Happening::KubeletHangs => "the kubelet of a worker hangs".to_owned(),
        Happening::BudgetBlocks => "the budget default/web allows nobody to go".to_owned(),
        Happening::ScaleOut => "an autoscaler wants one more of sim-workers-a".to_owned(),
        Happening::ZoneAdded => "somebody adds a zone to sim-workers-a".to_owned(),
        Happening::VersionEdited => "somebody lets the group launch another version".to_owned(),
        Happening::MaxLowered => "somebody lowers the maximum of the group by one".to_owned(),
        Happening::ProcessesResumed => "somebody resumes all processes of the group".to_owned(),
        Happening::ScaleIn => "somebody wants one less of the group".to_owned(),
        Happening::StuckVolume { slot } => format!("the volume of {slot} is stuck"),
        Happening::WrongArtefact => "the artefact store holds another binary".to_owned(),
        Happening::NeverBoots => "machines launched from now on never boot".to_owned(),
        Happening::StaleUserData => "machines launched from now on boot with former user data".to_owned(),
        Happening::ForeignUserData { slot } => {
            format!("machines launched from now on boot with the user data of {slot}")
        }
        Happening::StaleReads { seconds } => format!("AWS tells what was {seconds} s ago"),
        Happening::ReadsLost => "every other answer of AWS and Kubernetes gets lost".to_owned(),
        Happening::Throttle => "EC2 throttles".to_owned(),
        Happening::StoreDown => "the store is down".to_owned(),
        Happening::ExpiredCredentials => "rehull's credentials expire".to_owned(),
        Happening::ClockJump { seconds } => format!("rehull's clock jumps by {seconds} s"),
        Happening::BootsLate { seconds } => format!("machines launched from now on boot {seconds} s late"),
        Happening::SlowJoin { seconds } => format!("members that join from now on catch up {seconds} s late"),
        Happening::Partition { slot } => format!("{slot} is cut off from its peers"),
        Happening::ForeignVolume { slot } => {
            format!("somebody tags the volume of {slot} for another cluster")
        }
        Happening::SnapshotHangs => "snapshots do not get done".to_owned(),
        Happening::SnapshotFails => "snapshots fail".to_owned(),
        Happening::AskAbort => "a person asks for an abort".to_owned(),
        Happening::Revert => "the change is reverted".to_owned(),
        Happening::SecondRehull => "a second rehull is started".to_owned(),
        Happening::ComputerLost => "the computer of rehull is lost, and what runs on it".to_owned(),
        Happening::PlanDies => "Terraform will be killed while it plans".to_owned(),
        Happening::ApplyDies { slot } => {
            format!("Terraform will be killed when it has made the version of {slot}")
        }
        Happening::PlanChanged => "somebody changes the module of Terraform".to_owned(),
        Happening::StateLocked => "somebody else locks the state of Terraform".to_owned(),
        Happening::TerraformSlow { seconds } => {
            format!("programs of Terraform take {seconds} s longer from now on")
        }
    }
}

fn end(what: &Happening) -> Option<String> {
    Some(match what {
        Happening::PowerCut { slot } => format!("the machine of {slot} has power again"),
        Happening::Freeze { slot } => format!("{slot} goes on"),
        Happening::LeaderFlip => "the leader changes again".to_owned(),
        Happening::Alarm { slot, alarm } => format!("{alarm} of {slot} is cleared"),
        Happening::NoCapacity { slot } => format!("the zone of {slot} has capacity again"),
        Happening::ZoneLoss { slot } => format!("the zone of {slot} is back"),
        Happening::ListenerGone => "the load balancer has its listener again".to_owned(),
        Happening::KubeletHangs => "the kubelet goes on".to_owned(),
        Happening::BudgetBlocks => "the budget default/web is as before".to_owned(),
        Happening::ZoneAdded => "somebody takes the zone away again".to_owned(),
        Happening::StuckVolume { slot } => format!("the volume of {slot} moves again"),
        Happening::WrongArtefact => "the artefact store is right again".to_owned(),
        Happening::NeverBoots => "new machines boot again".to_owned(),
        Happening::StaleUserData | Happening::ForeignUserData { .. } => {
            "new machines boot with their own user data again".to_owned()
        }
        Happening::StaleReads { .. } => "AWS tells what is".to_owned(),
        Happening::ReadsLost => "all answers come again".to_owned(),
        Happening::Throttle => "EC2 relents".to_owned(),
        Happening::StoreDown => "the store is back".to_owned(),
        Happening::ExpiredCredentials => "rehull's credentials are good again".to_owned(),
        Happening::BootsLate { .. } => "new machines boot in time again".to_owned(),
        Happening::SlowJoin { .. } => "new members catch up in time again".to_owned(),
        Happening::Partition { slot } => format!("{slot} reaches its peers again"),
        Happening::ForeignVolume { slot } => format!("the volume of {slot} is tagged right again"),
        Happening::SnapshotHangs => "snapshots get done again".to_owned(),
        Happening::SnapshotFails => "snapshots are good again".to_owned(),
        Happening::PlanChanged => "the module is as it was again".to_owned(),
        Happening::StateLocked => "the state of Terraform is free again".to_owned(),
        Happening::TerraformSlow { .. } => "Terraform is as fast as before again".to_owned(),
        Happening::Terminate { .. }
        | Happening::ServerLost { .. }
        | Happening::NodeLost
        | Happening::ScaleOut
        | Happening::VersionEdited
        | Happening::MaxLowered
        | Happening::ProcessesResumed
        | Happening::ScaleIn
        | Happening::KillProcess { .. }
        | Happening::RemoveMember { .. }
        | Happening::ClockJump { .. }
        | Happening::AskAbort
        | Happening::Revert
        | Happening::SecondRehull
        | Happening::ComputerLost
        | Happening::PlanDies
        | Happening::ApplyDies { .. } => return None,
    })
}

pub(in crate::sim) fn ended(ended: &Ended) -> String {
    match ended {
        Ended::Finished => "finished".to_owned(),
        Ended::Closed(outcome) => format!("it was over before ({outcome})"),
        Ended::Held(by) => format!("the lease is held by {by}"),
        Ended::Failed(why) => format!("could not go on: {why}"),
        Ended::Stopped { reason, rest } => {
            let at_rest = if rest.at_rest { "at rest" } else { "NOT at rest" };
            format!("{}{} ({at_rest})", reason.name(), because(reason))
        }
    }
}

fn because(reason: &StopReason) -> String {
    match reason {
        StopReason::Asked { how } => format!(": {how}"),
        StopReason::QuorumLost { evidence } => format!(": {}", evidence.join("; ")),
        StopReason::OutsideEnvelope { what }
        | StopReason::Deadline { what }
        | StopReason::PastPointOfNoReturn { what, .. } => format!(": {what}"),
        StopReason::BootRefused { code, text, .. } => format!(": {code}, {text}"),
        StopReason::Refused { action, text } => format!(": {action}: {text}"),
        StopReason::Alarm { slot, alarm } => format!(": {slot} {alarm}"),
        StopReason::NoCapacity { slot, .. } => format!(" for {slot}"),
        StopReason::NoLaunch { group, text } => format!(" of {group}: {text}"),
        StopReason::Undrained { node, pods } => format!(": {node}: {}", left(pods)),
        StopReason::Terraform { why, .. } => format!(": {why}"),
        StopReason::LeaseLost { holder } => format!(" to {holder}"),
        StopReason::StoreSilent { why, .. } => format!(": {why}"),
    }
}

/// What a person types next.
pub(super) fn next(ended: &Ended) -> &'static str {
    match ended {
        Ended::Stopped { reason, .. } => match reason {
            StopReason::QuorumLost { .. } => {
                "bring back members that still have their volume, then rehull status upgrade"
            }
            StopReason::OutsideEnvelope { .. } => "put back what was changed, then rehull resume upgrade",
            StopReason::PastPointOfNoReturn { .. } => {
                "rehull report upgrade; etcd's own downgrade is the way"
            }
            StopReason::Alarm { .. } => "rehull etcd status, clear the alarm, then rehull resume upgrade",
            StopReason::LeaseLost { .. } => "rehull status upgrade",
            StopReason::Asked { .. }
            | StopReason::BootRefused { .. }
            | StopReason::Deadline { .. }
            | StopReason::Refused { .. }
            | StopReason::NoCapacity { .. }
            | StopReason::NoLaunch { .. }
            | StopReason::Undrained { .. }
            | StopReason::Terraform { .. }
            | StopReason::StoreSilent { .. } => "rehull resume upgrade",
        },
        Ended::Held(_) => "rehull status upgrade",
        Ended::Failed(_) => "rehull resume upgrade",
        Ended::Finished | Ended::Closed(_) => "rehull report upgrade",
    }
}
