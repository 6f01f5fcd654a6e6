//! Which address stands for which load balancer's name: given at its first listener, kept over restarts of the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use rehull_core::world::Timing;

use crate::sandbox::layout::Layout;
use crate::sandbox::snapshot::replace;

/// Addresses by ARN, in the file `balancers.json`.
pub(in crate::sandbox) struct Addresses {
    file: PathBuf,
    layout: Layout,
    given: BTreeMap<String, u8>,
}

impl Addresses {
    pub(in crate::sandbox) fn load(state: &Path, layout: &Layout) -> io::Result<Self> {
        let file = state.join("balancers.json");
        let given = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            file,
            layout: layout.clone(),
            given,
        })
    }

    pub(super) const fn timing(&self) -> Timing {
        self.layout.timing
    }

    /// The address of each of these; others give theirs back.
    pub(super) fn of(&mut self, balancers: &BTreeSet<String>) -> io::Result<BTreeMap<String, Ipv4Addr>> {
        let before = self.given.clone();
        self.given.retain(|arn, _| balancers.contains(arn));
        for arn in balancers {
            let free = (0..u8::MAX).find(|nth| !self.given.values().any(|taken| taken == nth));
            let free =
                free.ok_or_else(|| io::Error::other("no address is left for another load balancer"))?;
            self.given.entry(arn.clone()).or_insert(free);
        }
        if self.given != before {
            replace(&self.file, &serde_json::to_vec(&self.given)?)?;
        }
        let all = self.given.iter();
        Ok(all
            .map(|(arn, nth)| (arn.clone(), self.layout.balancer_address(*nth)))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_with_its_balancer_over_a_restart_and_is_free_again_when_that_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout {
            name: "dev".to_owned(),
            block: 20,
            members: 3,
            seed: 1,
            timing: Timing::Fast,
        };
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let mut addresses = Addresses::load(dir.path(), &layout).unwrap();
        let first = addresses.of(&set(&["b"])).unwrap();
        assert_eq!(first["b"], Ipv4Addr::new(127, 20, 4, 1));
        assert_eq!(addresses.of(&set(&["a", "b"])).unwrap()["b"], first["b"]);

        let mut addresses = Addresses::load(dir.path(), &layout).unwrap();
        let second = addresses.of(&set(&["a", "b"])).unwrap();
        assert_eq!(second["b"], first["b"]);
        assert_eq!(addresses.of(&set(&["a", "c"])).unwrap()["c"], first["b"]);
    }
}
