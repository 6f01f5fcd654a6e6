//! What machines of one role are made from, whatever the role.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::ImageId;

/// Launch template fields that all machines of a role share, and the programs that they fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineContent {
    /// Machine image.
    pub image: ImageId,
    /// EC2 instance type.
    pub instance_type: String,
    /// Name of the instance profile: its role may read the artefacts and the role's own secrets, and write its boot report.
    pub instance_profile: String,
    /// Security group ids; their order means nothing.
    pub security_groups: Vec<String>,
    /// SHA-256 (64 hexadecimal digits) per binary that machines fetch by content address; none where the image has them.
    pub binaries: BTreeMap<String, String>,
}

/// Names nothing: where no machine is ever launched from it.
impl Default for MachineContent {
    fn default() -> Self {
        Self {
            image: ImageId::new(""),
            instance_type: String::new(),
            instance_profile: String::new(),
            security_groups: Vec::new(),
            binaries: BTreeMap::new(),
        }
    }
}
