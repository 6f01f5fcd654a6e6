//! Clusters that somebody built without rehull, in two ways of writing it down.

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
    pub(super) subnet: String,
    pub(super) interface: String,
    pub(super) volume: String,
    pub(super) address: Ipv4Addr,
    pub(super) group: String,
}

/// How it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A module with `count`; interfaces in blocks of the instance, volumes attached by a resource (vishwakarma).
    Counted,
    /// `for_each` in the root module; everything attached by resources.
    ByKey,
}

impl Written {
    /// What a mapping says of the nth member's machine.
    pub(super) fn machine(self, nth: usize, member: &Member) -> String {
        match self {
            Self::Counted => format!("module.etcd.aws_instance.etcd[{nth}]"),
            Self::ByKey => format!("aws_instance.member[\"{}\"]", member.name),
        }
    }

    /// Everything of the members, as state and cloud have it.
    pub(super) fn known(self, members: &[Member]) -> Vec<Known> {
        let (module, name) = match self {
            Self::Counted => (Some("module.etcd"), "etcd"),
            Self::ByKey => (None, "member"),
        };
        let mut known = Vec::new();
        for (nth, member) in members.iter().enumerate() {
            let key = match self {
                Self::Counted => json!(nth),
                Self::ByKey => json!(member.name),
            };
            let mut add = |kind: &'static str, attributes: Value| {
                let key = key.clone();
                known.push(Known {
                    module,
                    kind,
                    name,
                    key,
                    attributes,
                });
            };
            add("aws_instance", self.instance(member));
            add("aws_network_interface", interface(member));
            add("aws_ebs_volume", volume(member));
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
        "id": member.interface, "subnet_id": member.subnet, "private_ip": member.address, "private_ips": [member.address],
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
