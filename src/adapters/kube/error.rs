//! Errors of the Kubernetes API, classified once by status and reason.

use std::time::Duration;

use kube::core::Status;
use rehull_core::ports::{PortError, Rule};

use crate::adapters::plain;

/// What priority and fairness asks for when it does not say.
const THROTTLE_DEFAULT: Duration = Duration::from_secs(1);
/// A longer wish of the server is cut: a rollout must not sleep through its lease.
const THROTTLE_MAX: Duration = Duration::from_secs(30);
/// Characters of an answer that are told.
const TEXT_MAX: usize = 600;

/// A call that did not report success.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: PortError,
    /// What the API itself answered, where it did.
    pub(super) status: Option<Box<Status>>,
}

impl Failed {
    pub(super) const fn plain(error: PortError) -> Self {
        Self { error, status: None }
    }

    /// `action`: what the identity would need the right to, for example `patch nodes`.
    pub(super) fn of(action: &str, error: &kube::Error) -> Self {
        if let kube::Error::Api(status) = error {
            return Self {
                error: answered(action, status),
                status: Some(status.clone()),
            };
        }
        if let kube::Error::SerdeError(source) = error {
            return Self::plain(PortError::Unreadable {
                text: text(&format!("{action}: {source}")),
            });
        }
        let why = plain::failed(error);
        if never_left(error) {
            return Self::plain(PortError::NotSent { why });
        }
        let why = format!("{action}: {why}");
        Self::plain(PortError::OutcomeUnknown { why })
    }

    /// There is no such thing any more, or another one of its name.
    pub(super) const fn is_gone(&self) -> bool {
        matches!(self.error, PortError::Gone { .. })
    }
}

fn answered(action: &str, status: &Status) -> PortError {
    let said = || text(&status.message);
    match status.code {
        401 => PortError::Denied {
            action: format!("{action}: the API does not know this certificate"),
        },
        403 => PortError::Denied {
            action: format!("{action}: {}", said()),
        },
        404 => PortError::Gone { what: said() },
        // Somebody else has changed it between our look and our change.
        409 => PortError::Refused {
            rule: Rule::Busy,
            text: said(),
        },
        429 => PortError::Throttled { after: after(status) },
        400 | 405 | 406 | 413 | 415 | 422 => PortError::Refused {
            rule: Rule::Invalid,
            text: said(),
        },
        // An apiserver that is ending, or one that lost etcd on the way: it may have happened.
        500..=599 => PortError::OutcomeUnknown {
            why: format!("{action}: {} {}", status.code, said()),
        },
        code => PortError::Refused {
            rule: Rule::Other,
            text: text(&format!("{code} {}", status.message)),
        },
    }
}

/// As far as the body repeats the header.
pub(super) fn after(status: &Status) -> Duration {
    let seconds = status
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    if seconds == 0 {
        THROTTLE_DEFAULT
    } else {
        Duration::from_secs(u64::from(seconds)).min(THROTTLE_MAX)
    }
}

/// No byte of the request left: the client says "client error (Connect)" for everything up to the finished TLS handshake.
fn never_left(error: &kube::Error) -> bool {
    let was_not_made = matches!(error, kube::Error::BuildRequest(_) | kube::Error::HttpError(_));
    was_not_made || plain::chain(error).contains("client error (Connect)")
}

pub(super) fn text(said: &str) -> String {
    let plain = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(TEXT_MAX).collect::<String>().trim().to_owned()
}
