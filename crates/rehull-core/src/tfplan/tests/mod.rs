//! Whole plans in, verdicts out.

mod blocks;
mod compared;
mod computed;
mod cover;
mod dangers;
mod digests;
mod kept;
mod mutations;
mod names;
mod outputs;
mod places;
mod plans;
mod recorded;
mod rows;
mod safe;
mod secrets;
mod streams;
mod untold;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::domain::ids::{ContentDigest, ImageId, LaunchTemplateName, SubnetId};
use crate::tfplan::digest::sha256;

/// What the recorded plans and the built ones are about: three slots, from 3.5.33 to 3.6.14.
const SLOTS: [&str; 3] = ["etcd-a", "etcd-b", "etcd-c"];

fn user_data(slot: &str, version: &str) -> String {
    format!("#cloud-config\n# {slot} {version}\n")
}

fn content(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

fn role(slot: &str) -> RoleContent {
    RoleContent {
        role: slot.to_owned(),
        launch_template: LaunchTemplateName::new(format!("dev-{slot}")),
        version: "3.6.14".to_owned(),
        user_data: sha256(user_data(slot, "3.6.14").as_bytes()),
        content: ContentDigest::new(content("2")),
        image: ImageId::new("ami-0123456789abcdef0"),
        instance_type: "m6i.large".to_owned(),
        instance_profile: "dev-etcd".to_owned(),
        security_groups: ["sg-1".to_owned(), "sg-2".to_owned()].into(),
        subnet: Some(SubnetId::new("subnet-1")),
    }
}

fn contract(templates: Templates) -> Contract {
    Contract {
        templates,
        roles: SLOTS.iter().map(|slot| role(slot)).collect(),
    }
}

fn upgrade() -> Terms {
    Terms::new(Mode::Upgrade(contract(Templates::Aws)), Tool::Terraform)
}

fn upgrade_of_stand_ins() -> Terms {
    Terms::new(Mode::Upgrade(contract(Templates::StandIn)), Tool::Terraform)
}

fn infrastructure() -> Terms {
    Terms::new(Mode::Infrastructure, Tool::Terraform)
}

fn setting(key: Option<&[u8]>) -> Setting {
    Setting {
        providers: BTreeMap::from([(
            "registry.terraform.io/hashicorp/aws".to_owned(),
            "6.4.0".to_owned(),
        )]),
        lock_file: ContentDigest::new(content("3")),
        sources: Sources {
            folders: BTreeMap::from([(".".to_owned(), ContentDigest::new(content("5")))]),
            ..Sources::default()
        },
        of: Belongs::Rollout(ContentDigest::new(content("4"))),
        key: key.map(|key| DigestKey::new("env:REHULL_DIGEST_KEY", key).unwrap()),
    }
}

fn keyed() -> Setting {
    setting(Some(&[7; 32]))
}

fn judged(plan: &Value, terms: &Terms) -> Decision {
    decide(plan.to_string().as_bytes(), terms, &keyed()).unwrap()
}

/// The rules that refuse it.
fn rules(decision: &Decision) -> BTreeSet<&'static str> {
    let rules: BTreeSet<&str> = decision.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(
        rules.is_empty(),
        decision.verdict != Verdict::Refused,
        "{rules:?}"
    );
    assert_eq!(decision.manifest.is_some(), decision.verdict != Verdict::Refused);
    rules
}

fn digest(plan: &Value, terms: &Terms, setting: &Setting) -> ContentDigest {
    let decision = decide(plan.to_string().as_bytes(), terms, setting).unwrap();
    let manifest = decision
        .manifest
        .unwrap_or_else(|| panic!("{:#?}", decision.findings));
    manifest.digest()
}

#[test]
fn the_rules_in_the_docs_are_the_tables_in_words() {
    const DOCS: &str = include_str!("../../../../../docs/terraform-gate.md");
    let (_, written) = DOCS
        .split_once("<!-- generated from the rules: begin -->\n")
        .unwrap();
    let (written, _) = written.split_once("\n<!-- generated: end -->").unwrap();
    let current = reference();
    assert!(
        written.trim() == current.trim(),
        "put this into docs/terraform-gate.md:\n{current}"
    );
}
