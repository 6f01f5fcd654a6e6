//! Targets as the API tells them, and where connections really go.

use super::bench::{ZONE_A, ZONE_C};
use super::fleet::Fleet;
use crate::world::{Flows, Timing};

/// Machines of no group, registered by hand; the API's health is that of their probes.
fn two(delay: &str) -> (Fleet, String, String) {
    let mut fleet = Fleet::new();
    fleet.balance(delay);
    let (a, c) = (fleet.bench.running(ZONE_A), fleet.bench.running(ZONE_C));
    for id in [&a, &c] {
        fleet.targets("RegisterTargets", id).unwrap();
    }
    (fleet, a, c)
}

fn told(fleet: &mut Fleet, id: &str) -> (String, String) {
    fleet.health(id)
}

#[test]
fn a_target_is_healthy_after_registration_and_enough_checks_and_unhealthy_after_enough_others() {
    let (mut fleet, a, _) = two("60");
    assert_eq!(told(&mut fleet, &a).1, "Elb.RegistrationInProgress");
    fleet.live_ms(900);
    assert_eq!(told(&mut fleet, &a).1, "Elb.InitialHealthChecking");
    fleet.live_ms(4_000);
    assert_eq!(told(&mut fleet, &a).0, "initial", "one check is not enough");
    fleet.live(6);
    assert_eq!(told(&mut fleet, &a).0, "healthy");
    fleet.probe(&a, false);
    fleet.live_ms(4_900);
    assert_eq!(told(&mut fleet, &a).0, "healthy");
    fleet.live(6);
    assert_eq!(
        told(&mut fleet, &a),
        ("unhealthy".to_owned(), "Target.FailedHealthChecks".to_owned())
    );
    fleet.probe(&a, true);
    fleet.live(11);
    assert_eq!(told(&mut fleet, &a).0, "healthy");
}

#[test]
fn an_answer_between_two_checks_is_not_heard() {
    let (mut fleet, a, _) = two("60");
    fleet.live(20);
    fleet.probe(&a, false);
    fleet.live(4);
    fleet.probe(&a, true);
    fleet.live(60);
    assert_eq!(told(&mut fleet, &a).0, "healthy");
}

#[test]
fn a_machine_without_power_answers_no_check() {
    let (mut fleet, a, _) = two("60");
    fleet.live(20);
    fleet
        .bench
        .switch(crate::world::Switch::PowerCut { instance: a.clone() });
    fleet.live(12);
    assert_eq!(told(&mut fleet, &a).0, "unhealthy");
    assert_eq!(fleet.bench.state(&a), "running");
}

/// `nlb-registration-clock`
#[test]
fn with_the_clocks_of_aws_registration_takes_minutes_before_the_first_check() {
    let mut fleet = Fleet::with(Timing::Aws);
    fleet.balance("0");
    let id = fleet.bench.run(|_| {}).unwrap();
    fleet.live(60);
    fleet.targets("RegisterTargets", &id).unwrap();
    fleet.live(14);
    assert_eq!(told(&mut fleet, &id).1, "Elb.RegistrationInProgress");
    fleet.live(620);
    assert_eq!(told(&mut fleet, &id).0, "healthy");
}

/// `nlb-register-needs-running`
#[test]
fn a_pending_machine_cannot_be_registered() {
    let mut fleet = Fleet::new();
    fleet.balance("0");
    let id = fleet.bench.run(|_| {}).unwrap();
    assert_eq!(fleet.targets("RegisterTargets", &id), Err("InvalidTarget"));
    assert_eq!(fleet.targets("RegisterTargets", "i-none"), Err("InvalidTarget"));
    fleet.live(1);
    assert_eq!(fleet.targets("RegisterTargets", &id), Ok(()));
}

/// `nlb-dataplane-lag-dereg`
#[test]
fn new_connections_reach_a_deregistered_target_for_a_while_whatever_its_state_says() {
    for (delay, state) in [
        ("0", "Target.NotRegistered"),
        ("60", "Target.DeregistrationInProgress"),
    ] {
        let (mut fleet, a, c) = two(delay);
        fleet.live(20);
        assert!(fleet.routes_to(&a));
        fleet.targets("DeregisterTargets", &a).unwrap();
        fleet.live_ms(990);
        assert_eq!(told(&mut fleet, &a).1, state);
        assert!(fleet.routes_to(&a), "delay {delay}");
        fleet.live(2);
        assert!(!fleet.routes_to(&a) && fleet.routes_to(&c), "delay {delay}");
    }
}

/// `nlb-draining-exact`
#[test]
fn draining_lasts_the_delay_and_asking_again_does_not_start_it_again() {
    let (mut fleet, a, _) = two("60");
    fleet.live(20);
    fleet.targets("DeregisterTargets", &a).unwrap();
    fleet.live(30);
    fleet.targets("DeregisterTargets", &a).unwrap();
    fleet.live_ms(29_990);
    assert_eq!(told(&mut fleet, &a).0, "draining");
    fleet.live_ms(20);
    assert_eq!(told(&mut fleet, &a).1, "Target.NotRegistered");
    assert_eq!(
        fleet.targets("DeregisterTargets", "i-none"),
        Ok(()),
        "who is absent is success"
    );
}

/// `nlb-unused-is-ambiguous`
#[test]
fn unused_has_a_reason_and_only_one_of_them_means_gone() {
    let (mut fleet, a, c) = two("0");
    fleet.live(20);
    let boot = fleet.bench.boot(&a);
    fleet.bench.report(crate::world::Fact::Exited { boot });
    assert_eq!(
        told(&mut fleet, &a),
        ("unused".to_owned(), "Target.InvalidState".to_owned())
    );
    let group = fleet.target_group.clone().unwrap();
    let balancer = fleet.balancer.clone().unwrap();
    fleet
        .elb("DeleteLoadBalancer", &[("LoadBalancerArn", &balancer)])
        .unwrap();
    assert_eq!(
        told(&mut fleet, &c),
        ("unused".to_owned(), "Target.NotInUse".to_owned())
    );
    assert_eq!(
        told(&mut fleet, "i-other"),
        ("unused".to_owned(), "Target.NotRegistered".to_owned())
    );
    assert!(
        fleet
            .elb("DescribeTargetHealth", &[("TargetGroupArn", &group)])
            .is_ok()
    );
}

/// `nlb-absent-target-described`
#[test]
fn asking_for_an_absent_target_is_answered_and_no_error() {
    let (mut fleet, a, _) = two("0");
    fleet.live(20);
    fleet.targets("DeregisterTargets", &a).unwrap();
    fleet.live(1);
    assert_eq!(
        told(&mut fleet, &a),
        ("unused".to_owned(), "Target.NotRegistered".to_owned())
    );
    let group = fleet.target_group.clone().unwrap();
    let all = fleet
        .elb("DescribeTargetHealth", &[("TargetGroupArn", &group)])
        .unwrap();
    assert_eq!(
        super::networks::rows(&all, "TargetHealthDescriptions"),
        1,
        "a list leaves it out"
    );
}

/// `nlb-unhealthy-kills-flows`
#[test]
fn established_connections_are_cut_when_a_target_turns_unhealthy_unless_that_is_switched_off() {
    for (on, established, state) in [
        ("true", false, "unhealthy"),
        ("false", true, "unhealthy.draining"),
    ] {
        let (mut fleet, a, _) = two("60");
        fleet.attribute("target_health_state.unhealthy.connection_termination.enabled", on);
        fleet.attribute("target_health_state.unhealthy.draining_interval_seconds", "30");
        fleet.attribute("load_balancing.cross_zone.enabled", "true");
        fleet.live(20);
        fleet.probe(&a, false);
        fleet.live_ms(10_050);
        assert_eq!(told(&mut fleet, &a).0, state);
        let flows = fleet.bench.world.flows(&fleet.target(&a), fleet.bench.now);
        assert_eq!(flows.established, established, "{on}");
        fleet.live(30);
        assert_eq!(told(&mut fleet, &a).0, "unhealthy");
        assert!(!fleet.routes_to(&a));
    }
}

/// `nlb-dereg-keeps-flows`
#[test]
fn deregistration_cuts_nothing_unless_told_so_and_then_at_the_end_of_the_delay() {
    for (on, after) in [("false", true), ("true", false)] {
        let (mut fleet, a, _) = two("30");
        fleet.attribute("deregistration_delay.connection_termination.enabled", on);
        fleet.live(20);
        fleet.targets("DeregisterTargets", &a).unwrap();
        fleet.live(29);
        let flows = |fleet: &Fleet| fleet.bench.world.flows(&fleet.target(&a), fleet.bench.now);
        assert_eq!(
            flows(&fleet),
            Flows {
                new: false,
                established: true
            }
        );
        fleet.live(2);
        assert_eq!(
            flows(&fleet),
            Flows {
                new: false,
                established: after
            },
            "{on}"
        );
    }
}

/// `nlb-fail-open`
#[test]
fn without_a_healthy_target_all_registered_ones_get_connections() {
    let (mut fleet, a, c) = two("60");
    fleet.attribute("load_balancing.cross_zone.enabled", "true");
    fleet.live(20);
    fleet.probe(&a, false);
    fleet.live(15);
    assert!(!fleet.routes_to(&a) && fleet.routes_to(&c));
    fleet.probe(&c, false);
    fleet.live(15);
    assert!(fleet.routes_to(&a) && fleet.routes_to(&c));
}

/// `nlb-cross-zone-off`
#[test]
fn a_zone_reaches_its_own_targets_and_without_a_healthy_one_its_address_leaves_the_name() {
    let (mut fleet, a, c) = two("60");
    fleet.live(20);
    let seen = |fleet: &Fleet| {
        let nodes = fleet.bench.world.data_plane(fleet.bench.now);
        let row = |node: &crate::world::Route| {
            let ids = node.targets.iter().map(|target| target.instance.clone());
            (node.zone.clone(), node.is_named, ids.collect::<Vec<_>>())
        };
        nodes.iter().map(row).collect::<Vec<_>>()
    };
    let node = |zone: &str, is_named, ids: &[&String]| {
        (
            zone.to_owned(),
            is_named,
            ids.iter().map(|id| (*id).clone()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        seen(&fleet),
        [node(ZONE_A, true, &[&a]), node(ZONE_C, true, &[&c])]
    );
    fleet.probe(&a, false);
    fleet.live(15);
    let [first, second] = <[_; 2]>::try_from(seen(&fleet)).unwrap();
    assert!(!first.1, "the name leads to the other zone only");
    assert_eq!(second, node(ZONE_C, true, &[&c]));
    fleet.attribute("load_balancing.cross_zone.enabled", "true");
    assert_eq!(
        seen(&fleet),
        [node(ZONE_A, true, &[&c]), node(ZONE_C, true, &[&c])]
    );
}

/// `nlb-zone-not-enabled`
#[test]
fn a_target_in_a_zone_without_a_node_gets_nothing_and_is_unused() {
    let mut fleet = Fleet::new();
    fleet.balance("0");
    let balancer = fleet.balancer.clone().unwrap();
    for known in fleet.bench.world.balancing.balancers.values_mut() {
        assert_eq!(known.arn, balancer);
        known.subnets.truncate(1);
    }
    let (a, c) = (fleet.bench.running(ZONE_A), fleet.bench.running(ZONE_C));
    for id in [&a, &c] {
        fleet.targets("RegisterTargets", id).unwrap();
    }
    fleet.live(20);
    assert_eq!(
        told(&mut fleet, &c),
        ("unused".to_owned(), "Target.NotInUse".to_owned())
    );
    assert!(fleet.routes_to(&a) && !fleet.routes_to(&c));
}

/// `hc-shared-thresholds`
#[test]
fn checks_have_the_defaults_of_the_service_and_follow_their_settings() {
    let (mut fleet, a, _) = two("0");
    let group = fleet.target_group.clone().unwrap();
    let said = |name: &'static str, value: &'static str| (name, value);
    for ((name, value), outcome) in [
        (said("HealthCheckIntervalSeconds", "4"), Err("ValidationError")),
        (said("HealthCheckIntervalSeconds", "300"), Ok(())),
        (said("HealthyThresholdCount", "11"), Err("ValidationError")),
        (said("HealthyThresholdCount", "10"), Ok(())),
    ] {
        let said = [("TargetGroupArn", group.as_str()), (name, value)];
        assert_eq!(
            fleet.elb("ModifyTargetGroup", &said).map(|_| ()),
            outcome,
            "{name} {value}"
        );
    }
    fleet.live(9 * 300 - 10);
    assert_eq!(told(&mut fleet, &a).0, "initial");
    fleet.live(320);
    assert_eq!(told(&mut fleet, &a).0, "healthy");
    let vpc = fleet.bench.world.network.vpcs[0].id.clone();
    let said = [
        ("Name", "other"),
        ("Protocol", "TCP"),
        ("Port", "1"),
        ("VpcId", vpc.as_str()),
    ];
    let made = fleet.elb("CreateTargetGroup", &said).unwrap();
    for (name, value) in [
        ("HealthCheckIntervalSeconds", "30"),
        ("HealthyThresholdCount", "5"),
        ("UnhealthyThresholdCount", "2"),
    ] {
        assert_eq!(
            super::networks::text(&made, &format!("TargetGroups.0.{name}")),
            value
        );
    }
}

#[test]
fn a_check_asks_the_machines_own_address_and_a_new_registration_has_heard_nothing() {
    let (mut fleet, a, _) = two("0");
    fleet.live(20);
    fleet.probe(&a, true);
    let check = |fleet: &Fleet| {
        let all = fleet.bench.world.checks();
        all.into_iter().find(|check| check.target.instance == a)
    };
    let before = check(&fleet).unwrap();
    assert_eq!(fleet.bench.world.address_of(&a), Some(before.address));
    assert!(before.passes && fleet.bench.world.is_healthy(&before.target));
    fleet.targets("DeregisterTargets", &a).unwrap();
    assert_eq!(check(&fleet), None);
    fleet.targets("RegisterTargets", &a).unwrap();
    assert!(!check(&fleet).unwrap().passes);
    assert!(!fleet.bench.world.is_healthy(&before.target));
}
