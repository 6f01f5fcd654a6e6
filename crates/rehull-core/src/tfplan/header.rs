//! What a plan says of itself: format, flags, what is put off, checks.

use super::contract::Tool;
use super::finding::Finding;
use super::gate::general::{
    CHECK, DEFERRED, ERRORED, FLAGS, FORMAT, INCOMPLETE, NOT_APPLYABLE, UNKNOWN_FIELD, UNREADABLE,
};
use super::node::Node;
use super::read::Header;
use crate::domain::terraform::Address;

/// What the plan says of itself. An absent flag is not a false one.
pub(super) fn headed(header: &Header, tool: Tool, works: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let format = header.format_version.as_deref().unwrap_or("none");
    if format.split('.').next() != Some("1") || header.tool_version.is_none() {
        let format = Address::new(format);
        findings.push(FORMAT.of_plan(format!(
            "its format version is {format}, this version of rehull knows 1.x"
        )));
    }
    // OpenTofu writes neither (up to 1.11); whoever makes the plan must not pass `-target` or `-exclude` to it.
    let written = |flag: Option<bool>, name: &str| {
        let missing = flag.is_none() && (tool == Tool::Terraform || name == "errored");
        missing.then(|| {
            FLAGS.of_plan(format!(
                "it does not say `{name}`, which {} writes",
                tool.as_str()
            ))
        })
    };
    findings.extend(written(header.errored, "errored"));
    findings.extend(written(header.complete, "complete"));
    findings.extend(written(header.applyable, "applyable"));
    if header.errored == Some(true) {
        findings.push(ERRORED.of_plan("the plan failed half way (`errored`)"));
    }
    if header.complete == Some(false) {
        findings.push(INCOMPLETE.of_plan("it leaves something out (`complete` is false)"));
    }
    if header.applyable == Some(false) && works && header.errored != Some(true) {
        findings.push(
            NOT_APPLYABLE.of_plan("it has changes and says that it cannot be applied (`applyable` is false)"),
        );
    }
    for (name, count) in header.pending.iter().filter(|(_, count)| *count > 0) {
        findings.push(DEFERRED.of_plan(format!("`{name}` has {count} entries")));
    }
    for name in &header.unknown_fields {
        findings.push(UNKNOWN_FIELD.of_plan(format!("it has a part `{}`", Address::new(name))));
    }
    findings
}

/// Terraform only warns of these, and answers with 0.
pub(super) fn failed_checks(checks: &Node<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(list) = checks.list() else {
        findings.push(UNREADABLE.of_plan("`checks` has another shape than the format has"));
        return findings;
    };
    for check in list {
        let address = address_of(check);
        match check.get("status").and_then(Node::text) {
            // Not known before the apply: the plan after it tells, and `unmet_checks` asks it.
            Some("pass" | "unknown") => {}
            Some("fail") => findings.push(CHECK.at(address, "this check fails")),
            Some("error") => findings.push(CHECK.at(address, "this check could not be asked")),
            Some(_) | None => {
                findings.push(CHECK.at(address, "the result of this check is no word that is known"));
            }
        }
    }
    findings
}

/// As Terraform shows it.
pub(super) fn address_of<'n>(check: &'n Node<'_>) -> &'n str {
    let address = check
        .get("address")
        .and_then(|address| address.get("to_display")?.text());
    address.unwrap_or("check.?")
}
