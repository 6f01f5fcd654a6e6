//! A rollout plan in one line, the same wherever it is shown.

use std::collections::BTreeSet;

use super::envelope::{Envelope, RolloutKind, RolloutPlan};

impl RolloutPlan {
    /// One line, for example `etcd 3.5.33 → 3.6.14 on 3 machines, remove-then-add`.
    #[must_use]
    pub fn headline(&self) -> String {
        let members = self.envelope.replaces_members().then(|| self.members_headline());
        let parts = [members, self.servers_headline(), self.workers_headline()];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return self.members_headline();
        }
        match &self.envelope.kind {
            RolloutKind::Rollback { of } if !self.envelope.replaces_members() => {
                format!("rollback of {of}: {}", parts.join("; "))
            }
            RolloutKind::Rollback { .. }
            | RolloutKind::Upgrade
            | RolloutKind::Bootstrap
            | RolloutKind::Heal { .. }
            | RolloutKind::Replace { .. } => parts.join("; "),
        }
    }

    /// Of the workers, if machines of theirs are replaced.
    fn workers_headline(&self) -> Option<String> {
        let groups: Vec<_> = self.envelope.worker_groups().collect();
        let releases: BTreeSet<_> = groups.iter().map(|planned| planned.to.version).collect();
        let releases: Vec<String> = releases.iter().map(ToString::to_string).collect();
        let leaving = self.forecast.workers.iter().map(|line| line.leaving);
        let machines = match leaving.reduce(u32::saturating_add) {
            Some(1) => "1 worker".to_owned(),
            Some(count) => format!("{count} workers"),
            None => "the workers".to_owned(),
        };
        let of = match groups.as_slice() {
            [] => return None,
            [only] => only.group.to_string(),
            more => format!("{} groups", more.len()),
        };
        Some(format!("kubelet {} on {machines} of {of}", releases.join(", ")))
    }

    /// Of the control plane, if its machines are replaced.
    fn servers_headline(&self) -> Option<String> {
        let planned = self.envelope.servers()?;
        let to = planned.to.version;
        let versions = match &planned.from {
            Some(from) if from.version != to => format!("Kubernetes {} → {to}", from.version),
            Some(_) | None => format!("Kubernetes {to}"),
        };
        let machines = match self.forecast.servers.as_ref().map(|line| line.leaving) {
            Some(1) => "1 control-plane machine".to_owned(),
            Some(count) => format!("{count} control-plane machines"),
            None => "the control plane".to_owned(),
        };
        Some(format!("{versions} on {machines}"))
    }

    fn members_headline(&self) -> String {
        let Envelope {
            kind,
            to,
            from,
            strategy,
            slots,
            ..
        } = &self.envelope;
        let machines = match slots.iter().filter(|slot| slot.changes()).count() {
            0 if self.envelope.terraform.is_some() => {
                return format!("etcd {to}: Terraform alone, no machine is replaced");
            }
            0 => return format!("etcd {to}, nothing to change"),
            1 => "1 machine".to_owned(),
            count => format!("{count} machines"),
        };
        let versions = match from {
            Some(from) if from != to => format!("etcd {from} → {to}"),
            Some(_) | None => format!("etcd {to}"),
        };
        let strategy = strategy.as_str();
        match kind {
            RolloutKind::Upgrade => format!("{versions} on {machines}, {strategy}"),
            RolloutKind::Bootstrap => format!("new cluster: etcd {to} on {machines}"),
            RolloutKind::Heal { slot } => format!("heal {slot} as it was or as the others are: etcd {to}"),
            RolloutKind::Replace { slot } => format!("replace {slot}: {versions}, {strategy}"),
            RolloutKind::Rollback { of } => format!("rollback of {of}: {versions} on {machines}, {strategy}"),
        }
    }
}
