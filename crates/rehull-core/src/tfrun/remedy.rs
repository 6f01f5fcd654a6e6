//! An outcome in words: what it is, and what to do about it.

use super::lock::LockInfo;
use super::message::Severity;
use super::outcome::{Outcome, Verdict};

/// One or two sentences. Of diagnostics only the summaries, never a detail: that may show what nobody should read.
#[must_use]
pub fn what_it_is(outcome: &Outcome) -> String {
    match &outcome.verdict {
        Verdict::Initialised => "initialised".to_owned(),
        Verdict::NoChange => "no change".to_owned(),
        Verdict::Changes => "the plan has changes".to_owned(),
        Verdict::Applied => "applied".to_owned(),
        Verdict::Errored => format!("it failed before anything was changed: {}", errors(outcome)),
        Verdict::LockBusy(holder) => format!("the state is locked by {}", words_of(holder.as_ref())),
        Verdict::LockInterrupted => {
            "interrupted while it waited for the lock of the state; nothing was changed".to_owned()
        }
        Verdict::Stale => "the state has changed since the plan was made; nothing was changed".to_owned(),
        Verdict::LineageMismatch => "the plan was made for another state; nothing was changed".to_owned(),
        Verdict::LockfileMismatch => {
            "the configuration or this platform wants other providers than .terraform.lock.hcl names; nothing was changed"
                .to_owned()
        }
        Verdict::VersionMismatch => {
            "the plan was made by another version of Terraform; nothing was changed".to_owned()
        }
        Verdict::BadPlanFile => "the plan file cannot be read; nothing was changed".to_owned(),
        Verdict::Incomplete => {
            "the plan had errors itself, so it is not applied; nothing was changed".to_owned()
        }
        Verdict::Interrupted => format!(
            "interrupted; the state is saved and its lock is free{}",
            progress(outcome)
        ),
        Verdict::PartialApply => format!("applied in part: {}{}", errors(outcome), progress(outcome)),
        Verdict::StateNotSaved => format!(
            "changes were made, and the state that says so could not be saved; it lies in errored.tfstate{}",
            progress(outcome)
        ),
        Verdict::KilledBySignal(signal) => format!(
            "killed by signal {signal}: the lock of the state may stay, and the state says nothing of what was begun{}",
            progress(outcome)
        ),
        Verdict::Unseen => format!(
            "it is gone, and nobody saw how it ended: the lock of the state may stay, and the state may say nothing of what was begun{}",
            progress(outcome)
        ),
        Verdict::NotInitialised => "the folder is not initialised; nothing was changed".to_owned(),
        Verdict::PluginMissing => "a provider is not installed; nothing was changed".to_owned(),
        Verdict::InconsistentFinalPlan => {
            format!("a provider did not keep to its own plan{}", progress(outcome))
        }
        Verdict::Doubtful(why) => format!("how it ended cannot be told: {why}{}", progress(outcome)),
    }
}

/// What to do next; `None`: nothing is wrong.
#[must_use]
pub fn what_to_do(outcome: &Outcome) -> Option<&'static str> {
    Some(match &outcome.verdict {
        Verdict::Initialised | Verdict::NoChange | Verdict::Changes | Verdict::Applied => return None,
        Verdict::Errored => "mend what it names and plan again",
        Verdict::LockBusy(_) => {
            "wait until that run has ended. If it is dead, look whether anything of it still runs, then free exactly this lock: rehull unlock FILE ID"
        }
        Verdict::LockInterrupted => "run it again",
        Verdict::Stale => "plan again; what was approved is compared with the new plan",
        Verdict::LineageMismatch => {
            "look which state the backend of this folder names: the plan belongs to another environment, or the state was made anew"
        }
        Verdict::LockfileMismatch => {
            "in a checkout run `terraform init`, which says if it wants `-upgrade`; for another platform `terraform providers lock -platform=OS_ARCH`. Commit the lock file in a pull request of its own"
        }
        Verdict::VersionMismatch => "plan and apply with one version: pin it with `required_version`",
        Verdict::BadPlanFile | Verdict::Incomplete => "plan again",
        Verdict::Interrupted | Verdict::PartialApply | Verdict::InconsistentFinalPlan => {
            "plan again: it shows what is left, and what was broken off is replaced"
        }
        Verdict::StateNotSaved => {
            "do not apply again, that forks the state. When its store works: terraform state push errored.tfstate"
        }
        Verdict::KilledBySignal(_) | Verdict::Unseen => {
            "look in AWS at what was begun and has no end, then free the lock that it left (rehull unlock FILE ID) and plan again"
        }
        Verdict::NotInitialised => "terraform init -input=false -lockfile=readonly",
        Verdict::PluginMissing => {
            "make its registry or a mirror reachable that has the locked version, then: terraform init -input=false -lockfile=readonly"
        }
        Verdict::Doubtful(_) => {
            "read the stream of this run, and look in AWS at what it names, before anything is planned again"
        }
    })
}

fn errors(outcome: &Outcome) -> String {
    let mut said = Vec::new();
    for diagnostic in &outcome.diagnostics {
        if diagnostic.severity == Severity::Warning {
            continue;
        }
        let address = diagnostic.address.iter().map(|address| format!("{address}: "));
        let place = diagnostic.place().map(|place| format!(" ({place})"));
        let summary = if diagnostic.address.is_some() {
            words_before_values(&diagnostic.summary).to_owned()
        } else {
            diagnostic.summary.clone()
        };
        let line: String = address.chain([summary]).chain(place).collect();
        // One reason per address; each broken-off operation says "execution halted" once more.
        if !said.contains(&line) {
            said.push(line);
        }
    }
    said.join("; ")
}

/// Of an object it is its provider that speaks, and it may repeat what it was given ("expected length of password to be in
/// the range (8 - 40), got hunter2"): told is only what comes before any value. The stream has the rest.
fn words_before_values(summary: &str) -> &str {
    let end = summary.find(|letter: char| ":,;([{<\"'`=\n".contains(letter));
    summary
        .get(..end.unwrap_or(summary.len()))
        .unwrap_or_default()
        .trim_end()
}

fn words_of(holder: Option<&LockInfo>) -> String {
    let Some(LockInfo {
        id,
        who,
        operation,
        created,
        ..
    }) = holder
    else {
        return "another run; its backend cannot say by whom".to_owned();
    };
    format!("{who} since {created} ({operation}, lock {id})")
}

/// Empty where nothing was begun.
fn progress(outcome: &Outcome) -> String {
    let tally = &outcome.tally;
    if !tally.has_begun() {
        return String::new();
    }
    let lists = [
        ("done", &tally.done),
        ("failed", &tally.failed),
        ("deleted and not there again", &tally.half),
        ("begun, and nobody knows how it ended", &tally.unknown),
        ("not begun", &tally.untouched),
    ];
    let told = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let mut text = String::new();
    for (word, list) in told {
        text.push_str(&format!("; {word}: {}", list.join(", ")));
    }
    text
}
