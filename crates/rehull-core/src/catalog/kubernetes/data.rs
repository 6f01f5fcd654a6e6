//! The data files, compiled in. Unreadable data reads as empty, and empty data knows no minor: fail closed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use super::apis::ApiRemoval;
use super::flags::{RefusedValue, RemovedFlag, RequiredFlags};
use super::gates::Gate;
use super::pitfalls::Pitfall;
use super::releases::Release;
use super::skew::Skew;
use super::storage::StorageChange;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ReleaseData {
    pub(super) as_of: Date,
    pub(super) sources: BTreeMap<String, String>,
    pub(super) skew: Skew,
    pub(super) releases: Vec<Release>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ApiData {
    pub(super) sources: BTreeMap<String, String>,
    pub(super) removals: Vec<ApiRemoval>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FlagData {
    pub(super) removed: Vec<RemovedFlag>,
    pub(super) refused_values: Vec<RefusedValue>,
    pub(super) required: Vec<RequiredFlags>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GateData {
    pub(super) source: String,
    pub(super) gates: Vec<Gate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PitfallData {
    pub(super) pitfalls: Vec<Pitfall>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StorageData {
    pub(super) source: String,
    pub(super) changes: Vec<StorageChange>,
}

const RELEASES_TEXT: &str = include_str!("../data/kubernetes-releases.json");
const APIS_TEXT: &str = include_str!("../data/kubernetes-apis.json");
const FLAGS_TEXT: &str = include_str!("../data/kubernetes-flags.json");
const GATES_TEXT: &str = include_str!("../data/kubernetes-gates.json");
const PITFALLS_TEXT: &str = include_str!("../data/kubernetes-pitfalls.json");
const STORAGE_TEXT: &str = include_str!("../data/kubernetes-storage.json");

static RELEASES: LazyLock<ReleaseData> =
    LazyLock::new(|| serde_json::from_str(RELEASES_TEXT).unwrap_or_default());
static APIS: LazyLock<ApiData> = LazyLock::new(|| serde_json::from_str(APIS_TEXT).unwrap_or_default());
static FLAGS: LazyLock<FlagData> = LazyLock::new(|| serde_json::from_str(FLAGS_TEXT).unwrap_or_default());
static GATES: LazyLock<GateData> = LazyLock::new(|| serde_json::from_str(GATES_TEXT).unwrap_or_default());
static PITFALLS: LazyLock<PitfallData> =
    LazyLock::new(|| serde_json::from_str(PITFALLS_TEXT).unwrap_or_default());
static STORAGE: LazyLock<StorageData> =
    LazyLock::new(|| serde_json::from_str(STORAGE_TEXT).unwrap_or_default());

pub(super) fn releases() -> &'static ReleaseData {
    &RELEASES
}

pub(super) fn apis() -> &'static ApiData {
    &APIS
}

pub(super) fn flags() -> &'static FlagData {
    &FLAGS
}

pub(super) fn gates() -> &'static GateData {
    &GATES
}

pub(super) fn pitfalls() -> &'static PitfallData {
    &PITFALLS
}

pub(super) fn storage() -> &'static StorageData {
    &STORAGE
}

#[cfg(test)]
mod tests;
