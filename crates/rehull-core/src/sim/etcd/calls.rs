//! The membership calls as rehull's adapter makes them: it looks before and after, so some refusals are success.

use jiff::Timestamp;

use super::Etcd;
use super::rule::EtcdRule;
use super::rules::Refused;
use crate::domain::ids::{MemberId, SlotName};
use crate::ports::PortError;

impl Etcd {
    /// `MemberAdd`, sent to the member of a slot.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn add(
        &mut self,
        now: Timestamp,
        via: &SlotName,
        url: &str,
        learner: bool,
    ) -> Result<MemberId, PortError> {
        let mut answer = self.member_add(now, via, url, learner);
        if answer == Err(Refused::Says(EtcdRule::SameSecond)) {
            // The adapter tries again a second later, when the id is another.
            self.forget_seconds();
            answer = self.member_add(now, via, url, learner);
        }
        answer.map_err(|refused| port_error(via, refused))
    }

    /// `MemberRemove`. Unknown ids are success, as the adapter reads "member not found".
    ///
    /// # Errors
    /// As etcd words them.
    pub fn remove(&mut self, now: Timestamp, via: &SlotName, id: MemberId) -> Result<(), PortError> {
        match self.member_remove(now, via, id) {
            Err(Refused::Says(EtcdRule::NotFound)) => Ok(()),
            answer => answer.map_err(|refused| port_error(via, refused)),
        }
    }

    /// `MemberPromote`. A voter is success, as the adapter reads it.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn promote(&mut self, now: Timestamp, via: &SlotName, id: MemberId) -> Result<(), PortError> {
        match self.member_promote(now, via, id) {
            Err(Refused::Says(EtcdRule::NotALearner)) => Ok(()),
            answer => answer.map_err(|refused| port_error(via, refused)),
        }
    }

    /// `MoveLeader`, which only the leader takes.
    ///
    /// # Errors
    /// As etcd words them.
    pub fn move_leader(&mut self, now: Timestamp, via: &SlotName, to: MemberId) -> Result<(), PortError> {
        self.transfer(now, via, to)
            .map_err(|refused| port_error(via, refused))
    }
}

fn port_error(via: &SlotName, refused: Refused) -> PortError {
    let rule = match refused {
        Refused::NotReached => {
            return PortError::NotSent {
                why: format!("{via}: connection refused"),
            };
        }
        Refused::Silent => {
            return PortError::OutcomeUnknown {
                why: format!("{via}: no answer in time"),
            };
        }
        Refused::Says(rule) => rule,
    };
    let text = rule.words().unwrap_or_default().to_owned();
    if let Some(rule) = rule.refusal() {
        return PortError::Refused { rule, text };
    }
    if matches!(rule, EtcdRule::NotFound | EtcdRule::SameSecond) {
        return PortError::Gone { what: text };
    }
    PortError::OutcomeUnknown { why: text }
}
