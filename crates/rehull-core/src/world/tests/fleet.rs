//! A group of machines over two zones, behind a network load balancer if a test wants one; guests do what they are asked.

use std::time::Duration;

use super::bench::{Bench, ZONE_A, ZONE_C};
use super::networks::text;
use crate::world::agenda::later;
use crate::world::api::ec2::{CreateLaunchTemplateVersion, LaunchData, Request};
use crate::world::query::Service::{AutoScaling, LoadBalancing};
use crate::world::query::{Document, Value};
use crate::world::target::Stage;
use crate::world::{Deed, Fact, Switch, TargetId, Timing};

pub(super) const NAMED: (&str, &str) = ("AutoScalingGroupName", "workers");
pub(super) const DECREMENT: (&str, &str) = ("ShouldDecrementDesiredCapacity", "true");
pub(super) const KEEP: (&str, &str) = ("ShouldDecrementDesiredCapacity", "false");

pub(super) struct Fleet {
    pub(super) bench: Bench,
    pub(super) target_group: Option<String>,
    pub(super) balancer: Option<String>,
    /// What a new machine's checks hear as soon as it is a target.
    pub(super) serves: bool,
}

/// A row of DescribeAutoScalingGroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) zone: String,
    pub(super) state: String,
    pub(super) health: String,
    pub(super) version: String,
}

impl Fleet {
    pub(super) fn new() -> Self {
        Self::with(Timing::Fast)
    }

    pub(super) fn with(timing: Timing) -> Self {
        let mut bench = Bench::new(timing);
        bench.template("workers").unwrap();
        Self {
            bench,
            target_group: None,
            balancer: None,
            serves: true,
        }
    }

    /// As many machines as said, in service.
    pub(super) fn of(desired: &str, more: &[(&str, &str)]) -> Self {
        let mut fleet = Self::new();
        fleet.create(desired, more).unwrap();
        fleet.live(5);
        fleet
    }

    /// The same behind a load balancer whose target group has this deregistration delay.
    pub(super) fn behind(desired: &str, delay: &str, more: &[(&str, &str)]) -> Self {
        let mut fleet = Self::new();
        let group = fleet.balance(delay);
        let mut said = vec![("TargetGroupARNs.member.1", group.as_str())];
        said.extend(more);
        fleet.create(desired, &said).unwrap();
        fleet.live(60);
        fleet
    }

    pub(super) fn subnets(&self) -> String {
        let all = &self.bench.world.network.subnets;
        format!("{},{}", all[0].id, all[1].id)
    }

    pub(super) fn create(&mut self, desired: &str, more: &[(&str, &str)]) -> Result<(), &'static str> {
        let subnets = self.subnets();
        let mut said = vec![
            NAMED,
            ("MinSize", "0"),
            ("MaxSize", "6"),
            ("DesiredCapacity", desired),
            ("VPCZoneIdentifier", &subnets),
            ("LaunchTemplate.LaunchTemplateName", "workers"),
            ("LaunchTemplate.Version", "1"),
        ];
        for (name, value) in more {
            said.retain(|(known, _)| known != name);
            said.push((name, value));
        }
        self.bench
            .query(AutoScaling, "CreateAutoScalingGroup", &said)
            .map(|_| ())
    }

    /// A load balancer in both zones, a listener, and a target group with checks every 5 s, 2 of them.
    pub(super) fn balance(&mut self, delay: &str) -> String {
        let (a, c) = {
            let all = &self.bench.world.network.subnets;
            (all[0].id.clone(), all[1].id.clone())
        };
        let vpc = self.bench.world.network.vpcs[0].id.clone();
        let said = [
            ("Name", "api"),
            ("Type", "network"),
            ("Subnets.member.1", a.as_str()),
            ("Subnets.member.2", c.as_str()),
        ];
        let made = self.elb("CreateLoadBalancer", &said).unwrap();
        let balancer = text(&made, "LoadBalancers.0.LoadBalancerArn");
        let said = [
            ("Name", "api"),
            ("Protocol", "TCP"),
            ("Port", "6443"),
            ("VpcId", vpc.as_str()),
            ("HealthCheckIntervalSeconds", "5"),
            ("HealthyThresholdCount", "2"),
        ];
        let made = self.elb("CreateTargetGroup", &said).unwrap();
        let group = text(&made, "TargetGroups.0.TargetGroupArn");
        let said = [
            ("LoadBalancerArn", balancer.as_str()),
            ("Port", "6443"),
            ("Protocol", "TCP"),
            ("DefaultActions.member.1.Type", "forward"),
            ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
        ];
        self.elb("CreateListener", &said).unwrap();
        self.target_group = Some(group.clone());
        self.balancer = Some(balancer);
        self.attribute("deregistration_delay.timeout_seconds", delay);
        group
    }

    pub(super) fn attribute(&mut self, key: &str, value: &str) {
        let group = self.target_group.clone().unwrap();
        let said = [
            ("TargetGroupArn", group.as_str()),
            ("Attributes.member.1.Key", key),
            ("Attributes.member.1.Value", value),
        ];
        self.elb("ModifyTargetGroupAttributes", &said).unwrap();
    }

    pub(super) fn elb(&mut self, action: &str, said: &[(&str, &str)]) -> Result<Document, &'static str> {
        self.bench.query(LoadBalancing, action, said)
    }

    /// One call about the group.
    pub(super) fn ask(&mut self, action: &str, more: &[(&str, &str)]) -> Result<Document, &'static str> {
        let mut said = vec![NAMED];
        said.extend(more);
        self.bench.query(AutoScaling, action, &said)
    }

    /// One call about an instance of it, by the plural parameter.
    pub(super) fn ask_about(
        &mut self,
        action: &str,
        id: &str,
        more: &[(&str, &str)],
    ) -> Result<(), &'static str> {
        let mut said = vec![("InstanceIds.member.1", id)];
        said.extend(more);
        self.ask(action, &said).map(|_| ())
    }

    pub(super) fn suspend(&mut self, process: &str) {
        self.ask("SuspendProcesses", &[("ScalingProcesses.member.1", process)])
            .unwrap();
    }

    pub(super) fn resume(&mut self, process: &str) {
        self.ask("ResumeProcesses", &[("ScalingProcesses.member.1", process)])
            .unwrap();
    }

    pub(super) fn want(&mut self, desired: &str) {
        self.ask("SetDesiredCapacity", &[("DesiredCapacity", desired)])
            .unwrap();
    }

    /// Terminates by the group's own call.
    pub(super) fn terminate(&mut self, id: &str, how: (&str, &str)) -> Result<Document, &'static str> {
        let said = [("InstanceId", id), how];
        self.bench
            .query(AutoScaling, "TerminateInstanceInAutoScalingGroup", &said)
    }

    pub(super) fn set_health(&mut self, id: &str, status: &str) {
        let said = [("InstanceId", id), ("HealthStatus", status)];
        self.bench.query(AutoScaling, "SetInstanceHealth", &said).unwrap();
    }

    pub(super) fn no_capacity(&mut self, zone: &str, on: bool) {
        let zone = zone.to_owned();
        self.bench.switch(Switch::NoCapacity { zone, on });
    }

    pub(super) fn version(&mut self, data: LaunchData) {
        let version = CreateLaunchTemplateVersion {
            template: super::bench::named("workers"),
            source_version: Some("1".to_owned()),
            description: None,
            data,
            token: None,
        };
        self.bench
            .ec2(Request::CreateLaunchTemplateVersion(Box::new(version)))
            .unwrap();
    }

    /// Seconds pass; guests obey at once, and targets answer as [`Self::serves`] says.
    pub(super) fn live(&mut self, seconds: u64) {
        self.live_ms(seconds * 1_000);
    }

    pub(super) fn live_ms(&mut self, ms: u64) {
        let end = later(self.bench.now, Duration::from_millis(ms));
        if self.serves {
            self.serve_new();
        }
        loop {
            let due = self.bench.world.next_due().filter(|due| *due <= end);
            self.bench.now = due.unwrap_or(end).max(self.bench.now);
            let effects = self.bench.world.advance(self.bench.now);
            for effect in std::mem::take(&mut self.bench.effects).into_iter().chain(effects) {
                self.bench.obey(&effect);
                if matches!(effect.deed, Deed::Start(_)) && self.serves {
                    self.probe(effect.instance.as_str(), true);
                }
            }
            if self.serves {
                self.serve_new();
            }
            if due.is_none() {
                return;
            }
        }
    }

    /// Whoever was registered just now has been serving all the time.
    fn serve_new(&mut self) {
        for check in self.bench.world.checks() {
            let group = &self.bench.world.balancing.target_groups[&check.target.group];
            let is_new = group
                .target(&check.target)
                .is_some_and(|one| one.stage == Stage::Registering);
            if is_new {
                self.bench.report(Fact::Probed {
                    target: check.target,
                    boot: check.boot,
                    passes: true,
                });
            }
        }
    }

    /// What checks of this machine hear from now on.
    pub(super) fn probe(&mut self, id: &str, passes: bool) {
        for check in self.bench.world.checks() {
            if check.target.instance == id {
                self.bench.report(Fact::Probed {
                    target: check.target,
                    boot: check.boot,
                    passes,
                });
            }
        }
    }

    pub(super) fn told(&mut self) -> Document {
        let said = [("AutoScalingGroupNames.member.1", "workers")];
        let told = self.bench.query(AutoScaling, "DescribeAutoScalingGroups", &said);
        documents(&told.unwrap(), "AutoScalingGroups")[0].clone()
    }

    pub(super) fn desired(&mut self) -> String {
        text(&self.told(), "DesiredCapacity")
    }

    pub(super) fn rows(&mut self) -> Vec<Row> {
        let rows = documents(&self.told(), "Instances");
        let row = |row: &Document| Row {
            id: text(row, "InstanceId"),
            zone: text(row, "AvailabilityZone"),
            state: text(row, "LifecycleState"),
            health: text(row, "HealthStatus"),
            // Whoever was attached may come from no template.
            version: row
                .get("LaunchTemplate")
                .map_or(String::new(), |_| text(row, "LaunchTemplate.Version")),
        };
        rows.iter().map(row).collect()
    }

    pub(super) fn ids(&mut self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.id).collect()
    }

    /// The lifecycle state of one machine; `gone`: it is not in the group.
    pub(super) fn lifecycle(&mut self, id: &str) -> String {
        let found = self.rows().into_iter().find(|row| row.id == id);
        found.map_or("gone".to_owned(), |row| row.state)
    }

    /// How many machines are in this lifecycle state.
    pub(super) fn count(&mut self, state: &str) -> usize {
        self.rows().iter().filter(|row| row.state == state).count()
    }

    /// In service in each of the two zones.
    pub(super) fn spread(&mut self) -> (usize, usize) {
        let rows = self.rows();
        let serving = |zone: &str| {
            let there = rows.iter().filter(|row| row.zone == zone);
            there.filter(|row| row.state == "InService").count()
        };
        (serving(ZONE_A), serving(ZONE_C))
    }

    /// Status, description and message, newest first.
    pub(super) fn activities(&mut self) -> Vec<(String, String, String)> {
        let told = self.ask("DescribeScalingActivities", &[]).unwrap();
        let row = |row: &Document| {
            let message = row
                .get("StatusMessage")
                .map_or(String::new(), |_| text(row, "StatusMessage"));
            (text(row, "StatusCode"), text(row, "Description"), message)
        };
        documents(&told, "Activities").iter().map(row).collect()
    }

    pub(super) fn target(&self, id: &str) -> TargetId {
        TargetId {
            group: self.target_group.clone().unwrap(),
            instance: id.to_owned(),
            port: 6_443,
        }
    }

    /// State and reason of a target.
    pub(super) fn health(&mut self, id: &str) -> (String, String) {
        let group = self.target_group.clone().unwrap();
        let said = [("TargetGroupArn", group.as_str()), ("Targets.member.1.Id", id)];
        let told = self.elb("DescribeTargetHealth", &said).unwrap();
        let health = "TargetHealthDescriptions.0.TargetHealth";
        let state = text(&told, &format!("{health}.State"));
        let reason = if state == "healthy" {
            String::new()
        } else {
            text(&told, &format!("{health}.Reason"))
        };
        (state, reason)
    }

    /// Registers or deregisters one machine by hand.
    pub(super) fn targets(&mut self, action: &str, id: &str) -> Result<(), &'static str> {
        let group = self.target_group.clone().unwrap();
        let said = [("TargetGroupArn", group.as_str()), ("Targets.member.1.Id", id)];
        self.elb(action, &said).map(|_| ())
    }

    pub(super) fn routes_to(&self, id: &str) -> bool {
        self.bench.world.routes_to(&self.target(id), self.bench.now)
    }
}

pub(super) fn documents(document: &Document, name: &str) -> Vec<Document> {
    let Some(Value::List(rows)) = document.get(name) else {
        panic!("no list {name} in {document:?}")
    };
    let document = |row: &Value| match row {
        Value::Document(document) => document.clone(),
        other => panic!("{other:?}"),
    };
    rows.iter().map(document).collect()
}
