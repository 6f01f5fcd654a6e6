//! Short words for a column of a story; whole sentences for operators are `src/report`'s business.

use crate::domain::action::Action;
use crate::domain::waiting::{RedGate, StopReason, WaitingOn};
use crate::sim::fault::{Happening, RequestTrouble};
use crate::sim::process::Ended;

pub(super) fn action(action: &Action) -> String {
    match action {
        Action::MoveLeader { to, .. } => format!("move leader to {to}"),
        Action::StartSnapshot => "start".to_owned(),
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
        | Action::VerifyData { .. }
        | Action::TerminateMachine { .. }
        | Action::RecordIdentity { .. } => action.verb().to_owned(),
    }
}

pub(super) fn wait_word(on: &WaitingOn) -> &'static str {
    on.name()
}

pub(super) fn wait(on: &WaitingOn) -> String {
    match on {
        WaitingOn::Unreadable { part, why } => format!("cannot read {}: {why}", part.words()),
        WaitingOn::Snapshot { .. } => "snapshot under way".to_owned(),
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
        WaitingOn::Retry { action, why, .. } => format!("retry of {action}: {why}"),
    }
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
    }
}

/// `None`: the end of something that has none.
pub(super) fn world(what: &Happening, begins: bool) -> Option<String> {
    let both = |begin: String, end: String| Some(if begins { begin } else { end });
    let once = |text: String| begins.then_some(text);
    match what {
        Happening::Terminate { slot } => once(format!("somebody terminates the machine of {slot}")),
        Happening::PowerCut { slot } => both(
            format!("the machine of {slot} loses its power"),
            format!("the machine of {slot} has power again"),
        ),
        Happening::KillProcess { slot } => once(format!("etcd of {slot} is killed; systemd starts it again")),
        Happening::Freeze { slot } => both(format!("{slot} hangs"), format!("{slot} goes on")),
        Happening::LeaderFlip => Some("the leader changes".to_owned()),
        Happening::Alarm { slot, alarm } => both(
            format!("{slot} raises {alarm}"),
            format!("{alarm} of {slot} is cleared"),
        ),
        Happening::RemoveMember { slot } => once(format!("somebody removes the member of {slot}")),
        Happening::NoCapacity { slot } => both(
            format!("the zone of {slot} has no capacity"),
            format!("the zone of {slot} has capacity again"),
        ),
        Happening::ZoneLoss { slot } => both(
            format!("the zone of {slot} is lost"),
            format!("the zone of {slot} is back"),
        ),
        Happening::StuckVolume { slot } => both(
            format!("the volume of {slot} is stuck"),
            format!("the volume of {slot} moves again"),
        ),
        Happening::WrongArtefact => both(
            "the artefact store holds another binary".to_owned(),
            "the artefact store is right again".to_owned(),
        ),
        Happening::NeverBoots => both(
            "machines launched from now on never boot".to_owned(),
            "new machines boot again".to_owned(),
        ),
        Happening::Throttle => both("EC2 throttles".to_owned(), "EC2 relents".to_owned()),
        Happening::StoreDown => both("the store is down".to_owned(), "the store is back".to_owned()),
        Happening::ExpiredCredentials => both(
            "rehull's credentials expire".to_owned(),
            "rehull's credentials are good again".to_owned(),
        ),
        Happening::ClockJump { seconds } => once(format!("rehull's clock jumps by {seconds} s")),
        Happening::AskAbort => once("a person asks for an abort".to_owned()),
        Happening::SecondRehull => once("a second rehull is started".to_owned()),
    }
}

pub(super) fn ended(ended: &Ended) -> String {
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
            | StopReason::StoreSilent { .. } => "rehull resume upgrade",
        },
        Ended::Held(_) => "rehull status upgrade",
        Ended::Failed(_) => "rehull resume upgrade",
        Ended::Finished | Ended::Closed(_) => "rehull report upgrade",
    }
}
