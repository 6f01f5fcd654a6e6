//! The cluster file of a sandbox, as a person would have written it.

use std::fmt::Write as _;

use rehull_core::domain::policy::EtcdStrategy;

use super::control_plane;
use super::lay::{Laid, LaidSlot};
use super::layout::{ACCOUNT, IMAGE, INSTANCE_TYPE, Layout, REGION, TLS_REVISION};
use super::options::{ControlPlaneOptions, Options};

/// Waits that fit a sandbox: its machines boot in seconds, so a rollout that hangs should say so in minutes.
const ROLLOUT: &str = "rollout: { bake: 5s, bootDeadline: 2m, stopDeadline: 60s, joinDeadline: 2m }\n";

/// A deregistered target gets new connections for at most as long as the sandbox's clocks draw.
const SERVING: &str = "{ propagation: 20s, serveDeadline: 4m, launchDeadline: 1m, bake: 10s }";

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
         \x20 template: {{ builtIn: 2 }}\n\
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
        strategy = strategy(options).as_str(),
    );
    for slot in &laid.slots {
        write_slot(&mut text, name, slot, "    - ");
    }
    if let Some(spare) = &laid.spare {
        text.push_str("  # Empty between rollouts; only `learner-first` uses it.\n  spare:\n");
        write_slot(&mut text, name, spare, "    ");
    }
    if let (Some(options), Some(laid)) = (&options.control_plane, &laid.control_plane) {
        control_plane(&mut text, layout, options, laid);
    }
    if options.terraform {
        text.push_str(TERRAFORM);
    }
    text.push_str(if layout.members == 1 { SINGLE } else { ROLLOUT });
    text
}

/// Loopback may not be an endpoint of a service, so apiservers here do not write their addresses into one.
fn control_plane(
    text: &mut String,
    layout: &Layout,
    options: &ControlPlaneOptions,
    laid: &control_plane::Laid,
) {
    let binaries = options.binaries.iter();
    let binaries: Vec<String> = binaries
        .map(|(name, digest)| format!("    {name}: {digest}\n"))
        .collect();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "controlPlane:\n\
         \x20 version: {version}\n\
         \x20 binaries:\n{binaries}\
         \x20 image: {IMAGE}\n\
         \x20 instanceType: {INSTANCE_TYPE}\n\
         \x20 instanceProfile: {name}\n\
         \x20 securityGroups: [{group}]\n\
         \x20 serviceCidr: 10.96.0.0/16\n\
         \x20 flags:\n\
         \x20   kube-apiserver:\n\
         \x20     authorization-mode: Node,RBAC\n\
         \x20     endpoint-reconciler-type: none\n\
         \x20     shutdown-delay-duration: 2s\n\
         \x20     shutdown-watch-termination-grace-period: 1s\n\
         \x20 template: {{ builtIn: 1 }}\n\
         \x20 machineTls: {{ bucket: {secrets}, prefix: control-plane/, revision: \"{TLS_REVISION}\" }}\n\
         \x20 clientTls: {{ files: {{ ca: pki/control-plane/ca.crt, cert: pki/control-plane/admin.crt, key: pki/control-plane/admin.key }} }}\n\
         \x20 autoScalingGroup: {name}\n\
         \x20 launchTemplate: {name}\n\
         \x20 targetGroup: {targets}\n\
         \x20 serving: {SERVING}\n",
        version = options.version,
        binaries = binaries.concat(),
        name = layout.control_plane(),
        group = laid.security_group,
        secrets = layout.secret_bucket(),
        targets = laid.target_group,
    );
}

/// One member cannot be removed from its own cluster.
fn strategy(options: &Options) -> EtcdStrategy {
    let fits = if options.members == 1 {
        EtcdStrategy::Reattach
    } else {
        EtcdStrategy::RemoveThenAdd
    };
    options.strategy.unwrap_or(fits)
}

fn write_slot(text: &mut String, cluster: &str, slot: &LaidSlot, start: &str) {
    let LaidSlot {
        name,
        zone,
        subnet,
        interface,
        volume,
        address,
    } = slot;
    let lines = [
        ("name", name.clone()),
        ("zone", zone.clone()),
        ("subnet", subnet.clone()),
        ("interface", interface.clone()),
        ("volume", volume.clone()),
        ("address", address.to_string()),
        ("launchTemplate", format!("{cluster}-{name}")),
    ];
    for (number, (key, value)) in lines.iter().enumerate() {
        let blanks = " ".repeat(start.len());
        let before = if number == 0 { start } else { &blanks };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{before}{key}: {value}");
    }
}

/// Without the AWS provider Terraform cannot tell EC2 anything: the module is a stand-in, and the sandbox reads its outputs.
const TERRAFORM: &str =
    "terraform: { templates: terraform, backendConfig: state.s3.tfbackend, standIn: true }\n";

/// A single member cannot be replaced without downtime.
const SINGLE: &str =
    "rollout: { bake: 5s, bootDeadline: 2m, stopDeadline: 60s, joinDeadline: 2m, acceptDowntime: true }\n";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use rehull_core::world::Timing;

    use super::*;
    use crate::sandbox::layout::SlotPlan;

    #[test]
    fn the_cluster_file_that_is_laid_has_no_mistakes() {
        for members in [1, 3, 5] {
            let digest = |c: char| c.to_string().repeat(64);
            let options = Options {
                name: "dev".to_owned(),
                members,
                strategy: None,
                timing: Timing::Fast,
                terraform: members == 3,
                control_plane: None,
                seed: 1,
                etcd_version: "3.5.33".to_owned(),
                binaries: BTreeMap::from(
                    [("etcd", 'a'), ("etcdctl", 'b'), ("etcdutl", 'c')]
                        .map(|(n, c)| (n.to_owned(), digest(c))),
                ),
            };
            let layout = options.layout(20);
            let laid_slot = |(slot, nth): (SlotPlan, u32)| LaidSlot {
                name: slot.name,
                zone: slot.zone,
                subnet: format!("subnet-0123456789abcdef{nth}"),
                interface: format!("eni-0123456789abcdef{nth}"),
                volume: format!("vol-0123456789abcdef{nth}"),
                address: slot.address,
            };
            let slots = layout.slots().zip(0_u32..).map(laid_slot);
            let laid = Laid {
                security_group: "sg-0123456789abcdef0".to_owned(),
                slots: slots.collect(),
                spare: layout.spare().map(|spare| laid_slot((spare, 9))),
                control_plane: None,
            };
            let text = text(&options, &layout, &laid);
            let desired = rehull_core::config::parse("cluster.yaml", &text)
                .unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:?}"));
            assert_eq!(desired.terraform.is_some(), members == 3);
            assert_eq!(desired.etcd.slots.len(), usize::from(members));
            assert_eq!(desired.etcd.spare.is_some(), members > 1);
            assert_eq!(desired.etcd.slots[0].address, Ipv4Addr::new(127, 20, 1, 11));
        }
    }
}
