//! A disk that fills up while the journal is written: the store lies on a small tmpfs in a mount namespace of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rehull_core::domain::action::Action;
use rustix::process::Signal;

use super::super::answer::Running;
use super::super::cloud::Cloud;
use super::super::rig::{LIMIT, Sandbox};
use super::desk::contents;

/// Keeps a mount namespace alive in which one folder is a disk of its own.
struct SmallDisk {
    keeper: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// `None` (with the reason on stderr) where namespaces may not be made.
    async fn on(folder: &Path) -> Option<Self> {
        let script = "mount -t tmpfs -o size=1m tmpfs \"$1\" && touch \"$1/.ready\" && exec sleep 600";
        let mut unshare = Command::new("setpriv");
        unshare.args(["--pdeathsig", "KILL", "--", "unshare", "--mount"]);
        if !rustix::process::geteuid().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let keeper = unshare
            .args(["sh", "-c", script, "sh"])
            .arg(folder)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut disk = Self {
            keeper,
            folder: folder.to_owned(),
        };
        let limit = std::time::Instant::now() + Duration::from_secs(10);
        loop {
            if disk.inside().join(".ready").exists() {
                fs::remove_file(disk.inside().join(".ready")).unwrap();
                return Some(disk);
            }
            if disk.keeper.try_wait().unwrap().is_some() || std::time::Instant::now() > limit {
                assert!(
                    std::env::var_os("REHULL_REQUIRE_TOOLBOX").is_none(),
                    "no namespaces here"
                );
                eprintln!("skipped: a tmpfs cannot be mounted in a namespace here");
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The folder as it is in the namespace.
    fn inside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(self.folder.strip_prefix("/").unwrap())
    }

    /// Starts rehull where the folder is the small disk.
    fn start(&self, sandbox: &Sandbox, arguments: &[&str]) -> Running {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.keeper.id().to_string(), "--mount"]);
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command
            // nsenter's own --wd is the folder as it is outside.
            .args(["--", "env"])
            .arg(format!("--chdir={}", sandbox.info.dir.display()))
            .arg(env!("CARGO_BIN_EXE_rehull"))
            .args(arguments)
            .env("REHULL_TOOLBOX", crate::support::toolbox::root())
            .stdin(Stdio::null());
        Running::start(command)
    }

    /// Takes every block that is left.
    fn fill(&self) {
        let mut file = fs::File::create(self.inside().join(".full")).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.inside().join(".full")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_stops_the_rollout_before_the_next_call_and_room_lets_it_go_on() {
    let Some(sandbox) = Sandbox::up("disk-full", &["3.5.33"], 1).await else {
        return;
    };
    let location = format!("s3: {{ bucket: rehull-{}, prefix: store/ }}", sandbox.info.name);
    sandbox.edit(&location, "local: { path: store }");
    sandbox
        .run(&["apply", "cluster.yaml", "--bootstrap", "--yes"])
        .await
        .exits(0);
    let store = sandbox.info.dir.join("store");
    let Some(disk) = SmallDisk::on(&store).await else {
        sandbox.down().await;
        return;
    };
    for (path, bytes) in contents(&store) {
        let path = disk.inside().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let before = sandbox.machines().await;
    full_from_the_start(&sandbox, &disk).await;
    assert_eq!(sandbox.machines().await, before, "something was launched");
    let rollout = full_on_the_way(&sandbox, &disk).await;
    assert!(
        sandbox.machines().await.contains(&before[0]),
        "the old machine is as it was"
    );

    disk.make_room();
    let resume = disk.start(&sandbox, &["resume", &rollout]).end(LIMIT).await;
    resume.exits(0).says(&["1 of 1 machine"]);
    // The launch whose record could not be finished was found, not repeated.
    let all = Cloud::of(&sandbox.info).await.all_machines().await;
    assert_eq!((all.len(), sandbox.machines().await.len()), (2, 1));
    drop(disk);
    sandbox.down().await;
}

async fn full_from_the_start(sandbox: &Sandbox, disk: &SmallDisk) {
    disk.fill();
    let replace = ["etcd", "replace", "etcd-a", "cluster.yaml", "--yes"];
    let run = disk.start(sandbox, &replace).end(LIMIT).await.exits(1);
    run.says(&[
        "store::unavailable",
        "No space left on device",
        "check bucket or folder",
    ]);
    disk.make_room();
}

/// Full when the first intents are durable and their calls not yet sent: those are sent, and nothing after them.
async fn full_on_the_way(sandbox: &Sandbox, disk: &SmallDisk) -> String {
    let replace = [
        "etcd",
        "replace",
        "etcd-a",
        "cluster.yaml",
        "--yes",
        "--output",
        "json",
    ];
    let fault = ["--fault", "stop-before-call:1"];
    let mut run = disk.start(sandbox, &[&replace[..], &fault].concat());
    assert!(run.stops_itself().await, "{}", run.so_far());
    disk.fill();
    run.signal(Signal::CONT);
    let run = run.end(LIMIT).await.exits(1);
    let rollout = sandbox.newest_rollout();
    run.says(&[
        "could not be written in 6 attempts",
        "No space left on device",
        "margin 0",
        &format!("rehull resume {rollout}"),
    ]);
    let journal = disk.inside().join(format!("rollouts/{rollout}/journal"));
    let text: Vec<String> = contents(&journal)
        .into_values()
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect();
    let intended = text.concat().matches("\"record\":\"intended\"").count();
    assert_eq!(
        run.actions().len(),
        intended,
        "a call without a durable intent: {run}"
    );
    let harmless = |action: &Action| {
        matches!(
            action,
            Action::StartSnapshot | Action::Preflight { .. } | Action::LaunchMachine { .. }
        )
    };
    assert!(run.actions().iter().all(harmless), "{run}");
    rollout
}
