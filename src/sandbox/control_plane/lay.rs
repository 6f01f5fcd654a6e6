//! The ground of a control plane, through the world's own requests.

use std::io;

use rehull_core::world::query::Service;
use serde::{Deserialize, Serialize};

use super::{API_SERVER_PORT, ZONES};
use crate::sandbox::lay::{Laying, text};

/// Ids of what was laid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Laid {
    pub(in crate::sandbox) security_group: String,
    pub(in crate::sandbox) load_balancer: String,
    pub(in crate::sandbox) target_group: String,
    pub(in crate::sandbox) subnets: Vec<String>,
}

/// Checks as often as the service allows, so that a test sees their end.
const CHECKS: [(&str, &str); 6] = [
    ("HealthCheckProtocol", "HTTPS"),
    ("HealthCheckPath", "/readyz"),
    ("HealthCheckIntervalSeconds", "5"),
    ("HealthCheckTimeoutSeconds", "4"),
    ("HealthyThresholdCount", "2"),
    ("UnhealthyThresholdCount", "2"),
];
/// AWS's default of five minutes is for connections that nobody closes. All other attributes are AWS's defaults.
const DEREGISTRATION_DELAY_SECONDS: &str = "10";

impl Laying<'_> {
    /// Everything but launch template and group.
    pub(in crate::sandbox) fn control_plane(&mut self) -> io::Result<Laid> {
        let (name, port) = (self.layout.api_server(), API_SERVER_PORT.to_string());
        let subnets = self
            .layout
            .machine_subnets()
            .take(ZONES)
            .map(|name| self.subnet(&name))
            .collect::<io::Result<Vec<String>>>()?;
        let vpc = self.vpc()?;
        let security_group = self.security_group(&vpc)?;
        let mut said = vec![
            ("Name".to_owned(), name.clone()),
            ("Type".to_owned(), "network".to_owned()),
            ("Scheme".to_owned(), "internal".to_owned()),
        ];
        let numbered = (1_usize..).zip(&subnets);
        said.extend(numbered.map(|(nth, id)| (format!("Subnets.{nth}"), id.clone())));
        let made = self.query(Service::LoadBalancing, "CreateLoadBalancer", said)?;
        let load_balancer = text(&made, &["LoadBalancers", "LoadBalancerArn"])?;
        let made = self.ask(
            Service::LoadBalancing,
            "CreateTargetGroup",
            &[
                [("Name", name.as_str()), ("Protocol", "TCP"), ("Port", &port)].as_slice(),
                &[("VpcId", &vpc)],
                &CHECKS,
            ]
            .concat(),
        )?;
        let target_group = text(&made, &["TargetGroups", "TargetGroupArn"])?;
        self.ask(
            Service::LoadBalancing,
            "ModifyTargetGroupAttributes",
            &[
                ("TargetGroupArn", target_group.as_str()),
                ("Attributes.1.Key", "deregistration_delay.timeout_seconds"),
                ("Attributes.1.Value", DEREGISTRATION_DELAY_SECONDS),
            ],
        )?;
        self.ask(
            Service::LoadBalancing,
            "CreateListener",
            &[
                ("LoadBalancerArn", load_balancer.as_str()),
                ("Port", &port),
                ("Protocol", "TCP"),
                ("DefaultActions.1.Type", "forward"),
                ("DefaultActions.1.TargetGroupArn", &target_group),
            ],
        )?;
        Ok(Laid {
            security_group,
            load_balancer,
            target_group,
            subnets,
        })
    }

    fn security_group(&mut self, vpc: &str) -> io::Result<String> {
        let name = self.layout.control_plane();
        let made = self.ask(
            Service::Ec2,
            "CreateSecurityGroup",
            &[
                ("GroupName", name.as_str()),
                ("GroupDescription", "control plane"),
                ("VpcId", vpc),
            ],
        )?;
        text(&made, &["groupId"])
    }
}
