//! Answers that are kept: a world that has not changed tells the same again, so it need not be told anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::read::refusal;
use crate::domain::fleet::{Machine, TemplateVersion};
use crate::ports::PortError;
use crate::sim::lab::Lab;
use crate::world::api::ec2::{Request as Ask, Response as Told, TemplateRef};
use crate::world::api::{Call, Request, Response};
use crate::world::interface::Interface;
use crate::world::volume::Volume;

/// The last answer to each question.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Views {
    machines: Option<Kept<Vec<Machine>>>,
    volumes: Option<Kept<Arc<[Volume]>>>,
    interfaces: Option<Kept<Arc<[Interface]>>>,
    templates: BTreeMap<String, Option<Kept<Vec<TemplateVersion>>>>,
}

/// An answer with everything it depends on.
#[derive(Clone, Debug)]
pub(super) struct Kept<A> {
    call: Call,
    revision: u64,
    until: Option<Timestamp>,
    answer: A,
}

/// What can be kept, and where.
pub(super) trait Keepable: Clone {
    fn place<'a>(views: &'a mut Views, ask: &Ask) -> &'a mut Option<Kept<Self>>;
}

impl Keepable for Vec<Machine> {
    fn place<'a>(views: &'a mut Views, _: &Ask) -> &'a mut Option<Kept<Self>> {
        &mut views.machines
    }
}

impl Keepable for Arc<[Volume]> {
    fn place<'a>(views: &'a mut Views, _: &Ask) -> &'a mut Option<Kept<Self>> {
        &mut views.volumes
    }
}

impl Keepable for Arc<[Interface]> {
    fn place<'a>(views: &'a mut Views, _: &Ask) -> &'a mut Option<Kept<Self>> {
        &mut views.interfaces
    }
}

impl Keepable for Vec<TemplateVersion> {
    fn place<'a>(views: &'a mut Views, ask: &Ask) -> &'a mut Option<Kept<Self>> {
        let name = if let Ask::DescribeLaunchTemplateVersions(asked) = ask
            && let TemplateRef::Name(name) = &asked.template
        {
            name.clone()
        } else {
            String::new()
        };
        views.templates.entry(name).or_default()
    }
}

impl Lab {
    /// One call of EC2, signed by rehull.
    pub(super) fn ec2(
        &mut self,
        now: Timestamp,
        ask: Ask,
        absent: fn(String) -> PortError,
    ) -> Result<Told, PortError> {
        let call = self.signed(ask);
        self.call(now, &call, absent)
    }

    /// The answer to a question. What limits and refuses calls does so whether or not the answer is known.
    pub(super) fn look_up<A: Keepable>(
        &mut self,
        now: Timestamp,
        ask: Ask,
        absent: fn(String) -> PortError,
        read: fn(Told) -> Result<A, PortError>,
    ) -> Result<A, PortError> {
        if let Some(kept) = A::place(&mut self.views, &ask).take()
            && self.still_holds(now, &kept, &ask)
        {
            let admitted = self.world.admit(now, &kept.call);
            let answer = kept.answer.clone();
            *A::place(&mut self.views, &ask) = Some(kept);
            return match admitted {
                Ok(true) => Err(closed()),
                Ok(false) => Ok(answer),
                Err(error) => Err(refusal(&error, absent)),
            };
        }
        let call = self.signed(ask.clone());
        let answer = self.call(now, &call, absent).and_then(read)?;
        let kept = Kept {
            call,
            revision: self.world.revision(),
            until: self.world.next_shown(),
            answer: answer.clone(),
        };
        *A::place(&mut self.views, &ask) = Some(kept);
        Ok(answer)
    }

    fn still_holds<A>(&self, now: Timestamp, kept: &Kept<A>, ask: &Ask) -> bool {
        kept.revision == self.world.revision()
            && kept.until.is_none_or(|until| now < until)
            && self.world.next_due().is_none_or(|due| now < due)
            && matches!(&kept.call.request, Request::Ec2(asked) if asked == ask)
    }

    fn signed(&self, ask: Ask) -> Call {
        Call {
            access_key: Some(self.key.clone()),
            region: Some(self.world.setup().region.clone()),
            request: Request::Ec2(ask),
        }
    }

    fn call(
        &mut self,
        now: Timestamp,
        call: &Call,
        absent: fn(String) -> PortError,
    ) -> Result<Told, PortError> {
        let answer = self.world.handle(now, call);
        match answer.result {
            Ok(Response::Ec2(_)) if answer.lost => Err(closed()),
            Ok(Response::Ec2(told)) => Ok(told),
            Ok(Response::S3(_) | Response::CallerIdentity(_)) => Err(unexpected()),
            Err(error) => Err(refusal(&error, absent)),
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
