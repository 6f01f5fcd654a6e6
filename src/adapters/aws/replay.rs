//! Recorded answers instead of a network, for tests: real requests are built and signed, real XML is parsed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use rehull_core::domain::desired::AwsTarget;
use rehull_core::domain::ids::{AccountId, Region};

use super::AwsClients;

/// What the other side says.
#[derive(Clone, Debug)]
pub(in crate::adapters) struct Answer {
    pub(in crate::adapters) status: u16,
    pub(in crate::adapters) headers: Vec<(&'static str, &'static str)>,
    pub(in crate::adapters) body: String,
}

impl Answer {
    pub(in crate::adapters) fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    /// An error as EC2 writes it.
    pub(in crate::adapters) fn ec2(status: u16, code: &str, message: &str) -> Self {
        Self::new(
            status,
            &format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{code}</Code>\
                 <Message>{message}</Message></Error></Errors><RequestID>r-1</RequestID></Response>"
            ),
        )
    }

    /// An error as S3 writes it.
    pub(in crate::adapters) fn s3(status: u16, code: &str, message: &str) -> Self {
        Self::new(
            status,
            &format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        )
    }

    pub(in crate::adapters) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A request as it would have gone out.
#[derive(Clone, Debug)]
pub(in crate::adapters) struct Sent {
    pub(in crate::adapters) uri: String,
    pub(in crate::adapters) headers: Vec<(String, String)>,
    pub(in crate::adapters) body: String,
}

/// Gives its answers in order and keeps what was sent.
#[derive(Clone, Debug, Default)]
pub(in crate::adapters) struct Replay {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Replay {
    pub(in crate::adapters) fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            sent: Arc::default(),
        }
    }

    pub(in crate::adapters) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Clients of AWS itself in Tokyo, as far as they can tell.
    pub(in crate::adapters) async fn clients(&self) -> AwsClients {
        let target = AwsTarget {
            account: AccountId::new("111122223333"),
            region: Region::new("ap-northeast-1"),
            endpoint: None,
        };
        AwsClients::replaying(&target, self).await
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = request
            .body()
            .bytes()
            .map(String::from_utf8_lossy)
            .unwrap_or_default()
            .into_owned();
        self.sent.lock().unwrap().push(Sent {
            uri: request.uri().to_owned(),
            headers,
            body,
        });
        let Some(answer) = self.answers.lock().unwrap().pop_front() else {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("no answer was recorded".into())));
        };
        let status = StatusCode::try_from(answer.status).unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
        for (name, value) in answer.headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Replay {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
