//! What a plan does not say: whose it is, which objects it means, and whether anything is left to do.

use serde_json::{Value, json};

use super::proofs::{forget, handover, import, instead, new, old, plan, proven, rules, with};
use crate::adopt::{Handover, HandoverError, Proof, Root, Stage, prove};
use crate::tfplan::{GENERAL, Tool};

const VOLUMES: [&str; 2] = [
    "aws_ebs_volume.slot[\"etcd-0\"]",
    "aws_ebs_volume.slot[\"etcd-1\"]",
];
const ELB: &str = "aws_elb.api";

/// It stays as it is, as a plan says it.
fn rests(mut one: Value) -> Value {
    let change = &mut one["change"];
    change["actions"] = json!(["no-op"]);
    change["importing"] = Value::Null;
    if change["after"].is_null() {
        change["after"] = change["before"].clone();
    } else {
        change["before"] = change["after"].clone();
    }
    change["after_sensitive"] = change["before_sensitive"].clone();
    one
}

fn resting(changes: Vec<Value>) -> Value {
    let mut plan = plan(&changes.into_iter().map(rests).collect::<Vec<_>>());
    plan["applyable"] = json!(false);
    plan
}

fn only(proof: &Proof) -> Vec<&str> {
    rules(proof).into_iter().collect()
}

#[test]
fn a_plan_of_the_old_module_before_the_written_file_is_there_is_refused_and_says_so() {
    let proof = proven(&resting(with(old(), forget(ELB))), Root::Old);
    assert_eq!(only(&proof), ["handover::missing"]);
    assert_eq!(proof.findings.len(), 12);
    let help = &proof.findings[0].remedy;
    assert!(
        help.contains("removed.tf is not in this folder") && help.contains("another folder"),
        "{help}"
    );
}

#[test]
fn a_plan_that_only_refreshes_is_read_for_what_exists() {
    let resources: Vec<Value> = old()
        .iter()
        .map(|one| json!({ "address": one["address"], "values": {} }))
        .collect();
    let mut plan = resting(Vec::new());
    plan["prior_state"]["values"] =
        json!({ "root_module": { "child_modules": [{ "address": "module.etcd", "resources": resources }] } });
    assert_eq!(only(&proven(&plan, Root::Old)), ["handover::missing"]);
}

#[test]
fn an_empty_plan_is_settled_only_where_the_old_module_is_known_by_what_stays() {
    let settled = proven(&resting(vec![forget(ELB)]), Root::Old);
    assert_eq!((settled.stage, only(&settled)), (Stage::Settled, vec![]));
    let elsewhere = proven(&resting(vec![forget("aws_vpc.other")]), Root::Old);
    assert_eq!(only(&elsewhere), ["handover::elsewhere"]);
    // With nothing beside the members there is nothing to know it by.
    let alone = Handover {
        stays: std::collections::BTreeSet::new(),
        ..handover()
    };
    let text = resting(Vec::new()).to_string();
    let unclear = prove(text.as_bytes(), &alone, Root::Old, Tool::Terraform).unwrap();
    assert_eq!((unclear.stage, only(&unclear)), (Stage::Unclear, vec![]));
}

#[test]
fn the_new_module_is_settled_only_with_every_object_there_by_its_id_and_tags() {
    let settled = proven(&resting(new()), Root::New);
    assert_eq!(
        (settled.stage, settled.objects, only(&settled)),
        (Stage::Settled, 0, vec![])
    );
    assert_eq!(
        only(&proven(&resting(Vec::new()), Root::New)),
        ["handover::missing"]
    );
    assert_eq!(
        only(&proven(&resting(new().split_off(1)), Root::New)),
        ["handover::missing"]
    );
    let mut other = resting(new());
    other["resource_changes"][0]["change"]["before"]["id"] = json!("vol-0bad");
    assert_eq!(only(&proven(&other, Root::New)), ["handover::another"]);
    let mut bare = resting(new());
    for side in ["before", "after"] {
        bare["resource_changes"][0]["change"][side]["tags"] = json!({});
    }
    assert_eq!(only(&proven(&bare, Root::New)), ["handover::tags"]);
}

#[test]
fn an_import_that_went_half_way_is_taken_up_again() {
    let mut changes = new();
    changes[0] = rests(changes[0].clone());
    changes[1]["change"]["importing"] = Value::Null;
    let proof = proven(&plan(&changes), Root::New);
    assert_eq!((proof.objects, only(&proof)), (4, vec![]));
}

#[test]
fn the_plan_of_one_module_is_no_proof_for_the_other() {
    assert!(rules(&proven(&plan(&old()), Root::New)).contains("handover::mixed"));
    assert!(rules(&proven(&plan(&new()), Root::Old)).contains("handover::mixed"));
    assert_eq!(
        only(&proven(&resting(vec![forget(ELB)]), Root::New)),
        ["handover::missing"]
    );
}

#[test]
fn objects_of_another_cluster_and_ids_that_are_swapped_or_unknown_are_refused() {
    let ids = |change: &mut Value, id: &str| {
        for at in ["/importing/id", "/before/id", "/after/id"] {
            if let Some(value) = change["change"].pointer_mut(at) {
                *value = json!(id);
            }
        }
    };
    let swapped = || {
        let mut changes = new();
        for (address, id) in VOLUMES
            .into_iter()
            .zip(["vol-0e000000000000001", "vol-0e000000000000000"])
        {
            let one = changes.iter_mut().find(|one| one["address"] == address).unwrap();
            ids(one, id);
        }
        changes
    };
    let others = |mut changes: Vec<Value>| {
        for one in &mut changes {
            ids(one, "x-0bad");
        }
        changes
    };
    let unknown = |part: &'static str| instead(&|one| one["change"][part] = json!({ "unknown": true }));
    for (root, changes) in [
        (Root::New, swapped()),
        (Root::New, others(new())),
        (Root::Old, others(old())),
        (Root::New, unknown("importing")),
        (Root::New, instead(&|one| ids(one, ""))),
        (
            Root::New,
            instead(&|one| one["change"]["importing"] = json!({ "identity": { "id": "x" } })),
        ),
    ] {
        let rules = rules(&proven(&plan(&changes), root));
        let by_identity = changes
            .iter()
            .any(|one| !one["change"]["importing"]["identity"].is_null());
        // What Terraform has read is the object, however the block names it.
        assert_eq!(rules.is_empty(), by_identity, "{rules:?}");
        assert!(by_identity || rules.contains("handover::another"), "{rules:?}");
    }
}

#[test]
fn of_tags_only_the_expected_ones_of_rehull_may_be_added() {
    type Edit = fn(&mut Value);
    let edits: [Edit; 7] = [
        |change| change["after"]["tags"]["Name"] = json!("m"),
        |change| change["after"]["tags_all"] = json!({ "rehull:cluster": "prod", "rehull:slot": "etcd-1" }),
        |change| change["after"]["tags"]["rehull:slot"] = json!("etcd-9"),
        |change| change["after"]["tags_all"]["Team"] = json!("default-tag"),
        |change| change["before"]["tags"]["rehull:cluster"] = json!("another"),
        |change| change["after_unknown"] = json!({ "tags_all": { "rehull:slot": true } }),
        |change| {
            change["after"] = change["before"].clone();
            change["actions"] = json!(["no-op"]);
        },
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let changes = instead(&|one| edit(&mut one["change"]));
        let proof = proven(&plan(&changes), Root::New);
        assert_eq!(only(&proof), ["handover::tags"], "{number}");
    }
    let there = instead(&|one| one["change"]["before"]["tags"]["rehull:slot"] = json!("etcd-1"));
    assert_eq!(only(&proven(&plan(&there), Root::New)), [""; 0]);
}

#[test]
fn outputs_that_change_are_counted() {
    let output = json!({ "actions": ["delete"], "before": "a", "after": null, "after_unknown": false, "before_sensitive": false, "after_sensitive": false });
    for changes in [plan(&old()), resting(vec![forget(ELB)])] {
        let mut plan = changes;
        plan["output_changes"] = json!({ "x": output });
        plan["applyable"] = json!(true);
        let proof = proven(&plan, Root::Old);
        assert_eq!((proof.outputs, only(&proof)), (1, vec![]));
    }
}

#[test]
fn what_the_old_module_runs_in_each_of_its_plans_is_no_matter_of_the_hand_over() {
    let of = |provider: &str, address: &str| {
        let mut one = rests(forget(address));
        one["provider_name"] = json!(format!("registry.terraform.io/{provider}"));
        one
    };
    let mut changes = old();
    for (provider, address) in [
        ("hashicorp/random", "random_password.x"),
        ("hashicorp/tls", "tls_private_key.x"),
        ("hashicorp/null", "null_resource.x"),
        ("hashicorp/local", "local_file.x"),
    ] {
        changes.push(of(provider, address));
    }
    let mut plan = plan(&changes);
    let configuration = &mut plan["configuration"];
    configuration["provider_config"]["http"] =
        json!({ "name": "http", "full_name": "registry.terraform.io/hashicorp/http" });
    configuration["provider_config"]["aws"]["expressions"] =
        json!({ "profile": { "constant_value": "prod" } });
    configuration["root_module"]["resources"] = json!([
        { "address": "data.http.me", "mode": "data", "type": "http", "name": "me" },
        { "address": "aws_instance.bastion", "mode": "managed", "type": "aws_instance", "name": "bastion", "provisioners": [{ "type": "remote-exec" }] },
    ]);
    assert_eq!(only(&proven(&plan, Root::Old)), [""; 0]);
    // What is handed over is another matter.
    plan["resource_changes"][0]["provider_name"] = json!("registry.terraform.io/somebody/aws");
    assert_eq!(only(&proven(&plan, Root::Old)), ["gate::provider"]);
    for rule in [
        "gate::provider",
        "gate::provider_setting",
        "gate::code",
        "gate::data_source",
    ] {
        assert!(GENERAL.iter().any(|row| row.id == rule), "{rule}");
    }
}

#[test]
fn a_plan_of_opentofu_is_proven_as_one() {
    let mut plan = plan(&old());
    for flag in ["applyable", "complete"] {
        plan.as_object_mut().unwrap().remove(flag);
    }
    for one in plan["resource_changes"].as_array_mut().unwrap() {
        one["provider_name"] = json!("registry.opentofu.org/hashicorp/aws");
    }
    let asked = |tool| prove(plan.to_string().as_bytes(), &handover(), Root::Old, tool).unwrap();
    assert_eq!(only(&asked(Tool::OpenTofu)), [""; 0]);
    let taken_for_terraform = asked(Tool::Terraform);
    assert_eq!(only(&taken_for_terraform), ["plan::flags"]);
    assert!(taken_for_terraform.findings[0].remedy.contains("--tool opentofu"));
}

#[test]
fn a_hand_over_of_an_older_format_or_changed_by_hand_is_refused_with_what_to_do() {
    let older = br#"{ "format": 1, "cluster": "prod", "forgets": ["a.b"], "imports": [] }"#;
    let error = Handover::read(older).unwrap_err();
    assert_eq!(error, HandoverError::Format { found: 1 });
    assert!(error.help().contains("rehull adopt MAPPING"));
    let mut changed = json!(handover());
    changed["imports"] = json!([]);
    for text in [changed.to_string(), "x".to_owned(), "{}".to_owned()] {
        let error = Handover::read(text.as_bytes()).unwrap_err();
        assert!(matches!(error, HandoverError::Shape { .. }) && !error.help().is_empty());
    }
    // One that is imported has all that a plan is compared with.
    let part = &handover().imports[VOLUMES[0]];
    assert_eq!(import(VOLUMES[0])["change"]["importing"]["id"], json!(part.id));
    assert_eq!(part.tags["rehull:slot"], "etcd-0");
}
