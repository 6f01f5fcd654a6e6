//! What is written for the example cluster.

use serde_json::{Value, json};

use super::*;
use crate::config::{Mistake, Spans};
use crate::domain::observed::Identity;

#[test]
fn the_written_cluster_file_has_every_slot_as_it_is_and_no_mistake() {
    let adoption = adopted(MAPPING, &state());
    let text = &adoption.files["clusters/prod.yaml"];
    assert_eq!(
        crate::config::parse("clusters/prod.yaml", text),
        Ok(adoption.desired.clone())
    );
    insta::assert_snapshot!(text);
    assert_eq!(adoption.layout.id, "adopt::external");
    let notes: Vec<&str> = adoption.notes.iter().map(|note| note.id).collect();
    assert_eq!(notes, ["adopt::classic_elb"]);
}

#[test]
fn the_new_root_has_the_arguments_that_exist_and_the_old_one_forgets_whole_resources() {
    let adoption = adopted(MAPPING, &state());
    insta::assert_snapshot!(adoption.files["terraform/etcd-parts/main.tf"]);
    let removed = &adoption.files["terraform/old/removed.tf"];
    let from: Vec<&str> = removed
        .lines()
        .filter_map(|line| line.trim().strip_prefix("from = "))
        .collect();
    assert_eq!(
        from,
        [
            "module.etcd.aws_ebs_volume.etcd",
            "module.etcd.aws_instance.etcd",
            "module.etcd.aws_network_interface.etcd",
            "module.etcd.aws_volume_attachment.etcd",
        ]
    );
    assert_eq!(removed.matches("destroy = false").count(), from.len());
}

/// What it imports is made by the module `etcd` elsewhere, and both are planned by one pipeline.
#[test]
fn the_new_root_takes_the_releases_of_the_provider_that_the_modules_take() {
    let of_modules = include_str!("../../../../../terraform/environments/dev/base/versions.tf");
    let written = &adopted(MAPPING, &state()).files["terraform/etcd-parts/versions.tf"];
    assert_eq!(written, of_modules);
}

#[test]
fn the_page_has_the_steps_in_order_and_every_id() {
    let adoption = adopted(MAPPING, &state());
    insta::assert_snapshot!(adoption.files["HANDOVER.md"]);
    let identity: Identity = serde_json::from_str(&adoption.files["identity.json"]).unwrap();
    assert_eq!(identity.etcd_cluster.to_string(), "cdf818194e3a8c32");
    assert_eq!(
        (identity.cluster.as_str(), identity.account.as_str()),
        ("prod", "111122223333")
    );
}

#[test]
fn the_page_says_where_a_second_plan_proves_nothing() {
    let mut alone = state();
    for address in ["aws_elb.api", "random_password.token"] {
        without(&mut alone, address);
    }
    let says =
        |state: &Value| adopted(MAPPING, state).files["HANDOVER.md"].contains("cannot tell (exit code 3)");
    assert!(says(&alone) && !says(&state()));
}

#[test]
fn no_secret_of_a_state_is_written() {
    let files = adopted(MAPPING, &state()).files;
    assert!(STATE.contains("canary-of-user-data") && STATE.contains("canary-of-a-password"));
    for (path, text) in files {
        assert!(!text.contains("canary"), "{path}");
    }
}

#[test]
fn texts_of_a_state_stay_texts_in_what_is_written() {
    let mut state = state();
    let hostile = "a\"b\n${file(\"/etc/passwd\")} %{ if true }x";
    for part in ["aws_network_interface", "aws_ebs_volume"] {
        let at = values(&mut state, &format!("module.etcd.{part}.etcd[0]"));
        at["tags_all"]["Note"] = json!(hostile);
        at["tags_all"]["k8s.io/x y"] = json!("z");
    }
    values(&mut state, "module.etcd.aws_network_interface.etcd[0]")["description"] = json!(hostile);
    let main = &adopted(MAPPING, &state).files["terraform/etcd-parts/main.tf"];
    let body = hcl_edit::parser::parse_body(main).unwrap();
    assert!(
        main.contains(r#""a\"b\n$${file(\"/etc/passwd\")} %%{ if true }x""#),
        "{main}"
    );
    assert_eq!(body.get_blocks("locals").count(), 2);
    assert_eq!(body.get_blocks("import").count(), 2);
    assert!(main.contains("\"k8s.io/x y\""), "{main}");
}

#[test]
fn arguments_that_a_type_of_volume_does_not_have_are_left_out() {
    let mut state = state();
    for (index, kind) in [(0, "gp2"), (1, "io2"), (2, "gp3")] {
        let at = values(&mut state, &format!("module.etcd.aws_ebs_volume.etcd[{index}]"));
        at["type"] = json!(kind);
        at["encrypted"] = json!(index != 0);
    }
    let main = &adopted(MAPPING, &state).files["terraform/etcd-parts/main.tf"];
    let count = |text: &str| main.matches(text).count();
    assert_eq!(
        (count("= 3000"), count("= 125"), count(":key/0e0e")),
        (2, 1, 2),
        "{main}"
    );
}

#[test]
fn without_a_state_the_mapping_names_every_id_and_the_hand_over_is_tags_and_the_record() {
    let mut text = MAPPING.to_owned();
    for (index, zone) in ["a", "c", "d"].iter().enumerate() {
        let from = format!("\"module.etcd.aws_instance.etcd[{index}]\"");
        let id = format!("0e00000000000000{index}");
        let to = format!(
            "i-{id}, zone: ap-northeast-1{zone}, subnet: subnet-{id}, interface: eni-{id}, volume: vol-{id}, address: 10.0.{index}.10"
        );
        text = text.replace(&from, &to);
    }
    text = text.replace(
        "  cluster: prod\n",
        "  cluster: prod\n  aws: { account: \"111122223333\", region: ap-northeast-1 }\n",
    );
    text = text.replace(
        "    template:",
        "    instanceType: m6i.large\n    securityGroups: [sg-0e000000000000001]\n    template:",
    );
    let adoption = adopt(&mapping(&text), None).unwrap_or_else(|why| panic!("{why:#?}"));
    assert_eq!(adoption.layout.id, "adopt::told");
    let paths: Vec<&str> = adoption.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "HANDOVER.md",
            "clusters/prod.yaml",
            "handover.json",
            "identity.json"
        ]
    );
    let page = &adoption.files["HANDOVER.md"];
    for id in [
        "i-0e000000000000001",
        "eni-0e000000000000001",
        "vol-0e000000000000001",
    ] {
        assert!(page.contains(&format!("--resources {id} --tags")), "{page}");
    }
}

/// What is wrong with a mapping, and where.
fn mistakes(text: &str) -> Vec<Mistake> {
    adoption::read("mapping.yaml", text).unwrap_err()
}

#[test]
fn every_mistake_of_a_mapping_is_told_at_its_place() {
    let text = "format: 2\netcdCluster: xyz\nmembers:\n  - { name: Etcd A, machin: i-1 }\nclusterFile:\n  format: 7\n  etcd:\n    slots: []\n";
    let told = mistakes(text);
    let found: Vec<(&str, &str)> = told.iter().map(|one| (one.code, one.at.as_str())).collect();
    for wanted in [
        ("adopt::format", "/format"),
        ("adopt::etcd_cluster", "/etcdCluster"),
        ("config::slot_name", "/members/0/name"),
        ("config::unknown_key", "/members/0/machin"),
        ("config::missing_key", "/members/0"),
        ("config::missing_key", "/clusterFile"),
        ("adopt::format", "/clusterFile/format"),
        ("adopt::slots", "/clusterFile/etcd/slots"),
    ] {
        assert!(found.contains(&wanted), "{wanted:?} is not in {found:#?}");
    }
    assert_eq!(mistakes("")[0].code, "config::empty");
    assert_eq!(
        mistakes("members: []\nmembers: []\n")
            .iter()
            .filter(|one| one.code == "config::duplicate_key")
            .count(),
        1
    );
}

/// Mistakes of the cluster file that would be written: code, and what stands in the mapping where they point.
fn mistaken(text: &str, state: &Value) -> Vec<(&'static str, String)> {
    let Err(Unadopted::Mistaken(refusals)) = adopt(&mapping(text), Some(&read(state))) else {
        panic!("no mistake in\n{text}");
    };
    let spans = Spans::of(text);
    let place = |refusal: crate::plan::Refusal| {
        let pointer = refusal.pointer.unwrap();
        let span = spans.value(&pointer).unwrap_or_else(|| panic!("no {pointer}"));
        (refusal.code, format!("{pointer} {}", &text[span.start..span.end]))
    };
    refusals.into_iter().map(place).collect()
}

#[test]
fn mistakes_of_the_cluster_file_point_to_the_line_of_the_mapping_that_they_come_from() {
    let image = MAPPING.replace("    image: ami-8acc23d5688586c15\n", "    image: latest\n");
    assert_eq!(
        mistaken(&image, &state()),
        [("config::id", "/clusterFile/etcd/image latest".to_owned())]
    );
    let lacks = MAPPING.replace("    image: ami-8acc23d5688586c15\n", "");
    let found = mistaken(&lacks, &state());
    assert!(found[0].1.starts_with("/clusterFile/etcd "), "{found:?}");
    // The state says this one, so it is told at its member.
    let mut state = state();
    values(&mut state, "module.etcd.aws_instance.etcd[1]")["availability_zone"] = json!("mars");
    let found = mistaken(MAPPING, &state);
    assert!(
        found.iter().all(|(_, at)| at.starts_with("/members/1 ")),
        "{found:?}"
    );
}

#[test]
fn machines_that_are_not_alike_are_told_as_that() {
    for (argument, value, key) in [
        (
            "vpc_security_group_ids",
            json!(["sg-0e00000000000000f"]),
            "securityGroups",
        ),
        ("instance_type", json!("m6i.xlarge"), "instanceType"),
    ] {
        let mut state = state();
        values(&mut state, "module.etcd.aws_instance.etcd[2]")[argument] = value;
        let refusals = refused(MAPPING, &state);
        assert_eq!(refusals[0].code, "adopt::unlike");
        let message = &refusals[0].message;
        assert!(
            message.contains(key) && message.contains("etcd-0 and etcd-2"),
            "{message}"
        );
    }
}

#[test]
fn the_id_of_the_etcd_cluster_is_never_taken_for_another_number() {
    let with = |id: &str| MAPPING.replace("cdf818194e3a8c32", id);
    for (id, read) in [
        ("cdf818194e3a8c32", 0xcdf8_1819_4e3a_8c32),
        ("0x1234567890123456", 0x1234_5678_9012_3456),
        ("0xf", 0xf),
        ("f0", 0xf0),
    ] {
        assert_eq!(mapping(&with(id)).etcd_cluster.0, read, "{id}");
    }
    for id in [
        "1234567890123456",
        "12",
        "14841639654266218690",
        "0",
        "0x",
        "+f",
        "cdf818194e3a8c321",
        "xyz",
    ] {
        let found = mistakes(&with(id));
        assert_eq!(found[0].code, "adopt::etcd_cluster", "{id}");
        assert!(
            found[0].help.as_ref().is_some_and(|help| help.contains("--hex")),
            "{found:?}"
        );
    }
}

#[test]
fn texts_that_would_be_read_as_something_else_are_quoted() {
    let flags =
        "    flags: { a: \"8589934592\", b: \"true\", c: \"x: y\", d: \"\", e: plain }\n    template:";
    let text = MAPPING.replace("    template:", flags);
    let mapping = mapping(&text);
    let state = read(&state());
    let members = crate::adopt::members::find(&mapping, Some(&state)).unwrap();
    let text = crate::adopt::cluster_file::text(&mapping.cluster_file, &members).unwrap();
    for line in [
        "a: \"8589934592\"",
        "b: \"true\"",
        "c: \"x: y\"",
        "d: \"\"",
        "e: plain",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let _: Value = json!(text);
}
