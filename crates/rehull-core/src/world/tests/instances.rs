use super::bench::{Bench, ZONE_A, ZONE_C, tags};
use crate::world::api::ec2::{Describe, Filter, PageRequest, Request, Response};
use crate::world::{Deed, Fact, Switch, Timing};

fn list(bench: &mut Bench, by: Describe) -> Vec<String> {
    match bench.ec2(Request::DescribeInstances(by)) {
        Ok(Response::Instances(page)) => page.rows.into_iter().map(|sight| sight.instance.id).collect(),
        other => panic!("{other:?}"),
    }
}

fn filter(name: &str, value: &str) -> Describe {
    let filters = vec![Filter {
        name: name.to_owned(),
        values: vec![value.to_owned()],
    }];
    Describe {
        filters,
        ..Describe::default()
    }
}

/// `ec2-new-id-notfound`
#[test]
fn a_new_id_is_unknown_for_a_while_then_known_by_name_and_only_later_in_lists() {
    let mut seen = Vec::new();
    // Every launch draws its own lags; over some of them each state must have been seen.
    let mut bench = Bench::new(Timing::Aws);
    for _ in 0..5 {
        let id = bench.run(|_| {}).unwrap();
        let mut last = "";
        for _ in 0..600 {
            let named = bench.describe(&id).is_some();
            let listed = list(&mut bench, filter("tag:slot", "etcd-a")).contains(&id);
            let now = match (named, listed) {
                (false, false) => "unknown",
                (true, false) => "named",
                (true, true) => "listed",
                (false, true) => "listed before named",
            };
            if now != last {
                seen.push(now);
                last = now;
            }
            bench.pass(100);
        }
        assert_eq!(last, "listed");
    }
    assert!(seen.contains(&"unknown") && seen.contains(&"named"), "{seen:?}");
    assert!(!seen.contains(&"listed before named"), "{seen:?}");
}

#[test]
fn a_machine_is_started_with_its_user_data_when_it_runs_and_not_before() {
    let mut bench = Bench::fast();
    let id = bench.run(|_| {}).unwrap();
    bench.pass(150);
    assert_eq!((bench.state(&id), bench.deeds()), ("pending", vec![]));
    bench.pass(850);
    assert_eq!(bench.state(&id), "running");
    let deeds = bench.deeds();
    let [Deed::Start(hardware)] = deeds.as_slice() else {
        panic!("{deeds:?}");
    };
    assert_eq!(&*hardware.user_data, "#cloud-config\n");
    assert_eq!(
        hardware.hostname,
        format!("ip-{}", hardware.address.to_string().replace('.', "-"))
    );
}

/// `ec2-client-token`
#[test]
fn a_token_launches_once_and_tells_when_what_it_launched_is_gone() {
    let mut bench = Bench::fast();
    let launch = |bench: &mut Bench| bench.run(|asked| asked.token = Some("t".to_owned()));
    let id = launch(&mut bench).unwrap();
    bench.live(1_000);
    assert_eq!(launch(&mut bench).unwrap(), id);
    let other = bench.run(|asked| {
        asked.token = Some("t".to_owned());
        asked.zone = Some(ZONE_C.to_owned());
    });
    assert_eq!(other.unwrap_err().code, "IdempotentParameterMismatch");
    bench.terminate(&id);
    assert_eq!(
        launch(&mut bench).unwrap_err().code,
        "IdempotentInstanceTerminated"
    );
}

#[test]
fn terminated_means_that_the_guest_is_off_and_the_least_time_is_over() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let boot = bench.boot(&id);
    bench.terminate(&id);
    assert_eq!(bench.deeds(), [Deed::Shutdown]);
    bench.pass(2_000);
    assert_eq!(bench.state(&id), "shutting-down", "the guest still runs");
    bench.report(Fact::Exited { boot });
    assert_eq!(bench.state(&id), "terminated");
}

/// `ec2-shutdown-unbounded-below`
#[test]
fn a_guest_that_does_not_shut_down_loses_its_power() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let boot = bench.boot(&id);
    bench.terminate(&id);
    bench.pass(7_900);
    assert_eq!(bench.deeds(), [Deed::Shutdown]);
    bench.pass(200);
    assert_eq!(bench.deeds(), [Deed::PowerCut]);
    assert_eq!(bench.state(&id), "shutting-down", "nobody has seen it dead");
    bench.report(Fact::Exited { boot });
    assert_eq!(bench.state(&id), "terminated");
}

#[test]
fn terminating_twice_is_success_and_one_unknown_id_terminates_nothing() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let ids = |ids: &[&str]| Request::TerminateInstances {
        ids: ids.iter().map(|&id| id.to_owned()).collect(),
    };
    assert_eq!(bench.refused(ids(&[&id, "i-none"])), "InvalidInstanceID.NotFound");
    assert_eq!(bench.state(&id), "running");
    bench.terminate(&id);
    bench.terminate(&id);
    bench.live(2_000);
    bench.terminate(&id);
    assert_eq!(bench.state(&id), "terminated");
}

/// `ec2-terminated-visible`
#[test]
fn a_terminated_machine_loses_its_tags_before_it_is_forgotten() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    bench.terminate(&id);
    bench.live(2_000);
    let by_tag = || filter("tag:slot", "etcd-a");
    assert_eq!(list(&mut bench, by_tag()), std::slice::from_ref(&id));
    bench.pass(600_000);
    assert_eq!(list(&mut bench, by_tag()), Vec::<String>::new());
    assert_eq!(bench.state(&id), "terminated");
    bench.pass(3_600_000);
    assert_eq!(bench.state(&id), "unknown");
}

#[test]
fn a_guest_that_switches_itself_off_is_stopped_and_keeps_its_devices() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let boot = bench.boot(&id);
    bench.report(Fact::Exited { boot });
    assert_eq!(bench.state(&id), "stopped");
    assert_eq!(bench.describe(&id).unwrap().interfaces.len(), 1);
}

#[test]
fn a_reboot_is_a_new_boot_and_facts_of_the_old_one_are_dropped() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let old = bench.boot(&id);
    bench
        .ec2(Request::RebootInstances {
            ids: vec![id.clone()],
        })
        .unwrap();
    bench.live(1_000);
    let new = bench.boot(&id);
    assert_ne!(old, new);
    bench.report(Fact::Exited { boot: old });
    assert_eq!((bench.state(&id), bench.boot(&id)), ("running", new));
}

#[test]
fn a_power_cut_is_not_told_by_the_api() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    bench.switch(Switch::PowerCut { instance: id.clone() });
    let [cut] = std::mem::take(&mut bench.effects).try_into().unwrap();
    assert_eq!(cut.deed, Deed::PowerCut);
    bench.obey(&cut);
    assert_eq!(bench.state(&id), "running");
    // A terminate of a machine without power still takes its time, and no button is pressed.
    bench.terminate(&id);
    assert_eq!((bench.state(&id), bench.deeds()), ("shutting-down", vec![]));
    bench.pass(1_000);
    assert_eq!(bench.state(&id), "terminated");
}

#[test]
fn a_machine_whose_power_was_cut_holds_its_devices_until_it_is_known_to_be_dead() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let boot = bench.boot(&id);
    bench.switch(Switch::PowerCut { instance: id.clone() });
    bench.terminate(&id);
    bench.pass(20_000);
    assert_eq!(bench.state(&id), "shutting-down");
    bench.report(Fact::Exited { boot });
    assert_eq!(bench.state(&id), "terminated");
}

#[test]
fn a_lost_zone_launches_nothing_and_its_machines_boot_again_when_it_is_back() {
    let mut bench = Bench::fast();
    let (id, elsewhere) = (bench.running(ZONE_A), bench.running(ZONE_C));
    let zone = |on| Switch::ZoneLoss {
        zone: ZONE_A.to_owned(),
        on,
    };
    let before = bench.boot(&id);
    bench.switch(zone(true));
    bench.live(5_000);
    assert_eq!(bench.describe(&id).unwrap().instance.boot, None);
    assert!(bench.describe(&elsewhere).unwrap().instance.boot.is_some());
    let launch = bench.run(|asked| asked.zone = Some(ZONE_A.to_owned()));
    assert_eq!(launch.unwrap_err().code, "InsufficientInstanceCapacity");
    bench.switch(zone(false));
    bench.live(1_000);
    assert_ne!(bench.boot(&id), before);
}

#[test]
fn a_launch_without_capacity_leaves_nothing_behind() {
    let mut bench = Bench::fast();
    bench.switch(Switch::NoCapacity {
        zone: ZONE_A.to_owned(),
        on: true,
    });
    let refused = bench
        .run(|asked| asked.zone = Some(ZONE_A.to_owned()))
        .unwrap_err();
    assert_eq!(
        (refused.code, refused.status),
        ("InsufficientInstanceCapacity", 500)
    );
    bench.pass(5_000);
    assert_eq!(list(&mut bench, Describe::default()), Vec::<String>::new());
    assert_eq!(bench.world.interfaces.values().count(), 0);
    assert!(bench.run(|asked| asked.zone = Some(ZONE_C.to_owned())).is_ok());
}

/// `ec2-runinstances-request-bucket`
#[test]
fn the_sixth_launch_in_a_row_is_throttled_and_not_made() {
    let mut bench = Bench::fast();
    for _ in 0..5 {
        bench.run(|_| {}).unwrap();
    }
    assert_eq!(bench.run(|_| {}).unwrap_err().code, "RequestLimitExceeded");
    bench.pass(1_000);
    assert_eq!(list(&mut bench, Describe::default()).len(), 5);
}

/// `imds-tags-live-and-key-limits`
#[test]
fn with_tags_in_metadata_a_slash_or_a_space_in_a_key_refuses_launch_and_tagging() {
    let mut bench = Bench::fast();
    for bad in ["kubernetes.io/cluster", "a b", ".."] {
        let launch = bench.run(|asked| {
            asked.data.tags.insert("instance".to_owned(), tags(&[(bad, "x")]));
        });
        assert_eq!(launch.unwrap_err().code, "InvalidParameterValue", "{bad}");
    }
    let id = bench.running(ZONE_A);
    let tag = |key: &str| Request::CreateTags {
        ids: vec![id.clone()],
        tags: tags(&[(key, "1")]),
    };
    assert_eq!(bench.refused(tag("a/b")), "InvalidParameterValue");
    assert_eq!(bench.refused(tag("aws:x")), "InvalidParameterValue");
    bench.ec2(tag("rehull:go")).unwrap();
    assert_eq!(bench.describe(&id).unwrap().instance.tags["rehull:go"], "1");
    // Without tags in metadata a slash is an ordinary character.
    let plain = bench.run(|asked| {
        asked.data.metadata.instance_tags = None;
        asked
            .data
            .tags
            .insert("instance".to_owned(), tags(&[("a/b", "x")]));
    });
    assert!(plain.is_ok());
}

#[test]
fn filters_must_be_known_and_pages_have_a_least_size() {
    let mut bench = Bench::fast();
    bench.running(ZONE_A);
    assert_eq!(
        bench.refused(Request::DescribeInstances(filter("colour", "red"))),
        "InvalidParameterValue"
    );
    let page = |max| Describe {
        page: PageRequest {
            max: Some(max),
            token: None,
        },
        ..Describe::default()
    };
    assert_eq!(
        bench.refused(Request::DescribeInstances(page(4))),
        "InvalidParameterValue"
    );
    for _ in 0..6 {
        bench.run(|_| {}).unwrap();
        bench.pass(1_000);
    }
    let Ok(Response::Instances(first)) = bench.ec2(Request::DescribeInstances(page(5))) else {
        panic!("no page")
    };
    assert_eq!(first.rows.len(), 5);
    let rest = Describe {
        page: PageRequest {
            max: Some(5),
            token: first.next,
        },
        ..Describe::default()
    };
    assert_eq!(list(&mut bench, rest).len(), 2);
}

#[test]
fn a_clock_that_is_set_back_makes_time_stand_still() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let launched = bench.describe(&id).unwrap().instance.launched;
    bench.now = "2020-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(bench.state(&id), "running");
    let second = bench.run(|_| {}).unwrap();
    bench.now = "2026-11-21T10:10:00Z".parse().unwrap();
    assert!(bench.describe(&second).unwrap().instance.launched >= launched);
}
