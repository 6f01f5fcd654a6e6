//! The command line over a real cluster in a sandbox: what a person types, sees and gets as exit codes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rehull_core::domain::version::EtcdVersion;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::toolbox;

const NAME: &str = "typed";
const FILE: &str = ".rehull/sandbox/typed/cluster.yaml";
const LIMIT: Duration = Duration::from_secs(120);

/// A folder in which somebody works.
struct Desk {
    folder: TempDir,
    toolbox: PathBuf,
}

impl Desk {
    fn new() -> Option<Self> {
        toolbox::binary("3.5.33", "etcd")?;
        let etcd = toolbox::binary("3.6.14", "etcd")?;
        Some(Self {
            folder: TempDir::new().unwrap(),
            toolbox: etcd.ancestors().nth(3)?.to_owned(),
        })
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehull"));
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
            .env_clear()
            .env("REHULL_TOOLBOX", &self.toolbox)
            .env("USER", "tester")
            .env("PATH", "/usr/sbin:/usr/bin:/bin");
        command
    }

    fn run(&self, line: &str) -> Run {
        Run::of(line, &self.command(line).output().unwrap())
    }

    /// Runs it in the background; its progress goes to a file.
    fn start(&self, line: &str, progress: &str) -> Child {
        let err = File::create(self.path().join(progress)).unwrap();
        self.command(line)
            .stdout(Stdio::piped())
            .stderr(err)
            .spawn()
            .unwrap()
    }

    fn until(&self, progress: &str, word: &str) {
        let begun = Instant::now();
        while !self.read(progress).contains(word) {
            assert!(
                begun.elapsed() < LIMIT,
                "never saw `{word}` in:\n{}",
                self.read(progress)
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// As a pull request would.
    fn pin(&self, version: EtcdVersion) {
        let seen = self.run("sandbox status --name typed --output json").ok().json();
        let info: rehull::sandbox::Info = serde_json::from_value(seen["sandbox"]["info"].clone()).unwrap();
        info.pin(version, &self.toolbox).unwrap();
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let down = self.run(&format!("sandbox down --name {NAME}"));
        assert!(down.code == 0 || std::thread::panicking(), "{}", down.err);
    }
}

struct Run {
    line: String,
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(line: &str, output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            line: line.to_owned(),
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    fn ok(self) -> Self {
        self.ends_with(0)
    }

    fn ends_with(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "rehull {}\n{}\n{}",
            self.line, self.out, self.err
        );
        self
    }

    fn says(self, words: &[&str]) -> Self {
        for word in words {
            let said = self.out.contains(word) || self.err.contains(word);
            assert!(
                said,
                "rehull {} does not say `{word}`:\n{}\n{}",
                self.line, self.out, self.err
            );
        }
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("rehull {}: {error}\n{}", self.line, self.out))
    }
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

#[test]
fn a_rollout_from_the_first_plan_to_the_report() {
    let Some(desk) = Desk::new() else { return };
    desk.run("sandbox up --name typed")
        .ok()
        .says(&["typed is up", "rehull status"]);
    desk.run(&format!("plan {FILE}")).ok().says(&["nothing to do"]);
    desk.pin(EtcdVersion::new(3, 6, 14));

    // The digest is the same for everybody who looks, and an approval binds it.
    let plan = desk.run(&format!("plan {FILE} --output json")).ok().json();
    let digest = plan["digest"].as_str().unwrap().to_owned();
    desk.run(&format!("plan {FILE}"))
        .ok()
        .says(&["point of no return", &digest, "can it be reverted?"]);
    let other = format!("sha256:{}", "0".repeat(64));
    desk.run(&format!("apply {FILE} --plan-digest {other}"))
        .ends_with(1)
        .says(&["plan::other_digest", &digest]);
    desk.run(&format!("apply {FILE}"))
        .ends_with(2)
        .says(&["nobody is here to be asked"]);

    let rollout = stopped_in_the_window_by_a_signal(&desk, &digest);
    desk.run(&format!("apply {FILE} --yes"))
        .ends_with(1)
        .says(&["is not over", "rehull resume"]);
    desk.run(&format!("resume {rollout}"))
        .ok()
        .says(&["3 of 3 machines replaced", "resumed 1 time"]);

    // Afterwards.
    desk.run(&format!("apply {FILE} --yes"))
        .ok()
        .says(&["nothing to do"]);
    desk.run(&format!("resume {rollout}"))
        .ends_with(1)
        .says(&["has ended: finished"]);
    desk.run(&format!("rollback {rollout} --yes"))
        .ends_with(1)
        .says(&["plan::point_of_no_return", "downgrade"]);
    desk.run(&format!("abort {rollout}"))
        .ends_with(1)
        .says(&["is over"]);
    desk.run(&format!("report {rollout}"))
        .ok()
        .says(&["etcd-a", "leader moved to", "finished"]);
    desk.run(&format!("report {rollout} --output markdown"))
        .ok()
        .says(&["| member |", "<details>"]);
    let report = desk.run(&format!("report {rollout} --output json")).ok().json();
    assert_eq!(report["summary"]["outcome"], "finished");
    assert_eq!(report["summary"]["steps"].as_array().map(Vec::len), Some(3));
    desk.run(&format!("etcd status {FILE}"))
        .ok()
        .says(&["3.6.14", "leader", "margin 1"]);
    desk.run(&format!("etcd snapshot {FILE}"))
        .ok()
        .says(&["s3://rehull-typed-snapshots/etcd/", "test-restored by"]);
    let log = desk.read(&format!(".rehull/rollouts/{rollout}/debug.log"));
    assert!(
        log.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{log}"
    );
    assert!(!log.contains("PRIVATE KEY"));

    takes_everything_along_that_was_only_about_this_cluster(&desk);
}

fn takes_everything_along_that_was_only_about_this_cluster(desk: &Desk) {
    desk.run("sandbox down --name typed").ok();
    let left = walk(&desk.path().join(".rehull"));
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// Every file below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| match entry.path() {
        path if path.is_dir() => walk(&path),
        path => vec![path],
    });
    below.collect()
}

/// Two at once, then Ctrl-C while the first member is out. Returns the rollout.
fn stopped_in_the_window_by_a_signal(desk: &Desk, digest: &str) -> String {
    let first = desk.start(&format!("apply {FILE} --plan-digest {digest}"), "progress");
    desk.until("progress", "to be warm");
    desk.run(&format!("status {FILE}"))
        .ok()
        .says(&["works on it since", "tester@"]);

    desk.until("progress", "stop etcd on");
    interrupt(&first);
    let begun = Instant::now();
    let stopped = Run::of("apply", &first.wait_with_output().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    stopped
        .ends_with(75)
        .says(&["stopped as asked", "NOT at rest", "rehull resume typed-"]);

    let status = desk.run(&format!("status {FILE} --output json")).ok().json();
    assert_eq!(status["rollout"]["outcome"], "stopped");
    status["rollout"]["rollout"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_rollout_beside_the_first_is_told_who_works_and_an_abort_reaches_it_from_anywhere() {
    let Some(desk) = Desk::new() else { return };
    desk.run("sandbox up --name typed").ok();
    desk.pin(EtcdVersion::new(3, 6, 14));
    let first = desk.start(&format!("apply {FILE} --yes"), "progress");
    desk.until("progress", "to be warm");
    desk.run(&format!("apply {FILE} --yes"))
        .ends_with(4)
        .says(&["works on this cluster since"]);
    let status = desk.run(&format!("status {FILE} --output json")).ok().json();
    let rollout = status["lease"]["rollout"].as_str().unwrap().to_owned();
    desk.run(&format!("resume {rollout}"))
        .ends_with(4)
        .says(&["works on this cluster since", "tester@"]);

    desk.run(&format!("abort {rollout}"))
        .ok()
        .says(&["is over: aborted"]);
    let aborted = Run::of("apply", &first.wait_with_output().unwrap());
    aborted
        .ends_with(1)
        .says(&["stopped as asked", "at rest", "plan again"]);
    desk.run(&format!("resume {rollout}"))
        .ends_with(1)
        .says(&["has ended: aborted"]);
    desk.run(&format!("etcd status {FILE}"))
        .ok()
        .says(&["margin 1: 3 of 3 voters healthy"]);
}
