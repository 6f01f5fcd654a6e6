//! Bodies in and out: uploads with their checksums, downloads from files.

use std::io;
use std::io::SeekFrom;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::HeaderMap;
use hyper::body::{Frame, Incoming};
use rehull_core::world::AwsError;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::chunked::Chunked;
use crate::sandbox::blobs::{Upload, Uploaded};
use crate::sandbox::http::{Body, header};

/// Requests without data (EC2, STS, admin) are small; 16 KiB of user data become 30 KiB on the wire.
const TEXT_MAX: usize = 1 << 20;

/// Bytes read from a file at once.
const PIECE: usize = 64 << 10;

/// `length` bytes of a file from `start` on.
pub(super) async fn file(file: std::fs::File, start: u64, length: u64) -> io::Result<Body> {
    let mut file = tokio::fs::File::from_std(file);
    file.seek(SeekFrom::Start(start)).await?;
    let pieces = stream::try_unfold(file.take(length), |mut file| async move {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut file)
            .take(u64::try_from(PIECE).unwrap_or(u64::MAX))
            .read_to_end(&mut piece)
            .await?;
        Ok((read > 0).then(|| (Frame::data(Bytes::from(piece)), file)))
    });
    Ok(StreamBody::new(pieces).boxed_unsync())
}

pub(super) async fn read_text(mut body: Incoming) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        text.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        if text.len() > TEXT_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a request body above 1 MiB",
            ));
        }
    }
    Ok(text)
}

/// Receives an object and checks what the sender said of it.
pub(super) async fn receive(
    mut upload: Upload,
    headers: &HeaderMap,
    mut body: Incoming,
) -> io::Result<Result<Uploaded, AwsError>> {
    let payload = header(headers, "x-amz-content-sha256").unwrap_or_default();
    let mut chunked = payload.starts_with("STREAMING-").then(Chunked::new);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        let Some(data) = frame.data_ref() else { continue };
        match &mut chunked {
            Some(chunked) => chunked.feed(data, |bytes| upload.write(bytes))?,
            None => upload.write(data)?,
        }
    }
    let trailers = chunked.map(Chunked::finish).transpose()?.unwrap_or_default();
    let uploaded = upload.finish();
    let said = |name: &str| {
        trailers
            .get(name)
            .map(String::as_str)
            .or_else(|| header(headers, name))
    };
    Ok(check(&uploaded, payload, said).map(|()| uploaded))
}

/// CRC-32 and SHA-256 are checked, which the SDKs send; other algorithms are taken on trust.
fn check<'a>(
    uploaded: &Uploaded,
    payload: &str,
    said: impl Fn(&str) -> Option<&'a str>,
) -> Result<(), AwsError> {
    let differs = |name: &str, is: &[u8]| said(name).is_some_and(|text| text != BASE64.encode(is));
    let md5 = hex::decode(&uploaded.content.md5).unwrap_or_default();
    if differs("x-amz-checksum-crc32", &uploaded.crc32.to_be_bytes())
        || differs("x-amz-checksum-sha256", &uploaded.sha256)
        || differs("content-md5", &md5)
    {
        return Err(AwsError::bad(
            "BadDigest",
            "The checksum you specified did not match the calculated checksum.",
        ));
    }
    if payload.len() == 64 && payload != uploaded.content.sha256 {
        return Err(AwsError::bad(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ));
    }
    Ok(())
}
