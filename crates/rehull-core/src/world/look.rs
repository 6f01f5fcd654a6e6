//! What a describe shows, by reference: for somebody who lives beside the model and would only throw copies away. The
//! same rules choose the rows; limits and credentials are [`World::admit`]'s.

use super::World;
use super::api::ec2::{Describe, TemplateRef};
use super::error::AwsError;
use super::instance::Instance;
use super::interface::Interface;
use super::select::choose;
use super::template::Template;
use super::volume::Volume;

impl World {
    /// The rows of DescribeInstances.
    ///
    /// # Errors
    /// As EC2 words them.
    pub fn instances_by(&self, by: &Describe) -> Result<Vec<&Instance>, AwsError> {
        choose(self.instances.values(), by, self.now).map(|page| page.rows)
    }

    /// The rows of DescribeVolumes.
    ///
    /// # Errors
    /// As EC2 words them.
    pub fn volumes_by(&self, by: &Describe) -> Result<Vec<&Volume>, AwsError> {
        choose(self.volumes.values(), by, self.now).map(|page| page.rows)
    }

    /// The rows of DescribeNetworkInterfaces.
    ///
    /// # Errors
    /// As EC2 words them.
    pub fn interfaces_by(&self, by: &Describe) -> Result<Vec<&Interface>, AwsError> {
        choose(self.interfaces.values(), by, self.now).map(|page| page.rows)
    }

    /// A launch template with its versions.
    ///
    /// # Errors
    /// There is none.
    pub fn launch_template(&self, which: &TemplateRef) -> Result<&Template, AwsError> {
        self.template(which)
    }
}
