//! Auto Scaling groups: what they hold and what they refuse. What they do: `group_life` and its neighbours.

use super::bench::{Bench, ZONE_A};
use super::networks::{rows, subnet, text, vpc};
use crate::world::api::ec2::{CreateLaunchTemplate, LaunchData, Request};
use crate::world::query::Service::AutoScaling;
use crate::world::query::Value;

fn bench() -> (Bench, String) {
    let mut bench = Bench::fast();
    let vpc = vpc(&mut bench);
    let subnet = subnet(&mut bench, &vpc, ZONE_A, "10.9.1.0/24").unwrap();
    let template = CreateLaunchTemplate {
        name: "workers".to_owned(),
        description: None,
        data: LaunchData::default(),
        tags: std::collections::BTreeMap::new(),
        token: None,
    };
    bench
        .ec2(Request::CreateLaunchTemplate(Box::new(template)))
        .unwrap();
    (bench, subnet)
}

fn create(bench: &mut Bench, subnet: &str, more: &[(&str, &str)]) -> Result<(), &'static str> {
    let mut said = vec![
        ("AutoScalingGroupName", "workers"),
        ("MinSize", "1"),
        ("MaxSize", "5"),
        ("VPCZoneIdentifier", subnet),
        ("LaunchTemplate.LaunchTemplateName", "workers"),
        ("LaunchTemplate.Version", "1"),
    ];
    for (name, value) in more {
        said.retain(|(known, _)| known != name);
        said.push((name, value));
    }
    bench
        .query(AutoScaling, "CreateAutoScalingGroup", &said)
        .map(|_| ())
}

const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";
const NAMED: (&str, &str) = ("AutoScalingGroupName", "workers");

#[test]
fn a_wish_is_held_and_an_unknown_name_is_no_error_to_describe() {
    let (mut bench, subnet) = bench();
    create(&mut bench, &subnet, &[("DesiredCapacity", "3")]).unwrap();
    let told = bench
        .query(AutoScaling, "DescribeAutoScalingGroups", &[])
        .unwrap();
    assert_eq!(text(&told, "AutoScalingGroups.0.DesiredCapacity"), "3");
    assert_eq!(text(&told, "AutoScalingGroups.0.AvailabilityZones.0"), ZONE_A);
    let none = [("AutoScalingGroupNames.member.1", "other")];
    let told = bench
        .query(AutoScaling, "DescribeAutoScalingGroups", &none)
        .unwrap();
    assert_eq!(rows(&told, "AutoScalingGroups"), 0);
}

#[test]
fn sizes_places_and_templates_must_make_sense() {
    let (mut bench, subnet) = bench();
    for (name, value) in [
        ("DesiredCapacity", "6"),
        ("MaxSize", "0"),
        ("VPCZoneIdentifier", "subnet-none"),
        ("LaunchTemplate.Version", "2"),
        ("LaunchTemplate.LaunchTemplateName", "none"),
        ("HealthCheckType", "MAGIC"),
        ("TargetGroupARNs.member.1", "arn:none"),
    ] {
        assert_eq!(
            create(&mut bench, &subnet, &[(name, value)]),
            Err("ValidationError"),
            "{name} {value}"
        );
    }
    create(&mut bench, &subnet, &[]).unwrap();
    assert_eq!(create(&mut bench, &subnet, &[]), Err("AlreadyExists"));
    for (desired, outcome) in [
        ("0", Err("ValidationError")),
        ("5", Ok(())),
        ("6", Err("ValidationError")),
    ] {
        let said = [NAMED, ("DesiredCapacity", desired)];
        let set = bench.query(AutoScaling, "SetDesiredCapacity", &said);
        assert_eq!(set.map(|_| ()), outcome, "{desired}");
    }
    // New bounds take a capacity with them that nobody named.
    bench
        .query(AutoScaling, "UpdateAutoScalingGroup", &[NAMED, ("MaxSize", "2")])
        .unwrap();
    let told = bench
        .query(AutoScaling, "DescribeAutoScalingGroups", &[])
        .unwrap();
    assert_eq!(text(&told, "AutoScalingGroups.0.DesiredCapacity"), "2");
}

#[test]
fn an_update_keeps_what_it_does_not_name() {
    let (mut bench, subnet) = bench();
    let more = [
        ("InstanceMaintenancePolicy.MinHealthyPercentage", "100"),
        ("InstanceMaintenancePolicy.MaxHealthyPercentage", "200"),
        ("HealthCheckGracePeriod", "60"),
        ("Tags.member.1.Key", "Name"),
        ("Tags.member.1.Value", "w"),
        ("Tags.member.1.PropagateAtLaunch", "true"),
    ];
    create(&mut bench, &subnet, &more).unwrap();
    let mixed = [
        NAMED,
        (
            "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateName",
            "workers",
        ),
        (
            "MixedInstancesPolicy.LaunchTemplate.Overrides.member.1.InstanceType",
            "m6i.large",
        ),
        (
            "MixedInstancesPolicy.InstancesDistribution.OnDemandBaseCapacity",
            "1",
        ),
    ];
    bench
        .query(AutoScaling, "UpdateAutoScalingGroup", &mixed)
        .unwrap();
    let told = bench
        .query(AutoScaling, "DescribeAutoScalingGroups", &[])
        .unwrap();
    for (path, value) in [
        ("HealthCheckGracePeriod", "60"),
        ("InstanceMaintenancePolicy.MaxHealthyPercentage", "200"),
        ("Tags.0.PropagateAtLaunch", "true"),
        (
            "MixedInstancesPolicy.LaunchTemplate.Overrides.0.InstanceType",
            "m6i.large",
        ),
        (
            "MixedInstancesPolicy.InstancesDistribution.OnDemandBaseCapacity",
            "1",
        ),
    ] {
        assert_eq!(
            text(&told, &format!("AutoScalingGroups.0.{path}")),
            value,
            "{path}"
        );
    }
}

#[test]
fn processes_are_suspended_by_name_and_all_of_them_without_one() {
    let (mut bench, subnet) = bench();
    create(&mut bench, &subnet, &[]).unwrap();
    let wrong = [NAMED, ("ScalingProcesses.member.1", "Sleep")];
    assert_eq!(
        bench.query(AutoScaling, "SuspendProcesses", &wrong),
        Err("ValidationError")
    );
    let mut suspended = |action: &str, said: &[(&str, &str)]| {
        bench.query(AutoScaling, action, said).unwrap();
        let told = bench
            .query(AutoScaling, "DescribeAutoScalingGroups", &[])
            .unwrap();
        let Some(Value::List(groups)) = told.get("AutoScalingGroups") else {
            panic!("{told:?}")
        };
        let [Value::Document(group)] = groups.as_slice() else {
            panic!("{groups:?}")
        };
        rows(group, "SuspendedProcesses")
    };
    assert_eq!(suspended("SuspendProcesses", &[NAMED]), 9);
    assert_eq!(
        suspended(
            "ResumeProcesses",
            &[NAMED, ("ScalingProcesses.member.1", "AZRebalance")]
        ),
        8
    );
}

#[test]
fn a_hook_has_a_transition_and_a_limit() {
    let (mut bench, subnet) = bench();
    create(&mut bench, &subnet, &[]).unwrap();
    let hook = |transition, seconds| {
        [
            NAMED,
            ("LifecycleHookName", "drain"),
            ("LifecycleTransition", transition),
            ("HeartbeatTimeout", seconds),
        ]
    };
    for said in [hook("terminating", "900"), hook(TERMINATING, "29")] {
        assert_eq!(
            bench.query(AutoScaling, "PutLifecycleHook", &said),
            Err("ValidationError")
        );
    }
    bench
        .query(AutoScaling, "PutLifecycleHook", &hook(TERMINATING, "900"))
        .unwrap();
    let told = bench
        .query(AutoScaling, "DescribeLifecycleHooks", &[NAMED])
        .unwrap();
    assert_eq!(text(&told, "LifecycleHooks.0.DefaultResult"), "ABANDON");
    assert_eq!(text(&told, "LifecycleHooks.0.GlobalTimeout"), "90000");
    let gone = [NAMED, ("LifecycleHookName", "drain")];
    bench.query(AutoScaling, "DeleteLifecycleHook", &gone).unwrap();
    assert_eq!(
        bench.query(AutoScaling, "DeleteLifecycleHook", &gone),
        Err("ValidationError")
    );
    let other = [
        NAMED,
        ("InstanceIds.member.1", "i-1"),
        ("ProtectedFromScaleIn", "false"),
    ];
    assert_eq!(
        bench.query(AutoScaling, "SetInstanceProtection", &other),
        Err("ValidationError")
    );
    bench
        .query(AutoScaling, "DeleteAutoScalingGroup", &[NAMED])
        .unwrap();
    assert_eq!(
        bench.query(AutoScaling, "DeleteAutoScalingGroup", &[NAMED]),
        Err("ValidationError")
    );
}
