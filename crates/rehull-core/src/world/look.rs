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

    /// What a list of volumes shows of this one; `None`: there is none, or it is too new.
    #[must_use]
    pub fn listed_volume(&self, id: &str) -> Option<&Volume> {
        let volume = self.volumes.get(id);
        volume.filter(|volume| self.now >= volume.seen.listed_from)
    }

    /// What a list of network interfaces shows of this one; `None`: there is none, or it is too new.
    #[must_use]
    pub fn listed_interface(&self, id: &str) -> Option<&Interface> {
        let interface = self.interfaces.get(id);
        interface.filter(|interface| self.now >= interface.seen.listed_from)
    }

    /// A launch template with its versions.
    ///
    /// # Errors
    /// There is none.
    pub fn launch_template(&self, which: &TemplateRef) -> Result<&Template, AwsError> {
        self.template(which)
    }
}
