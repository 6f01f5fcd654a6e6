//! Losses on purpose: what somebody who tries rehull wants to see survived.

use rehull_core::world::Switch;
use rehull_core::world::instance::InstanceState;
use rustix::process::Signal;

use super::error::SandboxError;
use super::host::{Places, find};
use super::processes;
use super::status::{Seen, post, switch};

/// What happens to a member's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Somebody with a console terminates it.
    Terminate,
    /// Its power goes; EC2 goes on saying that it runs.
    PowerCut,
    /// Every process of it is stopped (SIGSTOP): connections stay open and nobody answers.
    Freeze,
    /// A frozen one goes on.
    Thaw,
}

/// Does it to every machine that the member's slot has now, and returns their ids.
///
/// # Errors
/// The slot has no machine, or the daemon does not answer.
pub async fn harm(seen: &Seen, member: &str, harm: Harm) -> Result<Vec<String>, SandboxError> {
    let info = &seen.info;
    let status = seen.status.as_ref().ok_or_else(|| SandboxError::Silent {
        endpoint: info.endpoint.clone(),
        why: "its daemon has died".to_owned(),
    })?;
    let over = [InstanceState::Terminated, InstanceState::ShuttingDown];
    let machines = status
        .machines
        .iter()
        .filter(|machine| machine.slot.as_deref() == Some(member) && !over.contains(&machine.state));
    let ids: Vec<String> = machines.map(|machine| machine.id.clone()).collect();
    if ids.is_empty() {
        return Err(SandboxError::NoMachine {
            member: member.to_owned(),
        });
    }
    for id in &ids {
        match harm {
            Harm::Terminate => post(info, "terminate", id.clone().into_bytes()).await?,
            Harm::PowerCut => {
                let instance = id.clone();
                switch(info, &Switch::PowerCut { instance }).await?;
            }
            Harm::Freeze => signal(seen, id, Signal::STOP)?,
            Harm::Thaw => signal(seen, id, Signal::CONT)?,
        }
    }
    Ok(ids)
}

/// To every process of a machine; one without power has none.
fn signal(seen: &Seen, id: &str, signal: Signal) -> Result<(), SandboxError> {
    let dir = Places::new(&seen.info.dir).machines().join(id);
    let Some(first) = find(&dir) else {
        return Ok(());
    };
    let mut all = processes::of_machine(first.handle());
    if signal == Signal::CONT {
        // `unshare` waits outside, and stops itself with the machine.
        all.extend(processes::machines(&dir));
    }
    for process in all {
        process.signal(signal).map_err(SandboxError::file(&dir))?;
    }
    Ok(())
}
