//! Whom Terraform asks before there is a plan that could be judged: the place of its state, which `init` opens, and data
//! sources, which a plan reads. Some of both start a program on this computer (`exec` of a kubeconfig, `credential_process`
//! of a profile; all seen with 1.11.4), or are one. So they are looked for in the sources, and what cannot be told from
//! there, because it is computed, is refused.

use std::fs;
use std::path::{Path, PathBuf};

use rehull_core::tfplan::{RUN_AT_PLAN, STATE_BACKENDS};

use super::backend::{self, FROM_OUTSIDE, KNOWN_ONES};
use super::error::TerraformError;
use super::keys::Json;
use super::sources::{self, STATE};
use super::unfit::Unfit;

/// What a module may say of itself; whatever else there is or will be is not known. OpenTofu's `encryption` starts programs,
/// `cloud` runs everything elsewhere. The last one is how JSON has comments.
const OF_ITSELF: [&str; 7] = [
    "backend",
    "experiments",
    "language",
    "provider_meta",
    "required_providers",
    "required_version",
    "//",
];

/// What is not known of the backend that this module names, or of what is passed on for it, is refused. To be asked before
/// `init`.
pub(super) fn backend(module: &Path, passed_on: Option<&Path>) -> Result<(), Unfit> {
    let mut kinds = Vec::new();
    for (file, source) in sources::of(module)? {
        for settings in source.under("terraform") {
            let mut names = settings.entries().into_iter().map(|(name, _)| name);
            if let Some(name) = names.find(|name| !OF_ITSELF.contains(&name.as_str())) {
                let help = if name == "cloud" {
                    KNOWN_ONES
                } else {
                    "take it out: what it may start is not known here"
                };
                return Err(Unfit::new(format!("`{name}` stands in {}", file.display()), help));
            }
            for (kind, given) in settings.of("backend").into_iter().flat_map(Json::entries) {
                is_known(kind, given, &file)?;
                kinds.push(kind.clone());
            }
        }
    }
    // Terraform would take it for a setting, and not for a file.
    if let Some(setting) = passed_on.filter(|file| file.to_string_lossy().contains('=')) {
        let why = format!("the backend is given `{}`", setting.display());
        return Err(Unfit::new(
            why,
            "write it into a file of the module, and name that file",
        ));
    }
    // Terraform says what it thinks of one that is not there.
    let file = passed_on
        .map(|file| module.join(file))
        .filter(|file| file.is_file());
    let Some(file) = file else {
        return Ok(());
    };
    // Where it ends is read differently by Terraform, and what follows with it.
    let text = fs::read(&file).map_err(TerraformError::file(&file))?;
    if String::from_utf8_lossy(&text).contains("<<") {
        let why = format!("a heredoc stands in {}", file.display());
        return Err(Unfit::new(why, "write it as a text of one line"));
    }
    let given = sources::read(&file)?.whole();
    kinds.iter().try_for_each(|kind| is_known(kind, &given, &file))
}

fn is_known(kind: &str, given: &Json, file: &Path) -> Result<(), Unfit> {
    let place = file.display();
    let Some(known) = backend::known(kind) else {
        let why = format!("the backend `{kind}` is not known, which stands in {place}");
        return Err(Unfit::new(why, KNOWN_ONES));
    };
    let mut names = given.entries().into_iter().map(|(name, _)| name);
    names
        .find(|name| !known.contains(&name.as_str()))
        .map_or(Ok(()), |name| {
            let why = format!("the backend `{kind}` is given `{name}` in {place}");
            Err(Unfit::new(why, FROM_OUTSIDE))
        })
}

/// A data source in one of these folders that is, or may start, a program is refused. To be asked before a plan; of the
/// module's own also before `init`, which would have to find their providers first.
pub(super) fn data(folders: &[PathBuf]) -> Result<(), Unfit> {
    for folder in folders {
        for (file, source) in sources::of(folder)? {
            if let Some(found) = source.under("data").iter().find_map(asks) {
                let why = format!(
                    "{found} in {}: it may start a program while the plan is made",
                    file.display()
                );
                let help = "pass what it reads on as a variable; a state is read with the backend `s3` or `local` and an object of plain names";
                return Err(Unfit::new(why, help));
            }
        }
    }
    Ok(())
}

/// All that stands in one `data`.
fn asks(data: &Json) -> Option<String> {
    data.entries().into_iter().find_map(|(kind, named)| {
        if RUN_AT_PLAN.contains(&kind.as_str()) && named.is_block() {
            return Some(format!("`data \"{kind}\"` stands"));
        }
        if kind != STATE {
            return None;
        }
        let mut states = named.entries().into_iter();
        states.find_map(|(name, state)| {
            let why = reads_elsewhere(state)?;
            Some(format!("`data \"{STATE}\" \"{name}\"` {why}"))
        })
    })
}

/// Whoever reads another state says plainly where it is.
fn reads_elsewhere(state: &Json) -> Option<String> {
    let backends = state.of("backend");
    let [Json::Text(kind)] = backends.as_slice() else {
        return Some("computes its `backend`".to_owned());
    };
    let known = backend::known(kind).filter(|_| STATE_BACKENDS.contains(&kind.as_str()));
    let Some(known) = known else {
        return Some(format!("has the backend `{kind}`"));
    };
    for config in state.of("config") {
        if !config.is_block() {
            return Some("computes its `config`".to_owned());
        }
        let mut names = config.entries().into_iter().map(|(name, _)| name);
        if let Some(name) = names.find(|name| !known.contains(&name.as_str())) {
            return Some(format!("is given `{name}`"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Why a module with this one file is refused, without its folder.
    fn said(look: impl Fn(&Path) -> Result<(), Unfit>, (name, text): (&str, &str)) -> Option<String> {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(name), text).unwrap();
        let unfit = look(dir.path()).err()?;
        Some(unfit.why.replace(&format!("{}/", dir.path().display()), ""))
    }

    fn of_backend(name: &str, text: &str) -> Option<String> {
        said(
            |module| backend(module, Some(Path::new("state.tfbackend"))),
            (name, text),
        )
    }

    fn of_data(text: &str) -> Option<String> {
        let name = if text.starts_with('{') {
            "main.tf.json"
        } else {
            "main.tf"
        };
        let said = said(|module| data(&[module.to_owned()]), (name, text))?;
        Some(said.replace(": it may start a program while the plan is made", ""))
    }

    /// Which is done by moving the state, and not by telling the backend less.
    #[test]
    fn of_a_backend_that_is_not_known_it_is_said_which_ones_are() {
        let help = |text: &str| {
            let dir = TempDir::new().unwrap();
            fs::write(dir.path().join("main.tf"), text).unwrap();
            backend(dir.path(), None).unwrap_err().help
        };
        assert_eq!(help("terraform {\n  backend \"http\" {}\n}\n"), KNOWN_ONES);
        assert_eq!(help("terraform {\n  cloud {}\n}\n"), KNOWN_ONES);
        let profile = "terraform {\n  backend \"s3\" {\n    profile = \"x\"\n  }\n}\n";
        assert_eq!(help(profile), FROM_OUTSIDE);
    }

    /// Seen with Terraform 1.11.4: `init` lists workspaces, and runs what the kubeconfig says for it.
    #[test]
    fn a_backend_that_starts_a_program_is_found_before_init_asks_it() {
        let kubernetes =
            "terraform {\n  backend \"kubernetes\" {\n    config_path = \"./kubeconfig\"\n  }\n}\n";
        assert_eq!(
            of_backend("main.tf", kubernetes).as_deref(),
            Some("the backend `kubernetes` is not known, which stands in main.tf")
        );
        assert!(of_backend("x_override.tf", kubernetes).is_some());
        let json = r#"{"terraform": [{"backend": {"kub\u0065rnetes": {}}}]}"#;
        assert!(of_backend("main.tf.json", json).is_some());
        let twice = r#"{"terraform": {"backend": {"http": {}}}, "terraform": {"backend": {"s3": {}}}}"#;
        assert!(of_backend("main.tf.json", twice).is_some());
        let encrypted = "terraform {\n  encryption {\n    key_provider \"external\" \"x\" {\n      command = [\"./x\"]\n    }\n  }\n}\n";
        assert_eq!(
            of_backend("main.tofu", encrypted).as_deref(),
            Some("`encryption` stands in main.tofu")
        );
        let cloud = "terraform {\n  cloud {}\n}\n";
        assert_eq!(
            of_backend("main.tf", cloud).as_deref(),
            Some("`cloud` stands in main.tf")
        );
        let profile = "terraform {\n  backend \"s3\" {\n    profile = \"x\"\n  }\n}\n";
        assert_eq!(
            of_backend("main.tf", profile).as_deref(),
            Some("the backend `s3` is given `profile` in main.tf")
        );
        let fine = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    use_lockfile = true\n  }\n}\n";
        assert_eq!(of_backend("main.tf", fine), None);
        assert_eq!(of_backend("main.tf", "variable \"backend\" {}\n"), None);
        let broken = "terraform {\n  backend \"s3\" {\n";
        assert!(
            of_backend("main.tf", broken)
                .is_some_and(|said| said.starts_with("what cannot be read stands in main.tf:"))
        );
    }

    #[test]
    fn what_is_passed_on_for_a_backend_is_looked_through_as_well() {
        let dir = TempDir::new().unwrap();
        let root = dir.path();
        fs::write(root.join("main.tf"), "terraform {\n  backend \"s3\" {}\n}\n").unwrap();
        let passed_on = Some(Path::new("state.tfbackend"));
        assert_eq!(backend(root, passed_on), Ok(()), "not there");
        let found = |text: &str| {
            fs::write(root.join("state.tfbackend"), text).unwrap();
            backend(root, passed_on).map_or_else(|unfit| unfit.why, |()| String::new())
        };
        assert_eq!(found("bucket = \"b\"\nendpoints = { s3 = \"x\" }\n"), "");
        let hidden = found("key = <<EOT\nEOT\nprofile = \"x\"\nbucket = <<EOT\nx\nEOT\n");
        assert!(hidden.starts_with("a heredoc stands in "), "{hidden}");
        let profile = found("profile = \"x\"\n");
        assert!(
            profile.starts_with("the backend `s3` is given `profile` in "),
            "{profile}"
        );
    }

    /// Seen with Terraform 1.11.4: it is a setting to `init`, whatever files there are.
    #[test]
    fn a_name_of_a_file_that_terraform_takes_for_a_setting_is_refused() {
        let dir = TempDir::new().unwrap();
        let passed_on = Path::new("shared_config_files=[\"./x\"]");
        let unfit = backend(dir.path(), Some(passed_on)).unwrap_err();
        assert_eq!(unfit.why, "the backend is given `shared_config_files=[\"./x\"]`");
    }

    #[test]
    fn a_data_source_that_is_a_program_is_found_before_a_plan_reads_it() {
        for (text, kind) in [
            (
                "data \"external\" \"x\" {\n  program = [\"./x\"]\n}\n",
                "external",
            ),
            ("check \"c\" {\n  data \"http\" \"x\" {}\n}\n", "http"),
            ("data \"exter\\u006eal\" \"x\" {}\n", "external"),
            (r#"{"data": {"external": {"x": {}}}}"#, "external"),
            (r#"{"data": [{"http": [{"x": {}}]}]}"#, "http"),
            // A label that is the same word.
            ("check \"data\" {\n  data \"external\" \"x\" {}\n}\n", "external"),
            (
                r#"{"check": {"data": {"data": {"external": {"x": {}}}}}}"#,
                "external",
            ),
        ] {
            let said = of_data(text).unwrap_or_default();
            assert!(
                said.starts_with(&format!("`data \"{kind}\"` stands in main.tf")),
                "{text}: {said}"
            );
        }
        for text in [
            "data \"aws_caller_identity\" \"x\" {}\n",
            "locals {\n  data = { http = \"x\" }\n}\n",
            "resource \"a\" \"b\" {\n  data = { external = local.x }\n}\n",
        ] {
            assert_eq!(of_data(text), None, "{text}");
        }
    }

    /// Seen with Terraform 1.11.4: a plan asks the backend of a state that it reads, and no lock file knows of it.
    #[test]
    fn a_state_is_read_only_where_the_sources_say_plainly_from_where() {
        let state = |inner: &str| of_data(&format!("data \"terraform_remote_state\" \"x\" {{\n{inner}}}\n"));
        let s3 = "  backend = \"s3\"\n";
        for (inner, why) in [
            (
                "  backend = \"kubernetes\"\n  config = { config_path = \"./x\" }\n".to_owned(),
                "has the backend `kubernetes`",
            ),
            ("  backend = var.kind\n".to_owned(), "computes its `backend`"),
            (
                "  backend = \"s${var.three}\"\n".to_owned(),
                "computes its `backend`",
            ),
            (String::new(), "computes its `backend`"),
            (
                format!("{s3}  config = yamldecode(file(\"x\"))\n"),
                "computes its `config`",
            ),
            (
                format!("{s3}  config = merge({{ bucket = \"b\" }}, var.x)\n"),
                "computes its `config`",
            ),
            (
                format!("{s3}  config = {{ (var.x) = \"y\" }}\n"),
                "computes its `config`",
            ),
            (
                format!("{s3}  config = {{ \"shared_\\u0063onfig_files\" = [\"y\"] }}\n"),
                "is given `shared_config_files`",
            ),
            (
                format!("{s3}  config = {{ profile = \"y\" }}\n"),
                "is given `profile`",
            ),
        ] {
            let said = state(&inner).unwrap_or_default();
            assert_eq!(
                said,
                format!("`data \"terraform_remote_state\" \"x\"` {why} in main.tf"),
                "{inner}"
            );
        }
        let json =
            r#"{"data": {"terraform_remote_state": {"x": {"backend": "s3", "config": {"${var.x}": "y"}}}}}"#;
        assert!(of_data(json).is_some());
        let json = r#"{"data": {"terraform_remote_state": {"x": {"backend": "s3", "config": "${var.x}"}}}}"#;
        assert!(of_data(json).is_some());
        let fine = format!(
            "{s3}  config = {{\n    bucket = var.bucket\n    \"key\" = \"k\"\n    region = var.region\n  }}\n"
        );
        assert_eq!(state(&fine), None);
    }
}
