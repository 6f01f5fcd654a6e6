//! How far parts of a cluster may be apart. The number of a kubelet depends on the kubelet, not on the apiserver.

use serde::Deserialize;

use super::data;
use crate::domain::version::{KubernetesMinor, KubernetesVersion};

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

/// How a kubelet stands to the apiservers that it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletSkew {
    /// As Kubernetes supports it.
    Fits,
    /// Newer than an apiserver.
    TooNew,
    /// Further behind than a kubelet of its minor may be.
    TooOld {
        /// So many minors are the most.
        most: u32,
    },
}

impl KubeletSkew {
    /// Patches move freely. A kubelet older than all that is known fits its own minor only.
    #[must_use]
    pub fn of(kubelet: KubernetesVersion, apiserver: KubernetesVersion) -> Self {
        let (kubelet, apiserver) = (KubernetesMinor::of(kubelet), KubernetesMinor::of(apiserver));
        let most = skew().kubelet_behind(kubelet);
        if kubelet > apiserver {
            Self::TooNew
        } else if apiserver.ahead_of(kubelet) > most {
            Self::TooOld { most }
        } else {
            Self::Fits
        }
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

    #[test]
    fn a_kubelet_fits_up_to_three_minors_behind_from_1_25_on_and_two_before() {
        let of = |kubelet: u32, apiserver: u32| {
            let kubelet = KubernetesVersion::new(1, kubelet, 9);
            KubeletSkew::of(kubelet, KubernetesVersion::new(1, apiserver, 0))
        };
        for (kubelet, apiserver) in [(24, 24), (24, 26), (25, 28), (31, 34), (13, 13)] {
            assert_eq!(
                of(kubelet, apiserver),
                KubeletSkew::Fits,
                "1.{kubelet}, 1.{apiserver}"
            );
        }
        assert_eq!(of(24, 27), KubeletSkew::TooOld { most: 2 });
        assert_eq!(of(25, 29), KubeletSkew::TooOld { most: 3 });
        assert_eq!(of(13, 14), KubeletSkew::TooOld { most: 0 });
        assert_eq!(of(35, 34), KubeletSkew::TooNew);
        let (one, two) = (KubernetesVersion::new(1, 34, 0), KubernetesVersion::new(2, 0, 0));
        assert_eq!(KubeletSkew::of(two, one), KubeletSkew::TooNew);
        assert_eq!(KubeletSkew::of(one, two), KubeletSkew::TooOld { most: 3 });
    }
}
