//! What befalls rehull itself, and what people do beside it: clocks that are set, computers that are lost, a second rehull,
//! a wish to abort.

use std::sync::atomic::Ordering;

use super::{ELSEWHERE, Run};
use crate::domain::observed::{Request, Wish};
use crate::executor::mailbox;
use crate::sim::crew::Crew;
use crate::sim::fault::Happening;
use crate::sim::process::{Ended, Job};

impl Run {
    /// True: nobody of rehull is left.
    pub(super) fn run_errands(&mut self, job: &Job, crew: &mut Crew<Ended>) -> bool {
        let mut all_lost = false;
        let errands = std::mem::take(&mut self.stage.lab().errands);
        for errand in errands {
            match errand {
                Happening::ClockJump { seconds } => {
                    self.wall_offset_s.fetch_add(seconds, Ordering::Relaxed);
                }
                Happening::SecondRehull => self.begin_process(job, crew, ELSEWHERE),
                Happening::ComputerLost => all_lost |= self.lose_computer(crew),
                Happening::AskAbort => self.post_abort(job, "abort-1"),
                // What is on its way back already is reverted by going on.
                Happening::Revert if self.is_reverted || job.supersedes.is_some() => {}
                Happening::Revert => {
                    self.is_reverted = true;
                    self.post_abort(job, "revert-1");
                }
                Happening::Terminate { .. }
                | Happening::PowerCut { .. }
                | Happening::KillProcess { .. }
                | Happening::Freeze { .. }
                | Happening::LeaderFlip
                | Happening::Alarm { .. }
                | Happening::RemoveMember { .. }
                | Happening::NoCapacity { .. }
                | Happening::ZoneLoss { .. }
                | Happening::ServerLost { .. }
                | Happening::ListenerGone
                | Happening::NodeLost
                | Happening::KubeletHangs
                | Happening::BudgetBlocks
                | Happening::ScaleOut
                | Happening::ZoneAdded
                | Happening::VersionEdited
                | Happening::MaxLowered
                | Happening::ProcessesResumed
                | Happening::ScaleIn
                | Happening::StuckVolume { .. }
                | Happening::WrongArtefact
                | Happening::NeverBoots
                | Happening::StaleUserData
                | Happening::ForeignUserData { .. }
                | Happening::StaleReads { .. }
                | Happening::ReadsLost
                | Happening::Throttle
                | Happening::StoreDown
                | Happening::ExpiredCredentials
                | Happening::BootsLate { .. }
                | Happening::SlowJoin { .. }
                | Happening::Partition { .. }
                | Happening::ForeignVolume { .. }
                | Happening::SnapshotHangs
                | Happening::SnapshotFails
                | Happening::PlanDies
                | Happening::ApplyDies { .. }
                | Happening::PlanChanged
                | Happening::StateLocked
                | Happening::TerraformSlow { .. } => {}
            }
        }
        all_lost
    }

    /// Whoever runs rehull goes on with it on another one.
    fn lose_computer(&mut self, crew: &mut Crew<Ended>) -> bool {
        let now = self.stage.time.now();
        self.stage.lab().lose_computer(now, self.computer);
        let lost = crew.lose(self.computer);
        self.computer = self.computer.saturating_add(1);
        lost && crew.is_empty()
    }

    /// `rehull abort` from another machine: it needs no lease. A rollout that is over takes no wishes.
    fn post_abort(&self, job: &Job, id: &str) {
        if self
            .journal_of(job)
            .is_some_and(|journal| journal.closed().is_some())
        {
            return;
        }
        let request = Request {
            id: id.to_owned(),
            wish: Wish::Abort,
            by: "somebody@sim".to_owned(),
        };
        if let Ok(letter) = mailbox::letter(&job.rollout, &request) {
            let key = crate::journal::keys::request(&request.id);
            self.stage.lab().store.put(&key, &letter);
        }
    }
}
