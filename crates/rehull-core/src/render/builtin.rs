//! The numbered built-in sets, compiled in. A released set is never edited: copy it to the next number instead.

/// Numbers of the built-in template sets, oldest first.
pub const BUILTIN_SETS: [u32; 2] = [1, 2];

/// One file of a set; all of them can be included by any template as `{{> etcd/<set>/<name>}}`.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! part {
    ($name:literal, $file:literal) => {
        Part {
            name: $name,
            text: include_str!(concat!("../../../../templates/user-data/etcd/", $file)),
        }
    };
}

pub(super) const PARTS: [Part; 10] = [
    part!("etcd/1/cloud-config.yaml", "1/cloud-config.yaml.hbs"),
    part!("etcd/1/machine.env", "1/machine.env.hbs"),
    part!("etcd/1/boot.sh", "1/boot.sh"),
    part!("etcd/1/rehull-boot.service", "1/rehull-boot.service"),
    part!("etcd/1/etcd.service", "1/etcd.service.hbs"),
    part!("etcd/2/cloud-config.yaml", "2/cloud-config.yaml.hbs"),
    part!("etcd/2/machine.env", "2/machine.env.hbs"),
    part!("etcd/2/boot.sh", "2/boot.sh"),
    part!("etcd/2/rehull-boot.service", "2/rehull-boot.service"),
    part!("etcd/2/etcd.service", "2/etcd.service.hbs"),
];

/// The user-data template of a built-in set; `None` for a number that this rehull does not have.
#[must_use]
pub fn builtin_template(set: u32) -> Option<&'static str> {
    let name = format!("etcd/{set}/cloud-config.yaml");
    PARTS.iter().find(|part| part.name == name).map(|part| part.text)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_released_template_set_never_changes() {
        // A changed comment would replace every machine of every cluster that pins the set. Do not correct the sum:
        // put the file back, copy the set to the next number and change it there.
        let released = include_str!("../../../../templates/user-data/etcd/SHA256SUMS");
        for part in PARTS {
            let line = released.lines().find(|line| {
                line.rsplit("  ")
                    .next()
                    .is_some_and(|file| format!("etcd/{}", file.trim_end_matches(".hbs")) == part.name)
            });
            let sum = line.and_then(|line| line.split_whitespace().next());
            let now = hex::encode(Sha256::digest(part.text.as_bytes()));
            assert_eq!(
                sum,
                Some(now.as_str()),
                "{} differs from what was released",
                part.name
            );
        }
        assert_eq!(released.lines().count(), PARTS.len(), "a released file is gone");
    }

    #[test]
    fn every_numbered_set_has_a_template_and_no_other_number_has() {
        assert!(BUILTIN_SETS.iter().all(|set| builtin_template(*set).is_some()));
        assert_eq!(builtin_template(0), None);
    }
}
