//! One writer: the same write again until it is acknowledged, then the next.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::KvClient;
use rehull_core::domain::ids::SlotName;

use super::report::{Acknowledged, Class, WriteRecord};
use super::{ProbeSpec, Shared, Target, keys};
use crate::adapters::clock::within;

/// Bound of a try of a patient writer: behind everything that etcd itself waits for.
const PATIENT_LIMIT: Duration = Duration::from_secs(30);
/// After a failure at every address it knows, a writer waits this long.
const BREATH: Duration = Duration::from_millis(20);

/// What one writer does.
#[derive(Clone, Debug)]
pub(super) struct WriterPlan {
    pub(super) id: u32,
    pub(super) class: Class,
    /// Only one for a pinned writer; otherwise all, beginning with its own.
    pub(super) targets: Vec<Target>,
}

impl WriterPlan {
    /// The address it stays with.
    pub(super) fn pinned_to(&self) -> Option<&SlotName> {
        match self.class {
            Class::Pinned => self.targets.first().map(|target| &target.slot),
            Class::Retrying | Class::Patient => None,
        }
    }
}

/// All writers of a probe; numbers are the order here.
pub(super) fn plans(spec: &ProbeSpec) -> Vec<WriterPlan> {
    let mut plans = Vec::new();
    let mut add = |class, targets| {
        let id = u32::try_from(plans.len()).unwrap_or(u32::MAX);
        plans.push(WriterPlan { id, class, targets });
    };
    for target in &spec.targets {
        for _ in 0..spec.pinned_per_target {
            add(Class::Pinned, vec![target.clone()]);
        }
    }
    for (class, count) in [(Class::Retrying, spec.retrying), (Class::Patient, spec.patient)] {
        let mut targets = spec.targets.clone();
        for _ in 0..count {
            add(class, targets.clone());
            if !targets.is_empty() {
                targets.rotate_left(1);
            }
        }
    }
    plans
}

/// Writes until the probe stops.
pub(super) async fn run(shared: Arc<Shared>, plan: WriterPlan) {
    let mut writer = Writer {
        shared,
        plan,
        at: 0,
        client: None,
    };
    let mut number = 0;
    while !writer.shared.is_stopping() {
        let record = writer.write(number).await;
        writer.shared.keep(record);
        number += 1;
        writer.shared.clock.sleep(writer.shared.spec.pause).await;
    }
}

struct Writer {
    shared: Arc<Shared>,
    plan: WriterPlan,
    /// Index of the address in use.
    at: usize,
    client: Option<KvClient>,
}

impl Writer {
    /// One key, tried until it is acknowledged or the probe stops.
    async fn write(&mut self, number: u32) -> WriteRecord {
        let start = self.shared.elapsed();
        let mut record = WriteRecord {
            writer: self.plan.id,
            class: self.plan.class,
            number,
            start,
            end: start,
            tries: 0,
            try_longest: Duration::ZERO,
            acknowledged: None,
        };
        while record.tries == 0 || !self.shared.is_stopping() {
            let begun = self.shared.elapsed();
            let revision = self.attempt(number).await;
            record.end = self.shared.elapsed();
            record.tries += 1;
            record.try_longest = record.try_longest.max(record.end.saturating_sub(begun));
            let target = self.plan.targets.get(self.at);
            if let (Some(revision), Some(target)) = (revision, target) {
                let via = target.slot.clone();
                record.acknowledged = Some(Acknowledged { revision, via });
                self.shared.count(record.end);
                break;
            }
            self.move_on(record.tries).await;
        }
        record
    }

    /// The revision that the write made, if it was acknowledged.
    async fn attempt(&mut self, number: u32) -> Option<i64> {
        let id = (self.plan.id, number);
        let limit = match self.plan.class {
            Class::Pinned | Class::Retrying => self.shared.spec.try_limit,
            Class::Patient => PATIENT_LIMIT,
        };
        let put = async {
            let mut client = self.client().await?;
            let key = keys::key(&self.shared.spec.run, id);
            let answer = client.put(key, keys::value(id), None).await.ok()?;
            Some(answer.header()?.revision())
        };
        within(limit, put).await.flatten()
    }

    async fn client(&mut self) -> Option<KvClient> {
        if self.client.is_none() {
            let target = self.plan.targets.get(self.at)?;
            let client = self.shared.pool.connect(&target.url).await.ok()?;
            self.client = Some(client.kv_client());
        }
        self.client.clone()
    }

    /// To the next address, with a new connection: behind the same address a new member may answer by now.
    async fn move_on(&mut self, tries: u32) {
        self.client = None;
        let targets = self.plan.targets.len().max(1);
        self.at = (self.at + 1) % targets;
        if usize::try_from(tries).is_ok_and(|tries| tries % targets == 0) {
            self.shared.clock.sleep(BREATH).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_writers_know_one_address_and_the_others_begin_at_different_ones() {
        let target = |name: &str| Target {
            slot: SlotName::new(name),
            url: String::new(),
        };
        let spec = ProbeSpec {
            targets: vec![target("a"), target("b")],
            retrying: 3,
            ..ProbeSpec::for_slots("demo", &[])
        };
        let plans = plans(&spec);
        let seen: Vec<(u32, Class, Vec<&str>)> = plans
            .iter()
            .map(|plan| {
                let slots = plan.targets.iter().map(|target| target.slot.as_str());
                (plan.id, plan.class, slots.collect())
            })
            .collect();
        assert_eq!(
            seen,
            [
                (0, Class::Pinned, vec!["a"]),
                (1, Class::Pinned, vec!["b"]),
                (2, Class::Retrying, vec!["a", "b"]),
                (3, Class::Retrying, vec!["b", "a"]),
                (4, Class::Retrying, vec!["a", "b"]),
                (5, Class::Patient, vec!["a", "b"]),
            ]
        );
    }
}
