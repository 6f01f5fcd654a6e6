//! An error as AWS words it: status, code, message.

/// What the caller reads. Codes and messages follow the real services, because adapters classify by them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// HTTP status.
    pub status: u16,
    /// Error code, for example `InvalidInstanceID.NotFound`.
    pub code: &'static str,
    /// Text for people.
    pub message: String,
}

impl AwsError {
    /// A client error (400), which is what EC2 answers for nearly everything.
    pub fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::with(400, code, message)
    }

    /// Any status.
    pub fn with(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// `InvalidParameterValue`.
    pub fn value(message: impl Into<String>) -> Self {
        Self::bad("InvalidParameterValue", message)
    }

    /// `IncorrectState`.
    pub fn state(message: impl Into<String>) -> Self {
        Self::bad("IncorrectState", message)
    }
}
