//! The nouns: values without behaviour towards the world.

pub mod action;
pub mod canonical;
pub mod control_plane;
pub mod desired;
pub mod etcd;
pub mod fleet;
pub mod group;
pub mod group_action;
pub mod ids;
pub mod kube;
pub mod machine;
pub mod node_action;
pub mod observed;
pub mod phase;
pub mod policy;
pub mod quorum;
pub mod stop;
pub mod terraform;
pub mod version;
pub mod waiting;
pub(crate) mod words;
pub mod worker;
