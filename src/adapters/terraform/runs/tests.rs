//! What is left on disk, and when it goes.

use super::*;
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
