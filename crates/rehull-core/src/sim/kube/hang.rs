//! What is done to nodes and budgets from outside: kubelets that hang, budgets that block.

use jiff::Timestamp;

use super::{Kube, NodeStage, PROCESSED, SILENT, later};
use crate::domain::ids::{NodeName, ObjectName};

impl Kube {
    /// A kubelet stands still, or goes on.
    pub(in crate::sim) fn freeze(&mut self, now: Timestamp, begins: bool) {
        if !begins {
            return self.thaw(now);
        }
        self.hangs = self.hangs.saturating_add(1);
        let Some(name) = self.victim() else { return };
        if let Some(node) = self.nodes.get_mut(&name) {
            self.changes = self.changes.saturating_add(1);
            node.silent = Some(now);
            node.due = Some(later(now, SILENT));
            self.frozen.insert(name);
            self.set_due();
        }
    }

    /// Whatever hangs goes on when nothing makes it hang any more.
    fn thaw(&mut self, now: Timestamp) {
        self.hangs = self.hangs.saturating_sub(1);
        if self.hangs > 0 {
            return;
        }
        for name in std::mem::take(&mut self.frozen) {
            let Some(node) = self.nodes.get_mut(&name) else {
                continue;
            };
            self.changes = self.changes.saturating_add(1);
            if !node.is_gone && node.stage != NodeStage::Deleted {
                node.silent = None;
                node.due = Some(now);
                self.turn(&name, NodeStage::Starts);
            }
        }
        self.set_due();
    }

    /// Who is hit: a node that is being drained, or else the first one.
    pub(in crate::sim) fn victim(&self) -> Option<NodeName> {
        let alive = || {
            self.nodes
                .iter()
                .filter(|(_, node)| node.lives() && node.is_ready())
        };
        let drained = alive().find(|(_, node)| node.cordoned.is_some());
        drained.or_else(|| alive().next()).map(|(name, _)| name.clone())
    }

    /// The budget of a workload allows nobody to go, or is as before.
    pub(in crate::sim) fn block(&mut self, now: Timestamp, workload: &ObjectName, blocks: bool) {
        for cast in self.cast.iter_mut().filter(|cast| cast.name == *workload) {
            cast.blocks = blocks;
            cast.changed = Some(now);
        }
        self.due = Some(
            self.due
                .map_or(later(now, PROCESSED), |due| due.min(later(now, PROCESSED))),
        );
    }
}
