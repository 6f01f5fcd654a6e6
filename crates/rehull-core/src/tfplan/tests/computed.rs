//! An approval covers the sources where they say what no plan tells.

use serde_json::{Value, json};

use super::names::{configured, made};
use super::*;

pub(super) const POLICY: &str = "aws_iam_role_policy.ci";

/// A policy that names a new bucket: the plan has nothing of it but that.
pub(super) fn policy(unknown: &Value) -> Value {
    made(POLICY, &json!({"name": "ci", "role": "ci"}), unknown)
}

fn plan(changes: &[Value], resources: &[Value]) -> Value {
    let mut plan = plans::plan(changes, &json!({}));
    plan["configuration"]["root_module"]["resources"] = resources.into();
    plan
}

fn manifest_by(plan: &Value, terms: &Terms, digit: &str) -> Manifest {
    let mut setting = keyed();
    let folders = [(".", digit), ("../modules/x", "5")];
    setting.sources.folders = folders
        .map(|(folder, digit)| (folder.to_owned(), ContentDigest::new(content(digit))))
        .into();
    let decision = decide(plan.to_string().as_bytes(), terms, &setting).unwrap();
    decision
        .manifest
        .unwrap_or_else(|| panic!("{:#?}", decision.findings))
}

fn covers_sources(plan: &Value, terms: &Terms) -> bool {
    let (one, other) = (manifest_by(plan, terms, "5"), manifest_by(plan, terms, "6"));
    let differs = one.digest() != other.digest();
    let says = one.facts.keys().any(|fact| fact.starts_with("sources in "));
    assert_eq!(differs, says);
    differs
}

/// Seen with the AWS provider 5.100.0: `s3:PutObject` on the new bucket and `*` on everything had one digest.
#[test]
fn an_argument_that_is_set_and_not_known_yet_is_covered_by_the_sources() {
    let refers = ["aws_s3_bucket.logs.arn", "aws_s3_bucket.logs"];
    let resource = configured(POLICY, "policy", &refers);
    let plan = plan(&[policy(&json!({"id": true, "policy": true}))], &[resource]);
    assert!(covers_sources(&plan, &infrastructure()));
    let (approved, now) = (
        manifest_by(&plan, &infrastructure(), "5"),
        manifest_by(&plan, &infrastructure(), "6"),
    );
    let said: Vec<String> = approved
        .differences(&now)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("sources in `.`"), "{said:?}");
}

/// A pull request keeps its digest when somebody changes a comment.
#[test]
fn without_such_an_argument_the_sources_are_no_part_of_an_approval() {
    let known = configured(POLICY, "policy", &["var.policy"]);
    let of_provider = plan(&[policy(&json!({"id": true, "name_prefix": true}))], &[known]);
    assert!(!covers_sources(&of_provider, &infrastructure()));
    assert!(!covers_sources(&plans::upgrade(), &upgrade()));
    let volume = plans::alone("aws_ebs_volume", &["update"], "size");
    assert!(!covers_sources(&volume, &infrastructure()));
}

#[test]
fn what_is_set_is_found_in_blocks_in_modules_behind_keys_and_in_what_no_plan_has() {
    let of = |unknown: Value, expressions: Value| {
        let mut resource = configured(POLICY, "policy", &[]);
        resource["expressions"] = expressions;
        plan(&[policy(&unknown)], &[resource])
    };
    let judge =
        |unknown: Value, expressions: Value| covers_sources(&of(unknown, expressions), &infrastructure());
    let set = || json!({"references": ["aws_vpc.new.id"]});
    assert!(judge(
        json!({"rule": [{"id": true, "vpc": true}]}),
        json!({"rule": [{"vpc": set()}]})
    ));
    assert!(judge(
        json!({"rule": [{"id": true, "vpc": true}]}),
        json!({"rule": {"vpc": set()}})
    ));
    assert!(
        !judge(json!({"rule": [{"id": true}]}), json!({"rule": [{"vpc": set()}]})),
        "the provider's own"
    );
    assert!(judge(json!({"rule": true}), json!({"rule": [{"vpc": set()}]})));
    assert!(
        judge(json!({"policy": true}), json!({"policy": {}})),
        "`timestamp()` refers to nothing"
    );
    assert!(judge(json!({"tags": {"a": true}}), json!({"tags": set()})));
    // Nothing of it is in any plan.
    assert!(judge(
        json!({}),
        json!({"secret_string_wo": {"references": ["var.a"]}})
    ));

    let by_dynamic = of(json!({"rule": true}), json!({}));
    assert!(!covers_sources(&by_dynamic, &infrastructure()));
    let mut terms = infrastructure();
    terms.dynamic.insert("rule".to_owned());
    assert!(covers_sources(&by_dynamic, &terms));

    let mut change = policy(&json!({"policy": true}));
    change["address"] = "module.ci[\"a\"].aws_iam_role_policy.ci[0]".into();
    change["index"] = 0.into();
    let mut in_module = plan(&[change], &[]);
    assert!(
        covers_sources(&in_module, &infrastructure()),
        "nobody tells what is set"
    );
    in_module["configuration"]["root_module"]["module_calls"] =
        json!({"ci": {"module": {"resources": [configured(POLICY, "policy", &["var.bucket"])]}}});
    assert!(covers_sources(&in_module, &infrastructure()));
}

/// Whoever reads this state takes what it says.
#[test]
fn an_output_that_is_not_known_yet_is_covered_by_the_sources_outside_of_an_upgrade() {
    let output = |unknown: bool| {
        let change = json!({"actions": ["create"], "before": null, "after": "a", "after_unknown": unknown, "before_sensitive": false, "after_sensitive": false});
        plans::plan(&[], &json!({"a": change}))
    };
    assert!(covers_sources(&output(true), &infrastructure()));
    assert!(!covers_sources(&output(false), &infrastructure()));
}
