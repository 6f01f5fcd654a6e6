//! Runs that come to their end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rehull::adapters::terraform::{PlanFile, TerraformError};
use rehull_core::tfrun::{Verdict, what_it_is, what_to_do};
use serde_json::json;

use super::rig::{Module, end, is_private};

const PIN: &str = r#"
variable "pin" { type = string }
variable "key" {
  type      = string
  sensitive = true
}
resource "terraform_data" "template" { input = [var.pin, var.key] }
output "pin" { value = var.pin }
"#;

#[tokio::test]
async fn a_module_is_planned_shown_applied_and_has_no_change_afterwards() {
    let Some(module) = Module::ready(PIN).await else {
        return;
    };
    let canary = "correct-horse-battery";
    let wanted = json!({"pin": "3.5.33", "key": canary});
    let (outcome, run) = module.plan(&wanted).await;
    assert_eq!(outcome.verdict, Verdict::Changes);
    assert!(!format!("{outcome:?}").contains(canary));
    is_private(&run);
    let plan = PlanFile::of_run(&run).unwrap();

    let shown = module.terraform.show(&module.run(), &plan).await.unwrap();
    is_private(shown.parent().unwrap());
    let document: serde_json::Value = serde_json::from_slice(&fs::read(shown).unwrap()).unwrap();
    assert_eq!(
        document["resource_changes"][0]["change"]["actions"],
        json!(["create"])
    );

    let applied = module.apply(&plan).await;
    assert_eq!(applied.verdict, Verdict::Applied, "{}", what_it_is(&applied));
    assert_eq!(applied.tally.done, ["terraform_data.template"]);
    let (again, _) = module.plan(&wanted).await;
    assert_eq!(again.verdict, Verdict::NoChange);
    // The state has moved on: the same plan does nothing a second time.
    assert_eq!(module.apply(&plan).await.verdict, Verdict::Stale);
    // Terraform's own files hold the key, too.
    let state = module.terraform.module.join("terraform.tfstate");
    assert!(fs::read_to_string(&state).unwrap().contains(canary));
    assert_eq!(fs::metadata(state).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_plan_file_that_was_replaced_is_not_even_opened() {
    let Some(module) = Module::ready(PIN).await else {
        return;
    };
    let plan = module.planned(&json!({"pin": "3.5.33", "key": "k"})).await;
    let mut bytes = fs::read(plan.path()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(plan.path(), bytes).unwrap();
    let run = module.run();
    let refused = module.terraform.apply(&run, &plan).unwrap_err();
    assert!(matches!(refused, TerraformError::PlanChanged { .. }), "{refused}");
    let shown = module.terraform.show(&run, &plan).await.unwrap_err();
    assert!(matches!(shown, TerraformError::PlanChanged { .. }), "{shown}");
    assert!(!run.exists());
}

#[tokio::test]
async fn what_the_callers_environment_says_to_terraform_does_not_reach_it() {
    let Some(mut module) = Module::ready(PIN).await else {
        return;
    };
    let plan = module.planned(&json!({"pin": "3.5.33", "key": "k"})).await;
    module.apply(&plan).await;
    // Seen with 1.11.4: this turns any plan into one that destroys.
    module
        .terraform
        .environment
        .push(("TF_CLI_ARGS_plan".into(), "-destroy".into()));
    let (outcome, _) = module.plan(&json!({"pin": "3.5.33", "key": "k"})).await;
    assert_eq!(outcome.verdict, Verdict::NoChange, "{}", what_it_is(&outcome));
}

#[tokio::test]
async fn a_missing_variable_is_an_error_and_nobody_is_asked() {
    let Some(module) = Module::ready(PIN).await else {
        return;
    };
    let (outcome, run) = module.plan(&json!({"pin": "3.5.33"})).await;
    assert_eq!(outcome.verdict, Verdict::Errored);
    assert!(
        what_it_is(&outcome).contains("No value for required variable"),
        "{outcome:?}"
    );
    assert!(PlanFile::of_run(&run).is_err());
}

#[tokio::test]
async fn a_folder_that_needs_init_and_a_program_that_is_not_there_are_told_apart() {
    let backend = "terraform {\n  backend \"local\" { path = \"elsewhere.tfstate\" }\n}\n";
    let Some(mut module) = Module::new(&format!("{backend}{PIN}")) else {
        return;
    };
    let (outcome, _) = module.plan(&json!({"pin": "3.5.33", "key": "k"})).await;
    assert_eq!(outcome.verdict, Verdict::NotInitialised);
    module.terraform.binary = "terraform-that-nobody-has".into();
    let mut job = module.terraform.init(&module.run()).unwrap();
    let error = loop {
        match job.hear() {
            Ok(heard) => assert_eq!(heard.outcome, None),
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
    };
    assert!(error.to_string().contains("terraform-that-nobody-has"), "{error}");
}

/// With the lock file in place, as a checkout has it. `init` never starts what it installs, so a script will do for a plugin.
#[tokio::test]
async fn a_provider_that_is_gone_is_told_with_what_to_do_by_init_and_by_plan() {
    let text = "terraform {\n  required_providers {\n    aws = { source = \"example.invalid/nobody/aws\" }\n  }\n}\ndata \"aws_region\" \"here\" {}\n";
    let Some(mut module) = Module::new(text) else {
        return;
    };
    let mirror = module.dir.path().join("mirror");
    let platform = format!("{}_{}", std::env::consts::OS, arch());
    let package = mirror.join("example.invalid/nobody/aws/1.0.0").join(platform);
    fs::create_dir_all(&package).unwrap();
    let plugin = package.join("terraform-provider-aws_v1.0.0");
    fs::write(&plugin, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o700)).unwrap();
    // rehull passes no words about plugins: where they are stands in the home of whoever runs it.
    let home = module.dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let named = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
        mirror.display()
    );
    fs::write(home.join(".terraformrc"), named).unwrap();
    module.terraform.environment.retain(|(name, _)| name != "HOME");
    module.terraform.environment.push(("HOME".into(), home.into()));

    let init = async |module: &Module| end(&mut module.terraform.init(&module.run()).unwrap()).await;
    let lock_file_lacks_it = init(&module).await;
    assert_eq!(
        lock_file_lacks_it.verdict,
        Verdict::LockfileMismatch,
        "{lock_file_lacks_it:?}"
    );
    let mut by_hand = std::process::Command::new("terraform");
    let by_hand = by_hand
        .args(["init", "-input=false"])
        .current_dir(&module.terraform.module);
    let by_hand = by_hand
        .env_remove("TF_CLI_CONFIG_FILE")
        .env("HOME", module.dir.path().join("home"));
    assert!(by_hand.output().unwrap().status.success());
    assert_eq!(init(&module).await.verdict, Verdict::Initialised);

    fs::remove_dir_all(module.terraform.module.join(".terraform")).unwrap();
    let (plan, _) = module.plan(&json!({})).await;
    fs::remove_dir_all(&mirror).unwrap();
    fs::create_dir(&mirror).unwrap();
    for gone in [plan, init(&module).await] {
        assert_eq!(gone.verdict, Verdict::PluginMissing, "{}", what_it_is(&gone));
        let help = what_to_do(&gone).unwrap();
        assert!(help.contains("make its registry or a mirror reachable"), "{help}");
    }
}

/// As Terraform calls it.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
