//! A way as people read it.

use std::fmt;

use super::{Move, Path};

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Etcd(version) => f.pad(&format!("etcd {version}")),
            Self::Servers(version) => f.pad(&format!("control plane {version}")),
            Self::Workers(group, version) => f.pad(&format!("workers {group} {version}")),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hops.is_empty() {
            writeln!(f, "nothing to do: everything runs what is pinned")?;
        }
        let hops = self.hops.iter().map(|hop| hop.to.to_string().chars().count());
        let (hop_width, machines_width) = (hops.max().unwrap_or(0), self.cost.machines.to_string().len());
        for (index, hop) in self.hops.iter().enumerate() {
            let number = index.saturating_add(1);
            let (to, machines) = (&hop.to, hop.machines);
            let word = if machines == 1 { "machine " } else { "machines" };
            writeln!(
                f,
                "{number:>3}  {to:<hop_width$}  {machines:>machines_width$} {word}  {}",
                hop.why
            )?;
        }
        let total = self.cost.machines;
        if !self.hops.is_empty() {
            writeln!(
                f,
                "     {:<hop_width$}  {total:>machines_width$} machines",
                "altogether"
            )?;
        }
        if !self.notes.is_empty() {
            writeln!(f, "worth knowing")?;
            for note in &self.notes {
                writeln!(f, "  - {note}")?;
            }
        }
        for saving in &self.savings {
            writeln!(
                f,
                "{} machines fewer, if {}; nobody supports that",
                saving.machines, saving.rule
            )?;
        }
        Ok(())
    }
}
