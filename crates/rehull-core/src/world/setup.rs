//! What is there from the beginning: account, region, network, images, keys and profiles.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::World;
use super::identity::{AccessKey, Identities, Profile};
use super::network::{Cidr, Image, Network, SecurityGroup, Subnet, Vpc, VpcAttributes};
use super::timing::Timing;

/// The seed of a world; two worlds made from equal ones are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Twelve digits.
    pub account: String,
    /// For example `ap-northeast-1`.
    pub region: String,
    /// Decides every id and every wait.
    pub seed: u64,
    /// How long things take.
    pub timing: Timing,
    /// Addresses of the network.
    pub cidr: Cidr,
    /// Subnets, in the order in which a launch without subnet prefers them.
    pub subnets: Vec<SubnetPlan>,
    /// Images.
    pub images: Vec<ImagePlan>,
    /// Access keys of people and pipelines.
    pub keys: Vec<AccessKey>,
    /// Instance profiles.
    pub profiles: Vec<Profile>,
}

/// A subnet to lay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetPlan {
    /// Tag `Name`.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Addresses.
    pub cidr: Cidr,
}

/// An image to lay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePlan {
    /// `ami-…`.
    pub id: String,
    /// Name.
    pub name: String,
}

impl World {
    /// Every later id and wait follows this seed: one beginning, many continuations.
    pub fn reseed(&mut self, seed: u64) {
        self.setup.seed = seed;
    }

    /// A world in which nothing has happened yet.
    #[must_use]
    pub fn new(setup: Setup, now: Timestamp) -> Self {
        let mut identities = Identities::default();
        setup.keys.iter().cloned().for_each(|key| identities.add_key(key));
        setup
            .profiles
            .iter()
            .cloned()
            .for_each(|profile| identities.add_profile(profile));
        Self {
            network: network(&setup),
            ways: super::route::Ways::default(),
            gateways: super::gateway::Gateways::default(),
            balancing: super::balancer::Balancing::default(),
            scaling: super::scaling::Scaling::default(),
            iam: super::iam::Iam::default(),
            kms: super::kms::Kms::default(),
            identities,
            setup,
            now,
            revision: 0,
            numbers: 0,
            ordinals: super::rows::Rows::default(),
            agenda: super::Agenda::default(),
            templates: super::rows::Rows::default(),
            instances: super::rows::Rows::default(),
            interfaces: super::rows::Rows::default(),
            volumes: super::rows::Rows::default(),
            buckets: BTreeMap::new(),
            tokens: BTreeMap::new(),
            throttle: super::Throttle::default(),
            faults: super::Faults::default(),
            open: BTreeMap::new(),
            outbox: Vec::new(),
        }
    }
}

fn network(setup: &Setup) -> Network {
    let named = |name: &str| BTreeMap::from([("Name".to_owned(), name.to_owned())]);
    let vpc = Vpc {
        id: id(setup.seed, "vpc", 0),
        cidr: setup.cidr,
        is_default: true,
        attributes: VpcAttributes {
            dns_hostnames: true,
            ..VpcAttributes::default()
        },
        tags: BTreeMap::new(),
    };
    let subnets = (0..).zip(&setup.subnets).map(|(nth, plan)| Subnet {
        id: id(setup.seed, "subnet", nth),
        vpc: vpc.id.clone(),
        zone: plan.zone.clone(),
        cidr: plan.cidr,
        last_given: None,
        public_addresses: false,
        tags: named(&plan.name),
    });
    let default_group = SecurityGroup {
        id: id(setup.seed, "sg", 0),
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        vpc: vpc.id.clone(),
        rules: Vec::new(),
        tags: BTreeMap::new(),
    };
    let images = setup.images.iter().map(|plan| Image {
        id: plan.id.clone(),
        name: plan.name.clone(),
        owner: setup.account.clone(),
        tags: BTreeMap::new(),
    });
    Network {
        subnets: subnets.collect(),
        security_groups: vec![default_group],
        images: images.collect(),
        vpcs: vec![vpc],
    }
}

pub(super) fn id(seed: u64, kind: &str, number: u64) -> String {
    let digest = Sha256::digest(format!("{seed}/{kind}/{number}"));
    format!("{kind}-0{digest:.16x}")
}
