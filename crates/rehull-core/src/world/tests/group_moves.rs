//! Machines that a caller moves out of a group and into it.

use super::bench::ZONE_C;
use super::fleet::{DECREMENT, Fleet, KEEP};
use super::networks::text;

/// `asg-standby-lb`
#[test]
fn standby_leaves_the_target_groups_and_coming_back_registers_and_raises_the_capacity() {
    let mut fleet = Fleet::behind("2", "30", &[]);
    let id = fleet.ids()[0].clone();
    fleet.ask_about("EnterStandby", &id, &[DECREMENT]).unwrap();
    assert_eq!(
        (fleet.desired(), fleet.health(&id).0),
        ("1".to_owned(), "draining".to_owned())
    );
    fleet.live(29);
    assert_eq!(fleet.lifecycle(&id), "EnteringStandby");
    fleet.live(2);
    assert_eq!(fleet.lifecycle(&id), "Standby");
    fleet.ask_about("ExitStandby", &id, &[]).unwrap();
    fleet.live(20);
    assert_eq!(
        (fleet.desired(), fleet.lifecycle(&id)),
        ("2".to_owned(), "InService".to_owned())
    );
    assert_eq!(fleet.health(&id).0, "healthy");
    let many: Vec<(String, String)> = (1..=21)
        .map(|n| (format!("InstanceIds.member.{n}"), id.clone()))
        .collect();
    let mut said: Vec<(&str, &str)> = many
        .iter()
        .map(|(name, id)| (name.as_str(), id.as_str()))
        .collect();
    said.push(DECREMENT);
    assert_eq!(
        fleet.ask("EnterStandby", &said).map(|_| ()),
        Err("ValidationError"),
        "20 ids at most"
    );
}

#[test]
fn standby_without_a_decrement_is_a_surge() {
    let mut fleet = Fleet::of("2", &[]);
    let id = fleet.ids()[0].clone();
    fleet.ask_about("EnterStandby", &id, &[KEEP]).unwrap();
    fleet.live(5);
    assert_eq!((fleet.count("InService"), fleet.count("Standby")), (2, 1));
}

/// `asg-detach-lb`
#[test]
fn detach_drains_first_is_made_up_for_and_may_be_forbidden_by_the_minimum() {
    let mut fleet = Fleet::behind("2", "30", &[("MinSize", "2")]);
    let id = fleet.ids()[0].clone();
    assert_eq!(
        fleet.ask_about("DetachInstances", &id, &[DECREMENT]),
        Err("ValidationError")
    );
    fleet.ask_about("DetachInstances", &id, &[KEEP]).unwrap();
    assert_eq!(fleet.health(&id).0, "draining");
    fleet.live(25);
    assert_eq!(
        (fleet.lifecycle(&id).as_str(), fleet.count("InService")),
        ("Detaching", 2)
    );
    fleet.live(10);
    assert_eq!(fleet.lifecycle(&id), "gone");
    let sight = fleet.bench.describe(&id).unwrap();
    assert_eq!(sight.instance.state.name(), "running");
    assert!(!sight.instance.tags.contains_key("aws:autoscaling:groupName"));
}

/// `asg-attach-raises-desired`
#[test]
fn attach_raises_the_capacity_registers_and_fails_above_the_maximum() {
    let mut fleet = Fleet::behind("1", "0", &[("MaxSize", "2")]);
    // The group's own machine is in the other zone.
    let (one, two) = (fleet.bench.running(ZONE_C), fleet.bench.running(ZONE_C));
    fleet.ask_about("AttachInstances", &one, &[]).unwrap();
    fleet.live(20);
    assert_eq!(
        (fleet.desired(), fleet.lifecycle(&one)),
        ("2".to_owned(), "InService".to_owned())
    );
    assert_eq!(fleet.health(&one).0, "healthy");
    assert_eq!(
        fleet.ask_about("AttachInstances", &two, &[]),
        Err("ValidationError")
    );
    assert_eq!(
        fleet.ask_about("AttachInstances", &one, &[]),
        Err("ValidationError"),
        "it is in a group"
    );
}

#[test]
fn a_termination_may_lower_the_capacity_but_not_below_the_minimum() {
    let mut fleet = Fleet::of("2", &[("MinSize", "1")]);
    let ids = fleet.ids();
    let told = fleet.terminate(&ids[0], DECREMENT).unwrap();
    assert!(text(&told, "Activity.Description").contains(&ids[0]));
    assert_eq!(
        fleet.terminate(&ids[1], DECREMENT).map(|_| ()),
        Err("ValidationError")
    );
    fleet.live(10);
    assert_eq!(
        (fleet.desired(), fleet.ids()),
        ("1".to_owned(), ids[1..].to_vec())
    );
    assert_eq!(
        fleet.terminate("i-none", KEEP).map(|_| ()),
        Err("ValidationError")
    );
}

#[test]
fn an_instance_tells_which_version_it_was_launched_from() {
    let mut fleet = Fleet::of("1", &[]);
    let id = fleet.ids()[0].clone();
    let said = [("InstanceIds.member.1", id.as_str())];
    let told = fleet
        .bench
        .query(
            crate::world::query::Service::AutoScaling,
            "DescribeAutoScalingInstances",
            &said,
        )
        .unwrap();
    for (path, value) in [
        ("AutoScalingGroupName", "workers"),
        ("HealthStatus", "HEALTHY"),
        ("LaunchTemplate.Version", "1"),
        ("LifecycleState", "InService"),
    ] {
        assert_eq!(
            text(&told, &format!("AutoScalingInstances.0.{path}")),
            value,
            "{path}"
        );
    }
}
