//! One etcd process that cannot outlive its test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rehull_core::domain::version::EtcdVersion;

use crate::words;

pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    version: EtcdVersion,
}

impl Process {
    /// Starts `binary`; `setpriv` makes the kernel kill it when the test's thread ends, however that happens.
    pub(crate) fn start(binary: &Path, arguments: &[String], log: PathBuf, version: EtcdVersion) -> Self {
        let output = File::create(&log).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(binary)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .expect("setpriv (util-linux) starts");
        Self { child, log, version }
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// How it ended by itself, if it has.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().unwrap()?;
        let code = status.code().unwrap_or(-1);
        Some(words::ended(code, self.version, &self.log()))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Also ends a process that is stopped by SIGSTOP.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
