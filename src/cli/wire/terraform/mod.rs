//! Terraform as the cluster file names it, and what of the environment it works in.

mod infrastructure;
mod lock;
mod plan;
mod processes;

use std::ffi::OsString;

use rehull_core::domain::desired::TerraformModule;
use rehull_core::tfplan::{DigestKey, Templates};

pub use infrastructure::{AtWork, Done, Infrastructure, apply, judge};
pub use lock::{Owner, free, holder, owner};
pub use plan::{complete, first_templates};

use super::{ClusterFile, Environment, credentials};
use crate::adapters::terraform::{Judge, Terraform, TerraformRuns};
use crate::cli::local;

/// A pull request that waits for another one to be applied waits this long, in seconds.
const LOCK_TIMEOUT_S: u32 = 300;

/// Where the cluster file names none.
const TERRAFORM: &str = "terraform";

/// `None`: the cluster file names no module.
pub(super) fn runs(file: &ClusterFile, environment: &Environment) -> Option<TerraformRuns> {
    let module = file.desired.terraform.as_ref()?;
    let terraform = Terraform {
        binary: module.program.clone().into(),
        module: file.beside(&module.templates),
        backend_config: module.backend_config.as_ref().map(Into::into),
        environment: surroundings(file, environment),
        lock_timeout: LOCK_TIMEOUT_S,
    };
    let judge = Judge {
        templates: if module.stand_in {
            Templates::StandIn
        } else {
            Templates::Aws
        },
        key: key(module, environment),
    };
    Some(TerraformRuns::new(terraform, judge, local::rollouts()))
}

/// A key that is too short counts as none: whoever plans is told.
fn key(module: &TerraformModule, environment: &Environment) -> Option<DigestKey> {
    let name = module.digest_key.as_ref()?;
    DigestKey::new(format!("env:{name}"), environment.get(name)?.as_bytes()).ok()
}

/// Of a sandbox its own keys and endpoint: those of a person's real account never go there, and never the other way round.
fn surroundings(file: &ClusterFile, environment: &Environment) -> Vec<(OsString, OsString)> {
    let pair = |(name, value): (&str, &str)| (OsString::from(name), OsString::from(value));
    let Some(text) = credentials::of_sandbox(file) else {
        return environment.all().map(pair).collect();
    };
    let others = environment.all().filter(|(name, _)| !name.starts_with("AWS_"));
    let mut all: Vec<(OsString, OsString)> = others.map(pair).collect();
    let aws = &file.desired.aws;
    all.push(pair(("AWS_REGION", aws.region.as_str())));
    all.extend(aws.endpoint.as_deref().map(|url| pair(("AWS_ENDPOINT_URL", url))));
    if let Some(keys) = credentials::keys(&text) {
        all.push(pair(("AWS_ACCESS_KEY_ID", &keys.id)));
        all.push(pair(("AWS_SECRET_ACCESS_KEY", &keys.secret)));
    }
    all
}
