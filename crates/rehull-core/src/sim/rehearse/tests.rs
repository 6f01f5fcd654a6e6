//! Rehearsals of cluster files with names of their own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::*;
use crate::config;
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;
use crate::executor::Rules;
use crate::sim::End;

const FROM: EtcdVersion = EtcdVersion::new(3, 5, 33);
const ALL: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];

pub(super) fn now() -> AsItIs {
    AsItIs::running(FROM)
}

/// A cluster file with nothing in it that the generated ones of the simulator have.
pub(super) fn file(strategy: EtcdStrategy, members: usize) -> String {
    let digest = |letter: &str| letter.repeat(64);
    let mut text = format!(
        "format: 1\n\
         cluster: orders\n\
         aws: {{ account: \"444455556666\", region: eu-central-1 }}\n\
         store: {{ s3: {{ bucket: orders, prefix: store/ }} }}\n\
         artefacts: {{ bucket: orders, prefix: artefacts/ }}\n\
         snapshots: {{ bucket: orders-snapshots, prefix: etcd/ }}\n\
         etcd:\n\
         \x20 version: 3.6.14\n\
         \x20 binaries: {{ etcd: {}, etcdctl: {}, etcdutl: {} }}\n\
         \x20 image: ami-0fedcba9876543210\n\
         \x20 instanceType: c7g.xlarge\n\
         \x20 instanceProfile: orders-etcd\n\
         \x20 securityGroups: [sg-0aaaaaaaaaaaaaaa1, sg-0aaaaaaaaaaaaaaa2]\n\
         \x20 flags: {{ quota-backend-bytes: \"8589934592\" }}\n\
         \x20 template: {{ builtIn: 2 }}\n\
         \x20 machineTls: {{ bucket: orders-secrets, prefix: etcd/, revision: \"7\" }}\n\
         \x20 clientTls: {{ files: {{ ca: ca.crt, cert: client.crt, key: client.key }} }}\n\
         \x20 strategy: {}\n\
         \x20 slots:\n",
        digest("a"),
        digest("b"),
        digest("c"),
        strategy.as_str()
    );
    for nth in 0..members {
        slot(&mut text, nth, ["    - ", "      "]);
    }
    if strategy == EtcdStrategy::LearnerFirst {
        text.push_str("  spare:\n");
        slot(&mut text, members, ["    ", "    "]);
    }
    let alone = if members == 1 {
        ", acceptDowntime: true"
    } else {
        ""
    };
    writeln!(text, "rollout: {{ bake: 90s, settle: 8s{alone} }}").unwrap();
    text
}

/// Two slots of a zone share its subnet.
fn slot(text: &mut String, nth: usize, [first, more]: [&str; 2]) {
    let zone = ["a", "b", "c"][nth % 3];
    let name = ["ann", "bob", "cid", "dan", "eve", "fay"][nth];
    writeln!(text, "{first}name: {name}").unwrap();
    for line in [
        format!("zone: eu-central-1{zone}"),
        format!("subnet: subnet-0bbbbbbbbbbbbbbb{}", nth % 3),
        format!("interface: eni-0ccccccccccccccc{nth}"),
        format!("volume: vol-0ddddddddddddddd{nth}"),
        format!("address: 172.16.{}.{}", nth % 3 * 16, 100 + nth),
        format!("launchTemplate: orders-{name}"),
    ] {
        writeln!(text, "{more}{line}").unwrap();
    }
}

pub(super) fn desired(text: &str) -> Desired {
    config::parse("orders.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

#[test]
fn a_given_file_keeps_its_names_and_gets_the_ids_of_the_region() {
    for strategy in ALL {
        for members in [3, 5] {
            let wanted = desired(&file(strategy, members));
            let rehearsal = Rehearsal::of(&wanted, &now()).unwrap();
            let envelope = &rehearsal.plan().envelope;
            assert_eq!(envelope.cluster, wanted.cluster);
            assert_eq!(envelope.account, wanted.aws.account);
            assert_eq!(envelope.region, wanted.aws.region);
            assert_eq!((envelope.from, envelope.to), (Some(FROM), wanted.etcd.version));
            assert_eq!(envelope.policy, wanted.policy);
            assert_eq!(envelope.strategy, strategy);
            assert_eq!(envelope.machine.binaries, wanted.etcd.machine.binaries);
            assert_eq!(envelope.machine.image, wanted.etcd.machine.image);
            let laid: Vec<_> = envelope.all_slots().map(|planned| &planned.slot).collect();
            let given = wanted.etcd.watched();
            assert_eq!(laid.len(), given.len());
            for (laid, given) in laid.into_iter().zip(&given) {
                assert_eq!(laid.name, given.name);
                assert_eq!(laid.zone, given.zone);
                assert_eq!(laid.address, given.address);
                assert_eq!(laid.launch_template, given.launch_template);
                assert_ne!(laid.volume, given.volume);
                let told = format!("{} and {} in {}", laid.volume, laid.interface, laid.subnet);
                let meant = format!("{} and {} in {}", given.volume, given.interface, given.subnet);
                assert_eq!(rehearsal.names.back(&told), meant);
            }
        }
    }
}

#[test]
fn a_given_file_is_upgraded_as_a_generated_one_is() {
    for strategy in ALL {
        for members in [3, 5] {
            let wanted = desired(&file(strategy, members));
            let rehearsal = Rehearsal::of(&wanted, &now()).unwrap();
            let scenario = rehearsal.prepared.scenario().clone();
            let verdict = rehearsal.prepared.upgrade(&scenario, Rules::default()).unwrap();
            let case = format!("{strategy:?} {members}");
            assert_eq!(verdict.end, End::Finished, "{case}");
            assert_eq!(verdict.breaches, [], "{case}");
            assert_eq!(
                verdict.members,
                vec![Some(wanted.etcd.version); members],
                "{case}"
            );
            assert_eq!(verdict.machines, members, "{case}");
        }
    }
}

#[test]
fn the_first_built_in_set_is_rehearsed_as_it_is() {
    let text = file(EtcdStrategy::RemoveThenAdd, 3).replace("builtIn: 2", "builtIn: 1");
    let rehearsal = Rehearsal::of(&desired(&text), &now()).unwrap();
    let scenario = rehearsal.prepared.scenario().clone();
    let verdict = rehearsal.prepared.upgrade(&scenario, Rules::default()).unwrap();
    assert_eq!(verdict.end, End::Finished);
}

#[test]
fn at_the_pinned_release_every_machine_is_replaced_for_something_else() {
    let wanted = desired(&file(EtcdStrategy::RemoveThenAdd, 3));
    let rehearsal = Rehearsal::of(&wanted, &AsItIs::running(wanted.etcd.version)).unwrap();
    assert_eq!(rehearsal.plan().forecast.order.len(), 3);
    assert_eq!(rehearsal.plan().envelope.from, Some(wanted.etcd.version));
}

#[test]
fn what_the_planner_refuses_is_not_rehearsed() {
    let wanted = desired(&file(EtcdStrategy::RemoveThenAdd, 3));
    let refused = Rehearsal::of(&wanted, &AsItIs::running(EtcdVersion::new(3, 4, 34))).err();
    let Some(Unplanned::Refused(refusals)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusals[0].code, "plan::etcd_hop");
    assert_eq!(refusals[0].pointer.as_deref(), Some("/etcd/version"));
}

#[test]
fn neighbours_in_small_subnets_are_laid_beside_each_other() {
    let wanted = file(EtcdStrategy::RemoveThenAdd, 3)
        .replace("172.16.16.101", "172.16.0.120")
        .replace("172.16.32.102", "172.16.0.200");
    let rehearsal = Rehearsal::of(&desired(&wanted), &now()).unwrap();
    assert_eq!(rehearsal.plan().forecast.order.len(), 3);
}

/// A whole rehearsal with a few seeds and every so many of what is likely.
fn rehearsed(text: &str, seeds: core::ops::RangeInclusive<u64>, step: usize) -> Report {
    let rehearsal = Rehearsal::of(&desired(text), &now()).unwrap();
    let runs: Vec<Performance> = seeds.map(|seed| rehearsal.perform(seed).unwrap()).collect();
    let what_ifs = rehearsal.what_ifs(median(&runs).unwrap().seed).unwrap().unwrap();
    let tried = what_ifs.all.iter().step_by(step);
    let tried = tried.map(|what_if| rehearsal.try_out(&what_ifs, what_if).unwrap());
    rehearsal.report(&runs, Some((&what_ifs, tried.collect())))
}

#[test]
fn the_same_seeds_give_the_same_bytes_and_others_do_not() {
    let text = file(EtcdStrategy::RemoveThenAdd, 3);
    let bytes = |seeds| serde_json::to_string(&rehearsed(&text, seeds, 9)).unwrap();
    let one = bytes(1..=2);
    assert_eq!(one, bytes(1..=2));
    assert_ne!(one, bytes(3..=4));
    // No id of the region is left in it.
    for (given, laid) in [
        ("vol-", "vol-0dddd"),
        ("eni-", "eni-0cccc"),
        ("subnet-", "subnet-0bbbb"),
    ] {
        assert_eq!(one.matches(given).count(), one.matches(laid).count(), "{one}");
    }
}

#[test]
fn every_moment_of_a_run_belongs_to_one_step() {
    for strategy in ALL {
        let rehearsal = Rehearsal::of(&desired(&file(strategy, 3)), &now()).unwrap();
        let run = rehearsal.perform(5).unwrap();
        assert_eq!(run.steps.values().sum::<Duration>(), run.took, "{strategy:?}");
        let report = rehearsal.report(std::slice::from_ref(&run), None);
        let slots: Vec<_> = report.steps.iter().filter_map(|step| step.slot.clone()).collect();
        let planned = rehearsal
            .plan()
            .forecast
            .order
            .iter()
            .map(|step| step.slot.clone());
        assert_eq!(slots, planned.collect::<Vec<_>>(), "{strategy:?}");
        let all: u64 = report.steps.iter().map(|step| step.time.p50_s).sum();
        assert!(report.total.p50_s.abs_diff(all) <= 3, "{strategy:?} {report:?}");
        // The bake is 90 s, and the last one waits for it.
        let last = &rehearsal.plan().forecast.order.last().unwrap().step;
        assert!(
            run.steps[last] > Duration::from_secs(90),
            "{strategy:?} {:?}",
            run.steps
        );
    }
}

#[test]
fn an_undisturbed_rehearsal_finishes_with_the_margin_that_the_table_promises() {
    for (strategy, members, lowest) in [
        (EtcdStrategy::RemoveThenAdd, 3, 0),
        (EtcdStrategy::RemoveThenAdd, 5, 1),
        (EtcdStrategy::Reattach, 3, 0),
        (EtcdStrategy::Reattach, 1, -1),
        (EtcdStrategy::LearnerFirst, 5, 1),
    ] {
        let rehearsal = Rehearsal::of(&desired(&file(strategy, members)), &now()).unwrap();
        let run = rehearsal.perform(2).unwrap();
        let case = format!("{strategy:?} {members}: {:?}", run.margins);
        assert_eq!(run.ends, Ends::Finished, "{case}");
        assert_eq!(run.lowest_margin(), lowest, "{case}");
        let report = rehearsal.report(&[run], None);
        assert_eq!(report.margin.lowest, lowest);
        assert_eq!(report.margin.longest_at_zero.max_s > 0, lowest <= 0, "{case}");
        assert_eq!(
            report.margin.longest_without_quorum.max_s > 0,
            lowest < 0,
            "{case}"
        );
    }
}

#[test]
fn a_template_of_ones_own_is_stood_in_for_and_the_report_says_so() {
    let text = file(EtcdStrategy::RemoveThenAdd, 3).replace("builtIn: 2", "file: own.yaml.hbs");
    let rehearsal = Rehearsal::of(&desired(&text), &now()).unwrap();
    let run = rehearsal.perform(1).unwrap();
    assert_eq!(run.ends, Ends::Finished);
    let stand_in = rehearsal.report(&[run], None).stand_in.unwrap();
    assert_eq!(stand_in.template, "own.yaml.hbs");
    assert_eq!(stand_in.built_in, 2);
}

#[test]
fn every_likely_fault_is_tried_at_every_phase_and_breaks_no_promise() {
    let what_if = rehearsed(&file(EtcdStrategy::RemoveThenAdd, 3), 1..=1, 1)
        .what_if
        .unwrap();
    let phases: BTreeSet<Phase> = what_if.runs.iter().map(|tried| tried.phase).collect();
    let likely = Likely::ALL.into_iter().filter(|fault| fault.is_of(Part::Etcd));
    assert_eq!(what_if.runs.len(), phases.len() * likely.count());
    for tried in &what_if.runs {
        assert_eq!(tried.breaches, Vec::<String>::new(), "{tried:?}");
        let given_up = tried.fault == Likely::Abort;
        assert_eq!(tried.ends == Ends::Aborted, given_up, "{tried:?}");
        assert_eq!(tried.ends == Ends::Finished, !given_up, "{tried:?}");
        assert!(tried.at_rest, "{tried:?}");
    }
    let of = |fault, phase| {
        let mut runs = what_if.runs.iter();
        runs.find(|tried| (tried.fault, tried.phase) == (fault, phase))
            .unwrap()
    };
    let no_capacity = of(Likely::NoCapacity, Phase::Launch);
    assert_eq!(no_capacity.stops.len(), 1, "{no_capacity:?}");
    assert!(no_capacity.stops[0].at_rest && no_capacity.stops[0].times > 1);
    // With one of three out already, the loss of another is the loss of the quorum, and it comes back.
    assert_eq!(of(Likely::OtherDies, Phase::Remove).lowest_margin, -1);
    assert_eq!(of(Likely::OtherDies, Phase::Launch).lowest_margin, 0);
    // A killed one is taken over when its lease has run out.
    assert!(of(Likely::RehullKilled, Phase::Stop).longer_s.unwrap() > 60);
    // A silent store cannot be told why the process ends.
    let store = of(Likely::StoreDown, Phase::Stop);
    assert!(matches!(store.stops[0].why, StopWhy::Failed { .. }), "{store:?}");
}

#[test]
fn the_phases_are_those_of_the_strategy() {
    for (strategy, list, promotes) in [
        (EtcdStrategy::RemoveThenAdd, true, false),
        (EtcdStrategy::Reattach, false, false),
        (EtcdStrategy::LearnerFirst, true, true),
    ] {
        let rehearsal = Rehearsal::of(&desired(&file(strategy, 3)), &now()).unwrap();
        let what_ifs = rehearsal.what_ifs(1).unwrap().unwrap();
        let phases: BTreeSet<Phase> = what_ifs.all.iter().map(|what_if| what_if.begun.phase).collect();
        for phase in [
            Phase::Launch,
            Phase::Stop,
            Phase::Move,
            Phase::Join,
            Phase::Terminate,
        ] {
            assert!(phases.contains(&phase), "{strategy:?} {phase:?}");
        }
        assert_eq!(phases.contains(&Phase::Remove), list, "{strategy:?}");
        assert_eq!(phases.contains(&Phase::Add), list, "{strategy:?}");
        assert_eq!(phases.contains(&Phase::Promote), promotes, "{strategy:?}");
    }
}

#[test]
fn a_single_member_has_no_other_that_could_die() {
    let rehearsal = Rehearsal::of(&desired(&file(EtcdStrategy::Reattach, 1)), &now()).unwrap();
    let what_ifs = rehearsal.what_ifs(1).unwrap().unwrap();
    assert!(!what_ifs.all.is_empty());
    assert!(
        what_ifs
            .all
            .iter()
            .all(|what_if| what_if.fault != Likely::OtherDies)
    );
}
