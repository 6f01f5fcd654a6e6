//! Every fault in every phase: what a campaign draws by luck only, and what it never draws, is aimed at here.
//!
//! A calm run tells at which of rehull's requests each phase is passed through; the fault strikes at such a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use rehull_core::domain::ids::SlotName;
use rehull_core::domain::policy::EtcdStrategy;
use rehull_core::sim::coverage::{Coverage, faults, group_phases, phases, struck, unfillable};
use rehull_core::sim::fault::{Cue, Happening, RequestTrouble, Then, WorldFault};
use rehull_core::sim::{End, Faults, Scenario, Verdict, story, write_scenario};

use crate::bench::{everywhere, play};

/// So many requests of a phase are tried: some are no longer made, or made in another phase, once something goes wrong.
const TRIES: usize = 8;
/// No kind of request is made so often in a calm run.
const EACH: u64 = 200;

/// Where a fault can be felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The one strategy whose dance has all phases.
    Etcd,
    /// The same, where Terraform works.
    ByTerraform,
    /// The same, with a control plane that stays as it is until etcd is done.
    BesideServers,
    /// A control plane, whose etcd is new already.
    ControlPlane,
}

impl Place {
    const ALL: [Self; 4] = [
        Self::Etcd,
        Self::ByTerraform,
        Self::BesideServers,
        Self::ControlPlane,
    ];

    fn of(word: &str, phase: &str) -> Self {
        match word {
            _ if group_phases().contains(&phase) => Self::ControlPlane,
            "server-lost" => Self::BesideServers,
            word if OF_TERRAFORM.contains(&word) => Self::ByTerraform,
            _ => Self::Etcd,
        }
    }

    fn calm(self) -> Scenario {
        let plain = Scenario::plain(EtcdStrategy::LearnerFirst, 3, 1);
        match self {
            Self::Etcd => plain,
            Self::ByTerraform => plain.by_terraform(),
            Self::BesideServers => plain.with_control_plane(),
            Self::ControlPlane => {
                let plain = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 1).with_control_plane();
                Scenario {
                    from: plain.to,
                    ..plain
                }
            }
        }
    }
}

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
            let what = Happening::named(word, slot, Some("NOSPACE".to_owned()), Some(90));
            world(what.unwrap(), 90)
        },
        Then::Trouble,
    )
}

type ByPhase = BTreeMap<&'static str, Vec<(&'static str, u64)>>;

/// Requests by the phase in which each is made: its kind, and which of its kind it is.
fn requests_by_phase(place: Place) -> ByPhase {
    let calm = place.calm();
    let kinds: BTreeSet<&str> = play(&calm).requests.iter().map(|passed| passed.what).collect();
    // A jump by nothing changes nothing, and is written down with the phase.
    let mark = |kind: &str, nth| Cue {
        request: kind.to_owned(),
        nth,
        then: world(Happening::ClockJump { seconds: 0 }, 0),
    };
    let marks = kinds
        .iter()
        .flat_map(|kind| (1..=EACH).map(move |nth| mark(kind, nth)));
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

/// Breaks a promise, or goes on for ever. How far it comes is another matter: some of these faults are for a person. A
/// member that somebody has removed by hand is waited for until a person aborts the rollout and heals it.
fn wrong(word: &str, verdict: &Verdict) -> bool {
    let is_endless = matches!(verdict.end, End::Endless(_)) && word != "remove-member";
    !verdict.breaches.is_empty() || is_endless
}

struct Aimed {
    coverage: Coverage,
    failures: Vec<String>,
}

/// All of them, played once.
static AIMED: LazyLock<Aimed> = LazyLock::new(|| {
    let all_requests = Place::ALL.map(|place| (place, requests_by_phase(place)));
    let all_requests = BTreeMap::from(all_requests);
    let cells: Vec<(&str, &str)> = faults()
        .into_iter()
        .flat_map(|fault| {
            let columns = phases().into_iter().chain(group_phases());
            columns.map(move |phase| (fault, phase))
        })
        .filter(|(fault, phase)| unfillable(fault, phase).is_none())
        .collect();
    let all = Mutex::new(Aimed {
        coverage: Coverage::default(),
        failures: Vec::new(),
    });
    everywhere(u64::try_from(cells.len()).unwrap(), |job| {
        let (word, phase) = cells[usize::try_from(job).unwrap()];
        let place = Place::of(word, phase);
        let requests = &all_requests[&place];
        for (request, nth) in requests.get(phase).into_iter().flatten().take(TRIES) {
            let cue = Cue {
                request: (*request).to_owned(),
                nth: *nth,
                then: fault(word),
            };
            let scenario = Scenario {
                about: format!("{word} in phase {phase}"),
                ..place.calm()
            }
            .with(Faults {
                cues: vec![cue],
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
            if struck(&verdict).contains(&(word, phase)) {
                break;
            }
        }
    });
    all.into_inner().unwrap()
});

/// What all of them have touched.
pub(crate) fn coverage() -> &'static Coverage {
    &AIMED.coverage
}

#[test]
#[ignore = "soak: aims at every phase of a control plane, too, which takes minutes; `make sim`"]
fn every_fault_can_strike_in_every_phase_and_breaks_no_promise_there() {
    println!("{}", AIMED.coverage.table());
    assert!(AIMED.failures.is_empty(), "{}", AIMED.failures.join("\n"));
    assert_eq!(AIMED.coverage.cells_missed(), [("", ""); 0]);
}
