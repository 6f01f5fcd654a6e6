//! S3: strongly consistent, with conditional writes, and optional versions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::World;
use super::api::s3::{Get, List, Listing, Object, Operation, Put, PutCondition, Request, Response, Setting};
use super::error::AwsError;
use super::identity::Principal;

/// Most rows of one listing.
const LIST_MAX: u32 = 1_000;

/// Versions of one key, oldest first; `None` is a delete marker.
type Versions = Vec<Option<Object>>;

/// A bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// `None`: never set. Suspended is modelled as off.
    versioning: Option<bool>,
    objects: BTreeMap<String, Versions>,
    #[serde(default)]
    pub(super) settings: BTreeMap<Setting, String>,
}

impl Bucket {
    /// A delete marker counts as absent.
    fn current(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)?.last()?.as_ref()
    }

    fn is_versioned(&self) -> bool {
        self.versioning == Some(true)
    }

    fn write(&mut self, key: &str, version: Option<Object>) {
        if self.is_versioned() {
            self.objects.entry(key.to_owned()).or_default().push(version);
        } else if version.is_some() {
            self.objects.insert(key.to_owned(), vec![version]);
        } else {
            self.objects.remove(key);
        }
    }
}

impl World {
    pub(super) fn s3(&mut self, asked: &Request, by: &Principal) -> Result<Response, AwsError> {
        if matches!(asked.operation, Operation::CreateBucket) {
            return self.create_bucket(&asked.bucket);
        }
        if matches!(asked.operation, Operation::DeleteBucket) {
            return self.delete_bucket(&asked.bucket);
        }
        let version = self.new_version_id(&asked.bucket);
        let now = self.now;
        let conflict = self.faults.take_write_conflict(&asked.operation);
        let bucket = self
            .buckets
            .get_mut(&asked.bucket)
            .ok_or_else(|| no_bucket(&asked.bucket))?;
        match &asked.operation {
            Operation::CreateBucket | Operation::DeleteBucket | Operation::HeadBucket => Ok(Response::Done),
            Operation::GetSetting(setting) => {
                bucket.setting(*setting, &self.setup.region, &self.setup.account)
            }
            Operation::PutSetting(setting, text) => bucket.set(*setting, text),
            Operation::DeleteSetting(setting) => Ok(bucket.unset(*setting)),
            Operation::GetTagging(get) => get_object(bucket, get).map(|_| Response::NoTags),
            Operation::SetVersioning(on) => {
                bucket.versioning = Some(*on);
                Ok(Response::Done)
            }
            Operation::GetVersioning => Ok(Response::Versioning(bucket.versioning)),
            Operation::Put(_) | Operation::Delete { .. } if conflict => Err(AwsError::with(
                409,
                "ConditionalRequestConflict",
                "The conditional request cannot succeed due to a conflicting operation against this resource.",
            )),
            Operation::Put(put) => put_object(bucket, put, version, now),
            // Without permission to list, a caller may not learn that a key does not exist.
            Operation::Get(get) | Operation::Head(get) => get_object(bucket, get).map_err(|error| match by {
                Principal::Machine { .. } if error.code == NO_SUCH_KEY => denied(),
                Principal::Machine { .. } | Principal::Operator { .. } => error,
            }),
            Operation::Delete { key, if_match } => delete_object(bucket, key, if_match.as_deref(), version),
            Operation::List(list) => Ok(Response::Listing(list_objects(bucket, list))),
        }
    }

    fn create_bucket(&mut self, name: &str) -> Result<Response, AwsError> {
        if self.buckets.contains_key(name) {
            return Err(AwsError::with(
                409,
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
            ));
        }
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        if !(3..=63).contains(&name.len()) || !name.chars().all(legal) {
            return Err(AwsError::bad(
                "InvalidBucketName",
                "The specified bucket is not valid.",
            ));
        }
        self.buckets.insert(name.to_owned(), Bucket::new());
        Ok(Response::Done)
    }

    /// A former version is an object, too.
    fn delete_bucket(&mut self, name: &str) -> Result<Response, AwsError> {
        let bucket = self.buckets.get(name).ok_or_else(|| no_bucket(name))?;
        if bucket.objects.values().any(|versions| !versions.is_empty()) {
            return Err(AwsError::with(
                409,
                "BucketNotEmpty",
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
            ));
        }
        self.buckets.remove(name);
        Ok(Response::Gone)
    }

    fn new_version_id(&mut self, bucket: &str) -> Option<String> {
        let versioned = self.buckets.get(bucket).is_some_and(Bucket::is_versioned);
        versioned.then(|| self.new_id("v"))
    }

    /// Every content that some object still holds; the keeper of the bytes may drop all others.
    #[must_use]
    pub fn contents(&self) -> BTreeSet<String> {
        let versions = self
            .buckets
            .values()
            .flat_map(|bucket| bucket.objects.values())
            .flatten();
        versions
            .flatten()
            .map(|object| object.content.sha256.clone())
            .collect()
    }
}

fn put_object(
    bucket: &mut Bucket,
    put: &Put,
    version: Option<String>,
    now: jiff::Timestamp,
) -> Result<Response, AwsError> {
    let current = bucket.current(&put.key);
    match &put.condition {
        PutCondition::Always => {}
        PutCondition::IfAbsent if current.is_some() => return Err(precondition()),
        PutCondition::IfAbsent => {}
        PutCondition::IfMatch(etag) => match current {
            None => return Err(no_key(&put.key)),
            Some(object) if !same_etag(object, etag) => return Err(precondition()),
            Some(_) => {}
        },
    }
    let object = Object {
        content: put.content.clone(),
        modified: now,
        version,
        content_type: put.content_type.clone(),
        metadata: put.metadata.clone(),
    };
    bucket.write(&put.key, Some(object.clone()));
    Ok(Response::Object(object))
}

fn get_object(bucket: &Bucket, get: &Get) -> Result<Response, AwsError> {
    let object = match &get.version {
        None => bucket.current(&get.key),
        Some(wanted) => bucket.objects.get(&get.key).and_then(|versions| {
            versions
                .iter()
                .flatten()
                .find(|object| object.version.as_ref() == Some(wanted))
        }),
    };
    let object = object.ok_or_else(|| no_key(&get.key))?;
    if get.if_match.as_ref().is_some_and(|etag| !same_etag(object, etag)) {
        return Err(precondition());
    }
    if get
        .if_none_match
        .as_ref()
        .is_some_and(|etag| same_etag(object, etag))
    {
        return Ok(Response::NotModified { etag: object.etag() });
    }
    Ok(Response::Object(object.clone()))
}

fn delete_object(
    bucket: &mut Bucket,
    key: &str,
    if_match: Option<&str>,
    marker: Option<String>,
) -> Result<Response, AwsError> {
    if let Some(etag) = if_match {
        let current = bucket.current(key).ok_or_else(|| no_key(key))?;
        if !same_etag(current, etag) {
            return Err(precondition());
        }
    }
    bucket.write(key, None);
    Ok(Response::Deleted { marker })
}

fn list_objects(bucket: &Bucket, list: &List) -> Listing {
    let most = list.max.unwrap_or(LIST_MAX).min(LIST_MAX);
    let after = list.token.as_deref().or(list.start_after.as_deref());
    let mut listing = Listing {
        max: most,
        ..Listing::default()
    };
    let mut last_row: Option<String> = None;
    let mut rows = 0;
    for key in bucket.objects.keys().filter(|key| key.starts_with(&list.prefix)) {
        let Some(object) = bucket.current(key) else {
            continue;
        };
        let folded = fold(key, &list.prefix, list.delimiter.as_deref());
        let row = folded.as_deref().unwrap_or(key);
        if after.is_some_and(|after| row <= after) || last_row.as_deref() == Some(row) {
            continue;
        }
        if rows == most {
            listing.next = last_row;
            return listing;
        }
        rows += 1;
        last_row = Some(row.to_owned());
        match folded {
            Some(prefix) => listing.common_prefixes.push(prefix),
            None => listing.objects.push((key.clone(), object.clone())),
        }
    }
    listing
}

/// The key up to and with the first delimiter after the prefix.
fn fold(key: &str, prefix: &str, delimiter: Option<&str>) -> Option<String> {
    let delimiter = delimiter.filter(|text| !text.is_empty())?;
    let (first, _) = key.get(prefix.len()..)?.split_once(delimiter)?;
    Some(format!("{prefix}{first}{delimiter}"))
}

fn same_etag(object: &Object, etag: &str) -> bool {
    etag == "*" || etag.trim_matches('"') == object.content.md5
}

const NO_SUCH_KEY: &str = "NoSuchKey";

fn no_key(key: &str) -> AwsError {
    AwsError::with(
        404,
        NO_SUCH_KEY,
        format!("The specified key does not exist: {key}"),
    )
}

fn no_bucket(name: &str) -> AwsError {
    AwsError::with(
        404,
        "NoSuchBucket",
        format!("The specified bucket does not exist: {name}"),
    )
}

fn precondition() -> AwsError {
    AwsError::with(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

fn denied() -> AwsError {
    AwsError::with(403, "AccessDenied", "Access Denied")
}
