//! Where the real binaries are.

use std::path::PathBuf;

/// A binary of one version, or `None` after saying why the test is skipped. With `REHULL_REQUIRE_TOOLBOX` set (CI does)
/// a missing binary is a failure instead.
pub(crate) fn binary(version: &str, name: &str) -> Option<PathBuf> {
    of("etcd", version, name)
}

/// The same of a control plane.
#[cfg_attr(not(test), expect(dead_code, reason = "the benchmark shares this folder"))]
pub(crate) fn kubernetes(version: &str, name: &str) -> Option<PathBuf> {
    of("kubernetes", version, name)
}

fn of(tool: &str, version: &str, name: &str) -> Option<PathBuf> {
    let path = root().join(tool).join(version).join(name);
    if path.is_file() {
        return Some(path);
    }
    let why = format!("{} is missing; run tools/toolbox.sh {tool}", path.display());
    assert!(std::env::var_os("REHULL_REQUIRE_TOOLBOX").is_none(), "{why}");
    eprintln!("skipped: {why}");
    None
}

pub(crate) fn root() -> PathBuf {
    if let Some(root) = std::env::var_os("REHULL_TOOLBOX") {
        return PathBuf::from(root);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or(home).expect("HOME is set").join("rehull/toolbox")
}
