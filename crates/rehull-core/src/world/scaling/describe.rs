//! Groups and what they did, as a caller is told.

use super::activity::Activity;
use super::member::Member;
use super::settings::{Launch, Mixed, Template};
use super::{Group, no_group};
use crate::world::World;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope, Value};

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("DescribeAutoScalingGroups", describe),
    Operation::of("DescribeScalingActivities", activities),
    Operation::of("DescribeAutoScalingInstances", instances),
    Operation::of("DescribeTags", tags),
    Operation::of("DescribeWarmPool", |world, at| {
        at.ignore(&["MaxRecords", "NextToken"]);
        world.scaling_group(at)?;
        Ok(Document::new().list("Instances", Vec::<Document>::new()))
    }),
];

/// A name that is not there is no error here, unlike everywhere else in this service.
fn describe(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["MaxRecords", "NextToken"]);
    let names = at.list("AutoScalingGroupNames");
    let filters = filters(at)?;
    let wanted = world.scaling.groups.values().filter(|group| {
        let has = |(name, values): &(String, Vec<String>)| match name.strip_prefix("tag:") {
            Some(key) => group
                .tags
                .get(key)
                .is_some_and(|(value, _)| values.contains(value)),
            None => name == "tag-key" && group.tags.keys().any(|key| values.contains(key)),
        };
        (names.is_empty() || names.contains(&group.name)) && filters.iter().all(has)
    });
    Ok(Document::new().list("AutoScalingGroups", wanted.map(|group| row(world, group))))
}

fn filters(at: &Scope<'_>) -> Result<Vec<(String, Vec<String>)>, AwsError> {
    let filters = at.items("Filters");
    let filters = filters
        .iter()
        .map(|filter| Ok((filter.need("Name")?, filter.list("Values"))));
    filters.collect()
}

fn row(world: &World, group: &Group) -> Document {
    let settings = &group.settings;
    let zones = world.zones_of(group);
    let sources = group.target_groups.iter();
    let sources = sources.map(|arn| Document::new().text("Identifier", arn).text("Type", "elbv2"));
    let document = Document::new()
        .text("AutoScalingGroupName", &group.name)
        .text("AutoScalingGroupARN", &group.arn)
        .text("CreatedTime", group.created.to_string())
        .number("MinSize", settings.min)
        .number("MaxSize", settings.max)
        .number("DesiredCapacity", settings.desired)
        .number("DefaultCooldown", settings.cooldown)
        .text("HealthCheckType", &settings.health_check_type)
        .number("HealthCheckGracePeriod", settings.health_check_grace)
        .flag("NewInstancesProtectedFromScaleIn", settings.is_protected)
        .flag("CapacityRebalance", settings.rebalances)
        .text("VPCZoneIdentifier", settings.subnets.join(","))
        .list("AvailabilityZones", zones)
        .list("TerminationPolicies", settings.termination_policies.iter().cloned())
        .list("TargetGroupARNs", group.target_groups.iter().cloned())
        .list("TrafficSources", sources)
        .list("LoadBalancerNames", Vec::<String>::new())
        .list("Instances", group.members.values().map(member))
        .list("EnabledMetrics", Vec::<Document>::new())
        .list("SuspendedProcesses", suspended(group))
        .maybe("Status", group.deleting.then_some("Delete in progress"))
        .document(
            "AvailabilityZoneDistribution",
            Document::new().text("CapacityDistributionStrategy", &settings.distribution),
        )
        .list("Tags", tag_rows(group))
        .text(
            "ServiceLinkedRoleARN",
            format!(
                "arn:aws:iam::{}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
                world.setup.account
            ),
        );
    let document = match &settings.launch {
        Launch::Plain(one) => document.document("LaunchTemplate", template(one)),
        Launch::Mixed(policy) => document.document("MixedInstancesPolicy", mixed(policy)),
    };
    match settings.maintenance {
        None => document,
        Some(policy) => document.document(
            "InstanceMaintenancePolicy",
            Document::new()
                .number("MinHealthyPercentage", policy.min_percent)
                .number("MaxHealthyPercentage", policy.max_percent),
        ),
    }
}

/// The service's own word for what it does after a day without a launch.
fn suspended(group: &Group) -> Vec<Document> {
    let by_user = group.suspended.iter().map(|name| (name, "User suspended"));
    let by_service = group.given_up.iter().map(|name| {
        (
            name,
            "Administratively suspended: launches have failed for more than 24 hours",
        )
    });
    by_user
        .chain(by_service)
        .map(|(name, why)| {
            Document::new()
                .text("ProcessName", name)
                .text("SuspensionReason", why)
        })
        .collect()
}

fn member(one: &Member) -> Document {
    let row = Document::new()
        .text("InstanceId", &one.instance)
        .text("InstanceType", &one.instance_type)
        .text("AvailabilityZone", &one.zone)
        .text("LifecycleState", one.lifecycle.name())
        .text(
            "HealthStatus",
            if one.is_healthy { "Healthy" } else { "Unhealthy" },
        )
        .flag("ProtectedFromScaleIn", one.is_protected);
    match &one.template {
        None => row,
        Some((id, name, version)) => row.document(
            "LaunchTemplate",
            Document::new()
                .text("LaunchTemplateId", id)
                .text("LaunchTemplateName", name)
                .text("Version", version.to_string()),
        ),
    }
}

/// Of one DescribeAutoScalingInstances.
const IDS_MAX: usize = 50;

/// Whoever is in no group is left out.
fn instances(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["MaxRecords", "NextToken"]);
    let ids = at.list("InstanceIds");
    if ids.len() > IDS_MAX {
        return Err(super::invalid(format!(
            "No more than {IDS_MAX} instances per call"
        )));
    }
    let groups = world.scaling.groups.values();
    let all = groups.flat_map(|group| group.members.values().map(move |one| (group, one)));
    let wanted = all.filter(|(_, one)| ids.is_empty() || ids.contains(&one.instance));
    let rows = wanted.map(|(group, one)| {
        let mut row = member(one).text("AutoScalingGroupName", &group.name);
        // This call shouts what the other one says.
        for (name, value) in &mut row.rows {
            if *name == "HealthStatus" {
                *value = Value::Text(if one.is_healthy { "HEALTHY" } else { "UNHEALTHY" }.to_owned());
            }
        }
        row
    });
    Ok(Document::new().list("AutoScalingInstances", rows.collect::<Vec<_>>()))
}

fn template(one: &Template) -> Document {
    Document::new()
        .text("LaunchTemplateId", &one.id)
        .text("LaunchTemplateName", &one.name)
        .maybe("Version", one.version.as_ref())
}

fn mixed(policy: &Mixed) -> Document {
    let overrides = policy.instance_types.iter();
    let overrides = overrides.map(|name| {
        let row = Document::new().text("InstanceType", name);
        match policy.override_templates.get(name) {
            Some(own) => row.document("LaunchTemplateSpecification", template(own)),
            None => row,
        }
    });
    let launch = Document::new()
        .document("LaunchTemplateSpecification", template(&policy.template))
        .list("Overrides", overrides);
    let distribution = Document::new()
        .text("OnDemandAllocationStrategy", &policy.on_demand_strategy)
        .number("OnDemandBaseCapacity", policy.on_demand_base)
        .number("OnDemandPercentageAboveBaseCapacity", policy.on_demand_percent)
        .text("SpotAllocationStrategy", &policy.spot_strategy);
    Document::new()
        .document("LaunchTemplate", launch)
        .document("InstancesDistribution", distribution)
}

fn tag_rows(group: &Group) -> Vec<Document> {
    let rows = group.tags.iter();
    rows.map(|(key, (value, propagated))| {
        Document::new()
            .text("ResourceId", &group.name)
            .text("ResourceType", "auto-scaling-group")
            .text("Key", key)
            .text("Value", value)
            .flag("PropagateAtLaunch", *propagated)
    })
    .collect()
}

fn tags(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["MaxRecords", "NextToken"]);
    let filters = filters(at)?;
    let groups = world.scaling.groups.values().filter(|group| {
        filters.iter().all(|(name, values)| match name.as_str() {
            "auto-scaling-group" => values.contains(&group.name),
            "key" => group.tags.keys().any(|key| values.contains(key)),
            _ => false,
        })
    });
    Ok(Document::new().list("Tags", groups.flat_map(tag_rows)))
}

/// Newest first.
fn activities(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["MaxRecords", "NextToken", "IncludeDeletedGroups"]);
    let ids = at.list("ActivityIds");
    let groups: Vec<&Group> = match at.text("AutoScalingGroupName") {
        Some(name) => vec![world.scaling.groups.get(&name).ok_or_else(|| no_group(&name))?],
        None => world.scaling.groups.values().collect(),
    };
    let rows = groups.into_iter().flat_map(|group| {
        let all = group.activities.iter().rev();
        let wanted = all.filter(|one| ids.is_empty() || ids.contains(&one.id));
        wanted.map(|one| activity(group, one)).collect::<Vec<_>>()
    });
    Ok(Document::new().list("Activities", rows))
}

pub(super) fn activity(group: &Group, one: &Activity) -> Document {
    let (status, percent) = one.status.told();
    let message = Some(&one.message).filter(|text| !text.is_empty());
    Document::new()
        .text("ActivityId", &one.id)
        .text("AutoScalingGroupName", &group.name)
        .text("AutoScalingGroupARN", &group.arn)
        .text("Description", &one.description)
        .text("Cause", &one.cause)
        .text("StartTime", one.at.to_string())
        .maybe("EndTime", one.ended.map(|at| at.to_string()))
        .text("StatusCode", status)
        .maybe("StatusMessage", message)
        .number("Progress", percent)
}
