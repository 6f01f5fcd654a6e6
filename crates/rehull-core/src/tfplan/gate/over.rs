//! What a verb does not tell: a resource that is "made" may be written over what is there, and one that is changed in place
//! may set machines going. The provider's documentation of each type says so; a plan does not.

use crate::domain::fleet::tag;
use crate::domain::terraform::Address;
use crate::tfplan::actions::Action;
use crate::tfplan::json::Trees;
use crate::tfplan::node::Node;

/// Settings of something else, and the argument that names it: making one replaces whatever it was set to before.
const SETTINGS: &[(&str, &str)] = &[
    ("aws_s3_bucket_versioning", "bucket"),
    ("aws_s3_bucket_lifecycle_configuration", "bucket"),
    ("aws_s3_bucket_replication_configuration", "bucket"),
    ("aws_s3_bucket_server_side_encryption_configuration", "bucket"),
    ("aws_s3_bucket_object_lock_configuration", "bucket"),
    ("aws_s3_bucket_acl", "bucket"),
    ("aws_s3_bucket_policy", "bucket"),
    ("aws_kms_key_policy", "key_id"),
    ("aws_default_security_group", "vpc_id"),
];

/// Arguments that turn "make" into "take over".
const TAKES_OVER: [&str; 4] = [
    "allow_overwrite",
    "overwrite",
    "allow_reassociation",
    "force_overwrite_replica_secret",
];

/// Whom an alarm tells; anything else acts.
const ACTIONS: [&str; 3] = ["alarm_actions", "ok_actions", "insufficient_data_actions"];

/// Tags that rehull reads start so. These two may be added to what has none: it is handed over that way.
const OURS: &str = "rehull:";
const HANDED_OVER: [&str; 2] = [tag::CLUSTER, tag::SLOT];

/// Why this change does more than its verb says.
pub(super) fn does_more(kind: &str, action: Action, trees: Option<&Trees<'_>>) -> Option<String> {
    let changes = match action {
        Action::Create | Action::Update => true,
        Action::NoOp
        | Action::Read
        | Action::Forget
        | Action::Delete
        | Action::DeleteThenCreate
        | Action::CreateThenDelete
        | Action::CreateThenForget => false,
    };
    let trees = trees.filter(|_| changes)?;
    let after = trees.after.as_ref();
    let argument = |name: &str| after.and_then(|after| after.get(name));
    let is_unknown = |name: &str| {
        let unknown = trees.unknown.as_ref().and_then(|unknown| unknown.get(name));
        unknown.is_some_and(Node::has_true)
    };
    if let Some((_, whose)) = SETTINGS.iter().find(|(of, _)| *of == kind && action == Action::Create)
        // What has no id yet has no settings that could be lost.
        && !is_unknown(whose)
    {
        return Some(format!(
            "it replaces what the `{whose}` that it names was set to before, which no plan shows: "
        ));
    }
    let takes = |name: &&&str| argument(name).is_some_and(Node::has_true) || is_unknown(name);
    if let Some(name) = TAKES_OVER.iter().find(takes) {
        return Some(format!(
            "`{name}` lets it take over what somebody else has made: "
        ));
    }
    if action == Action::Update
        && let Some(name) = our_tag(trees)
    {
        let name = Address::new(name);
        return Some(format!(
            "the tag `{name}` changes, by which rehull knows what it is: "
        ));
    }
    if kind == "aws_autoscaling_group" && action == Action::Update && refreshes(trees) {
        return Some(
            "with `instance_refresh` a change of the group may replace all of its machines, or stop doing so: ".to_owned(),
        );
    }
    if kind == "aws_cloudwatch_metric_alarm" {
        let acts = |name: &&&str| argument(name).is_some_and(|list| !tells_only(list));
        if let Some(name) = ACTIONS.iter().find(acts) {
            return Some(format!("`{name}` does more than to tell a topic: "));
        }
    }
    None
}

/// A tag of ours that would change, go, or come where none is handed over. What is not known yet may be any of these.
fn our_tag<'a>(trees: &'a Trees<'_>) -> Option<&'a str> {
    let side =
        |tree: Option<&'a Node<'_>>, list: &str| tree.and_then(|tree| tree.get(list)).and_then(Node::map);
    for list in ["tags", "tags_all"] {
        let before = side(trees.before.as_ref(), list);
        let after = side(trees.after.as_ref(), list);
        let names = before.into_iter().chain(after).flat_map(|tags| tags.keys());
        for name in names.filter(|name| name.starts_with(OURS)) {
            let was = before.and_then(|tags| tags.get(name)).and_then(Node::text);
            let becomes = after.and_then(|tags| tags.get(name)).and_then(Node::text);
            let is_handed_over = was.is_none() && HANDED_OVER.contains(&name.as_ref());
            if was != becomes && !is_handed_over {
                return Some(name.as_ref());
            }
        }
    }
    None
}

fn refreshes(trees: &Trees<'_>) -> bool {
    let sides = [
        trees.before.as_ref(),
        trees.after.as_ref(),
        trees.unknown.as_ref(),
    ];
    let refresh = sides
        .into_iter()
        .flatten()
        .filter_map(|side| side.get("instance_refresh"));
    refresh.into_iter().any(|refresh| match refresh.list() {
        Some(list) => !list.is_empty(),
        None => refresh.has_true() || refresh.map().is_some(),
    })
}

/// `arn:PARTITION:sns:…`; whatever is no text is not known to be one.
fn tells_only(actions: &Node<'_>) -> bool {
    let is_topic = |arn: &Node<'_>| {
        let service = arn
            .text()
            .and_then(|arn| arn.strip_prefix("arn:")?.split(':').nth(1));
        service == Some("sns")
    };
    match actions.list() {
        Some(list) => list.iter().all(is_topic),
        None => actions.is_empty(),
    }
}
