use super::*;

fn good<T>(read: impl Fn(&str) -> Result<T, Wrong>, texts: &[&str]) {
    for text in texts {
        assert!(read(text).is_ok(), "{text:?} should be taken");
    }
}

fn bad<T>(read: impl Fn(&str) -> Result<T, Wrong>, texts: &[&str]) {
    for text in texts {
        assert!(read(text).is_err(), "{text:?} should be refused");
    }
}

#[test]
fn durations_carry_their_units_in_falling_order() {
    for (text, ms) in [
        ("500ms", Some(500)),
        ("90s", Some(90_000)),
        ("5m", Some(300_000)),
        ("5m500ms", Some(300_500)),
        ("1h30m", Some(5_400_000)),
        ("1h2m3s4ms", Some(3_723_004)),
        ("0s", Some(0)),
        ("", None),
        ("90", None),
        ("s", None),
        ("5 m", None),
        ("30m1h", None),
        ("1m1m", None),
        ("-5s", None),
        ("1.5h", None),
        ("5min", None),
        ("1h30", None),
        ("99999999999999999999h", None),
        ("18446744073709551615h", None),
        ("５s", None),
    ] {
        assert_eq!(duration(text).ok(), ms.map(Duration::from_millis), "{text:?}");
    }
}

#[test]
fn names_fit_object_keys_and_tags() {
    good(cluster_name, &["dev", "a", "prod-eu1", &"a".repeat(40)]);
    bad(
        cluster_name,
        &[
            "",
            "Dev",
            "1dev",
            "-dev",
            "dev-",
            "de_v",
            "dev/x",
            "dév",
            &"a".repeat(41),
        ],
    );
    good(slot_name, &["etcd-a", "0", "a1"]);
    bad(slot_name, &["", "etcd_a", "Etcd", "a.b", "-a"]);
}

#[test]
fn accounts_are_twelve_digits() {
    good(account, &["111122223333", "000000000001"]);
    bad(
        account,
        &[
            "1111-2222-3333",
            "11112222333",
            "0111122223333",
            "",
            "１１１１２２２２３３３３",
        ],
    );
}

#[test]
fn zones_lie_in_their_region() {
    good(
        region,
        &["ap-northeast-1", "us-gov-west-1", "eu-isoe-west-1", "us-east-1"],
    );
    bad(
        region,
        &[
            "ap-northeast-1a",
            "us-east",
            "US-EAST-1",
            "us--east-1",
            "",
            "us-east-123",
        ],
    );
    let tokyo = |text: &str| zone(text, Some("ap-northeast-1"));
    good(tokyo, &["ap-northeast-1a", "ap-northeast-1-tpe-1a"]);
    bad(
        tokyo,
        &[
            "ap-northeast-1",
            "ap-northeast-2a",
            "apne1-az1",
            "ap-northeast-11a",
            "",
            "ap-northeast-1ab",
        ],
    );
    assert!(zone("anything", None).is_ok(), "the region is wrong already");
}

#[test]
fn buckets_and_prefixes_are_what_s3_takes() {
    good(bucket, &["rehull-dev", "a.b", "123"]);
    bad(
        bucket,
        &[
            "ab",
            "Rehull",
            "s3://rehull",
            "rehull/x",
            "-rehull",
            "a..b",
            "arn:aws:s3:::x",
            &"a".repeat(64),
        ],
    );
    good(prefix, &["", "store/", "a/b/", "Team_1/x.y/"]);
    bad(prefix, &["/", "/store/", "store", "a//b/", "../x/", "a b/", "ä/"]);
}

#[test]
fn releases_have_three_numbers() {
    good(version, &["3.6.14", "3.4.0"]);
    bad(
        version,
        &[
            "v3.6.14",
            "3.6",
            "3.6.14-rc.0",
            "3.6.14+x",
            "latest",
            "Stable",
            "$Latest",
            "",
            "3.6.014",
        ],
    );
}

#[test]
fn ids_have_their_prefix_and_hexadecimal_digits() {
    let ami = |text: &str| resource(text, "ami-", "image");
    good(ami, &["ami-0123456789abcdef0", "ami-01234567"]);
    bad(
        ami,
        &[
            "ami-0123456789ABCDEF0",
            "ami-",
            "eni-0123456789abcdef0",
            "ami-0123456789abcdef",
            "ami-0123456789abcdefg",
        ],
    );
}

#[test]
fn digests_are_sixty_four_lower_case_digits() {
    let sum = "c4b4d27aee3d2281c75b4fc1e74667be8e82987baae4786157faf44eb39eb939";
    good(digest, &[sum]);
    bad(
        digest,
        &[
            &sum[1..],
            &sum.to_uppercase(),
            &format!("sha256:{sum}"),
            "",
            &"g".repeat(64),
        ],
    );
}

#[test]
fn instance_types_are_built_on_nitro() {
    good(
        instance_type,
        &[
            "m6i.large",
            "m7i-flex.2xlarge",
            "i3.metal",
            "u-6tb1.112xlarge",
            "t3.small",
        ],
    );
    bad(
        instance_type,
        &[
            "t2.micro",
            "m4.16xlarge",
            "i3.large",
            "large",
            "m6i.",
            ".large",
            "M6i.large",
        ],
    );
}

#[test]
fn profiles_and_templates_are_names() {
    good(instance_profile, &["dev-etcd", "A+b=c,d.e@f_g"]);
    bad(
        instance_profile,
        &["arn:aws:iam::111122223333:instance-profile/dev-etcd", "", "a b"],
    );
    good(
        launch_template,
        &["abc", "dev/etcd_a (1).x".replace(' ', "").as_str()],
    );
    bad(
        launch_template,
        &["ab", "lt-0123456789abcdef0", "a b c", "a:b", &"a".repeat(129)],
    );
    good(revision, &["1", "2026-11", "v1.2_3"]);
    bad(revision, &["", "../x", "a/b", ".1"]);
}

#[test]
fn addresses_can_be_reached_from_another_machine() {
    let elsewhere = |text: &str| address(text, false);
    good(elsewhere, &["10.0.1.10", "192.168.0.1"]);
    bad(
        elsewhere,
        &[
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "169.254.1.1",
            "10.0.1.010",
            "10.0.1",
            "::1",
            "10.0.1.10/24",
        ],
    );
    assert!(address("127.20.1.11", true).is_ok());
}
