//! What stays in the root module that made the cluster: its text once everything of the members is deleted, and what state and
//! cloud have of it.

use serde_json::{Value, json};

use super::groups;
use super::legacy::{Member, Written};
use super::root::Known;

pub(super) struct Rest {
    /// By path in the module's folder.
    pub(super) files: Vec<(&'static str, String)>,
    pub(super) known: Vec<Known>,
}

impl Written {
    pub(super) fn rest(self, members: &[Member]) -> Rest {
        match self {
            Self::Counted => records(members),
            Self::ByKey => Rest {
                files: vec![("main.tf", PROVIDER.to_owned())],
                known: Vec::new(),
            },
            Self::Grouped => templates_and_groups(members),
        }
    }
}

const PROVIDER: &str = "terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  }\n}\nprovider \"aws\" {\n  region = \"ap-northeast-1\"\n}\n";

/// Of the members' addresses, by which clients know them: written out where they referred to interfaces.
fn records(members: &[Member]) -> Rest {
    let record = |(nth, member): (usize, &Member)| Known {
        module: Some("module.etcd"),
        kind: "aws_route53_record",
        name: "etcd",
        key: json!(nth),
        attributes: json!({
            "id": format!("Z0LEGACY_etcd{nth}.legacy.example_A"), "zone_id": "Z0LEGACY", "name": format!("etcd{nth}.legacy.example"),
            "fqdn": format!("etcd{nth}.legacy.example"), "type": "A", "ttl": 300, "records": [member.address],
        }),
    };
    let addresses: Vec<Value> = members.iter().map(|member| json!(member.address)).collect();
    let module = format!(
        r#"locals {{
  addresses = {}
}}
resource "aws_route53_record" "etcd" {{
  count   = length(local.addresses)
  zone_id = "Z0LEGACY"
  name    = "etcd${{count.index}}.legacy.example"
  type    = "A"
  ttl     = 300
  records = [local.addresses[count.index]]
}}
"#,
        json!(addresses)
    );
    let root = format!("{PROVIDER}module \"etcd\" {{\n  source = \"./etcd\"\n}}\n");
    Rest {
        files: vec![("main.tf", root), ("etcd/main.tf", module)],
        known: members.iter().enumerate().map(record).collect(),
    }
}

/// They go on making nothing: the groups are empty.
fn templates_and_groups(members: &[Member]) -> Rest {
    let mut known = Vec::new();
    for member in members {
        let name = groups::name(&member.name);
        let mut add = |kind: &'static str, attributes: Value| {
            known.push(Known {
                module: None,
                kind,
                name: "member",
                key: json!(member.name),
                attributes,
            });
        };
        let id = format!("lt-{}", member.name);
        add(
            "aws_launch_template",
            json!({
                "id": id, "name": name, "arn": format!("arn:aws:ec2:ap-northeast-1:111122223333:launch-template/{id}"),
                "image_id": "ami-0f00000000000000f", "instance_type": "m6i.large", "latest_version": 4, "default_version": 1,
            }),
        );
        add(
            "aws_autoscaling_group",
            json!({
                "id": name, "name": name, "min_size": 0, "max_size": 1, "desired_capacity": 0,
                "vpc_zone_identifier": [member.subnet], "launch_template": [{ "id": id, "name": name, "version": "4" }],
            }),
        );
    }
    let subnets: Value = members
        .iter()
        .map(|member| (member.name.clone(), json!(member.subnet)))
        .collect();
    let text = format!(
        r#"{PROVIDER}locals {{
  subnets = {subnets}
}}
resource "aws_launch_template" "member" {{
  for_each      = local.subnets
  name          = "legacy-${{each.key}}"
  image_id      = "ami-0f00000000000000f"
  instance_type = "m6i.large"
}}
resource "aws_autoscaling_group" "member" {{
  for_each            = local.subnets
  name                = "legacy-${{each.key}}"
  min_size            = 0
  max_size            = 1
  desired_capacity    = 0
  vpc_zone_identifier = [each.value]
  launch_template {{
    id      = aws_launch_template.member[each.key].id
    version = aws_launch_template.member[each.key].latest_version
  }}
}}
"#
    );
    Rest {
        files: vec![("main.tf", text)],
        known,
    }
}
