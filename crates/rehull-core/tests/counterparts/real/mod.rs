//! The steps on real etcd processes, on loopback and without TLS.

mod block;
mod calls;
mod http;
mod process;
mod relay;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::etcd::InitialState;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::steps::{Cluster, Disk, Slot, Start, Step};
use crate::words;
use block::Block;
use http::{Answer, post};
use process::Process;
use relay::Relays;

/// A process that is gone is noticed at once, by whoever gets to run.
const NOTICED_AFTER: Duration = Duration::from_millis(300);
/// A process serves, or has ended, within a few seconds; on a busy machine a few more.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Who has not begun to serve after this long does not.
const LOST_AFTER: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Nobody has this id.
const NOBODY: u64 = 0xbad;

pub(crate) struct Real {
    /// First, so that they end before their addresses and folders are given back.
    processes: BTreeMap<Slot, Process>,
    /// Only where a sequence cuts somebody off.
    relays: Option<Relays>,
    toolbox: PathBuf,
    dir: TempDir,
    block: Block,
    ids: BTreeMap<Slot, u64>,
    /// Data directories, by slot: a number that grows with every new one.
    disks: BTreeMap<Slot, u32>,
    started: u32,
    /// The last thing that was done to a process, or waited for.
    since: Instant,
}

impl Real {
    pub(crate) fn new(toolbox: &Path, steps: &[Step]) -> Self {
        let cuts = steps.iter().any(|step| matches!(step, Step::Cut(_)));
        Self {
            processes: BTreeMap::new(),
            relays: cuts.then(Relays::new),
            toolbox: toolbox.to_owned(),
            dir: TempDir::new().unwrap(),
            block: Block::claim(),
            ids: BTreeMap::new(),
            disks: BTreeMap::new(),
            started: 0,
            since: Instant::now(),
        }
    }

    fn at(&self, slot: Slot) -> Ipv4Addr {
        self.block.address(slot)
    }

    fn peer_url(&self, slot: Slot) -> String {
        format!("http://{}:2380", self.at(slot))
    }

    fn id(&self, who: Slot) -> String {
        self.ids.get(who).copied().unwrap_or(NOBODY).to_string()
    }

    fn disk(&self, slot: Slot) -> PathBuf {
        let number = self.disks.get(slot).copied().unwrap_or_default();
        self.dir.path().join(format!("{slot}-{number}"))
    }

    fn saved(&self, slot: Slot) -> PathBuf {
        self.dir.path().join(format!("{slot}-saved"))
    }

    fn spawn(&mut self, start: &Start) {
        let slot = start.slot;
        if start.disk != Disk::Kept {
            *self.disks.entry(slot).or_default() += 1;
        }
        let disk = self.disk(slot);
        if start.disk == Disk::Saved {
            copy(&self.saved(slot), &disk);
        }
        self.started += 1;
        let log = self.dir.path().join(format!("{slot}-{}.log", self.started));
        let address = self.at(slot);
        if let Some(relays) = &mut self.relays {
            relays.stand_before(slot, address);
        }
        let binary = binary(&self.toolbox, start.version);
        let process = Process::start(&binary, &self.flags(start, &disk), log, start.version);
        self.processes.insert(slot, process);
    }

    fn flags(&self, start: &Start, disk: &Path) -> Vec<String> {
        let (client, peer) = (
            format!("http://{}:2379", self.at(start.slot)),
            self.peer_url(start.slot),
        );
        let listens = match self.relays {
            Some(_) => format!("http://{}:{}", self.at(start.slot), relay::BEHIND),
            None => peer.clone(),
        };
        let all: Vec<String> = start
            .initial
            .iter()
            .map(|member| format!("{member}={}", self.peer_url(member)))
            .collect();
        let state = match start.state {
            InitialState::New => "new",
            InitialState::Existing => "existing",
        };
        vec![
            format!("--name={}", start.slot),
            format!("--data-dir={}", disk.display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={listens}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={}", all.join(",")),
            format!("--initial-cluster-state={state}"),
            "--initial-cluster-token=counterparts".to_owned(),
            "--logger=zap".to_owned(),
        ]
    }

    /// Waits until it follows a leader or has ended.
    fn settled(&mut self, slot: Slot, limit: Duration) -> String {
        let address = self.at(slot);
        let found = wait(limit, || {
            let process = self.processes.get_mut(slot).expect("it was started");
            process.ended().or_else(|| {
                follows(address).map(|id| {
                    self.ids.insert(slot, id);
                    "runs".to_owned()
                })
            })
        });
        if found.as_deref().is_some_and(|answer| answer != "runs") {
            self.processes.remove(slot);
        }
        found.unwrap_or_else(|| words::LOST.to_owned())
    }

    fn boot(&mut self, slots: &[Slot], initial: &'static [Slot], version: EtcdVersion) -> String {
        for slot in slots {
            self.spawn(&Start {
                slot,
                version,
                disk: Disk::Empty,
                state: InitialState::New,
                initial,
            });
        }
        words::all(slots.iter().map(|slot| self.settled(slot, START_LIMIT)))
    }

    fn ends(&mut self, slot: Slot) -> String {
        let Some(mut process) = self.processes.remove(slot) else {
            return "does not run".to_owned();
        };
        let ended = wait(START_LIMIT, || process.ended());
        ended.unwrap_or_else(|| "does not end".to_owned())
    }

    fn signal(&self, slot: Slot, name: &str) -> String {
        let Some(process) = self.processes.get(slot) else {
            return "does not run".to_owned();
        };
        process.signal(name);
        "done".to_owned()
    }

    fn cut(&self, slot: Slot, cut: bool) -> String {
        let relays = self.relays.as_ref().expect("a sequence that cuts has relays");
        if cut {
            relays.cut(slot, self.ids[slot]);
        } else {
            relays.mend(slot);
        }
        "done".to_owned()
    }

    /// What is done to processes; `None` for every other step.
    fn handle(&mut self, step: &Step) -> Option<String> {
        let answer = match step {
            Step::Boot {
                slots,
                initial,
                version,
            } => self.boot(slots, initial, *version),
            Step::Start(start) => {
                self.spawn(start);
                self.settled(start.slot, START_LIMIT)
            }
            Step::Lose(start) => {
                self.spawn(start);
                std::thread::sleep(LOST_AFTER);
                self.settled(start.slot, Duration::ZERO)
            }
            Step::Kill(slot) => {
                self.processes.remove(slot);
                // Until the others have read the end of their connections they count it as well.
                std::thread::sleep(NOTICED_AFTER);
                "done".to_owned()
            }
            Step::Freeze(slot) => self.signal(slot, "STOP"),
            Step::Thaw(slot) => self.signal(slot, "CONT"),
            Step::Cut(slot) => self.cut(slot, true),
            Step::Mend(slot) => self.cut(slot, false),
            Step::Ends(slot) => self.ends(slot),
            Step::Save(slot) => {
                copy(&self.disk(slot), &self.saved(slot));
                "done".to_owned()
            }
            Step::Pass(seconds) => {
                std::thread::sleep(Duration::from_secs(*seconds));
                "done".to_owned()
            }
            Step::NextSecond => {
                let gone = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                std::thread::sleep(Duration::from_millis(1_020 - u64::from(gone.subsec_millis())));
                "done".to_owned()
            }
            _ => return None,
        };
        self.since = Instant::now();
        Some(answer)
    }
}

impl Cluster for Real {
    fn act(&mut self, step: &Step) -> String {
        match step {
            Step::Until(step, answer, band) => self.until(step, answer, *band),
            Step::Together(steps) => self.together(steps),
            Step::Add { via, slot, learner } => self.add(via, slot, *learner),
            Step::Lead(slot) => self.lead(slot),
            step => {
                let done = self.handle(step).or_else(|| self.ask(step));
                done.unwrap_or_else(|| panic!("nobody does `{step}`"))
            }
        }
    }

    fn last_words(&self) -> String {
        let mut texts = String::new();
        for (slot, process) in &self.processes {
            texts += &format!("{slot}: {}\n", words::last(&process.log()));
        }
        texts
    }
}

fn follows(address: Ipv4Addr) -> Option<u64> {
    let Answer::Ok(value) = post(address, "/v3/maintenance/status", &json!({})) else {
        return None;
    };
    (number(&value["leader"]) != 0).then(|| number(&value["header"]["member_id"]))
}

/// The gateway writes 64-bit numbers as texts, and leaves zeros out.
fn number(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

fn wait<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let since = Instant::now();
    loop {
        let found = look();
        if found.is_some() || since.elapsed() > limit {
            return found;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn binary(toolbox: &Path, version: EtcdVersion) -> PathBuf {
    toolbox.join("etcd").join(version.to_string()).join("etcd")
}
