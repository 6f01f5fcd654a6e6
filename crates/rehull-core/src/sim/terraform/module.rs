//! What the module wants, what there is, and what is made of it: a launch template version per role.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::program::{Program, ProgramNumber};
use crate::domain::fleet::tag;
use crate::domain::ids::{ContentDigest, LaunchTemplateName, Token};
use crate::domain::terraform::{
    MANIFEST_FORMAT, Manifest, Part, RoleContent, TerraformChange, TerraformStage,
};
use crate::ports::{PortError, Rule, TemplateContent};
use crate::sim::lab::Lab;
use crate::world::api::ec2::TemplateRef;

/// An address that nobody has approved.
const STRANGE: &str = "aws_launch_template.other";

/// What Terraform is given.
#[derive(Deserialize)]
struct Variables {
    etcd_launch_templates: BTreeMap<String, Template>,
}

#[derive(Deserialize)]
struct Template {
    user_data: String,
}

/// Roles whose newest version says something else.
pub(in crate::sim) fn missing(lab: &Lab, change: &TerraformChange) -> Vec<RoleContent> {
    let roles = change.roles.iter();
    let lacks = roles.filter(|role| {
        let newest = lab.newest_content(&role.launch_template);
        newest.is_none_or(|(_, content)| content.as_ref() != Some(&role.content))
    });
    lacks.cloned().collect()
}

impl Lab {
    /// The plan of now, as the fingerprints that an approval is made of.
    pub(in crate::sim) fn proposal(
        &self,
        change: &TerraformChange,
        envelope: Option<&ContentDigest>,
    ) -> Manifest {
        let part = |values: [(&str, &ContentDigest); 2]| Part {
            shape: "update by registry.terraform.io/hashicorp/aws".to_owned(),
            values: values
                .map(|(path, value)| (path.to_owned(), value.as_str().to_owned()))
                .into(),
        };
        let changes = missing(self, change).into_iter().map(|role| {
            let values = [("user_data", &role.user_data), ("description", &role.content)];
            (
                format!("aws_launch_template.etcd[\"{}\"]", role.role),
                part(values),
            )
        });
        let mut changes: BTreeMap<String, Part> = changes.collect();
        if self.terraform.troubles.is_changed {
            let digest = ContentDigest::new("sha256:other");
            changes.insert(
                STRANGE.to_owned(),
                part([("user_data", &digest), ("description", &digest)]),
            );
        }
        let facts = envelope.map(|digest| ("envelope".to_owned(), digest.as_str().to_owned()));
        Manifest {
            format: MANIFEST_FORMAT,
            key: None,
            facts: facts.into_iter().collect(),
            changes,
            outputs: BTreeMap::new(),
        }
    }

    /// What an apply has to make: all at once in life, so in no order that anybody chose.
    pub(super) fn to_make(&self, program: &Program, number: ProgramNumber) -> Vec<RoleContent> {
        if program.stage != TerraformStage::Apply {
            return Vec::new();
        }
        let mut roles = missing(self, &program.order.change);
        roles.sort_by_key(|role| self.draw.number(&role.role, number));
        roles
    }

    /// Terraform as a person runs it before there is a cluster: everything that the module wants.
    pub(in crate::sim) fn make_all(
        &mut self,
        now: Timestamp,
        change: &TerraformChange,
    ) -> Result<(), PortError> {
        for role in missing(self, change) {
            self.make_role(now, change, &role)?;
        }
        self.vouch(change);
        Ok(())
    }

    pub(super) fn make_role(
        &mut self,
        now: Timestamp,
        change: &TerraformChange,
        role: &RoleContent,
    ) -> Result<(), PortError> {
        let invalid = |text: String| PortError::Refused {
            rule: Rule::Invalid,
            text,
        };
        let read = serde_json::from_str::<Variables>(&change.variables);
        let mut variables = read.map_err(|error| invalid(error.to_string()))?;
        let template = variables.etcd_launch_templates.remove(&role.role);
        let template = template.ok_or_else(|| invalid(format!("no variables for {}", role.role)))?;
        let content = TemplateContent {
            digest: role.content.clone(),
            image: role.image.as_str().to_owned(),
            instance_type: role.instance_type.clone(),
            instance_profile: role.instance_profile.clone(),
            security_groups: role.security_groups.iter().cloned().collect(),
            subnet: role.subnet.as_ref().map(|subnet| subnet.as_str().to_owned()),
            user_data: template.user_data,
            tags: BTreeMap::from([(tag::SLOT.to_owned(), role.role.clone())]),
        };
        let newest = self.newest_content(&role.launch_template);
        let ordinal = newest.as_ref().map_or(0, |(number, _)| *number);
        // The provider has a token of its own per call.
        let token = Token::new(format!("terraform-{}-{ordinal}", role.role));
        self.write_version(now, &role.launch_template, &content, (&token, newest.is_some()))
            .map(drop)
    }

    /// A run has looked: everything is as it should be.
    pub(super) fn vouch(&mut self, change: &TerraformChange) {
        for role in &change.roles {
            if let Some((number, _)) = self.newest_content(&role.launch_template) {
                let template = role.launch_template.clone();
                self.terraform.vouched.insert((template, number));
            }
        }
    }

    /// Number and content of the newest version; `None`: there is no such template.
    pub(super) fn newest_content(
        &self,
        template: &LaunchTemplateName,
    ) -> Option<(u64, Option<ContentDigest>)> {
        let name = TemplateRef::Name(template.as_str().to_owned());
        let found = self.world.launch_template(&name).ok()?;
        let (number, newest) = found.versions.last_key_value()?;
        Some((*number, crate::sim::hands::content_of(newest)))
    }
}
