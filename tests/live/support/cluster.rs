//! A cluster of real etcd processes with mutual TLS.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rehull::adapters::etcd::EtcdPool;
use rehull_core::domain::desired::Slot;
use rehull_core::domain::etcd::{Endpoint, EtcdView as View, MemberAnswer};
use rehull_core::domain::ids::{InterfaceId, LaunchTemplateName, SlotName, SubnetId, VolumeId, Zone};
use rehull_core::ports::EtcdView as _;
use rustix::process::Signal;
use tempfile::TempDir;

use super::addresses::Block;
use super::pki::{self, Authority, Validity};
use super::process::Process;
use super::{eventually, toolbox};

/// Names of the slots of every cluster, in order.
const NAMES: [&str; 5] = ["etcd-a", "etcd-b", "etcd-c", "etcd-d", "etcd-e"];

/// How a cluster begins.
pub(crate) struct Setup {
    pub(crate) version: &'static str,
    /// Members at the start. One more slot is always there, empty, for additions.
    pub(crate) size: usize,
    /// Validity of the members' certificates.
    pub(crate) validity: Validity,
    /// More etcd flags.
    pub(crate) flags: &'static [&'static str],
}

impl Setup {
    pub(crate) fn new(version: &'static str, size: usize) -> Self {
        Self {
            version,
            size,
            validity: Validity::Now,
            flags: &[],
        }
    }
}

pub(crate) struct Cluster {
    pub(crate) authority: Authority,
    pub(crate) pool: Arc<EtcdPool>,
    setup: Setup,
    slots: Vec<Slot>,
    processes: Vec<Option<Process>>,
    generations: Vec<u32>,
    dir: TempDir,
    block: Block,
}

impl Cluster {
    /// Starts and waits until every member serves; `None` (with the reason on stderr) without the binary.
    pub(crate) async fn up(setup: Setup) -> Option<Self> {
        let mut cluster = Self::prepare(setup)?;
        for index in 0..cluster.setup.size {
            cluster.start(index, cluster.setup.version, "new", &cluster.first_members());
        }
        cluster.all_serve().await;
        Some(cluster)
    }

    /// Like [`Cluster::up`], but only waits for the ports.
    pub(crate) async fn up_unseen(setup: Setup) -> Option<Self> {
        let mut cluster = Self::prepare(setup)?;
        for index in 0..cluster.setup.size {
            cluster.start(index, cluster.setup.version, "new", &cluster.first_members());
        }
        for slot in cluster.members() {
            eventually("an open client port", Duration::from_secs(10), async || {
                tokio::net::TcpStream::connect((slot.address, 2379)).await.ok()
            })
            .await;
        }
        Some(cluster)
    }

    fn prepare(setup: Setup) -> Option<Self> {
        toolbox::binary(setup.version, "etcd")?;
        let block = Block::claim();
        let authority = Authority::new("live test");
        let dir = TempDir::new().unwrap();
        let slots: Vec<Slot> = NAMES[..=setup.size]
            .iter()
            .enumerate()
            .map(|(index, name)| slot(&block, index, name))
            .collect();
        for slot in &slots {
            let addresses = [slot.address, block.stand_in(0), block.stand_in(1)];
            let pair = authority.member(&addresses, setup.validity);
            pki::write(&dir.path().join(slot.name.as_str()), &authority.ca, &pair);
        }
        let client = authority.client(Validity::Now);
        let pool = EtcdPool::new(&pki::client_tls(&authority, &client)).unwrap();
        Some(Self {
            authority,
            pool: Arc::new(pool),
            processes: slots.iter().map(|_| None).collect(),
            generations: vec![0; slots.len()],
            slots,
            setup,
            dir,
            block,
        })
    }

    /// Slots of the first members.
    pub(crate) fn members(&self) -> &[Slot] {
        &self.slots[..self.setup.size]
    }

    /// The empty slot.
    pub(crate) fn spare(&self) -> &Slot {
        &self.slots[self.setup.size]
    }

    /// Address for a proxy before some member.
    pub(crate) fn stand_in(&self, number: usize) -> Ipv4Addr {
        self.block.stand_in(number)
    }

    pub(crate) fn version(&self) -> &'static str {
        self.setup.version
    }

    pub(crate) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    fn first_members(&self) -> Vec<Slot> {
        self.members().to_vec()
    }

    /// Starts a process in a slot with a data directory of its own.
    pub(crate) fn start(&mut self, index: usize, version: &str, state: &str, members: &[Slot]) {
        self.generations[index] += 1;
        self.run(index, version, state, members);
    }

    /// Starts a process again on the data it had.
    pub(crate) fn restart(&mut self, index: usize, members: &[Slot]) {
        self.run(index, self.setup.version, "new", members);
    }

    fn run(&mut self, index: usize, version: &str, state: &str, members: &[Slot]) {
        let generation = self.generations[index];
        let slot = &self.slots[index];
        let home = self.dir.path().join(slot.name.as_str());
        let data = home.join(format!("gen-{generation}"));
        let mut arguments = flags(slot, &home, state, members);
        arguments.push(format!("--data-dir={}", data.display()));
        arguments.extend(self.setup.flags.iter().map(|&flag| flag.to_owned()));
        let binary = toolbox::binary(version, "etcd").expect("the version is in the toolbox");
        let log = home.join(format!("gen-{generation}.log"));
        self.processes[index] = Some(Process::start(&binary, &arguments, log));
    }

    pub(crate) fn signal(&self, index: usize, signal: Signal) {
        self.processes[index].as_ref().expect("it runs").signal(signal);
    }

    /// SIGTERM and wait.
    pub(crate) async fn stop(&mut self, index: usize) {
        let mut process = self.processes[index].take().expect("it runs");
        process.stop().await;
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, index: usize) {
        drop(self.processes[index].take().expect("it runs"));
    }

    pub(crate) async fn observe(&self) -> View {
        self.pool.observe(self.members()).await
    }

    pub(crate) async fn answer(&self, slot: &Slot) -> Option<MemberAnswer> {
        let view = self.pool.observe(std::slice::from_ref(slot)).await;
        view.endpoints[&slot.name].answer().cloned()
    }

    pub(crate) async fn endpoint(&self, slot: &Slot) -> Endpoint {
        let mut view = self.pool.observe(std::slice::from_ref(slot)).await;
        view.endpoints.remove(&slot.name).unwrap()
    }

    /// Index of the leader.
    pub(crate) async fn leader(&self) -> usize {
        eventually(
            "a leader that all agree on",
            Duration::from_secs(10),
            async || {
                let view = self.observe().await;
                let answers: Vec<&MemberAnswer> =
                    view.endpoints.values().filter_map(Endpoint::answer).collect();
                let leader = answers.first()?.leader?;
                let agreed = answers.iter().all(|answer| answer.leader == Some(leader));
                let position = self.members().iter().position(|slot| {
                    view.endpoints[&slot.name]
                        .answer()
                        .is_some_and(|answer| answer.id == leader)
                });
                position.filter(|_| agreed)
            },
        )
        .await
    }

    pub(crate) async fn all_serve(&mut self) {
        let limit = Duration::from_secs(20);
        let since = tokio::time::Instant::now();
        loop {
            let view = self.observe().await;
            let serving = |endpoint: &Endpoint| {
                endpoint
                    .answer()
                    .is_some_and(|a| a.serves && a.cluster_version.is_some())
            };
            if view.endpoints.values().all(serving) {
                return;
            }
            if since.elapsed() > limit {
                let words: Vec<String> = self.processes.iter().flatten().map(Process::last_words).collect();
                panic!(
                    "not all serve after {limit:?}: {view:?}\n{}",
                    words.join("\n---\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn slot(block: &Block, index: usize, name: &str) -> Slot {
    Slot {
        name: SlotName::new(name),
        zone: Zone::new(format!("local-{index}")),
        subnet: SubnetId::new(format!("subnet-{index}")),
        interface: InterfaceId::new(format!("eni-{index}")),
        volume: VolumeId::new(format!("vol-{index}")),
        address: block.address(index),
        launch_template: LaunchTemplateName::new(name),
    }
}

fn flags(slot: &Slot, home: &std::path::Path, state: &str, members: &[Slot]) -> Vec<String> {
    let all: Vec<String> = members
        .iter()
        .map(|member| format!("{}={}", member.name, member.peer_url()))
        .collect();
    let pem = |name: &str| home.join(name).display().to_string();
    let (client, peer) = (slot.client_url(), slot.peer_url());
    vec![
        format!("--name={}", slot.name),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster={}", all.join(",")),
        format!("--initial-cluster-state={state}"),
        "--initial-cluster-token=live".to_owned(),
        "--client-cert-auth".to_owned(),
        "--peer-client-cert-auth".to_owned(),
        format!("--trusted-ca-file={}", pem("ca.crt")),
        format!("--cert-file={}", pem("server.crt")),
        format!("--key-file={}", pem("server.key")),
        format!("--peer-trusted-ca-file={}", pem("ca.crt")),
        format!("--peer-cert-file={}", pem("server.crt")),
        format!("--peer-key-file={}", pem("server.key")),
        "--logger=zap".to_owned(),
    ]
}
