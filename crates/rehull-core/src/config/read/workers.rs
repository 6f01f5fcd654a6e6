//! The `workers` part: the API, the order of workloads, and one role per group.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Reader;
use super::control_plane::PROPAGATION;
use super::machine::TypedMachine;
use crate::config::mistake::Wrong;
use crate::config::policy::{self, Floor};
use crate::config::spans::Pointer;
use crate::config::{file, place, servers, value, workers};
use crate::domain::desired::TemplateRef;
use crate::domain::ids::{GroupName, LaunchTemplateName, ObjectName, TargetGroupArn};
use crate::domain::worker::{OrderRule, WorkerGroupRole, WorkerPolicy, WorkersRole};

/// Of groups, as the schema has it.
const GROUPS_MAX: usize = 64;

impl Reader<'_, '_> {
    pub(super) fn workers(&mut self, at: &Pointer, typed: &file::Workers) -> Option<WorkersRole> {
        let server = self.text(&at.key("server"), typed.server.as_ref(), workers::server);
        let client_tls = typed.client_tls.as_ref();
        let client_tls = client_tls.and_then(|tls| self.client_tls(&at.key("clientTls"), tls));
        self.parts.worker_client_tls.clone_from(&client_tls);
        let budget = typed
            .budget
            .map_or(Ok(1), |count| workers::count("budget", count, 1));
        let budget = self.mistakes.keep(&at.key("budget"), budget);
        let order = self.order(&at.key("order"), typed.order.as_deref());
        let groups = typed.groups.as_deref();
        let groups = groups.and_then(|groups| self.worker_groups(&at.key("groups"), groups));
        Some(WorkersRole {
            server: server?,
            client_tls: client_tls?,
            budget: budget?,
            order: order?,
            groups: groups?,
        })
    }

    fn order(&mut self, at: &Pointer, rules: Option<&[Option<file::Order>]>) -> Option<Vec<OrderRule>> {
        let mut read: Vec<Option<OrderRule>> = Vec::new();
        for (index, rule) in rules.unwrap_or_default().iter().enumerate() {
            let at = at.index(index);
            let Some(rule) = rule else {
                read.push(None);
                continue;
            };
            let first = self.text(&at.key("first"), rule.first.as_ref(), workers::workload);
            let then = self.text(&at.key("then"), rule.then.as_ref(), workers::workload);
            let rule = first.zip(then).map(|(first, then)| OrderRule {
                first: ObjectName::new(first),
                then: ObjectName::new(then),
            });
            if let Some(same) = rule.as_ref().filter(|rule| rule.first == rule.then) {
                let message = format!("`{}` cannot wait for itself", same.first);
                let wrong = Wrong::new("config::order", message, "the same as `first`");
                self.mistakes.add(&at.key("then"), wrong);
            }
            read.push(rule);
        }
        read.into_iter().collect()
    }

    fn worker_groups(
        &mut self,
        at: &Pointer,
        groups: &[Option<file::WorkerGroup>],
    ) -> Option<Vec<WorkerGroupRole>> {
        if groups.is_empty() || groups.len() > GROUPS_MAX {
            let message = format!("1 to {GROUPS_MAX} groups are needed");
            let wrong = Wrong::new("config::groups", message, "not so many")
                .help("take `workers` out if rehull shall leave all workers alone");
            self.mistakes.add(at, wrong);
        }
        let read: Vec<Option<WorkerGroupRole>> = groups
            .iter()
            .enumerate()
            .map(|(index, group)| self.worker_group(&at.index(index), group.as_ref()?))
            .collect();
        read.into_iter().collect()
    }

    fn worker_group(&mut self, at: &Pointer, typed: &file::WorkerGroup) -> Option<WorkerGroupRole> {
        let group = typed.auto_scaling_group.as_ref();
        let group = self.text(&at.key("autoScalingGroup"), group, servers::group);
        let launch_template = typed.launch_template.as_ref();
        let launch_template = self.text(&at.key("launchTemplate"), launch_template, value::launch_template);
        let targets = typed.target_groups.as_deref().unwrap_or_default();
        let target_groups = self.target_groups(&at.key("targetGroups"), targets);
        let version = self.take(&at.key("version"), typed.version.as_ref(), servers::version);
        self.parts.kubelets.push(version);
        let binaries = self.worker_binaries(&at.key("binaries"), typed.binaries.as_ref());
        let machine = TypedMachine {
            image: typed.image.as_ref(),
            instance_type: typed.instance_type.as_ref(),
            instance_profile: typed.instance_profile.as_ref(),
            security_groups: typed.security_groups.as_deref(),
        };
        let machine = self.machine(at, &machine, binaries);
        let on_loopback = self.on_loopback();
        let template = typed.template.as_ref().and_then(|from| from.file.as_ref());
        let template = self.text(&at.key("template").key("file"), template, |text| {
            place::file(text, on_loopback)
        });
        let policy = self.rolling(&at.key("rolling"), typed.rolling.as_ref());
        Some(WorkerGroupRole {
            group: GroupName::new(group?),
            launch_template: LaunchTemplateName::new(launch_template?),
            target_groups: target_groups?,
            version: version?,
            machine: machine?,
            template: TemplateRef::File(template?),
            policy: policy?,
        })
    }

    fn target_groups(&mut self, at: &Pointer, arns: &[Option<String>]) -> Option<Vec<TargetGroupArn>> {
        let read: Vec<Option<String>> = arns
            .iter()
            .enumerate()
            .map(|(index, arn)| self.text(&at.index(index), arn.as_ref(), servers::target_group))
            .collect();
        let read: Vec<String> = read.into_iter().collect::<Option<_>>()?;
        for (index, arn) in read.iter().enumerate() {
            if read.iter().take(index).any(|before| before == arn) {
                let wrong = Wrong::new("config::duplicate", "this target group stands twice", "again");
                self.mistakes.add(&at.index(index), wrong);
            }
        }
        Some(read.into_iter().map(TargetGroupArn::new).collect())
    }

    fn worker_binaries(
        &mut self,
        at: &Pointer,
        typed: Option<&BTreeMap<String, Option<String>>>,
    ) -> Option<BTreeMap<String, String>> {
        let read: Vec<Option<(String, String)>> = typed
            .into_iter()
            .flatten()
            .map(|(name, digest)| {
                let at = at.key(name);
                if let Err(wrong) = workers::binary(name) {
                    self.mistakes.add_at_key(&at, wrong);
                }
                let digest = self.text(&at, digest.as_ref(), value::digest)?;
                Some((name.clone(), digest))
            })
            .collect();
        read.into_iter().collect()
    }

    fn rolling(&mut self, at: &Pointer, typed: Option<&file::Rolling>) -> Option<WorkerPolicy> {
        let default = WorkerPolicy::default();
        let Some(typed) = typed else {
            return Some(default);
        };
        let surge = self.counted(at, ("maxSurge", typed.max_surge), (default.max_surge, 0));
        let unavailable = ("maxUnavailable", typed.max_unavailable);
        let unavailable = self.counted(at, unavailable, (default.max_unavailable, 0));
        let canary = self.counted(at, ("canary", typed.canary), (default.canary, 1));
        if (surge, unavailable) == (Some(0), Some(0)) {
            let message = "neither one more nor one fewer: no node could ever give way";
            let wrong = Wrong::new("config::rolling", message, "0 beside `maxSurge: 0`")
                .help("let one of `maxSurge` and `maxUnavailable` be at least 1");
            self.mistakes.add(&at.key("maxUnavailable"), wrong);
        }
        let floor = if self.on_loopback() {
            &policy::ANY
        } else {
            &PROPAGATION
        };
        let positive = &policy::POSITIVE;
        let bake = self.time(at, ("bake", &typed.bake), (default.bake, &policy::ANY));
        let drain = ("drainDeadline", &typed.drain_deadline);
        let drain = self.time(at, drain, (default.drain_deadline, positive));
        let ready = ("readyDeadline", &typed.ready_deadline);
        let ready = self.time(at, ready, (default.ready_deadline, positive));
        let launch = ("launchDeadline", &typed.launch_deadline);
        let launch = self.time(at, launch, (default.launch_deadline, positive));
        let propagation = ("propagation", &typed.propagation);
        let propagation = self.time(at, propagation, (default.propagation, floor));
        Some(WorkerPolicy {
            max_surge: surge?,
            max_unavailable: unavailable?,
            canary: canary?,
            bake: bake?,
            drain_deadline: drain?,
            ready_deadline: ready?,
            launch_deadline: launch?,
            propagation: propagation?,
        })
    }

    fn counted(
        &mut self,
        at: &Pointer,
        (key, typed): (&str, Option<i64>),
        (default, least): (u32, u32),
    ) -> Option<u32> {
        let read = typed.map_or(Ok(default), |count| workers::count(key, count, least));
        self.mistakes.keep(&at.key(key), read)
    }

    fn time(
        &mut self,
        at: &Pointer,
        (key, typed): (&str, &Option<String>),
        (default, floor): (Duration, &Floor),
    ) -> Option<Duration> {
        match typed {
            None => Some(default),
            Some(text) => self
                .mistakes
                .keep(&at.key(key), policy::duration(key, text, floor)),
        }
    }
}
