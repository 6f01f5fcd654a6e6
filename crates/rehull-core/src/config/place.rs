//! Places outside the file: endpoints, paths, environment variables.

use core::net::{IpAddr, Ipv6Addr};

use super::mistake::{Wrong, quoted};
use super::value::check;

/// True if the endpoint is on this machine. Anything else must be AWS itself over TLS: credentials are sent there.
pub(super) fn endpoint(text: &str) -> Result<bool, Wrong> {
    let wrong = |label: &str, help: &str| {
        Wrong::new(
            "config::endpoint",
            format!("{} cannot be used as endpoint", quoted(text)),
            label,
        )
        .help(help)
    };
    let Some((tls, rest)) = text
        .strip_prefix("https://")
        .map(|rest| (true, rest))
        .or_else(|| text.strip_prefix("http://").map(|rest| (false, rest)))
    else {
        return Err(wrong(
            "no http:// or https://",
            "for example `http://127.20.0.1:4566`",
        ));
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let Some(host) = host(authority) else {
        return Err(wrong(
            "not scheme, host and port",
            "scheme, host and port only: no path, no user name, no query",
        ));
    };
    let on_loopback = match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    let of_aws = [".amazonaws.com", ".amazonaws.com.cn"]
        .iter()
        .any(|domain| host.ends_with(domain));
    match (on_loopback, of_aws, tls) {
        (true, _, _) | (false, true, true) => Ok(on_loopback),
        (false, true, false) => Err(wrong("not encrypted", "write https://")),
        (false, false, _) => Err(wrong(
            "neither this machine nor AWS",
            "leave `endpoint` out for AWS; a sandbox runs on loopback (127.0.0.0/8)",
        )),
    }
}

/// Host of `host[:port]`, if the whole is well formed.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (
            host,
            port.strip_prefix(':')
                .or_else(|| port.is_empty().then_some("443"))?,
        )
    } else {
        authority.split_once(':').unwrap_or((authority, "443"))
    };
    let port_fits =
        port.parse::<u16>().is_ok_and(|port| port > 0) && port.chars().all(|c| c.is_ascii_digit());
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == ':';
    (port_fits && !host.is_empty() && host.chars().all(plain)).then_some(host)
}

/// A path in the repository. Absolute ones are good on one machine only, so only a cluster on loopback may have them.
pub(super) fn path(text: &str, on_loopback: bool) -> Result<(), Wrong> {
    let wrong = |help: &str| {
        Err(Wrong::new(
            "config::path",
            format!("{} is no usable path", quoted(text)),
            "not usable",
        )
        .help(help))
    };
    if text.is_empty() || text.chars().any(|c| c.is_control() || c == '\\') {
        return wrong("a path with `/` between its parts, relative to this file");
    }
    if text.contains("://") {
        return wrong("this is a URL; a path relative to this file is wanted");
    }
    if text.starts_with('~') || text.contains('$') {
        return wrong("nothing is expanded here: a path relative to this file is wanted");
    }
    if text.starts_with('/') && !on_loopback {
        return wrong("it would be another file on the next machine: write it relative to this file");
    }
    Ok(())
}

/// Like [`path`], and it names a file.
pub(super) fn file(text: &str, on_loopback: bool) -> Result<(), Wrong> {
    path(text, on_loopback)?;
    let last = text.rsplit('/').next().unwrap_or_default();
    let wrong = Wrong::new(
        "config::path",
        format!("{} is a directory", quoted(text)),
        "no file name",
    )
    .help("the name of a file is wanted");
    check(!matches!(last, "" | "." | ".."), wrong)
}

/// Like [`file`], and passed on as `-backend-config=FILE`: Terraform takes a name with `=` for a setting.
pub(super) fn backend_file(text: &str, on_loopback: bool) -> Result<(), Wrong> {
    file(text, on_loopback)?;
    let message = format!("{} would be a setting to Terraform, and no file", quoted(text));
    let wrong = Wrong::new("config::path", message, "`=` in a name of a file");
    check(
        !text.contains('='),
        wrong.help("write the setting into a file of that folder, and name the file here"),
    )
}

/// The name of a program, without a path: which file it is, is decided by each machine's `PATH`.
pub(super) fn program(text: &str) -> Result<(), Wrong> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let message = format!("{} is no name of a program", quoted(text));
    let wrong = Wrong::new("config::program", message, "not a name");
    check(
        !text.is_empty() && text.chars().all(fits) && !text.starts_with(['.', '-']),
        wrong.help("`terraform` or `tofu`, without a path: it is looked for in PATH"),
    )
}

/// The name of an environment variable.
pub(super) fn variable(text: &str) -> Result<(), Wrong> {
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // The text is not repeated: somebody may have pasted what the variable should hold.
    let wrong = Wrong::new(
        "config::variable",
        "this is no name of an environment variable",
        "not a name",
    );
    check(
        fits,
        wrong.help(match text.strip_prefix('$') {
            Some(_) => "write the name without `$`",
            None => "letters, digits and underscores, for example `ETCD_CLIENT_KEY`",
        }),
    )
}

/// Somebody pasted a key. The file is in git, so the key is known to all who can read it.
pub(super) fn is_private_key(text: &str) -> bool {
    text.contains("-----BEGIN") && text.contains("PRIVATE KEY")
}

/// The mistake for it; the text is not repeated.
pub(super) fn private_key() -> Wrong {
    Wrong::new(
        "config::secret",
        "a private key does not belong into this file",
        "a secret",
    )
    .help("treat it as published: make a new one; then name a file, a variable or an S3 prefix that holds it")
}

#[cfg(test)]
#[path = "tests/place.rs"]
mod tests;
