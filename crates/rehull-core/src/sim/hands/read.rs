//! EC2's answers as nouns of the domain, and its refusals as the adapter classifies them.

use std::time::Duration;

use crate::domain::fleet::{Attachment, Join, Machine, MachineState, tag};
use crate::domain::ids::{ContentDigest, Generation, InstanceId, SlotName, Zone};
use crate::ports::{PortError, Rule};
use crate::world::AwsError;
use crate::world::instance::{Instance, InstanceState};
use crate::world::interface::AttachmentState;

/// An instance; `None`: its tags are gone with it.
pub(super) fn machine(instance: &Instance) -> Option<Machine> {
    let tags = &instance.tags;
    let join = [Join::Bootstrap, Join::Existing, Join::Reattach];
    Some(Machine {
        id: InstanceId::new(&instance.id),
        slot: SlotName::new(tags.get(tag::SLOT)?),
        state: state(instance.state),
        zone: Some(Zone::new(&instance.zone)),
        template_version: tags
            .get("aws:ec2launchtemplate:version")
            .and_then(|text| text.parse().ok()),
        digest: tags.get(tag::DIGEST).map(ContentDigest::new),
        generation: tags
            .get(tag::GENERATION)
            .and_then(|text| text.parse().ok())
            .map(Generation),
        join: tags
            .get(tag::JOIN)
            .and_then(|text| join.into_iter().find(|join| join.as_str() == text)),
        go: tags.contains_key(tag::GO),
        stop_asked: tags.contains_key(tag::STOP),
        launched_at: Some(instance.launched),
        report: None,
    })
}

fn state(state: InstanceState) -> MachineState {
    match state {
        InstanceState::Pending => MachineState::Pending,
        InstanceState::Running => MachineState::Running,
        InstanceState::ShuttingDown => MachineState::ShuttingDown,
        InstanceState::Terminated => MachineState::Terminated,
        InstanceState::Stopped => MachineState::Stopped,
    }
}

/// Where a part is.
pub(super) fn attachment(at: Option<(&str, AttachmentState)>) -> Attachment {
    let Some((instance, state)) = at else {
        return Attachment::Available;
    };
    let machine = InstanceId::new(instance);
    match state {
        AttachmentState::Attaching => Attachment::Attaching(machine),
        AttachmentState::Attached => Attachment::Attached(machine),
        AttachmentState::Detaching | AttachmentState::Busy => Attachment::Detaching(machine),
    }
}

/// A refusal of EC2. `absent` is what an unknown id means for this call.
pub(super) fn refusal(error: &AwsError, absent: fn(String) -> PortError) -> PortError {
    let text = format!("{}: {}", error.code, error.message);
    match error.code {
        "RequestLimitExceeded" | "SlowDown" => PortError::Throttled {
            after: Duration::from_secs(2),
        },
        "RequestExpired" | "ExpiredToken" => PortError::NotSent { why: text },
        "InsufficientInstanceCapacity" => refused(Rule::InsufficientCapacity, text),
        "IncorrectState" | "VolumeInUse" | "InvalidNetworkInterface.InUse" | "IncorrectInstanceState" => {
            refused(Rule::Busy, text)
        }
        "InvalidLaunchTemplateName.AlreadyExistsException" => refused(Rule::Busy, text),
        "UnauthorizedOperation" | "AuthFailure" | "AccessDenied" => PortError::Denied { action: text },
        code if code.contains("NotFound") => absent(text),
        _ => refused(Rule::Invalid, text),
    }
}

/// A new id that EC2 does not know yet.
pub(super) fn not_yet(why: String) -> PortError {
    PortError::NotYetVisible { why }
}

/// An old id that EC2 does not know any more.
pub(super) fn gone(what: String) -> PortError {
    PortError::Gone { what }
}

pub(super) fn refused(rule: Rule, text: String) -> PortError {
    PortError::Refused { rule, text }
}
