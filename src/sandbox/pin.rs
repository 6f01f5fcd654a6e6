//! Changes a pin of a sandbox's cluster file, as the author of a pull request would: version and digests, and nothing else
//! of the text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rehull_core::domain::control_plane::COMPONENTS;
use rehull_core::domain::version::{EtcdVersion, KubernetesVersion};
use sha2::{Digest, Sha256};

use super::error::SandboxError;
use super::info::Info;

impl Info {
    /// Pins this release of etcd in the cluster file, with the digests of the toolbox's binaries.
    ///
    /// # Errors
    /// A binary of the release is not in the toolbox, or the file cannot be read or written.
    pub fn pin(&self, version: EtcdVersion, toolbox: &Path) -> Result<(), SandboxError> {
        // 3.4 has no `etcdutl`.
        let names: &[&str] = if version.line() < (3, 5) {
            &["etcd", "etcdctl"]
        } else {
            &["etcd", "etcdctl", "etcdutl"]
        };
        let version = version.to_string();
        let digests = digests(&toolbox.join("etcd").join(&version), names)?;
        self.write_pins("etcd", &version, &digests)
    }

    /// The same of Kubernetes; a file without a control plane stays as it is.
    ///
    /// # Errors
    /// As of [`Info::pin`].
    pub fn pin_kubernetes(&self, version: KubernetesVersion, toolbox: &Path) -> Result<(), SandboxError> {
        let version = version.to_string();
        let digests = digests(&toolbox.join("kubernetes").join(&version), &COMPONENTS)?;
        self.write_pins("controlPlane", &version, &digests)
    }

    fn write_pins(
        &self,
        part: &str,
        version: &str,
        digests: &BTreeMap<&str, String>,
    ) -> Result<(), SandboxError> {
        let path = self.cluster_file();
        let text = fs::read_to_string(&path).map_err(SandboxError::file(&path))?;
        fs::write(&path, pinned(&text, part, version, digests)).map_err(SandboxError::file(&path))
    }
}

fn digests<'n>(dir: &Path, names: &[&'n str]) -> Result<BTreeMap<&'n str, String>, SandboxError> {
    let mut digests = BTreeMap::new();
    for &name in names {
        let path = dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(SandboxError::Toolbox { path, source }),
        };
        digests.insert(name, hex::encode(Sha256::digest(&bytes)));
    }
    Ok(digests)
}

/// Rewrites the lines that hold the pins of one part. The file was laid by the sandbox, so each pin has a line of its own.
fn pinned(text: &str, part: &str, version: &str, digests: &BTreeMap<&str, String>) -> String {
    let mut out = String::new();
    let (mut inside, mut old) = (false, false);
    for line in text.lines() {
        let key = line.trim_start().split(':').next().unwrap_or("");
        let indent = line.len() - line.trim_start().len();
        if indent == 0 {
            inside = key == part;
        }
        // Lines below `binaries` are the old pins.
        old = old && indent > 2;
        if inside && key == "version" && indent == 2 {
            out.push_str(&format!("  version: {version}\n"));
        } else if inside && key == "binaries" && indent == 2 {
            out.push_str("  binaries:\n");
            for (name, digest) in digests {
                out.push_str(&format!("    {name}: {digest}\n"));
            }
            old = true;
        } else if !old {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "format: 1\netcd:\n  version: 3.4.23\n  binaries:\n    etcd: aa\n    etcdctl: bb\n  image: ami-1\n  slots:\n    - name: etcd-a\ncontrolPlane:\n  version: 1.33.13\n  binaries:\n    kube-apiserver: cc\n  image: ami-1\n";

    #[test]
    fn only_the_pins_of_that_part_change() {
        let digests = BTreeMap::from([
            ("etcd", "11".to_owned()),
            ("etcdctl", "22".to_owned()),
            ("etcdutl", "33".to_owned()),
        ]);
        assert_eq!(
            pinned(TEXT, "etcd", "3.5.33", &digests),
            TEXT.replace("3.4.23", "3.5.33").replace(
                "    etcd: aa\n    etcdctl: bb\n",
                "    etcd: 11\n    etcdctl: 22\n    etcdutl: 33\n"
            )
        );
        let digests = BTreeMap::from([("kube-apiserver", "44".to_owned())]);
        assert_eq!(
            pinned(TEXT, "controlPlane", "1.34.2", &digests),
            TEXT.replace("1.33.13", "1.34.2").replace(": cc", ": 44")
        );
    }
}
