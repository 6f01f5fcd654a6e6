//! A modelled machine: what the boot script does between the power button and the last report, a second at a time.
//!
//! It knows what a machine knows: its user data, its tags, its devices. The words of its reports are the script's.

mod disk;
mod user_data;

use std::time::Duration;

use jiff::Timestamp;

pub(crate) use disk::Disk;
pub(crate) use user_data::{Releases, UserData};

use super::draw::{Draw, Spread};
use super::etcd::{Died, Etcd, InitialState, StartRequest};
use crate::domain::fleet::{BootPhase, BootReport, Join, tag};
use crate::domain::ids::{Generation, InstanceId};
use crate::world::api::ec2::Tags;
use crate::world::{BootId, Timing};

/// The boot script looks at its tags this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// systemd starts a failed etcd again after this.
const RESTART_AFTER: Duration = Duration::from_secs(2);
/// From power to the first word of the script, and everything fetched and verified, in milliseconds.
const KERNEL: Spread = Spread::new(8_000, 15_000, 30_000, 60_000);
const FETCH: Spread = Spread::new(2_000, 5_000, 12_000, 40_000);
/// A graceful stop; open watches make it long (kube-local.md §7: 2.4 to 10 s).
const STOP: Spread = Spread::new(300, 2_400, 10_000, 12_000);
/// The sandbox's machines have no firmware.
const KERNEL_FAST: Spread = Spread::new(200, 400, 800, 1_000);
const FETCH_FAST: Spread = Spread::new(200, 500, 1_000, 2_000);

/// A machine that has power.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// Its id.
    pub(crate) id: InstanceId,
    /// This power-on.
    pub(crate) boot: BootId,
    /// What it was started with.
    pub(crate) user: UserData,
    /// The slot's volume shows up as a device.
    pub(crate) device: bool,
    /// The volume is mounted: it cannot be taken away.
    pub(crate) mounted: bool,
    /// What it says of itself; `None` before its first word.
    pub(crate) report: Option<BootReport>,
    /// Grows with everything that it says of itself.
    pub(crate) said: u32,
    stage: Stage,
    next: Timestamp,
    /// It waits for something to change around it, and looks at the next second from this one.
    waits_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Booting,
    Fetching,
    Warm,
    /// etcd should run; systemd tries again while it does not.
    Starting(Ground),
    Running(Ground),
    Stopping(Option<Ground>),
    /// Said its last word.
    Over,
}

/// What etcd is started on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ground {
    generation: Generation,
    join: Join,
    with_spare: bool,
}

/// What a machine sees around it at one instant.
pub(crate) struct Surroundings<'a> {
    /// Its tags, as the metadata service tells them.
    pub(crate) tags: &'a Tags,
    /// The slot's interface is attached.
    pub(crate) interface: bool,
    /// The disk behind the device.
    pub(crate) disk: &'a mut Disk,
    /// The cluster that its etcd belongs to.
    pub(crate) etcd: &'a mut Etcd,
    /// Waits.
    pub(crate) draw: Draw,
    /// Which waits.
    pub(crate) timing: Timing,
}

impl Guest {
    /// Power.
    #[must_use]
    pub(crate) fn power_on(
        now: Timestamp,
        id: InstanceId,
        boot: BootId,
        user: UserData,
        draw: (Draw, Timing),
    ) -> Self {
        let kernel = match draw.1 {
            Timing::Aws => KERNEL,
            Timing::Fast => KERNEL_FAST,
        };
        let wait = draw.0.wait(id.as_str(), "kernel", boot.0, kernel);
        Self {
            next: later(now, wait),
            id,
            boot,
            user,
            device: false,
            mounted: false,
            report: None,
            said: 0,
            stage: Stage::Booting,
            waits_since: None,
        }
    }

    /// When it looks again.
    #[must_use]
    pub(crate) fn next_due(&self) -> Timestamp {
        self.next
    }

    /// One look.
    pub(crate) fn look(&mut self, now: Timestamp, around: &mut Surroundings<'_>) {
        self.next = later(now, LOOK_EVERY);
        let before = self.stage;
        match before {
            Stage::Booting => self.begin(now, around),
            Stage::Fetching => self.warm(),
            Stage::Stopping(ground) => self.stopped(now, ground, around),
            Stage::Over => self.next = Timestamp::MAX,
            Stage::Warm | Stage::Starting(_) | Stage::Running(_) if around.tags.contains_key(tag::STOP) => {
                self.begin_stop(now, around);
            }
            Stage::Warm => self.wait_for_go(now, around),
            Stage::Starting(ground) => self.start(now, ground, around),
            Stage::Running(ground) => self.supervise(now, ground, around),
        }
        if self.stage == before && matches!(before, Stage::Warm | Stage::Running(_)) {
            self.waits_since = Some(now);
            self.next = Timestamp::MAX;
        }
    }

    /// Something has changed: it looks at the first of its seconds that is not over. Between two changes every look
    /// would see what the last one saw.
    pub(crate) fn stir(&mut self, now: Timestamp) {
        let Some(since) = self.waits_since.take() else {
            return;
        };
        let passed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let part = u64::from(passed.subsec_nanos() > 0);
        let seconds = passed.as_secs().saturating_add(part).max(1);
        self.next = later(since, Duration::from_secs(seconds));
    }

    fn begin(&mut self, now: Timestamp, around: &mut Surroundings<'_>) {
        if around.tags.contains_key(tag::STOP) {
            return self.say_last(BootPhase::Stopped, "", "");
        }
        if self.ground(around.tags).is_none() {
            return self.refuse("bad-tags", "a tag is missing or makes no sense");
        }
        self.say(BootPhase::Fetching, "", "");
        self.stage = Stage::Fetching;
        let fetch = match around.timing {
            Timing::Aws => FETCH,
            Timing::Fast => FETCH_FAST,
        };
        self.next = later(
            now,
            around.draw.wait(self.id.as_str(), "fetch", self.boot.0, fetch),
        );
    }

    fn warm(&mut self) {
        if self.user.version.is_none() {
            return self.refuse("wrong-digest", "the object has another content");
        }
        self.say(BootPhase::Warm, "", "");
        self.stage = Stage::Warm;
    }

    fn wait_for_go(&mut self, now: Timestamp, around: &mut Surroundings<'_>) {
        if !around.tags.contains_key(tag::GO) {
            return;
        }
        let Some(ground) = self.ground(around.tags) else {
            return self.refuse("bad-tags", "a tag is missing or makes no sense");
        };
        if !self.device || !around.interface {
            return;
        }
        self.mounted = true;
        let spare = self
            .user
            .spare
            .as_ref()
            .is_some_and(|(name, _)| *name == self.user.slot);
        let join = if spare && ground.join == Join::Existing {
            Join::Bootstrap
        } else {
            ground.join
        };
        let owner = (self.user.cluster.as_str(), self.user.slot.as_str());
        if let Err((code, text)) = around
            .disk
            .claim(owner, &self.id, ground.generation, (ground.join, join))
        {
            return self.refuse(code, text);
        }
        self.say(BootPhase::Starting, "", "");
        self.stage = Stage::Starting(ground);
        self.start(now, ground, around);
    }

    fn ground(&self, tags: &Tags) -> Option<Ground> {
        let is = |key: &str, value: &str| tags.get(key).is_some_and(|found| found == value);
        if !is(tag::CLUSTER, &self.user.cluster) || !is(tag::SLOT, self.user.slot.as_str()) {
            return None;
        }
        let join = [Join::Bootstrap, Join::Existing, Join::Reattach];
        Some(Ground {
            generation: Generation(tags.get(tag::GENERATION)?.parse().ok()?),
            join: join.into_iter().find(|join| is(tag::JOIN, join.as_str()))?,
            with_spare: tags.get(tag::GO).is_some_and(|go| go.ends_with(tag::WITH_SPARE)),
        })
    }

    fn start(&mut self, now: Timestamp, ground: Ground, around: &mut Surroundings<'_>) {
        let mut initial = self.user.initial.clone();
        initial.extend(self.user.spare.clone().filter(|_| ground.with_spare));
        let initial: Vec<(String, String)> = initial
            .into_iter()
            .map(|(name, url)| (name.as_str().to_owned(), url))
            .collect();
        let Some(version) = self.user.version else { return };
        let asked = StartRequest {
            slot: &self.user.slot,
            url: &self.user.url,
            machine: &self.id,
            version,
            state: match ground.join {
                Join::Existing => InitialState::Existing,
                Join::Bootstrap | Join::Reattach => InitialState::New,
            },
            initial: &initial,
            data: around.disk.data(ground.generation).cloned(),
        };
        match around.etcd.start(now, &asked) {
            Ok(()) => {
                if let Some(process) = around.etcd.process(&self.user.slot) {
                    around.disk.keep(ground.generation, process.data.clone());
                }
                self.stage = Stage::Running(ground);
                self.say(BootPhase::Running, "", "");
            }
            // Exit code 0, at the latest after a few tries: systemd leaves it down, and the script has seen it active.
            Err(Died::Removed) => {
                self.stage = Stage::Running(ground);
                self.say(BootPhase::Running, "", "");
            }
            Err(_) => {
                self.stage = Stage::Starting(ground);
                self.next = later(now, RESTART_AFTER);
            }
        }
    }

    /// A process that was killed is started again; one that ended by itself, because its member was removed, is not.
    fn supervise(&mut self, now: Timestamp, ground: Ground, around: &mut Surroundings<'_>) {
        let runs = around
            .etcd
            .process(&self.user.slot)
            .is_some_and(|process| process.machine == self.id);
        let member = around.disk.data(ground.generation).map(|data| data.member);
        let listed = around.etcd.members().any(|listed| Some(listed.id) == member);
        if !runs && listed {
            self.start(now, ground, around);
        }
    }

    fn begin_stop(&mut self, now: Timestamp, around: &mut Surroundings<'_>) {
        let ground = match self.stage {
            Stage::Running(ground) | Stage::Starting(ground) => Some(ground),
            Stage::Booting | Stage::Fetching | Stage::Warm | Stage::Stopping(_) | Stage::Over => None,
        };
        let wait = match ground {
            Some(_) => around.draw.wait(self.id.as_str(), "stop", self.boot.0, STOP),
            None => Duration::ZERO,
        };
        self.stage = Stage::Stopping(ground);
        self.next = later(now, wait);
    }

    fn stopped(&mut self, now: Timestamp, ground: Option<Ground>, around: &mut Surroundings<'_>) {
        if let Some(ground) = ground {
            self.end_etcd(now, ground, around);
        }
        self.mounted = false;
        self.say_last(
            BootPhase::Stopped,
            "",
            "etcd was stopped and the volume is unmounted",
        );
    }

    fn end_etcd(&mut self, now: Timestamp, ground: Ground, around: &mut Surroundings<'_>) {
        if let Some(data) = around.etcd.stop(now, &self.user.slot, &self.id) {
            around.disk.keep(ground.generation, data);
        }
    }

    /// The machine is off, whatever it did.
    pub(crate) fn power_off(&mut self, now: Timestamp, around: &mut Surroundings<'_>) {
        let ground = match self.stage {
            Stage::Running(ground) | Stage::Starting(ground) | Stage::Stopping(Some(ground)) => Some(ground),
            Stage::Booting | Stage::Fetching | Stage::Warm | Stage::Stopping(None) | Stage::Over => None,
        };
        if let Some(ground) = ground {
            self.end_etcd(now, ground, around);
        }
    }

    /// Its etcd ended by itself and left this.
    pub(crate) fn etcd_ended(&self, data: super::etcd::Data, disk: &mut Disk) {
        if let Stage::Running(ground) | Stage::Starting(ground) | Stage::Stopping(Some(ground)) = self.stage {
            disk.keep(ground.generation, data);
        }
    }

    /// What its running etcd has written so far lies on the disk.
    pub(crate) fn generation(&self) -> Option<Generation> {
        match self.stage {
            Stage::Running(ground) | Stage::Starting(ground) | Stage::Stopping(Some(ground)) => {
                Some(ground.generation)
            }
            Stage::Booting | Stage::Fetching | Stage::Warm | Stage::Stopping(None) | Stage::Over => None,
        }
    }

    fn refuse(&mut self, code: &str, text: &str) {
        self.say_last(BootPhase::Refused, code, text);
    }

    fn say_last(&mut self, phase: BootPhase, code: &str, text: &str) {
        self.say(phase, code, text);
        self.stage = Stage::Over;
        self.next = Timestamp::MAX;
    }

    fn say(&mut self, phase: BootPhase, code: &str, text: &str) {
        self.said = self.said.saturating_add(1);
        self.report = Some(BootReport {
            format: 1,
            instance: self.id.clone(),
            phase,
            code: code.to_owned(),
            text: text.to_owned(),
            at: String::new(),
        });
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
