//! Outputs tell the number of a new version, so in an upgrade they may only say what follows from it.

use super::general::{OUTPUT, UNKNOWN_ACTION, UNKNOWN_FIELD, UNREADABLE};
use crate::tfplan::actions::Action;
use crate::tfplan::contract::Contract;
use crate::tfplan::finding::Finding;
use crate::tfplan::json::Change;
use crate::tfplan::node::Node;

/// `None`: the output does not change.
pub(in crate::tfplan) fn judge(
    address: &str,
    change: &Change<'_>,
    contract: Option<&Contract>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = change
        .unknown_fields
        .iter()
        .map(|_| UNKNOWN_FIELD.at(address, "its change has a field that this version does not know"))
        .collect();
    let Some(action) = change.action else {
        findings.push(UNKNOWN_ACTION.at(address, "its action is none that this version knows"));
        return findings;
    };
    if action == Action::NoOp {
        return findings;
    }
    let Some(contract) = contract else {
        return findings;
    };
    let Ok(trees) = change.trees() else {
        findings.push(UNREADABLE.at(address, "its values have another shape than the format has"));
        return findings;
    };
    if action != Action::Update {
        findings.push(OUTPUT.at(
            address,
            format!("{action}: an upgrade changes versions, not the list of outputs"),
        ));
    } else if !follows(
        trees.before.as_ref(),
        trees.after.as_ref(),
        trees.unknown.as_ref(),
        contract,
    ) {
        findings.push(OUTPUT.at(
            address,
            "its new value is known before the apply, and is nothing that the render says",
        ));
    }
    findings
}

/// Each leaf that differs is known only after the apply (and what an upgrade applies are launch templates), or repeats
/// the render.
fn follows(
    before: Option<&Node<'_>>,
    after: Option<&Node<'_>>,
    unknown: Option<&Node<'_>>,
    contract: &Contract,
) -> bool {
    if unknown == Some(&Node::Bool(true)) {
        return true;
    }
    match (before, after) {
        (before, after) if before == after => true,
        (_, Some(Node::Text(text))) => contract.roles.iter().any(|role| {
            [
                role.content.as_str(),
                role.version.as_str(),
                role.user_data.as_str(),
            ]
            .contains(&text.as_ref())
                || [role.image.as_str(), role.instance_type.as_str()].contains(&text.as_ref())
        }),
        (Some(Node::Map(old)), Some(Node::Map(new))) => {
            // An attribute that is unknown is absent after.
            let mut names: Vec<&str> = old.keys().chain(new.keys()).map(AsRef::as_ref).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().all(|name| {
                let unknown = unknown.and_then(|tree| tree.get(name));
                follows(old.get(name), new.get(name), unknown, contract)
            })
        }
        (Some(Node::List(old)), Some(Node::List(new))) => {
            old.len() == new.len()
                && old.iter().zip(new).enumerate().all(|(n, (old, new))| {
                    let unknown = unknown.and_then(|tree| tree.list()?.get(n));
                    follows(Some(old), Some(new), unknown, contract)
                })
        }
        _ => false,
    }
}
