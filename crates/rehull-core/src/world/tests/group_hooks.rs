//! Lifecycle hooks, and machines that wait for one.

use super::fleet::{Fleet, KEEP};
use super::networks::text;

const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

fn hook(fleet: &mut Fleet, name: &str, transition: &str, more: &[(&str, &str)]) {
    let mut said = vec![("LifecycleHookName", name), ("LifecycleTransition", transition)];
    said.extend(more);
    fleet.ask("PutLifecycleHook", &said).unwrap();
}

fn complete(fleet: &mut Fleet, name: &str, id: &str, result: &str) -> Result<(), &'static str> {
    let said = [
        ("LifecycleHookName", name),
        ("InstanceId", id),
        ("LifecycleActionResult", result),
    ];
    fleet.ask("CompleteLifecycleAction", &said).map(|_| ())
}

/// `asg-hook-default-abandon`
#[test]
fn a_hook_that_nobody_completes_ends_after_an_hour_as_its_default_says() {
    let mut fleet = Fleet::of("0", &[]);
    hook(&mut fleet, "boot", LAUNCHING, &[]);
    let told = fleet.ask("DescribeLifecycleHooks", &[]).unwrap();
    assert_eq!(text(&told, "LifecycleHooks.0.HeartbeatTimeout"), "3600");
    assert_eq!(text(&told, "LifecycleHooks.0.DefaultResult"), "ABANDON");
    fleet.want("1");
    fleet.live(5);
    let id = fleet.ids()[0].clone();
    assert_eq!(fleet.lifecycle(&id), "Pending:Wait");
    assert_eq!(fleet.activities()[0].0, "MidLifecycleAction");
    fleet.live(3_590);
    assert_eq!(fleet.lifecycle(&id), "Pending:Wait");
    fleet.live(20);
    assert_eq!(fleet.lifecycle(&id), "gone");
    assert_eq!(fleet.bench.state(&id), "terminated");
}

#[test]
fn a_heartbeat_starts_the_timer_again_and_not_beyond_the_whole_limit() {
    let mut fleet = Fleet::of("0", &[]);
    hook(&mut fleet, "boot", LAUNCHING, &[("HeartbeatTimeout", "30")]);
    fleet.want("1");
    fleet.live(5);
    let id = fleet.ids()[0].clone();
    let said = [("LifecycleHookName", "boot"), ("InstanceId", id.as_str())];
    let mut beats = 0;
    while fleet.ask("RecordLifecycleActionHeartbeat", &said).is_ok() {
        fleet.live(25);
        beats += 1;
    }
    assert!(
        (118..=121).contains(&beats),
        "100 times 30 s are 3000 s, not {beats} times 25 s"
    );
}

/// `asg-hook-abandon-launch`
#[test]
fn an_abandoned_launch_is_terminated_and_replaced_after_a_pause() {
    let mut fleet = Fleet::of("0", &[]);
    hook(&mut fleet, "boot", LAUNCHING, &[]);
    fleet.want("1");
    fleet.live(5);
    let id = fleet.ids()[0].clone();
    assert_eq!(
        complete(&mut fleet, "other", &id, "CONTINUE"),
        Err("ValidationError")
    );
    complete(&mut fleet, "boot", &id, "ABANDON").unwrap();
    fleet.live_ms(300);
    assert_eq!(fleet.lifecycle(&id), "Terminating:Proceed");
    assert_eq!(
        fleet.count("Pending"),
        0,
        "a bad template must not become a storm"
    );
    fleet.live(10);
    assert_eq!(fleet.count("Pending:Wait"), 1);
    let failed = fleet
        .activities()
        .into_iter()
        .filter(|(status, ..)| status == "Failed");
    assert_eq!(failed.count(), 1);
}

/// `asg-hook-abandon-terminate`
#[test]
fn on_the_way_out_both_results_terminate_and_abandon_skips_the_other_hooks() {
    for (result, waits_on) in [("CONTINUE", true), ("ABANDON", false)] {
        let mut fleet = Fleet::of("1", &[]);
        hook(&mut fleet, "a-drain", TERMINATING, &[]);
        hook(&mut fleet, "b-log", TERMINATING, &[]);
        let id = fleet.ids()[0].clone();
        fleet.terminate(&id, KEEP).unwrap();
        assert_eq!(fleet.lifecycle(&id), "Terminating:Wait");
        complete(&mut fleet, "a-drain", &id, result).unwrap();
        fleet.live_ms(410);
        assert_eq!(fleet.lifecycle(&id) == "Terminating:Wait", waits_on, "{result}");
        let next = complete(&mut fleet, "b-log", &id, "CONTINUE");
        assert_eq!(next.is_ok(), waits_on, "{result}");
        fleet.live(5);
        assert_eq!(fleet.lifecycle(&id), "gone");
    }
}

/// `asg-hook-not-for-standby`
#[test]
fn hooks_run_neither_for_standby_nor_for_detach_nor_for_attach() {
    let mut fleet = Fleet::of("2", &[]);
    hook(&mut fleet, "boot", LAUNCHING, &[]);
    hook(&mut fleet, "drain", TERMINATING, &[]);
    let ids = fleet.ids();
    fleet
        .ask_about("EnterStandby", &ids[0], &[super::fleet::DECREMENT])
        .unwrap();
    fleet
        .ask_about("DetachInstances", &ids[1], &[super::fleet::DECREMENT])
        .unwrap();
    fleet.live(1);
    assert_eq!(
        (
            fleet.lifecycle(&ids[0]).as_str(),
            fleet.lifecycle(&ids[1]).as_str()
        ),
        ("Standby", "gone")
    );
    fleet.ask_about("ExitStandby", &ids[0], &[]).unwrap();
    fleet.ask_about("AttachInstances", &ids[1], &[]).unwrap();
    fleet.live(1);
    assert_eq!(fleet.count("InService"), 2);
}

/// `asg-lb-drain-before-hook`
#[test]
fn the_drain_hook_of_a_group_begins_after_the_deregistration_delay() {
    let mut fleet = Fleet::behind("1", "120", &[]);
    hook(&mut fleet, "drain", TERMINATING, &[]);
    let id = fleet.ids()[0].clone();
    fleet.terminate(&id, KEEP).unwrap();
    fleet.live(115);
    assert_eq!(fleet.lifecycle(&id), "Terminating");
    assert!(
        fleet
            .activities()
            .iter()
            .any(|(status, ..)| status == "WaitingForELBConnectionDraining")
    );
    fleet.live(6);
    assert_eq!(fleet.lifecycle(&id), "Terminating:Wait");
    assert_eq!(fleet.health(&id).1, "Target.NotRegistered");
}

/// `asg-launch-hook-before-lb`
#[test]
fn a_launch_hook_holds_registration_back() {
    let mut fleet = Fleet::behind("0", "0", &[]);
    hook(&mut fleet, "boot", LAUNCHING, &[]);
    fleet.want("1");
    fleet.live(30);
    let id = fleet.ids()[0].clone();
    assert_eq!(fleet.health(&id).1, "Target.NotRegistered");
    complete(&mut fleet, "boot", &id, "CONTINUE").unwrap();
    fleet.live_ms(600);
    assert_eq!(
        (fleet.lifecycle(&id).as_str(), fleet.health(&id).0.as_str()),
        ("InService", "initial")
    );
}

#[test]
fn whoever_waits_for_a_hook_that_is_deleted_moves_on() {
    let mut fleet = Fleet::of("1", &[]);
    hook(&mut fleet, "drain", TERMINATING, &[]);
    let id = fleet.ids()[0].clone();
    fleet.terminate(&id, KEEP).unwrap();
    fleet.live(5);
    assert_eq!(fleet.lifecycle(&id), "Terminating:Wait");
    fleet
        .ask("DeleteLifecycleHook", &[("LifecycleHookName", "drain")])
        .unwrap();
    fleet.live(5);
    assert_eq!(fleet.lifecycle(&id), "gone");
}
