//! Where the state is, as `init` has written it down: every setting, whoever gave it, the module, a file or the environment.
//!
//! A backend is asked before there is a plan. Some start programs for their credentials (`credential_process` of a profile,
//! `exec` of a kubeconfig), some run elsewhere altogether; what is not known here is refused by its name.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::error::TerraformError;
use super::keys::Json;
use super::unfit::Unfit;

/// Written by `init` where a backend is configured.
const WRITTEN: &str = ".terraform/terraform.tfstate";

/// What may be said of a state, by type of backend.
const KNOWN: &[(&str, &[&str])] = &[
    ("local", &["path", "workspace_dir"]),
    (
        "s3",
        &[
            "acl",
            "allowed_account_ids",
            "assume_role",
            "bucket",
            "dynamodb_table",
            "encrypt",
            "endpoints",
            "forbidden_account_ids",
            "key",
            "kms_key_id",
            "max_retries",
            "region",
            "retry_mode",
            "skip_credentials_validation",
            "skip_metadata_api_check",
            "skip_region_validation",
            "skip_requesting_account_id",
            "skip_s3_checksum",
            "use_dualstack_endpoint",
            "use_fips_endpoint",
            "use_lockfile",
            "use_path_style",
            "workspace_key_prefix",
        ],
    ),
];

/// What a backend of this type may be told; `None`: it is not known.
pub(super) fn known(kind: &str) -> Option<&'static [&'static str]> {
    let row = KNOWN.iter().find(|(name, _)| *name == kind)?;
    Some(row.1)
}

/// What Terraform and OpenTofu write into that file, and into its `backend`.
const IN_ALL: [&str; 6] = [
    "backend",
    "lineage",
    "modules",
    "serial",
    "terraform_version",
    "version",
];
const IN_BACKEND: [&str; 3] = ["config", "hash", "type"];

/// Where the state may be instead.
pub(super) const KNOWN_ONES: &str = "the backends `s3` and `local` are known: move the state to one of them";
/// Whom credentials come from instead.
pub(super) const FROM_OUTSIDE: &str = "take it out: credentials and whatever belongs to this computer come from the environment that rehull runs in";

/// What is not known of the backend of this module is refused, as it was written down by the last `init`.
pub(super) fn judge(module: &Path) -> Result<(), Unfit> {
    let path = module.join(WRITTEN);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TerraformError::file(path)(error).into()),
    };
    let written = Json::read(&text).map_err(|error| TerraformError::file(&path)(io::Error::from(error)))?;
    let other = |what: String| {
        let why = format!("{what} in {}, and `init` writes no such thing", path.display());
        Unfit::new(why, "remove that file: `init` writes it anew from the module")
    };
    let all = plainly(&written, &IN_ALL).map_err(other)?;
    let backend = match all.get("backend") {
        None | Some(Json::Null) => return Ok(()),
        Some(backend) => plainly(backend, &IN_BACKEND).map_err(other)?,
    };
    let (Some(Json::Text(kind)), Some(Json::Object(config))) = (backend.get("type"), backend.get("config"))
    else {
        return Err(other("a backend without `type` or `config` stands".to_owned()));
    };
    let Some(known) = known(kind) else {
        return Err(Unfit::new(
            format!("the backend `{kind}` is not known"),
            KNOWN_ONES,
        ));
    };
    let mut given = config.iter().filter(|(_, value)| !matches!(value, Json::Null));
    match given.find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(Unfit::new(
            format!("the backend `{kind}` is given `{name}`"),
            FROM_OUTSIDE,
        )),
        None => Ok(()),
    }
}

/// The entries of an object that has these names and no others, each once. Whoever reads it for Terraform does not mind in
/// which case a name is written, nor that a letter is a Kelvin sign or a long s, and takes the last one of two: so any other
/// spelling is another name here.
pub(super) fn plainly<'j>(json: &'j Json, names: &[&str]) -> Result<BTreeMap<&'j str, &'j Json>, String> {
    let Json::Object(entries) = json else {
        return Err("what is no object stands".to_owned());
    };
    let mut found = BTreeMap::new();
    for (name, value) in entries {
        if !names.contains(&name.as_str()) {
            return Err(format!("`{name}` stands"));
        }
        if found.insert(name.as_str(), value).is_some() {
            return Err(format!("`{name}` stands twice"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::*;

    /// Why this file is refused, without its folder.
    fn said(text: &str) -> Option<String> {
        let dir = TempDir::new().unwrap();
        assert_eq!(judge(dir.path()), Ok(()), "none is configured");
        fs::create_dir(dir.path().join(".terraform")).unwrap();
        fs::write(dir.path().join(WRITTEN), text).unwrap();
        let unfit = judge(dir.path()).err()?;
        Some(unfit.why.replace(&format!("{}/", dir.path().display()), ""))
    }

    fn of_backend(backend: &Value) -> Option<String> {
        said(&json!({"version": 3, "terraform_version": "1.11.4", "backend": backend}).to_string())
    }

    #[test]
    fn a_backend_is_told_where_the_state_is_and_nothing_that_starts_a_program() {
        let s3 = |name: &str| json!({"type": "s3", "hash": 1, "config": {"bucket": "b", "key": "k", "profile": null, name: "x"}});
        assert_eq!(of_backend(&s3("region")), None);
        for name in ["profile", "shared_config_files", "access_key", "soon"] {
            let wanted = format!("the backend `s3` is given `{name}`");
            assert_eq!(of_backend(&s3(name)), Some(wanted));
        }
        let number = json!({"type": "s3", "config": {"profile": 5}});
        assert!(of_backend(&number).is_some(), "Terraform makes a text of it");
        assert_eq!(
            of_backend(&json!({"type": "local", "config": {"path": "x"}})),
            None
        );
        for kind in ["kubernetes", "cloud", "http"] {
            let wanted = format!("the backend `{kind}` is not known");
            assert_eq!(of_backend(&json!({"type": kind, "config": {}})), Some(wanted));
        }
        assert_eq!(of_backend(&Value::Null), None);
        // OpenTofu and earlier releases write more.
        let more = r#"{"version": 3, "serial": 1, "lineage": "x", "backend": null, "modules": []}"#;
        assert_eq!(said(more), None);
    }

    /// Seen with Terraform 1.11.4: to `init` the first two were the backend, and the program that they lead to ran.
    #[test]
    fn a_name_that_only_terraform_takes_for_a_known_one_is_refused() {
        let config = r#"{"bucket": "b", "key": "k", "profile": "x"}"#;
        for (text, name) in [
            (
                format!(r#"{{"version": 3, "Backend": {{"type": "s3", "config": {config}}}}}"#),
                "Backend",
            ),
            (
                format!("{{\"version\": 3, \"bac\u{212a}end\": {{\"type\": \"s3\", \"config\": {config}}}}}"),
                "bac\u{212a}end",
            ),
            (
                format!(
                    r#"{{"version": 3, "backend": null, "BACKEND": {{"type": "s3", "config": {config}}}}}"#
                ),
                "BACKEND",
            ),
            (
                format!(
                    r#"{{"backend": {{"type": "local", "config": {{}}, "Type": "s3", "CONFIG": {config}}}}}"#
                ),
                "Type",
            ),
            (
                format!(r#"{{"backend": {{"type": "s3", "config": {{}}, "Config": {config}}}}}"#),
                "Config",
            ),
            (
                r#"{"version": 3, "state_store": {"type": "x"}}"#.to_owned(),
                "state_store",
            ),
            ("{\"version\": 3, \"\u{17f}erial\": 1}".to_owned(), "\u{17f}erial"),
        ] {
            let wanted = format!("`{name}` stands in {WRITTEN}, and `init` writes no such thing");
            assert_eq!(said(&text), Some(wanted), "{text}");
        }
        let twice = format!(
            r#"{{"backend": {{"type": "local", "config": {{}}}}, "backend": {{"type": "s3", "config": {config}}}}}"#
        );
        assert!(said(&twice).is_some_and(|said| said.starts_with("`backend` stands twice")));
        let twice = format!(r#"{{"backend": {{"type": "s3", "config": {{}}, "config": {config}}}}}"#);
        assert!(said(&twice).is_some_and(|said| said.starts_with("`config` stands twice")));
        let other = r#"[{"backend": {"type": "s3", "config": {}}}]"#;
        assert!(said(other).is_some_and(|said| said.starts_with("what is no object stands")));
    }
}
