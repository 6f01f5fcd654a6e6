//! EC2's answers as nouns of `rehull_core`. The only place that reads SDK enums: a word that this version of the SDK
//! does not know is kept as it came, because it must lead to the careful branch and be named there.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the SDK's enums are non-exhaustive and their `Unknown` may not be matched by name: `other` is it"
)]

use std::net::Ipv4Addr;

use aws_sdk_ec2::types::{
    AttachmentStatus, Instance, InstanceStateName, LaunchTemplateVersion as SdkTemplateVersion,
    NetworkInterface, NetworkInterfaceStatus, Tag, Volume, VolumeAttachment, VolumeAttachmentState,
    VolumeState,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use rehull_core::domain::fleet::{Attachment, Join, Machine, MachineState, Part, TemplateVersion, tag};
use rehull_core::domain::ids::{
    ContentDigest, Generation, InstanceId, InterfaceId, LaunchTemplateVersion, SlotName, VolumeId, Zone,
};

/// EC2 itself tags what was launched from a template.
const TEMPLATE_VERSION_TAG: &str = "aws:ec2launchtemplate:version";

/// Something read, and sentences about what could not be understood of it.
pub(super) struct Read<T> {
    pub(super) value: T,
    pub(super) doubts: Vec<String>,
}

/// An instance with this cluster's tag. `None`: a terminated one that has lost its tags, of which nothing can be told.
pub(super) fn machine(instance: &Instance) -> Read<Option<Machine>> {
    let mut doubts = Vec::new();
    let id = instance.instance_id().unwrap_or_default();
    let state = machine_state(instance);
    let tags = instance.tags();
    let Some(slot) = value(tags, tag::SLOT) else {
        // Tags vanish some time after the end. A living machine without a slot is somebody's mistake, and could be
        // holding a member's disk.
        if !matches!(state, MachineState::Terminated | MachineState::ShuttingDown) {
            doubts.push(format!(
                "`{id}` has the tag `{}` but no `{}`",
                tag::CLUSTER,
                tag::SLOT
            ));
        }
        return Read { value: None, doubts };
    };
    let machine = Machine {
        id: InstanceId::new(id),
        slot: SlotName::new(slot),
        state,
        zone: instance
            .placement()
            .and_then(|placement| placement.availability_zone())
            .map(Zone::new),
        template_version: value(tags, TEMPLATE_VERSION_TAG).and_then(|text| text.parse().ok()),
        digest: value(tags, tag::DIGEST).map(ContentDigest::new),
        generation: understood(id, tags, tag::GENERATION, &mut doubts, generation),
        join: understood(id, tags, tag::JOIN, &mut doubts, join),
        go: value(tags, tag::GO).is_some(),
        stop_asked: value(tags, tag::STOP).is_some(),
        launched_at: instance.launch_time().and_then(timestamp),
        report: None,
    };
    Read {
        value: Some(machine),
        doubts,
    }
}

fn machine_state(instance: &Instance) -> MachineState {
    let Some(name) = instance.state().and_then(|state| state.name()) else {
        return MachineState::Other("no state".to_owned());
    };
    match name {
        InstanceStateName::Pending => MachineState::Pending,
        InstanceStateName::Running => MachineState::Running,
        InstanceStateName::Stopping => MachineState::Stopping,
        InstanceStateName::Stopped => MachineState::Stopped,
        InstanceStateName::ShuttingDown => MachineState::ShuttingDown,
        InstanceStateName::Terminated => MachineState::Terminated,
        other => MachineState::Other(other.as_str().to_owned()),
    }
}

/// A volume with its generation and cluster tags.
pub(super) struct VolumeSeen {
    pub(super) part: Part<VolumeId>,
    pub(super) generation: Option<Generation>,
    pub(super) cluster: Option<String>,
}

/// A volume of a slot.
pub(super) fn volume(volume: &Volume) -> Read<VolumeSeen> {
    let mut doubts = Vec::new();
    let id = volume.volume_id().unwrap_or_default();
    let attachments: Vec<&VolumeAttachment> = volume
        .attachments()
        .iter()
        .filter(|attachment| attachment.state() != Some(&VolumeAttachmentState::Detached))
        .collect();
    doubts.extend(
        attachments
            .iter()
            .filter(|attachment| attachment.delete_on_termination() == Some(true))
            .map(|attachment| would_be_deleted(id, attachment.instance_id())),
    );
    let attachment = match attachments.as_slice() {
        [] => free_volume(volume.state()),
        [one] => volume_attachment(one),
        several => Attachment::Unclear(format!("at {} machines at once", several.len())),
    };
    let tags = volume.tags();
    let seen = VolumeSeen {
        part: Part {
            id: VolumeId::new(id),
            zone: volume.availability_zone().map(Zone::new),
            attachment,
        },
        generation: understood(id, tags, tag::GENERATION, &mut doubts, generation),
        cluster: value(tags, tag::CLUSTER).map(str::to_owned),
    };
    Read { value: seen, doubts }
}

fn free_volume(state: Option<&VolumeState>) -> Attachment {
    match state {
        Some(VolumeState::Available) => Attachment::Available,
        Some(other) => Attachment::Unclear(other.as_str().to_owned()),
        None => Attachment::Unclear("no state".to_owned()),
    }
}

fn volume_attachment(attachment: &VolumeAttachment) -> Attachment {
    let Some(machine) = attachment.instance_id().map(InstanceId::new) else {
        return Attachment::Unclear("attached to something that is no instance".to_owned());
    };
    match attachment.state() {
        Some(VolumeAttachmentState::Attached) => Attachment::Attached(machine),
        Some(VolumeAttachmentState::Attaching) => Attachment::Attaching(machine),
        // Busy: asked to detach while the guest still has it mounted.
        Some(VolumeAttachmentState::Detaching | VolumeAttachmentState::Busy) => {
            Attachment::Detaching(machine)
        }
        Some(other) => Attachment::Unclear(other.as_str().to_owned()),
        None => Attachment::Unclear("no state".to_owned()),
    }
}

/// An interface with its address.
pub(super) struct InterfaceSeen {
    pub(super) part: Part<InterfaceId>,
    pub(super) address: Option<Ipv4Addr>,
    /// What a detach has to name.
    pub(super) attachment_id: Option<String>,
}

/// An interface of a slot.
pub(super) fn interface(interface: &NetworkInterface) -> Read<InterfaceSeen> {
    let mut doubts = Vec::new();
    let id = interface.network_interface_id().unwrap_or_default();
    let attachment = interface.attachment();
    if attachment.is_some_and(|attachment| attachment.delete_on_termination() == Some(true)) {
        doubts.push(would_be_deleted(
            id,
            attachment.and_then(|attachment| attachment.instance_id()),
        ));
    }
    let seen = InterfaceSeen {
        part: Part {
            id: InterfaceId::new(id),
            zone: interface.availability_zone().map(Zone::new),
            attachment: interface_attachment(interface),
        },
        address: interface.private_ip_address().and_then(|text| text.parse().ok()),
        attachment_id: attachment
            .and_then(|attachment| attachment.attachment_id())
            .map(str::to_owned),
    };
    Read { value: seen, doubts }
}

fn interface_attachment(interface: &NetworkInterface) -> Attachment {
    let status = interface.attachment().and_then(|attachment| attachment.status());
    let machine = interface
        .attachment()
        .and_then(|attachment| attachment.instance_id())
        .map(InstanceId::new);
    match (status, machine, interface.status()) {
        (None | Some(AttachmentStatus::Detached), _, Some(NetworkInterfaceStatus::Available)) => {
            Attachment::Available
        }
        (None | Some(AttachmentStatus::Detached), _, Some(word)) => {
            Attachment::Unclear(word.as_str().to_owned())
        }
        (None | Some(AttachmentStatus::Detached), _, None) => Attachment::Unclear("no status".to_owned()),
        (Some(_), None, _) => Attachment::Unclear("attached to something that is no instance".to_owned()),
        (Some(AttachmentStatus::Attached), Some(machine), _) => Attachment::Attached(machine),
        (Some(AttachmentStatus::Attaching), Some(machine), _) => Attachment::Attaching(machine),
        (Some(AttachmentStatus::Detaching), Some(machine), _) => Attachment::Detaching(machine),
        (Some(other), Some(_), _) => Attachment::Unclear(other.as_str().to_owned()),
    }
}

/// The identity of a member must outlive its machine; only somebody else's hand can have set this flag.
fn would_be_deleted(part: &str, machine: Option<&str>) -> String {
    let machine = machine.unwrap_or("its machine");
    format!(
        "`{part}` would be deleted together with `{machine}`: DeleteOnTermination is set on the attachment"
    )
}

/// A launch template version; `None` for an answer without a usable number.
pub(super) fn template_version(version: &SdkTemplateVersion) -> Option<TemplateVersion> {
    let number: LaunchTemplateVersion = version.version_number()?.to_string().parse().ok()?;
    Some(TemplateVersion {
        version: number,
        digest: version.version_description().and_then(ContentDigest::described),
    })
}

fn value<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter()
        .find(|tag| tag.key() == Some(key))
        .map(|tag| tag.value().unwrap_or_default())
}

/// A tag's meaning. A value that nobody can read is not the same as no tag: it is named.
fn understood<T>(
    id: &str,
    tags: &[Tag],
    key: &str,
    doubts: &mut Vec<String>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let text = value(tags, key)?;
    let meaning = read(text);
    if meaning.is_none() {
        doubts.push(format!(
            "the tag `{key}` of `{id}` says `{text}`, which means nothing here"
        ));
    }
    meaning
}

fn generation(text: &str) -> Option<Generation> {
    text.parse().ok().map(Generation)
}

fn join(text: &str) -> Option<Join> {
    [Join::Bootstrap, Join::Existing, Join::Reattach]
        .into_iter()
        .find(|join| join.as_str() == text)
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), time.subsec_nanos().try_into().ok()?).ok()
}
