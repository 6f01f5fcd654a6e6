//! What a template may use. The list is the documentation, and a test holds it equal to what is really passed.

use serde_json::{Value, json};

use super::RenderError;
use crate::domain::desired::{Desired, Slot};

/// One variable of user-data templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// As written in a template; `[]` stands for `{{#each …}}`.
    pub name: &'static str,
    /// `text`, `number` or `list`.
    pub kind: &'static str,
    /// For example.
    pub example: &'static str,
    /// Meaning.
    pub meaning: &'static str,
}

pub(super) const fn variable(
    name: &'static str,
    kind: &'static str,
    example: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable {
        name,
        kind,
        example,
        meaning,
    }
}

/// Every variable, in alphabetical order.
pub const VARIABLES: [Variable; 39] = [
    variable(
        "artefacts.bucket",
        "text",
        "rehull-dev",
        "bucket of the binaries and the boot reports",
    ),
    variable(
        "artefacts.prefix",
        "text",
        "artefacts/",
        "key prefix in it; empty or ends in `/`",
    ),
    variable(
        "aws.dnsSuffix",
        "text",
        "amazonaws.com",
        "end of AWS host names in this partition",
    ),
    variable("aws.region", "text", "ap-northeast-1", "region"),
    variable(
        "cluster",
        "text",
        "dev",
        "name of the cluster, also etcd's cluster token",
    ),
    variable(
        "etcd.binaries",
        "list",
        "",
        "binaries to fetch by content address",
    ),
    variable("etcd.binaries[].name", "text", "etcd", "file name"),
    variable(
        "etcd.binaries[].sha256",
        "text",
        "64 hexadecimal digits",
        "digest that the machine must verify",
    ),
    variable(
        "etcd.flags",
        "list",
        "",
        "etcd.flags of the cluster file, by name",
    ),
    variable(
        "etcd.flags[].argument",
        "text",
        "\"--log-level=info\"",
        "complete argument, quoted for systemd's ExecStart",
    ),
    variable("etcd.flags[].name", "text", "log-level", "name without dashes"),
    variable(
        "etcd.flags[].value",
        "text",
        "info",
        "value as written, not quoted",
    ),
    variable(
        "etcd.initialCluster",
        "text",
        "etcd-a=https://10.0.1.10:2380,…",
        "value for --initial-cluster",
    ),
    variable("etcd.minor", "text", "3.6", "minor release"),
    variable("etcd.version", "text", "3.6.14", "release"),
    variable("peers", "list", "10.0.2.10", "addresses of the other slots"),
    variable("peers[]", "text", "10.0.2.10", "address, written as `{{this}}`"),
    variable(
        "slot.address",
        "text",
        "10.0.1.10",
        "address of the persistent interface",
    ),
    variable(
        "slot.clientUrl",
        "text",
        "https://10.0.1.10:2379",
        "where clients reach the member",
    ),
    variable(
        "slot.interface",
        "text",
        "eni-0123456789abcdef0",
        "persistent interface",
    ),
    variable("slot.name", "text", "etcd-a", "member name"),
    variable(
        "slot.peerUrl",
        "text",
        "https://10.0.1.10:2380",
        "where the other members reach it",
    ),
    variable(
        "slot.subnet",
        "text",
        "subnet-0123456789abcdef0",
        "subnet of the machine's own interface",
    ),
    variable(
        "slot.volume",
        "text",
        "vol-0123456789abcdef0",
        "persistent data volume",
    ),
    variable("slot.zone", "text", "ap-northeast-1a", "availability zone"),
    variable("slots", "list", "", "all slots in file order, this one included"),
    variable("slots[].address", "text", "10.0.1.10", "see slot.address"),
    variable(
        "slots[].clientUrl",
        "text",
        "https://10.0.1.10:2379",
        "see slot.clientUrl",
    ),
    variable(
        "slots[].interface",
        "text",
        "eni-0123456789abcdef0",
        "see slot.interface",
    ),
    variable("slots[].name", "text", "etcd-a", "see slot.name"),
    variable(
        "slots[].peerUrl",
        "text",
        "https://10.0.1.10:2380",
        "see slot.peerUrl",
    ),
    variable(
        "slots[].subnet",
        "text",
        "subnet-0123456789abcdef0",
        "see slot.subnet",
    ),
    variable(
        "slots[].volume",
        "text",
        "vol-0123456789abcdef0",
        "see slot.volume",
    ),
    variable("slots[].zone", "text", "ap-northeast-1a", "see slot.zone"),
    variable(
        "spare.address",
        "text",
        "10.0.9.10",
        "address of the spare slot, one more peer; empty without one",
    ),
    variable(
        "spare.member",
        "text",
        "etcd-s=https://10.0.9.10:2380",
        "to be added to etcd.initialCluster when the value of the tag rehull:go ends in ` with-spare`; empty without a spare",
    ),
    variable(
        "tls.bucket",
        "text",
        "rehull-dev-secrets",
        "bucket of the machine certificates",
    ),
    variable(
        "tls.prefix",
        "text",
        "etcd/",
        "key prefix in it, before the slot's name",
    ),
    variable(
        "tls.revision",
        "text",
        "1",
        "revision of the certificates; a new one replaces machines",
    ),
];

/// The values for one slot.
pub(super) fn values(desired: &Desired, slot: &Slot) -> Result<Value, RenderError> {
    let etcd = &desired.etcd;
    let region = desired.aws.region.as_str();
    let member = |slot: &Slot| format!("{}={}", slot.name, slot.peer_url());
    let initial_cluster: Vec<String> = etcd.slots.iter().map(member).collect();
    let others = etcd.slots.iter().filter(|other| other.name != slot.name);
    let peers: Vec<String> = others.map(|other| other.address.to_string()).collect();
    let binaries: Vec<Value> = etcd
        .machine
        .binaries
        .iter()
        .map(|(name, sha256)| json!({ "name": name, "sha256": sha256 }))
        .collect();
    let flags = etcd
        .flags
        .iter()
        .map(|(name, value)| flag("etcd.flags", name, value))
        .collect::<Result<Vec<Value>, _>>()?;
    let location = &etcd.machine_tls.location;
    let mut values = json!({
        "artefacts": { "bucket": desired.artefacts.bucket, "prefix": desired.artefacts.prefix },
        "aws": { "dnsSuffix": dns_suffix(region), "region": region },
        "cluster": desired.cluster.as_str(),
        "peers": peers,
        "slot": slot_values(slot),
        "slots": etcd.slots.iter().map(slot_values).collect::<Vec<Value>>(),
        "spare": { "address": etcd.spare.as_ref().map_or_else(String::new, |spare| spare.address.to_string()) },
        "tls": { "bucket": location.bucket, "prefix": location.prefix, "revision": etcd.machine_tls.revision },
        "etcd": {
            "binaries": binaries,
            "minor": format!("{}.{}", etcd.version.major, etcd.version.minor),
            "version": etcd.version.to_string(),
        },
    });
    refuse_unsafe("", &values)?;
    if let Some(spare) = values.get_mut("spare").and_then(Value::as_object_mut) {
        let text = etcd.spare.as_ref().map_or_else(String::new, member);
        spare.insert("member".to_owned(), Value::String(text));
    }
    if let Some(etcd) = values.get_mut("etcd").and_then(Value::as_object_mut) {
        etcd.insert("flags".to_owned(), Value::Array(flags));
        etcd.insert(
            "initialCluster".to_owned(),
            Value::String(initial_cluster.join(",")),
        );
    }
    Ok(values)
}

/// End of AWS host names in the partition of this region.
pub(super) fn dns_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

fn slot_values(slot: &Slot) -> Value {
    json!({
        "address": slot.address.to_string(),
        "clientUrl": slot.client_url(),
        "interface": slot.interface.as_str(),
        "name": slot.name.as_str(),
        "peerUrl": slot.peer_url(),
        "subnet": slot.subnet.as_str(),
        "volume": slot.volume.as_str(),
        "zone": slot.zone.as_str(),
    })
}

pub(super) fn flag(of: &str, name: &str, value: &str) -> Result<Value, RenderError> {
    let plain_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !plain_name || value.chars().any(char::is_control) {
        let value = format!("{name}={value}");
        return Err(RenderError::UnsafeText {
            variable: of.to_owned(),
            value,
        });
    }
    Ok(json!({ "name": name, "value": value, "argument": systemd_quoted(&format!("--{name}={value}")) }))
}

/// One argument of ExecStart: quotes and backslashes escaped, `%` and `$` doubled (systemd.service, "Command lines").
fn systemd_quoted(argument: &str) -> String {
    let mut quoted = String::from('"');
    for c in argument.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' | '$' => quoted.extend([c, c]),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Names and prefixes end in shell files, unit files and object keys; quoting for all of them at once is not possible.
pub(super) fn refuse_unsafe(path: &str, value: &Value) -> Result<(), RenderError> {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(map) => map
            .iter()
            .try_for_each(|(name, value)| refuse_unsafe(&below(name), value)),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| refuse_unsafe(&format!("{path}[]"), item)),
        Value::String(text) if !text.chars().all(is_safe) => Err(RenderError::UnsafeText {
            variable: path.to_owned(),
            value: text.clone(),
        }),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | ':' | '-')
}

#[cfg(test)]
mod tests {
    use super::systemd_quoted;

    #[test]
    fn systemd_reads_an_argument_as_it_was_written() {
        assert_eq!(
            systemd_quoted(r#"--a=50% of $HOME "x" \"#),
            r#""--a=50%% of $$HOME \"x\" \\""#
        );
    }
}
