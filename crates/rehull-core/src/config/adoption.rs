//! The mapping file of `rehull adopt`: what nobody can see in an existing cluster. YAML text → [`Mapping`], or every
//! mistake in it with its place.

use std::collections::BTreeMap;

use serde_json::Value;

use super::mistake::{Mistake, Mistakes, Wrong, quoted};
use super::spans::Pointer;
use super::suggest::{did_you_mean, list};
use super::yaml::{Entry, Kind, Node};
use super::{FILE_FORMAT, empty, read_document, value};
use crate::domain::ids::EtcdClusterId;

const KEYS: [&str; 4] = ["format", "etcdCluster", "members", "clusterFile"];
const MEMBER_KEYS: [&str; 7] = [
    "name",
    "machine",
    "zone",
    "subnet",
    "interface",
    "volume",
    "address",
];

/// A mapping that has been read.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// As etcd itself says it: whose identity is recorded.
    pub etcd_cluster: EtcdClusterId,
    /// Who is who, in file order.
    pub members: Vec<MappedMember>,
    /// Everything of the cluster file that no state tells.
    pub(crate) cluster_file: Vec<Entry>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedMember {
    /// Its name in etcd.
    pub name: String,
    /// Address in the state, or instance id.
    pub machine: String,
    /// What the state does not tell, by key: `zone`, `subnet`, `interface`, `volume`, `address`.
    pub told: BTreeMap<&'static str, String>,
}

/// Reads a mapping. `file_name` is only repeated in the mistakes; nothing is opened.
///
/// # Errors
/// All mistakes in file order; at least one.
pub fn read(file_name: &str, text: &str) -> Result<Mapping, Vec<Mistake>> {
    let empty = empty().help("begin with examples/adopt/mapping.yaml; docs/adopt.md explains the keys");
    read_document(file_name, text, empty, |document, mistakes| {
        Reader { mistakes }.mapping(document)
    })
}

struct Reader<'a, 'm> {
    mistakes: &'a mut Mistakes<'m>,
}

impl Reader<'_, '_> {
    fn mapping(&mut self, document: &Node) -> Option<Mapping> {
        let root = Pointer::root();
        let entries = self.map(document, &root, Some(&KEYS))?;
        let format = self.required(entries, &root, "format");
        if let Some((node, at)) = format {
            self.format(node, &at);
        }
        let etcd_cluster = self
            .required(entries, &root, "etcdCluster")
            .and_then(|(node, at)| self.cluster_id(node, &at));
        let members = self
            .required(entries, &root, "members")
            .and_then(|(node, at)| self.members(node, &at));
        let cluster_file = self
            .required(entries, &root, "clusterFile")
            .and_then(|(node, at)| self.cluster_file(node, &at));
        Some(Mapping {
            etcd_cluster: etcd_cluster?,
            members: members?,
            cluster_file: cluster_file?,
        })
    }

    /// Of the mapping, and of the cluster file in it.
    fn format(&mut self, node: &Node, at: &Pointer) {
        if scalar(node).and_then(Value::as_i64) != Some(FILE_FORMAT) {
            let message = format!("this version of rehull reads format {FILE_FORMAT}");
            self.mistakes
                .add(at, Wrong::new("adopt::format", message, "another format"));
        }
    }

    fn cluster_id(&mut self, node: &Node, at: &Pointer) -> Option<EtcdClusterId> {
        let text = self.text(node, at)?;
        let prefixed = text.strip_prefix("0x");
        let digits = prefixed.unwrap_or(&text);
        let is_hex = !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit());
        let id = u64::from_str_radix(digits, 16)
            .ok()
            .filter(|id| is_hex && *id != 0);
        // Without `--hex` etcdctl says the same id in decimal digits, and that would be another cluster.
        let is_ambiguous = prefixed.is_none() && digits.chars().all(|digit| digit.is_ascii_digit());
        let wrong = match id {
            Some(id) if !is_ambiguous => return Some(EtcdClusterId(id)),
            Some(_) => Wrong::new(
                "adopt::etcd_cluster",
                format!("{} may be decimal or hexadecimal", quoted(&text)),
                "decimal digits alone",
            )
            .help("ask with `--hex`: etcdctl member list --hex -w json; if `cluster_id` looks like this there, write `0x` before it"),
            None => Wrong::new(
                "adopt::etcd_cluster",
                format!("{} is no id of an etcd cluster", quoted(&text)),
                "up to 16 hexadecimal digits are wanted",
            )
            .help("it is `cluster_id` of: etcdctl member list --hex -w json"),
        };
        self.mistakes.add(at, wrong);
        None
    }

    fn members(&mut self, node: &Node, at: &Pointer) -> Option<Vec<MappedMember>> {
        let Kind::List(items) = &node.kind else {
            return self.refuse(at, "one entry per member is wanted", "not a list");
        };
        if items.is_empty() {
            return self.refuse(at, "there are no members", "empty");
        }
        let mut members = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = at.index(index);
            let Some(entries) = self.map(item, &at, Some(&MEMBER_KEYS)) else {
                continue;
            };
            let name = self
                .required(entries, &at, "name")
                .and_then(|(node, at)| self.text(node, &at).map(|text| (text, at)))
                .and_then(|(text, at)| {
                    let help = "lower-case letters, digits and hyphens, at most 63 characters, because it names tags and templates too; a member that is called otherwise is replaced by one with such a name first (docs/adopt.md)";
                    let fits = value::slot_name(&text).map_err(|wrong| wrong.help(help)).map(|()| text);
                    self.mistakes.keep(&at, fits)
                });
            let machine = self
                .required(entries, &at, "machine")
                .and_then(|(node, at)| self.text(node, &at));
            let mut told = BTreeMap::new();
            for key in MEMBER_KEYS.into_iter().skip(2) {
                if let Some((node, at)) = get(entries, &at, key)
                    && let Some(text) = self.text(node, &at)
                {
                    told.insert(key, text);
                }
            }
            if let (Some(name), Some(machine)) = (name, machine) {
                members.push(MappedMember { name, machine, told });
            }
        }
        Some(members)
    }

    /// Slots come from the members; everything else is judged as the cluster file that it becomes.
    fn cluster_file(&mut self, node: &Node, at: &Pointer) -> Option<Vec<Entry>> {
        let entries = self.map(node, at, None)?;
        self.required(entries, at, "cluster");
        if let Some((format, format_at)) = get(entries, at, "format") {
            self.format(format, &format_at);
        }
        let Some((etcd, etcd_at)) = self.required(entries, at, "etcd") else {
            return Some(entries.to_vec());
        };
        if let Some(inner) = self.map(etcd, &etcd_at, None)
            && let Some((_, slots)) = get(inner, &etcd_at, "slots")
        {
            let message = "`slots` are made from `members`";
            let wrong = Wrong::new("adopt::slots", message, "not here").help("leave it out");
            self.mistakes.add_at_key(&slots, wrong);
        }
        Some(entries.to_vec())
    }

    fn map<'n>(&mut self, node: &'n Node, at: &Pointer, known: Option<&[&str]>) -> Option<&'n [Entry]> {
        let Kind::Map(entries) = &node.kind else {
            return self.refuse(at, "keys and values are wanted", "not a map");
        };
        for entry in entries {
            let Some(known) = known.filter(|known| !known.contains(&entry.key.as_str())) else {
                continue;
            };
            let message = format!("unknown key {}", quoted(&entry.key));
            let help = match did_you_mean(&entry.key, known.iter().copied()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => format!("known here: {}", list(known.iter().copied())),
            };
            let wrong = Wrong::new("config::unknown_key", message, "not known here").help(help);
            self.mistakes.add_at_key(&at.key(&entry.key), wrong);
        }
        Some(entries)
    }

    fn required<'n>(&mut self, entries: &'n [Entry], at: &Pointer, key: &str) -> Option<(&'n Node, Pointer)> {
        let found = get(entries, at, key);
        if found.is_none() {
            let message = format!("`{key}` is missing");
            let wrong = Wrong::new("config::missing_key", message, format!("no `{key}`"))
                .help("examples/adopt/mapping.yaml has every key; docs/adopt.md explains them");
            self.mistakes.add(at, wrong);
        }
        found
    }

    /// Ids look like numbers now and then, so a scalar is taken as it was typed.
    fn text(&mut self, node: &Node, at: &Pointer) -> Option<String> {
        match &node.kind {
            Kind::Scalar { raw, .. } if !raw.trim().is_empty() => Some(raw.clone()),
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => {
                self.refuse(at, "text is wanted", "not text")
            }
        }
    }

    fn refuse<T>(&mut self, at: &Pointer, message: &str, label: &str) -> Option<T> {
        self.mistakes.add(at, Wrong::new("config::type", message, label));
        None
    }
}

fn scalar(node: &Node) -> Option<&Value> {
    match &node.kind {
        Kind::Scalar { value, .. } => Some(value),
        Kind::List(_) | Kind::Map(_) => None,
    }
}

fn get<'n>(entries: &'n [Entry], at: &Pointer, key: &str) -> Option<(&'n Node, Pointer)> {
    let entry = entries.iter().find(|entry| entry.key == key)?;
    Some((&entry.value, at.key(key)))
}
