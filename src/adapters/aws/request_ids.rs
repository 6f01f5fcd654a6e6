//! Request ids of AWS in the debug log: support and CloudTrail know a call by nothing else. Of the request itself, whose
//! headers hold a signature, nothing is written.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::config_bag::ConfigBag;

/// Writes one line for every answer, of repeated attempts too.
#[derive(Debug)]
pub(super) struct RequestIds;

impl Intercept for RequestIds {
    fn name(&self) -> &'static str {
        "RequestIds"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(answer) = context.response() {
            let call = cfg.load::<Metadata>();
            tracing::debug!(
                service = call.map(Metadata::service),
                operation = call.map(Metadata::name),
                status = answer.status().as_u16(),
                request_id = request_id(answer),
                // S3 alone has a second one, and its support asks for both.
                extended_request_id = answer.headers().get("x-amz-id-2"),
                "AWS answered"
            );
        }
        Ok(())
    }
}

/// EC2 and STS have another header than S3.
pub(super) fn request_id(answer: &Response) -> Option<&str> {
    let headers = answer.headers();
    headers
        .get("x-amzn-requestid")
        .or_else(|| headers.get("x-amz-request-id"))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::util::SubscriberInitExt as _;

    use super::super::replay::{Answer, Replay};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_debug_log_names_the_request_id_of_every_answer_and_nothing_of_the_request() {
        let refused = Answer::new(
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
        );
        let identity = Answer::new(
            200,
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>",
        );
        let replay = Replay::of([
            refused.header("x-amzn-requestid", "id-of-the-refusal"),
            identity.header("x-amzn-requestid", "id-of-the-answer"),
        ]);
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .json()
            .with_env_filter(EnvFilter::new("off,rehull=debug"))
            .with_writer(move || writer.clone())
            .finish()
            .set_default();
        let clients = replay.clients().await;
        assert!(clients.whoami().await.is_err());
        assert!(clients.whoami().await.is_ok());
        drop(log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let of = |message: &str, id: &str| {
            let is = |line: &&str| line.contains(message) && line.contains(id);
            text.lines().filter(is).count()
        };
        assert_eq!(of("AWS answered", "id-of-the-refusal"), 1, "{text}");
        assert_eq!(of("AWS answered", "id-of-the-answer"), 1, "{text}");
        assert_eq!(of("AWS call failed", "id-of-the-refusal"), 1, "{text}");
        assert!(text.contains("GetCallerIdentity"), "{text}");
        for secret in ["Signature", "authorization", "Credential="] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
