//! The ground of a simulation: a region with everything that Terraform would have laid, and the cluster file of it.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::draw::Draw;
use super::etcd::Etcd;
use super::lab::{Furniture, Lab, Releases};
use super::scenario::{Provisioner, Scenario};
use crate::config::{self, Mistake};
use crate::domain::desired::{Desired, TemplateRef};
use crate::domain::fleet::tag;
use crate::domain::ids::{ContentDigest, SlotName};
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;
use crate::plan::Refusal;
use crate::ports::TemplateContent;
use crate::render::{RenderedSlot, builtin_template, render_slot};
use crate::world::api::ec2::{
    CreateNetworkInterface, CreateVolume, Describe, Request as Ask, Response as Told, Tags,
};
use crate::world::api::{Call, Request, Response};
use crate::world::network::Cidr;
use crate::world::performance::Performance;
use crate::world::{AccessKey, ImagePlan, Principal, Profile, Setup, SubnetPlan, World};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "ap-northeast-1";
const IMAGE: &str = "ami-0123456789abcdef0";
pub(super) const KEY: &str = "AKIASIMULATION000000";
/// Whoever does something by hand has credentials of his own.
pub(super) const PERSON: &str = "AKIASIMULATION000001";
pub(super) const CLUSTER: &str = "sim";
const PROFILE: &str = "etcd";

/// The ground could not be laid: a bug in the scenario or in here.
#[derive(Debug, thiserror::Error)]
#[error("the simulated ground cannot be laid: {0}")]
pub struct GroundError(pub String);

/// There is no plan of an upgrade.
#[derive(Debug, thiserror::Error)]
pub enum Unplanned {
    /// The planner refuses, with every reason.
    #[error("the upgrade is refused: {}", .0.iter().map(|refusal| refusal.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// It could not even be asked.
    #[error(transparent)]
    Ground(#[from] GroundError),
}

impl From<Unplanned> for GroundError {
    fn from(unplanned: Unplanned) -> Self {
        match unplanned {
            Unplanned::Refused(_) => Self(unplanned.to_string()),
            Unplanned::Ground(error) => error,
        }
    }
}

pub(super) fn wrong(why: impl std::fmt::Debug) -> GroundError {
    GroundError(format!("{why:?}"))
}

/// The cluster file of a scenario is as strict as anybody's.
fn refused(mistakes: &[Mistake]) -> GroundError {
    let each = mistakes.iter().map(|mistake| mistake.message.as_str());
    let each: Vec<&str> = each.collect();
    GroundError(format!("its cluster file is refused: {}", each.join("; ")))
}

/// What was laid of one slot.
struct Laid {
    name: String,
    zone: String,
    subnet: String,
    interface: String,
    volume: String,
    address: String,
}

/// An empty region with the slots of the scenario, and the texts of its two cluster files.
pub(super) struct Ground {
    pub(super) lab: Lab,
    pub(super) before: Desired,
    pub(super) after: Desired,
}

/// Lays everything.
pub(super) fn lay(scenario: &Scenario, now: Timestamp) -> Result<Ground, GroundError> {
    let names: Vec<String> = ('a'..='z')
        .take(usize::from(scenario.members) + 1)
        .map(String::from)
        .collect();
    let mut world = World::new(setup(scenario, &names), now);
    let group = group(&mut world, now)?;
    let mut laid = Vec::new();
    for (nth, letter) in (0_u8..).zip(&names) {
        laid.push(lay_slot(&mut world, now, nth, letter)?);
    }
    let text = |version| cluster_file(scenario, version, &group, &laid);
    let read = |version| config::parse("sim.yaml", &text(version)).map_err(|mistakes| refused(&mistakes));
    let (before, after) = (read(scenario.from)?, read(scenario.to)?);
    let draw = Draw::new(scenario.seed);
    let releases: Releases = [scenario.from, scenario.to]
        .map(|version| (binary("etcd", version), version))
        .into();
    let lab = Lab::new(Furniture {
        world,
        etcd: Etcd::new(draw, now),
        slots: before.etcd.rendered().cloned().collect(),
        releases,
        draw,
        timing: scenario.timing,
        key: KEY.to_owned(),
    });
    Ok(Ground { lab, before, after })
}

/// rehull's credentials, and those of a person.
pub(super) fn operators(account: &str) -> Vec<AccessKey> {
    let key = |(id, user): (&str, &str)| AccessKey {
        id: id.to_owned(),
        secret: String::new(),
        session_token: None,
        principal: Principal::Operator {
            account: account.to_owned(),
            user: user.to_owned(),
        },
        expired: false,
    };
    [(KEY, "rehull"), (PERSON, "somebody")].map(key).to_vec()
}

fn setup(scenario: &Scenario, names: &[String]) -> Setup {
    let subnets = (0_u8..).zip(names).map(|(nth, letter)| SubnetPlan {
        name: letter.clone(),
        zone: format!("{REGION}{letter}"),
        cidr: Cidr {
            base: Ipv4Addr::new(10, 0, nth, 0),
            bits: 24,
        },
    });
    Setup {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        seed: scenario.seed,
        timing: scenario.timing,
        cidr: Cidr {
            base: Ipv4Addr::new(10, 0, 0, 0),
            bits: 16,
        },
        subnets: subnets.collect(),
        images: vec![ImagePlan {
            id: IMAGE.to_owned(),
            name: "etcd".to_owned(),
        }],
        keys: operators(ACCOUNT),
        profiles: vec![Profile {
            name: PROFILE.to_owned(),
            grants: Vec::new(),
        }],
    }
}

/// The key that rehull uses.
pub(super) fn ask(world: &mut World, now: Timestamp, request: Ask) -> Result<Told, GroundError> {
    let call = Call {
        access_key: Some(KEY.to_owned()),
        region: Some(world.setup().region.clone()),
        request: Request::Ec2(request),
    };
    match world.handle(now, &call).result.map_err(wrong)? {
        Response::Ec2(told) => Ok(told),
        other @ (Response::S3(_) | Response::CallerIdentity(_) | Response::Query(_)) => Err(wrong(other)),
    }
}

pub(super) fn group(world: &mut World, now: Timestamp) -> Result<String, GroundError> {
    let Told::SecurityGroups(groups) = ask(world, now, Ask::DescribeSecurityGroups(Describe::default()))?
    else {
        return Err(wrong("no security groups"));
    };
    let first = groups.rows.first().map(|group| group.id.clone());
    first.ok_or_else(|| wrong("no security group"))
}

fn lay_slot(world: &mut World, now: Timestamp, nth: u8, letter: &str) -> Result<Laid, GroundError> {
    let name = format!("etcd-{letter}");
    let Told::Subnets(subnets) = ask(world, now, Ask::DescribeSubnets(Describe::default()))? else {
        return Err(wrong("no subnets"));
    };
    let named =
        |subnet: &&crate::world::network::Subnet| subnet.tags.get("Name").is_some_and(|name| name == letter);
    let subnet = subnets
        .rows
        .iter()
        .find(named)
        .ok_or_else(|| wrong("no subnet"))?
        .clone();
    let address = Ipv4Addr::new(10, 0, nth, 11);
    let whose = Parts {
        cluster: CLUSTER,
        slot: &name,
        subnet: &subnet.id,
        zone: &subnet.zone,
        address,
    };
    let (interface, volume) = lay_parts(world, now, &whose)?;
    Ok(Laid {
        name,
        zone: subnet.zone,
        subnet: subnet.id,
        interface,
        volume,
        address: address.to_string(),
    })
}

/// Whose parts are laid.
pub(super) struct Parts<'a> {
    pub(super) cluster: &'a str,
    pub(super) slot: &'a str,
    pub(super) subnet: &'a str,
    pub(super) zone: &'a str,
    pub(super) address: Ipv4Addr,
}

/// The interface and the blank volume of a slot, by id.
pub(super) fn lay_parts(
    world: &mut World,
    now: Timestamp,
    whose: &Parts<'_>,
) -> Result<(String, String), GroundError> {
    let tags = Tags::from([
        (tag::CLUSTER.to_owned(), whose.cluster.to_owned()),
        (tag::SLOT.to_owned(), whose.slot.to_owned()),
    ]);
    let interface = CreateNetworkInterface {
        subnet: whose.subnet.to_owned(),
        address: Some(whose.address),
        tags: tags.clone(),
        ..CreateNetworkInterface::default()
    };
    let Told::Interface(interface) = ask(world, now, Ask::CreateNetworkInterface(interface))? else {
        return Err(wrong("no interface"));
    };
    let volume = CreateVolume {
        zone: whose.zone.to_owned(),
        size_gib: 20,
        volume_type: Some("gp3".to_owned()),
        encrypted: true,
        performance: Performance::default(),
        tags,
        token: None,
    };
    let Told::Volume(volume) = ask(world, now, Ask::CreateVolume(volume))? else {
        return Err(wrong("no volume"));
    };
    Ok((interface.id, volume.id))
}

/// The digest of a release's binary: any, but always the same, and never to be read as a number.
pub(super) fn binary(name: &str, version: EtcdVersion) -> String {
    let kind = format!("{:02x}", 0xa0 + name.len());
    kind + &format!("{:02x}", version.minor).repeat(30) + &format!("{:02x}", version.patch)
}

fn cluster_file(scenario: &Scenario, version: EtcdVersion, group: &str, laid: &[Laid]) -> String {
    let [etcd, ctl] = ["etcd", "etcdctl"].map(|name| binary(name, version));
    let restores = if version < config::ETCDUTL_FROM {
        String::new()
    } else {
        format!(", etcdutl: {}", binary("etcd-util", version))
    };
    let mut text = format!(
        "format: 1\n\
         cluster: {CLUSTER}\n\
         aws: {{ account: \"{ACCOUNT}\", region: {REGION} }}\n\
         store: {{ s3: {{ bucket: sim-store, prefix: store/ }} }}\n\
         artefacts: {{ bucket: sim-store, prefix: artefacts/ }}\n\
         snapshots: {{ bucket: sim-snapshots, prefix: etcd/ }}\n\
         etcd:\n\
         \x20 version: {version}\n\
         \x20 binaries: {{ etcd: {etcd}, etcdctl: {ctl}{restores} }}\n\
         \x20 image: {IMAGE}\n\
         \x20 instanceType: m7i.large\n\
         \x20 instanceProfile: {PROFILE}\n\
         \x20 securityGroups: [{group}]\n\
         \x20 template: {{ builtIn: 2 }}\n\
         \x20 machineTls: {{ bucket: sim-secrets, prefix: etcd/, revision: \"1\" }}\n\
         \x20 clientTls: {{ files: {{ ca: ca.crt, cert: client.crt, key: client.key }} }}\n\
         \x20 strategy: {strategy}\n\
         \x20 slots:\n",
        strategy = scenario.strategy.as_str(),
    );
    let members = usize::from(scenario.members);
    for slot in laid.iter().take(members) {
        write_slot(&mut text, slot, "    - ");
    }
    if scenario.strategy == EtcdStrategy::LearnerFirst {
        text.push_str("  spare:\n");
        laid.iter()
            .skip(members)
            .for_each(|slot| write_slot(&mut text, slot, "    "));
    }
    let alone = if members == 1 {
        ", acceptDowntime: true"
    } else {
        ""
    };
    if scenario.provisioner == Provisioner::Terraform {
        text.push_str("terraform: { templates: terraform/templates }\n");
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "rollout: {{ bake: 60s{alone} }}");
    text
}

fn write_slot(text: &mut String, slot: &Laid, start: &str) {
    let lines = [
        ("name", &slot.name),
        ("zone", &slot.zone),
        ("subnet", &slot.subnet),
        ("interface", &slot.interface),
        ("volume", &slot.volume),
        ("address", &slot.address),
    ];
    let blanks = " ".repeat(start.len());
    for (number, (key, value)) in lines.iter().enumerate() {
        let before = if number == 0 { start } else { &blanks };
        let _ = writeln!(text, "{before}{key}: {value}");
    }
    let _ = writeln!(text, "{blanks}launchTemplate: {CLUSTER}-{}", slot.name);
}

/// A launch template version of these machines, without its user data.
pub(super) fn machine_content(desired: &Desired) -> TemplateContent {
    let role = &desired.etcd;
    let subnet = role.slots.first().map(|slot| slot.subnet.as_str().to_owned());
    TemplateContent {
        digest: ContentDigest::new(String::new()),
        image: role.machine.image.as_str().to_owned(),
        instance_type: role.machine.instance_type.clone(),
        instance_profile: role.machine.instance_profile.clone(),
        security_groups: role.machine.security_groups.clone(),
        subnet,
        user_data: String::new(),
        tags: BTreeMap::new(),
    }
}

/// What every slot should run, as `render` makes it.
pub(super) fn rendered(desired: &Desired) -> Result<BTreeMap<SlotName, RenderedSlot>, GroundError> {
    let TemplateRef::BuiltIn(set) = &desired.etcd.template else {
        return Err(wrong("another template"));
    };
    let template = builtin_template(*set).ok_or_else(|| wrong(set))?;
    let slots = desired.etcd.rendered().map(|slot| {
        let made = render_slot(desired, slot, template).map_err(wrong)?;
        Ok((slot.name.clone(), made))
    });
    slots.collect()
}
