//! A world, a clock that a test turns by hand, and short words for requests.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::world::agenda::later;
use crate::world::api::ec2::{
    CreateLaunchTemplate, CreateNetworkInterface, CreateVolume, Describe, InterfaceSpec, LaunchData,
    MetadataSpec, Request, Response, RunInstances, Sight, TemplateRef,
};
use crate::world::api::{Call, Request as Service, Response as Answer, s3};
use crate::world::network::Cidr;
use crate::world::query::{self, Document, Params, Query};
use crate::world::volume::Volume;
use crate::world::{
    AccessKey, AwsError, BootId, Deed, Effect, Fact, Grant, ImagePlan, Principal, Profile, Setup, SubnetPlan,
    Switch, Timing, Verb, World,
};

pub(super) const KEY: &str = "AKIAOPERATOR";
pub(super) const ZONE_A: &str = "ap-northeast-1a";
pub(super) const ZONE_C: &str = "ap-northeast-1c";

pub(super) struct Bench {
    pub(super) world: World,
    pub(super) now: Timestamp,
    /// Everything the world asked for, in order.
    pub(super) effects: Vec<Effect>,
}

pub(super) fn setup(timing: Timing) -> Setup {
    let cidr = |third, last| Cidr {
        base: Ipv4Addr::new(10, 0, third, last),
        bits: 27,
    };
    let subnet = |name: &str, zone: &str, cidr| SubnetPlan {
        name: name.to_owned(),
        zone: zone.to_owned(),
        cidr,
    };
    Setup {
        account: "111122223333".to_owned(),
        region: "ap-northeast-1".to_owned(),
        seed: 7,
        timing,
        cidr: Cidr {
            base: Ipv4Addr::new(10, 0, 0, 0),
            bits: 16,
        },
        subnets: vec![subnet("a", ZONE_A, cidr(1, 0)), subnet("c", ZONE_C, cidr(1, 32))],
        images: vec![ImagePlan {
            id: "ami-1".to_owned(),
            name: "image".to_owned(),
        }],
        keys: vec![key(KEY, "111122223333")],
        profiles: vec![Profile {
            name: "etcd".to_owned(),
            grants: vec![
                Grant {
                    verb: Verb::Get,
                    bucket: "art".to_owned(),
                    key: "sha256/*".to_owned(),
                },
                Grant {
                    verb: Verb::Get,
                    bucket: "keys".to_owned(),
                    key: "etcd/{tag:slot}/*".to_owned(),
                },
                Grant {
                    verb: Verb::Put,
                    bucket: "art".to_owned(),
                    key: "boot/{tag:slot}/{instance}.json".to_owned(),
                },
            ],
        }],
    }
}

pub(super) fn key(id: &str, account: &str) -> AccessKey {
    AccessKey {
        id: id.to_owned(),
        secret: "secret".to_owned(),
        session_token: None,
        principal: Principal::Operator {
            account: account.to_owned(),
            user: "me".to_owned(),
        },
        expired: false,
    }
}

impl Bench {
    pub(super) fn new(timing: Timing) -> Self {
        let now = "2026-11-21T10:00:00Z".parse().unwrap();
        Self {
            world: World::new(setup(timing), now),
            now,
            effects: Vec::new(),
        }
    }

    pub(super) fn fast() -> Self {
        Self::new(Timing::Fast)
    }

    pub(super) fn ask_as(&mut self, key: &str, request: Service) -> Result<Answer, AwsError> {
        let call = Call {
            access_key: Some(key.to_owned()),
            region: Some("ap-northeast-1".to_owned()),
            request,
        };
        let answer = self.world.handle(self.now, &call);
        self.collect();
        answer.result
    }

    pub(super) fn ec2(&mut self, request: Request) -> Result<Response, AwsError> {
        match self.ask_as(KEY, Service::Ec2(request))? {
            Answer::Ec2(response) => Ok(response),
            other => panic!("{other:?}"),
        }
    }

    /// The code of a refusal.
    pub(super) fn refused(&mut self, request: Request) -> &'static str {
        self.ec2(request).unwrap_err().code
    }

    /// The document of an answer, or the code of the refusal.
    pub(super) fn query(
        &mut self,
        service: query::Service,
        action: &str,
        said: &[(&str, &str)],
    ) -> Result<Document, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let asked =
            Query::new(service, action, Params::of(said.iter().map(owned))).map_err(|error| error.code)?;
        match self.ask_as(KEY, Service::Query(asked)) {
            Ok(Answer::Query(answered)) => Ok(answered.document),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.code),
        }
    }

    pub(super) fn s3(&mut self, bucket: &str, operation: s3::Operation) -> Result<s3::Response, AwsError> {
        let request = Service::S3(s3::Request {
            bucket: bucket.to_owned(),
            operation,
        });
        match self.ask_as(KEY, request)? {
            Answer::S3(response) => Ok(response),
            other => panic!("{other:?}"),
        }
    }

    fn collect(&mut self) {
        self.effects.extend(self.world.advance(self.now));
    }

    /// Lets time pass; nothing is reported.
    pub(super) fn pass(&mut self, ms: u64) {
        self.now = later(self.now, Duration::from_millis(ms));
        self.collect();
    }

    pub(super) fn report(&mut self, fact: Fact) {
        self.world.report(self.now, fact);
        self.collect();
    }

    pub(super) fn switch(&mut self, switch: Switch) {
        self.world.switch(self.now, switch).unwrap();
        self.collect();
    }

    /// Lets time pass; guests do at once whatever they are asked.
    pub(super) fn live(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(10) {
            self.pass(10);
            for effect in std::mem::take(&mut self.effects) {
                self.obey(&effect);
            }
        }
    }

    pub(super) fn obey(&mut self, effect: &Effect) {
        self.report(Fact::Performed(effect.id));
        if matches!(effect.deed, Deed::Shutdown | Deed::PowerCut) {
            self.report(Fact::Exited { boot: effect.boot });
        }
    }

    /// Effects so far, then forgotten.
    pub(super) fn deeds(&mut self) -> Vec<Deed> {
        std::mem::take(&mut self.effects)
            .into_iter()
            .map(|effect| effect.deed)
            .collect()
    }

    pub(super) fn run(&mut self, change: impl FnOnce(&mut RunInstances)) -> Result<String, AwsError> {
        let mut asked = RunInstances {
            min_count: 1,
            max_count: 1,
            data: data(),
            ..RunInstances::default()
        };
        change(&mut asked);
        match self.ec2(Request::RunInstances(Box::new(asked)))? {
            Response::Reservation(sights) => Ok(sights[0].instance.id.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// An instance that runs and has told so.
    pub(super) fn running(&mut self, zone: &str) -> String {
        let zone = zone.to_owned();
        let id = self.run(|asked| asked.zone = Some(zone)).unwrap();
        self.live(1_000);
        id
    }

    pub(super) fn describe(&mut self, id: &str) -> Option<Sight> {
        let by = Describe {
            ids: vec![id.to_owned()],
            ..Describe::default()
        };
        match self.ec2(Request::DescribeInstances(by)).ok()? {
            Response::Instances(page) => page.rows.into_iter().next(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn state(&mut self, id: &str) -> &'static str {
        self.describe(id)
            .map_or("unknown", |sight| sight.instance.state.name())
    }

    pub(super) fn boot(&mut self, id: &str) -> BootId {
        self.describe(id).unwrap().instance.boot.unwrap()
    }

    pub(super) fn terminate(&mut self, id: &str) {
        self.ec2(Request::TerminateInstances {
            ids: vec![id.to_owned()],
        })
        .unwrap();
    }

    pub(super) fn volume(&mut self, zone: &str) -> String {
        let asked = CreateVolume {
            zone: zone.to_owned(),
            size_gib: 8,
            ..CreateVolume::default()
        };
        let Ok(Response::Volume(volume)) = self.ec2(Request::CreateVolume(asked)) else {
            panic!("no volume")
        };
        self.live(500);
        volume.id
    }

    pub(super) fn see_volume(&mut self, id: &str) -> Volume {
        let by = Describe {
            ids: vec![id.to_owned()],
            ..Describe::default()
        };
        match self.ec2(Request::DescribeVolumes(by)) {
            Ok(Response::Volumes(page)) => page.rows[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn attach(&mut self, volume: &str, instance: &str) -> Result<Response, AwsError> {
        self.ec2(Request::AttachVolume {
            volume: volume.to_owned(),
            instance: instance.to_owned(),
            device: "/dev/sdf".to_owned(),
        })
    }

    pub(super) fn detach(&mut self, volume: &str) -> Result<Response, AwsError> {
        self.ec2(Request::DetachVolume {
            volume: volume.to_owned(),
            instance: None,
            force: false,
        })
    }

    pub(super) fn interface(&mut self, subnet: usize) -> String {
        let subnet = self.world.network.subnets[subnet].id.clone();
        let asked = CreateNetworkInterface {
            subnet,
            ..CreateNetworkInterface::default()
        };
        let Ok(Response::Interface(interface)) = self.ec2(Request::CreateNetworkInterface(asked)) else {
            panic!("no interface");
        };
        self.live(500);
        interface.id
    }

    pub(super) fn template(&mut self, name: &str) -> Result<Response, AwsError> {
        self.ec2(Request::CreateLaunchTemplate(Box::new(CreateLaunchTemplate {
            name: name.to_owned(),
            description: None,
            data: data(),
            tags: BTreeMap::new(),
            token: None,
        })))
    }
}

pub(super) fn named(name: &str) -> TemplateRef {
    TemplateRef::Name(name.to_owned())
}

pub(super) fn data() -> LaunchData {
    LaunchData {
        image: Some("ami-1".to_owned()),
        profile: Some("etcd".to_owned()),
        user_data: Some("#cloud-config\n".into()),
        metadata: MetadataSpec {
            instance_tags: Some("enabled".to_owned()),
            ..MetadataSpec::default()
        },
        tags: BTreeMap::from([("instance".to_owned(), tags(&[("slot", "etcd-a")]))]),
        ..LaunchData::default()
    }
}

pub(super) fn primary(interface: &str) -> InterfaceSpec {
    InterfaceSpec {
        interface: Some(interface.to_owned()),
        ..InterfaceSpec::default()
    }
}

pub(super) fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
