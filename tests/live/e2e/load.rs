//! Clients of the cluster while rehull works on it, and somebody who counts the ports that refuse.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rehull::adapters::clock::SystemClock;
use rehull::adapters::etcd::load::{Finished, Probe, ProbeReport, ProbeSpec};
use rehull::adapters::etcd::{EtcdPool, PemTls};
use rehull::sandbox::Outs;
use rehull_core::domain::desired::Slot;

use super::rig::Sandbox;
use crate::support::eventually;

/// Clients have come to work before anything is changed.
const WARM: u64 = 200;

pub(crate) struct Load {
    probe: Probe,
    outs: Outs,
}

impl Load {
    /// Returns when the clients are at work. Slower than in `make demo` and `make bench`: at full speed the clients of three
    /// tests side by side and their etcd take two thirds of two cores (perf), and what is tested waits for them.
    pub(crate) async fn on(sandbox: &Sandbox) -> Self {
        Self::with_pause(sandbox, 20).await
    }

    /// The same clients with longer pauses between their writes, for rollouts of half an hour with several side by side.
    pub(crate) async fn gently_on(sandbox: &Sandbox) -> Self {
        Self::with_pause(sandbox, 50).await
    }

    async fn with_pause(sandbox: &Sandbox, millis: u64) -> Self {
        let slots = slots(sandbox);
        let spec = ProbeSpec {
            pause: Duration::from_millis(millis),
            ..ProbeSpec::for_slots("e2e", &slots)
        };
        Self::of(sandbox, spec, &slots).await
    }

    async fn of(sandbox: &Sandbox, spec: ProbeSpec, slots: &[Slot]) -> Self {
        let clock = Arc::new(SystemClock::new());
        let probe = Probe::start(pool(sandbox), clock, spec).await.unwrap();
        eventually("acknowledged writes", Duration::from_secs(60), async || {
            (probe.progress().acknowledged > WARM).then_some(())
        })
        .await;
        let port = |slot: &Slot| SocketAddr::from((slot.address, 2379));
        let ports = slots.iter().map(port).collect();
        Self {
            probe,
            outs: Outs::watch(ports),
        }
    }

    /// Nothing was lost, every watch is complete, and never were two members out together.
    pub(crate) async fn ends_unharmed(self) -> ProbeReport {
        let most = self.outs.most().expect("somebody looked");
        let report = self.ends_with_nothing_lost().await;
        assert!(most <= 1, "{most} members were out at the same time");
        report
    }

    /// Nothing was lost and every watch is complete, however many members were out.
    pub(crate) async fn ends_with_nothing_lost(self) -> ProbeReport {
        let Finished { report, .. } = self.probe.finish().await.unwrap();
        eprintln!("{}", serde_json::to_string(&report).unwrap());
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
