//! What is known of a plan once it has been read: the verdict, and what of it may be shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::actions::Action;
use super::digest::DigestKey;
use super::finding::Finding;
use super::mask::Shown;
use crate::domain::ids::{AccountId, ClusterName, ContentDigest, Region};
use crate::domain::terraform::Address;
use crate::domain::terraform::Manifest;

/// What the digest covers beside the plan itself.
pub struct Setting {
    /// Version per provider source, from `version -json`.
    pub providers: BTreeMap<String, String>,
    /// `sha256:` over `.terraform.lock.hcl`.
    pub lock_file: ContentDigest,
    /// What the plan was made from. It is covered where a change has an argument that is set and not known yet.
    pub sources: Sources,
    /// What it is a plan of.
    pub of: Belongs,
    /// For sensitive values; without one a plan that has any is refused.
    pub key: Option<DigestKey>,
}

/// What a plan was made from, as far as an evaluation of it may have read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `sha256:` over the files of each folder, by the folder as the root module sees it.
    pub folders: BTreeMap<String, ContentDigest>,
    /// A file among them that may hold secrets, variables or a state: without a key it is not digested.
    pub secret: Option<String>,
    /// The first place where a file function computes a part of its path: it stays in these folders unless something spells `..`.
    pub computes: Option<String>,
    /// The first one where it computes all of it: unless something is a whole path, either.
    pub computes_all: Option<String>,
    /// Why some of it is in none of these digests.
    pub uncovered: Option<String>,
}

/// What a plan belongs to. Two environments may want the very same change, and who approves it for one has not approved it for
/// the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// A rollout, by the digest of its envelope (cluster, account, order, gates, artefacts …).
    Rollout(ContentDigest),
    /// Any other root module of a cluster.
    Module(Place),
    /// Nobody can approve it: it is looked at.
    Nothing,
}

/// Which root module of which cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As the cluster file names it.
    pub cluster: ClusterName,
    /// Where it lives.
    pub account: AccountId,
    /// Where it lives.
    pub region: Region,
    /// Folder of the module, seen from that of the cluster file: the same in every checkout.
    pub module: String,
}

/// May it be applied?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is nothing to do. An apply would still write the state, so none is run.
    Nothing,
    /// Yes, once it is approved.
    Allowed,
    /// No; the findings say why.
    Refused,
}

/// What is known of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// May it be applied?
    pub verdict: Verdict,
    /// Why not. Empty unless refused.
    pub findings: Vec<Finding>,
    /// Which role goes from where to where.
    pub roles: Vec<RoleChange>,
    /// What would happen, as far as it may be shown; at most [`SHOWN_CHANGES_MAX`], `counts` has all.
    pub changes: Vec<ShownChange>,
    /// Variables that may be shown.
    pub variables: Vec<ShownVariable>,
    /// How many of what.
    pub counts: Counts,
    /// What an approval covers. `None` for a plan that is refused: there is nothing to approve.
    pub manifest: Option<Manifest>,
}

/// Nobody reads more.
pub const SHOWN_CHANGES_MAX: usize = 500;

/// One launch template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleChange {
    /// Slot or role.
    pub role: String,
    /// Where it stands.
    pub address: Address,
    /// Content digest of the latest version, where its description is one.
    pub from: Option<String>,
    /// Content digest that was approved.
    pub to: ContentDigest,
    /// A new version is made; else it is there already.
    pub changes: bool,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownChange {
    /// Which object.
    pub address: Address,
    /// What happens.
    pub action: Action,
    /// Where it was before, if it moves.
    pub moved_from: Option<Address>,
    /// It is imported.
    pub imported: bool,
    /// What changes.
    pub attributes: Vec<ShownAttribute>,
}

/// One attribute that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownAttribute {
    /// Name in the provider's schema.
    pub name: String,
    /// Before.
    pub before: Shown,
    /// After.
    pub after: Shown,
}

/// One variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownVariable {
    /// Name.
    pub name: String,
    /// Value, if it may be shown.
    pub value: Shown,
}

/// How many of what: the plan's own words count a forgotten object as destroyed, so they are not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Entries of any kind.
    pub entries: usize,
    /// Something happens to them.
    pub changes: usize,
    /// Outputs that change.
    pub outputs: usize,
    /// Objects that differ from the state: changed by somebody else since.
    pub drifted: usize,
}
