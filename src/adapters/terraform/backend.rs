//! Where the state is, as `init` has written it down: every setting, whoever gave it, the module, a file or the environment.
//!
//! A backend is asked before there is a plan. Some start programs for their credentials (`credential_process` of a profile,
//! `exec` of a kubeconfig), some run elsewhere altogether; what is not known here is refused by its name.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::error::TerraformError;

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

/// What is not known of the backend of this module; `None`: all of it is, or it has none.
pub(super) fn unknown(module: &Path) -> Result<Option<String>, TerraformError> {
    #[derive(serde::Deserialize)]
    struct Written {
        backend: Option<Backend>,
    }
    #[derive(serde::Deserialize)]
    struct Backend {
        #[serde(rename = "type")]
        kind: String,
        config: Map<String, Value>,
    }
    let path = module.join(WRITTEN);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(TerraformError::file(path)(error)),
    };
    let written: Written =
        serde_json::from_slice(&text).map_err(|error| TerraformError::file(path)(io::Error::from(error)))?;
    let Some(Backend { kind, config }) = written.backend else {
        return Ok(None);
    };
    let Some(known) = known(&kind) else {
        return Ok(Some(format!("the backend `{kind}` is not known")));
    };
    let given = config.iter().filter(|(_, value)| !value.is_null());
    let mut unknown = given.filter(|(name, _)| !known.contains(&name.as_str()));
    Ok(unknown
        .next()
        .map(|(name, _)| format!("the backend `{kind}` is given `{name}`")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;

    fn asked(backend: &Value) -> Option<String> {
        let dir = TempDir::new().unwrap();
        assert_eq!(unknown(dir.path()).unwrap(), None, "none is configured");
        fs::create_dir(dir.path().join(".terraform")).unwrap();
        let text = json!({"version": 3, "terraform_version": "1.11.4", "backend": backend});
        fs::write(dir.path().join(WRITTEN), text.to_string()).unwrap();
        unknown(dir.path()).unwrap()
    }

    #[test]
    fn a_backend_is_told_where_the_state_is_and_nothing_that_starts_a_program() {
        let s3 = |name: &str| json!({"type": "s3", "hash": 1, "config": {"bucket": "b", "key": "k", "profile": null, name: "x"}});
        assert_eq!(asked(&s3("region")), None);
        for name in ["profile", "shared_config_files", "access_key", "soon"] {
            let said = format!("the backend `s3` is given `{name}`");
            assert_eq!(asked(&s3(name)), Some(said));
        }
        assert_eq!(asked(&json!({"type": "local", "config": {"path": "x"}})), None);
        for kind in ["kubernetes", "cloud", "http"] {
            let said = format!("the backend `{kind}` is not known");
            assert_eq!(asked(&json!({"type": kind, "config": {}})), Some(said));
        }
        assert_eq!(asked(&Value::Null), None);
    }
}
