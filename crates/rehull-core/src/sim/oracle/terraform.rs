//! What Terraform makes: nothing is launched from half of it, and nothing else is made where it was approved.

use jiff::Timestamp;

use super::rules::{Case, Wrong};
use super::witness::{Witness, lease, nonce};
use crate::domain::fleet::tag;
use crate::domain::ids::ContentDigest;
use crate::plan::RolloutPlan;
use crate::ports::LaunchRequest;
use crate::sim::lab::Lab;
use crate::sim::terraform::missing;
use crate::sim::time::ProcessNumber;

impl Case<'_> {
    /// A version counts when a run has come to its end that made it, or that found it as it should be: one that broke off
    /// may have made it from what nobody has approved, and left others as they were.
    pub(super) fn of_half_a_run(&self, request: &LaunchRequest) -> Option<Wrong> {
        self.plan.envelope.terraform.as_ref()?;
        let content = request.tags.get(tag::DIGEST)?;
        let mut planned = self.plan.envelope.all_slots();
        let is_new = planned.any(|planned| planned.to.digest.as_str() == content);
        let number = request.version.0.get();
        let vouched = self.lab.terraform.vouches(&request.template, number);
        (is_new && !vouched).then(|| {
            let template = &request.template;
            let what =
                format!("a machine is launched from {template} {number}, which no finished run has made");
            (9, what)
        })
    }

    /// Where Terraform makes the versions, nobody else does: its next plan would take them back.
    pub(super) fn past_terraform(&self) -> Option<Wrong> {
        let by_terraform = self.plan.envelope.terraform.is_some();
        by_terraform.then(|| (1, "a template version is made past Terraform".to_owned()))
    }

    pub(super) fn applies_something_else(&self, asked: &ContentDigest) -> Option<Wrong> {
        let approved = self.plan.envelope.terraform.as_ref()?.digest();
        (approved != *asked).then(|| {
            (
                1,
                format!("Terraform is to apply {asked}, and {approved} was approved"),
            )
        })
    }
}

impl Witness {
    /// Who says that nothing is under way must not leave a program behind whose end nobody reads.
    pub(super) fn leaves_terraform_at_work(&self, lab: &mut Lab, now: Timestamp) {
        if lab.terraform.works_for(self.hands.process) {
            let what = "people were told that it is at rest, and Terraform is at work".to_owned();
            lab.oracle.breach(now, 6, what);
        }
    }
}

impl Lab {
    /// An apply that has just got the lock of the state: nobody has taken the lease from whoever has begun it.
    pub(in crate::sim) fn judge_who_applies(&mut self, now: Timestamp, process: ProcessNumber) {
        let own = nonce(process);
        let holder = lease(self).map_or_else(|| "nobody".to_owned(), |(holder, _, _)| holder);
        if holder != own {
            let what = format!("{own} begins an apply of Terraform while {holder} has the lease");
            self.oracle.breach(now, 7, what);
        }
    }

    /// After a rollout the next plan of Terraform is empty.
    pub(in crate::sim) fn judge_the_module(&mut self, now: Timestamp, plan: &RolloutPlan) {
        let Some(change) = &plan.terraform else { return };
        for role in missing(self, change) {
            let what = format!("it is finished, and Terraform would still change {}", role.role);
            self.oracle.breach(now, 1, what);
        }
    }
}
