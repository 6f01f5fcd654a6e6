//! What callers ask and what they are told: typed, without wire formats.

mod describe;
pub mod ec2;
pub mod s3;
mod text;

use serde::{Deserialize, Serialize};

use super::error::AwsError;
use super::query::{Answered, Query};
pub use text::Text;

/// One call as it arrives: who signed it, for which region, and what it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Access key id of the signature; `None`: unsigned.
    pub access_key: Option<String>,
    /// Region in the credential scope of the signature.
    pub region: Option<String>,
    /// What is asked.
    pub request: Request,
}

/// A request to one of the services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// EC2.
    Ec2(ec2::Request),
    /// S3.
    S3(s3::Request),
    /// STS GetCallerIdentity.
    GetCallerIdentity,
    /// One of the services that are asked in names and values.
    Query(Query),
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// EC2.
    Ec2(ec2::Response),
    /// S3.
    S3(s3::Response),
    /// STS GetCallerIdentity.
    CallerIdentity(CallerIdentity),
    /// One of the services that are asked in names and values.
    Query(Answered),
}

/// Answer of GetCallerIdentity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerIdentity {
    /// Twelve digits.
    pub account: String,
    /// ARN of user or assumed role.
    pub arn: String,
    /// Unique id of user or role session.
    pub user_id: String,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was answered.
    pub result: Result<Response, AwsError>,
    /// The call took effect, but the caller never hears of it (a fault): the connection is dropped instead.
    pub lost: bool,
}
