//! How far an apply came, change by change: what was announced against what was begun and ended in the same stream.

use std::collections::BTreeMap;

use super::message::{Change, Said};

/// Addresses by how far they came, each list sorted. A change that was begun and has no end may have happened or not: it is
/// read back from AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As announced.
    pub done: Vec<String>,
    /// The provider said no.
    pub failed: Vec<String>,
    /// Begun, and nobody knows how it ended.
    pub unknown: Vec<String>,
    /// Of two changes one is done and the other was not begun: deleted, and not there again.
    pub half: Vec<String>,
    /// Not begun.
    pub untouched: Vec<String>,
}

impl Tally {
    /// Something was sent to a provider.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !(self.done.is_empty() && self.failed.is_empty() && self.unknown.is_empty() && self.half.is_empty())
    }

    /// Every change that was announced is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.unknown.is_empty() && self.half.is_empty() && self.untouched.is_empty()
    }
}

/// Counts while the run goes on.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    changes: BTreeMap<String, Progress>,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    planned: Option<Change>,
    begun: u32,
    completed: u32,
    failed: bool,
}

impl Counter {
    pub(super) fn count(&mut self, said: &Said) {
        match said {
            Said::Planned { address, change } => self.of(address).planned = Some(*change),
            Said::Started { address, .. } => self.of(address).begun += 1,
            Said::Completed { address, .. } => self.of(address).completed += 1,
            Said::Failed { address, .. } => self.of(address).failed = true,
            Said::Version { .. }
            | Said::Summary(_)
            | Said::Still { .. }
            | Said::WaitsForLock
            | Said::Interrupted
            | Said::Diagnostic(_)
            | Said::Other(_)
            | Said::Unreadable => {}
        }
    }

    fn of(&mut self, address: &str) -> &mut Progress {
        self.changes.entry(address.to_owned()).or_default()
    }

    /// Whether any change was announced that somebody would see: reading alone is none.
    pub(super) fn has_changes(&self) -> bool {
        let mut planned = self.changes.values().filter_map(|progress| progress.planned);
        planned.any(|change| !matches!(change, Change::Noop | Change::Read))
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (address, progress) in &self.changes {
            if let Some(list) = progress.list(&mut tally) {
                list.push(address.clone());
            }
        }
        tally
    }
}

impl Progress {
    /// Which list it belongs to; `None`: nothing is sent for it.
    fn list<'a>(&self, tally: &'a mut Tally) -> Option<&'a mut Vec<String>> {
        let wanted = match self.planned {
            // Changes of the state file alone: an apply does not tell that they are done.
            Some(Change::Noop | Change::Move | Change::Import | Change::Remove) => 0,
            Some(Change::Replace) => 2,
            Some(Change::Create | Change::Read | Change::Update | Change::Delete) => 1,
            // Not announced, or in a word that nobody knows: one is the least that is wanted.
            Some(Change::Unknown) | None => 1,
        };
        if self.failed {
            return Some(&mut tally.failed);
        }
        if self.begun > self.completed {
            return Some(&mut tally.unknown);
        }
        match self.completed {
            done if done >= wanted && done > 0 => Some(&mut tally.done),
            0 if wanted == 0 => None,
            0 => Some(&mut tally.untouched),
            _ => Some(&mut tally.half),
        }
    }
}
