//! What a bucket is told to be. The documents are held as they were sent and told as they are held; nothing acts on them.

use super::api::s3::{Response, Setting};
use super::error::AwsError;
use super::s3::Bucket;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

impl Bucket {
    /// Since April 2023 a new bucket has no ACLs and is closed to the public, and all objects are encrypted (S3 user guide).
    pub(super) fn new() -> Self {
        let mut bucket = Self::default();
        let closed = [
            "BlockPublicAcls",
            "IgnorePublicAcls",
            "BlockPublicPolicy",
            "RestrictPublicBuckets",
        ];
        let closed: Vec<String> = closed
            .iter()
            .map(|name| format!("<{name}>true</{name}>"))
            .collect();
        for (setting, root, body) in [
            (
                Setting::OwnershipControls,
                "OwnershipControls",
                "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>",
            ),
            (
                Setting::PublicAccessBlock,
                "PublicAccessBlockConfiguration",
                closed.concat().as_str(),
            ),
        ] {
            bucket.settings.insert(setting, document(root, body));
        }
        bucket
    }

    pub(super) fn setting(
        &self,
        setting: Setting,
        region: &str,
        account: &str,
    ) -> Result<Response, AwsError> {
        let told = |text: String| Ok(Response::Setting(setting, text));
        if let Some(text) = self.settings.get(&setting) {
            return told(text.clone());
        }
        match setting {
            Setting::Accelerate => told(document("AccelerateConfiguration", "")),
            Setting::Acl => told(acl(account)),
            Setting::Encryption => told(document(
                "ServerSideEncryptionConfiguration",
                "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>\
                 </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>",
            )),
            Setting::Location => told(format!(
                "<LocationConstraint xmlns=\"{NAMESPACE}\">{region}</LocationConstraint>"
            )),
            Setting::Logging => told(document("BucketLoggingStatus", "")),
            Setting::RequestPayment => told(document(
                "RequestPaymentConfiguration",
                "<Payer>BucketOwner</Payer>",
            )),
            Setting::Cors => missing("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
            Setting::Lifecycle => missing(
                "NoSuchLifecycleConfiguration",
                "The lifecycle configuration does not exist",
            ),
            Setting::ObjectLock => missing(
                "ObjectLockConfigurationNotFoundError",
                "Object Lock configuration does not exist for this bucket",
            ),
            Setting::OwnershipControls => missing(
                "OwnershipControlsNotFoundError",
                "The bucket ownership controls were not found",
            ),
            Setting::Policy => missing("NoSuchBucketPolicy", "The bucket policy does not exist"),
            Setting::PublicAccessBlock => missing(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            ),
            Setting::Replication => missing(
                "ReplicationConfigurationNotFoundError",
                "The replication configuration was not found",
            ),
            Setting::Tagging => missing("NoSuchTagSet", "The TagSet does not exist"),
            Setting::Website => missing(
                "NoSuchWebsiteConfiguration",
                "The specified bucket does not have a website configuration",
            ),
        }
    }

    pub(super) fn set(&mut self, setting: Setting, text: &str) -> Result<Response, AwsError> {
        match setting {
            Setting::Policy if serde_json::from_str::<serde_json::Value>(text).is_err() => Err(
                AwsError::bad("MalformedPolicy", "This policy contains invalid Json"),
            ),
            Setting::Location => Err(AwsError::with(
                405,
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
            )),
            Setting::Acl if self.has_no_acls() => Err(AwsError::bad(
                "AccessControlListNotSupported",
                "The bucket does not allow ACLs",
            )),
            Setting::Accelerate
            | Setting::Acl
            | Setting::Cors
            | Setting::Encryption
            | Setting::Lifecycle
            | Setting::Logging
            | Setting::ObjectLock
            | Setting::OwnershipControls
            | Setting::Policy
            | Setting::PublicAccessBlock
            | Setting::Replication
            | Setting::RequestPayment
            | Setting::Tagging
            | Setting::Website => {
                self.settings.insert(setting, text.to_owned());
                Ok(Response::Done)
            }
        }
    }

    /// What is not there is gone already.
    pub(super) fn unset(&mut self, setting: Setting) -> Response {
        self.settings.remove(&setting);
        Response::Gone
    }

    fn has_no_acls(&self) -> bool {
        let controls = self.settings.get(&Setting::OwnershipControls);
        controls.is_some_and(|text| text.contains("BucketOwnerEnforced"))
    }
}

fn document(root: &str, body: &str) -> String {
    format!("<{root} xmlns=\"{NAMESPACE}\">{body}</{root}>")
}

fn acl(account: &str) -> String {
    let owner = format!("<ID>{account}</ID>");
    document(
        "AccessControlPolicy",
        &format!(
            "<Owner>{owner}</Owner><AccessControlList><Grant><Grantee \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">{owner}</Grantee>\
             <Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
        ),
    )
}

fn missing(code: &'static str, message: &str) -> Result<Response, AwsError> {
    Err(AwsError::with(404, code, message))
}
