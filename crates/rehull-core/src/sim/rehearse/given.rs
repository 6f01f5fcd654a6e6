//! The ground of a rehearsal: a region as one cluster file describes it.
//!
//! The region hands out its own ids, so those of the file are translated; everything else of the file stays as it is:
//! names, zones, addresses, flags, policy, strategy, pins, the spare, groups.

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::as_it_is::{AsItIs, Part};
use super::groups::{self, Layer};
use crate::domain::desired::{Desired, Slot, TemplateRef};
use crate::domain::ids::{InterfaceId, SubnetId, VolumeId};
use crate::domain::policy::RolloutPolicy;
use crate::render::BUILTIN_SETS;
use crate::sim::draw::Draw;
use crate::sim::etcd::Etcd;
use crate::sim::ground::{Ground, GroundError, KEY, Parts, ask, binary, group, lay_parts, operators, wrong};
use crate::sim::lab::{Furniture, Lab, Releases};
use crate::world::api::ec2::{Describe, Request as Ask, Response as Told, Tags};
use crate::world::network::{Cidr, Subnet};
use crate::world::{ImagePlan, Profile, Setup, SubnetPlan, Timing, World};

/// The usual size of a subnet and AWS's smallest, as prefix lengths.
const SUBNET_BITS: core::ops::RangeInclusive<u8> = 24..=28;
/// Where groups have theirs, each as large as this: shared address space, which no slot should have.
const GROUPS: Cidr = Cidr {
    base: Ipv4Addr::new(100, 64, 0, 0),
    bits: 10,
};
const GROUP_BITS: u8 = 20;

/// The region with the cluster file of before and that of afterwards, in the ids of the region.
pub(super) struct Given {
    pub(super) ground: Ground,
    pub(super) names: Names,
}

/// The region's id → the cluster file's.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    pub(super) fn add(&mut self, laid: &str, given: &str) {
        self.0.insert(laid.to_owned(), given.to_owned());
    }

    /// A sentence about the region, in the words of the cluster file.
    pub(super) fn back(&self, text: &str) -> String {
        let ids = self.0.iter();
        ids.fold(text.to_owned(), |text, (laid, given)| text.replace(laid, given))
    }
}

/// Lays everything that the file names.
///
/// # Errors
/// No region could look like that.
pub(super) fn lay(
    desired: &Desired,
    as_it_is: &AsItIs,
    seed: u64,
    now: Timestamp,
) -> Result<Given, GroundError> {
    let mut world = World::new(setup(desired, seed)?, now);
    let group = group(&mut world, now)?;
    let mut names = Names::default();
    let mut after = desired.clone();
    names.add(&group, &desired.etcd.machine.security_groups.join(", "));
    groups::translate_security_groups(&mut after, &group);
    after.etcd.machine.security_groups = vec![group];
    let slots = after.etcd.slots.iter_mut().chain(&mut after.etcd.spare);
    for slot in slots {
        lay_slot(&mut world, now, after.cluster.as_str(), slot, &mut names)?;
    }
    if let TemplateRef::File(_) = after.etcd.template {
        after.etcd.template = newest_set();
    }
    let mut before = before(&after, as_it_is);
    let releases: Releases = [&before, &after]
        .into_iter()
        .filter_map(|file| Some((file.etcd.machine.binaries.get("etcd")?.clone(), file.etcd.version)))
        .collect();
    let draw = Draw::new(seed);
    let mut lab = Lab::new(Furniture {
        world,
        etcd: Etcd::new(draw, now),
        slots: after.etcd.rendered().cloned().collect(),
        releases,
        draw,
        timing: Timing::Aws,
        key: KEY.to_owned(),
    });
    if after.control_plane.is_some() {
        Layer::new((&mut lab, now), desired, as_it_is, &mut names)?.lay(&mut after)?;
    }
    // What groups were before lies in the region.
    before.control_plane.clone_from(&after.control_plane);
    before.workers.clone_from(&after.workers);
    let ground = Ground { lab, before, after };
    Ok(Given { ground, names })
}

/// What a modelled machine can read in place of the user's own template.
pub(super) fn newest_set() -> TemplateRef {
    TemplateRef::BuiltIn(BUILTIN_SETS.into_iter().max().unwrap_or(1))
}

/// The file as it was when the cluster was created. At the release that is pinned already, something else must have
/// changed, or there would be nothing to rehearse: the certificates, say.
fn before(after: &Desired, as_it_is: &AsItIs) -> Desired {
    let mut before = after.clone();
    // How the cluster came to be is not rehearsed: the file's own deadlines are for what comes now.
    before.policy = RolloutPolicy {
        accept_downtime: true,
        ..RolloutPolicy::default()
    };
    let from = as_it_is.etcd;
    if !as_it_is.parts.contains(&Part::Etcd) {
        return before;
    }
    if from == after.etcd.version {
        before.etcd.machine_tls.revision.push_str("-before");
    } else {
        before.etcd.version = from;
        let names = after.etcd.machine.binaries.keys();
        before.etcd.machine.binaries = names.map(|name| (name.clone(), binary(name, from))).collect();
    }
    before
}

/// The one of this name.
pub(super) fn subnet_called(world: &mut World, now: Timestamp, name: &str) -> Result<Subnet, GroundError> {
    let Told::Subnets(subnets) = ask(world, now, Ask::DescribeSubnets(Describe::default()))? else {
        return Err(wrong("no subnets"));
    };
    let is_called = |tags: &Tags| tags.get("Name").is_some_and(|called| called == name);
    let laid = subnets.rows.into_iter().find(|subnet| is_called(&subnet.tags));
    laid.ok_or_else(|| wrong(name))
}

fn lay_slot(
    world: &mut World,
    now: Timestamp,
    cluster: &str,
    slot: &mut Slot,
    names: &mut Names,
) -> Result<(), GroundError> {
    let subnet = subnet_called(world, now, slot.subnet.as_str())?.id;
    let whose = Parts {
        cluster,
        slot: slot.name.as_str(),
        subnet: &subnet,
        zone: slot.zone.as_str(),
        address: slot.address,
    };
    let (interface, volume) = lay_parts(world, now, &whose)?;
    for (laid, given) in [
        (&subnet, slot.subnet.as_str()),
        (&interface, slot.interface.as_str()),
        (&volume, slot.volume.as_str()),
    ] {
        names.add(laid, given);
    }
    slot.subnet = SubnetId::new(subnet);
    slot.interface = InterfaceId::new(interface);
    slot.volume = VolumeId::new(volume);
    Ok(())
}

fn setup(desired: &Desired, seed: u64) -> Result<Setup, GroundError> {
    let account = desired.aws.account.as_str();
    let mut subnets = subnets(desired)?;
    subnets.extend(subnets_of_groups(desired, &subnets)?);
    let machines = || std::iter::once(&desired.etcd.machine).chain(groups::machines(desired));
    let images: BTreeSet<&str> = machines().map(|machine| machine.image.as_str()).collect();
    let profiles: BTreeSet<&str> = machines()
        .map(|machine| machine.instance_profile.as_str())
        .collect();
    Ok(Setup {
        account: account.to_owned(),
        region: desired.aws.region.as_str().to_owned(),
        seed,
        timing: Timing::Aws,
        // The file does not say how large its network is; nothing depends on it.
        cidr: Cidr {
            base: Ipv4Addr::UNSPECIFIED,
            bits: 0,
        },
        subnets,
        images: images.into_iter().map(image).collect(),
        keys: operators(account),
        profiles: profiles.into_iter().map(profile).collect(),
    })
}

fn image(id: &str) -> ImagePlan {
    ImagePlan {
        id: id.to_owned(),
        name: "machine".to_owned(),
    }
}

fn profile(name: &str) -> Profile {
    Profile {
        name: name.to_owned(),
        grants: Vec::new(),
    }
}

/// The file does not name these: one in each zone of the members, beside everything that is there.
fn subnets_of_groups(desired: &Desired, beside: &[SubnetPlan]) -> Result<Vec<SubnetPlan>, GroundError> {
    if desired.control_plane.is_none() {
        return Ok(Vec::new());
    }
    let mut plans = beside.to_vec();
    let mut blocks = (0_u32..1 << (GROUP_BITS - GROUPS.bits)).map(|nth| Cidr {
        base: Ipv4Addr::from(u32::from(GROUPS.base).saturating_add(nth << (32 - GROUP_BITS))),
        bits: GROUP_BITS,
    });
    for zone in groups::zones(desired) {
        let plan = |cidr| SubnetPlan {
            name: groups::subnet_in(zone),
            zone: zone.as_str().to_owned(),
            cidr,
        };
        let fits = |plan: &SubnetPlan| !plans.iter().any(|one| overlap(one, plan));
        let free = blocks.by_ref().map(plan).find(fits);
        plans.push(free.ok_or_else(|| wrong("no addresses for groups"))?);
    }
    Ok(plans.split_off(beside.len()))
}

/// Blocks are aligned: two of them lie apart, or the smaller one's first address is in the larger.
fn overlap(one: &SubnetPlan, other: &SubnetPlan) -> bool {
    one.cidr.contains(other.cidr.base) || other.cidr.contains(one.cidr.base)
}

/// The file names subnets and does not say how large they are: as large as is usual, or as small as they have to be to
/// lie beside each other.
fn subnets(desired: &Desired) -> Result<Vec<SubnetPlan>, GroundError> {
    let mut held: BTreeMap<&SubnetId, Vec<&Slot>> = BTreeMap::new();
    for slot in desired.etcd.rendered() {
        held.entry(&slot.subnet).or_default().push(slot);
    }
    for bits in SUBNET_BITS {
        let plans = held.iter().map(|(id, slots)| {
            let zone = slots.first().map(|slot| slot.zone.as_str()).unwrap_or_default();
            SubnetPlan {
                name: id.as_str().to_owned(),
                zone: zone.to_owned(),
                cidr: block(slots, bits),
            }
        });
        let plans: Vec<SubnetPlan> = plans.collect();
        if are_apart(&plans) {
            return Ok(plans);
        }
    }
    Err(GroundError(
        "two subnets of the cluster file hold each other's addresses".to_owned(),
    ))
}

/// The smallest block with all of these addresses, but not smaller than that.
fn block(slots: &[&Slot], bits: u8) -> Cidr {
    let addresses = || slots.iter().map(|slot| u32::from(slot.address));
    let first = addresses().next().unwrap_or(0);
    let differ = addresses().fold(0, |differ, address| differ | (first ^ address));
    let common = u8::try_from(differ.leading_zeros()).unwrap_or(bits);
    let bits = bits.min(common);
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    Cidr {
        base: Ipv4Addr::from(first & mask),
        bits,
    }
}

fn are_apart(plans: &[SubnetPlan]) -> bool {
    let pairs = plans.iter().enumerate().flat_map(|(nth, one)| {
        plans
            .iter()
            .skip(nth.saturating_add(1))
            .map(move |other| (one, other))
    });
    !pairs.into_iter().any(|(one, other)| overlap(one, other))
}
