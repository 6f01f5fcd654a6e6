//! The numbered built-in sets, compiled in. A released set is never edited: copy it to the next number instead.

/// Numbers of the built-in template sets, oldest first.
pub const BUILTIN_SETS: [u32; 2] = [1, 2];

/// The same for control-plane machines.
pub const CONTROL_PLANE_SETS: [u32; 1] = [1];

/// One file of a set; all of them can be included by any template as `{{> <role>/<set>/<name>}}`.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! part {
    ($name:literal, $file:literal) => {
        Part {
            name: $name,
            text: include_str!(concat!("../../../../templates/user-data/", $file)),
        }
    };
}

pub(super) const PARTS: [Part; 17] = [
    part!("etcd/1/cloud-config.yaml", "etcd/1/cloud-config.yaml.hbs"),
    part!("etcd/1/machine.env", "etcd/1/machine.env.hbs"),
    part!("etcd/1/boot.sh", "etcd/1/boot.sh"),
    part!("etcd/1/rehull-boot.service", "etcd/1/rehull-boot.service"),
    part!("etcd/1/etcd.service", "etcd/1/etcd.service.hbs"),
    part!("etcd/2/cloud-config.yaml", "etcd/2/cloud-config.yaml.hbs"),
    part!("etcd/2/machine.env", "etcd/2/machine.env.hbs"),
    part!("etcd/2/boot.sh", "etcd/2/boot.sh"),
    part!("etcd/2/rehull-boot.service", "etcd/2/rehull-boot.service"),
    part!("etcd/2/etcd.service", "etcd/2/etcd.service.hbs"),
    part!(
        "control-plane/1/cloud-config.yaml",
        "control-plane/1/cloud-config.yaml.hbs"
    ),
    part!("control-plane/1/machine.env", "control-plane/1/machine.env.hbs"),
    part!("control-plane/1/boot.sh", "control-plane/1/boot.sh"),
    part!(
        "control-plane/1/rehull-boot.service",
        "control-plane/1/rehull-boot.service"
    ),
    part!(
        "control-plane/1/kube-apiserver.service",
        "control-plane/1/kube-apiserver.service.hbs"
    ),
    part!(
        "control-plane/1/kube-controller-manager.service",
        "control-plane/1/kube-controller-manager.service.hbs"
    ),
    part!(
        "control-plane/1/kube-scheduler.service",
        "control-plane/1/kube-scheduler.service.hbs"
    ),
];

/// The user-data template of a built-in set; `None` for a number that this rehull does not have.
#[must_use]
pub fn builtin_template(set: u32) -> Option<&'static str> {
    part_of("etcd", set)
}

/// The same for control-plane machines.
#[must_use]
pub fn builtin_control_plane(set: u32) -> Option<&'static str> {
    part_of("control-plane", set)
}

fn part_of(role: &str, set: u32) -> Option<&'static str> {
    let name = format!("{role}/{set}/cloud-config.yaml");
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
        let released = [
            (
                "etcd",
                include_str!("../../../../templates/user-data/etcd/SHA256SUMS"),
            ),
            (
                "control-plane",
                include_str!("../../../../templates/user-data/control-plane/SHA256SUMS"),
            ),
        ];
        let lines = released.iter().flat_map(|(role, sums)| {
            sums.lines().map(move |line| {
                let (sum, file) = line.split_once("  ").unwrap();
                (
                    format!("{role}/{}", file.trim_end_matches(".hbs")),
                    sum.to_owned(),
                )
            })
        });
        let lines: std::collections::BTreeMap<String, String> = lines.collect();
        for part in PARTS {
            let now = hex::encode(Sha256::digest(part.text.as_bytes()));
            assert_eq!(
                lines.get(part.name),
                Some(&now),
                "{} differs from what was released",
                part.name
            );
        }
        assert_eq!(lines.len(), PARTS.len(), "a released file is gone");
    }

    #[test]
    fn every_numbered_set_has_a_template_and_no_other_number_has() {
        assert!(BUILTIN_SETS.iter().all(|set| builtin_template(*set).is_some()));
        assert_eq!(builtin_template(0), None);
        let sets = CONTROL_PLANE_SETS;
        assert!(sets.iter().all(|set| builtin_control_plane(*set).is_some()));
        assert_eq!(builtin_control_plane(2), None);
    }
}
