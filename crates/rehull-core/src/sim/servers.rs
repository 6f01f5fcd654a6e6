//! Modelled control-plane machines: what an apiserver answers between the power button and its last request.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::draw::{Draw, Spread};
use super::lab::{Due, Lab, later};
use crate::domain::group::Server;
use crate::domain::ids::InstanceId;
use crate::domain::version::KubernetesVersion;
use crate::world::{BootId, Fact, TargetId, Timing};

/// The variable of the user data by which a machine knows what it is.
const RELEASE: &str = "REHULL_KUBERNETES=";
/// From power to `/readyz`, in milliseconds: kernel, artefacts, apiserver (aws-timing.md §1).
const READY: Spread = Spread::new(12_000, 26_000, 60_000, 120_000);
const READY_FAST: Spread = Spread::new(400, 900, 1_800, 3_000);
/// `--shutdown-delay-duration`: `/readyz` fails, everything is still served.
const SHUTDOWN_DELAY: Duration = Duration::from_secs(6);

/// All of them, and what health checks have heard of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Servers {
    all: BTreeMap<InstanceId, ApiServer>,
    heard: BTreeMap<TargetId, (BootId, bool)>,
    /// Grows with everything that an answer of one of them depends on.
    changes: u64,
    /// Changes of the world, of these and of nodes that health checks have heard of.
    checked: Option<[u64; 3]>,
}

/// A control-plane machine that has power.
#[derive(Clone, Copy, Debug)]
struct ApiServer {
    boot: BootId,
    release: KubernetesVersion,
    stage: Stage,
    /// When it changes by itself.
    next: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Starts,
    Serves,
    /// Says that it will not serve for long.
    Closes,
}

/// What a control-plane machine of this release is told when it is launched.
pub(super) fn user_data(release: KubernetesVersion) -> String {
    format!("#!/bin/sh\n{RELEASE}{release}\n")
}

impl Servers {
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.all.values().filter_map(|server| server.next).min()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Power. False: it is no control-plane machine.
    pub(super) fn power_on(
        &mut self,
        now: Timestamp,
        (id, boot): (&InstanceId, BootId),
        user_data: &str,
        (draw, timing): (Draw, Timing),
    ) -> bool {
        let mut lines = user_data.lines();
        let Some(release) = lines.find_map(|line| line.strip_prefix(RELEASE)?.parse().ok()) else {
            return false;
        };
        let spread = match timing {
            Timing::Aws => READY,
            Timing::Fast => READY_FAST,
        };
        let wait = draw.wait(id.as_str(), "ready", boot.0, spread);
        let server = ApiServer {
            boot,
            release,
            stage: Stage::Starts,
            next: Some(later(now, wait)),
        };
        self.all.insert(id.clone(), server);
        self.changes = self.changes.saturating_add(1);
        true
    }

    /// Everything that is due.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        let mut has_changed = false;
        for server in self.all.values_mut() {
            if server.next.is_some_and(|at| at <= now) {
                server.next = None;
                server.stage = Stage::Serves;
                has_changed = true;
            }
        }
        self.changes = self.changes.saturating_add(u64::from(has_changed));
        has_changed
    }

    /// SIGTERM. How long it goes on serving; `None`: it is no control-plane machine.
    pub(super) fn close(&mut self, id: &InstanceId, boot: BootId) -> Option<Duration> {
        let server = self.all.get_mut(id).filter(|server| server.boot == boot)?;
        server.next = None;
        let goes_on = server.stage == Stage::Serves;
        server.stage = Stage::Closes;
        self.changes = self.changes.saturating_add(1);
        Some(if goes_on { SHUTDOWN_DELAY } else { Duration::ZERO })
    }

    /// It is off. Whether it was one.
    pub(super) fn power_off(&mut self, id: &InstanceId, boot: BootId) -> bool {
        let is_it = self.all.get(id).is_some_and(|server| server.boot == boot);
        if is_it {
            self.all.remove(id);
            self.changes = self.changes.saturating_add(1);
        }
        is_it
    }

    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// What it answers at its own address.
    pub(super) fn answer(&self, id: &InstanceId) -> Server {
        let Some(server) = self.all.get(id) else {
            return Server::Silent;
        };
        match server.stage {
            Stage::Starts => Server::Refused,
            Stage::Serves => Server::Ready {
                version: server.release,
            },
            Stage::Closes => Server::NotReady {
                why: "shutdown".to_owned(),
            },
        }
    }

    /// It serves requests, whatever it says of its readiness.
    pub(super) fn serves(&self, id: &str) -> bool {
        let mut all = self.all.iter();
        let found = all.find(|(known, _)| known.as_str() == id);
        found.is_some_and(|(_, server)| server.stage != Stage::Starts)
    }

    /// Every one that has power.
    pub(super) fn all(&self) -> impl Iterator<Item = &InstanceId> {
        self.all.keys()
    }

    /// Releases of those that serve.
    pub(super) fn releases(&self) -> impl Iterator<Item = KubernetesVersion> {
        let serving = self.all.values().filter(|server| server.stage == Stage::Serves);
        serving.map(|server| server.release)
    }
}

impl Lab {
    /// What is due at the servers, and what health checks hear of it.
    pub(super) fn live_on_servers(&mut self, now: Timestamp) {
        if self.servers.is_empty() && self.servers.heard.is_empty() {
            return;
        }
        if self.servers.advance(now) {
            self.stir();
        }
        self.check_servers(now);
        self.judge_serving(now);
    }

    /// Whatever the reason: it serves nothing any more.
    pub(super) fn server_goes_off(&mut self, now: Timestamp, id: &InstanceId, boot: BootId) {
        if self.servers.power_off(id, boot) {
            self.stir();
            self.judge_silence(now, id);
        }
    }

    /// Health checks hear what a server answers now, and what runs on a node; what has changed nowhere they have heard.
    pub(super) fn check_servers(&mut self, now: Timestamp) {
        let parts = [self.world.revision(), self.servers.changes, self.kube.changes()];
        let changes = Some(parts);
        if std::mem::replace(&mut self.servers.checked, changes) == changes {
            return;
        }
        let checks = self.world.checks();
        let known = |target: &TargetId| checks.iter().any(|check| check.target == *target);
        self.servers.heard.retain(|target, _| known(target));
        for check in checks {
            let id = InstanceId::new(&check.target.instance);
            let passes = match self.servers.all.get(&id) {
                Some(server) => server.boot == check.boot && server.stage == Stage::Serves,
                None => self.kube.answers(&id, check.boot),
            };
            // A target that has just been registered has heard nothing, which is no.
            let heard = (check.boot, passes);
            let before = self.servers.heard.insert(check.target.clone(), heard);
            if before.map_or(passes, |before| before != heard) {
                let (target, boot) = (check.target, check.boot);
                self.world.report(now, Fact::Probed { target, boot, passes });
            }
        }
    }

    /// A control-plane machine shuts down: it goes on serving for its delay, as long as the machine lets it.
    pub(super) fn close_server(&mut self, now: Timestamp, id: &InstanceId, boot: BootId) -> bool {
        let Some(delay) = self.servers.close(id, boot) else {
            return false;
        };
        let goes = self
            .draw
            .wait(id.as_str(), "shutdown", boot.0, super::lab::SHUTDOWN);
        self.plan(later(now, delay.saturating_add(goes)), Due::Off(id.clone(), boot));
        true
    }
}
