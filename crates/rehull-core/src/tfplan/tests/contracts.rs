//! The contract is what the envelope of a rollout plan promises.

use super::*;
use crate::domain::policy::EtcdStrategy;
use crate::rollout::tests::fixture;

fn plan() -> crate::plan::RolloutPlan {
    let mut plan = fixture::plan(3, EtcdStrategy::LearnerFirst);
    let slots: Vec<_> = plan
        .envelope
        .all_slots()
        .map(|planned| planned.slot.name.clone())
        .collect();
    plan.envelope.machine.image = "ami-1".to_owned();
    plan.envelope.machine.security_groups = vec!["sg-2".to_owned(), "sg-1".to_owned()];
    plan.user_data = slots
        .into_iter()
        .map(|slot| (slot.clone(), user_data(slot.as_str(), "3.6.14")))
        .collect();
    plan
}

#[test]
fn every_slot_and_the_spare_has_its_template_with_the_digest_of_the_rendered_bytes() {
    let plan = plan();
    let contract = Contract::of(&plan, Templates::Aws).unwrap();
    assert_eq!(contract.roles.len(), 4, "three slots and the spare");
    for (role, planned) in contract.roles.iter().zip(plan.envelope.all_slots()) {
        assert_eq!(role.role, planned.slot.name.as_str());
        assert_eq!(role.launch_template, planned.slot.launch_template);
        assert_eq!(role.content, planned.to.digest);
        assert_eq!(role.version, "3.6.14");
        assert_eq!(role.subnet, planned.slot.subnet);
        assert_eq!(role.user_data, sha256(user_data(&role.role, "3.6.14").as_bytes()));
        assert_eq!(role.image.as_str(), "ami-1");
        assert_eq!(
            role.security_groups,
            ["sg-1".to_owned(), "sg-2".to_owned()].into()
        );
    }
}

#[test]
fn a_slot_whose_text_is_lost_is_no_contract() {
    let mut plan = plan();
    let slot = plan.envelope.slots[1].slot.name.clone();
    plan.user_data.remove(&slot);
    assert_eq!(
        Contract::of(&plan, Templates::Aws),
        Err(ContractError::NoUserData { slot })
    );
}
