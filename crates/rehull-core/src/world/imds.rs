//! What a machine reads about itself: the tree of the instance metadata service.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::World;
use super::agenda::later;
use super::instance::Instance;
use super::interface::{AttachmentState, Interface};

/// The vendor rotates role credentials about every six hours.
const CREDENTIALS_LAST: Duration = Duration::from_secs(6 * 3_600);

impl World {
    /// The document at `path` (without leading `/latest/`), or the listing of a folder; `None`: 404.
    #[must_use]
    pub fn metadata(&self, instance: &str, path: &str) -> Option<String> {
        let found = self
            .instances
            .get(instance)
            .filter(|found| found.metadata.enabled)?;
        let documents = self.documents(found);
        let path = path.trim_matches('/');
        if let Some(document) = documents.get(path) {
            return Some(document.clone());
        }
        let folder = format!("{path}/");
        let mut names: Vec<String> = Vec::new();
        for rest in documents.keys().filter_map(|key| key.strip_prefix(&folder)) {
            let name = match rest.split_once('/') {
                Some((child, _)) if is_flat_listing(path) => child.to_owned(),
                Some((child, _)) => format!("{child}/"),
                None => rest.to_owned(),
            };
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            None
        } else {
            Some(names.join("\n"))
        }
    }

    fn documents(&self, instance: &Instance) -> BTreeMap<String, String> {
        let mut documents = BTreeMap::new();
        let mut put = |path: &str, value: String| documents.insert(path.to_owned(), value);
        put("user-data", instance.user_data.to_string());
        put("meta-data/instance-id", instance.id.clone());
        put("meta-data/ami-id", instance.image.clone());
        put("meta-data/instance-type", instance.instance_type.clone());
        put("meta-data/reservation-id", instance.reservation.clone());
        put("meta-data/placement/availability-zone", instance.zone.clone());
        put("meta-data/placement/region", self.setup.region.clone());
        if instance.metadata.instance_tags {
            for (key, value) in &instance.tags {
                put(&format!("meta-data/tags/instance/{key}"), value.clone());
            }
        }
        for (index, interface) in self.interfaces_at(&instance.id) {
            self.interface_documents(index, interface, &mut put);
        }
        self.role_documents(instance, &mut put);
        documents
    }

    /// An interface shows up once it is attached.
    fn interface_documents(
        &self,
        index: u32,
        interface: &Interface,
        put: &mut impl FnMut(&str, String) -> Option<String>,
    ) {
        let attached = |state| matches!(state, AttachmentState::Attached | AttachmentState::Detaching);
        if !interface.attachment.as_ref().is_some_and(|at| attached(at.state)) {
            return;
        }
        let cidr = self
            .subnet(&interface.subnet)
            .map(|subnet| subnet.cidr.to_string())
            .unwrap_or_default();
        let folder = format!("meta-data/network/interfaces/macs/{}", interface.mac);
        for (name, value) in [
            ("device-number", index.to_string()),
            ("interface-id", interface.id.clone()),
            ("local-ipv4s", interface.address.to_string()),
            ("mac", interface.mac.clone()),
            ("security-group-ids", interface.security_groups.join("\n")),
            ("subnet-id", interface.subnet.clone()),
            ("subnet-ipv4-cidr-block", cidr),
            ("vpc-id", interface.vpc.clone()),
        ] {
            put(&format!("{folder}/{name}"), value);
        }
        if index == 0 {
            put("meta-data/local-ipv4", interface.address.to_string());
            put("meta-data/mac", interface.mac.clone());
            let name = interface.address.to_string().replace('.', "-");
            let host = format!("ip-{name}.{}.compute.internal", self.setup.region);
            put("meta-data/local-hostname", host.clone());
            put("meta-data/hostname", host);
        }
    }

    fn role_documents(&self, instance: &Instance, put: &mut impl FnMut(&str, String) -> Option<String>) {
        let (Some(role), Some(key)) = (&instance.profile, self.identities.key_of_machine(&instance.id))
        else {
            return;
        };
        let credentials = json!({
            "Code": "Success",
            "LastUpdated": self.now.to_string(),
            "Type": "AWS-HMAC",
            "AccessKeyId": key.id,
            "SecretAccessKey": key.secret,
            "Token": key.session_token,
            "Expiration": later(self.now, CREDENTIALS_LAST).to_string(),
        });
        put(
            &format!("meta-data/iam/security-credentials/{role}"),
            credentials.to_string(),
        );
        let profile = json!({
            "Code": "Success",
            "InstanceProfileArn": format!("arn:aws:iam::{}:instance-profile/{role}", self.setup.account),
        });
        put("meta-data/iam/info", profile.to_string());
    }
}

/// These list plain names although there are documents below them.
fn is_flat_listing(path: &str) -> bool {
    path == "meta-data/tags/instance"
}
