//! Every port through a witness: what changes something is shown to it as it is sent.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::ask::Ask;
use super::witness::Witness;
use crate::domain::desired::Slot;
use crate::domain::etcd::EtcdView as View;
use crate::domain::fleet::{BootReport, Machine, SlotParts as Parts, TemplateVersion, tag};
use crate::domain::group::{Group, Sizes, TargetHealth};
use crate::domain::ids::{
    AccountId, ClusterName, Generation, GroupName, InstanceId, InterfaceId, LaunchTemplateName,
    LaunchTemplateVersion, MemberId, NodeName, ObjectName, PodUid, Region, RolloutId, SlotName,
    TargetGroupArn, Token, VolumeId,
};
use crate::domain::observed::{JobState, Partial, SnapshotFact};
use crate::domain::terraform::TerraformRun;
use crate::journal::keys;
use crate::ports::{
    ApprovedRun, EtcdMembership, EtcdView, Evictions, Groups, LaunchRequest, LaunchTemplates, Machines,
    MadeVersion, Nodes, PortError, SlotParts, SnapshotJobs, Store, StoreError, Stored, Tag, Targets,
    TemplateContent, TerraformJobs, Unevicted,
};

#[async_trait]
impl Machines for Witness {
    async fn observe(&self, cluster: &ClusterName) -> Partial<Vec<Machine>> {
        self.looks();
        Machines::observe(&self.hands, cluster).await
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<InstanceId, PortError> {
        self.sends(Ask::Launch(request));
        let launched = self.hands.launch(request).await?;
        self.launched(&launched);
        Ok(launched)
    }

    async fn tag(&self, machine: &InstanceId, tags: &BTreeMap<String, String>) -> Result<(), PortError> {
        self.sends(if tags.contains_key(tag::GO) {
            Ask::Go(machine)
        } else {
            Ask::Stop(machine)
        });
        let told = self.hands.tag(machine, tags).await;
        self.was_turned_away(machine, &told);
        told
    }

    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError> {
        self.sends(Ask::Terminate(machine));
        let told = Machines::terminate(&self.hands, machine).await;
        self.was_turned_away(machine, &told);
        told
    }

    async fn whoami(&self) -> Result<(AccountId, Region), PortError> {
        self.hands.whoami().await
    }

    async fn boot_report(
        &self,
        slot: &SlotName,
        machine: &InstanceId,
    ) -> Result<Option<BootReport>, PortError> {
        self.hands.boot_report(slot, machine).await
    }
}

#[async_trait]
impl SlotParts for Witness {
    async fn observe(&self, slots: &[Slot]) -> Partial<BTreeMap<SlotName, Parts>> {
        SlotParts::observe(&self.hands, slots).await
    }

    async fn detach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        self.sends(Ask::DetachInterface(interface, machine));
        self.hands.detach_interface(interface, machine).await
    }

    async fn detach_volume(&self, volume: &VolumeId, machine: &InstanceId) -> Result<(), PortError> {
        self.sends(Ask::DetachVolume(volume, machine));
        self.hands.detach_volume(volume, machine).await
    }

    async fn attach_interface(&self, interface: &InterfaceId, machine: &InstanceId) -> Result<(), PortError> {
        self.sends(Ask::AttachInterface(interface, machine));
        self.hands.attach_interface(interface, machine).await
    }

    async fn attach_volume(
        &self,
        volume: &VolumeId,
        machine: &InstanceId,
        generation: Generation,
    ) -> Result<(), PortError> {
        self.sends(Ask::AttachVolume(volume, machine, generation));
        self.hands.attach_volume(volume, machine, generation).await
    }
}

#[async_trait]
impl LaunchTemplates for Witness {
    async fn observe(
        &self,
        templates: &[LaunchTemplateName],
    ) -> Partial<BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>> {
        LaunchTemplates::observe(&self.hands, templates).await
    }

    async fn create_version(
        &self,
        template: &LaunchTemplateName,
        content: &TemplateContent,
        token: &Token,
    ) -> Result<MadeVersion, PortError> {
        self.sends(Ask::CreateVersion(&content.digest, token));
        self.hands.create_version(template, content, token).await
    }
}

#[async_trait]
impl EtcdView for Witness {
    async fn observe(&self, slots: &[Slot]) -> View {
        EtcdView::observe(&self.hands, slots).await
    }

    async fn compare_hashes(&self, slots: &[Slot]) -> Result<(), PortError> {
        let begun = self.hands.now();
        self.hands.compare_hashes(slots).await?;
        self.compared(begun);
        Ok(())
    }
}

#[async_trait]
impl EtcdMembership for Witness {
    async fn add(&self, via: &Slot, peer_url: &str, learner: bool) -> Result<MemberId, PortError> {
        self.sends(Ask::Add(peer_url, learner));
        self.hands.add(via, peer_url, learner).await
    }

    async fn remove(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        self.sends(Ask::Remove(member));
        self.hands.remove(via, member).await
    }

    async fn promote(&self, via: &Slot, member: MemberId) -> Result<(), PortError> {
        self.sends(Ask::Promote(member));
        self.hands.promote(via, member).await
    }

    async fn move_leader(&self, leader: &Slot, to: MemberId) -> Result<(), PortError> {
        self.sends(Ask::MoveLeader(to));
        self.hands.move_leader(leader, to).await
    }
}

#[async_trait]
impl SnapshotJobs for Witness {
    async fn start(&self, rollout: &RolloutId, slots: &[Slot], running: &SlotName) -> Result<(), PortError> {
        self.sends(Ask::StartSnapshot);
        SnapshotJobs::start(&self.hands, rollout, slots, running).await
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<JobState<SnapshotFact>, PortError> {
        SnapshotJobs::observe(&self.hands, rollout).await
    }
}

#[async_trait]
impl TerraformJobs for Witness {
    async fn start(&self, rollout: &RolloutId, approved: ApprovedRun<'_>) -> Result<(), PortError> {
        self.sends(Ask::ApplyTerraform(&approved.manifest.digest()));
        TerraformJobs::start(&self.hands, rollout, approved).await
    }

    async fn observe(&self, rollout: &RolloutId) -> Result<TerraformRun, PortError> {
        TerraformJobs::observe(&self.hands, rollout).await
    }
}

#[async_trait]
impl Groups for Witness {
    async fn observe(&self, groups: &[GroupName]) -> Partial<BTreeMap<GroupName, Group>> {
        Groups::observe(&self.hands, groups).await
    }

    async fn set(
        &self,
        group: &GroupName,
        version: LaunchTemplateVersion,
        sizes: Sizes,
    ) -> Result<(), PortError> {
        self.sends(Ask::SetGroup(group, version, sizes));
        self.hands.set(group, version, sizes).await
    }

    async fn suspend(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError> {
        self.sends(Ask::Suspend(group, processes));
        self.hands.suspend(group, processes).await
    }

    async fn resume(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError> {
        self.sends(Ask::Resume(group, processes));
        self.hands.resume(group, processes).await
    }

    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError> {
        self.sends(Ask::EndMember(machine));
        Groups::terminate(&self.hands, machine).await
    }
}

#[async_trait]
impl Targets for Witness {
    async fn observe(
        &self,
        groups: &[TargetGroupArn],
    ) -> Partial<BTreeMap<TargetGroupArn, BTreeMap<InstanceId, TargetHealth>>> {
        Targets::observe(&self.hands, groups).await
    }

    async fn deregister(&self, group: &TargetGroupArn, machine: &InstanceId) -> Result<(), PortError> {
        self.sends(Ask::Deregister(machine));
        self.hands.deregister(group, machine).await
    }
}

#[async_trait]
impl Nodes for Witness {
    async fn cordon(&self, node: &NodeName) -> Result<(), PortError> {
        self.sends(Ask::Node("cordon", node));
        self.hands.cordon(node).await
    }

    async fn uncordon(&self, node: &NodeName) -> Result<(), PortError> {
        self.sends(Ask::Node("uncordon", node));
        self.hands.uncordon(node).await
    }

    async fn taint(&self, node: &NodeName) -> Result<(), PortError> {
        self.sends(Ask::Node("taint", node));
        self.hands.taint(node).await
    }

    async fn untaint(&self, node: &NodeName) -> Result<(), PortError> {
        self.sends(Ask::Node("untaint", node));
        self.hands.untaint(node).await
    }
}

#[async_trait]
impl Evictions for Witness {
    async fn evict(&self, pod: &ObjectName, uid: &PodUid) -> Result<(), Unevicted> {
        self.sends(Ask::Evict(uid));
        self.hands.evict(pod, uid).await
    }
}

#[async_trait]
impl Store for Witness {
    fn place(&self) -> String {
        self.hands.place()
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        self.hands.get(key).await
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        self.writes(key, None);
        if key == keys::IDENTITY {
            self.sends(Ask::RecordIdentity);
        }
        let made = self.hands.create(key, bytes).await?;
        self.wrote(key);
        Ok(made)
    }

    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError> {
        self.writes(key, Some(over));
        let made = self.hands.replace(key, bytes, over).await?;
        self.wrote(key);
        Ok(made)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.hands.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.hands.delete(key).await
    }
}
