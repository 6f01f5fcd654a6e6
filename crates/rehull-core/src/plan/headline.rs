//! A rollout plan in one line, the same wherever it is shown.

use super::envelope::{Envelope, RolloutKind, RolloutPlan};

impl RolloutPlan {
    /// One line, for example `etcd 3.5.33 → 3.6.14 on 3 machines, remove-then-add`.
    #[must_use]
    pub fn headline(&self) -> String {
        match self.servers_headline() {
            Some(servers) if self.envelope.replaces_members() => {
                format!("{}; {servers}", self.members_headline())
            }
            Some(servers) => servers,
            None => self.members_headline(),
        }
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
        let back = match (&self.envelope.kind, self.envelope.replaces_members()) {
            (RolloutKind::Rollback { of }, false) => format!("rollback of {of}: "),
            _ => String::new(),
        };
        Some(format!("{back}{versions} on {machines}"))
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
