//! The same upgrade with the real AWS provider and this repository's own `templates`, against the sandbox's EC2.
//! `make test-terraform` runs it where the provider can be installed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{digest_of, eventually_bootstraps_with, render_to, terraform_in};
use crate::e2e::load::Load;
use crate::e2e::rig::Sandbox;

/// Folder of a mirror with the plugin. Unset: where Terraform itself looks.
const MIRROR: &str = "REHULL_AWS_PROVIDER";
/// `terraform plan -detailed-exitcode`.
const EMPTY: i32 = 0;
/// Below the sandbox's folder.
const MODULE: &str = "infra/environments/dev/templates";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the AWS provider's plugin: `make test-terraform`"]
async fn one_pin_becomes_a_rollout_and_an_empty_plan_by_the_real_provider() {
    let Some(sandbox) = Sandbox::up("tf-aws", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    let module = lay(&sandbox);
    let home = home(&sandbox);
    let environment: Vec<(&str, &str)> = home.iter().map(|home| ("HOME", home.as_str())).collect();
    let terraform = |words: &[&str]| terraform_in(&sandbox, &module, &environment, words);
    render_to(&sandbox, &module).await;
    terraform(&["init", "-backend-config=state.s3.tfbackend"]);
    terraform(&["apply", "-auto-approve"]);
    eventually_bootstraps_with(&sandbox, &environment).await;
    sandbox.runs("3.5.33").await;
    assert_eq!(terraform(&["plan", "-detailed-exitcode"]), EMPTY);
    let load = Load::on(&sandbox).await;

    sandbox.pin("3.6.14");
    render_to(&sandbox, &module).await;
    let plan = ["plan", "cluster.yaml"];
    let shown = sandbox.run_with(&environment, &plan).await.exits(0);
    shown.says(&[
        "etcd 3.5.33 → 3.6.14 on 3 machines",
        "module.etcd[\"etcd-a\"].aws_launch_template.this: update of aws_launch_template",
        "and nothing else; as approved: sha256:",
    ]);
    let json = [&plan[..], &["--output", "json"]].concat();
    let digest = digest_of(&sandbox.run_with(&environment, &json).await.exits(0));
    let apply = ["apply", "cluster.yaml", "--plan-digest", &digest];
    sandbox.run_with(&environment, &apply).await.exits(0);

    load.ends_unharmed().await;
    sandbox.runs("3.6.14").await;
    assert_eq!(terraform(&["plan", "-detailed-exitcode"]), EMPTY);
    let done = sandbox.run_with(&environment, &plan).await.exits(0);
    done.says(&["nothing to do"]);
    sandbox.down().await;
}

/// With a mirror, a home whose `.terraformrc` names it: rehull begins `init` as it always does, without words about plugins.
fn home(sandbox: &Sandbox) -> Option<String> {
    let mirror = std::env::var(MIRROR).ok()?;
    let home = sandbox.info.dir.join("home");
    fs::create_dir(&home).unwrap();
    let named =
        format!("provider_installation {{\n  filesystem_mirror {{\n    path = \"{mirror}\"\n  }}\n}}\n");
    fs::write(home.join(".terraformrc"), named).unwrap();
    Some(home.into_os_string().into_string().unwrap())
}

/// `terraform/` of this repository beside the cluster file, its state in the sandbox's bucket, its provider asking the
/// sandbox; and the cluster file says where it is.
fn lay(sandbox: &Sandbox) -> PathBuf {
    let infra = sandbox.info.dir.join("infra");
    let copied = Command::new("cp")
        .args(["-r", concat!(env!("CARGO_MANIFEST_DIR"), "/terraform")])
        .arg(&infra)
        .status();
    assert!(copied.unwrap().success());
    let module = sandbox.info.dir.join(MODULE);
    let endpoint = &sandbox.info.endpoint;
    let provider = format!(
        "provider \"aws\" {{\n  endpoints {{\n    ec2 = \"{endpoint}\"\n    sts = \"{endpoint}\"\n  }}\n}}\n"
    );
    fs::write(module.join("sandbox_override.tf"), provider).unwrap();
    let backend = format!(
        "bucket = \"rehull-{}\"\n\
         key = \"dev/templates.tfstate\"\n\
         region = \"ap-northeast-1\"\n\
         endpoints = {{ s3 = \"{endpoint}\", sts = \"{endpoint}\" }}\n\
         use_path_style = true\n\
         skip_metadata_api_check = true\n",
        sandbox.info.name
    );
    fs::write(module.join("state.s3.tfbackend"), backend).unwrap();
    let file = sandbox.info.cluster_file();
    let text = fs::read_to_string(&file).unwrap();
    let line = format!("terraform: {{ templates: {MODULE}, backendConfig: state.s3.tfbackend }}\n");
    fs::write(&file, text + &line).unwrap();
    module
}
