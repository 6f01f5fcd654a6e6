//! RegisterTargets, DeregisterTargets, DescribeTargetHealth: what a caller may ask of targets and is told of them.

use super::World;
use super::agenda::later;
use super::error::AwsError;
use super::instance::{Instance, InstanceState};
use super::query::{Document, Operation, Scope};
use super::select::Described as _;
use super::target::{Stage, Target, TargetId};
use super::target_group::TargetGroup;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of("RegisterTargets", register),
    Operation::of("DeregisterTargets", deregister),
    Operation::of("DescribeTargetHealth", describe),
];

/// State, reason, description.
type Told = (&'static str, Option<(&'static str, &'static str)>);

const NOT_REGISTERED: Told = (
    "unused",
    Some((
        "Target.NotRegistered",
        "Target is not registered to the target group",
    )),
);

fn asked(at: &Scope<'_>) -> Result<Vec<(String, Option<i64>)>, AwsError> {
    let rows = at.items("Targets");
    rows.iter()
        .map(|target| {
            target.ignore(&["AvailabilityZone"]);
            Ok((target.need("Id")?, target.parse("Port")?))
        })
        .collect()
}

fn is_among(wanted: &[(String, Option<i64>)], one: &Target) -> bool {
    let is_it =
        |(id, port): &(String, Option<i64>)| *id == one.instance && port.is_none_or(|port| port == one.port);
    wanted.iter().any(is_it)
}

fn unusable(why: impl Into<String>) -> AwsError {
    AwsError::bad("InvalidTarget", why)
}

/// All or nothing. What does not run cannot be registered, so this wait does not begin while an instance is pending.
fn register(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let group = world.target_group_mut(at)?;
    let (arn, port, vpc) = (group.arn.clone(), group.port, group.vpc.clone());
    for (instance, its_port) in asked(at)? {
        let known = world.instances.get(&instance);
        let known = known.ok_or_else(|| unusable(Instance::not_found(&instance).message))?;
        if known.vpc != vpc {
            return Err(unusable(format!(
                "The following targets are not in the target group VPC '{vpc}': '{instance}'"
            )));
        }
        if known.state != InstanceState::Running {
            return Err(unusable(format!(
                "The following targets are not in a running state and cannot be registered: '{instance}'"
            )));
        }
        world.register_target(&TargetId {
            group: arn.clone(),
            instance,
            port: its_port.unwrap_or(port),
        });
    }
    Ok(Document::new())
}

/// Who is not registered, or leaves already, is success and changes nothing.
fn deregister(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let wanted = asked(at)?;
    let arn = world.target_group_mut(at)?.arn.clone();
    for id in world.target_ids(|group, one| group == arn && is_among(&wanted, one)) {
        world.deregister_target(&id);
    }
    Ok(Document::new())
}

/// Who is asked for by name and not there is told as `unused`, which is no error.
fn describe(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    at.ignore(&["Include"]);
    let wanted = asked(at)?;
    let group = world.target_group_mut(at)?.clone();
    let told = group.targets.iter().filter(|one| one.is_told());
    let told = told.filter(|one| wanted.is_empty() || is_among(&wanted, one));
    let mut rows: Vec<Document> = told
        .clone()
        .map(|one| row(&group, &one.instance, one.port, state(world, &group, one)))
        .collect();
    let is_missing = |(id, port): &&(String, Option<i64>)| {
        !told
            .clone()
            .any(|one| one.instance == *id && port.is_none_or(|port| port == one.port))
    };
    let missing = wanted.iter().filter(is_missing);
    rows.extend(missing.map(|(id, port)| row(&group, id, port.unwrap_or(group.port), NOT_REGISTERED)));
    Ok(Document::new().list("TargetHealthDescriptions", rows))
}

fn row(group: &TargetGroup, instance: &str, port: i64, (state, why): Told) -> Document {
    let health = Document::new().text("State", state);
    let health = match why {
        Some((reason, description)) => health.text("Reason", reason).text("Description", description),
        None => health,
    };
    let check_port = match group.check.port.as_str() {
        "traffic-port" => port.to_string(),
        number => number.to_owned(),
    };
    Document::new()
        .document(
            "Target",
            Document::new().text("Id", instance).number("Port", port),
        )
        .text("HealthCheckPort", check_port)
        .document("TargetHealth", health)
}

/// A target that leaves is told as leaving; of the others, only those that the load balancer uses have a health.
fn state(world: &World, group: &TargetGroup, one: &Target) -> Told {
    match one.stage {
        Stage::Gone => return NOT_REGISTERED,
        Stage::Draining => {
            let why = (
                "Target.DeregistrationInProgress",
                "Target deregistration is in progress",
            );
            return ("draining", Some(why));
        }
        Stage::Registering | Stage::Checking | Stage::Healthy | Stage::Unhealthy => {}
    }
    if let Some(why) = unused(world, group, one) {
        return ("unused", Some(why));
    }
    let failing = ("Target.FailedHealthChecks", "Health checks failed");
    match one.stage {
        Stage::Registering => {
            let why = ("Elb.RegistrationInProgress", "Target registration is in progress");
            ("initial", Some(why))
        }
        Stage::Checking => {
            let why = ("Elb.InitialHealthChecking", "Initial health checks in progress");
            ("initial", Some(why))
        }
        Stage::Healthy => ("healthy", None),
        Stage::Unhealthy if later(one.since, group.unhealthy_draining()) > world.now => {
            ("unhealthy.draining", Some(failing))
        }
        Stage::Unhealthy | Stage::Draining | Stage::Gone => ("unhealthy", Some(failing)),
    }
}

fn unused(world: &World, group: &TargetGroup, one: &Target) -> Option<(&'static str, &'static str)> {
    let runs = |instance: &Instance| instance.state == InstanceState::Running;
    if !world.instances.get(&one.instance).is_some_and(runs) {
        return Some((
            "Target.InvalidState",
            "Target is in the stopped or terminated state",
        ));
    }
    let served = world.zones_served(&group.arn);
    if served.is_empty() {
        return Some((
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        ));
    }
    let is_served = world
        .zone_of(&one.instance)
        .is_some_and(|zone| served.contains(zone));
    (!is_served).then_some((
        "Target.NotInUse",
        "Target is in an Availability Zone that is not enabled for the load balancer",
    ))
}
