//! The one door through which the world is changed: each [`Action`] becomes one bounded port call.
//!
//! No decision is made here. Where an answer says that what was wanted is so already, it is success.

use crate::domain::machine::MachineContent;
use std::collections::BTreeMap;
use std::sync::Arc;

#[cfg(test)]
use super::mutants;
use super::ports::Ports;
use super::{groups, identity, nodes};
use crate::domain::action::{Action, Preflight};
use crate::domain::desired::Slot;
use crate::domain::fleet::{Join, tag};
use crate::domain::group_action::GroupAction;
use crate::domain::ids::{
    ContentDigest, Generation, InstanceId, LaunchTemplateName, LaunchTemplateVersion, RolloutId, SlotName,
    Token,
};
use crate::domain::observed::Observed;
use crate::mutant::mutant;
use crate::plan::{RolloutPlan, SlotPlan};
use crate::ports::{ApprovedRun, LaunchRequest, LeaseState, PortError, Rule, TemplateContent};

/// What a call belongs to.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) ports: &'a Ports<'a>,
    pub(super) lease: &'a Arc<dyn LeaseState>,
    pub(super) plan: &'a RolloutPlan,
    pub(super) rollout: &'a RolloutId,
    /// The snapshot of the world that the action was decided on.
    pub(super) seen: &'a Observed,
}

/// Performs one action. Its `Intended` must be durable.
pub(super) async fn perform(context: Context<'_>, action: &Action, token: &Token) -> Result<(), PortError> {
    let Ports {
        machines,
        parts,
        membership,
        store,
        ..
    } = *context.ports;
    mutant!(AttachElsewhere => if let Some(done) = mutants::attached_elsewhere(context, action).await { return done });
    match action {
        Action::StartSnapshot => start_snapshot(context).await,
        Action::CreateTemplateVersion {
            slot,
            template,
            digest,
        } => create_template_version(context, slot, template, digest, token).await,
        Action::ApplyTerraform { approved } => apply_terraform(context, approved).await,
        Action::LaunchMachine {
            slot,
            template,
            version,
            digest,
            join,
            generation,
        } => {
            let tags = context.launch_tags(slot, digest, *join, *generation);
            launch(context, template, *version, tags, token).await
        }
        Action::MoveLeader { from, to_id, .. } => membership.move_leader(context.slot(from)?, *to_id).await,
        Action::AskStop { machine, .. } => set(context, machine, tag::STOP).await,
        Action::RemoveMember { member, via, .. } => membership.remove(context.slot(via)?, *member).await,
        Action::DetachInterface {
            interface, machine, ..
        } => parts.detach_interface(interface, machine).await,
        Action::DetachVolume { volume, machine, .. } => parts.detach_volume(volume, machine).await,
        Action::AttachInterface {
            interface, machine, ..
        } => parts.attach_interface(interface, machine).await,
        Action::AttachVolume {
            volume,
            machine,
            generation,
            ..
        } => parts.attach_volume(volume, machine, *generation).await,
        Action::AddMember {
            peer_url,
            via,
            learner,
            ..
        } => add(context, (peer_url, *learner), via).await,
        Action::PromoteMember { member, via, .. } => membership.promote(context.slot(via)?, *member).await,
        Action::Go {
            machine, with_spare, ..
        } => go(context, machine, *with_spare).await,
        Action::Preflight { check } => preflight(context, *check).await,
        Action::VerifyData { .. } => compare(context).await,
        Action::TerminateMachine { machine, .. } => match machines.terminate(machine).await {
            Err(PortError::Gone { .. }) => Ok(()),
            other => other,
        },
        Action::RecordIdentity { etcd_cluster } => {
            identity::record(store, &context.plan.envelope, *etcd_cluster).await
        }
        Action::Group(GroupAction::CreateVersion { template, digest, .. }) => {
            create_group_version(context, template, digest, token).await
        }
        Action::Group(action) => groups::perform(*context.ports, action).await,
        Action::Node(action) => nodes::perform(*context.ports, action).await,
    }
}

async fn start_snapshot(context: Context<'_>) -> Result<(), PortError> {
    let snapshots = context.ports.snapshots;
    snapshots
        .start(context.rollout, &context.slots(), context.serving_slot()?)
        .await
}

async fn preflight(context: Context<'_>, check: Preflight) -> Result<(), PortError> {
    match check {
        Preflight::Writes => context.ports.probe.write_through(&context.voters()).await,
        Preflight::Data => compare(context).await,
    }
}

async fn compare(context: Context<'_>) -> Result<(), PortError> {
    mutant!(SkipCompare => return Ok(()));
    context.ports.etcd.compare_hashes(&context.voters()).await
}

/// Go and stop tags carry the rollout: whoever reads the instance in the console sees who asked.
async fn set(context: Context<'_>, machine: &InstanceId, key: &str) -> Result<(), PortError> {
    let tags = BTreeMap::from([(key.to_owned(), context.rollout.as_str().to_owned())]);
    context.ports.machines.tag(machine, &tags).await
}

async fn add(
    context: Context<'_>,
    (peer_url, learner): (&str, bool),
    via: &SlotName,
) -> Result<(), PortError> {
    match context
        .ports
        .membership
        .add(context.slot(via)?, peer_url, learner)
        .await
    {
        Ok(_) => Ok(()),
        // Perhaps an earlier request of ours that was thought lost: the member list will tell.
        Err(PortError::Refused {
            rule: Rule::MemberExists,
            text,
        }) => Err(PortError::OutcomeUnknown { why: text }),
        Err(error) => Err(error),
    }
}

/// One tag says both, so that a machine cannot read the one without the other.
async fn go(context: Context<'_>, machine: &InstanceId, with_spare: bool) -> Result<(), PortError> {
    let rollout = context.rollout.as_str();
    let value = if with_spare {
        format!("{rollout} {}", tag::WITH_SPARE)
    } else {
        rollout.to_owned()
    };
    let tags = BTreeMap::from([(tag::GO.to_owned(), value)]);
    context.ports.machines.tag(machine, &tags).await
}

async fn launch(
    context: Context<'_>,
    template: &LaunchTemplateName,
    version: LaunchTemplateVersion,
    tags: BTreeMap<String, String>,
    token: &Token,
) -> Result<(), PortError> {
    let request = LaunchRequest {
        template: template.clone(),
        version,
        tags,
        token: token.clone(),
    };
    let answer = context.ports.machines.launch(&request).await;
    mutant!(LaunchAgain => if answer.is_err() { return mutants::under_another_token(context, request).await });
    answer.map(drop)
}

/// The plan in the store is the approved one: whoever changed it since, or took Terraform out of the cluster file, is told.
async fn apply_terraform(context: Context<'_>, approved: &ContentDigest) -> Result<(), PortError> {
    let envelope = &context.plan.envelope;
    let (Some(change), Some(manifest)) = (&context.plan.terraform, &envelope.terraform) else {
        return Err(invalid("the plan has no part for Terraform".to_owned()));
    };
    if manifest.digest() != *approved {
        return Err(invalid(format!(
            "the plan's part for Terraform is not {approved}"
        )));
    }
    let Some(terraform) = context.ports.terraform else {
        let text = "this rollout wants Terraform, and the cluster file has no `terraform` any more";
        return Err(invalid(text.to_owned()));
    };
    let run = ApprovedRun {
        change,
        manifest,
        envelope: &envelope.digest_beside_terraform(),
        lease: context.lease,
    };
    terraform.start(context.rollout, run).await
}

async fn create_template_version(
    context: Context<'_>,
    slot: &SlotName,
    template: &LaunchTemplateName,
    digest: &ContentDigest,
    token: &Token,
) -> Result<(), PortError> {
    let planned = context.planned(slot)?;
    if planned.to.digest != *digest {
        return Err(invalid(format!("the plan has no content {digest} for {slot}")));
    }
    let Some(user_data) = context.plan.user_data.get(slot) else {
        return Err(invalid(format!("the plan has no user data for {slot}")));
    };
    let made_of = TemplateContent {
        subnet: Some(planned.slot.subnet.as_str().to_owned()),
        tags: context.owner_tags(slot),
        ..content(&context.plan.envelope.machine, digest, user_data)
    };
    let templates = context.ports.templates;
    templates
        .create_version(template, &made_of, token)
        .await
        .map(drop)
}

/// Its machines are launched by their group, which knows the subnets.
async fn create_group_version(
    context: Context<'_>,
    template: &LaunchTemplateName,
    digest: &ContentDigest,
    token: &Token,
) -> Result<(), PortError> {
    let plan = context.plan;
    let envelope = &plan.envelope;
    let is_it = |of: &LaunchTemplateName, to: &ContentDigest| of == template && to == digest;
    let servers = envelope
        .servers()
        .filter(|planned| is_it(&planned.launch_template, &planned.to.digest));
    let servers = servers.and_then(|planned| Some((&planned.machine, plan.server_user_data.as_ref()?)));
    let mut workers = envelope
        .worker_groups()
        .filter(|planned| is_it(&planned.launch_template, &planned.to.digest));
    let workers = || {
        let planned = workers.next()?;
        Some((&planned.machine, plan.worker_user_data.get(&planned.group)?))
    };
    let Some((machine, user_data)) = servers.or_else(workers) else {
        return Err(invalid(format!(
            "the plan has no content {digest} for {template}"
        )));
    };
    let made_of = TemplateContent {
        tags: BTreeMap::from([(tag::CLUSTER.to_owned(), envelope.cluster.as_str().to_owned())]),
        ..content(machine, digest, user_data)
    };
    let templates = context.ports.templates;
    templates
        .create_version(template, &made_of, token)
        .await
        .map(drop)
}

fn content(machine: &MachineContent, digest: &ContentDigest, user_data: &str) -> TemplateContent {
    TemplateContent {
        digest: digest.clone(),
        image: machine.image.to_string(),
        instance_type: machine.instance_type.clone(),
        instance_profile: machine.instance_profile.clone(),
        security_groups: machine.security_groups.clone(),
        subnet: None,
        user_data: user_data.to_owned(),
        tags: BTreeMap::new(),
    }
}

impl<'a> Context<'a> {
    fn planned(&self, slot: &SlotName) -> Result<&'a SlotPlan, PortError> {
        let mut slots = self.plan.envelope.all_slots();
        slots
            .find(|planned| planned.slot.name == *slot)
            .ok_or_else(|| invalid(format!("{slot} is not in the plan")))
    }

    fn slot(&self, slot: &SlotName) -> Result<&'a Slot, PortError> {
        Ok(&self.planned(slot)?.slot)
    }

    fn slots(&self) -> Vec<Slot> {
        self.plan
            .envelope
            .slots
            .iter()
            .map(|planned| planned.slot.clone())
            .collect()
    }

    /// The slots, and the spare while it is a voter.
    fn voters(&self) -> Vec<Slot> {
        let votes = |slot: &Slot| {
            let answer = self.seen.etcd.endpoints.get(&slot.name).and_then(|e| e.answer());
            answer.is_some_and(|answer| answer.serves && !answer.learner)
        };
        let spare = self
            .plan
            .envelope
            .spare
            .iter()
            .map(|planned| planned.slot.clone());
        self.slots().into_iter().chain(spare.filter(votes)).collect()
    }

    /// A follower if there is one: reading the whole database costs the leader more than the others.
    fn serving_slot(&self) -> Result<&'a SlotName, PortError> {
        let serving = self.plan.envelope.slots.iter().filter_map(|planned| {
            let answer = self.seen.etcd.endpoints.get(&planned.slot.name)?.answer()?;
            (answer.serves && !answer.learner)
                .then_some((answer.leader == Some(answer.id), &planned.slot.name))
        });
        let first = serving.min_by_key(|(leads, _)| *leads);
        first.map(|(_, name)| name).ok_or_else(|| PortError::NotSent {
            why: "no member serves".to_owned(),
        })
    }

    fn owner_tags(&self, slot: &SlotName) -> BTreeMap<String, String> {
        let cluster = self.plan.envelope.cluster.as_str();
        BTreeMap::from([
            (tag::CLUSTER.to_owned(), cluster.to_owned()),
            (tag::SLOT.to_owned(), slot.as_str().to_owned()),
        ])
    }

    fn launch_tags(
        &self,
        slot: &SlotName,
        digest: &ContentDigest,
        join: Join,
        generation: Generation,
    ) -> BTreeMap<String, String> {
        let mut tags = self.owner_tags(slot);
        tags.insert(tag::GENERATION.to_owned(), generation.to_string());
        tags.insert(tag::JOIN.to_owned(), join.as_str().to_owned());
        tags.insert(tag::DIGEST.to_owned(), digest.as_str().to_owned());
        tags.insert(tag::ROLLOUT.to_owned(), self.rollout.as_str().to_owned());
        tags
    }
}

fn invalid(text: String) -> PortError {
    PortError::Refused {
        rule: Rule::Invalid,
        text,
    }
}
