//! Slots, a plan and parts for the modelled cluster.

use crate::domain::machine::MachineContent;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::desired::Slot;
use crate::domain::fleet::{Attachment, BootPhase, BootReport, Part, SlotParts};
use crate::domain::ids::{
    AccountId, ClusterName, ContentDigest, EtcdClusterId, Generation, InstanceId, InterfaceId,
    LaunchTemplateName, Region, SlotName, StepId, SubnetId, VolumeId, Zone,
};
use crate::domain::observed::{JobState, SnapshotFact};
use crate::domain::policy::{EtcdStrategy, RolloutPolicy};
use crate::domain::version::EtcdVersion;
use crate::plan::{
    Envelope, Forecast, PLAN_FORMAT, Reversible, RolloutKind, RolloutPlan, SlotContent, SlotPlan,
};

pub(crate) const OLD: EtcdVersion = EtcdVersion::new(3, 5, 33);
pub(crate) const NEW: EtcdVersion = EtcdVersion::new(3, 6, 14);
/// Index of the spare slot: after all members that a test may want.
pub(crate) const SPARE: usize = 8;
pub(super) const CLUSTER: EtcdClusterId = EtcdClusterId(0xc1);

pub(crate) fn slot_name(n: usize) -> SlotName {
    SlotName::new(format!("etcd-{}", char::from(b'a' + u8::try_from(n).unwrap())))
}

pub(crate) fn slot(n: usize) -> Slot {
    Slot {
        name: slot_name(n),
        zone: Zone::new(format!("r-1{n}")),
        subnet: SubnetId::new(format!("subnet-{n}")),
        interface: InterfaceId::new(format!("eni-{n}")),
        volume: VolumeId::new(format!("vol-{n}")),
        address: core::net::Ipv4Addr::new(10, 0, 0, 10 + u8::try_from(n).unwrap()),
        launch_template: LaunchTemplateName::new(format!("lt-{n}")),
    }
}

pub(crate) fn digest(slot: &SlotName, version: EtcdVersion) -> ContentDigest {
    ContentDigest::new(format!("sha256:{slot}-{version}"))
}

/// A plan that upgrades every one of `count` members.
pub(crate) fn plan(count: usize, strategy: EtcdStrategy) -> RolloutPlan {
    let content = |n: usize, version| SlotContent {
        version,
        digest: digest(&slot_name(n), version),
    };
    let slots = (0..count).map(|n| SlotPlan {
        step: StepId::new(format!("etcd/{}", slot_name(n))),
        slot: slot(n),
        from: Some(content(n, OLD)),
        to: content(n, NEW),
        reasons: vec![format!("etcd {OLD} → {NEW}")],
    });
    let spare = (strategy == EtcdStrategy::LearnerFirst).then(|| SlotPlan {
        step: StepId::new(format!("etcd/{}", slot_name(SPARE))),
        slot: slot(SPARE),
        from: None,
        to: content(SPARE, NEW),
        reasons: vec!["one voter more".to_owned()],
    });
    let envelope = Envelope {
        format: PLAN_FORMAT,
        rehull: "test".to_owned(),
        cluster: ClusterName::new("t"),
        account: AccountId::new("111122223333"),
        region: Region::new("r-1"),
        etcd_cluster: Some(CLUSTER),
        kind: RolloutKind::Upgrade,
        from: Some(OLD),
        to: NEW,
        strategy,
        order: String::new(),
        slots: slots.collect(),
        spare,
        control_plane: None,
        workers: None,
        machine: MachineContent::default(),
        policy: RolloutPolicy {
            bake: Duration::from_secs(20),
            accept_downtime: count == 1,
            ..RolloutPolicy::default()
        },
        reversible: Reversible::UntilLastOldMember { why: String::new() },
        terraform: None,
    };
    let forecast = Forecast {
        order: Vec::new(),
        servers: None,
        workers: Vec::new(),
        blockers: Vec::new(),
        notes: Vec::new(),
        total: Duration::ZERO,
    };
    RolloutPlan {
        envelope,
        forecast,
        user_data: BTreeMap::new(),
        server_user_data: None,
        worker_user_data: BTreeMap::new(),
        replaces: BTreeMap::new(),
        terraform: None,
    }
}

pub(crate) fn slot_url(name: &SlotName) -> String {
    let n = usize::from(name.as_str().as_bytes()[5] - b'a');
    slot(n).peer_url()
}

pub(crate) fn report(machine: &InstanceId, phase: BootPhase) -> Option<BootReport> {
    Some(BootReport {
        format: 1,
        instance: machine.clone(),
        phase,
        code: String::new(),
        text: String::new(),
        at: String::new(),
    })
}

pub(crate) fn parts(slot: &Slot, machine: &InstanceId) -> SlotParts {
    SlotParts {
        interface: Part {
            id: slot.interface.clone(),
            zone: Some(slot.zone.clone()),
            attachment: Attachment::Attached(machine.clone()),
        },
        volume: Part {
            id: slot.volume.clone(),
            zone: Some(slot.zone.clone()),
            attachment: Attachment::Attached(machine.clone()),
        },
        volume_generation: Some(Generation(1)),
        volume_cluster: Some("t".to_owned()),
        interface_address: Some(slot.address),
    }
}

pub(crate) fn done_snapshot() -> JobState<SnapshotFact> {
    JobState::Done(SnapshotFact {
        format: 1,
        key: "k".to_owned(),
        bytes: 1,
        sha256: String::new(),
        revision: 1,
        restored_by: String::new(),
    })
}
