//! The spare slot in a plan: `learner-first` only.

use super::envelope::{Envelope, ForecastStep, RolloutKind, SlotContent, SlotPlan};
use super::eta;
use super::input::{PlanInput, Target, holder, lowest_version};
use super::planner::running_content;
use super::refusal::Refusal;
use crate::catalog::etcd::LEARNER_FIRST_FROM;
use crate::domain::desired::Slot;
use crate::domain::etcd::Endpoint;
use crate::domain::ids::StepId;
use crate::domain::policy::EtcdStrategy;
use crate::domain::quorum::Standing;

/// The spare of the cluster file, where the strategy uses it.
pub(super) fn wanted<'a>(input: &PlanInput<'a>) -> Option<&'a Slot> {
    let spare = input.desired.etcd.spare.as_ref()?;
    let used = input.strategy == EtcdStrategy::LearnerFirst && input.kind != RolloutKind::Bootstrap;
    used.then_some(spare)
}

/// Its place in the envelope; `None`: nothing is done with it.
pub(super) fn plan(input: &PlanInput<'_>, slots: &[SlotPlan]) -> Result<Option<SlotPlan>, Refusal> {
    let Some(spare) = wanted(input) else {
        return Ok(None);
    };
    let left_over = holder(input.seen, &spare.name).is_some() || is_listed(input, spare);
    // One that votes in the place of a member that is to be healed leaves after it has come.
    let votes_for_another = matches!(input.kind, RolloutKind::Heal { .. }) && votes(input, spare);
    if let RolloutKind::Heal { slot } = &input.kind
        && !votes_for_another
    {
        return if left_over {
            Err(Refusal::new(
                "plan::spare_in_use",
                format!(
                    "the spare {} is in use: a learner-first rollout has not ended",
                    spare.name
                ),
                format!("end it first, which also brings {slot} back: `rehull resume` or `rehull abort`"),
            ))
        } else {
            Ok(None)
        };
    }
    let reason = if votes_for_another {
        "has a vote since an earlier rollout, and leaves once the others are whole"
    } else if slots.iter().any(SlotPlan::changes) {
        "one voter more while the others are replaced"
    } else if left_over {
        "left over from an earlier rollout"
    } else {
        return Ok(None);
    };
    let from = running_content(input.seen, spare);
    let to = match &input.target {
        _ if votes_for_another => None,
        Target::Rendered(rendered) => rendered.get(&spare.name).map(|(_, digest)| SlotContent {
            version: input.desired.etcd.version,
            digest: digest.clone(),
        }),
        Target::Known(contents) => contents.get(&spare.name).cloned(),
    };
    let Some(to) = to.or_else(|| from.clone()) else {
        return Err(Refusal::new(
            "plan::no_content",
            format!("nothing is known of what the spare {} should run", spare.name),
            "the rollout that is to be undone had no spare: use `strategy: remove-then-add` for the way back",
        )
        .at("/etcd/strategy", "needs the spare"));
    };
    Ok(Some(SlotPlan {
        step: StepId::new(format!("etcd/{}", spare.name)),
        slot: spare.clone(),
        from,
        to,
        reasons: vec![reason.to_owned()],
    }))
}

/// A voter that serves.
fn votes(input: &PlanInput<'_>, spare: &Slot) -> bool {
    let endpoint = input.seen.etcd.endpoints.get(&spare.name);
    let serves = endpoint
        .and_then(Endpoint::answer)
        .is_some_and(|answer| answer.serves && !answer.learner);
    serves && is_listed(input, spare)
}

fn is_listed(input: &PlanInput<'_>, spare: &Slot) -> bool {
    let answers = input
        .seen
        .etcd
        .endpoints
        .values()
        .filter_map(|endpoint| endpoint.answer());
    let mut lines = answers.filter_map(|answer| answer.members.as_deref()).flatten();
    lines.any(|line| line.peer_urls.contains(&spare.peer_url()))
}

/// The spare is a member, and the strategy has no use for it: no rollout of another strategy would take it off, and each
/// would wait for that.
pub(super) fn left_behind(input: &PlanInput<'_>) -> Option<Refusal> {
    let unused = input.desired.etcd.spare.as_ref();
    let spare = unused.filter(|spare| wanted(input).is_none() && is_listed(input, spare))?;
    let message = format!(
        "the spare {} is a member: a learner-first rollout has not ended, and with this strategy nothing takes it off",
        spare.name
    );
    let help = "write `strategy: learner-first` again until that rollout has ended, forwards or back";
    let refusal = Refusal::new("plan::spare_in_use", message, help);
    Some(refusal.at(
        "/etcd/strategy",
        "was learner-first when the spare became a member",
    ))
}

/// What stands against `learner-first` here, whatever the file pins: members that run older releases than that.
pub(super) fn refusal(input: &PlanInput<'_>, envelope: &Envelope) -> Option<Refusal> {
    if input.strategy != EtcdStrategy::LearnerFirst {
        return None;
    }
    if input.desired.etcd.spare.is_none() {
        let help = "give the file a `spare` beside `slots`, or use `strategy: remove-then-add`";
        let refusal = Refusal::new("plan::learner_first", "learner-first needs a spare slot", help);
        return Some(refusal.at("/etcd/strategy", "no `spare` beside `slots`"));
    }
    let planned = envelope.all_slots().filter(|slot| slot.changes());
    let oldest = planned
        .map(|slot| slot.to.version)
        .chain(lowest_version(input.seen))
        .min()
        .filter(|oldest| *oldest < LEARNER_FIRST_FROM)?;
    let message = format!("learner-first needs etcd {LEARNER_FIRST_FROM} or newer; {oldest} is involved");
    let help = "earlier releases can forget that a learner was promoted: use `strategy: remove-then-add`";
    let refusal = Refusal::new("plan::learner_first", message, help);
    Some(refusal.at("/etcd/strategy", format!("with members of {oldest}")))
}

/// Quorum margin of a slot's step: before, between its stop and its removal, after.
pub(super) fn margins(envelope: &Envelope) -> Option<(i64, i64, i64)> {
    envelope.spare.as_ref().filter(|spare| spare.changes())?;
    let (_, with) = standings(envelope);
    Some((with.margin(), with.after_stop().margin(), with.margin()))
}

/// All healthy: without the spare, and with it.
fn standings(envelope: &Envelope) -> (Standing, Standing) {
    let members = u32::try_from(envelope.slots.len()).unwrap_or(u32::MAX);
    let all = |voters| Standing {
        voters,
        healthy: voters,
    };
    (all(members), all(members.saturating_add(1)))
}

/// The spare stands first, where it enters; that it leaves last stands beside it.
pub(super) fn first_line(envelope: &Envelope) -> Option<ForecastStep> {
    let spare = envelope.spare.as_ref().filter(|spare| spare.changes())?;
    let (without, with) = standings(envelope);
    Some(ForecastStep {
        step: spare.step.clone(),
        slot: spare.slot.name.clone(),
        because: format!(
            "spare: enters as a learner, leaves last; {}",
            spare.reasons.join("; ")
        ),
        margin: (without.margin(), with.margin(), without.margin()),
        about: eta::member(&envelope.policy).saturating_add(eta::leave(&envelope.policy)),
        point_of_no_return: false,
    })
}

pub(super) fn note(envelope: &Envelope) -> Option<String> {
    let spare = envelope.spare.as_ref().filter(|spare| spare.changes())?;
    let (without, with) = standings(envelope);
    Some(format!(
        "learner-first keeps margin {} while a member is out; only from its stop to its removal (2 to 10 s with open watches) it is {}. Machines launched before {} stood in the file do not know its address: it could not join, and nothing would be touched",
        without.margin(),
        with.after_stop().margin(),
        spare.slot.name
    ))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test that meets the unexpected shall fail loudly"
    )]

    use super::super::tests::{desired, make};
    use super::*;
    use crate::domain::desired::Desired;
    use crate::domain::fleet::Attachment;
    use crate::domain::ids::InstanceId;
    use crate::domain::version::EtcdVersion;
    use crate::rollout::tests::model::{Model, NEW, OLD, SPARE, slot, slot_name};

    fn learner_first(version: EtcdVersion) -> Desired {
        let mut desired = desired(3, version);
        desired.etcd.strategy = EtcdStrategy::LearnerFirst;
        desired.etcd.spare = Some(slot(SPARE));
        desired
    }

    fn ready() -> Model {
        Model::ready_for(EtcdStrategy::LearnerFirst, 3)
    }

    #[test]
    fn the_spare_stands_first_in_the_plan_and_the_seconds_before_a_removal_are_told() {
        let plan = make(&learner_first(NEW), &ready().observe(), RolloutKind::Upgrade).unwrap();
        let order: Vec<&str> = plan
            .forecast
            .order
            .iter()
            .map(|step| step.slot.as_str())
            .collect();
        assert_eq!(order, ["etcd-i", "etcd-b", "etcd-c", "etcd-a"]);
        let margins: Vec<_> = plan.forecast.order.iter().map(|step| step.margin).collect();
        assert_eq!(margins, [(1, 1, 1), (1, 0, 1), (1, 0, 1), (1, 0, 1)]);
        assert!(plan.forecast.order[3].point_of_no_return);
        assert!(
            plan.forecast
                .notes
                .iter()
                .any(|note| note.contains("etcd-i stood in the file"))
        );
        // What is not used is not in the envelope.
        let mut other = learner_first(NEW);
        other.etcd.strategy = EtcdStrategy::Reattach;
        let plan = make(&other, &ready().observe(), RolloutKind::Upgrade).unwrap();
        assert_eq!(plan.envelope.spare, None);
        let plan = make(&learner_first(OLD), &ready().observe(), RolloutKind::Upgrade).unwrap();
        assert_eq!(plan.envelope.spare, None, "nothing is to be replaced");
    }

    #[test]
    fn learner_first_is_refused_below_3_5_24_for_what_the_members_run_and_without_a_spare() {
        let code = |desired: &Desired, model: &Model, kind| {
            make(desired, &model.observe(), kind).unwrap_err()[0].code
        };
        let mut no_spare = learner_first(NEW);
        no_spare.etcd.spare = None;
        assert_eq!(
            code(&no_spare, &ready(), RolloutKind::Upgrade),
            "plan::learner_first"
        );
        let mut model = ready();
        model.running.insert(slot_name(2), EtcdVersion::new(3, 5, 23));
        let refusals = make(
            &learner_first(OLD),
            &model.observe(),
            RolloutKind::Replace { slot: slot_name(0) },
        );
        let refusals = refusals.unwrap_err();
        assert_eq!(refusals[0].code, "plan::learner_first");
        assert!(refusals[0].message.contains("3.5.23"), "{}", refusals[0].message);
    }

    #[test]
    fn a_spare_that_was_left_in_the_list_is_taken_off_by_the_next_rollout_and_stops_a_heal() {
        let mut seen = ready().observe();
        for endpoint in seen.etcd.endpoints.values_mut() {
            if let Endpoint::Answered(answer) = endpoint {
                let members = answer.members.as_mut().unwrap();
                std::sync::Arc::make_mut(members).push(crate::domain::etcd::ListedMember {
                    id: crate::domain::ids::MemberId(9),
                    name: "etcd-i".to_owned(),
                    peer_urls: vec![slot(SPARE).peer_url()],
                    learner: false,
                });
            }
        }
        let plan = make(&learner_first(OLD), &seen, RolloutKind::Upgrade).unwrap();
        assert!(plan.envelope.spare.unwrap().reasons[0].contains("left over"));
        let heal = RolloutKind::Heal { slot: slot_name(0) };
        let refusals = make(&learner_first(OLD), &seen, heal).unwrap_err();
        assert_eq!(refusals[0].code, "plan::spare_in_use");
        // One that votes does it in the place of the member that is healed.
        let mut votes = seen.clone();
        let another = votes.etcd.endpoints[&slot_name(1)].clone();
        votes.etcd.endpoints.insert(slot_name(SPARE), another);
        votes.etcd.endpoints.insert(slot_name(0), Endpoint::Refused);
        let mut machine = votes.fleet.machines[0].clone();
        machine.slot = slot_name(SPARE);
        machine.id = InstanceId::new("i-spare");
        let parts = votes.fleet.slots.get_mut(&slot_name(SPARE)).unwrap();
        parts.volume.attachment = Attachment::Attached(machine.id.clone());
        votes.fleet.machines.push(machine);
        let heal = RolloutKind::Heal { slot: slot_name(0) };
        let plan = make(&learner_first(OLD), &votes, heal).unwrap();
        assert!(plan.envelope.spare.unwrap().reasons[0].contains("leaves once the others are whole"));

        // With another strategy nothing would ever take it off, forwards or back.
        let mut edited = learner_first(NEW);
        edited.etcd.strategy = EtcdStrategy::RemoveThenAdd;
        let back = RolloutKind::Rollback { of: "t-1".to_owned() };
        for kind in [RolloutKind::Upgrade, back] {
            let refusals = make(&edited, &seen, kind).unwrap_err();
            assert_eq!(codes_of(&refusals), ["plan::spare_in_use"]);
            assert!(
                refusals[0].help.contains("strategy: learner-first"),
                "{refusals:?}"
            );
        }
        // Nor where the file has forgotten it.
        edited.etcd.spare = None;
        let plan = make(&edited, &seen, RolloutKind::Upgrade).unwrap();
        let [blocker] = plan.forecast.blockers.as_slice() else {
            unreachable!("{:?}", plan.forecast.blockers)
        };
        assert!(
            blocker.contains("member 9 `etcd-i` belongs to no slot"),
            "{blocker}"
        );
    }

    fn codes_of(refusals: &[Refusal]) -> Vec<&'static str> {
        refusals.iter().map(|refusal| refusal.code).collect()
    }
}
