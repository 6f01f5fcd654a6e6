//! What several values say together.

use super::{EXAMPLE, example_with, mistakes, only, parse};

/// The example with slots of these names and zones (last letter), everything else made from the number.
fn with_slots(zones: &str) -> String {
    let (before, rest) = EXAMPLE.split_once("  slots:\n").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    let slot = |(index, zone): (usize, char)| {
        format!(
            "    - {{ name: etcd-{index}, zone: ap-northeast-1{zone}, subnet: subnet-{:017x}, interface: eni-{index:017x}, \
             volume: vol-{index:017x}, address: 10.0.0.{}, launchTemplate: dev-etcd-{index} }}\n",
            u32::from(zone),
            index + 10,
        )
    };
    let slots: String = zones.chars().enumerate().map(slot).collect();
    format!("{before}  slots:\n{slots}\n{after}")
}

#[test]
fn members_are_odd_and_each_other_number_has_its_reason() {
    for zones in ["acd", "aaccd", "aaacccd", "aaaccdd"] {
        assert_eq!(mistakes(&with_slots(zones)), Vec::<String>::new(), "{zones}");
    }
    for (zones, reason) in [
        (
            "ac",
            "2 members tolerate no failure: both are needed for a quorum of 2",
        ),
        ("acda", "4 members tolerate 1 failure, as 3 do"),
        ("acdacd", "6 members tolerate 2 failures, as 5 do"),
        ("acdacdacd", "9 members are more than etcd is good for"),
    ] {
        let mistake = only(&with_slots(zones), "config::members");
        assert!(mistake.message.starts_with(reason), "{}", mistake.message);
    }
    let none = format!("{}  slots: []\n", EXAMPLE.split_once("  slots:\n").unwrap().0);
    only(&none, "config::members");
}

#[test]
fn losing_a_zone_must_leave_the_quorum() {
    for (zones, taken) in [
        ("aac", "2 of 3"),
        ("aaa", "3 of 3"),
        ("aaacd", "3 of 5"),
        ("aaaaccd", "4 of 7"),
    ] {
        let mistake = only(&with_slots(zones), "config::zones");
        assert!(
            mistake.message.contains(&format!("would take {taken} members")),
            "{}",
            mistake.message
        );
        assert!(!mistake.more.is_empty());
    }
}

#[test]
fn a_single_member_is_reattached_and_its_outage_is_accepted() {
    let text = with_slots("a");
    let told = mistakes(&text);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("a single member cannot be replaced by `remove-then-add`"));
    assert!(told[1].contains("without an outage"));
    let accepted = text
        .replace("remove-then-add", "reattach")
        .replace("bake: 5m", "acceptDowntime: true");
    assert_eq!(mistakes(&accepted), Vec::<String>::new());
}

#[test]
fn slots_share_nothing_that_makes_a_member_itself() {
    for (first, second) in [
        ("name: etcd-a", "name: etcd-b"),
        ("eni-e1a76237f79374b23", "eni-bb2340cf7614c9f41"),
        ("vol-7c263e8d0ffaac28b", "vol-18d514083906c47cc"),
        ("address: 10.0.1.10", "address: 10.0.2.10"),
        ("launchTemplate: dev-etcd-a", "launchTemplate: dev-etcd-b"),
    ] {
        let mistake = only(&example_with(second, first), "config::duplicate");
        assert_eq!(mistake.more.len(), 1, "{first}");
    }
    only(
        &example_with("subnet-ad12f2caffdff49d0", "subnet-56bdf0204ff9d445e"),
        "config::subnet",
    );
}

#[test]
fn nothing_private_stands_where_machines_may_read() {
    for (old, new, whose) in [
        (
            "bucket: rehull-dev-snapshots, prefix: etcd/",
            "bucket: rehull-dev, prefix: artefacts/snapshots/",
            "snapshots",
        ),
        (
            "bucket: rehull-dev-snapshots",
            "bucket: rehull-dev-secrets",
            "snapshots",
        ),
        ("prefix: artefacts/", "prefix: \"\"", "store"),
        (
            "bucket: rehull-dev-secrets, prefix: etcd/",
            "bucket: rehull-dev, prefix: artefacts/",
            "machineTls",
        ),
        (
            "files: { ca: pki/ca.crt, cert: pki/client.crt, key: pki/client.key }",
            "s3: { bucket: rehull-dev-secrets, prefix: etcd/client/ }",
            "clientTls",
        ),
    ] {
        let mistake = only(&example_with(old, new), "config::overlap");
        assert!(
            mistake.message.starts_with(&format!("`{whose}` overlaps")),
            "{}",
            mistake.message
        );
    }
}

#[test]
fn a_local_store_needs_a_cluster_on_loopback() {
    let local = example_with(
        "  s3: { bucket: rehull-dev, prefix: store/ }",
        "  local: { path: .rehull/store }",
    );
    only(&local, "config::local_store");
    let endpoint = |url: &str| {
        local.replace(
            "region: ap-northeast-1\n",
            &format!("region: ap-northeast-1\n  endpoint: {url}\n"),
        )
    };
    assert_eq!(
        mistakes(&endpoint("http://127.20.0.1:4566")),
        Vec::<String>::new()
    );
    only(
        &endpoint("https://ec2.ap-northeast-1.amazonaws.com"),
        "config::local_store",
    );
    only(&endpoint("http://10.0.0.1:4566"), "config::endpoint");
}

#[test]
fn paths_may_be_absolute_only_on_loopback() {
    let absolute = example_with("ca: pki/ca.crt", "ca: /etc/pki/ca.crt");
    only(&absolute, "config::path");
    let sandbox = absolute.replace(
        "region: ap-northeast-1\n",
        "region: ap-northeast-1\n  endpoint: http://127.20.0.1:4566\n",
    );
    assert!(parse("c", &sandbox).is_ok(), "{:#?}", mistakes(&sandbox));
}

#[test]
fn each_release_has_its_binaries() {
    let no_etcdutl = EXAMPLE
        .lines()
        .filter(|line| !line.contains("etcdutl:"))
        .collect::<Vec<_>>()
        .join("\n");
    only(&no_etcdutl, "config::binaries");
    assert_eq!(
        mistakes(&no_etcdutl.replace("3.6.14", "3.4.34")),
        Vec::<String>::new()
    );
    only(&example_with("3.6.14", "3.4.34"), "config::binaries");
    let etcd = "c4b4d27aee3d2281c75b4fc1e74667be8e82987baae4786157faf44eb39eb939";
    let copied = example_with(
        "dbde27e388aab2b246597e501f7db51a698d847cf37d579a3ca13ececa1553ae",
        etcd,
    );
    only(&copied, "config::duplicate");
}

/// The example with a spare slot in this zone, and with `learner-first`.
fn with_spare(zone: &str) -> String {
    let spare = format!(
        "  spare: {{ name: etcd-s, zone: {zone}, subnet: subnet-0d0d0d0d0d0d0d0d0, interface: eni-0d0d0d0d0d0d0d0d0, \
         volume: vol-0d0d0d0d0d0d0d0d0, address: 10.0.9.10, launchTemplate: dev-etcd-s }}\n"
    );
    example_with("remove-then-add", "learner-first")
        .replace("builtIn: 1", "builtIn: 2")
        .replace("\n  slots:\n", &format!("\n{spare}  slots:\n"))
}

#[test]
fn learner_first_is_refused_for_the_true_reason() {
    let whole = with_spare("ap-northeast-1d");
    assert_eq!(mistakes(&whole), Vec::<String>::new());
    let old = only(&whole.replace("3.6.14", "3.5.23"), "config::learner_first");
    assert!(old.message.contains("needs etcd 3.5.24"), "{}", old.message);
    let no_spare = example_with("remove-then-add", "learner-first").replace("builtIn: 1", "builtIn: 2");
    let told = only(&no_spare, "config::learner_first");
    assert!(told.message.contains("needs a spare slot"), "{}", told.message);
    let old_set = only(
        &whole.replace("builtIn: 2", "builtIn: 1"),
        "config::learner_first",
    );
    assert!(old_set.message.contains("set 1"), "{}", old_set.message);
}

#[test]
fn a_spare_is_a_slot_of_its_own() {
    let whole = with_spare("ap-northeast-1d");
    for (own, taken) in [
        ("name: etcd-s", "name: etcd-a"),
        ("10.0.9.10", "10.0.1.10"),
        ("dev-etcd-s", "dev-etcd-a"),
    ] {
        assert!(EXAMPLE.contains(taken), "{taken}");
        let twice = only(&whole.replace(own, taken), "config::duplicate");
        assert!(
            twice.at.starts_with("/etcd/spare/") || twice.at.starts_with("/etcd/slots/"),
            "{}",
            twice.at
        );
    }
    let same_subnet = whole.replace("subnet-0d0d0d0d0d0d0d0d0", &subnet_of_the_first());
    only(&same_subnet, "config::subnet");
    // Three members fill three zones: the fourth voter has to share one.
    assert_eq!(mistakes(&with_spare("ap-northeast-1a")).len(), 0);
}

fn subnet_of_the_first() -> String {
    let desired = crate::config::parse("c", EXAMPLE).unwrap();
    desired.etcd.slots[0].subnet.as_str().to_owned()
}

#[test]
fn waits_below_their_floor_are_refused_with_the_reason() {
    for (line, code) in [
        ("settle: 5999ms", "config::too_short"),
        ("stopDeadline: 14s", "config::too_short"),
        ("leaseTtl: 44s", "config::too_short"),
        ("bootDeadline: 0s", "config::too_short"),
        ("bake: 25h", "config::too_long"),
        ("joinDeadline: 6s", "config::deadline"),
        ("lagEntriesMax: 0", "config::lag"),
        ("lagEntriesMax: -1", "config::lag"),
        ("quotaUsedPercentMax: 101", "config::percent"),
    ] {
        only(&example_with("bake: 5m", line), code);
    }
    assert!(
        parse(
            "c",
            &example_with(
                "bake: 5m",
                "bake: 0s\n  settle: 6s\n  stopDeadline: 15s\n  leaseTtl: 45s"
            )
        )
        .is_ok()
    );
}

#[test]
fn a_lease_leaves_every_call_the_time_that_its_adapter_gives_it() {
    use crate::executor::lease::LeaseTimes;

    let slow = only(&example_with("bake: 5m", "leaseTtl: 44s"), "config::too_short");
    assert!(slow.help.unwrap().contains("AWS may take 15 s"));
    let times = LeaseTimes::of(std::time::Duration::from_secs(45));
    assert!(times.call_bound >= std::time::Duration::from_secs(15));
    // A sandbox answers at once.
    let sandbox = example_with(
        "region: ap-northeast-1\n",
        "region: ap-northeast-1\n  endpoint: \"http://127.20.0.1:4566\"\n",
    );
    assert!(parse("c", &sandbox.replace("bake: 5m", "leaseTtl: 10s")).is_ok());
    only(&sandbox.replace("bake: 5m", "leaseTtl: 9s"), "config::too_short");
}

#[test]
fn floating_versions_are_refused_wherever_they_stand() {
    for (old, new) in [
        ("launchTemplate: dev-etcd-a", "launchTemplate: \"$Latest\""),
        (
            "launchTemplate: dev-etcd-a",
            "launchTemplate: dev-etcd-a:$Default",
        ),
        ("version: 3.6.14", "version: latest"),
        ("ami-8acc23d5688586c15", "$latest"),
    ] {
        only(&example_with(old, new), "config::floating_version");
    }
}

#[test]
fn a_pasted_private_key_is_never_repeated() {
    let pasted = "key: \"-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEE\" }";
    let mistake = only(&example_with("key: pki/client.key }", pasted), "config::secret");
    assert!(!format!("{mistake:?}").contains("MHcCAQEE"));
}

#[test]
fn flags_of_rehull_are_refused_with_the_reason() {
    for (flag, code) in [
        ("name: x", "config::flag_owned"),
        ("data-dir: /x", "config::flag_owned"),
        ("initial-cluster-state: new", "config::flag_owned"),
        ("listen-peer-urls: x", "config::flag_owned"),
        ("advertise-client-urls: x", "config::flag_owned"),
        ("peer-trusted-ca-file: x", "config::flag_owned"),
        ("force-new-cluster: \"true\"", "config::flag_owned"),
        ("--snapshot-count: \"1\"", "config::flag_name"),
        ("ETCD_SNAPSHOT_COUNT: \"1\"", "config::flag_name"),
        ("snapshot-count: \"\"", "config::flag_value"),
        ("snapshot-count: \"1\\n2\"", "config::flag_value"),
        ("strict-reconfig-check: \"false\"", "config::flag_unsafe"),
        ("unsafe-no-fsync: \"true\"", "config::flag_unsafe"),
        ("snapshot-count: many", "config::flag_value"),
        ("snapshot-cuont: \"1\"", "config::flag_unknown"),
        ("enable-v2: \"true\"", "config::flag_removed"),
    ] {
        only(&example_with("quota-backend-bytes: \"8589934592\"", flag), code);
    }
}

#[test]
fn flags_are_judged_for_the_pinned_release() {
    let experimental = example_with(
        "quota-backend-bytes: \"8589934592\"",
        "experimental-memory-mlock: \"true\"",
    );
    assert_eq!(
        mistakes(&experimental),
        Vec::<String>::new(),
        "3.6 still takes it"
    );
    only(&experimental.replace("3.6.14", "3.7.1"), "config::flag_removed");
}

#[test]
fn a_release_that_is_not_to_be_run_or_not_known_is_told_once() {
    only(&example_with("3.6.14", "3.6.2"), "config::release");
    only(&example_with("3.6.14", "4.0.0"), "config::release");
}

#[test]
fn a_template_set_that_does_not_exist_is_refused() {
    assert!(
        only(&example_with("builtIn: 1", "builtIn: 99"), "config::template")
            .help
            .unwrap()
            .contains("`1`")
    );
}
