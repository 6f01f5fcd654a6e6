//! The checkers are checked: every bug of [`Mutant`] is caught, and by whom is printed.
//!
//! Goal: no bug of these kinds can stay in the core without a simulated test turning red. Method: each bug runs with
//! `audit` switched off, under the trouble that brings it to light, with one seed after the other until the world's
//! oracle, or the end of the run, gives it away; the code without the bug must pass the very same runs. Then once more
//! with `audit`: what it refuses never reaches the world.

mod cases;

use std::collections::BTreeMap;

use super::*;
use crate::domain::waiting::StopReason;
use crate::mutant::{Mutant, switched_on};
use crate::sim::Workers;
use crate::sim::fault::{Cue, Then};
use cases::{Case, Rule, Trouble, cases};

/// More seeds than this would make a bug look caught that is only met by luck.
const SEEDS_MAX: u64 = 12;

/// Somebody starts rehull again and again, as an impatient pipeline would.
fn impatient() -> Vec<WorldFault> {
    let start = |at_s| world_fault(at_s, 0, Happening::SecondRehull);
    (1..16).map(|nth| start(nth * 10)).collect()
}

/// The clusters that bugs are tried on, made without any.
struct Grounds {
    plain: BTreeMap<&'static str, Prepared>,
    aborted: Prepared,
    terraform: Prepared,
    of_another: Prepared,
    control_plane: Prepared,
    workers: Prepared,
    over_zones: Prepared,
    servers_then_workers: Prepared,
}

impl Grounds {
    fn lay() -> Self {
        let lay = |strategy: EtcdStrategy| {
            let prepared = prepare(&Scenario::plain(strategy, 3, 9)).unwrap();
            (strategy.as_str(), prepared)
        };
        let plain: BTreeMap<_, _> = ALL.into_iter().map(lay).collect();
        let asked = faults(vec![], vec![world_fault(150, 0, Happening::AskAbort)]);
        let first = &plain[EtcdStrategy::RemoveThenAdd.as_str()];
        let calm = Scenario::plain(EtcdStrategy::RemoveThenAdd, 3, 9);
        let scenario = calm.clone().with(asked);
        let (verdict, aborted) = first.upgrade_and_keep(&scenario, Rules::default()).unwrap();
        assert_eq!(verdict.end, End::Aborted);
        let is_new = |member: &&Option<_>| **member == Some(scenario.to);
        let new = verdict.members.iter().filter(is_new).count();
        assert!((1..3).contains(&new), "{:?}", verdict.members);
        let of_another = first.clone().with_the_record_of_another().unwrap();
        let lay = |scenario: Scenario| prepare(&scenario).unwrap();
        Self {
            aborted,
            of_another,
            terraform: lay(calm.clone().by_terraform()),
            control_plane: lay(calm.clone().with_control_plane()),
            workers: lay(calm.clone().with_workers()),
            over_zones: lay(over_zones(calm.clone())),
            servers_then_workers: lay(calm.with_control_plane().with_workers()),
            plain,
        }
    }

    fn ground(&self, strategy: EtcdStrategy, trouble: &Trouble) -> &Prepared {
        match trouble {
            Trouble::AbortedBefore => &self.aborted,
            Trouble::OfAnother => &self.of_another,
            Trouble::ByTerraform(..) => &self.terraform,
            Trouble::ControlPlane(_) => &self.control_plane,
            Trouble::Workers(_) => &self.workers,
            Trouble::OverZones => &self.over_zones,
            Trouble::ServersThenWorkers => &self.servers_then_workers,
            _ => &self.plain[strategy.as_str()],
        }
    }

    /// The scenario of one seed. Where a request is to be hit, an undisturbed run says which one it is.
    fn scenario(&self, strategy: EtcdStrategy, trouble: &Trouble, seed: u64) -> Scenario {
        let quiet = Scenario::plain(strategy, 3, seed);
        let quiet = match trouble {
            Trouble::ControlPlane(_) => quiet.with_control_plane(),
            Trouble::Workers(_) => quiet.with_workers(),
            Trouble::OverZones => over_zones(quiet),
            Trouble::ServersThenWorkers => quiet.with_control_plane().with_workers(),
            _ => quiet,
        };
        let nth = |what: &str| {
            let verdict = self.ground(strategy, trouble).upgrade(&quiet, Rules::default());
            let requests = verdict.unwrap().requests;
            let hit = requests.iter().position(|passed| passed.what == what).unwrap();
            let append = |passed: &Passed| passed.what == "append segment";
            (hit, requests[..hit].iter().rposition(append).unwrap())
        };
        let hit = |nth: usize, how| RequestFault {
            nth: u64::try_from(nth).unwrap(),
            how,
        };
        let faults = match trouble {
            Trouble::None
            | Trouble::AbortedBefore
            | Trouble::OfAnother
            | Trouble::ControlPlane(None)
            | Trouble::OverZones
            | Trouble::ServersThenWorkers => Faults::default(),
            Trouble::Workers(world) => faults(vec![], world.clone()),
            Trouble::ByTerraform(at_s, what) => faults(vec![], vec![world_fault(*at_s, 0, what.clone())]),
            Trouble::World(at_s, for_s, what) => {
                faults(vec![], vec![world_fault(*at_s, *for_s, what.clone())])
            }
            Trouble::At(what, how) => faults(vec![hit(nth(what).0, *how)], vec![]),
            Trouble::ControlPlane(Some((what, how, fault))) => cued(what, *how, std::slice::from_ref(fault)),
            Trouble::AsleepBefore(what) => faults(vec![hit(nth(what).1, RequestTrouble::Pause)], vec![]),
            Trouble::SucceededBefore(what) => {
                faults(vec![hit(nth(what).1, RequestTrouble::Pause)], impatient())
            }
        };
        quiet.with(faults)
    }
}

/// One group of three machines over three zones.
fn over_zones(quiet: Scenario) -> Scenario {
    let workers = Workers {
        zones: 3,
        ..Workers::new(1, 3)
    };
    Scenario {
        workers: Some(workers),
        ..quiet
    }
}

fn faults(requests: Vec<RequestFault>, world: Vec<WorldFault>) -> Faults {
    Faults {
        world,
        requests,
        ..Faults::default()
    }
}

/// All of it at the first request of this kind.
fn cued(request: &str, how: RequestTrouble, world: &[WorldFault]) -> Faults {
    let cue = |then| Cue {
        request: request.to_owned(),
        nth: 1,
        then,
    };
    let world = world.iter().map(|fault| cue(Then::World(fault.clone())));
    Faults {
        cues: std::iter::once(cue(Then::Trouble(how))).chain(world).collect(),
        ..Faults::default()
    }
}

fn world_fault(at_s: u64, for_s: u64, what: Happening) -> WorldFault {
    WorldFault { at_s, for_s, what }
}

/// What gives a run away, all of it.
fn given_away(verdict: &Verdict, scenario: &Scenario, trouble: &Trouble) -> Vec<(Rule, String)> {
    if !verdict.breaches.is_empty() {
        let broken = verdict.breaches.iter();
        let broken = broken.map(|breach| (Rule::Broken(breach.invariant, ""), breach.what.clone()));
        return broken.collect();
    }
    let asked = |fault: &WorldFault| fault.what == Happening::AskAbort;
    let is_as_expected = match (&verdict.end, trouble) {
        // Nobody touches a cluster that is not the recorded one.
        (End::Stopped(_), Trouble::OfAnother) => return Vec::new(),
        (_, Trouble::OfAnother) => false,
        (End::Aborted, _) => scenario.faults.world.iter().any(asked),
        (End::Finished, _) => !scenario.faults.world.iter().any(asked),
        _ => false,
    };
    if !is_as_expected {
        return vec![(Rule::Liveness, format!("{:?}", verdict.end))];
    }
    let differs = |what: String| vec![(Rule::Convergence(""), what)];
    let served = |member: &Option<_>| match verdict.end {
        End::Finished => *member == Some(scenario.to),
        _ => member.is_some(),
    };
    if !verdict.members.iter().all(served) {
        return differs(format!("members run {:?}", verdict.members));
    }
    let servers = scenario.control_plane.map_or(0, |wanted| wanted.machines);
    if let (Some(wanted), Some(found)) = (scenario.control_plane, &verdict.control_plane)
        && found.releases != [wanted.to; 3]
    {
        return differs(format!("servers run {:?}", found.releases));
    }
    if let (Some(wanted), Some(found)) = (scenario.workers, &verdict.workers)
        && verdict.end == End::Finished
        && found.kubelets != vec![wanted.to; usize::from(wanted.groups * wanted.machines)]
    {
        return differs(format!("nodes run {:?}", found.kubelets));
    }
    let workers = scenario
        .workers
        .map_or(0, |wanted| wanted.groups * wanted.machines);
    let machines = usize::from(scenario.members + servers + workers);
    if verdict.machines == machines {
        Vec::new()
    } else {
        differs(format!("{} machines instead of {machines}", verdict.machines))
    }
}

impl Rule {
    /// What was found is its business.
    fn says(self, (found, words): &(Self, String)) -> bool {
        match (self, found) {
            (Self::Broken(invariant, wanted), Self::Broken(number, _)) => {
                invariant == *number && words.contains(wanted)
            }
            (Self::Convergence(wanted), Self::Convergence(_)) => words.contains(wanted),
            (Self::Liveness, Self::Liveness) => true,
            _ => false,
        }
    }
}

/// `audit` refused something before it was sent.
fn refused(verdict: &Verdict) -> Option<String> {
    match &verdict.end {
        End::Stopped(ended) => match ended.as_ref() {
            Ended::Stopped {
                reason: StopReason::OutsideEnvelope { what },
                ..
            } if what.starts_with("invariant ") => Some(what.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A line of the table.
struct Caught {
    mutant: Mutant,
    case: Case,
    /// Everything that gave the first run away that was given away.
    by: Vec<(Rule, String)>,
    seeds: u64,
    audit: Option<String>,
    /// What the same run without the bug was blamed for.
    without: Option<String>,
}

impl Caught {
    fn is_caught_for_its_reason(&self) -> bool {
        self.by.iter().any(|found| self.case.rule.says(found))
    }

    fn words(&self) -> String {
        if self.by.is_empty() {
            return "NOBODY".to_owned();
        }
        let each = self.by.iter().map(|(rule, what)| match rule {
            Rule::Broken(invariant, _) => format!("world, invariant {invariant}: {what}"),
            Rule::Liveness => format!("liveness: {what}"),
            Rule::Convergence(_) => format!("convergence: {what}"),
        });
        each.collect::<Vec<_>>().join("; ")
    }
}

fn catch(grounds: &Grounds, mutant: Mutant, case: Case) -> Caught {
    let blind = Rules {
        check: |_, _, _| Ok(()),
        ..Rules::default()
    };
    let (strategy, trouble) = (case.strategy, case.trouble.clone());
    let ground = grounds.ground(strategy, &trouble);
    let mut caught = Caught {
        mutant,
        case,
        by: Vec::new(),
        seeds: 0,
        audit: None,
        without: None,
    };
    for seed in 1..=SEEDS_MAX {
        let scenario = grounds.scenario(strategy, &trouble, seed);
        let sound = ground.upgrade(&scenario, Rules::default()).unwrap();
        if let Some((_, by)) = given_away(&sound, &scenario, &trouble).first() {
            caught.without = Some(format!("seed {seed}: {by}"));
            break;
        }
        let run = |rules| switched_on(mutant, || ground.upgrade(&scenario, rules).unwrap());
        caught.seeds = seed;
        caught.by = given_away(&run(blind), &scenario, &trouble);
        if !caught.by.is_empty() {
            caught.audit = refused(&run(Rules::default()));
            break;
        }
    }
    caught
}

#[test]
fn every_bug_is_caught_and_the_table_says_by_whom() {
    let grounds = Grounds::lay();
    let all = Mutant::ALL
        .iter()
        .flat_map(|mutant| cases(*mutant).into_iter().map(|case| (*mutant, case)));
    let all: Vec<Caught> = all.map(|(mutant, case)| catch(&grounds, mutant, case)).collect();
    for line in &all {
        let (strategy, trouble) = (line.case.strategy, &line.case.trouble);
        let by = line.words();
        let audit = line.audit.as_deref().unwrap_or("refuses nothing");
        println!("{:?} ({}, {trouble:?})", line.mutant, strategy.as_str());
        println!("    seed {:>2}  {by}\n    audit    {audit}", line.seeds);
    }
    let by_audit = all.iter().filter(|line| line.audit.is_some()).count();
    println!(
        "{} bugs in {} surroundings; audit alone refuses {by_audit}",
        Mutant::ALL.len(),
        all.len()
    );
    let blamed: Vec<_> = all
        .iter()
        .filter_map(|line| line.without.as_ref().map(|by| (line.mutant, by)))
        .collect();
    assert_eq!(blamed, []);
    let missed: Vec<_> = all
        .iter()
        .filter(|line| !line.is_caught_for_its_reason())
        .map(|line| (line.mutant, line.case.rule, line.words()))
        .collect();
    assert_eq!(missed, []);
}
