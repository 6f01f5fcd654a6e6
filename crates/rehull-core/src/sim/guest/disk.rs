//! What lies on a slot's volume, and when the boot script refuses it.

use std::collections::BTreeMap;

use crate::domain::fleet::Join;
use crate::domain::ids::{Generation, InstanceId};
use crate::sim::etcd::Data;

/// A volume.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    /// Cluster and slot of its marker file; `None`: blank.
    marker: Option<(String, String)>,
    generations: BTreeMap<Generation, Directory>,
}

#[derive(Clone, Debug, Default)]
struct Directory {
    owner: Option<InstanceId>,
    data: Option<Data>,
}

type Refusal = (&'static str, &'static str);

impl Disk {
    /// `mount_volume` and `claim_generation` of the script. `join` is the tag's word, and what it means for a blank
    /// disk: the spare's may always be formatted.
    ///
    /// # Errors
    /// Code and text of the refusal.
    pub(super) fn claim(
        &mut self,
        owner: (&str, &str),
        machine: &InstanceId,
        generation: Generation,
        join: (Join, Join),
    ) -> Result<(), Refusal> {
        let (join, blank_join) = join;
        let owner = (owner.0.to_owned(), owner.1.to_owned());
        match &self.marker {
            None if blank_join != Join::Bootstrap => return Err(("blank-volume", "the volume is blank")),
            None => self.marker = Some(owner),
            Some(marker) if *marker != owner => {
                return Err(("foreign-volume", "the volume belongs to another slot"));
            }
            Some(_) => {}
        }
        if self.generations.keys().any(|held| *held > generation) {
            return Err(("generation-in-use", "the volume already holds a later one"));
        }
        let directory = self.generations.get(&generation);
        let has_data = directory.is_some_and(|directory| directory.data.is_some());
        let by = directory.and_then(|directory| directory.owner.as_ref());
        if join == Join::Reattach {
            if !has_data {
                return Err(("missing-data", "the volume has no data in this generation"));
            }
        } else if by != Some(machine) && (by.is_some() || has_data) {
            return Err(("generation-in-use", "it was used by another machine"));
        }
        self.generations.entry(generation).or_default().owner = Some(machine.clone());
        self.generations
            .retain(|held, _| held.0.saturating_add(1) >= generation.0);
        Ok(())
    }

    /// The data directory of a generation.
    #[must_use]
    pub(crate) fn data(&self, generation: Generation) -> Option<&Data> {
        self.generations
            .get(&generation)
            .and_then(|directory| directory.data.as_ref())
    }

    /// What an etcd has written.
    pub(in crate::sim) fn keep(&mut self, generation: Generation, data: Data) {
        self.generations.entry(generation).or_default().data = Some(data);
    }
}
