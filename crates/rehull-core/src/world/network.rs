//! VPCs, subnets, security groups and images. Some are laid when the world is made; who makes more: [`vpc`](super::vpc),
//! [`security`](super::security).

use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::{Describe, Response, Tags};
use super::error::AwsError;
use super::select::{Described as _, select};

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cidr {
    /// First address.
    pub base: Ipv4Addr,
    /// Prefix length in bits.
    pub bits: u8,
}

impl Cidr {
    fn first(self) -> u32 {
        u32::from(self.base)
    }

    /// Addresses in the block.
    fn size(self) -> u32 {
        1_u32
            .checked_shl(32_u32.saturating_sub(u32::from(self.bits)))
            .unwrap_or(u32::MAX)
    }

    /// AWS keeps the first four addresses and the last one for itself.
    pub(super) fn usable(self) -> impl Iterator<Item = Ipv4Addr> {
        let first = self.first();
        (4..self.size().saturating_sub(1)).map(move |nth| Ipv4Addr::from(first.saturating_add(nth)))
    }

    /// The two have an address in common.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.contains(other.base) || other.contains(self.base)
    }

    pub(super) fn encloses(self, other: Self) -> bool {
        self.bits <= other.bits && self.contains(other.base)
    }

    pub(crate) fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address)
            .checked_sub(self.first())
            .is_some_and(|offset| offset < self.size())
    }
}

impl std::str::FromStr for Cidr {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (base, bits) = text.split_once('/').ok_or(())?;
        let cidr = Self {
            base: base.parse().map_err(|_| ())?,
            bits: bits.parse().map_err(|_| ())?,
        };
        // A block begins at a multiple of its size.
        let aligned = cidr.first().checked_rem(cidr.size()) == Some(0);
        (cidr.bits <= 32 && aligned).then_some(cidr).ok_or(())
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

/// A virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// `vpc-…`.
    pub id: String,
    /// Addresses.
    pub cidr: Cidr,
    /// The account's default one, which is laid.
    #[serde(default)]
    pub is_default: bool,
    /// `enableDnsSupport`, `enableDnsHostnames`, `enableNetworkAddressUsageMetrics`: held, nothing resolves names.
    #[serde(default)]
    pub attributes: VpcAttributes,
    /// Tags.
    pub tags: Tags,
}

/// Attributes of a VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcAttributes {
    /// On unless somebody switches it off.
    pub dns_support: bool,
    /// Off in a VPC that was made.
    pub dns_hostnames: bool,
    /// Off.
    pub usage_metrics: bool,
}

impl Default for VpcAttributes {
    fn default() -> Self {
        Self {
            dns_support: true,
            dns_hostnames: false,
            usage_metrics: false,
        }
    }
}

/// A subnet lives in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its network.
    pub vpc: String,
    /// Zone.
    pub zone: String,
    /// Addresses.
    pub cidr: Cidr,
    /// Address given last, so that a freed one is not reused at once.
    pub last_given: Option<Ipv4Addr>,
    /// `mapPublicIpOnLaunch`: held, there are no public addresses here.
    #[serde(default)]
    pub public_addresses: bool,
    /// Tags.
    pub tags: Tags,
}

/// A security group. Its rules are held and not enforced: everything may talk on loopback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Text.
    #[serde(default)]
    pub description: String,
    /// Its network.
    pub vpc: String,
    /// Who may talk to whom, in order of creation.
    #[serde(default)]
    pub rules: Vec<super::security::Rule>,
    /// Tags.
    pub tags: Tags,
}

/// A machine image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Owner account.
    pub owner: String,
    /// Tags.
    pub tags: Tags,
}

/// Everything of this file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Network {
    pub(super) vpcs: Vec<Vpc>,
    pub(super) subnets: Vec<Subnet>,
    pub(super) security_groups: Vec<SecurityGroup>,
    pub(super) images: Vec<Image>,
}

macro_rules! laid {
    ($kind:ty, $filters:expr, $code:literal, $text:literal, |$row:ident, $filter:ident| $values:expr) => {
        impl $crate::world::select::Described for $kind {
            const FILTERS: &'static [&'static str] = $filters;
            fn id(&self) -> &str {
                &self.id
            }
            fn tags(&self) -> &$crate::world::api::ec2::Tags {
                &self.tags
            }
            fn visibility(&self) -> $crate::world::select::Visibility {
                $crate::world::select::Visibility::ALWAYS
            }
            fn values(&self, $filter: &str) -> Vec<String> {
                let $row = self;
                $values
            }
            fn not_found(id: &str) -> $crate::world::error::AwsError {
                $crate::world::error::AwsError::bad($code, format!($text, id))
            }
        }
    };
}

laid!(
    Vpc,
    &["vpc-id", "cidr", "is-default", "state"],
    "InvalidVpcID.NotFound",
    "The vpc ID '{}' does not exist",
    |row, filter| match filter {
        "vpc-id" => vec![row.id.clone()],
        "cidr" => vec![row.cidr.to_string()],
        "is-default" => vec![row.is_default.to_string()],
        "state" => vec!["available".to_owned()],
        _ => vec![],
    }
);
laid!(
    Subnet,
    &["subnet-id", "vpc-id", "availability-zone", "state"],
    "InvalidSubnetID.NotFound",
    "The subnet ID '{}' does not exist",
    |row, filter| match filter {
        "subnet-id" => vec![row.id.clone()],
        "vpc-id" => vec![row.vpc.clone()],
        "availability-zone" => vec![row.zone.clone()],
        "state" => vec!["available".to_owned()],
        _ => vec![],
    }
);
laid!(
    SecurityGroup,
    &["group-id", "group-name", "vpc-id"],
    "InvalidGroup.NotFound",
    "The security group '{}' does not exist",
    |row, filter| match filter {
        "group-id" => vec![row.id.clone()],
        "group-name" => vec![row.name.clone()],
        "vpc-id" => vec![row.vpc.clone()],
        _ => vec![],
    }
);
laid!(
    Image,
    &["image-id", "name", "state"],
    "InvalidAMIID.NotFound",
    "The image id '[{}]' does not exist",
    |row, filter| match filter {
        "image-id" => vec![row.id.clone()],
        "name" => vec![row.name.clone()],
        "state" => vec!["available".to_owned()],
        _ => vec![],
    }
);

pub(super) use laid;

impl World {
    pub(super) fn describe_subnets(&self, by: &Describe) -> Result<Response, AwsError> {
        select(self.network.subnets.iter(), by, self.now).map(Response::Subnets)
    }

    pub(super) fn describe_security_groups(&self, by: &Describe) -> Result<Response, AwsError> {
        select(self.network.security_groups.iter(), by, self.now).map(Response::SecurityGroups)
    }

    pub(super) fn describe_images(&self, by: &Describe) -> Result<Response, AwsError> {
        select(self.network.images.iter(), by, self.now).map(Response::Images)
    }

    pub(super) fn describe_vpcs(&self, by: &Describe) -> Result<Response, AwsError> {
        select(self.network.vpcs.iter(), by, self.now).map(Response::Vpcs)
    }

    /// Zones of the region are those in which something was laid.
    pub(super) fn zones(&self) -> Vec<String> {
        let planned = self.setup.subnets.iter();
        let mut zones: Vec<String> = planned.map(|subnet| subnet.zone.clone()).collect();
        zones.sort();
        zones.dedup();
        zones
    }

    pub(super) fn subnet(&self, id: &str) -> Result<&Subnet, AwsError> {
        let subnet = self.network.subnets.iter().find(|subnet| subnet.id == id);
        subnet.ok_or_else(|| Subnet::not_found(id))
    }

    pub(super) fn check_security_groups(&self, ids: &[String]) -> Result<(), AwsError> {
        let known = |id: &&String| self.network.security_groups.iter().any(|group| group.id == **id);
        match ids.iter().find(|id| !known(id)) {
            Some(unknown) => Err(SecurityGroup::not_found(unknown)),
            None => Ok(()),
        }
    }

    pub(super) fn check_image(&self, id: &str) -> Result<(), AwsError> {
        if self.network.images.iter().any(|image| image.id == id) {
            return Ok(());
        }
        Err(Image::not_found(id))
    }

    /// The wanted address, or the next free one after the one given last.
    pub(super) fn give_address(
        &mut self,
        subnet: &str,
        wanted: Option<Ipv4Addr>,
    ) -> Result<Ipv4Addr, AwsError> {
        let (cidr, last) = self
            .subnet(subnet)
            .map(|subnet| (subnet.cidr, subnet.last_given))?;
        // Two networks may have the same addresses.
        let taken = |address: &Ipv4Addr| {
            let mut here = self
                .interfaces
                .values()
                .filter(|interface| interface.subnet == subnet);
            here.any(|interface| interface.address == *address)
        };
        if let Some(address) = wanted {
            if !cidr.contains(address) {
                return Err(AwsError::value(format!(
                    "Address {address} does not fall within the subnet's address range"
                )));
            }
            if taken(&address) {
                return Err(AwsError::bad(
                    "InvalidIPAddress.InUse",
                    format!("Address {address} is in use."),
                ));
            }
            return Ok(address);
        }
        let after = cidr
            .usable()
            .filter(|address| last.is_none_or(|last| *address > last));
        let address = after
            .chain(cidr.usable())
            .find(|address| !taken(address))
            .ok_or_else(|| {
                AwsError::bad(
                    "InsufficientFreeAddressesInSubnet",
                    format!("There are not enough free addresses in subnet '{subnet}'"),
                )
            })?;
        if let Some(subnet) = self.network.subnets.iter_mut().find(|known| known.id == subnet) {
            subnet.last_given = Some(address);
        }
        Ok(address)
    }
}
