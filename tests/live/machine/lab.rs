//! One slot, its volume and the machines that are booted for it from the real rendered user data.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rehull::sandbox::machine::{MachineProcess, MachineSpec, expose_volume};
use rehull_core::domain::desired::{
    AwsTarget, ClientTls, Desired, EtcdRole, MachineTls, ObjectLocation, Slot, StoreLocation, TemplateRef,
};
use rehull_core::domain::fleet::{BootPhase, BootReport};
use rehull_core::domain::ids::{
    AccountId, ClusterName, ImageId, InterfaceId, LaunchTemplateName, Region, SlotName, SubnetId, VolumeId,
    Zone,
};
use rehull_core::domain::machine::MachineContent;
use rehull_core::domain::policy::{EtcdStrategy, RolloutPolicy};
use rehull_core::domain::version::EtcdVersion;
use rehull_core::render::{builtin_template, render_slot};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::doubles::Doubles;
use crate::support::addresses::Block;
use crate::support::pki::{Authority, Validity};

const VOLUME: &str = "vol-0123456789abcdef0";

pub(crate) struct Lab {
    pub(crate) aws: Doubles,
    pub(crate) address: Ipv4Addr,
    desired: Desired,
    endpoints: (String, String),
    dir: TempDir,
    _block: Block,
}

impl Lab {
    /// A blank volume, certificates, and these binaries in the artefact bucket.
    pub(crate) async fn new(binaries: &[(&str, Vec<u8>)]) -> Self {
        let block = Block::claim();
        let address = block.address(0);
        let aws = Doubles::default();
        let mut sums = BTreeMap::new();
        for (name, bytes) in binaries {
            let sum = hex::encode(Sha256::digest(bytes));
            aws.put(&format!("rehull-dev/artefacts/sha256/{sum}"), bytes.clone());
            sums.insert((*name).to_owned(), sum);
        }
        let dir = tempfile::tempdir().unwrap();
        issue_certificates(dir.path(), &aws, address);
        let endpoints = aws.serve().await;
        aws.tag("cluster", "dev");
        aws.tag("slot", "etcd-a");
        Self {
            aws,
            address,
            desired: desired(sums, address),
            endpoints,
            dir,
            _block: block,
        }
    }

    pub(crate) fn volume(&self) -> PathBuf {
        self.dir.path().join("volumes").join(VOLUME)
    }

    /// What the file system of the volume holds.
    pub(crate) fn on_volume(&self, path: &str) -> PathBuf {
        self.volume().join("fs").join(path)
    }

    pub(crate) fn machine_dir(&self, instance: &str) -> PathBuf {
        self.dir.path().join("machines").join(instance)
    }

    /// Launches a machine with the volume attached; `go` is not set.
    pub(crate) async fn launch(&self, instance: &str, join: &str, generation: &str) -> MachineProcess {
        self.aws.become_instance(instance);
        self.aws.tag("join", join);
        self.aws.tag("generation", generation);
        expose_volume(&self.machine_dir(instance), VOLUME, &self.volume()).unwrap();
        self.power_on(instance).await
    }

    pub(crate) async fn power_on(&self, instance: &str) -> MachineProcess {
        let slot = &self.desired.etcd.slots[0];
        let rendered = render_slot(&self.desired, slot, builtin_template(1).unwrap()).unwrap();
        let spec = MachineSpec {
            dir: self.machine_dir(instance),
            instance: instance.to_owned(),
            hostname: "etcd-a".to_owned(),
            user_data: rendered.user_data,
            imds_endpoint: self.endpoints.0.clone(),
            s3_endpoint: self.endpoints.1.clone(),
            region: "ap-northeast-1".to_owned(),
        };
        MachineProcess::start_with(&spec, Path::new(env!("CARGO_BIN_EXE_rehull")))
            .await
            .unwrap()
    }

    pub(crate) fn report(&self, instance: &str) -> Option<BootReport> {
        self.aws
            .report(&format!("rehull-dev/artefacts/boot/dev/etcd-a/{instance}.json"))
    }

    /// Waits until the machine says this.
    pub(crate) async fn until(&self, instance: &str, phase: BootPhase) -> BootReport {
        let since = Instant::now();
        loop {
            if let Some(report) = self.report(instance).filter(|report| report.phase == phase) {
                return report;
            }
            assert!(
                since.elapsed() < Duration::from_secs(30),
                "no {phase:?}: {}",
                self.evidence(instance)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn evidence(&self, instance: &str) -> String {
        let dir = self.machine_dir(instance);
        let logs = [
            "console.log",
            "root/var/log/cloud-init-output.log",
            "root/var/log/rehull-boot.service.log",
            "root/var/log/etcd.service.log",
        ];
        let texts = logs.map(|log| {
            let text = std::fs::read_to_string(dir.join(log)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!(
                "--- {log}\n{}",
                lines[lines.len().saturating_sub(15)..].join("\n")
            )
        });
        format!(
            "{:?}\n{:?}\n{}",
            self.report(instance),
            self.aws.complaints(),
            texts.join("\n")
        )
    }

    pub(crate) fn port_is_open(&self) -> bool {
        TcpStream::connect_timeout(&(self.address, 2379).into(), Duration::from_millis(500)).is_ok()
    }

    /// etcdctl over mutual TLS.
    pub(crate) fn etcdctl(&self, binary: &Path, arguments: &[&str]) -> Output {
        let file = |name: &str| self.dir.path().join(name);
        Command::new(binary)
            .env("ETCDCTL_API", "3")
            .args([
                "--endpoints",
                &format!("https://{}:2379", self.address),
                "--command-timeout",
                "10s",
            ])
            .arg("--cacert")
            .arg(file("ca.crt"))
            .arg("--cert")
            .arg(file("client.crt"))
            .arg("--key")
            .arg(file("client.key"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Processes that live in the mount namespace of this machine: it shows in their mount tables.
    pub(crate) fn processes_of(&self, instance: &str) -> Vec<String> {
        let root = self.machine_dir(instance).join("root/proc");
        let root = root.to_string_lossy().into_owned();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter(|entry| {
            std::fs::read_to_string(entry.path().join("mountinfo")).is_ok_and(|table| table.contains(&root))
        })
        .map(|entry| {
            std::fs::read_to_string(entry.path().join("cmdline"))
                .unwrap_or_default()
                .replace('\0', " ")
        })
        .collect()
    }

    /// Waits until nothing of the machine runs any more.
    pub(crate) async fn until_gone(&self, instance: &str, machine: &MachineProcess) {
        let since = Instant::now();
        while machine.is_running() || !self.processes_of(instance).is_empty() {
            assert!(
                since.elapsed() < Duration::from_secs(10),
                "left: {:?}",
                self.processes_of(instance)
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn issue_certificates(dir: &Path, aws: &Doubles, address: Ipv4Addr) {
    let authority = Authority::new("machine test");
    let prefix = "rehull-dev-secrets/etcd/etcd-a/1";
    aws.put(&format!("{prefix}/ca.crt"), authority.ca.clone());
    for name in ["server", "peer"] {
        let pair = authority.member(&[address], Validity::Now);
        aws.put(&format!("{prefix}/{name}.crt"), pair.cert);
        aws.put(&format!("{prefix}/{name}.key"), pair.key);
    }
    let client = authority.client(Validity::Now);
    for (name, text) in [
        ("ca.crt", authority.ca),
        ("client.crt", client.cert),
        ("client.key", client.key),
    ] {
        std::fs::write(dir.join(name), text).unwrap();
    }
}

fn desired(binaries: BTreeMap<String, String>, address: Ipv4Addr) -> Desired {
    let location = |bucket: &str, prefix: &str| ObjectLocation {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    };
    Desired {
        cluster: ClusterName::new("dev"),
        aws: AwsTarget {
            account: AccountId::new("111122223333"),
            region: Region::new("ap-northeast-1"),
            endpoint: None,
        },
        store: StoreLocation::S3(location("rehull-dev", "store/")),
        artefacts: location("rehull-dev", "artefacts/"),
        snapshots: location("rehull-dev-snapshots", "etcd/"),
        etcd: EtcdRole {
            version: EtcdVersion::new(3, 5, 33),
            machine: MachineContent {
                binaries,
                image: ImageId::new("ami-0123456789abcdef0"),
                instance_type: "m6i.large".to_owned(),
                instance_profile: "dev-etcd".to_owned(),
                security_groups: vec!["sg-0123456789abcdef0".to_owned()],
            },
            flags: BTreeMap::from([("log-level".to_owned(), "info".to_owned())]),
            template: TemplateRef::BuiltIn(1),
            machine_tls: MachineTls {
                location: location("rehull-dev-secrets", "etcd/"),
                revision: "1".to_owned(),
            },
            client_tls: ClientTls::S3(location("rehull-dev-secrets", "client/")),
            strategy: EtcdStrategy::RemoveThenAdd,
            slots: vec![Slot {
                name: SlotName::new("etcd-a"),
                zone: Zone::new("ap-northeast-1a"),
                subnet: SubnetId::new("subnet-0123456789abcdef0"),
                interface: InterfaceId::new("eni-0123456789abcdef0"),
                volume: VolumeId::new(VOLUME),
                address,
                launch_template: LaunchTemplateName::new("dev-etcd-a"),
            }],
            spare: None,
        },
        control_plane: None,
        workers: None,
        terraform: None,
        policy: RolloutPolicy::default(),
    }
}
