//! Furnishes a fresh world: buckets, keys of the machines, an interface and a volume per slot.
//!
//! Through the world's own requests, so that nothing can be laid that AWS would refuse.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rehull_core::domain::fleet::tag;
use rehull_core::world::World;
use rehull_core::world::api::ec2::{
    CreateNetworkInterface, CreateVolume, Describe, Filter, Request as Ec2, Response as Ec2Answer, Tags,
};
use rehull_core::world::api::s3::{Operation, Put, PutCondition, Request as S3};
use rehull_core::world::api::{Call, Request, Response};
use rehull_core::world::performance::Performance;
use rehull_core::world::query::{Document, Params, Query, Service, Value};
use serde::{Deserialize, Serialize};

use super::blobs::Blobs;
use super::control_plane;
use super::layout::{Layout, REGION, SlotPlan, TLS_REVISION};
use super::pki::SLOT_FILES;

/// Size of a slot's volume; a directory is as big as its disk.
const VOLUME_GIB: u32 = 20;

/// Ids of what was laid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Laid {
    pub(super) security_group: String,
    pub(super) slots: Vec<LaidSlot>,
    #[serde(default)]
    pub(super) spare: Option<LaidSlot>,
    #[serde(default)]
    pub(super) control_plane: Option<control_plane::Laid>,
}

/// Ids of one slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LaidSlot {
    pub(super) name: String,
    pub(super) zone: String,
    pub(super) subnet: String,
    pub(super) interface: String,
    pub(super) volume: String,
    pub(super) address: std::net::Ipv4Addr,
}

/// A world in which nothing has happened yet, and its hands.
pub(super) struct Laying<'a> {
    pub(super) world: &'a mut World,
    pub(super) blobs: &'a Blobs,
    pub(super) layout: &'a Layout,
    pub(super) now: Timestamp,
    /// The apiservers and what stands before them, too.
    pub(super) with_control_plane: bool,
}

impl Laying<'_> {
    /// Everything; `pki` holds the certificates.
    pub(super) fn lay(&mut self, pki: &Path) -> io::Result<Laid> {
        let layout = self.layout;
        for bucket in [layout.bucket(), layout.snapshot_bucket(), layout.secret_bucket()] {
            self.s3(bucket, Operation::CreateBucket)?;
        }
        let mut slots = Vec::new();
        for slot in layout.slots() {
            self.upload_slot_keys(pki, &slot.name)?;
            slots.push(self.slot(slot)?);
        }
        let spare = match layout.spare() {
            Some(spare) => {
                self.upload_slot_keys(pki, &spare.name)?;
                Some(self.slot(spare)?)
            }
            None => None,
        };
        let Ec2Answer::SecurityGroups(groups) = self.ec2(Ec2::DescribeSecurityGroups(Describe::default()))?
        else {
            return Err(unexpected());
        };
        let group = groups.rows.into_iter().next().ok_or_else(unexpected)?;
        let control_plane = if self.with_control_plane {
            let revision = format!("control-plane/{TLS_REVISION}");
            self.upload_keys(&pki.join("control-plane"), &control_plane::FILES, &revision)?;
            Some(self.control_plane()?)
        } else {
            None
        };
        Ok(Laid {
            security_group: group.id,
            slots,
            spare,
            control_plane,
        })
    }

    /// The network that was there from the beginning.
    pub(super) fn vpc(&mut self) -> io::Result<String> {
        let Ec2Answer::Vpcs(vpcs) = self.ec2(Ec2::DescribeVpcs(Describe::default()))? else {
            return Err(unexpected());
        };
        let vpc = vpcs.rows.into_iter().next().ok_or_else(unexpected)?;
        Ok(vpc.id)
    }

    fn slot(&mut self, slot: SlotPlan) -> io::Result<LaidSlot> {
        let tags = Tags::from([
            (tag::CLUSTER.to_owned(), self.layout.name.clone()),
            (tag::SLOT.to_owned(), slot.name.clone()),
            ("Name".to_owned(), format!("{}-{}", self.layout.name, slot.name)),
        ]);
        let interface = CreateNetworkInterface {
            subnet: self.subnet(&self.layout.slot_subnet(&slot.zone))?,
            address: Some(slot.address),
            description: format!("address of {}", slot.name),
            tags: tags.clone(),
            ..CreateNetworkInterface::default()
        };
        let Ec2Answer::Interface(interface) = self.ec2(Ec2::CreateNetworkInterface(interface))? else {
            return Err(unexpected());
        };
        let volume = CreateVolume {
            zone: slot.zone.clone(),
            size_gib: VOLUME_GIB,
            volume_type: Some("gp3".to_owned()),
            encrypted: true,
            performance: Performance::default(),
            tags,
            token: None,
        };
        let Ec2Answer::Volume(volume) = self.ec2(Ec2::CreateVolume(volume))? else {
            return Err(unexpected());
        };
        Ok(LaidSlot {
            subnet: self.subnet(&self.layout.machine_subnet(&slot.zone))?,
            name: slot.name,
            zone: slot.zone,
            interface: interface.id,
            volume: volume.id,
            address: slot.address,
        })
    }

    pub(super) fn subnet(&mut self, name: &str) -> io::Result<String> {
        let by_name = Filter {
            name: "tag:Name".to_owned(),
            values: vec![name.to_owned()],
        };
        let describe = Describe {
            filters: vec![by_name],
            ..Describe::default()
        };
        let Ec2Answer::Subnets(subnets) = self.ec2(Ec2::DescribeSubnets(describe))? else {
            return Err(unexpected());
        };
        subnets
            .rows
            .into_iter()
            .next()
            .map(|subnet| subnet.id)
            .ok_or_else(unexpected)
    }

    fn upload_slot_keys(&mut self, pki: &Path, slot: &str) -> io::Result<()> {
        self.upload_keys(
            &pki.join(slot),
            &SLOT_FILES,
            &format!("etcd/{slot}/{TLS_REVISION}"),
        )
    }

    fn upload_keys(&mut self, dir: &Path, files: &[&str], prefix: &str) -> io::Result<()> {
        for file in files {
            let mut upload = self.blobs.upload()?;
            upload.write(&fs::read(dir.join(file))?)?;
            let uploaded = upload.finish();
            let put = Put {
                key: format!("{prefix}/{file}"),
                content: uploaded.content.clone(),
                condition: PutCondition::IfAbsent,
                content_type: None,
                metadata: std::collections::BTreeMap::new(),
            };
            self.s3(self.layout.secret_bucket(), Operation::Put(put))?;
            self.blobs.keep(&uploaded)?;
        }
        Ok(())
    }

    fn s3(&mut self, bucket: String, operation: Operation) -> io::Result<()> {
        self.call(Request::S3(S3 { bucket, operation })).map(drop)
    }

    fn ec2(&mut self, request: Ec2) -> io::Result<Ec2Answer> {
        match self.call(Request::Ec2(request))? {
            Response::Ec2(answer) => Ok(answer),
            Response::S3(_) | Response::CallerIdentity(_) | Response::Query(_) => Err(unexpected()),
        }
    }

    /// A request in AWS's own names.
    pub(super) fn ask(
        &mut self,
        service: Service,
        action: &str,
        said: &[(&str, &str)],
    ) -> io::Result<Document> {
        let said = said.iter();
        let said = said.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.query(service, action, said.collect())
    }

    pub(super) fn query(
        &mut self,
        service: Service,
        action: &str,
        said: Vec<(String, String)>,
    ) -> io::Result<Document> {
        let query = Query::new(service, action, Params::of(said)).map_err(io::Error::other)?;
        match self.call(Request::Query(query))? {
            Response::Query(answered) => Ok(answered.document),
            Response::S3(_) | Response::CallerIdentity(_) | Response::Ec2(_) => Err(unexpected()),
        }
    }

    fn call(&mut self, request: Request) -> io::Result<Response> {
        let call = Call {
            access_key: Some(self.layout.operator().id),
            region: Some(REGION.to_owned()),
            request,
        };
        self.world
            .handle(self.now, &call)
            .result
            .map_err(io::Error::other)
    }
}

/// A text of an answer: of its only row, or of the first one of a list.
pub(super) fn text(document: &Document, path: &[&str]) -> io::Result<String> {
    let mut here = Value::Document(document.clone());
    for part in path {
        let rows = match here {
            Value::Document(document) => document.rows,
            Value::Text(_) | Value::Flag(_) | Value::Number(_) | Value::List(_) => Vec::new(),
        };
        let found = rows.into_iter().find(|(name, _)| name == part);
        here = match found.ok_or_else(unexpected)?.1 {
            Value::List(values) => values.into_iter().next().ok_or_else(unexpected)?,
            value @ (Value::Text(_) | Value::Flag(_) | Value::Number(_) | Value::Document(_)) => value,
        };
    }
    match here {
        Value::Text(text) => Ok(text),
        Value::Flag(_) | Value::Number(_) | Value::Document(_) | Value::List(_) => Err(unexpected()),
    }
}

pub(super) fn unexpected() -> io::Error {
    io::Error::other("the world answered something else")
}
