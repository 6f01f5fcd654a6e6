//! Stage 2: a machine boots, verifies everything and waits for its go.

use super::give_up;
use super::step::{Step, boot_word, is_verified};
use super::tick::Tick;
use crate::domain::fleet::{Machine, MachineState};
use crate::domain::waiting::{StopReason, WaitingOn};

/// True: it is warm. Else what it waits for, or that its time is up.
pub(super) fn warm(step: &Step<'_>, new: &Machine, tick: &mut Tick) -> bool {
    if is_verified(new) {
        return true;
    }
    let given_up = give_up::did_not_boot(step, new);
    let until = if given_up {
        give_up::last_look(step)
    } else {
        step.deadline(new.launched_at, step.now.plan.envelope.policy.boot_deadline)
    };
    if step.now.seen.at < until {
        let phase = new.report.as_ref().map(|report| &report.phase);
        let phase = phase.map_or_else(|| ec2_word(&new.state), boot_word);
        step.wait(
            tick,
            WaitingOn::Boot {
                machine: new.id.clone(),
                phase,
                until,
            },
        );
    } else if given_up {
        give_up::unbooted(step, new, tick);
    } else {
        let what = format!(
            "machine {} of {} did not become warm in time; when the rollout is resumed it is given up for another",
            new.id,
            step.slot.name()
        );
        tick.stop(StopReason::Deadline { what });
    }
    false
}

fn ec2_word(state: &MachineState) -> String {
    match state {
        MachineState::Pending => "pending",
        MachineState::Running => "running, no report yet",
        MachineState::Stopping => "stopping",
        MachineState::Stopped => "stopped",
        MachineState::ShuttingDown => "shutting-down",
        MachineState::Terminated => "terminated",
        MachineState::Other(word) => word,
    }
    .to_owned()
}
