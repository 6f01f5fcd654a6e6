//! `/_sandbox/…`: the sandbox's own door, next to the AWS APIs. Nothing here exists at AWS.
//!
//! `GET /_sandbox/status` tells machines and their states; `POST /_sandbox/switch` takes one
//! [`Switch`](rehull_core::world::Switch) as JSON; `POST /_sandbox/terminate` takes the id of an instance and ends it as
//! somebody with a console would.

use std::io;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use rehull_core::world::World;
use rehull_core::world::api::ec2::Request as Ec2;
use rehull_core::world::api::{Call, Request as Asked};
use serde_json::{Value, json};

use super::{Api, body};
use crate::sandbox::daemon::Mailbox;
use crate::sandbox::http::{Body, finish, text};
use crate::sandbox::layout::REGION;
use crate::sandbox::status;

/// Bucket names cannot start with an underscore, so this hides nothing of S3.
pub(in crate::sandbox) const PREFIX: &str = "/_sandbox/";

pub(super) async fn respond(api: &Api, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let mailbox = &api.mailbox;
    let path = request
        .uri()
        .path()
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .to_owned();
    match (request.method().as_str(), path.as_str()) {
        ("GET", "status") => {
            let (addresses, sessions) = (api.board.addresses(), api.board.sessions());
            let look = move |world: &World| status::of(world, &addresses, &sessions);
            json_body(StatusCode::OK, &json!(mailbox.look(look).await?))
        }
        ("POST", "control-plane") => {
            let body = body::read_text(request.into_body()).await?;
            control_plane(api, &body).await
        }
        ("POST", "switch") => switch(mailbox, &body::read_text(request.into_body()).await?).await,
        ("POST", "terminate") => terminate(mailbox, &body::read_text(request.into_body()).await?).await,
        (method, _) => json_body(
            StatusCode::NOT_FOUND,
            &json!({ "error": format!("no `{method} {PREFIX}{path}`") }),
        ),
    }
}

/// Launch template and group, as the first `terraform apply` would make them.
async fn control_plane(api: &Api, first: &[u8]) -> io::Result<Response<Body>> {
    let outcome = match (&api.control_plane, serde_json::from_slice(first)) {
        (None, _) => Err("this sandbox was brought up without a control plane".to_owned()),
        (_, Err(error)) => Err(error.to_string()),
        (Some(ground), Ok(first)) => ground.raise(&api.mailbox, first).await?,
    };
    said(outcome)
}

fn said(outcome: Result<(), String>) -> io::Result<Response<Body>> {
    match outcome {
        Ok(()) => json_body(StatusCode::OK, &json!({})),
        Err(why) => json_body(StatusCode::BAD_REQUEST, &json!({ "error": why })),
    }
}

async fn switch(mailbox: &Mailbox, wish: &[u8]) -> io::Result<Response<Body>> {
    let outcome = match serde_json::from_slice(wish) {
        Ok(switch) => mailbox.switch(switch).await?,
        Err(error) => Err(error.to_string()),
    };
    said(outcome)
}

async fn terminate(mailbox: &Mailbox, id: &[u8]) -> io::Result<Response<Body>> {
    let id = String::from_utf8_lossy(id).trim().to_owned();
    let keys = |world: &World| world.setup().keys.first().map(|key| key.id.clone());
    let call = Call {
        access_key: mailbox.look(keys).await?,
        region: Some(REGION.to_owned()),
        request: Asked::Ec2(Ec2::TerminateInstances { ids: vec![id] }),
    };
    match mailbox.call(call, None).await?.answer.result {
        Ok(_) => json_body(StatusCode::OK, &json!({})),
        Err(error) => json_body(StatusCode::BAD_REQUEST, &json!({ "error": error.message })),
    }
}

fn json_body(status: StatusCode, value: &Value) -> io::Result<Response<Body>> {
    let start = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    finish(start, text(value.to_string()))
}
