//! Every fault in every phase: what a campaign draws by luck only, and what it never draws, is aimed at here.
//!
//! A calm run tells at which of rehull's requests each phase is passed through; the fault strikes at such a request.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use rehull_core::domain::ids::SlotName;
use rehull_core::domain::policy::EtcdStrategy;
use rehull_core::sim::coverage::{Coverage, faults, group_phases, phases, struck, unfillable};
use rehull_core::sim::fault::{Cue, Happening, RequestTrouble, Then, WorldFault};
use rehull_core::sim::{Breach, End, Faults, Scenario, Verdict, story, write_scenario};

use crate::bench::{everywhere, play};

/// So many requests of a phase are tried: some are no longer made, or made in another phase, once something goes wrong.
const TRIES: usize = 8;

/// Where a fault can be felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The one strategy whose dance has all phases.
    Etcd,
    /// The same, where Terraform works.
    ByTerraform,
    /// The same, with a control plane that stays as it is until etcd is done.
    BesideServers,
    /// The same, with workers that stay as they are until then.
    BesideWorkers,
    /// A control plane, whose etcd is new already.
    ControlPlane,
    /// The same, with workers.
    ServersThenWorkers,
    /// Workers, with etcd new already and nothing else.
    Workers,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Etcd,
        Self::ByTerraform,
        Self::BesideServers,
        Self::BesideWorkers,
        Self::ControlPlane,
        Self::ServersThenWorkers,
        Self::Workers,
    ];

    fn of(word: &str, phase: &str) -> Self {
        let of_group = group_phases().contains(&phase);
        match word {
            word if OF_WORKERS.contains(&word) && of_group => Self::ServersThenWorkers,
            "server-lost" | "listener-gone" if phase == DRAIN => Self::ServersThenWorkers,
            _ if phase == DRAIN => Self::Workers,
            _ if of_group => Self::ControlPlane,
            "server-lost" | "listener-gone" => Self::BesideServers,
            word if OF_WORKERS.contains(&word) => Self::BesideWorkers,
            word if OF_TERRAFORM.contains(&word) => Self::ByTerraform,
            _ => Self::Etcd,
        }
    }

    fn calm(self) -> Scenario {
        let plain = Scenario::plain(EtcdStrategy::LearnerFirst, 3, 1);
        let servers = Scenario {
            from: plain.to,
            ..Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 1).with_control_plane()
        };
        match self {
            Self::Etcd => plain,
            Self::ByTerraform => plain.by_terraform(),
            Self::BesideServers => plain.with_control_plane(),
            Self::BesideWorkers => plain.with_workers(),
            Self::ControlPlane => servers,
            Self::ServersThenWorkers => servers.with_workers(),
            Self::Workers => Scenario {
                control_plane: None,
                ..servers.with_workers()
            },
        }
    }
}

/// The phase that only workers have.
const DRAIN: &str = "drain";

/// Words of what befalls workers and what runs there, or their group.
const OF_WORKERS: [&str; 9] = [
    "node-lost",
    "kubelet-hangs",
    "budget-blocks",
    "scale-out",
    "zone-added",
    "version-edited",
    "max-lowered",
    "processes-resumed",
    "scale-in",
];

/// Words of what is met by Terraform alone, or by its computer.
const OF_TERRAFORM: [&str; 6] = [
    "computer-lost",
    "plan-dies",
    "apply-dies",
    "plan-changed",
    "state-locked",
    "terraform-slow",
];

fn world(what: Happening, for_s: u64) -> Then {
    Then::World(WorldFault { at_s: 0, for_s, what })
}

/// A fault of this word, short enough to be got over.
fn fault(word: &str) -> Then {
    let how = if word == "throttle-one" { "throttle" } else { word };
    let mut troubles = RequestTrouble::ALL.into_iter();
    let trouble = troubles.find(|trouble| trouble.name() == how && !Happening::NAMES.contains(&word));
    trouble.map_or_else(
        || {
            let slot = Some(SlotName::new("etcd-c"));
            // What AWS tells is never so old.
            let seconds = if word == "stale-reads" { 8 } else { 90 };
            let what = Happening::named(word, slot, Some("NOSPACE".to_owned()), Some(seconds));
            world(what.unwrap(), 90)
        },
        Then::Trouble,
    )
}

type ByPhase = BTreeMap<&'static str, Vec<(&'static str, u64)>>;

/// Requests by the phase in which each is made: its kind, and which of its kind it is.
fn requests_by_phase(place: Place) -> ByPhase {
    let calm = place.calm();
    let mut made: BTreeMap<&str, u64> = BTreeMap::new();
    for passed in &play(&calm).requests {
        *made.entry(passed.what).or_default() += 1;
    }
    // A jump by nothing changes nothing, and is written down with the phase.
    let mark = |kind: &str, nth| Cue {
        request: kind.to_owned(),
        nth,
        then: world(Happening::ClockJump { seconds: 0 }, 0),
    };
    let marks = made
        .iter()
        .flat_map(|(kind, times)| (1..=*times).map(move |nth| mark(kind, nth)));
    let marked = play(&calm.with(Faults {
        cues: marks.collect(),
        ..Faults::default()
    }));
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    let mut by_phase = ByPhase::new();
    for (passed, (_, phase)) in marked.requests.iter().zip(struck(&marked)) {
        let nth = seen.entry(passed.what).or_default();
        *nth += 1;
        by_phase.entry(phase).or_default().push((passed.what, *nth));
    }
    by_phase
}

/// Breaks a promise, or goes on for ever. How far it comes is another matter: some of these faults are for a person.
fn wrong(word: &str, verdict: &Verdict) -> bool {
    // What somebody sets at the very request that sets it too crosses with it (`open/README.md`).
    let crosses = ["scale-in", "scale-out", "max-lowered"].contains(&word);
    let is_open = |breach: &Breach| crosses && breach.what.starts_with("the sizes of ");
    let is_broken = verdict.breaches.iter().any(|breach| !is_open(breach));
    is_broken || verdict.breaches.is_empty() && matches!(verdict.end, End::Endless(_))
}

#[derive(Default)]
struct Aimed {
    coverage: Coverage,
    failures: Vec<String>,
}

/// The first requests of each phase of each place, found once.
static REQUESTS: LazyLock<BTreeMap<Place, ByPhase>> = LazyLock::new(|| {
    let found = Mutex::new(BTreeMap::new());
    everywhere(u64::try_from(Place::ALL.len()).unwrap(), |job| {
        let place = Place::ALL[usize::try_from(job).unwrap()];
        let requests = requests_by_phase(place);
        found.lock().unwrap().insert(place, requests);
    });
    found.into_inner().unwrap()
});

/// The one strike of a fault that comes at this request.
fn cue(word: &str, (request, nth): (&str, u64)) -> Cue {
    Cue {
        request: request.to_owned(),
        nth,
        then: fault(word),
    }
}

/// Plays what these cues bring, and counts it. The cells that were hit.
fn strike(place: Place, word: &str, cues: Vec<Cue>, all: &Mutex<Aimed>) -> Vec<(&'static str, &'static str)> {
    let scenario = Scenario {
        about: format!("{word} at {} requests", cues.len()),
        ..place.calm()
    }
    .with(Faults {
        cues,
        ..Faults::default()
    });
    let verdict = play(&scenario);
    let mut all = all.lock().unwrap();
    all.coverage.add(&verdict);
    if wrong(word, &verdict) {
        let (story, file) = (story(&scenario, &verdict), write_scenario(&scenario));
        all.failures
            .push(format!("{:?}\n{story}\n{file}", verdict.breaches));
    }
    struck(&verdict)
}

/// The cells of a fault that can be felt, by the place where.
fn cells(word: &'static str) -> BTreeMap<Place, Vec<&'static str>> {
    let mut by_place: BTreeMap<Place, Vec<&str>> = BTreeMap::new();
    let columns = phases().into_iter().chain(group_phases());
    for phase in columns.filter(|phase| unfillable(word, phase).is_none()) {
        by_place.entry(Place::of(word, phase)).or_default().push(phase);
    }
    by_place
}

/// Strikes in this phase and nowhere else, at one of its requests after the other until it was felt there.
fn aim(place: Place, word: &'static str, phase: &'static str, all: &Mutex<Aimed>) {
    let requests = REQUESTS[&place].get(phase).into_iter().flatten();
    for request in requests.take(TRIES) {
        if strike(place, word, vec![cue(word, *request)], all).contains(&(word, phase)) {
            break;
        }
    }
}

/// One run of each fault at each place: it strikes again in every phase. What that run did not come to is aimed at by
/// itself.
static AIMED: LazyLock<Aimed> = LazyLock::new(|| {
    let jobs: Vec<(&str, Place, Vec<&str>)> = faults()
        .into_iter()
        .flat_map(|word| {
            let cells = cells(word).into_iter();
            cells.map(move |(place, phases)| (word, place, phases))
        })
        .collect();
    let all = Mutex::new(Aimed::default());
    everywhere(u64::try_from(jobs.len()).unwrap(), |job| {
        let (word, place, phases) = &jobs[usize::try_from(job).unwrap()];
        let first = |phase: &&str| REQUESTS[place].get(phase)?.first().copied();
        let cues = phases.iter().filter_map(first).map(|request| cue(word, request));
        let hit = strike(*place, word, cues.collect(), &all);
        for phase in phases.iter().filter(|phase| !hit.contains(&(*word, **phase))) {
            aim(*place, word, phase, &all);
        }
    });
    all.into_inner().unwrap()
});

/// What all of them have touched.
pub(crate) fn coverage() -> &'static Coverage {
    &AIMED.coverage
}

#[test]
fn every_fault_can_strike_in_every_phase_and_breaks_no_promise_there() {
    println!("{}", AIMED.coverage.table());
    assert!(AIMED.failures.is_empty(), "{}", AIMED.failures.join("\n"));
    assert_eq!(AIMED.coverage.cells_missed(), [("", ""); 0]);
}

#[test]
#[ignore = "soak: a run of its own for each cell, `make sim`"]
fn every_fault_that_strikes_in_one_phase_and_nowhere_else_breaks_no_promise_there() {
    let cells: Vec<(&str, Place, &str)> = faults()
        .into_iter()
        .flat_map(|word| cells(word).into_iter().map(move |found| (word, found)))
        .flat_map(|(word, (place, phases))| phases.into_iter().map(move |phase| (word, place, phase)))
        .collect();
    let all = Mutex::new(Aimed::default());
    everywhere(u64::try_from(cells.len()).unwrap(), |job| {
        let (word, place, phase) = cells[usize::try_from(job).unwrap()];
        aim(place, word, phase, &all);
    });
    let all = all.into_inner().unwrap();
    println!("{}", all.coverage.table());
    assert!(all.failures.is_empty(), "{}", all.failures.join("\n"));
    assert_eq!(all.coverage.cells_missed(), [("", ""); 0]);
}
