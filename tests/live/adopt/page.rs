//! A person who does what the page says: its commands, word by word, against the sandbox's cloud.

use std::fs;
use std::path::Path;

use super::legacy::Member;
use crate::e2e::cloud::Cloud;

/// How many commands of each kind the page had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Answers of the cloud that had to be seen, of those that the sandbox gives.
    pub(super) looked: usize,
    pub(super) marked: usize,
    pub(super) tagged: usize,
    pub(super) recorded: usize,
}

/// Carries out everything that is no run of Terraform or rehull. `state`: the sandbox's folder, where volumes are.
pub(super) async fn follow(written: &Path, members: &[Member], cloud: &Cloud, state: &Path) -> Done {
    let page = fs::read_to_string(written.join("HANDOVER.md")).unwrap();
    let mut done = Done::default();
    let mut lines = page.lines().filter_map(|line| line.strip_prefix("    "));
    while let Some(line) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |option: &str| words[words.iter().position(|word| *word == option).unwrap() + 1];
        if let Some(about) = ["volume", "network-interface", "instance"]
            .into_iter()
            .find(|about| line.contains(&format!(" describe-{about}s ")))
        {
            let id = after(&format!("--{about}-ids"));
            let wanted = lines.next().and_then(|line| line.strip_prefix("# must say: "));
            looked_at(cloud, (about, id), wanted.unwrap()).await;
            done.looked += 1;
        } else if let Some(rest) = line.strip_prefix("printf '") {
            let text = rest.split("\\n'").next().unwrap();
            let slot = text.split("slot=").nth(1).unwrap();
            let member = members.iter().find(|member| member.name == slot).unwrap();
            let disk = state.join("volumes").join(&member.volume).join("fs");
            fs::write(disk.join(".rehull"), format!("{text}\n")).unwrap();
            done.marked += 1;
        } else if line.starts_with("aws ec2 create-tags ") {
            let resource = after("--resources");
            let tags = words.iter().position(|word| *word == "--tags").unwrap() + 1;
            for pair in &words[tags..] {
                let (key, value) = pair.strip_prefix("Key=").unwrap().split_once(",Value=").unwrap();
                cloud.tag(resource, key, value).await;
            }
            done.tagged += 1;
        } else if line.starts_with("aws s3api put-object ") {
            assert_eq!(after("--if-none-match"), "'*'");
            let body = fs::read(written.join(after("--body"))).unwrap();
            cloud.put(after("--key"), body).await;
            done.recorded += 1;
        }
    }
    done
}

/// Reads what a command would tell, as far as the sandbox has it: it counts neither root disks nor balancers of old.
async fn looked_at(cloud: &Cloud, (about, id): (&str, &str), wanted: &str) {
    let (start, end) = wanted.split_once(", and no ").unwrap_or((wanted, ""));
    let (seen, start) = match about {
        "volume" => (cloud.volume_says(id).await, start.to_owned()),
        "network-interface" => (cloud.interface_says(id).await, start.to_owned()),
        _ => (cloud.machine_says(id).await, start.replace(" 2 2", " None")),
    };
    assert!(seen.starts_with(&start), "{id}: {seen}, not {wanted}");
    assert!(!end.starts_with('0') || !seen.ends_with(" 0"), "{id}: {seen}");
}
