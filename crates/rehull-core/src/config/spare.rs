//! What `learner-first` needs: releases that keep a promotion, a spare slot, a template that knows it.

use super::file;
use super::mistake::{Mistakes, Wrong, quoted};
use super::spans::Pointer;
use crate::catalog::etcd::LEARNER_FIRST_FROM;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;

/// The built-in set 1 was released before there was a spare: its `--initial-cluster` never names one.
const FIRST_SET_WITH_SPARE: i64 = 2;

pub(super) fn check(etcd: &file::Etcd, version: Option<EtcdVersion>, mistakes: &mut Mistakes<'_>) {
    zone(etcd, mistakes);
    if etcd.strategy != Some(EtcdStrategy::LearnerFirst) {
        return;
    }
    let at = Pointer::from("/etcd/strategy");
    if let Some(version) = version.filter(|version| *version < LEARNER_FIRST_FROM) {
        let message = format!("`learner-first` needs etcd {LEARNER_FIRST_FROM} or newer; this is {version}");
        let wrong = Wrong::new("config::learner_first", message, "too old for learners")
            .help("use `remove-then-add`: earlier releases can forget that a learner was promoted");
        mistakes.add_with(&at, wrong, &[("/etcd/version".into(), "pinned here".to_owned())]);
    }
    // A cluster of one is told what to do about its strategy already.
    let single = etcd.slots.as_ref().is_some_and(|slots| slots.len() == 1);
    if etcd.spare.is_none() && !single && mistakes.none_under(&"/etcd/spare".into()) {
        let message = "`learner-first` needs a spare slot";
        let wrong = Wrong::new("config::learner_first", message, "no `spare` beside `slots`").help(
            "give it one slot more, `spare`, with an interface, a volume and an address of its own, and roll it out once with another strategy: every machine must know that address before",
        );
        mistakes.add(&at, wrong);
    }
    let set = etcd.template.as_ref().and_then(|template| template.built_in);
    if let Some(set) = set.filter(|set| (1..FIRST_SET_WITH_SPARE).contains(set)) {
        let message = format!("the built-in set {set} does not know a spare");
        let wrong = Wrong::new("config::learner_first", message, "too old for `learner-first`")
            .help("use `builtIn: 2`, and roll it out once with another strategy");
        mistakes.add_with(
            &"/etcd/template/builtIn".into(),
            wrong,
            &[(at, "wanted here".to_owned())],
        );
    }
}

/// With the spare there is one voter more; a zone may not hold more of them than may fail, where there is a choice.
fn zone(etcd: &file::Etcd, mistakes: &mut Mistakes<'_>) {
    let zone = etcd.spare.as_ref().and_then(|spare| spare.zone.as_ref());
    let (Some(zone), Some(slots)) = (zone, &etcd.slots) else {
        return;
    };
    let (voters, beside) = (
        slots.len().saturating_add(1),
        slots
            .iter()
            .flatten()
            .filter(|slot| slot.zone.as_ref() == Some(zone))
            .count(),
    );
    // 4 voters tolerate one failure, so with three zones one of them must hold two.
    let most = voters.div_ceil(2).saturating_sub(1).max(2);
    if slots.len() < 3 || beside < most {
        return;
    }
    let message = format!(
        "with the spare, zone {} would hold {} of {voters} members",
        quoted(zone),
        beside.saturating_add(1)
    );
    let wrong = Wrong::new("config::zones", message, "one too many")
        .help("put the spare into the zone with the fewest members, or into one more");
    mistakes.add(&"/etcd/spare/zone".into(), wrong);
}
