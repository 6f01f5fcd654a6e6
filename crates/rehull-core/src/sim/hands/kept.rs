//! Answers that are kept: what has not changed in the world is told again, so it need not be read anew.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::read::refusal;
use crate::domain::desired::Slot;
use crate::domain::fleet::{Machine, SlotParts, TemplateVersion};
use crate::domain::group::{FailedLaunch, Group};
use crate::domain::ids::{ClusterName, GroupName, LaunchTemplateName, SlotName};
use crate::ports::PortError;
use crate::sim::draw::Draw;
use crate::sim::lab::{Due, Lab, later};
use crate::world::api::ec2::{Request as Ask, Response as Told};
use crate::world::api::{Call, Request, Response};
use crate::world::{AwsError, Kind, World};

/// What an unknown id means for a call.
pub(super) type Absent = fn(String) -> PortError;

/// What was not asked for longer is not known to have been so just before.
const RECENTLY: Duration = Duration::from_secs(15);

/// The last answer to each question.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Views {
    pub(super) machines: Option<Kept<ClusterName, Vec<Machine>>>,
    pub(super) parts: Option<Kept<Vec<Slot>, BTreeMap<SlotName, SlotParts>>>,
    pub(super) templates: BTreeMap<LaunchTemplateName, Kept<(), Option<Vec<TemplateVersion>>>>,
    pub(super) groups: BTreeMap<GroupName, GroupKept>,
    /// AWS tells what was so long ago.
    pub(in crate::sim) lag: Duration,
    /// Every other answer gets lost: how many there were.
    lost: Option<u64>,
}

impl Views {
    /// Answers begin to get lost, or come again.
    pub(in crate::sim) fn lose(&mut self, begins: bool) {
        self.lost = begins.then_some(0);
    }

    /// The answer to this question comes.
    pub(super) fn comes(&mut self, draw: Draw) -> Result<(), PortError> {
        let Some(count) = &mut self.lost else {
            return Ok(());
        };
        *count = count.saturating_add(1);
        if draw.below("lost answer", *count, 2) == 0 {
            return Ok(());
        }
        Err(PortError::OutcomeUnknown {
            why: "no answer in time".to_owned(),
        })
    }
}

/// A group and its last failure, asked with one access key.
#[derive(Clone, Debug)]
pub(super) struct GroupKept {
    pub(super) group: Kept<String, Result<Option<Group>, PortError>>,
    pub(super) failure: Kept<String, Option<FailedLaunch>>,
}

/// A question, with the calls that it takes, and the last answer to it.
#[derive(Clone, Debug)]
pub(super) struct Kept<Q, A> {
    pub(super) asked: Q,
    calls: Vec<Call>,
    kind: Kind,
    answer: Option<Answer<A>>,
    /// What is told instead until then: AWS tells what was.
    former: Option<(Timestamp, A)>,
    /// What would have been told last.
    last: Option<(Timestamp, A)>,
}

/// An answer with everything it depends on.
#[derive(Clone, Debug)]
struct Answer<A> {
    revision: u64,
    until: Option<Timestamp>,
    says: A,
}

impl<Q, A: Clone + PartialEq> Kept<Q, A> {
    /// Nobody has asked yet.
    pub(super) fn new(asked: Q, calls: Vec<Call>, kind: Kind) -> Self {
        Self {
            asked,
            calls,
            kind,
            answer: None,
            former: None,
            last: None,
        }
    }

    /// Makes the calls, all of them, whatever becomes of the first; what limits and refuses them does so whether or not the
    /// answer is known. Then the answer that was given last, if nothing of it has changed since, and else another one.
    pub(super) fn ask(
        &mut self,
        world: &mut World,
        (now, lag): (Timestamp, Duration),
        absent: Absent,
        read: impl FnOnce(&World) -> Result<A, AwsError>,
    ) -> Result<A, PortError> {
        let says = self.now(world, now, absent, read)?;
        if lag.is_zero() {
            (self.former, self.last) = (None, None);
            return Ok(says);
        }
        self.former = self.former.take().filter(|(until, _)| now < *until);
        if let Some((at, last)) = self.last.replace((now, says.clone()))
            && last != says
            && self.former.is_none()
            && now <= later(at, RECENTLY.max(lag))
        {
            self.former = Some((later(now, lag), last));
        }
        Ok(self.former.as_ref().map_or(says, |(_, former)| former.clone()))
    }

    /// When something else is told though nothing happens.
    pub(super) fn shows_from(&self) -> Option<Timestamp> {
        self.former.as_ref().map(|(until, _)| *until)
    }

    fn now(
        &mut self,
        world: &mut World,
        now: Timestamp,
        absent: Absent,
        read: impl FnOnce(&World) -> Result<A, AwsError>,
    ) -> Result<A, PortError> {
        let mut admitted = Ok(());
        for call in &self.calls {
            admitted = admitted.and(admit(world, now, call, absent));
        }
        admitted?;
        let revision = world.revision_of(&self.kind);
        let holds =
            |answer: &&Answer<A>| answer.revision == revision && answer.until.is_none_or(|until| now < until);
        if let Some(answer) = self.answer.as_ref().filter(holds) {
            return Ok(answer.says.clone());
        }
        let says = read(world).map_err(|error| refusal(&error, absent))?;
        self.answer = Some(Answer {
            revision,
            until: world.next_shown(&self.kind),
            says: says.clone(),
        });
        Ok(says)
    }
}

/// A call that only reads: whoever made it may look for himself.
fn admit(world: &mut World, now: Timestamp, call: &Call, absent: Absent) -> Result<(), PortError> {
    match world.admit(now, call) {
        Ok(true) => Err(closed()),
        Ok(false) => Ok(()),
        Err(error) => Err(refusal(&error, absent)),
    }
}

impl Lab {
    /// Somebody looks again when something else is told.
    pub(super) fn look_again(&mut self, shows_from: Option<Timestamp>) {
        if let Some(at) = shows_from {
            self.plan(at, Due::Seen);
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
        self.signed_request(Request::Ec2(ask))
    }

    pub(super) fn signed_request(&self, request: Request) -> Call {
        Call {
            access_key: Some(self.key.clone()),
            region: Some(self.world.setup().region.clone()),
            request,
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
