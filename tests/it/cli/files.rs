//! Commands that only read files: `check`, `schema`, `render`.

use super::{cluster, rehull, root};

#[test]
fn a_sound_file_is_told_in_one_line() {
    let folder = cluster(|text| text);
    let run = rehull(folder.path(), &["check"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(
        run.out,
        "✓ clusters/dev.yaml: dev · etcd 3.6.14 · 3 members, remove-then-add\n"
    );
}

#[test]
fn every_mistake_of_a_broken_file_is_shown_with_its_place_and_the_exit_code_is_2() {
    let folder = cluster(|text| {
        text.replace("version: 3.6.14", "version: 3.6")
            .replace("strategy:", "stratgy:")
    });
    let run = rehull(folder.path(), &["check", "clusters/dev.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    for shown in [
        "clusters/dev.yaml:17:12",
        "error[config::version]",
        "did you mean `strategy`?",
    ] {
        assert!(run.err.contains(shown), "{shown}: {}", run.err);
    }
}

#[test]
fn a_broken_file_is_one_valid_document_with_output_json() {
    let folder = cluster(|text| text.replace("strategy:", "stratgy:"));
    let run = rehull(folder.path(), &["check", "--output", "json"]);
    assert_eq!(run.code, 2);
    let answer = run.json();
    assert_eq!(answer["format"], 1);
    assert_eq!(answer["files"][0]["sound"], false);
    assert_eq!(answer["files"][0]["problems"][0]["code"], "config::unknown_key");
}

#[test]
fn a_missing_file_says_which_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let run = rehull(folder.path(), &["check", "clusters/prod.yaml"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("cannot read `clusters/prod.yaml`"),
        "{}",
        run.err
    );
    assert!(
        run.err.contains("because: No such file or directory"),
        "{}",
        run.err
    );
}

#[test]
fn without_a_file_and_without_a_clusters_folder_it_says_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let run = rehull(folder.path(), &["check"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("help: name one: `rehull check FILE`"),
        "{}",
        run.err
    );
}

#[test]
fn the_schema_is_a_json_schema_document() {
    let run = rehull(&root(), &["schema"]);
    assert_eq!(run.code, 0);
    assert!(
        run.json()["$schema"]
            .as_str()
            .is_some_and(|uri| uri.contains("2020-12"))
    );
}

#[test]
fn the_same_file_gives_the_same_bytes() {
    let folder = cluster(|text| text);
    for arguments in [
        &["render", "clusters/dev.yaml", "--slot", "etcd-b"][..],
        &["render", "clusters/dev.yaml", "--tfvars"],
        &["render", "clusters/dev.yaml"],
        &["render", "clusters/dev.yaml", "--output", "json"],
    ] {
        let (one, two) = (rehull(folder.path(), arguments), rehull(folder.path(), arguments));
        assert_eq!(one.code, 0, "{}", one.err);
        assert_eq!(one.out, two.out);
        assert_eq!(one.err, "");
    }
    let user_data = rehull(
        folder.path(),
        &["render", "clusters/dev.yaml", "--slot", "etcd-b"],
    )
    .out;
    assert!(user_data.starts_with("#cloud-config\n"), "{user_data}");
}

#[test]
fn an_unknown_slot_names_the_known_ones() {
    let folder = cluster(|text| text);
    let run = rehull(
        folder.path(),
        &["render", "clusters/dev.yaml", "--slot", "etcd-x"],
    );
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("help: slots: etcd-a, etcd-b, etcd-c"),
        "{}",
        run.err
    );
}

#[test]
fn a_template_of_ones_own_that_uses_an_unknown_variable_is_named_with_its_line() {
    let folder = cluster(|text| text.replace("    builtIn: 1", "    file: own.yaml.hbs"));
    std::fs::write(
        folder.path().join("clusters/own.yaml.hbs"),
        "#cloud-config\nhostname: {{slot.nmae}}\n",
    )
    .unwrap();
    let run = rehull(folder.path(), &["check"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("own.yaml.hbs:2"), "{}", run.err);
}

#[test]
fn the_catalogue_is_printed_and_searched() {
    let all = rehull(&root(), &["catalog"]);
    assert_eq!((all.code, all.err.as_str()), (0, ""));
    let line = all.out.lines().find(|line| line.starts_with("1.34 ")).unwrap();
    assert!(
        line.contains("2026-10-27") && line.ends_with("3.5, 3.6 (3.6.5)"),
        "{line}"
    );
    let flags = rehull(
        &root(),
        &["catalog", "--from", "1.33", "--to", "1.34", "kubelet", "flag"],
    );
    insta::assert_snapshot!(flags.out);
    let found = rehull(
        &root(),
        &["catalog", "Ingress", "extensions/v1beta1", "--output", "json"],
    )
    .json();
    assert_eq!(found["entries"][0]["minor"], "1.22");
    assert!(
        found["entries"][0]["source"]
            .as_str()
            .is_some_and(|source| !source.is_empty())
    );
    let nothing = rehull(&root(), &["catalog", "no-such-thing"]);
    assert_eq!(
        (nothing.code, nothing.out.as_str()),
        (0, "nothing is known of `no-such-thing` after 1.14 up to 1.37\n")
    );
}

#[test]
fn a_minor_that_nobody_described_is_refused_with_what_is_known() {
    let newer = rehull(&root(), &["catalog", "--to", "1.99"]);
    assert_eq!(newer.code, 2);
    assert!(
        newer.err.contains("nothing is known about Kubernetes 1.99"),
        "{}",
        newer.err
    );
    assert!(
        newer
            .err
            .contains("pin a release of 1.14 to 1.37, or update rehull"),
        "{}",
        newer.err
    );
    let no_minor = rehull(&root(), &["catalog", "--to", "1.34.2"]);
    assert!(
        no_minor.err.contains("`1.34.2` is not a minor such as 1.34"),
        "{}",
        no_minor.err
    );
}

#[test]
fn only_reports_are_written_as_markdown() {
    let run = rehull(&root(), &["schema", "--output", "markdown"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("only `rehull report` writes markdown"),
        "{}",
        run.err
    );
}

#[test]
fn the_variables_of_templates_are_listed_without_a_file() {
    let run = rehull(&root(), &["render", "--variables"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("etcd.initialCluster"), "{}", run.out);
}

#[test]
fn a_misspelt_member_is_a_slip_in_the_command_line_and_nobody_is_asked_anything() {
    let folder = cluster(|text| text);
    for command in ["replace", "heal"] {
        let run = rehull(folder.path(), &["etcd", command, "etcd-bb", "clusters/dev.yaml"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(
            run.err.contains("`etcd-bb` is no member of this cluster"),
            "{}",
            run.err
        );
        assert!(run.err.contains("did you mean `etcd-b`?"), "{}", run.err);
    }
}

#[test]
fn a_file_and_a_member_that_changed_places_are_put_back_in_order() {
    let folder = cluster(|text| text);
    for command in ["replace", "heal"] {
        let run = rehull(folder.path(), &["etcd", command, "clusters/dev.yaml", "etcd-b"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        let offered = format!("rehull etcd {command} etcd-b clusters/dev.yaml");
        assert!(run.err.contains(&offered), "{}", run.err);
    }
}

#[test]
fn a_template_with_a_key_that_cloud_init_would_ignore_fails_the_check() {
    let folder = cluster(|text| text.replace("builtIn: 1", "file: own.yaml.hbs"));
    let own = "#cloud-config\nwrite_file:\n- path: /a\n  content: b\n";
    std::fs::write(folder.path().join("clusters/own.yaml.hbs"), own).unwrap();
    let run = rehull(folder.path(), &["check"]);
    assert_eq!(run.code, 2, "{}", run.err);
    let found = "no cloud-config, line 2 (`write_file:`)";
    assert!(run.err.contains(found), "{}", run.err);
    assert!(run.err.contains("did you mean `write_files`?"), "{}", run.err);

    // What the help names shows what has to be mended.
    let shown = rehull(
        folder.path(),
        &["render", "clusters/dev.yaml", "--slot", "etcd-a"],
    );
    assert_eq!((shown.code, shown.out.as_str()), (2, own));
    assert!(shown.err.contains(found), "{}", shown.err);
}
