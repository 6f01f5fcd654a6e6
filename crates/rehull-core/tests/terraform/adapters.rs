//! What the adapters ask of AWS and what the policies in `modules/iam` allow are one list.

use std::collections::BTreeSet;
use std::fs;

use rehull_core::domain::ids::ContentDigest;

use crate::files::{root, text};

/// Where the AWS SDK is called (the walls of `tests/tidy` keep it there).
const SOURCES: [&str; 2] = ["src/adapters/aws", "src/adapters/store_s3.rs"];

/// Actions of the policies that are no call of ours: what EC2 and S3 do in our name.
const IN_OUR_NAME: [&str; 2] = ["iam:", "kms:"];

/// Every operation that is called, as the action that allows it.
fn called() -> BTreeSet<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        let path = root().join(source);
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            files.extend(entries.filter(|file| file.is_file()));
        } else {
            files.push(path);
        }
    }
    let actions: BTreeSet<String> = files
        .iter()
        .flat_map(|file| actions_in(&fs::read_to_string(file).unwrap()))
        .collect();
    assert!(
        actions.len() > 10,
        "only {actions:?}: do the adapters call AWS in another way now?"
    );
    actions
}

/// `clients.ec2_once.run_instances()` is `ec2:RunInstances`.
fn actions_in(source: &str) -> Vec<String> {
    let dense: String = source.chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut actions = Vec::new();
    for holder in ["clients.", "self."] {
        for (at, _) in dense.match_indices(holder) {
            let mut words = dense[at + holder.len()..].split('.');
            let (Some(client), Some(rest)) = (words.next(), words.next()) else {
                continue;
            };
            let Some((operation, _)) = rest.split_once('(') else {
                continue;
            };
            let service = client.strip_suffix("_once").unwrap_or(client);
            if ["ec2", "s3", "sts", "autoscaling", "elbv2"].contains(&service) {
                actions.extend(action(service, operation));
            } else if holder == "clients."
                && client
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '_')
            {
                panic!("`{holder}{client}.{operation}`: a client that this test does not know");
            }
        }
    }
    actions
}

fn action(service: &str, operation: &str) -> Option<String> {
    match (service, operation) {
        // Needs no permission (IAM user guide, "GetCallerIdentity").
        ("sts", "get_caller_identity") => return None,
        // S3 names its actions after what is done, not after the call (S3 user guide, "Required permissions").
        ("s3", "head_object") => return Some("s3:GetObject".to_owned()),
        ("s3", "list_objects_v2") => return Some("s3:ListBucket".to_owned()),
        _ => {}
    }
    let service = match service {
        "elbv2" => "elasticloadbalancing",
        other => other,
    };
    let words = operation.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    });
    Some(format!("{service}:{}", words.collect::<String>()))
}

/// Every action that one of rehull's two policies allows.
fn allowed() -> BTreeSet<String> {
    let policies = text("terraform/modules/iam/rehull.tf");
    let body = hcl_edit::parser::parse_body(&policies).unwrap();
    let statements = body
        .get_blocks("data")
        .flat_map(|data| data.body.get_blocks("statement"));
    let lists = statements.filter_map(|statement| statement.body.get_attribute("actions"));
    let actions = lists.flat_map(|list| list.value.as_array().unwrap().iter());
    let ours = actions.filter_map(|action| action.as_str().map(str::to_owned));
    ours.filter(|action| !IN_OUR_NAME.iter().any(|other| action.starts_with(other)))
        .collect()
}

#[test]
fn rehull_may_do_what_its_adapters_do_and_nothing_else() {
    assert_eq!(
        allowed(),
        called(),
        "left: terraform/modules/iam/rehull.tf, right: src/adapters"
    );
}

#[test]
fn a_call_over_several_lines_and_one_of_another_client_are_seen() {
    let source =
        "let a = self\n .clients\n .ec2_once\n .attach_volume()\n .x(); clients.s3.head_object().bucket(b)";
    assert_eq!(actions_in(source), ["ec2:AttachVolume", "s3:GetObject"]);
    assert!(actions_in("self.sts.get_caller_identity()").is_empty());
}

#[test]
fn the_description_of_a_version_is_the_one_that_the_adapter_looks_for() {
    let digest = ContentDigest::new("${var.launch_template.content_digest}");
    let described = digest.description();
    let module = text("terraform/modules/launch-template/main.tf");
    assert!(
        module.contains(&format!("description = \"{described}\"")),
        "versions would not be known by another description than `{described}`"
    );
}
