//! A folder for sandboxes that is cleared whatever happens, and a client of their APIs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ec2::types::{
    Filter, HttpTokensState, IamInstanceProfileSpecification, InstanceMetadataOptionsRequest,
    InstanceMetadataTagsState, InstanceStateName, ResourceType, Tag, TagSpecification,
};
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rehull::sandbox::layout::{IMAGE, REGION};
use rehull::sandbox::{Info, UpOptions};
use rehull_core::world::Timing;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{eventually, toolbox};

/// Asks everything a machine may ask, and some of what it may not; its last act is its report.
pub(crate) const PROBE: &str = r#"#cloud-config
write_files:
  - path: /opt/probe
    permissions: '0755'
    content: |
      #!/bin/bash
      set -u
      imds=$AWS_EC2_METADATA_SERVICE_ENDPOINT/latest
      token=$(curl -sf -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' "$imds/api/token")
      meta() { curl -sf -H "x-aws-ec2-metadata-token: $token" "$imds/meta-data/$1"; }
      role=$(meta iam/security-credentials/)
      credentials=$(meta "iam/security-credentials/$role")
      field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$credentials"; }
      s3() {
        curl -s -o /dev/null -w '%{http_code}' --aws-sigv4 "aws:amz:$(meta placement/region):s3" \
          --user "$(field AccessKeyId):$(field SecretAccessKey)" \
          -H "x-amz-security-token: $(field Token)" "$@"
      }
      url=$AWS_ENDPOINT_URL_S3
      own=$url/rehull-policy/artefacts/boot/policy/etcd-a
      {
        echo "zone $(meta placement/availability-zone)"
        echo "slot $(meta tags/instance/rehull:slot)"
        echo "without token $(curl -s -o /dev/null -w '%{http_code}' "$imds/meta-data/instance-id")"
        echo "artefact $(s3 "$url/rehull-policy/artefacts/sha256/aa")"
        echo "own key $(s3 "$url/rehull-policy-secrets/etcd/etcd-a/1/server.key")"
        echo "key of another slot $(s3 "$url/rehull-policy-secrets/etcd/etcd-b/1/server.key")"
        echo "snapshot $(s3 "$url/rehull-policy-snapshots/etcd/r1/snapshot.db")"
        echo "journal $(s3 "$url/rehull-policy/store/lease.json")"
        echo "list $(s3 "$url/rehull-policy?list-type=2")"
        echo "report of another machine $(s3 -T /etc/hostname "$own/i-0123456789abcdef0.json")"
        echo "write an artefact $(s3 -T /etc/hostname "$url/rehull-policy/artefacts/sha256/bb")"
      } >/tmp/report
      s3 -T /tmp/report "$own/$(meta instance-id).json"
runcmd:
  - /opt/probe
"#;

pub(crate) struct Rig {
    name: &'static str,
    dir: TempDir,
    toolbox: PathBuf,
    version: &'static str,
}

impl Rig {
    /// For machines that never start etcd: its binaries are some bytes.
    pub(crate) fn new(name: &'static str) -> Self {
        let dir = TempDir::new().unwrap();
        let toolbox = dir.path().join("toolbox");
        let version = toolbox.join("etcd/3.5.33");
        fs::create_dir_all(&version).unwrap();
        for binary in ["etcd", "etcdctl", "etcdutl"] {
            fs::write(version.join(binary), binary).unwrap();
        }
        Self {
            name,
            dir,
            toolbox,
            version: "3.5.33",
        }
    }

    /// With the real binaries; `None` after saying why not.
    pub(crate) fn with_etcd(name: &'static str, version: &'static str) -> Option<Self> {
        let etcd = toolbox::binary(version, "etcd")?;
        let toolbox = etcd.ancestors().nth(3)?.to_owned();
        Some(Self {
            name,
            dir: TempDir::new().unwrap(),
            toolbox,
            version,
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn options(&self) -> UpOptions {
        UpOptions {
            name: self.name.to_owned(),
            dir: self.dir.path().to_owned(),
            members: 3,
            strategy: None,
            etcd_version: self.version.to_owned(),
            toolbox: self.toolbox.clone(),
            timing: Timing::Fast,
            terraform: false,
            control_plane: None,
            rehull: PathBuf::from(env!("CARGO_BIN_EXE_rehull")),
        }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join(self.name)
    }

    /// `rehull sandbox up --empty`, as a person would type it.
    pub(crate) fn up_command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rehull"));
        let nothing = std::process::Stdio::null;
        command.args(["sandbox", "up", "--empty", "--name", self.name, "--dir"]);
        command.arg(self.dir()).arg("--toolbox").arg(&self.toolbox);
        command.stdin(nothing()).stdout(nothing()).stderr(nothing());
        command
    }

    /// Command lines of all processes that name this rig's folder.
    pub(crate) fn processes(&self) -> Vec<String> {
        let ours = self.dir.path().to_str().unwrap();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        lines
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(ours))
            .collect()
    }

    /// Pid of a machine's first process, while it runs.
    pub(crate) fn agent(&self, machine: &str) -> Option<i32> {
        let path = self.state().join("machines").join(machine).join("agent.json");
        let handle: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let pid = i32::try_from(handle["pid"].as_i64()?).ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains(machine).then_some(pid)
    }

    /// Nothing is open between the daemon and its machines.
    pub(crate) fn has_noted_all(&self) -> bool {
        let text = fs::read(self.state().join("world.json")).unwrap();
        let snapshot: serde_json::Value = serde_json::from_slice(&text).unwrap();
        snapshot["world"]["open"].as_object().unwrap().is_empty()
    }

    pub(crate) fn kill_machine(&self, machine: &str) {
        kill(self.agent(machine).unwrap());
    }

    pub(crate) fn daemon(&self) -> Pid {
        let text = fs::read_to_string(self.state().join("daemon.pid")).unwrap();
        Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    }

    pub(crate) fn kill_daemon(&self) {
        kill(self.daemon().as_raw_pid());
    }

    pub(crate) fn freeze_daemon(&self) {
        kill_process(self.daemon(), Signal::STOP).unwrap();
    }

    pub(crate) async fn cloud(&self, info: &Info) -> Cloud {
        let text = fs::read_to_string(info.credentials_file()).unwrap();
        let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let credentials = Credentials::new(
            values["AWS_ACCESS_KEY_ID"],
            values["AWS_SECRET_ACCESS_KEY"],
            None,
            None,
            "credentials.env",
        );
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(values["AWS_ENDPOINT_URL"])
            .credentials_provider(credentials)
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build();
        Cloud {
            ec2: aws_sdk_ec2::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            cluster: self.name,
        }
    }
}

impl Drop for Rig {
    /// After a failed test, by the product's own means.
    fn drop(&mut self) {
        let (name, dir) = (self.name, self.dir.path().to_owned());
        let clear = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(rehull::sandbox::down(name, &dir)).unwrap();
        });
        assert!(clear.join().is_ok() || std::thread::panicking(), "`down` failed");
    }
}

/// Kills, and waits for the end.
fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    while fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|line| !line.contains(") Z ")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

pub(crate) struct Cloud {
    ec2: aws_sdk_ec2::Client,
    s3: aws_sdk_s3::Client,
    cluster: &'static str,
}

impl Cloud {
    pub(crate) async fn put(&self, bucket: &str, key: &str) {
        let body = ByteStream::from_static(b"x");
        self.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(body)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn get(&self, bucket: &str, key: &str) -> Option<String> {
        let object = self.s3.get_object().bucket(bucket).key(key).send().await.ok()?;
        Some(String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap())
    }

    /// Returns once it is running; its slot's letter is its zone's.
    pub(crate) async fn launch(&self, slot: &str, user_data: &str) -> String {
        let zone = format!("{REGION}{}", slot.trim_start_matches("etcd-"));
        let name = Filter::builder()
            .name("tag:Name")
            .values(format!("{}-machines-{zone}", self.cluster))
            .build();
        let subnets = self.ec2.describe_subnets().filters(name).send().await.unwrap();
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Instance)
            .tags(tag("rehull:cluster", self.cluster))
            .tags(tag("rehull:slot", slot))
            .build();
        let metadata = InstanceMetadataOptionsRequest::builder()
            .http_tokens(HttpTokensState::Required)
            .instance_metadata_tags(InstanceMetadataTagsState::Enabled)
            .build();
        let profile = IamInstanceProfileSpecification::builder()
            .name(format!("{}-etcd", self.cluster))
            .build();
        let launched = self
            .ec2
            .run_instances()
            .image_id(IMAGE)
            .min_count(1)
            .max_count(1)
            .subnet_id(subnets.subnets()[0].subnet_id().unwrap())
            .iam_instance_profile(profile)
            .metadata_options(metadata)
            .tag_specifications(tags)
            .user_data(BASE64.encode(user_data))
            .send()
            .await
            .unwrap();
        let id = launched.instances()[0].instance_id().unwrap().to_owned();
        self.until_state(&id, &InstanceStateName::Running).await;
        id
    }

    pub(crate) async fn terminate(&self, id: &str) {
        self.ec2
            .terminate_instances()
            .instance_ids(id)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn until_state(&self, id: &str, wanted: &InstanceStateName) {
        eventually(&format!("{id} {wanted}"), super::LIMIT, async || {
            let answer = self.ec2.describe_instances().instance_ids(id).send().await.ok()?;
            let state = answer
                .reservations()
                .first()?
                .instances()
                .first()?
                .state()?
                .name()
                .cloned();
            (state.as_ref() == Some(wanted)).then_some(())
        })
        .await;
    }
}
