//! The cloud behind rehull's back: what somebody with a console could do, and what lies in the store.

use std::collections::BTreeMap;
use std::fs;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::types::{Reservation, Tag};
use aws_sdk_s3::config::Credentials;
use rehull::sandbox::Info;
use rehull::sandbox::layout::REGION;

/// An operator's.
pub(crate) async fn config(info: &Info) -> SdkConfig {
    let text = fs::read_to_string(info.credentials_file()).unwrap();
    let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let (id, secret) = (values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]);
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(values["AWS_ENDPOINT_URL"])
        .credentials_provider(Credentials::new(id, secret, None, None, "credentials.env"))
        .load()
        .await
}

pub(crate) struct Cloud {
    ec2: aws_sdk_ec2::Client,
    s3: aws_sdk_s3::Client,
    bucket: String,
}

impl Cloud {
    pub(crate) async fn of(info: &Info) -> Self {
        let config = config(info).await;
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build();
        Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            bucket: format!("rehull-{}", info.name),
        }
    }

    pub(crate) async fn terminate(&self, machine: &str) {
        self.ec2
            .terminate_instances()
            .instance_ids(machine)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn tag(&self, resource: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build();
        self.ec2
            .create_tags()
            .resources(resource)
            .tags(tag)
            .send()
            .await
            .unwrap();
    }

    /// Tags of a volume.
    pub(crate) async fn volume_tags(&self, volume: &str) -> BTreeMap<String, String> {
        let answer = self.ec2.describe_volumes().volume_ids(volume).send().await;
        let answer = answer.unwrap();
        let tags = answer.volumes()[0].tags().iter();
        let pair = |tag: &Tag| (tag.key().unwrap().to_owned(), tag.value().unwrap().to_owned());
        tags.map(pair).collect()
    }

    /// Zone, machine, and whether it ends with that one, as the AWS CLI's texts have it.
    pub(crate) async fn volume_says(&self, volume: &str) -> String {
        let answer = self.ec2.describe_volumes().volume_ids(volume).send().await;
        let answer = answer.unwrap();
        let seen = &answer.volumes()[0];
        let zone = seen.availability_zone().unwrap();
        let at = &seen.attachments()[0];
        let dies = flag(at.delete_on_termination());
        format!("{zone}; {} {dies}", at.instance_id().unwrap())
    }

    /// Where an interface is.
    pub(crate) async fn subnet_of(&self, interface: &str) -> String {
        let ask = self.ec2.describe_network_interfaces();
        let answer = ask.network_interface_ids(interface).send().await.unwrap();
        answer.network_interfaces()[0].subnet_id().unwrap().to_owned()
    }

    /// Where its own interface is, and the group that would replace it.
    pub(crate) async fn machine_says(&self, machine: &str) -> String {
        let answer = self.ec2.describe_instances().instance_ids(machine).send().await;
        let answer = answer.unwrap();
        let seen = &answer.reservations()[0].instances()[0];
        let group = |tag: &&Tag| tag.key() == Some("aws:autoscaling:groupName");
        let group = seen.tags().iter().find(group).map(|tag| tag.value().unwrap());
        format!("{} {group:?}", seen.subnet_id().unwrap())
    }

    /// Address, machine, whether it ends with that one, and at which index it is there.
    pub(crate) async fn interface_says(&self, interface: &str) -> String {
        let ask = self.ec2.describe_network_interfaces();
        let answer = ask.network_interface_ids(interface).send().await.unwrap();
        let seen = &answer.network_interfaces()[0];
        let at = seen.attachment().unwrap();
        let dies = flag(at.delete_on_termination());
        let (machine, index) = (at.instance_id().unwrap(), at.device_index().unwrap());
        format!("{} {machine} {dies} {index}", seen.private_ip_address().unwrap())
    }

    /// Takes every tag of rehull away.
    pub(crate) async fn untag(&self, resources: &[&str]) {
        for resource in resources {
            let tags = [
                "cluster",
                "slot",
                "generation",
                "join",
                "digest",
                "rollout",
                "go",
                "stop",
            ];
            let tags = tags.map(|name| Tag::builder().key(format!("rehull:{name}")).build());
            let delete = self.ec2.delete_tags().resources(*resource);
            delete.set_tags(Some(tags.to_vec())).send().await.unwrap();
        }
    }

    /// Store, artefacts and launch templates of the cluster are as if they had never been.
    pub(crate) async fn forget_everything(&self) {
        for key in self.objects().await.into_keys() {
            let (bucket, key) = key.split_once('/').unwrap();
            self.s3
                .delete_object()
                .bucket(bucket)
                .key(key)
                .send()
                .await
                .unwrap();
        }
        let templates = self.ec2.describe_launch_templates().send().await.unwrap();
        for template in templates.launch_templates() {
            let id = template.launch_template_id().unwrap();
            self.ec2
                .delete_launch_template()
                .launch_template_id(id)
                .send()
                .await
                .unwrap();
        }
    }

    /// Ids of all machines that ever were, ended ones included.
    pub(crate) async fn all_machines(&self) -> Vec<String> {
        let answer = self.ec2.describe_instances().send().await.unwrap();
        let instances = answer.reservations().iter().flat_map(Reservation::instances);
        let mut ids: Vec<String> = instances
            .filter_map(|instance| instance.instance_id().map(str::to_owned))
            .collect();
        ids.sort();
        ids
    }

    /// Launch templates with the number of their newest version.
    pub(crate) async fn template_versions(&self) -> Vec<String> {
        let answer = self.ec2.describe_launch_templates().send().await.unwrap();
        let templates = answer.launch_templates().iter();
        let mut names: Vec<String> = templates
            .map(|template| {
                let name = template.launch_template_name().unwrap();
                format!("{name} {:?}", template.latest_version_number())
            })
            .collect();
        names.sort();
        names
    }

    /// Every object of the store, the artefacts and the snapshots, with a mark of its content.
    pub(crate) async fn objects(&self) -> BTreeMap<String, String> {
        let mut objects = BTreeMap::new();
        for bucket in [self.bucket.clone(), format!("{}-snapshots", self.bucket)] {
            let mut pages = self.s3.list_objects_v2().bucket(&bucket).into_paginator().send();
            while let Some(page) = pages.next().await {
                for object in page.unwrap().contents() {
                    let key = format!("{bucket}/{}", object.key().unwrap());
                    objects.insert(key, object.e_tag().unwrap().to_owned());
                }
            }
        }
        objects
    }

    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) {
        let put = self.s3.put_object().bucket(&self.bucket).key(key);
        put.body(bytes.into()).send().await.unwrap();
    }

    /// What a machine has said of its boot.
    pub(crate) async fn boot_report(&self, slot: &str, machine: &str) -> Option<String> {
        let cluster = self.bucket.trim_start_matches("rehull-");
        let key = format!("artefacts/boot/{cluster}/{slot}/{machine}.json");
        let object = self.s3.get_object().bucket(&self.bucket).key(key).send().await;
        let bytes = object.ok()?.body.collect().await.unwrap().to_vec();
        Some(String::from_utf8(bytes).unwrap())
    }

    /// Everything in the store and among the artefacts that is text of a sensible size: binaries are published as they
    /// come from their makers.
    pub(crate) async fn small_objects(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let size = object.size().unwrap_or_default();
                if size == 0 || size > 4 << 20 {
                    continue;
                }
                let key = object.key().unwrap();
                let object = self.s3.get_object().bucket(&self.bucket).key(key).send().await;
                let bytes = object.unwrap().body.collect().await.unwrap().to_vec();
                found.insert(key.to_owned(), String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        found
    }

    /// Every version of every launch template and every machine, word for word.
    pub(crate) async fn everything_ec2_tells(&self) -> String {
        let mut told = String::new();
        let templates = self.ec2.describe_launch_templates().send().await.unwrap();
        for template in templates.launch_templates() {
            let id = template.launch_template_id().unwrap();
            let versions = self.ec2.describe_launch_template_versions();
            let versions = versions.launch_template_id(id).send().await.unwrap();
            for version in versions.launch_template_versions() {
                // The SDK does not print user data, it being sensitive by EC2's own word.
                let user_data = version.launch_template_data().and_then(|data| data.user_data());
                told.push_str(&format!("{version:?} user_data: {user_data:?}\n"));
            }
        }
        let machines = self.ec2.describe_instances().send().await.unwrap();
        told.push_str(&format!("{:?}\n", machines.reservations()));
        told
    }

    /// Names of the journal's segments of a rollout.
    pub(crate) async fn segments(&self, rollout: &str) -> Vec<String> {
        let prefix = format!("store/rollouts/{rollout}/journal/");
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            keys.extend(
                page.contents()
                    .iter()
                    .filter_map(|object| object.key().map(str::to_owned)),
            );
        }
        // Folds lie beside the segments.
        keys.retain(|key| !key.contains("/fold-"));
        keys
    }

    /// The journal of a rollout, segment after segment.
    pub(crate) async fn journal(&self, rollout: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for key in self.segments(rollout).await {
            texts.push(self.text(&key).await);
        }
        texts
    }

    /// The text of an object beside the artefacts.
    pub(crate) async fn text(&self, key: &str) -> String {
        let get = self.s3.get_object().bucket(&self.bucket).key(key);
        let object = get.send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().to_vec();
        String::from_utf8(bytes).unwrap()
    }
}

fn flag(value: Option<bool>) -> &'static str {
    if value.unwrap() { "True" } else { "False" }
}
