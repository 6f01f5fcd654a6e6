//! A person who does what the page says: its commands, word by word, against the sandbox's cloud.

use std::fs;
use std::path::Path;

use super::legacy::Member;
use crate::e2e::cloud::Cloud;

/// How many commands of each kind the page had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) marked: usize,
    pub(super) tagged: usize,
    pub(super) recorded: usize,
}

/// Carries out everything that is no run of Terraform or rehull. `state`: the sandbox's folder, where volumes are.
pub(super) async fn follow(written: &Path, members: &[Member], cloud: &Cloud, state: &Path) -> Done {
    let page = fs::read_to_string(written.join("HANDOVER.md")).unwrap();
    let mut done = Done::default();
    for line in page.lines().filter_map(|line| line.strip_prefix("    ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(rest) = line.strip_prefix("printf '") {
            let text = rest.split("\\n'").next().unwrap();
            let slot = text.split("slot=").nth(1).unwrap();
            let member = members.iter().find(|member| member.name == slot).unwrap();
            let disk = state.join("volumes").join(&member.volume).join("fs");
            fs::write(disk.join(".rehull"), format!("{text}\n")).unwrap();
            done.marked += 1;
        } else if line.starts_with("aws ec2 create-tags ") {
            let after = |option: &str| words.iter().position(|word| *word == option).unwrap() + 1;
            let resource = words[after("--resources")];
            for pair in &words[after("--tags")..] {
                let (key, value) = pair.strip_prefix("Key=").unwrap().split_once(",Value=").unwrap();
                cloud.tag(resource, key, value).await;
            }
            done.tagged += 1;
        } else if line.starts_with("aws s3api put-object ") {
            let after = |option: &str| words[words.iter().position(|word| *word == option).unwrap() + 1];
            assert_eq!(after("--if-none-match"), "'*'");
            let body = fs::read(written.join(after("--body"))).unwrap();
            cloud.put(after("--key"), body).await;
            done.recorded += 1;
        }
    }
    done
}
