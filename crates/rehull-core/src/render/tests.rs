#![allow(clippy::unwrap_used, reason = "tests")]

mod hostile;
mod servers;
mod workers;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use sha2::Digest as _;

use super::*;
use crate::domain::desired::{
    AwsTarget, ClientTls, EtcdRole, MachineTls, ObjectLocation, StoreLocation, TemplateRef,
};
use crate::domain::ids::{
    AccountId, ClusterName, ImageId, InterfaceId, LaunchTemplateName, Region, SlotName, SubnetId, VolumeId,
    Zone,
};
use crate::domain::machine::MachineContent;
use crate::domain::policy::{EtcdStrategy, RolloutPolicy};
use crate::domain::version::EtcdVersion;

fn slot(n: u8) -> Slot {
    let letter = char::from(b'a' + n);
    Slot {
        name: SlotName::new(format!("etcd-{letter}")),
        zone: Zone::new(format!("ap-northeast-1{letter}")),
        subnet: SubnetId::new(format!("subnet-0123456789abcdef{n}")),
        interface: InterfaceId::new(format!("eni-0123456789abcdef{n}")),
        volume: VolumeId::new(format!("vol-0123456789abcdef{n}")),
        address: core::net::Ipv4Addr::new(10, 0, n, 10),
        launch_template: LaunchTemplateName::new(format!("dev-etcd-{letter}")),
    }
}

fn desired(members: u8) -> Desired {
    let location = |bucket: &str, prefix: &str| ObjectLocation {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    };
    let binary = |name: &str| (name.to_owned(), "ab".repeat(32));
    Desired {
        cluster: ClusterName::new("dev"),
        aws: AwsTarget {
            account: AccountId::new("111122223333"),
            region: Region::new("ap-northeast-1"),
            endpoint: None,
        },
        store: StoreLocation::S3(location("rehull-dev", "store/")),
        artefacts: location("rehull-dev", "artefacts/"),
        snapshots: location("rehull-dev-snapshots", "etcd/"),
        etcd: EtcdRole {
            version: EtcdVersion::new(3, 5, 33),
            machine: MachineContent {
                binaries: ["etcd", "etcdctl", "etcdutl"].map(binary).into(),
                image: ImageId::new("ami-0123456789abcdef0"),
                instance_type: "m6i.large".to_owned(),
                instance_profile: "dev-etcd".to_owned(),
                security_groups: vec!["sg-1".to_owned(), "sg-2".to_owned()],
            },
            flags: BTreeMap::from([("quota-backend-bytes".to_owned(), "8589934592".to_owned())]),
            template: TemplateRef::BuiltIn(1),
            machine_tls: MachineTls {
                location: location("rehull-dev-secrets", "etcd/"),
                revision: "1".to_owned(),
            },
            client_tls: ClientTls::S3(location("rehull-dev-secrets", "client/")),
            strategy: EtcdStrategy::RemoveThenAdd,
            slots: (0..members).map(slot).collect(),
            spare: None,
        },
        control_plane: None,
        workers: None,
        terraform: None,
        policy: RolloutPolicy::default(),
    }
}

type Change = fn(&mut Desired);

fn with_file(text: &str) -> Result<RenderedSlot, RenderError> {
    let mut desired = desired(3);
    desired.etcd.template = TemplateRef::File("user-data/etcd.yaml.hbs".to_owned());
    render_slot(&desired, &slot(0), text)
}

fn built_in(desired: &Desired) -> RenderedSlot {
    render_slot(desired, &desired.etcd.slots[0], builtin_template(1).unwrap()).unwrap()
}

#[test]
fn the_built_in_set_renders_to_the_same_bytes_with_room_for_seven_members() {
    let rendered = built_in(&desired(7));
    assert_eq!(rendered, built_in(&desired(7)));
    // A third of what is left is enough for a page of flags.
    assert!(
        rendered.user_data.len() < 15_000,
        "{} bytes",
        rendered.user_data.len()
    );
}

#[test]
fn files_arrive_in_the_user_data_line_by_line() {
    use saphyr::{LoadableYamlNode, Yaml};

    let rendered = built_in(&desired(3));
    let documents = Yaml::load_from_str(&rendered.user_data).unwrap();
    let files = documents[0]
        .as_mapping_get("write_files")
        .unwrap()
        .as_sequence()
        .unwrap();
    let content = |n: usize| files[n].as_mapping_get("content").unwrap().as_str().unwrap();
    assert_eq!(
        content(1),
        include_str!("../../../../templates/user-data/etcd/1/boot.sh")
    );
    insta::assert_snapshot!(content(0));
    insta::assert_snapshot!(content(3));
}

#[test]
fn set_2_knows_the_spare_as_a_peer_and_names_it_only_when_told_so_and_set_1_does_not_change_for_it() {
    let mut with_spare = desired(7);
    with_spare.etcd.spare = Some(slot(8));
    with_spare.etcd.template = TemplateRef::BuiltIn(2);
    let of =
        |desired: &Desired, slot: &Slot| render_slot(desired, slot, builtin_template(2).unwrap()).unwrap();
    let spare = slot(8);
    for slot in with_spare.etcd.rendered() {
        let rendered = of(&with_spare, slot);
        assert!(rendered.user_data.len() < 15_500, "{}", rendered.user_data.len());
        let text = |line: &str| rendered.user_data.contains(line);
        assert!(text(&format!(
            "REHULL_SPARE={}={}\n",
            spare.name,
            spare.peer_url()
        )));
        assert!(
            text(&format!(" {}\"\n", spare.address)),
            "a peer: {}",
            rendered.user_data
        );
        assert!(text("--initial-cluster=${REHULL_INITIAL_CLUSTER}"));
        assert!(!text(&format!(",{}={}", spare.name, spare.peer_url())));
    }
    let mut without = with_spare.clone();
    without.etcd.spare = None;
    assert!(of(&without, &slot(0)).user_data.contains("REHULL_SPARE=\n"));
    assert_ne!(of(&without, &slot(0)).digest, of(&with_spare, &slot(0)).digest);
    with_spare.etcd.template = TemplateRef::BuiltIn(1);
    without.etcd.template = TemplateRef::BuiltIn(1);
    assert_eq!(built_in(&without), built_in(&with_spare));
}

#[test]
fn the_variables_that_are_documented_are_those_that_are_passed() {
    fn names(path: &str, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let below = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    names(&below, value, found);
                }
            }
            Value::Array(items) => {
                found.insert(path.to_owned());
                for item in items {
                    names(&format!("{path}[]"), item, found);
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
                found.insert(path.to_owned());
            }
        }
    }
    let mut passed = BTreeSet::new();
    names(
        "",
        &variables::values(&desired(3), &slot(0)).unwrap(),
        &mut passed,
    );
    let documented: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    assert_eq!(passed.iter().map(String::as_str).collect::<Vec<_>>(), documented);
    assert!(VARIABLES.iter().all(|variable| !variable.meaning.is_empty()));
}

#[test]
fn a_missing_variable_is_an_error_with_its_line_and_a_suggestion() {
    let refused = with_file("#cloud-config\nruncmd:\n- [echo, \"{{slot.adress}}\"]\n").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "user-data/etcd.yaml.hbs:3:11: there is no variable `slot.adress`"
    );
    let RenderError::Template { help, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(help, "did you mean `slot.address`?");
}

#[test]
fn a_template_that_does_not_parse_is_named_with_its_line() {
    let refused = with_file("#cloud-config\n{{#each slots}}\n").unwrap_err();
    assert!(
        matches!(&refused, RenderError::Template { template, line: Some(_), .. } if template == "user-data/etcd.yaml.hbs"),
        "{refused:?}"
    );
}

#[test]
fn what_cloud_init_would_not_understand_is_refused() {
    for (text, why) in [
        ("#!/bin/bash\n", "the first line must be"),
        ("#cloud-config\n- a\n", "must be a mapping"),
        ("#cloud-config\na: [\n", ""),
        ("#cloud-config\na: 1\na: 2\n", "`a` stands twice"),
        ("#cloud-config\nwrite_files:\n- content: x\n", "absolute `path`"),
        ("#cloud-config\nwrite_files:\n- path: /a\n", "has no `content`"),
        (
            "#cloud-config\nwrite_files:\n- path: /a\n  content: x\n  permissions: 0644\n",
            "must be quoted",
        ),
        ("#cloud-config\nruncmd: true\n", "`runcmd` must be"),
    ] {
        let refused = with_file(text).unwrap_err();
        assert!(
            matches!(refused, RenderError::NotCloudConfig { .. }),
            "{text}: {refused:?}"
        );
        assert!(refused.to_string().contains(why), "{text}: {refused}");
    }
}

#[test]
fn what_ec2_would_not_take_is_refused_with_its_biggest_parts() {
    let big = "x".repeat(9_000);
    let text = format!(
        "#cloud-config\nwrite_files:\n- path: /a\n  content: {big}\n- path: /b\n  content: {big}\n- path: /c\n  content: x\n"
    );
    let refused = with_file(&text).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the user data of etcd-a has 18097 bytes, EC2 takes 16384; biggest: /a 9000, /b 9000, /c 1"
    );
}

#[test]
fn a_value_that_a_shell_would_execute_is_refused() {
    let mut hostile = desired(3);
    hostile.artefacts.prefix = "$(reboot)/".to_owned();
    let refused = render_slot(&hostile, &slot(0), builtin_template(1).unwrap()).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("`$(reboot)/` cannot be written as `artefacts.prefix`"),
        "{refused}"
    );
}

#[test]
fn flags_reach_etcd_as_they_were_written() {
    let mut desired = desired(3);
    desired.etcd.flags = BTreeMap::from([("cors".to_owned(), r#"a b"%$"#.to_owned())]);
    assert!(built_in(&desired).user_data.contains(r#"    "--cors=a b\"%%$$""#));
}

#[test]
fn everything_that_asks_for_a_new_machine_changes_the_digest_and_nothing_else_does() {
    let before = built_in(&desired(3)).digest;
    let changes: [(&str, Change); 10] = [
        ("version", |d| d.etcd.version = EtcdVersion::new(3, 6, 14)),
        ("binaries", |d| {
            drop(d.etcd.machine.binaries.insert("etcd".to_owned(), "cd".repeat(32)));
        }),
        ("image", |d| d.etcd.machine.image = ImageId::new("ami-2")),
        ("instance type", |d| {
            d.etcd.machine.instance_type = "m7i.large".to_owned();
        }),
        ("profile", |d| {
            d.etcd.machine.instance_profile = "other".to_owned();
        }),
        ("security groups", |d| d.etcd.machine.security_groups.truncate(1)),
        ("flags", |d| d.etcd.flags.clear()),
        ("certificates", |d| d.etcd.machine_tls.revision = "2".to_owned()),
        ("volume", |d| d.etcd.slots[0].volume = VolumeId::new("vol-9")),
        ("interface", |d| {
            d.etcd.slots[0].interface = InterfaceId::new("eni-9");
        }),
    ];
    for (what, change) in changes {
        let mut other = desired(3);
        change(&mut other);
        assert_ne!(built_in(&other).digest, before, "{what}");
    }
    let same: [(&str, Change); 5] = [
        ("order of security groups", |d| {
            d.etcd.machine.security_groups.reverse();
        }),
        ("policy", |d| d.policy.snapshot = false),
        ("strategy", |d| d.etcd.strategy = EtcdStrategy::Reattach),
        ("store", |d| {
            d.store = StoreLocation::Local { path: "x".to_owned() }
        }),
        ("template name", |d| {
            d.etcd.slots[0].launch_template = LaunchTemplateName::new("x");
        }),
    ];
    for (what, change) in same {
        let mut other = desired(3);
        change(&mut other);
        assert_eq!(built_in(&other).digest, before, "{what}");
    }
}

#[test]
fn the_digest_of_set_1_is_the_same_for_ever() {
    // If this changes, every running cluster would replace every machine after an update of rehull.
    insta::assert_snapshot!(built_in(&desired(3)).digest);
}

#[test]
fn the_variables_file_is_the_same_bytes_every_time() {
    let desired = desired(3);
    let mut rendered: BTreeMap<SlotName, RenderedSlot> = BTreeMap::new();
    for slot in &desired.etcd.slots {
        let text = "#cloud-config\nruncmd:\n- [hostname, \"{{slot.name}}\"]\n";
        rendered.insert(slot.name.clone(), render_slot(&desired, slot, text).unwrap());
    }
    let text = tfvars(&desired, &rendered, &RenderedGroups::default());
    assert_eq!(text, tfvars(&desired, &rendered, &RenderedGroups::default()));
    insta::assert_snapshot!(text);
}

#[test]
fn a_key_that_cloud_init_would_ignore_is_refused_with_its_line() {
    let text = "#cloud-config\nhostname: a\nwrite_file:\n- path: /a\n  content: b\n";
    let error = with_file(text).unwrap_err().to_string();
    assert!(
        error.starts_with("the user data of etcd-a is no cloud-config, line 3 (`write_file:`): cloud-init has no key `write_file`"),
        "{error}"
    );
    assert!(error.ends_with("did you mean `write_files`?"), "{error}");
}

#[test]
fn what_terraform_is_given_and_what_must_come_of_it_are_the_same_render_for_every_slot_and_the_spare() {
    let mut desired = desired(3);
    desired.etcd.spare = Some(slot(3));
    let rendered: BTreeMap<_, _> = desired
        .etcd
        .rendered()
        .map(|slot| {
            let done = render_slot(&desired, slot, builtin_template(2).unwrap()).unwrap();
            (slot.name.clone(), done)
        })
        .collect();
    let change = terraform_change(&desired, &rendered, &RenderedGroups::default());
    assert_eq!(
        change.variables,
        tfvars(&desired, &rendered, &RenderedGroups::default())
    );
    assert_eq!(change.roles.len(), 4, "three slots and the spare");
    let variables: serde_json::Value = serde_json::from_str(&change.variables).unwrap();
    for (role, slot) in change.roles.iter().zip(desired.etcd.rendered()) {
        let done = &rendered[&slot.name];
        let given = &variables["etcd_launch_templates"][slot.name.as_str()];
        assert_eq!(role.role, slot.name.as_str());
        assert_eq!(role.launch_template, slot.launch_template);
        assert_eq!(role.subnet.as_ref(), Some(&slot.subnet));
        assert_eq!(role.content, done.digest);
        assert_eq!(given["content_digest"], role.content.as_str());
        assert_eq!(given["name"], role.launch_template.as_str());
        assert_eq!(given["image_id"], role.image.as_str());
        let text = given["user_data"].as_str().unwrap();
        let bytes = sha2::Sha256::digest(text.as_bytes());
        assert_eq!(role.user_data.as_str(), format!("sha256:{}", hex::encode(bytes)));
        assert_eq!(role.version, "3.5.33");
        assert_eq!(
            role.security_groups,
            ["sg-1".to_owned(), "sg-2".to_owned()].into()
        );
    }
}
