//! Every row of the table of layouts, by a cluster that is one.

use serde_json::{Value, json};

use super::*;
use crate::adopt::{LAYOUTS, Verdict, reference, rules};

const MACHINE: &str = "module.etcd.aws_instance.etcd[1]";
const ID: &str = "i-0e000000000000001";

/// A row, and the example with one difference that belongs to it.
type Case = (&'static str, (String, Value));

fn changed(change: &dyn Fn(&mut Value)) -> (String, Value) {
    let mut state = state();
    change(&mut state);
    (MAPPING.to_owned(), state)
}

fn told(from: &str, to: &str) -> (String, Value) {
    (MAPPING.replace(from, to), state())
}

/// What hangs on a machine, and on whom else.
fn of_parts() -> Vec<Case> {
    let interface =
        json!({ "id": "eni-0e00000000000000f", "attachment": [{ "instance": ID, "device_index": 2 }] });
    let log = json!({ "instance_id": ID, "volume_id": "vol-0e00000000000000f", "device_name": "/dev/sdg" });
    vec![
        (
            "adopt::disk_dies_with_machine",
            changed(&|state| {
                values(state, MACHINE)["ebs_block_device"][0]["delete_on_termination"] = json!(true);
            }),
        ),
        (
            "adopt::interface_dies_with_machine",
            changed(&|state| {
                values(state, MACHINE)["network_interface"][0]["delete_on_termination"] = json!(true);
            }),
        ),
        (
            "adopt::termination_protection",
            changed(&|state| values(state, MACHINE)["disable_api_termination"] = json!(true)),
        ),
        (
            "adopt::shared_resource",
            changed(&|state| {
                add(
                    state,
                    "module.etcd.aws_instance.etcd[3]",
                    "aws_instance",
                    &json!({ "id": "i-0e000000000000003" }),
                );
            }),
        ),
        (
            "adopt::more_parts",
            changed(&|state| {
                add(state, "aws_volume_attachment.log", "aws_volume_attachment", &log);
            }),
        ),
        (
            "adopt::more_parts",
            changed(&|state| {
                add(
                    state,
                    "aws_network_interface.more",
                    "aws_network_interface",
                    &interface,
                );
            }),
        ),
    ]
}

/// What a machine lacks.
fn of_machines() -> Vec<Case> {
    vec![
        (
            "adopt::no_machine",
            told(
                "module.etcd.aws_instance.etcd[1]",
                "module.etcd.aws_instance.etcd[7]",
            ),
        ),
        (
            "adopt::no_machine",
            told(
                "\"module.etcd.aws_instance.etcd[1]\"",
                "i-0e00000000000000f, zone: ap-northeast-1c",
            ),
        ),
        (
            "adopt::primary_interface",
            changed(&|state| {
                values(state, MACHINE)["network_interface"] = json!([]);
                values(state, "module.etcd.aws_network_interface.etcd[1]")["attachment"][0]["device_index"] =
                    json!(0);
            }),
        ),
        (
            "adopt::no_data_volume",
            changed(&|state| {
                values(state, MACHINE)["ebs_block_device"] = json!([]);
                without(state, "module.etcd.aws_volume_attachment.etcd[1]");
            }),
        ),
    ]
}

/// Who else has a say.
fn of_others() -> Vec<Case> {
    let group = json!({ "arn": "arn:group", "port": 2379 });
    let target = json!({ "target_id": "10.0.2.10", "target_group_arn": "arn:group" });
    vec![
        (
            "adopt::stacked",
            changed(&|state| values(state, "aws_elb.api")["instances"] = json!([ID])),
        ),
        (
            "adopt::stacked",
            changed(&|state| {
                add(
                    state,
                    "aws_elb_attachment.one",
                    "aws_elb_attachment",
                    &json!({ "elb": "prod-api", "instance": ID }),
                );
            }),
        ),
        (
            "adopt::stacked",
            changed(&|state| {
                add(
                    state,
                    "aws_lb_target_group_attachment.one",
                    "aws_lb_target_group_attachment",
                    &json!({ "target_id": ID, "port": 6443 }),
                );
            }),
        ),
        (
            "adopt::etcd_behind_balancer",
            changed(&|state| {
                add(state, "aws_lb_target_group.etcd", "aws_lb_target_group", &group);
                add(
                    state,
                    "aws_lb_target_group_attachment.etcd",
                    "aws_lb_target_group_attachment",
                    &target,
                );
            }),
        ),
        (
            "adopt::kops",
            changed(&|state| {
                values(state, "module.etcd.aws_ebs_volume.etcd[0]")["tags_all"]["k8s.io/etcd/main"] =
                    json!("a/a,b,c");
            }),
        ),
        (
            "adopt::reattach",
            told("strategy: remove-then-add", "strategy: reattach"),
        ),
    ]
}

#[test]
fn every_layout_that_is_not_taken_over_is_refused_by_its_name_with_a_reason_and_a_way() {
    let mut met = vec!["adopt::single_member"];
    for (id, (mapping, state)) in [of_parts(), of_machines(), of_others()].concat() {
        let refusals = refused(&mapping, &state);
        let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code).collect();
        assert!(codes.iter().all(|code| *code == id), "{id}: {refusals:#?}");
        let refusal = &refusals[0];
        assert!(
            refusal.message.contains(": ") && !refusal.help.is_empty(),
            "{refusal:#?}"
        );
        assert!(
            id == "adopt::kops" || id == "adopt::shared_resource" || refusal.pointer.is_some(),
            "{refusal:#?}"
        );
        met.push(id);
    }
    for row in LAYOUTS.iter().filter(|row| row.verdict != Verdict::Supported) {
        assert!(met.contains(&row.id), "no test leads to {}", row.id);
    }
}

#[test]
fn one_member_is_refused_because_it_cannot_be_removed_from_its_own_cluster() {
    let one = MAPPING
        .lines()
        .filter(|line| !line.contains("etcd[1]") && !line.contains("etcd[2]"))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("strategy: remove-then-add", "strategy: reattach")
        + "\n  rollout: { acceptDowntime: true }\n";
    let mut state = state();
    for part in [
        "aws_instance",
        "aws_network_interface",
        "aws_ebs_volume",
        "aws_volume_attachment",
    ] {
        for index in [1, 2] {
            without(&mut state, &format!("module.etcd.{part}.etcd[{index}]"));
        }
    }
    let refusals = refused(&one, &state);
    assert_eq!(
        refusals.iter().map(|one| one.code).collect::<Vec<_>>(),
        ["adopt::single_member"]
    );
}

#[test]
fn a_machine_that_was_misspelt_is_suggested() {
    let refusals = refused(
        &MAPPING.replace("aws_instance.etcd[1]", "aws_instance.ectd[1]"),
        &state(),
    );
    assert!(
        refusals[0]
            .help
            .starts_with("did you mean `module.etcd.aws_instance.etcd[1]`?"),
        "{refusals:#?}"
    );
}

#[test]
fn what_mapping_and_state_say_differently_is_refused_and_what_neither_says_is_asked_for() {
    let differs = MAPPING.replace(
        "aws_instance.etcd[1]\"",
        "aws_instance.etcd[1]\", address: 10.9.9.9",
    );
    let refusals = refused(&differs, &state());
    assert_eq!(refusals[0].code, "adopt::differs");
    assert_eq!(refusals[0].pointer.as_deref(), Some("/members/1/address"));
    let mut unknown = state();
    without(&mut unknown, "module.etcd.aws_network_interface.etcd[1]");
    let refusals = refused(MAPPING, &unknown);
    assert_eq!(refusals[0].code, "adopt::unknown");
    assert!(refusals[0].help.contains("`address: …`"), "{refusals:#?}");
    let other = MAPPING.replace(
        "  cluster: prod\n",
        "  cluster: prod\n  aws: { region: eu-west-1 }\n",
    );
    assert_eq!(refused(&other, &state())[0].code, "adopt::place");
    let twice = MAPPING.replace("aws_instance.etcd[2]", "aws_instance.etcd[1]");
    assert_eq!(refused(&twice, &state())[0].code, "adopt::machine_twice");
    let mut one_disk = state();
    values(&mut one_disk, "module.etcd.aws_volume_attachment.etcd[2]")["volume_id"] =
        json!("vol-0e000000000000001");
    values(&mut one_disk, "module.etcd.aws_instance.etcd[2]")["ebs_block_device"] = json!([]);
    let refusals = refused(MAPPING, &one_disk);
    assert_eq!(refusals[0].code, "adopt::volume_twice");
    assert!(refusals[0].message.contains("etcd-1 and etcd-2"), "{refusals:#?}");
    let mut nameless = state();
    values(&mut nameless, "module.etcd.aws_volume_attachment.etcd[1]")["id"] = Value::Null;
    assert_eq!(refused(MAPPING, &nameless)[0].code, "adopt::unknown");
    let mut taken = state();
    add(
        &mut taken,
        "aws_launch_template.x",
        "aws_launch_template",
        &json!({ "name": "prod-etcd-1" }),
    );
    assert_eq!(refused(MAPPING, &taken)[0].code, "adopt::template_taken");
}

#[test]
fn the_page_has_both_tables_as_the_code_has_them() {
    let page = include_str!("../../../../../docs/adopt.md");
    for table in [reference(), rules()] {
        assert!(page.contains(&table), "docs/adopt.md lacks this table:\n{table}");
    }
}
