//! The store in S3: conditional writes in the cluster's own account. S3 reads (lists too) see every write that was
//! answered before them, so the store needs no memory of its own.
//!
//! Writes are sent once. An answer that was lost is `OutcomeUnknown`, and so is 409 `ConditionalRequestConflict` (two
//! conditional writes at the same time; ours was not carried out): the writer reads the key and sees by its nonce
//! whether the write worked.

use async_trait::async_trait;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use rehull_core::domain::desired::ObjectLocation;
use rehull_core::ports::{Store, StoreError, Stored, Tag};

use super::aws::{AwsClients, ObjectCall, store_error};
use super::plain;

const GET: ObjectCall = ObjectCall::Read("s3:GetObject");
const LIST: ObjectCall = ObjectCall::Read("s3:ListBucket");
const PUT: ObjectCall = ObjectCall::Write("s3:PutObject");
const DELETE: ObjectCall = ObjectCall::Write("s3:DeleteObject");

/// Small objects under one prefix of one bucket. The tag is the ETag, quotes included.
#[derive(Clone, Debug)]
pub struct S3Store {
    clients: AwsClients,
    location: ObjectLocation,
    address: Option<String>,
}

/// The condition of a put.
enum Only<'a> {
    IfAbsent,
    IfAt(&'a Tag),
}

impl S3Store {
    /// A store under `location`; sends nothing.
    #[must_use]
    pub fn new(clients: AwsClients, location: ObjectLocation) -> Self {
        Self {
            clients,
            location,
            address: None,
        }
    }

    /// Names the address that is not AWS's own, for messages.
    #[must_use]
    pub fn reached_at(self, address: Option<String>) -> Self {
        Self { address, ..self }
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.location.prefix)
    }

    async fn put(&self, key: &str, bytes: &[u8], only: Only<'_>) -> Result<Tag, StoreError> {
        let request = self
            .clients
            .s3_once
            .put_object()
            .bucket(&self.location.bucket)
            .key(self.full(key))
            .body(ByteStream::from(bytes.to_vec()));
        let request = match only {
            Only::IfAbsent => request.if_none_match("*"),
            Only::IfAt(tag) => request.if_match(&tag.0),
        };
        let answer = request
            .send()
            .await
            .map_err(|error| store_error(PUT, key, &error))?;
        // Without an ETag the write worked, but nobody can name its version: the writer has to look.
        answer.e_tag.map(Tag).ok_or_else(|| StoreError::OutcomeUnknown {
            key: key.to_owned(),
            why: "PutObject answered without an ETag".to_owned(),
        })
    }
}

#[async_trait]
impl Store for S3Store {
    fn place(&self) -> String {
        let ObjectLocation { bucket, prefix } = &self.location;
        match &self.address {
            Some(address) => format!("s3://{bucket}/{prefix} at {address}"),
            None => format!("s3://{bucket}/{prefix}"),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Stored>, StoreError> {
        let request = self
            .clients
            .s3
            .get_object()
            .bucket(&self.location.bucket)
            .key(self.full(key));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(store_error(GET, key, &error)),
        };
        let unreadable = |why: String| StoreError::Unavailable {
            key: key.to_owned(),
            why,
        };
        let Some(tag) = answer.e_tag.map(Tag) else {
            return Err(unreadable("GetObject answered without an ETag".to_owned()));
        };
        let bytes = answer
            .body
            .collect()
            .await
            .map_err(|error| unreadable(format!("body cut off: {}", plain::failed(&error))))?;
        Ok(Some(Stored {
            bytes: bytes.to_vec(),
            tag,
        }))
    }

    async fn create(&self, key: &str, bytes: &[u8]) -> Result<Tag, StoreError> {
        self.put(key, bytes, Only::IfAbsent).await
    }

    async fn replace(&self, key: &str, bytes: &[u8], over: &Tag) -> Result<Tag, StoreError> {
        self.put(key, bytes, Only::IfAt(over)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let mut pages = self
            .clients
            .s3
            .list_objects_v2()
            .bucket(&self.location.bucket)
            .prefix(self.full(prefix))
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| store_error(LIST, prefix, &error))?;
            let found = page
                .contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| object.key);
            keys.extend(found.filter_map(|key| key.strip_prefix(&self.location.prefix).map(str::to_owned)));
        }
        // S3 lists in this order already; a directory bucket, and a test double, may not.
        keys.sort();
        Ok(keys)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self
            .clients
            .s3_once
            .delete_object()
            .bucket(&self.location.bucket)
            .key(self.full(key));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(store_error(DELETE, key, &error)),
        }
    }
}
