//! Auto Scaling groups: what they are told to be, what they launch, and who is of them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use aws_sdk_autoscaling::types::{
    Activity, AutoScalingGroup, Instance, LaunchTemplateSpecification, LifecycleState,
    ScalingActivityStatusCode,
};
use jiff::Timestamp;
use rehull_core::domain::group::{FailedLaunch, Group, Launches, Lifecycle, Member, Sizes};
use rehull_core::domain::ids::{GroupName, InstanceId, LaunchTemplateName, LaunchTemplateVersion, Zone};
use rehull_core::domain::observed::{Gap, Part, Partial};
use rehull_core::ports::{Groups, PortError};

use super::client::AwsClients;
use super::error::{Absent, Call, Failure};
use super::machines::{CALL_LIMIT, too_long};
use crate::adapters::clock::within;

const DESCRIBE: Call = call("autoscaling:DescribeAutoScalingGroups");
const ACTIVITIES: Call = call("autoscaling:DescribeScalingActivities");
const UPDATE: Call = call("autoscaling:UpdateAutoScalingGroup");
const SUSPEND: Call = call("autoscaling:SuspendProcesses");
const RESUME: Call = call("autoscaling:ResumeProcesses");
const TERMINATE: Call = call("autoscaling:TerminateInstanceInAutoScalingGroup");

const fn call(action: &'static str) -> Call {
    Call {
        action,
        absent: Absent::Gone,
    }
}

/// Groups of one account and region.
#[derive(Clone, Debug)]
pub struct AwsGroups {
    clients: AwsClients,
}

impl AwsGroups {
    /// Groups that these clients see.
    #[must_use]
    pub fn new(clients: AwsClients) -> Self {
        Self { clients }
    }

    async fn look(&self, names: &[GroupName]) -> Partial<BTreeMap<GroupName, Group>> {
        let mut seen = Partial {
            value: BTreeMap::new(),
            gaps: Vec::new(),
        };
        let gap = |why: String| Gap {
            part: Part::Groups,
            why,
        };
        match self.described(names).await {
            Err(error) => seen.gaps.push(gap(error.to_string())),
            Ok(groups) => {
                for group in &groups {
                    match self.read(group).await {
                        Ok((name, group)) => drop(seen.value.insert(name, group)),
                        Err(error) => seen.gaps.push(gap(error.to_string())),
                    }
                }
            }
        }
        seen
    }

    async fn described(&self, names: &[GroupName]) -> Result<Vec<AutoScalingGroup>, PortError> {
        let names = names.iter().map(|name| name.as_str().to_owned()).collect();
        let request = self.clients.autoscaling.describe_auto_scaling_groups();
        let request = request.set_auto_scaling_group_names(Some(names));
        let mut pages = request.into_paginator().send();
        let mut groups = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| DESCRIBE.failed(&Failure::of(&error)))?;
            groups.extend(page.auto_scaling_groups.unwrap_or_default());
        }
        Ok(groups)
    }

    async fn read(&self, told: &AutoScalingGroup) -> Result<(GroupName, Group), PortError> {
        let name = told.auto_scaling_group_name().unwrap_or_default();
        let unreadable = |what: &str| PortError::Unreadable {
            text: format!("the group {name} {what}"),
        };
        // What such a policy launches is set by sending all of it again, overrides and all.
        if told.mixed_instances_policy().is_some() {
            return Err(unreadable(
                "has a mixed instances policy, which this version of rehull cannot roll",
            ));
        }
        let template = told
            .launch_template()
            .ok_or_else(|| unreadable("launches from no launch template"))?;
        let size = |size: Option<i32>| u32::try_from(size.unwrap_or_default()).unwrap_or_default();
        let mut group = Group {
            template: LaunchTemplateName::new(template.launch_template_name().unwrap_or_default()),
            launches: launches(template),
            sizes: Sizes {
                min: size(told.min_size()),
                max: size(told.max_size()),
                desired: size(told.desired_capacity()),
            },
            suspended: told
                .suspended_processes()
                .iter()
                .filter_map(|process| process.process_name().map(str::to_owned))
                .collect(),
            members: told.instances().iter().filter_map(member).collect(),
            zones: told.availability_zones().iter().map(Zone::new).collect(),
            refused: None,
        };
        let counted = group.members.iter().filter(|member| member.lifecycle.counts());
        if u32::try_from(counted.count()).is_ok_and(|counted| counted < group.sizes.desired) {
            group.refused = self.failed_launch(name).await?;
        }
        Ok((GroupName::new(name), group))
    }

    /// The newest activity, if it has failed: nothing else tells why a group lacks machines.
    async fn failed_launch(&self, name: &str) -> Result<Option<FailedLaunch>, PortError> {
        let request = self.clients.autoscaling.describe_scaling_activities();
        let request = request.auto_scaling_group_name(name).max_records(1);
        let told = request.send().await;
        let told = told.map_err(|error| ACTIVITIES.failed(&Failure::of(&error)))?;
        Ok(told.activities().first().and_then(failed))
    }

    async fn update(
        &self,
        name: &GroupName,
        version: LaunchTemplateVersion,
        sizes: Sizes,
    ) -> Result<(), PortError> {
        // Who changes the version has to name the template as well.
        let found = self.described(core::slice::from_ref(name)).await?;
        let template = found.first().and_then(|group| group.launch_template());
        let template = template.and_then(LaunchTemplateSpecification::launch_template_name);
        let Some(template) = template else {
            let what = format!("the group {name} with a launch template");
            return Err(PortError::Gone { what });
        };
        let launches = LaunchTemplateSpecification::builder()
            .launch_template_name(template)
            .version(version.to_string())
            .build();
        let size = |size: u32| i32::try_from(size).unwrap_or(i32::MAX);
        self.clients
            .autoscaling_once
            .update_auto_scaling_group()
            .auto_scaling_group_name(name.as_str())
            .launch_template(launches)
            .min_size(size(sizes.min))
            .max_size(size(sizes.max))
            .desired_capacity(size(sizes.desired))
            .send()
            .await
            .map(drop)
            .map_err(|error| UPDATE.failed(&Failure::of(&error)))
    }
}

#[async_trait]
impl Groups for AwsGroups {
    async fn observe(&self, groups: &[GroupName]) -> Partial<BTreeMap<GroupName, Group>> {
        let late = || Partial {
            value: BTreeMap::new(),
            gaps: vec![Gap {
                part: Part::Groups,
                why: too_long("looking at Auto Scaling groups"),
            }],
        };
        within(CALL_LIMIT, self.look(groups)).await.unwrap_or_else(late)
    }

    async fn set(
        &self,
        group: &GroupName,
        version: LaunchTemplateVersion,
        sizes: Sizes,
    ) -> Result<(), PortError> {
        let done = within(CALL_LIMIT, self.update(group, version, sizes)).await;
        done.unwrap_or_else(|| {
            Err(PortError::OutcomeUnknown {
                why: too_long("setting a group"),
            })
        })
    }

    async fn suspend(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError> {
        let request = self.clients.autoscaling_once.suspend_processes();
        let request = request.auto_scaling_group_name(group.as_str());
        let processes = processes.iter().cloned().collect();
        let done = request.set_scaling_processes(Some(processes)).send().await;
        done.map(drop)
            .map_err(|error| SUSPEND.failed(&Failure::of(&error)))
    }

    async fn resume(&self, group: &GroupName, processes: &BTreeSet<String>) -> Result<(), PortError> {
        let request = self.clients.autoscaling_once.resume_processes();
        let request = request.auto_scaling_group_name(group.as_str());
        let processes = processes.iter().cloned().collect();
        let done = request.set_scaling_processes(Some(processes)).send().await;
        done.map(drop)
            .map_err(|error| RESUME.failed(&Failure::of(&error)))
    }

    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError> {
        let request = self
            .clients
            .autoscaling_once
            .terminate_instance_in_auto_scaling_group()
            .instance_id(machine.as_str())
            .should_decrement_desired_capacity(true);
        let Err(error) = request.send().await else {
            return Ok(());
        };
        let error = TERMINATE.failed(&Failure::of(&error));
        // This service has one code for nearly everything; only the sentence tells.
        if let PortError::Refused { text, .. } = &error
            && text.contains("not found")
        {
            return Err(PortError::Gone { what: text.clone() });
        }
        Err(error)
    }
}

/// Without a version a group launches the default one.
fn launches(template: &LaunchTemplateSpecification) -> Launches {
    let word = template.version().unwrap_or("$Default");
    word.parse()
        .map_or_else(|_| Launches::Floating(word.to_owned()), Launches::Version)
}

fn member(told: &Instance) -> Option<Member> {
    let version = told.launch_template().and_then(|template| template.version());
    Some(Member {
        machine: InstanceId::new(told.instance_id()?),
        zone: Zone::new(told.availability_zone().unwrap_or_default()),
        lifecycle: lifecycle(told.lifecycle_state()),
        is_healthy: told.health_status() == Some("Healthy"),
        version: version.and_then(|version| version.parse().ok()),
    })
}

fn lifecycle(state: Option<&LifecycleState>) -> Lifecycle {
    match state {
        Some(LifecycleState::Pending | LifecycleState::PendingWait | LifecycleState::PendingProceed) => {
            Lifecycle::Pending
        }
        Some(LifecycleState::InService) => Lifecycle::InService,
        Some(
            LifecycleState::Terminating
            | LifecycleState::TerminatingWait
            | LifecycleState::TerminatingProceed
            | LifecycleState::Terminated,
        ) => Lifecycle::Leaving,
        // The SDK's enum may grow.
        Some(other) => Lifecycle::Other(other.as_str().to_owned()),
        None => Lifecycle::Other("no state".to_owned()),
    }
}

fn failed(activity: &Activity) -> Option<FailedLaunch> {
    if activity.status_code() != Some(&ScalingActivityStatusCode::Failed) {
        return None;
    }
    let at = activity.start_time()?;
    Some(FailedLaunch {
        at: Timestamp::from_second(at.secs()).ok()?,
        text: activity.status_message().unwrap_or_default().to_owned(),
    })
}
