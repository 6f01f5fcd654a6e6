//! What the adapters of groups and of targets must do, whatever stands behind the wire.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::LaunchTemplateSpecification;
use aws_sdk_elasticloadbalancingv2::types::{ProtocolEnum, TargetTypeEnum};
use rehull::adapters::aws::{AwsGroups, AwsTargets};
use rehull_core::domain::group::{Group, Launches, Lifecycle, Sizes, TargetHealth};
use rehull_core::domain::ids::{GroupName, InstanceId, LaunchTemplateVersion, TargetGroupArn};
use rehull_core::domain::observed::Part;
use rehull_core::ports::{Groups, PortError, Targets};

use crate::account::{Account, eventually};
use crate::aws_machines::nobody;

struct Fleet {
    name: GroupName,
    groups: AwsGroups,
    first: LaunchTemplateVersion,
    second: LaunchTemplateVersion,
}

impl Fleet {
    /// A group of two that launches the first of two versions; with a target group, if there is one.
    async fn of_two(account: &Account, targets: Option<&TargetGroupArn>) -> Self {
        let (first, second) = (account.version(1).await, account.version(2).await);
        let name = GroupName::new(format!("{}-cp", account.cluster));
        let launches = LaunchTemplateSpecification::builder()
            .launch_template_name(account.slot.launch_template.as_str())
            .version(first.to_string())
            .build();
        account
            .autoscaling()
            .create_auto_scaling_group()
            .auto_scaling_group_name(name.as_str())
            .launch_template(launches)
            .min_size(2)
            .max_size(2)
            .desired_capacity(2)
            .vpc_zone_identifier(account.slot.subnet.as_str())
            .set_target_group_arns(targets.map(|arn| vec![arn.as_str().to_owned()]))
            .send()
            .await
            .unwrap();
        let fleet = Self {
            name,
            groups: AwsGroups::new(account.clients()),
            first,
            second,
        };
        fleet.serving("both machines are in service", 2).await;
        fleet
    }

    async fn seen(&self) -> Group {
        let seen = self.groups.observe(core::slice::from_ref(&self.name)).await;
        assert_eq!(seen.gaps, []);
        seen.value[&self.name].clone()
    }

    /// Versions of the machines in service, once there are so many.
    async fn serving(&self, what: &str, count: usize) -> Vec<Option<LaunchTemplateVersion>> {
        eventually(what, async || {
            let group = self.seen().await;
            let all = group.members.iter();
            let serving = all.filter(|member| member.lifecycle == Lifecycle::InService && member.is_healthy);
            let mut versions: Vec<_> = serving.map(|member| member.version).collect();
            versions.sort();
            (versions.len() == count).then_some(versions)
        })
        .await
    }
}

fn sizes(min: u32, max: u32, desired: u32) -> Sizes {
    Sizes { min, max, desired }
}

pub(crate) async fn a_group_launches_what_it_is_told_and_as_many(account: &Account) {
    let fleet = Fleet::of_two(account, None).await;
    let group = fleet.seen().await;
    assert_eq!(group.template, account.slot.launch_template);
    assert_eq!(group.launches, Launches::Version(fleet.first));
    assert_eq!(group.sizes, sizes(2, 2, 2));
    assert_eq!(group.refused, None);
    assert!(
        group
            .members
            .iter()
            .all(|member| member.zone == account.slot.zone)
    );
    let (old, new) = (Some(fleet.first), Some(fleet.second));
    for _ in 0..2 {
        fleet
            .groups
            .set(&fleet.name, fleet.second, sizes(2, 3, 3))
            .await
            .unwrap();
    }
    assert_eq!(fleet.serving("one more", 3).await, [old, old, new]);
    let group = fleet.seen().await;
    assert_eq!(group.sizes, sizes(2, 3, 3));
    assert_eq!(group.launches, Launches::Version(fleet.second));
}

pub(crate) async fn processes_are_suspended_and_resumed_by_name(account: &Account) {
    let fleet = Fleet::of_two(account, None).await;
    let both = BTreeSet::from(["AZRebalance", "ScheduledActions"].map(str::to_owned));
    for _ in 0..2 {
        fleet.groups.suspend(&fleet.name, &both).await.unwrap();
    }
    assert_eq!(fleet.seen().await.suspended, both);
    let one = BTreeSet::from(["AZRebalance".to_owned()]);
    for _ in 0..2 {
        fleet.groups.resume(&fleet.name, &one).await.unwrap();
    }
    let left = BTreeSet::from(["ScheduledActions".to_owned()]);
    assert_eq!(fleet.seen().await.suspended, left);
}

pub(crate) async fn a_member_that_is_terminated_is_not_made_up_for(account: &Account) {
    let fleet = Fleet::of_two(account, None).await;
    fleet
        .groups
        .set(&fleet.name, fleet.first, sizes(1, 2, 2))
        .await
        .unwrap();
    let gone = fleet.seen().await.members[0].machine.clone();
    fleet.groups.terminate(&gone).await.unwrap();
    let group = eventually("it counts no more", async || {
        let group = fleet.seen().await;
        let mut members = group.members.iter();
        let counts = members.any(|member| member.machine == gone && member.lifecycle.counts());
        (!counts).then_some(group)
    })
    .await;
    assert_eq!(group.sizes, sizes(1, 2, 1));
    assert_eq!(fleet.serving("the other one stays", 1).await, [Some(fleet.first)]);
}

pub(crate) async fn a_machine_of_no_group_is_gone(account: &Account) {
    let groups = AwsGroups::new(account.clients());
    let nobody = groups.terminate(&nobody()).await;
    assert!(matches!(nobody, Err(PortError::Gone { .. })), "{nobody:?}");
}

/// What a double makes of the second of two equal updates, or already of the first.
pub(crate) async fn is_told_twice(account: &Account) -> [Result<(), PortError>; 2] {
    let fleet = Fleet::of_two(account, None).await;
    let set = async || fleet.groups.set(&fleet.name, fleet.second, sizes(2, 3, 3)).await;
    [set().await, set().await]
}

pub(crate) async fn target_group(account: &Account) -> TargetGroupArn {
    let balancing = account.balancing();
    let networks = account.ec2.describe_vpcs().send().await.unwrap();
    let made = balancing
        .create_target_group()
        .name(
            account
                .cluster
                .as_str()
                .chars()
                .take(30)
                .collect::<String>()
                .trim_end_matches('-'),
        )
        .protocol(ProtocolEnum::Tcp)
        .port(6443)
        .target_type(TargetTypeEnum::Instance)
        .vpc_id(networks.vpcs()[0].vpc_id().unwrap())
        .send()
        .await
        .unwrap();
    TargetGroupArn::new(made.target_groups()[0].target_group_arn().unwrap())
}

pub(crate) async fn a_member_is_a_target_until_it_is_deregistered(account: &Account) {
    let arn = target_group(account).await;
    let fleet = Fleet::of_two(account, Some(&arn)).await;
    let targets = AwsTargets::new(account.clients());
    let seen = async || {
        let seen = targets.observe(core::slice::from_ref(&arn)).await;
        assert_eq!(seen.gaps, []);
        seen.value[&arn].clone()
    };
    let members: BTreeSet<InstanceId> = fleet
        .seen()
        .await
        .members
        .into_iter()
        .map(|member| member.machine)
        .collect();
    eventually("both are registered", async || {
        let known: BTreeSet<InstanceId> = seen().await.into_keys().collect();
        (known == members).then_some(())
    })
    .await;
    let first = members.first().unwrap();
    targets.deregister(&arn, first).await.unwrap();
    let left = seen().await;
    assert!(
        left.get(first)
            .is_none_or(|health| *health == TargetHealth::Draining),
        "{left:?}"
    );
    assert!(left.contains_key(members.last().unwrap()), "{left:?}");
}

pub(crate) async fn whoever_is_no_target_is_deregistered_already(account: &Account) {
    let arn = target_group(account).await;
    let targets = AwsTargets::new(account.clients());
    let machine = account.running(0).await;
    assert_eq!(targets.deregister(&arn, &machine).await, Ok(()));
}

pub(crate) async fn what_is_not_there_is_no_group_and_no_empty_list_of_targets(account: &Account) {
    let groups = AwsGroups::new(account.clients());
    let nothing = groups.observe(&[GroupName::new("nothing")]).await;
    assert!(nothing.value.is_empty() && nothing.gaps.is_empty());
    let set = groups
        .set(
            &GroupName::new("nothing"),
            account.version(1).await,
            sizes(1, 1, 1),
        )
        .await;
    assert!(matches!(set, Err(PortError::Gone { .. })), "{set:?}");
    let arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/nothing/0123456789abcdef";
    let targets = AwsTargets::new(account.clients());
    let nothing = targets.observe(&[TargetGroupArn::new(arn)]).await;
    assert!(nothing.value.is_empty());
    assert_eq!(nothing.gaps.len(), 1);
    assert_eq!(nothing.gaps[0].part, Part::Targets);
}
