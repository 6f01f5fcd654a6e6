//! Where the machines of a launch template would be, and as whom: profile, security groups, subnet.

use std::collections::BTreeSet;

use crate::domain::ids::SubnetId;
use crate::domain::terraform::RoleContent;
use crate::tfplan::node::Node;

/// By name or ARN.
pub(super) fn is_profile(template: &Node<'_>, role: &RoleContent) -> bool {
    let blocks = template.get("iam_instance_profile").and_then(Node::list);
    let Some([block]) = blocks else {
        return false;
    };
    // Another type than text says something that nobody here knows.
    let is_text = |name: &str| match block.get(name) {
        None | Some(Node::Null | Node::Text(_)) => true,
        Some(_) => false,
    };
    if !is_text("name") || !is_text("arn") {
        return false;
    }
    let says = |name: &str| {
        block
            .get(name)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    let wanted = role.instance_profile.as_str();
    match (says("name"), says("arn")) {
        (Some(name), None) => name == wanted,
        (None, Some(arn)) => arn
            .rsplit_once(":instance-profile/")
            .is_some_and(|(_, path)| path.rsplit('/').next() == Some(wanted)),
        (Some(name), Some(arn)) => name == wanted && arn.ends_with(&format!("/{wanted}")),
        (None, None) => false,
    }
}

/// Wherever groups stand they are those of the render, and they stand somewhere: without any EC2 takes the default one of
/// the network.
pub(super) fn are_groups(template: &Node<'_>, role: &RoleContent) -> bool {
    let empty = Node::Null;
    let of_template = template.get("vpc_security_group_ids").unwrap_or(&empty);
    let Some(interfaces) = interfaces(template) else {
        return false;
    };
    let of_interfaces = interfaces
        .iter()
        .map(|one| one.get("security_groups").unwrap_or(&empty));
    let said: Vec<&Node<'_>> = if interfaces.is_empty() {
        vec![of_template]
    } else {
        let beside = Some(of_template).filter(|groups| !groups.is_empty());
        of_interfaces.chain(beside).collect()
    };
    said.into_iter().all(|groups| is_set(groups, role))
}

fn is_set(groups: &Node<'_>, role: &RoleContent) -> bool {
    let texts = groups.list().unwrap_or_default().iter().map(Node::text);
    let ids: Option<BTreeSet<&str>> = texts.collect();
    ids.is_some_and(|ids| {
        ids.iter()
            .copied()
            .eq(role.security_groups.iter().map(String::as_str))
    })
}

/// Every interface says it, and there is one: without a subnet EC2 takes one of the default network. Where a group launches
/// the machine it is the group that says it, and no interface may.
pub(super) fn is_subnet(template: &Node<'_>, role: &RoleContent) -> bool {
    interfaces(template).is_some_and(|interfaces| {
        let wanted = role.subnet.as_ref().map(SubnetId::as_str);
        let is_there = |one: &Node<'_>| match one.get("subnet_id") {
            None | Some(Node::Null) => wanted.is_none(),
            Some(said) => match said.text() {
                Some("") => wanted.is_none(),
                Some(text) => wanted == Some(text),
                None => false,
            },
        };
        !interfaces.is_empty() && interfaces.iter().all(is_there)
    })
}

/// `None`: of another shape.
fn interfaces<'t, 'a>(template: &'t Node<'a>) -> Option<&'t [Node<'a>]> {
    match template.get("network_interfaces") {
        None | Some(Node::Null) => Some(&[]),
        Some(interfaces) => interfaces.list(),
    }
}

/// The same interfaces; in each only subnet and security groups differ, which are judged whether they change or not.
pub(super) fn are_alike(before: &Node<'_>, after: &Node<'_>) -> bool {
    let (Some(before), Some(after)) = (before.list(), after.list()) else {
        return false;
    };
    before.len() == after.len()
        && before
            .iter()
            .zip(after)
            .all(|(before, after)| is_alike(before, after))
}

fn is_alike(before: &Node<'_>, after: &Node<'_>) -> bool {
    let (Some(old), Some(new)) = (before.map(), after.map()) else {
        return false;
    };
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).map(AsRef::as_ref).collect();
    names
        .into_iter()
        .filter(|name| before.get(name) != after.get(name))
        .all(|name| ["subnet_id", "security_groups"].contains(&name))
}
