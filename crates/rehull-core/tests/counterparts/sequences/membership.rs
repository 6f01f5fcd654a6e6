//! Who is added, removed and promoted, and who is refused.

use rehull_core::domain::version::EtcdVersion;

use super::{SETTLED, add, add_learner, boot, join, move_leader, promote, remove};
use crate::steps::{NOBODY, Step, seconds, until};

pub(crate) fn learners(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        remove("a", "c"),
        add_learner("a", "d"),
        until(add_learner("a", "d"), "ok", seconds(2, 9)),
        Step::List("a"),
        add_learner("a", "e"),
        add("a", "b"),
        promote("a", "d"),
        promote("b", "d"),
        promote("a", "b"),
        promote("b", "a"),
        promote("a", NOBODY),
        remove("a", NOBODY),
        move_leader("a", "d"),
        move_leader("a", NOBODY),
        move_leader("b", "c"),
        move_leader("a", "a"),
        join("d", version, &["a", "b", "c", "d"]),
        Step::Status("d"),
        Step::List("d"),
        Step::Put("d"),
        Step::Read("d"),
        Step::ReadOwn("d"),
        add("d", "e"),
        Step::List("a"),
        until(promote("a", "d"), "ok", seconds(0, 10)),
        promote("a", "d"),
        until(Step::Status("d"), "voter", seconds(0, 10)),
        until(Step::Put("d"), "ok", seconds(0, 10)),
        remove("a", "d"),
        Step::Ends("d"),
        remove("a", "d"),
        Step::List("a"),
    ]
}

/// etcd makes an id of the peer URL and the second.
pub(crate) fn same_second(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        Step::NextSecond,
        add_learner("a", "d"),
        add_learner("a", "d"),
        remove("a", "d"),
        add_learner("a", "d"),
        Step::NextSecond,
        add_learner("a", "d"),
        Step::NextSecond,
        add_learner("a", "d"),
        add("a", "d"),
        Step::List("a"),
    ]
}

/// A learner is promoted by how far the leader knows its log to be, not by whether it lives.
pub(crate) fn learner_catches_up(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        add_learner("a", "d"),
        join("d", version, &["a", "b", "c", "d"]),
        Step::Freeze("d"),
        Step::Write("a", 80),
        promote("a", "d"),
        promote("c", "d"),
        Step::Thaw("d"),
        Step::Pass(1),
        Step::Kill("d"),
        promote("a", "d"),
        Step::List("a"),
        until(remove("a", "d"), "ok", seconds(0, 10)),
        Step::List("a"),
    ]
}

pub(crate) fn down(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        Step::Kill("c"),
        remove("a", "b"),
        add("a", "d"),
        add_learner("a", "d"),
        remove("a", "d"),
        until(remove("a", "c"), "ok", seconds(0, 10)),
        Step::List("a"),
        add("a", "c"),
        Step::List("a"),
        add("a", "d"),
        add_learner("a", "d"),
        remove("a", "b"),
        join("c", version, &["a", "b", "c"]),
        remove("a", "c"),
        until(remove("a", "c"), "ok", seconds(2, 9)),
        Step::Ends("c"),
        remove("a", "b"),
        Step::Ends("b"),
        Step::List("a"),
        remove("a", "a"),
        add("a", "b"),
        Step::Put("a"),
        join("b", version, &["a", "b"]),
        until(Step::Put("a"), "ok", seconds(0, 10)),
        Step::List("b"),
    ]
}
