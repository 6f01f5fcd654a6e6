//! Nodes, pods and evictions, as a production adapter reads and changes them.

use async_trait::async_trait;

use super::Hands;
use crate::domain::ids::{NodeName, ObjectName, PodUid};
use crate::domain::kube::KubeView;
use crate::domain::observed::{Gap, Part, Partial};
use crate::ports::{Evictions, Nodes, NodesView, PortError, Unevicted};

#[async_trait]
impl NodesView for Hands {
    async fn observe(&self) -> Partial<KubeView> {
        let now = self.now();
        let mut lab = self.lab();
        lab.advance(now);
        let draw = lab.draw;
        if let Err(error) = lab.views.comes(draw) {
            let why = error.to_string();
            return Partial {
                value: KubeView::default(),
                gaps: vec![Gap {
                    part: Part::Kube,
                    why,
                }],
            };
        }
        Partial {
            value: lab.kube.view(now),
            gaps: Vec::new(),
        }
    }
}

impl Hands {
    async fn set_node(&self, node: &NodeName, verb: &'static str) -> Result<(), PortError> {
        self.request(verb, |lab, now| lab.set_node(now, node, verb)).await
    }
}

#[async_trait]
impl Nodes for Hands {
    async fn cordon(&self, node: &NodeName) -> Result<(), PortError> {
        self.set_node(node, "Cordon").await
    }

    async fn uncordon(&self, node: &NodeName) -> Result<(), PortError> {
        self.set_node(node, "Uncordon").await
    }

    async fn taint(&self, node: &NodeName) -> Result<(), PortError> {
        self.set_node(node, "Taint").await
    }

    async fn untaint(&self, node: &NodeName) -> Result<(), PortError> {
        self.set_node(node, "Untaint").await
    }
}

#[async_trait]
impl Evictions for Hands {
    async fn evict(&self, pod: &ObjectName, uid: &PodUid) -> Result<(), Unevicted> {
        let told = self
            .request("Evict", |lab, now| Ok(lab.evict(now, pod, uid)))
            .await;
        told.map_err(Unevicted::from)?
    }
}
