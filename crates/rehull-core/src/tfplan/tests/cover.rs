//! What an approval covers beside the changes: by whom, what was read for a value that is not known yet, and what cannot be.

use serde_json::{Value, json};

use super::computed::{POLICY, policy};
use super::names::configured;
use super::*;

fn told(approved: &Manifest, now: &Manifest) -> Vec<String> {
    let differences = approved.differences(now);
    assert_eq!(differences.is_empty(), approved.digest() == now.digest());
    differences.iter().map(ToString::to_string).collect()
}

fn manifest(plan: &Value) -> Manifest {
    let decision = judged(plan, &infrastructure());
    decision
        .manifest
        .unwrap_or_else(|| panic!("{:#?}", decision.findings))
}

/// Seen with Terraform 1.11.4: of `provider = aws.dev` and `aws.prod`, also where a module is given one, a plan tells this key.
#[test]
fn the_same_change_by_another_configuration_of_its_provider_is_another_approval() {
    let by = |key: &str| {
        let mut change = plans::alone("aws_security_group", &["create"], "tags");
        change["configuration"]["root_module"]["resources"] = json!([{
            "address": "aws_security_group.x", "mode": "managed", "type": "aws_security_group", "name": "x",
            "provider_config_key": key, "expressions": {},
        }]);
        manifest(&change)
    };
    assert_eq!(told(&by("aws.dev"), &by("aws.dev")), [""; 0]);
    let differences = told(&by("aws.dev"), &by("aws.prod"));
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(
        differences[0].contains("by the provider configuration aws.dev → ")
            && differences[0].contains("by the provider configuration aws.prod) is not as approved"),
        "{differences:?}"
    );
    assert!(!told(&by("aws.dev"), &by("module.a:aws")).is_empty());
}

#[test]
fn by_whom_is_told_of_instances_in_modules_and_of_what_a_replacement_left_behind() {
    let mut change = plans::alone("aws_security_group", &["create"], "tags");
    let address = "module.a[\"x.y\"].aws_security_group.x[0]";
    change["resource_changes"][0]["address"] = address.into();
    change["configuration"]["root_module"]["module_calls"] = json!({"a": {"module": {"resources": [
        {"address": "aws_security_group.x", "provider_config_key": "aws.dev"},
    ]}}});
    let shape = &manifest(&change).changes[address].shape;
    assert!(
        shape.ends_with(", by the provider configuration aws.dev"),
        "{shape}"
    );
    // Nobody tells by whom, where the changes stand behind it.
    let changes = change.as_object_mut().unwrap().shift_remove("resource_changes");
    change["resource_changes"] = changes.unwrap();
    assert_eq!(
        rules(&judged(&change, &infrastructure())),
        ["plan::unreadable_change"].into()
    );
}

/// A plan with a value that is set and not known yet (or none), and what these data sources say.
fn reads(untold: bool, said: &[Value]) -> Value {
    let unknown = if untold {
        json!({"policy": true})
    } else {
        json!({"id": true})
    };
    let mut plan = plans::plan(&[policy(&unknown)], &json!({}));
    plan["configuration"]["root_module"]["resources"] =
        json!([configured(POLICY, "policy", &["local.policy"])]);
    plan["prior_state"]["values"] = json!({"root_module": {
        "resources": [at("managed", "aws_s3_bucket.old", &json!({"acl": "x"}))],
        "child_modules": [{"address": "module.a", "resources": said}],
    }});
    plan
}

fn at(mode: &str, address: &str, values: &Value) -> Value {
    let kind = address.rsplit('.').nth(1).unwrap();
    json!({"address": address, "mode": mode, "type": kind, "values": values, "sensitive_values": {}})
}

/// Seen with Terraform 1.11.4: beside the id of a new thing no change of the plan has it, and `prior_state` alone does.
#[test]
fn what_data_sources_and_other_states_say_beside_something_unknown_is_covered() {
    let state = |action: &str| {
        let values = json!({"outputs": {"action": action}});
        at("data", "module.a.data.terraform_remote_state.base", &values)
    };
    let of = |untold: bool, action: &str| manifest(&reads(untold, &[state(action)]));
    let differences = told(&of(true, "s3:GetObject"), &of(true, "*"));
    assert_eq!(
        differences,
        ["what `module.a.data.terraform_remote_state.base` says is not as approved"]
    );
    assert_eq!(told(&of(true, "*"), &of(true, "*")), [""; 0]);
    assert_eq!(
        told(&of(false, "s3:GetObject"), &of(false, "*")),
        [""; 0],
        "in the plan, where it is used"
    );
    let gone = told(&of(true, "*"), &manifest(&reads(true, &[])));
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(!format!("{:?}", of(true, "hunter2-canary")).contains("canary"));
}

#[test]
fn who_asks_and_what_rehull_moves_all_day_are_no_part_of_it() {
    let caller = |arn: &str, account: &str| {
        let values = json!({"account_id": account, "arn": arn, "user_id": arn});
        manifest(&reads(
            true,
            &[at("data", "data.aws_caller_identity.current", &values)],
        ))
    };
    assert_eq!(told(&caller("plans", "1"), &caller("applies", "1")), [""; 0]);
    assert_eq!(told(&caller("plans", "1"), &caller("plans", "2")).len(), 1);
    let group = |desired: u32, zone: &str| {
        let values = json!({"desired_capacity": desired, "availability_zones": [zone]});
        manifest(&reads(
            true,
            &[at("data", "data.aws_autoscaling_group.a", &values)],
        ))
    };
    assert_eq!(told(&group(3, "a"), &group(4, "a")), [""; 0]);
    assert_eq!(told(&group(3, "a"), &group(3, "b")).len(), 1);
}

#[test]
fn what_is_sensitive_of_it_wants_a_key() {
    let mut secret = at(
        "data",
        "data.aws_secretsmanager_secret_version.a",
        &json!({"secret_string": "x"}),
    );
    secret["sensitive_values"] = json!({"secret_string": true});
    let judge = |untold: bool, key: Option<&[u8]>| {
        let plan = reads(untold, std::slice::from_ref(&secret));
        rules(&decide(plan.to_string().as_bytes(), &infrastructure(), &setting(key)).unwrap())
    };
    assert_eq!(judge(true, None), ["digest::no_key"].into());
    assert_eq!(judge(true, Some(&[7; 32])), [].into());
    assert_eq!(judge(false, None), [].into());
}

#[test]
fn a_prior_state_of_another_shape_is_refused_outside_of_an_upgrade() {
    for values in [
        json!([]),
        json!({"root_module": {"resources": {}}}),
        json!({"root_module": {"resources": [{"mode": "data"}]}}),
        json!({"root_module": {"child_modules": [1]}}),
        json!({"root_module": {"resources": [at("data", "data.a.b", &json!({})), at("data", "data.a.b", &json!({}))]}}),
    ] {
        let mut plan = reads(false, &[]);
        plan["prior_state"]["values"] = values;
        assert_eq!(
            rules(&judged(&plan, &infrastructure())),
            ["plan::unreadable_change"].into(),
            "{plan}"
        );
    }
    let mut plan = plans::upgrade();
    plan["prior_state"]["values"] = json!([]);
    assert_eq!(
        rules(&judged(&plan, &upgrade())),
        [].into(),
        "nothing of it is covered"
    );
}

fn with(sources: Sources, key: Option<&[u8]>, variable: &str, untold: bool) -> Decision {
    let mut plan = reads(untold, &[]);
    plan["variables"]["x"] = json!({"value": {"a": [variable]}});
    let mut setting = setting(key);
    setting.sources = sources;
    decide(plan.to_string().as_bytes(), &infrastructure(), &setting).unwrap()
}

#[test]
fn files_of_variables_and_states_want_a_key_where_the_sources_are_covered() {
    let sources = || Sources {
        secret: Some("terraform.tfvars".to_owned()),
        ..Sources::default()
    };
    let refused = with(sources(), None, "", true);
    assert_eq!(rules(&refused), ["digest::no_key"].into());
    assert!(
        refused.findings[0]
            .reason
            .starts_with("`terraform.tfvars` is a part of the sources")
    );
    assert_eq!(rules(&with(sources(), Some(&[7; 32]), "", true)), [].into());
    assert_eq!(rules(&with(sources(), None, "", false)), [].into());
}

#[test]
fn a_file_that_lies_in_none_of_the_folders_is_not_read_for_what_is_not_known_yet() {
    let refused = |sources: &Sources, variable: &str| {
        let key: Option<&[u8]> = Some(&[7; 32]);
        let known = with(sources.clone(), key, variable, false);
        assert_eq!(rules(&known), [].into(), "what is known is in the plan");
        !rules(&with(sources.clone(), key, variable, true)).is_empty()
    };
    let plain = Sources::default();
    let computes = Sources {
        computes: Some("`file` in main.tf:3".to_owned()),
        ..Sources::default()
    };
    let computes_all = Sources {
        computes_all: computes.computes.clone(),
        ..Sources::default()
    };
    let uncovered = Sources {
        uncovered: Some("a device stands in x".to_owned()),
        ..Sources::default()
    };
    for (variable, by_a_part, by_all) in [
        ("a.json", false, false),
        ("a/b..c", false, false),
        ("../a", true, true),
        ("a/..", true, true),
        ("a\\..\\b", true, true),
        ("apply.log", true, true),
        ("/etc/motd", false, true),
        ("~/x", false, true),
        ("/service-role/", false, false),
    ] {
        assert!(!refused(&plain, variable), "{variable}");
        assert_eq!(refused(&computes, variable), by_a_part, "{variable}");
        assert_eq!(refused(&computes_all, variable), by_all, "{variable}");
        assert!(refused(&uncovered, variable), "{variable}");
    }
    let said = with(computes, Some(&[7; 32]), "../a", true).findings.remove(0);
    assert_eq!(
        (said.rule, said.reason.as_str()),
        (
            "digest::sources",
            "`file` in main.tf:3 computes which file it reads, and the variable `x` may lead it elsewhere"
        )
    );
}
