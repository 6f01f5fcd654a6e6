//! Suspended processes, and how a group finds out that a machine is unhealthy.

use super::bench::ZONE_A;
use super::fleet::{DECREMENT, Fleet, KEEP};
use super::networks::text;
use crate::world::Timing;

/// `asg-launch-suspended-shrinks`
#[test]
fn with_launch_suspended_the_unhealthy_still_go_and_all_are_made_up_for_on_resume() {
    let mut fleet = Fleet::of("3", &[]);
    let ids = fleet.ids();
    fleet.suspend("Launch");
    for id in &ids[..2] {
        fleet.set_health(id, "Unhealthy");
    }
    fleet.live(10);
    assert_eq!((fleet.desired(), fleet.ids().len()), ("3".to_owned(), 1));
    fleet.resume("Launch");
    fleet.live_ms(350);
    assert_eq!(fleet.count("Pending"), 2, "both at once");
    fleet.live(5);
    assert_eq!(fleet.count("InService"), 3);
}

/// `asg-terminate-suspended-grows`
#[test]
fn with_terminate_suspended_balancing_grows_the_group_and_the_unhealthy_go_on_resume() {
    let mut fleet = Fleet::of("4", &[]);
    let in_a: Vec<_> = fleet
        .rows()
        .into_iter()
        .filter(|row| row.zone == ZONE_A)
        .collect();
    fleet.suspend("AZRebalance");
    for row in &in_a {
        fleet.terminate(&row.id, DECREMENT).unwrap();
    }
    fleet.live(10);
    fleet.suspend("Terminate");
    fleet.resume("AZRebalance");
    fleet.live(20);
    assert_eq!((fleet.desired(), fleet.count("InService")), ("2".to_owned(), 3));
    let sick = fleet.ids()[0].clone();
    fleet.set_health(&sick, "Unhealthy");
    fleet.live(20);
    assert_eq!(fleet.lifecycle(&sick), "InService", "nobody is replaced");
    fleet.resume("Terminate");
    fleet.live(10);
    assert_eq!(fleet.lifecycle(&sick), "gone");
    assert_eq!(fleet.spread(), (1, 1));
}

/// `asg-addtolb-suspended-forgets`
#[test]
fn who_was_launched_while_registration_was_suspended_is_never_registered() {
    let mut fleet = Fleet::behind("1", "10", &[]);
    fleet.suspend("AddToLoadBalancer");
    fleet.want("2");
    fleet.live(10);
    fleet.resume("AddToLoadBalancer");
    fleet.live(60);
    let ids = fleet.ids();
    let states: Vec<String> = ids.iter().map(|id| fleet.health(id).0).collect();
    assert_eq!(
        states.iter().filter(|state| *state == "unused").count(),
        1,
        "{states:?}"
    );
    assert_eq!(states.iter().filter(|state| *state == "healthy").count(), 1);
}

/// `asg-azrebalance-suspended-still-balances`
#[test]
fn with_rebalancing_suspended_a_launch_still_goes_to_the_poorest_zone_and_resume_moves_machines() {
    let mut fleet = Fleet::of("4", &[]);
    fleet.suspend("AZRebalance");
    let in_a: Vec<_> = fleet
        .rows()
        .into_iter()
        .filter(|row| row.zone == ZONE_A)
        .collect();
    for row in &in_a {
        fleet.terminate(&row.id, DECREMENT).unwrap();
    }
    fleet.live(20);
    assert_eq!(fleet.spread(), (0, 2));
    fleet.want("3");
    fleet.live(5);
    assert_eq!(fleet.spread(), (1, 2), "ordinary growth balances");
    let lone = fleet.rows().into_iter().find(|row| row.zone == ZONE_A).unwrap();
    fleet.terminate(&lone.id, DECREMENT).unwrap();
    fleet.live(20);
    assert_eq!(fleet.spread(), (0, 2));
    fleet.resume("AZRebalance");
    let mut least = 2;
    for _ in 0..100 {
        fleet.live_ms(100);
        least = least.min(fleet.count("InService"));
    }
    assert_eq!(
        (least, fleet.spread()),
        (2, (1, 1)),
        "launched first, then terminated"
    );
}

/// `asg-healthcheck-suspended`
#[test]
fn with_health_checks_suspended_a_mark_by_hand_still_replaces() {
    let mut fleet = Fleet::of("2", &[]);
    let ids = fleet.ids();
    fleet.suspend("HealthCheck");
    fleet.bench.terminate(&ids[0]);
    fleet.live(20);
    assert_eq!(fleet.lifecycle(&ids[0]), "InService", "nobody looks");
    fleet.set_health(&ids[1], "Unhealthy");
    fleet.live(10);
    assert_eq!(fleet.lifecycle(&ids[1]), "gone");
    fleet.resume("HealthCheck");
    fleet.live(10);
    assert_eq!(fleet.lifecycle(&ids[0]), "gone");
    assert_eq!(fleet.count("InService"), 2);
}

#[test]
fn with_replacement_suspended_an_unhealthy_machine_is_marked_and_stays() {
    let mut fleet = Fleet::of("2", &[]);
    let id = fleet.ids()[0].clone();
    fleet.suspend("ReplaceUnhealthy");
    fleet.set_health(&id, "Unhealthy");
    fleet.live(20);
    let row = fleet.rows().into_iter().find(|row| row.id == id).unwrap();
    assert_eq!(
        (row.state.as_str(), row.health.as_str()),
        ("InService", "Unhealthy")
    );
    fleet.set_health(&id, "Healthy");
    fleet.resume("ReplaceUnhealthy");
    fleet.live(20);
    assert_eq!(fleet.lifecycle(&id), "InService");
}

/// `asg-replaceunhealthy-order`
#[test]
fn a_replacement_costs_capacity_unless_a_maintenance_policy_keeps_it() {
    let policy = [
        ("InstanceMaintenancePolicy.MinHealthyPercentage", "100"),
        ("InstanceMaintenancePolicy.MaxHealthyPercentage", "200"),
    ];
    for (more, least) in [(&[][..], 1), (&policy[..], 2)] {
        let mut fleet = Fleet::of("2", more);
        let id = fleet.ids()[0].clone();
        fleet.set_health(&id, "Unhealthy");
        let mut fewest = 2;
        for _ in 0..100 {
            fleet.live_ms(100);
            let rows = fleet.rows();
            let up = rows.iter().filter(|row| row.state == "InService");
            fewest = fewest.min(up.count());
        }
        assert_eq!((fewest, fleet.lifecycle(&id).as_str()), (least, "gone"));
        assert_eq!(fleet.count("InService"), 2);
    }
}

/// `asg-attach-blocked-when-launch-suspended`
#[test]
fn with_launch_suspended_a_machine_may_leave_and_not_come_back() {
    let mut fleet = Fleet::of("3", &[]);
    let ids = fleet.ids();
    fleet.suspend("Launch");
    fleet.ask_about("EnterStandby", &ids[0], &[DECREMENT]).unwrap();
    fleet.ask_about("DetachInstances", &ids[1], &[DECREMENT]).unwrap();
    fleet.live(5);
    assert_eq!(
        fleet.ask_about("ExitStandby", &ids[0], &[]),
        Err("ValidationError")
    );
    assert_eq!(
        fleet.ask_about("AttachInstances", &ids[1], &[]),
        Err("ValidationError")
    );
    fleet.resume("Launch");
    fleet.ask_about("ExitStandby", &ids[0], &[]).unwrap();
    fleet.ask_about("AttachInstances", &ids[1], &[]).unwrap();
    fleet.live(5);
    assert_eq!((fleet.desired(), fleet.count("InService")), ("3".to_owned(), 3));
}

/// `asg-ec2-terminate-slow-detect`
#[test]
fn a_plain_termination_is_noticed_late_and_the_groups_own_at_once() {
    let mut fleet = Fleet::with(Timing::Aws);
    fleet.create("2", &[]).unwrap();
    fleet.live(300);
    let ids = fleet.ids();
    fleet.terminate(&ids[0], KEEP).unwrap();
    fleet.live(1);
    assert_ne!(fleet.lifecycle(&ids[0]), "InService");
    fleet.bench.terminate(&ids[1]);
    fleet.live(4);
    assert_eq!(fleet.lifecycle(&ids[1]), "InService", "only EC2 knows");
    fleet.live(2_000);
    assert_eq!(
        (fleet.lifecycle(&ids[1]).as_str(), fleet.count("InService")),
        ("gone", 2)
    );
}

/// `asg-not-running-is-immediate`
#[test]
fn a_machine_that_does_not_run_is_replaced_inside_its_grace_period() {
    let mut fleet = Fleet::of("1", &[("HealthCheckGracePeriod", "3600")]);
    let id = fleet.ids()[0].clone();
    let boot = fleet.bench.boot(&id);
    fleet.bench.report(crate::world::Fact::Exited { boot });
    assert_eq!(fleet.bench.state(&id), "stopped");
    fleet.live(10);
    assert_eq!(
        (fleet.lifecycle(&id).as_str(), fleet.count("InService")),
        ("gone", 1)
    );
}

/// `asg-grace-default-zero`
#[test]
fn without_a_grace_period_a_booting_machine_is_killed_as_unhealthy() {
    for (grace, survives) in [("0", false), ("120", true)] {
        let more = [("HealthCheckType", "ELB"), ("HealthCheckGracePeriod", grace)];
        let mut fleet = Fleet::behind("1", "0", &more);
        // The target group has proved itself; the next machine boots slowly.
        fleet.serves = false;
        fleet.want("2");
        fleet.live(3);
        let old = fleet.ids();
        let young = old.iter().find(|id| fleet.health(id).0 != "healthy").unwrap();
        fleet.live(25);
        assert_eq!(fleet.ids().contains(young), survives, "grace {grace}");
    }
}

/// `asg-elb-health-needs-inservice-lb`
#[test]
fn the_word_of_a_target_group_counts_once_it_has_found_somebody_healthy() {
    let mut fleet = Fleet::new();
    let group = fleet.balance("0");
    fleet.serves = false;
    let more = [
        ("TargetGroupARNs.member.1", group.as_str()),
        ("HealthCheckType", "ELB"),
    ];
    fleet.create("2", &more).unwrap();
    fleet.live(60);
    let ids = fleet.ids();
    assert_eq!(fleet.health(&ids[0]).0, "unhealthy");
    assert_eq!(fleet.count("InService"), 2, "not believed yet");
    let state = |fleet: &mut Fleet| {
        let told = fleet.ask("DescribeLoadBalancerTargetGroups", &[]).unwrap();
        text(&told, "LoadBalancerTargetGroups.0.State")
    };
    assert_eq!(state(&mut fleet), "Added");
    fleet.probe(&ids[0], true);
    fleet.live(20);
    assert_eq!(state(&mut fleet), "InService");
    assert_eq!(fleet.lifecycle(&ids[1]), "gone", "now it is");
}
