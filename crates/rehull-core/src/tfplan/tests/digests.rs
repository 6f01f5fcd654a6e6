//! What an approval covers, and what it does not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::plans;
use super::*;

fn keyed_digest(plan: &Value) -> ContentDigest {
    digest(plan, &upgrade(), &keyed())
}

/// Everything sensitive, as `sensitive(base64encode(…))` writes it.
fn hidden(mut plan: Value) -> Value {
    for n in 0..SLOTS.len() {
        for mask in ["before_sensitive", "after_sensitive"] {
            plan["resource_changes"][n]["change"][mask]["user_data"] = true.into();
        }
    }
    plan
}

/// What a person reads of a plan, in any tool that compares texts: values, or that there is one.
fn as_text(decision: &Decision) -> String {
    let attribute = |one: &ShownAttribute| format!("{}: {} -> {}", one.name, one.before, one.after);
    let lines = decision.changes.iter().map(|change| {
        let attributes: Vec<String> = change.attributes.iter().map(attribute).collect();
        format!("{} {} {}", change.action, change.address, attributes.join(", "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_hole_of_comparing_texts_another_secret_boot_script_under_the_same_words() {
    // Outside of an upgrade, where no render says what the script has to be: a new template with sensitive user data.
    let with = |script: &str| {
        let mut plan = plans::alone("aws_launch_template", &["create"], "user_data");
        plan["resource_changes"][0]["change"]["after"] = json!({"name": "bastion", "user_data": script});
        plan["resource_changes"][0]["change"]["after_sensitive"] = json!({"user_data": true});
        plan
    };
    let (approved, swapped) = (with("I2Nsb3VkLWNvbmZpZwo="), with("Y3VybCBldmlsIHwgc2gK"));
    let decided = |plan: &Value| judged(plan, &infrastructure());
    assert_eq!(
        as_text(&decided(&approved)),
        as_text(&decided(&swapped)),
        "a person sees the same"
    );
    let manifest = |plan: &Value| decided(plan).manifest.unwrap();
    assert_ne!(manifest(&approved).digest(), manifest(&swapped).digest());
    let differences = manifest(&approved).differences(&manifest(&swapped));
    let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["`aws_launch_template.x`: user_data is not as approved"]);
}

#[test]
fn the_key_is_needed_only_where_something_is_sensitive_and_its_id_is_covered() {
    let open = plans::upgrade();
    assert_eq!(
        decide(open.to_string().as_bytes(), &upgrade(), &setting(None))
            .unwrap()
            .verdict,
        Verdict::Allowed
    );
    let plan = hidden(open);
    let refused = decide(plan.to_string().as_bytes(), &upgrade(), &setting(None)).unwrap();
    assert_eq!(rules(&refused), ["digest::no_key"].into());
    let mut renamed = keyed();
    renamed.key = Some(DigestKey::new("kms:other", &[7; 32]).unwrap());
    assert_ne!(digest(&plan, &upgrade(), &renamed), keyed_digest(&plan));
    let mut other = keyed();
    other.key = Some(DigestKey::new("env:REHULL_DIGEST_KEY", &[8; 32]).unwrap());
    assert_ne!(digest(&plan, &upgrade(), &other), keyed_digest(&plan));
}

/// The same plan, `hours` later in a cluster that scales all day, written by a Terraform in another mood.
fn hours_later(mut plan: Value, hours: u64, shuffle: usize) -> Value {
    let desired = 3 + (hours * 7) % 20;
    for side in ["before", "after"] {
        plan["resource_changes"][3]["change"][side]["desired_capacity"] = desired.into();
    }
    plan["timestamp"] = format!("2026-11-30T{:02}:00:00Z", hours % 24).into();
    plan["resource_drift"] = json!([plans::change(
        "aws_autoscaling_group",
        &["update"],
        "desired_capacity"
    )]);
    plan["prior_state"]["serial"] = hours.into();
    plan["planned_values"]["root_module"] = json!({"desired": desired});
    plan["relevant_attributes"] = json!([{"resource": "aws_autoscaling_group.worker", "attribute": ["id"]}]);
    let changes = plan["resource_changes"].as_array_mut().unwrap();
    let length = changes.len();
    changes.rotate_left(shuffle % length);
    plan
}

#[test]
fn a_day_of_autoscaling_keeps_the_digest_in_both_modes() {
    let approved = keyed_digest(&plans::upgrade());
    // The group itself is changed by hand of a person: its tags. Its size moves beneath.
    let mut tags = plans::plan(&[], &json!({}));
    let mut group = plans::change("aws_autoscaling_group", &["update"], "tag");
    for side in ["before", "after"] {
        group["change"][side]["desired_capacity"] = 3.into();
        group["change"][side]["suspended_processes"] = json!([]);
    }
    tags["resource_changes"] = json!([{}, {}, {}, group]);
    let alone = |mut plan: Value| {
        let group = plan["resource_changes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one.get("type").is_some())
            .cloned();
        plan["resource_changes"] = json!([group.unwrap()]);
        digest(&plan, &infrastructure(), &keyed())
    };
    let approved_tags = alone(tags.clone());
    for hours in 1..=24 {
        assert_eq!(
            keyed_digest(&hours_later(plans::upgrade(), hours, 3)),
            approved,
            "{hours} h"
        );
        assert_eq!(
            alone(hours_later(tags.clone(), hours, 0)),
            approved_tags,
            "{hours} h"
        );
    }
    let mut resized = tags;
    resized["resource_changes"][3]["change"]["after"]["desired_capacity"] = 4.into();
    resized["resource_changes"] = json!([resized["resource_changes"][3]]);
    let decision = judged(&resized, &infrastructure());
    assert_eq!(
        rules(&decision),
        ["gate::group"].into(),
        "a change of it is another thing than its moving"
    );
}

proptest! {
    #[test]
    fn order_and_spelling_of_a_plan_are_not_approved(rotate in 0usize..5, hours in 0u64..1000, spaced: bool) {
        let plan = hours_later(hidden(plans::upgrade()), hours, rotate);
        let text = if spaced { serde_json::to_string_pretty(&plan).unwrap() } else { plan.to_string() };
        let decision = decide(text.as_bytes(), &upgrade(), &keyed()).unwrap();
        prop_assert_eq!(decision.manifest.unwrap().digest(), keyed_digest(&hidden(plans::upgrade())));
    }
}

/// One thing that is covered: how it changes, and what the comparison says of it.
type Covered = (
    &'static str,
    fn(&mut Value, &mut Terms, &mut Setting),
    &'static str,
);

fn role_of(terms: &mut Terms) -> &mut RoleContent {
    match &mut terms.mode {
        Mode::Upgrade(contract) => &mut contract.roles[0],
        Mode::Infrastructure => panic!("an upgrade"),
    }
}

/// In the first template, before and after.
fn stays(plan: &mut Value, block: &str, name: &str, value: &Value) {
    for side in ["before", "after"] {
        plan["resource_changes"][0]["change"][side][block][0][name] = value.clone();
    }
}

const COVERED: &[Covered] = &[
    (
        "program",
        |_, terms, _| terms.tool = Tool::OpenTofu,
        "program is not as approved",
    ),
    (
        "version",
        |plan, _, _| plan["terraform_version"] = "1.12.0".into(),
        "program version is not as approved",
    ),
    (
        "lock file",
        |_, _, setting| setting.lock_file = ContentDigest::new(content("9")),
        "lock file is not as approved",
    ),
    (
        "envelope",
        |_, _, setting| setting.of = Belongs::Rollout(ContentDigest::new(content("5"))),
        "envelope is not as approved",
    ),
    (
        "provider",
        |_, _, setting| *setting.providers.values_mut().next().unwrap() = "6.5.0".to_owned(),
        "provider registry.terraform.io/hashicorp/aws is not as approved",
    ),
    (
        "another provider",
        |_, _, setting| {
            setting
                .providers
                .extend([("registry.terraform.io/x/y".to_owned(), "1.0.0".to_owned())]);
        },
        "provider registry.terraform.io/x/y was not approved",
    ),
    (
        "allowed providers",
        |_, terms, _| terms.providers.extend(["registry.terraform.io/x/y".to_owned()]),
        "allowed providers is not as approved",
    ),
    (
        "version of a role",
        |_, terms, _| role_of(terms).version = "3.6.15".to_owned(),
        "etcd-a: version is not as approved",
    ),
    (
        "subnet of a role",
        |plan, terms, _| {
            stays(plan, "network_interfaces", "subnet_id", &json!("subnet-9"));
            role_of(terms).subnet = Some(SubnetId::new("subnet-9"));
        },
        "etcd-a: subnet is not as approved",
    ),
    (
        "profile of a role",
        |plan, terms, _| {
            stays(plan, "iam_instance_profile", "name", &json!("other"));
            role_of(terms).instance_profile = "other".to_owned();
        },
        "etcd-a: instance profile is not as approved",
    ),
    (
        "groups of a role",
        |plan, terms, _| {
            stays(
                plan,
                "network_interfaces",
                "security_groups",
                &json!(["sg-1", "sg-2", "sg-9"]),
            );
            role_of(terms).security_groups.extend(["sg-9".to_owned()]);
        },
        "etcd-a: security groups is not as approved",
    ),
    (
        "a value that stays",
        |plan, _, _| {
            for side in ["before", "after"] {
                plan["resource_changes"][0]["change"][side]["key_name"] = "mine".into();
            }
        },
        "`module.etcd.aws_launch_template.this[\"etcd-a\"]`: key_name is not as approved",
    ),
    (
        "the value before",
        |plan, _, _| plan["resource_changes"][1]["change"]["before"]["latest_version"] = 8.into(),
        "`module.etcd.aws_launch_template.this[\"etcd-b\"]`: latest_version is not as approved",
    ),
    (
        "what is sensitive",
        |plan, _, _| plan["resource_changes"][1]["change"]["after_sensitive"]["user_data"] = true.into(),
        "`module.etcd.aws_launch_template.this[\"etcd-b\"]`: user_data is not as approved",
    ),
    (
        "what is not known yet",
        |plan, _, _| plan["resource_changes"][1]["change"]["after_unknown"]["default_version"] = true.into(),
        "`module.etcd.aws_launch_template.this[\"etcd-b\"]`: default_version is not as approved",
    ),
    (
        "the address",
        |plan, _, _| {
            plan["resource_changes"][0]["address"] = "module.etcd.aws_launch_template.this[\"a\"]".into();
        },
        "`module.etcd.aws_launch_template.this[\"a\"]`: the change was not approved",
    ),
    (
        "the provider of a change",
        |plan, _, _| {
            plan["resource_changes"][0]["provider_name"] = "registry.opentofu.org/hashicorp/aws".into();
        },
        "`module.etcd.aws_launch_template.this[\"etcd-a\"]`: what is done (update of aws_launch_template by registry.terraform.io/hashicorp/aws → update of aws_launch_template by registry.opentofu.org/hashicorp/aws) is not as approved",
    ),
    (
        "an output",
        |plan, _, _| plan["output_changes"]["launch_templates"]["before"]["etcd-a"]["version"] = 6.into(),
        "`output.launch_templates`: value.etcd-a.version is not as approved",
    ),
    (
        "the number of changes",
        |plan, _, _| {
            let before = plan["resource_changes"][2]["change"]["after"].clone();
            plan["resource_changes"][2]["change"] =
                json!({"actions": ["no-op"], "before": before, "after": before, "after_sensitive": {}});
        },
        "`module.etcd.aws_launch_template.this[\"etcd-c\"]`: the change was approved and is gone",
    ),
];

#[test]
fn each_covered_thing_changes_the_digest_and_is_named() {
    let (plan, terms, setting) = (plans::upgrade(), upgrade(), keyed());
    let approved = decide(plan.to_string().as_bytes(), &terms, &setting)
        .unwrap()
        .manifest
        .unwrap();
    assert_eq!(approved.differences(&approved), []);
    for (what, change, told) in COVERED {
        let (mut plan, mut terms, mut setting) = (plans::upgrade(), upgrade(), keyed());
        change(&mut plan, &mut terms, &mut setting);
        let decision = decide(plan.to_string().as_bytes(), &terms, &setting).unwrap();
        let now = decision
            .manifest
            .unwrap_or_else(|| panic!("{what}: {:#?}", decision.findings));
        assert_ne!(now.digest(), approved.digest(), "{what}");
        let differences: Vec<String> = approved
            .differences(&now)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            differences.iter().any(|one| one == told),
            "{what}: {differences:#?}"
        );
    }
}

#[test]
fn rendered_content_is_covered_even_where_no_template_changes() {
    let done = |version: &str| {
        let mut plan = plans::plan(&[], &json!({}));
        plan["applyable"] = false.into();
        let mut contract = contract(Templates::Aws);
        contract.roles.truncate(1);
        contract.roles[0].user_data = sha256(user_data("etcd-a", version).as_bytes());
        let mut template = plans::template("etcd-a");
        let mut value = template["change"]["after"].clone();
        value["user_data"] = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            user_data("etcd-a", version),
        )
        .into();
        template["change"] =
            json!({"actions": ["no-op"], "before": value, "after": value, "after_sensitive": {}});
        plan["resource_changes"] = json!([template]);
        let decision = decide(
            plan.to_string().as_bytes(),
            &Terms::new(Mode::Upgrade(contract), Tool::Terraform),
            &keyed(),
        )
        .unwrap();
        assert_eq!(decision.verdict, Verdict::Nothing, "{:?}", decision.findings);
        decision.manifest.unwrap().digest()
    };
    assert_ne!(done("3.6.14"), done("3.6.15"));
}

#[test]
fn two_attributes_never_share_a_path() {
    let with = |tags: Value| {
        let mut plan = plans::alone("aws_security_group", &["create"], "tags");
        plan["resource_changes"][0]["change"]["after"] = json!({"tags": tags});
        judged(&plan, &infrastructure()).manifest.unwrap()
    };
    let manifest = with(json!({"a.b": "1", "a": {"b": "2"}, "a[0]": "3"}));
    let paths: Vec<&str> = manifest.changes["aws_security_group.x"]
        .values
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(paths, ["tags.a.b", "tags[\"a.b\"]", "tags[\"a[0]\"]"]);
    assert_ne!(
        manifest.digest(),
        with(json!({"a.b": "2", "a": {"b": "1"}, "a[0]": "3"})).digest()
    );
}

/// Terraform says `true` for a whole attribute that is not known yet, and the attribute itself is missing.
#[test]
fn a_list_that_is_not_known_yet_is_another_approval_than_one_that_is_emptied() {
    let approval = |after: Value, unknown: Value| {
        let mut plan = plans::alone("aws_security_group", &["update"], "ingress");
        let change = &mut plan["resource_changes"][0]["change"];
        change["before"]["ingress"] = json!([{"from_port": 1}, {"from_port": 2}]);
        change["after"]["ingress"] = after;
        change["after_unknown"] = unknown;
        let decision = decide(plan.to_string().as_bytes(), &infrastructure(), &keyed()).unwrap();
        decision.manifest.expect("a plan that may be approved").digest()
    };
    let unknown = approval(Value::Null, json!({"ingress": true}));
    assert_ne!(unknown, approval(Value::Null, json!({})));
    assert_ne!(unknown, approval(json!([]), json!({})));
    let emptied = approval(json!([]), json!({}));
    assert_ne!(emptied, approval(json!([{"from_port": 1}]), json!({})));
}
