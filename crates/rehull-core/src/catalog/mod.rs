//! What is known about releases, as data with a source for every fact. A release nobody described is refused.

pub mod etcd;
pub mod kubernetes;
