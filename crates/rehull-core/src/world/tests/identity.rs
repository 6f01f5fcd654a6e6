use super::bench::{Bench, KEY, ZONE_A, key, tags};
use crate::world::Switch;
use crate::world::api::s3::{self, Content, Get, Operation, Put, PutCondition};
use crate::world::api::{Request, ec2};

fn may(bench: &mut Bench, key: &str, bucket: &str, operation: Operation) -> bool {
    let request = Request::S3(s3::Request {
        bucket: bucket.to_owned(),
        operation,
    });
    match bench.ask_as(key, request) {
        Ok(_) => true,
        Err(error) => error.code != "AccessDenied",
    }
}

fn get(key: &str) -> Operation {
    Operation::Get(Get {
        key: key.to_owned(),
        ..Get::default()
    })
}

fn put(key: &str) -> Operation {
    Operation::Put(Put {
        key: key.to_owned(),
        content: Content {
            sha256: "s".to_owned(),
            md5: "m".to_owned(),
            size: 1,
        },
        condition: PutCondition::Always,
        content_type: None,
        metadata: std::collections::BTreeMap::new(),
    })
}

fn furnished() -> (Bench, String, String) {
    let mut bench = Bench::fast();
    for bucket in ["art", "keys", "snapshots"] {
        bench.s3(bucket, Operation::CreateBucket).unwrap();
    }
    for (bucket, object) in [
        ("art", "sha256/aa"),
        ("keys", "etcd/etcd-a/1/server.key"),
        ("keys", "etcd/etcd-b/1/server.key"),
        ("keys", "etcd/*/1/server.key"),
        ("snapshots", "r1/snapshot.db"),
    ] {
        bench.s3(bucket, put(object)).unwrap();
    }
    let machine = bench.running(ZONE_A);
    let key = bench
        .world
        .identities
        .key_of_machine(&machine)
        .unwrap()
        .id
        .clone();
    (bench, machine, key)
}

#[test]
fn a_machine_may_do_what_its_profile_grants_and_nothing_else() {
    let (mut bench, machine, key) = furnished();
    for (expected, bucket, operation) in [
        (true, "art", get("sha256/aa")),
        (true, "keys", get("etcd/etcd-a/1/server.key")),
        (true, "art", put(&format!("boot/etcd-a/{machine}.json"))),
        (false, "keys", get("etcd/etcd-b/1/server.key")),
        (false, "snapshots", get("r1/snapshot.db")),
        (false, "art", put("sha256/bb")),
        (false, "art", put("boot/etcd-a/i-other.json")),
        (false, "art", put(&format!("boot/etcd-b/{machine}.json"))),
        (false, "art", get(&format!("boot/etcd-a/{machine}.json"))),
        (false, "art", Operation::List(s3::List::default())),
        (
            false,
            "art",
            Operation::Delete {
                key: "sha256/aa".to_owned(),
                if_match: None,
            },
        ),
    ] {
        assert_eq!(
            may(&mut bench, &key, bucket, operation.clone()),
            expected,
            "{operation:?}"
        );
    }
    // Without permission to list, what does not exist is denied and not missing.
    assert!(!may(&mut bench, &key, "art", get("sha256/none")));
    let describe = Request::Ec2(ec2::Request::DescribeInstances(ec2::Describe::default()));
    assert_eq!(
        bench.ask_as(&key, describe).unwrap_err().code,
        "UnauthorizedOperation"
    );
}

#[test]
fn a_star_in_a_tag_is_no_wildcard_and_a_missing_tag_matches_nothing() {
    let (mut bench, machine, key) = furnished();
    let tag = |value: &str| ec2::Request::CreateTags {
        ids: vec![machine.clone()],
        tags: tags(&[("slot", value)]),
    };
    bench.ec2(tag("*")).unwrap();
    assert!(!may(&mut bench, &key, "keys", get("etcd/etcd-b/1/server.key")));
    assert!(may(&mut bench, &key, "keys", get("etcd/*/1/server.key")));
    let untag = std::collections::BTreeMap::from([("slot".to_owned(), None)]);
    bench
        .ec2(ec2::Request::DeleteTags {
            ids: vec![machine.clone()],
            tags: untag,
        })
        .unwrap();
    assert!(!may(&mut bench, &key, "keys", get("etcd/*/1/server.key")));
    assert!(may(&mut bench, &key, "art", get("sha256/aa")));
}

#[test]
fn keys_of_a_terminated_machine_are_unknown() {
    let (mut bench, machine, key) = furnished();
    bench.terminate(&machine);
    bench.live(2_000);
    let request = Request::S3(s3::Request {
        bucket: "art".to_owned(),
        operation: get("sha256/aa"),
    });
    assert_eq!(
        bench.ask_as(&key, request).unwrap_err().code,
        "InvalidAccessKeyId"
    );
}

#[test]
fn each_service_words_unknown_and_expired_keys_in_its_own_way() {
    let requests = || {
        [
            Request::Ec2(ec2::Request::DescribeAvailabilityZones),
            Request::S3(s3::Request {
                bucket: "one".to_owned(),
                operation: Operation::HeadBucket,
            }),
            Request::GetCallerIdentity,
        ]
    };
    let mut bench = Bench::fast();
    let codes = |bench: &mut Bench, key: &str| requests().map(|ask| bench.ask_as(key, ask).unwrap_err().code);
    assert_eq!(
        codes(&mut bench, "AKIANOBODY"),
        ["AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId"]
    );
    bench.switch(Switch::Expire {
        access_key: KEY.to_owned(),
        on: true,
    });
    assert_eq!(
        codes(&mut bench, KEY),
        ["RequestExpired", "ExpiredToken", "ExpiredToken"]
    );
    bench.switch(Switch::AddKey {
        key: key("AKIAOTHER", "999988887777"),
    });
    let denied = bench.ask_as("AKIAOTHER", Request::Ec2(ec2::Request::DescribeAvailabilityZones));
    assert_eq!(denied.unwrap_err().code, "UnauthorizedOperation");
}
