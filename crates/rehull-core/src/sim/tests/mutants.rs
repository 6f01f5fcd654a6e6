//! The checkers are checked: every bug of [`Mutant`] is caught, and by whom is printed.
//!
//! Goal: no bug of these kinds can stay in the core without a simulated test turning red. Method: each bug runs with
//! `audit` switched off, under the trouble that brings it to light, with one seed after the other until the world's
//! oracle, or the end of the run, gives it away; the code without the bug must pass the very same runs. Then once more
//! with `audit`: what it refuses never reaches the world.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::waiting::StopReason;
use crate::mutant::{Mutant, switched_on};
use EtcdStrategy::{LearnerFirst, Reattach, RemoveThenAdd};
use Trouble::{
    AbortedBefore, AsleepBefore, At, ByTerraform, ControlPlane, None as Nothing, SucceededBefore, Workers,
    World,
};

/// More seeds than this would make a bug look caught that is only met by luck.
const SEEDS_MAX: u64 = 12;

/// What happens while a bug is on.
#[derive(Clone, Debug)]
enum Trouble {
    None,
    /// From this second on, for so many.
    World(u64, u64, Happening),
    /// At the first request of this kind.
    At(&'static str, RequestTrouble),
    /// rehull sleeps while it writes down the intent to it, for two lives of its lease.
    AsleepBefore(&'static str),
    /// The same, and another process has taken over when it wakes up.
    SucceededBefore(&'static str),
    /// An upgrade of before was aborted after its first member: the plan of this one leaves that slot alone.
    AbortedBefore,
    /// The control plane follows.
    ControlPlane,
    /// Workers follow, and this happens.
    Workers(Vec<WorldFault>),
    /// Terraform makes the versions, and from this second on this happens.
    ByTerraform(u64, Happening),
}

/// The strategy and the trouble that bring a bug to light.
fn surroundings(mutant: Mutant) -> (EtcdStrategy, Trouble) {
    let slot = || SlotName::new("etcd-c");
    let alarm = "NOSPACE".to_owned();
    let launch = "RunInstances";
    match mutant {
        Mutant::PromoteAtOnce | Mutant::KeepSpare => (LearnerFirst, Nothing),
        Mutant::ResumeByPosition => (Reattach, Nothing),
        Mutant::SkipHealth | Mutant::SilentIsLost => {
            (RemoveThenAdd, World(1, 600, Happening::Freeze { slot: slot() }))
        }
        Mutant::FallenIsSteady => {
            let slot = slot();
            // While the first replacement boots: etcd is up again before it is ready.
            (RemoveThenAdd, World(15, 0, Happening::KillProcess { slot }))
        }
        Mutant::SkipAlarms => {
            let slot = slot();
            (RemoveThenAdd, World(1, 600, Happening::Alarm { slot, alarm }))
        }
        Mutant::ForgetSurplus => (RemoveThenAdd, World(20, 0, Happening::AskAbort)),
        Mutant::IgnoreAbort => (RemoveThenAdd, World(5, 0, Happening::AskAbort)),
        Mutant::UnreadIsEmpty => (RemoveThenAdd, World(20, 60, Happening::ExpiredCredentials)),
        Mutant::TakeOverAtOnce => (RemoveThenAdd, World(60, 0, Happening::SecondRehull)),
        Mutant::OutsideThePlan => (RemoveThenAdd, AbortedBefore),
        Mutant::AppendPastTheFence => (RemoveThenAdd, SucceededBefore(launch)),
        Mutant::SendWithoutLease => (RemoveThenAdd, AsleepBefore(launch)),
        Mutant::FailedIsDone => (RemoveThenAdd, At("HashKV", RequestTrouble::LoseRequest)),
        Mutant::LaunchAgain => (RemoveThenAdd, At(launch, RequestTrouble::LoseAnswer)),
        Mutant::DoubtIsFailure => (RemoveThenAdd, At(launch, RequestTrouble::LoseRequest)),
        Mutant::LaunchBesideTerraform => {
            let seconds = 5;
            (
                RemoveThenAdd,
                ByTerraform(0, Happening::TerraformSlow { seconds }),
            )
        }
        // Behind the last version in some of the seeds.
        Mutant::BegunIsApplied => (RemoveThenAdd, ByTerraform(30, Happening::ComputerLost)),
        Mutant::FailedRunIsApplied => {
            let slot = slot();
            (RemoveThenAdd, ByTerraform(0, Happening::ApplyDies { slot }))
        }
        Mutant::StopAtOnce | Mutant::LeaveFirst | Mutant::KeepUnproven | Mutant::ForgetRelease => {
            (RemoveThenAdd, ControlPlane)
        }
        Mutant::BlockedIsGone => {
            let blocks = world_fault(0, 600, Happening::BudgetBlocks);
            (RemoveThenAdd, Workers(vec![blocks]))
        }
        Mutant::ForgetUncordon => {
            let when = |at_s| world_fault(at_s, 0, Happening::AskAbort);
            let blocks = world_fault(0, 0, Happening::BudgetBlocks);
            (RemoveThenAdd, Workers(vec![blocks, when(500)]))
        }
        Mutant::SkipCordon | Mutant::TerminateUndrained | Mutant::ExceedBudget | Mutant::SkipOrder => {
            (RemoveThenAdd, Workers(Vec::new()))
        }
        // The others need no trouble at all.
        _ => (RemoveThenAdd, Nothing),
    }
}

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
    control_plane: Prepared,
    workers: Prepared,
}

impl Grounds {
    fn lay() -> Self {
        let lay = |strategy: EtcdStrategy| {
            let prepared = prepare(&Scenario::plain(strategy, 3, 9)).unwrap();
            (strategy.as_str(), prepared)
        };
        let plain: BTreeMap<_, _> = ALL.into_iter().map(lay).collect();
        let asked = faults(vec![], vec![world_fault(150, 0, Happening::AskAbort)]);
        let scenario = Scenario::plain(RemoveThenAdd, 3, 9).with(asked);
        let (verdict, aborted) = plain[RemoveThenAdd.as_str()]
            .upgrade_and_keep(&scenario, Rules::default())
            .unwrap();
        assert_eq!(verdict.end, End::Aborted);
        let is_new = |member: &&Option<_>| **member == Some(scenario.to);
        let new = verdict.members.iter().filter(is_new).count();
        assert!((1..3).contains(&new), "{:?}", verdict.members);
        let terraform = prepare(&Scenario::plain(RemoveThenAdd, 3, 9).by_terraform()).unwrap();
        let control_plane = prepare(&Scenario::plain(RemoveThenAdd, 3, 9).with_control_plane()).unwrap();
        let workers = prepare(&Scenario::plain(RemoveThenAdd, 3, 9).with_workers()).unwrap();
        Self {
            plain,
            aborted,
            terraform,
            control_plane,
            workers,
        }
    }

    fn ground(&self, strategy: EtcdStrategy, trouble: &Trouble) -> &Prepared {
        match trouble {
            AbortedBefore => &self.aborted,
            ByTerraform(..) => &self.terraform,
            ControlPlane => &self.control_plane,
            Workers(_) => &self.workers,
            _ => &self.plain[strategy.as_str()],
        }
    }

    /// The scenario of one seed. Where a request is to be hit, an undisturbed run says which one it is.
    fn scenario(&self, strategy: EtcdStrategy, trouble: &Trouble, seed: u64) -> Scenario {
        let quiet = Scenario::plain(strategy, 3, seed);
        let quiet = match trouble {
            ControlPlane => quiet.with_control_plane(),
            Workers(_) => quiet.with_workers(),
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
            Nothing | AbortedBefore | ControlPlane => Faults::default(),
            Workers(world) => faults(vec![], world.clone()),
            ByTerraform(at_s, what) => faults(vec![], vec![world_fault(*at_s, 0, what.clone())]),
            World(at_s, for_s, what) => faults(vec![], vec![world_fault(*at_s, *for_s, what.clone())]),
            At(what, how) => faults(vec![hit(nth(what).0, *how)], vec![]),
            AsleepBefore(what) => faults(vec![hit(nth(what).1, RequestTrouble::Pause)], vec![]),
            SucceededBefore(what) => faults(vec![hit(nth(what).1, RequestTrouble::Pause)], impatient()),
        };
        quiet.with(faults)
    }
}

fn faults(requests: Vec<RequestFault>, world: Vec<WorldFault>) -> Faults {
    Faults {
        world,
        requests,
        ..Faults::default()
    }
}

fn world_fault(at_s: u64, for_s: u64, what: Happening) -> WorldFault {
    WorldFault { at_s, for_s, what }
}

/// Who gives a run away; `None`: nobody, it looks as it should.
fn given_away(verdict: &Verdict, scenario: &Scenario) -> Option<String> {
    if let Some(first) = verdict.breaches.first() {
        let numbers: BTreeSet<String> = verdict
            .breaches
            .iter()
            .map(|breach| breach.invariant.to_string())
            .collect();
        let numbers: Vec<String> = numbers.into_iter().collect();
        return Some(format!(
            "world, invariant {}: {}",
            numbers.join(" and "),
            first.what
        ));
    }
    let asked = |fault: &WorldFault| fault.what == Happening::AskAbort;
    let expected = if scenario.faults.world.iter().any(asked) {
        End::Aborted
    } else {
        End::Finished
    };
    if verdict.end != expected {
        return Some(format!("liveness: {:?} instead of {expected:?}", verdict.end));
    }
    let served = |member: &Option<_>| match expected {
        End::Finished => *member == Some(scenario.to),
        _ => member.is_some(),
    };
    if !verdict.members.iter().all(served) {
        return Some(format!("convergence: members run {:?}", verdict.members));
    }
    let servers = scenario.control_plane.map_or(0, |wanted| wanted.machines);
    if let (Some(wanted), Some(found)) = (scenario.control_plane, &verdict.control_plane)
        && found.releases != [wanted.to; 3]
    {
        return Some(format!("convergence: servers run {:?}", found.releases));
    }
    if let (Some(wanted), Some(found)) = (scenario.workers, &verdict.workers)
        && expected == End::Finished
        && found.kubelets != vec![wanted.to; usize::from(wanted.groups * wanted.machines)]
    {
        return Some(format!("convergence: nodes run {:?}", found.kubelets));
    }
    let workers = scenario
        .workers
        .map_or(0, |wanted| wanted.groups * wanted.machines);
    let machines = usize::from(scenario.members + servers + workers);
    (verdict.machines != machines)
        .then(|| format!("convergence: {} machines instead of {machines}", verdict.machines))
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
    by: Option<String>,
    seeds: u64,
    audit: Option<String>,
    /// What the same run without the bug was blamed for.
    without: Option<String>,
}

fn catch(grounds: &Grounds, mutant: Mutant) -> Caught {
    let (strategy, trouble) = surroundings(mutant);
    let blind = Rules {
        check: |_, _, _| Ok(()),
        ..Rules::default()
    };
    let ground = grounds.ground(strategy, &trouble);
    let mut caught = Caught {
        mutant,
        by: None,
        seeds: 0,
        audit: None,
        without: None,
    };
    for seed in 1..=SEEDS_MAX {
        let scenario = grounds.scenario(strategy, &trouble, seed);
        let sound = ground.upgrade(&scenario, Rules::default()).unwrap();
        if let Some(by) = given_away(&sound, &scenario) {
            caught.without = Some(format!("seed {seed}: {by}"));
            break;
        }
        let run = |rules| switched_on(mutant, || ground.upgrade(&scenario, rules).unwrap());
        caught.seeds = seed;
        caught.by = given_away(&run(blind), &scenario);
        if caught.by.is_some() {
            caught.audit = refused(&run(Rules::default()));
            break;
        }
    }
    caught
}

#[test]
fn every_bug_is_caught_and_the_table_says_by_whom() {
    let grounds = Grounds::lay();
    let all: Vec<Caught> = Mutant::ALL
        .iter()
        .map(|mutant| catch(&grounds, *mutant))
        .collect();
    for line in &all {
        let (strategy, trouble) = surroundings(line.mutant);
        let by = line.by.as_deref().unwrap_or("NOBODY");
        let audit = line.audit.as_deref().unwrap_or("refuses nothing");
        println!("{:?} ({}, {trouble:?})", line.mutant, strategy.as_str());
        println!("    seed {:>2}  {by}\n    audit    {audit}", line.seeds);
    }
    let by_audit = all.iter().filter(|line| line.audit.is_some()).count();
    println!("{} bugs; audit alone refuses {by_audit}", all.len());
    let blamed: Vec<_> = all
        .iter()
        .filter_map(|line| line.without.as_ref().map(|by| (line.mutant, by)))
        .collect();
    assert_eq!(blamed, []);
    let missed: Vec<Mutant> = all
        .iter()
        .filter(|line| line.by.is_none())
        .map(|line| line.mutant)
        .collect();
    assert_eq!(missed, []);
}
