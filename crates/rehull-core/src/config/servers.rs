//! Single values of the control plane: text → a thing that has been checked, or what is wrong with it.

use core::net::IpAddr;

use super::mistake::{Wrong, quoted};
use super::value::{check, release};
use crate::domain::version::KubernetesVersion;

pub(super) fn version(text: &str) -> Result<KubernetesVersion, Wrong> {
    release(text, "Kubernetes", "1.34.2")
}

/// An address and how many of its bits are the network's.
pub(super) fn cidr(text: &str) -> Result<(), Wrong> {
    let fits = text.split_once('/').is_some_and(|(address, bits)| {
        let most = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|bits| (1..=most).contains(&bits))
    });
    let message = format!("{} is no network", quoted(text));
    let wrong = Wrong::new("config::cidr", message, "not a network");
    check(
        fits,
        wrong.help("an address and its bits, for example `10.96.0.0/16`"),
    )
}

/// Part of every token of a service account.
pub(super) fn issuer(text: &str) -> Result<(), Wrong> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | ':' | '-');
    let fits = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) && text.chars().all(plain);
    let message = format!("{} is no issuer of tokens", quoted(text));
    let wrong = Wrong::new("config::issuer", message, "not an https URL");
    check(fits, wrong.help("for example `https://kubernetes.default.svc`"))
}

pub(super) fn group(text: &str) -> Result<(), Wrong> {
    let fits = (1..=255).contains(&text.chars().count()) && !text.chars().any(|c| c.is_control() || c == ':');
    let message = format!("{} is no name of an Auto Scaling group", quoted(text));
    let wrong = Wrong::new("config::group", message, "not a name");
    check(
        fits,
        wrong.help("the name, not the ARN: 1 to 255 characters without `:`"),
    )
}

pub(super) fn target_group(text: &str) -> Result<(), Wrong> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let fits = match parts.as_slice() {
        [
            "arn",
            partition,
            "elasticloadbalancing",
            region,
            account,
            resource,
        ] => {
            let named = resource
                .strip_prefix("targetgroup/")
                .and_then(|rest| rest.split_once('/'));
            let digits = |text: &str| text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
            let hexadecimal = |text: &str| {
                !text.is_empty()
                    && text
                        .chars()
                        .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
            };
            !partition.is_empty()
                && !region.is_empty()
                && digits(account)
                && named.is_some_and(|(name, id)| !name.is_empty() && hexadecimal(id))
        }
        _ => false,
    };
    let message = format!("{} is no ARN of a target group", quoted(text));
    let wrong = Wrong::new("config::target_group", message, "not an ARN");
    let help = "`arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID`; a Classic load balancer has none and cannot be used: put a network load balancer in front of the apiservers first";
    check(fits, wrong.help(help))
}

/// A file below the revision of `machineTls`, and the same below `/etc/kubernetes/pki`.
pub(super) fn file_name(text: &str) -> Result<(), Wrong> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    let fits = (1..=64).contains(&text.len())
        && text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let message = format!("{} is no file name", quoted(text));
    let wrong = Wrong::new("config::file_name", message, "not a file name");
    check(
        fits,
        wrong.help("lower-case letters, digits and ._-, for example `front-proxy-ca.crt`"),
    )
}

pub(super) fn floor(count: i64) -> Result<u32, Wrong> {
    u32::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| {
            Wrong::new("config::floor", "`floor` must be at least 1", "too small")
                .help("without a healthy target nobody reaches the API")
        })
}
