//! Reads one snapshot as "slot by slot": which machine is old, which is new, how its member stands.
//!
//! No memory: the same world gives the same answer after any crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::etcd::{Endpoint, ListedMember, MemberAnswer};
use crate::domain::fleet::{Machine, MachineState, SlotParts, TemplateVersion};
use crate::domain::ids::{ContentDigest, EtcdClusterId, SlotName};
use crate::domain::observed::Observed;
use crate::domain::quorum::Standing;
use crate::journal::JournalView;
use crate::mutant::mutant;
use crate::plan::{RolloutPlan, SlotPlan};

/// Everything the snapshot says about one slot.
#[derive(Clone, Debug)]
pub(crate) struct SlotSituation<'a> {
    pub(crate) plan: &'a SlotPlan,
    pub(crate) parts: Option<&'a SlotParts>,
    pub(crate) endpoint: &'a Endpoint,
    /// Live machine with the wanted content: the replacement, or the result of the step.
    pub(crate) new: Option<&'a Machine>,
    /// Other live machines of the slot.
    pub(crate) old: Vec<&'a Machine>,
    /// Machines of the slot on their way to `terminated`, or there.
    pub(crate) leaving: Vec<&'a Machine>,
    /// Its line in the member list.
    pub(crate) listed: Option<&'a ListedMember>,
}

/// How a slot's member stands, before any policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// A voter that answers, serves and is listed.
    Healthy,
    /// Anything else.
    Out,
}

/// The whole cluster at one instant.
#[derive(Clone, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) seen: &'a Observed,
    pub(crate) plan: &'a RolloutPlan,
    pub(crate) slots: Vec<SlotSituation<'a>>,
    /// The spare slot, where the strategy has one.
    pub(crate) spare: Option<SlotSituation<'a>>,
    /// The member list, if all members that answer agree on one.
    pub(crate) members: Result<Vec<&'a ListedMember>, String>,
}

const UNASKED: &Endpoint = &Endpoint::Silent(String::new());

impl<'a> Situation<'a> {
    pub(crate) fn read(plan: &'a RolloutPlan, seen: &'a Observed) -> Self {
        let members = agreed_members(seen, plan.envelope.etcd_cluster);
        let read = |slot_plan: &'a SlotPlan| {
            let name = &slot_plan.slot.name;
            let of_slot = seen.fleet.machines.iter().filter(|m| m.slot == *name);
            let (live, leaving) = of_slot.partition(|m| m.is_live());
            let (new, old) = split_machines(plan, slot_plan, seen, live);
            let listed = members.as_ref().ok().and_then(|list| {
                list.iter().copied().find(|m| {
                    m.name == name.as_str() || m.peer_urls.iter().any(|url| slot_plan.slot.is_peer_url(url))
                })
            });
            SlotSituation {
                plan: slot_plan,
                parts: seen.fleet.slots.get(name),
                endpoint: seen.etcd.endpoints.get(name).unwrap_or(UNASKED),
                new,
                old,
                leaving,
                listed,
            }
        };
        let slots = plan.envelope.slots.iter().map(read).collect();
        let spare = plan.envelope.spare.as_ref().map(read);
        Self {
            seen,
            plan,
            slots,
            spare,
            members,
        }
    }

    /// Voters and healthy voters.
    pub(crate) fn standing(&self) -> Standing {
        let planned = self.slots.len();
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let stays = |slot: &&SlotSituation<'_>| !slot.is_going();
        let Ok(list) = &self.members else {
            // A change that not everybody has applied yet. Nothing is done meanwhile, but the number is shown: each
            // member counts by its own list, against the longest of them.
            let lists = self.answers().filter_map(|(_, answer)| answer.members.as_ref());
            let voters = lists.map(|list| list.iter().filter(|m| !m.learner).count()).max();
            let counts = |slot: &&SlotSituation<'_>| slot.endpoint.answer().is_some_and(is_voter_of_its_list);
            return Standing {
                voters: small(voters.unwrap_or(planned)),
                healthy: small(self.all_slots().filter(counts).filter(stays).count()),
            };
        };
        let voters = if list.is_empty() {
            planned
        } else {
            list.iter().filter(|m| !m.learner).count()
        };
        let healthy = self
            .listed_slots()
            .filter(|slot| slot.standing() == Health::Healthy)
            .filter(stays)
            .count();
        Standing {
            voters: small(voters),
            healthy: small(healthy),
        }
    }

    /// Slot of the leader, if the members that answer agree on one.
    pub(crate) fn leader(&self) -> Option<&SlotSituation<'a>> {
        let mut ids = self.answers().map(|(_, answer)| answer.leader);
        let first = ids.next()??;
        if ids.any(|other| other != Some(first)) {
            return None;
        }
        self.all_slots()
            .find(|slot| slot.endpoint.answer().is_some_and(|a| a.id == first))
    }

    /// All answers of this cluster's members.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&SlotSituation<'a>, &'a MemberAnswer)> {
        self.all_slots()
            .filter_map(|slot| slot.endpoint.answer().map(|answer| (slot, answer)))
    }

    /// Highest applied index that anybody reports.
    pub(crate) fn applied_max(&self) -> u64 {
        self.answers()
            .map(|(_, answer)| answer.applied_index)
            .max()
            .unwrap_or(0)
    }

    /// The newest version of the slot's launch template with the wanted content.
    pub(crate) fn template_version(&self, slot: &SlotPlan) -> Option<&'a TemplateVersion> {
        self.template_version_of(slot, &slot.to.digest)
    }

    /// The newest version of the slot's launch template with this content.
    pub(crate) fn template_version_of(
        &self,
        slot: &SlotPlan,
        digest: &ContentDigest,
    ) -> Option<&'a TemplateVersion> {
        let versions = self.seen.fleet.templates.get(&slot.slot.launch_template)?;
        let fits = |v: &&TemplateVersion| v.digest.as_ref() == Some(digest) || mutant!(AnyTemplateVersion);
        versions.iter().rev().find(fits)
    }

    /// Somebody showed a list, and all who did agree. Without a quorum nobody can.
    pub(crate) fn list_is_known(&self) -> bool {
        self.members.as_ref().is_ok_and(|list| !list.is_empty())
    }

    /// Cluster version as the members tell it; members below it are refused by etcd itself.
    pub(crate) fn cluster_version(&self) -> Option<(u32, u32)> {
        self.answers()
            .filter_map(|(_, answer)| answer.cluster_version)
            .max()
    }

    /// The member list names the spare.
    pub(crate) fn spare_is_listed(&self) -> bool {
        self.spare.as_ref().is_some_and(|spare| spare.listed.is_some())
    }

    /// The slots, then the spare.
    pub(crate) fn all_slots(&self) -> impl Iterator<Item = &SlotSituation<'a>> {
        self.slots.iter().chain(&self.spare)
    }

    /// The slots, then the spare while the member list names it: only then does it count.
    pub(crate) fn listed_slots(&self) -> impl Iterator<Item = &SlotSituation<'a>> {
        let spare = self.spare.iter().filter(|spare| spare.listed.is_some());
        self.slots.iter().chain(spare)
    }

    /// Slots other than this one.
    pub(crate) fn others(&self, name: &SlotName) -> impl Iterator<Item = &SlotSituation<'a>> {
        let name = name.clone();
        self.listed_slots()
            .filter(move |slot| slot.plan.slot.name != name)
    }
}

impl<'a> SlotSituation<'a> {
    pub(crate) fn name(&self) -> &'a SlotName {
        &self.plan.slot.name
    }

    pub(crate) fn standing(&self) -> Health {
        let Some(answer) = self.endpoint.answer() else {
            return Health::Out;
        };
        let listed = self
            .listed
            .is_some_and(|line| line.id == answer.id && !line.learner);
        if answer.serves && !answer.learner && listed {
            Health::Healthy
        } else {
            Health::Out
        }
    }

    /// It answers, but its machine was told to stop.
    pub(crate) fn is_going(&self) -> bool {
        self.carrier().is_some_and(|machine| machine.stop_asked)
    }

    /// The machine, in any state, that was told last to run this member.
    pub(crate) fn last_started(&self) -> Option<&'a Machine> {
        self.machines()
            .chain(self.leaving.iter().copied())
            .filter(|machine| machine.go)
            .max_by_key(|machine| (machine.launched_at, &machine.id))
    }

    /// The live machine that holds the volume.
    pub(crate) fn carrier(&self) -> Option<&'a Machine> {
        let at = self.parts?.volume.attachment.machine()?;
        self.machines().find(|machine| machine.id == *at)
    }

    /// All live machines of the slot.
    pub(crate) fn machines(&self) -> impl Iterator<Item = &'a Machine> {
        self.old.iter().copied().chain(self.new)
    }

    /// Those that run or will: one that was switched off does not come up by itself.
    pub(crate) fn running_machines(&self) -> impl Iterator<Item = &'a Machine> {
        self.machines().filter(|machine| !is_off(machine))
    }

    /// Machines between `terminate` and `terminated`: their parts are not free yet.
    pub(crate) fn leaving_now(&self) -> Vec<&'a Machine> {
        self.leaving
            .iter()
            .copied()
            .filter(|m| m.state == MachineState::ShuttingDown)
            .collect()
    }

    /// The replacement has volume and interface.
    pub(crate) fn parts_at_new(&self) -> bool {
        let (Some(new), Some(parts)) = (self.new, self.parts) else {
            return false;
        };
        parts.volume.attachment.is_attached_to(&new.id) && parts.interface.attachment.is_attached_to(&new.id)
    }

    /// Volume or interface is at this machine, coming to it or leaving it.
    pub(crate) fn has_part_at(&self, machine: &Machine) -> bool {
        self.parts.is_some_and(|parts| {
            parts.volume.attachment.machine() == Some(&machine.id)
                || parts.interface.attachment.machine() == Some(&machine.id)
        })
    }

    /// An old machine was told to stop. The one that ran the member last may be gone already: only we set that tag.
    pub(crate) fn stop_was_asked(&self) -> bool {
        let asked = |machine: &Machine| machine.stop_asked;
        self.last_started().is_some_and(asked) || self.old.iter().copied().any(asked)
    }

    /// Something irreversible for the old machine has begun: from here the way is forward.
    pub(crate) fn switch_has_begun(&self) -> bool {
        let new_has_it = |new: &Machine| new.go || self.has_part_at(new);
        self.stop_was_asked() || self.new.is_some_and(new_has_it)
    }

    /// What comes next takes a healthy member out, as the first change of its slot in this rollout: nothing of it was begun, or
    /// by another rollout, whose old machine may live on, told to stop, beside the one that serves.
    pub(crate) fn is_yet_to_begin(&self, journal: &JournalView) -> bool {
        let new_has_it = |new: &Machine| new.go || self.has_part_at(new);
        let serves = self.standing() == Health::Healthy && !self.is_going();
        let is_left = || serves && !self.new.is_some_and(new_has_it) && !journal.switches(self.name());
        !self.switch_has_begun() || is_left()
    }

    /// Ran the member before: told to stop, and its parts are at the machine that serves now.
    pub(crate) fn ran_before(&self) -> impl Iterator<Item = &'a Machine> {
        let serves = self.standing() == Health::Healthy && !self.is_going() && self.carrier().is_some();
        let left = move |machine: &&Machine| serves && machine.stop_asked && !self.has_part_at(machine);
        self.old.iter().copied().filter(left)
    }

    /// The new machine carries the slot and its member runs the wanted version and is healthy; old ones may still live.
    pub(crate) fn serves_new(&self) -> bool {
        let version = self.endpoint.answer().map(|answer| answer.version);
        self.new.is_some_and(|machine| machine.go)
            && self.parts_at_new()
            && self.standing() == Health::Healthy
            && version == Some(self.plan.to.version)
    }
}

/// Splits the live machines of a slot. Of several with the wanted content, the one that holds the volume wins, then
/// the one that was told to go, then the oldest; the rest count as old and are terminated in the end.
fn split_machines<'a>(
    plan: &RolloutPlan,
    slot: &SlotPlan,
    seen: &'a Observed,
    mut live: Vec<&'a Machine>,
) -> (Option<&'a Machine>, Vec<&'a Machine>) {
    let holder = seen
        .fleet
        .slots
        .get(&slot.slot.name)
        .and_then(|parts| parts.volume.attachment.machine());
    let wanted = live.iter().copied();
    let new = wanted
        .filter(|m| m.digest.as_ref() == Some(&slot.to.digest) && !m.stop_asked && !is_off(m))
        .filter(|m| slot.changes() || holder == Some(&m.id) || m.go)
        .filter(|m| {
            !plan
                .replaces
                .get(&slot.slot.name)
                .is_some_and(|ids| ids.contains(&m.id))
        })
        .min_by_key(|m| (holder != Some(&m.id), !m.go, m.launched_at, &m.id));
    live.retain(|m| new.is_none_or(|n| n.id != m.id));
    (new, live)
}

/// Switched off in EC2, or on the way there. It keeps its parts and does not come up by itself.
pub(crate) fn is_off(machine: &Machine) -> bool {
    matches!(machine.state, MachineState::Stopping | MachineState::Stopped)
}

/// Member lists as they were shown, by slot.
fn shown_lists(
    seen: &Observed,
    cluster: Option<EtcdClusterId>,
) -> impl Iterator<Item = (&SlotName, &Arc<Vec<ListedMember>>)> {
    seen.etcd.endpoints.iter().filter_map(move |(slot, endpoint)| {
        let answer = endpoint.answer()?;
        let ours = cluster.is_none_or(|ours| ours == answer.cluster);
        Some((slot, answer.members.as_ref()?)).filter(|_| ours)
    })
}

/// It serves, and by its own list it is a voter.
fn is_voter_of_its_list(answer: &MemberAnswer) -> bool {
    let own = |list: &Arc<Vec<ListedMember>>| list.iter().any(|line| line.id == answer.id && !line.learner);
    answer.serves && !answer.learner && answer.members.as_ref().is_some_and(own)
}

/// One list for all who answer, or what differs. Answers of another cluster are not ours.
fn agreed_members(seen: &Observed, cluster: Option<EtcdClusterId>) -> Result<Vec<&ListedMember>, String> {
    let mut shown = shown_lists(seen, cluster);
    let first = shown.next().map(|(_, members)| members);
    if shown.all(|(_, members)| Some(members) == first) {
        return Ok(first.into_iter().flat_map(|members| members.iter()).collect());
    }
    let mut lists: BTreeMap<Vec<String>, (Vec<&SlotName>, Vec<&ListedMember>)> = BTreeMap::new();
    for (slot, members) in shown_lists(seen, cluster) {
        let mut key: Vec<String> = members
            .iter()
            .map(|m| format!("{} {} {:?} {}", m.id, m.name, m.peer_urls, m.learner))
            .collect();
        key.sort();
        let entry = lists
            .entry(key)
            .or_insert_with(|| (Vec::new(), members.iter().collect()));
        entry.0.push(slot);
    }
    if lists.len() > 1 {
        let sides: Vec<String> = lists
            .values()
            .map(|(slots, members)| {
                let names: Vec<&str> = slots.iter().map(|slot| slot.as_str()).collect();
                format!(
                    "{} list{} {} members",
                    names.join(", "),
                    if names.len() == 1 { "s" } else { "" },
                    members.len()
                )
            })
            .collect();
        return Err(format!("member lists differ: {}", sides.join("; ")));
    }
    Ok(lists
        .into_values()
        .next()
        .map(|(_, members)| members)
        .unwrap_or_default())
}
