//! Restores a snapshot with etcd's own tool, to know that it can be restored. The only adapter besides Terraform that
//! starts a process: no library reads this format, and the tool that will be used in need is the one to ask.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rehull_core::domain::version::EtcdVersion;
use serde::Deserialize;
use tokio::process::Command;

use crate::adapters::clock::within;

/// 1 GB restores in seconds; this is 8 GiB (etcd's suggested maximum) on a slow disk.
const RESTORE_LIMIT: Duration = Duration::from_secs(900);

/// A verified binary: `etcdutl` from 3.5 on, `etcdctl` for 3.4.
#[derive(Clone, Debug)]
pub struct RestoreTool {
    path: PathBuf,
    version: EtcdVersion,
}

#[derive(Deserialize)]
struct Status {
    revision: u64,
}

impl RestoreTool {
    /// The binary lies at `path` and its digest has been checked by whoever fetched it.
    #[must_use]
    pub fn new(path: PathBuf, version: EtcdVersion) -> Self {
        Self { path, version }
    }

    /// Name of the binary that can restore snapshots of this version.
    #[must_use]
    pub fn program(version: EtcdVersion) -> &'static str {
        if version.line() < (3, 5) {
            "etcdctl"
        } else {
            "etcdutl"
        }
    }

    /// For the fact, for example `etcdutl 3.5.33 snapshot restore`.
    #[must_use]
    pub fn restored_by(&self) -> String {
        format!(
            "{} {} snapshot restore",
            Self::program(self.version),
            self.version
        )
    }

    /// Restores into `dir` (which must not exist) and returns the revision in the snapshot. The tool checks the
    /// trailing hash once more, of what really is on the disk.
    pub(super) async fn restore(&self, snapshot: &Path, dir: &Path) -> Result<u64, String> {
        let file = snapshot.as_os_str();
        self.run(&[
            OsStr::new("restore"),
            file,
            OsStr::new("--data-dir"),
            dir.as_os_str(),
        ])
        .await?;
        let database = dir.join("member/snap/db");
        let length = tokio::fs::metadata(&database).await.map_or(0, |meta| meta.len());
        if length == 0 {
            return Err(format!("{} left no database", self.restored_by()));
        }
        let status = self
            .run(&[
                OsStr::new("status"),
                file,
                OsStr::new("--write-out"),
                OsStr::new("json"),
            ])
            .await?;
        serde_json::from_slice::<Status>(&status)
            .map(|status| status.revision)
            .map_err(|error| format!("`snapshot status` cannot be read: {error}"))
    }

    async fn run(&self, arguments: &[&OsStr]) -> Result<Vec<u8>, String> {
        let what = format!("{} {}", Self::program(self.version), self.version);
        let run = command(&self.path).args(arguments).output();
        let output = within(RESTORE_LIMIT, run)
            .await
            .ok_or_else(|| format!("{what} did not end within {RESTORE_LIMIT:?}"))?
            .map_err(|error| format!("{what} does not start: {error}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no word why");
        Err(format!("{what} refuses the snapshot: {last}"))
    }
}

/// Nothing of our environment: `ETCDCTL_*` variables would change what it does.
#[expect(
    clippy::disallowed_methods,
    reason = "the one process of the etcd adapter; it ends with the job or by its time-out"
)]
fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    command
        .arg("snapshot")
        .env_clear()
        .env("ETCDCTL_API", "3")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_point_four_restores_with_etcdctl_and_everything_later_with_etcdutl() {
        for (version, expected) in [
            (EtcdVersion::new(3, 4, 23), "etcdctl 3.4.23 snapshot restore"),
            (EtcdVersion::new(3, 5, 33), "etcdutl 3.5.33 snapshot restore"),
            (EtcdVersion::new(3, 7, 1), "etcdutl 3.7.1 snapshot restore"),
        ] {
            assert_eq!(RestoreTool::new(PathBuf::new(), version).restored_by(), expected);
        }
    }

    #[tokio::test]
    async fn a_tool_that_is_not_there_is_named() {
        let tool = RestoreTool::new(PathBuf::from("/nowhere/etcdutl"), EtcdVersion::new(3, 5, 33));
        let error = tool
            .restore(Path::new("/nowhere/a"), Path::new("/nowhere/b"))
            .await;
        assert!(error.is_err_and(|text| text.starts_with("etcdutl 3.5.33 does not start")));
    }
}
