//! The journeys of the people this is made for, each as they would read it.

use super::*;

const GENERAL: &str = "general";

#[test]
fn from_1_16_to_1_19_in_one_request() {
    let path = way(
        &seen("3.4.13", "1.16.15", &[(GENERAL, "1.16.15", 40)]),
        &pins("3.4.45", "1.19.16", &[(GENERAL, "1.19.16")]),
    );
    insta::assert_snapshot!(path.unwrap());
}

#[test]
fn from_1_14_to_1_21_with_four_rolls_of_the_workers() {
    let seen = seen(
        "3.4.13",
        "1.14.10",
        &[(GENERAL, "1.14.10", 24), ("ingress", "1.14.10", 4)],
    );
    let pins = pins(
        "3.4.45",
        "1.21.14",
        &[(GENERAL, "1.21.14"), ("ingress", "1.21.14")],
    );
    insta::assert_snapshot!(way(&seen, &pins).unwrap());
}

#[test]
fn from_1_14_to_1_21_in_the_famous_single_jump_which_nobody_supports() {
    let seen = seen("3.4.45", "1.14.10", &[(GENERAL, "1.14.10", 24)]);
    let pins = pins("3.4.45", "1.21.14", &[(GENERAL, "1.21.14")]);
    insta::assert_snapshot!(find(&seen, &pins, KubeletRule::Unsupported, TODAY).unwrap());
}

#[test]
fn etcd_alone_from_3_4_34_to_3_5_4_and_why_that_is_a_bad_pin() {
    let seen = Seen {
        etcd: BTreeMap::from([("3.4.34".parse().unwrap(), 3)]),
        ..Seen::default()
    };
    let pins = Pins {
        etcd: "3.5.4".parse().unwrap(),
        servers: None,
        groups: Vec::new(),
    };
    insta::assert_snapshot!(way(&seen, &pins).unwrap());
}

#[test]
fn from_1_29_to_1_37_with_the_patches_of_etcd_that_its_project_asks_for() {
    let path = way(
        &seen("3.5.16", "1.29.15", &[(GENERAL, "1.29.15", 24)]),
        &pins("3.7.3", "1.37.2", &[(GENERAL, "1.37.2")]),
    );
    insta::assert_snapshot!(path.unwrap());
}

#[test]
fn on_from_a_rollout_that_was_left_half_way() {
    let mut seen = seen("3.5.35", "1.33.13", &[(GENERAL, "1.31.14", 8)]);
    seen.etcd = BTreeMap::from([("3.5.35".parse().unwrap(), 1), ("3.6.16".parse().unwrap(), 2)]);
    seen.servers.insert(ServerVersions::all(v("1.34.12")), 1);
    let pins = pins("3.6.16", "1.35.10", &[(GENERAL, "1.34.13")]);
    insta::assert_snapshot!(way(&seen, &pins).unwrap());
}
