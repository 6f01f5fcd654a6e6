//! Code that a plan or an apply would run, found in the configuration that comes with the plan; and whether an argument
//! stands in it at all.

use std::collections::BTreeMap;

use super::general::{CODE, DATA_SOURCE, PROVIDER, PROVIDER_SETTING, UNREADABLE};
use crate::domain::terraform::Address;
use crate::tfplan::contract::Terms;
use crate::tfplan::finding::Finding;
use crate::tfplan::node::Node;

/// Data sources that run a program or ask somebody who is not AWS while the plan is made.
pub const RUN_AT_PLAN: &[&str] = &[
    "aws_lambda_invocation",
    "external",
    "http",
    "local_command",
    "shell_script",
];

/// What the AWS provider may be told. Of the rest some start a program: `profile` and the shared files lead to a
/// `credential_process`.
const SETTINGS: &[&str] = &[
    "allowed_account_ids",
    "assume_role",
    "default_tags",
    "endpoints",
    "region",
];

/// Where another module's state may be read from: of the others, some ask any address on the network.
pub const STATE_BACKENDS: &[&str] = &["local", "s3"];

/// Modules in modules; Terraform's own nest a few levels.
const DEPTH_MAX: usize = 32;

pub(super) fn judge(configuration: &Node<'_>, terms: &Terms) -> Vec<Finding> {
    let mut findings = Vec::new();
    let providers = configuration.get("provider_config").and_then(Node::map);
    for (key, provider) in providers.into_iter().flatten() {
        // Before 0.13 there was only the name.
        let source = provider
            .get("full_name")
            .and_then(Node::text)
            .unwrap_or(key.as_ref());
        if !terms.providers.contains(source) {
            findings.push(PROVIDER.at(&format!("provider.{key}"), provider_reason(source)));
        }
        findings.extend(settings(key, source, provider));
    }
    if let Some(root) = configuration.get("root_module") {
        module(root, "", 0, &mut findings);
    }
    findings
}

fn settings(key: &str, source: &str, provider: &Node<'_>) -> Vec<Finding> {
    let address = format!("provider.{key}");
    let Some(given) = provider.get("expressions").filter(|given| **given != Node::Null) else {
        return Vec::new();
    };
    let Some(given) = given.map() else {
        return vec![UNREADABLE.at(&address, "its settings have another shape than the format says")];
    };
    let known: &[&str] = if source.ends_with("/hashicorp/aws") {
        SETTINGS
    } else {
        &[]
    };
    let unknown = given.keys().filter(|name| !known.contains(&name.as_ref()));
    let reason = |name: &str| format!("it is given `{}`", Address::new(name));
    unknown
        .map(|name| PROVIDER_SETTING.at(&address, reason(name)))
        .collect()
}

pub(super) fn provider_reason(source: &str) -> String {
    format!("the provider `{}` is not allowed to run", Address::new(source))
}

fn module(module_node: &Node<'_>, prefix: &str, depth: usize, findings: &mut Vec<Finding>) {
    if depth > DEPTH_MAX {
        findings.push(UNREADABLE.at(prefix, "modules are nested too deep to be looked through"));
        return;
    }
    for resource in module_node
        .get("resources")
        .and_then(Node::list)
        .unwrap_or_default()
    {
        let address = resource.get("address").and_then(Node::text).unwrap_or("?");
        let address = format!("{prefix}{address}");
        for provisioner in resource
            .get("provisioners")
            .and_then(Node::list)
            .unwrap_or_default()
        {
            let kind = provisioner.get("type").and_then(Node::text).unwrap_or("?");
            let kind = Address::new(kind);
            findings.push(CODE.at(
                &address,
                format!("its provisioner `{kind}` runs commands during the apply"),
            ));
        }
        let kind = resource.get("type").and_then(Node::text).unwrap_or_default();
        if RUN_AT_PLAN.contains(&kind) {
            let reason =
                format!("`{kind}` runs something else than a provider of AWS while the plan is made");
            findings.push(DATA_SOURCE.at(&address, reason));
        }
        if kind == "terraform_remote_state" && !reads_a_known_state(resource) {
            let reason = "it reads a state from another place than S3 or a file, or does not say from where";
            findings.push(DATA_SOURCE.at(&address, reason));
        }
    }
    let calls = module_node.get("module_calls").and_then(Node::map);
    for (name, call) in calls.into_iter().flatten() {
        if let Some(inner) = call.get("module") {
            module(inner, &format!("{prefix}module.{name}."), depth + 1, findings);
        }
    }
}

fn reads_a_known_state(resource: &Node<'_>) -> bool {
    let backend = resource.get("expressions").and_then(|all| all.get("backend"));
    let backend = backend.and_then(|backend| backend.get("constant_value")?.text());
    backend.is_some_and(|backend| STATE_BACKENDS.contains(&backend))
}

/// The argument stands in the resource's block. `address` is that of an instance.
pub(super) fn declares(configuration: &Node<'_>, address: &str, argument: &str) -> bool {
    expression(configuration, address, argument).is_some()
}

/// The provider of this resource gives everything tags; where it cannot be told which one that is, any of them may.
pub(super) fn has_default_tags(configuration: &Node<'_>, address: &str) -> bool {
    let all = configuration.get("provider_config").and_then(Node::map);
    let gives = |provider: &Node<'_>| {
        provider
            .get("expressions")
            .and_then(|given| given.get("default_tags"))
            .is_some()
    };
    let key =
        resource(configuration, address).and_then(|resource| resource.get("provider_config_key")?.text());
    let own = key.and_then(|key| all?.get(key));
    own.map_or_else(
        || all.into_iter().flatten().any(|(_, provider)| gives(provider)),
        gives,
    )
}

/// What an argument refers to.
pub(super) fn references(expression: &Node<'_>) -> Vec<String> {
    let references = expression
        .get("references")
        .and_then(Node::list)
        .unwrap_or_default();
    references
        .iter()
        .filter_map(Node::text)
        .map(str::to_owned)
        .collect()
}

/// What the `for_each` of this resource refers to.
pub(super) fn repeated_over(configuration: &Node<'_>, address: &str) -> Vec<String> {
    let over = resource(configuration, address).and_then(|resource| resource.get("for_each_expression"));
    over.map(references).unwrap_or_default()
}

/// What stands in the block of this resource under this name: an argument, or all blocks.
pub(super) fn expression<'n, 'a>(
    configuration: &'n Node<'a>,
    address: &str,
    argument: &str,
) -> Option<&'n Node<'a>> {
    resource(configuration, address)?
        .get("expressions")?
        .get(argument)
}

fn resource<'n, 'a>(configuration: &'n Node<'a>, address: &str) -> Option<&'n Node<'a>> {
    let plain = without_keys(address);
    let mut module = configuration.get("root_module");
    let mut rest = plain.as_str();
    while let Some((name, inner)) = rest.strip_prefix("module.").and_then(|rest| rest.split_once('.')) {
        let calls = module.and_then(|module| module.get("module_calls"));
        module = calls.and_then(|calls| calls.get(name)?.get("module"));
        rest = inner;
    }
    let resources = module.and_then(|module| module.get("resources")?.list());
    let mut resources = resources.unwrap_or_default().iter();
    resources.find(|resource| resource.get("address").and_then(Node::text) == Some(rest))
}

/// All resources, by address.
pub(in crate::tfplan) fn resources<'n, 'a>(configuration: &'n Node<'a>) -> BTreeMap<String, &'n Node<'a>> {
    let mut found = BTreeMap::new();
    let root = configuration.get("root_module");
    let mut open: Vec<(String, &Node<'a>)> = root.map(|root| (String::new(), root)).into_iter().collect();
    while let Some((prefix, module)) = open.pop() {
        let resources = module.get("resources").and_then(Node::list).unwrap_or_default();
        for resource in resources {
            if let Some(address) = resource.get("address").and_then(Node::text) {
                found.insert(format!("{prefix}{address}"), resource);
            }
        }
        let calls = module.get("module_calls").and_then(Node::map);
        for (name, call) in calls.into_iter().flatten() {
            if let Some(inner) = call.get("module") {
                open.push((format!("{prefix}module.{name}."), inner));
            }
        }
    }
    found
}

/// `module.a["x.y"].aws_b.c[0]` is configured as `module.a.aws_b.c`. Keys are quoted as in the language.
pub(in crate::tfplan) fn without_keys(address: &str) -> String {
    let mut plain = String::with_capacity(address.len());
    let (mut inside, mut quoted, mut escaped) = (false, false, false);
    for letter in address.chars() {
        match (inside, quoted, letter) {
            (false, _, '[') => inside = true,
            (false, _, _) => plain.push(letter),
            (true, false, '"') => quoted = true,
            (true, false, ']') => inside = false,
            (true, true, '"') if !escaped => quoted = false,
            (true, _, _) => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_out_of_addresses_whatever_stands_in_them() {
        for (address, plain) in [
            ("aws_x.y", "aws_x.y"),
            ("aws_x.y[0]", "aws_x.y"),
            (r#"module.a["x.y"].aws_b.c["]"]"#, "module.a.aws_b.c"),
            (r#"aws_b.c["\"].d"]"#, "aws_b.c"),
            (r#"aws_b.c["\\"].d"#, "aws_b.c.d"),
        ] {
            assert_eq!(without_keys(address), plain, "{address}");
        }
    }
}
