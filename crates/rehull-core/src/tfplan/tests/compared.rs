//! The contract of an upgrade, from the rollout plan that it belongs to; and OpenTofu's plans.

use serde_json::json;

use super::plans;
use super::*;

#[test]
fn opentofu_writes_fewer_flags_and_those_that_it_writes_count() {
    let tofu = || Terms::new(Mode::Upgrade(contract(Templates::Aws)), Tool::OpenTofu);
    let mut plan = plans::upgrade();
    let flags = plan.as_object_mut().unwrap();
    flags.remove("applyable");
    flags.remove("complete");
    for n in 0..3 {
        plan["resource_changes"][n]["provider_name"] = "registry.opentofu.org/hashicorp/aws".into();
    }
    plan["configuration"]["provider_config"]["aws"]["full_name"] =
        "registry.opentofu.org/hashicorp/aws".into();
    assert_eq!(judged(&plan, &tofu()).verdict, Verdict::Allowed);
    plan["errored"] = true.into();
    assert_eq!(rules(&judged(&plan, &tofu())), ["plan::errored"].into());
    plan.as_object_mut().unwrap().remove("errored");
    assert_eq!(rules(&judged(&plan, &tofu())), ["plan::flags"].into());
    plan["errored"] = false.into();
    plan["complete"] = false.into();
    assert_eq!(rules(&judged(&plan, &tofu())), ["plan::incomplete"].into());
}

#[test]
fn a_render_may_change_profile_groups_subnet_and_the_tags_that_say_the_version() {
    let mut terms = upgrade();
    if let Mode::Upgrade(contract) = &mut terms.mode {
        contract.roles[0].instance_profile = "dev-etcd-2".to_owned();
        contract.roles[0].security_groups = ["sg-3".to_owned()].into();
        contract.roles[0].subnet = Some(SubnetId::new("subnet-3"));
    }
    let mut plan = plans::upgrade();
    let after = &mut plan["resource_changes"][0]["change"]["after"];
    after["iam_instance_profile"] = json!([{"arn": "", "name": "dev-etcd-2"}]);
    after["network_interfaces"][0]["subnet_id"] = "subnet-3".into();
    after["network_interfaces"][0]["security_groups"] = json!(["sg-3"]);
    after["tags"]["rehull:digest"] = content("2").into();
    after["tags"]["content"] = content("2").into();
    after["tag_specifications"][0]["tags"]["etcd"] = "3.6.14".into();
    assert_eq!(rules(&judged(&plan, &terms)), [].into());
    let after = &mut plan["resource_changes"][0]["change"]["after"];
    after["iam_instance_profile"] =
        json!([{"arn": "arn:aws:iam::1:instance-profile/x/dev-etcd-2", "name": ""}]);
    assert_eq!(rules(&judged(&plan, &terms)), [].into(), "by ARN");
    let after = &mut plan["resource_changes"][0]["change"]["after"];
    after["iam_instance_profile"] = json!([{"arn": "arn:aws:iam::1:role/dev-etcd-2", "name": ""}]);
    assert_eq!(
        rules(&judged(&plan, &terms)),
        ["gate::content"].into(),
        "not the ARN of a profile"
    );
}

#[test]
fn an_output_that_an_apply_left_behind_repeats_the_launch_template_of_its_slot() {
    let approved = judged(&plans::upgrade(), &upgrade()).manifest.unwrap();
    for made in 1..=SLOTS.len() {
        let rest = judged(&plans::rest_of_upgrade(made), &upgrade());
        assert_eq!(rules(&rest), [].into(), "{made} made");
        assert_eq!(rest.verdict, Verdict::Allowed);
        assert_eq!(
            approved.beyond(&rest.manifest.unwrap()),
            [],
            "{made} made: the rest of what was approved"
        );
    }
    let says = |name: &str, value: Value| {
        let mut plan = plans::rest_of_upgrade(SLOTS.len());
        plan["resource_changes"][1]["change"]["before"]["latest_version"] = 9.into();
        plan["resource_changes"][1]["change"]["after"]["latest_version"] = 9.into();
        plan["output_changes"]["launch_templates"]["after"]["etcd-b"]["version"] = 9.into();
        plan["output_changes"]["launch_templates"]["after"]["etcd-a"][name] = value;
        rules(&judged(&plan, &upgrade()))
    };
    assert_eq!(says("version", json!(8)), [].into());
    let refused = BTreeSet::from(["gate::output"]);
    assert_eq!(says("version", json!(9)), refused, "that of another slot");
    assert_eq!(says("version", json!("8")), refused, "a text");
    assert_eq!(
        says("version", json!({"latest_version": 8})),
        refused,
        "of another shape"
    );
    assert_eq!(says("default_version", json!(8)), refused, "another attribute's");
    assert_eq!(says("id", json!("lt-etcd-b")), refused);
    let early = {
        // The template is not made yet, so nobody knows the number.
        let mut plan = plans::upgrade();
        plan["output_changes"]["launch_templates"]["after"]["etcd-a"]["version"] = 8.into();
        plan["output_changes"]["launch_templates"]["after_unknown"]["etcd-a"] = json!({});
        plan
    };
    assert_eq!(rules(&judged(&early, &upgrade())), refused);
}

#[test]
fn what_stays_as_it_is_differs_in_nothing() {
    let refused = BTreeSet::from(["plan::unreadable_change"]);
    let of_both = |plan: &Value, what: &str| {
        assert_eq!(rules(&judged(plan, &upgrade())), refused, "{what}");
        let mut alone = plan.clone();
        // Launch templates are not infrastructure's.
        let changes = alone["resource_changes"].as_array_mut().unwrap();
        changes.retain(|change| change["type"] != "aws_launch_template");
        assert_eq!(rules(&judged(&alone, &infrastructure())), refused, "{what}");
    };
    let mut plan = plans::upgrade();
    plan["resource_changes"][4]["change"]["after"]["size"] = 200.into();
    of_both(&plan, "a value");
    let mut plan = plans::upgrade();
    plan["resource_changes"][4]["change"]["after_unknown"] = json!({"id": true});
    of_both(&plan, "one that is not known");
    let mut plan = plans::upgrade();
    plan["resource_changes"][4]["change"]["after"] = Value::Null;
    of_both(&plan, "no object");
    let mut plan = plans::upgrade();
    plan["output_changes"]["other"] = json!({"actions": ["no-op"], "before": 1, "after": 2});
    of_both(&plan, "an output");

    let mut plan = plans::upgrade();
    let change = &mut plan["resource_changes"][4]["change"];
    change["before"] = json!({"size": 100, "id": "vol-1", "note": null});
    assert_eq!(
        judged(&plan, &upgrade()).verdict,
        Verdict::Allowed,
        "the same in other words"
    );
}

#[test]
fn a_template_is_known_by_its_name_whatever_its_address() {
    let mut plan = plans::upgrade();
    plan["resource_changes"][0]["address"] = "aws_launch_template.by_hand".into();
    plan["resource_changes"][0]["name"] = "by_hand".into();
    assert_eq!(judged(&plan, &upgrade()).verdict, Verdict::Allowed);
    plan["resource_changes"][0]["change"]["after"]["name"] = "dev-etcd-b".into();
    let found = rules(&judged(&plan, &upgrade()));
    assert!(
        found.contains("gate::role") && found.contains("gate::missing"),
        "{found:?}"
    );
}

#[test]
fn stand_ins_are_accepted_only_where_they_are_asked_for() {
    let real = include_str!("../fixtures/recorded/upgrade.json");
    let decision = decide(real.as_bytes(), &upgrade(), &keyed()).unwrap();
    assert_eq!(rules(&decision), ["gate::missing", "gate::value"].into());
    let built = judged(&plans::upgrade(), &upgrade_of_stand_ins());
    assert_eq!(rules(&built), ["gate::launch_template", "gate::missing"].into());
}

#[test]
fn an_upgrade_of_three_templates_and_their_output_is_allowed_and_nothing_else_is_in_it() {
    let decision = judged(&plans::upgrade(), &upgrade());
    assert_eq!(decision.verdict, Verdict::Allowed);
    assert_eq!(
        decision.counts,
        Counts {
            entries: 5,
            changes: 3,
            outputs: 1,
            drifted: 0
        }
    );
    assert_eq!(
        rules(&judged(&plans::upgrade(), &infrastructure())),
        ["gate::launch_template"].into()
    );
}

#[test]
fn a_refusal_says_where_why_and_what_to_do() {
    let plan = plans::upgrade_and(plans::change("aws_ebs_volume", &["delete", "create"], "iops"));
    let decision = judged(&plan, &upgrade());
    assert_eq!(
        decision.findings[0].to_string(),
        "`aws_ebs_volume.x`: replace (destroy, then create) is refused in an upgrade: it holds the data of a member\n  \
         help: put it back into the configuration as it was; to give a member a new disk, name the new volume in the \
         cluster file and keep the old one until the member has joined"
    );
    let plan = plans::upgrade_and(plans::change("aws_security_group", &["update"], "ingress"));
    assert_eq!(
        judged(&plan, &upgrade()).findings[0].remedy,
        "apply it on its own, before or after the upgrade: `rehull apply --infrastructure`"
    );
}

#[test]
fn an_update_of_something_without_attributes_is_not_understood() {
    for side in ["before", "after"] {
        let mut plan = plans::alone("aws_security_group", &["update"], "ingress");
        plan["resource_changes"][0]["change"][side] = "all of it".into();
        assert_eq!(
            rules(&judged(&plan, &infrastructure())),
            ["plan::unreadable_change"].into(),
            "{side}"
        );
    }
}

/// A group launches its machines in subnets of its own: one that a template names would win over them.
#[test]
fn the_template_of_a_group_leaves_the_subnet_to_the_group() {
    let mut terms = upgrade();
    if let Mode::Upgrade(contract) = &mut terms.mode {
        contract.roles[0].subnet = None;
    }
    let verdict = |said: Value| {
        let mut plan = plans::upgrade();
        for side in ["before", "after"] {
            plan["resource_changes"][0]["change"][side]["network_interfaces"][0]["subnet_id"] = said.clone();
        }
        judged(&plan, &terms).verdict
    };
    assert_eq!(verdict(Value::Null), Verdict::Allowed);
    assert_eq!(verdict("".into()), Verdict::Allowed);
    assert_eq!(verdict("subnet-1".into()), Verdict::Refused);
}

#[test]
fn a_provider_may_be_told_where_and_as_whom_it_works() {
    let mut plan = plans::upgrade();
    plan["configuration"]["provider_config"]["aws"]["expressions"] = json!({
        "region": {"references": ["var.region"]},
        "allowed_account_ids": {"references": ["var.account_id"]},
        "default_tags": [{"tags": {"constant_value": {"team": "x"}}}],
        "endpoints": [{"ec2": {"constant_value": "http://127.0.0.1:1"}}],
        "assume_role": [{"role_arn": {"constant_value": "arn:aws:iam::1:role/x"}}],
    });
    for terms in [upgrade(), infrastructure()] {
        let rules = rules(&judged(&plan, &terms));
        assert!(!rules.contains("gate::provider_setting"), "{rules:?}");
    }
}
