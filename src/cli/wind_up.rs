//! What goes on beside the loop is wound up when the loop has ended.

use std::time::Duration;

use super::drive::Session;

/// A run of Terraform that was interrupted finishes what it has begun, which takes as long as AWS takes; who has sent the
/// signal gives the process some ten seconds in all.
const TERRAFORM_GRACE: Duration = Duration::from_secs(3);

impl Session<'_> {
    /// A plan that nobody waits for any more: Terraform gets its interrupt, and what it only reads keeps nobody waiting.
    pub(super) async fn plan_no_further(&self) {
        if let Some(runs) = self.world.terraform() {
            runs.wind_up(&self.rollout, TERRAFORM_GRACE).await;
        }
    }

    /// Terraform gets one interrupt and some time; what lives on then is told, and keeps the lease.
    pub(super) async fn terraform_lives(&self) -> bool {
        let Some(runs) = self.world.terraform() else {
            return false;
        };
        let lives = runs.wind_up(&self.rollout, TERRAFORM_GRACE).await;
        if lives {
            let id = &self.rollout;
            self.console.say(&format!(
                "terraform was asked to wind up and is still at it; it goes on without this process: rehull resume {id} waits for it"
            ));
        }
        lives
    }
}
