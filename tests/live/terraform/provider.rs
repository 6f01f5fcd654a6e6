//! `environments/dev` with the real AWS provider against the sandbox's APIs: made, upgraded by a version, looked at again,
//! taken down. `make test-terraform` runs it where the provider can be installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::config::Credentials;
use rehull::sandbox::InProcess;
use rehull::sandbox::layout::{IMAGE, Layout, REGION};
use rehull_core::world::Timing;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Folder of a mirror with the plugin, as `terraform init -plugin-dir` takes it. Unset: where Terraform itself looks.
const MIRROR: &str = "REHULL_AWS_PROVIDER";
/// The services that the provider asks, by its own names for them.
const SERVICES: [&str; 7] = ["autoscaling", "ec2", "elbv2", "iam", "kms", "s3", "sts"];
/// `terraform plan -detailed-exitcode`.
const EMPTY: i32 = 0;
const CHANGES: i32 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the AWS provider's plugin: `make test-terraform`"]
async fn an_environment_is_made_upgraded_and_taken_down_by_the_real_provider() {
    let dev = Environment::start().await;
    dev.make("base", &[]).await;

    let first = dev.render("1").await;
    dev.make("templates", &[&first]).await;
    dev.make("groups", &[]).await;
    for state in ["base", "templates", "groups"] {
        let vars: &[&Path] = if state == "templates" { &[&first] } else { &[] };
        assert_eq!(dev.plan(state, vars).await, EMPTY, "{state} is as it was made");
    }

    // One pin more: new versions of the launch templates, and nothing else anywhere.
    let second = dev.render("2").await;
    assert_eq!(dev.plan("templates", &[&second]).await, CHANGES);
    assert_eq!(
        dev.planned("templates").await,
        ["update aws_launch_template"],
        "an upgrade changes launch templates only"
    );
    dev.apply("templates").await;
    for (state, vars) in [
        ("templates", vec![second.as_path()]),
        ("groups", vec![]),
        ("base", vec![]),
    ] {
        assert_eq!(dev.plan(state, &vars).await, EMPTY, "{state} after the upgrade");
    }

    dev.unmake("groups", &[]).await;
    dev.unmake("templates", &[&second]).await;
    // Only who takes the protection off can take the balancer down.
    dev.allow(
        "enable_deletion_protection = true",
        "enable_deletion_protection = false",
    );
    assert_eq!(dev.plan("base", &[]).await, CHANGES);
    dev.apply("base").await;
    dev.unmake("base", &[]).await;
    dev.is_gone().await;
    eprintln!(
        "terraform: {} applied, upgraded and destroyed environments/dev",
        dev.provider().await
    );
}

/// Why rehull refuses such a block before anything is planned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the AWS provider's plugin: `make test-terraform`"]
async fn what_a_dynamic_block_tells_the_real_provider_is_in_no_plan() {
    let dev = Environment::start().await;
    fs::create_dir(dev.folder("hidden")).unwrap();
    let text = "provider \"aws\" {\n  region = \"ap-northeast-1\"\n\n  ignore_tags {\n    keys = [\"a\"]\n  }\n}\noutput \"a\" {\n  value = 1\n}\n";
    let hiding = text.replace(
        "  ignore_tags {\n    keys = [\"a\"]\n  }\n",
        "  dynamic \"ignore_tags\" {\n    for_each = [1]\n    content {\n      keys = [\"a\"]\n    }\n  }\n",
    );
    for (text, told) in [(text, vec!["ignore_tags", "region"]), (&hiding, vec!["region"])] {
        fs::write(dev.folder("hidden").join("main.tf"), text).unwrap();
        dev.init("hidden", &[]).await;
        assert_eq!(dev.plan("hidden", &[]).await, CHANGES);
        let plan = dev.shown("hidden").await;
        let provider = &plan["configuration"]["provider_config"]["aws"];
        let mut names: Vec<_> = provider["expressions"].as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, told, "{provider}");
    }
}

/// A copy of `terraform/` whose providers ask the sandbox.
struct Environment {
    api: InProcess,
    layout: Layout,
    work: TempDir,
    _objects: TempDir,
}

impl Environment {
    async fn start() -> Self {
        let layout = Layout {
            // A sandbox has profiles and buckets of its own, named after it; these are Terraform's to make.
            name: "cloud".to_owned(),
            block: 20,
            members: 3,
            seed: 1,
            timing: Timing::Fast,
        };
        let (objects, work) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let api = InProcess::start(layout.setup(), objects.path()).await.unwrap();
        let copied = tokio::process::Command::new("cp")
            .args(["-r", concat!(env!("CARGO_MANIFEST_DIR"), "/terraform/.")])
            .arg(work.path())
            .status();
        assert!(copied.await.unwrap().success());
        let dev = Self {
            api,
            layout,
            work,
            _objects: objects,
        };
        // The test has to take down what it made, which is what this is there to refuse.
        dev.allow("prevent_destroy = true", "prevent_destroy = false");
        for state in ["base", "templates", "groups"] {
            fs::write(
                dev.folder(state).join("sandbox_override.tf"),
                dev.provider_block(),
            )
            .unwrap();
            dev.by_path(state);
        }
        // "Made by hand before the first `terraform init`."
        let states = dev.s3().await.create_bucket().bucket("rehull-dev-terraform");
        states.send().await.unwrap();
        dev
    }

    fn provider_block(&self) -> String {
        let endpoint = self.api.endpoint();
        let mut endpoints = String::new();
        for service in SERVICES {
            endpoints.push_str(&format!("    {service} = \"{endpoint}\"\n"));
        }
        format!("provider \"aws\" {{\n  s3_use_path_style = true\n\n  endpoints {{\n{endpoints}  }}\n}}\n")
    }

    /// No name of a bucket resolves on loopback, so states are asked for by path.
    fn by_path(&self, state: &str) {
        let backend = self.folder(state).join("state.s3.tfbackend");
        let text = fs::read_to_string(&backend).unwrap();
        fs::write(backend, format!("{text}use_path_style = true\n")).unwrap();
        let main = self.folder(state).join("main.tf");
        let text = fs::read_to_string(&main).unwrap();
        let region = "    region = var.region\n  }\n";
        let by_path = "    region = var.region\n    use_path_style = true\n  }\n";
        fs::write(main, text.replace(region, by_path)).unwrap();
    }

    /// Changes the modules of the copy.
    fn allow(&self, from: &str, to: &str) {
        let mut changed = 0;
        for module in fs::read_dir(self.work.path().join("modules")).unwrap() {
            for file in fs::read_dir(module.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                if path.extension().is_some_and(|end| end == "tf") && text.contains(from) {
                    fs::write(&path, text.replace(from, to)).unwrap();
                    changed += 1;
                }
            }
        }
        assert!(changed > 0, "no module says `{from}`");
    }

    async fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::config::Builder::from(&self.config().await)
                .force_path_style(true)
                .build(),
        )
    }

    async fn config(&self) -> aws_config::SdkConfig {
        let key = self.layout.operator();
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.api.endpoint())
            .credentials_provider(Credentials::new(&key.id, &key.secret, None, None, "test"))
            .load()
            .await
    }

    fn folder(&self, state: &str) -> PathBuf {
        self.work.path().join("environments/dev").join(state)
    }

    /// One run; an exit code that is not among these is the end of the test.
    async fn terraform(&self, state: &str, words: &[&str], codes: &[i32]) -> Output {
        let key = self.layout.operator();
        let mut command = tokio::process::Command::new("terraform");
        command
            .args(words)
            .current_dir(self.folder(state))
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            // A person's settings would change what is tested; the log of the provider is what one debugs with.
            if (name.starts_with("TF_") && !name.starts_with("TF_LOG")) || name.starts_with("AWS_") {
                command.env_remove(&*name);
            }
        }
        command
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL_S3", self.api.endpoint())
            .env("AWS_ENDPOINT_URL_STS", self.api.endpoint())
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1");
        let output = command.output().await.unwrap();
        let code = output.status.code().unwrap_or(-1);
        assert!(
            codes.contains(&code),
            "`terraform {}` in {state} ended with {code}:\n{}\n{}",
            words.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        output
    }

    async fn init(&self, state: &str, more: &[&str]) {
        let mirror = std::env::var(MIRROR).map(|folder| format!("-plugin-dir={folder}"));
        let mut words = vec!["init", "-input=false", "-no-color"];
        words.extend(mirror.as_deref());
        words.extend(more);
        self.terraform(state, &words, &[0]).await;
    }

    async fn make(&self, state: &str, vars: &[&Path]) {
        self.init(state, &["-backend-config=state.s3.tfbackend"]).await;
        self.terraform(state, &["validate", "-no-color"], &[0]).await;
        assert_eq!(
            self.plan(state, vars).await,
            CHANGES,
            "there is nothing of {state} yet"
        );
        self.apply(state).await;
    }

    async fn plan(&self, state: &str, vars: &[&Path]) -> i32 {
        let mut words = vec![
            "plan",
            "-input=false",
            "-no-color",
            "-detailed-exitcode",
            "-out=plan",
        ];
        let files: Vec<String> = vars
            .iter()
            .map(|file| format!("-var-file={}", file.display()))
            .collect();
        words.extend(files.iter().map(String::as_str));
        let output = self.terraform(state, &words, &[EMPTY, CHANGES]).await;
        if output.status.code() == Some(CHANGES) {
            eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        }
        output.status.code().unwrap()
    }

    /// What the last plan does, each kind of it once.
    async fn planned(&self, state: &str) -> Vec<String> {
        let plan = self.shown(state).await;
        let changes = plan["resource_changes"].as_array().unwrap().iter();
        let mut kinds: Vec<String> = changes
            .filter(|change| change["change"]["actions"] != json!(["no-op"]))
            .map(|change| {
                let actions = change["change"]["actions"].as_array().unwrap().iter();
                let actions: Vec<_> = actions.map(|action| action.as_str().unwrap()).collect();
                format!("{} {}", actions.join("+"), change["type"].as_str().unwrap())
            })
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// The last plan, in its JSON.
    async fn shown(&self, state: &str) -> Value {
        let output = self.terraform(state, &["show", "-json", "plan"], &[0]).await;
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn apply(&self, state: &str) {
        self.terraform(state, &["apply", "-input=false", "-no-color", "plan"], &[0])
            .await;
    }

    async fn unmake(&self, state: &str, vars: &[&Path]) {
        let mut words = vec!["destroy", "-input=false", "-no-color", "-auto-approve"];
        let files: Vec<String> = vars
            .iter()
            .map(|file| format!("-var-file={}", file.display()))
            .collect();
        words.extend(files.iter().map(String::as_str));
        self.terraform(state, &words, &[0]).await;
    }

    /// What rehull would write for `templates`, with the ids that `base` has told.
    async fn render(&self, revision: &str) -> PathBuf {
        let output = self.terraform("base", &["output", "-json"], &[0]).await;
        let base: Value = serde_json::from_slice(&output.stdout).unwrap();
        let value = |name: &str| base[name]["value"].clone();
        let (file, subnets) = (value("cluster_file"), value("subnet_ids"));
        let template = |name: &str, profile: &Value, groups: Value| {
            json!({
                "name": format!("dev-{name}"),
                "content_digest": format!("sha256:{revision:0>64}"),
                "image_id": IMAGE,
                "instance_type": "m6i.large",
                "instance_profile": profile,
                "security_group_ids": groups,
                "user_data": format!("#cloud-config\nruncmd:\n- [sh, -c, 'echo {name} {revision} ${{HOME}}']\n"),
            })
        };
        let mut etcd = serde_json::Map::new();
        for slot in file["etcd"]["slots"].as_array().unwrap() {
            let name = slot["name"].as_str().unwrap();
            let mut one = template(
                name,
                &file["etcd"]["instanceProfile"],
                file["etcd"]["securityGroups"].clone(),
            );
            one["subnet_id"] = subnets[slot["zone"].as_str().unwrap()].clone();
            etcd.insert(name.to_owned(), one);
        }
        let profiles = value("instance_profiles");
        let machines = json!([value("control_plane")["security_group_id"]]);
        let rendered = json!({
            "rehull_format": 1,
            "cluster": "dev",
            "region": REGION,
            "etcd_launch_templates": etcd,
            "group_launch_templates": {
                "control-plane": template("control-plane", &profiles["control-plane"], machines.clone()),
                "workers": template("workers", &profiles["worker"], machines),
            },
        });
        let path = self.work.path().join(format!("revision-{revision}.tfvars.json"));
        fs::write(&path, rendered.to_string()).unwrap();
        path
    }

    /// Nothing is left but what was there before.
    async fn is_gone(&self) {
        let ec2 = aws_sdk_ec2::Client::new(&self.config().await);
        let vpcs = ec2.describe_vpcs().send().await.unwrap();
        let own: Vec<_> = vpcs
            .vpcs()
            .iter()
            .filter(|vpc| vpc.is_default() != Some(true))
            .collect();
        assert!(own.is_empty(), "{own:?}");
        let interfaces = ec2.describe_network_interfaces().send().await.unwrap();
        assert!(interfaces.network_interfaces().is_empty(), "{interfaces:?}");
        let volumes = ec2.describe_volumes().send().await.unwrap();
        assert!(volumes.volumes().is_empty(), "{volumes:?}");
        let templates = ec2.describe_launch_templates().send().await.unwrap();
        assert!(templates.launch_templates().is_empty(), "{templates:?}");
    }

    /// Which provider it was.
    async fn provider(&self) -> String {
        let output = self.terraform("base", &["version", "-json"], &[0]).await;
        let version: Value = serde_json::from_slice(&output.stdout).unwrap();
        let (terraform, providers) = (&version["terraform_version"], &version["provider_selections"]);
        let aws = &providers["registry.terraform.io/hashicorp/aws"];
        format!(
            "Terraform {} with the AWS provider {}",
            terraform.as_str().unwrap_or("?"),
            aws.as_str().unwrap_or("?")
        )
    }
}
