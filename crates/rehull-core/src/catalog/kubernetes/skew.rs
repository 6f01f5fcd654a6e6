//! How far parts of a cluster may be apart. The number of a kubelet depends on the kubelet, not on the apiserver.

use serde::Deserialize;

use super::data;
use crate::domain::version::KubernetesMinor;

/// The project's skew policy, in minors. kube-proxy has the numbers of a kubelet.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Skew {
    /// Between any two apiservers.
    pub apiservers_apart: u32,
    /// kube-controller-manager, kube-scheduler and cloud-controller-manager behind the apiserver that they ask; never ahead.
    pub controllers_behind: u32,
    /// kubectl to either side.
    pub kubectl_apart: u32,
    /// Kubelets behind every apiserver; never ahead. Oldest first.
    pub kubelet_behind: Vec<KubeletBehind>,
}

/// From this kubelet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeletBehind {
    /// First minor of the kubelet.
    pub from: KubernetesMinor,
    /// How many minors it may be behind.
    pub minors: u32,
}

impl Skew {
    /// How many minors a kubelet or kube-proxy of this minor may be behind; 0 for one older than all that is known.
    #[must_use]
    pub fn kubelet_behind(&self, kubelet: KubernetesMinor) -> u32 {
        let rules = self.kubelet_behind.iter().rev();
        rules
            .into_iter()
            .find(|rule| rule.from <= kubelet)
            .map_or(0, |rule| rule.minors)
    }

    /// The newest apiserver under which a kubelet of this minor may run.
    #[must_use]
    pub fn kubelet_reach(&self, kubelet: KubernetesMinor) -> KubernetesMinor {
        let minor = kubelet.minor.saturating_add(self.kubelet_behind(kubelet));
        KubernetesMinor::new(kubelet.major, minor)
    }
}

/// The policy that is compiled in.
#[must_use]
pub fn skew() -> &'static Skew {
    &data::releases().skew
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_kubelet_may_be_behind_depends_on_the_kubelet() {
        for (kubelet, newest_server) in [(14, 16), (21, 23), (24, 26), (25, 28), (34, 37)] {
            let reach = skew().kubelet_reach(KubernetesMinor::new(1, kubelet));
            assert_eq!(reach, KubernetesMinor::new(1, newest_server), "1.{kubelet}");
        }
        assert_eq!(skew().kubelet_behind(KubernetesMinor::new(1, 13)), 0);
    }
}
