//! Where calls lead, before `init` and after it.

use tempfile::TempDir;

use super::*;
use crate::adapters::terraform::listed::FILE as LIST;

/// A folder with these files, the root module in `root`.
fn checkout(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let file = dir.path().join("root").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    dir
}

fn call(name: &str, source: &str) -> String {
    format!("module \"{name}\" {{\n  source = \"{source}\"\n}}\n")
}

fn listed(records: &[(&str, &str, &str)]) -> String {
    let record = |(key, source, dir): &(&str, &str, &str)| {
        format!(r#"{{"Key":"{key}","Source":"{source}","Version":"1.0.0","Dir":"{dir}"}}"#)
    };
    let records: Vec<String> = records.iter().map(record).collect();
    format!("{{\"Modules\":[{}]}}", records.join(","))
}

/// Why it is refused before `init`, without its folder.
fn refused(dir: &TempDir) -> String {
    let root = dir.path().join("root");
    let said = before_init(&root).map_or_else(|unfit| unfit.why, |_| String::new());
    said.replace(&format!("{}/", root.display()), "")
}

fn seen(dir: &TempDir) -> Vec<(String, String)> {
    let tree = tree(&dir.path().join("root")).unwrap();
    let mut seen: Vec<_> = tree
        .into_iter()
        .map(|module| (module.key, module.seen.display().to_string()))
        .collect();
    seen.sort();
    seen
}

const HG: &str = "hg::file:///checkout/x.hg";

/// Seen with Terraform 1.11.4: it cleans the text first, and so fetched what nobody had read.
#[test]
fn a_path_is_followed_by_its_text_as_terraform_follows_it() {
    let hg = call("a", HG);
    for (source, file) in [
        ("./nowhere/../two", "two/main.tf"),
        ("./link/../two", "two/main.tf"),
        ("./.\\\\two", "two/main.tf"),
        ("../root/./two//", "two/main.tf"),
    ] {
        let dir = checkout(&[("main.tf", &call("b", source)), (file, &hg)]);
        std::os::unix::fs::symlink("/", dir.path().join("root/link")).unwrap();
        let found = refused(&dir);
        assert!(
            found.starts_with(&format!("`module \"a\"` has the source `{HG}` in two/main.tf")),
            "{source}: {found}"
        );
    }
    // From where a link leads to, and not from where it lies.
    let dir = checkout(&[
        ("main.tf", &call("b", "./link")),
        ("deep/er/main.tf", &call("c", "../two")),
        ("deep/two/main.tf", &hg),
        ("two/main.tf", ""),
    ]);
    std::os::unix::fs::symlink("deep/er", dir.path().join("root/link")).unwrap();
    assert!(refused(&dir).contains("in deep/two/main.tf"));
    let dir = checkout(&[("main.tf", &call("b", "./nowhere"))]);
    assert_eq!(
        refused(&dir),
        "`module \"b\"` in main.tf leads to nowhere, and no folder can be read there"
    );
}

/// Seen with Terraform 1.11.4: `init` fetches them, whatever it is run for.
#[test]
fn what_tests_call_is_looked_through_before_init_as_well() {
    let run = |source: &str| format!("run \"setup\" {{\n  module {{\n    source = \"{source}\"\n  }}\n}}\n");
    let json = r#"{"run": {"a": {"module": {"source": "hg::x"}}}}"#;
    for (name, text) in [
        ("a.tftest.hcl", run(HG)),
        ("tests/a.tftest.hcl", run(HG)),
        ("tests/a.tftest.json", json.to_owned()),
        ("a.tftest.json", json.to_owned()),
    ] {
        let found = refused(&checkout(&[("main.tf", ""), (name, &text)]));
        assert!(found.contains(&format!(" in {name}: ")), "{name}: {found}");
    }
    let setup = checkout(&[
        ("tests/a.tftest.hcl", &run("./tests/setup")),
        ("tests/setup/main.tf", &call("x", HG)),
    ]);
    assert!(refused(&setup).contains(" in tests/setup/main.tf: "));
    for (name, text) in [
        ("other/a.tftest.hcl", run(HG)),
        ("tests/.a.tftest.hcl", run(HG)),
        ("tests/a.tftest.hcl", run("./tests/setup")),
        (
            "tests/a.tftest.hcl",
            "run \"a\" {\n  command = plan\n}\n".to_owned(),
        ),
    ] {
        let dir = checkout(&[("main.tf", ""), (name, &text), ("tests/setup/main.tf", "")]);
        assert_eq!(refused(&dir), "", "{name}: {text}");
    }
    let dir = checkout(&[
        ("main.tf", ""),
        ("tests/a.tftest.hcl", &run("a/b/aws")),
        ("evil/main.tf", &call("x", HG)),
        (LIST, &listed(&[("test.tests.a.setup", "a/b/aws", "evil")])),
    ]);
    assert!(refused(&dir).contains("says that `module \"test.tests.a.setup\"`"));
}

/// Seen with Terraform 1.11.4: whatever the list says is there is not fetched, and what that calls is.
#[test]
fn a_list_that_leads_elsewhere_than_init_is_refused_before_init_follows_it() {
    let registry = "registry.terraform.io/a/b/aws";
    let with = |source: &str, record: (&str, &str, &str)| {
        checkout(&[
            ("main.tf", &call("a", source)),
            ("vpc/main.tf", ""),
            ("evil/main.tf", &call("x", HG)),
            (".terraform/modules/a/main.tf", ""),
            (LIST, &listed(&[("", "", "."), record])),
        ])
    };
    for (source, record) in [
        ("a/b/aws", ("a", registry, "evil")),
        ("a/b/aws", ("a", registry, ".terraform/modules/a/../../../evil")),
        ("a/b/aws", ("a", registry, ".terraform/modules/other")),
        ("./vpc", ("a", "./vpc", "evil")),
        ("./vpc", ("a", "./x/../vpc", "/evil")),
    ] {
        let found = refused(&with(source, record));
        assert!(
            found.contains("says that `module \"a\"` of main.tf lies in ")
                && found.ends_with("writes no such thing"),
            "{source} {record:?}: {found}"
        );
    }
    for (source, record) in [
        ("a/b/aws", ("a", registry, ".terraform/modules/a")),
        (
            "a/b/aws",
            ("a", registry, ".terraform/modules/a/modules/not-there"),
        ),
        ("./vpc", ("a", "./vpc", "vpc")),
        // Of another source: it is written anew.
        ("a/b/aws", ("a", "./vpc", "vpc")),
        ("./vpc", ("a", registry, ".terraform/modules/a")),
        ("./vpc", ("a", "./evil", "evil")),
        ("./vpc", ("gone", "./evil", "evil")),
    ] {
        assert_eq!(refused(&with(source, record)), "", "{source} {record:?}");
    }
    // What was fetched is read as it lies there.
    let dir = with("a/b/aws", ("a", registry, ".terraform/modules/a"));
    fs::write(dir.path().join("root/.terraform/modules/a/x.tf"), call("x", HG)).unwrap();
    assert!(refused(&dir).contains("in .terraform/modules/a/x.tf"));
    // By a link it leads elsewhere as well.
    let dir = with("a/b/aws", ("a", registry, ".terraform/modules/a/modules/b"));
    std::os::unix::fs::symlink(
        "../../../evil",
        dir.path().join("root/.terraform/modules/a/modules"),
    )
    .unwrap();
    fs::create_dir(dir.path().join("root/evil/b")).unwrap();
    assert!(refused(&dir).contains("lies in .terraform/modules/a/modules/b"));
}

#[test]
fn a_list_in_another_spelling_than_that_of_init_is_refused() {
    for text in [
        "{}",
        r#"{"modules":[]}"#,
        r#"{"Modules":[],"modules":[]}"#,
        r#"{"Modules":[],"Modules":[]}"#,
        r#"{"Modules":[{"Key":"a","Source":"./a","Dir":"a","DIR":"b"}]}"#,
        r#"{"Modules":[{"Key":"a","Source":"./a","Dir":"a"},{"Key":"a","Source":"./a","Dir":"b"}]}"#,
        r#"{"Modules":[{"Key":"a","Dir":"a"}]}"#,
        "{\"Modules\":",
    ] {
        let found = refused(&checkout(&[("main.tf", ""), (LIST, text)]));
        assert!(found.ends_with("`init` writes no such thing"), "{text}: {found}");
    }
}

/// The same in a used checkout and in a fresh one.
#[test]
fn left_overs_and_what_tests_call_are_no_part_of_the_tree() {
    let files = [
        ("main.tf", call("a", "../called") + &call("b", "x/y/z//modules/c")),
        ("../called/main.tf", call("d", "./inner")),
        ("../called/inner/main.tf", String::new()),
        (".terraform/modules/b/modules/c/main.tf", String::new()),
        ("tests/setup/main.tf", String::new()),
        ("old/main.tf", String::new()),
    ];
    let records = [
        ("", "", "."),
        ("a", "../called", "../called"),
        ("a.d", "./inner", "../called/inner"),
        (
            "b",
            "registry.terraform.io/x/y/z//modules/c",
            ".terraform/modules/b/modules/c",
        ),
    ];
    let used = [
        ("old", "./old", "old"),
        ("test.tests.main.setup", "./tests/setup", "tests/setup"),
    ];
    let of = |records: &[(&str, &str, &str)]| {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let dir = checkout(&files);
        fs::write(dir.path().join("root").join(LIST), listed(records)).unwrap();
        seen(&dir)
    };
    let fresh = of(&records);
    let wanted = [
        ("", "."),
        ("a", "../called"),
        ("a.d", "../called/inner"),
        ("b", ".terraform/modules/b/modules/c"),
    ];
    assert_eq!(fresh, wanted.map(|(key, seen)| (key.to_owned(), seen.to_owned())));
    assert_eq!(of(&[records.as_slice(), used.as_slice()].concat()), fresh);
    assert_eq!(prefix("a.d"), "module.a.module.d.");
    assert_eq!(prefix(""), "");
}

#[test]
fn a_call_that_init_has_not_listed_makes_no_plan() {
    let dir = checkout(&[("main.tf", &call("a", "a/b/aws"))]);
    let unfit = tree(&dir.path().join("root")).unwrap_err();
    assert!(
        unfit.why.ends_with(&format!(" has no folder in {LIST}")),
        "{}",
        unfit.why
    );
}
