//! What an approval of something unknown covers, and what it does not.

use tempfile::TempDir;

use super::*;
use crate::adapters::terraform::modules;

struct Checkout(TempDir);

impl Checkout {
    fn of(files: &[(&str, &str)]) -> Self {
        let checkout = Self(TempDir::new().unwrap());
        for (name, text) in files {
            checkout.write(name, text);
        }
        checkout
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("deep/root")
    }

    fn write(&self, name: &str, text: &str) {
        let file = clean(&self.root().join(name));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn link(&self, to: &str, name: &str) {
        std::os::unix::fs::symlink(to, self.root().join(name)).unwrap();
    }

    fn sources(&self) -> Sources {
        sources(&modules::tree(&self.root()).unwrap()).unwrap()
    }

    /// Folders whose digest differs once this file says something else.
    fn differs(&self, name: &str) -> Vec<String> {
        let before = self.sources().folders;
        self.write(name, "another");
        let now = self.sources().folders;
        let differs = now.keys().filter(|of| now.get(*of) != before.get(*of));
        differs.cloned().collect()
    }
}

/// A root module that reads this.
fn reading(call: &str) -> Checkout {
    Checkout::of(&[("main.tf", &format!("locals {{\n  a = {call}\n}}\n"))])
}

#[test]
fn what_terraform_reads_of_the_tree_is_in_the_digest_of_its_folder() {
    let list = r#"{"Modules":[{"Key":"","Source":"","Dir":"."},{"Key":"a","Source":"../called","Dir":"../called"},{"Key":"b","Source":"x/y/z","Dir":".terraform/modules/b/modules/c"},{"Key":"old","Source":"../other","Dir":"../other"}]}"#;
    let checkout = Checkout::of(&[
        (
            "main.tf",
            "module \"a\" {\n  source = \"../called\"\n}\nmodule \"b\" {\n  source = \"x/y/z\"\n}\n",
        ),
        ("../called/main.tf", ""),
        ("../other/main.tf", ""),
        (".terraform/modules/modules.json", list),
        (
            ".terraform/modules/b/modules/c/main.tf",
            "locals {\n  a = file(\"${path.module}/../../x\")\n}\n",
        ),
    ]);
    let names: Vec<String> = checkout.sources().folders.into_keys().collect();
    assert_eq!(names, [".", "../called", ".terraform/modules/b"]);
    for (name, text, differs) in [
        ("more.tf", "", "."),
        ("x.tf.json", "{}", "."),
        ("a.tofu", "", "."),
        ("rehull.auto.tfvars.json", "{}", "."),
        ("terraform.tfvars", "", "."),
        ("../called/x.tf", "", "../called"),
        (".terraform/modules/b/x", "", ".terraform/modules/b"),
    ] {
        let before = checkout.sources().folders;
        checkout.write(name, text);
        let now = checkout.sources().folders;
        let changed: Vec<&String> = now.keys().filter(|of| now.get(*of) != before.get(*of)).collect();
        assert_eq!(changed, [differs], "{name}");
    }
    // What a run writes, what nobody reads, and what is left over.
    for name in [
        "apply.log",
        "README.md",
        "terraform.tfstate",
        ".terraform/terraform.tfstate",
        ".git/index",
        "../called/terraform.tfvars",
        "../other/main.tf",
        ".draft.tf",
    ] {
        assert_eq!(checkout.differs(name), [""; 0], "{name}");
    }
}

#[test]
fn a_file_that_is_written_out_is_covered_wherever_it_lies() {
    for (call, name) in [
        ("file(\"${path.module}/x\")", "x"),
        ("file(\"x\")", "x"),
        ("file(\"./a//b/../x\")", "a/x"),
        ("core::file(\"x\")", "x"),
        ("file /* a */ (\"x\")", "x"),
        ("\"${file(\"x\")}\"", "x"),
        ("<<EOT\n${file(\"x\")}\nEOT\n", "x"),
        ("filebase64sha256((\"${path.root}/x\"))", "x"),
        ("fileexists(\"${path.cwd}/x\")", "x"),
        ("templatefile(\"${path.module}/../x\", { id = new.id })", "../x"),
        ("jsondecode(file(\"../../x\"))", "../../x"),
        (
            "[for y in fileset(path.module, \"policies/*.json\") : y]",
            "policies/a.json",
        ),
        (
            "fileset(\"${path.module}/policies\", \"**/*.{json,yaml}\")",
            "policies/a/b.yaml",
        ),
        ("fileset(\"../policies\", \"a.json\")", "../policies/a.json"),
    ] {
        let checkout = reading(call);
        assert_eq!(checkout.differs(name), ["."], "{call}: made");
        checkout.write(name, "it says this");
        assert_eq!(checkout.differs(name), ["."], "{call}");
        assert_eq!(checkout.differs("apply.log"), [""; 0], "{call}");
        let sources = checkout.sources();
        assert_eq!((sources.uncovered, sources.computes_all), (None, None), "{call}");
    }
}

#[test]
fn of_a_path_that_is_computed_all_files_are_covered_that_it_may_mean() {
    for (call, covered, not) in [
        (
            "file(\"${path.module}/policies/${each.key}.json\")",
            "policies/a/b.json",
            "policies/a.log",
        ),
        (
            "file(\"${path.module}/policies/${each.key}.json\")",
            "policies/a.json",
            "a.json",
        ),
        ("file(\"policies/p-${var.x}\")", "policies/p-a", "policies/a"),
        (
            "templatefile(\"${path.module}/../shared/${var.x}/y.tpl\", {})",
            "../shared/a/y.tpl",
            "../shared/a/z.tpl",
        ),
        (
            "file(\"${path.module}/a/${var.x}/b/y.tpl\")",
            "a/c/b/y.tpl",
            "c/y.tpl",
        ),
    ] {
        let checkout = reading(call);
        assert_eq!(checkout.differs(covered), ["."], "{call}");
        assert_eq!(checkout.differs(not), [""; 0], "{call}");
        let sources = checkout.sources();
        let place = sources.computes.unwrap_or_default();
        assert!(place.starts_with('`') && place.ends_with("main.tf:2"), "{place}");
        assert_eq!((sources.computes_all, sources.uncovered), (None, None), "{call}");
    }
    for call in [
        "file(var.x)",
        "file(\"${var.x}/y\")",
        "file(abspath(\"${path.module}/x\"))",
        "templatefile(coalesce(var.x, \"${path.module}/x\"), {})",
        "file([\"x\"]...)",
        "templatestring(data.a.b.c, {})",
    ] {
        let checkout = reading(call);
        assert_eq!(checkout.differs("some/where.tpl"), ["."], "{call}");
        for none in [".terraform/x", "apply.log"] {
            assert_eq!(checkout.differs(none), [""; 0], "{call}");
        }
        let sources = checkout.sources();
        assert!(
            sources.computes_all.is_some() && sources.uncovered.is_none(),
            "{call}"
        );
    }
    for text in [
        r#"{"locals": {"a": "${f\u0069le(\"x\")}"}}"#,
        r#"{"resource": {"a": {"b": {"source": "${file(\"x\")}"}}}}"#,
        r#"[{"locals": [{"a": {"${file(\"x\")}": 1}}]}]"#,
    ] {
        let json = Checkout::of(&[("main.tf.json", text)]);
        assert_eq!(json.differs("x"), ["."], "{text}");
        assert_eq!(json.sources().uncovered, None, "{text}");
    }
}

/// A text that only looks like a call is one too many, and never one too few.
#[test]
fn what_may_be_a_call_to_terraform_is_one() {
    let hidden = "locals {\n  a = <<EOT\nEOT\n  b = file(\"x\")\n  c = <<EOT\nEOT\n}\n";
    let checkout = Checkout::of(&[("main.tf", hidden)]);
    assert_eq!(checkout.differs("x"), ["."]);
    for none in [
        "profile(\"x\")",
        "\"a file (x\" # file(var.x)",
        "var.file",
        "filename(\"x\")",
    ] {
        let sources = reading(none).sources();
        let is_text = none.starts_with('"');
        assert_eq!(sources.computes_all.is_some(), is_text, "{none}");
    }
    assert!(reading("1 // file(x)").sources().computes_all.is_none());
}

#[test]
fn a_template_that_reads_files_itself_may_read_any() {
    let checkout = reading("templatefile(\"x.tpl\", {})");
    checkout.write("x.tpl", "profile(1) file(2) ${id} ");
    assert_eq!(checkout.sources().computes_all, None);
    checkout.write("x.tpl", "${ file(\"../y\") }");
    assert_eq!(
        checkout.sources().computes_all.as_deref(),
        Some("the template x.tpl")
    );
    assert_eq!(checkout.differs("some/where"), ["."]);
    let plain = reading("file(\"x.tpl\")");
    plain.write("x.tpl", "${ file(\"../y\") }");
    assert_eq!(plain.sources().computes_all, None, "a text");
}

#[test]
fn where_a_path_is_computed_no_text_may_lead_it_elsewhere() {
    let uncovered = |call: &str, beside: &str| {
        let checkout = reading(call);
        checkout.write("beside.tf", beside);
        let found = checkout.sources().uncovered?;
        Some(found.replace(&format!("{}/", checkout.root().display()), ""))
    };
    let part = "file(\"${path.module}/a/${var.x}\")";
    assert_eq!(
        uncovered(part, "locals {\n  b = {\n    c = \"../x\"\n  }\n}\n").as_deref(),
        Some(
            "`file` in main.tf:2 computes which file it reads, and a text in beside.tf:3 may lead it elsewhere"
        )
    );
    for leads in [
        "locals {\n  b = \"${var.x}/..\"\n}\n",
        "module \"a\" {\n  source = \"./a\"\n  x = \"a/../b\"\n}\n",
        "locals {\n  b = file(\"${path.module}/${var.x}/../y\")\n}\n",
        "locals {\n  b = \"a/apply.log\"\n}\n",
    ] {
        let checkout = reading(part);
        checkout.write("a/main.tf", "");
        let list = r#"{"Modules":[{"Key":"a","Source":"./a","Dir":"a"}]}"#;
        checkout.write(".terraform/modules/modules.json", list);
        checkout.write("beside.tf", leads);
        assert!(checkout.sources().uncovered.is_some(), "{leads}");
    }
    for fine in [
        "terraform {\n  backend \"local\" {\n    path = \"../x\"\n  }\n}\n",
        "data \"terraform_remote_state\" \"a\" {\n  backend = \"local\"\n  config  = { path = \"../x\" }\n}\n",
        "locals {\n  b = file(\"${path.module}/../x\")\n}\n",
        "locals {\n  b = \"see .. and ...\"\n  c = \"/etc/passwd\"\n}\n",
    ] {
        assert_eq!(uncovered(part, fine), None, "{fine}");
    }
    let in_json = |text: &str| {
        let checkout = reading(part);
        checkout.write("beside.tf.json", text);
        checkout.write("a/main.tf", "");
        let list = r#"{"Modules":[{"Key":"a","Source":"./b/../a","Dir":"a"}]}"#;
        checkout.write(".terraform/modules/modules.json", list);
        checkout.sources().uncovered.is_some()
    };
    for text in [
        r#"{"locals": {"source": "../x"}}"#,
        r#"{"locals": {"b": {"../x": 1}}}"#,
        r#"{"module": {"a": {"source": "./a", "x": ["../y"]}}}"#,
    ] {
        assert!(in_json(text), "{text}");
    }
    for text in [
        r#"{"terraform": {"backend": {"local": {"path": "../x"}}}}"#,
        r#"{"data": {"terraform_remote_state": {"a": {"backend": "local", "config": {"path": "../x"}}}}}"#,
        r#"{"module": {"a": {"source": "./b/../a"}}}"#,
    ] {
        assert!(!in_json(text), "{text}");
    }
    let whole = "locals {\n  b = \"/etc/passwd\"\n}\n";
    assert!(uncovered("file(var.x)", whole).is_some());
    assert!(uncovered("file(var.x)", "locals {\n  b = \"~/x\"\n}\n").is_some());
    assert_eq!(
        uncovered("file(var.x)", "locals {\n  b = \"/aws/logs\"\n}\n"),
        None
    );
    assert!(uncovered("file(\"~/x\")", "").is_some());
    assert_eq!(uncovered("file(\"x\")", whole), None, "nothing is computed");
    assert!(uncovered("file(\"/etc/${var.x}\")", "").is_some());
    assert!(uncovered("file(\"${path.module}/..${var.x}\")", "").is_some());
}

#[test]
fn a_link_to_a_file_is_that_file_and_one_to_another_folder_is_not_followed() {
    let checkout = reading("file(\"${path.module}/a/${var.x}\")");
    checkout.write("a/one", "");
    checkout.write("../shared/versions.tf", "");
    checkout.link("../shared/versions.tf", "versions.tf");
    checkout.link("user@host.123:456", "a/.#one");
    checkout.link(".", "a/again");
    let before = checkout.sources().folders;
    checkout.write("../shared/versions.tf", "locals {\n  b = 1\n}\n");
    assert_ne!(checkout.sources().folders, before);
    assert_eq!(checkout.sources().uncovered, None);
    checkout.link("../../shared", "a/b");
    assert_eq!(
        checkout.sources().uncovered.as_deref(),
        Some("a link to another folder stands at a/b")
    );
}

#[test]
fn what_is_no_file_of_a_disk_is_not_read() {
    let device = reading("file(\"/dev/zero\")");
    let found = device.sources().uncovered.unwrap_or_default();
    assert!(
        found.ends_with("/dev/zero is read, and is no file of a disk"),
        "{found}"
    );
    let folder = reading("fileexists(path.module)");
    assert_eq!(folder.sources().uncovered, None);
}

#[test]
fn variables_and_states_among_the_sources_are_told() {
    for (call, name, is_told) in [
        ("1", "terraform.tfvars", true),
        ("1", "x.auto.tfvars.json", true),
        ("1", "x.tfvars", false),
        ("1", "terraform.tfstate", false),
        ("file(\"x.tfvars\")", "x.tfvars", true),
        ("file(var.x)", "terraform.tfstate.backup", true),
        ("file(\"x.json\")", "x.json", false),
    ] {
        let checkout = reading(call);
        checkout.write(name, "");
        let told = checkout.sources().secret;
        assert_eq!(told.as_deref(), is_told.then_some(name), "{call}");
    }
}

/// The same in every checkout.
#[test]
fn where_the_checkout_lies_is_no_part_of_it() {
    let of = || {
        let checkout = reading("file(\"${path.module}/../x\")");
        checkout.write("../x", "a");
        checkout.sources()
    };
    assert_eq!(of(), of());
}

/// Nothing of ours is refused for what it reads.
#[test]
fn all_of_our_own_modules_are_covered() {
    let environments = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform/environments");
    let mut covered = 0_usize;
    for environment in fs::read_dir(environments).unwrap() {
        for state in fs::read_dir(environment.unwrap().path()).unwrap() {
            let root = state.unwrap().path();
            let own = |seen: &str, folder: PathBuf| Module {
                key: String::new(),
                whole: fs::canonicalize(&folder).unwrap(),
                folder,
                seen: seen.into(),
            };
            let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform/modules");
            let inner = fs::read_dir(modules)
                .unwrap()
                .map(|entry| own("../m", entry.unwrap().path()));
            let inner = inner.filter(|module| module.folder.is_dir());
            let tree: Vec<Module> = std::iter::once(own(".", root)).chain(inner).collect();
            let found = sources(&tree).unwrap();
            assert_eq!(
                (found.uncovered, found.computes, found.computes_all),
                (None, None, None)
            );
            covered += 1;
        }
    }
    assert!(covered >= 9, "{covered}");
}
