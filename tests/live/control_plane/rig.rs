//! A sandbox with a control plane, raised as a person would, and clients of its apiservers.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetGroupAttribute};
use aws_sdk_s3::config::Credentials;
use rehull::sandbox::layout::REGION;
use rehull::sandbox::{BalancerStatus, ControlPlaneInfo, Info, TargetStatus, status};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{eventually, toolbox};

const ETCD: &str = "3.5.33";
/// A machine boots and its apiserver becomes healthy; other tests want the cores, too.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

pub(crate) struct Plane {
    name: &'static str,
    dir: TempDir,
    pub(crate) info: Info,
}

impl Plane {
    /// Three apiservers of this release, healthy behind their load balancer; `None` after saying which binary is missing.
    pub(crate) async fn up(name: &'static str, version: &str) -> Option<Self> {
        toolbox::binary(ETCD, "etcd")?;
        for binary in rehull::sandbox::control_plane::BINARIES {
            toolbox::kubernetes(version, binary)?;
        }
        let dir = TempDir::new().unwrap();
        run(command("up", name, dir.path()).args(["--etcd", ETCD, "--control-plane", version]));
        let info = status(name, dir.path()).await.unwrap().info;
        Some(Self { name, dir, info })
    }

    /// What a person types after `rehull` in the folder of the sandbox, with how it ended; `FILE` is the cluster file.
    pub(crate) async fn rehull(&self, line: &str) -> (i32, String) {
        let file = self.info.cluster_file().to_string_lossy().into_owned();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehull"));
        let words = line
            .split(' ')
            .map(|word| if word == "FILE" { file.as_str() } else { word });
        command.args(words).current_dir(self.dir.path());
        command.env("REHULL_TOOLBOX", toolbox::root());
        let done = tokio::task::spawn_blocking(move || command.output().unwrap());
        let done = done.await.unwrap();
        let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (done.status.code().unwrap_or(-1), said.concat())
    }

    /// What Auto Scaling says of the group: version, sizes, suspended processes.
    pub(crate) async fn group(&self) -> (String, [i32; 3], usize) {
        let groups = aws_sdk_autoscaling::Client::new(&self.aws().await);
        let told = groups.describe_auto_scaling_groups().send().await.unwrap();
        let group = &told.auto_scaling_groups()[0];
        let version = group.launch_template().unwrap().version().unwrap().to_owned();
        let sizes = [group.min_size(), group.max_size(), group.desired_capacity()].map(Option::unwrap);
        (version, sizes, group.suspended_processes().len())
    }

    pub(crate) fn plane(&self) -> &ControlPlaneInfo {
        self.info.control_plane.as_ref().unwrap()
    }

    /// Where the load balancer listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let endpoint = self.plane().endpoint.strip_prefix("https://").unwrap();
        endpoint.parse().unwrap()
    }

    pub(crate) async fn balancer(&self) -> BalancerStatus {
        let seen = status(self.name, self.dir.path()).await.unwrap();
        seen.status.unwrap().balancers.remove(0)
    }

    pub(crate) async fn target(&self, instance: &str) -> Option<TargetStatus> {
        let targets = self.balancer().await.targets;
        targets.into_iter().find(|target| target.instance == instance)
    }

    /// Instances that the load balancer calls healthy, by id.
    pub(crate) async fn healthy(&self) -> Vec<String> {
        let targets = self.balancer().await.targets;
        let healthy = targets.into_iter().filter(|target| target.is_healthy);
        healthy.map(|target| target.instance).collect()
    }

    /// Exactly these many, and not this one.
    pub(crate) async fn until_healthy(&self, count: usize, without: &str) {
        eventually(&format!("{count} healthy without {without}"), LIMIT, async || {
            let healthy = self.healthy().await;
            (healthy.len() == count && !healthy.iter().any(|id| id == without)).then_some(())
        })
        .await;
    }

    /// A client with a connection of its own, kept open between requests.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.with_idle(1)
    }

    /// A client that opens a connection for each request.
    pub(crate) fn new_each_time(&self) -> reqwest::Client {
        self.with_idle(0)
    }

    fn with_idle(&self, connections: usize) -> reqwest::Client {
        let read = |file: &str| fs::read(self.info.control_plane_pki_dir().join(file)).unwrap();
        let pem = [read("admin.crt"), read("admin.key")].concat();
        reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&read("ca.crt")).unwrap()])
            .identity(reqwest::Identity::from_pem(&pem).unwrap())
            .http1_only()
            .no_proxy()
            .pool_max_idle_per_host(connections)
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.plane().endpoint)
    }

    /// Every node reaches every target, so that a zone without a healthy one keeps its name.
    pub(crate) async fn cross_zones(&self) {
        let on = TargetGroupAttribute::builder()
            .key("load_balancing.cross_zone.enabled")
            .value("true")
            .build();
        let elb = aws_sdk_elasticloadbalancingv2::Client::new(&self.aws().await);
        elb.modify_target_group_attributes()
            .target_group_arn(&self.plane().target_group)
            .attributes(on)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn deregister(&self, instance: &str) {
        let elb = aws_sdk_elasticloadbalancingv2::Client::new(&self.aws().await);
        elb.deregister_targets()
            .target_group_arn(&self.plane().target_group)
            .targets(TargetDescription::builder().id(instance).build())
            .send()
            .await
            .unwrap();
    }

    /// Through its group, which makes up for it.
    pub(crate) async fn terminate(&self, instance: &str) {
        let groups = aws_sdk_autoscaling::Client::new(&self.aws().await);
        groups
            .terminate_instance_in_auto_scaling_group()
            .instance_id(instance)
            .should_decrement_desired_capacity(false)
            .send()
            .await
            .unwrap();
    }

    async fn aws(&self) -> aws_config::SdkConfig {
        let text = fs::read_to_string(self.info.credentials_file()).unwrap();
        let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let credentials = Credentials::new(
            values["AWS_ACCESS_KEY_ID"],
            values["AWS_SECRET_ACCESS_KEY"],
            None,
            None,
            "credentials.env",
        );
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(values["AWS_ENDPOINT_URL"])
            .credentials_provider(credentials)
            .load()
            .await
    }

    /// Process of this machine's apiserver.
    pub(crate) fn api_server(&self, instance: &str) -> Option<Pid> {
        let root = self.info.dir.join("machines").join(instance).join("root");
        let binary = root.join("opt/rehull/bin/kube-apiserver");
        processes().into_iter().find_map(|pid| {
            let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
            (program == binary).then(|| Pid::from_raw(pid))?
        })
    }

    pub(crate) fn signal_api_server(&self, instance: &str, signal: Signal) {
        kill_process(self.api_server(instance).unwrap(), signal).unwrap();
    }

    /// Command lines of processes of this machine.
    pub(crate) fn has_processes(&self, instance: &str) -> bool {
        let root = self.info.dir.join("machines").join(instance);
        processes().into_iter().any(|pid| {
            fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.starts_with(&root))
        })
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tell(&self.info.dir.join("machines"));
        }
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

/// What the machines said last.
fn tell(machines: &Path) {
    for machine in fs::read_dir(machines).into_iter().flatten().flatten() {
        for log in [
            "console.log",
            "root/var/log/cloud-init-output.log",
            "root/var/log/kube-apiserver.service.log",
        ] {
            let text = fs::read_to_string(machine.path().join(log)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(8).collect();
            let lines: Vec<&str> = lines.into_iter().rev().collect();
            eprintln!("--- {} {log}\n{}", machine.path().display(), lines.join("\n"));
        }
    }
}

fn processes() -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn command(verb: &str, name: &str, dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehull"));
    command.args(["sandbox", verb, "--name", name, "--dir"]);
    command.arg(dir).arg("--toolbox").arg(toolbox::root());
    command.current_dir(dir);
    command
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        done.status.success(),
        "{}{}",
        said(&done.stdout),
        said(&done.stderr)
    );
}
