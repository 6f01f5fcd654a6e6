//! Which providers a plan would start: those of the lock file, which `init` does not change (`-lockfile=readonly`). So one that
//! the gate would refuse is refused before it has run.

use std::path::Path;

use rehull_core::tfplan::PROVIDERS;

use super::keys::Json;
use super::sources;
use super::unfit::Unfit;

/// Written by `init`, and reviewed like a program.
pub(super) const FILE: &str = ".terraform.lock.hcl";
const PROVIDER: &str = "provider";

/// A provider in the lock file that is not on the list is refused. To be asked before `init`. Without such a file `init`
/// itself chooses none.
pub(super) fn judge(module: &Path) -> Result<(), Unfit> {
    let path = module.join(FILE);
    // Terraform says what it thinks of a folder.
    if !path.is_file() {
        return Ok(());
    }
    let providers = sources::read(&path)?.under(PROVIDER);
    let mut names = providers.iter().flat_map(Json::entries).map(|(name, _)| name);
    names
        .find(|name| !PROVIDERS.contains(&name.as_str()))
        .map_or(Ok(()), |name| {
            let why = format!(
                "the provider `{name}` stands in {}, and is not allowed to run: a plan would start it",
                path.display()
            );
            let help = "keep what it makes in a root module of its own, which rehull neither plans nor applies; then take it out of the lock file";
            Err(Unfit::new(why, help))
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn said(text: &str) -> Option<String> {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(FILE), text).unwrap();
        let unfit = judge(dir.path()).err()?;
        Some(unfit.why.replace(&format!("{}/", dir.path().display()), ""))
    }

    fn entry(label: &str) -> String {
        format!(
            "# This file is maintained automatically.\n\nprovider {label} {{\n  version = \"1.0.0\"\n  hashes = [\n    \"h1:x\",\n  ]\n}}\n"
        )
    }

    /// Seen with Terraform 1.11.4: the plan that the gate refused for it had started it.
    #[test]
    fn a_provider_that_is_not_allowed_is_refused_by_the_lock_file_before_it_is_started() {
        let aws = entry("\"registry.terraform.io/hashicorp/aws\"");
        for label in [
            "\"registry.terraform.io/evil/evil\"",
            "\"registry.terraform.io/e\\u0076il/evil\"",
            "\"example.com/hashicorp/aws\"",
            "\"hashicorp/aws\"",
            "evil",
        ] {
            let found = said(&format!("{aws}{}", entry(label))).unwrap_or_default();
            assert!(
                found.starts_with("the provider `") && found.contains(" stands in .terraform.lock.hcl, "),
                "{label}: {found}"
            );
        }
        assert_eq!(said(&aws), None);
        assert_eq!(said(&entry("\"registry.opentofu.org/hashicorp/aws\"")), None);
        assert_eq!(said(""), None, "a module without providers of its own");
        assert_eq!(
            judge(Path::new("/nowhere")),
            Ok(()),
            "init says that it is missing"
        );
        let broken = said("provider \"x\" {\n").unwrap_or_default();
        assert!(broken.starts_with("what cannot be read stands in "), "{broken}");
    }
}
