//! How a machine leaves its group: out of the target groups, the whole delay, then the hooks, then EC2's own time.

use super::activity::Status;
use super::member::Lifecycle;
use crate::world::World;
use crate::world::agenda::Event;
use crate::world::instance::InstanceState;
use crate::world::timing::Quantity;

impl World {
    /// Begins a termination by the group. The activity's id; `None`: it is not a member, or leaves already.
    pub(super) fn let_go(&mut self, instance: &str, cause: &str) -> Option<String> {
        let name = self.group_name_of(instance)?;
        let member = self.member(instance)?;
        if member.lifecycle.is_terminating() {
            return None;
        }
        if member.lifecycle.is_pending() {
            let why = format!("Instance left before it was in service. {cause}");
            self.progress(instance, Status::Failed, &why);
        }
        let id = self.begin(
            &name,
            Status::InProgress,
            &format!("Terminating EC2 instance: {instance}"),
            cause,
        );
        let member = self.member(instance)?;
        member.lifecycle = Lifecycle::Terminating;
        member.waiting = None;
        member.activity = Some(id.clone());
        if self.drain(instance) {
            self.progress(instance, Status::WaitingForELBConnectionDraining, "");
        } else {
            self.member_due(instance);
        }
        self.replace_soon(&name);
        Some(id)
    }

    /// Whoever is leaving is not counted any more, so a new one may start while the old one still drains.
    fn replace_soon(&mut self, name: &str) {
        let wait = self.draw(name, Quantity::GroupReplaces);
        self.plan(wait, Event::GroupActs(name.to_owned()));
    }

    /// Its targets have drained: hooks are next. This is why a drain in a hook starts late.
    /// Whoever never was in service has nothing to say goodbye to.
    pub(super) fn drained(&mut self, instance: &str) {
        let served = self
            .member(instance)
            .is_some_and(|one| one.in_service_since.is_some());
        let hooks = self.hooks_for(instance, super::hook::TERMINATING);
        let hooks = if served { hooks } else { Vec::new() };
        if !self.wait_for_hooks(instance, Lifecycle::TerminatingWait, hooks) {
            self.power_down(instance);
        }
    }

    pub(super) fn power_down(&mut self, instance: &str) {
        if let Some(member) = self.member(instance) {
            member.lifecycle = Lifecycle::TerminatingProceed;
            member.waiting = None;
            member.due = None;
        }
        self.progress(instance, Status::InProgress, "");
        let state = self.instances.get(instance).map(|one| one.state);
        match state {
            None | Some(InstanceState::Terminated) => self.member_terminated(instance),
            Some(InstanceState::ShuttingDown) => {}
            Some(InstanceState::Pending | InstanceState::Running | InstanceState::Stopped) => {
                // A group knows its own instances, however new they are to other callers.
                self.begin_termination(instance);
            }
        }
    }

    /// EC2 says `terminated`. A member that its group has not let go is noticed later.
    pub(in crate::world) fn member_terminated(&mut self, instance: &str) {
        let is_let_go = self
            .member(instance)
            .is_some_and(|member| member.lifecycle == Lifecycle::TerminatingProceed);
        if is_let_go {
            self.progress(instance, Status::Successful, "");
            self.forget_member(instance);
        }
    }
}
