//! S3's answers to conditional writes.

use rehull_core::domain::desired::ObjectLocation;
use rehull_core::ports::{Store, StoreError, Tag};

use super::super::replay::{Answer, Replay};
use crate::adapters::store_s3::S3Store;

const KEY: &str = "rollouts/dev-1/journal/000001.jsonl";

async fn store(replay: &Replay) -> S3Store {
    let location = ObjectLocation {
        bucket: "rehull-dev".to_owned(),
        prefix: "store/".to_owned(),
    };
    S3Store::new(replay.clients().await, location)
}

/// `create`, and `replace`, with this answer; each sent exactly once.
async fn writes_answered(answer: &Answer) -> [StoreError; 2] {
    let replay = Replay::of([answer.clone(), answer.clone()]);
    let store = store(&replay).await;
    let created = store.create(KEY, b"x").await.unwrap_err();
    let replaced = store
        .replace(KEY, b"x", &Tag("\"old\"".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(
        replay.sent().len(),
        2,
        "a write is never repeated by itself: {created:?} {replaced:?}"
    );
    [created, replaced]
}

#[tokio::test]
async fn writes_carry_their_condition_and_give_the_new_version() {
    let replay = Replay::of([
        Answer::new(200, "").header("etag", "\"one\""),
        Answer::new(200, "").header("etag", "\"two\""),
    ]);
    let store = store(&replay).await;
    let one = store.create(KEY, b"x").await.unwrap();
    assert_eq!(one, Tag("\"one\"".to_owned()));
    assert_eq!(
        store.replace(KEY, b"y", &one).await.unwrap(),
        Tag("\"two\"".to_owned())
    );

    let sent = replay.sent();
    let header = |index: usize, name: &str| {
        sent[index]
            .headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(header(0, "if-none-match").as_deref(), Some("*"));
    assert_eq!(header(1, "if-match").as_deref(), Some("\"one\""));
    assert!(sent[0].uri.contains(&format!("/store/{KEY}")), "{}", sent[0].uri);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_conflict() {
    for answer in [
        Answer::s3(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        ),
        // `If-Match` on a key that was deleted meanwhile.
        Answer::s3(404, "NoSuchKey", "The specified key does not exist."),
    ] {
        for error in writes_answered(&answer).await {
            assert_eq!(error, StoreError::Conflict { key: KEY.to_owned() }, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn without_a_definite_answer_the_writer_has_to_look() {
    for answer in [
        Answer::s3(
            409,
            "ConditionalRequestConflict",
            "A conflicting operation occurred",
        ),
        Answer::s3(500, "InternalError", "We encountered an internal error"),
        Answer::s3(
            400,
            "RequestTimeout",
            "Your socket connection was not read from or written to in time",
        ),
        Answer::new(502, "<html>Bad Gateway</html>"),
        Answer::new(200, ""),
    ] {
        for error in writes_answered(&answer).await {
            assert!(
                matches!(error, StoreError::OutcomeUnknown { .. }),
                "{answer:?}: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_was_refused_is_certainly_not_written() {
    for answer in [
        Answer::s3(503, "SlowDown", "Please reduce your request rate."),
        Answer::s3(404, "NoSuchBucket", "The specified bucket does not exist"),
        Answer::s3(400, "ExpiredToken", "The provided token has expired."),
        Answer::s3(301, "PermanentRedirect", "The bucket is in another region"),
    ] {
        for error in writes_answered(&answer).await {
            let StoreError::Unavailable { why, .. } = &error else {
                panic!("{answer:?}: {error:?}")
            };
            assert!(why.contains(": "), "code and words: {why}");
        }
    }
}

#[tokio::test]
async fn a_denial_names_the_action_and_the_key() {
    for error in writes_answered(&Answer::s3(403, "AccessDenied", "Access Denied")).await {
        let action = "s3:PutObject (AccessDenied: Access Denied)".to_owned();
        assert_eq!(
            error,
            StoreError::Denied {
                key: KEY.to_owned(),
                action
            }
        );
    }
}

#[tokio::test]
async fn an_absent_key_is_none_but_an_absent_bucket_is_not() {
    let replay = Replay::of([
        Answer::s3(404, "NoSuchKey", "The specified key does not exist."),
        Answer::s3(404, "NoSuchBucket", "The specified bucket does not exist"),
    ]);
    let store = store(&replay).await;
    assert_eq!(store.get(KEY).await.unwrap(), None);
    let error = store.get(KEY).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable { why, .. } if why.contains("NoSuchBucket")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_list_goes_on_to_its_last_page() {
    let page = |key: &str, more: &str| {
        Answer::new(
            200,
            &format!(
                "<ListBucketResult>{more}<Contents><Key>store/{key}</Key></Contents></ListBucketResult>"
            ),
        )
    };
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>";
    let replay = Replay::of([page("b/2", more), page("b/1", "<IsTruncated>false</IsTruncated>")]);
    assert_eq!(store(&replay).await.list("b/").await.unwrap(), ["b/1", "b/2"]);
    assert!(
        replay.sent()[1].uri.contains("continuation-token=next"),
        "{}",
        replay.sent()[1].uri
    );
}
