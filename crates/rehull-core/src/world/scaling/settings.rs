//! What a group is told to be: sizes, what it launches, where, and how it looks after its machines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::invalid;
use crate::world::World;
use crate::world::api::ec2::TemplateRef;
use crate::world::error::AwsError;
use crate::world::query::Scope;

/// Settings of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::world) struct Settings {
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) desired: i64,
    pub(super) launch: Launch,
    pub(super) subnets: Vec<String>,
    pub(super) health_check_type: String,
    pub(super) health_check_grace: i64,
    pub(super) cooldown: i64,
    pub(super) is_protected: bool,
    pub(super) rebalances: bool,
    pub(super) termination_policies: Vec<String>,
    pub(super) maintenance: Option<Maintenance>,
    /// What to do about a zone without capacity (`AvailabilityZoneDistribution`).
    #[serde(default = "best_effort")]
    pub(super) distribution: String,
}

fn best_effort() -> String {
    "balanced-best-effort".to_owned()
}

/// A launch template and its version, as a caller wrote the version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Template {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: Option<String>,
}

/// What is launched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Launch {
    /// The template as it is.
    Plain(Template),
    /// Several types of it.
    Mixed(Mixed),
}

/// A mixed instances policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mixed {
    pub(super) template: Template,
    pub(super) instance_types: Vec<String>,
    /// Types that are launched from a template of their own.
    #[serde(default)]
    pub(super) override_templates: BTreeMap<String, Template>,
    pub(super) on_demand_base: i64,
    pub(super) on_demand_percent: i64,
    pub(super) on_demand_strategy: String,
    pub(super) spot_strategy: String,
}

/// How far the group goes below and above its desired capacity when it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Maintenance {
    pub(super) min_percent: i64,
    pub(super) max_percent: i64,
}

impl Settings {
    /// The defaults, and what must be said.
    pub(super) fn new(at: &Scope<'_>) -> Result<Self, AwsError> {
        at.need("MinSize")?;
        at.need("MaxSize")?;
        if !at.has("LaunchTemplate") && !at.has("MixedInstancesPolicy") {
            return Err(invalid(
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.",
            ));
        }
        let min = at.parse("MinSize")?.unwrap_or_default();
        Ok(Self {
            min,
            max: 0,
            desired: min,
            launch: Launch::Plain(Template {
                id: String::new(),
                name: String::new(),
                version: None,
            }),
            subnets: Vec::new(),
            health_check_type: "EC2".to_owned(),
            health_check_grace: 0,
            cooldown: 300,
            is_protected: false,
            rebalances: false,
            termination_policies: vec!["Default".to_owned()],
            maintenance: None,
            distribution: best_effort(),
        })
    }

    /// What is said replaces what was; what is not stays.
    pub(super) fn change(&mut self, world: &World, at: &Scope<'_>) -> Result<(), AwsError> {
        for (name, value) in [
            ("MinSize", &mut self.min),
            ("MaxSize", &mut self.max),
            ("DesiredCapacity", &mut self.desired),
            ("HealthCheckGracePeriod", &mut self.health_check_grace),
            ("DefaultCooldown", &mut self.cooldown),
        ] {
            *value = at.parse(name)?.unwrap_or(*value);
        }
        for (name, value) in [
            ("NewInstancesProtectedFromScaleIn", &mut self.is_protected),
            ("CapacityRebalance", &mut self.rebalances),
        ] {
            *value = at.parse(name)?.unwrap_or(*value);
        }
        if let Some(kind) = at.text("HealthCheckType") {
            self.health_check_type = kind;
        }
        if at.has("TerminationPolicies") {
            self.termination_policies = at.list("TerminationPolicies");
        }
        if at.has("LaunchTemplate") {
            self.launch = Launch::Plain(template(world, &at.at("LaunchTemplate"))?);
        }
        if at.has("MixedInstancesPolicy") {
            self.launch = Launch::Mixed(mixed(world, &at.at("MixedInstancesPolicy"))?);
        }
        if let Some(subnets) = at.text("VPCZoneIdentifier") {
            self.subnets = subnets.split(',').map(|id| id.trim().to_owned()).collect();
            for id in &self.subnets {
                world
                    .subnet(id)
                    .map_err(|_| invalid(format!("The subnet ID '{id}' does not exist")))?;
            }
        }
        if at.has("InstanceMaintenancePolicy") {
            self.maintenance = maintenance(&at.at("InstanceMaintenancePolicy"))?;
        }
        if let Some(strategy) = at
            .at("AvailabilityZoneDistribution")
            .text("CapacityDistributionStrategy")
        {
            if !["balanced-best-effort", "balanced-only"].contains(&strategy.as_str()) {
                return Err(invalid(format!(
                    "The sandbox does not model the distribution {strategy}"
                )));
            }
            self.distribution = strategy;
        }
        Ok(())
    }

    /// A replacement comes into service before the old machine goes.
    pub(super) fn launches_first(&self) -> bool {
        self.maintenance
            .is_some_and(|policy| policy.min_percent == 100 && policy.max_percent > 100)
    }

    /// So many stay in service while the group replaces.
    pub(super) fn least_in_service(&self) -> i64 {
        let percent = self.maintenance.map_or(0, |policy| policy.min_percent);
        self.desired.saturating_mul(percent).saturating_add(99) / 100
    }

    /// So many there may be while the group replaces.
    pub(super) fn most(&self) -> i64 {
        let percent = self.maintenance.map_or(100, |policy| policy.max_percent);
        self.desired.saturating_mul(percent) / 100
    }

    pub(super) fn check(&self) -> Result<(), AwsError> {
        let (min, max, desired) = (self.min, self.max, self.desired);
        if min < 0 || max < min {
            return Err(invalid(format!(
                "Max bound, {max}, must be greater than or equal to min bound, {min}"
            )));
        }
        if !(min..=max).contains(&desired) {
            return Err(invalid(format!(
                "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
            )));
        }
        if self.subnets.is_empty() {
            return Err(invalid(
                "At least one Availability Zone or VPC Subnet is required.",
            ));
        }
        let known = ["EC2", "ELB", "VPC_LATTICE", "EBS"];
        let mut kinds = self.health_check_type.split(',');
        match kinds.find(|kind| !known.contains(kind)) {
            None => Ok(()),
            Some(other) => Err(invalid(format!("Invalid health check type: {other}"))),
        }
    }
}

/// Both percentages, or -1 twice, which takes the policy away.
fn maintenance(at: &Scope<'_>) -> Result<Option<Maintenance>, AwsError> {
    let percent = |name: &str| Ok::<i64, AwsError>(at.parse(name)?.unwrap_or(-1));
    let (min_percent, max_percent) = (percent("MinHealthyPercentage")?, percent("MaxHealthyPercentage")?);
    match (min_percent, max_percent) {
        (-1, -1) => Ok(None),
        (0..=100, 100..=200) if max_percent.saturating_sub(min_percent) <= 100 => Ok(Some(Maintenance {
            min_percent,
            max_percent,
        })),
        _ => Err(invalid(format!(
            "Minimum healthy percentage {min_percent} and maximum {max_percent} must be 0 to 100 and 100 to 200, and no more than 100 apart"
        ))),
    }
}

fn template(world: &World, at: &Scope<'_>) -> Result<Template, AwsError> {
    let which = match (at.text("LaunchTemplateId"), at.text("LaunchTemplateName")) {
        (Some(id), _) => TemplateRef::Id(id),
        (None, Some(name)) => TemplateRef::Name(name),
        (None, None) => {
            return Err(invalid(
                "Valid requests must contain a launch template id or name.",
            ));
        }
    };
    let unusable = |error: AwsError| {
        invalid(format!(
            "You must use a valid fully-formed launch template. {}",
            error.message
        ))
    };
    let found = world.template(&which).map_err(unusable)?;
    let version = at.text("Version");
    found.version(version.as_deref()).map_err(unusable)?;
    Ok(Template {
        id: found.id.clone(),
        name: found.name.clone(),
        version,
    })
}

fn mixed(world: &World, at: &Scope<'_>) -> Result<Mixed, AwsError> {
    let (launch, distribution) = (at.at("LaunchTemplate"), at.at("InstancesDistribution"));
    let overrides = launch.items("Overrides");
    let mut override_templates = BTreeMap::new();
    for one in &overrides {
        if one.has("LaunchTemplateSpecification") {
            let own = template(world, &one.at("LaunchTemplateSpecification"))?;
            override_templates.insert(one.need("InstanceType")?, own);
        }
    }
    let types = overrides.iter().map(|one| one.need("InstanceType"));
    let said = |name: &str, default: &str| distribution.text(name).unwrap_or_else(|| default.to_owned());
    Ok(Mixed {
        template: template(world, &launch.at("LaunchTemplateSpecification"))?,
        instance_types: types.collect::<Result<_, _>>()?,
        override_templates,
        on_demand_base: distribution.parse("OnDemandBaseCapacity")?.unwrap_or(0),
        on_demand_percent: distribution
            .parse("OnDemandPercentageAboveBaseCapacity")?
            .unwrap_or(100),
        on_demand_strategy: said("OnDemandAllocationStrategy", "prioritized"),
        spot_strategy: said("SpotAllocationStrategy", "lowest-price"),
    })
}
