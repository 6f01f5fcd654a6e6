//! Desired state in, bytes out: user data per slot, its content digest, and the variables file for Terraform.
//!
//! Rendering is deterministic and knows no secret: certificates and keys are fetched by the machine at boot. Built-in
//! templates are numbered sets that never change once released, so upgrading rehull alone plans nothing.

mod bounds;
mod builtin;
mod cloud_config;
mod cloud_config_keys;
mod content;
mod control_plane;
mod error;
mod template;
mod tfvars;
mod variables;
mod worker;

pub(crate) use content::{digest_of_servers, digest_of_workers};

pub use builtin::{BUILTIN_SETS, CONTROL_PLANE_SETS, builtin_control_plane, builtin_template};
pub use control_plane::{CONTROL_PLANE_VARIABLES, control_plane_text, render_control_plane};
pub use error::RenderError;
pub use tfvars::{RenderedGroups, terraform_change, tfvars};
pub use variables::{VARIABLES, Variable};
pub use worker::{WORKER_VARIABLES, render_worker, worker_text};

use crate::domain::desired::{Desired, Slot};
use crate::domain::ids::ContentDigest;

/// What EC2 takes as user data, before base64: 16 KiB (EC2 user guide, "Run commands when you launch an EC2 instance").
pub const USER_DATA_MAX: usize = 16_384;

/// Letters of a line that a message shows.
const SHOWN_MAX: usize = 60;

/// What a machine of one slot, or of one group, is booted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedSlot {
    /// cloud-config, at most [`USER_DATA_MAX`] bytes.
    pub user_data: String,
    /// Changes whenever the machine has to be replaced, and never because of rehull itself.
    pub digest: ContentDigest,
}

/// What the template of one slot renders to, whether a machine could boot with it or not: for whoever mends it.
///
/// # Errors
/// The template does not render, or a value cannot be written safely into a shell file.
pub fn render_text(desired: &Desired, slot: &Slot, template_text: &str) -> Result<String, RenderError> {
    let values = variables::values(desired, slot)?;
    template::render(ETCD, &desired.etcd.template, template_text, &values)
}

const ETCD: template::Role = template::Role {
    name: "etcd",
    variables: &VARIABLES,
};

/// A line, as far as a message has room, without what a terminal would obey.
fn shown(text: &str, line: usize) -> String {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let letters = line.trim().chars().filter(|letter| !letter.is_control());
    letters.take(SHOWN_MAX).collect()
}

/// Renders the user data of one slot from the text of its template.
///
/// # Errors
/// The template does not render (its line and column are named), a value cannot be written safely into a shell file,
/// the result is no cloud-config, or it is larger than EC2 takes.
pub fn render_slot(desired: &Desired, slot: &Slot, template_text: &str) -> Result<RenderedSlot, RenderError> {
    let user_data = render_text(desired, slot, template_text)?;
    check(slot.name.as_str(), &user_data)?;
    let digest = content::digest(desired, slot, &user_data);
    Ok(RenderedSlot { user_data, digest })
}

/// A machine could boot with it.
fn check(of: &str, user_data: &str) -> Result<(), RenderError> {
    let of = of.to_owned();
    let parts = cloud_config::parts(user_data).map_err(|problem| RenderError::NotCloudConfig {
        of: of.clone(),
        line: problem.line,
        said: problem
            .line
            .map_or_else(String::new, |line| shown(user_data, line)),
        why: problem.why,
    })?;
    if user_data.len() > USER_DATA_MAX {
        return Err(RenderError::TooBig {
            of,
            bytes: user_data.len(),
            parts: biggest(parts),
        });
    }
    Ok(())
}

/// The three that make up most of it.
fn biggest(mut parts: Vec<(String, usize)>) -> Vec<(String, usize)> {
    parts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    parts.truncate(3);
    parts
}

#[cfg(test)]
mod tests;
