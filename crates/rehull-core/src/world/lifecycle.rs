//! Power: how instances come up and go down, and what the processes behind them report.

use super::World;
use super::agenda::{Event, later};
use super::api::Text;
use super::api::ec2::{Response, StateChange};
use super::effect::{BootId, Deed, Effect, EffectId, Fact, Hardware, Powered};
use super::error::AwsError;
use super::instance::{Instance, InstanceState};
use super::interface::AttachmentState;
use super::timing::Quantity;
use crate::domain::ids::InstanceId;

impl World {
    /// One unknown id, and nothing is terminated. Terminating twice is success.
    pub(super) fn terminate_instances(&mut self, ids: &[String]) -> Result<Response, AwsError> {
        for id in ids {
            self.instance_mut(id)?;
        }
        let mut changes = Vec::new();
        for id in ids {
            let before = self.instance_mut(id)?.state;
            if !matches!(before, InstanceState::ShuttingDown | InstanceState::Terminated) {
                self.begin_termination(id);
            }
            let now = self.instance_mut(id)?.state;
            changes.push(StateChange {
                id: id.clone(),
                before,
                now,
            });
        }
        Ok(Response::StateChanges(changes))
    }

    pub(super) fn begin_termination(&mut self, id: &str) {
        let least = self.draw(id, Quantity::TerminateToTerminated);
        let ends_from = later(self.now, least);
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.state = InstanceState::ShuttingDown;
        instance.state_reason = Some(reason("Client.UserInitiatedShutdown", "User initiated shutdown"));
        instance.ends_from = Some(ends_from);
        instance.restart = false;
        self.shut_down(id);
        self.plan(least, Event::TerminationElapsed(id.to_owned()));
        self.member_stops(id);
    }

    /// Presses the power button and gives the guest its time.
    fn shut_down(&mut self, id: &str) {
        let Some(boot) = self.instances.get(id).and_then(|instance| instance.boot) else {
            return;
        };
        self.effect(id, boot, Deed::Shutdown);
        let budget = self.draw(id, Quantity::GuestShutdownMax);
        self.plan(budget, Event::ShutdownBudgetSpent(id.to_owned()));
    }

    pub(super) fn reboot_instances(&mut self, ids: &[String]) -> Result<Response, AwsError> {
        for id in ids {
            if self.instance_mut(id)?.state != InstanceState::Running {
                return Err(AwsError::state(format!("Instance '{id}' is not 'running'.")));
            }
        }
        for id in ids {
            if self.instance_mut(id)?.boot.is_some() {
                self.instance_mut(id)?.restart = true;
                self.shut_down(id);
            } else {
                self.plan_power_on(id);
            }
        }
        Ok(Response::Done)
    }

    pub(super) fn plan_power_on(&mut self, id: &str) {
        let wait = self.draw(id, Quantity::Restart);
        self.plan(wait, Event::PowerOn(id.to_owned()));
    }

    pub(super) fn instance_running(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        if instance.state != InstanceState::Pending {
            return;
        }
        instance.state = InstanceState::Running;
        self.interfaces.change(
            |interface| interface.is_at(id),
            |interface| {
                if let Some(at) = &mut interface.attachment {
                    at.state = AttachmentState::Attached;
                }
            },
        );
        self.power_on(id);
        self.member_runs(id);
    }

    pub(super) fn power_on(&mut self, id: &str) {
        let boot = BootId(self.next_number());
        let Some(hardware) = self.hardware(id) else { return };
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        if instance.boot.is_some() || instance.state != InstanceState::Running {
            return;
        }
        instance.boot = Some(boot);
        instance.last_boot = Some(boot);
        self.effect(id, boot, Deed::Start(hardware));
        let attached = |at: &&super::volume::VolumeAttachment| at.state == AttachmentState::Attached;
        let volumes: Vec<String> = self
            .volumes_at(id)
            .filter(attached)
            .map(|at| at.volume.clone())
            .collect();
        for volume in volumes {
            self.device_visible(&volume);
        }
    }

    fn hardware(&self, id: &str) -> Option<Hardware> {
        let (_, primary) = self.interfaces_at(id).find(|(index, _)| *index == 0)?;
        Some(Hardware {
            hostname: format!("ip-{}", primary.address.to_string().replace('.', "-")),
            address: primary.address,
            user_data: self.instances.get(id)?.user_data.clone(),
        })
    }

    /// Machines that were started and not heard of since: after a restart of whoever performs effects, it looks for
    /// their processes, and reports those that are gone. A machine whose start is still open is not among them.
    #[must_use]
    pub fn powered(&self) -> Vec<Powered> {
        let starting = |boot: BootId| {
            self.open
                .values()
                .any(|effect| effect.boot == boot && matches!(effect.deed, Deed::Start(_)))
        };
        let on = self.instances.values().filter_map(|instance| {
            let boot = instance.boot.filter(|boot| !starting(*boot))?;
            let hardware = self.hardware(&instance.id)?;
            Some(Powered {
                instance: InstanceId::new(&instance.id),
                boot,
                hardware,
            })
        });
        on.collect()
    }

    /// Takes the power without warning; EC2 goes on saying `running`.
    pub(super) fn cut_power(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        if let Some(boot) = instance.boot.take() {
            instance.dying = Some(boot);
            self.effect(id, boot, Deed::PowerCut);
            self.targets_go_silent(id);
        }
    }

    pub(super) fn shutdown_budget_spent(&mut self, id: &str) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let overdue = instance.state == InstanceState::ShuttingDown || instance.restart;
        if let (true, Some(boot)) = (overdue, instance.boot) {
            // The boot stays on until its exit is reported: its devices are not free before the process is dead.
            self.effect(id, boot, Deed::PowerCut);
        }
    }

    /// `shutting-down` ends when its least time is over *and* the guest is off.
    pub(super) fn try_to_terminate(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        let elapsed = instance.ends_from.is_some_and(|from| from <= self.now);
        if instance.state != InstanceState::ShuttingDown || instance.has_process() || !elapsed {
            return;
        }
        instance.state = InstanceState::Terminated;
        instance.user_data = Text::default();
        self.release_devices(id);
        self.identities.remove_machine(id);
        let keeps_tags = self.draw(id, Quantity::TerminatedKeepsTags);
        self.plan(keeps_tags, Event::TagsVanish(id.to_owned()));
        let described = self.draw(id, Quantity::TerminatedStillDescribed);
        self.plan(described, Event::Forgotten(id.to_owned()));
        self.member_terminated(id);
    }

    fn release_devices(&mut self, id: &str) {
        self.interfaces.retain(|interface| {
            let gone =
                |at: &super::interface::InterfaceAttachment| at.instance == id && at.delete_on_termination;
            !interface.attachment.as_ref().is_some_and(gone)
        });
        self.interfaces.change(
            |interface| interface.is_at(id),
            |interface| interface.attachment = None,
        );
        self.volumes.retain(|volume| {
            let gone = |at: &super::volume::VolumeAttachment| at.instance == id && at.delete_on_termination;
            !volume.attachment.as_ref().is_some_and(gone)
        });
        self.volumes
            .change(|volume| volume.is_at(id), |volume| volume.attachment = None);
    }

    pub(super) fn tags_vanish(&mut self, id: &str) {
        if let Some(instance) = self.instances.get_mut(id) {
            instance.tags.clear();
        }
    }

    /// Tells the world what became of an effect or of a machine. Facts of another boot, and of effects that are
    /// settled, change nothing.
    pub(super) fn settle(&mut self, fact: Fact) {
        match fact {
            Fact::Performed(id) => {
                if let Some(Deed::Withdraw(volume)) = self.close(id).map(|effect| effect.deed) {
                    self.volume_withdrawn(volume.as_str(), id);
                }
            }
            Fact::StillMounted(id) => {
                if let Some(Deed::Withdraw(volume)) = self.close(id).map(|effect| effect.deed) {
                    self.volume_still_mounted(volume.as_str(), id);
                }
            }
            Fact::Failed(id, why) => {
                if let Some(effect) = self.close(id) {
                    self.failed(&effect, &why);
                }
            }
            Fact::Probed { target, boot, passes } => self.target_probed(&target, boot, passes),
            Fact::Exited { boot } => self.exited(boot),
        }
    }

    fn failed(&mut self, effect: &Effect, why: &str) {
        match &effect.deed {
            Deed::Start(_) => self.failed_start(effect, why),
            // The device is still where it was: ask again.
            Deed::Withdraw(volume) => self.volume_still_mounted(volume.as_str(), effect.id),
            Deed::Shutdown | Deed::PowerCut | Deed::Expose(_) => {}
        }
    }

    fn failed_start(&mut self, effect: &Effect, why: &str) {
        let Some(instance) = self.instances.get_mut(effect.instance.as_str()) else {
            return;
        };
        if instance.boot != Some(effect.boot) {
            return;
        }
        instance.boot = None;
        if instance.state == InstanceState::Running {
            instance.state = InstanceState::ShuttingDown;
        }
        instance.ends_from = Some(self.now);
        instance.state_reason = Some(reason("Server.InternalError", why));
        self.member_stops(effect.instance.as_str());
        self.try_to_terminate(effect.instance.as_str());
    }

    fn exited(&mut self, boot: BootId) {
        // Whatever was still open for this boot has no guest any more.
        let open: Vec<EffectId> = self
            .open
            .values()
            .filter(|effect| effect.boot == boot)
            .map(|effect| effect.id)
            .collect();
        for id in open {
            self.settle(Fact::Performed(id));
        }
        let now = self.now;
        let of_boot = |instance: &&Instance| [instance.boot, instance.dying].contains(&Some(boot));
        let found = self.instances.values().find(of_boot);
        let Some(id) = found.map(|instance| instance.id.clone()) else {
            return;
        };
        let Some(instance) = self.instances.get_mut(&id) else {
            return;
        };
        let was_cut = instance.dying.take_if(|dying| *dying == boot).is_some();
        instance.boot.take_if(|current| *current == boot);
        self.targets_go_silent(&id);
        let Some(instance) = self.instances.get_mut(&id) else {
            return;
        };
        match instance.state {
            InstanceState::Running if was_cut => {}
            InstanceState::Running if instance.restart => {
                instance.restart = false;
                self.plan_power_on(&id);
            }
            InstanceState::Running => {
                instance.state = InstanceState::Stopped;
                let text = format!("Client.InstanceInitiatedShutdown: Instance initiated shutdown at {now}");
                instance.state_reason = Some(reason("Client.InstanceInitiatedShutdown", &text));
                self.member_stops(&id);
            }
            InstanceState::ShuttingDown => self.try_to_terminate(&id),
            InstanceState::Pending | InstanceState::Terminated | InstanceState::Stopped => {}
        }
    }

    /// Asks something of the guest that runs now or ran last; `None`: there never was one.
    pub(super) fn ask(&mut self, instance: &str, deed: Deed) -> Option<EffectId> {
        let boot = self
            .instances
            .get(instance)
            .and_then(|found: &Instance| found.last_boot)?;
        Some(self.effect(instance, boot, deed))
    }

    fn effect(&mut self, instance: &str, boot: BootId, deed: Deed) -> EffectId {
        let id = EffectId(self.next_number());
        let effect = Effect {
            id,
            instance: InstanceId::new(instance),
            boot,
            deed,
        };
        self.open.insert(id, effect.clone());
        self.outbox.push(effect);
        id
    }

    fn close(&mut self, id: EffectId) -> Option<Effect> {
        self.open.remove(&id)
    }
}

fn reason(code: &str, text: &str) -> (String, String) {
    (code.to_owned(), text.to_owned())
}
