//! Who is left at the end.

use jiff::Timestamp;

use super::truth::tag_of;
use crate::domain::fleet::tag;
use crate::domain::ids::InstanceId;
use crate::sim::lab::Lab;
use crate::world::instance::InstanceState;

impl Lab {
    /// At the end of a run no machine that was told to stop lives beside the one that carries its member: nobody would ever end it.
    pub(in crate::sim) fn judge_who_is_left(&mut self, now: Timestamp) {
        for what in self.told_to_stop_and_left() {
            self.oracle.breach(now, 6, what);
        }
    }

    fn told_to_stop_and_left(&self) -> Vec<String> {
        let lives = |state: InstanceState| matches!(state, InstanceState::Pending | InstanceState::Running);
        let mut left = Vec::new();
        for instance in self.world.instances().filter(|instance| lives(instance.state)) {
            let Some(slot) = instance
                .tags
                .get(tag::SLOT)
                .filter(|_| instance.tags.contains_key(tag::STOP))
            else {
                continue;
            };
            let mut processes = self.etcd.processes();
            let serving = processes.find(|(name, process)| name.as_str() == slot && process.takes_part());
            let Some((_, process)) =
                serving.filter(|(_, process)| process.machine != InstanceId::new(&instance.id))
            else {
                continue;
            };
            if tag_of(self, &process.machine, tag::STOP).is_none() {
                let what = format!(
                    "{} was told to stop and is left beside {}, on which {slot} runs",
                    instance.id, process.machine
                );
                left.push(what);
            }
        }
        left
    }
}
