//! What is known about etcd: which flags a minor takes, which hops are legal, which releases are not to be run.
//!
//! The facts are data (`catalog/data/etcd-*.json`), each with its source. The flag lists were asked of the real
//! binaries and a live test asks them again. A minor that the data does not describe is refused, never guessed.

mod data;
mod flags;
mod hops;

pub use data::Release;
pub use flags::{FlagFault, FlagProblem, check_flags};
pub use hops::{
    HopKind, HopNote, HopRefusal, HopRule, check_hop, check_release, hop_notes, short_log_note, usual_before,
};

use crate::domain::version::{EtcdMinor, EtcdVersion};

/// Before 3.5.24 a promoted learner could be taken for one again (etcd-io/etcd 19557, 20793).
pub const LEARNER_FIRST_FROM: EtcdVersion = EtcdVersion::new(3, 5, 24);

/// The minors that the catalogue describes, oldest first, for example `3.6`.
pub fn known_minors() -> Vec<String> {
    data::flags().binaries.keys().cloned().collect()
}

/// What was released, oldest minor first.
#[must_use]
pub fn releases() -> &'static [Release] {
    &data::versions().releases
}

/// What was released of one minor; `None`: nobody described it.
#[must_use]
pub fn release(minor: EtcdMinor) -> Option<&'static Release> {
    releases().iter().find(|release| release.minor == minor)
}

/// Every known flag of one minor and the release that was asked; `None` for a minor nobody described.
/// The live test compares exactly this with the binaries.
pub fn flags_of(minor: &str) -> Option<(EtcdVersion, Vec<&'static str>)> {
    let asked = data::flags().binaries.get(minor)?;
    let taken = |flag: &data::Flag| flag.minors.iter().any(|known| known == minor);
    let names = data::flags().flags.iter().filter(|(_, flag)| taken(flag));
    Some((*asked, names.map(|(name, _)| name.as_str()).collect()))
}

/// Every flag of any minor.
pub fn all_flags() -> Vec<&'static str> {
    data::flags().flags.keys().map(String::as_str).collect()
}

fn minor_of(version: EtcdVersion) -> String {
    format!("{}.{}", version.major, version.minor)
}
