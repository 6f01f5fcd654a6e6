//! What goes wrong is counted, or there would be no end of states.

/// What may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// Members that freeze for a while.
    pub(super) freezes: u8,
    /// Machines that are lost behind our back.
    pub(super) losses: u8,
    /// Members harmed at the same time, at most. Not used up.
    pub(super) at_once: u8,
    /// rehull is killed and begins again.
    pub(super) crashes: u8,
    /// As a crash, but one call of the old process comes true at any time later.
    pub(super) strays: u8,
    /// Calls that come true and whose answer is lost.
    pub(super) lost: u8,
    /// Calls that come to nothing.
    pub(super) failed: u8,
    /// Patience that ends although what was waited for would still have come.
    pub(super) late: u8,
    /// Machines that refuse to boot.
    pub(super) refused: u8,
    /// Elections out of the blue.
    pub(super) elections: u8,
    /// A person asks for the nearest resting place.
    pub(super) aborts: u8,
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [
            (self.freezes, "frozen"),
            (self.losses, "lost"),
            (self.crashes, "killed"),
            (self.strays, "late request"),
            (self.lost, "answer lost"),
            (self.failed, "call failed"),
            (self.late, "patience over early"),
            (self.refused, "boot refused"),
            (self.elections, "election"),
            (self.aborts, "abort"),
        ];
        let some = all.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = some.map(|(count, what)| format!("{count} {what}")).collect();
        let words = if words.is_empty() {
            "no fault".to_owned()
        } else {
            words.join(", ")
        };
        write!(f, "{words}")?;
        if self.at_once > 1 {
            write!(f, " ({} at once)", self.at_once)?;
        }
        Ok(())
    }
}
