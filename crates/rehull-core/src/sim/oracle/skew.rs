//! Releases beside each other, at every instant, of whoever runs: no harm from outside excuses a release.

use std::fmt::Display;

use jiff::Timestamp;

use crate::domain::version::KubernetesVersion;
use crate::sim::etcd::Etcd;
use crate::sim::lab::Lab;

/// Members of one etcd cluster, and apiservers of one cluster, are a minor apart at most.
const MINORS_APART: u32 = 1;
/// A kubelet may be so many minors older than an apiserver that it may ask, and none newer.
const KUBELET_BEHIND: u32 = 3;

/// Members that run.
pub(super) fn of_members(etcd: &Etcd) -> Option<String> {
    let listed = |id| etcd.members().any(|member| member.id == id);
    let all = etcd.processes().map(|(_, process)| process);
    let all = all.filter(|process| listed(process.data.member));
    apart(
        "etcd",
        all.map(|process| (process.version.line(), process.version)),
    )
}

/// Whatever differs by more than a minor.
fn apart<V: Copy + Display>(
    what: &str,
    mut releases: impl Iterator<Item = ((u32, u32), V)>,
) -> Option<String> {
    let first = releases.next()?;
    let (oldest, newest) = releases.fold((first, first), |(oldest, newest), next| {
        (
            if next.0 < oldest.0 { next } else { oldest },
            if next.0 > newest.0 { next } else { newest },
        )
    });
    let (low, high) = (oldest.0, newest.0);
    let far = low.0 != high.0 || high.1.saturating_sub(low.1) > MINORS_APART;
    far.then(|| format!("{what} {} and {} run beside each other", oldest.1, newest.1))
}

fn line(version: KubernetesVersion) -> ((u32, u32), KubernetesVersion) {
    ((version.major, version.minor), version)
}

fn of_servers(releases: impl Iterator<Item = KubernetesVersion>) -> Option<String> {
    apart("apiservers", releases.map(line))
}

/// Kubelets ask through the load balancer: each may meet the oldest server, and the newest.
fn of_kubelets(
    kubelets: impl Iterator<Item = KubernetesVersion>,
    servers: impl Iterator<Item = KubernetesVersion> + Clone,
) -> Option<String> {
    let oldest = servers.clone().min()?;
    let newest = servers.max()?;
    let fits = |kubelet: &KubernetesVersion| {
        let (its, low, high) = (line(*kubelet).0, line(oldest).0, line(newest).0);
        its <= low && its.0 == high.0 && high.1.saturating_sub(its.1) <= KUBELET_BEHIND
    };
    let mut wrong = kubelets.filter(|kubelet| !fits(kubelet));
    let kubelet = wrong.next()?;
    Some(format!(
        "a kubelet of {kubelet} runs beside apiservers of {oldest} to {newest}"
    ))
}

impl Lab {
    pub(super) fn judge_servers_skew(&mut self, now: Timestamp) {
        if let Some(what) = of_servers(self.servers.releases()) {
            self.oracle.breach(now, 5, what);
        }
    }

    pub(super) fn judge_kubelets_skew(&mut self, now: Timestamp) {
        let servers: Vec<KubernetesVersion> = self.servers.releases().collect();
        let ready = self.kube.nodes().filter(|(_, node)| node.is_ready());
        let kubelets = ready.map(|(_, node)| node.release);
        if let Some(what) = of_kubelets(kubelets, servers.into_iter()) {
            self.oracle.breach(now, 5, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(minors: &[u32]) -> impl Iterator<Item = KubernetesVersion> + Clone {
        minors.iter().map(|minor| KubernetesVersion::new(1, *minor, 2))
    }

    #[test]
    fn apiservers_are_a_minor_apart_at_most() {
        assert_eq!(of_servers(all(&[])), None);
        assert_eq!(of_servers(all(&[33, 34, 33])), None);
        let far = "apiservers 1.33.2 and 1.35.2 run beside each other";
        assert_eq!(of_servers(all(&[34, 33, 35])).as_deref(), Some(far));
    }

    #[test]
    fn members_are_a_minor_apart_at_most() {
        let members =
            |minors: &'static [u32]| apart("etcd", minors.iter().map(|minor| ((3, *minor), *minor)));
        assert_eq!(members(&[5, 6, 5]), None);
        assert_eq!(
            members(&[4, 6]).as_deref(),
            Some("etcd 4 and 6 run beside each other")
        );
    }

    #[test]
    fn a_kubelet_is_not_newer_than_the_oldest_apiserver_and_three_minors_older_than_the_newest() {
        assert_eq!(of_kubelets(all(&[33, 30]), all(&[33])), None);
        assert_eq!(of_kubelets(all(&[33]), all(&[])), None);
        let newer = "a kubelet of 1.34.2 runs beside apiservers of 1.33.2 to 1.34.2";
        assert_eq!(of_kubelets(all(&[34]), all(&[33, 34])).as_deref(), Some(newer));
        let older = "a kubelet of 1.30.2 runs beside apiservers of 1.33.2 to 1.34.2";
        assert_eq!(of_kubelets(all(&[30]), all(&[33, 34])).as_deref(), Some(older));
    }
}
