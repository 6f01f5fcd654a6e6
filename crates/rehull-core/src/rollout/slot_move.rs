//! Moves volume and interface from the old machine to the new one.

use super::situation::SlotSituation;
use super::tick::Tick;
use crate::domain::action::Action;
use crate::domain::fleet::{Attachment, Machine};
use crate::domain::waiting::{StopReason, WaitingOn};
use crate::mutant::mutant;

/// Proposes detaching what the old machine still has. Only called once its etcd is stopped.
pub(crate) fn off_the_old(slot: &SlotSituation<'_>, new: &Machine, tick: &mut Tick) {
    let Some(parts) = slot.parts else { return };
    let name = slot.name().clone();
    if let Attachment::Attached(machine) = &parts.volume.attachment
        && *machine != new.id
    {
        let volume = parts.volume.id.clone();
        let action = Action::DetachVolume {
            slot: name.clone(),
            volume,
            machine: machine.clone(),
        };
        propose(slot, machine, action, tick);
    }
    if let Attachment::Attached(machine) = &parts.interface.attachment
        && *machine != new.id
    {
        let interface = parts.interface.id.clone();
        let action = Action::DetachInterface {
            slot: name,
            interface,
            machine: machine.clone(),
        };
        propose(slot, machine, action, tick);
    }
}

/// A part is taken only from machines of its own slot: from old ones, and from a replacement that never ran the member,
/// where what was lost meanwhile comes back on another machine.
fn propose(
    slot: &SlotSituation<'_>,
    machine: &crate::domain::ids::InstanceId,
    action: Action,
    tick: &mut Tick,
) {
    let idle = |new: &Machine| new.id == *machine && (!new.go || new.has_refused());
    if slot.old.iter().any(|old| old.id == *machine) || slot.new.is_some_and(idle) {
        tick.act(&slot.plan.step, action);
    } else if slot.leaving.iter().any(|gone| gone.id == *machine) {
        // EC2 frees the parts of a terminated machine by itself.
        tick.wait(
            &slot.plan.step,
            WaitingOn::Termination {
                machine: machine.clone(),
            },
        );
    } else {
        let what = format!(
            "a part of {} is attached to {machine}, which is no live machine of that slot",
            slot.name()
        );
        tick.stop(StopReason::OutsideEnvelope { what });
    }
}

/// Proposes what is still needed to have both parts at the new machine. True: they are there.
pub(crate) fn to_the_new(slot: &SlotSituation<'_>, new: &Machine, tick: &mut Tick) -> bool {
    let Some(parts) = slot.parts else {
        let what = format!("interface or volume of {} was not found", slot.name());
        tick.stop(StopReason::OutsideEnvelope { what });
        return false;
    };
    off_the_old(slot, new, tick);
    mutant!(GoBeforeParts => return true);
    let name = slot.name().clone();
    let volume = Action::AttachVolume {
        slot: name.clone(),
        volume: parts.volume.id.clone(),
        machine: new.id.clone(),
        generation: new.generation.unwrap_or(crate::domain::ids::Generation(0)),
    };
    let interface = Action::AttachInterface {
        slot: name,
        interface: parts.interface.id.clone(),
        machine: new.id.clone(),
    };
    let parts = [
        ("volume", &parts.volume.attachment, volume),
        ("interface", &parts.interface.attachment, interface),
    ];
    let mut there = true;
    for (word, attachment, attach) in parts {
        if !attachment.is_attached_to(&new.id) {
            there = false;
            bring(slot, (word, attachment), attach, tick);
        }
    }
    there
}

/// Proposes the attachment of one part that is not at the new machine, or says what it waits for.
fn bring(slot: &SlotSituation<'_>, (word, attachment): (&str, &Attachment), attach: Action, tick: &mut Tick) {
    let waiting = |state: &str| WaitingOn::Slot {
        part: word.to_owned(),
        state: state.to_owned(),
    };
    match attachment {
        Attachment::Attached(_) => {} // `off_the_old` has proposed the detachment
        Attachment::Available => tick.act(&slot.plan.step, attach),
        Attachment::Attaching(_) => tick.wait(&slot.plan.step, waiting("attaching")),
        Attachment::Detaching(_) => tick.wait(&slot.plan.step, waiting("detaching")),
        Attachment::Unclear(state) => tick.wait(&slot.plan.step, waiting(state)),
        Attachment::Missing => {
            let what = format!("the {word} of {} does not exist any more", slot.name());
            tick.stop(StopReason::OutsideEnvelope { what });
        }
    }
}
