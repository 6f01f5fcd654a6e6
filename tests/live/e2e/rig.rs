//! A sandbox of one test, worked on by the real program as a person would: by its command line.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rehull::sandbox::{Down, Info, MachineStatus, UpOptions, down, status, switch, up};
use rehull_core::domain::version::EtcdVersion;
use rehull_core::world::instance::InstanceState;
use rehull_core::world::{Switch, Timing};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::answer::{Answer, Running};
use crate::support::{eventually, toolbox};

/// Nothing that one command does takes longer than this, however slow the computer is.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);

/// Waits as short as they may be, so that a test sees all of them.
const SHORT: [(&str, &str); 2] = [("bake: 5s", "bake: 2s"), (" }\n", ", leaseTtl: 10s }\n")];

/// Limits that no test waits for are far away: on a busy computer a member takes minutes to start, and that is no failure.
const PATIENT: [(&str, &str); 2] = [
    ("bootDeadline: 2m", "bootDeadline: 8m"),
    ("joinDeadline: 2m", "joinDeadline: 8m"),
];

pub(crate) struct Sandbox {
    pub(crate) info: Info,
    dir: TempDir,
    is_down: bool,
}

impl Sandbox {
    /// An empty cloud with the slots of a cluster; `None` (with the reason on stderr) without the binaries.
    pub(crate) async fn up(name: &str, versions: &[&str], members: u8) -> Option<Self> {
        Self::up_with(name, versions, members, false).await
    }

    /// The same, with a module of Terraform that makes launch template versions.
    pub(crate) async fn up_with(name: &str, versions: &[&str], members: u8, terraform: bool) -> Option<Self> {
        let toolbox = versions
            .iter()
            .map(|version| toolbox::binary(version, "etcd"))
            .collect::<Option<Vec<_>>>()?;
        assert!(!toolbox.is_empty());
        let dir = TempDir::new().unwrap();
        let options = UpOptions {
            name: name.to_owned(),
            dir: dir.path().to_owned(),
            members,
            strategy: None,
            etcd_version: versions[0].to_owned(),
            toolbox: toolbox::root(),
            timing: Timing::Fast,
            terraform,
            control_plane: None,
            rehull: PathBuf::from(env!("CARGO_BIN_EXE_rehull")),
        };
        let sandbox = Self {
            info: up(&options).await.unwrap(),
            dir,
            is_down: false,
        };
        let [bake, ttl] = SHORT;
        for (from, to) in PATIENT.into_iter().chain([bake]) {
            sandbox.edit(from, to);
        }
        let rollout = sandbox.line("rollout:");
        sandbox.edit(&rollout, &rollout.replace(ttl.0, ttl.1));
        Some(sandbox)
    }

    /// A running cluster of the first of these versions, made by the command line.
    pub(crate) async fn cluster(name: &str, versions: &[&str], members: u8) -> Option<Self> {
        let sandbox = Self::up(name, versions, members).await?;
        sandbox
            .run(&["apply", "cluster.yaml", "--bootstrap", "--yes"])
            .await
            .exits(0);
        Some(sandbox)
    }

    /// Takes it down and proves that nothing is left: no process, no file.
    pub(crate) async fn down(mut self) {
        assert_eq!(
            down(&self.info.name, self.dir.path()).await.unwrap(),
            Down::Removed
        );
        self.is_down = true;
        let left = processes_naming(self.dir.path());
        assert_eq!(left, Vec::<String>::new());
        assert_eq!(fs::read_dir(self.dir.path()).unwrap().count(), 0);
    }

    /// Replaces a text of the cluster file, which must be there.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let path = self.info.cluster_file();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "no `{from}` in:\n{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// The line of the cluster file that begins like this, with its end.
    fn line(&self, start: &str) -> String {
        let text = fs::read_to_string(self.info.cluster_file()).unwrap();
        let line = text.lines().find(|line| line.starts_with(start)).unwrap();
        format!("{line}\n")
    }

    /// Edits the pins as the author of a pull request would.
    pub(crate) fn pin(&self, version: &str) {
        let version: EtcdVersion = version.parse().unwrap();
        self.info.pin(version, &toolbox::root()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_rehull")), arguments)
    }

    fn command_of(&self, rehull: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(rehull);
        command
            .args(arguments)
            .current_dir(&self.info.dir)
            .env("REHULL_TOOLBOX", toolbox::root())
            .env_remove("AWS_ENDPOINT_URL")
            .stdin(Stdio::null());
        command
    }

    /// Runs rehull in the sandbox's folder and waits for its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Answer {
        self.start(arguments).end(LIMIT).await
    }

    /// The same with more in its environment.
    pub(crate) async fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Answer {
        self.start_with(environment, arguments).end(LIMIT).await
    }

    /// Starts it with more in its environment.
    pub(crate) fn start_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        Running::start(command)
    }

    /// By another rehull than the one under test.
    pub(crate) async fn run_by(&self, rehull: &Path, arguments: &[&str]) -> Answer {
        Running::start(self.command_of(rehull, arguments))
            .end(LIMIT)
            .await
    }

    /// Starts rehull in the sandbox's folder.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// The newest rollout of this cluster.
    pub(crate) fn newest_rollout(&self) -> String {
        let rollouts = fs::read_dir(self.info.dir.join(".rehull/rollouts")).unwrap();
        let names = rollouts.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.max().expect("a rollout was begun")
    }

    /// Machines that EC2 has not forgotten and not ended.
    pub(crate) async fn machines(&self) -> Vec<MachineStatus> {
        let seen = status(&self.info.name, self.dir.path()).await.unwrap();
        let all = seen.status.expect("the daemon runs").machines;
        all.into_iter()
            .filter(|machine| {
                !matches!(
                    machine.state,
                    InstanceState::Terminated | InstanceState::ShuttingDown
                )
            })
            .collect()
    }

    /// The one machine of a slot.
    pub(crate) async fn machine(&self, slot: &str) -> String {
        let machines = self.machines().await;
        let mut of_slot = machines
            .iter()
            .filter(|machine| machine.slot.as_deref() == Some(slot));
        let id = of_slot.next().expect("the slot has a machine").id.clone();
        assert_eq!(of_slot.next(), None, "two machines of {slot}");
        id
    }

    pub(crate) async fn switch(&self, wish: Switch) {
        switch(&self.info, &wish).await.unwrap();
    }

    pub(crate) fn address(&self, slot: &str) -> Ipv4Addr {
        self.info
            .slots
            .iter()
            .find(|found| found.name == slot)
            .unwrap()
            .address
    }

    /// Pid of the etcd behind a slot's address, as this computer counts.
    pub(crate) fn etcd(&self, slot: &str) -> Option<Pid> {
        let ours = format!(
            "--initial-advertise-peer-urls=https://{}:2380",
            self.address(slot)
        );
        let mut processes = fs::read_dir("/proc").unwrap().flatten();
        processes.find_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let line = fs::read(process.path().join("cmdline")).ok()?;
            let is_ours = line.split(|byte| *byte == 0).any(|word| word == ours.as_bytes());
            is_ours.then(|| Pid::from_raw(pid)).flatten()
        })
    }

    pub(crate) fn signal_etcd(&self, slot: &str, signal: Signal) {
        kill_process(self.etcd(slot).expect("its etcd runs"), signal).unwrap();
    }

    /// Every member has a machine of its own at this version, nothing is left over, and nothing remains to be done.
    pub(crate) async fn is_settled_at(&self, version: &str) {
        let plan = self.run(&["plan", "cluster.yaml"]).await.exits(0);
        assert!(plan.out.contains("nothing to do"), "{plan}");
        self.runs(version).await;
    }

    /// As [`Sandbox::is_settled_at`], whatever the file pins.
    pub(crate) async fn runs(&self, version: &str) {
        eventually("no surplus machine", Duration::from_secs(60), async || {
            (self.machines().await.len() == self.info.slots.len()).then_some(())
        })
        .await;
        // One status is one look: on a computer whose disk stands still a member may answer too late for it.
        eventually(
            "all members at the version",
            Duration::from_secs(60),
            async || {
                let seen = self
                    .run(&["etcd", "status", "cluster.yaml", "--output", "json"])
                    .await;
                let all = seen.code == Some(0) && self.all_run(version, &seen.json());
                if !all {
                    eprintln!("not all at {version}: {seen}");
                }
                all.then_some(())
            },
        )
        .await;
    }

    fn all_run(&self, version: &str, status: &serde_json::Value) -> bool {
        let members = status["members"].as_array().expect("a status lists members");
        members.len() == self.info.slots.len() && members.iter().all(|member| member["version"] == version)
    }
}

impl Drop for Sandbox {
    /// After a failed test, by the product's own means.
    fn drop(&mut self) {
        if self.is_down {
            return;
        }
        if std::env::var_os("REHULL_KEEP").is_some() {
            let kept = std::mem::replace(&mut self.dir, TempDir::new().unwrap()).keep();
            eprintln!("kept: {}", kept.display());
            return;
        }
        let (name, dir) = (self.info.name.clone(), self.dir.path().to_owned());
        let clear = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(down(&name, &dir)).unwrap();
        });
        assert!(clear.join().is_ok() || std::thread::panicking(), "`down` failed");
    }
}

/// Command lines of all processes that name this folder.
fn processes_naming(dir: &Path) -> Vec<String> {
    let ours = dir.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(ours))
        .collect()
}
