//! The `controlPlane` part: one role, one group.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Reader;
use super::machine::TypedMachine;
use crate::config::mistake::Wrong;
use crate::config::policy::{self, Floor};
use crate::config::spans::Pointer;
use crate::config::{file, server_flags, servers, value};
use crate::domain::control_plane::{COMPONENTS, ControlPlaneRole};
use crate::domain::desired::{MachineTls, ObjectLocation};
use crate::domain::ids::{GroupName, LaunchTemplateName, TargetGroupArn};
use crate::domain::policy::ServingPolicy;
use crate::render::CONTROL_PLANE_SETS;

/// What kube-apiserver itself assumes in the cluster's own documentation.
const ISSUER: &str = "https://kubernetes.default.svc";

/// 75 to 120 s were reported.
pub(super) const PROPAGATION: Floor = Floor {
    at_least: Duration::from_secs(120),
    why: "new connections reach a deregistered target for up to two minutes",
};

impl Reader<'_, '_> {
    pub(super) fn control_plane(
        &mut self,
        at: &Pointer,
        typed: &file::ControlPlane,
    ) -> Option<ControlPlaneRole> {
        let version = self.take(&at.key("version"), typed.version.as_ref(), servers::version);
        self.parts.kubernetes = version;
        let binaries = typed.binaries.as_ref();
        let binaries = binaries.map(|typed| self.server_binaries(&at.key("binaries"), typed));
        let machine = TypedMachine {
            image: typed.image.as_ref(),
            instance_type: typed.instance_type.as_ref(),
            instance_profile: typed.instance_profile.as_ref(),
            security_groups: typed.security_groups.as_deref(),
        };
        let machine = self.machine(at, &machine, binaries);
        let cidr = typed.service_cidr.as_ref();
        let service_cidr = self.text(&at.key("serviceCidr"), cidr, servers::cidr);
        let issuer = match &typed.service_account_issuer {
            None => Some(ISSUER.to_owned()),
            issuer => self.text(&at.key("serviceAccountIssuer"), issuer.as_ref(), servers::issuer),
        };
        let flags = typed.flags.as_ref();
        let flags = flags.map(|typed| self.server_flags(&at.key("flags"), typed));
        let template = typed.template.as_ref();
        let template =
            template.and_then(|from| self.template(&at.key("template"), from, &CONTROL_PLANE_SETS));
        let tls = typed.machine_tls.as_ref();
        let tls = tls.and_then(|tls| self.server_tls(&at.key("machineTls"), tls));
        self.parts.server_tls = tls.as_ref().map(|(tls, _)| tls.location.clone());
        let client_tls = typed.client_tls.as_ref();
        let client_tls = client_tls.and_then(|tls| self.client_tls(&at.key("clientTls"), tls));
        self.parts.server_client_tls.clone_from(&client_tls);
        let group = typed.auto_scaling_group.as_ref();
        let group = self.text(&at.key("autoScalingGroup"), group, servers::group);
        let launch_template = typed.launch_template.as_ref();
        let launch_template = self.text(&at.key("launchTemplate"), launch_template, value::launch_template);
        let targets = typed.target_group.as_ref();
        let target_group = self.text(&at.key("targetGroup"), targets, servers::target_group);
        let serving = self.serving(&at.key("serving"), typed.serving.as_ref());
        let (machine_tls, files) = tls?;
        Some(ControlPlaneRole {
            version: version?,
            machine: machine?,
            service_cidr: service_cidr?,
            service_account_issuer: issuer?,
            flags: flags?,
            template: template?,
            machine_tls,
            files,
            client_tls: client_tls?,
            group: GroupName::new(group?),
            launch_template: LaunchTemplateName::new(launch_template?),
            target_group: TargetGroupArn::new(target_group?),
            serving: serving?,
        })
    }

    fn server_binaries(&mut self, at: &Pointer, typed: &file::ServerBinaries) -> BTreeMap<String, String> {
        let digests = [
            &typed.kube_apiserver,
            &typed.kube_controller_manager,
            &typed.kube_scheduler,
        ];
        let read = COMPONENTS.into_iter().zip(digests).filter_map(|(name, digest)| {
            let digest = self.text(&at.key(name), digest.as_ref(), value::digest)?;
            Some((name.to_owned(), digest))
        });
        let read: Vec<(String, String)> = read.collect();
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, digest) in &read {
            if let Some(first) = seen.insert(digest, name) {
                let message = format!("`{name}` and `{first}` cannot have the same SHA-256");
                let wrong =
                    Wrong::new("config::duplicate", message, "same digest").help("one of them was copied");
                let first = (at.key(first), "first here".to_owned());
                self.mistakes.add_with(&at.key(name), wrong, &[first]);
            }
        }
        read.into_iter().collect()
    }

    fn server_flags(
        &mut self,
        at: &Pointer,
        typed: &file::ServerFlags,
    ) -> BTreeMap<String, BTreeMap<String, String>> {
        let none = file::Flags::new();
        let flags = [
            &typed.kube_apiserver,
            &typed.kube_controller_manager,
            &typed.kube_scheduler,
        ];
        let all = COMPONENTS.into_iter().zip(flags);
        let read = all.map(|(component, flags)| {
            let at = at.key(component);
            let flags = flags.as_ref().unwrap_or(&none);
            (
                component.to_owned(),
                server_flags::read(component, &at, flags, self.mistakes),
            )
        });
        let read = read.collect();
        if let Some(flags) = &typed.kube_apiserver {
            server_flags::authorizes(&at.key(COMPONENTS[0]), flags, self.mistakes);
        }
        read
    }

    fn server_tls(&mut self, at: &Pointer, tls: &file::ServerTls) -> Option<(MachineTls, Vec<String>)> {
        let bucket = self.text(&at.key("bucket"), tls.bucket.as_ref(), value::bucket);
        let prefix = self.text(&at.key("prefix"), tls.prefix.as_ref(), value::prefix);
        let revision = self.text(&at.key("revision"), tls.revision.as_ref(), value::revision);
        let at = at.key("files");
        let files: Vec<Option<String>> = tls
            .files
            .iter()
            .flatten()
            .enumerate()
            .map(|(index, file)| self.text(&at.index(index), file.as_ref(), servers::file_name))
            .collect();
        let location = ObjectLocation {
            bucket: bucket?,
            prefix: prefix?,
        };
        let tls = MachineTls {
            location,
            revision: revision?,
        };
        Some((tls, files.into_iter().collect::<Option<Vec<String>>>()?))
    }

    fn serving(&mut self, at: &Pointer, typed: Option<&file::Serving>) -> Option<ServingPolicy> {
        let default = ServingPolicy::default();
        let Some(typed) = typed else {
            return Some(default);
        };
        let propagation = if self.on_loopback() {
            &policy::ANY
        } else {
            &PROPAGATION
        };
        let floor = typed.floor.map_or(Ok(default.floor), servers::floor);
        let floor = self.mistakes.keep(&at.key("floor"), floor);
        let mut time = |key: &str, text: &Option<String>, default, floor| match text {
            None => Some(default),
            Some(text) => self
                .mistakes
                .keep(&at.key(key), policy::duration(key, text, floor)),
        };
        let positive = &policy::POSITIVE;
        let propagation = time(
            "propagation",
            &typed.propagation,
            default.propagation,
            propagation,
        );
        let serve = time(
            "serveDeadline",
            &typed.serve_deadline,
            default.serve_deadline,
            positive,
        );
        let launch = time(
            "launchDeadline",
            &typed.launch_deadline,
            default.launch_deadline,
            positive,
        );
        let bake = time("bake", &typed.bake, default.bake, &policy::ANY);
        Some(ServingPolicy {
            floor: floor?,
            cross_zone: typed.cross_zone.unwrap_or(default.cross_zone),
            propagation: propagation?,
            serve_deadline: serve?,
            launch_deadline: launch?,
            bake: bake?,
        })
    }
}
