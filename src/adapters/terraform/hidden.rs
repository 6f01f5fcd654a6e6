//! Settings of a provider that no plan tells. A plan's configuration has what stands in a `provider` block, in the root
//! module and in those that it calls, also behind an alias and from an override file; but it leaves out every `dynamic` block
//! there, in both syntaxes (seen with Terraform 1.11.4 and the AWS provider 5.100.0). So the gate would judge a provider by
//! less than it was told: `ignore_tags`, for one, hides a change of a tag from the plan.

use std::fs;
use std::path::{Path, PathBuf};

use hcl_edit::Span as _;
use hcl_edit::structure::Body;

use super::error::TerraformError;
use super::keys::Json;
use super::scan;

const PROVIDER: &str = "provider";
const DYNAMIC: &str = "dynamic";

/// The first such block in one of these folders, and where it stands.
pub(super) fn setting(folders: &[PathBuf]) -> Result<Option<String>, TerraformError> {
    for folder in folders {
        for file in scan::files(folder)? {
            if let Some(found) = in_file(&file)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn in_file(file: &Path) -> Result<Option<String>, TerraformError> {
    let bytes = fs::read(file).map_err(TerraformError::file(file))?;
    let place = file.display();
    if file.extension().is_some_and(|end| end == "json") {
        return Ok(match Json::read(&bytes) {
            Ok(json) => {
                let mut providers = json.under(PROVIDER).into_iter();
                let told = providers.any(|provider| !provider.under(DYNAMIC).is_empty());
                told.then(|| format!("`{DYNAMIC}` stands under `{PROVIDER}` in {place}"))
            }
            Err(error) => Some(format!("what cannot be read stands in {place} ({error})")),
        });
    }
    let text = String::from_utf8_lossy(&bytes);
    // No name can be spelt in another way, and most files have nothing to be parsed for.
    if !(text.contains(PROVIDER) && text.contains(DYNAMIC)) {
        return Ok(None);
    }
    Ok(match hcl_edit::parser::parse_body(&text) {
        Ok(body) => body
            .get_blocks(PROVIDER)
            .find_map(|block| first(&block.body, DYNAMIC))
            .map(|at| {
                let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
                let line = line.saturating_add(1);
                format!("`{DYNAMIC}` stands in a `{PROVIDER}` block in {place}:{line}")
            }),
        // It may be nothing, and it may be this.
        Err(error) => Some(format!(
            "what cannot be read stands in {place}:{}",
            error.location().line()
        )),
    })
}

/// Where the first block of this name begins, however deep.
fn first(body: &Body, name: &str) -> Option<usize> {
    body.blocks().find_map(|block| {
        if block.has_ident(name) {
            Some(block.span().map_or(0, |span| span.start))
        } else {
            first(&block.body, name)
        }
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// What is said of a module with this one file, without its folder.
    fn said(name: &str, text: &str) -> Option<String> {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(name), text).unwrap();
        let found = setting(&[dir.path().to_owned()]).unwrap()?;
        Some(found.replace(&format!("{}/", dir.path().display()), ""))
    }

    #[test]
    fn a_dynamic_block_of_a_provider_is_found_with_its_line() {
        for (text, line) in [
            (
                "provider \"aws\" {\n  region = \"a\"\n  dynamic \"ignore_tags\" {\n    for_each = [1]\n    content {}\n  }\n}\n",
                3,
            ),
            // Whatever stands around it, and whatever looks like the end of the block.
            (
                "provider aws {\n  region = \"}\" # }\n /* } */ dynamic \"x\" {}\n}\n",
                3,
            ),
            (
                "provider \"aws\" {\n  region = <<A\n}\nA\n  dynamic \"x\" {}\n}\n",
                5,
            ),
            (
                "provider \"aws\" {\n  assume_role {\n    dynamic \"x\" {}\n  }\n}\n",
                3,
            ),
            (
                "resource \"a\" \"b\" {}\nprovider \"aws\" {}\nprovider \"aws\" {\r\n  dynamic \"x\" {}\r\n}\n",
                4,
            ),
        ] {
            assert_eq!(
                said("a.tf", text),
                Some(format!("`dynamic` stands in a `provider` block in a.tf:{line}")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_dynamic_block_elsewhere_is_none_of_this() {
        for text in [
            "provider \"aws\" {\n  region = \"dynamic\"\n}\n",
            "provider \"aws\" {}\nresource \"a\" \"b\" {\n  dynamic \"c\" {\n    for_each = [1]\n    content {}\n  }\n}\n",
            "resource \"a\" \"b\" {\n  provider = aws.west\n  dynamic \"c\" {}\n}\n",
            // Refused by Terraform, and nothing that this is asked.
            "resource {\n  dynamic \"c\" {}\n",
        ] {
            assert_eq!(said("a.tf", text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_may_hold_one() {
        let text = "provider \"aws\" {}\nresource \"a\" \"b\" {\n  dynamic \"c\" {}\n";
        let found = said("a.tofu", text).unwrap_or_default();
        assert!(
            found.starts_with("what cannot be read stands in a.tofu:"),
            "{found}"
        );
        let found = said("a.tf.json", "{").unwrap_or_default();
        assert!(
            found.starts_with("what cannot be read stands in a.tf.json ("),
            "{found}"
        );
    }

    #[test]
    fn json_says_the_same_by_objects_by_lists_and_by_a_name_that_stands_twice() {
        for text in [
            r#"{"provider": {"aws": {"dynamic": {"ignore_tags": {}}}}}"#,
            r#"[{"variable": {}}, {"provider": [{"aws": [{"dynamic": []}]}]}]"#,
            r#"{"provider": {"aws": {"dynam\u0069c": {}}}, "provider": {"aws": {}}}"#,
            r#"{"provider": {"aws": {"dynamic": {}}, "aws": {}}}"#,
        ] {
            assert_eq!(
                said("a.tf.json", text).as_deref(),
                Some("`dynamic` stands under `provider` in a.tf.json"),
                "{text}"
            );
        }
        let beside = r#"{"provider": {"aws": {}}, "resource": {"a": {"b": {"dynamic": {}}}}}"#;
        assert_eq!(said("a.tf.json", beside), None);
    }
}
