//! The clients and their patience. Region and endpoint come from the cluster file only; credentials from the usual chain.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region as SdkRegion, SdkConfig};
use aws_sdk_s3::config::Credentials;
use rehull_core::domain::desired::AwsTarget;
use rehull_core::domain::ids::{AccountId, Region};
use rehull_core::ports::PortError;

use super::error::{Absent, Call, Failure};
use super::request_ids::RequestIds;

/// A connection within a region takes milliseconds; three seconds allow one lost SYN and its repetition.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Below the 20 s that a port call may take. Slow but healthy answers (RunInstances p99: 8 s) fit.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// Reads may be repeated within [`OPERATION_TIMEOUT`], so one lost answer must not use it up.
const READ_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// The SDK's own default; more would not fit into [`OPERATION_TIMEOUT`].
const READ_ATTEMPTS: u32 = 3;

/// Keys given by hand instead of the credential chain: a sandbox's, or a test double's.
#[derive(Clone)]
pub struct AccessKeys {
    /// Access key id.
    pub id: String,
    /// Secret access key; never printed.
    pub secret: String,
}

impl std::fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKeys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// One set of clients for one account, region and endpoint; cheap to clone.
#[derive(Clone, Debug)]
pub struct AwsClients {
    /// EC2 reads: repeated by the SDK.
    pub(super) ec2: aws_sdk_ec2::Client,
    /// EC2 mutations: sent once.
    pub(super) ec2_once: aws_sdk_ec2::Client,
    /// S3 reads: repeated by the SDK.
    pub(in crate::adapters) s3: aws_sdk_s3::Client,
    /// S3 mutations: sent once.
    pub(in crate::adapters) s3_once: aws_sdk_s3::Client,
    /// Auto Scaling reads: repeated by the SDK.
    pub(super) autoscaling: aws_sdk_autoscaling::Client,
    /// Auto Scaling mutations: sent once.
    pub(super) autoscaling_once: aws_sdk_autoscaling::Client,
    /// Load balancing reads: repeated by the SDK.
    pub(super) elbv2: aws_sdk_elasticloadbalancingv2::Client,
    /// Load balancing mutations: sent once.
    pub(super) elbv2_once: aws_sdk_elasticloadbalancingv2::Client,
    sts: aws_sdk_sts::Client,
    region: Region,
}

impl AwsClients {
    /// Clients with the credentials of the usual chain (environment, profile, SSO, web identity, instance role).
    /// Sends nothing yet: [`AwsClients::whoami`] is the first call to make, and tells what is wrong with the credentials.
    pub async fn connect(target: &AwsTarget) -> Self {
        Self::build(target, None).await
    }

    /// Clients with these keys, whatever the environment says.
    pub async fn with_keys(target: &AwsTarget, keys: &AccessKeys) -> Self {
        let credentials = Credentials::new(&keys.id, &keys.secret, None, None, "rehull");
        Self::build(target, Some(credentials)).await
    }

    async fn build(target: &AwsTarget, credentials: Option<Credentials>) -> Self {
        let mut loader = loader(target);
        if let Some(credentials) = credentials {
            loader = loader.credentials_provider(credentials);
        }
        Self::of(&loader.load().await, target)
    }

    /// Clients whose requests end in `replay` instead of on a wire.
    #[cfg(test)]
    pub(in crate::adapters) async fn replaying(target: &AwsTarget, replay: &super::replay::Replay) -> Self {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let loader = loader(target)
            .credentials_provider(credentials)
            .http_client(replay.clone());
        // What a shell's AWS_ENDPOINT_URL would do.
        let ambient = loader.endpoint_url("http://ambient.invalid").load().await;
        Self::of(&ambient, target)
    }

    fn of(reads: &SdkConfig, target: &AwsTarget) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT);
        let once = reads
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build())
            .build();
        Self {
            ec2: ec2(reads, target),
            ec2_once: ec2(&once, target),
            s3: s3(reads, target),
            s3_once: s3(&once, target),
            autoscaling: autoscaling(reads, target),
            autoscaling_once: autoscaling(&once, target),
            elbv2: elbv2(reads, target),
            elbv2_once: elbv2(&once, target),
            sts: sts(reads, target),
            region: target.region.clone(),
        }
    }

    /// The region all calls go to.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Asks STS whose credentials these are. The caller compares account and region with the cluster file.
    ///
    /// # Errors
    /// `NotSent` without usable credentials or without a way to the endpoint, `Denied` for credentials that AWS does not
    /// accept; the text says what to do.
    pub async fn whoami(&self) -> Result<(AccountId, Region), PortError> {
        const CALL: Call = Call {
            action: "sts:GetCallerIdentity",
            absent: Absent::Gone,
        };
        let identity = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| CALL.failed(&Failure::of(&error)))?;
        match identity.account {
            Some(account) => Ok((AccountId::new(account), self.region.clone())),
            None => Err(PortError::Unreadable {
                text: "GetCallerIdentity answered without an account".to_owned(),
            }),
        }
    }
}

fn loader(target: &AwsTarget) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .operation_attempt_timeout(READ_ATTEMPT_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(SdkRegion::new(target.region.as_str().to_owned()))
        .retry_config(RetryConfig::standard().with_max_attempts(READ_ATTEMPTS))
        .timeout_config(timeouts)
}

// `set_endpoint_url` comes last in each of these, also with `None`: the SDK would otherwise take `AWS_ENDPOINT_URL*` or a
// profile's `endpoint_url`, and where a rollout goes must be read in the cluster file, not found out from a shell.

fn ec2(config: &SdkConfig, target: &AwsTarget) -> aws_sdk_ec2::Client {
    let mut config = aws_sdk_ec2::config::Builder::from(config).interceptor(RequestIds);
    config.set_endpoint_url(target.endpoint.clone());
    aws_sdk_ec2::Client::from_conf(config.build())
}

fn s3(config: &SdkConfig, target: &AwsTarget) -> aws_sdk_s3::Client {
    // Buckets as host names need a wildcard name service, which no test double has.
    let path_style = target.endpoint.is_some();
    let mut config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(path_style)
        .interceptor(RequestIds);
    config.set_endpoint_url(target.endpoint.clone());
    aws_sdk_s3::Client::from_conf(config.build())
}

fn autoscaling(config: &SdkConfig, target: &AwsTarget) -> aws_sdk_autoscaling::Client {
    let mut config = aws_sdk_autoscaling::config::Builder::from(config).interceptor(RequestIds);
    config.set_endpoint_url(target.endpoint.clone());
    aws_sdk_autoscaling::Client::from_conf(config.build())
}

fn elbv2(config: &SdkConfig, target: &AwsTarget) -> aws_sdk_elasticloadbalancingv2::Client {
    let mut config = aws_sdk_elasticloadbalancingv2::config::Builder::from(config).interceptor(RequestIds);
    config.set_endpoint_url(target.endpoint.clone());
    aws_sdk_elasticloadbalancingv2::Client::from_conf(config.build())
}

fn sts(config: &SdkConfig, target: &AwsTarget) -> aws_sdk_sts::Client {
    let mut config = aws_sdk_sts::config::Builder::from(config).interceptor(RequestIds);
    config.set_endpoint_url(target.endpoint.clone());
    aws_sdk_sts::Client::from_conf(config.build())
}
