//! The fuzz targets for libFuzzer: each binary hands its input to one of `targets`.

#[path = "../targets/mod.rs"]
mod targets;

/// Runs the target of this name.
///
/// # Panics
/// The input shows a fault, or there is no such target.
pub fn run(target: &str, input: &[u8]) {
    let found = targets::TARGETS.iter().find(|known| known.name == target);
    let found = found.unwrap_or_else(|| panic!("no target `{target}` in fuzz/targets/mod.rs"));
    (found.run)(input);
}
