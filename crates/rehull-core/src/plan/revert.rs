//! May one go back, and what does it cost? The rules by which a revert is free, wants care or a procedure, or is refused.
//!
//! [`classify`] judges facts: what runs, what has run, what is stored, what is still there. It gathers every rule that says
//! something, and the answer is the worst of them; nobody's silence makes a way back safer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::catalog::etcd;
use crate::catalog::kubernetes::{StartProblem, UnknownMinor, gate_changes, release, unreadable};
use crate::domain::version::{EtcdMinor, EtcdVersion, KubernetesMinor, KubernetesVersion};

/// A snapshot older than this does not stand in for a way back: what was written since is lost with it.
pub const SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(1_800);

/// The first minor whose apiserver can behave like an older one (`--emulated-version`).
pub const EMULATES_FROM: KubernetesMinor = KubernetesMinor::new(1, 31);

/// The first 3.4 that joins members of 3.5 on the way back.
const NEXT_CLUSTER_VERSION_FROM: EtcdVersion = EtcdVersion::new(3, 4, 32);

/// What runs, and what has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Members by release.
    pub etcd: BTreeMap<EtcdVersion, u32>,
    /// What etcd itself says; it rises when the last older member is gone.
    pub etcd_cluster: EtcdMinor,
    /// Whether etcd asks for users and passwords.
    pub etcd_auth: bool,
    /// Apiservers that serve.
    pub servers: BTreeSet<KubernetesVersion>,
    /// The newest minor that all apiservers have run at the same time.
    pub fully: KubernetesMinor,
    /// The minor that they have behaved like since they run this release, if they were told to.
    pub emulated: Option<KubernetesMinor>,
    /// The newest kubelet or kube-proxy.
    pub kubelet: Option<KubernetesMinor>,
}

/// Where one would go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// Every member.
    pub etcd: EtcdVersion,
    /// Every apiserver.
    pub servers: KubernetesVersion,
}

/// What was found in the cluster, in the repository and in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Resources of which there are objects, for example `ingresses`.
    pub stored: BTreeSet<String>,
    /// Objects of kinds that the older release does not have at all.
    pub unknown_objects: BTreeSet<String>,
    /// Feature gates whose feature is used by objects that are stored.
    pub features_in_use: BTreeSet<String>,
    /// Manifests that the older release does not serve.
    pub manifests: BTreeSet<String>,
    /// Why a program of the older release would not start with the flags and gates that go back with it.
    pub start_problems: Vec<StartProblem>,
    /// Launch template versions and artefacts of the older release that are not there any more.
    pub missing: BTreeSet<String>,
    /// The age of the newest snapshot of etcd that was verified; `None`: there is none.
    pub snapshot_age: Option<Duration>,
}

/// How it is to go back, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Any time.
    Free,
    /// It works, and somebody should look.
    WithCare,
    /// Not by a revert: by the procedure that the project documents.
    ByProcedure,
    /// Not like this.
    Refused,
}

/// The rules, by their numbers in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// R1: etcd goes down after its cluster version has risen.
    EtcdHasRisen,
    /// R2: etcd goes down while members of the older minor are left.
    EtcdIsMixed,
    /// R3: a kubelet would be newer than the apiservers.
    KubeletsFirst,
    /// R4: the newer minor has never served alone.
    ServersAreMixed,
    /// R5: objects that the older minor cannot read.
    Unreadable,
    /// R6: objects use a feature that the older minor has off.
    FeatureInUse,
    /// R7: more than one minor back.
    TooFar,
    /// R8: manifests ask for what the older minor does not serve.
    Manifests,
    /// R9: a program would not start.
    Flags,
    /// R10: the older release is not there any more.
    Gone,
    /// R11: the newer minor has served alone.
    HasServedAlone,
    /// R12: a patch.
    Patch,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which.
    pub rule: Rule,
    /// Its answer.
    pub answer: Answer,
    /// Why, in one sentence.
    pub text: String,
    /// What to do; empty: nothing.
    pub help: String,
}

/// The answer, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// The worst of the reasons; without any it is free.
    pub answer: Answer,
    /// The worst first, then in the order of the rules.
    pub reasons: Vec<Reason>,
}

/// How it is to go back from what ran to an older release.
///
/// # Errors
/// Nobody described a minor that is compared: nothing is said about it.
pub fn classify(ran: &Ran, to: Back, facts: &Facts) -> Result<WayBack, UnknownMinor> {
    let mut reasons: Vec<Reason> = of_etcd(ran, to.etcd).into_iter().collect();
    reasons.extend(of_servers(ran, to.servers, facts)?);
    reasons.extend(of_what_goes_back(facts));
    // A stable sort: equal ones stay in the order of the rules.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.answer));
    let answer = reasons.first().map_or(Answer::Free, |worst| worst.answer);
    Ok(WayBack { answer, reasons })
}

fn reason(rule: Rule, answer: Answer, text: String, help: impl Into<String>) -> Reason {
    Reason {
        rule,
        answer,
        text,
        help: help.into(),
    }
}

fn of_etcd(ran: &Ran, to: EtcdVersion) -> Option<Reason> {
    let minor = EtcdMinor::of(to);
    let newest = ran.etcd.keys().next_back().copied()?;
    if minor >= EtcdMinor::of(newest) {
        let patch = newest != to && minor == EtcdMinor::of(newest);
        let text = format!("etcd {newest} and {to} read the same data");
        return patch.then(|| reason(Rule::Patch, Answer::Free, text, ""));
    }
    if ran.etcd_cluster <= minor {
        let text = format!(
            "members of {minor} still start: the cluster version rises when the last of them is gone"
        );
        return Some(reason(Rule::EtcdIsMixed, Answer::Free, text, ""));
    }
    if etcd::release(ran.etcd_cluster).is_none() {
        let text = format!("nothing is known about a way back from etcd {}", ran.etcd_cluster);
        return Some(reason(
            Rule::EtcdHasRisen,
            Answer::Refused,
            text,
            "read its own guide, or update rehull",
        ));
    }
    let text = format!(
        "the cluster version of etcd is {}: members of {minor} do not start any more",
        ran.etcd_cluster
    );
    let one_down = ran.etcd_cluster == minor.next();
    let (answer, help) = if one_down && minor >= EtcdMinor::new(3, 5) {
        let help = "etcd's own downgrade first (`etcdctl downgrade validate`, `enable`), then this with `strategy: reattach`";
        (Answer::ByProcedure, help.to_owned())
    } else if one_down && to >= NEXT_CLUSTER_VERSION_FROM && !ran.etcd_auth {
        let help = "members of 3.4 with `next-cluster-version-compatible`, one after the other";
        (Answer::ByProcedure, help.to_owned())
    } else if one_down && minor == EtcdMinor::new(3, 4) {
        let help = format!(
            "only from {NEXT_CLUSTER_VERSION_FROM} on and without authentication; else restore a snapshot"
        );
        (Answer::Refused, help)
    } else {
        (Answer::Refused, "restore a snapshot".to_owned())
    };
    Some(reason(Rule::EtcdHasRisen, answer, text, help))
}

fn of_servers(ran: &Ran, to: KubernetesVersion, facts: &Facts) -> Result<Vec<Reason>, UnknownMinor> {
    let mut reasons = Vec::new();
    let minor = KubernetesMinor::of(to);
    let Some(newest) = ran.servers.last().copied() else {
        return Ok(reasons);
    };
    let from = KubernetesMinor::of(newest);
    release(from)?;
    release(minor)?;
    if let Some(kubelet) = ran.kubelet.filter(|kubelet| *kubelet > minor) {
        let text = format!("kubelets of {kubelet} would be newer than apiservers of {minor}");
        reasons.push(reason(
            Rule::KubeletsFirst,
            Answer::Refused,
            text,
            "take the workers back first",
        ));
    }
    if from <= minor {
        let text = format!("apiservers of {newest} and {to} store the same");
        reasons.extend((from == minor && newest != to).then(|| reason(Rule::Patch, Answer::Free, text, "")));
        return Ok(reasons);
    }
    let emulates = ran
        .emulated
        .is_some_and(|emulated| from >= EMULATES_FROM && emulated <= minor);
    if !emulates {
        reasons.extend(unread(from, minor, facts)?);
        reasons.extend(in_use(from, minor, facts)?);
    }
    if ran.fully.ahead_of(minor) > 1 {
        let text = format!(
            "all apiservers have run {}: {minor} is more than one minor back",
            ran.fully
        );
        reasons.push(reason(
            Rule::TooFar,
            Answer::Refused,
            text,
            "restore a snapshot of etcd from before",
        ));
    } else if ran.fully <= minor {
        let text =
            format!("{from} has never served alone: what is stored was written so that {minor} can read it");
        reasons.push(reason(Rule::ServersAreMixed, Answer::Free, text, ""));
    } else if emulates {
        let text =
            format!("{from} behaves like {minor} so far: what is stored is what {minor} would have written");
        reasons.push(reason(Rule::HasServedAlone, Answer::Free, text, ""));
    } else {
        reasons.push(has_served_alone(from, minor, facts));
    }
    Ok(reasons)
}

fn unread(from: KubernetesMinor, to: KubernetesMinor, facts: &Facts) -> Result<Vec<Reason>, UnknownMinor> {
    let lost = unreadable(from, to)?.filter(|change| facts.stored.contains(&change.resource));
    let lost: BTreeSet<String> = lost.map(|change| change.resource.clone()).collect();
    let all = [
        (
            lost,
            format!("{from} writes them to etcd in a version that {to} cannot read"),
        ),
        (facts.unknown_objects.clone(), format!("{to} has no such kind")),
    ];
    let found = all.into_iter().filter(|(objects, _)| !objects.is_empty());
    let reasons = found.map(|(objects, why)| {
        let text = format!("{}: {why}", named(&objects));
        reason(
            Rule::Unreadable,
            Answer::Refused,
            text,
            "delete these objects first, and keep a copy",
        )
    });
    Ok(reasons.collect())
}

fn in_use(from: KubernetesMinor, to: KubernetesMinor, facts: &Facts) -> Result<Option<Reason>, UnknownMinor> {
    let on = gate_changes(to, from)?
        .filter(|change| change.on && facts.features_in_use.contains(&change.gate.name));
    let on: BTreeSet<String> = on.map(|change| change.gate.name.clone()).collect();
    Ok((!on.is_empty()).then(|| {
        let text = format!(
            "{}: objects use what is on since {from} and off in {to}",
            named(&on)
        );
        reason(
            Rule::FeatureInUse,
            Answer::WithCare,
            text,
            "clear these fields, or switch the gates off and wait, before going back",
        )
    }))
}

fn has_served_alone(from: KubernetesMinor, to: KubernetesMinor, facts: &Facts) -> Reason {
    let text = format!(
        "{from} has served alone: by its storage versions {to} reads everything, which the project does not promise"
    );
    let fresh = facts.snapshot_age.is_some_and(|age| age <= SNAPSHOT_AGE_MAX);
    let snapshot = if fresh {
        ""
    } else {
        "take a snapshot of etcd first. "
    };
    let next = if from >= EMULATES_FROM {
        format!("Next time `--emulated-version={to}` through the bake keeps the way back free")
    } else {
        String::new()
    };
    let help = format!("{snapshot}{next}");
    reason(Rule::HasServedAlone, Answer::WithCare, text, help.trim_end())
}

fn of_what_goes_back(facts: &Facts) -> Vec<Reason> {
    let problems = facts
        .start_problems
        .iter()
        .map(|problem| problem.problem.clone())
        .collect();
    let all = [
        (
            Rule::Manifests,
            &facts.manifests,
            "the older release does not serve what they ask for",
            "write a version that both serve",
        ),
        (
            Rule::Flags,
            &problems,
            "the older release would not start",
            "take these flags and gates back, too",
        ),
        (
            Rule::Gone,
            &facts.missing,
            "there is nothing left to go back to",
            "publish it again by its digest",
        ),
    ];
    let found = all.into_iter().filter(|(_, names, _, _)| !names.is_empty());
    found
        .map(|(rule, names, why, help)| {
            reason(rule, Answer::Refused, format!("{}: {why}", named(names)), help)
        })
        .collect()
}

fn named(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
