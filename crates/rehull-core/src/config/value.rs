//! Single values: text → a thing that has been checked, or what is wrong with it. No value here knows its neighbours.

use core::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use super::mistake::{Wrong, quoted};
use crate::domain::version::EtcdVersion;

/// Words that mean another version tomorrow.
const FLOATING: [&str; 6] = ["$latest", "$default", "latest", "stable", "current", "default"];

/// The text names no fixed version. `$Latest` moved under running rollouts elsewhere; here it is refused wherever it stands.
pub(super) fn is_floating_template(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("$latest") || text.contains("$default")
}

/// The mistake for it.
pub(super) fn floating(text: &str) -> Wrong {
    let message = format!("{} floats: it may name something else tomorrow", quoted(text));
    Wrong::new("config::floating_version", message, "not pinned")
}

pub(super) fn cluster_name(text: &str) -> Result<(), Wrong> {
    let message = format!("{} is no cluster name", quoted(text));
    let wrong = Wrong::new("config::cluster_name", message, "not a name").help(
        "lower-case letters, digits and hyphens; a letter first, no hyphen last, at most 40 characters",
    );
    check(
        is_label(text, 40) && text.starts_with(|c: char| c.is_ascii_lowercase()),
        wrong,
    )
}

pub(super) fn slot_name(text: &str) -> Result<(), Wrong> {
    let wrong = Wrong::new(
        "config::slot_name",
        format!("{} is no member name", quoted(text)),
        "not a name",
    )
    .help("lower-case letters, digits and hyphens, at most 63 characters, for example `etcd-a`");
    check(is_label(text, 63), wrong)
}

fn is_label(text: &str, length_max: usize) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= length_max
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

pub(super) fn account(text: &str) -> Result<(), Wrong> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let help = if digits == 12 {
        "digits only: no hyphens, no spaces".to_owned()
    } else {
        format!("12 digits; this has {digits}")
    };
    let wrong = Wrong::new(
        "config::account",
        format!("{} is no AWS account", quoted(text)),
        "not 12 digits",
    )
    .help(help);
    check(digits == 12 && text.len() == 12, wrong)
}

pub(super) fn region(text: &str) -> Result<(), Wrong> {
    let mut parts: Vec<&str> = text.split('-').collect();
    let number = parts.pop().unwrap_or_default();
    let word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let fits = parts.len() >= 2
        && parts.iter().all(word)
        && (1..=2).contains(&number.len())
        && number.chars().all(|c| c.is_ascii_digit());
    let wrong = Wrong::new(
        "config::region",
        format!("{} is no AWS region", quoted(text)),
        "not a region",
    );
    let zone_like = number.ends_with(|c: char| c.is_ascii_lowercase())
        && number.starts_with(|c: char| c.is_ascii_digit());
    check(
        fits,
        wrong.help(if zone_like {
            "this is a zone; the region is the part without the letter at its end".to_owned()
        } else {
            "for example `ap-northeast-1`".to_owned()
        }),
    )
}

/// `us-east-1a`, or a local zone such as `us-west-2-lax-1a`.
pub(super) fn zone(text: &str, region: Option<&str>) -> Result<(), Wrong> {
    let fits = |region: &str| {
        text.strip_prefix(region).is_some_and(|rest| {
            let letter = |c: char| c.is_ascii_lowercase();
            let local = rest.starts_with('-') && rest.len() > 2 && rest.ends_with(letter);
            (rest.len() == 1 && rest.starts_with(letter)) || local
        })
    };
    let Some(region) = region else { return Ok(()) };
    let message = format!("zone {} is not in region `{region}`", quoted(text));
    let wrong = Wrong::new("config::zone", message, format!("not a zone of {region}"));
    check(
        fits(region),
        wrong.help(if text.contains("-az") {
            format!("this is a zone id; write the zone name, for example `{region}a`")
        } else {
            format!("zones of this region are called `{region}a`, `{region}b`, …")
        }),
    )
}

pub(super) fn bucket(text: &str) -> Result<(), Wrong> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (3..=63).contains(&text.len())
        && text.chars().all(inner)
        && text.starts_with(edge)
        && text.ends_with(edge)
        && !text.contains("..");
    let help = if text.starts_with("s3://") || text.contains('/') || text.starts_with("arn:") {
        "only the name: no `s3://`, no ARN; what follows the slash goes into `prefix`"
    } else {
        "3 to 63 lower-case letters, digits, hyphens and dots"
    };
    check(
        fits,
        Wrong::new(
            "config::bucket",
            format!("{} is no bucket name", quoted(text)),
            "not a bucket",
        )
        .help(help),
    )
}

pub(super) fn prefix(text: &str) -> Result<(), Wrong> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!_.*'()-/".contains(c);
    let fits = text.is_empty()
        || (text.ends_with('/')
            && !text.starts_with('/')
            && text.chars().all(plain)
            && !text.contains("//")
            && !text.split('/').any(|part| part == "." || part == ".."));
    let wanted = text
        .split('/')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    let help = if wanted.is_empty() || !wanted.chars().all(plain) || wanted.contains("..") {
        "letters, digits and -_.!*'(), without leading and with trailing slash; or \"\"".to_owned()
    } else {
        format!("write `{wanted}/`: no slash at the start, one at the end")
    };
    check(
        fits,
        Wrong::new(
            "config::prefix",
            format!("{} is no key prefix", quoted(text)),
            "not a prefix",
        )
        .help(help),
    )
}

pub(super) fn version(text: &str) -> Result<EtcdVersion, Wrong> {
    release(text, "etcd", "3.6.14")
}

/// A release of something; `example` is one.
pub(super) fn release<Release: FromStr>(text: &str, of: &str, example: &str) -> Result<Release, Wrong> {
    if FLOATING.contains(&text.to_ascii_lowercase().as_str()) {
        let help = format!("pin a release with three numbers, for example `{example}`");
        return Err(floating(text).help(help));
    }
    let wrong = |help: String| {
        let message = format!("{} is no {of} release", quoted(text));
        Wrong::new("config::version", message, "not a release").help(help)
    };
    text.parse::<Release>().map_err(|_| match text.strip_prefix('v') {
        Some(number) if number.parse::<Release>().is_ok() => wrong(format!("write `{number}`, without `v`")),
        Some(_) | None if text.contains('-') => {
            wrong("pre-releases are not accepted: no knowledge about them is compiled in".to_owned())
        }
        Some(_) | None => wrong(format!("a release has three numbers, for example `{example}`")),
    })
}

pub(super) fn digest(text: &str) -> Result<(), Wrong> {
    let hexadecimal = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    };
    let help = match text.strip_prefix("sha256:") {
        Some(bare) if bare.len() == 64 => "write the digits alone, without `sha256:`".to_owned(),
        Some(_) | None if text.len() == 64 && hexadecimal(&text.to_lowercase()) => {
            "in lower case, please".to_owned()
        }
        Some(_) | None => format!(
            "`sha256sum` prints one: 64 hexadecimal digits; this has {} characters",
            text.chars().count()
        ),
    };
    let wrong = Wrong::new(
        "config::digest",
        "this is no SHA-256",
        "not 64 hexadecimal digits",
    )
    .help(help);
    check(text.len() == 64 && hexadecimal(text), wrong)
}

/// EC2 ids: a prefix and 17 hexadecimal digits, 8 for things made before 2016.
pub(super) fn resource(text: &str, prefix: &str, noun: &str) -> Result<(), Wrong> {
    let fits = text.strip_prefix(prefix).is_some_and(|digits| {
        (digits.len() == 17 || digits.len() == 8)
            && digits
                .chars()
                .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    });
    let message = format!("{} is no {noun} id", quoted(text));
    let wrong = Wrong::new("config::id", message, format!("not {prefix}…"))
        .help(format!("`{prefix}` and 17 (or 8) hexadecimal digits"));
    check(fits, wrong)
}

/// Families without Nitro (AWS, "Instances built on the AWS Nitro System"): their guests see neither NVMe volume ids nor
/// tags that change while they run, and the boot script needs both.
const XEN_FAMILIES: [&str; 29] = [
    "t1", "t2", "m1", "m2", "m3", "m4", "c1", "c3", "c4", "cc1", "cc2", "cg1", "cr1", "hi1", "hs1", "r3",
    "r4", "x1", "x1e", "i2", "i3", "d2", "h1", "g2", "g3", "g3s", "p2", "p3", "f1",
];

pub(super) fn instance_type(text: &str) -> Result<(), Wrong> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let Some((family, size)) = text.split_once('.').filter(|(family, size)| {
        family.starts_with(|c: char| c.is_ascii_lowercase())
            && !size.is_empty()
            && family.chars().all(word)
            && size.chars().all(word)
    }) else {
        let message = format!("{} is no instance type", quoted(text));
        return Err(
            Wrong::new("config::instance_type", message, "not a type").help("for example `m6i.large`")
        );
    };
    let message = format!("{} is not built on Nitro", quoted(text));
    let wrong = Wrong::new("config::instance_type", message, "a Xen type")
        .help("machines follow their tags while they run and find volumes by NVMe id; both need Nitro, for example `m6i.large`");
    // Bare metal is Nitro in every family.
    check(!XEN_FAMILIES.contains(&family) || size == "metal", wrong)
}

pub(super) fn instance_profile(text: &str) -> Result<(), Wrong> {
    let fits = (1..=128).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c));
    let help = match text.rsplit_once('/') {
        Some((_, name)) if text.starts_with("arn:") => format!("only the name: `{name}`"),
        Some(_) | None => "letters, digits and +=,.@_-, at most 128".to_owned(),
    };
    check(
        fits,
        Wrong::new(
            "config::instance_profile",
            format!("{} is no instance profile name", quoted(text)),
            "not a name",
        )
        .help(help),
    )
}

pub(super) fn launch_template(text: &str) -> Result<(), Wrong> {
    let message = format!("{} is no launch template name", quoted(text));
    let wrong = Wrong::new("config::launch_template", message, "not a name");
    let fits = (3..=128).contains(&text.chars().count())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "().-/_".contains(c));
    if text.starts_with("lt-") && text.len() == 20 {
        return Err(wrong.help("this is an id; write the name, which stays when the template is made again"));
    }
    check(
        fits,
        wrong.help("EC2 takes 3 to 128 letters, digits and ().-/_; versions are rehull's business"),
    )
}

pub(super) fn revision(text: &str) -> Result<(), Wrong> {
    let fits = (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let wrong = Wrong::new(
        "config::revision",
        format!("{} is no revision", quoted(text)),
        "not a revision",
    )
    .help("letters, digits and ._-, for example \"1\" or \"2026-11\": it is a part of the object keys");
    check(fits, wrong)
}

/// Unicast, and on loopback only if the whole cluster is.
pub(super) fn address(text: &str, on_loopback: bool) -> Result<Ipv4Addr, Wrong> {
    let wrong = |help: &str| {
        Err(Wrong::new(
            "config::address",
            format!("{} is no address for a member", quoted(text)),
            "not usable",
        )
        .help(help))
    };
    let Ok(address) = text.parse::<Ipv4Addr>() else {
        return wrong("an IPv4 address such as `10.0.1.10`: no port, no mask, no leading zeros");
    };
    if address.is_loopback() && !on_loopback {
        return wrong("loopback is for sandboxes, whose `aws.endpoint` is on loopback too");
    }
    let unicast = !(address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_link_local());
    if unicast {
        Ok(address)
    } else {
        wrong("it must be an address that other machines can reach")
    }
}

/// `90s`, `5m`, `1h30m`, `500ms`; larger units first, each once.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let parsed = parse_duration(text);
    let help = if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        format!("write `{text}s`, `{text}m` or `{text}h`")
    } else {
        "a whole number and its unit: `500ms`, `90s`, `5m`, `1h30m`; no spaces".to_owned()
    };
    parsed.ok_or_else(|| {
        Wrong::new(
            "config::duration",
            format!("{} is no duration", quoted(text)),
            "not a duration",
        )
        .help(help)
    })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total_ms: u64 = 0;
    for (unit, unit_ms) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        // `5m` must not be read as the start of `5ms`.
        let word = tail
            .find(|c: char| c.is_ascii_digit())
            .and_then(|end| tail.get(..end))
            .unwrap_or(tail);
        if word == unit {
            let amount = number.parse::<u64>().ok()?.checked_mul(unit_ms)?;
            total_ms = total_ms.checked_add(amount)?;
            rest = tail.strip_prefix(unit)?;
            if rest.is_empty() {
                return Some(Duration::from_millis(total_ms));
            }
        }
    }
    None
}

pub(super) fn check(fits: bool, wrong: Wrong) -> Result<(), Wrong> {
    if fits { Ok(()) } else { Err(wrong) }
}

#[cfg(test)]
#[path = "tests/value.rs"]
mod tests;
