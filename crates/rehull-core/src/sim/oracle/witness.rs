//! Stands between a process of rehull and its hands, and lets the oracle see every request as it is sent.
//!
//! What is judged here is the world and the store, at the instant at which rehull lets go of a request; what becomes of
//! it on the way is the hands' matter.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::ask::Ask;
use super::rules::{Case, Wrong};
use super::target;
use super::truth::Truth;
use crate::domain::fleet::tag;
use crate::domain::ids::{InstanceId, RolloutId};
use crate::domain::waiting::{StopReason, Waiting, WaitingOn};
use crate::event::{Event, What};
use crate::journal::keys;
use crate::ports::{PortError, Tag};
use crate::sim::hands::Hands;
use crate::sim::lab::Lab;
use crate::sim::time::ProcessNumber;

/// The hands of one process, watched.
#[derive(Clone)]
pub(crate) struct Witness {
    /// What it watches.
    pub(in crate::sim) hands: Hands,
    rollout: RolloutId,
    sight: Arc<Mutex<Sight>>,
}

/// What the process could know.
#[derive(Default)]
struct Sight {
    /// The cluster at its last look.
    look: Truth,
    /// Changes of the laboratory that it shows.
    changes: Option<u64>,
    /// When it last heard that its lease was written.
    renewed: Option<Timestamp>,
}

impl Witness {
    pub(in crate::sim) fn new(hands: Hands, rollout: RolloutId) -> Self {
        Self {
            hands,
            rollout,
            sight: Arc::default(),
        }
    }

    fn sight(&self) -> MutexGuard<'_, Sight> {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nonce(&self) -> String {
        nonce(self.hands.process)
    }

    pub(super) fn looks(&self) {
        let mut sight = self.sight();
        let lab = self.hands.lab();
        let changes = Some(lab.changes());
        if std::mem::replace(&mut sight.changes, changes) == changes {
            sight.look.follows_the_logs(&lab);
        } else {
            sight.look = Truth::of(&lab);
        }
        debug_assert_eq!(sight.look, Truth::of(&lab), "a change that was not counted");
    }

    /// A request leaves rehull's hand.
    pub(super) fn sends(&self, ask: Ask<'_>) {
        let (now, nonce) = (self.hands.now(), self.nonce());
        let sight = self.sight();
        let mut lab = self.hands.lab();
        let lab = &mut *lab;
        self.read_on(lab, now);
        let mut wrong = lease_wrong(lab, &nonce, sight.renewed, now);
        let covered = lab.oracle.memory.ledgers.get(&self.rollout);
        if !covered.is_some_and(|ledger| ledger.covers(&ask)) {
            wrong.push((2, format!("sent without a durable intent: {}", ask.words())));
        }
        wrong.extend(target::is_another(lab, &ask));
        wrong.extend(lab.oracle.memory.edits.goes_on_beside_what_interferes(now, &ask));
        let plan = lab.oracle.memory.plan(&lab.store, &self.rollout);
        if let Some(plan) = plan {
            let case = Case {
                lab,
                now,
                look: &sight.look,
                looked_at: self.hands.looked_at(),
                truth: Truth::of(lab),
                plan: &plan,
                rollout: self.rollout.as_str(),
                memory: &lab.oracle.memory,
                unharmed: lab.oracle.is_unharmed(),
            };
            wrong.extend(case.judge(&ask));
        }
        if let Ask::Go(id) | Ask::Stop(id) = ask {
            lab.oracle.memory.told.insert(id.clone(), now);
        }
        lab.oracle.memory.edits.sends(now, &ask);
        if let Ask::Deregister(id) = ask {
            lab.oracle.memory.deregistered.entry(id.clone()).or_insert(now);
        }
        if let Ask::Stop(id) | Ask::Terminate(id) | Ask::EndMember(id) = ask {
            let before = lab.oracle.memory.sent_away.insert(id.clone(), now);
            lab.oracle.memory.sent_before.insert(id.clone(), before);
        }
        for (invariant, what) in wrong {
            lab.oracle.breach(now, invariant, what);
        }
    }

    /// A request that was throttled is certainly not on its way any more.
    pub(super) fn was_turned_away(&self, machine: &InstanceId, told: &Result<(), PortError>) {
        if matches!(told, Err(PortError::Throttled { .. })) {
            let mut lab = self.hands.lab();
            let memory = &mut lab.oracle.memory;
            match memory.sent_before.remove(machine).flatten() {
                Some(before) => memory.sent_away.insert(machine.clone(), before),
                None => memory.sent_away.remove(machine),
            };
        }
    }

    fn read_on(&self, lab: &mut Lab, now: Timestamp) {
        let ledger = lab.oracle.memory.ledgers.entry(self.rollout.clone()).or_default();
        for (invariant, what) in ledger.read_on(&lab.store, &self.rollout) {
            lab.oracle.breach(now, invariant, what);
        }
    }

    /// What rehull tells people has to be so.
    pub(in crate::sim) fn hears(&self, event: &Event) {
        let now = self.hands.now();
        let sight = self.sight();
        let look = &sight.look;
        let mut lab = self.hands.lab();
        let lost = |truth: &Truth| truth.healthy.len() <= truth.voters / 2;
        if let What::Waiting { waiting, .. } = &event.what {
            for wait in waiting {
                if let WaitingOn::Canary { machine, .. } = &wait.on {
                    if lab.kube.node_of(machine).is_some() {
                        lab.judge_what_workers_are_launched(now, machine);
                    } else {
                        lab.judge_what_is_launched(now);
                    }
                }
            }
        }
        match &event.what {
            // Who was told to stop is read from the machines: without them the number is a guess, and said to be one.
            // With a clock that was set, a tag that is not shown yet is taken for one that was lost.
            What::Waiting { margin, waiting }
                if lab.oracle.is_unharmed() && !is_blind(waiting) && lab.oracle.memory.tells_the_margin() =>
            {
                let truth = look.margin.filter(|truth| truth != margin && look.voters > 0);
                if let Some(truth) = truth {
                    let what = format!("people were told a margin of {margin}; it was {truth}");
                    lab.oracle.breach(now, 3, what);
                }
            }
            What::Stopped {
                reason: StopReason::QuorumLost { .. },
                ..
            } if !lost(look) && !lost(&Truth::of(&lab)) => {
                let what = "people were told that the quorum is lost; it was there".to_owned();
                lab.oracle.breach(now, 9, what);
            }
            What::Finished => self.leaves_something(&mut lab, now),
            What::Stopped { rest, .. } if rest.at_rest => self.leaves_something(&mut lab, now),
            What::Waiting { .. }
            | What::Stopped { .. }
            | What::Started { .. }
            | What::Acting { .. }
            | What::Acted { .. }
            | What::Stalled { .. }
            | What::Rolled { .. }
            | What::StepDone { .. } => {}
        }
    }

    fn leaves_something(&self, lab: &mut Lab, now: Timestamp) {
        // Who tells it only now has slept, and somebody else goes back already.
        if lab.oracle.memory.taken_back.as_ref() == Some(&self.rollout) {
            return;
        }
        self.leaves_terraform_at_work(lab, now);
        lab.judge_what_is_owed(now);
        lab.judge_what_nodes_owe(now);
    }

    /// A write to the store begins.
    pub(super) fn writes(&self, key: &str, over: Option<&Tag>) {
        let now = self.hands.now();
        let mut lab = self.hands.lab();
        let lab = &mut *lab;
        self.read_on(lab, now);
        if over.is_some() && key.contains("/journal/") {
            lab.oracle.breach(now, 7, format!("`{key}` is written over"));
        }
        if key == keys::LEASE
            && let Some(what) = takes_a_live_lease(lab, &self.nonce(), over, now)
        {
            lab.oracle.breach(now, 7, what);
        }
    }

    /// It came back: done.
    pub(super) fn wrote(&self, key: &str) {
        let now = self.hands.now();
        if key == keys::LEASE {
            self.sight().renewed = Some(now);
            self.hands.lab().oracle.memory.lease = Some((self.nonce(), now));
        }
        self.read_on(&mut self.hands.lab(), now);
    }

    /// All voters were found to hold the same data; `begun` is when they were asked.
    pub(super) fn compared(&self, begun: Timestamp) {
        self.hands.lab().oracle.memory.compared = Some(begun);
    }

    /// A machine was launched: it boots what was approved.
    pub(super) fn launched(&self, id: &InstanceId) {
        let now = self.hands.now();
        let mut lab = self.hands.lab();
        let lab = &mut *lab;
        let Some(plan) = lab.oracle.memory.plan(&lab.store, &self.rollout) else {
            return;
        };
        let Some(instance) = lab.world.instance(id.as_str()) else {
            return;
        };
        let is = |key: &str| instance.tags.get(key).map(String::as_str);
        let mut planned = plan.envelope.slots.iter().chain(&plan.envelope.spare);
        let Some(slot) = planned.find(|planned| is(tag::SLOT) == Some(planned.slot.name.as_str())) else {
            lab.oracle
                .breach(now, 1, format!("{id} was launched for no slot of the plan"));
            return;
        };
        let former = slot.from.as_ref().map(|from| from.digest.as_str());
        let is_new = is(tag::DIGEST) == Some(slot.to.digest.as_str());
        let whose = (
            slot.slot.name.clone(),
            is(tag::DIGEST).unwrap_or_default().to_owned(),
        );
        // What a plan does not hold was booted before: that is what it goes back to.
        let text = plan.user_data.get(&slot.slot.name).filter(|_| is_new);
        let text = text.or_else(|| lab.oracle.memory.booted.get(&whose));
        let is_planned = is_new || is(tag::DIGEST) == former;
        let approved = is_planned && text.is_some_and(|text| **text == *instance.user_data);
        if !approved {
            let what = format!("{id} of {} boots something that was not approved", slot.slot.name);
            lab.oracle.breach(now, 1, what);
        }
    }
}

/// The name that a process signs with in lease and journal.
pub(super) fn nonce(process: ProcessNumber) -> String {
    format!("process-{process}")
}

fn is_blind(waiting: &[Waiting]) -> bool {
    let unread = |waiting: &Waiting| matches!(waiting.on, WaitingOn::Unreadable { .. });
    waiting.iter().any(unread)
}

fn lease_wrong(lab: &Lab, nonce: &str, renewed: Option<Timestamp>, now: Timestamp) -> Vec<Wrong> {
    let Some((holder, ttl_ms, _)) = lease(lab) else {
        return vec![(7, format!("{nonce} sent something and nobody had the lease"))];
    };
    if holder != nonce {
        return vec![(7, format!("{nonce} sent something while {holder} had the lease"))];
    }
    let ttl = Duration::from_millis(ttl_ms);
    let lives = renewed.is_some_and(|at| at.checked_add(ttl).is_ok_and(|until| now < until));
    if lives {
        Vec::new()
    } else {
        vec![(7, format!("{nonce} sent something after its lease had run out"))]
    }
}

/// A conditional write that will succeed over somebody else's lease, while that one still lives.
fn takes_a_live_lease(lab: &Lab, nonce: &str, over: Option<&Tag>, now: Timestamp) -> Option<String> {
    let (holder, ttl_ms, released) = lease(lab)?;
    let present = lab.store.get(keys::LEASE)?;
    let hits = over == Some(&present.tag) && holder != nonce && !released;
    let (by, at) = lab.oracle.memory.lease.as_ref()?;
    let until = at.checked_add(Duration::from_millis(ttl_ms)).ok()?;
    (hits && *by == holder && now < until)
        .then(|| format!("{nonce} takes the lease of {holder}, which lives"))
}

/// Who has the lease, for how many milliseconds it lives, and whether it was given back.
pub(super) fn lease(lab: &Lab) -> Option<(String, u64, bool)> {
    #[derive(Deserialize)]
    struct Lease {
        nonce: String,
        ttl_ms: u64,
        #[serde(default)]
        released: bool,
    }
    let Lease {
        nonce,
        ttl_ms,
        released,
    } = serde_json::from_slice(lab.store.bytes(keys::LEASE)?).ok()?;
    Some((nonce, ttl_ms, released))
}
