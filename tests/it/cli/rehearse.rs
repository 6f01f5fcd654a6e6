//! `rehearse`: a cluster file in the simulator, offline.

use super::{Run, cluster, rehull, root};

/// The example with a control plane and workers.
const WORKERS: &str = "examples/workers/cluster.yaml";

fn rehearsed(more: &[&str]) -> Run {
    rehull(&root(), &[&["rehearse", WORKERS][..], more].concat())
}

#[test]
fn a_whole_plan_is_rehearsed_part_by_part() {
    let run = rehearsed(&["--seeds", "1", "--no-faults", "--output", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let answer = run.json();
    let names = |list: &str, key: &str| {
        let rows = answer[list].as_array().unwrap().iter();
        let names = rows.map(|row| row[key].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("parts", "part"), ["etcd", "control-plane", "workers"]);
    assert_eq!(
        names("groups", "group"),
        ["dev-control-plane", "dev-general", "dev-memory"]
    );
    assert_eq!(answer["leftOut"], serde_json::json!([]));
    let assumed = answer["assumed"].as_array().unwrap().iter();
    let flags: Vec<_> = assumed.filter_map(|line| line["flag"].as_str()).collect();
    assert_eq!(
        flags,
        [
            "--kubernetes VERSION",
            "--machines dev-control-plane=N",
            "--machines dev-general=N",
            "--machines dev-memory=N",
            "--deregistration-delay SECONDS",
        ]
    );
    let sum: u64 = answer["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["time"]["p50S"].as_u64().unwrap())
        .sum();
    assert!(
        answer["total"]["p50S"].as_u64().unwrap().abs_diff(sum) <= 3,
        "{answer}"
    );
}

#[test]
fn what_is_said_of_groups_is_not_assumed() {
    let run = rehearsed(&[
        "--seeds",
        "1",
        "--no-faults",
        "--kubernetes",
        "1.33.4",
        "--machines",
        "dev-general=5",
        "--machines",
        "dev-memory=1",
        "--deregistration-delay",
        "30",
        "--only",
        "workers",
    ]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for said in [
        "dev   kubelet 1.34.2 on 6 workers of 2 groups\n",
        "workers dev-general, 5 machines",
        "workers dev-memory, 1 machine ",
        "dev-control-plane is not rehearsed: only workers was asked for, so it serves what the file says",
    ] {
        assert!(run.out.contains(said), "{said}: {}", run.out);
    }
    for assumed in ["--machines", "--kubernetes", "--from", "quorum margin"] {
        assert!(!run.out.contains(assumed), "{assumed}: {}", run.out);
    }
}

#[test]
fn a_group_or_a_part_that_the_file_does_not_have_is_refused() {
    let run = rehearsed(&["--machines", "dev-genral=4"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.contains("error[rehearse::group]"), "{}", run.err);
    assert!(
        run.err
            .contains("its groups are dev-control-plane, dev-general, dev-memory"),
        "{}",
        run.err
    );
    for wrong in ["dev-general", "dev-general=0", "dev-general=many", "=3"] {
        assert_eq!(rehearsed(&["--machines", wrong]).code, 2, "{wrong}");
    }
    let folder = cluster(|text| text);
    let run = rehull(
        folder.path(),
        &["rehearse", "clusters/dev.yaml", "--only", "workers"],
    );
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.contains("error[rehearse::part]"), "{}", run.err);
}

#[test]
fn a_hop_of_the_control_plane_that_is_refused_has_its_place_in_the_file() {
    let run = rehearsed(&["--kubernetes", "1.32.9"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    assert!(run.err.contains("error[plan::kubernetes_hop]"), "{}", run.err);
    assert!(run.err.contains("cluster.yaml:60:12"), "{}", run.err);
}

#[test]
fn a_rehearsal_is_one_document_and_the_same_seeds_give_the_same_bytes() {
    let folder = cluster(|text| text);
    let arguments = [
        "rehearse",
        "clusters/dev.yaml",
        "--seeds",
        "3",
        "--no-faults",
        "--output",
        "json",
    ];
    let run = rehull(folder.path(), &arguments);
    assert_eq!(run.code, 0, "{}", run.err);
    let answer = run.json();
    assert_eq!(answer["format"], 1);
    assert_eq!(answer["kind"], "rehearsal");
    assert_eq!(answer["cluster"], "dev");
    assert_eq!(
        (&answer["from"], &answer["fromIsAssumed"]),
        (&"3.5.32".into(), &true.into())
    );
    assert_eq!(answer["seeds"], serde_json::json!([1, 2, 3]));
    let steps = answer["steps"].as_array().unwrap().iter();
    let slots: Vec<_> = steps.filter_map(|step| step["slot"].as_str()).collect();
    assert_eq!(slots, ["etcd-b", "etcd-c", "etcd-a"]);
    assert_eq!(answer["whatIf"], serde_json::Value::Null);
    assert_eq!(answer["margin"]["lowest"], 0);
    assert_eq!(answer["unfinished"], serde_json::json!([]));
    assert_eq!(answer["breaches"], serde_json::json!([]));
    // The file bakes for five minutes.
    assert!(
        answer["total"]["minS"].as_u64() > Some(300),
        "{}",
        answer["total"]
    );
    assert_eq!(rehull(folder.path(), &arguments).out, run.out);
}

#[test]
fn a_rehearsal_says_what_it_assumed_and_what_stood_in() {
    let folder = cluster(|text| text.replace("builtIn: 1", "file: own.yaml.hbs"));
    let own = "#cloud-config\nhostname: {{slot.name}}\n";
    std::fs::write(folder.path().join("clusters/own.yaml.hbs"), own).unwrap();
    let run = rehull(folder.path(), &["rehearse", "clusters/dev.yaml", "--seeds", "1"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for said in [
        "the members run etcd 3.5.32; if they do not: rehull rehearse clusters/dev.yaml --from VERSION",
        "as with the built-in set 2: own.yaml.hbs cannot be carried out by a model",
        "what if, while etcd-",
    ] {
        assert!(run.out.contains(said), "{said}: {}", run.out);
    }
    // A log is told what is done, once for each part.
    assert!(run.err.starts_with("1 run undisturbed\n"), "{}", run.err);
    assert!(run.err.ends_with(" runs with a fault\n"), "{}", run.err);
    let quiet = [
        "rehearse",
        "clusters/dev.yaml",
        "--seeds",
        "1",
        "--no-faults",
        "--quiet",
    ];
    assert_eq!(rehull(folder.path(), &quiet).err, "");
}

#[test]
fn a_rehearsal_of_a_refused_upgrade_is_refused_with_its_place_in_the_file() {
    let folder = cluster(|text| text);
    let run = rehull(
        folder.path(),
        &["rehearse", "clusters/dev.yaml", "--from", "3.4.34"],
    );
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    assert!(run.err.contains("error[plan::etcd_hop]"), "{}", run.err);
    assert!(run.err.contains("clusters/dev.yaml:17:12"), "{}", run.err);
}

#[test]
fn where_nothing_is_known_of_before_it_has_to_be_said() {
    let folder = cluster(|text| {
        let pinned = text.replace("version: 3.6.14", "version: 3.4.34");
        let lines = pinned.lines().filter(|line| !line.contains("etcdutl:"));
        lines.flat_map(|line| [line, "\n"]).collect()
    });
    let run = rehull(folder.path(), &["rehearse", "clusters/dev.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.contains("error[rehearse::from]"), "{}", run.err);
    let again = "rehull rehearse clusters/dev.yaml --from VERSION";
    assert!(run.err.contains(again), "{}", run.err);
    let said = [
        "rehearse",
        "clusters/dev.yaml",
        "--from",
        "3.4.33",
        "--seeds",
        "1",
        "--no-faults",
    ];
    assert_eq!(rehull(folder.path(), &said).code, 0);
}

#[test]
fn a_file_and_a_scenario_are_not_rehearsed_together() {
    for arguments in [
        &["rehearse"][..],
        &["rehearse", "clusters/dev.yaml", "--scenario", "one.yaml"],
        &["rehearse", "clusters/dev.yaml", "--seed", "4"],
        &["rehearse", "clusters/dev.yaml", "--from", "3.5"],
        &["rehearse", "clusters/dev.yaml", "--seeds", "0"],
    ] {
        let run = rehull(&root(), arguments);
        assert_eq!(
            (run.code, run.out.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            run.err
        );
    }
}

#[test]
fn a_scenario_is_replayed_exactly_and_another_seed_is_another_story() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = "about: nothing at all\nmembers: 3\nfrom: 3.5.33\nto: 3.6.14\nstrategy: remove-then-add\ntiming: aws\nseed: 7\n";
    std::fs::write(folder.path().join("one.yaml"), scenario).unwrap();
    let tell = |seed: &[&str]| {
        let arguments = [&["rehearse", "--scenario", "one.yaml"], seed].concat();
        let run = rehull(folder.path(), &arguments);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        run.out
    };
    let own = tell(&[]);
    assert!(own.contains("seed 7"), "{own}");
    assert_eq!(own, tell(&["--seed", "7"]));
    assert_ne!(own, tell(&["--seed", "8"]));
    let run = rehull(
        folder.path(),
        &["rehearse", "--scenario", "one.yaml", "--output", "json"],
    );
    let answer = run.json();
    assert_eq!(
        (&answer["kind"], &answer["ending"]["ends"]),
        (&"story".into(), &"finished".into())
    );
}

#[test]
fn a_mistake_in_a_scenario_is_shown_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.yaml"), "members: 3\nfrom: 3.5\n").unwrap();
    let run = rehull(folder.path(), &["rehearse", "--scenario", "one.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("one.yaml:2:7"), "{}", run.err);
}

/// It says how one run of a scenario is drawn; of a cluster file many are.
#[test]
fn a_seed_belongs_to_a_scenario_and_not_to_a_cluster_file() {
    let folder = cluster(|text| text);
    let run = rehull(folder.path(), &["rehearse", "clusters/dev.yaml", "--seed", "3"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    assert!(run.err.contains("--seed"), "{}", run.err);
}
