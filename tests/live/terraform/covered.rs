//! What an approval covers of a value that is not known yet, by plans of the real program.

use std::fs;

use rehull::adapters::terraform::{Attempt, Proposal};
use rehull_core::tfplan::{Belongs, DigestKey, Manifest, Mode};

use super::rig::Module;

const ROOT: &str = r#"
data "terraform_remote_state" "base" {
  backend = "local"
  config  = { path = "../base.json" }
}
module "called" {
  source = "./called"
}
resource "terraform_data" "new" {}
resource "terraform_data" "told" {
  input = {
    state = "${terraform_data.new.id} ${data.terraform_remote_state.base.outputs.action}"
    file  = templatefile("${path.module}/../policy.tpl", { id = terraform_data.new.id })
    files = { for name in fileset("${path.module}/policies", "*.json") : name => "${terraform_data.new.id} ${file("${path.module}/policies/${name}")}" }
  }
}
"#;

fn state(action: &str) -> String {
    format!(
        r#"{{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"x","outputs":{{"action":{{"value":"{action}","type":"string"}}}},"resources":[]}}"#
    )
}

async fn proposed(module: &Module) -> Manifest {
    let attempt = Attempt::begin(&module.terraform, &module.run(), None, &|_, _, _| {}).unwrap();
    let key = DigestKey::new("env:KEY", &[7; 32]).unwrap();
    let proposal = attempt
        .propose(Mode::Infrastructure, Belongs::Nothing, Some(&key))
        .await;
    let Proposal::Plan(decision, _) = proposal.unwrap() else {
        panic!("nothing would change");
    };
    let findings = decision.findings;
    decision.manifest.unwrap_or_else(|| panic!("{findings:#?}"))
}

/// In none of these cases does a change of the plan differ.
#[tokio::test]
async fn what_an_evaluation_has_read_beside_something_unknown_is_another_approval_and_a_log_is_none() {
    let Some(module) = Module::new(ROOT) else {
        return;
    };
    for folder in ["policies", "called", "setup", "tests"] {
        fs::create_dir(module.terraform.module.join(folder)).unwrap();
    }
    let files = [
        (
            "../base.json",
            state("s3:GetObject"),
            state("*"),
            "what `data.terraform_remote_state.base` says",
        ),
        (
            "../policy.tpl",
            "s3:GetObject ${id}".to_owned(),
            "* ${id}".to_owned(),
            "sources in `.`",
        ),
        (
            "policies/a.json",
            "{}".to_owned(),
            "[]".to_owned(),
            "sources in `.`",
        ),
        (
            "called/main.tf",
            String::new(),
            "locals {\n  a = 1\n}\n".to_owned(),
            "sources in `called`",
        ),
    ];
    for (name, text, _, _) in &files {
        module.write(name, text);
    }
    let mut approved = proposed(&module).await;
    assert!(
        approved
            .changes
            .values()
            .any(|part| part.shape.ends_with(", by the provider configuration terraform"))
    );
    for (name, _, other, differs) in &files {
        module.write(name, other);
        let now = proposed(&module).await;
        let differences: Vec<String> = approved
            .differences(&now)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(differences, [format!("{differs} is not as approved")], "{name}");
        approved = now;
    }
    // What a run writes, and what only tests call.
    let run = "run \"a\" {\n  command = plan\n  module {\n    source = \"./setup\"\n  }\n}\n";
    module.write("tests/a.tftest.hcl", run);
    module.write("setup/main.tf", "");
    module.write("apply.log", "one");
    module.write("README.md", "two");
    assert_eq!(approved.differences(&proposed(&module).await), []);
}

/// What `init` has left of a module that is called no longer.
#[tokio::test]
async fn a_used_checkout_and_a_fresh_one_have_one_approval() {
    let text = "resource \"terraform_data\" \"new\" {}\nresource \"terraform_data\" \"told\" {\n  input = terraform_data.new.id\n}\n";
    let (Some(used), Some(fresh)) = (Module::new(text), Module::new(text)) else {
        return;
    };
    fs::create_dir(used.terraform.module.join("old")).unwrap();
    used.write("old/main.tf", "");
    used.write("old.tf", "module \"old\" {\n  source = \"./old\"\n}\n");
    proposed(&used).await;
    fs::remove_file(used.terraform.module.join("old.tf")).unwrap();
    let list = fs::read_to_string(used.terraform.module.join(".terraform/modules/modules.json")).unwrap();
    assert!(list.contains("\"Key\":\"old\""), "{list}");
    let (used, fresh) = (proposed(&used).await, proposed(&fresh).await);
    assert_eq!(used.differences(&fresh), []);
}
