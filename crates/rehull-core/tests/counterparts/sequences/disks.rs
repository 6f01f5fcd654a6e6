//! What becomes of a process on a disk that is empty, old, or somebody else's.

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::InitialState;

use super::{SETTLED, add, boot, join, lose, remove, restart, start};
use crate::steps::{Disk, Step};

pub(crate) fn lost_and_stale_disks(version: EtcdVersion) -> Vec<Step> {
    let (new, existing) = (InitialState::New, InitialState::Existing);
    vec![
        start("d", version, Disk::Empty, (existing, &["a", "d"])),
        boot(version),
        Step::Lead("a"),
        Step::Kill("c"),
        Step::Save("c"),
        Step::Write("a", 5),
        restart("c", version),
        Step::Put("c"),
        Step::Write("a", 20),
        Step::Kill("c"),
        start("c", version, Disk::Saved, (new, &["a", "b", "c"])),
        start("c", version, Disk::Empty, (new, &["a", "b", "c"])),
        start("c", version, Disk::Empty, (existing, &["a", "b", "c"])),
    ]
}

pub(crate) fn removed_for_good(version: EtcdVersion) -> Vec<Step> {
    let (new, existing) = (InitialState::New, InitialState::Existing);
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        remove("a", "c"),
        Step::Ends("c"),
        restart("c", version),
        start("c", version, Disk::Empty, (existing, &["a", "b", "c"])),
        start("c", version, Disk::Empty, (new, &["a", "b", "c"])),
        lose("c", version, Disk::Empty, (new, &["a", "c"])),
    ]
}

pub(crate) fn wrong_membership(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        add("a", "d"),
        join("d", version, &["a", "b", "d"]),
        join("d", version, &["a", "b", "d", "e"]),
        join("d", version, &["a", "b", "c", "d"]),
        Step::List("d"),
    ]
}
