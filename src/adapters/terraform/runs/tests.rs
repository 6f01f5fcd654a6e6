//! What is left on disk, and when it goes.

use super::*;
use crate::adapters::clock::pause;
use crate::adapters::terraform::rig::Rig;

#[tokio::test]
async fn plans_of_earlier_tries_are_gone_when_a_process_ends_and_when_another_try_begins() {
    let rig = Rig::new(0, 0);
    let (runs, rollout) = (rig.runs(), RolloutId::new("t-1"));
    let left = |name: &str| {
        let files = ["plan/plan", "show/stream.jsonl", "plan/stderr.txt"];
        let files = files.map(|file| runs.folder(&rollout).join(name).join(file));
        for file in &files {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "hunter2").unwrap();
        }
        files
    };
    let [plan, shown, errors] = left("1");
    assert!(!runs.wind_up(&rollout, Duration::ZERO).await);
    assert!(!plan.exists() && !shown.exists() && errors.exists());

    let [plan, shown, errors] = left("2");
    let next = runs.attempt(&rollout).unwrap();
    assert!(next.ends_with("terraform/3"), "{}", next.display());
    assert!(!plan.exists() && !shown.exists() && errors.exists());
}

/// Neither `init`, which fetches modules, nor a plan, which starts providers.
#[tokio::test]
async fn what_may_start_a_program_is_refused_before_terraform_is_called_at_all() {
    let rig = Rig::new(0, 0);
    for (n, (file, text, why)) in [
        (
            "main.tf",
            "module \"a\" {\n  source = \"hg::file:///x.hg\"\n}\n",
            "`module \"a\"` has the source `hg::file:///x.hg`",
        ),
        (
            ".terraform.lock.hcl",
            "provider \"registry.terraform.io/evil/evil\" {\n  version = \"1.0.0\"\n}\n",
            "the provider `registry.terraform.io/evil/evil` stands in ",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(rig.terraform.module.join(file), text).unwrap();
        let folder = rig.dir.path().join(format!("run-{n}"));
        let attempt = Attempt::begin(&rig.terraform, &folder, None, &|_, _, _| {}).unwrap();
        let infrastructure = rehull_core::tfplan::Mode::Infrastructure;
        let proposed = attempt.propose(infrastructure, Belongs::Nothing, None).await;
        let unfit = proposed.err().unwrap();
        assert!(unfit.why.starts_with(why), "{}", unfit.why);
        assert!(!unfit.help.is_empty());
        fs::remove_file(rig.terraform.module.join(file)).unwrap();
    }
    assert!(rig.calls().is_empty(), "{:?}", rig.calls());
}

/// A module behind `git@` is fetched with the keys of an agent; providers, which a plan starts, get none.
#[tokio::test]
async fn keys_and_tokens_for_modules_are_given_to_init_and_to_nothing_else() {
    let mut rig = Rig::new(0, 0);
    let names = ["SSH_AUTH_SOCK", "TF_TOKEN_example_com", "TF_VAR_x"];
    let given = |name: &str| (name.into(), name.to_lowercase().into());
    rig.terraform
        .environment
        .retain(|(name, _)| !names.iter().any(|of| name == of));
    rig.terraform.environment.extend(names.map(given));
    let (run, dir) = (&rig.terraform, rig.dir.path());
    for mut job in [
        run.init(&dir.join("a")).unwrap(),
        run.plan(&dir.join("b"), &[]).unwrap(),
    ] {
        while job.hear().unwrap().outcome.is_none() {
            pause(Duration::from_millis(1)).await;
        }
    }
    run.force_unlock(&dir.join("c"), "x").await.unwrap();
    let heard = fs::read_to_string(dir.join("keys")).unwrap();
    let heard: Vec<&str> = heard.lines().map(str::trim_end).collect();
    assert_eq!(
        heard,
        ["init ssh_auth_sock tf_token_example_com", "plan", "force-unlock"]
    );
}
