//! The etcd machines of a sandbox, moved by hand through the ports that rehull uses.

use std::collections::BTreeMap;
use std::fs;

use rehull::adapters::artefacts::{ArtefactStore, Pinned};
use rehull::adapters::aws::{AccessKeys, AwsClients, AwsLaunchTemplates, AwsMachines, AwsSlotParts};
use rehull::adapters::etcd::{EtcdPool, PemTls};
use rehull::sandbox::Info;
use rehull_core::domain::desired::{Desired, Slot};
use rehull_core::domain::etcd::MemberAnswer;
use rehull_core::domain::fleet::{Attachment, BootPhase, tag};
use rehull_core::domain::ids::{Generation, InstanceId, Token};
use rehull_core::ports::{
    EtcdView as _, LaunchRequest, LaunchTemplates as _, Machines as _, PortError, SlotParts as _,
    TemplateContent,
};
use rehull_core::render::{builtin_template, render_slot};

use super::LIMIT;
use crate::support::{eventually, toolbox};

pub(crate) struct Hand {
    pub(crate) desired: Desired,
    templates: AwsLaunchTemplates,
    machines: AwsMachines,
    parts: AwsSlotParts,
    etcd: EtcdPool,
    launched: u32,
}

impl Hand {
    /// Publishes the binaries, as `rehull apply` would.
    pub(crate) async fn new(info: &Info) -> Self {
        let text = fs::read_to_string(info.cluster_file()).unwrap();
        let desired = rehull_core::config::parse("cluster.yaml", &text).unwrap();
        let credentials = fs::read_to_string(info.credentials_file()).unwrap();
        let values: BTreeMap<&str, &str> = credentials
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let keys = AccessKeys {
            id: values["AWS_ACCESS_KEY_ID"].to_owned(),
            secret: values["AWS_SECRET_ACCESS_KEY"].to_owned(),
        };
        let clients = AwsClients::with_keys(&desired.aws, &keys).await;
        let store = ArtefactStore::new(clients.clone(), desired.artefacts.clone());
        for (name, sha256) in &desired.etcd.machine.binaries {
            let pinned = Pinned {
                name: name.clone(),
                sha256: sha256.clone(),
            };
            let file = toolbox::binary(&info.etcd_version, name).unwrap();
            store.publish(&pinned, &file).await.unwrap();
        }
        let pem = |file: &str| fs::read(info.pki_dir().join(file)).unwrap();
        let tls = PemTls {
            ca: pem("ca.crt"),
            cert: pem("client.crt"),
            key: pem("client.key"),
        };
        Self {
            templates: AwsLaunchTemplates::new(clients.clone()),
            machines: AwsMachines::new(clients.clone(), &desired.artefacts, &desired.cluster),
            parts: AwsSlotParts::new(clients),
            etcd: EtcdPool::new(&tls).unwrap(),
            desired,
            launched: 0,
        }
    }

    pub(crate) fn slot(&self, nth: usize) -> Slot {
        self.desired.etcd.slots[nth].clone()
    }

    /// A machine that is warm: everything fetched and verified with its own role.
    pub(crate) async fn launch(&mut self, slot: &Slot, join: &str, generation: u32) -> InstanceId {
        let role = &self.desired.etcd;
        let rendered = render_slot(&self.desired, slot, builtin_template(1).unwrap()).unwrap();
        let content = TemplateContent {
            digest: rendered.digest.clone(),
            image: role.machine.image.to_string(),
            instance_type: role.machine.instance_type.clone(),
            instance_profile: role.machine.instance_profile.clone(),
            security_groups: role.machine.security_groups.clone(),
            subnet: Some(slot.subnet.to_string()),
            user_data: rendered.user_data,
            tags: BTreeMap::from([(tag::CLUSTER.to_owned(), self.desired.cluster.to_string())]),
        };
        self.launched += 1;
        let token = Token::new(format!("{:032}", self.launched));
        let made = self
            .templates
            .create_version(&slot.launch_template, &content, &token)
            .await
            .unwrap();
        let tags = [
            (tag::CLUSTER, self.desired.cluster.as_str()),
            (tag::SLOT, slot.name.as_str()),
            (tag::GENERATION, &generation.to_string()),
            (tag::JOIN, join),
            (tag::DIGEST, rendered.digest.as_str()),
            (tag::ROLLOUT, "by-hand"),
        ];
        let request = LaunchRequest {
            template: slot.launch_template.clone(),
            version: made.0,
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            token,
        };
        let machine = self.machines.launch(&request).await.unwrap();
        self.until_phase(slot, &machine, &BootPhase::Warm).await;
        machine
    }

    pub(crate) async fn until_phase(&self, slot: &Slot, machine: &InstanceId, wanted: &BootPhase) {
        eventually(&format!("{machine} {wanted:?}"), LIMIT, async || {
            let report = self.machines.boot_report(&slot.name, machine).await.ok()??;
            assert_ne!(report.phase, BootPhase::Refused, "{report:?}");
            (report.phase == *wanted).then_some(())
        })
        .await;
    }

    pub(crate) async fn set(&self, machine: &InstanceId, key: &str) {
        let tags = BTreeMap::from([(key.to_owned(), "by-hand".to_owned())]);
        self.machines.tag(machine, &tags).await.unwrap();
    }

    /// Busy parts are asked for again, as a rollout would.
    pub(crate) async fn attach(&self, slot: &Slot, machine: &InstanceId, generation: u32) {
        eventually("interface and volume", LIMIT, async || {
            let interface = self.parts.attach_interface(&slot.interface, machine).await;
            let volume = self
                .parts
                .attach_volume(&slot.volume, machine, Generation(generation))
                .await;
            for outcome in [interface, volume] {
                assert!(
                    outcome.as_ref().err().is_none_or(PortError::is_passing),
                    "{outcome:?}"
                );
            }
            let (interface, volume) = self.where_are(slot).await?;
            (interface.is_attached_to(machine) && volume.is_attached_to(machine)).then_some(())
        })
        .await;
    }

    pub(crate) async fn detach(&self, slot: &Slot, machine: &InstanceId) {
        self.parts
            .detach_interface(&slot.interface, machine)
            .await
            .unwrap();
        self.parts.detach_volume(&slot.volume, machine).await.unwrap();
    }

    pub(crate) async fn where_are(&self, slot: &Slot) -> Option<(Attachment, Attachment)> {
        let seen = self.parts.observe(std::slice::from_ref(slot)).await.value;
        let parts = seen.get(&slot.name)?;
        Some((
            parts.interface.attachment.clone(),
            parts.volume.attachment.clone(),
        ))
    }

    pub(crate) async fn until_free(&self, slot: &Slot) {
        eventually("free parts", LIMIT, async || {
            let parts = self.where_are(slot).await?;
            (parts == (Attachment::Available, Attachment::Available)).then_some(())
        })
        .await;
    }

    /// All members that serve, once as many do as there are slots.
    pub(crate) async fn until_all_serve(&self) -> Vec<MemberAnswer> {
        eventually("every member", LIMIT, async || {
            let seen = self.etcd.observe(&self.desired.etcd.slots).await;
            let answers: Vec<MemberAnswer> = seen
                .endpoints
                .values()
                .filter_map(|one| one.answer().filter(|one| one.serves).cloned())
                .collect();
            (answers.len() == self.desired.etcd.slots.len()).then_some(answers)
        })
        .await
    }
}
