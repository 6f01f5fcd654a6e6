//! Settings of a provider that no plan tells. A plan's configuration has what stands in a `provider` block, in the root
//! module and in those that it calls, also behind an alias and from an override file; but it leaves out every `dynamic` block
//! there, in both syntaxes (seen with Terraform 1.11.4 and the AWS provider 5.100.0). So the gate would judge a provider by
//! less than it was told: `ignore_tags`, for one, hides a change of a tag from the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::structure::{Attribute, Body};
use rehull_core::tfplan::ALARM_ACTIONS;

use super::begins;
use super::keys::Json;
use super::modules::{Module, prefix};
use super::sources::{self, Source};
use super::unfit::Unfit;

const PROVIDER: &str = "provider";
const DYNAMIC: &str = "dynamic";
const RESOURCE: &str = "resource";

/// The first such block in one of these folders, and where it stands.
pub(super) fn setting(folders: &[PathBuf]) -> Result<Option<String>, Unfit> {
    for folder in folders {
        for (file, source) in sources::of(folder)? {
            let place = file.display();
            let found = match source {
                Source::Json(json) => {
                    let mut providers = json.under(PROVIDER).into_iter();
                    let told = providers.any(|provider| !provider.under(DYNAMIC).is_empty());
                    told.then(|| format!("`{DYNAMIC}` stands under `{PROVIDER}` in {place}"))
                }
                Source::Hcl(text, body) => first(&body).map(|at| {
                    let line = sources::line(&text, at);
                    format!("`{DYNAMIC}` stands in a `{PROVIDER}` block in {place}:{line}")
                }),
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Names of the `dynamic` blocks in these folders: where such a block is not known before the apply the plan looks as if there
/// were none. In what it stands is not asked, as that could be read differently.
pub(super) fn blocks(folders: &[PathBuf]) -> Result<BTreeSet<String>, Unfit> {
    let mut found = BTreeSet::new();
    for folder in folders {
        for (_, source) in sources::of(folder)? {
            let blocks = source.under(DYNAMIC);
            let names = blocks.iter().flat_map(Json::entries);
            found.extend(names.map(|(name, _)| name.clone()));
        }
    }
    Ok(found)
}

/// Resources of these modules, each with one of [`ALARM_ACTIONS`] that is nothing but references to names of things (`arn`, `id`),
/// one by one, wherever it is set for that resource.
pub(super) fn plain(tree: &[Module]) -> Result<BTreeSet<(String, String)>, Unfit> {
    let mut found = BTreeSet::new();
    for module in tree {
        let files = sources::of(&module.folder)?;
        for name in ALARM_ACTIONS {
            let mut given = BTreeMap::new();
            let are_told = files.iter().all(|(_, source)| are_told(source, name, &mut given));
            let plain = given.into_iter().filter(|(_, is_plain)| *is_plain && are_told);
            let address = |resource: String| format!("{}{resource}", prefix(&module.key));
            found.extend(plain.map(|(resource, _)| (address(resource), (*name).to_owned())));
        }
    }
    Ok(found)
}

/// Notes for each resource of a file whether this argument of it is plain. False: what may be one to Terraform is none to the
/// parser, or another resource's.
fn are_told(source: &Source, name: &str, given: &mut BTreeMap<String, bool>) -> bool {
    let (text, body) = match source {
        Source::Hcl(text, body) => (text, body),
        Source::Json(json) => return json.under(name).is_empty(),
    };
    let resources = sources::blocks(body, RESOURCE);
    for resource in &resources {
        let [kind, label] = resource.labels.as_slice() else {
            return false;
        };
        let is_plain = given_to(&resource.body, name)
            .into_iter()
            .map(|one| refers_only(&one.value))
            .reduce(|one, other| one && other);
        if let Some(is_plain) = is_plain {
            let address = format!("{}.{}", kind.as_str(), label.as_str());
            let all = given.entry(address).or_insert(true);
            *all &= is_plain;
        }
    }
    let begun: Vec<usize> = resources
        .iter()
        .filter_map(|one| Some(one.span()?.start))
        .collect();
    let set: Vec<usize> = given_to(body, name)
        .iter()
        .filter_map(|one| Some(one.span()?.start))
        .collect();
    begins::beginnings(text, RESOURCE).all(|at| begun.contains(&at))
        && begins::arguments(text, name).all(|at| set.contains(&at))
}

/// All that are set under this name, however deep.
fn given_to<'b>(body: &'b Body, name: &str) -> Vec<&'b Attribute> {
    let own = body.attributes().filter(|one| one.key.as_str() == name);
    own.chain(body.blocks().flat_map(|block| given_to(&block.body, name)))
        .collect()
}

fn refers_only(value: &Expression) -> bool {
    let refers = |item: &Expression| {
        let Expression::Traversal(path) = item else {
            return false;
        };
        let is_plain = |step: &TraversalOperator| match step {
            TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_) => true,
            TraversalOperator::Index(key) => key.as_str().is_some() || key.is_number(),
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => false,
        };
        let is_name = |step: &TraversalOperator| matches!(step, TraversalOperator::GetAttr(name) if ["arn", "id"].contains(&name.as_str()));
        let ends_in_a_name = path.operators.last().is_some_and(|last| is_name(last.value()));
        ends_in_a_name
            && matches!(path.expr, Expression::Variable(_))
            && path.operators.iter().all(|step| is_plain(step.value()))
    };
    value.as_array().is_some_and(|items| items.iter().all(refers))
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
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    /// What is said of a module with this one file, without its folder.
    fn said(name: &str, text: &str) -> Option<String> {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join(name), text).unwrap();
        let found = setting(&[dir.path().to_owned()]).unwrap_or_else(|unfit| Some(unfit.why))?;
        Some(found.replace(&format!("{}/", dir.path().display()), ""))
    }

    fn module(key: &str, folder: &Path) -> Module {
        Module {
            key: key.to_owned(),
            folder: folder.to_owned(),
            whole: folder.to_owned(),
            seen: ".".into(),
        }
    }

    fn alarm(name: &str, value: &str) -> String {
        format!("resource \"aws_cloudwatch_metric_alarm\" \"{name}\" {{\n  alarm_actions = {value}\n}}\n")
    }

    const TOPIC: &str = "[aws_sns_topic.a.arn]";

    /// A plan tells what a list refers to, and not what stands beside that.
    #[test]
    fn a_list_of_plain_references_is_told_from_one_with_something_beside_them() {
        let is_plain = |name: &str, text: &str| {
            let dir = TempDir::new().unwrap();
            fs::write(dir.path().join("a.tf"), alarm("other", TOPIC)).unwrap();
            fs::write(dir.path().join(name), text).unwrap();
            let plain = plain(&[module("", dir.path())]).unwrap();
            plain.contains(&("aws_cloudwatch_metric_alarm.a".into(), "alarm_actions".into()))
        };
        for value in [
            TOPIC,
            "[aws_sns_topic.a.arn, aws_sns_topic.b[0].id]",
            "[aws_sns_topic.a[\"x\"].arn, # told\n  ]",
            "[]",
        ] {
            assert!(is_plain("main.tf", &alarm("a", value)), "{value}");
        }
        for value in [
            "[aws_sns_topic.a.arn, \"arn:aws:automate:eu-central-1:ec2:terminate\"]",
            "[\"${aws_sns_topic.a.arn}\"]",
            "[aws_sns_topic.a.policy]",
            "[aws_sns_topic.a[local.x].arn]",
            "[true ? aws_sns_topic.a.arn : \"x\"]",
            "aws_sns_topic.a[*].arn",
            "concat([aws_sns_topic.a.arn], local.x)",
            "local.actions",
        ] {
            assert!(!is_plain("main.tf", &alarm("a", value)), "{value}");
            let overridden = alarm("a", TOPIC) + &alarm("a", value);
            assert!(!is_plain("main.tf", &overridden), "{value}");
            let beside = alarm("a", TOPIC) + &alarm("b", value);
            assert!(is_plain("main.tf", &beside), "another's: {value}");
        }
        let json = r#"{"resource": {"aws_cloudwatch_metric_alarm": {"a": {"alarm_actions": ["${aws_sns_topic.a.arn}"]}}}}"#;
        assert!(!is_plain("main.tf.json", json));
        for hidden in [
            "locals {\n  a = <<EOT\n  alarm_actions = [\"x\"]\nEOT\n}\n",
            "locals {\n  a = <<EOT\nresource \"aws_cloudwatch_metric_alarm\" \"a\" {\nEOT\n}\n",
        ] {
            assert!(!is_plain("main.tf", &(alarm("a", TOPIC) + hidden)), "{hidden}");
        }
        let called = "module \"b\" {\n  source        = \"./b\"\n  alarm_actions = var.x\n}\n";
        assert!(is_plain("main.tf", &(alarm("a", TOPIC) + called)));
        assert!(!is_plain("main.tf", "locals {\n  a = 1\n}\n"), "it is not set");
    }

    /// One module of a registry passes a variable on.
    #[test]
    fn what_a_module_that_is_called_says_spoils_no_alarm_of_another() {
        let dir = TempDir::new().unwrap();
        let called = dir.path().join("called");
        fs::create_dir(&called).unwrap();
        fs::write(dir.path().join("main.tf"), alarm("a", TOPIC)).unwrap();
        fs::write(
            called.join("main.tf"),
            alarm("a", "var.actions") + &alarm("b", TOPIC),
        )
        .unwrap();
        let found = plain(&[module("", dir.path()), module("x.y", &called)]).unwrap();
        let wanted = [
            "aws_cloudwatch_metric_alarm.a",
            "module.x.module.y.aws_cloudwatch_metric_alarm.b",
        ];
        let wanted = wanted.map(|resource| (resource.to_owned(), "alarm_actions".to_owned()));
        assert_eq!(found, wanted.into());
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

    #[test]
    fn dynamic_blocks_are_listed_in_both_syntaxes_and_at_any_depth() {
        let of = |name: &str, text: &str| {
            let dir = TempDir::new().unwrap();
            fs::write(dir.path().join(name), text).unwrap();
            blocks(&[dir.path().to_owned()]).unwrap()
        };
        let wanted: BTreeSet<String> = ["attachment", "inner", "network_interface"]
            .map(str::to_owned)
            .into();
        let text = "resource \"aws_instance\" \"a\" {\n  dynamic \"netw\\u006frk_interface\" {\n    for_each = var.a\n    content {\n      dynamic inner {}\n    }\n  }\n}\n\
                    resource aws_network_interface b {\n  dynamic attachment {}\n}\n";
        assert_eq!(of("a.tf", text), wanted);
        let json = r#"{"resource": [{"aws_instance": {"a": [{"dynamic": {"network_interface": {"content": {"dynamic": {"inner": {}}}}}}]}},
            {"aws_network_interface": {"b": {"dyn\u0061mic": [{"attachment": {}}]}}}]}"#;
        let found = of("a.tf.json", json);
        assert!(wanted.is_subset(&found), "{found:?}");
        // To the parser the text goes on up to the second marker.
        let hidden = "resource \"a\" \"b\" {\n  c = <<EOT\nEOT\n  dynamic \"attachment\" {\n  }\n  d = <<EOT\nx\nEOT\n}\n";
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("a.tf"), hidden).unwrap();
        match blocks(&[dir.path().to_owned()]) {
            Ok(found) => assert!(found.contains("attachment"), "{found:?}"),
            Err(unfit) => assert!(
                unfit.why.contains("begins like a `dynamic` block"),
                "{}",
                unfit.why
            ),
        }
    }
}
