//! Changes the etcd pin of a sandbox's cluster file, as the author of a pull request would: version and digests, and
//! nothing else of the text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rehull_core::domain::version::EtcdVersion;
use sha2::{Digest, Sha256};

use super::error::SandboxError;
use super::info::Info;

/// Binaries that a cluster file pins; 3.4 has no `etcdutl`.
const BINARIES: [&str; 3] = ["etcd", "etcdctl", "etcdutl"];

impl Info {
    /// Pins this release in the cluster file, with the digests of the toolbox's binaries.
    ///
    /// # Errors
    /// A binary of the release is not in the toolbox, or the file cannot be read or written.
    pub fn pin(&self, version: EtcdVersion, toolbox: &Path) -> Result<(), SandboxError> {
        let path = self.cluster_file();
        let text = fs::read_to_string(&path).map_err(SandboxError::file(&path))?;
        let digests = digests(version, toolbox)?;
        fs::write(&path, pinned(&text, version, &digests)).map_err(SandboxError::file(&path))
    }
}

fn digests(version: EtcdVersion, toolbox: &Path) -> Result<BTreeMap<&'static str, String>, SandboxError> {
    let dir: PathBuf = toolbox.join("etcd").join(version.to_string());
    let mut digests = BTreeMap::new();
    for name in BINARIES {
        if name == "etcdutl" && version.line() < (3, 5) {
            continue;
        }
        let path = dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(SandboxError::Toolbox { path, source }),
        };
        digests.insert(name, hex::encode(Sha256::digest(&bytes)));
    }
    Ok(digests)
}

/// Rewrites the lines that hold the pins. The file was laid by the sandbox, so each pin has a line of its own.
fn pinned(text: &str, version: EtcdVersion, digests: &BTreeMap<&str, String>) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let (key, indent) = (
            line.trim_start().split(':').next().unwrap_or(""),
            line.len() - line.trim_start().len(),
        );
        if key == "version" && indent == 2 {
            out.push_str(&format!("  version: {version}\n"));
        } else if key == "binaries" && indent == 2 {
            out.push_str("  binaries:\n");
            for (name, digest) in digests {
                out.push_str(&format!("    {name}: {digest}\n"));
            }
        } else if !(BINARIES.contains(&key) && indent == 4) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pins_change() {
        let text = "format: 1\netcd:\n  version: 3.4.23\n  binaries:\n    etcd: aa\n    etcdctl: bb\n  image: ami-1\n  slots:\n    - name: etcd-a\n";
        let digests = BTreeMap::from([
            ("etcd", "11".to_owned()),
            ("etcdctl", "22".to_owned()),
            ("etcdutl", "33".to_owned()),
        ]);
        let out = pinned(text, EtcdVersion::new(3, 5, 33), &digests);
        assert_eq!(
            out,
            "format: 1\netcd:\n  version: 3.5.33\n  binaries:\n    etcd: 11\n    etcdctl: 22\n    etcdutl: 33\n  image: ami-1\n  slots:\n    - name: etcd-a\n"
        );
    }
}
