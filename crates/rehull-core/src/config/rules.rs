//! What no single value can tell: members and zones, strategy and size, who may read what.

use std::collections::BTreeMap;

use super::file;
use super::mistake::{Mistakes, Wrong, quoted};
use super::read::Parts;
use super::spans::Pointer;
use super::{spare, workers};
use crate::catalog::etcd::check_release;
use crate::domain::desired::{ClientTls, ObjectLocation, StoreLocation};
use crate::domain::policy::EtcdStrategy;
use crate::domain::version::EtcdVersion;

/// `etcdutl` was split from `etcdctl` in 3.5.
pub(crate) const ETCDUTL_FROM: EtcdVersion = EtcdVersion::new(3, 5, 0);

/// All of them.
pub(super) fn check(file: &file::Cluster, parts: &Parts, mistakes: &mut Mistakes<'_>) {
    local_store(parts, mistakes);
    readable_by_machines(parts, mistakes);
    workers::rules(file, parts, mistakes);
    let Some(etcd) = &file.etcd else { return };
    release(parts.version, mistakes);
    binaries(etcd, parts.version, mistakes);
    spare::check(etcd, parts.version, mistakes);
    let Some(slots) = &etcd.slots else { return };
    members(slots.len(), mistakes);
    single_member(file, slots.len(), mistakes);
    zones(slots, mistakes);
    let all: Vec<Option<&file::Slot>> = slots
        .iter()
        .map(Option::as_ref)
        .chain(etcd.spare.as_ref().map(Some))
        .collect();
    duplicates(&all, slots.len(), mistakes);
    subnets(&all, slots.len(), mistakes);
}

fn local_store(parts: &Parts, mistakes: &mut Mistakes<'_>) {
    if let (Some(StoreLocation::Local { .. }), Some(false)) = (&parts.store, parts.on_loopback) {
        let message = "a local store is only for a cluster on this machine";
        let wrong = Wrong::new("config::local_store", message, "nobody else sees this lease")
            .help("use `s3`: two people with two directories would both believe they hold the lease");
        mistakes.add(&"/store/local".into(), wrong);
    }
}

/// Machines may read artefacts and their certificates; nothing private may stand there.
fn readable_by_machines(parts: &Parts, mistakes: &mut Mistakes<'_>) {
    let readable = [
        ("/artefacts", &parts.artefacts),
        ("/etcd/machineTls", &parts.machine_tls),
        ("/controlPlane/machineTls", &parts.server_tls),
    ];
    let store = match &parts.store {
        Some(StoreLocation::S3(location)) => Some(location),
        Some(StoreLocation::Local { .. }) | None => None,
    };
    let in_s3 = |tls: &'_ Option<ClientTls>| match tls {
        Some(ClientTls::S3(location)) => Some(location.clone()),
        Some(ClientTls::Files { .. } | ClientTls::Environment { .. }) | None => None,
    };
    let (client, of_servers) = (in_s3(&parts.client_tls), in_s3(&parts.server_client_tls));
    let of_workers = in_s3(&parts.worker_client_tls);
    let private = [
        (
            "/snapshots",
            parts.snapshots.as_ref(),
            "a snapshot is the whole database, secrets included",
        ),
        ("/store/s3", store, "the journal and the lease are rehull's alone"),
        (
            "/etcd/clientTls/s3",
            client.as_ref(),
            "rehull's client key opens every member",
        ),
        (
            "/controlPlane/clientTls/s3",
            of_servers.as_ref(),
            "rehull's client key opens every apiserver",
        ),
        (
            "/workers/clientTls/s3",
            of_workers.as_ref(),
            "rehull's client key evicts every pod",
        ),
    ];
    for (at, location, why) in private {
        for (open, readable) in readable {
            apart(at, location, (open, readable.as_ref()), why, mistakes);
        }
    }
    let (open, artefacts) = ("/artefacts", parts.artefacts.as_ref());
    let why = "every machine may read all artefacts, so it could read the keys of the others";
    let of_etcd = parts.machine_tls.as_ref();
    apart("/etcd/machineTls", of_etcd, (open, artefacts), why, mistakes);
    let of_servers = parts.server_tls.as_ref();
    let at = "/controlPlane/machineTls";
    apart(at, of_servers, (open, artefacts), why, mistakes);
    let why = "a machine of the one role could read the keys of the other";
    apart(at, of_servers, ("/etcd/machineTls", of_etcd), why, mistakes);
}

fn apart(
    at: &str,
    location: Option<&ObjectLocation>,
    (open, readable): (&str, Option<&ObjectLocation>),
    why: &str,
    mistakes: &mut Mistakes<'_>,
) {
    let (Some(location), Some(readable)) = (location, readable) else {
        return;
    };
    let nested =
        location.prefix.starts_with(&readable.prefix) || readable.prefix.starts_with(&location.prefix);
    if location.bucket != readable.bucket || !nested {
        return;
    }
    let name = |at: &str| {
        at.rsplit('/')
            .find(|part| *part != "s3")
            .unwrap_or_default()
            .to_owned()
    };
    let message = format!(
        "`{}` overlaps `{}`, which machines may read",
        name(at),
        name(open)
    );
    let wrong = Wrong::new("config::overlap", message, "overlaps")
        .help(format!("another prefix or, better, another bucket: {why}"));
    let at = Pointer::from(at).key("prefix");
    mistakes.add_with(
        &at,
        wrong,
        &[(
            Pointer::from(open).key("prefix"),
            "machines may read this".to_owned(),
        )],
    );
}

/// Releases that lose data or do not start, and minors that nobody has described yet.
fn release(version: Option<EtcdVersion>, mistakes: &mut Mistakes<'_>) {
    if let Some(Err(refusal)) = version.map(check_release) {
        let wrong = Wrong::new("config::release", refusal.text, "pinned here").help(refusal.help);
        mistakes.add(&"/etcd/version".into(), wrong);
    }
}

fn binaries(etcd: &file::Etcd, version: Option<EtcdVersion>, mistakes: &mut Mistakes<'_>) {
    let Some(binaries) = &etcd.binaries else { return };
    let at = Pointer::from("/etcd/binaries");
    if let Some(version) = version {
        let wrong = |message: String, label| Wrong::new("config::binaries", message, label);
        match &binaries.etcdutl {
            None if version >= ETCDUTL_FROM && mistakes.none_under(&at.key("etcdutl")) => {
                let wrong = wrong(format!("etcd {version} needs `etcdutl`"), "`etcdutl` is missing");
                mistakes.add(
                    &at,
                    wrong.help("add its SHA-256: snapshots are verified and restored with it from 3.5 on"),
                );
            }
            Some(_) if version < ETCDUTL_FROM => {
                let wrong = wrong(format!("etcd {version} has no `etcdutl`"), "exists from 3.5 on");
                mistakes.add_at_key(&at.key("etcdutl"), wrong.help("take it out"));
            }
            Some(_) | None => {}
        }
    }
    let digests = [
        ("etcd", &binaries.etcd),
        ("etcdctl", &binaries.etcdctl),
        ("etcdutl", &binaries.etcdutl),
    ];
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, digest) in digests {
        let Some(digest) = digest else { continue };
        if let Some(first) = seen.insert(digest, name) {
            let message = format!("`{name}` and `{first}` cannot have the same SHA-256");
            let wrong =
                Wrong::new("config::duplicate", message, "same digest").help("one of them was copied");
            mistakes.add_with(&at.key(name), wrong, &[(at.key(first), "first here".to_owned())]);
        }
    }
}

fn members(count: usize, mistakes: &mut Mistakes<'_>) {
    let (message, help) = match count {
        1 | 3 | 5 | 7 => return,
        0 => (
            "a cluster needs at least one member".to_owned(),
            "3 is usual".to_owned(),
        ),
        2 => (
            "2 members tolerate no failure: both are needed for a quorum of 2".to_owned(),
            "take 3, which tolerate one; 2 fail twice as often as 1".to_owned(),
        ),
        4 | 6 => {
            let fewer = count.saturating_sub(1);
            let tolerated = fewer / 2;
            let plural = if tolerated == 1 { "" } else { "s" };
            (
                format!(
                    "{count} members tolerate {tolerated} failure{plural}, as {fewer} do, and there is one more to fail"
                ),
                format!("take {fewer} or {}", count.saturating_add(1)),
            )
        }
        _ => (
            format!("{count} members are more than etcd is good for"),
            "at most 7: every write waits for a majority of them".to_owned(),
        ),
    };
    let wrong = Wrong::new("config::members", message, format!("{count} members")).help(help);
    mistakes.add(&"/etcd/slots".into(), wrong);
}

fn single_member(file: &file::Cluster, count: usize, mistakes: &mut Mistakes<'_>) {
    if count != 1 {
        return;
    }
    let strategy = file.etcd.as_ref().and_then(|etcd| etcd.strategy);
    if let Some(strategy @ (EtcdStrategy::RemoveThenAdd | EtcdStrategy::LearnerFirst)) = strategy {
        let message = format!("a single member cannot be replaced by `{}`", strategy.as_str());
        let wrong = Wrong::new("config::single_member", message, "needs other members")
            .help("use `reattach`: the last member cannot be removed, and a second voter would stop all writes until it has started");
        mistakes.add(&"/etcd/strategy".into(), wrong);
    }
    let accepted = file
        .rollout
        .as_ref()
        .and_then(|rollout| rollout.accept_downtime)
        .unwrap_or(false);
    if !accepted && mistakes.none_under(&"/rollout/acceptDowntime".into()) {
        let message = "a single member cannot be replaced without an outage";
        let wrong = Wrong::new("config::single_member", message, "`acceptDowntime` is not true")
            .help("say so with `rollout: { acceptDowntime: true }`, or take 3 members");
        mistakes.add(&"/rollout/acceptDowntime".into(), wrong);
    }
}

/// A zone may take away at most what quorum can spare: 1 of 3, 2 of 5, 3 of 7.
fn zones(slots: &[Option<file::Slot>], mistakes: &mut Mistakes<'_>) {
    // Another number of members is a mistake already, and correcting it changes the arithmetic.
    let spare = match slots.len() {
        count @ (3 | 5 | 7) => count / 2,
        _ => return,
    };
    let mut per_zone: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, slot) in slots.iter().enumerate() {
        if let Some(zone) = slot.as_ref().and_then(|slot| slot.zone.as_deref()) {
            per_zone.entry(zone).or_default().push(index);
        }
    }
    let at = |index: &usize| Pointer::from("/etcd/slots").index(*index).key("zone");
    for (zone, members) in per_zone {
        let Some((last, others)) = members.split_last().filter(|_| members.len() > spare) else {
            continue;
        };
        let message = format!(
            "losing zone {} would take {} of {} members and with them the quorum",
            quoted(zone),
            members.len(),
            slots.len()
        );
        let wrong = Wrong::new("config::zones", message, "one too many")
            .help(format!("at most {spare} of {} members in one zone", slots.len()));
        let others: Vec<_> = others
            .iter()
            .map(|index| (at(index), "same zone".to_owned()))
            .collect();
        mistakes.add_with(&at(last), wrong, &others);
    }
}

type Field = fn(&file::Slot) -> Option<&String>;

/// Where slot number `index` stands; the spare comes after the last one.
fn place(index: usize, members: usize) -> Pointer {
    if index < members {
        Pointer::from("/etcd/slots").index(index)
    } else {
        "/etcd/spare".into()
    }
}

/// Two slots must not share what makes a member itself.
fn duplicates(slots: &[Option<&file::Slot>], members: usize, mistakes: &mut Mistakes<'_>) {
    let fields: [(&str, Field, &str); 5] = [
        (
            "name",
            |slot| slot.name.as_ref(),
            "members are told apart by their names",
        ),
        (
            "interface",
            |slot| slot.interface.as_ref(),
            "an interface is at one machine at a time",
        ),
        (
            "volume",
            |slot| slot.volume.as_ref(),
            "a volume holds the data of one member",
        ),
        (
            "address",
            |slot| slot.address.as_ref(),
            "clients and peers know a member by its address",
        ),
        (
            "launchTemplate",
            |slot| slot.launch_template.as_ref(),
            "each slot's user data is its own",
        ),
    ];
    for (key, field, why) in fields {
        let mut first_of: BTreeMap<&String, usize> = BTreeMap::new();
        let values = slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((index, field((*slot)?)?)));
        for (index, value) in values {
            let Some(first) = first_of.get(value) else {
                first_of.insert(value, index);
                continue;
            };
            let at = |index: usize| place(index, members).key(key);
            let message = format!("two slots have the same {key} {}", quoted(value));
            let wrong = Wrong::new("config::duplicate", message, "again here").help(why);
            mistakes.add_with(&at(index), wrong, &[(at(*first), "first here".to_owned())]);
        }
    }
}

/// A subnet lives in one zone, so it cannot serve slots of two.
fn subnets(slots: &[Option<&file::Slot>], members: usize, mistakes: &mut Mistakes<'_>) {
    let mut zone_of: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for (index, slot) in slots.iter().enumerate() {
        let parts = slot.and_then(|slot| Some((slot.subnet.as_deref()?, slot.zone.as_deref()?)));
        let Some((subnet, zone)) = parts else { continue };
        let (first_zone, first) = *zone_of.entry(subnet).or_insert((zone, index));
        if first_zone == zone {
            continue;
        }
        let at = |index: usize| place(index, members).key("subnet");
        let message = format!("subnet {} cannot be in two zones", quoted(subnet));
        let wrong = Wrong::new("config::subnet", message, format!("here in {}", quoted(zone)));
        mistakes.add_with(
            &at(index),
            wrong,
            &[(at(first), format!("here in {}", quoted(first_zone)))],
        );
    }
}
