//! Where a mistake of the cluster file came from: the mapping's own line.

use crate::config::Mistake;
use crate::config::adoption::Mapping;
use crate::config::yaml::Kind;
use crate::plan::Refusal;

/// Slots are made of members.
const SLOTS: &str = "/etcd/slots/";

/// The same mistake, at the place of the mapping that leads to it.
pub(super) fn refusal(mapping: &Mapping, mistake: Mistake) -> Refusal {
    let (pointer, is_there) = match mistake.at.strip_prefix(SLOTS) {
        Some(of_slot) => member(mapping, of_slot),
        None => key(mapping, &mistake.at),
    };
    let label = if is_there {
        mistake.label
    } else {
        // It comes from the state, or stands nowhere.
        format!(
            "{}: `{}` of the cluster file that is made of this",
            mistake.label, mistake.at
        )
    };
    let help = mistake
        .help
        .unwrap_or_else(|| "correct it in the mapping".to_owned());
    Refusal::new(mistake.code, mistake.message, help).at(pointer, label)
}

/// `1/zone` becomes `/members/1/zone`, if the mapping says it.
fn member(mapping: &Mapping, of_slot: &str) -> (String, bool) {
    let (index, key) = of_slot.split_once('/').unwrap_or((of_slot, ""));
    let member = index
        .parse()
        .ok()
        .and_then(|index: usize| mapping.members.get(index));
    let Some(member) = member else {
        return ("/members".to_owned(), false);
    };
    if key == "name" || member.told.contains_key(key) {
        (format!("/members/{index}/{key}"), true)
    } else {
        (format!("/members/{index}"), false)
    }
}

/// The value itself, or the innermost map or list that stands in the mapping.
fn key(mapping: &Mapping, at: &str) -> (String, bool) {
    let mut pointer = "/clusterFile".to_owned();
    let top = Kind::Map(mapping.cluster_file.clone());
    let mut here = &top;
    for step in at.split('/').skip(1) {
        let below = match here {
            Kind::Map(entries) => {
                let is_it = |key: &str| key.replace('~', "~0").replace('/', "~1") == step;
                entries.iter().find(|one| is_it(&one.key)).map(|one| &one.value)
            }
            Kind::List(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            Kind::Scalar { .. } => None,
        };
        let Some(below) = below else {
            return (pointer, false);
        };
        pointer.push('/');
        pointer.push_str(step);
        here = &below.kind;
    }
    (pointer, true)
}
