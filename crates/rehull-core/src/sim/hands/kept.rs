//! Answers that are kept: a world that has not changed tells the same again, so it need not be told anew.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::read::refusal;
use crate::domain::desired::Slot;
use crate::domain::fleet::{Machine, SlotParts, TemplateVersion};
use crate::domain::ids::{ClusterName, LaunchTemplateName, SlotName};
use crate::ports::PortError;
use crate::sim::lab::Lab;
use crate::world::api::ec2::{Request as Ask, Response as Told};
use crate::world::api::{Call, Request, Response};

/// What an unknown id means for a call.
pub(super) type Absent = fn(String) -> PortError;

/// The last answer to each question.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Views {
    pub(super) machines: Option<Kept<ClusterName, Vec<Machine>>>,
    pub(super) parts: Option<Kept<Vec<Slot>, BTreeMap<SlotName, SlotParts>>>,
    pub(super) templates: BTreeMap<LaunchTemplateName, Kept<(), Vec<TemplateVersion>>>,
}

/// An answer with everything it depends on.
#[derive(Clone, Debug)]
pub(super) struct Kept<Q, A> {
    asked: Q,
    calls: Vec<Call>,
    revision: u64,
    until: Option<Timestamp>,
    answer: A,
}

impl<Q, A> Kept<Q, A> {
    fn still_holds<R: PartialEq + ?Sized>(&self, lab: &Lab, now: Timestamp, asked: &R) -> bool
    where
        Q: Borrow<R>,
    {
        self.revision == lab.world.revision()
            && self.until.is_none_or(|until| now < until)
            && lab.world.next_due().is_none_or(|due| now < due)
            && Borrow::<R>::borrow(&self.asked) == asked
    }
}

impl Lab {
    /// The answer that was given last, if the world has not changed since. What limits and refuses calls does so whether
    /// or not the answer is known.
    pub(super) fn again<Q: Borrow<R>, R: PartialEq + ?Sized, A: Clone>(
        &mut self,
        now: Timestamp,
        kept: Option<&Kept<Q, A>>,
        asked: &R,
        absent: Absent,
    ) -> Option<Result<A, PortError>> {
        let kept = kept.filter(|kept| kept.still_holds(self, now, asked))?;
        let admitted = self.admit_all(now, &kept.calls, absent);
        Some(admitted.map(|()| kept.answer.clone()))
    }

    /// All of them are made, whatever becomes of the first.
    pub(super) fn admit_all(
        &mut self,
        now: Timestamp,
        calls: &[Call],
        absent: Absent,
    ) -> Result<(), PortError> {
        let mut admitted = Ok(());
        for call in calls {
            admitted = admitted.and(self.admit(now, call, absent));
        }
        admitted
    }

    /// Keeps an answer that was just read.
    pub(super) fn keep<Q, A>(&self, asked: Q, calls: Vec<Call>, answer: A) -> Kept<Q, A> {
        Kept {
            asked,
            calls,
            revision: self.world.revision(),
            until: self.world.next_shown(),
            answer,
        }
    }

    /// A call that only reads: whoever made it may look for himself.
    pub(super) fn admit(&mut self, now: Timestamp, call: &Call, absent: Absent) -> Result<(), PortError> {
        match self.world.admit(now, call) {
            Ok(true) => Err(closed()),
            Ok(false) => Ok(()),
            Err(error) => Err(refusal(&error, absent)),
        }
    }

    /// One call of EC2, signed by rehull.
    pub(super) fn ec2(&mut self, now: Timestamp, ask: Ask, absent: Absent) -> Result<Told, PortError> {
        let call = self.signed(ask);
        let answer = self.world.handle(now, &call);
        match answer.result {
            Ok(Response::Ec2(_)) if answer.lost => Err(closed()),
            Ok(Response::Ec2(told)) => Ok(told),
            Ok(Response::S3(_) | Response::CallerIdentity(_) | Response::Query(_)) => Err(unexpected()),
            Err(error) => Err(refusal(&error, absent)),
        }
    }

    pub(super) fn signed(&self, ask: Ask) -> Call {
        Call {
            access_key: Some(self.key.clone()),
            region: Some(self.world.setup().region.clone()),
            request: Request::Ec2(ask),
        }
    }
}

fn closed() -> PortError {
    PortError::OutcomeUnknown {
        why: "the connection was closed".to_owned(),
    }
}

pub(super) fn unexpected() -> PortError {
    PortError::Unreadable {
        text: "an answer to another question".to_owned(),
    }
}
