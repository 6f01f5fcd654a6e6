//! What rehull can do to a node and to what runs on it. There is no word for force.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{GroupName, InstanceId, NodeName, ObjectName, PodUid};

/// One mutation of a node, or of a pod on it. The same twice is the same as once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum NodeAction {
    /// Nothing new is scheduled there.
    Cordon(OfNode),
    /// Take a cordon of ours away.
    Uncordon(OfNode),
    /// Whoever is scheduled looks for other nodes first: nobody has to move twice.
    Taint(OfNode),
    /// Take that taint away.
    Untaint(OfNode),
    /// Write down who has to leave: the evictions of exactly these pods follow, as often as they are needed.
    Drain {
        /// Node.
        #[serde(flatten)]
        of: OfNode,
        /// Pods, by uid, that were there when nothing new could come any more.
        pods: BTreeMap<PodUid, ObjectName>,
    },
    /// Ask for an eviction. Its budget may say no.
    Evict {
        /// Node.
        #[serde(flatten)]
        of: OfNode,
        /// Pod.
        pod: ObjectName,
        /// This one, and no other of its name.
        uid: PodUid,
    },
}

/// A node of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfNode {
    /// Group that its machine is of.
    pub group: GroupName,
    /// Node.
    pub node: NodeName,
    /// Its machine: names of nodes are used again.
    pub machine: InstanceId,
}

/// Something that is put back: the word for it, and the word for putting it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Cordons.
    Cordon,
    /// Taints.
    Taint,
}

impl Lasting {
    /// The word with which all keys of the change begin.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cordon => "cordon",
            Self::Taint => "taint",
        }
    }

    /// Key of the change.
    #[must_use]
    pub fn key(self, of: &OfNode) -> String {
        of.key(self.word())
    }

    /// Key of its end.
    #[must_use]
    pub fn end_key(self, of: &OfNode) -> String {
        match self {
            Self::Cordon => of.key("uncordon"),
            Self::Taint => of.key("untaint"),
        }
    }
}

impl OfNode {
    fn key(&self, verb: &str) -> String {
        // Made for every worker in every tick: joined in one piece, which `format!` does not do.
        [verb, self.node.as_str(), self.machine.as_str()].join(" ")
    }
}

/// Key of [`NodeAction::Drain`].
#[must_use]
pub fn drain_key(of: &OfNode) -> String {
    of.key("drain")
}

impl NodeAction {
    /// See [`super::action::Action::key`].
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Cordon(of) => Lasting::Cordon.key(of),
            Self::Uncordon(of) => Lasting::Cordon.end_key(of),
            Self::Taint(of) => Lasting::Taint.key(of),
            Self::Untaint(of) => Lasting::Taint.end_key(of),
            Self::Drain { of, .. } => drain_key(of),
            Self::Evict { uid, .. } => format!("evict {uid}"),
        }
    }

    /// See [`super::action::Action::verb`].
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Cordon(_) => "cordon",
            Self::Uncordon(_) => "uncordon",
            Self::Taint(_) => "taint",
            Self::Untaint(_) => "untaint",
            Self::Drain { .. } => "drain",
            Self::Evict { .. } => "evict",
        }
    }

    /// The node that it is about.
    #[must_use]
    pub const fn of(&self) -> &OfNode {
        match self {
            Self::Cordon(of) | Self::Uncordon(of) | Self::Taint(of) | Self::Untaint(of) => of,
            Self::Drain { of, .. } | Self::Evict { of, .. } => of,
        }
    }

    /// It is done again and again until the world shows it; what covers it is written down once.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        match self {
            Self::Evict { .. } => true,
            Self::Cordon(_) | Self::Uncordon(_) | Self::Taint(_) | Self::Untaint(_) | Self::Drain { .. } => {
                false
            }
        }
    }
}
