//! VPC, subnets, security groups and images: laid when the world is made, described, never changed.

use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::World;
use super::api::ec2::{Describe, Response, Tags};
use super::error::AwsError;
use super::select::{Described, Visibility, select};

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

    pub(crate) fn contains(self, address: Ipv4Addr) -> bool {
        u32::from(address)
            .checked_sub(self.first())
            .is_some_and(|offset| offset < self.size())
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
    /// Tags.
    pub tags: Tags,
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
    /// Tags.
    pub tags: Tags,
}

/// A security group. Its rules are not modelled: everything may talk on loopback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// Its network.
    pub vpc: String,
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
    pub(super) vpc: Vpc,
    pub(super) subnets: Vec<Subnet>,
    pub(super) security_groups: Vec<SecurityGroup>,
    pub(super) images: Vec<Image>,
}

macro_rules! laid {
    ($kind:ty, $filters:expr, $code:literal, $text:literal, |$row:ident, $filter:ident| $values:expr) => {
        impl Described for $kind {
            const FILTERS: &'static [&'static str] = $filters;
            fn id(&self) -> &str {
                &self.id
            }
            fn tags(&self) -> &Tags {
                &self.tags
            }
            fn visibility(&self) -> Visibility {
                Visibility::ALWAYS
            }
            fn values(&self, $filter: &str) -> Vec<String> {
                let $row = self;
                $values
            }
            fn not_found(id: &str) -> AwsError {
                AwsError::bad($code, format!($text, id))
            }
        }
    };
}

laid!(
    Vpc,
    &["vpc-id", "cidr", "is-default"],
    "InvalidVpcID.NotFound",
    "The vpc ID '{}' does not exist",
    |row, filter| match filter {
        "vpc-id" => vec![row.id.clone()],
        "cidr" => vec![row.cidr.to_string()],
        "is-default" => vec!["true".to_owned()],
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
        select(std::iter::once(&self.network.vpc), by, self.now).map(Response::Vpcs)
    }

    pub(super) fn zones(&self) -> Vec<String> {
        let mut zones: Vec<String> = self
            .network
            .subnets
            .iter()
            .map(|subnet| subnet.zone.clone())
            .collect();
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
        let taken = |address: &Ipv4Addr| {
            self.interfaces
                .values()
                .any(|interface| interface.address == *address)
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
