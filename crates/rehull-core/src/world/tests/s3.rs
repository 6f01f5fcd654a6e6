use std::collections::BTreeMap;

use super::bench::Bench;
use crate::world::Switch;
use crate::world::api::s3::{Content, Get, List, Operation, Put, PutCondition, Response};

fn put(key: &str, text: &str, condition: PutCondition) -> Operation {
    Operation::Put(Put {
        key: key.to_owned(),
        content: Content {
            sha256: format!("sha-{text}"),
            md5: format!("md5-{text}"),
            size: 1,
        },
        condition,
        content_type: None,
        metadata: BTreeMap::new(),
    })
}

fn get(key: &str) -> Operation {
    Operation::Get(Get {
        key: key.to_owned(),
        ..Get::default()
    })
}

fn delete(key: &str) -> Operation {
    Operation::Delete {
        key: key.to_owned(),
        if_match: None,
    }
}

/// `s3-cond-412`
#[test]
fn a_delete_marker_counts_as_absent_for_a_conditional_write() {
    let mut bench = Bench::fast();
    bench.s3("one", Operation::CreateBucket).unwrap();
    bench.s3("one", Operation::SetVersioning(true)).unwrap();
    let Ok(Response::Object(first)) = bench.s3("one", put("k", "1", PutCondition::IfAbsent)) else {
        panic!("not written");
    };
    assert_eq!(
        bench
            .s3("one", put("k", "2", PutCondition::IfAbsent))
            .unwrap_err()
            .status,
        412
    );
    bench.s3("one", delete("k")).unwrap();
    assert_eq!(bench.s3("one", get("k")).unwrap_err().code, "NoSuchKey");
    bench.s3("one", put("k", "2", PutCondition::IfAbsent)).unwrap();
    let old = Get {
        key: "k".to_owned(),
        version: first.version.clone(),
        ..Get::default()
    };
    assert_eq!(
        bench.s3("one", Operation::Get(old)).unwrap(),
        Response::Object(first)
    );
}

#[test]
fn contents_are_those_that_some_object_still_holds() {
    let mut bench = Bench::fast();
    bench.s3("one", Operation::CreateBucket).unwrap();
    for (key, text) in [("a", "1"), ("b", "1"), ("c", "2")] {
        bench.s3("one", put(key, text, PutCondition::Always)).unwrap();
    }
    bench.s3("one", delete("a")).unwrap();
    bench.s3("one", put("c", "3", PutCondition::Always)).unwrap();
    let living: Vec<String> = bench.world.contents().into_iter().collect();
    assert_eq!(living, ["sha-1", "sha-3"]);
}

#[test]
fn an_unknown_bucket_is_said_to_be_unknown() {
    let mut bench = Bench::fast();
    assert_eq!(bench.s3("none", get("k")).unwrap_err().code, "NoSuchBucket");
}

/// `s3-own-retry-412`, `s3-strong`
#[test]
fn a_write_is_read_at_once_and_repeated_it_is_refused_like_anybody_elses() {
    let mut bench = Bench::fast();
    bench.s3("one", Operation::CreateBucket).unwrap();
    bench.switch(Switch::LoseAnswers {
        action: "PutObject".to_owned(),
        calls: 1,
    });
    let mine = || put("k", "1", PutCondition::IfAbsent);
    let written = bench.s3("one", mine()).unwrap();
    assert_eq!(bench.s3("one", get("k")).unwrap(), written);
    let Ok(Response::Listing(listing)) = bench.s3("one", Operation::List(List::default())) else {
        panic!("no listing");
    };
    assert_eq!(listing.objects.len(), 1);
    assert_eq!(bench.s3("one", mine()).unwrap_err().status, 412);
}

/// `s3-cond-409`, `s3-cond-delete`
#[test]
fn a_conflict_is_no_loss_and_a_delete_may_have_a_condition() {
    let mut bench = Bench::fast();
    bench.s3("one", Operation::CreateBucket).unwrap();
    bench.switch(Switch::WriteConflict { calls: 1 });
    let mine = || put("k", "1", PutCondition::IfAbsent);
    assert_eq!(bench.s3("one", mine()).unwrap_err().status, 409);
    let Ok(Response::Object(object)) = bench.s3("one", mine()) else {
        panic!("not written");
    };
    let delete = |etag: String| Operation::Delete {
        key: "k".to_owned(),
        if_match: Some(etag),
    };
    assert_eq!(
        bench
            .s3("one", delete("\"other\"".to_owned()))
            .unwrap_err()
            .status,
        412
    );
    bench.s3("one", delete(object.etag())).unwrap();
    assert_eq!(bench.s3("one", get("k")).unwrap_err().code, "NoSuchKey");
}
