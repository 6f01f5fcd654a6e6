//! May the members move from what they run to the version of the plan: one minor at a time upwards, and back as long as
//! etcd starts the older release.

use super::envelope::{Envelope, RolloutKind, SlotPlan};
use super::input::{Past, PlanInput, lowest_version};
use super::refusal::Refusal;
use crate::catalog;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;

/// What stands against it.
pub(super) fn refusal(input: &PlanInput<'_>, past: &Past, envelope: &Envelope) -> Option<Refusal> {
    match &input.kind {
        RolloutKind::Bootstrap => None,
        // A member may come back on its own data whatever the downgrade is for; anew it would not join.
        RolloutKind::Heal { .. } => {
            let anew = envelope.strategy != EtcdStrategy::Reattach;
            let refusal = || held_down(input, envelope).or_else(|| not_in_place(input, envelope));
            anew.then(refusal).flatten()
        }
        RolloutKind::Rollback { .. } => past_the_point(input, past, envelope)
            .or_else(|| held_down(input, envelope))
            .or_else(|| not_in_place(input, envelope)),
        RolloutKind::Upgrade | RolloutKind::Replace { .. } => {
            // What etcd itself refuses says more of a downgrade than that it is no hop.
            let by_etcd = past_the_point(input, past, envelope)
                .or_else(|| held_down(input, envelope))
                .or_else(|| not_in_place(input, envelope));
            if by_etcd.is_some() {
                return by_etcd;
            }
            let from = lowest_version(input.seen)?;
            let refusal = if is_prepared_downgrade(input, envelope.to) {
                catalog::etcd::check_release(envelope.to).err()?
            } else {
                catalog::etcd::check_hop(from, envelope.to).err()?
            };
            let label = format!("pinned here; the members run {from}");
            Some(Refusal::new("plan::etcd_hop", refusal.text, refusal.help).at("/etcd/version", label))
        }
    }
}

/// What etcd holds its cluster version down to: as it says itself, or by the effect (releases below 3.6 do not say).
fn held_at(input: &PlanInput<'_>) -> Option<(u32, u32)> {
    let told = input.seen.etcd.downgrade_to();
    told.or_else(|| below_all_members(input))
}

/// The cluster version, if every listed member answers and runs the next minor: somebody has enabled etcd's own downgrade,
/// or it will rise within seconds. A cluster that is just being created has 3.0 for a moment.
fn below_all_members(input: &PlanInput<'_>) -> Option<(u32, u32)> {
    let answers = input.seen.etcd.endpoints.values();
    let answers: Vec<_> = answers.filter_map(|endpoint| endpoint.answer()).collect();
    let listed = answers.iter().filter_map(|answer| answer.members.as_deref());
    let all = listed.map(Vec::len).max()? <= answers.len();
    let version = answers.iter().filter_map(|answer| answer.cluster_version).max()?;
    let next = (version.0, version.1.saturating_add(1));
    (all && answers.iter().all(|answer| answer.version.line() == next)).then_some(version)
}

/// etcd's own downgrade is enabled for just this minor: its members are taken, others are not.
fn is_prepared_downgrade(input: &PlanInput<'_>, to: EtcdVersion) -> bool {
    let one_below = |from: EtcdVersion| to.major == from.major && to.minor.saturating_add(1) == from.minor;
    highest_version(input).is_some_and(one_below) && held_at(input) == Some(to.line())
}

fn highest_version(input: &PlanInput<'_>) -> Option<EtcdVersion> {
    let answers = input.seen.etcd.endpoints.values();
    let answers = answers.filter_map(|endpoint| endpoint.answer());
    answers.map(|answer| answer.version).max()
}

/// etcd lowers what a member has stored, not what others send to a new one: seen on 3.6.14 → 3.5.33, where a member that
/// was added never joined.
fn not_in_place(input: &PlanInput<'_>, envelope: &Envelope) -> Option<Refusal> {
    let from = highest_version(input)?;
    let to = envelope.to;
    if envelope.strategy == EtcdStrategy::Reattach || !is_prepared_downgrade(input, to) {
        return None;
    }
    let message = format!(
        "etcd's downgrade from {from} to {to} keeps each member's data: a new member of the older release does not join"
    );
    let help = format!("pin {to} with `strategy: reattach` in the cluster file, and apply that");
    Some(Refusal::new("plan::downgrade_in_place", message, help))
}

/// While the cluster version is held below all members, etcd takes nobody of a newer minor.
fn held_down(input: &PlanInput<'_>, envelope: &Envelope) -> Option<Refusal> {
    let version = held_at(input)?;
    let changing = envelope.slots.iter().filter(|slot: &&SlotPlan| slot.changes());
    let highest = changing.map(|slot| slot.to.version).max()?;
    if highest.line() <= version {
        return None;
    }
    let (major, minor) = version;
    let message = if input.seen.etcd.downgrade_to().is_some() {
        format!(
            "etcd's downgrade to {major}.{minor} is enabled, and a new member of etcd {highest} could not join"
        )
    } else {
        format!(
            "every member runs a newer minor than the cluster version {major}.{minor}: etcd's downgrade is enabled, and a new member of etcd {highest} could not join"
        )
    };
    let cancel = "nobody wants that downgrade? `etcdctl downgrade cancel`, then plan again";
    let soon = "An upgrade has ended within the last seconds? Plan again";
    let code = "plan::downgrade_enabled";
    Some(match input.kind {
        RolloutKind::Heal { .. } => {
            let own = "It is wanted? Heal with `strategy: reattach` in the cluster file: on its own data the member comes back as it was";
            Refusal::new(code, message, format!("{cancel}. {own}. {soon}"))
                .at("/etcd/strategy", "enters anew by this")
        }
        RolloutKind::Rollback { .. }
        | RolloutKind::Upgrade
        | RolloutKind::Bootstrap
        | RolloutKind::Replace { .. } => {
            let help = format!("{cancel}. It is wanted? Pin a release of {major}.{minor}. {soon}");
            let refusal = Refusal::new(code, message, help);
            if matches!(input.kind, RolloutKind::Rollback { .. }) {
                refusal
            } else {
                refusal.at("/etcd/version", "pinned here")
            }
        }
    })
}

/// For a pin below the cluster version: what to pin instead, and what has to come first if that pin is meant.
fn stay_or_downgrade(input: &PlanInput<'_>, (major, minor): (u32, u32), to: EtcdVersion) -> String {
    let runs =
        lowest_version(input.seen).map_or_else(String::new, |runs| format!(" (the members run {runs})"));
    let stay = format!("pin a release of {major}.{minor}{runs}, or a newer minor");
    let book = "docs/runbooks/rollback-refused.md";
    let one_below = to.major == major && to.minor.saturating_add(1) == minor;
    if (major, minor) >= (3, 6) && one_below {
        format!(
            "{stay}. It shall be {}.{} again? etcd's own downgrade comes first (`etcdctl downgrade validate`, `enable`): {book}; then this pin is taken, with `strategy: reattach`. `rehull rollback` is refused as well",
            to.major, to.minor
        )
    } else {
        format!(
            "{stay}. There is no way back to {}.{} but a snapshot: {book}",
            to.major, to.minor
        )
    }
}

/// After the cluster version has risen, older members are refused by etcd itself: refuse before anything is touched.
fn past_the_point(input: &PlanInput<'_>, past: &Past, envelope: &Envelope) -> Option<Refusal> {
    let mut answers = input
        .seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer())
        .peekable();
    let silent = answers.peek().is_none();
    let seen = answers.filter_map(|answer| answer.cluster_version).max();
    // The lowest target counts: one slot that would not start is one member lost.
    let changing = envelope.slots.iter().filter(|slot: &&SlotPlan| slot.changes());
    let lowest = changing.min_by_key(|slot| slot.to.version)?;
    let line = lowest.to.version.line();
    // Nobody can be asked, but the last old member was gone when its successor served: within seconds the version rises.
    let served = past.served.values().map(|version| version.line()).max();
    let risen = seen.or_else(|| served.filter(|_| silent))?;
    if risen <= line {
        return None;
    }
    let known = if silent {
        "no member answers, and the new one has served in this rollout or after it: the cluster version is or becomes"
    } else {
        "the cluster version is"
    };
    let goes_back = matches!(input.kind, RolloutKind::Rollback { .. });
    let so = if goes_back {
        "so this rollout cannot go back: "
    } else {
        "and "
    };
    let message = format!(
        "{known} {}.{}: members of {}.{} are refused by etcd, {so}{} would not start",
        risen.0, risen.1, line.0, line.1, lowest.slot.name
    );
    let help = if silent {
        let member = &lowest.slot.name;
        format!(
            "bring it up as it is: rehull etcd heal {member} FILE; then it tells the cluster version itself"
        )
    } else if !goes_back {
        stay_or_downgrade(input, risen, lowest.to.version)
    } else if risen >= (3, 6) {
        "the documented way out is etcd's own downgrade (`etcdctl downgrade validate`, `enable`), see docs/runbooks/rollback-refused.md; or restore the snapshot taken before the rollout".to_owned()
    } else {
        "etcd below 3.6 has no downgrade: restore the snapshot taken before the rollout, see docs/runbooks/rollback-refused.md".to_owned()
    };
    let refusal = Refusal::new("plan::point_of_no_return", message, help);
    Some(match input.kind {
        // The way back takes the former pins; what the file pins is not to blame.
        RolloutKind::Rollback { .. } => refusal,
        RolloutKind::Upgrade
        | RolloutKind::Bootstrap
        | RolloutKind::Heal { .. }
        | RolloutKind::Replace { .. } => refusal.at("/etcd/version", "pinned here"),
    })
}
