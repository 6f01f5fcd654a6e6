//! S3 requests and responses. Bytes stay outside the model: it knows objects by [`Content`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One S3 operation on one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bucket.
    pub bucket: String,
    /// What is asked of it.
    pub operation: Operation,
}

/// What can be asked of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// CreateBucket.
    CreateBucket,
    /// HeadBucket.
    HeadBucket,
    /// PutBucketVersioning: switched on or suspended.
    SetVersioning(bool),
    /// GetBucketVersioning.
    GetVersioning,
    /// PutObject.
    Put(Put),
    /// GetObject.
    Get(Get),
    /// HeadObject.
    Head(Get),
    /// DeleteObject.
    Delete {
        /// Key.
        key: String,
        /// `If-Match`.
        if_match: Option<String>,
    },
    /// ListObjectsV2.
    List(List),
    /// DeleteBucket.
    DeleteBucket,
    /// One of the bucket's settings is asked for.
    GetSetting(Setting),
    /// One is set, to the document that was sent.
    PutSetting(Setting, String),
    /// One is taken away.
    DeleteSetting(Setting),
    /// GetObjectTagging.
    GetTagging(Get),
}

/// What a bucket is told to be, besides its versioning. Held and told: nothing acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are S3's own names")]
pub enum Setting {
    Accelerate,
    Acl,
    Cors,
    Encryption,
    Lifecycle,
    Location,
    Logging,
    ObjectLock,
    OwnershipControls,
    Policy,
    PublicAccessBlock,
    Replication,
    RequestPayment,
    Tagging,
    Website,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Accelerate,
        Self::Acl,
        Self::Cors,
        Self::Encryption,
        Self::Lifecycle,
        Self::Location,
        Self::Logging,
        Self::ObjectLock,
        Self::OwnershipControls,
        Self::Policy,
        Self::PublicAccessBlock,
        Self::Replication,
        Self::RequestPayment,
        Self::Tagging,
        Self::Website,
    ];

    /// S3's name of the sub-resource.
    #[must_use]
    pub const fn sub_resource(self) -> &'static str {
        match self {
            Self::Accelerate => "accelerate",
            Self::Acl => "acl",
            Self::Cors => "cors",
            Self::Encryption => "encryption",
            Self::Lifecycle => "lifecycle",
            Self::Location => "location",
            Self::Logging => "logging",
            Self::ObjectLock => "object-lock",
            Self::OwnershipControls => "ownershipControls",
            Self::Policy => "policy",
            Self::PublicAccessBlock => "publicAccessBlock",
            Self::Replication => "replication",
            Self::RequestPayment => "requestPayment",
            Self::Tagging => "tagging",
            Self::Website => "website",
        }
    }
}

impl Operation {
    /// S3's name of the operation; one for all settings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateBucket => "CreateBucket",
            Self::HeadBucket => "HeadBucket",
            Self::SetVersioning(_) => "PutBucketVersioning",
            Self::GetVersioning => "GetBucketVersioning",
            Self::Put(_) => "PutObject",
            Self::Get(_) => "GetObject",
            Self::Head(_) => "HeadObject",
            Self::Delete { .. } => "DeleteObject",
            Self::List(_) => "ListObjectsV2",
            Self::DeleteBucket => "DeleteBucket",
            Self::GetSetting(_) => "GetBucketSetting",
            Self::PutSetting(..) => "PutBucketSetting",
            Self::DeleteSetting(_) => "DeleteBucketSetting",
            Self::GetTagging(_) => "GetObjectTagging",
        }
    }
}

/// What an object holds, told by its digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// SHA-256, hexadecimal: names the bytes.
    pub sha256: String,
    /// MD5, hexadecimal: becomes the ETag, as S3 does for objects written in one piece.
    pub md5: String,
    /// Bytes.
    pub size: u64,
}

/// PutObject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Key.
    pub key: String,
    /// Bytes, by digest.
    pub content: Content,
    /// Condition.
    pub condition: PutCondition,
    /// Content-Type.
    pub content_type: Option<String>,
    /// `x-amz-meta-…`.
    pub metadata: BTreeMap<String, String>,
}

/// Condition of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PutCondition {
    /// None: the last writer wins.
    #[default]
    Always,
    /// `If-None-Match: *`.
    IfAbsent,
    /// `If-Match: <etag>`.
    IfMatch(String),
}

/// GetObject and HeadObject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Get {
    /// Key.
    pub key: String,
    /// Version id.
    pub version: Option<String>,
    /// `If-Match`.
    pub if_match: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// ListObjectsV2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Only keys that start with this.
    pub prefix: String,
    /// Keys with this text after the prefix are folded.
    pub delimiter: Option<String>,
    /// Most rows (at most 1,000).
    pub max: Option<u32>,
    /// Where to go on.
    pub token: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
}

/// What S3 answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Nothing but the status.
    Done,
    /// GetBucketVersioning: `None` if it was never set.
    Versioning(Option<bool>),
    /// PutObject, GetObject, HeadObject.
    Object(Object),
    /// `If-None-Match` holds: 304.
    NotModified {
        /// ETag with quotes.
        etag: String,
    },
    /// DeleteObject.
    Deleted {
        /// Version id of the delete marker.
        marker: Option<String>,
    },
    /// ListObjectsV2.
    Listing(Listing),
    /// A setting, as its document. Policies are JSON, all others XML.
    Setting(Setting, String),
    /// Nothing but a 204.
    Gone,
    /// GetObjectTagging: no object has tags here.
    NoTags,
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Bytes, by digest.
    pub content: Content,
    /// Last-Modified; S3 shows whole seconds.
    pub modified: Timestamp,
    /// `None` in a bucket without versioning.
    pub version: Option<String>,
    /// Content-Type.
    pub content_type: Option<String>,
    /// `x-amz-meta-…`.
    pub metadata: BTreeMap<String, String>,
}

impl Object {
    /// With the quotes that belong to it.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.content.md5)
    }
}

/// Answer of ListObjectsV2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Keys and their objects, in byte order.
    pub objects: Vec<(String, Object)>,
    /// Folded prefixes.
    pub common_prefixes: Vec<String>,
    /// Present if there are more.
    pub next: Option<String>,
    /// Rows asked for.
    pub max: u32,
}
