//! Big objects in S3: files with a known SHA-256, sent and received as streams.

use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumMode;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::base64;
use aws_smithy_types::timeout::TimeoutConfig;
use rehull_core::domain::desired::ObjectLocation;
use rehull_core::ports::StoreError;
use tokio::io::AsyncRead;

use super::client::AwsClients;
use super::error::{ObjectCall, store_error};

/// One PUT takes no more (S3 user guide, "Uploading objects"); bigger files need a multipart upload.
const PUT_BYTES_MAX: u64 = 5 << 30;
/// A whole upload. 5 GiB in this time are 6 MB/s; the SDK itself ends a stream that stands still.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

const HEAD: ObjectCall = ObjectCall::Read("s3:GetObject");
const GET: ObjectCall = ObjectCall::Read("s3:GetObject");
const PUT: ObjectCall = ObjectCall::Write("s3:PutObject");

/// Objects under one prefix of one bucket.
#[derive(Clone, Debug)]
pub struct Blobs {
    clients: AwsClients,
    location: ObjectLocation,
}

/// What S3 knows of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobFact {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 that S3 itself has checked at the upload, hexadecimal; `None` for objects uploaded without one.
    pub sha256: Option<String>,
}

impl Blobs {
    /// Objects under `location`; sends nothing.
    #[must_use]
    pub fn new(clients: AwsClients, location: ObjectLocation) -> Self {
        Self { clients, location }
    }

    /// `s3://bucket/prefix/key`, for people.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{}", self.location.bucket, self.full(key))
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.location.prefix)
    }

    /// Size and checksum; `None` if there is no such object.
    ///
    /// # Errors
    /// `Denied`, or `Unavailable`.
    pub async fn head(&self, key: &str) -> Result<Option<BlobFact>, StoreError> {
        let request = self
            .clients
            .s3
            .head_object()
            .bucket(&self.location.bucket)
            .key(self.full(key));
        match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(answer) => Ok(Some(fact(&answer))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(store_error(HEAD, key, &error)),
        }
    }

    /// Sends a file with one PUT, only if the key does not exist. S3 itself compares the content with `sha256` (64
    /// hexadecimal digits) and refuses another one.
    ///
    /// # Errors
    /// `Conflict` if the key exists; `Unavailable` also for a file that cannot be read or has more than 5 GiB.
    pub async fn upload(&self, key: &str, file: &Path, sha256: &str) -> Result<(), StoreError> {
        let refuse = |why: String| StoreError::Unavailable {
            key: key.to_owned(),
            why,
        };
        let digest = hex::decode(sha256).map_err(|error| refuse(format!("`{sha256}`: {error}")))?;
        let here = |error: &dyn std::fmt::Display| refuse(format!("`{}`: {error}", file.display()));
        let bytes = tokio::fs::metadata(file)
            .await
            .map_err(|error| here(&error))?
            .len();
        if bytes > PUT_BYTES_MAX {
            return Err(here(&format!("{bytes} bytes, and one PUT takes {PUT_BYTES_MAX}")));
        }
        let body = ByteStream::from_path(file).await.map_err(|error| here(&error))?;
        let patient = TimeoutConfig::builder().operation_timeout(UPLOAD_TIMEOUT).build();
        let request = self
            .clients
            .s3_once
            .put_object()
            .bucket(&self.location.bucket)
            .key(self.full(key))
            .if_none_match("*")
            .checksum_sha256(base64::encode(digest))
            .body(body)
            .customize()
            .config_override(aws_sdk_s3::config::Builder::new().timeout_config(patient));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(store_error(PUT, key, &error)),
        }
    }

    /// Opens an object for reading; `None` if there is none. Whoever reads verifies: bytes may be cut off or changed.
    ///
    /// # Errors
    /// `Denied`, or `Unavailable`.
    pub async fn open(&self, key: &str) -> Result<Option<impl AsyncRead + Send + Unpin + use<>>, StoreError> {
        let request = self
            .clients
            .s3
            .get_object()
            .bucket(&self.location.bucket)
            .key(self.full(key));
        match request.send().await {
            Ok(answer) => Ok(Some(answer.body.into_async_read())),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                Ok(None)
            }
            Err(error) => Err(store_error(GET, key, &error)),
        }
    }
}

fn fact(answer: &HeadObjectOutput) -> BlobFact {
    let bytes = answer
        .content_length()
        .and_then(|length| u64::try_from(length).ok())
        .unwrap_or_default();
    let sha256 = answer
        .checksum_sha256()
        .and_then(|text| base64::decode(text).ok())
        .map(hex::encode);
    BlobFact { bytes, sha256 }
}

/// HEAD answers carry no code that could tell a missing key from a missing bucket.
fn is_absent(error: &SdkError<HeadObjectError, Response>) -> bool {
    error
        .as_service_error()
        .is_some_and(HeadObjectError::is_not_found)
}
