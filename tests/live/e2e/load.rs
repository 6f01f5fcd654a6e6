//! Clients of the cluster while rehull works on it, and somebody who counts the ports that refuse.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rehull::adapters::clock::SystemClock;
use rehull::adapters::etcd::load::{Finished, Probe, ProbeReport, ProbeSpec};
use rehull::adapters::etcd::{EtcdPool, PemTls};
use rehull_core::domain::desired::Slot;
use tokio::task::JoinHandle;

use super::rig::Sandbox;
use crate::support::eventually;

/// Clients have come to work before anything is changed.
const WARM: u64 = 200;

pub(crate) struct Load {
    probe: Probe,
    outs: Outs,
}

impl Load {
    /// Returns when the clients are at work.
    pub(crate) async fn on(sandbox: &Sandbox) -> Self {
        let slots = slots(sandbox);
        let spec = ProbeSpec::for_slots("e2e", &slots);
        let clock = Arc::new(SystemClock::new());
        let probe = Probe::start(pool(sandbox), clock, spec).await.unwrap();
        eventually("acknowledged writes", Duration::from_secs(20), async || {
            (probe.progress().acknowledged > WARM).then_some(())
        })
        .await;
        Self {
            probe,
            outs: Outs::watch(&slots),
        }
    }

    /// Nothing was lost, every watch is complete, and never were two members out together.
    pub(crate) async fn ends_unharmed(self) -> ProbeReport {
        let most = self.outs.most();
        let report = self.ends_with_nothing_lost().await;
        assert!(most <= 1, "{most} members were out at the same time");
        report
    }

    /// Nothing was lost and every watch is complete, however many members were out.
    pub(crate) async fn ends_with_nothing_lost(self) -> ProbeReport {
        let Finished { report, .. } = self.probe.finish().await.unwrap();
        eprintln!("{}", serde_json::to_string_pretty(&report).unwrap());
        assert!(report.acknowledged > WARM);
        assert!(report.is_clean(), "{:?}", report.problems);
        report
    }
}

/// The slots of the sandbox as rehull itself reads them from the cluster file.
pub(crate) fn slots(sandbox: &Sandbox) -> Vec<Slot> {
    let text = fs::read_to_string(sandbox.info.cluster_file()).unwrap();
    rehull_core::config::parse("cluster.yaml", &text)
        .unwrap()
        .etcd
        .slots
}

/// Connections of our own, with the client certificate of the sandbox.
pub(crate) fn pool(sandbox: &Sandbox) -> Arc<EtcdPool> {
    let pki = sandbox.info.pki_dir();
    let pem = |name: &str| fs::read(pki.join(name)).unwrap();
    let tls = PemTls {
        ca: pem("ca.crt"),
        cert: pem("client.crt"),
        key: pem("client.key"),
    };
    Arc::new(EtcdPool::new(&tls).unwrap())
}

/// Counts refusing ports all the time. A port that merely answers late does not count.
struct Outs {
    most: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Outs {
    fn watch(slots: &[Slot]) -> Self {
        let addresses: Vec<SocketAddr> = slots
            .iter()
            .map(|slot| SocketAddr::from((slot.address, 2379)))
            .collect();
        let (most, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (noted, over) = (Arc::clone(&most), Arc::clone(&done));
        let task = tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let mut out = 0;
                for address in &addresses {
                    out += usize::from(tokio::net::TcpStream::connect(address).await.is_err());
                }
                noted.fetch_max(out, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        });
        Self { most, done, task }
    }

    fn most(&self) -> usize {
        self.done.store(true, Ordering::Relaxed);
        self.most.load(Ordering::Relaxed)
    }
}

impl Drop for Outs {
    fn drop(&mut self) {
        self.task.abort();
    }
}
