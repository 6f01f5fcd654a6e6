//! Bugs on purpose that take more than a line.

use std::time::Duration;

use super::calls::Intent;
use super::driver::Driver;
use super::perform::Context;
use super::tick::Flow;
use crate::domain::action::Action;
use crate::domain::ids::Token;
use crate::domain::observed::Observed;
use crate::journal::{JournalError, Record};
use crate::ports::{LaunchRequest, PortError};

impl Driver<'_> {
    /// Sent first, written down afterwards.
    pub(super) async fn act_first(
        &mut self,
        seen: &Observed,
        intents: &[Intent],
        records: Vec<Record>,
    ) -> Result<Flow, JournalError> {
        let answers = self.perform_all(seen, intents).await;
        self.journal.append(records).await?;
        let stop = self.settle(intents, answers).await?;
        Ok(stop.map_or(Flow::Again(Duration::from_millis(200)), Flow::Stop))
    }
}

/// The first launch may have worked.
pub(super) async fn under_another_token(
    context: Context<'_>,
    mut request: LaunchRequest,
) -> Result<(), PortError> {
    request.token = Token::new("another");
    context.ports.machines.launch(&request).await.map(drop)
}

/// The first machine that is seen is as good as any.
pub(super) async fn attached_elsewhere(
    context: Context<'_>,
    action: &Action,
) -> Option<Result<(), PortError>> {
    let Action::AttachVolume {
        slot,
        volume,
        generation,
        ..
    } = action
    else {
        return None;
    };
    let mut machines = context.seen.fleet.machines.iter();
    let first = machines.find(|machine| machine.slot != *slot)?;
    let parts = context.ports.parts;
    Some(parts.attach_volume(volume, &first.id, *generation).await)
}
