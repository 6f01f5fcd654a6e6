//! Whose credentials: the usual chain of AWS, or for a sandbox the file that lies beside its cluster file.

use std::fs;

use rehull_core::config::Wrong;
use rehull_core::domain::desired::AwsTarget;
use rehull_core::ports::PortError;

use super::{aws, is_loopback};
use crate::adapters::aws::{AccessKeys, AwsClients};
use crate::cli::cluster_file::ClusterFile;
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Written by `rehull sandbox up`.
const SANDBOX_KEYS: &str = "credentials.env";

/// Clients for the cluster's account. Keys of a sandbox are read only if its endpoint is on this machine, and they
/// win over the environment: real credentials never go to a sandbox by accident.
pub(super) async fn clients(file: &ClusterFile, _environment: &Environment) -> Result<AwsClients, Failure> {
    let target = &file.desired.aws;
    if let Some(text) = of_sandbox(file) {
        let keys = keys(&text).ok_or_else(|| {
            let message = format!("`{}` holds no keys", file.beside(SANDBOX_KEYS).display());
            Failure::new(Exit::Usage, "sandbox::credentials", message)
                .help("take the sandbox down and up again")
        })?;
        return Ok(AwsClients::with_keys(target, &keys).await);
    }
    Ok(AwsClients::connect(target).await)
}

/// The text with the keys of a sandbox; `None`: it is none.
pub(super) fn of_sandbox(file: &ClusterFile) -> Option<String> {
    let path = file.beside(SANDBOX_KEYS);
    is_loopback(&file.desired.aws)
        .then(|| fs::read_to_string(path).ok())
        .flatten()
}

/// The right account and region, or a caret at the key of the file that says otherwise.
pub(super) async fn check(clients: &AwsClients, file: &ClusterFile) -> Result<(), Failure> {
    let target = &file.desired.aws;
    let place = target.endpoint.as_deref().unwrap_or(target.region.as_str());
    let answer = clients.whoami().await;
    let (account, _) = answer.map_err(|error| {
        other_region(file, &error)
            .or_else(|| down(target, file.desired.cluster.as_str(), &error))
            .unwrap_or_else(|| aws(&error, place))
    })?;
    if account == target.account {
        return Ok(());
    }
    let message = format!(
        "these credentials are of account {account}, the cluster file is for {}",
        target.account
    );
    let help = "log in to the account of the file, or correct the file; nothing was touched";
    let label = format!("the credentials are of {account}");
    Err(file.wrong(
        "/aws/account",
        Wrong::new("aws::other_account", message, label).help(help),
    ))
}

/// Nobody listens at an address of this machine: most likely a sandbox that is down.
fn down(target: &AwsTarget, cluster: &str, error: &PortError) -> Option<Failure> {
    let (PortError::NotSent { .. }, Some(endpoint), true) = (error, &target.endpoint, is_loopback(target))
    else {
        return None;
    };
    let message = format!("the API at {endpoint} takes no connections");
    let help = format!(
        "if it is a sandbox that is down: `rehull sandbox up --name {cluster}` brings it up again as it was; else check the network, `aws.endpoint`"
    );
    Some(
        Failure::new(Exit::Refused, "aws::unreachable", message)
            .because(error)
            .help(help),
    )
}

/// Signatures name the region, and an endpoint of another one says so.
fn other_region(file: &ClusterFile, error: &PortError) -> Option<Failure> {
    let PortError::Denied { action } = error else {
        return None;
    };
    action.contains("scoped to a valid region").then(|| {
        let region = &file.desired.aws.region;
        let message = format!("this endpoint is not one of region {region}");
        let help = "correct the region, and the zones of the slots with it; nothing was touched";
        let wrong = Wrong::new("aws::other_region", message, "not the region of the endpoint");
        file.wrong("/aws/region", wrong.help(help))
    })
}

/// The keys in such a text.
pub(super) fn keys(text: &str) -> Option<AccessKeys> {
    let value = |name: &str| {
        let assigned = |line: &str| {
            let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
        };
        text.lines().find_map(assigned).filter(|value| !value.is_empty())
    };
    Some(AccessKeys {
        id: value("AWS_ACCESS_KEY_ID")?,
        secret: value("AWS_SECRET_ACCESS_KEY")?,
    })
}

#[cfg(test)]
mod tests {
    use rehull_core::domain::ids::{AccountId, Region};

    use super::*;
    use crate::cli::diagnostics::Look;

    #[test]
    fn keys_are_read_from_assignments_with_and_without_export() {
        let keys =
            keys("# sandbox\nexport AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=\"s3cret\"\n").unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.as_str()), ("AKIA1", "s3cret"));
        assert!(super::keys("AWS_ACCESS_KEY_ID=\nAWS_SECRET_ACCESS_KEY=x\n").is_none());
    }

    #[test]
    fn a_sandbox_that_is_down_is_told_by_its_address_and_the_command_that_brings_it_up() {
        let target = |endpoint: &str| AwsTarget {
            account: AccountId::new("111122223333"),
            region: Region::new("r-1"),
            endpoint: Some(endpoint.to_owned()),
        };
        let error = PortError::NotSent {
            why: "Connection refused".to_owned(),
        };
        let told =
            down(&target("http://127.0.0.1:4566"), "dev", &error).map(|failure| failure.text(Look::Plain));
        let told = told.unwrap_or_default();
        assert!(
            told.contains("the API at http://127.0.0.1:4566 takes no connections"),
            "{told}"
        );
        assert!(told.contains("rehull sandbox up --name dev"), "{told}");
        assert!(down(&target("https://ec2.example.com"), "dev", &error).is_none());
    }
}
