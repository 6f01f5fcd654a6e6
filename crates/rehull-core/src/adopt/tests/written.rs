//! What is written for the example cluster.

use serde_json::{Value, json};

use super::*;
use crate::config::Mistake;
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
    let text = "format: 2\netcdCluster: xyz\nmembers:\n  - { name: Etcd A, machin: i-1 }\nclusterFile:\n  etcd:\n    slots: []\n";
    let told = mistakes(text);
    let found: Vec<(&str, &str)> = told.iter().map(|one| (one.code, one.at.as_str())).collect();
    for wanted in [
        ("adopt::format", "/format"),
        ("adopt::etcd_cluster", "/etcdCluster"),
        ("config::slot_name", "/members/0/name"),
        ("config::unknown_key", "/members/0/machin"),
        ("config::missing_key", "/members/0"),
        ("config::missing_key", "/clusterFile"),
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

#[test]
fn a_cluster_file_with_mistakes_is_shown_as_it_would_be_written() {
    let text = MAPPING.replace("    image: ami-8acc23d5688586c15\n", "    image: latest\n");
    match adopt(&mapping(&text), Some(&read(&state()))) {
        Err(Unadopted::Mistaken { mistakes, text }) => {
            let at: Vec<&str> = mistakes.iter().map(|one| one.at.as_str()).collect();
            assert_eq!(at, ["/etcd/image"]);
            assert!(text.contains("image: latest\n"), "{text}");
        }
        other => panic!("{other:#?}"),
    }
}

#[test]
fn texts_that_would_be_read_as_something_else_are_quoted() {
    let flags =
        "    flags: { a: \"8589934592\", b: \"true\", c: \"x: y\", d: \"\", e: plain }\n    template:";
    let text = MAPPING.replace("    template:", flags);
    let mapping = mapping(&text);
    let state = read(&state());
    let text = match adopt(&mapping, Some(&state)) {
        Ok(adoption) => adoption.files["clusters/prod.yaml"].clone(),
        Err(Unadopted::Mistaken { text, .. }) => text,
        Err(Unadopted::Refused(refusals)) => panic!("{refusals:#?}"),
    };
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
