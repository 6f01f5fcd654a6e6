//! A sandbox's APIs inside this process, without machines, and the vendor's SDK in front of them.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use rehull::sandbox::InProcess;
use rehull::sandbox::layout::{Layout, REGION};
use rehull_core::world::{AccessKey, Timing};
use tempfile::TempDir;

/// The layout that all tests of the APIs use; nothing listens on its addresses.
pub(crate) fn layout() -> Layout {
    Layout {
        name: "dev".to_owned(),
        block: 20,
        members: 3,
        seed: 1,
        timing: Timing::Fast,
    }
}

/// A running sandbox; its objects go with it.
pub(crate) struct Sandbox {
    pub(crate) api: InProcess,
    _objects: TempDir,
}

pub(crate) async fn start() -> Sandbox {
    let objects = TempDir::new().unwrap();
    let api = InProcess::start(layout().setup(), objects.path()).await.unwrap();
    Sandbox {
        api,
        _objects: objects,
    }
}

impl Sandbox {
    pub(crate) async fn config(&self) -> SdkConfig {
        self.config_of(&layout().operator(), REGION).await
    }

    pub(crate) async fn config_of(&self, key: &AccessKey, region: &'static str) -> SdkConfig {
        let credentials = Credentials::new(&key.id, &key.secret, key.session_token.clone(), None, "test");
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region))
            .endpoint_url(self.api.endpoint())
            .credentials_provider(credentials)
            .load()
            .await
    }

    pub(crate) async fn ec2(&self) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&self.config().await)
    }

    pub(crate) async fn s3(&self) -> aws_sdk_s3::Client {
        s3_of(&self.config().await)
    }
}

pub(crate) fn s3_of(config: &SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
