//! What may be asked of a cluster in which an alarm is raised.

use super::rules::{Case, Wrong};

impl Case<'_> {
    pub(super) fn in_alarm(&self, verb: &str) -> Option<Wrong> {
        (self.look.alarmed && self.truth.alarmed).then(|| (3, format!("{verb} while an alarm is raised")))
    }

    /// Without space a member that is out may come in, and has to leave the list for that. Whoever comes in copies the data.
    pub(super) fn copies_doubtful_data(&self, verb: &str) -> Option<Wrong> {
        (self.look.corrupt && self.truth.corrupt)
            .then(|| (3, format!("{verb} while the data of a member is in doubt")))
    }
}
