//! Settings of a provider that no plan tells. A plan's configuration has what stands in a `provider` block, in the root
//! module and in those that it calls, also behind an alias and from an override file; but it leaves out every `dynamic` block
//! there, in both syntaxes (seen with Terraform 1.11.4 and the AWS provider 5.100.0). So the gate would judge a provider by
//! less than it was told: `ignore_tags`, for one, hides a change of a tag from the plan.

use std::path::PathBuf;

use hcl_edit::Span as _;
use hcl_edit::structure::Body;

use super::error::TerraformError;
use super::sources::{self, Source};

const PROVIDER: &str = "provider";
const DYNAMIC: &str = "dynamic";

/// The first such block in one of these folders, and where it stands.
pub(super) fn setting(folders: &[PathBuf]) -> Result<Option<String>, TerraformError> {
    for folder in folders {
        for (file, source) in sources::of(folder)? {
            let place = file.display();
            let found = match source {
                Ok(Source::Json(json)) => {
                    let mut providers = json.under(PROVIDER).into_iter();
                    let told = providers.any(|provider| !provider.under(DYNAMIC).is_empty());
                    told.then(|| format!("`{DYNAMIC}` stands under `{PROVIDER}` in {place}"))
                }
                Ok(Source::Hcl(text, body)) => first(&body).map(|at| {
                    let line = sources::line(&text, at);
                    format!("`{DYNAMIC}` stands in a `{PROVIDER}` block in {place}:{line}")
                }),
                // It may be nothing, and it may be this.
                Err(unreadable) => Some(unreadable),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Where the first of them begins.
fn first(body: &Body) -> Option<usize> {
    let providers = sources::blocks(body, PROVIDER).into_iter();
    let mut hidden = providers.flat_map(|provider| sources::blocks(&provider.body, DYNAMIC));
    hidden.next()?.span().map(|span| span.start)
}

#[cfg(test)]
mod tests {
    use std::fs;

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
