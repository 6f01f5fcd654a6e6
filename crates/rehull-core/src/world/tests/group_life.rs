//! Groups that launch, balance and scale in by themselves.

use super::bench::{ZONE_A, ZONE_C};
use super::fleet::{DECREMENT, Fleet, KEEP, NAMED};
use super::networks::text;
use crate::world::Timing;
use crate::world::api::ec2::LaunchData;
use crate::world::query::Service::AutoScaling;

#[test]
fn a_wish_becomes_machines_over_all_zones_and_an_activity_each() {
    let mut fleet = Fleet::new();
    let tag = [
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "x"),
        ("Tags.member.1.PropagateAtLaunch", "true"),
    ];
    fleet.create("4", &tag).unwrap();
    assert_eq!(fleet.ids().len(), 0, "a group takes its time to react");
    fleet.live_ms(310);
    assert_eq!(fleet.count("Pending"), 4);
    assert_eq!(fleet.activities()[0].0, "PreInService");
    fleet.live(3);
    assert_eq!(fleet.spread(), (2, 2));
    let activities = fleet.activities();
    assert_eq!(activities.len(), 4);
    assert!(activities.iter().all(|(status, ..)| status == "Successful"));
    let row = fleet.rows()[0].clone();
    let sight = fleet.bench.describe(&row.id).unwrap();
    assert_eq!(sight.instance.tags["aws:autoscaling:groupName"], "workers");
    assert_eq!(sight.instance.tags["team"], "x");
    assert!(activities[0].1.starts_with("Launching a new EC2 instance: i-"));
}

#[test]
fn the_same_seed_and_the_same_calls_give_the_same_group() {
    let story = || {
        let mut fleet = Fleet::behind("3", "10", &[]);
        let ids = fleet.ids();
        fleet.terminate(&ids[0], KEEP).unwrap();
        fleet.live(30);
        serde_json::to_string(&fleet.bench.world).unwrap()
    };
    assert_eq!(story(), story());
}

#[test]
fn with_the_clocks_of_aws_a_launch_takes_as_long_as_published() {
    let mut fleet = Fleet::with(Timing::Aws);
    fleet.create("1", &[]).unwrap();
    fleet.live(6);
    let early = fleet.count("InService");
    fleet.live(200);
    assert_eq!((early, fleet.count("InService")), (0, 1));
}

/// `asg-surge-az-is-not-yours`
#[test]
fn the_zone_of_a_new_machine_is_where_the_group_has_fewest() {
    let mut fleet = Fleet::of("3", &[]);
    let (a, c) = fleet.spread();
    assert_eq!(a + c, 3);
    fleet.want("4");
    fleet.live(5);
    assert_eq!(fleet.spread(), (2, 2));
}

/// `asg-inservice-not-healthy`
#[test]
fn in_service_is_said_while_the_target_is_still_initial() {
    let mut fleet = Fleet::new();
    let group = fleet.balance("10");
    fleet
        .create("1", &[("TargetGroupARNs.member.1", &group)])
        .unwrap();
    fleet.live_ms(1_700);
    let id = fleet.ids()[0].clone();
    assert_eq!(fleet.lifecycle(&id), "InService");
    assert_eq!(fleet.health(&id).0, "initial");
    fleet.live(20);
    assert_eq!(fleet.health(&id).0, "healthy");
}

/// `asg-capacity-only-in-activities`
#[test]
fn a_launch_without_capacity_is_a_failed_activity_and_is_tried_again() {
    let mut fleet = Fleet::new();
    fleet.no_capacity("*", true);
    fleet.create("2", &[]).unwrap();
    fleet.live(10);
    assert_eq!((fleet.desired(), fleet.ids().len()), ("2".to_owned(), 0));
    let (status, description, message) = fleet.activities()[0].clone();
    assert_eq!(
        (status.as_str(), description.as_str()),
        ("Failed", "Launching a new EC2 instance")
    );
    assert!(message.contains("sufficient"), "{message}");
    assert!(fleet.activities().len() > 2, "it tries again");
    fleet.no_capacity("*", false);
    fleet.live(10);
    assert_eq!(fleet.spread(), (1, 1));
}

#[test]
fn a_template_that_cannot_be_launched_fails_with_the_words_of_ec2() {
    let mut fleet = Fleet::new();
    fleet.version(LaunchData {
        image: Some("ami-none".to_owned()),
        ..LaunchData::default()
    });
    fleet.create("1", &[("LaunchTemplate.Version", "2")]).unwrap();
    fleet.live(5);
    let message = fleet.activities()[0].2.clone();
    assert!(message.contains("ami-none"), "{message}");
}

/// `asg-az-distribution`
#[test]
fn a_zone_that_is_short_is_left_out_by_default_and_waited_for_if_told_so() {
    for (strategy, spread) in [("balanced-best-effort", (0, 2)), ("balanced-only", (0, 0))] {
        let mut fleet = Fleet::new();
        fleet.no_capacity(ZONE_A, true);
        let key = "AvailabilityZoneDistribution.CapacityDistributionStrategy";
        fleet.create("2", &[(key, strategy)]).unwrap();
        fleet.suspend("AZRebalance");
        fleet.live(10);
        assert_eq!(fleet.spread(), spread, "{strategy}");
    }
}

/// `asg-admin-suspension`
#[test]
fn after_a_day_of_failed_launches_the_service_suspends_launching() {
    let mut fleet = Fleet::with(Timing::Aws);
    fleet.no_capacity("*", true);
    fleet.create("1", &[]).unwrap();
    fleet.live(24 * 3_600 + 2_000);
    let told = fleet.told();
    assert_eq!(text(&told, "SuspendedProcesses.0.ProcessName"), "Launch");
    assert_ne!(
        text(&told, "SuspendedProcesses.0.SuspensionReason"),
        "User suspended"
    );
    fleet.no_capacity("*", false);
    fleet.live(2_000);
    assert_eq!(fleet.ids().len(), 0);
    fleet.resume("Launch");
    fleet.live(300);
    assert_eq!(fleet.count("InService"), 1);
}

/// `asg-lt-latest-default`
#[test]
fn a_symbolic_version_means_at_each_launch_what_it_means_then() {
    let versions = |wanted: &str| {
        let mut fleet = Fleet::of("1", &[("LaunchTemplate.Version", wanted)]);
        fleet.version(LaunchData::default());
        fleet.want("2");
        fleet.live(5);
        let mut versions: Vec<String> = fleet.rows().into_iter().map(|row| row.version).collect();
        versions.sort();
        versions
    };
    assert_eq!(versions("$Latest"), ["1", "2"]);
    assert_eq!(versions("$Default"), ["1", "1"]);
    assert_eq!(versions("1"), ["1", "1"]);
}

/// `asg-mixed-overrides`
#[test]
fn an_override_may_launch_from_a_template_of_its_own() {
    let mut fleet = Fleet::new();
    fleet.version(LaunchData::default());
    let policy = "MixedInstancesPolicy.LaunchTemplate";
    let base = format!("{policy}.LaunchTemplateSpecification.LaunchTemplateName");
    let base_version = format!("{policy}.LaunchTemplateSpecification.Version");
    let kind = format!("{policy}.Overrides.member.1.InstanceType");
    let own = format!("{policy}.Overrides.member.1.LaunchTemplateSpecification.LaunchTemplateName");
    let own_version = format!("{policy}.Overrides.member.1.LaunchTemplateSpecification.Version");
    fleet.create("0", &[]).unwrap();
    let said = [
        (base.as_str(), "workers"),
        (base_version.as_str(), "1"),
        (kind.as_str(), "m6i.large"),
        (own.as_str(), "workers"),
        (own_version.as_str(), "2"),
    ];
    fleet.ask("UpdateAutoScalingGroup", &said).unwrap();
    fleet.want("1");
    fleet.live(5);
    assert_eq!(fleet.rows()[0].version, "2");
    let shown = "MixedInstancesPolicy.LaunchTemplate.Overrides.0.LaunchTemplateSpecification.Version";
    assert_eq!(text(&fleet.told(), shown), "2");
}

/// `asg-termination-policy-az-first`
#[test]
fn a_lower_capacity_takes_from_the_fullest_zone_even_if_that_machine_is_new() {
    let mut fleet = Fleet::of("2", &[]);
    fleet.suspend("AZRebalance");
    fleet.version(LaunchData::default());
    fleet
        .ask(
            "UpdateAutoScalingGroup",
            &[
                ("LaunchTemplate.LaunchTemplateName", "workers"),
                ("LaunchTemplate.Version", "2"),
            ],
        )
        .unwrap();
    // Both new ones come up where there is capacity.
    fleet.no_capacity(ZONE_A, true);
    fleet.want("4");
    fleet.live(10);
    assert_eq!(fleet.spread(), (1, 3));
    fleet.want("2");
    fleet.live(10);
    let rows = fleet.rows();
    let old_in_a = rows.iter().any(|row| row.zone == ZONE_A && row.version == "1");
    let new_in_c = rows.iter().any(|row| row.zone == ZONE_C && row.version == "2");
    assert!(
        old_in_a && new_in_c,
        "within the zone the oldest template goes: {rows:?}"
    );
}

/// `asg-protection-scope`
#[test]
fn protection_holds_back_scale_in_and_neither_a_direct_end_nor_a_replacement() {
    let mut fleet = Fleet::of("2", &[("NewInstancesProtectedFromScaleIn", "true")]);
    let ids = fleet.ids();
    fleet.want("1");
    fleet.live(10);
    assert_eq!(fleet.ids(), ids, "all are protected");
    fleet
        .ask_about(
            "SetInstanceProtection",
            &ids[1],
            &[("ProtectedFromScaleIn", "false")],
        )
        .unwrap();
    fleet.live(10);
    assert_eq!(fleet.ids(), ids[..1]);
    fleet.terminate(&ids[0], KEEP).unwrap();
    fleet.live(10);
    assert_eq!(
        (fleet.count("InService"), fleet.lifecycle(&ids[0])),
        (1, "gone".to_owned())
    );
}

/// `asg-terminating-not-counted`
#[test]
fn a_replacement_starts_while_the_old_machine_still_drains() {
    let mut fleet = Fleet::behind("2", "60", &[]);
    let old = fleet.ids()[0].clone();
    fleet.terminate(&old, KEEP).unwrap();
    fleet.live(10);
    assert_eq!(fleet.lifecycle(&old), "Terminating");
    assert_eq!(
        (fleet.count("InService"), fleet.ids().len()),
        (2, 3),
        "one more than desired exists"
    );
}

/// `asg-scaling-in-progress`
#[test]
fn calls_that_wait_for_rest_are_refused_while_the_group_works() {
    let mut fleet = Fleet::of("1", &[]);
    fleet.want("2");
    fleet.live_ms(400);
    let said = [("DesiredCapacity", "1"), ("HonorCooldown", "true")];
    assert_eq!(
        fleet.ask("SetDesiredCapacity", &said).map(|_| ()),
        Err("ScalingActivityInProgress")
    );
    assert_eq!(
        fleet.ask("DeleteAutoScalingGroup", &[]).map(|_| ()),
        Err("ResourceInUse")
    );
    fleet.live(10);
    assert_eq!(fleet.ask("SetDesiredCapacity", &said).map(|_| ()), Ok(()));
    fleet.want("0");
    fleet.live_ms(350);
    assert_eq!(
        fleet.ask("DeleteAutoScalingGroup", &[]).map(|_| ()),
        Err("ScalingActivityInProgress")
    );
    fleet.live(10);
    assert_eq!(fleet.ask("DeleteAutoScalingGroup", &[]).map(|_| ()), Ok(()));
}

#[test]
fn by_force_a_group_goes_with_its_machines() {
    let mut fleet = Fleet::behind("2", "300", &[]);
    let ids = fleet.ids();
    fleet
        .ask("DeleteAutoScalingGroup", &[("ForceDelete", "true")])
        .unwrap();
    assert_eq!(text(&fleet.told(), "Status"), "Delete in progress");
    fleet.live(5);
    let said = [NAMED];
    let activities = fleet.bench.query(AutoScaling, "DescribeScalingActivities", &said);
    assert_eq!(activities.map(|_| ()), Err("ValidationError"));
    assert_eq!(fleet.bench.state(&ids[0]), "terminated");
}

/// `asg-decrement-rebalance`
#[test]
fn a_decrement_that_empties_a_zone_makes_the_group_kill_a_healthy_machine_elsewhere() {
    let mut fleet = Fleet::of("4", &[]);
    let before = fleet.rows();
    let in_a: Vec<_> = before.iter().filter(|row| row.zone == ZONE_A).collect();
    for row in &in_a {
        fleet.terminate(&row.id, DECREMENT).unwrap();
    }
    fleet.live(20);
    assert_eq!((fleet.desired(), fleet.spread()), ("2".to_owned(), (1, 1)));
    let kept = before
        .iter()
        .filter(|row| fleet.lifecycle(&row.id) == "InService");
    assert_eq!(kept.count(), 1, "one that nobody named is gone");
}

/// `asg-max-overshoot`
#[test]
fn a_group_that_balances_has_more_than_its_maximum_for_a_while() {
    let mut fleet = Fleet::of("4", &[]);
    let victims: Vec<_> = fleet
        .rows()
        .into_iter()
        .filter(|row| row.zone == ZONE_A)
        .collect();
    fleet.suspend("AZRebalance");
    for row in &victims {
        fleet.terminate(&row.id, DECREMENT).unwrap();
    }
    fleet.live(10);
    fleet.ask("UpdateAutoScalingGroup", &[("MaxSize", "2")]).unwrap();
    fleet.resume("AZRebalance");
    let mut most = 0;
    for _ in 0..100 {
        fleet.live_ms(100);
        most = most.max(fleet.count("InService") + fleet.count("Pending"));
    }
    assert_eq!((most, fleet.spread()), (3, (1, 1)));
}
