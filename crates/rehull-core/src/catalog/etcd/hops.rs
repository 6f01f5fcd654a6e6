//! Which release may follow which. etcd's own rule is one minor at a time; the minimum patches are learnt the hard way.

use super::data::Hop;
use super::{data, minor_of};
use crate::domain::version::EtcdVersion;

/// How far a legal hop goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopKind {
    /// The same release: only something else than etcd changes.
    Same,
    /// Another patch of the same minor, up or down: the cluster version does not move.
    Patch,
    /// The next minor: the cluster version rises when the last old member is gone.
    MinorUp,
}

/// Why a hop or a release is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct HopRefusal {
    /// Which rule.
    pub rule: HopRule,
    /// One sentence.
    pub text: String,
    /// What to do instead.
    pub help: String,
    /// Where the rule comes from.
    pub source_of_rule: String,
}

/// Rules that refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopRule {
    /// More than one minor up.
    MinorSkipped,
    /// A lower minor.
    Downgrade,
    /// The catalogue does not describe one of the two minors.
    UnknownMinor,
    /// The members run a patch that is too old for this hop.
    SourceTooOld,
    /// The target patch is too old for this hop.
    TargetTooOld,
    /// The release has a defect that loses data or availability.
    BadRelease,
}

/// Legal, but worth knowing before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopNote {
    /// One sentence.
    pub text: String,
    /// Where it comes from.
    pub source_of_rule: String,
}

const ONE_MINOR: &str = "etcd-io/website:content/en/docs/v3.6/upgrades/upgrading-etcd.md";

/// May members that all run at least `from` be replaced by members that run `to`?
///
/// # Errors
/// The first rule that forbids it.
pub fn check_hop(from: EtcdVersion, to: EtcdVersion) -> Result<HopKind, HopRefusal> {
    if from == to {
        return known(to).map(|()| HopKind::Same);
    }
    known(from)?;
    if to.line() < from.line() {
        let text = format!("etcd {to} cannot follow {from}: a lower minor refuses the data of a higher one");
        let help = format!(
            "while one member still runs {}, roll back that rollout; afterwards use etcd's downgrade procedure or a snapshot",
            minor_of(to)
        );
        return Err(refusal(
            HopRule::Downgrade,
            text,
            help,
            "etcd-io/website:content/en/docs/v3.6/downgrades/",
        ));
    }
    if to.major != from.major || to.minor > from.minor.saturating_add(1) {
        let next = format!("{}.{}", from.major, from.minor.saturating_add(1));
        let text = format!("etcd {to} cannot follow {from}: minor versions may not be skipped");
        let help = format!("pin a release of {next} first, roll it out, then pin {to}");
        return Err(refusal(HopRule::MinorSkipped, text, help, ONE_MINOR));
    }
    check_release(to)?;
    if to.line() == from.line() {
        return Ok(HopKind::Patch);
    }
    minimum_patches(from, to)?;
    Ok(HopKind::MinorUp)
}

/// May this release be pinned at all?
///
/// # Errors
/// Its minor is not described, or it has a defect that loses data or availability.
pub fn check_release(version: EtcdVersion) -> Result<(), HopRefusal> {
    known(version)?;
    let bad = data::versions()
        .bad_releases
        .iter()
        .find(|bad| bad.first <= version && version <= bad.last);
    bad.map_or(Ok(()), |bad| {
        let text = format!("etcd {version} is not to be run: {}", bad.why);
        Err(refusal(
            HopRule::BadRelease,
            text,
            format!("pin {}", bad.instead),
            &bad.source,
        ))
    })
}

/// What a person should know about a legal hop.
#[must_use]
pub fn hop_notes(from: EtcdVersion, to: EtcdVersion) -> Vec<HopNote> {
    let wanted = hop(from, to).and_then(|hop| hop.source_recommended.map(|version| (hop, version)));
    let below = wanted.filter(|(_, version)| from < *version);
    below
        .map(|(hop, version)| HopNote {
            text: format!(
                "{version} is recommended before {}: {}",
                hop.to, hop.recommended_why
            ),
            source_of_rule: hop.source.clone(),
        })
        .into_iter()
        .collect()
}

/// The release from which the minor of `to` is best reached: the one that is recommended, else the least that is
/// allowed; `None`: the catalogue knows no minor before it, or nothing of the releases.
#[must_use]
pub fn usual_before(to: EtcdVersion) -> Option<EtcdVersion> {
    let hop = data::versions().hops.iter().find(|hop| hop.to == minor_of(to))?;
    hop.source_recommended.or(hop.source_min)
}

/// What a young cluster should know before this hop: its raft log, this long, may hold what the next minor cannot read.
#[must_use]
pub fn short_log_note(from: EtcdVersion, to: EtcdVersion, applied_index: u64) -> Option<HopNote> {
    let short = hop(from, to)?.short_log.as_ref()?;
    (applied_index < short.entries).then(|| HopNote {
        text: format!(
            "the raft log is short ({applied_index} entries): if this cluster came from 3.5 a short while ago, write or wait until it \
             has {}; {}. The first member would halt the rollout, and `rehull rollback` goes back",
            short.entries, short.why
        ),
        source_of_rule: short.source.clone(),
    })
}

fn hop(from: EtcdVersion, to: EtcdVersion) -> Option<&'static Hop> {
    data::versions()
        .hops
        .iter()
        .find(|hop| hop.from == minor_of(from) && hop.to == minor_of(to))
}

fn minimum_patches(from: EtcdVersion, to: EtcdVersion) -> Result<(), HopRefusal> {
    let Some(hop) = hop(from, to) else {
        return Err(undescribed(&format!(
            "the hop {} → {}",
            minor_of(from),
            minor_of(to)
        )));
    };
    if let Some(least) = hop.source_min.filter(|least| from < *least) {
        let text = format!("etcd {to} cannot follow {from}: {}", hop.source_why);
        let help = format!(
            "pin {} first, roll it out, then pin {to}",
            hop.source_recommended.unwrap_or(least)
        );
        return Err(refusal(HopRule::SourceTooOld, text, help, &hop.source));
    }
    if let Some(least) = hop.target_min.filter(|least| to < *least) {
        let text = format!("etcd {to} cannot follow {from}: {}", hop.target_why);
        return Err(refusal(
            HopRule::TargetTooOld,
            text,
            format!("pin {least} or newer"),
            &hop.source,
        ));
    }
    Ok(())
}

fn known(version: EtcdVersion) -> Result<(), HopRefusal> {
    let minor = minor_of(version);
    let is_known = data::flags().binaries.contains_key(&minor);
    if is_known {
        Ok(())
    } else {
        Err(undescribed(&format!("etcd {minor}")))
    }
}

fn undescribed(what: &str) -> HopRefusal {
    let text = format!("nothing is known about {what}, so nothing about it is assumed");
    let help = format!(
        "pin one of the minors {}, or update rehull",
        super::known_minors().join(", ")
    );
    refusal(HopRule::UnknownMinor, text, help, "the catalogue of this rehull")
}

fn refusal(rule: HopRule, text: String, help: String, source: &str) -> HopRefusal {
    HopRefusal {
        rule,
        text,
        help,
        source_of_rule: source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn v(text: &str) -> EtcdVersion {
        text.parse().unwrap()
    }

    #[test]
    fn every_pair_of_releases_has_one_answer() {
        for (from, to, expected) in [
            ("3.5.33", "3.5.33", Ok(HopKind::Same)),
            ("3.5.1", "3.5.1", Ok(HopKind::Same)),
            ("3.5.30", "3.5.33", Ok(HopKind::Patch)),
            ("3.5.33", "3.5.30", Ok(HopKind::Patch)),
            ("3.4.23", "3.5.33", Ok(HopKind::MinorUp)),
            ("3.5.33", "3.6.14", Ok(HopKind::MinorUp)),
            ("3.6.14", "3.7.1", Ok(HopKind::MinorUp)),
            ("3.4.23", "3.5.3", Err(HopRule::TargetTooOld)),
            ("3.4.23", "3.5.2", Err(HopRule::BadRelease)),
            ("3.5.33", "3.5.2", Err(HopRule::BadRelease)),
            ("3.5.25", "3.6.14", Err(HopRule::SourceTooOld)),
            ("3.5.26", "3.6.14", Ok(HopKind::MinorUp)),
            ("3.5.33", "3.6.3", Err(HopRule::BadRelease)),
            ("3.5.33", "3.6.4", Err(HopRule::TargetTooOld)),
            ("3.6.10", "3.7.1", Err(HopRule::SourceTooOld)),
            ("3.6.11", "3.7.1", Ok(HopKind::MinorUp)),
            ("3.4.23", "3.6.14", Err(HopRule::MinorSkipped)),
            ("3.5.33", "4.0.0", Err(HopRule::MinorSkipped)),
            ("3.6.14", "3.5.33", Err(HopRule::Downgrade)),
            ("3.7.1", "3.8.0", Err(HopRule::UnknownMinor)),
            ("3.3.27", "3.4.23", Err(HopRule::UnknownMinor)),
            ("3.8.0", "3.8.0", Err(HopRule::UnknownMinor)),
        ] {
            let answer = check_hop(v(from), v(to)).map_err(|refused| refused.rule);
            assert_eq!(answer, expected, "{from} to {to}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_pin_instead() {
        let skipped = check_hop(v("3.4.23"), v("3.6.14")).unwrap_err();
        assert_eq!(
            skipped.text,
            "etcd 3.6.14 cannot follow 3.4.23: minor versions may not be skipped"
        );
        assert_eq!(
            skipped.help,
            "pin a release of 3.5 first, roll it out, then pin 3.6.14"
        );
        let old = check_hop(v("3.5.20"), v("3.6.14")).unwrap_err();
        assert_eq!(old.help, "pin 3.5.32 first, roll it out, then pin 3.6.14");
        assert!(!old.source_of_rule.is_empty());
    }

    #[test]
    fn a_legal_hop_from_below_the_recommended_patch_is_noted() {
        assert_eq!(hop_notes(v("3.5.26"), v("3.6.14")).len(), 1);
        assert_eq!(hop_notes(v("3.5.33"), v("3.6.14")), Vec::new());
        assert_eq!(hop_notes(v("3.5.26"), v("3.5.33")), Vec::new());
    }

    #[test]
    fn what_ran_before_is_guessed_from_what_the_next_minor_asks_for() {
        assert_eq!(usual_before(v("3.6.14")), Some(v("3.5.32")));
        assert_eq!(usual_before(v("3.7.1")), Some(v("3.6.11")));
        assert_eq!(usual_before(v("3.4.34")), None);
        for to in ["3.5.33", "3.6.14", "3.7.1"] {
            let from = usual_before(v(to)).unwrap();
            assert_eq!(check_hop(from, v(to)).ok(), Some(HopKind::MinorUp), "{to}");
        }
    }

    #[test]
    fn a_short_raft_log_is_worth_knowing_before_3_7_only() {
        let v = |minor, patch| EtcdVersion::new(3, minor, patch);
        let note = short_log_note(v(6, 14), v(7, 1), 2_000).unwrap();
        assert!(
            note.text.contains("2000 entries") && note.text.contains("rehull rollback"),
            "{}",
            note.text
        );
        assert_eq!(short_log_note(v(6, 14), v(7, 1), 15_000), None);
        assert_eq!(short_log_note(v(5, 33), v(6, 14), 2_000), None);
    }
}
