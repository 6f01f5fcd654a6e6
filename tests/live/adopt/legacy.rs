//! Clusters that somebody built without rehull, in several ways.

use std::fs;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::root::Known;

/// What a cloud knows of a member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) machine: String,
    pub(super) zone: String,
    /// Where its machine's own interface is.
    pub(super) subnet: String,
    /// Where its address is.
    pub(super) address_subnet: String,
    pub(super) interface: String,
    pub(super) volume: String,
    pub(super) address: Ipv4Addr,
    pub(super) group: String,
}

/// How it was built and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A module with `count`: instances with interfaces in blocks of their own, volumes attached by a resource, a record in
    /// the DNS for each (vishwakarma).
    Counted,
    /// `for_each` in the root module; everything attached by resources, and nothing else in the module.
    ByKey,
    /// `for_each` in the root module: a launch template and a group of one for each member, whose machine attaches interface
    /// and volume itself when it boots. No state knows the machines, and the groups have let go of them.
    Grouped,
}

impl Written {
    /// The row of docs/adopt.md.
    pub(super) fn layout(self) -> &'static str {
        match self {
            Self::Counted | Self::ByKey => "adopt::external",
            Self::Grouped => "adopt::told_beside_state",
        }
    }

    /// What a mapping says of the nth member.
    pub(super) fn mapped(self, nth: usize, member: &Member) -> String {
        let machine = match self {
            Self::Counted => format!("'module.etcd.aws_instance.etcd[{nth}]'"),
            Self::ByKey => format!("'aws_instance.member[\"{}\"]'", member.name),
            Self::Grouped => format!(
                "{}, zone: {}, subnet: {}, interface: {}, volume: {}, address: {}",
                member.machine, member.zone, member.subnet, member.interface, member.volume, member.address
            ),
        };
        format!("name: {}, machine: {machine}", member.name)
    }

    /// Everything of the members, as state and cloud have it.
    pub(super) fn known(self, members: &[Member]) -> Vec<Known> {
        let (module, name) = match self {
            Self::Counted => (Some("module.etcd"), "etcd"),
            Self::ByKey | Self::Grouped => (None, "member"),
        };
        let mut known = Vec::new();
        for (nth, member) in members.iter().enumerate() {
            let mut add = |kind: &'static str, attributes: Value| {
                let key = self.key(nth, member);
                known.push(Known {
                    module,
                    kind,
                    name,
                    key,
                    attributes,
                });
            };
            add("aws_network_interface", interface(member));
            add("aws_ebs_volume", volume(member));
            if self == Self::Grouped {
                continue;
            }
            add("aws_instance", self.instance(member));
            let tie = json!({ "id": format!("vai-{nth}"), "device_name": "/dev/sdf", "instance_id": member.machine, "volume_id": member.volume });
            add("aws_volume_attachment", tie);
            if self == Self::ByKey {
                let tie = json!({ "id": format!("eni-attach-{nth}"), "attachment_id": format!("eni-attach-{nth}"), "device_index": 1,
                    "instance_id": member.machine, "network_interface_id": member.interface });
                add("aws_network_interface_attachment", tie);
            }
        }
        known
    }

    /// Key of the nth instance of a resource.
    pub(super) fn key(self, nth: usize, member: &Member) -> Value {
        match self {
            Self::Counted => json!(nth),
            Self::ByKey | Self::Grouped => json!(member.name),
        }
    }

    fn instance(self, member: &Member) -> Value {
        let mut instance = json!({
            "id": member.machine, "arn": format!("arn:aws:ec2:ap-northeast-1:111122223333:instance/{}", member.machine),
            "availability_zone": member.zone, "subnet_id": member.subnet, "instance_type": "m6i.large",
            "disable_api_termination": false, "vpc_security_group_ids": [member.group], "user_data": "a-secret-of-old-machines",
            "tags": tags(member), "tags_all": tags(member),
        });
        if self == Self::Counted {
            instance["network_interface"] = json!([{ "device_index": 1, "network_interface_id": member.interface, "delete_on_termination": false, "network_card_index": 0 }]);
        }
        instance
    }
}

fn tags(member: &Member) -> Value {
    json!({ "Name": format!("legacy-{}", member.name) })
}

fn interface(member: &Member) -> Value {
    json!({
        "id": member.interface, "subnet_id": member.address_subnet, "private_ip": member.address, "private_ips": [member.address],
        "private_ip_list": [member.address], "private_ips_count": 0, "security_groups": [member.group], "description": "", "source_dest_check": true,
        "interface_type": "interface", "tags": tags(member), "tags_all": tags(member),
        "attachment": [{ "attachment_id": "eni-attach-0", "device_index": 1, "instance": member.machine }],
    })
}

fn volume(member: &Member) -> Value {
    json!({
        "id": member.volume, "arn": format!("arn:aws:ec2:ap-northeast-1:111122223333:volume/{}", member.volume),
        "availability_zone": member.zone, "type": "gp3", "size": 20, "iops": 3000, "throughput": 125, "encrypted": true,
        "kms_key_id": "arn:aws:kms:ap-northeast-1:111122223333:key/0", "multi_attach_enabled": false, "snapshot_id": "",
        "tags": tags(member), "tags_all": tags(member),
    })
}

/// User data of machines that know nothing of rehull's way: data at the root of the volume, nobody listens for a stop. It
/// is rehull's own made forgetful, because a sandbox's machines come up by rehull alone.
pub(super) fn user_data() -> String {
    let templates = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/user-data/etcd/2");
    let boot = fs::read_to_string(format!("{templates}/boot.sh")).unwrap();
    let mut forgetful = boot;
    for (from, to) in [
        ("    tag stop || return 0\n", "    return 0\n"),
        (
            "        printf '%s\\n' \"$marker\" >\"$DATA/.rehull\"\n",
            "        :\n",
        ),
        ("    claim_generation\n    start\n", "    start\n"),
        ("\"$DATA/gen-$GENERATION\" \"$state\"", "\"$DATA\" \"$state\""),
    ] {
        assert_eq!(forgetful.matches(from).count(), 1, "{from}");
        forgetful = forgetful.replace(from, to);
    }
    let indented = format!("    {}\n", forgetful.trim_end().replace('\n', "\n    "));
    let whole = fs::read_to_string(format!("{templates}/cloud-config.yaml.hbs")).unwrap();
    let part = "    {{> etcd/2/boot.sh}}\n";
    assert!(whole.contains(part));
    whole.replace(part, &indented)
}
