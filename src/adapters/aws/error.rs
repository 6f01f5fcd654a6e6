//! Errors of AWS, classified once by code and text. Everything after [`Failure::of`] is free of the SDK's operation types.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rehull_core::ports::{PortError, StoreError};

use super::codes::{Family, family};
use super::request_ids::request_id;
use crate::adapters::plain::{self, chain};

/// EC2 refills its mutation buckets at 2 (RunInstances) to 5 calls a second; two seconds give a few calls' worth back.
const THROTTLE_DEFAULT: Duration = Duration::from_secs(2);
/// A longer wish of the server is cut: the driver asks again, and a rollout must not sleep through its lease.
const THROTTLE_MAX: Duration = Duration::from_secs(30);
/// Some texts carry kilobytes of encoded policy; a line for people needs the beginning.
const TEXT_MAX: usize = 600;

/// What a call did instead of succeeding.
#[derive(Debug)]
pub(super) struct Failure {
    outcome: Outcome,
    /// AWS's error code, or empty.
    code: String,
    /// AWS's sentence, or the chain of causes.
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// No byte of the request reached the other side.
    NotSent,
    /// It may have been carried out.
    Unknown,
    /// The other side answered with this HTTP status.
    Answered {
        status: u16,
        retry_after: Option<Duration>,
    },
}

impl Failure {
    pub(super) fn of<E>(error: &SdkError<E, Response>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let credentials = credentials_error(error);
        let outcome = match error {
            // The request was never signed; the SDK reports it as a failed dispatch all the same.
            _ if credentials.is_some() => Outcome::NotSent,
            SdkError::ConstructionFailure(_) => Outcome::NotSent,
            SdkError::DispatchFailure(failure) if failure.is_user() => Outcome::NotSent,
            // The HTTP client says "client error (Connect)" for everything up to the finished TLS handshake, refusals and
            // connect time-outs included; its error type is private, its text is held by a test.
            SdkError::DispatchFailure(_) if chain(error).contains("client error (Connect)") => {
                Outcome::NotSent
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
                Outcome::Unknown
            }
            // A success that cannot be read also comes as a service error: it has most likely been carried out.
            SdkError::ServiceError(answer) if answer.raw().status().is_success() => Outcome::Unknown,
            SdkError::ServiceError(answer) => Outcome::Answered {
                status: answer.raw().status().as_u16(),
                retry_after: retry_after(answer.raw()),
            },
            // The SDK's enum may grow: what we do not know may have happened.
            _ => Outcome::Unknown,
        };
        let code = error.code().unwrap_or_default().to_owned();
        let text = match (error.message(), credentials) {
            (Some(message), _) => shorten(message),
            (None, Some(why)) => no_credentials(&shorten(&plain::sentences(why))),
            (None, None) if code.is_empty() => shorten(&unanswered(error)),
            (None, None) => String::new(),
        };
        let request_id = error.raw_response().and_then(request_id);
        let own = chain(error);
        tracing::debug!(?outcome, code, text, request_id, own, "AWS call failed");
        Self { outcome, code, text }
    }

    /// AWS's error code, or empty.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// The status of an answer; HEAD answers carry nothing else.
    pub(super) fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::NotSent | Outcome::Unknown => None,
        }
    }

    /// Code and sentence, for people.
    fn words(&self) -> String {
        match (self.code.is_empty(), self.text.is_empty()) {
            (false, false) => format!("{}: {}", self.code, self.text),
            (false, true) => self.code.clone(),
            (true, false) => self.text.clone(),
            (true, true) => self
                .status()
                .map_or_else(String::new, |status| format!("HTTP {status}")),
        }
    }
}

/// Where AWS said nothing that can be read. Empty: its status is all there is.
fn unanswered<E>(error: &SdkError<E, Response>) -> String
where
    E: Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::ServiceError(answer) if !answer.raw().status().is_success() => String::new(),
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => "its answer cannot be read".to_owned(),
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => plain::failed(error),
        // The SDK's enum may grow.
        _ => plain::failed(error),
    }
}

/// Nothing was done, and somebody can renew them while we wait.
fn expired(failure: &Failure) -> String {
    format!(
        "the AWS credentials have expired ({}): sign in again, then go on",
        failure.words()
    )
}

/// Missing credentials deserve more than the SDK's words.
fn no_credentials(why: &str) -> String {
    format!(
        "no usable AWS credentials: sign in (`aws sso login`), or set AWS_PROFILE or AWS_ACCESS_KEY_ID ({why})"
    )
}

/// One EC2 or STS operation, as error texts and classification need it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// IAM's name, for example `ec2:RunInstances`.
    pub(super) action: &'static str,
    /// What "no such instance" means here.
    pub(super) absent: Absent,
}

/// EC2 is eventually consistent: the same `NotFound` means different things before and after a life.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    /// The instance was just launched.
    NotYet,
    /// The instance was known before.
    Gone,
}

impl Call {
    /// What a decision must know of this failure.
    pub(super) fn failed(&self, failure: &Failure) -> PortError {
        let Outcome::Answered { status, retry_after } = failure.outcome else {
            return match failure.outcome {
                Outcome::NotSent => PortError::NotSent { why: failure.words() },
                Outcome::Unknown | Outcome::Answered { .. } => PortError::OutcomeUnknown {
                    why: format!("{}: {}", self.action, failure.words()),
                },
            };
        };
        match family(failure.code(), status) {
            Family::Throttled => PortError::Throttled {
                after: retry_after.unwrap_or(THROTTLE_DEFAULT),
            },
            Family::Denied => PortError::Denied {
                action: denied(self.action, failure),
            },
            Family::Expired => PortError::NotSent {
                why: expired(failure),
            },
            Family::NoInstance => match self.absent {
                Absent::NotYet => PortError::NotYetVisible { why: failure.words() },
                Absent::Gone => PortError::Gone {
                    what: failure.words(),
                },
            },
            // Templates are made just before they are used; volumes and interfaces long before.
            Family::NoTemplate => PortError::NotYetVisible { why: failure.words() },
            Family::NoPart => PortError::Gone {
                what: failure.words(),
            },
            Family::Internal => PortError::OutcomeUnknown {
                why: format!("{}: {}", self.action, failure.words()),
            },
            Family::Rule(rule) => PortError::Refused {
                rule,
                text: failure.words(),
            },
        }
    }
}

/// The action that was denied. RunInstances also needs `iam:PassRole`, `ec2:CreateTags` and more, and only the text says
/// which one is missing; the encoded policy behind it is left out.
fn denied(action: &str, failure: &Failure) -> String {
    let (text, _) = failure
        .text
        .split_once(" Encoded authorization failure")
        .unwrap_or((&failure.text, ""));
    let named = text
        .split_once("not authorized to perform: ")
        .map_or("", |(_, rest)| rest);
    let named = named
        .split([' ', ','])
        .next()
        .filter(|word| word.contains(':'))
        .unwrap_or(action);
    match (failure.code.as_str(), text) {
        ("", "") => named.to_owned(),
        (code, "") => format!("{named} ({code})"),
        ("", text) => format!("{named} ({text})"),
        (code, text) => format!("{named} ({code}: {text})"),
    }
}

/// One S3 operation on one key.
#[derive(Clone, Copy, Debug)]
pub(in crate::adapters) enum ObjectCall {
    /// Changes nothing, so it has certainly changed nothing.
    Read(&'static str),
    /// A put or a delete.
    Write(&'static str),
}

/// What the owner of the object must know of this failure.
pub(in crate::adapters) fn store_error<E>(
    call: ObjectCall,
    key: &str,
    error: &SdkError<E, Response>,
) -> StoreError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    classify_object(call, key, &Failure::of(error))
}

/// A 409 (`ConditionalRequestConflict`) means that two conditional writes met; S3 asks to look again. It is reported as
/// "no definite answer", because the way on is the same: read the key, then decide.
pub(super) fn classify_object(call: ObjectCall, key: &str, failure: &Failure) -> StoreError {
    let key = key.to_owned();
    let words = failure.words();
    let (action, is_write) = match call {
        ObjectCall::Read(action) => (action, false),
        ObjectCall::Write(action) => (action, true),
    };
    let status = match failure.outcome {
        Outcome::NotSent => {
            return StoreError::Unavailable {
                key,
                why: failure.words(),
            };
        }
        Outcome::Unknown if is_write => return StoreError::OutcomeUnknown { key, why: words },
        Outcome::Unknown => return StoreError::Unavailable { key, why: words },
        Outcome::Answered { status, .. } => status,
    };
    match (family(failure.code(), status), failure.code(), status) {
        (_, "PreconditionFailed", _) | (_, _, 412) => StoreError::Conflict { key },
        // `If-Match` on a key that was deleted meanwhile: not our version any more.
        (_, "NoSuchKey", _) if is_write => StoreError::Conflict { key },
        (_, "ConditionalRequestConflict" | "OperationAborted" | "RequestTimeout", _) if is_write => {
            StoreError::OutcomeUnknown { key, why: words }
        }
        (Family::Denied, ..) => StoreError::Denied {
            key,
            action: denied(action, failure),
        },
        (Family::Expired, ..) => StoreError::Unavailable {
            key,
            why: expired(failure),
        },
        (Family::Internal, ..) if is_write => StoreError::OutcomeUnknown { key, why: words },
        _ => StoreError::Unavailable { key, why: words },
    }
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds: u64 = answer.headers().get("retry-after")?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(THROTTLE_MAX))
}

fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<CredentialsError>() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// One line, not too long.
fn shorten(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
