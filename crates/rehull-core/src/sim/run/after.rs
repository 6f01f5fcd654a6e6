//! What a pipeline or a person does when rehull has ended.

use std::time::Duration;

use super::Run;
use crate::domain::waiting::{PodHeld, StopReason};
use crate::sim::crew::Crew;
use crate::sim::lab::{Due, later};
use crate::sim::process::Ended;
use crate::sim::verdict::End;

/// Whoever runs rehull starts it again so long after it stopped for a reason that may pass.
const RETRY: Duration = Duration::from_secs(60);
/// A person needs so long to read why it stopped, and so often looks again whether the cause is gone.
pub(super) const LOOK: Duration = Duration::from_secs(900);
pub(super) const LOOKS_MAX: u32 = 8;
/// So often it is tried again where nothing came of waiting.
const WAITS_MAX: u32 = 20;
/// A rollout that is stopped so often is left to a person.
const PROCESSES_MAX: u32 = 60;

/// What comes next.
pub(super) enum After {
    End(End),
    Again(Duration),
    Nothing,
}

impl Run {
    /// What a pipeline or a person does when rehull has ended.
    pub(super) fn after(&mut self, ended: Ended, crew: &Crew<Ended>) -> After {
        match &ended {
            Ended::Finished => After::End(End::Finished),
            Ended::Closed(outcome) if outcome == "finished" => After::End(End::Finished),
            // One of the rollout that is taken back has slept all the time; what goes back goes on.
            Ended::Closed(_) if self.goes_back && !crew.is_empty() => After::Nothing,
            Ended::Closed(_) => After::End(End::Aborted),
            // rehull itself refused its own proposal, or the world is not the plan's: waiting must not hide that.
            Ended::Stopped {
                reason: StopReason::OutsideEnvelope { .. } | StopReason::PastPointOfNoReturn { .. },
                ..
            } => After::End(End::Stopped(Box::new(ended))),
            Ended::Stopped { reason, .. } if reason.needs_human() => {
                self.looks = self.looks.saturating_add(1);
                if self.looks > LOOKS_MAX {
                    After::End(End::Stopped(Box::new(ended)))
                } else {
                    After::Again(LOOK)
                }
            }
            // A person reads what came of it, and frees the lock that a dead run has left.
            Ended::Stopped {
                reason: StopReason::Terraform { .. },
                ..
            } => self.looks_after_terraform(ended),
            Ended::Stopped {
                reason: reason @ (StopReason::Deadline { .. } | StopReason::Undrained { .. }),
                ..
            } => {
                self.look_after_node(reason);
                self.waits = self.waits.saturating_add(1);
                if self.waits > WAITS_MAX {
                    After::End(End::Stopped(Box::new(ended)))
                } else {
                    After::Again(RETRY)
                }
            }
            // Somebody else works on it.
            Ended::Held(_) if !crew.is_empty() => After::Nothing,
            Ended::Stopped { .. } | Ended::Held(_) | Ended::Failed(_) => {
                if self.number >= PROCESSES_MAX {
                    After::End(End::Stopped(Box::new(ended)))
                } else {
                    After::Again(RETRY)
                }
            }
        }
    }

    /// Pods that were told to go and do not: a person looks whether their node still answers.
    fn look_after_node(&self, reason: &StopReason) {
        if let StopReason::Undrained { node, pods } = reason
            && pods.iter().any(|left| left.held == PodHeld::Stopping)
        {
            let now = self.stage.time.now();
            self.stage
                .lab()
                .plan(later(now, RETRY / 2), Due::EndNode(node.clone()));
        }
    }

    fn looks_after_terraform(&mut self, ended: Ended) -> After {
        self.looks = self.looks.saturating_add(1);
        if self.looks > LOOKS_MAX {
            return After::End(End::Stopped(Box::new(ended)));
        }
        let now = self.stage.time.now();
        self.stage.lab().plan(later(now, LOOK), Due::UnlockTerraform);
        After::Again(LOOK)
    }
}
