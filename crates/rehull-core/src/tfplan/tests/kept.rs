//! What a launch template says beside the render, and an upgrade would carry into its next version.

use serde_json::json;

use super::plans;
use super::*;
use crate::tfplan::gate::kept::ROWS;

/// As it is before and after: the plan does not change it.
fn with(attribute: &str, value: &Value) -> Value {
    let mut plan = plans::upgrade();
    for n in 0..SLOTS.len() {
        for side in ["before", "after"] {
            plan["resource_changes"][n]["change"][side][attribute] = value.clone();
        }
    }
    plan
}

fn is_refused(attribute: &str, value: &Value) {
    let decision = judged(&with(attribute, value), &upgrade());
    assert_eq!(rules(&decision), ["gate::kept"].into(), "{attribute}: {value}");
    assert_eq!(decision.findings.len(), SLOTS.len());
    let reason = &decision.findings[0].reason;
    assert!(reason.contains(&format!("`{attribute}`")), "{reason}");
}

#[test]
fn every_row_of_what_is_kept_refuses_what_breaks_it_although_the_plan_changes_nothing_of_it() {
    let required = json!({"http_tokens": "required", "instance_metadata_tags": "enabled"});
    let metadata = |name: &str, value: &str| {
        let mut options = required.clone();
        options[name] = value.into();
        json!([options])
    };
    let broken = [
        ("metadata_options", metadata("http_tokens", "optional")),
        ("metadata_options", metadata("http_endpoint", "disabled")),
        ("metadata_options", metadata("instance_metadata_tags", "disabled")),
        ("metadata_options", json!([{"instance_metadata_tags": "enabled"}])),
        ("metadata_options", json!([required, required])),
        ("metadata_options", json!([])),
        ("metadata_options", json!(null)),
        ("disable_api_termination", json!(true)),
        ("disable_api_stop", json!(true)),
        ("instance_market_options", json!([{"market_type": "spot"}])),
        (
            "tag_specifications",
            json!([{"resource_type": "instance", "tags": {"rehull:go": "x"}}]),
        ),
        (
            "tag_specifications",
            json!([{"resource_type": "volume", "tags": {"a": "b"}}, {"resource_type": "instance", "tags": {"rehull:slot": "etcd-b"}}]),
        ),
    ];
    for (attribute, value) in &broken {
        is_refused(attribute, value);
    }
    let tested: BTreeSet<&str> = broken.iter().map(|(attribute, _)| *attribute).collect();
    assert_eq!(tested, ROWS.iter().map(|row| row.attribute).collect());
}

#[test]
fn what_means_the_same_as_what_rehull_itself_makes_is_kept() {
    let as_read_back = json!([{
        "http_endpoint": "enabled", "http_protocol_ipv6": "", "http_put_response_hop_limit": 1, "http_tokens": "required",
        "instance_metadata_tags": "enabled",
    }]);
    for (attribute, value) in [
        ("metadata_options", as_read_back),
        ("disable_api_termination", json!(false)),
        ("disable_api_stop", json!(null)),
        ("instance_market_options", json!([])),
        // Whose the template is has decided on these, and no render says them.
        ("key_name", json!("of-a-person")),
        ("block_device_mappings", json!([{"device_name": "/dev/xvda"}])),
    ] {
        let found = rules(&judged(&with(attribute, &value), &upgrade()));
        assert_eq!(found, [].into(), "{attribute}: {value}");
    }
}

/// Its machines are told nothing by tags, and those may have a `/`, with which EC2 would refuse to tell them.
#[test]
fn a_template_of_a_group_tells_no_tags() {
    let mut terms = upgrade();
    if let Mode::Upgrade(contract) = &mut terms.mode {
        for role in &mut contract.roles {
            role.subnet = None;
        }
    }
    let mut plan = with(
        "metadata_options",
        &json!([{"http_tokens": "required", "instance_metadata_tags": "disabled"}]),
    );
    for n in 0..SLOTS.len() {
        for side in ["before", "after"] {
            plan["resource_changes"][n]["change"][side]["network_interfaces"][0]["subnet_id"] = json!("");
        }
    }
    assert_eq!(rules(&judged(&plan, &terms)), [].into());
}

#[test]
fn a_template_that_stays_as_it_is_keeps_it_too() {
    let mut plan = plans::rest_of_upgrade(1);
    for side in ["before", "after"] {
        plan["resource_changes"][0]["change"][side]["disable_api_termination"] = true.into();
    }
    assert_eq!(rules(&judged(&plan, &upgrade())), ["gate::kept"].into());
}

/// Whether it was there before or comes with this plan.
#[test]
fn no_machine_is_born_with_its_go() {
    let mut plan = plans::upgrade();
    let tags = &mut plan["resource_changes"][0]["change"]["after"]["tag_specifications"][0]["tags"];
    tags["rehull:go"] = "3.6.14".into();
    assert_eq!(
        rules(&judged(&plan, &upgrade())),
        ["gate::attribute", "gate::kept"].into()
    );
}

/// A tag of AWS makes every launch fail, in whatever case it is written.
#[test]
fn no_tag_that_only_aws_may_set_comes_or_changes() {
    for key in ["aws:etcd", "AWS:etcd", "aws:"] {
        let mut plan = plans::upgrade();
        let tags = &mut plan["resource_changes"][0]["change"]["after"]["tag_specifications"][0]["tags"];
        tags[key] = "3.6.14".into();
        assert_eq!(
            rules(&judged(&plan, &upgrade())),
            ["gate::attribute"].into(),
            "{key}"
        );
    }
    let mut plan = plans::upgrade();
    plan["resource_changes"][0]["change"]["after"]["tag_specifications"][0]["tags"]["awsome"] =
        "3.6.14".into();
    assert_eq!(rules(&judged(&plan, &upgrade())), [].into());
}
