//! Root modules in folders, real Terraform, and a stand-in for the AWS provider whose objects lie in a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::legacy::Written;
use crate::terraform::rig::terraform_or_say;

const SCHEMAS: &str = "crates/rehull-core/tests/terraform/schema";

/// One object as Terraform and the cloud know it.
pub(super) struct Known {
    pub(super) module: Option<&'static str>,
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) key: Value,
    pub(super) attributes: Value,
}

/// Where Terraform works.
pub(super) struct Ground {
    dir: PathBuf,
    mirror: PathBuf,
}

impl Ground {
    /// `None`, after saying so, where Terraform or the stand-in cannot be had.
    pub(super) fn new(dir: &Path, known: &[Known]) -> Option<Self> {
        terraform_or_say()?;
        let script = root().join("tools/terraform.sh");
        let built = Command::new(script).arg("provider").output().unwrap();
        let said = String::from_utf8(built.stdout).unwrap();
        let mirror = PathBuf::from(said.trim());
        if !mirror.is_dir() {
            assert!(
                built.status.success(),
                "{}",
                String::from_utf8_lossy(&built.stderr)
            );
            eprintln!("{said}");
            return None;
        }
        let ground = Self {
            dir: dir.to_owned(),
            mirror,
        };
        let mut objects: BTreeMap<&str, BTreeMap<&str, &Value>> = BTreeMap::new();
        for one in known {
            let id = one.attributes["id"].as_str().unwrap();
            objects.entry(one.kind).or_default().insert(id, &one.attributes);
        }
        fs::write(ground.objects_file(), json!(objects).to_string()).unwrap();
        Some(ground)
    }

    fn objects_file(&self) -> PathBuf {
        self.dir.join("objects.json")
    }

    /// What the cloud has, by type and id.
    pub(super) fn objects(&self) -> Value {
        serde_json::from_slice(&fs::read(self.objects_file()).unwrap()).unwrap()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut objects = self.objects();
        change(&mut objects);
        fs::write(self.objects_file(), objects.to_string()).unwrap();
    }

    /// The root module that made the cluster, as it is once everything of the members is deleted from its text.
    pub(super) fn old(&self, known: &[Known], files: &[(&str, String)]) -> Root<'_> {
        let old = self.root("old");
        for (path, text) in files {
            let path = old.dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(old.dir.join("terraform.tfstate"), state(known).to_string()).unwrap();
        old.init();
        old
    }

    /// The one that rehull has written.
    pub(super) fn parts(&self, written: &Path) -> Root<'_> {
        let parts = self.root("parts");
        for file in fs::read_dir(written.join("terraform/etcd-parts")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), parts.dir.join(file.file_name())).unwrap();
        }
        let local = "terraform {\n  backend \"local\" {}\n}\n";
        fs::write(parts.dir.join("backend_override.tf"), local).unwrap();
        parts.init();
        parts
    }

    fn root(&self, name: &str) -> Root<'_> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).unwrap();
        Root { ground: self, dir }
    }
}

/// A root module.
pub(super) struct Root<'g> {
    ground: &'g Ground,
    pub(super) dir: PathBuf,
}

impl Root<'_> {
    fn terraform(&self, arguments: &[&str]) -> Output {
        let schemas = root().join(SCHEMAS);
        let output = Command::new("terraform")
            .args(arguments)
            .current_dir(&self.dir)
            .env_remove("TF_CLI_CONFIG_FILE")
            .env("CHECKPOINT_DISABLE", "1")
            .env("REHULL_AWS_SCHEMA", schemas.join("aws-5.100.json"))
            .env("REHULL_AWS_SCHEMA_LATER", schemas.join("later.json"))
            .env("REHULL_AWS_OBJECTS", self.ground.objects_file())
            .output()
            .unwrap();
        assert!(
            matches!(output.status.code(), Some(0 | 2)),
            "terraform {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    fn init(&self) {
        let mirror = format!("-plugin-dir={}", self.ground.mirror.display());
        self.terraform(&["init", "-input=false", "-no-color", &mirror]);
    }

    /// A state as people hand it to rehull, in both forms.
    pub(super) fn state(&self, written: Written) -> Vec<u8> {
        let command: &[&str] = match written {
            Written::Counted => &["show", "-json"],
            Written::ByKey | Written::Grouped => &["state", "pull"],
        };
        self.terraform(command).stdout
    }

    /// The plan as JSON, in a file beside the module.
    pub(super) fn plan(&self) -> PathBuf {
        self.terraform(&["plan", "-input=false", "-no-color", "-out=handover.plan"]);
        let json = self.terraform(&["show", "-json", "handover.plan"]).stdout;
        let file = self.dir.with_extension("json");
        fs::write(&file, json).unwrap();
        file
    }

    pub(super) fn apply(&self) {
        self.terraform(&["apply", "-input=false", "-no-color", "handover.plan"]);
    }

    /// Changes texts of main.tf, which must be there; returns what it was.
    pub(super) fn edit(&self, changes: &[(&str, &str)]) -> String {
        let path = self.dir.join("main.tf");
        let was = fs::read_to_string(&path).unwrap();
        let mut text = was.clone();
        for (from, to) in changes {
            assert!(text.contains(from), "no `{from}` in:\n{text}");
            text = text.replace(from, to);
        }
        fs::write(path, text).unwrap();
        was
    }

    /// Terraform itself says that a second plan has nothing to do.
    pub(super) fn is_settled(&self) -> bool {
        let plan = ["plan", "-input=false", "-no-color", "-detailed-exitcode"];
        self.terraform(&plan).status.code() == Some(0)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A state as Terraform has it in a file.
fn state(known: &[Known]) -> Value {
    let mut resources: BTreeMap<(Option<&str>, &str, &str), Vec<Value>> = BTreeMap::new();
    for one in known {
        let instance = json!({ "index_key": one.key, "schema_version": 0, "attributes": one.attributes, "sensitive_attributes": [] });
        let resource = resources.entry((one.module, one.kind, one.name)).or_default();
        resource.push(instance);
    }
    let written = resources.into_iter().map(|((module, kind, name), instances)| {
        let provider = "provider[\"registry.terraform.io/hashicorp/aws\"]";
        let mut one = json!({ "mode": "managed", "type": kind, "name": name, "provider": provider, "instances": instances });
        if let Some(module) = module {
            one["module"] = json!(module);
        }
        one
    });
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "0f7d4b52-6a3b-4f3e-8f30-9c1c8f0c2a11",
        "outputs": {}, "resources": written.collect::<Vec<_>>(), "check_results": null,
    })
}
