//! The scenario file of the simulator: YAML text → [`Scenario`], or every mistake in it with its place; and back.
//!
//! One flat list of faults, a line each, because a scenario is read by people and minimised by machines.

mod fault;
mod workers;
mod write;

pub use write::write;

use serde_json::Value;

use super::mistake::{Mistake, Mistakes, Wrong, quoted};
use super::spans::Pointer;
use super::suggest::{did_you_mean, list};
use super::yaml::{Entry, Kind, Node};
use super::{empty, read_document, value};
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::KubernetesVersion;
use crate::sim::{ControlPlane, Faults, Provisioner, Scenario};
use crate::world::Timing;

const KEYS: [&str; 11] = [
    "about",
    "members",
    "from",
    "to",
    "strategy",
    "provisioner",
    "controlPlane",
    "workers",
    "timing",
    "seed",
    "faults",
];
const STRATEGIES: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];

/// Reads a scenario. `file_name` is only repeated in the mistakes; nothing is opened.
///
/// # Errors
/// All mistakes in file order; at least one.
pub fn read(file_name: &str, text: &str) -> Result<Scenario, Vec<Mistake>> {
    let empty = empty().help("docs/scenarios.md has an example of every key");
    read_document(file_name, text, empty, |document, mistakes| {
        Reader { mistakes }.scenario(document)
    })
}

/// The entries of a map whose keys are all known.
#[derive(Clone)]
struct Fields<'n> {
    at: Pointer,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    fn get(&self, key: &str) -> Option<(&'n Node, Pointer)> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some((&entry.value, self.at.key(key)))
    }
}

struct Reader<'a, 'm> {
    mistakes: &'a mut Mistakes<'m>,
}

impl Reader<'_, '_> {
    fn scenario(&mut self, document: &Node) -> Option<Scenario> {
        let fields = self.map(document, Pointer::root(), &KEYS)?;
        let about = self
            .required(&fields, "about")
            .and_then(|(node, at)| self.text(node, &at));
        let members = self.members(&fields);
        let from = self.version(&fields, "from");
        let to = self.version(&fields, "to");
        let strategy = self
            .required(&fields, "strategy")
            .and_then(|(node, at)| self.word(node, &at, &STRATEGIES, EtcdStrategy::as_str));
        let provisioner = match fields.get("provisioner") {
            Some((node, at)) => self.word(node, &at, &Provisioner::ALL, Provisioner::as_str),
            None => Some(Provisioner::default()),
        };
        let control_plane = match fields.get("controlPlane") {
            Some((node, at)) => Some(self.control_plane(node, at)?),
            None => None,
        };
        let workers = match fields.get("workers") {
            Some((node, at)) => Some(self.workers(node, at)?),
            None => None,
        };
        let timing = match fields.get("timing") {
            Some((node, at)) => self.word(node, &at, &[Timing::Aws, Timing::Fast], timing_word),
            None => Some(Timing::Aws),
        };
        let seed = match fields.get("seed") {
            Some((node, at)) => self.number(node, &at),
            None => Some(1),
        };
        let slots = slots(members.unwrap_or(5), strategy);
        let faults = match fields.get("faults") {
            Some((node, at)) => self.faults(node, &at, &slots),
            None => Some(Faults::default()),
        };
        Some(Scenario {
            about: about?,
            members: members?,
            from: from?,
            to: to?,
            strategy: strategy?,
            provisioner: provisioner?,
            control_plane,
            workers,
            timing: timing?,
            seed: seed?,
            faults: faults?,
        })
    }

    fn control_plane(&mut self, node: &Node, at: Pointer) -> Option<ControlPlane> {
        let fields = self.map(node, at, &["machines", "from", "to"])?;
        let (node, at) = self.required(&fields, "machines")?;
        let count = self.number(node, &at)?;
        let wrong = Wrong::new("scenario::machines", format!("{count} machines"), "not 1 to 5")
            .help("a simulated control plane has 1 to 5 machines");
        let machines = u8::try_from(count).ok().filter(|count| (1..=5).contains(count));
        let machines = self.mistakes.keep(&at, machines.ok_or(wrong));
        let from = self.kubernetes(&fields, "from");
        let to = self.kubernetes(&fields, "to");
        Some(ControlPlane {
            machines: machines?,
            from: from?,
            to: to?,
        })
    }

    fn kubernetes(&mut self, fields: &Fields<'_>, key: &str) -> Option<KubernetesVersion> {
        let (node, at) = self.required(fields, key)?;
        let raw = match &node.kind {
            Kind::Scalar { raw, .. } => raw.as_str(),
            Kind::List(_) | Kind::Map(_) => "",
        };
        let wrong = |_| {
            Wrong::new(
                "config::type",
                format!("`{key}` is one release, for example 1.34.2"),
                "not a release",
            )
        };
        self.mistakes.keep(&at, raw.parse().map_err(wrong))
    }

    fn members(&mut self, fields: &Fields<'_>) -> Option<u8> {
        let (node, at) = self.required(fields, "members")?;
        let count = self.number(node, &at)?;
        let wrong = Wrong::new("scenario::members", format!("{count} members"), "not 1, 3 or 5")
            .help("etcd clusters have an odd number of members; simulated ones 1, 3 or 5");
        let fits = u8::try_from(count).ok().filter(|count| [1, 3, 5].contains(count));
        self.mistakes.keep(&at, fits.ok_or(wrong))
    }

    fn version(&mut self, fields: &Fields<'_>, key: &str) -> Option<crate::domain::version::EtcdVersion> {
        let (node, at) = self.required(fields, key)?;
        let Kind::Scalar { raw, .. } = &node.kind else {
            return self.refuse(
                &at,
                "config::type",
                format!("`{key}` is one release"),
                "not a release",
            );
        };
        self.mistakes.keep(&at, value::version(raw))
    }

    /// A map without unknown keys.
    fn map<'n>(&mut self, node: &'n Node, at: Pointer, known: &[&str]) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &node.kind else {
            return self.refuse(
                &at,
                "config::type",
                "keys and values are wanted".to_owned(),
                "not a map",
            );
        };
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let message = format!("unknown key {}", quoted(&entry.key));
            let help = match did_you_mean(&entry.key, known.iter().copied()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => format!("known here: {}", list(known.iter().copied())),
            };
            let wrong = Wrong::new("config::unknown_key", message, "not known here").help(help);
            self.mistakes.add_at_key(&at.key(&entry.key), wrong);
        }
        Some(Fields { at, entries })
    }

    fn required<'n>(&mut self, fields: &Fields<'n>, key: &str) -> Option<(&'n Node, Pointer)> {
        let found = fields.get(key);
        if found.is_none() {
            let message = format!("`{key}` is missing");
            let wrong = Wrong::new("config::missing_key", message, format!("no `{key}`"));
            self.mistakes.add(&fields.at, wrong);
        }
        found
    }

    fn text(&mut self, node: &Node, at: &Pointer) -> Option<String> {
        match &node.kind {
            Kind::Scalar {
                value: Value::String(text),
                ..
            } if !text.trim().is_empty() => Some(text.clone()),
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) => {
                self.refuse(at, "config::type", "text is wanted".to_owned(), "not text")
            }
        }
    }

    fn number(&mut self, node: &Node, at: &Pointer) -> Option<u64> {
        let number = match &node.kind {
            Kind::Scalar { value, .. } => value.as_u64(),
            Kind::List(_) | Kind::Map(_) => None,
        };
        number.or_else(|| {
            self.refuse(
                at,
                "config::type",
                "a whole number is wanted".to_owned(),
                "not one",
            )
        })
    }

    /// One of a few words.
    fn word<T: Copy>(
        &mut self,
        node: &Node,
        at: &Pointer,
        known: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(node, at)?;
        let found = known.iter().copied().find(|word| name(*word) == text);
        found.or_else(|| {
            let words = || known.iter().copied().map(name);
            let help = match did_you_mean(&text, words()) {
                Some(guess) => format!("did you mean `{guess}`? Known are {}", list(words())),
                None => format!("known are {}", list(words())),
            };
            let message = format!("{} is not known", quoted(&text));
            let wrong = Wrong::new("config::unknown_word", message, "not known").help(help);
            self.mistakes.add(at, wrong);
            None
        })
    }

    fn refuse<T>(&mut self, at: &Pointer, code: &'static str, message: String, label: &str) -> Option<T> {
        self.mistakes.add(at, Wrong::new(code, message, label));
        None
    }
}

const fn timing_word(timing: Timing) -> &'static str {
    match timing {
        Timing::Aws => "aws",
        Timing::Fast => "fast",
    }
}

/// Names of the slots that the simulator makes.
fn slots(members: u8, strategy: Option<EtcdStrategy>) -> Vec<String> {
    let spare =
        u8::from(strategy != Some(EtcdStrategy::RemoveThenAdd) && strategy != Some(EtcdStrategy::Reattach));
    let letters = ('a'..='z').take(usize::from(members.saturating_add(spare)));
    letters.map(|letter| format!("etcd-{letter}")).collect()
}

#[cfg(test)]
#[path = "tests/scenario.rs"]
mod tests;
