//! S3 REST requests → requests of the world. Objects are addressed in path style.

use std::collections::BTreeMap;

use hyper::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use rehull_core::world::AwsError;
use rehull_core::world::api::s3::{Content, Get, List, Operation, Put, PutCondition, Setting};

use super::s3_response::SMALLEST_MOVED;
use crate::sandbox::http::header;

/// Where a request points.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) bucket: String,
    /// Empty: the bucket itself.
    pub(super) key: String,
    query: BTreeMap<String, String>,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, AwsError> {
        let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8();
        let path = path.map_err(|_| AwsError::bad("InvalidURI", "Couldn't parse the specified URI."))?;
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            query,
        })
    }

    /// Sub-resources and parameters that are not modelled must not be taken for the plain operation.
    fn only(&self, known: &[&str]) -> Result<(), AwsError> {
        let harmless = ["x-id", "encoding-type", "fetch-owner"];
        let foreign = self.query.keys().find(|name| {
            let name = name.as_str();
            !known.contains(&name) && !harmless.contains(&name)
        });
        match foreign {
            None => Ok(()),
            Some(name) => Err(not_modelled(&format!("the sub-resource or parameter `{name}`"))),
        }
    }

    /// Prefix of a listing.
    pub(super) fn prefix(&self) -> &str {
        self.query.get("prefix").map_or("", String::as_str)
    }

    fn has(&self, name: &str) -> bool {
        self.query.contains_key(name)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.query.get(name).cloned()
    }
}

/// What the request is, before its body is read.
#[derive(Debug)]
pub(super) enum Shape {
    /// Everything is known.
    Ready(Operation),
    /// PutObject: the content comes with the body.
    Upload,
    /// PutBucketVersioning: the body says whether.
    Versioning,
    /// Another setting of the bucket: the body is what it shall be.
    Setting(Setting),
}

pub(super) fn shape(method: &Method, target: &Target, headers: &HeaderMap) -> Result<Shape, AwsError> {
    if target.key.is_empty() {
        return bucket_shape(method, target, headers);
    }
    let ready = match method.as_str() {
        "PUT" => {
            target.only(&[])?;
            if headers.contains_key("x-amz-copy-source") {
                return Err(not_modelled("CopyObject"));
            }
            return Ok(Shape::Upload);
        }
        "GET" if target.has("tagging") => {
            target.only(&["tagging", "versionId"])?;
            Operation::GetTagging(Get {
                key: target.key.clone(),
                version: target.text("versionId"),
                ..Get::default()
            })
        }
        "GET" => Operation::Get(get(target, headers)?),
        "HEAD" => Operation::Head(get(target, headers)?),
        "DELETE" => {
            target.only(&[])?;
            Operation::Delete {
                key: target.key.clone(),
                if_match: owned(headers, "if-match"),
            }
        }
        other => return Err(not_modelled(&format!("{other} on an object"))),
    };
    Ok(Shape::Ready(ready))
}

fn bucket_shape(method: &Method, target: &Target, headers: &HeaderMap) -> Result<Shape, AwsError> {
    let setting = Setting::ALL
        .into_iter()
        .find(|setting| target.has(setting.sub_resource()));
    if let Some(setting) = setting {
        target.only(&[setting.sub_resource()])?;
        let (name, value) = SMALLEST_MOVED;
        if header(headers, name).is_some_and(|sent| sent != value) {
            return Err(not_modelled(&format!("{name} other than {value}")));
        }
        return Ok(match method.as_str() {
            "GET" => Shape::Ready(Operation::GetSetting(setting)),
            "PUT" => Shape::Setting(setting),
            "DELETE" => Shape::Ready(Operation::DeleteSetting(setting)),
            other => return Err(not_modelled(&format!("{other} on `{}`", setting.sub_resource()))),
        });
    }
    let ready = match method.as_str() {
        "PUT" if target.has("versioning") => return Ok(Shape::Versioning),
        "PUT" => {
            target.only(&[])?;
            Operation::CreateBucket
        }
        "HEAD" => Operation::HeadBucket,
        "DELETE" => {
            target.only(&[])?;
            Operation::DeleteBucket
        }
        "GET" if target.has("versioning") => Operation::GetVersioning,
        "GET" if target.text("list-type").as_deref() == Some("2") => {
            target.only(&[
                "list-type",
                "prefix",
                "delimiter",
                "max-keys",
                "continuation-token",
                "start-after",
            ])?;
            Operation::List(list(target)?)
        }
        other => {
            return Err(not_modelled(&format!(
                "{other} on a bucket with these parameters"
            )));
        }
    };
    Ok(Shape::Ready(ready))
}

fn list(target: &Target) -> Result<List, AwsError> {
    let max = target
        .text("max-keys")
        .map(|text| text.parse::<u32>())
        .transpose();
    Ok(List {
        prefix: target.text("prefix").unwrap_or_default(),
        delimiter: target.text("delimiter"),
        max: max.map_err(|_| AwsError::bad("InvalidArgument", "max-keys must be a number"))?,
        token: target.text("continuation-token"),
        start_after: target.text("start-after"),
    })
}

fn get(target: &Target, headers: &HeaderMap) -> Result<Get, AwsError> {
    target.only(&["versionId"])?;
    Ok(Get {
        key: target.key.clone(),
        version: target.text("versionId"),
        if_match: owned(headers, "if-match"),
        if_none_match: owned(headers, "if-none-match"),
    })
}

/// A PutObject whose body has arrived.
pub(super) fn put(target: &Target, headers: &HeaderMap, content: Content) -> Result<Operation, AwsError> {
    let condition = match (header(headers, "if-none-match"), owned(headers, "if-match")) {
        (None, None) => PutCondition::Always,
        (Some("*"), None) => PutCondition::IfAbsent,
        (None, Some(etag)) => PutCondition::IfMatch(etag),
        (Some(_), _) => return Err(not_modelled("If-None-Match other than `*`")),
    };
    let metadata = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-amz-meta-")?;
        Some((name.to_owned(), value.to_str().ok()?.to_owned()))
    });
    Ok(Operation::Put(Put {
        key: target.key.clone(),
        content,
        condition,
        content_type: owned(headers, "content-type"),
        metadata: metadata.collect(),
    }))
}

/// The body of PutBucketVersioning; an unreadable one switches nothing.
pub(super) fn versioning(body: &[u8]) -> Result<Operation, AwsError> {
    let text = String::from_utf8_lossy(body);
    match text
        .split("<Status>")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
    {
        Some("Enabled") => Ok(Operation::SetVersioning(true)),
        Some("Suspended") => Ok(Operation::SetVersioning(false)),
        _ => Err(AwsError::bad(
            "MalformedXML",
            "The XML you provided was not well-formed",
        )),
    }
}

fn owned(headers: &HeaderMap, name: &str) -> Option<String> {
    header(headers, name).map(str::to_owned)
}

pub(super) fn not_modelled(what: &str) -> AwsError {
    AwsError::with(
        501,
        "NotImplemented",
        format!("The sandbox does not model {what}."),
    )
}
