//! The checkers are checked: every bug of [`Mutant`] is caught, and by whom is printed.
//!
//! Goal: no bug of these kinds can stay in the core without a simulated test turning red. Method: each bug runs with
//! `audit` switched off, under the trouble that brings it to light, with one seed after the other until the world's
//! oracle, or the end of the run, gives it away; the code without the bug must pass the very same runs. Then once more
//! with `audit`: what it refuses never reaches the world.

use std::collections::BTreeMap;

use super::*;
use crate::domain::waiting::StopReason;
use crate::mutant::{Mutant, switched_on};
use EtcdStrategy::{LearnerFirst, Reattach, RemoveThenAdd};
use Trouble::{AbortedBefore, At, JustBefore, None as Nothing, World};

/// More seeds than this would make a bug look caught that is only met by luck.
const SEEDS_MAX: u64 = 12;

/// What happens while a bug is on.
#[derive(Clone, Debug)]
enum Trouble {
    None,
    World(Vec<(u64, u64, Happening)>),
    /// At the first request of this kind.
    At(&'static str, RequestTrouble),
    /// At the last write to the journal before it, with other processes waiting to take over.
    JustBefore(&'static str, RequestTrouble),
    /// An upgrade of before was aborted after its first member: the plan of this one leaves that slot alone.
    AbortedBefore,
}

fn slot(letter: &str) -> SlotName {
    SlotName::new(format!("etcd-{letter}"))
}

fn world(at_s: u64, for_s: u64, what: Happening) -> Trouble {
    World(vec![(at_s, for_s, what)])
}

fn frozen() -> Trouble {
    world(1, 600, Happening::Freeze { slot: slot("b") })
}

/// Every bug with the strategy and the trouble that bring it to light.
fn bugs() -> Vec<(Mutant, EtcdStrategy, Trouble)> {
    let alarm = "NOSPACE".to_owned();
    let alarmed = world(
        1,
        600,
        Happening::Alarm {
            slot: slot("b"),
            alarm,
        },
    );
    vec![
        (Mutant::SkipHealth, RemoveThenAdd, frozen()),
        (Mutant::SkipAlarms, RemoveThenAdd, alarmed),
        (Mutant::SkipCompare, RemoveThenAdd, Nothing),
        (Mutant::PromoteAtOnce, LearnerFirst, Nothing),
        (Mutant::SkipBake, RemoveThenAdd, Nothing),
        (Mutant::ForgetSnapshot, RemoveThenAdd, Nothing),
        (Mutant::HalfIsAQuorum, RemoveThenAdd, Nothing),
        (Mutant::LeaderFirst, RemoveThenAdd, Nothing),
        (Mutant::KeepLeadership, RemoveThenAdd, Nothing),
        (Mutant::TwoAtOnce, RemoveThenAdd, Nothing),
        (Mutant::HastyNext, RemoveThenAdd, Nothing),
        (Mutant::NextBeforeJoined, RemoveThenAdd, Nothing),
        (Mutant::ResumeByPosition, Reattach, Nothing),
        (Mutant::RemoveFirst, RemoveThenAdd, Nothing),
        (Mutant::SilentIsLost, RemoveThenAdd, frozen()),
        (Mutant::ReuseGeneration, RemoveThenAdd, Nothing),
        (Mutant::GoBeforeParts, RemoveThenAdd, Nothing),
        (Mutant::TerminateBeforeJoined, RemoveThenAdd, Nothing),
        (Mutant::ForgetOldMachine, RemoveThenAdd, Nothing),
        (
            Mutant::ForgetSurplus,
            RemoveThenAdd,
            world(20, 0, Happening::AskAbort),
        ),
        (Mutant::KeepSpare, LearnerFirst, Nothing),
        (Mutant::AnyTemplateVersion, RemoveThenAdd, Nothing),
        (Mutant::OutsideThePlan, RemoveThenAdd, AbortedBefore),
        (Mutant::GiveUpAtOnce, RemoveThenAdd, Nothing),
        (
            Mutant::UnreadIsEmpty,
            RemoveThenAdd,
            world(20, 60, Happening::ExpiredCredentials),
        ),
        (
            Mutant::IgnoreAbort,
            RemoveThenAdd,
            world(5, 0, Happening::AskAbort),
        ),
        (Mutant::AppendAfterAct, RemoveThenAdd, Nothing),
        (
            Mutant::AppendPastTheFence,
            RemoveThenAdd,
            At("RunInstances", RequestTrouble::Pause),
        ),
        (
            Mutant::FailedIsDone,
            RemoveThenAdd,
            At("HashKV", RequestTrouble::LoseRequest),
        ),
        (
            Mutant::LaunchAgain,
            RemoveThenAdd,
            At("RunInstances", RequestTrouble::LoseAnswer),
        ),
        (Mutant::NotVisibleIsGone, RemoveThenAdd, Nothing),
        (
            Mutant::SendWithoutLease,
            RemoveThenAdd,
            JustBefore("RunInstances", RequestTrouble::Pause),
        ),
        (
            Mutant::TakeOverAtOnce,
            RemoveThenAdd,
            world(60, 0, Happening::SecondRehull),
        ),
    ]
}

/// Somebody starts rehull again and again, as an impatient pipeline would.
fn impatient() -> Vec<WorldFault> {
    let start = |at_s| WorldFault {
        at_s,
        for_s: 0,
        what: Happening::SecondRehull,
    };
    (1..16).map(|nth| start(nth * 10)).collect()
}

/// The clusters that bugs are tried on, made without any.
struct Grounds {
    plain: BTreeMap<&'static str, Prepared>,
    aborted: Prepared,
}

impl Grounds {
    fn lay() -> Self {
        let lay = |strategy: EtcdStrategy| {
            let prepared = prepare(&Scenario::plain(strategy, 3, 9)).unwrap();
            (strategy.as_str(), prepared)
        };
        let plain: BTreeMap<_, _> = ALL.into_iter().map(lay).collect();
        let asked = faults(vec![], vec![world_fault(&(150, 0, Happening::AskAbort))]);
        let scenario = Scenario::plain(RemoveThenAdd, 3, 9).with(asked);
        let (verdict, aborted) = plain[RemoveThenAdd.as_str()]
            .upgrade_and_keep(&scenario, Rules::default())
            .unwrap();
        assert_eq!(verdict.end, End::Aborted);
        let is_new = |member: &&Option<_>| **member == Some(scenario.to);
        let new = verdict.members.iter().filter(is_new).count();
        assert!((1..3).contains(&new), "{:?}", verdict.members);
        Self { plain, aborted }
    }

    fn ground(&self, strategy: EtcdStrategy, trouble: &Trouble) -> &Prepared {
        match trouble {
            AbortedBefore => &self.aborted,
            _ => &self.plain[strategy.as_str()],
        }
    }

    /// The scenario of one seed. Where a request is to be hit, an undisturbed run says which one it is.
    fn scenario(&self, strategy: EtcdStrategy, trouble: &Trouble, seed: u64) -> Scenario {
        let quiet = Scenario::plain(strategy, 3, seed);
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
            Nothing | AbortedBefore => Faults::default(),
            World(happenings) => faults(vec![], happenings.iter().map(world_fault).collect()),
            At(what, how) if *how == RequestTrouble::Pause => {
                faults(vec![hit(nth(what).0, *how)], impatient())
            }
            At(what, how) => faults(vec![hit(nth(what).0, *how)], vec![]),
            JustBefore(what, how) => faults(vec![hit(nth(what).1, *how)], vec![]),
        };
        quiet.with(faults)
    }
}

fn faults(requests: Vec<RequestFault>, world: Vec<WorldFault>) -> Faults {
    Faults { world, requests }
}

fn world_fault((at_s, for_s, what): &(u64, u64, Happening)) -> WorldFault {
    WorldFault {
        at_s: *at_s,
        for_s: *for_s,
        what: what.clone(),
    }
}

/// Who gives a run away; `None`: nobody, it looks as it should.
fn given_away(verdict: &Verdict, scenario: &Scenario) -> Option<String> {
    if let Some(breach) = verdict.breaches.first() {
        return Some(format!("world, invariant {}: {}", breach.invariant, breach.what));
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
    let machines = usize::from(scenario.members);
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

fn catch(grounds: &Grounds, mutant: Mutant, strategy: EtcdStrategy, trouble: &Trouble) -> Caught {
    let blind = Rules {
        check: |_, _, _| Ok(()),
        ..Rules::default()
    };
    let ground = grounds.ground(strategy, trouble);
    let mut caught = Caught {
        mutant,
        by: None,
        seeds: 0,
        audit: None,
        without: None,
    };
    for seed in 1..=SEEDS_MAX {
        let scenario = grounds.scenario(strategy, trouble, seed);
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
    let all: Vec<Caught> = bugs()
        .iter()
        .map(|(mutant, strategy, trouble)| catch(&grounds, *mutant, *strategy, trouble))
        .collect();
    println!("{:<22} seeds  caught by, without audit", "bug");
    for line in &all {
        let by = line.by.as_deref().unwrap_or("NOBODY");
        println!("{:<22} {:>5}  {by}", format!("{:?}", line.mutant), line.seeds);
        if let Some(audit) = &line.audit {
            println!("{:<22} {:>5}  audit refuses it: {audit}", "", "");
        }
    }
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
    assert!(all.len() >= 20);
}
