//! The property that etcd's data depends on: whatever callers, guests and faults do, no volume is ever in two guests.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::bench::{Bench, ZONE_A};
use crate::world::api::ec2::Request;
use crate::world::{BootId, Deed, Effect, Fact, Switch};

/// Guests that are slow, lose power, crash and keep volumes mounted.
struct Guests {
    /// Handed out, not yet performed, per machine in order.
    queues: BTreeMap<String, Vec<Effect>>,
    on: BTreeSet<BootId>,
    holds: BTreeMap<String, BTreeSet<BootId>>,
    /// A guest with an odd boot number does not unmount.
    keeps_mounted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Launch,
    Attach(usize, usize),
    Detach(usize),
    Terminate(usize),
    Reboot(usize),
    PowerCut(usize),
    ZoneLoss(bool),
    Crash(usize),
    Perform(usize),
    KeepMounted(bool),
    Restart,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => Just(Step::Launch),
        4 => (0..2_usize, 0..4_usize).prop_map(|(volume, machine)| Step::Attach(volume, machine)),
        3 => (0..2_usize).prop_map(Step::Detach),
        1 => (0..4_usize).prop_map(Step::Terminate),
        1 => (0..4_usize).prop_map(Step::Reboot),
        1 => (0..4_usize).prop_map(Step::PowerCut),
        1 => any::<bool>().prop_map(Step::ZoneLoss),
        1 => (0..4_usize).prop_map(Step::Crash),
        6 => (0..4_usize).prop_map(Step::Perform),
        1 => any::<bool>().prop_map(Step::KeepMounted),
        1 => Just(Step::Restart),
        6 => (10..3_000_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 20..150)
}

impl Guests {
    fn take_over(&mut self, bench: &mut Bench) {
        for effect in std::mem::take(&mut bench.effects) {
            self.queues
                .entry(effect.instance.to_string())
                .or_default()
                .push(effect);
        }
    }

    /// The host's rules: a start powers on, an exit ends every hold of that boot.
    fn perform(&mut self, bench: &mut Bench, machine: &str) {
        let Some(effect) = self
            .queues
            .get_mut(machine)
            .filter(|queue| !queue.is_empty())
            .map(|queue| queue.remove(0))
        else {
            return;
        };
        match &effect.deed {
            Deed::Start(_) => {
                self.on.insert(effect.boot);
            }
            Deed::Shutdown | Deed::PowerCut => self.end(bench, effect.boot),
            Deed::Expose(volume) => {
                if self.on.contains(&effect.boot) {
                    self.holds
                        .entry(volume.to_string())
                        .or_default()
                        .insert(effect.boot);
                }
            }
            Deed::Withdraw(volume) => {
                let holders = self.holds.entry(volume.to_string()).or_default();
                if self.keeps_mounted && holders.contains(&effect.boot) {
                    return bench.report(Fact::StillMounted(effect.id));
                }
                holders.remove(&effect.boot);
            }
        }
        bench.report(Fact::Performed(effect.id));
    }

    fn end(&mut self, bench: &mut Bench, boot: BootId) {
        self.on.remove(&boot);
        self.holds.values_mut().for_each(|holders| {
            holders.remove(&boot);
        });
        bench.report(Fact::Exited { boot });
    }

    /// The daemon dies: what it had not performed is handed out again.
    fn restart(&mut self, bench: &mut Bench) {
        self.queues.clear();
        bench.effects = bench.world.open_effects();
        for powered in bench.world.powered() {
            if !self.on.contains(&powered.boot) {
                bench.report(Fact::Exited { boot: powered.boot });
            }
        }
    }
}

fn take(bench: &mut Bench, guests: &mut Guests, machines: &mut Vec<String>, volumes: &[String], step: Step) {
    // Refusals are the world's business here; only what it lets happen counts.
    let named = |nth: usize| machines.get(nth).cloned();
    match step {
        Step::Launch if machines.len() < 4 => machines.extend(bench.run(|_| {})),
        Step::Launch => {}
        Step::Attach(volume, machine) => {
            let _ = named(machine).map(|machine| bench.attach(&volumes[volume], &machine));
        }
        Step::Detach(volume) => {
            let _ = bench.detach(&volumes[volume]);
        }
        Step::Terminate(machine) => {
            let _ = named(machine).map(|id| bench.ec2(Request::TerminateInstances { ids: vec![id] }));
        }
        Step::Reboot(machine) => {
            let _ = named(machine).map(|id| bench.ec2(Request::RebootInstances { ids: vec![id] }));
        }
        Step::PowerCut(machine) => {
            if let Some(instance) = named(machine).filter(|id| bench.world.instances.contains_key(id)) {
                bench.switch(Switch::PowerCut { instance });
            }
        }
        Step::ZoneLoss(on) => bench.switch(Switch::ZoneLoss {
            zone: ZONE_A.to_owned(),
            on,
        }),
        Step::Crash(machine) => {
            let boot = named(machine).and_then(|id| bench.world.instances.get(&id)?.boot);
            if let Some(boot) = boot.filter(|boot| guests.on.contains(boot)) {
                guests.end(bench, boot);
            }
        }
        Step::Perform(machine) => {
            if let Some(id) = named(machine) {
                guests.perform(bench, &id);
            }
        }
        Step::KeepMounted(keep) => guests.keeps_mounted = keep,
        Step::Restart => guests.restart(bench),
        Step::Wait(ms) => bench.pass(ms),
    }
    guests.take_over(bench);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn no_volume_is_ever_in_two_guests(steps in steps()) {
        let mut bench = Bench::fast();
        let volumes = [bench.volume(ZONE_A), bench.volume(ZONE_A)];
        let mut machines = Vec::new();
        let mut guests =
            Guests { queues: BTreeMap::new(), on: BTreeSet::new(), holds: BTreeMap::new(), keeps_mounted: false };
        // From two machines that run on, or nearly every story would end before it becomes interesting.
        for step in [Step::Launch, Step::Launch, Step::Wait(1_000), Step::Perform(0), Step::Perform(1)] {
            take(&mut bench, &mut guests, &mut machines, &volumes, step);
        }
        for (nth, step) in steps.into_iter().enumerate() {
            take(&mut bench, &mut guests, &mut machines, &volumes, step);
            for (volume, holders) in &guests.holds {
                prop_assert!(holders.len() <= 1, "step {nth} {step:?}: {volume} is in {holders:?}");
            }
        }
    }
}
