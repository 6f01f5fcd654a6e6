//! The sandbox's S3 and STS through the vendor's SDK.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use rehull::sandbox::layout::{ACCOUNT, REGION};
use rehull_core::world::{AccessKey, Principal, Switch};

use crate::sandbox::{Sandbox, layout, s3_of, start};

fn told<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> (u16, String) {
    let status = error
        .raw_response()
        .map_or(0, |response| response.status().as_u16());
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
        .unwrap_or("no code");
    (status, code.to_owned())
}

async fn with_bucket() -> (Sandbox, Client) {
    let sandbox = start().await;
    let s3 = sandbox.s3().await;
    s3.create_bucket().bucket("one").send().await.unwrap();
    (sandbox, s3)
}

async fn read(s3: &Client, key: &str) -> Vec<u8> {
    let object = s3.get_object().bucket("one").key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn bytes_come_back_as_they_were_written_from_memory_and_from_a_file() {
    let (_sandbox, s3) = with_bucket().await;
    let big: Vec<u8> = (0..3_000_000_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &big).unwrap();
    s3.put_object()
        .bucket("one")
        .key("a b/ü+c")
        .body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap();
    let from_file = ByteStream::from_path(file.path()).await.unwrap();
    s3.put_object()
        .bucket("one")
        .key("big")
        .body(from_file)
        .send()
        .await
        .unwrap();
    assert_eq!(read(&s3, "a b/ü+c").await, b"hello");
    assert_eq!(read(&s3, "big").await, big);
    let part = s3
        .get_object()
        .bucket("one")
        .key("big")
        .range("bytes=10-19")
        .send()
        .await
        .unwrap();
    assert_eq!(part.body.collect().await.unwrap().to_vec(), &big[10..20]);
    let head = s3.head_object().bucket("one").key("big").send().await.unwrap();
    assert_eq!(head.content_length(), Some(3_000_000));
}

#[tokio::test]
async fn a_key_can_be_created_once_and_replaced_only_over_the_version_that_was_read() {
    let (_sandbox, s3) = with_bucket().await;
    let create = |text: &'static [u8]| {
        s3.put_object()
            .bucket("one")
            .key("lease")
            .if_none_match("*")
            .body(ByteStream::from_static(text))
            .send()
    };
    let etag = create(b"first").await.unwrap().e_tag().unwrap().to_owned();
    assert_eq!(
        told(&create(b"second").await.unwrap_err()),
        (412, "PreconditionFailed".to_owned())
    );
    let replace = |over: &str, text: &'static [u8]| {
        s3.put_object()
            .bucket("one")
            .key("lease")
            .if_match(over)
            .body(ByteStream::from_static(text))
            .send()
    };
    let newer = replace(&etag, b"third")
        .await
        .unwrap()
        .e_tag()
        .unwrap()
        .to_owned();
    assert_eq!(
        told(&replace(&etag, b"stale").await.unwrap_err()),
        (412, "PreconditionFailed".to_owned())
    );
    assert_eq!(read(&s3, "lease").await, b"third");
    let absent = s3
        .put_object()
        .bucket("one")
        .key("none")
        .if_match(&newer)
        .send()
        .await
        .unwrap_err();
    assert_eq!(told(&absent), (404, "NoSuchKey".to_owned()));
    let stale = s3
        .delete_object()
        .bucket("one")
        .key("lease")
        .if_match(&etag)
        .send()
        .await
        .unwrap_err();
    assert_eq!(told(&stale).0, 412);
    s3.delete_object()
        .bucket("one")
        .key("lease")
        .if_match(&newer)
        .send()
        .await
        .unwrap();
    let gone = s3
        .get_object()
        .bucket("one")
        .key("lease")
        .send()
        .await
        .unwrap_err();
    assert_eq!(told(&gone), (404, "NoSuchKey".to_owned()));
}

#[tokio::test]
async fn listings_are_sorted_folded_and_paged() {
    let (_sandbox, s3) = with_bucket().await;
    for key in ["b/2", "a/1", "b/1", "c"] {
        s3.put_object().bucket("one").key(key).send().await.unwrap();
    }
    let page = s3
        .list_objects_v2()
        .bucket("one")
        .max_keys(3)
        .send()
        .await
        .unwrap();
    let keys: Vec<_> = page.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(
        (keys, page.is_truncated()),
        (vec!["a/1", "b/1", "b/2"], Some(true))
    );
    let token = page.next_continuation_token().unwrap();
    let rest = s3
        .list_objects_v2()
        .bucket("one")
        .continuation_token(token)
        .send()
        .await
        .unwrap();
    assert_eq!(rest.contents()[0].key(), Some("c"));
    let folded = s3
        .list_objects_v2()
        .bucket("one")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    let prefixes: Vec<_> = folded
        .common_prefixes()
        .iter()
        .filter_map(|one| one.prefix())
        .collect();
    assert_eq!((prefixes, folded.contents().len()), (vec!["a/", "b/"], 1));
}

#[tokio::test]
async fn a_conflict_and_a_lost_answer_can_be_had_on_demand() {
    let (sandbox, s3) = with_bucket().await;
    let config = sandbox.config().await.into_builder();
    let once = aws_config::retry::RetryConfig::disabled();
    let once = s3_of(&config.retry_config(once).build());
    sandbox
        .api
        .switch(Switch::WriteConflict { calls: 1 })
        .await
        .unwrap();
    let create = |key: &'static str| once.put_object().bucket("one").key(key).if_none_match("*").send();
    assert_eq!(
        told(&create("k").await.unwrap_err()),
        (409, "ConditionalRequestConflict".to_owned())
    );
    sandbox
        .api
        .switch(Switch::LoseAnswers {
            action: "PutObject".to_owned(),
            calls: 1,
        })
        .await
        .unwrap();
    let lost = create("k").await.unwrap_err();
    assert!(matches!(lost, SdkError::DispatchFailure(_)), "{lost:?}");
    assert!(
        s3.head_object().bucket("one").key("k").send().await.is_ok(),
        "it was written all the same"
    );
}

async fn who(sandbox: &Sandbox, key: &AccessKey, region: &'static str) -> Result<String, String> {
    let sts = aws_sdk_sts::Client::new(&sandbox.config_of(key, region).await);
    match sts.get_caller_identity().send().await {
        Ok(identity) => Ok(identity.account().unwrap().to_owned()),
        Err(error) => Err(error
            .as_service_error()
            .and_then(|error| error.code())
            .unwrap()
            .to_owned()),
    }
}

#[tokio::test]
async fn the_account_is_that_of_the_key() {
    let sandbox = start().await;
    let own = layout().operator();
    assert_eq!(who(&sandbox, &own, REGION).await, Ok(ACCOUNT.to_owned()));
    let principal = Principal::Operator {
        account: "999988887777".to_owned(),
        user: "eve".to_owned(),
    };
    let foreign = AccessKey {
        id: "AKIAFOREIGN".to_owned(),
        principal,
        ..own.clone()
    };
    assert_eq!(
        who(&sandbox, &foreign, REGION).await,
        Err("InvalidClientTokenId".to_owned())
    );
    sandbox
        .api
        .switch(Switch::AddKey { key: foreign.clone() })
        .await
        .unwrap();
    assert_eq!(
        who(&sandbox, &foreign, REGION).await,
        Ok("999988887777".to_owned())
    );
    let s3 = s3_of(&sandbox.config_of(&foreign, REGION).await);
    let denied = s3.create_bucket().bucket("one").send().await.unwrap_err();
    assert_eq!(told(&denied), (403, "AccessDenied".to_owned()));
    sandbox
        .api
        .switch(Switch::Expire {
            access_key: own.id.clone(),
            on: true,
        })
        .await
        .unwrap();
    assert_eq!(who(&sandbox, &own, REGION).await, Err("ExpiredToken".to_owned()));
}

#[tokio::test]
async fn a_signature_for_another_region_is_refused() {
    let sandbox = start().await;
    let s3 = s3_of(&sandbox.config_of(&layout().operator(), "eu-west-1").await);
    let refused = s3.list_objects_v2().bucket("one").send().await.unwrap_err();
    assert_eq!(told(&refused), (400, "AuthorizationHeaderMalformed".to_owned()));
}
