//! Auto Scaling groups of one machine each, as a fork of somebody's modules has them for etcd: real ones of the sandbox.

use std::time::Duration;

use aws_sdk_autoscaling::types::{AutoScalingGroup, Instance, LaunchTemplateSpecification, LifecycleState};
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use rehull::sandbox::layout::IMAGE;

use super::legacy::Member;
use crate::e2e::cloud::config;
use crate::e2e::rig::Sandbox;
use crate::support::eventually;

const SOON: Duration = Duration::from_secs(60);

/// Whoever built the cluster has called group and launch template of a member like this.
pub(super) fn name(member: &str) -> String {
    format!("legacy-{member}")
}

pub(super) struct Groups {
    autoscaling: aws_sdk_autoscaling::Client,
    members: Vec<Member>,
}

impl Groups {
    /// Each machine is in a group of its own, which would replace it.
    pub(super) async fn around(sandbox: &Sandbox, members: &[Member]) -> Self {
        let config = config(&sandbox.info).await;
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let groups = Self {
            autoscaling: aws_sdk_autoscaling::Client::new(&config),
            members: members.to_vec(),
        };
        for member in members {
            let name = name(&member.name);
            let data = RequestLaunchTemplateData::builder().image_id(IMAGE);
            let template = ec2.create_launch_template().launch_template_name(&name);
            template.launch_template_data(data.build()).send().await.unwrap();
            groups.make(&name, member).await;
            let attach = groups.autoscaling.attach_instances();
            let attach = attach
                .auto_scaling_group_name(&name)
                .instance_ids(&member.machine);
            attach.send().await.unwrap();
        }
        eventually("every machine in service in its group", SOON, async || {
            let sizes = groups.sizes(true).await;
            (sizes == vec![(1, 1); members.len()]).then_some(())
        })
        .await;
        groups
    }

    async fn make(&self, name: &str, member: &Member) {
        let launches = LaunchTemplateSpecification::builder()
            .launch_template_name(name)
            .version("1")
            .build();
        self.autoscaling
            .create_auto_scaling_group()
            .auto_scaling_group_name(name)
            .launch_template(launches)
            .min_size(0)
            .max_size(1)
            .desired_capacity(0)
            .vpc_zone_identifier(&member.subnet)
            .send()
            .await
            .unwrap();
    }

    /// As docs/adopt.md says it: one at a time, and the capacity goes with the machine.
    pub(super) async fn let_go(&self) {
        for member in &self.members {
            let detach = self.autoscaling.detach_instances();
            let detach = detach.auto_scaling_group_name(name(&member.name));
            let detach = detach.instance_ids(&member.machine);
            detach
                .should_decrement_desired_capacity(true)
                .send()
                .await
                .unwrap();
        }
        eventually("groups without machines", SOON, async || {
            self.have_launched_nothing().await.then_some(())
        })
        .await;
    }

    pub(super) async fn have_launched_nothing(&self) -> bool {
        self.sizes(false).await == vec![(0, 0); self.members.len()]
    }

    /// Of each group how many machines it wants, and how many it has, or has in service.
    async fn sizes(&self, in_service: bool) -> Vec<(i32, usize)> {
        let answer = self.autoscaling.describe_auto_scaling_groups().send().await;
        let answer = answer.unwrap();
        let counts =
            |one: &&Instance| !in_service || one.lifecycle_state() == Some(&LifecycleState::InService);
        let size = |group: &AutoScalingGroup| {
            let all = group.instances().iter();
            (group.desired_capacity().unwrap(), all.filter(counts).count())
        };
        answer.auto_scaling_groups().iter().map(size).collect()
    }
}
