//! What a person reads when there are no usable credentials. The credential chain reads environment and home directory,
//! so each case runs in a process of its own that has neither.

use std::process::Command;

use rehull::adapters::aws::AwsClients;
use rehull_core::domain::desired::AwsTarget;
use rehull_core::domain::ids::{AccountId, Region};
use rehull_core::ports::PortError;

/// Set in the process that asks.
const ASKING: &str = "REHULL_TEST_ASKING";

/// The answer to `whoami` with only these variables, as `Debug` prints it.
fn whoami_with(test: &str, variables: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env_clear()
        .env("HOME", home.path())
        // The last link of the chain would ask an instance's metadata service and wait for it.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .env(ASKING, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer = printed
        .lines()
        .find_map(|line| line.split_once("ANSWER "))
        .map(|(_, answer)| answer.to_owned());
    answer.unwrap_or_else(|| panic!("{output:?}"))
}

/// Asks, if this is the process to do so.
async fn asked() -> bool {
    if std::env::var_os(ASKING).is_none() {
        return false;
    }
    // Nothing listens on the discard port of loopback; without credentials nothing is sent there anyway.
    let target = AwsTarget {
        account: AccountId::new("111122223333"),
        region: Region::new("ap-northeast-1"),
        endpoint: Some("http://127.0.0.1:9".to_owned()),
    };
    let answer = AwsClients::connect(&target).await.whoami().await;
    assert!(matches!(answer, Err(PortError::NotSent { .. })), "{answer:?}");
    println!("ANSWER {answer:?}");
    true
}

#[tokio::test]
async fn without_credentials_it_says_where_they_can_come_from() {
    if asked().await {
        return;
    }
    let answer = whoami_with(
        "aws_credentials::without_credentials_it_says_where_they_can_come_from",
        &[],
    );
    assert!(answer.contains("no usable AWS credentials"), "{answer}");
    assert!(answer.contains("`aws sso login`"), "{answer}");
}

#[tokio::test]
async fn with_credentials_the_chain_is_used_and_an_unreachable_endpoint_is_named() {
    if asked().await {
        return;
    }
    let answer = whoami_with(
        "aws_credentials::with_credentials_the_chain_is_used_and_an_unreachable_endpoint_is_named",
        &[
            ("AWS_ACCESS_KEY_ID", "AKIATEST"),
            ("AWS_SECRET_ACCESS_KEY", "very-secret"),
            ("AWS_REGION", "eu-west-1"),
        ],
    );
    assert!(answer.contains("refused"), "{answer}");
    assert!(
        !answer.contains("credentials") && !answer.contains("very-secret"),
        "{answer}"
    );
}
