//! What must hold before there is a plan at all. Every refusal says what to do.

use super::envelope::{Envelope, RolloutKind};
use super::input::{Past, PlanInput, Target, holder};
use super::planner::rendered_anew;
use super::refusal::Refusal;
use super::{hop, spare};
use crate::domain::desired::Slot;
use crate::domain::etcd::Endpoint;
use crate::domain::fleet::Attachment;
use crate::domain::ids::SlotName;
use crate::domain::policy::EtcdStrategy;

/// About the world: is it readable, is it ours, is it alive?
pub(super) fn of_the_world(input: &PlanInput<'_>) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = input
        .seen
        .gaps
        .iter()
        .map(|gap| {
            let message = format!("cannot read {:?}: {}", gap.part, gap.why);
            Refusal::new(
                "plan::blind",
                message,
                "mend the access and plan again; nothing is assumed",
            )
        })
        .collect();
    refusals.extend(identity(input));
    // Whatever else is seen from here is seen of another cluster: nothing more can be said.
    if refusals
        .iter()
        .any(|refusal| refusal.code == "plan::other_cluster")
    {
        return refusals;
    }
    // What could not be read is not missing, and nobody is lost because of it.
    if !input.seen.gaps.is_empty() {
        return refusals;
    }
    for (n, slot) in input.desired.etcd.slots.iter().enumerate() {
        refusals.extend(parts(input, slot, &format!("/etcd/slots/{n}")));
    }
    if let Some(spare) = spare::wanted(input) {
        refusals.extend(parts(input, spare, "/etcd/spare"));
    }
    if input.kind == RolloutKind::Bootstrap {
        refusals.extend(bootstrap(input));
    } else {
        let lost = alive(input);
        if lost.is_empty() {
            refusals.extend(unanswered(input));
        }
        refusals.extend(lost);
    }
    refusals
}

/// Machines live and not one member answers: version, members and health would all be guesses. Where there is only one
/// member, going back and healing are the ways out of exactly that, as long as nobody strange answers in its place.
fn unanswered(input: &PlanInput<'_>) -> Option<Refusal> {
    let endpoints = &input.seen.etcd.endpoints;
    let is_way_out = match &input.kind {
        RolloutKind::Rollback { .. } | RolloutKind::Heal { .. } => input.desired.etcd.slots.len() == 1,
        RolloutKind::Upgrade | RolloutKind::Bootstrap | RolloutKind::Replace { .. } => false,
    };
    let strange = endpoints
        .values()
        .any(|endpoint| matches!(endpoint, Endpoint::Strange(_)));
    if is_way_out && !strange
        || endpoints.is_empty()
        || endpoints.values().any(|endpoint| endpoint.answer().is_some())
    {
        return None;
    }
    let words = |(slot, endpoint): (_, &Endpoint)| format!("{slot}: {}", endpoint.words());
    let each: Vec<String> = endpoints.iter().map(words).collect();
    let message = format!("no member answers: nothing can be planned\n{}", each.join("\n"));
    let refusal = if strange {
        let help = "renew or correct what `clientTls` names: `openssl x509 -in CERTIFICATE -noout -issuer -enddate` shows what a certificate is; nothing was touched";
        Refusal::new("plan::unanswered", message, help)
            .at("/etcd/clientTls", "all members were asked with this")
    } else {
        let help = "check the network from here to the slots' port 2379, then the machines: `rehull etcd status FILE`; nothing was touched";
        Refusal::new("plan::unanswered", message, help).at("/etcd/slots", "asked at these addresses")
    };
    Some(refusal.for_a_person())
}

fn identity(input: &PlanInput<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let desired = input.desired;
    match (&input.seen.identity, &input.kind) {
        (None, RolloutKind::Bootstrap) => {}
        (None, _) => refusals.push(Refusal::new(
            "plan::not_created",
            format!("cluster `{}` has no identity record", desired.cluster),
            "a new cluster is created once with `rehull apply --bootstrap`; for an existing one check `store` in the file",
        )),
        (Some(_), RolloutKind::Bootstrap) => refusals.push(Refusal::new(
            "plan::exists",
            format!("cluster `{}` exists already", desired.cluster),
            "bootstrap happens once; leave `--bootstrap` out",
        )),
        (Some(identity), _) => {
            let pairs = [
                ("cluster", identity.cluster.as_str(), desired.cluster.as_str(), "/cluster"),
                ("account", identity.account.as_str(), desired.aws.account.as_str(), "/aws/account"),
                ("region", identity.region.as_str(), desired.aws.region.as_str(), "/aws/region"),
            ];
            for (what, recorded, wanted, pointer) in pairs {
                if recorded != wanted {
                    let message = format!("the identity record says {what} {recorded}, the cluster file {wanted}");
                    let help = "this store belongs to another cluster: correct `store` or the file";
                    refusals.push(Refusal::new("plan::other_cluster", message, help).at(pointer, format!("the record says {recorded}")).for_a_person());
                }
            }
            for (slot, endpoint) in &input.seen.etcd.endpoints {
                if let Some(answer) = endpoint.answer()
                    && answer.cluster != identity.etcd_cluster
                {
                    let message = format!(
                        "{slot} answers for etcd cluster {}, the identity record says {}",
                        answer.cluster, identity.etcd_cluster
                    );
                    let help = "another cluster listens at this address: correct the slot's address or DNS";
                    refusals.push(Refusal::new("plan::other_etcd", message, help).for_a_person());
                }
            }
        }
    }
    refusals
}

fn parts(input: &PlanInput<'_>, slot: &Slot, pointer: &str) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let Some(parts) = input.seen.fleet.slots.get(&slot.name) else {
        let message = format!("interface or volume of {} was not found", slot.name);
        let help = format!(
            "create {} and {} (Terraform state `base`), or correct the ids",
            slot.interface, slot.volume
        );
        return vec![Refusal::new("plan::slot_missing", message, help).at(pointer, "this slot")];
    };
    let zones = [
        ("interface", &parts.interface.zone),
        ("volume", &parts.volume.zone),
    ];
    for (part, zone) in zones {
        if let Some(zone) = zone
            && *zone != slot.zone
        {
            let message = format!(
                "{part} of {} lives in {zone}, the file says {}",
                slot.name, slot.zone
            );
            let help = "a part cannot move between zones: correct the id or the zone";
            let label = format!("lives in {zone}");
            refusals
                .push(Refusal::new("plan::slot_zone", message, help).at(format!("{pointer}/{part}"), label));
        }
    }
    for (part, attachment) in [
        ("interface", &parts.interface.attachment),
        ("volume", &parts.volume.attachment),
    ] {
        if *attachment == Attachment::Missing {
            let message = format!("the {part} of {} does not exist", slot.name);
            let help = "a lost part is not replaced silently: make a new one and pin its id, then `rehull etcd replace`";
            let refusal = Refusal::new("plan::slot_missing", message, help);
            refusals.push(refusal.at(format!("{pointer}/{part}"), "does not exist"));
        }
    }
    if let Some(address) = parts.interface_address
        && address != slot.address
    {
        let message = format!(
            "interface {} has address {address}, the file says {}",
            slot.interface, slot.address
        );
        let help = "members are known by their address: correct it in the file";
        let label = format!("the interface has {address}");
        refusals
            .push(Refusal::new("plan::slot_address", message, help).at(format!("{pointer}/address"), label));
    }
    if let Some(cluster) = &parts.volume_cluster
        && cluster != input.desired.cluster.as_str()
    {
        let message = format!("volume {} is tagged for cluster `{cluster}`", slot.volume);
        let help = "a foreign volume is never touched: correct the id";
        let refusal = Refusal::new("plan::foreign_volume", message, help);
        let label = format!("belongs to `{cluster}`");
        refusals.push(refusal.at(format!("{pointer}/volume"), label).for_a_person());
    }
    refusals
}

/// A new cluster needs blank volumes and no machine with its tags, in any state.
fn bootstrap(input: &PlanInput<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for machine in input
        .seen
        .fleet
        .machines
        .iter()
        .filter(|machine| machine.is_live() && machine.go)
    {
        let message = format!("machine {} already carries the tags of this cluster", machine.id);
        let help = "if the cluster exists, its identity record is lost: do not bootstrap over it";
        refusals.push(Refusal::new("plan::not_blank", message, help).for_a_person());
    }
    for (slot, parts) in &input.seen.fleet.slots {
        if let Some(generation) = parts.volume_generation {
            let message = format!(
                "volume {} of {slot} holds generation {generation}",
                parts.volume.id
            );
            let help = "a used volume is never formatted: if its data still counts, see docs/runbooks/quorum-lost.md; else give the slot a blank volume";
            refusals.push(Refusal::new("plan::not_blank", message, help).for_a_person());
        }
    }
    refusals
}

/// "All empty" is quorum loss, never "new".
fn alive(input: &PlanInput<'_>) -> Vec<Refusal> {
    let slots = &input.desired.etcd.slots;
    if input.seen.identity.is_none() || slots.iter().any(|slot| holder(input.seen, &slot.name).is_some()) {
        return Vec::new();
    }
    let evidence: Vec<String> = slots
        .iter()
        .map(|slot| {
            let parts = input.seen.fleet.slots.get(&slot.name);
            let generation = parts.and_then(|parts| parts.volume_generation);
            let holds = generation.map_or_else(|| "no data".to_owned(), |g| format!("generation {g}"));
            format!(
                "{}: no live machine, volume {} holds {holds}",
                slot.name, slot.volume
            )
        })
        .collect();
    let message = format!(
        "quorum is lost: no machine lives in any slot\n{}",
        evidence.join("\n")
    );
    let help =
        "nothing was started. Keep the volumes. The data may be whole: see docs/runbooks/quorum-lost.md";
    vec![Refusal::new("plan::quorum_lost", message, help).for_a_person()]
}

/// Healing is for a member that is out. One that serves is not touched; who is out is named instead.
pub(super) fn nothing_to_heal(input: &PlanInput<'_>) -> Option<Refusal> {
    let RolloutKind::Heal { slot } = &input.kind else {
        return None;
    };
    let serves = |name: &SlotName| {
        let endpoint = input.seen.etcd.endpoints.get(name);
        endpoint
            .and_then(|endpoint| endpoint.answer())
            .is_some_and(|answer| answer.serves)
    };
    if !serves(slot) {
        return None;
    }
    let out = input
        .desired
        .etcd
        .slots
        .iter()
        .map(|slot| &slot.name)
        .find(|name| !serves(name));
    let help = match out {
        Some(out) => format!("{out} is out: rehull etcd heal {out} FILE"),
        None => format!("to give it another machine all the same: rehull etcd replace {slot} FILE"),
    };
    let message = format!("{slot} answers and serves: there is nothing to heal");
    Some(Refusal::new("plan::nothing_to_heal", message, help))
}

/// About the change itself: hop, strategy, way back.
pub(super) fn of_the_change(input: &PlanInput<'_>, past: &Past, envelope: &Envelope) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(hop::refusal(input, past, envelope));
    refusals.extend(strategy(input, envelope));
    refusals.extend(spare::left_behind(input));
    if let Target::Known(_) = input.target {
        refusals.extend(known_templates(input, envelope));
    }
    refusals
}

fn strategy(input: &PlanInput<'_>, envelope: &Envelope) -> Vec<Refusal> {
    let voters = envelope.slots.len();
    let mut refusals = Vec::new();
    let changing = envelope.slots.iter().any(super::envelope::SlotPlan::changes);
    if input.kind == RolloutKind::Bootstrap || !changing {
        return refusals;
    }
    if voters < 3 && input.strategy != EtcdStrategy::Reattach {
        refusals.push(
            Refusal::new(
                "plan::strategy",
                format!(
                    "{} needs at least 3 members: with {voters} it loses quorum",
                    input.strategy.as_str()
                ),
                "use `strategy: reattach`",
            )
            .at(
                "/etcd/strategy",
                format!("for {voters} member{}", if voters == 1 { "" } else { "s" }),
            ),
        );
    }
    if voters == 1 && !envelope.policy.accept_downtime {
        refusals.push(
            Refusal::new(
                "plan::downtime",
                "a single member cannot be replaced without an outage",
                "say so in the file: rollout.acceptDowntime: true",
            )
            .at("/rollout", "`acceptDowntime` is not true"),
        );
    }
    refusals.extend(spare::refusal(input, envelope));
    refusals
}

/// A rollback launches template versions that exist; they are immutable, so their digest proves their content.
fn known_templates(input: &PlanInput<'_>, envelope: &Envelope) -> Vec<Refusal> {
    envelope
        .all_slots()
        .filter(|slot| slot.changes())
        .filter(|slot| {
            let versions = input.seen.fleet.templates.get(&slot.slot.launch_template);
            !versions.is_some_and(|list| list.iter().any(|v| v.digest.as_ref() == Some(&slot.to.digest)))
        })
        .map(|slot| {
            let otherwise =
                "pin the version in the cluster file and use `rehull apply`: it renders the template anew";
            let help = rendered_anew(&input.kind, &slot.slot.name, otherwise);
            let message = format!(
                "launch template {} has no version {} any more",
                slot.slot.launch_template, slot.to.digest
            );
            Refusal::new("plan::template_gone", message, help)
        })
        .collect()
}
