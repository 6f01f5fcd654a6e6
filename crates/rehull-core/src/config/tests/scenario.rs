//! Scenario files: what is read, and how mistakes are told.

use super::{read, write};
use crate::config::position;
use crate::domain::ids::SlotName;
use crate::domain::policy::EtcdStrategy;
use crate::sim::fault::{Cue, Happening, RequestFault, RequestTrouble, Then, WorldFault};
use crate::sim::{Faults, Scenario};

const HEAD: &str = "about: a test\nmembers: 3\nfrom: 3.5.33\nto: 3.6.14\nstrategy: reattach\n";

#[test]
fn a_scenario_is_read_with_its_defaults() {
    let scenario = read("s.yaml", HEAD).unwrap();
    let plain = Scenario {
        about: "a test".to_owned(),
        ..Scenario::plain(EtcdStrategy::Reattach, 3, 1)
    };
    assert_eq!(scenario, plain);
}

#[test]
fn every_way_to_say_a_fault_is_read() {
    let text = format!(
        "{HEAD}faults:\n\
         \x20 - {{ what: freeze, slot: etcd-b, at: 1m30s, for: 2m }}\n\
         \x20 - {{ what: leader-flip, when: MemberAdd, nth: 2, at: 5s }}\n\
         \x20 - {{ how: kill-after, request: MemberRemove }}\n\
         \x20 - {{ how: pause, request: 17 }}\n"
    );
    let slot = SlotName::new("etcd-b");
    let flip = WorldFault {
        at_s: 5,
        for_s: 0,
        what: Happening::LeaderFlip,
    };
    let cue = |request: &str, nth, then| Cue {
        request: request.to_owned(),
        nth,
        then,
    };
    let faults = Faults {
        world: vec![WorldFault {
            at_s: 90,
            for_s: 120,
            what: Happening::Freeze { slot },
        }],
        requests: vec![RequestFault {
            nth: 17,
            how: RequestTrouble::Pause,
        }],
        cues: vec![
            cue("MemberAdd", 2, Then::World(flip)),
            cue("MemberRemove", 1, Then::Trouble(RequestTrouble::KillAfter)),
        ],
    };
    let scenario = read("s.yaml", &text).unwrap();
    assert_eq!(scenario.faults, faults);
    assert_eq!(read("s.yaml", &write(&scenario)).unwrap(), scenario);
}

#[test]
fn every_happening_and_every_trouble_survives_being_written_and_read() {
    let slot = Some(SlotName::new("etcd-a"));
    let world = Happening::NAMES.map(|name| {
        let what = Happening::named(name, slot.clone(), Some("CORRUPT".to_owned()), Some(-7)).unwrap();
        assert_eq!(what.name(), name);
        WorldFault {
            at_s: 3,
            for_s: 4,
            what,
        }
    });
    let requests = (0..)
        .zip(RequestTrouble::ALL)
        .map(|(nth, how)| RequestFault { nth, how });
    let scenario = Scenario {
        about: "all: \"of\" it".to_owned(),
        ..Scenario::plain(EtcdStrategy::LearnerFirst, 5, 9).by_terraform()
    }
    .with(Faults {
        world: world.to_vec(),
        requests: requests.collect(),
        ..Faults::default()
    });
    assert_eq!(read("s.yaml", &write(&scenario)).unwrap(), scenario);
}

#[test]
fn every_mistake_of_a_scenario_is_told_with_its_line() {
    let text = "about: wrong\nmembers: 4\nfrom: 3.5\nto: 3.6.14\nstrategie: reattach\nfaults:\n\
                \x20 - { what: freze, slot: etcd-b }\n\
                \x20 - { what: freeze, slot: etcd-x }\n\
                \x20 - { what: leader-flip, slot: etcd-a }\n\
                \x20 - { how: kill-after, request: MemberRemoved }\n\
                \x20 - { how: kill-after, request: 3, nth: 2 }\n\
                \x20 - { at: 3s }\n\
                \x20 - { what: store-down, at: 1500ms }\n";
    let mistakes = read("s.yaml", text).unwrap_err();
    let told: Vec<String> = mistakes
        .iter()
        .map(|mistake| {
            let (line, column) = position(text, mistake.span.start);
            let help = mistake.help.as_deref().map(|help| format!(" ({help})"));
            format!("{line}:{column} {}{}", mistake.message, help.unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}
