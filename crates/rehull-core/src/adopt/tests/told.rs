//! Members whose machines the state does not know.

use serde_json::{Value, json};

use super::*;

const TOLD: &str = "i-0e00000000000000f, zone: ap-northeast-1c, subnet: SUBNET, interface: eni-0e000000000000001, volume: vol-0e000000000000001, address: 10.0.2.10";

/// The middle member's machine is in a group; its parts are in the state.
fn beside() -> (String, Value) {
    let mut state = state();
    let subnet = values(&mut state, "module.etcd.aws_network_interface.etcd[1]")["subnet_id"].clone();
    let told = TOLD.replace("SUBNET", subnet.as_str().unwrap());
    let text = MAPPING.replace("\"module.etcd.aws_instance.etcd[1]\"", &told);
    without(&mut state, "module.etcd.aws_instance.etcd[1]");
    without(&mut state, "module.etcd.aws_volume_attachment.etcd[1]");
    let attachment = &mut values(&mut state, "module.etcd.aws_network_interface.etcd[1]")["attachment"];
    *attachment = json!([]);
    let text = text.replace(
        "    template:",
        "    instanceType: m6i.large\n    securityGroups: [sg-0e000000000000001]\n    template:",
    );
    (text, state)
}

#[test]
fn parts_of_a_told_member_that_the_state_knows_are_handed_over_like_others() {
    let (text, mut state) = beside();
    let tie =
        json!({ "id": "vai-f", "instance_id": "i-0e00000000000000f", "volume_id": "vol-0e000000000000001" });
    add(
        &mut state,
        "aws_volume_attachment.told",
        "aws_volume_attachment",
        &tie,
    );
    let adoption = adopted(&text, &state);
    assert_eq!(adoption.layout.id, "adopt::told_beside_state");
    let handover: Value = serde_json::from_str(&adoption.files["handover.json"]).unwrap();
    let forgets = handover["forgets"].as_object().unwrap();
    assert_eq!(
        forgets["module.etcd.aws_ebs_volume.etcd[1]"],
        "vol-0e000000000000001"
    );
    assert_eq!(forgets["aws_volume_attachment.told"], "vai-f");
    assert_eq!(
        handover["imports"]["aws_network_interface.slot[\"etcd-1\"]"]["id"],
        "eni-0e000000000000001"
    );
}

#[test]
fn what_the_state_knows_of_a_told_member_has_to_agree() {
    for (part, argument, value, key) in [
        (
            "aws_network_interface",
            "private_ip",
            json!("10.9.9.9"),
            "address",
        ),
        (
            "aws_ebs_volume",
            "availability_zone",
            json!("ap-northeast-1a"),
            "zone",
        ),
        (
            "aws_network_interface",
            "attachment",
            json!([{ "instance": "i-0bad", "device_index": 1 }]),
            "machine",
        ),
    ] {
        let (text, mut state) = beside();
        values(&mut state, &format!("module.etcd.{part}.etcd[1]"))[argument] = value;
        let refusals = refused(&text, &state);
        assert_eq!(refusals[0].code, "adopt::differs", "{key}");
        assert_eq!(
            refusals[0].pointer.as_deref(),
            Some(format!("/members/1/{key}").as_str())
        );
    }
}

/// `subnet` of a slot is where the machine's own first interface is made.
#[test]
fn the_interface_of_a_told_member_may_lie_in_another_subnet_than_its_machine() {
    let (text, mut state) = beside();
    values(&mut state, "module.etcd.aws_network_interface.etcd[1]")["subnet_id"] = json!("subnet-9");
    let adoption = adopted(&text, &state);
    let page = &adoption.files["HANDOVER.md"];
    let subnet = adoption.desired.etcd.slots[1].subnet.as_str();
    let of_machine = format!("    # must say: {subnet} 2 2, and no name of a group");
    let of_interface = "    # must say: 10.0.2.10 i-0e00000000000000f False, and no 0 at the end\n";
    assert!(
        page.contains(&of_machine) && page.contains(of_interface),
        "{page}"
    );
    let main = &adoption.files["terraform/etcd-parts/main.tf"];
    assert!(main.contains("\"subnet-9\"") && !subnet.ends_with("-9"), "{main}");
}

#[test]
fn a_told_member_behind_a_balancer_or_with_more_parts_is_refused_as_others_are() {
    let (text, mut state) = beside();
    values(&mut state, "aws_elb.api")["instances"] = json!(["i-0e00000000000000f"]);
    assert_eq!(refused(&text, &state)[0].code, "adopt::stacked");
    let (text, mut state) = beside();
    let tie =
        json!({ "id": "vai-f", "instance_id": "i-0e00000000000000f", "volume_id": "vol-0e00000000000000e" });
    add(
        &mut state,
        "aws_volume_attachment.log",
        "aws_volume_attachment",
        &tie,
    );
    assert_eq!(refused(&text, &state)[0].code, "adopt::more_parts");
}

#[test]
fn the_page_asks_for_what_no_file_tells_and_says_which_answer_must_be_seen() {
    let (text, state) = beside();
    let page = &adopted(&text, &state).files["HANDOVER.md"];
    for wanted in [
        "describe-volumes --volume-ids vol-0e000000000000001",
        "    # must say: ap-northeast-1c; i-0e00000000000000f False\n",
        "describe-network-interfaces --network-interface-ids eni-0e000000000000001",
        "describe-instance-attribute --instance-id i-0e00000000000000f --attribute disableApiTermination",
        "describe-target-health",
        "aws elb --region ap-northeast-1 --output text describe-load-balancers",
    ] {
        assert!(page.contains(wanted), "{wanted} is not in\n{page}");
    }
    assert!(
        !page.contains("describe-volumes --volume-ids vol-0e000000000000000"),
        "{page}"
    );
    let page = &adopted(MAPPING, &super::state()).files["HANDOVER.md"];
    assert!(!page.contains("describe-"), "{page}");
}
