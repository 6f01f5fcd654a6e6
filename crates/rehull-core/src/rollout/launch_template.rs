//! Makes the launch template versions of a rollout: one per slot that changes, found again by its content digest.

use super::situation::Situation;
use super::tick::Tick;
use crate::domain::action::Action;

/// Proposes every version that is missing. True: all are there.
pub(crate) fn next(now: &Situation<'_>, tick: &mut Tick) -> bool {
    let mut all = true;
    for slot in now.all_slots().filter(|slot| slot.plan.changes()) {
        if now.template_version(slot.plan).is_none() {
            all = false;
            let action = Action::CreateTemplateVersion {
                slot: slot.name().clone(),
                template: slot.plan.slot.launch_template.clone(),
                digest: slot.plan.to.digest.clone(),
            };
            tick.act(&slot.plan.step, action);
        }
    }
    all
}
