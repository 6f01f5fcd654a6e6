//! Leaders, members that hang, and alarms.

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::InitialState;

use super::{SETTLED, add_learner, boot, line, move_leader, remove, restart, start};
use crate::steps::{Disk, NOBODY, Step, seconds, until};

/// A process that hangs counts as connected: for 5 s in 3.4, and without an end since.
pub(crate) fn frozen(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        Step::Freeze("c"),
        Step::Put("a"),
        add_learner("a", "d"),
        remove("a", "d"),
        // Longer than the links' time-out, too.
        move_leader("a", "c"),
        Step::NextSecond,
        add_learner("a", "d"),
        remove("a", "d"),
        // From 3.5 on this leaves one voter that runs and one that hangs.
        remove("a", "b"),
        Step::Thaw("c"),
        until(Step::Put("c"), "ok", seconds(0, 10)),
        // On 3.4 the links have to be 5 s old: how much of that the write has taken is the computer's matter.
        until(add_learner("a", "d"), "ok", seconds(0, 10)),
        Step::List("a"),
    ]
}

/// A follower, then the leader: clients reach it, its peers do not.
pub(crate) fn cut_off(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        Step::Cut("c"),
        until(Step::Leader("c"), "nobody", seconds(0, 8)),
        Step::Put("a"),
        Step::Together(vec![Step::Put("c"), Step::Read("c")]),
        Step::ReadOwn("c"),
        Step::Status("c"),
        move_leader("c", "b"),
        // Longer than the links' time-out, too.
        Step::Together(vec![remove("c", "a"), remove("c", NOBODY)]),
        add_learner("a", "d"),
        remove("a", "d"),
        Step::Mend("c"),
        until(Step::Put("c"), "ok", seconds(0, 10)),
        Step::Lead("a"),
        SETTLED,
        Step::Cut("a"),
        until(Step::Put("b"), "ok", seconds(0, 10)),
        until(Step::Leader("a"), "nobody", seconds(0, 10)),
        Step::Together(vec![Step::Put("a"), Step::Read("a")]),
        Step::ReadOwn("a"),
        Step::Mend("a"),
        until(Step::Put("a"), "ok", seconds(0, 10)),
        until(Step::Read("a"), "ok", seconds(0, 10)),
        Step::List("b"),
    ]
}

pub(crate) fn no_quorum(version: EtcdVersion) -> Vec<Step> {
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        Step::Kill("a"),
        until(Step::Put("b"), "ok", seconds(0, 8)),
        restart("a", version),
        Step::Lead("a"),
        Step::Kill("b"),
        Step::Kill("c"),
        until(Step::Leader("a"), "nobody", seconds(0, 8)),
        Step::Together(vec![Step::Put("a"), Step::Read("a")]),
        Step::Together(vec![remove("a", "c"), remove("a", NOBODY)]),
        Step::ReadOwn("a"),
        move_leader("a", "b"),
        restart("b", version),
        until(Step::Put("a"), "ok", seconds(0, 10)),
    ]
}

pub(crate) fn half_a_bootstrap(version: EtcdVersion) -> Vec<Step> {
    let all: &[&str] = &["a", "b", "c"];
    vec![
        Step::Boot {
            slots: &["a", "b"],
            initial: all,
            version,
        },
        // The leader decides it within its first second or two.
        until(Step::Line("a"), "3.0", seconds(0, 5)),
        Step::List("a"),
        SETTLED,
        Step::Line("b"),
        start("c", version, Disk::Empty, (InitialState::New, all)),
        until(Step::Line("c"), line(version), seconds(0, 9)),
    ]
}

pub(crate) fn alarms(version: EtcdVersion) -> Vec<Step> {
    let alarm = |alarm, on| Step::Alarm { of: "a", alarm, on };
    vec![
        boot(version),
        Step::Lead("a"),
        SETTLED,
        alarm("NOSPACE", true),
        until(Step::Status("b"), "voter NOSPACE", seconds(0, 5)),
        Step::Put("b"),
        Step::Read("b"),
        Step::ReadOwn("b"),
        Step::List("b"),
        add_learner("b", "d"),
        remove("b", "d"),
        alarm("NOSPACE", false),
        Step::Put("b"),
        Step::NextSecond,
        alarm("CORRUPT", true),
        until(Step::Status("b"), "voter CORRUPT", seconds(0, 5)),
        Step::Put("b"),
        Step::Read("b"),
        Step::ReadOwn("b"),
        Step::List("b"),
        add_learner("b", "d"),
        remove("b", "d"),
        alarm("CORRUPT", false),
        Step::Put("b"),
    ]
}
