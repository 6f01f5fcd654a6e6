//! `/_sandbox/…`: the sandbox's own door, next to the AWS APIs. Nothing here exists at AWS.
//!
//! `GET /_sandbox/status` tells machines and their states; `POST /_sandbox/switch` takes one
//! [`Switch`](rehull_core::world::Switch) as JSON.

use std::io;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::body;
use crate::sandbox::daemon::Mailbox;
use crate::sandbox::http::{Body, finish, text};
use crate::sandbox::status;

/// Bucket names cannot start with an underscore, so this hides nothing of S3.
pub(in crate::sandbox) const PREFIX: &str = "/_sandbox/";

pub(super) async fn respond(mailbox: &Mailbox, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let path = request
        .uri()
        .path()
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .to_owned();
    match (request.method().as_str(), path.as_str()) {
        ("GET", "status") => {
            let status = mailbox.look(status::of).await?;
            json_body(StatusCode::OK, &json!(status))
        }
        ("POST", "switch") => switch(mailbox, &body::read_text(request.into_body()).await?).await,
        (method, _) => json_body(
            StatusCode::NOT_FOUND,
            &json!({ "error": format!("no `{method} {PREFIX}{path}`") }),
        ),
    }
}

async fn switch(mailbox: &Mailbox, wish: &[u8]) -> io::Result<Response<Body>> {
    let outcome = match serde_json::from_slice(wish) {
        Ok(switch) => mailbox.switch(switch).await?,
        Err(error) => Err(error.to_string()),
    };
    match outcome {
        Ok(()) => json_body(StatusCode::OK, &json!({})),
        Err(why) => json_body(StatusCode::BAD_REQUEST, &json!({ "error": why })),
    }
}

fn json_body(status: StatusCode, value: &Value) -> io::Result<Response<Body>> {
    let start = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    finish(start, text(value.to_string()))
}
