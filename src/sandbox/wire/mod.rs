//! The wire: the Query protocols in XML (EC2, Elastic Load Balancing, Auto Scaling, IAM, STS), KMS in JSON and S3 REST on
//! one port, told apart by the service in the signature.
//!
//! `/_sandbox/…` on the same port is not AWS: it switches faults ([`admin`]). Whatever the sandbox does not model is
//! refused, never ignored.

mod admin;
mod auth;
mod body;
mod chunked;
mod ec2_launch;
mod ec2_network;
mod ec2_request;
mod ec2_response;
mod ec2_template;
mod query;
mod s3_request;
mod s3_response;
mod sts;
mod xml;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use rehull_core::world::AwsError;
use rehull_core::world::api::{Call, Request as Ask, Response as Answer, s3};
use rehull_core::world::query::{Params, Query, Service};
use tokio::net::TcpListener;

pub(super) use self::admin::PREFIX;
use self::auth::Signature;
use self::ec2_response::Frame;
use self::s3_request::{Shape, Target};
use self::s3_response::Reply as S3Reply;
use super::balancer::Board;
use super::blobs::Blobs;
use super::control_plane::Ground;
use super::daemon::{Mailbox, Reply};
use super::http::{self, Body};

/// What every connection needs.
pub(super) struct Api {
    pub(super) mailbox: Mailbox,
    pub(super) blobs: Arc<Blobs>,
    pub(super) account: String,
    pub(super) requests: AtomicU64,
    /// Connections through load balancers.
    pub(super) board: Arc<Board>,
    /// Where a control plane is to be, if there is to be one.
    pub(super) control_plane: Option<Ground>,
}

/// Answers until the future is dropped.
pub(super) async fn serve(listener: TcpListener, api: Arc<Api>) -> Infallible {
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move { api.respond(request).await }
    });
    http::serve(listener, service).await
}

impl Api {
    async fn respond(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let signature = Signature::of(request.headers());
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("00000000-0000-4000-8000-{number:012x}");
        if request.uri().path().starts_with(admin::PREFIX) {
            return admin::respond(self, request).await;
        }
        match signature.service.as_deref() {
            Some("ec2") => self.ec2(signature, &request_id, request).await,
            Some("sts") => self.sts(signature, &request_id, request).await,
            name => match name.and_then(Service::signed) {
                Some(service) => self.query(signature, service, &request_id, request).await,
                None => self.s3(signature, &request_id, request).await,
            },
        }
    }

    async fn ask(&self, signature: Signature, request: Ask) -> io::Result<Reply> {
        let call = Call {
            access_key: signature.access_key,
            region: signature.region,
            request,
        };
        answered(self.mailbox.call(call, None).await?)
    }

    async fn ec2(
        &self,
        signature: Signature,
        request_id: &str,
        request: Request<Incoming>,
    ) -> io::Result<Response<Body>> {
        let params = query::form(&body::read_text(request.into_body()).await?);
        let action = params.root().text("Action").unwrap_or_default();
        if Service::Ec2.actions().any(|known| known == action) {
            return self
                .answer_query(signature, request_id, Service::Ec2, (&action, params))
                .await;
        }
        let result = match ec2_request::decode(&params) {
            Ok(asked) => self.ask(signature, Ask::Ec2(asked)).await?.answer.result,
            Err(refusal) => Err(refusal),
        };
        let frame = Frame {
            action: &action,
            request_id,
            account: &self.account,
        };
        match result {
            Ok(Answer::Ec2(response)) => xml(200, ec2_response::encode(&frame, &response)),
            Ok(_) => Err(io::Error::other("an answer of another service")),
            Err(error) => xml(error.status, ec2_response::encode_error(request_id, &error)),
        }
    }

    async fn query(
        &self,
        signature: Signature,
        service: Service,
        request_id: &str,
        request: Request<Incoming>,
    ) -> io::Result<Response<Body>> {
        let target = http::header(request.headers(), "x-amz-target")
            .unwrap_or_default()
            .to_owned();
        let text = body::read_text(request.into_body()).await?;
        let (action, params) = match service {
            Service::Kms => match query::json(&target, &text) {
                Ok(read) => read,
                Err(error) => {
                    return plain(
                        service,
                        error.status,
                        query::encode_error(request_id, service, &error),
                    );
                }
            },
            Service::Ec2 | Service::LoadBalancing | Service::AutoScaling | Service::Iam => {
                let params = query::form(&text);
                (params.root().text("Action").unwrap_or_default(), params)
            }
        };
        self.answer_query(signature, request_id, service, (&action, params))
            .await
    }

    async fn answer_query(
        &self,
        signature: Signature,
        request_id: &str,
        service: Service,
        (action, params): (&str, Params),
    ) -> io::Result<Response<Body>> {
        let result = match Query::new(service, action, params) {
            Ok(asked) => self.ask(signature, Ask::Query(asked)).await?.answer.result,
            Err(refusal) => Err(refusal),
        };
        match result {
            Ok(Answer::Query(answered)) => plain(service, 200, query::encode(request_id, &answered)),
            Ok(_) => Err(io::Error::other("an answer of another service")),
            Err(error) => plain(
                service,
                error.status,
                query::encode_error(request_id, service, &error),
            ),
        }
    }

    async fn sts(
        &self,
        signature: Signature,
        request_id: &str,
        request: Request<Incoming>,
    ) -> io::Result<Response<Body>> {
        let params = query::form(&body::read_text(request.into_body()).await?);
        let action = params.root().text("Action");
        let result = match action.as_deref() {
            Some("GetCallerIdentity") => self.ask(signature, Ask::GetCallerIdentity).await?.answer.result,
            _ => Err(AwsError::bad(
                "InvalidAction",
                "The sandbox models GetCallerIdentity only",
            )),
        };
        match result {
            Ok(Answer::CallerIdentity(identity)) => xml(200, sts::encode(request_id, &identity)),
            Ok(_) => Err(io::Error::other("an answer of another service")),
            Err(error) => xml(error.status, sts::encode_error(request_id, &error)),
        }
    }

    async fn s3(
        &self,
        signature: Signature,
        request_id: &str,
        request: Request<Incoming>,
    ) -> io::Result<Response<Body>> {
        let (parts, incoming) = request.into_parts();
        let head = parts.method == hyper::Method::HEAD;
        let target = match Target::of(&parts.uri) {
            Ok(target) => target,
            Err(error) => return xml(error.status, ec2_response::encode_error(request_id, &error)),
        };
        let reply = S3Reply {
            target: &target,
            headers: &parts.headers,
            request_id,
            head,
        };
        let (operation, upload) = match s3_request::shape(&parts.method, &target, &parts.headers) {
            Ok(Shape::Ready(operation)) => (Ok(operation), None),
            Ok(Shape::Versioning) => (s3_request::versioning(&body::read_text(incoming).await?), None),
            Ok(Shape::Setting(setting)) => {
                let text = String::from_utf8_lossy(&body::read_text(incoming).await?).into_owned();
                (Ok(s3::Operation::PutSetting(setting, text)), None)
            }
            Ok(Shape::Upload) => match body::receive(self.blobs.upload()?, &parts.headers, incoming).await? {
                Ok(upload) => (
                    s3_request::put(&target, &parts.headers, upload.content.clone()),
                    Some(upload),
                ),
                Err(error) => (Err(error), None),
            },
            Err(error) => (Err(error), None),
        };
        let operation = match operation {
            Ok(operation) => operation,
            Err(error) => return reply.failure(&error),
        };
        let asked = s3::Request {
            bucket: target.bucket.clone(),
            operation,
        };
        let call = Call {
            access_key: signature.access_key,
            region: signature.region,
            request: Ask::S3(asked),
        };
        let answered = answered(self.mailbox.call(call, upload).await?)?;
        match answered.answer.result {
            Ok(Answer::S3(answer)) => reply.success(&answer, answered.content).await,
            Ok(_) => Err(io::Error::other("an answer of another service")),
            Err(error) => reply.failure(&error),
        }
    }
}

/// A lost answer becomes an error, which closes the connection.
fn answered(reply: Reply) -> io::Result<Reply> {
    if reply.answer.lost {
        Err(io::Error::other("this answer is lost on purpose"))
    } else {
        Ok(reply)
    }
}

/// As the service types it.
fn plain(service: Service, status: u16, text: String) -> io::Result<Response<Body>> {
    match service {
        Service::Ec2 | Service::LoadBalancing | Service::AutoScaling | Service::Iam => xml(status, text),
        Service::Kms => typed(status, "application/x-amz-json-1.1", text),
    }
}

fn xml(status: u16, text: String) -> io::Result<Response<Body>> {
    typed(status, "text/xml;charset=UTF-8", text)
}

fn typed(status: u16, kind: &str, text: String) -> io::Result<Response<Body>> {
    let status = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let start = Response::builder().status(status).header("content-type", kind);
    http::finish(start, http::text(text))
}
