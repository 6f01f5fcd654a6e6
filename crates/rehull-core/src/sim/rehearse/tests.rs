//! Rehearsals of cluster files with names of their own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected shall fail loudly"
)]

use std::fmt::Write as _;

use super::*;
use crate::config;
use crate::domain::policy::EtcdStrategy;
use crate::executor::Rules;
use crate::sim::End;

const FROM: EtcdVersion = EtcdVersion::new(3, 5, 33);
const ALL: [EtcdStrategy; 3] = [
    EtcdStrategy::RemoveThenAdd,
    EtcdStrategy::Reattach,
    EtcdStrategy::LearnerFirst,
];

/// A cluster file with nothing in it that the generated ones of the simulator have.
fn file(strategy: EtcdStrategy, members: usize) -> String {
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
        format!("interface: eni-0cccccccccccccccc{nth}"),
        format!("volume: vol-0dddddddddddddddd{nth}"),
        format!("address: 172.16.{}.{}", nth % 3 * 16, 100 + nth),
        format!("launchTemplate: orders-{name}"),
    ] {
        writeln!(text, "{more}{line}").unwrap();
    }
}

fn desired(text: &str) -> Desired {
    config::parse("orders.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{text}"))
}

#[test]
fn a_given_file_keeps_its_names_and_gets_the_ids_of_the_region() {
    for strategy in ALL {
        for members in [3, 5] {
            let wanted = desired(&file(strategy, members));
            let rehearsal = Rehearsal::of(&wanted, FROM).unwrap();
            let envelope = &rehearsal.plan().envelope;
            assert_eq!(envelope.cluster, wanted.cluster);
            assert_eq!(envelope.account, wanted.aws.account);
            assert_eq!(envelope.region, wanted.aws.region);
            assert_eq!((envelope.from, envelope.to), (Some(FROM), wanted.etcd.version));
            assert_eq!(envelope.policy, wanted.policy);
            assert_eq!(envelope.strategy, strategy);
            assert_eq!(envelope.machine.binaries, wanted.etcd.binaries);
            assert_eq!(envelope.machine.image, wanted.etcd.image.as_str());
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
            let rehearsal = Rehearsal::of(&wanted, FROM).unwrap();
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
    let rehearsal = Rehearsal::of(&desired(&text), FROM).unwrap();
    let scenario = rehearsal.prepared.scenario().clone();
    let verdict = rehearsal.prepared.upgrade(&scenario, Rules::default()).unwrap();
    assert_eq!(verdict.end, End::Finished);
}

#[test]
fn at_the_pinned_release_every_machine_is_replaced_for_something_else() {
    let wanted = desired(&file(EtcdStrategy::RemoveThenAdd, 3));
    let rehearsal = Rehearsal::of(&wanted, wanted.etcd.version).unwrap();
    assert_eq!(rehearsal.plan().forecast.order.len(), 3);
    assert_eq!(rehearsal.plan().envelope.from, Some(wanted.etcd.version));
}

#[test]
fn what_the_planner_refuses_is_not_rehearsed() {
    let wanted = desired(&file(EtcdStrategy::RemoveThenAdd, 3));
    let refused = Rehearsal::of(&wanted, EtcdVersion::new(3, 4, 34)).err();
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
    let rehearsal = Rehearsal::of(&desired(&wanted), FROM).unwrap();
    assert_eq!(rehearsal.plan().forecast.order.len(), 3);
}
