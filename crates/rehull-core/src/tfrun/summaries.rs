//! Reasons that Terraform gives only as the summary of a diagnostic, or as its detail where one summary stands for several.
//! One table; what is not in it is a failure like any other.

use super::outcome::Verdict;

/// How a summary is recognised, what it means, and in [`DETAILS`] what else it may mean. The recorded streams of each version hold the texts
/// (`fixtures/*/`), those marked so are from the source of Terraform 1.11.
pub(super) const TABLE: [(Text, Verdict); 16] = [
    (Text::Is("Saved plan is stale"), Verdict::Stale),
    (
        Text::Is("Saved plan does not match the given state"),
        Verdict::LineageMismatch,
    ),
    (
        Text::Is("Inconsistent dependency lock file"),
        Verdict::LockfileMismatch,
    ),
    // Source: internal/backend/local/backend_local.go.
    (
        Text::Is("Provider lock file not up to date"),
        Verdict::LockfileMismatch,
    ),
    (Text::Is("Cannot apply incomplete plan"), Verdict::Incomplete),
    // Source: internal/plans/planfile/tfplan.go; the text goes on with the two versions.
    (
        Text::Has("plan file was created by Terraform"),
        Verdict::VersionMismatch,
    ),
    (Text::Starts("Failed to load \""), Verdict::BadPlanFile),
    (
        Text::Is("Provider dependency changes detected"),
        Verdict::LockfileMismatch,
    ),
    // `plan` and `apply` where `init` has not been, or its folder is gone; then `init`, which finds nothing to install.
    (
        Text::Is("Required plugins are not installed"),
        Verdict::PluginMissing,
    ),
    (Text::Is(QUERY), Verdict::PluginMissing),
    (Text::Is(INSTALL), Verdict::PluginMissing),
    (
        Text::Starts("Backend initialization required"),
        Verdict::NotInitialised,
    ),
    (Text::Is("Module not installed"), Verdict::NotInitialised),
    (
        Text::Is("Failed to persist state to backend"),
        Verdict::StateNotSaved,
    ),
    // Source: internal/terraform/node_resource_abstract_instance.go.
    (
        Text::Is("Provider produced inconsistent final plan"),
        Verdict::InconsistentFinalPlan,
    ),
    (Text::Is(LOCK), Verdict::LockBusy(None)),
];

/// Also the summary of a wait for the lock that a signal has ended.
pub(super) const LOCK: &str = "Error acquiring the state lock";

const QUERY: &str = "Failed to query available provider packages";
const INSTALL: &str = "Failed to install provider";

/// Where the detail tells more than the summary. It is only looked into: it may show what nobody should read.
const DETAILS: [(&str, &str, Verdict); 2] = [
    (
        QUERY,
        "does not match configured version constraint",
        Verdict::LockfileMismatch,
    ),
    (
        INSTALL,
        "doesn't match any of the checksums",
        Verdict::LockfileMismatch,
    ),
];

/// How a summary is compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text {
    Is(&'static str),
    Starts(&'static str),
    Has(&'static str),
}

impl Text {
    fn fits(self, summary: &str) -> bool {
        match self {
            Self::Is(text) => summary == text,
            Self::Starts(text) => summary.starts_with(text),
            Self::Has(text) => summary.contains(text),
        }
    }
}

/// What a diagnostic means, if it is one of Terraform's own.
pub(super) fn verdict(summary: &str, detail: &str) -> Option<Verdict> {
    let mut details = DETAILS.into_iter();
    let told = details.find(|(of, text, _)| *of == summary && detail.contains(text));
    if let Some((_, _, verdict)) = told {
        return Some(verdict);
    }
    let mut table = TABLE.into_iter();
    let (_, verdict) = table.find(|(text, _)| text.fits(summary))?;
    Some(verdict)
}
