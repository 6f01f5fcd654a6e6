//! A modelled cluster for tests of `decide`: just enough EC2 and etcd to walk every stage, one second per tick.
//!
//! It is told nothing by the code under test but actions, and it panics where the real thing would lose quorum.

use std::cell::{Ref, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::fixture::CLUSTER;
pub(crate) use super::fixture::{NEW, OLD, SPARE, digest, parts, plan, report, slot, slot_name, slot_url};
use crate::domain::action::Action;
use crate::domain::etcd::{Endpoint, EtcdView, ListedMember, MemberAnswer};
use crate::domain::fleet::{
    Attachment, BootPhase, FleetView, Join, Machine, MachineState, SlotParts, TemplateVersion,
};
use crate::domain::group::GroupsView;
use crate::domain::ids::{
    AccountId, ContentDigest, Generation, InstanceId, LaunchTemplateName, LaunchTemplateVersion, MemberId,
    Region, SlotName, StepId, Token,
};
use crate::domain::kube::KubeView;
use crate::domain::observed::{Gap, Identity, JobState, Jobs, Observed, Part, SnapshotFact};
use crate::domain::policy::EtcdStrategy;
use crate::domain::terraform::TerraformRun;
use crate::domain::version::EtcdVersion;
use crate::journal::{JournalView, Record, RecordBody};
use crate::ports::PortError;

/// A member of the modelled etcd.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) slot: SlotName,
    pub(crate) started: bool,
    pub(crate) learner: bool,
    /// Raft index that it has applied; the others are at [`INDEX`].
    pub(crate) applied: u64,
}

/// What becomes of machines that boot while this is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Boots {
    /// They come up.
    #[default]
    Well,
    /// They refuse before they are warm: an artefact, a tag.
    RefusesCold,
    /// They are warm, and refuse what they find on their volume.
    RefusesVolume,
    /// They are running for EC2 and nothing is ever heard of them.
    Never,
}

/// What lies on a slot's volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Data {
    /// Which data directory.
    pub(crate) generation: Generation,
    /// The member that it belongs to.
    pub(crate) member: MemberId,
}

/// Raft index of everybody who has caught up.
pub(super) const INDEX: u64 = 1000;
/// What a newcomer applies in a second.
pub(super) const APPLIES: u64 = 500;

/// A journal as far as it was read: it is asked in every second, and only grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded {
    records: usize,
    view: JournalView,
}

/// The modelled world.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) at: Timestamp,
    pub(crate) machines: Vec<Machine>,
    pub(crate) parts: BTreeMap<SlotName, SlotParts>,
    pub(crate) templates: BTreeMap<LaunchTemplateName, Vec<TemplateVersion>>,
    pub(crate) members: Vec<Member>,
    /// Slots whose etcd process runs, with its version.
    pub(crate) running: BTreeMap<SlotName, EtcdVersion>,
    /// What the volumes hold.
    pub(crate) data: BTreeMap<SlotName, Data>,
    /// As etcd decides it: never falls, and older members are refused from then on.
    pub(crate) cluster_version: (u32, u32),
    /// Slots whose process was frozen or killed by the test.
    pub(crate) down: BTreeSet<SlotName>,
    /// Machines that do not hear their stop tag.
    pub(crate) deaf: BTreeSet<InstanceId>,
    pub(crate) boots: Boots,
    /// Machines whose go said that the spare is a member.
    pub(crate) with_spare: BTreeSet<InstanceId>,
    pub(crate) leader: Option<MemberId>,
    pub(crate) snapshot: JobState<SnapshotFact>,
    pub(crate) terraform: TerraformRun,
    pub(crate) identity: bool,
    /// Raised, as every member tells them.
    pub(crate) alarms: Vec<String>,
    /// EC2 cannot be read.
    pub(crate) blind: bool,
    /// Only grows, but for [`Model::opened_only`].
    pub(crate) records: Vec<Record>,
    pub(super) folded: RefCell<Folded>,
    pub(crate) story: Vec<String>,
    pub(super) next_id: u64,
}

impl Model {
    /// A healthy cluster of old members; the first one leads.
    pub(crate) fn healthy(count: usize) -> Self {
        let mut model = Self {
            at: Timestamp::UNIX_EPOCH
                .checked_add(Duration::from_secs(1_000_000))
                .unwrap(),
            machines: Vec::new(),
            parts: BTreeMap::new(),
            templates: BTreeMap::new(),
            members: Vec::new(),
            running: BTreeMap::new(),
            data: BTreeMap::new(),
            cluster_version: OLD.line(),
            down: BTreeSet::new(),
            deaf: BTreeSet::new(),
            boots: Boots::Well,
            with_spare: BTreeSet::new(),
            leader: Some(MemberId(1)),
            snapshot: JobState::Absent,
            terraform: TerraformRun::Absent,
            identity: true,
            alarms: Vec::new(),
            blind: false,
            records: Vec::new(),
            folded: RefCell::default(),
            story: Vec::new(),
            next_id: 100,
        };
        let body = RecordBody::Opened {
            envelope: ContentDigest::new("sha256:0"),
            plan: None,
            rehull: "test".to_owned(),
        };
        model.records.push(Record { at: model.at, body });
        for n in 0..count {
            let name = slot_name(n);
            let machine = InstanceId::new(format!("i-old-{n}"));
            model.machines.push(Machine {
                id: machine.clone(),
                slot: name.clone(),
                state: MachineState::Running,
                zone: None,
                template_version: None,
                digest: Some(digest(&name, OLD)),
                generation: Some(Generation(1)),
                join: Some(Join::Bootstrap),
                go: true,
                stop_asked: false,
                launched_at: Some(model.at),
                report: report(&machine, BootPhase::Running),
            });
            model.parts.insert(name.clone(), parts(&slot(n), &machine));
            model.members.push(Member {
                id: MemberId(1 + n as u64),
                slot: name.clone(),
                started: true,
                learner: false,
                applied: INDEX,
            });
            let version = TemplateVersion {
                version: LaunchTemplateVersion(NonZeroU64::MIN),
                digest: Some(digest(&name, OLD)),
            };
            model.templates.insert(slot(n).launch_template, vec![version]);
            let (generation, member) = (Generation(1), MemberId(1 + n as u64));
            model.data.insert(name.clone(), Data { generation, member });
            model.running.insert(name, OLD);
        }
        model
    }

    /// A healthy cluster with what this strategy needs: `learner-first` has a spare slot that was never used.
    pub(crate) fn ready_for(strategy: EtcdStrategy, count: usize) -> Self {
        let mut model = Self::healthy(count);
        if strategy != EtcdStrategy::LearnerFirst {
            return model;
        }
        let spare = slot(SPARE);
        let mut parts = parts(&spare, &InstanceId::new("i-none"));
        parts.volume.attachment = Attachment::Available;
        parts.interface.attachment = Attachment::Available;
        parts.volume_generation = None;
        model.parts.insert(spare.name, parts);
        model
    }

    /// Nothing has been done in this rollout yet.
    pub(crate) fn opened_only(&mut self) {
        self.records.truncate(1);
        self.folded = RefCell::default();
    }

    /// What all records say.
    pub(crate) fn journal(&self) -> Ref<'_, JournalView> {
        let mut folded = self.folded.borrow_mut();
        for record in &self.records[folded.records..] {
            folded.view.apply(record).unwrap();
        }
        folded.records = self.records.len();
        drop(folded);
        Ref::map(self.folded.borrow(), |folded| &folded.view)
    }

    /// What an observer sees now.
    pub(crate) fn observe(&self) -> Observed {
        let endpoints = self
            .parts
            .keys()
            .map(|name| (name.clone(), self.endpoint(name)))
            .collect();
        let fleet = FleetView {
            machines: self.machines.clone(),
            slots: self.parts.clone(),
            templates: self.templates.clone(),
        };
        let gap = |part| Gap {
            part,
            why: "throttled".to_owned(),
        };
        Observed {
            at: self.at,
            fleet: if self.blind { FleetView::default() } else { fleet },
            etcd: EtcdView {
                endpoints,
                client_cert_until: None,
            },
            groups: GroupsView::default(),
            kube: KubeView::default(),
            jobs: Jobs {
                terraform: self.terraform.clone(),
                snapshot: self.snapshot.clone(),
            },
            identity: self.identity.then(|| Identity {
                format: 1,
                cluster: "t".to_owned(),
                account: AccountId::new("111122223333"),
                region: Region::new("r-1"),
                etcd_cluster: CLUSTER,
            }),
            requests: Vec::new(),
            gaps: self.blind.then(|| gap(Part::Machines)).into_iter().collect(),
        }
    }

    pub(crate) fn healthy_voters(&self) -> usize {
        self.members
            .iter()
            .filter(|m| !m.learner && self.serving(&m.slot).is_some_and(|id| id == m.id))
            .count()
    }

    pub(crate) fn voters(&self) -> usize {
        self.members.iter().filter(|m| !m.learner).count()
    }

    pub(super) fn has_quorum(&self) -> bool {
        self.healthy_voters() > self.voters() / 2
    }

    /// Member id that answers at the slot's address.
    pub(super) fn serving(&self, slot: &SlotName) -> Option<MemberId> {
        if !self.running.contains_key(slot) || self.down.contains(slot) {
            return None;
        }
        self.members
            .iter()
            .find(|m| m.slot == *slot && m.started)
            .map(|m| m.id)
    }

    fn endpoint(&self, slot: &SlotName) -> Endpoint {
        if self.down.contains(slot) {
            return Endpoint::Silent("timed out".to_owned());
        }
        let (Some(id), Some(version)) = (self.serving(slot), self.running.get(slot)) else {
            return Endpoint::Refused;
        };
        let me = self.members.iter().find(|m| m.id == id).unwrap();
        let members = self.members.iter().map(|m| ListedMember {
            id: m.id,
            name: if m.started {
                m.slot.to_string()
            } else {
                String::new()
            },
            peer_urls: vec![slot_url(&m.slot)],
            learner: m.learner,
        });
        Endpoint::Answered(Box::new(MemberAnswer {
            id,
            cluster: CLUSTER,
            leader: self.leader.filter(|_| self.has_quorum()),
            term: 2,
            raft_index: INDEX,
            applied_index: me.applied,
            version: *version,
            cluster_version: Some(self.cluster_version),
            learner: me.learner,
            alarms: self.alarms.clone(),
            db_size: 1,
            db_quota: None,
            // A list is only shown by a linearizable read, which a learner does not serve.
            members: (self.has_quorum() && !me.learner).then(|| Arc::new(members.collect())),
            serves: self.has_quorum() && !me.learner,
            unready: Vec::new(),
            cert_until: None,
            downgrade_to: None,
        }))
    }

    pub(crate) fn mark(&mut self, mark: &str) {
        self.records.push(Record {
            at: self.at,
            body: RecordBody::Marked {
                mark: mark.to_owned(),
            },
        });
    }

    /// A new process takes over.
    pub(crate) fn attach(&mut self) {
        let body = RecordBody::Attached {
            holder: "somebody".to_owned(),
        };
        self.records.push(Record { at: self.at, body });
    }

    pub(crate) fn intend(&mut self, step: &StepId, action: &Action) -> u32 {
        let attempt = self.journal().next_attempt(&action.key());
        let token = Token::new(format!("{attempt}"));
        let body = RecordBody::Intended {
            step: step.clone(),
            action: action.clone(),
            attempt,
            token,
        };
        self.records.push(Record { at: self.at, body });
        attempt
    }

    pub(crate) fn settle(&mut self, action: &Action, attempt: u32, error: Option<PortError>) {
        let body = RecordBody::Settled {
            key: action.key(),
            attempt,
            error,
        };
        self.records.push(Record { at: self.at, body });
    }

    pub(crate) fn machine(&mut self, id: &InstanceId) -> &mut Machine {
        self.machines.iter_mut().find(|m| m.id == *id).unwrap()
    }
}
