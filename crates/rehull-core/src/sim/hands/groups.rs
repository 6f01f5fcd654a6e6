//! Groups, targets and servers, as the production adapters read and change them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Hands;
use super::kept::{GroupKept, Kept, unexpected};
use super::read::{gone, refusal};
use crate::domain::group::{FailedLaunch, Group, Launches, Lifecycle, Member, Server, Sizes, TargetHealth};
use crate::domain::ids::{
    GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, TargetGroupArn, Zone,
};
use crate::domain::observed::{Gap, Part, Partial};
use crate::ports::{Groups, PortError, Servers, Targets};
use crate::sim::ground::KEY;
use crate::sim::lab::Lab;
use crate::world::api::{Call, Request, Response};
use crate::world::query::{Document, Params, Query, Service, Value};
use crate::world::{GroupRow, Kind, MemberRow, World};

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
            let draw = lab.draw;
            let comes = lab.views.comes(draw);
            match comes.and_then(|()| lab.query(now, asked, said)) {
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
        let call = self.signed_query((service, action), said)?;
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

    fn signed_query(
        &self,
        (service, action): (Service, &str),
        said: Vec<(String, String)>,
    ) -> Result<Call, PortError> {
        let asked = Query::new(service, action, Params::of(said)).map_err(|error| refusal(&error, gone))?;
        Ok(self.signed_request(Request::Query(asked)))
    }

    /// `None`: there is no such group.
    pub(in crate::sim) fn group_view(
        &mut self,
        now: Timestamp,
        name: &GroupName,
    ) -> Result<Option<Group>, PortError> {
        let kept = self.views.groups.get(name);
        if kept.is_none_or(|kept| kept.group.asked != self.key) {
            let kept = self.group_kept(name)?;
            self.views.groups.insert(name.clone(), kept);
        }
        let lag = if self.key == KEY {
            self.views.comes(self.draw)?;
            self.views.lag
        } else {
            Duration::ZERO
        };
        let Some(kept) = self.views.groups.get_mut(name) else {
            return Err(unexpected());
        };
        let answer = ask_group(&mut self.world, (now, lag), (name, kept));
        let shows_from = kept.group.shows_from();
        self.look_again(shows_from);
        answer
    }

    fn group_kept(&self, name: &GroupName) -> Result<GroupKept, PortError> {
        let kept = |action: &str, parameter: &str| {
            let said = vec![(parameter.to_owned(), name.to_string())];
            self.signed_query((Service::AutoScaling, action), said)
        };
        let group = kept("DescribeAutoScalingGroups", "AutoScalingGroupNames.1")?;
        let failure = kept("DescribeScalingActivities", "AutoScalingGroupName")?;
        let kind = || Kind::Group(name.to_string());
        Ok(GroupKept {
            group: Kept::new(self.key.clone(), vec![group], kind()),
            failure: Kept::new(self.key.clone(), vec![failure], kind()),
        })
    }
}

fn ask_group(
    world: &mut World,
    now: (Timestamp, Duration),
    (name, kept): (&GroupName, &mut GroupKept),
) -> Result<Option<Group>, PortError> {
    let shown = kept.group.ask(world, now, gone, |world| {
        let row = world.scaling_group_row(name.as_str());
        Ok(row.map(|row| group(&row).ok_or_else(unexpected)).transpose())
    })?;
    let Some(mut group) = shown? else { return Ok(None) };
    let counted = group
        .members
        .iter()
        .filter(|member| member.lifecycle.counts())
        .count();
    if usize::try_from(group.sizes.desired).is_ok_and(|desired| counted < desired) {
        group.refused = kept.failure.ask(world, now, gone, |world| {
            Ok(world.scaling_group_row(name.as_str()).as_ref().and_then(failure))
        })?;
    }
    Ok(Some(group))
}

/// What its newest activity says, if it has failed.
fn failure(row: &GroupRow<'_>) -> Option<FailedLaunch> {
    let (at, text) = row.failure()?;
    let text = text.to_owned();
    Some(FailedLaunch { at, text })
}

fn group(row: &GroupRow<'_>) -> Option<Group> {
    let (template, version) = row.template()?;
    let version = version.unwrap_or("$Default");
    let launches = version
        .parse()
        .map_or_else(|_| Launches::Floating(version.to_owned()), Launches::Version);
    let [min, max, desired] = row.sizes().map(|size| u32::try_from(size).ok());
    Some(Group {
        template: LaunchTemplateName::new(template),
        launches,
        sizes: Sizes {
            min: min?,
            max: max?,
            desired: desired?,
        },
        suspended: row.suspended().map(str::to_owned).collect(),
        members: row.members().map(|one| member(&one)).collect(),
        zones: row.zones().into_iter().map(Zone::new).collect(),
        refused: None,
    })
}

fn member(row: &MemberRow<'_>) -> Member {
    Member {
        machine: InstanceId::new(row.instance()),
        zone: Zone::new(row.zone()),
        lifecycle: lifecycle(row.lifecycle()),
        is_healthy: row.is_healthy(),
        version: row.version().and_then(NonZeroU64::new).map(LaunchTemplateVersion),
    }
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
