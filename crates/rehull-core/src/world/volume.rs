//! EBS volumes: one instance at a time, and a mounted one does not let go.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::agenda::Event;
use super::api::ec2::{CreateVolume, Describe, Response, Tags};
use super::effect::{Deed, EffectId};
use super::error::AwsError;
use super::instance::InstanceState;
use super::interface::AttachmentState;
use super::performance::Performance;
use super::select::{Described, Visibility, select};
use super::tags;
use super::timing::Quantity;
use crate::domain::ids::VolumeId;

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// `vol-…`.
    pub id: String,
    /// Zone.
    pub zone: String,
    /// Size in GiB.
    pub size_gib: u32,
    /// For example `gp3`.
    pub volume_type: String,
    /// Encrypted at rest.
    pub encrypted: bool,
    /// What it can do: held, a folder is as fast as it is.
    #[serde(default)]
    pub performance: Performance,
    /// When it was made.
    pub created: Timestamp,
    /// Still being made.
    pub creating: bool,
    /// Tags.
    pub tags: Tags,
    /// Where it is; `None`: available.
    pub attachment: Option<VolumeAttachment>,
    /// When it becomes known.
    pub seen: Visibility,
}

/// A volume at an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeAttachment {
    /// Volume.
    pub volume: String,
    /// Instance.
    pub instance: String,
    /// Device name.
    pub device: String,
    /// How far it is.
    pub state: AttachmentState,
    /// Since when.
    pub since: Timestamp,
    /// Goes with the instance.
    pub delete_on_termination: bool,
    /// The guest was shown the device and has not given it back.
    pub(super) exposed: bool,
    /// The question to the guest whether it lets go, while it is open.
    pub(super) asked: Option<EffectId>,
}

impl Volume {
    /// EC2's word.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match (self.creating, self.attachment.is_some()) {
            (true, _) => "creating",
            (false, true) => "in-use",
            (false, false) => "available",
        }
    }

    /// It is attached to this instance, however far that has come.
    pub(super) fn is_at(&self, instance: &str) -> bool {
        self.attachment.as_ref().is_some_and(|at| at.instance == instance)
    }
}

impl Described for Volume {
    const FILTERS: &'static [&'static str] = &[
        "volume-id",
        "availability-zone",
        "status",
        "volume-type",
        "attachment.instance-id",
        "attachment.status",
        "attachment.device",
        "attachment.delete-on-termination",
    ];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    fn visibility(&self) -> Visibility {
        self.seen
    }
    fn values(&self, filter: &str) -> Vec<String> {
        let at = self.attachment.as_ref();
        match filter {
            "volume-id" => vec![self.id.clone()],
            "availability-zone" => vec![self.zone.clone()],
            "status" => vec![self.state().to_owned()],
            "volume-type" => vec![self.volume_type.clone()],
            "attachment.instance-id" => at.map(|at| at.instance.clone()).into_iter().collect(),
            "attachment.status" => at.map(|at| at.state.as_str().to_owned()).into_iter().collect(),
            "attachment.device" => at.map(|at| at.device.clone()).into_iter().collect(),
            "attachment.delete-on-termination" => at
                .map(|at| at.delete_on_termination.to_string())
                .into_iter()
                .collect(),
            _ => vec![],
        }
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::bad(
            "InvalidVolume.NotFound",
            format!("The volume '{id}' does not exist."),
        )
    }
}

impl World {
    pub(super) fn create_volume(&mut self, asked: &CreateVolume) -> Result<Response, AwsError> {
        const ACTION: &str = "CreateVolume";
        tags::check(&asked.tags)?;
        if !self.zones().contains(&asked.zone) {
            return Err(AwsError::bad(
                "InvalidZone.NotFound",
                format!("The zone '{}' does not exist.", asked.zone),
            ));
        }
        if let Some(id) = self.repeated(ACTION, asked.token.as_deref(), asked)? {
            let volume = self.volumes.get(&id).ok_or_else(|| Volume::not_found(&id))?;
            return Ok(Response::Volume(volume.clone()));
        }
        let id = self.new_id("vol");
        let volume_type = asked.volume_type.clone().unwrap_or_else(|| "gp2".to_owned());
        let volume = Volume {
            id: id.clone(),
            zone: asked.zone.clone(),
            size_gib: asked.size_gib,
            performance: asked.performance.clone().or_baseline(&volume_type),
            volume_type,
            encrypted: asked.encrypted,
            created: self.now,
            creating: true,
            tags: asked.tags.clone(),
            attachment: None,
            seen: self.newly_visible(&id),
        };
        self.volumes.insert(id.clone(), volume.clone());
        let wait = self.draw(&id, Quantity::VolumeCreate);
        self.plan(wait, Event::VolumeCreated(id.clone()));
        self.remember(ACTION, asked.token.as_deref(), asked, &id);
        Ok(Response::Volume(volume))
    }

    pub(super) fn describe_volumes(&self, by: &Describe) -> Result<Response, AwsError> {
        select(self.volumes.values(), by, self.now).map(Response::Volumes)
    }

    pub(super) fn delete_volume(&mut self, id: &str) -> Result<Response, AwsError> {
        let volume = self.volume_mut(id)?;
        if let Some(at) = &volume.attachment {
            let text = format!("Volume {id} is currently attached to {}", at.instance);
            return Err(AwsError::bad("VolumeInUse", text));
        }
        self.volumes.remove(id);
        Ok(Response::Done)
    }

    pub(super) fn attach_volume(
        &mut self,
        volume: &str,
        instance: &str,
        device: &str,
    ) -> Result<Response, AwsError> {
        let (state, zone) = self
            .instance_mut(instance)
            .map(|found| (found.state, found.zone.clone()))?;
        let found = self.volume_mut(volume)?.clone();
        if let Some(at) = &found.attachment {
            return Err(AwsError::bad(
                "VolumeInUse",
                format!("{volume} is already attached to an instance: {}", at.instance),
            ));
        }
        if found.creating {
            return Err(AwsError::state(format!("{volume} is not 'available'.")));
        }
        if !matches!(state, InstanceState::Running | InstanceState::Stopped) {
            return Err(AwsError::state(format!(
                "Instance '{instance}' is not 'running'."
            )));
        }
        if found.zone != zone {
            return Err(AwsError::bad(
                "InvalidVolume.ZoneMismatch",
                format!(
                    "The volume '{volume}' is not in the same availability zone as instance '{instance}'"
                ),
            ));
        }
        if self.volumes_at(instance).any(|at| at.device == device) {
            return Err(AwsError::value(format!(
                "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
            )));
        }
        let attachment = VolumeAttachment {
            volume: volume.to_owned(),
            instance: instance.to_owned(),
            device: device.to_owned(),
            state: AttachmentState::Attaching,
            since: self.now,
            delete_on_termination: false,
            exposed: false,
            asked: None,
        };
        self.volume_mut(volume)?.attachment = Some(attachment.clone());
        let wait = self.draw(volume, Quantity::VolumeAttach);
        self.plan(wait, Event::VolumeAttached(volume.to_owned()));
        Ok(Response::VolumeAttachment(attachment))
    }

    /// Detaching a mounted volume takes as long as the guest holds it.
    pub(super) fn detach_volume(
        &mut self,
        volume: &str,
        instance: Option<&str>,
        force: bool,
    ) -> Result<Response, AwsError> {
        if force {
            // Nothing here could keep a guest from writing to a directory it still has mounted.
            return Err(AwsError::bad(
                "UnsupportedOperation",
                "Forced detachment is not modelled",
            ));
        }
        let found = self.volume_mut(volume)?;
        let Some(at) = found.attachment.as_mut() else {
            return Err(AwsError::state(format!(
                "Volume '{volume}' is in the 'available' state."
            )));
        };
        if instance.is_some_and(|wanted| wanted != at.instance) {
            return Err(AwsError::bad(
                "InvalidAttachment.NotFound",
                format!(
                    "Volume '{volume}' is not attached to instance '{}'.",
                    instance.unwrap_or_default()
                ),
            ));
        }
        let asked_before = matches!(at.state, AttachmentState::Detaching | AttachmentState::Busy);
        if !asked_before {
            at.state = AttachmentState::Detaching;
        }
        let attachment = at.clone();
        if !asked_before {
            let wait = self.draw(volume, Quantity::VolumeDetach);
            self.plan(wait, Event::VolumeLeaves(volume.to_owned()));
        }
        Ok(Response::VolumeAttachment(attachment))
    }

    pub(super) fn volume_created(&mut self, id: &str) {
        if let Some(volume) = self.volumes.get_mut(id) {
            volume.creating = false;
        }
    }

    pub(super) fn volume_attached(&mut self, id: &str) {
        let attachment = self
            .volumes
            .get_mut(id)
            .and_then(|volume| volume.attachment.as_mut());
        let Some(at) = attachment.filter(|at| at.state == AttachmentState::Attaching) else {
            return;
        };
        at.state = AttachmentState::Attached;
        let wait = self.draw(id, Quantity::DeviceVisible);
        self.plan(wait, Event::DeviceVisible(id.to_owned()));
    }

    /// The guest sees the device, if it is powered on; otherwise at its next power-on.
    pub(super) fn device_visible(&mut self, id: &str) {
        let attachment = self
            .volumes
            .get_mut(id)
            .and_then(|volume| volume.attachment.as_mut());
        let Some(at) = attachment.filter(|at| at.state == AttachmentState::Attached) else {
            return;
        };
        let instance = at.instance.clone();
        if self
            .instances
            .get(&instance)
            .is_some_and(|instance| instance.boot.is_some())
        {
            at.exposed = true;
            self.ask(&instance, Deed::Expose(VolumeId::new(id)));
        }
    }

    /// Time to take the volume from the guest: ask it, or free the volume if no guest ever saw it.
    pub(super) fn volume_leaves(&mut self, id: &str) {
        if self.faults.stuck_volumes.contains(id) {
            return self.try_again(id);
        }
        let attachment = self.volumes.get(id).and_then(|volume| volume.attachment.as_ref());
        let Some(at) = attachment.filter(|at| is_leaving(at.state)) else {
            return;
        };
        let instance = at.instance.clone();
        let asked = if at.exposed {
            self.ask(&instance, Deed::Withdraw(VolumeId::new(id)))
        } else {
            None
        };
        match asked {
            Some(effect) => self.with_attachment(id, |at| at.asked = Some(effect)),
            None => self.free_volume(id),
        }
    }

    pub(super) fn volume_withdrawn(&mut self, id: &str, effect: EffectId) {
        if self.is_asked(id, effect) {
            self.free_volume(id);
        }
    }

    pub(super) fn volume_still_mounted(&mut self, id: &str, effect: EffectId) {
        if self.is_asked(id, effect) {
            self.with_attachment(id, |at| {
                at.state = AttachmentState::Busy;
                at.asked = None;
            });
            self.try_again(id);
        }
    }

    fn try_again(&mut self, id: &str) {
        let wait = self.draw(id, Quantity::BusyRetry);
        self.plan(wait, Event::VolumeLeaves(id.to_owned()));
    }

    fn is_asked(&self, id: &str, effect: EffectId) -> bool {
        let attachment = self.volumes.get(id).and_then(|volume| volume.attachment.as_ref());
        attachment.is_some_and(|at| at.asked == Some(effect))
    }

    fn with_attachment(&mut self, id: &str, change: impl FnOnce(&mut VolumeAttachment)) {
        if let Some(at) = self
            .volumes
            .get_mut(id)
            .and_then(|volume| volume.attachment.as_mut())
        {
            change(at);
        }
    }

    fn free_volume(&mut self, id: &str) {
        if let Some(volume) = self.volumes.get_mut(id) {
            volume.attachment = None;
        }
    }

    /// Attachments at an instance.
    pub(super) fn volumes_at<'a>(&'a self, instance: &'a str) -> impl Iterator<Item = &'a VolumeAttachment> {
        self.volumes
            .values()
            .filter_map(move |volume| volume.attachment.as_ref().filter(|at| at.instance == instance))
    }

    pub(super) fn volume_mut(&mut self, id: &str) -> Result<&mut Volume, AwsError> {
        let now = self.now;
        let known = self
            .volumes
            .get_mut(id)
            .filter(|volume| volume.seen.named_from <= now);
        known.ok_or_else(|| Volume::not_found(id))
    }
}

const fn is_leaving(state: AttachmentState) -> bool {
    match state {
        AttachmentState::Detaching | AttachmentState::Busy => true,
        AttachmentState::Attaching | AttachmentState::Attached => false,
    }
}
