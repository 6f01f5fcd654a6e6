//! What is judged by what it says (whom an alarm tells, whose a machine is) says nothing before the apply, and a plan does not
//! even tell a list of which one part is not known. So those arguments are refused while they are not known: a table of them.
//! What names something that may be there already is judged elsewhere ([`names`](super::names)), and what no rule judges is
//! covered by the sources ([`Computed`](crate::tfplan::computed::Computed)).
//!
//! Where the provider fills an argument in, "not known" is also what a plan says of one that nobody has set; those rows wait
//! for the configuration.

use super::configuration::{self, Configuration};
use super::over::{GIVEN, OURS, TAKES_OVER};
use super::policy;
use crate::domain::terraform::Address;
use crate::tfplan::actions::Action;
use crate::tfplan::contract::{ALARM_ACTIONS, Terms};
use crate::tfplan::finding::Finding;
use crate::tfplan::json::Trees;
use crate::tfplan::node::Node;

/// What to do about any of them.
pub(super) const REMEDY: &str = "make what it names first, in a plan of its own without this, or write values that are known before the apply";

/// One argument that is judged.
struct Judged {
    /// Type of resource; empty: of any.
    kind: &'static str,
    arguments: &'static [&'static str],
    when: When,
    /// What of it must be known.
    hides: fn(&Node<'_>) -> bool,
    set: Set,
    /// Completes "is not known yet, and …".
    may: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Made,
    Changed,
    Always,
}

/// How it is told from an argument that the provider fills in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Nobody else does: it is in the configuration, if only in a `dynamic` block.
    Plainly,
    /// As a whole also by the provider: it counts where the configuration has it. (A `dynamic` block, which no configuration
    /// has, may give a disk a tag of ours; so may whoever makes one.)
    Perhaps,
    /// By the provider, from `default_tags` of its own: it counts where that has some.
    ByDefaults,
    /// Plainly; but a list that is nothing else than references to topics is one of topics.
    ToTopics,
}

use Set::{ByDefaults, Perhaps, Plainly, ToTopics};
use When::{Always, Changed, Made};

const OF_OURS: &str = "may be a tag by which rehull knows what it is";
const PASSES: &str = "may let it pass for a machine that rehull has launched";

macro_rules! rows {
    ($($kind:literal $arguments:expr, $when:ident $set:ident $hides:expr, $may:expr;)+) => {
        const JUDGED: &[Judged] = &[$(Judged {
            kind: $kind,
            arguments: $arguments,
            when: $when,
            hides: $hides,
            set: $set,
            may: $may,
        }),+];
    };
}

rows! {
    "" &TAKES_OVER, Always Perhaps any, "may let it take over what somebody else has made";
    "aws_instance" &["launch_template"], Made Plainly any, PASSES;
    "aws_instance" &["tags", "volume_tags"], Made Plainly hides_a_tag, PASSES;
    "aws_instance" &["tags_all"], Made ByDefaults hides_a_tag, PASSES;
    "aws_instance" &["ebs_block_device", "root_block_device"], Made Perhaps hides_tags_of_a_block, PASSES;
    "aws_autoscaling_group" &["tag", "tags"], Made Plainly hides_a_tag, "may let its machines pass for what they are not";
    "aws_autoscaling_group" &["instance_refresh"], Changed Plainly any, "may replace all of its machines";
    "aws_launch_template" &[GIVEN], Made Plainly hides_a_tag, "may give its machines a tag `rehull:…`, which rehull alone gives";
    "aws_dlm_lifecycle_policy" &[policy::DETAILS], Made Plainly policy::is_untold, "may restart machines or run commands on them";
    "aws_cloudwatch_metric_alarm" ALARM_ACTIONS, Always ToTopics any, "may do more than to tell a topic";
}

/// Any part of it.
fn any(value: &Node<'_>) -> bool {
    value.has_true()
}

/// An argument of which it is known only with the configuration whether anybody has set it.
pub(super) struct Open {
    address: String,
    argument: &'static str,
    set: Set,
    refused: Finding,
}

/// What of a change is judged and not known yet.
pub(super) enum Untold {
    /// It is refused.
    Refused(Finding),
    /// It is, if the configuration says so.
    Open(Vec<Open>),
}

/// `refused` says it with the row of the type.
pub(super) fn judge(
    (kind, action, address): (&str, Action, &str),
    trees: &Trees<'_>,
    refused: impl Fn(&str) -> Finding,
) -> Untold {
    let Some(unknown) = &trees.unknown else {
        return Untold::Open(Vec::new());
    };
    let finding = |argument: &str, may: &str| {
        let mut finding = refused(&format!(
            "`{}` is not known yet, and {may}: ",
            Address::new(argument)
        ));
        REMEDY.clone_into(&mut finding.remedy);
        finding
    };
    if action == Action::Update
        && let Some(name) = untold_tag(unknown)
    {
        return Untold::Refused(finding(&name, OF_OURS));
    }
    let now = if action == Action::Update { Changed } else { Made };
    let rows = JUDGED
        .iter()
        .filter(|row| (row.kind.is_empty() || row.kind == kind) && (row.when == Always || row.when == now));
    let mut open = Vec::new();
    for row in rows {
        for argument in row.arguments {
            let Some(value) = unknown.get(argument).filter(|value| (row.hides)(value)) else {
                continue;
            };
            let is_whole = *value == Node::Bool(true);
            match row.set {
                Plainly => return Untold::Refused(finding(argument, row.may)),
                Perhaps if !is_whole => return Untold::Refused(finding(argument, row.may)),
                Perhaps | ByDefaults | ToTopics => open.push(Open {
                    address: address.to_owned(),
                    argument,
                    set: row.set,
                    refused: finding(argument, row.may),
                }),
            }
        }
    }
    Untold::Open(open)
}

/// Somebody has set it, or nobody can tell.
pub(super) fn is_set(
    open: &Open,
    configuration: Option<&Configuration<'_, '_>>,
    terms: &Terms,
) -> Option<Finding> {
    let is_set = configuration.is_none_or(|configuration| match open.set {
        Plainly => true,
        Perhaps => configuration.expression(&open.address, open.argument).is_some(),
        ByDefaults => configuration.has_default_tags(&open.address),
        ToTopics => {
            let expression = configuration.expression(&open.address, open.argument);
            let references = expression.map(configuration::references).unwrap_or_default();
            let is_topic = |reference: &String| reference.starts_with("aws_sns_topic.");
            let resource = configuration::without_keys(&open.address);
            let is_plain = terms.plain.contains(&(resource, open.argument.to_owned()));
            !is_plain || references.is_empty() || !references.iter().all(is_topic)
        }
    });
    is_set.then(|| open.refused.clone())
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

fn hides_a_tag(tags: &Node<'_>) -> bool {
    hides_a_name(tags) || untold_tag(tags).is_some()
}

/// All of them, or the tags of one. What the provider adds to them is its own.
fn hides_tags_of_a_block(blocks: &Node<'_>) -> bool {
    let of_one = |one: &Node<'_>| *one == Node::Bool(true) || one.get("tags").is_some_and(hides_a_tag);
    *blocks == Node::Bool(true) || blocks.list().unwrap_or_default().iter().any(of_one)
}
