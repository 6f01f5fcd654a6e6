//! `rehull init`: the files of a new repository. Nothing is written over, and without the room for all of it nothing is written.

mod files;
mod place;

use serde_json::json;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::wish::{Format, Initialising};
use crate::report::json::OUTPUT_FORMAT;

/// Name, account and network of each environment, as its `terraform.tfvars` have them.
const ENVIRONMENTS: [(&str, &str, &str); 3] = [
    ("dev", "111122223333", "10.0"),
    ("stag", "222233334444", "10.1"),
    ("prod", "333344445555", "10.2"),
];

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../templates/repository/", $path))
    };
}

/// Says how long a session of the apply role may be. A workflow that asks for less ends a long rollout early, and one that asks
/// for more gets none.
const OIDC: &str = include_str!("../../../terraform/modules/github-oidc/variables.tf");

/// The module's own number.
fn session_seconds() -> &'static str {
    let default = || {
        let (_, variable) = OIDC.split_once("variable \"apply_session_seconds\" {")?;
        let mut lines = variable.lines().take_while(|line| *line != "}");
        let line = lines.find(|line| line.trim_start().starts_with("default "))?;
        Some(line.split_once('=')?.1.trim())
    };
    default().unwrap_or_default()
}

/// Everything, by its path in the repository.
fn all() -> Vec<(String, String)> {
    let mut all = vec![
        ("README.md".to_owned(), template!("README.md").to_owned()),
        (".gitignore".to_owned(), template!("gitignore").to_owned()),
        (
            ".github/workflows/check.yml".to_owned(),
            template!("workflows/check.yml").to_owned(),
        ),
        (
            ".github/workflows/upgrade.yml".to_owned(),
            template!("workflows/upgrade.yml").replace("@APPLY_SESSION_SECONDS@", session_seconds()),
        ),
    ];
    for (name, account, network) in ENVIRONMENTS {
        let text = template!("cluster.yaml")
            .replace("@CLUSTER@", name)
            .replace("@ACCOUNT@", account)
            .replace("@NETWORK@", network);
        all.push((format!("clusters/{name}.yaml"), text));
    }
    let terraform = files::TERRAFORM.iter();
    all.extend(terraform.map(|(path, text)| (format!("terraform/{path}"), (*text).to_owned())));
    all.sort();
    all
}

/// Writes them, or lists them.
///
/// # Errors
/// One of them is there already, or cannot be written.
pub fn run(console: &Console, asked: &Initialising) -> Result<Exit, Failure> {
    let files = place::around_what_is_there(&asked.dir, all());
    place::is_free(&asked.dir, &files)?;
    if !asked.dry_run {
        place::write(&asked.dir, &files)?;
    }
    show(console, asked, &files)?;
    Ok(Exit::Ok)
}

fn show(console: &Console, asked: &Initialising, files: &[(String, String)]) -> Result<(), Failure> {
    let paths: Vec<_> = files.iter().map(|(path, _)| asked.dir.join(path)).collect();
    if console.format == Format::Json {
        return console.answer_json(&json!({
            "format": OUTPUT_FORMAT,
            "kind": "init",
            "written": !asked.dry_run,
            "files": paths,
        }));
    }
    let mut text = String::new();
    for path in &paths {
        text.push_str(&format!("{}\n", path.display()));
    }
    let readme = files.iter().find(|(_, text)| text == template!("README.md"));
    let readme = readme.map_or_else(|| asked.dir.clone(), |(path, _)| asked.dir.join(path));
    if files.iter().any(|(path, _)| path == place::IGNORED_ASIDE) {
        text.push_str(&format!(
            "there is a .gitignore already: the lines of {} belong into it\n",
            place::IGNORED_ASIDE
        ));
    }
    text.push_str(&if asked.dry_run {
        format!("{} files; nothing was written\n", files.len())
    } else {
        format!(
            "{} files; next: what to fill in, in {}\n",
            files.len(),
            readme.display()
        )
    });
    console.answer(&text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn text(path: &str) -> String {
        let files = all();
        let found = files.into_iter().find(|(name, _)| name == path);
        found.unwrap_or_else(|| panic!("no {path}")).1
    }

    fn below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != ".terraform") {
                below(&path, found);
            } else if path.is_file() {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_cluster_file_is_sound_and_fits_the_environment_of_its_name() {
        for (name, account, _) in ENVIRONMENTS {
            let file = text(&format!("clusters/{name}.yaml"));
            let desired =
                rehull_core::config::parse(name, &file).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
            let tfvars = text(&format!("terraform/environments/{name}/base/terraform.tfvars"));
            let tfvars: String = tfvars.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                tfvars.contains(&format!("account_id = \"{account}\"")),
                "{tfvars}"
            );
            assert!(tfvars.contains(&format!("cluster = \"{name}\"")), "{tfvars}");
            for slot in &desired.etcd.slots {
                let line = format!(
                    "{} = {{ zone = \"{}\", address = \"{}\" }}",
                    slot.name, slot.zone, slot.address
                );
                assert!(tfvars.contains(&line), "no `{line}` in {tfvars}");
            }
            let module = desired.terraform.expect("Terraform makes the versions").templates;
            assert_eq!(module, format!("../terraform/environments/{name}/templates"));
        }
    }

    #[test]
    fn the_cluster_files_differ_in_data_only() {
        let keys = |name: &str| -> Vec<String> {
            let file = text(&format!("clusters/{name}.yaml"));
            let key = |line: &str| line.split(": ").next().unwrap_or_default().to_owned();
            file.lines()
                .skip(1)
                .map(key)
                .map(|key| key.replace(name, "NAME"))
                .collect()
        };
        assert_eq!(keys("dev"), keys("stag"));
        assert_eq!(keys("dev"), keys("prod"));
    }

    #[test]
    fn all_of_terraform_is_in_it_and_nothing_that_is_not_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform");
        let mut there = BTreeSet::new();
        below(&root.join("modules"), &mut there);
        below(&root.join("environments"), &mut there);
        let rendered = |path: &PathBuf| {
            path.ends_with("rehull.auto.tfvars.json") || path.ends_with(".terraform.lock.hcl")
        };
        there.retain(|path| !rendered(path));
        let listed: BTreeSet<PathBuf> = files::TERRAFORM.iter().map(|(path, _)| root.join(path)).collect();
        assert_eq!(listed, there);
    }

    #[test]
    fn the_workflow_asks_for_as_long_a_session_as_the_apply_role_gives() {
        let variables = text("terraform/modules/github-oidc/variables.tf");
        let (_, variable) = variables
            .split_once("variable \"apply_session_seconds\"")
            .unwrap();
        let (_, default) = variable.split_once("default     = ").unwrap();
        let seconds: u32 = default.lines().next().unwrap().parse().unwrap();
        let workflow = text(".github/workflows/upgrade.yml");
        assert!(
            workflow.contains(&format!("  APPLY_SESSION_SECONDS: \"{seconds}\"\n")),
            "{workflow}"
        );
        let asked: Vec<&str> = workflow
            .lines()
            .filter_map(|line| line.split_once("--duration-seconds "))
            .filter_map(|(_, rest)| rest.split_whitespace().next())
            .collect();
        assert_eq!(asked, ["\"$APPLY_SESSION_SECONDS\""; ENVIRONMENTS.len()]);
        // An environment that gives another number would have to have another workflow.
        for (path, text) in all() {
            let own = path.starts_with("terraform/environments/") && text.contains("apply_session_seconds");
            assert!(!own, "{path}");
        }
    }

    #[test]
    fn workflows_pin_what_they_use_and_never_cancel_a_rollout() {
        for name in ["check", "upgrade"] {
            let workflow = text(&format!(".github/workflows/{name}.yml"));
            for uses in workflow
                .lines()
                .filter_map(|line| line.trim().strip_prefix("- uses: "))
            {
                let pin = uses.split('@').nth(1).unwrap().split(' ').next().unwrap();
                assert!(
                    pin.len() == 40 && pin.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{uses}"
                );
            }
            assert!(workflow.contains("\npermissions: {}\n"));
            for run in workflow.lines().filter(|line| line.contains("run:")) {
                assert!(!run.contains("${{"), "{run}");
            }
        }
        let upgrade = text(".github/workflows/upgrade.yml");
        assert_eq!(
            upgrade.matches("cancel-in-progress: false").count(),
            ENVIRONMENTS.len()
        );
        assert_eq!(
            upgrade.matches("--plan-digest \"$DIGEST\"").count(),
            ENVIRONMENTS.len()
        );
        for (before, after) in [("dev", "stag"), ("stag", "prod")] {
            assert!(upgrade.contains(&format!("\n  {after}:\n    needs: {before}\n")));
        }
    }
}
