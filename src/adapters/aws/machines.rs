//! The machines of one cluster: EC2's view joined with what the machines themselves wrote to S3.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, LaunchTemplateSpecification, Reservation, ResourceType, Tag, TagSpecification,
};
use rehull_core::domain::desired::ObjectLocation;
use rehull_core::domain::fleet::{BootPhase, BootReport, Machine, tag};
use rehull_core::domain::ids::{AccountId, ClusterName, InstanceId, Region, SlotName};
use rehull_core::domain::observed::{Gap, Part, Partial};
use rehull_core::ports::{LaunchRequest, Machines, PortError, Store as _, StoreError};
use serde::Deserialize;

use super::client::AwsClients;
use super::convert;
use super::error::{Absent, Call, Failure};
use crate::adapters::clock::within;
use crate::adapters::store_s3::S3Store;

/// Port calls that are made of several requests end within this, below the 20 s that callers count on.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(18);
/// EC2 asks for pages: an unpaged describe draws from a smaller bucket.
const PAGE: i32 = 500;
/// Version of the boot report's document.
const REPORT_FORMAT: u32 = 1;

const DESCRIBE: Call = Call {
    action: "ec2:DescribeInstances",
    absent: Absent::NotYet,
};
const RUN: Call = Call {
    action: "ec2:RunInstances",
    absent: Absent::NotYet,
};
const TAG: Call = Call {
    action: "ec2:CreateTags",
    absent: Absent::NotYet,
};
const TERMINATE: Call = Call {
    action: "ec2:TerminateInstances",
    absent: Absent::Gone,
};

/// Machines of one cluster. Boot reports are `boot/<cluster>/<slot>/<instance>.json` under the artefacts' prefix.
#[derive(Clone, Debug)]
pub struct AwsMachines {
    clients: AwsClients,
    reports: S3Store,
}

impl AwsMachines {
    /// Machines of `cluster`, whose boot reports stand beside its artefacts.
    #[must_use]
    pub fn new(clients: AwsClients, artefacts: &ObjectLocation, cluster: &ClusterName) -> Self {
        let location = ObjectLocation {
            bucket: artefacts.bucket.clone(),
            prefix: format!("{}boot/{cluster}/", artefacts.prefix),
        };
        let reports = S3Store::new(clients.clone(), location);
        Self { clients, reports }
    }

    async fn look(&self, cluster: &ClusterName) -> Partial<Vec<Machine>> {
        let mut gaps = Vec::new();
        let mut machines = match self.instances(cluster, &mut gaps).await {
            Ok(machines) => machines,
            Err(error) => {
                gaps.push(Gap {
                    part: Part::Machines,
                    why: error.to_string(),
                });
                return Partial {
                    value: Vec::new(),
                    gaps,
                };
            }
        };
        machines.sort_by(|one, other| (one.launched_at, &one.id).cmp(&(other.launched_at, &other.id)));
        self.join_reports(&mut machines, &mut gaps).await;
        Partial {
            value: machines,
            gaps,
        }
    }

    async fn instances(&self, cluster: &ClusterName, gaps: &mut Vec<Gap>) -> Result<Vec<Machine>, PortError> {
        let ours = Filter::builder()
            .name(format!("tag:{}", tag::CLUSTER))
            .values(cluster.as_str())
            .build();
        let request = self.clients.ec2.describe_instances().filters(ours);
        let mut pages = request.into_paginator().page_size(PAGE).send();
        let mut machines = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| DESCRIBE.failed(&Failure::of(&error)))?;
            for instance in page.reservations().iter().flat_map(Reservation::instances) {
                let read = convert::machine(instance);
                gaps.extend(read.doubts.into_iter().map(|why| Gap {
                    part: Part::Machines,
                    why,
                }));
                machines.extend(read.value);
            }
        }
        Ok(machines)
    }

    /// One list tells which machines have written something; only those that live are read.
    async fn join_reports(&self, machines: &mut [Machine], gaps: &mut Vec<Gap>) {
        let written = match self.reports.list("").await {
            Ok(keys) => keys,
            Err(error) => {
                gaps.push(Gap {
                    part: Part::BootReports,
                    why: error.to_string(),
                });
                return;
            }
        };
        let mut wanted: Vec<(&mut Machine, &str)> = machines
            .iter_mut()
            .filter(|machine| machine.is_live())
            .filter_map(|machine| {
                let key = written_by(machine, &written)?;
                Some((machine, key))
            })
            .collect();
        let reads = wanted.iter().map(|(machine, key)| self.read(key, &machine.id));
        let reports = futures_util::future::join_all(reads).await;
        for ((machine, key), report) in wanted.iter_mut().zip(reports) {
            match report {
                Ok(report) => {
                    let is_own = *key == report_key(&machine.slot, &machine.id);
                    machine.report = report.filter(|report| is_own || report.phase == BootPhase::Refused);
                }
                Err(error) => gaps.push(Gap {
                    part: Part::BootReports,
                    why: error.to_string(),
                }),
            }
        }
    }

    async fn read(&self, key: &str, machine: &InstanceId) -> Result<Option<BootReport>, PortError> {
        match self.reports.get(key).await {
            Ok(Some(stored)) => read_report(key, machine, &stored.bytes).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(from_store(error)),
        }
    }
}

#[async_trait]
impl Machines for AwsMachines {
    async fn observe(&self, cluster: &ClusterName) -> Partial<Vec<Machine>> {
        within(CALL_LIMIT, self.look(cluster))
            .await
            .unwrap_or_else(|| Partial {
                value: Vec::new(),
                gaps: vec![Gap {
                    part: Part::Machines,
                    why: too_long("describing the machines"),
                }],
            })
    }

    async fn launch(&self, request: &LaunchRequest) -> Result<InstanceId, PortError> {
        let template = LaunchTemplateSpecification::builder()
            .launch_template_name(request.template.as_str())
            .version(request.version.to_string())
            .build();
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .set_tags(Some(sdk_tags(&request.tags)))
            .build();
        let answer = self
            .clients
            .ec2_once
            .run_instances()
            .launch_template(template)
            .min_count(1)
            .max_count(1)
            .client_token(request.token.as_str())
            .tag_specifications(tags)
            .send()
            .await
            .map_err(|error| RUN.failed(&Failure::of(&error)))?;
        match answer
            .instances()
            .first()
            .and_then(|instance| instance.instance_id())
        {
            Some(id) => Ok(InstanceId::new(id)),
            // The same token asks for the same machine again.
            None => Err(PortError::OutcomeUnknown {
                why: "RunInstances answered without an id".to_owned(),
            }),
        }
    }

    async fn tag(&self, machine: &InstanceId, tags: &BTreeMap<String, String>) -> Result<(), PortError> {
        let request = self
            .clients
            .ec2_once
            .create_tags()
            .resources(machine.as_str())
            .set_tags(Some(sdk_tags(tags)));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(TAG.failed(&Failure::of(&error))),
        }
    }

    async fn terminate(&self, machine: &InstanceId) -> Result<(), PortError> {
        let request = self
            .clients
            .ec2_once
            .terminate_instances()
            .instance_ids(machine.as_str());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(TERMINATE.failed(&Failure::of(&error))),
        }
    }

    async fn whoami(&self) -> Result<(AccountId, Region), PortError> {
        self.clients.whoami().await
    }

    async fn boot_report(
        &self,
        slot: &SlotName,
        machine: &InstanceId,
    ) -> Result<Option<BootReport>, PortError> {
        self.read(&report_key(slot, machine), machine).await
    }
}

/// Where the machine has written, if it has. One whose user data is another slot's writes under that slot, by which it knows
/// itself: it refuses to boot because its tags say otherwise, and only there can that be read.
fn written_by<'a>(machine: &Machine, written: &'a [String]) -> Option<&'a str> {
    let own = report_key(&machine.slot, &machine.id);
    let file = format!("/{}.json", machine.id);
    let own = written.iter().find(|key| **key == own);
    own.or_else(|| written.iter().find(|key| key.ends_with(&file)))
        .map(String::as_str)
}

fn report_key(slot: &SlotName, machine: &InstanceId) -> String {
    format!("{slot}/{machine}.json")
}

/// A machine writes its own report, so anything may stand in it.
fn read_report(key: &str, machine: &InstanceId, bytes: &[u8]) -> Result<BootReport, PortError> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let unreadable = |why: String| PortError::Unreadable {
        text: format!("boot report `{key}`: {why}"),
    };
    let head: Head = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    if head.format != REPORT_FORMAT {
        return Err(unreadable(format!(
            "format {}, this version reads {REPORT_FORMAT}",
            head.format
        )));
    }
    let report: BootReport = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    if report.instance == *machine {
        Ok(report)
    } else {
        Err(unreadable(format!("written by `{}`", report.instance)))
    }
}

fn from_store(error: StoreError) -> PortError {
    match error {
        StoreError::Denied { key, action } => PortError::Denied {
            action: format!("{action} on `{key}`"),
        },
        StoreError::OutcomeUnknown { .. } => PortError::OutcomeUnknown {
            why: error.to_string(),
        },
        StoreError::Unavailable { .. } => PortError::NotSent {
            why: error.to_string(),
        },
        StoreError::Conflict { .. } => PortError::Unreadable {
            text: error.to_string(),
        },
    }
}

pub(super) fn sdk_tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

pub(super) fn too_long(what: &str) -> String {
    format!("{what} took longer than {} s", CALL_LIMIT.as_secs())
}
