//! Which providers a plan may start: those of the lock file, which `init` does not change (`-lockfile=readonly`), as far as the
//! configuration or the state wants them. So one that the gate would refuse is refused before it has run. A provider that nothing
//! but tests wants stands in the same file, and no plan starts it (`LoadConfig` of Terraform 1.11.4 reads no tests): it is let
//! through where the state lies in S3. What a state there wants nobody reads before, so whoever leaves a test of such a provider in
//! place reviews its lock file as that of any other.

use std::path::{Path, PathBuf};

use rehull_core::tfplan::PROVIDERS;

use super::begins;
use super::keys::Json;
use super::scan;
use super::sources::{self, Source};
use super::unfit::Unfit;

/// Written by `init`, and reviewed like a program.
pub(super) const FILE: &str = ".terraform.lock.hcl";
const PROVIDER: &str = "provider";
/// Blocks whose first label tells of a provider.
const TELL: [&str; 4] = ["data", "ephemeral", PROVIDER, "resource"];

/// A provider in the lock file that is not on the list is refused, unless tests alone want it: then none of these folders, where
/// the configuration lies as far as it is known, says a word of it. To be asked before `init`, and before a plan. Without such a
/// file `init` itself chooses none.
///
/// # Errors
/// There is one, or a file cannot be read.
pub(super) fn judge(module: &Path, folders: &[PathBuf]) -> Result<(), Unfit> {
    let path = module.join(FILE);
    // Terraform says what it thinks of a folder.
    if !path.is_file() {
        return Ok(());
    }
    let providers = sources::read(&path)?.under(PROVIDER);
    let may_be_of_tests = !scan::tests(module)?.is_empty() && keeps_its_state_elsewhere(module)?;
    for (name, _) in providers.iter().flat_map(Json::entries) {
        if PROVIDERS.contains(&name.as_str()) || may_be_of_tests && !is_wanted(name, folders)? {
            continue;
        }
        let why = format!(
            "the provider `{name}` stands in {}, and is not allowed to run: a plan would start it",
            path.display()
        );
        let help = "keep what it makes in a root module of its own, which rehull neither plans nor applies; then take it out of the lock file";
        return Err(Unfit::new(why, help));
    }
    Ok(())
}

/// What the state wants a plan starts as well, and a state in the checkout is whoever's who wrote the change: of one that lies
/// elsewhere only who may apply is the author.
fn keeps_its_state_elsewhere(module: &Path) -> Result<bool, Unfit> {
    let mut kinds = Vec::new();
    for (_, source) in sources::of(module)? {
        let backends = source.under("backend");
        kinds.extend(
            backends
                .iter()
                .flat_map(Json::entries)
                .map(|(kind, _)| kind.clone()),
        );
    }
    Ok(!kinds.is_empty() && kinds.iter().all(|kind| kind == "s3"))
}

/// By its source, or by its name alone, which means the one of that name in the vendor's namespace.
fn is_wanted(provider: &str, folders: &[PathBuf]) -> Result<bool, Unfit> {
    let name = provider.rsplit('/').next().unwrap_or(provider).to_lowercase();
    for folder in folders {
        for (_, source) in sources::of(folder)? {
            if is_required(&source, &name) || is_told(&source, &name) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// In `required_providers`, where what is computed may be any.
fn is_required(source: &Source, name: &str) -> bool {
    let blocks = source.under("required_providers");
    let mut required = blocks.iter().flat_map(Json::entries);
    required.any(|(local, said)| {
        let sources = said.of("source");
        let mut named = sources.iter().map(|source| match source {
            Json::Text(source) => is_of(source.rsplit('/').next().unwrap_or(source), name),
            Json::Object(_) | Json::List(_) | Json::Bool | Json::Null | Json::Plain => true,
        });
        is_of(local, name) || matches!(said, Json::Plain) || named.any(|is_named| is_named)
    })
}

fn is_of(said: &str, name: &str) -> bool {
    said.to_lowercase() == name
}

/// By the type of a resource, by a block of its own, or by `provider = …` of another.
fn is_told(source: &Source, name: &str) -> bool {
    match source {
        Source::Json(json) => TELL.into_iter().any(|word| {
            let under = json.under(word);
            let chosen = under.iter().any(|value| match value {
                Json::Text(text) => is_word(text, name),
                Json::Object(_) | Json::List(_) | Json::Bool | Json::Null | Json::Plain => false,
            });
            chosen
                || under
                    .iter()
                    .flat_map(|all| all.entries())
                    .any(|(label, _)| is_word(label, name))
        }),
        Source::Hcl(text, _) => {
            let tells = |word: &'static str| {
                let behind = move |at: usize| text.get(at.saturating_add(word.len())..).unwrap_or_default();
                begins::beginnings(text, word).any(|at| begins_so(behind(at), name))
            };
            let behind = |at: usize| text.get(at.saturating_add(PROVIDER.len())..).unwrap_or_default();
            let chosen = |rest: &str| {
                rest.split_once('=')
                    .is_none_or(|(_, value)| begins_so(value, name))
            };
            TELL.into_iter().any(tells) || begins::arguments(text, PROVIDER).any(|at| chosen(behind(at)))
        }
    }
}

/// `random_pet`, `"random"`, `random.alias`. What is written with an escape or behind a comment may be it, too.
fn begins_so(rest: &str, name: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '\t', '"']);
    rest.starts_with("/*") || rest.starts_with('\\') || is_word(rest, name)
}

/// The part before a `_` or whatever ends a word.
fn is_word(text: &str, name: &str) -> bool {
    let word: String = text
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '-' || *letter == '\\')
        .collect();
    word.contains('\\') || is_of(&word, name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn said(text: &str) -> Option<String> {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(FILE), text).unwrap();
        let unfit = judge(dir.path(), &[dir.path().to_owned()]).err()?;
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
            judge(Path::new("/nowhere"), &[]),
            Ok(()),
            "init says that it is missing"
        );
        let broken = said("provider \"x\" {\n").unwrap_or_default();
        assert!(broken.starts_with("what cannot be read stands in "), "{broken}");
    }

    /// `init` writes what tests want into the same file.
    #[test]
    fn a_provider_that_only_tests_want_is_none_that_a_plan_starts() {
        let judged_in = |backend: &str, (file, text): (&str, &str), provider: &str, tests: &str| {
            let dir = TempDir::new().unwrap();
            let lock = entry("\"registry.terraform.io/hashicorp/aws\"") + &entry(&format!("\"{provider}\""));
            fs::write(dir.path().join(FILE), lock).unwrap();
            fs::create_dir(dir.path().join("tests")).unwrap();
            fs::write(dir.path().join(tests), "run \"a\" {}\n").unwrap();
            fs::write(dir.path().join("backend.tf"), backend).unwrap();
            fs::write(dir.path().join(file), text).unwrap();
            judge(dir.path(), &[dir.path().to_owned()]).is_ok()
        };
        let s3 = "terraform {\n  backend \"s3\" {}\n}\n";
        let judged = |file: &str, text: &str, provider: &str, tests: &str| {
            judged_in(s3, (file, text), provider, tests)
        };
        let random = "registry.terraform.io/hashicorp/random";
        let plain =
            "locals {\n  a = null\n  b = \"random text\" # random\n}\nresource \"aws_vpc\" \"random\" {}\n";
        for tests in ["tests/a.tftest.hcl", "a.tftest.hcl", "tests/a.tftest.json"] {
            assert!(judged("main.tf", plain, random, tests), "{tests}");
        }
        assert!(judged(
            "main.tf",
            plain,
            "registry.terraform.io/hashicorp/null",
            "a.tftest.hcl"
        ));
        assert!(!judged("main.tf", plain, random, "tests/a.tf"), "no test");
        // A state that lies in the checkout may want any.
        for backend in [
            "",
            &s3.replace("s3", "local"),
            &format!("{s3}terraform {{\n  backend \"local\" {{}}\n}}\n"),
        ] {
            assert!(
                !judged_in(backend, ("main.tf", plain), random, "a.tftest.hcl"),
                "{backend}"
            );
        }
        assert!(!judged(
            "main.tf",
            plain,
            "registry.terraform.io/evil/aws",
            "a.tftest.hcl"
        ));
        for text in [
            "resource \"random_pet\" \"a\" {}\n",
            "resource random_pet a {}\n",
            "resource /* x */ \"random_pet\" \"a\" {}\n",
            "resource \"\\u0072andom_pet\" \"a\" {}\n",
            "data \"random\" \"a\" {}\n",
            "provider \"random\" {}\n",
            "resource \"aws_vpc\" \"a\" {\n  provider = random.x\n}\n",
            "resource \"aws_vpc\" \"a\" {\n  provider = \"random\"\n}\n",
            "terraform {\n  required_providers {\n    random = \"~> 3\"\n  }\n}\n",
            "terraform {\n  required_providers {\n    x = { source = \"hashicorp/Random\" }\n  }\n}\n",
            "terraform {\n  required_providers {\n    x = { source = var.x }\n  }\n}\n",
        ] {
            assert!(!judged("main.tf", text, random, "a.tftest.hcl"), "{text}");
        }
        for text in [
            r#"{"resource": {"random_pet": {}}}"#,
            r#"{"resource": [{"r\u0061ndom_pet": {}}]}"#,
            r#"{"resource": {"aws_vpc": {"a": {"provider": "random.x"}}}}"#,
            r#"{"terraform": {"required_providers": {"x": {"source": "hashicorp/random"}}}}"#,
        ] {
            assert!(!judged("main.tf.json", text, random, "a.tftest.hcl"), "{text}");
        }
    }
}
