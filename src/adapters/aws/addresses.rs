//! Where machines are reached: the private address of their first interface, which stays for their whole life.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use aws_sdk_ec2::types::{Instance, Reservation};
use rehull_core::domain::ids::InstanceId;
use rehull_core::ports::PortError;

use super::client::AwsClients;
use super::error::{Absent, Call, Failure};
use super::machines::{CALL_LIMIT, too_long};
use crate::adapters::clock::within;

const DESCRIBE: Call = Call {
    action: "ec2:DescribeInstances",
    absent: Absent::NotYet,
};

/// Addresses of machines, each asked for once.
#[derive(Debug)]
pub struct AwsAddresses {
    clients: AwsClients,
    known: Mutex<BTreeMap<InstanceId, Ipv4Addr>>,
}

impl AwsAddresses {
    /// Of machines in the account and region of these clients; sends nothing.
    #[must_use]
    pub fn new(clients: AwsClients) -> Self {
        Self {
            clients,
            known: Mutex::new(BTreeMap::new()),
        }
    }

    /// Those that have one; a machine that EC2 does not show yet is absent.
    ///
    /// # Errors
    /// EC2 does not say.
    pub async fn of(&self, machines: &[InstanceId]) -> Result<BTreeMap<InstanceId, Ipv4Addr>, PortError> {
        let new: Vec<String> = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let new = machines.iter().filter(|machine| !known.contains_key(*machine));
            new.map(|machine| machine.as_str().to_owned()).collect()
        };
        if !new.is_empty() {
            let asked = within(CALL_LIMIT, self.ask(new)).await;
            let told = asked.unwrap_or_else(|| {
                Err(PortError::OutcomeUnknown {
                    why: too_long(DESCRIBE.action),
                })
            })?;
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.extend(told);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |machine: &InstanceId| Some((machine.clone(), *known.get(machine)?));
        Ok(machines.iter().filter_map(of).collect())
    }

    /// By a filter and not by ids: one id that is not shown yet would refuse the whole call.
    async fn ask(&self, machines: Vec<String>) -> Result<BTreeMap<InstanceId, Ipv4Addr>, PortError> {
        let those = aws_sdk_ec2::types::Filter::builder()
            .name("instance-id")
            .set_values(Some(machines))
            .build();
        let request = self.clients.ec2.describe_instances().filters(those);
        let mut pages = request.into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| DESCRIBE.failed(&Failure::of(&error)))?;
            let instances = page.reservations().iter().flat_map(Reservation::instances);
            found.extend(instances.filter_map(address));
        }
        Ok(found)
    }
}

fn address(instance: &Instance) -> Option<(InstanceId, Ipv4Addr)> {
    let address = instance.private_ip_address()?.parse().ok()?;
    Some((InstanceId::new(instance.instance_id()?), address))
}
