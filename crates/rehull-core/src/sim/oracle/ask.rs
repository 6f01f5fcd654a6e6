//! A request that changes something, as it leaves rehull's hand.

use std::collections::BTreeSet;

use crate::domain::action::Action;
use crate::domain::group::Sizes;
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{
    ContentDigest, Generation, GroupName, InstanceId, InterfaceId, LaunchTemplateVersion, MemberId, NodeName,
    PodUid, Token, VolumeId,
};
use crate::ports::LaunchRequest;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask<'a> {
    Launch(&'a LaunchRequest),
    CreateVersion(&'a ContentDigest, &'a Token),
    Go(&'a InstanceId),
    Stop(&'a InstanceId),
    Terminate(&'a InstanceId),
    DetachInterface(&'a InterfaceId, &'a InstanceId),
    DetachVolume(&'a VolumeId, &'a InstanceId),
    AttachInterface(&'a InterfaceId, &'a InstanceId),
    AttachVolume(&'a VolumeId, &'a InstanceId, Generation),
    Add(&'a str, bool),
    Remove(MemberId),
    Promote(MemberId),
    MoveLeader(MemberId),
    StartSnapshot,
    ApplyTerraform(&'a ContentDigest),
    RecordIdentity,
    SetGroup(&'a GroupName, LaunchTemplateVersion, Sizes),
    Suspend(&'a GroupName, &'a BTreeSet<String>),
    Resume(&'a GroupName, &'a BTreeSet<String>),
    Deregister(&'a InstanceId),
    EndMember(&'a InstanceId),
    Node(&'static str, &'a NodeName),
    Evict(&'a PodUid),
}

impl Ask<'_> {
    /// For people.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Launch(request) => format!("launch from {}", request.template),
            Self::CreateVersion(digest, _) => format!("template version {digest}"),
            Self::Go(id) => format!("go of {id}"),
            Self::Stop(id) => format!("stop of {id}"),
            Self::Terminate(id) => format!("terminate of {id}"),
            Self::DetachInterface(part, id) => format!("detach {part} from {id}"),
            Self::DetachVolume(part, id) => format!("detach {part} from {id}"),
            Self::AttachInterface(part, id) => format!("attach {part} to {id}"),
            Self::AttachVolume(part, id, _) => format!("attach {part} to {id}"),
            Self::Add(url, _) => format!("MemberAdd of {url}"),
            Self::Remove(id) => format!("MemberRemove of {id}"),
            Self::Promote(id) => format!("MemberPromote of {id}"),
            Self::MoveLeader(to) => format!("MoveLeader to {to}"),
            Self::StartSnapshot => "snapshot".to_owned(),
            Self::ApplyTerraform(approved) => format!("terraform apply of {approved}"),
            Self::RecordIdentity => "identity record".to_owned(),
            Self::SetGroup(group, version, _) => format!("{group} to launch v{version}"),
            Self::Suspend(group, _) => format!("suspend processes of {group}"),
            Self::Resume(group, _) => format!("resume processes of {group}"),
            Self::Deregister(id) => format!("deregister {id}"),
            Self::EndMember(id) => format!("terminate {id} in its group"),
            Self::Node(verb, node) => format!("{verb} {node}"),
            Self::Evict(uid) => format!("evict {uid}"),
        }
    }

    /// This intent covers it. A token counts where one is sent.
    pub(super) fn is_covered_by(&self, action: &Action, intended: &Token) -> bool {
        match (*self, action) {
            (Self::Launch(asked), Action::LaunchMachine { .. }) => asked.token == *intended,
            (Self::CreateVersion(digest, token), Action::CreateTemplateVersion { digest: of, .. }) => {
                digest == of && token == intended
            }
            (Self::Go(id), Action::Go { machine, .. })
            | (Self::Stop(id), Action::AskStop { machine, .. })
            | (Self::Terminate(id), Action::TerminateMachine { machine, .. }) => id == machine,
            (
                Self::DetachInterface(part, id),
                Action::DetachInterface {
                    interface, machine, ..
                },
            )
            | (
                Self::AttachInterface(part, id),
                Action::AttachInterface {
                    interface, machine, ..
                },
            ) => part == interface && id == machine,
            (Self::DetachVolume(part, id), Action::DetachVolume { volume, machine, .. }) => {
                part == volume && id == machine
            }
            (
                Self::AttachVolume(part, id, wanted),
                Action::AttachVolume {
                    volume,
                    machine,
                    generation,
                    ..
                },
            ) => part == volume && id == machine && wanted == *generation,
            (
                Self::Add(url, as_learner),
                Action::AddMember {
                    peer_url, learner, ..
                },
            ) => url == peer_url && as_learner == *learner,
            (Self::Remove(id), Action::RemoveMember { member, .. })
            | (Self::Promote(id), Action::PromoteMember { member, .. }) => id == *member,
            (Self::MoveLeader(to), Action::MoveLeader { to_id, .. }) => to == *to_id,
            (Self::ApplyTerraform(asked), Action::ApplyTerraform { approved }) => asked == approved,
            (asked, Action::Group(action)) => asked.is_covered_by_group(action),
            (Self::Node(verb, node), Action::Node(action)) => {
                verb == action.verb() && *node == action.of().node
            }
            (Self::StartSnapshot, Action::StartSnapshot)
            | (Self::RecordIdentity, Action::RecordIdentity { .. }) => true,
            _ => false,
        }
    }

    fn is_covered_by_group(&self, action: &GroupAction) -> bool {
        match (*self, action) {
            (Self::CreateVersion(digest, _), GroupAction::CreateVersion { digest: of, .. }) => digest == of,
            (
                Self::SetGroup(name, to, sizes_to),
                GroupAction::SetGroup {
                    group,
                    version,
                    sizes,
                },
            ) => name == group && to == *version && sizes_to == *sizes,
            (Self::Suspend(name, which), GroupAction::HoldGroup { group, processes, .. })
            | (Self::Resume(name, which), GroupAction::ReleaseGroup { group, processes }) => {
                name == group && which == processes
            }
            (Self::Deregister(id), GroupAction::Deregister { machine, .. })
            | (Self::EndMember(id), GroupAction::TerminateMember { machine, .. }) => id == machine,
            _ => false,
        }
    }
}
