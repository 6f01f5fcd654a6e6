//! The `etcd` part: the role and its slots.

use std::collections::BTreeMap;

use super::Reader;
use super::machine::TypedMachine;
use crate::catalog::etcd::check_release;
use crate::config::mistake::Wrong;
use crate::config::spans::Pointer;
use crate::config::{file, flags, place, value};
use crate::domain::desired::{ClientTls, EtcdRole, MachineTls, ObjectLocation, Slot, TemplateRef};
use crate::domain::ids::{ImageId, InterfaceId, LaunchTemplateName, SlotName, SubnetId, VolumeId, Zone};
use crate::render::BUILTIN_SETS;

impl Reader<'_, '_> {
    pub(super) fn etcd(&mut self, at: &Pointer, etcd: &file::Etcd, region: Option<&str>) -> Option<EtcdRole> {
        let version = self.take(&at.key("version"), etcd.version.as_ref(), value::version);
        self.parts.version = version;
        let binaries = etcd
            .binaries
            .as_ref()
            .map(|binaries| self.binaries(&at.key("binaries"), binaries));
        let typed = TypedMachine {
            image: etcd.image.as_ref(),
            instance_type: etcd.instance_type.as_ref(),
            instance_profile: etcd.instance_profile.as_ref(),
            security_groups: etcd.security_groups.as_deref(),
        };
        let machine = self.machine(at, &typed, binaries);
        let flags = self.flags(&at.key("flags"), etcd);
        let template = etcd
            .template
            .as_ref()
            .and_then(|from| self.template(&at.key("template"), from, &BUILTIN_SETS));
        let machine_tls = etcd
            .machine_tls
            .as_ref()
            .and_then(|tls| self.machine_tls(&at.key("machineTls"), tls));
        self.parts.machine_tls = machine_tls.as_ref().map(|tls| tls.location.clone());
        let client_tls = etcd
            .client_tls
            .as_ref()
            .and_then(|tls| self.client_tls(&at.key("clientTls"), tls));
        self.parts.client_tls.clone_from(&client_tls);
        let slots = etcd
            .slots
            .as_ref()
            .and_then(|slots| self.slots(&at.key("slots"), slots, region));
        let spare = etcd
            .spare
            .as_ref()
            .map(|spare| self.slot(&at.key("spare"), spare, region));
        Some(EtcdRole {
            version: version?,
            machine: machine?,
            flags,
            template: template?,
            machine_tls: machine_tls?,
            client_tls: client_tls?,
            strategy: etcd.strategy?,
            slots: slots?,
            spare: match spare {
                Some(read) => Some(read?),
                None => None,
            },
        })
    }

    fn binaries(&mut self, at: &Pointer, binaries: &file::Binaries) -> BTreeMap<String, String> {
        [
            ("etcd", &binaries.etcd),
            ("etcdctl", &binaries.etcdctl),
            ("etcdutl", &binaries.etcdutl),
        ]
        .into_iter()
        .filter_map(|(name, digest)| {
            let digest = self.text(&at.key(name), digest.as_ref(), value::digest)?;
            Some((name.to_owned(), digest))
        })
        .collect()
    }

    pub(super) fn resource<Id: Resource>(&mut self, at: &Pointer, text: Option<&String>) -> Option<Id> {
        self.text(at, text, |text| value::resource(text, Id::PREFIX, Id::NOUN))
            .map(Id::of)
    }

    fn flags(&mut self, at: &Pointer, etcd: &file::Etcd) -> BTreeMap<String, String> {
        let Some(typed) = &etcd.flags else {
            return BTreeMap::new();
        };
        let good = flags::read(at, typed, self.mistakes);
        // A release that is not known is told at its own place, not once per flag.
        let release = self
            .parts
            .version
            .filter(|version| check_release(*version).is_ok());
        let problems = release.map(|version| flags::check_against(version, &good));
        for problem in problems.unwrap_or_default() {
            let at = at.key(&problem.flag);
            if problem.blames_value {
                self.mistakes.add(&at, problem.wrong);
            } else {
                self.mistakes.add_at_key(&at, problem.wrong);
            }
        }
        good
    }

    /// `sets`: numbers of the built-in ones for this role.
    pub(super) fn template(
        &mut self,
        at: &Pointer,
        from: &file::Template,
        sets: &[u32],
    ) -> Option<TemplateRef> {
        if let Some(set) = from.built_in {
            let known = u32::try_from(set).ok().filter(|set| sets.contains(set));
            let read = known.ok_or_else(|| {
                let sets: Vec<String> = sets.iter().map(|set| format!("`{set}`")).collect();
                let sets = sets.join(", ");
                let message = format!("there is no built-in set {set}");
                Wrong::new("config::template", message, "no such set")
                    .help(format!("this version of rehull has {sets}"))
            });
            return self
                .mistakes
                .keep(&at.key("builtIn"), read)
                .map(TemplateRef::BuiltIn);
        }
        if from.file.is_none() {
            self.none_of(at, &["builtIn", "file"]);
        }
        let on_loopback = self.on_loopback();
        self.text(&at.key("file"), from.file.as_ref(), |text| {
            place::file(text, on_loopback)
        })
        .map(TemplateRef::File)
    }

    fn machine_tls(&mut self, at: &Pointer, tls: &file::MachineTls) -> Option<MachineTls> {
        let bucket = self.text(&at.key("bucket"), tls.bucket.as_ref(), value::bucket);
        let prefix = self.text(&at.key("prefix"), tls.prefix.as_ref(), value::prefix);
        let revision = self.text(&at.key("revision"), tls.revision.as_ref(), value::revision);
        let location = ObjectLocation {
            bucket: bucket?,
            prefix: prefix?,
        };
        Some(MachineTls {
            location,
            revision: revision?,
        })
    }

    pub(super) fn client_tls(&mut self, at: &Pointer, tls: &file::ClientTls) -> Option<ClientTls> {
        if let Some(files) = &tls.files {
            let on_loopback = self.on_loopback();
            let (ca, cert, key) =
                self.certificate(&at.key("files"), files, |text| place::file(text, on_loopback))?;
            return Some(ClientTls::Files { ca, cert, key });
        }
        if let Some(names) = &tls.environment {
            let (ca, cert, key) = self.certificate(&at.key("environment"), names, place::variable)?;
            return Some(ClientTls::Environment { ca, cert, key });
        }
        if let Some(s3) = &tls.s3 {
            return self.location(&at.key("s3"), s3).map(ClientTls::S3);
        }
        self.none_of(at, &["files", "environment", "s3"]);
        None
    }

    fn certificate(
        &mut self,
        at: &Pointer,
        parts: &file::Certificate,
        check: impl Fn(&str) -> Result<(), Wrong>,
    ) -> Option<(String, String, String)> {
        let ca = self.text(&at.key("ca"), parts.ca.as_ref(), &check);
        let cert = self.text(&at.key("cert"), parts.cert.as_ref(), &check);
        let key = self.text(&at.key("key"), parts.key.as_ref(), &check);
        Some((ca?, cert?, key?))
    }

    fn slots(
        &mut self,
        at: &Pointer,
        slots: &[Option<file::Slot>],
        region: Option<&str>,
    ) -> Option<Vec<Slot>> {
        let read: Vec<Option<Slot>> = slots
            .iter()
            .enumerate()
            .map(|(index, slot)| self.slot(&at.index(index), slot.as_ref()?, region))
            .collect();
        read.into_iter().collect()
    }

    fn slot(&mut self, at: &Pointer, slot: &file::Slot, region: Option<&str>) -> Option<Slot> {
        let on_loopback = self.on_loopback();
        let name = self.text(&at.key("name"), slot.name.as_ref(), value::slot_name);
        let zone = self.text(&at.key("zone"), slot.zone.as_ref(), |text| {
            value::zone(text, region)
        });
        let subnet = self.resource::<SubnetId>(&at.key("subnet"), slot.subnet.as_ref());
        let interface = self.resource::<InterfaceId>(&at.key("interface"), slot.interface.as_ref());
        let volume = self.resource::<VolumeId>(&at.key("volume"), slot.volume.as_ref());
        let address = self.take(&at.key("address"), slot.address.as_ref(), |text| {
            value::address(text, on_loopback)
        });
        let template = self.text(
            &at.key("launchTemplate"),
            slot.launch_template.as_ref(),
            value::launch_template,
        );
        Some(Slot {
            name: SlotName::new(name?),
            zone: Zone::new(zone?),
            subnet: subnet?,
            interface: interface?,
            volume: volume?,
            address: address?,
            launch_template: LaunchTemplateName::new(template?),
        })
    }
}

/// EC2 things that a slot or the role names by id.
pub(super) trait Resource {
    const PREFIX: &'static str;
    const NOUN: &'static str;
    fn of(text: String) -> Self;
}

macro_rules! resource {
    ($id:ident, $prefix:literal, $noun:literal) => {
        impl Resource for $id {
            const PREFIX: &'static str = $prefix;
            const NOUN: &'static str = $noun;
            fn of(text: String) -> Self {
                Self::new(text)
            }
        }
    };
}

resource!(ImageId, "ami-", "image");
resource!(SubnetId, "subnet-", "subnet");
resource!(InterfaceId, "eni-", "interface");
resource!(VolumeId, "vol-", "volume");
