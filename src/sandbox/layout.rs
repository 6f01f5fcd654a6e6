//! Where everything of a sandbox is: addresses, names, keys, permissions. A pure function of a few numbers.

use std::net::Ipv4Addr;
use std::path::Path;

use rehull_core::domain::fleet::tag;
use rehull_core::world::network::Cidr;
use rehull_core::world::{AccessKey, Grant, ImagePlan, Principal, Profile, Setup, SubnetPlan, Timing, Verb};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::control_plane;

/// A twelve-digit account that the vendor's own documents use as an example.
pub const ACCOUNT: &str = "111122223333";
/// Where the sandbox says it is.
pub const REGION: &str = "ap-northeast-1";
/// The only image: the machines of this computer.
pub const IMAGE: &str = "ami-05a11db0c5ea11b0a";
/// Machines have the tools of the host, whatever type they are.
pub const INSTANCE_TYPE: &str = "m6i.large";
/// Port of the APIs on the first address of the block.
pub const API_PORT: u16 = 4566;
/// Port of the metadata service on an address of its own per machine; 80 would need privileges.
pub const METADATA_PORT: u16 = 1338;
/// Second bytes that a sandbox may claim.
pub(super) const BLOCKS: std::ops::RangeInclusive<u8> = 20..=250;
/// Revision of the certificates that are laid.
pub const TLS_REVISION: &str = "1";

/// One zone has 32 addresses in each block of 256, so there is room for seven.
const ZONES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];
/// Addresses per zone.
const ZONE_BITS: u8 = 27;
const ZONE_SIZE: u8 = 32;
/// Host part of a slot's address in its zone.
const SLOT_HOST: u8 = 11;
/// Host part of the spare slot's address: it may share a zone with a slot.
const SPARE_HOST: u8 = 12;

/// What decides a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Name of the sandbox and of its cluster.
    pub name: String,
    /// Second byte of all its addresses, `127.N.…`.
    pub block: u8,
    /// Number of etcd slots.
    pub members: u8,
    /// Decides ids, keys and waits.
    pub seed: u64,
    /// How long things take.
    pub timing: Timing,
}

/// All blocks, beginning with one that this folder has to itself as far as that goes: a sandbox whose daemon has died
/// claims nothing, and its machines still use its addresses.
pub(super) fn blocks_of(folder: &Path) -> impl Iterator<Item = u8> {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let count = BLOCKS.end().abs_diff(*BLOCKS.start()).saturating_add(1);
    let first = digest.first().copied().unwrap_or_default() % count;
    BLOCKS
        .skip(usize::from(first))
        .chain(BLOCKS.take(usize::from(first)))
}

/// Members that a sandbox can have: as many as a cluster file may name.
pub const MEMBERS: [u8; 4] = [1, 3, 5, 7];

impl Layout {
    /// Where EC2, S3 and STS answer.
    #[must_use]
    pub fn api_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, self.block, 0, 1)
    }

    /// `http://127.N.0.1:4566`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}:{API_PORT}", self.api_address())
    }

    /// Metadata service of the machine with this address of its own.
    #[must_use]
    pub fn metadata_address(&self, machine: Ipv4Addr) -> Ipv4Addr {
        let [a, b, _, d] = machine.octets();
        Ipv4Addr::new(a, b, 3, d)
    }

    /// Address that stands for the name of the `nth` load balancer.
    #[must_use]
    pub fn balancer_address(&self, nth: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, self.block, 4, nth.saturating_add(1))
    }

    /// Name tags of the subnets for the machines' own interfaces, zone by zone.
    pub fn machine_subnets(&self) -> impl Iterator<Item = String> + '_ {
        Self::zones().map(|(_, zone, _)| self.machine_subnet(&zone))
    }

    /// Every address that a machine of the control plane may be given.
    pub fn control_plane_addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        let zones = Self::zones().take(control_plane::ZONES);
        // AWS keeps the first four addresses of a subnet and its last one.
        let given = |offset: u8| (4..ZONE_SIZE.saturating_sub(1)).map(move |nth| offset.saturating_add(nth));
        zones
            .flat_map(move |(_, _, offset)| given(offset).map(|host| Ipv4Addr::new(127, self.block, 2, host)))
    }

    /// Slots in order: name, zone, address.
    pub fn slots(&self) -> impl Iterator<Item = SlotPlan> + '_ {
        Self::zones()
            .take(usize::from(self.members))
            .map(|(letter, zone, offset)| SlotPlan {
                name: format!("etcd-{letter}"),
                zone,
                address: Ipv4Addr::new(127, self.block, 1, offset.saturating_add(SLOT_HOST)),
            })
    }

    /// The slot that `learner-first` fills meanwhile; a single member has no use for one.
    #[must_use]
    pub fn spare(&self) -> Option<SlotPlan> {
        // The next zone; with seven members all zones are taken, and it shares the first.
        let next = usize::from(self.members).checked_rem(ZONES.len())?;
        let (_, zone, offset) = Self::zones().nth(next)?;
        (self.members > 1).then(|| SlotPlan {
            name: "etcd-spare".to_owned(),
            zone,
            address: Ipv4Addr::new(127, self.block, 1, offset.saturating_add(SPARE_HOST)),
        })
    }

    /// Letter, zone and offset of its addresses.
    fn zones() -> impl Iterator<Item = (&'static str, String, u8)> {
        let offsets = (0_u8..).map(|nth| nth.saturating_mul(ZONE_SIZE));
        ZONES
            .iter()
            .zip(offsets)
            .map(|(letter, offset)| (*letter, format!("{REGION}{letter}"), offset))
    }

    /// Bucket of the store and the artefacts.
    #[must_use]
    pub fn bucket(&self) -> String {
        format!("rehull-{}", self.name)
    }

    /// Bucket of the snapshots; no machine may read it.
    #[must_use]
    pub fn snapshot_bucket(&self) -> String {
        format!("rehull-{}-snapshots", self.name)
    }

    /// Bucket of the machines' keys; each may read its own slot's only.
    #[must_use]
    pub fn secret_bucket(&self) -> String {
        format!("rehull-{}-secrets", self.name)
    }

    /// Instance profile of the etcd machines.
    #[must_use]
    pub fn profile(&self) -> String {
        format!("{}-etcd", self.name)
    }

    /// Name tag of the subnet for the machines' own interfaces in a zone.
    #[must_use]
    pub fn machine_subnet(&self, zone: &str) -> String {
        format!("{}-machines-{zone}", self.name)
    }

    /// Name tag of the subnet for slot addresses in a zone.
    #[must_use]
    pub fn slot_subnet(&self, zone: &str) -> String {
        format!("{}-slots-{zone}", self.name)
    }

    /// The key of whoever uses this sandbox.
    #[must_use]
    pub fn operator(&self) -> AccessKey {
        let text = |what: &str| hex::encode(Sha256::digest(format!("{}/operator/{what}", self.seed)));
        let id: String = text("id").to_uppercase().chars().take(16).collect();
        AccessKey {
            id: format!("AKIA{id}"),
            secret: text("secret").chars().take(40).collect(),
            session_token: None,
            principal: Principal::Operator {
                account: ACCOUNT.to_owned(),
                user: "sandbox".to_owned(),
            },
            expired: false,
        }
    }

    /// The world before anything happened in it.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let subnets = Self::zones().flat_map(|(_, zone, offset)| {
            let cidr = |third| Cidr {
                base: Ipv4Addr::new(127, self.block, third, offset),
                bits: ZONE_BITS,
            };
            let machines = SubnetPlan {
                name: self.machine_subnet(&zone),
                zone: zone.clone(),
                cidr: cidr(2),
            };
            let slots = SubnetPlan {
                name: self.slot_subnet(&zone),
                zone,
                cidr: cidr(1),
            };
            [machines, slots]
        });
        Setup {
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            seed: self.seed,
            timing: self.timing,
            cidr: Cidr {
                base: Ipv4Addr::new(127, self.block, 0, 0),
                bits: 16,
            },
            subnets: subnets.collect(),
            images: vec![ImagePlan {
                id: IMAGE.to_owned(),
                name: "sandbox stand-in image".to_owned(),
            }],
            keys: vec![self.operator()],
            profiles: vec![self.machine_profile(), self.control_plane_profile()],
        }
    }

    /// As the etcd machines', with the keys of their own role. They have no slot, so that all of them read the same.
    fn control_plane_profile(&self) -> Profile {
        let grant = |verb, bucket: String, key: String| Grant { verb, bucket, key };
        let report = format!("artefacts/boot/{}/control-plane/{{instance}}.json", self.name);
        Profile {
            name: self.control_plane(),
            grants: vec![
                grant(Verb::Get, self.bucket(), "artefacts/sha256/*".to_owned()),
                grant(Verb::Get, self.secret_bucket(), "control-plane/*".to_owned()),
                grant(Verb::Put, self.bucket(), report),
            ],
        }
    }

    /// A machine reads artefacts and its own slot's keys, and writes its own boot report. Nothing else.
    fn machine_profile(&self) -> Profile {
        let grant = |verb, bucket: String, key: String| Grant { verb, bucket, key };
        let slot = format!("{{tag:{}}}", tag::SLOT);
        Profile {
            name: self.profile(),
            grants: vec![
                grant(Verb::Get, self.bucket(), "artefacts/sha256/*".to_owned()),
                grant(Verb::Get, self.secret_bucket(), format!("etcd/{slot}/*")),
                grant(
                    Verb::Put,
                    self.bucket(),
                    format!("artefacts/boot/{}/{slot}/{{instance}}.json", self.name),
                ),
            ],
        }
    }
}

/// A slot to lay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotPlan {
    /// Member name.
    pub name: String,
    /// Zone.
    pub zone: String,
    /// Address that outlives machines.
    pub address: Ipv4Addr,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout {
            name: "dev".to_owned(),
            block: 20,
            members: 3,
            seed: 1,
            timing: Timing::Fast,
        }
    }

    #[test]
    fn slots_have_their_addresses_in_the_slot_subnet_of_their_zone() {
        let setup = layout().setup();
        let slots: Vec<_> = layout().slots().collect();
        let addresses: Vec<_> = slots.iter().map(|slot| slot.address.to_string()).collect();
        assert_eq!(addresses, ["127.20.1.11", "127.20.1.43", "127.20.1.75"]);
        for slot in &slots {
            let name = layout().slot_subnet(&slot.zone);
            let subnet = setup.subnets.iter().find(|subnet| subnet.name == name).unwrap();
            assert_eq!(subnet.zone, slot.zone);
            let start = u32::from(subnet.cidr.base);
            assert!((start..start + 32).contains(&u32::from(slot.address)));
        }
    }

    #[test]
    fn every_folder_begins_with_a_block_of_its_own_and_can_have_any() {
        let of = |folder: &str| blocks_of(Path::new(folder)).collect::<Vec<_>>();
        let (one, other) = (of("/tmp/one/dev"), of("/tmp/other/dev"));
        assert_eq!(one, of("/tmp/one/dev"));
        assert_ne!(one.first(), other.first());
        for mut blocks in [one, other] {
            blocks.sort_unstable();
            assert_eq!(blocks, BLOCKS.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_launch_without_subnet_does_not_land_among_the_slots() {
        assert!(
            layout()
                .setup()
                .subnets
                .first()
                .is_some_and(|subnet| subnet.name.contains("machines"))
        );
    }
}
