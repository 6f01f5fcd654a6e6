//! Code that a plan or an apply would run, found in the configuration that comes with the plan; and whether an argument
//! stands in it at all.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::general::{CODE, DATA_SOURCE, DUPLICATE, PROVIDER, PROVIDER_SETTING, UNREADABLE};
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

/// The configuration of a plan, walked through once: its providers, and every resource by its address.
pub(in crate::tfplan) struct Configuration<'n, 'a> {
    providers: Option<&'n Named<'a>>,
    resources: BTreeMap<String, &'n Node<'a>>,
    /// What is wrong with its shape.
    misshapen: Vec<Finding>,
}

type Named<'a> = BTreeMap<Cow<'a, str>, Node<'a>>;

impl<'n, 'a> Configuration<'n, 'a> {
    pub(in crate::tfplan) fn of(configuration: &'n Node<'a>) -> Self {
        let mut all = Self {
            providers: configuration.get("provider_config").and_then(Node::map),
            resources: BTreeMap::new(),
            misshapen: Vec::new(),
        };
        if let Some(root) = configuration.get("root_module") {
            all.module(root, "", 0);
        }
        all
    }

    fn module(&mut self, module: &'n Node<'a>, prefix: &str, depth: usize) {
        if depth > DEPTH_MAX {
            let reason = "modules are nested too deep to be looked through";
            self.misshapen.push(UNREADABLE.at(prefix, reason));
            return;
        }
        let resources = module.get("resources").and_then(Node::list).unwrap_or_default();
        for resource in resources {
            let address = resource.get("address").and_then(Node::text).unwrap_or("?");
            let address = format!("{prefix}{address}");
            if self.resources.contains_key(&address) {
                let reason = "it stands twice in the configuration";
                self.misshapen.push(DUPLICATE.at(&address, reason));
            }
            self.resources.insert(address, resource);
        }
        let calls = module.get("module_calls").and_then(Node::map);
        for (name, call) in calls.into_iter().flatten() {
            if let Some(inner) = call.get("module") {
                self.module(inner, &format!("{prefix}module.{name}."), depth + 1);
            }
        }
    }

    /// `address` is that of an instance.
    pub(in crate::tfplan) fn resource(&self, address: &str) -> Option<&'n Node<'a>> {
        self.resources.get(&without_keys(address)).copied()
    }

    /// Which configuration of its provider a resource uses. What is configured no longer is done with as the state says.
    pub(in crate::tfplan) fn provider_of(&self, address: &str) -> Option<&'n str> {
        self.resource(address)?.get("provider_config_key")?.text()
    }

    /// What stands in the block of this resource under this name: an argument, or all blocks.
    pub(super) fn expression(&self, address: &str, argument: &str) -> Option<&'n Node<'a>> {
        self.resource(address)?.get("expressions")?.get(argument)
    }

    /// What the `for_each` of this resource refers to.
    pub(super) fn repeated_over(&self, address: &str) -> Vec<String> {
        let over = self
            .resource(address)
            .and_then(|resource| resource.get("for_each_expression"));
        over.map(references).unwrap_or_default()
    }

    /// The provider of this resource gives everything tags; where it cannot be told which one that is, any of them may.
    pub(super) fn has_default_tags(&self, address: &str) -> bool {
        let gives = |provider: &Node<'_>| {
            provider
                .get("expressions")
                .and_then(|given| given.get("default_tags"))
                .is_some()
        };
        let own = self.provider_of(address).and_then(|key| self.providers?.get(key));
        own.map_or_else(
            || {
                self.providers
                    .into_iter()
                    .flatten()
                    .any(|(_, provider)| gives(provider))
            },
            gives,
        )
    }

    pub(super) fn judge(&self, terms: &Terms) -> Vec<Finding> {
        let mut findings = self.misshapen.clone();
        for (key, provider) in self.providers.into_iter().flatten() {
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
        for (address, resource) in &self.resources {
            findings.extend(code(address, resource));
        }
        findings
    }
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

/// What a resource runs, beside its provider.
fn code(address: &str, resource: &Node<'_>) -> Vec<Finding> {
    let provisioners = resource.get("provisioners").and_then(Node::list);
    let runs = |provisioner: &Node<'_>| {
        let kind = provisioner.get("type").and_then(Node::text).unwrap_or("?");
        let kind = Address::new(kind);
        let reason = format!("its provisioner `{kind}` runs commands during the apply");
        CODE.at(address, reason)
    };
    let mut findings: Vec<Finding> = provisioners.unwrap_or_default().iter().map(runs).collect();
    let kind = resource.get("type").and_then(Node::text).unwrap_or_default();
    if RUN_AT_PLAN.contains(&kind) {
        let reason = format!("`{kind}` runs something else than a provider of AWS while the plan is made");
        findings.push(DATA_SOURCE.at(address, reason));
    }
    if kind == "terraform_remote_state" && !reads_a_known_state(resource) {
        let reason = "it reads a state from another place than S3 or a file, or does not say from where";
        findings.push(DATA_SOURCE.at(address, reason));
    }
    findings
}

fn reads_a_known_state(resource: &Node<'_>) -> bool {
    let backend = resource.get("expressions").and_then(|all| all.get("backend"));
    let backend = backend.and_then(|backend| backend.get("constant_value")?.text());
    backend.is_some_and(|backend| STATE_BACKENDS.contains(&backend))
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
