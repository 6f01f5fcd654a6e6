//! Load balancers, target groups and listeners.

use super::bench::{Bench, ZONE_A};
use super::networks::{rows, subnet, text, vpc};
use crate::world::query::Service::{Ec2, LoadBalancing};

struct Made {
    bench: Bench,
    vpc: String,
    subnet: String,
    balancer: String,
    group: String,
}

fn made() -> Made {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let subnet = subnet(&mut bench, &vpc, ZONE_A, "10.9.1.0/24").unwrap();
    let said = [
        ("Name", "api"),
        ("Type", "network"),
        ("Scheme", "internal"),
        ("Subnets.member.1", subnet.as_str()),
    ];
    let balancer = bench.query(LoadBalancing, "CreateLoadBalancer", &said).unwrap();
    let said = [
        ("Name", "api"),
        ("Protocol", "TCP"),
        ("Port", "6443"),
        ("VpcId", vpc.as_str()),
        ("HealthCheckProtocol", "HTTPS"),
        ("HealthCheckPath", "/readyz"),
    ];
    let group = bench.query(LoadBalancing, "CreateTargetGroup", &said).unwrap();
    Made {
        balancer: text(&balancer, "LoadBalancers.0.LoadBalancerArn"),
        group: text(&group, "TargetGroups.0.TargetGroupArn"),
        bench,
        vpc,
        subnet,
    }
}

#[test]
fn what_has_a_name_has_it_alone() {
    let Made {
        mut bench,
        vpc,
        subnet,
        ..
    } = made();
    let said = [
        ("Name", "api"),
        ("Type", "network"),
        ("Subnets.member.1", subnet.as_str()),
    ];
    assert_eq!(
        bench.query(LoadBalancing, "CreateLoadBalancer", &said),
        Err("DuplicateLoadBalancerName")
    );
    let said = [
        ("Name", "api"),
        ("Protocol", "TCP"),
        ("Port", "1"),
        ("VpcId", vpc.as_str()),
    ];
    assert_eq!(
        bench.query(LoadBalancing, "CreateTargetGroup", &said),
        Err("DuplicateTargetGroupName")
    );
    let said = [("Names.member.1", "other")];
    assert_eq!(
        bench.query(LoadBalancing, "DescribeLoadBalancers", &said),
        Err("LoadBalancerNotFound")
    );
    assert_eq!(
        bench.query(LoadBalancing, "DescribeTargetGroups", &said),
        Err("TargetGroupNotFound")
    );
    assert_eq!(
        bench.query(Ec2, "DeleteSubnet", &[("SubnetId", &subnet)]),
        Err("DependencyViolation")
    );
}

#[test]
fn a_target_group_behind_a_listener_stays_and_tells_its_balancer() {
    let Made {
        mut bench,
        balancer,
        group,
        ..
    } = made();
    let said = [
        ("LoadBalancerArn", balancer.as_str()),
        ("Port", "6443"),
        ("Protocol", "TCP"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
    ];
    bench.query(LoadBalancing, "CreateListener", &said).unwrap();
    assert_eq!(
        bench.query(LoadBalancing, "CreateListener", &said),
        Err("DuplicateListener")
    );
    let told = bench
        .query(
            LoadBalancing,
            "DescribeTargetGroups",
            &[("TargetGroupArns.member.1", &group)],
        )
        .unwrap();
    assert_eq!(text(&told, "TargetGroups.0.LoadBalancerArns.0"), balancer);
    assert_eq!(text(&told, "TargetGroups.0.Matcher.HttpCode"), "200-399");
    let delete = [("TargetGroupArn", group.as_str())];
    assert_eq!(
        bench.query(LoadBalancing, "DeleteTargetGroup", &delete),
        Err("ResourceInUse")
    );
    bench
        .query(
            LoadBalancing,
            "DeleteLoadBalancer",
            &[("LoadBalancerArn", &balancer)],
        )
        .unwrap();
    let left = bench.query(LoadBalancing, "DescribeListeners", &[]).unwrap();
    assert_eq!(
        rows(&left, "Listeners"),
        0,
        "a balancer takes its listeners with it"
    );
    bench.query(LoadBalancing, "DeleteTargetGroup", &delete).unwrap();
}

#[test]
fn a_protected_balancer_stays_until_somebody_takes_the_protection_off() {
    let Made {
        mut bench, balancer, ..
    } = made();
    let set = |on: &'static str| {
        [
            ("LoadBalancerArn", balancer.clone()),
            (
                "Attributes.member.1.Key",
                "deletion_protection.enabled".to_owned(),
            ),
            ("Attributes.member.1.Value", on.to_owned()),
        ]
    };
    for (on, outcome) in [("true", Err("OperationNotPermitted")), ("false", Ok(()))] {
        let said = set(on);
        let said: Vec<_> = said.iter().map(|(name, value)| (*name, value.as_str())).collect();
        bench
            .query(LoadBalancing, "ModifyLoadBalancerAttributes", &said)
            .unwrap();
        let deleted = bench.query(
            LoadBalancing,
            "DeleteLoadBalancer",
            &[("LoadBalancerArn", &balancer)],
        );
        assert_eq!(deleted.map(|_| ()), outcome);
    }
    let unknown = [
        ("LoadBalancerArn", balancer.as_str()),
        ("Attributes.member.1.Key", "idle_timeout.timeout_seconds"),
    ];
    assert_eq!(
        bench.query(LoadBalancing, "ModifyLoadBalancerAttributes", &unknown),
        Err("LoadBalancerNotFound")
    );
}

#[test]
fn a_health_check_keeps_to_the_limits_of_the_service() {
    let Made { mut bench, group, .. } = made();
    for (name, value, outcome) in [
        ("HealthCheckIntervalSeconds", "10", Ok(())),
        ("HealthCheckIntervalSeconds", "4", Err("ValidationError")),
        ("UnhealthyThresholdCount", "11", Err("ValidationError")),
    ] {
        let said = [("TargetGroupArn", group.as_str()), (name, value)];
        let changed = bench.query(LoadBalancing, "ModifyTargetGroup", &said);
        assert_eq!(changed.map(|_| ()), outcome, "{name} {value}");
    }
}
