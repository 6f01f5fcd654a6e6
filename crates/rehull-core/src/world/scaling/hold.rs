//! Suspended processes: what a group leaves undone until somebody resumes it.

use super::{Group, invalid};
use crate::world::World;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope};

/// What can be suspended (API reference, `ProcessType`).
const PROCESSES: [&str; 9] = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("SuspendProcesses", |world, at| {
        let processes = processes(at)?;
        world.scaling_group(at)?.suspended.extend(processes);
        Ok(Document::new())
    }),
    Operation::of("ResumeProcesses", resume),
];

/// A process that does something here. The others (alarms, schedules, refreshes) have nothing to hold back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    Launch,
    Terminate,
    AddToLoadBalancer,
    AzRebalance,
    HealthCheck,
    ReplaceUnhealthy,
}

impl Process {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Launch => "Launch",
            Self::Terminate => "Terminate",
            Self::AddToLoadBalancer => "AddToLoadBalancer",
            Self::AzRebalance => "AZRebalance",
            Self::HealthCheck => "HealthCheck",
            Self::ReplaceUnhealthy => "ReplaceUnhealthy",
        }
    }
}

impl Group {
    /// Suspended, by a person or by the service.
    pub(super) fn holds(&self, process: Process) -> bool {
        self.suspended.contains(process.name()) || self.given_up.contains(process.name())
    }
}

/// None named means all.
fn processes(at: &Scope<'_>) -> Result<Vec<String>, AwsError> {
    let named = at.list("ScalingProcesses");
    if let Some(unknown) = named.iter().find(|name| !PROCESSES.contains(&name.as_str())) {
        return Err(invalid(format!("Invalid process type: {unknown}")));
    }
    if named.is_empty() {
        return Ok(PROCESSES.map(str::to_owned).to_vec());
    }
    Ok(named)
}

/// What piled up meanwhile is done at once, but for registrations: nobody makes up for those.
fn resume(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let processes = processes(at)?;
    let group = world.scaling_group(at)?;
    group.suspended.retain(|known| !processes.contains(known));
    group.given_up.retain(|known| !processes.contains(known));
    group.failing_since = None;
    group.retry_from = None;
    let name = group.name.clone();
    let members: Vec<String> = group.members.keys().cloned().collect();
    for id in members {
        world.notice_soon(&id);
    }
    world.act_soon(&name);
    Ok(Document::new())
}
