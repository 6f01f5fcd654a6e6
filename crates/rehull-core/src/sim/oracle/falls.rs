//! Members whose etcd has ended, as one process of rehull could see it.
//!
//! What ends once may be about to end again, and then a member that was stopped meanwhile is the second one out. Nobody is
//! to blame for what a single look did not show; whoever saw it has to wait until the member has been up for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::rules::{Case, Wrong};
use super::truth::{process_of, tag_of};
use crate::domain::etcd::{Endpoint, EtcdView};
use crate::domain::fleet::tag;
use crate::domain::ids::{InstanceId, MemberId, SlotName};
use crate::plan::RolloutKind;
use crate::sim::etcd::Process;
use crate::sim::lab::Lab;

/// A process that ends at once, ends long before.
const STEADY_AFTER: Duration = Duration::from_secs(30);

/// What one process of rehull has seen of other processes' ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Falls {
    /// Which member answered at a slot's address when it last did, and on which machine.
    up: BTreeMap<SlotName, (MemberId, InstanceId)>,
    /// Where a member was last seen to have ended, and when. Nobody had told it to.
    ended: BTreeMap<MemberId, (InstanceId, Timestamp)>,
}

impl Falls {
    /// What rehull is answered when it looks.
    pub(super) fn see(&mut self, view: &EtcdView, lab: &Lab, now: Timestamp) {
        for (slot, endpoint) in &view.endpoints {
            match endpoint {
                Endpoint::Answered(answer) => {
                    let machine = lab.etcd.process(slot).map(|process| process.machine.clone());
                    self.up
                        .extend(machine.map(|machine| (slot.clone(), (answer.id, machine))));
                }
                Endpoint::Refused => {
                    let known = self.up.get(slot).cloned();
                    let fell = known.filter(|(_, machine)| tag_of(lab, machine, tag::STOP).is_none());
                    self.ended
                        .extend(fell.map(|(member, machine)| (member, (machine, now))));
                }
                Endpoint::Silent(_) | Endpoint::Strange(_) => {}
            }
        }
    }
}

impl Case<'_> {
    /// A stop while another member has only just come back from an end of its own.
    pub(super) fn relies_on_who_fell(&self, process: &Process) -> Option<Wrong> {
        let heals = matches!(self.plan.envelope.kind, RolloutKind::Heal { .. });
        if heals || self.memory.clock_was_set {
            return None;
        }
        let others = self
            .falls
            .ended
            .iter()
            .filter(|(id, _)| **id != process.data.member);
        let mut short = others.filter_map(|(id, (machine, at))| {
            let back = process_of(&self.lab.etcd, *id).is_some_and(|back| back.machine == *machine);
            let since = Duration::try_from(self.now.duration_since(*at)).ok()?;
            (back && since < STEADY_AFTER).then_some((machine, since))
        });
        short.next().map(|(machine, since)| {
            let stops = &process.machine;
            let what = format!("stop of {stops} {since:?} after the etcd of {machine} had ended");
            (3, what)
        })
    }
}
