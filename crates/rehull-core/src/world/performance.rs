//! What a volume can do and by which key it is encrypted: held and told, a folder is as fast as it is.

use serde::{Deserialize, Serialize};

/// What a volume is paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Performance {
    /// Operations per second.
    pub iops: Option<u32>,
    /// MiB per second.
    pub throughput: Option<u32>,
    /// ARN of the key that encrypts it.
    pub kms_key: Option<String>,
}

impl Performance {
    /// gp3 has a baseline of its own (EBS user guide, "General Purpose SSD volumes").
    pub(super) fn or_baseline(mut self, volume_type: &str) -> Self {
        if volume_type == "gp3" {
            self.iops = self.iops.or(Some(3_000));
            self.throughput = self.throughput.or(Some(125));
        }
        self
    }
}
