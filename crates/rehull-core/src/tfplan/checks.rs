//! Checks of a plan that changes nothing. Terraform only warns of one that fails, in a plan and in an apply, and answers
//! with 0; one whose result is known after the apply only is told by the plan after it.

use std::io::Read;

use serde_json::value::RawValue;

use super::finding::Finding;
use super::gate::general::{CHECK, UNREADABLE};
use super::header::{address_of, failed_checks};
use super::node::Node;
use super::read::{Sink, Unreadable, read};

/// Checks that do not hold where everything is as the configuration has it: there is nothing that they could wait for.
///
/// # Errors
/// What was handed over could not be read as a plan at all.
pub fn unmet_checks(plan: impl Read) -> Result<Vec<Finding>, Unreadable> {
    let mut unmet = Unmet(Vec::new());
    read(plan, &mut unmet)?;
    Ok(unmet.0)
}

struct Unmet(Vec<Finding>);

impl Sink for Unmet {
    fn checks(&mut self, raw: &RawValue) {
        let Ok(checks) = Node::of(raw) else {
            self.0
                .push(UNREADABLE.of_plan("`checks` has another shape than the format has"));
            return;
        };
        self.0.extend(failed_checks(&checks));
        let unknown = |check: &&Node<'_>| check.get("status").and_then(Node::text) == Some("unknown");
        let unanswered = checks.list().into_iter().flatten().filter(unknown);
        self.0.extend(
            unanswered
                .map(|check| CHECK.at(address_of(check), "nothing is left to do, and it has no result")),
        );
    }

    fn change(&mut self, _: &RawValue) {}
    fn outputs(&mut self, _: &RawValue) {}
    fn configuration(&mut self, _: &RawValue) {}
    fn variables(&mut self, _: &RawValue) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: &str) -> Vec<String> {
        let plan = format!(
            r#"{{"format_version":"1.2","checks":[{{"address":{{"to_display":"check.x"}},"status":{status}}}]}}"#
        );
        let unmet = unmet_checks(plan.as_bytes()).unwrap();
        unmet.into_iter().map(|finding| finding.reason).collect()
    }

    #[test]
    fn only_a_check_that_holds_is_met_when_nothing_is_left_to_do() {
        assert_eq!(said("\"pass\""), [""; 0]);
        assert_eq!(said("\"fail\""), ["this check fails"]);
        assert_eq!(
            said("\"unknown\""),
            ["nothing is left to do, and it has no result"]
        );
        for odd in ["\"error\"", "\"soon\"", "1"] {
            assert_eq!(said(odd).len(), 1, "{odd}");
        }
        assert_eq!(
            unmet_checks(br#"{"format_version":"1.2"}"#.as_slice()).unwrap(),
            []
        );
        assert!(unmet_checks(b"{".as_slice()).is_err());
    }
}
