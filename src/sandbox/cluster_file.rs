//! The cluster file of a sandbox, as a person would have written it.

use std::fmt::Write as _;

use super::lay::Laid;
use super::layout::{ACCOUNT, IMAGE, INSTANCE_TYPE, Layout, REGION, TLS_REVISION};
use super::options::Options;

/// Waits that fit a sandbox: its machines boot in seconds, so a rollout that hangs should say so in minutes.
const ROLLOUT: &str = "rollout: { bake: 5s, bootDeadline: 2m, stopDeadline: 60s, joinDeadline: 2m }\n";

pub(super) fn text(options: &Options, layout: &Layout, laid: &Laid) -> String {
    let Layout { name, .. } = layout;
    let (bucket, secrets, snapshots) = (layout.bucket(), layout.secret_bucket(), layout.snapshot_bucket());
    let binaries: Vec<String> = options
        .binaries
        .iter()
        .map(|(name, digest)| format!("    {name}: {digest}\n"))
        .collect();
    let mut text = format!(
        "# A cluster in the sandbox `{name}` on this machine. Change `version` and `binaries` to upgrade it.\n\
         format: 1\n\
         cluster: {name}\n\
         aws: {{ account: \"{ACCOUNT}\", region: {REGION}, endpoint: \"{endpoint}\" }}\n\
         store: {{ s3: {{ bucket: {bucket}, prefix: store/ }} }}\n\
         artefacts: {{ bucket: {bucket}, prefix: artefacts/ }}\n\
         snapshots: {{ bucket: {snapshots}, prefix: etcd/ }}\n\
         etcd:\n\
         \x20 version: {version}\n\
         \x20 binaries:\n{binaries}\
         \x20 image: {IMAGE}\n\
         \x20 instanceType: {INSTANCE_TYPE}\n\
         \x20 instanceProfile: {profile}\n\
         \x20 securityGroups: [{group}]\n\
         \x20 template: {{ builtIn: 1 }}\n\
         \x20 machineTls: {{ bucket: {secrets}, prefix: etcd/, revision: \"{TLS_REVISION}\" }}\n\
         \x20 clientTls: {{ files: {{ ca: pki/ca.crt, cert: pki/client.crt, key: pki/client.key }} }}\n\
         \x20 strategy: {strategy}\n\
         \x20 slots:\n",
        endpoint = layout.endpoint(),
        version = options.etcd_version,
        binaries = binaries.concat(),
        profile = layout.profile(),
        group = laid.security_group,
        // One member cannot be removed from its own cluster.
        strategy = if layout.members == 1 {
            "reattach"
        } else {
            "remove-then-add"
        },
    );
    for slot in &laid.slots {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "    - name: {slot}\n      zone: {zone}\n      subnet: {subnet}\n      interface: {interface}\n      \
             volume: {volume}\n      address: {address}\n      launchTemplate: {name}-{slot}\n",
            slot = slot.name,
            zone = slot.zone,
            subnet = slot.subnet,
            interface = slot.interface,
            volume = slot.volume,
            address = slot.address,
        );
    }
    text.push_str(if layout.members == 1 { SINGLE } else { ROLLOUT });
    text
}

/// A single member cannot be replaced without downtime.
const SINGLE: &str =
    "rollout: { bake: 5s, bootDeadline: 2m, stopDeadline: 60s, joinDeadline: 2m, acceptDowntime: true }\n";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use rehull_core::world::Timing;

    use super::*;
    use crate::sandbox::lay::LaidSlot;

    #[test]
    fn the_cluster_file_that_is_laid_has_no_mistakes() {
        for members in [1, 3, 5] {
            let digest = |c: char| c.to_string().repeat(64);
            let options = Options {
                name: "dev".to_owned(),
                members,
                timing: Timing::Fast,
                seed: 1,
                etcd_version: "3.5.33".to_owned(),
                binaries: BTreeMap::from(
                    [("etcd", 'a'), ("etcdctl", 'b'), ("etcdutl", 'c')]
                        .map(|(n, c)| (n.to_owned(), digest(c))),
                ),
            };
            let layout = options.layout(20);
            let slots = layout.slots().zip(0_u32..).map(|(slot, nth)| LaidSlot {
                name: slot.name,
                zone: slot.zone,
                subnet: format!("subnet-0123456789abcdef{nth}"),
                interface: format!("eni-0123456789abcdef{nth}"),
                volume: format!("vol-0123456789abcdef{nth}"),
                address: slot.address,
            });
            let laid = Laid {
                security_group: "sg-0123456789abcdef0".to_owned(),
                slots: slots.collect(),
            };
            let text = text(&options, &layout, &laid);
            let desired = rehull_core::config::parse("cluster.yaml", &text)
                .unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:?}"));
            assert_eq!(desired.etcd.slots.len(), usize::from(members));
            assert_eq!(desired.etcd.slots[0].address, Ipv4Addr::new(127, 20, 1, 11));
        }
    }
}
