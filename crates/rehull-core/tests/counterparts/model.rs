//! The steps on the model, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rehull_core::domain::ids::{InstanceId, MemberId, SlotName};
use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::{Data, Died, Etcd, EtcdRule, InitialState, Refused, StartRequest};

use crate::steps::{Band, Cluster, Disk, Slot, Start, Step};
use crate::words;

/// From the start of a process to its first word; nothing is decided by it.
const STARTING: Duration = Duration::from_millis(500);
const LOST_AFTER: Duration = Duration::from_secs(4);
/// A client gives up.
const PATIENCE: Duration = Duration::from_millis(8_500);
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_secs(30);
const NOBODY: MemberId = MemberId(0xbad);

pub(crate) struct Model {
    pub(crate) etcd: Etcd,
    now: Timestamp,
    since: Timestamp,
    ids: BTreeMap<Slot, MemberId>,
    disks: BTreeMap<Slot, Data>,
    saved: BTreeMap<Slot, Data>,
    ended: BTreeMap<Slot, Died>,
    versions: BTreeMap<Slot, EtcdVersion>,
}

impl Model {
    pub(crate) fn new(seed: u64) -> Self {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        Self {
            etcd: Etcd::with_seed(seed, now),
            now,
            since: now,
            ids: BTreeMap::new(),
            disks: BTreeMap::new(),
            saved: BTreeMap::new(),
            ended: BTreeMap::new(),
            versions: BTreeMap::new(),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.checked_add(time).unwrap();
        self.etcd.advance(self.now);
    }

    fn id(&self, who: Slot) -> MemberId {
        self.ids.get(who).copied().unwrap_or(NOBODY)
    }

    fn slot_of(&self, id: MemberId) -> String {
        let found = self.ids.iter().find(|(_, known)| **known == id);
        found.map_or_else(|| id.to_string(), |(slot, _)| (*slot).to_owned())
    }

    fn spawn(&mut self, start: &Start) -> Result<(), Died> {
        let initial: Vec<(String, String)> = start
            .initial
            .iter()
            .map(|slot| ((*slot).to_owned(), url(slot)))
            .collect();
        let data = match start.disk {
            Disk::Empty => None,
            Disk::Kept => self.disks.get(start.slot).cloned(),
            Disk::Saved => self.saved.get(start.slot).cloned(),
        };
        let name = SlotName::new(start.slot);
        self.versions.insert(start.slot, start.version);
        let begun = self.etcd.start(
            self.now,
            &StartRequest {
                slot: &name,
                url: &url(start.slot),
                machine: &InstanceId::new("i-model"),
                version: start.version,
                state: start.state,
                initial: &initial,
                data,
            },
        );
        if let Some(process) = self.etcd.process(&name) {
            self.ids.insert(start.slot, process.data.member);
        }
        begun
    }

    fn settled(&mut self, slot: Slot) -> String {
        self.pass(STARTING);
        let runs = self.wait(LIMIT, |model| {
            let name = SlotName::new(slot);
            (model.etcd.process(&name).is_some() && model.etcd.has_leader()).then_some(())
        });
        runs.map_or_else(|| words::LOST.to_owned(), |()| "runs".to_owned())
    }

    fn wait<T>(&mut self, limit: Duration, mut look: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let until = self.now.checked_add(limit).unwrap();
        loop {
            let found = look(self);
            if found.is_some() || self.now > until {
                return found;
            }
            self.pass(LOOK_EVERY);
        }
    }

    fn stop(&mut self, slot: Slot) {
        let stopped = self
            .etcd
            .stop(self.now, &SlotName::new(slot), &InstanceId::new("i-model"));
        if let Some(data) = stopped {
            self.disks.insert(slot, data);
        }
    }

    /// Processes that have ended by themselves since.
    fn collect(&mut self) {
        for ended in self.etcd.take_ended() {
            let slots = ["a", "b", "c", "d", "e"];
            let slot = slots
                .into_iter()
                .find(|slot| *slot == ended.slot.as_str())
                .unwrap();
            self.disks.insert(slot, ended.data);
            self.ended.insert(slot, ended.why);
        }
    }

    fn told<T>(&mut self, answer: &Result<T, Refused>) -> String {
        match answer {
            Ok(_) => "ok".to_owned(),
            Err(Refused::NotReached) => "connection refused".to_owned(),
            Err(Refused::Silent) => {
                self.pass(PATIENCE);
                "no answer".to_owned()
            }
            Err(Refused::Says(rule)) => said(*rule),
        }
    }

    fn lead(&mut self, slot: Slot) -> String {
        let id = self.id(slot);
        let moved = self.wait(LIMIT, |model| {
            let leader = model.etcd.leader()?.clone();
            leader_is(slot, &leader).or_else(|| model.etcd.transfer(model.now, &leader, id).ok())
        });
        moved.map_or_else(|| "nobody leads".to_owned(), |()| "done".to_owned())
    }

    fn answer<T>(
        &self,
        via: Slot,
        read: impl Fn(&rehull_core::domain::etcd::MemberAnswer) -> T,
    ) -> Option<T> {
        self.etcd.answer(&SlotName::new(via)).answer().map(read)
    }

    fn list(&mut self, via: Slot) -> String {
        match self.etcd.member_list(self.now, &SlotName::new(via)) {
            Ok(members) => {
                let mut lines: Vec<String> = members
                    .iter()
                    .map(|member| {
                        let slot = member.url.trim_start_matches("http://");
                        words::member(slot, member.learner, member.name.is_empty())
                    })
                    .collect();
                lines.sort_unstable();
                lines.join(" ")
            }
            refused => self.told(&refused),
        }
    }

    fn until(&mut self, step: &Step, answer: &str, band: Band) -> String {
        let since = self.since;
        let mut last = String::new();
        let found = self.wait(band.latest, |model| {
            last = model.act(step);
            (last == answer).then_some(())
        });
        let after = Duration::try_from(self.now.duration_since(since)).unwrap();
        match found {
            Some(()) if after < band.earliest => format!("`{answer}` already after {after:?}"),
            Some(()) => answer.to_owned(),
            None => format!("still `{last}` after {after:?}"),
        }
    }

    fn boot(&mut self, slots: &[Slot], initial: &'static [Slot], version: EtcdVersion) -> String {
        for slot in slots {
            let begun = self.spawn(&Start {
                slot,
                version,
                disk: Disk::Empty,
                state: InitialState::New,
                initial,
            });
            assert_eq!(begun, Ok(()), "{slot} of a new cluster");
        }
        words::all(slots.iter().map(|slot| self.settled(slot)))
    }

    fn start(&mut self, start: &Start) -> String {
        match self.spawn(start) {
            Ok(()) => self.settled(start.slot),
            Err(why) => {
                self.pass(STARTING);
                words::died_of(why, start.version)
            }
        }
    }

    fn lose(&mut self, start: &Start) -> String {
        if let Err(why) = self.spawn(start) {
            return words::died_of(why, start.version);
        }
        self.pass(LOST_AFTER);
        let runs = self.etcd.has_leader();
        if runs { "runs" } else { words::LOST }.to_owned()
    }

    fn ends(&mut self, slot: Slot) -> String {
        let ended = self.wait(LIMIT, |model| {
            model.collect();
            model.ended.remove(slot)
        });
        let version = self.versions[slot];
        ended.map_or_else(|| "does not end".to_owned(), |why| words::died_of(why, version))
    }

    fn next_second(&mut self) {
        let gone = u64::try_from(self.now.as_millisecond()).unwrap() % 1_000;
        self.pass(Duration::from_millis(1_020 - gone));
    }

    /// Each begins at the same instant.
    fn together(&mut self, steps: &[Step]) -> String {
        let now = self.now;
        let mut answers = Vec::new();
        for step in steps {
            self.now = now;
            answers.push(self.act(step));
        }
        words::all(answers.into_iter())
    }

    /// What is done to processes; `None` for every other step.
    fn handle(&mut self, step: &Step) -> Option<String> {
        match step {
            Step::Boot {
                slots,
                initial,
                version,
            } => return Some(self.boot(slots, initial, *version)),
            Step::Start(start) => return Some(self.start(start)),
            Step::Lose(start) => return Some(self.lose(start)),
            Step::Ends(slot) => return Some(self.ends(slot)),
            Step::Kill(slot) => self.stop(slot),
            Step::Cut(slot) => self.cut(slot, true),
            Step::Mend(slot) => self.cut(slot, false),
            Step::Freeze(slot) => self.freeze(slot, true),
            Step::Thaw(slot) => self.freeze(slot, false),
            Step::Save(slot) => {
                let data = self.disks[slot].clone();
                self.saved.insert(slot, data);
            }
            Step::Pass(seconds) => self.pass(Duration::from_secs(*seconds)),
            Step::NextSecond => self.next_second(),
            _ => return None,
        }
        Some("done".to_owned())
    }

    fn freeze(&mut self, slot: Slot, frozen: bool) {
        self.etcd.freeze(self.now, &SlotName::new(slot), frozen);
    }

    fn cut(&mut self, slot: Slot, cut: bool) {
        self.etcd.cut(self.now, &SlotName::new(slot), cut);
    }

    /// The model's clients write all the time; who lacks a fifth lags behind.
    fn write(&mut self) -> String {
        let much = self.etcd.committed() * 6 / 5 + 100;
        let written = self.wait(LIMIT, |model| (model.etcd.committed() > much).then_some(()));
        written.map_or_else(|| "nothing is written".to_owned(), |()| "ok".to_owned())
    }

    fn add(&mut self, via: Slot, slot: Slot, learner: bool) -> String {
        let added = self
            .etcd
            .member_add(self.now, &SlotName::new(via), &url(slot), learner);
        if let Ok(id) = added {
            self.ids.insert(slot, id);
        }
        self.told(&added)
    }
}

impl Cluster for Model {
    fn act(&mut self, step: &Step) -> String {
        if let Some(answer) = self.handle(step) {
            self.since = self.now;
            return answer;
        }
        let now = self.now;
        let via = |slot: &Slot| SlotName::new(*slot);
        match step {
            Step::Until(step, answer, band) => {
                let answer = self.until(step, answer, *band);
                self.since = self.now;
                answer
            }
            Step::Together(steps) => self.together(steps),
            Step::Add { via, slot, learner } => self.add(via, slot, *learner),
            Step::Remove { via: at, who } => {
                let removed = self.etcd.member_remove(now, &via(at), self.id(who));
                self.told(&removed)
            }
            Step::Promote { via: at, who } => {
                let promoted = self.etcd.member_promote(now, &via(at), self.id(who));
                self.told(&promoted)
            }
            Step::MoveLeader { via: at, to } => {
                let moved = self.etcd.transfer(now, &via(at), self.id(to));
                self.told(&moved)
            }
            Step::Lead(slot) => self.lead(slot),
            Step::Put(at) => {
                let written = self.etcd.put(now, &via(at));
                self.told(&written)
            }
            Step::Write(..) => self.write(),
            Step::Read(at) => {
                let read = self.etcd.range(now, &via(at), false);
                self.told(&read)
            }
            Step::ReadOwn(at) => {
                let read = self.etcd.range(now, &via(at), true);
                self.told(&read)
            }
            Step::List(at) => self.list(at),
            Step::Alarm { of, alarm, on } => {
                self.etcd.alarm(&via(of), alarm, *on);
                "ok".to_owned()
            }
            Step::Leader(at) => {
                let leader = self.answer(at, |answer| answer.leader);
                leader.map_or_else(
                    || "connection refused".to_owned(),
                    |leader| leader.map_or_else(|| "nobody".to_owned(), |id| self.slot_of(id)),
                )
            }
            Step::Line(at) => {
                let line = self.answer(at, |answer| answer.cluster_version);
                line.flatten()
                    .map_or_else(String::new, |(major, minor)| format!("{major}.{minor}"))
            }
            Step::Status(at) => self
                .answer(at, |answer| {
                    let kind = if answer.learner { "learner" } else { "voter" };
                    let alarms = answer.alarms.iter().map(|alarm| format!(" {alarm}"));
                    format!("{kind}{}", alarms.collect::<String>())
                })
                .unwrap_or_else(|| "connection refused".to_owned()),
            other => panic!("nobody does `{other}`"),
        }
    }

    fn last_words(&self) -> String {
        format!("{:?}", self.etcd)
    }
}

fn leader_is(slot: Slot, leader: &SlotName) -> Option<()> {
    (leader.as_str() == slot).then_some(())
}

fn url(slot: Slot) -> String {
    format!("http://{slot}")
}

fn said(rule: EtcdRule) -> String {
    rule.words().map_or_else(|| format!("? {rule:?}"), str::to_owned)
}
