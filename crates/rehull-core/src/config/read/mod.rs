//! The file as typed → the cluster as meant. Each value is read once, here; what has been read is proof of its checks.
//!
//! A part with a mistake in it becomes `None` and the reading goes on: `Desired` exists only if nothing was wrong.

mod control_plane;
mod etcd;
mod machine;
mod workers;

use crate::config::file;
use crate::config::mistake::{Mistakes, Wrong};
use crate::config::place;
use crate::config::policy;
use crate::config::spans::Pointer;
use crate::config::suggest::list;
use crate::config::value;
use crate::domain::desired::{AwsTarget, ClientTls, Desired, ObjectLocation, StoreLocation, TerraformModule};
use crate::domain::ids::{AccountId, ClusterName, Region};
use crate::domain::version::{EtcdVersion, KubernetesVersion};

/// Unless the file names another.
const TERRAFORM: &str = "terraform";

/// Parts that rules about several values need even if other parts could not be read.
#[derive(Debug, Default)]
pub(in crate::config) struct Parts {
    pub(in crate::config) on_loopback: Option<bool>,
    pub(in crate::config) version: Option<EtcdVersion>,
    pub(in crate::config) store: Option<StoreLocation>,
    pub(in crate::config) artefacts: Option<ObjectLocation>,
    pub(in crate::config) snapshots: Option<ObjectLocation>,
    pub(in crate::config) machine_tls: Option<ObjectLocation>,
    pub(in crate::config) client_tls: Option<ClientTls>,
    /// Of the control plane.
    pub(in crate::config) server_tls: Option<ObjectLocation>,
    /// Of the control plane.
    pub(in crate::config) server_client_tls: Option<ClientTls>,
    /// Of the control plane.
    pub(in crate::config) kubernetes: Option<KubernetesVersion>,
    /// Of the workers.
    pub(in crate::config) worker_client_tls: Option<ClientTls>,
    /// One per group, as far as it could be read.
    pub(in crate::config) kubelets: Vec<Option<KubernetesVersion>>,
}

/// Reads everything that can be read.
pub(in crate::config) fn read(file: &file::Cluster, mistakes: &mut Mistakes<'_>) -> (Option<Desired>, Parts) {
    let root = Pointer::root();
    let mut reader = Reader {
        mistakes,
        parts: Parts::default(),
    };
    let cluster = reader.text(&root.key("cluster"), file.cluster.as_ref(), value::cluster_name);
    let aws = file
        .aws
        .as_ref()
        .and_then(|aws| reader.aws(&root.key("aws"), aws));
    if file.aws.as_ref().is_some_and(|aws| aws.endpoint.is_none()) {
        reader.parts.on_loopback = Some(false);
    }
    let region = file.aws.as_ref().and_then(|aws| aws.region.as_deref());
    let store = file
        .store
        .as_ref()
        .and_then(|store| reader.store(&root.key("store"), store));
    reader.parts.store.clone_from(&store);
    let artefacts = file
        .artefacts
        .as_ref()
        .and_then(|at| reader.location(&root.key("artefacts"), at));
    reader.parts.artefacts.clone_from(&artefacts);
    let snapshots = file
        .snapshots
        .as_ref()
        .and_then(|at| reader.location(&root.key("snapshots"), at));
    reader.parts.snapshots.clone_from(&snapshots);
    let etcd = file
        .etcd
        .as_ref()
        .and_then(|etcd| reader.etcd(&root.key("etcd"), etcd, region));
    let control_plane = match &file.control_plane {
        None => Some(None),
        Some(typed) => reader.control_plane(&root.key("controlPlane"), typed).map(Some),
    };
    let workers = match &file.workers {
        None => Some(None),
        Some(typed) => reader.workers(&root.key("workers"), typed).map(Some),
    };
    let on_loopback = reader.on_loopback();
    let policy = policy::read(
        &root.key("rollout"),
        file.rollout.as_ref(),
        on_loopback,
        reader.mistakes,
    );
    let terraform = match &file.terraform {
        None => Some(None),
        Some(terraform) => reader.terraform(&root.key("terraform"), terraform).map(Some),
    };
    let parts = reader.parts;
    let whole = || {
        Some(Desired {
            cluster: ClusterName::new(cluster?),
            aws: aws?,
            store: store?,
            artefacts: artefacts?,
            snapshots: snapshots?,
            etcd: etcd?,
            control_plane: control_plane?,
            workers: workers?,
            terraform: terraform?,
            policy: policy?,
        })
    };
    (whole(), parts)
}

struct Reader<'a, 'm> {
    mistakes: &'a mut Mistakes<'m>,
    parts: Parts,
}

impl Reader<'_, '_> {
    /// One text. Two things are wrong wherever they stand: a floating version and a secret.
    fn take<T>(
        &mut self,
        at: &Pointer,
        text: Option<&String>,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let text = text?;
        let read = if place::is_private_key(text) {
            Err(place::private_key())
        } else if value::is_floating_template(text) {
            Err(value::floating(text).help("name the thing alone; rehull always launches a numbered version"))
        } else {
            parse(text)
        };
        self.mistakes.keep(at, read)
    }

    /// A text that is kept as it is once it has been checked.
    fn text(
        &mut self,
        at: &Pointer,
        text: Option<&String>,
        check: impl FnOnce(&str) -> Result<(), Wrong>,
    ) -> Option<String> {
        self.take(at, text, |text| check(text).map(|()| text.to_owned()))
    }

    fn on_loopback(&self) -> bool {
        // Not known because the endpoint itself is wrong: that is said already, so nothing more is made of it.
        self.parts.on_loopback.unwrap_or(true)
    }

    fn aws(&mut self, at: &Pointer, aws: &file::Aws) -> Option<AwsTarget> {
        let account = self.text(&at.key("account"), aws.account.as_ref(), value::account);
        let region = self.text(&at.key("region"), aws.region.as_ref(), value::region);
        let endpoint = aws.endpoint.as_ref();
        self.parts.on_loopback = self.take(&at.key("endpoint"), endpoint, place::endpoint);
        Some(AwsTarget {
            account: AccountId::new(account?),
            region: Region::new(region?),
            endpoint: endpoint.cloned(),
        })
    }

    fn location(&mut self, at: &Pointer, location: &file::Location) -> Option<ObjectLocation> {
        let bucket = self.text(&at.key("bucket"), location.bucket.as_ref(), value::bucket);
        let prefix = self.text(&at.key("prefix"), location.prefix.as_ref(), value::prefix);
        Some(ObjectLocation {
            bucket: bucket?,
            prefix: prefix?,
        })
    }

    fn terraform(&mut self, at: &Pointer, terraform: &file::Terraform) -> Option<TerraformModule> {
        let on_loopback = self.on_loopback();
        let templates = self.text(&at.key("templates"), terraform.templates.as_ref(), |text| {
            place::path(text, on_loopback)
        });
        let program = match &terraform.program {
            None => Some(TERRAFORM.to_owned()),
            program => self.text(&at.key("program"), program.as_ref(), place::program),
        };
        let backend = match &terraform.backend_config {
            None => Some(None),
            file => self
                .text(&at.key("backendConfig"), file.as_ref(), |text| {
                    place::backend_file(text, on_loopback)
                })
                .map(Some),
        };
        let key = match &terraform.digest_key {
            None => Some(None),
            key => self
                .text(&at.key("digestKey"), key.as_ref(), place::variable)
                .map(Some),
        };
        let stand_in = terraform.stand_in.unwrap_or(false);
        if stand_in && self.parts.on_loopback == Some(false) {
            let message = "a stand-in makes no launch template in AWS";
            let wrong = Wrong::new("config::stand_in", message, "only for a sandbox")
                .help("take the line out, and let `templates` name a module with `aws_launch_template`");
            self.mistakes.add(&at.key("standIn"), wrong);
        }
        Some(TerraformModule {
            templates: templates?,
            backend_config: backend?,
            program: program?,
            digest_key: key?,
            stand_in,
        })
    }

    /// None of several alternatives was chosen; the schema has said so already if one was misspelled.
    fn none_of(&mut self, at: &Pointer, keys: &[&str]) {
        if self.mistakes.none_under(at) {
            let message = format!("one of {} is needed", list(keys.iter().copied()));
            self.mistakes
                .add(at, Wrong::new("config::one_of", message, "none of them"));
        }
    }

    fn store(&mut self, at: &Pointer, store: &file::Store) -> Option<StoreLocation> {
        if let Some(s3) = &store.s3 {
            return self.location(&at.key("s3"), s3).map(StoreLocation::S3);
        }
        let Some(local) = &store.local else {
            self.none_of(at, &["s3", "local"]);
            return None;
        };
        let at = at.key("local").key("path");
        // Whether a local store is legal at all is a rule of its own, so an absolute path is not held against it.
        let path = self.text(&at, local.path.as_ref(), |text| place::path(text, true))?;
        Some(StoreLocation::Local { path })
    }
}
