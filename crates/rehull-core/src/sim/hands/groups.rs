//! Groups, targets and servers, as the production adapters read and change them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;

use super::Hands;
use super::kept::unexpected;
use super::read::{gone, refusal};
use crate::domain::group::{FailedLaunch, Group, Launches, Lifecycle, Member, Server, Sizes, TargetHealth};
use crate::domain::ids::{
    GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, TargetGroupArn, Zone,
};
use crate::domain::observed::{Gap, Part, Partial};
use crate::ports::{Groups, PortError, Servers, Targets};
use crate::sim::lab::Lab;
use crate::world::api::{Call, Request, Response};
use crate::world::query::{Document, Params, Query, Service, Value};

#[async_trait]
impl Groups for Hands {
    async fn observe(&self, groups: &[GroupName]) -> Partial<BTreeMap<GroupName, Group>> {
        let now = self.now();
        let mut lab = self.lab();
        lab.advance(now);
        let (mut value, mut gaps) = (BTreeMap::new(), Vec::new());
        for name in groups {
            match lab.group_view(now, name) {
                Ok(found) => value.extend(found.map(|group| (name.clone(), group))),
                Err(error) => gaps.push(Gap {
                    part: Part::Groups,
                    why: error.to_string(),
                }),
            }
        }
        Partial { value, gaps }
    }

    async fn set(
        &self,
        group: &GroupName,
        version: LaunchTemplateVersion,
        sizes: Sizes,
    ) -> Result<(), PortError> {
        let said = vec![
            ("AutoScalingGroupName".to_owned(), group.to_string()),
            ("MinSize".to_owned(), sizes.min.to_string()),
            ("MaxSize".to_owned(), sizes.max.to_string()),
            ("DesiredCapacity".to_owned(), sizes.desired.to_string()),
        ];
        self.request("UpdateAutoScalingGroup", move |lab, now| {
            // Who changes the version has to name the template as well.
            let name = GroupName::new(said.first().map(|(_, name)| name.as_str()).unwrap_or_default());
            let found = lab
                .group_view(now, &name)?
                .ok_or_else(|| gone(name.to_string()))?;
            let mut said = said.clone();
            said.push((
                "LaunchTemplate.LaunchTemplateName".to_owned(),
                found.template.to_string(),
            ));
            said.push(("LaunchTemplate.Version".to_owned(), version.to_string()));
            lab.query(now, (Service::AutoScaling, "UpdateAutoScalingGroup"), said)
                .map(drop)
        })
        .await
    }

    async fn suspend(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError> {
        let said = about(group, processes);
        self.request("SuspendProcesses", move |lab, now| {
            let asked = (Service::AutoScaling, "SuspendProcesses");
            lab.query(now, asked, said.clone()).map(drop)
        })
        .await
    }

    async fn resume(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError> {
        let said = about(group, processes);
        self.request("ResumeProcesses", move |lab, now| {
            let asked = (Service::AutoScaling, "ResumeProcesses");
            lab.query(now, asked, said.clone()).map(drop)
        })
        .await
    }

    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError> {
        let said = vec![
            ("InstanceId".to_owned(), machine.to_string()),
            ("ShouldDecrementDesiredCapacity".to_owned(), "true".to_owned()),
        ];
        self.request("TerminateInstanceInAutoScalingGroup", move |lab, now| {
            let asked = (Service::AutoScaling, "TerminateInstanceInAutoScalingGroup");
            match lab.query(now, asked, said.clone()) {
                // This service has one code for everything.
                Err(PortError::Refused { text, .. }) if text.contains("not found") => Err(gone(text)),
                other => other.map(drop),
            }
        })
        .await
    }
}

#[async_trait]
impl Targets for Hands {
    async fn observe(
        &self,
        groups: &[TargetGroupArn],
    ) -> Partial<BTreeMap<TargetGroupArn, BTreeMap<InstanceId, TargetHealth>>> {
        let now = self.now();
        let mut lab = self.lab();
        let (mut value, mut gaps) = (BTreeMap::new(), Vec::new());
        for arn in groups {
            let said = vec![("TargetGroupArn".to_owned(), arn.to_string())];
            let asked = (Service::LoadBalancing, "DescribeTargetHealth");
            match lab.query(now, asked, said) {
                Ok(told) => {
                    let rows = rows(&told, "TargetHealthDescriptions").filter_map(target);
                    value.insert(arn.clone(), rows.collect());
                }
                Err(error) => gaps.push(Gap {
                    part: Part::Targets,
                    why: error.to_string(),
                }),
            }
        }
        Partial { value, gaps }
    }

    async fn deregister(&self, group: &TargetGroupArn, machine: &InstanceId) -> Result<(), PortError> {
        let said = vec![
            ("TargetGroupArn".to_owned(), group.to_string()),
            ("Targets.1.Id".to_owned(), machine.to_string()),
        ];
        self.request("DeregisterTargets", move |lab, now| {
            let asked = (Service::LoadBalancing, "DeregisterTargets");
            lab.query(now, asked, said.clone()).map(drop)
        })
        .await
    }
}

#[async_trait]
impl Servers for Hands {
    async fn observe(&self, machines: &[InstanceId]) -> BTreeMap<InstanceId, Server> {
        let lab = self.lab();
        let all = machines.iter();
        all.map(|id| (id.clone(), lab.servers.answer(id))).collect()
    }
}

fn about(group: &GroupName, processes: &BTreeSet<String>) -> Vec<(String, String)> {
    let mut said = vec![("AutoScalingGroupName".to_owned(), group.to_string())];
    let numbered = (1..).zip(processes);
    said.extend(numbered.map(|(nth, process)| (format!("ScalingProcesses.{nth}"), process.clone())));
    said
}

impl Lab {
    fn query(
        &mut self,
        now: Timestamp,
        (service, action): (Service, &str),
        said: Vec<(String, String)>,
    ) -> Result<Document, PortError> {
        let asked = Query::new(service, action, Params::of(said)).map_err(|error| refusal(&error, gone))?;
        let call = Call {
            access_key: Some(self.key.clone()),
            region: Some(self.world.setup().region.clone()),
            request: Request::Query(asked),
        };
        let answer = self.world.handle(now, &call);
        match answer.result {
            Ok(_) if answer.lost => Err(PortError::OutcomeUnknown {
                why: "the connection was closed".to_owned(),
            }),
            Ok(Response::Query(answered)) => Ok(answered.document),
            Ok(Response::S3(_) | Response::CallerIdentity(_) | Response::Ec2(_)) => Err(unexpected()),
            Err(error) => Err(refusal(&error, gone)),
        }
    }

    /// `None`: there is no such group.
    pub(in crate::sim) fn group_view(
        &mut self,
        now: Timestamp,
        name: &GroupName,
    ) -> Result<Option<Group>, PortError> {
        let said = vec![("AutoScalingGroupNames.1".to_owned(), name.to_string())];
        let told = self.query(now, (Service::AutoScaling, "DescribeAutoScalingGroups"), said)?;
        let Some(row) = rows(&told, "AutoScalingGroups").next() else {
            return Ok(None);
        };
        let mut group = group(row).ok_or_else(unexpected)?;
        let counted = group
            .members
            .iter()
            .filter(|member| member.lifecycle.counts())
            .count();
        if usize::try_from(group.sizes.desired).is_ok_and(|desired| counted < desired) {
            group.refused = self.last_failure(now, name)?;
        }
        Ok(Some(group))
    }

    /// What the newest activity says, if it has failed.
    fn last_failure(&mut self, now: Timestamp, name: &GroupName) -> Result<Option<FailedLaunch>, PortError> {
        let said = vec![("AutoScalingGroupName".to_owned(), name.to_string())];
        let told = self.query(now, (Service::AutoScaling, "DescribeScalingActivities"), said)?;
        let newest = rows(&told, "Activities").next();
        Ok(newest
            .filter(|row| text(row, "StatusCode") == Some("Failed"))
            .and_then(|row| {
                Some(FailedLaunch {
                    at: text(row, "StartTime")?.parse().ok()?,
                    text: text(row, "StatusMessage")?.to_owned(),
                })
            }))
    }
}

fn group(row: &Document) -> Option<Group> {
    let Some(Value::Document(template)) = row.get("LaunchTemplate") else {
        return None;
    };
    let version = text(template, "Version").unwrap_or("$Default");
    let launches = version
        .parse()
        .map_or_else(|_| Launches::Floating(version.to_owned()), Launches::Version);
    let suspended = rows(row, "SuspendedProcesses").filter_map(|one| text(one, "ProcessName"));
    Some(Group {
        template: LaunchTemplateName::new(text(template, "LaunchTemplateName")?),
        launches,
        sizes: Sizes {
            min: number(row, "MinSize")?,
            max: number(row, "MaxSize")?,
            desired: number(row, "DesiredCapacity")?,
        },
        suspended: suspended.map(str::to_owned).collect(),
        members: rows(row, "Instances").filter_map(member).collect(),
        refused: None,
    })
}

fn member(row: &Document) -> Option<Member> {
    let version = if let Some(Value::Document(template)) = row.get("LaunchTemplate") {
        text(template, "Version").and_then(|text| text.parse().ok())
    } else {
        None
    };
    Some(Member {
        machine: InstanceId::new(text(row, "InstanceId")?),
        zone: Zone::new(text(row, "AvailabilityZone")?),
        lifecycle: lifecycle(text(row, "LifecycleState")?),
        is_healthy: text(row, "HealthStatus") == Some("Healthy"),
        version,
    })
}

fn lifecycle(word: &str) -> Lifecycle {
    match word {
        "Pending" | "Pending:Wait" | "Pending:Proceed" => Lifecycle::Pending,
        "InService" => Lifecycle::InService,
        "Terminating" | "Terminating:Wait" | "Terminating:Proceed" | "Terminated" => Lifecycle::Leaving,
        other => Lifecycle::Other(other.to_owned()),
    }
}

fn target(row: &Document) -> Option<(InstanceId, TargetHealth)> {
    let (Some(Value::Document(target)), Some(Value::Document(health))) =
        (row.get("Target"), row.get("TargetHealth"))
    else {
        return None;
    };
    let reason = text(health, "Reason").unwrap_or_default();
    let health = match text(health, "State")? {
        "initial" => TargetHealth::Initial,
        "healthy" => TargetHealth::Healthy,
        "unhealthy" | "unhealthy.draining" => TargetHealth::Unhealthy,
        "draining" => TargetHealth::Draining,
        other => TargetHealth::Other(format!("{other} ({reason})")),
    };
    Some((InstanceId::new(text(target, "Id")?), health))
}

fn rows<'a>(document: &'a Document, name: &str) -> impl Iterator<Item = &'a Document> {
    let list = if let Some(Value::List(rows)) = document.get(name) {
        rows.as_slice()
    } else {
        &[]
    };
    list.iter().filter_map(|row| {
        if let Value::Document(row) = row {
            Some(row)
        } else {
            None
        }
    })
}

fn text<'a>(document: &'a Document, name: &str) -> Option<&'a str> {
    if let Value::Text(text) = document.get(name)? {
        Some(text)
    } else {
        None
    }
}

fn number(document: &Document, name: &str) -> Option<u32> {
    if let Value::Number(number) = document.get(name)? {
        u32::try_from(*number).ok()
    } else {
        None
    }
}
