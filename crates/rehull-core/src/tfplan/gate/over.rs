//! What a verb does not tell: a resource that is "made" may be written over what is there, and one that is changed in place
//! may set machines going. The provider's documentation of each type says so; a plan does not.

use std::collections::{BTreeMap, BTreeSet};

use super::policy;
use crate::domain::fleet::tag;
use crate::domain::terraform::Address;
use crate::tfplan::actions::Action;
use crate::tfplan::contract::ALARM_ACTIONS;
use crate::tfplan::json::Trees;
use crate::tfplan::node::Node;

/// Arguments that turn "make" into "take over".
pub(super) const TAKES_OVER: [&str; 4] = [
    "allow_overwrite",
    "overwrite",
    "allow_reassociation",
    "force_overwrite_replica_secret",
];

/// Tags that rehull reads start so. These two may be added to what has none: it is handed over that way.
pub(super) const OURS: &str = "rehull:";
const HANDED_OVER: [&str; 2] = [tag::CLUSTER, tag::SLOT];

const MACHINE: &str = "aws_instance";
/// Of a group, what holds its tags.
const OF_GROUPS: [&str; 2] = ["tag", "tags"];

/// What our own modules call the machines of a group.
const OF_A_GROUP: &str = "rehull:group";
/// Of a launch template, the tags of what is launched by it.
pub(super) const GIVEN: &str = "tag_specifications";

/// Why this change does more than its verb says, as far as that is known. What is not known yet is judged by [`untold`].
///
/// [`untold`]: super::untold
pub(super) fn does_more(kind: &str, action: Action, trees: &Trees<'_>) -> Option<String> {
    let after = trees.after.as_ref();
    let argument = |name: &str| after.and_then(|after| after.get(name));
    let takes = |name: &&&str| argument(name).is_some_and(Node::has_true);
    if let Some(name) = TAKES_OVER.iter().find(takes) {
        return Some(format!(
            "`{name}` lets it take over what somebody else has made: "
        ));
    }
    if action == Action::Update
        && let Some(name) = our_tag(kind, trees)
    {
        let name = Address::new(&name);
        return Some(format!(
            "the tag `{name}` changes, by which rehull knows what it is: "
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
    if kind == "aws_dlm_lifecycle_policy" && action == Action::Create {
        let after = trees.after.as_ref().and_then(|after| after.get(policy::DETAILS));
        return after.and_then(policy::does_more);
    }
    if kind == "aws_cloudwatch_metric_alarm" {
        let argument = |name: &str| trees.after.as_ref().and_then(|after| after.get(name));
        let acts = |name: &&&str| argument(name).is_some_and(|list| !tells_only(list));
        if let Some(name) = ALARM_ACTIONS.iter().find(acts) {
            return Some(format!("`{name}` does more than to tell a topic: "));
        }
    }
    None
}

/// A tag of ours that would change, go, or come where none is handed over.
fn our_tag(kind: &str, trees: &Trees<'_>) -> Option<String> {
    let (mut before, mut after) = (Tags::new(), Tags::new());
    for (tree, found) in [(&trees.before, &mut before), (&trees.after, &mut after)] {
        if let Some(tree) = tree {
            ours("", tree, found);
        }
    }
    let mut names = before.keys().chain(after.keys());
    let changed = names.find(|key| {
        // A machine with them would at once be one of a slot, which only whoever looks at the cluster can tell (`adopt`).
        let is_handed_over =
            kind != MACHINE && !before.contains_key(*key) && HANDED_OVER.contains(&key.1.as_str());
        before.get(*key) != after.get(*key) && !is_handed_over
    });
    changed.map(|(_, name)| name.clone())
}

/// A launch template gives its machines tags.
fn passes_for_ours(trees: &Trees<'_>) -> bool {
    let mut found = Tags::new();
    let Some(after) = &trees.after else {
        return false;
    };
    ours("", after, &mut found);
    let by_template = after.get("launch_template");
    !found.is_empty() || by_template.is_some_and(|value| !value.is_empty() && *value != Node::Bool(false))
}

/// A tag of a group, new in it, that its machines must not get from it, or that it must not have: of ours there are the
/// cluster's, which stays with the group, and the group's own name. On a machine the first says that it is one of a slot.
/// They are blocks; before release 5 of the provider they could be maps as well, in which everything is a text.
fn handed_down(trees: &Trees<'_>) -> Option<String> {
    fn tags<'t, 'a>(tree: Option<&'t Node<'a>>) -> Vec<&'t Node<'a>> {
        let lists = OF_GROUPS.iter().filter_map(|name| tree?.get(name)?.list());
        lists.flatten().collect()
    }
    let name = trees.after.as_ref().and_then(|after| after.get("name")?.text());
    let is_told = |tag: &Node<'_>, key: &str| {
        let stays = tag
            .get("propagate_at_launch")
            .is_some_and(|down| *down == Node::Bool(false) || down.text() == Some("false"));
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
    let new = tags(trees.after.as_ref()).into_iter();
    let new = new.filter(|tag| !had.contains(tag));
    let ours = new.filter_map(|tag| Some((tag, tag.get("key")?.text()?)));
    let mut ours = ours.filter(|(_, key)| key.starts_with(OURS));
    ours.find(|(tag, key)| !is_told(tag, key))
        .map(|(_, key)| key.to_owned())
}

/// In what it says of its machines, their disks and their interfaces.
fn gives_ours(trees: &Trees<'_>) -> bool {
    let mut found = Tags::new();
    if let Some(given) = trees.after.as_ref().and_then(|after| after.get(GIVEN)) {
        ours("", given, &mut found);
    }
    !found.is_empty()
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
    let sides = [trees.before.as_ref(), trees.after.as_ref()];
    let refresh = sides
        .into_iter()
        .flatten()
        .filter_map(|side| side.get("instance_refresh"));
    refresh.into_iter().any(|refresh| match refresh.list() {
        Some(list) => !list.is_empty(),
        None => refresh.has_true() || refresh.map().is_some(),
    })
}

/// `arn:PARTITION:sns:…`; whatever is no text is not known to be one, but for what names nothing yet.
fn tells_only(actions: &Node<'_>) -> bool {
    let is_topic = |arn: &Node<'_>| {
        let service = arn
            .text()
            .and_then(|arn| arn.strip_prefix("arn:")?.split(':').nth(1));
        service == Some("sns")
    };
    match actions.list() {
        Some(list) => list.iter().all(|arn| *arn == Node::Null || is_topic(arn)),
        None => actions.is_empty(),
    }
}
