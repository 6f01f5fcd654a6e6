//! Answers of the world → S3's headers and XML.

use std::fs::File;
use std::io;

use hyper::http::response::Builder;
use hyper::{HeaderMap, Response, StatusCode};
use jiff::Timestamp;
use rehull_core::world::AwsError;
use rehull_core::world::api::s3::{Listing, Object, Response as Answer, Setting};

use super::body;
use super::s3_request::Target;
use super::xml::Xml;
use crate::sandbox::http::{Body, finish, header, text};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Objects that are smaller do not move to another storage class; S3 says it beside every lifecycle configuration, and the AWS
/// provider compares it with what it sent (5.100). Nothing moves here: the other value is refused where it is read.
pub(super) const SMALLEST_MOVED: (&str, &str) = (
    "x-amz-transition-default-minimum-object-size",
    "all_storage_classes_128K",
);

/// An answer on its way out.
pub(super) struct Reply<'a> {
    pub(super) target: &'a Target,
    pub(super) headers: &'a HeaderMap,
    pub(super) request_id: &'a str,
    /// HEAD: the same headers, no body.
    pub(super) head: bool,
}

impl Reply<'_> {
    fn start(&self, status: StatusCode) -> Builder {
        Response::builder()
            .status(status)
            .header("x-amz-request-id", self.request_id)
    }

    pub(super) async fn success(&self, answer: &Answer, content: Option<File>) -> io::Result<Response<Body>> {
        match answer {
            Answer::Done => finish(self.start(StatusCode::OK), text("")),
            Answer::Versioning(state) => self.xml(&versioning(*state)),
            Answer::Object(object) => self.object(object, content).await,
            Answer::NotModified { etag } => finish(
                self.start(StatusCode::NOT_MODIFIED).header("etag", etag),
                text(""),
            ),
            Answer::Deleted { marker } => {
                let mut start = self.start(StatusCode::NO_CONTENT);
                if let Some(marker) = marker {
                    start = start
                        .header("x-amz-version-id", marker)
                        .header("x-amz-delete-marker", "true");
                }
                finish(start, text(""))
            }
            Answer::Listing(listing) => self.xml(&self.listing(listing)),
            Answer::Setting(Setting::Policy, document) => {
                let start = self
                    .start(StatusCode::OK)
                    .header("content-type", "application/json");
                finish(start, text(document.clone()))
            }
            Answer::Setting(Setting::Lifecycle, document) => {
                let start = self
                    .start(StatusCode::OK)
                    .header("content-type", "application/xml");
                let (name, value) = SMALLEST_MOVED;
                finish(start.header(name, value), text(document.clone()))
            }
            Answer::Setting(_, document) => self.xml(document),
            Answer::Gone => finish(self.start(StatusCode::NO_CONTENT), text("")),
            Answer::NoTags => self.xml(&Xml::document("Tagging", Some(NAMESPACE), |xml| {
                xml.element("TagSet", |_| {});
            })),
        }
    }

    fn xml(&self, document: &str) -> io::Result<Response<Body>> {
        let start = self
            .start(StatusCode::OK)
            .header("content-type", "application/xml");
        finish(start, text(document.to_owned()))
    }

    /// PutObject (no bytes), HeadObject (no bytes) and GetObject.
    async fn object(&self, object: &Object, content: Option<File>) -> io::Result<Response<Body>> {
        let wanted = content.as_ref().and_then(|_| header(self.headers, "range"));
        let range = match wanted.map(|text| range(text, object.content.size)) {
            Some(None) => {
                let error = AwsError::with(416, "InvalidRange", "The requested range is not satisfiable");
                return self.failure(&error);
            }
            Some(Some(range)) => Some(range),
            None => None,
        };
        let status = if range.is_some() {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        let mut start = self
            .start(status)
            .header("etag", object.etag())
            .header("x-amz-server-side-encryption", "AES256");
        if let Some(version) = &object.version {
            start = start.header("x-amz-version-id", version);
        }
        if content.is_some() || self.head {
            start = start
                .header("last-modified", http_date(object.modified))
                .header("accept-ranges", "bytes")
                .header(
                    "content-type",
                    object.content_type.as_deref().unwrap_or("binary/octet-stream"),
                );
            for (name, value) in &object.metadata {
                start = start.header(format!("x-amz-meta-{name}"), value);
            }
        }
        let size = object.content.size;
        let Some(content) = content else {
            let length = if self.head { size } else { 0 };
            return finish(start.header("content-length", length), text(""));
        };
        let (from, length) = range.unwrap_or((0, size));
        if range.is_some() {
            let last = from.saturating_add(length).saturating_sub(1);
            start = start.header("content-range", format!("bytes {from}-{last}/{size}"));
        }
        finish(
            start.header("content-length", length),
            body::file(content, from, length).await?,
        )
    }

    fn listing(&self, listing: &Listing) -> String {
        let rows = listing
            .objects
            .len()
            .saturating_add(listing.common_prefixes.len());
        Xml::document("ListBucketResult", Some(NAMESPACE), |xml| {
            xml.leaf("Name", &self.target.bucket);
            xml.leaf("Prefix", self.target.prefix());
            xml.leaf("KeyCount", rows);
            xml.leaf("MaxKeys", listing.max);
            xml.leaf("IsTruncated", listing.next.is_some());
            xml.maybe("NextContinuationToken", listing.next.as_ref());
            for (key, object) in &listing.objects {
                xml.element("Contents", |xml| {
                    xml.leaf("Key", key);
                    xml.leaf("LastModified", object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"));
                    xml.leaf("ETag", object.etag());
                    xml.leaf("Size", object.content.size);
                    xml.leaf("StorageClass", "STANDARD");
                });
            }
            for prefix in &listing.common_prefixes {
                xml.element("CommonPrefixes", |xml| xml.leaf("Prefix", prefix));
            }
        })
    }

    pub(super) fn failure(&self, error: &AwsError) -> io::Result<Response<Body>> {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let start = self.start(status).header("content-type", "application/xml");
        if self.head {
            return finish(start, text(""));
        }
        let document = Xml::document("Error", None, |xml| {
            xml.leaf("Code", error.code);
            xml.leaf("Message", &error.message);
            xml.leaf("Resource", format!("/{}/{}", self.target.bucket, self.target.key));
            xml.leaf("RequestId", self.request_id);
        });
        finish(start, text(document))
    }
}

fn versioning(state: Option<bool>) -> String {
    Xml::document("VersioningConfiguration", Some(NAMESPACE), |xml| {
        xml.maybe("Status", state.map(|on| if on { "Enabled" } else { "Suspended" }));
    })
}

fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// One range of bytes as (start, length); `None`: not satisfiable.
fn range(text: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let end = size.checked_sub(1)?;
    let (first, last) = match (first, last) {
        ("", suffix) => (size.saturating_sub(suffix.parse().ok()?), end),
        (first, "") => (first.parse().ok()?, end),
        (first, last) => (first.parse().ok()?, last.parse::<u64>().ok()?.min(end)),
    };
    (first <= last).then(|| (first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_are_cut_at_the_end_and_refused_behind_it() {
        for (text, expected) in [
            ("bytes=0-4", Some((0, 5))),
            ("bytes=5-", Some((5, 5))),
            ("bytes=-3", Some((7, 3))),
            ("bytes=8-99", Some((8, 2))),
            ("bytes=10-", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(range(text, 10), expected, "{text}");
        }
    }
}
