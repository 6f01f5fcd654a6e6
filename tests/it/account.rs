//! What rehull expects to find in an account, furnished through AWS's own SDK: the same code for every double, and none
//! of the adapters under test.

use std::future::Future;
use std::time::Duration;

use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region as SdkRegion};
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use rehull::adapters::aws::{AccessKeys, AwsClients, AwsLaunchTemplates, AwsMachines, AwsSlotParts};
use rehull_core::domain::desired::{AwsTarget, ObjectLocation, Slot};
use rehull_core::domain::ids::{
    AccountId, ClusterName, ContentDigest, InterfaceId, LaunchTemplateName, Region, SlotName, SubnetId,
    VolumeId, Zone,
};
use rehull_core::ports::TemplateContent;

/// Where the tests say they are.
pub(crate) const REGION: &str = "ap-northeast-1";
/// The bucket of every test account.
pub(crate) const BUCKET: &str = "rehull-dev";

/// A double of AWS that is up.
#[derive(Clone, Debug)]
pub(crate) struct Double {
    pub(crate) endpoint: String,
    pub(crate) account: String,
    pub(crate) keys: AccessKeys,
    pub(crate) image: String,
    pub(crate) profile: String,
}

/// A furnished account: two zones, in the first a slot with volume and interface, a spare volume in the second.
pub(crate) struct Account {
    pub(crate) double: Double,
    pub(crate) cluster: ClusterName,
    pub(crate) slot: Slot,
    /// In another zone than the slot.
    pub(crate) far_volume: VolumeId,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    clients: AwsClients,
    security_group: String,
}

impl Account {
    /// `cluster` must be new on this double: names and keys are derived from it.
    pub(crate) async fn furnish(double: &Double, cluster: &str) -> Self {
        let ec2 = ec2(double);
        let subnets = ec2.describe_subnets().send().await.unwrap();
        let mut subnets: Vec<(String, String)> = subnets
            .subnets()
            .iter()
            .map(|subnet| {
                (
                    subnet.availability_zone().unwrap().to_owned(),
                    subnet.subnet_id().unwrap().to_owned(),
                )
            })
            .collect();
        subnets.sort();
        let (zone, subnet) = subnets[0].clone();
        let (far_zone, _) = subnets.iter().find(|(other, _)| *other != zone).unwrap();
        let groups = ec2.describe_security_groups().send().await.unwrap();
        let interface = ec2
            .create_network_interface()
            .subnet_id(&subnet)
            .tag_specifications(tags(ResourceType::NetworkInterface, cluster))
            .send()
            .await
            .unwrap();
        let interface = interface.network_interface().unwrap();
        let slot = Slot {
            name: SlotName::new("etcd-a"),
            zone: Zone::new(&zone),
            subnet: SubnetId::new(&subnet),
            interface: InterfaceId::new(interface.network_interface_id().unwrap()),
            volume: volume(&ec2, &zone, cluster).await,
            address: interface.private_ip_address().unwrap().parse().unwrap(),
            launch_template: LaunchTemplateName::new(format!("{cluster}-etcd-a")),
        };
        let s3 = s3(double);
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::ApNortheast1)
            .build();
        // Another test of this run may have made it.
        drop(
            s3.create_bucket()
                .bucket(BUCKET)
                .create_bucket_configuration(place)
                .send()
                .await,
        );
        Self {
            cluster: ClusterName::new(cluster),
            slot,
            far_volume: volume(&ec2, far_zone, cluster).await,
            clients: clients(double).await,
            security_group: groups.security_groups()[0].group_id().unwrap().to_owned(),
            double: double.clone(),
            ec2,
            s3,
        }
    }

    pub(crate) fn artefacts(&self) -> ObjectLocation {
        location(&format!("{}/artefacts/", self.cluster))
    }

    pub(crate) fn clients(&self) -> AwsClients {
        self.clients.clone()
    }

    pub(crate) fn machines(&self) -> AwsMachines {
        AwsMachines::new(self.clients(), &self.artefacts(), &self.cluster)
    }

    pub(crate) fn parts(&self) -> AwsSlotParts {
        AwsSlotParts::new(self.clients())
    }

    pub(crate) fn templates(&self) -> AwsLaunchTemplates {
        AwsLaunchTemplates::new(self.clients())
    }

    /// Content of a template version; `mark` makes it differ.
    pub(crate) fn content(&self, mark: u8) -> TemplateContent {
        TemplateContent {
            digest: ContentDigest::new(format!("sha256:{}", format!("{mark:02x}").repeat(32))),
            image: self.double.image.clone(),
            instance_type: "m6i.large".to_owned(),
            instance_profile: self.double.profile.clone(),
            security_groups: vec![self.security_group.clone()],
            subnet: Some(self.slot.subnet.as_str().to_owned()),
            user_data: format!("#cloud-config\n# {mark}\n"),
            tags: [("rehull:cluster".to_owned(), self.cluster.as_str().to_owned())].into(),
        }
    }

    pub(crate) fn autoscaling(&self) -> aws_sdk_autoscaling::Client {
        let config = aws_sdk_autoscaling::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(SdkRegion::new(REGION))
            .credentials_provider(credentials(&self.double))
            .endpoint_url(&self.double.endpoint);
        aws_sdk_autoscaling::Client::from_conf(config.build())
    }

    pub(crate) fn balancing(&self) -> aws_sdk_elasticloadbalancingv2::Client {
        let config = aws_sdk_elasticloadbalancingv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(SdkRegion::new(REGION))
            .credentials_provider(credentials(&self.double))
            .endpoint_url(&self.double.endpoint);
        aws_sdk_elasticloadbalancingv2::Client::from_conf(config.build())
    }

    /// Writes an object behind the adapters' back.
    pub(crate) async fn put(&self, key: &str, bytes: &[u8]) {
        let body = ByteStream::from(bytes.to_vec());
        self.s3
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body)
            .send()
            .await
            .unwrap();
    }

    /// Reads an object behind the adapters' back.
    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    }
}

pub(crate) fn location(prefix: &str) -> ObjectLocation {
    ObjectLocation {
        bucket: BUCKET.to_owned(),
        prefix: prefix.to_owned(),
    }
}

/// Clients of the adapters under test.
pub(crate) async fn clients(double: &Double) -> AwsClients {
    let target = AwsTarget {
        account: AccountId::new(&double.account),
        region: Region::new(REGION),
        endpoint: Some(double.endpoint.clone()),
    };
    AwsClients::with_keys(&target, &double.keys).await
}

/// EC2 is eventually consistent, and everything takes its time: looks until there is an answer.
pub(crate) async fn eventually<T, Look>(what: &str, mut look: impl FnMut() -> Look) -> T
where
    Look: Future<Output = Option<T>>,
{
    for _ in 0..600 {
        if let Some(value) = look().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("30 s and still not: {what}");
}

fn credentials(double: &Double) -> Credentials {
    Credentials::new(&double.keys.id, &double.keys.secret, None, None, "fixture")
}

fn ec2(double: &Double) -> aws_sdk_ec2::Client {
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(SdkRegion::new(REGION))
        .credentials_provider(credentials(double))
        .endpoint_url(&double.endpoint);
    aws_sdk_ec2::Client::from_conf(config.build())
}

fn s3(double: &Double) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(SdkRegion::new(REGION))
        .credentials_provider(credentials(double))
        .endpoint_url(&double.endpoint)
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

fn tags(resource: ResourceType, cluster: &str) -> TagSpecification {
    let tag = Tag::builder().key("rehull:cluster").value(cluster).build();
    TagSpecification::builder()
        .resource_type(resource)
        .tags(tag)
        .build()
}

async fn volume(ec2: &aws_sdk_ec2::Client, zone: &str, cluster: &str) -> VolumeId {
    let made = ec2
        .create_volume()
        .availability_zone(zone)
        .size(1)
        .tag_specifications(tags(ResourceType::Volume, cluster))
        .send()
        .await
        .unwrap();
    let id = made.volume_id().unwrap().to_owned();
    eventually("the new volume is available", async || {
        let this = Filter::builder().name("volume-id").values(&id).build();
        let seen = ec2.describe_volumes().filters(this).send().await.ok()?;
        (seen.volumes().first()?.state()?.as_str() == "available").then_some(())
    })
    .await;
    VolumeId::new(id)
}
