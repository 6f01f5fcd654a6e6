//! What a verb does not tell: a resource that is "made" may be written over what is there, and one that is changed in place
//! may set machines going. The provider's documentation of each type says so; a plan does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::fleet::tag;
use crate::domain::terraform::Address;
use crate::tfplan::actions::Action;
use crate::tfplan::json::Trees;
use crate::tfplan::node::Node;

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

/// What our own modules call the machines of a group.
const OF_A_GROUP: &str = "rehull:group";
/// Of a launch template, the tags of what is launched by it.
const GIVEN: &str = "tag_specifications";

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
    let takes = |name: &&&str| argument(name).is_some_and(Node::has_true) || is_unknown(name);
    if let Some(name) = TAKES_OVER.iter().find(takes) {
        return Some(format!(
            "`{name}` lets it take over what somebody else has made: "
        ));
    }
    if action == Action::Update
        && let Some(name) = our_tag(trees)
    {
        let name = Address::new(&name);
        return Some(format!(
            "the tag `{name}` changes, by which rehull knows what it is: "
        ));
    }
    if action == Action::Update
        && let Some(name) = trees.unknown.as_ref().and_then(untold_tag)
    {
        let name = Address::new(&name);
        return Some(format!(
            "`{name}` is not known yet, and may be a tag by which rehull knows what it is: "
        ));
    }
    of_type(kind, action, trees)
}

/// What a type may do beside what its verb says.
fn of_type(kind: &str, action: Action, trees: &Trees<'_>) -> Option<String> {
    if kind == "aws_instance" && action == Action::Create && passes_for_ours(trees) {
        return Some(
            "by a launch template or a tag `rehull:…` it may pass for a machine that rehull has launched: "
                .to_owned(),
        );
    }
    if kind == "aws_autoscaling_group"
        && let Some(name) = handed_down(trees)
    {
        let name = Address::new(&name);
        return Some(format!(
            "by the tag `{name}` its machines would pass for what they are not: "
        ));
    }
    if kind == "aws_launch_template" && action == Action::Create && gives_ours(trees) {
        return Some("its machines would get a tag `rehull:…`, which rehull alone gives: ".to_owned());
    }
    if kind == "aws_autoscaling_group" && action == Action::Update && refreshes(trees) {
        return Some(
            "with `instance_refresh` a change of the group may replace all of its machines, or stop doing so: ".to_owned(),
        );
    }
    if kind == "aws_dlm_lifecycle_policy" && action == Action::Create && restarts(trees) {
        return Some("it may restart the machines that it makes images of: ".to_owned());
    }
    if kind == "aws_cloudwatch_metric_alarm" {
        let argument = |name: &str| trees.after.as_ref().and_then(|after| after.get(name));
        let acts = |name: &&&str| argument(name).is_some_and(|list| !tells_only(list));
        if let Some(name) = ACTIONS.iter().find(acts) {
            return Some(format!("`{name}` does more than to tell a topic: "));
        }
    }
    None
}

/// A tag of ours that would change, go, or come where none is handed over.
fn our_tag(trees: &Trees<'_>) -> Option<String> {
    let (mut before, mut after) = (Tags::new(), Tags::new());
    for (tree, found) in [(&trees.before, &mut before), (&trees.after, &mut after)] {
        if let Some(tree) = tree {
            ours("", tree, found);
        }
    }
    let mut names = before.keys().chain(after.keys());
    let changed = names.find(|key| {
        let is_handed_over = !before.contains_key(*key) && HANDED_OVER.contains(&key.1.as_str());
        before.get(*key) != after.get(*key) && !is_handed_over
    });
    changed.map(|(_, name)| name.clone())
}

/// Attributes that hold tags: maps of them, or lists of blocks that name one each.
const TAGS: [&str; 5] = ["tag", "tag_specifications", "tags", "tags_all", "volume_tags"];

/// Among what is not known before the apply: all tags of an attribute, the name of one, or the value of one of ours.
fn untold_tag(unknown: &Node<'_>) -> Option<String> {
    if let Some(items) = unknown.list() {
        return items.iter().find_map(untold_tag);
    }
    unknown.map().into_iter().flatten().find_map(|(name, value)| {
        let may_be_ours = TAGS.contains(&name.as_ref()) && hides_a_name(value)
            || name.starts_with(OURS) && value.has_true();
        if may_be_ours {
            return Some(name.clone().into_owned());
        }
        untold_tag(value)
    })
}

/// As a whole, an item of it, or the name in a block of its own.
fn hides_a_name(tags: &Node<'_>) -> bool {
    let is_true = |value: &Node<'_>| *value == Node::Bool(true);
    is_true(tags)
        || tags
            .list()
            .into_iter()
            .flatten()
            .any(|tag| is_true(tag) || tag.get("key").is_some_and(is_true))
}

/// A launch template gives its machines tags. What the provider adds to `tags` of its own is never known of a new one.
fn passes_for_ours(trees: &Trees<'_>) -> bool {
    let mut found = Tags::new();
    if let Some(after) = &trees.after {
        ours("", after, &mut found);
    }
    let argument = |tree: &Option<Node<'_>>, name: &str| {
        let value = tree.as_ref().and_then(|tree| tree.get(name));
        value.is_some_and(|value| !value.is_empty() && *value != Node::Bool(false))
    };
    let is_by_template = argument(&trees.after, "launch_template");
    let tags = trees.unknown.as_ref().and_then(|unknown| unknown.get("tags"));
    let is_untold = tags.is_some_and(|tags| hides_a_name(tags) || untold_tag(tags).is_some());
    !found.is_empty() || is_by_template || is_untold
}

/// A tag of a group, new in it, that its machines must not get from it, or that it must not have: of ours there are the
/// cluster's, which stays with the group, and the group's own name. On a machine the first says that it is one of a slot.
fn handed_down(trees: &Trees<'_>) -> Option<String> {
    fn tags<'t, 'a>(tree: Option<&'t Node<'a>>) -> &'t [Node<'a>] {
        let tags = tree.and_then(|tree| tree.get("tag")?.list());
        tags.unwrap_or_default()
    }
    let unknown = trees.unknown.as_ref().and_then(|unknown| unknown.get("tag"));
    if trees.before.as_ref().is_none_or(Node::is_empty) && unknown.is_some_and(hides_a_name) {
        return Some("tag".to_owned());
    }
    let name = trees.after.as_ref().and_then(|after| after.get("name")?.text());
    let is_told = |tag: &Node<'_>, key: &str| {
        let stays = tag.get("propagate_at_launch") == Some(&Node::Bool(false));
        match key {
            tag::CLUSTER => stays,
            OF_A_GROUP => tag
                .get("value")
                .and_then(Node::text)
                .is_some_and(|value| name == Some(value)),
            // Handed over to one that has none.
            tag::SLOT => stays && trees.before.as_ref().is_some_and(|before| *before != Node::Null),
            _ => false,
        }
    };
    let had = tags(trees.before.as_ref());
    let new = tags(trees.after.as_ref()).iter().filter(|tag| !had.contains(tag));
    let ours = new.filter_map(|tag| Some((tag, tag.get("key")?.text()?)));
    let mut ours = ours.filter(|(_, key)| key.starts_with(OURS));
    ours.find(|(tag, key)| !is_told(tag, key))
        .map(|(_, key)| key.to_owned())
}

/// In what it says of its machines, their disks and their interfaces, or in what is not known of that.
fn gives_ours(trees: &Trees<'_>) -> bool {
    let mut found = Tags::new();
    if let Some(given) = trees.after.as_ref().and_then(|after| after.get(GIVEN)) {
        ours("", given, &mut found);
    }
    let untold = trees.unknown.as_ref().and_then(|unknown| unknown.get(GIVEN));
    !found.is_empty() || untold.is_some_and(|given| hides_a_name(given) || untold_tag(given).is_some())
}

/// By the attribute that they stand in and by name: what they say.
type Tags = BTreeMap<(String, String), BTreeSet<String>>;

/// A map of them (`tags`, `volume_tags`), or a list of blocks with `key` and `value` and who inherits it (`tag` of a group),
/// however deep.
fn ours(place: &str, tree: &Node<'_>, found: &mut Tags) {
    let mut note = |name: &str, value: &Node<'_>| {
        if name.starts_with(OURS) && *value != Node::Null {
            let mut text = String::new();
            value.canonical(&mut text);
            found
                .entry((place.to_owned(), name.to_owned()))
                .or_default()
                .insert(text);
        }
    };
    if let Some(name) = tree.get("key").and_then(Node::text) {
        note(name, tree);
    }
    for (name, value) in tree.map().into_iter().flatten() {
        note(name, value);
    }
    for (name, value) in tree.map().into_iter().flatten() {
        ours(&format!("{place}.{name}"), value, found);
    }
    for item in tree.list().unwrap_or_default() {
        ours(place, item, found);
    }
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

/// A policy for images restarts machines unless it says that it does not.
fn restarts(trees: &Trees<'_>) -> bool {
    let is_untold = |unknown: &Node<'_>| {
        *unknown == Node::Bool(true)
            || blocks(unknown).any(|one| {
                let mut names = ["policy_type", "parameters"].into_iter();
                names.any(|name| one.get(name).is_some_and(Node::has_true))
            })
    };
    let of_images = |one: &Node<'_>| {
        let parameters = one.get("parameters").unwrap_or(&Node::Null);
        one.get("policy_type").and_then(Node::text) == Some("IMAGE_MANAGEMENT")
            && !blocks(parameters).any(|one| one.get("no_reboot") == Some(&Node::Bool(true)))
    };
    let after = trees.after.as_ref().and_then(|after| after.get("policy_details"));
    let unknown = trees
        .unknown
        .as_ref()
        .and_then(|unknown| unknown.get("policy_details"));
    after.is_some_and(|after| blocks(after).any(of_images)) || unknown.is_some_and(is_untold)
}

fn blocks<'t, 'a>(list: &'t Node<'a>) -> impl Iterator<Item = &'t Node<'a>> {
    list.list().unwrap_or_default().iter()
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
