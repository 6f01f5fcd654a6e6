//! One seed, one story: also in another process, with another environment, in another folder.

use std::process::Command;

use rehull_core::sim::story;

use crate::bench::play;
use crate::seeds;

/// Seeds that are told twice: one of each strategy, and one of five members.
const SEEDS: [u64; 4] = [0, 1, 2, 4];
const BEGIN: &str = "<<< the stories";
const END: &str = ">>> the end";

fn told() -> String {
    let by_api = SEEDS.map(seeds::scenario);
    let by_terraform = SEEDS.map(seeds::scenario_by_terraform);
    let all = by_api.into_iter().chain(by_terraform);
    all.map(|scenario| story(&scenario, &play(&scenario))).collect()
}

#[test]
#[ignore = "started by the test below, in a process of its own"]
fn tell_the_stories() {
    println!("{BEGIN}\n{}{END}", told());
}

#[expect(
    clippy::disallowed_methods,
    reason = "only another process shows that nothing of this one gets into a story"
)]
fn told_elsewhere(environment: &[(&str, &str)], folder: &std::path::Path) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "twice::tell_the_stories"])
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let begin = text.find(BEGIN).unwrap_or_else(|| panic!("{text}")) + BEGIN.len() + 1;
    let end = text.find(END).unwrap_or_else(|| panic!("{text}"));
    text[begin..end].to_owned()
}

#[test]
fn the_same_seed_tells_the_same_story_in_every_process() {
    let root = std::path::Path::new("/");
    let here = told_elsewhere(&[("TZ", "Asia/Tokyo"), ("LANG", "C")], root);
    let there = told_elsewhere(
        &[
            ("TZ", "America/Lima"),
            ("LANG", "de_DE.UTF-8"),
            ("HOME", "/nowhere"),
            ("RUST_TEST_THREADS", "1"),
        ],
        &std::env::temp_dir(),
    );
    assert!(here.lines().count() > 40, "{here}");
    assert_eq!(here, there);
}
