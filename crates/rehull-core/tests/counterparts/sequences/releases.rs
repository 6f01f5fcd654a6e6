//! Two releases in one cluster.

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::InitialState;

use super::{SETTLED, add, boot, join, line, lose, remove, restart, start};
use crate::steps::{Disk, Step, seconds, until};

/// From one minor to the next, and the ways back.
pub(crate) fn hop(old: EtcdVersion, new: EtcdVersion) -> Vec<Step> {
    vec![
        boot(old),
        Step::Lead("a"),
        until(Step::Line("a"), line(old), seconds(0, 9)),
        Step::Kill("c"),
        restart("c", new),
        Step::Line("c"),
        Step::Kill("c"),
        restart("c", old),
        Step::Kill("c"),
        restart("c", new),
        Step::Kill("b"),
        restart("b", new),
        SETTLED,
        Step::Line("a"),
        // While one member is old, an old one may still come in empty.
        remove("a", "c"),
        Step::Ends("c"),
        add("a", "c"),
        join("c", old, &["a", "b", "c"]),
        Step::Kill("c"),
        restart("c", new),
        Step::Lead("b"),
        Step::Kill("a"),
        restart("a", new),
        until(Step::Line("a"), line(new), seconds(1, 9)),
        until(Step::Line("c"), line(new), seconds(0, 2)),
        // From 3.6 on the version of the storage follows within 4 s; until then an older release panics instead.
        SETTLED,
        Step::Kill("c"),
        restart("c", old),
        until(remove("b", "c"), "ok", seconds(0, 12)),
        until(add("b", "c"), "ok", seconds(0, 12)),
        join("c", old, &["a", "b", "c"]),
        join("c", new, &["a", "b", "c"]),
        Step::List("c"),
    ]
}

/// A minor that is left out.
pub(crate) fn skip(old: EtcdVersion, new: EtcdVersion) -> Vec<Step> {
    let mut steps = vec![
        boot(old),
        Step::Lead("a"),
        until(Step::Line("a"), line(old), seconds(0, 9)),
        SETTLED,
        Step::Kill("c"),
        restart("c", new),
        until(remove("a", "c"), "ok", seconds(0, 12)),
        until(add("a", "c"), "ok", seconds(0, 12)),
    ];
    let existing = (InitialState::Existing, ["a", "b", "c"].as_slice());
    if old.line() == (3, 4) {
        // It is the others that end, and they do not come back.
        steps.push(lose("c", new, Disk::Empty, existing));
        steps.extend([Step::Ends("a"), Step::Ends("b")]);
        steps.push(lose("a", old, Disk::Kept, (InitialState::New, &["a", "b", "c"])));
    } else {
        steps.push(start("c", new, Disk::Empty, existing));
    }
    steps
}
