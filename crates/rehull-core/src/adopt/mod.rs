//! Takes an existing cluster over: reads what is known of it, writes the cluster file and a hand-over for a person.
//!
//! Nothing is changed in here or by it. [`state`] reads what Terraform knows, `members` finds who is who, [`LAYOUTS`] says
//! what can be taken over and what not and why, `cluster_file` and `terraform` write, and [`prove`] judges the plans that
//! a person makes of the written files.

mod balancers;
mod cluster_file;
mod handover;
mod layout;
mod members;
mod origin;
mod page;
mod planned;
mod proof;
pub mod state;
mod terraform;
mod told;

use std::collections::BTreeMap;

pub use handover::{HANDOVER_FORMAT, Handover, HandoverError, Import};
pub use layout::{LAYOUTS, Layout, Verdict, reference};
pub use proof::{Proof, ROWS, Root, Row, Stage, prove, rules};
pub use state::{State, StateError};

use crate::config;
use crate::config::adoption::Mapping;
use crate::domain::desired::Desired;
use crate::domain::observed::Identity;
use crate::domain::policy::EtcdStrategy;
use crate::executor::identity::IDENTITY_FORMAT;
use crate::plan::Refusal;
use layout::{BESIDE, CLASSIC_BALANCER, EXTERNAL, REATTACH, SINGLE, TOLD};
use members::Member;

/// What is written; nothing of it has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The cluster as the written file describes it.
    pub desired: Desired,
    /// Which row of [`LAYOUTS`] it is.
    pub layout: &'static Layout,
    /// Rows that say more about it.
    pub notes: Vec<&'static Layout>,
    /// Text by path, relative to the folder that is written.
    pub files: BTreeMap<String, String>,
}

/// Why nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unadopted {
    /// The cluster cannot be taken over, or not yet. Pointers are those of the mapping file.
    Refused(Vec<Refusal>),
    /// The cluster file that would be written has mistakes. Pointers are those of the mapping file, because nobody can
    /// open a file that is not written.
    Mistaken(Vec<Refusal>),
}

/// Where `rehull adopt --verify-plan` finds what a plan has to be.
pub const HANDOVER_FILE: &str = "handover.json";

/// Reads a cluster from mapping and state.
///
/// # Errors
/// Everything that stands against it at once.
pub fn adopt(mapping: &Mapping, state: Option<&State>) -> Result<Adoption, Unadopted> {
    let members = members::find(mapping, state).map_err(Unadopted::Refused)?;
    let text = cluster_file::text(&mapping.cluster_file, &members).map_err(Unadopted::Refused)?;
    let (desired, path) = understood(mapping, &text)?;
    let refusals = refusals(&desired, state);
    if !refusals.is_empty() {
        return Err(Unadopted::Refused(refusals));
    }
    let mut files = BTreeMap::from([(path.clone(), text)]);
    let taken = terraform::write(&desired, &members, state, &mut files);
    let identity = Identity {
        format: IDENTITY_FORMAT,
        cluster: desired.cluster.to_string(),
        account: desired.aws.account.clone(),
        region: desired.aws.region.clone(),
        etcd_cluster: mapping.etcd_cluster,
    };
    files.insert("identity.json".to_owned(), document(&identity));
    files.insert(HANDOVER_FILE.to_owned(), document(&taken.handover));
    let layout = match state {
        None => &TOLD,
        Some(_) if members.iter().all(|member| member.instance.is_some()) => &EXTERNAL,
        Some(_) => &BESIDE,
    };
    let has_classic = state.is_some_and(|state| state.of(&["aws_elb"]).next().is_some());
    let notes: Vec<&Layout> = has_classic.then_some(&CLASSIC_BALANCER).into_iter().collect();
    let page = page::Page {
        desired: &desired,
        cluster_file: &path,
        members: &members,
        taken: &taken,
        etcd_cluster: mapping.etcd_cluster,
        notes: &notes,
    };
    files.insert("HANDOVER.md".to_owned(), page.text());
    Ok(Adoption {
        desired,
        layout,
        notes,
        files,
    })
}

/// The written file as `rehull check` will read it, and where it is written.
fn understood(mapping: &Mapping, text: &str) -> Result<(Desired, String), Unadopted> {
    match config::parse("the cluster file as it would be written", text) {
        Ok(desired) => {
            let path = format!("clusters/{}.yaml", desired.cluster);
            Ok((desired, path))
        }
        Err(mistakes) => {
            let refusal = |mistake| origin::refusal(mapping, mistake);
            Err(Unadopted::Mistaken(mistakes.into_iter().map(refusal).collect()))
        }
    }
}

/// What only the whole cluster tells.
fn refusals(desired: &Desired, state: Option<&State>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if desired.etcd.slots.len() == 1 {
        refusals.push(SINGLE.refusal("there is one member").at("/members", "one"));
    } else if desired.etcd.strategy == EtcdStrategy::Reattach {
        let at = "/clusterFile/etcd/strategy";
        refusals.push(REATTACH.refusal("the strategy is `reattach`").at(at, "here"));
    }
    for template in state
        .into_iter()
        .flat_map(|state| state.of(&["aws_launch_template"]))
    {
        let name = template.text("name");
        let slot = |slot: &&crate::domain::desired::Slot| name == Some(slot.launch_template.as_str());
        if let Some(slot) = desired.etcd.slots.iter().find(slot) {
            let message = format!(
                "`{}` has the name {} already",
                template.address, slot.launch_template
            );
            let help =
                "each member gets a launch template of its own: give the cluster another name in the mapping";
            refusals.push(
                Refusal::new("adopt::template_taken", message, help).at("/clusterFile/cluster", "taken"),
            );
        }
    }
    refusals
}

/// JSON for people and programs.
fn document(of: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(of)
        .map(|text| format!("{text}\n"))
        .unwrap_or_default()
}

/// Ids of the machines, in order of the slots.
fn machines<'m>(members: &'m [Member<'_>]) -> impl Iterator<Item = (&'m str, &'m str)> {
    members
        .iter()
        .map(|member| (member.name.as_str(), member.machine.as_str()))
}

#[cfg(test)]
mod tests;
