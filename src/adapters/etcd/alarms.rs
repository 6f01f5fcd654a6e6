//! Whose an alarm is. Every member tells all alarms of the cluster in its status; a person has to go to the one that has it.

use std::collections::{BTreeMap, BTreeSet};

use rehull_core::domain::etcd::Endpoint;
use rehull_core::domain::ids::{MemberId, SlotName};

/// Alarms as the status tells them (`memberID:4295887496409594352 alarm:NOSPACE `): name and id. The Alarm call itself is a
/// raft proposal even when it only reads: it would write to the log on every look, and hang where there is no quorum.
pub(super) fn told(errors: &[String]) -> Vec<String> {
    let alarm = |error: &String| {
        let (before, name) = error.split_once("alarm:")?;
        let id = before.trim().strip_prefix("memberID:").unwrap_or_default();
        Some(format!("{} {}", name.trim(), id.trim()).trim_end().to_owned())
    };
    let all: BTreeSet<String> = errors.iter().filter_map(alarm).collect();
    all.into_iter().collect()
}

/// Leaves each alarm with the member that has it, if that one tells it itself. What nobody would tell then, everybody goes on
/// telling: an alarm must not get lost because its member is silent.
pub(super) fn at_home(endpoints: &mut BTreeMap<SlotName, Endpoint>) {
    let answers = endpoints.values().filter_map(Endpoint::answer);
    let at_home: BTreeSet<String> = answers
        .flat_map(|answer| {
            answer
                .alarms
                .iter()
                .filter(|told| is_of(told, answer.id))
                .cloned()
        })
        .collect();
    for endpoint in endpoints.values_mut() {
        let Endpoint::Answered(answer) = endpoint else {
            continue;
        };
        let id = answer.id;
        let stay = |told: &&String| is_of(told, id) || !at_home.contains(*told);
        let names: BTreeSet<String> = answer.alarms.iter().filter(stay).map(|told| name(told)).collect();
        answer.alarms = names.into_iter().collect();
    }
}

fn name(told: &str) -> String {
    told.split(' ').next().unwrap_or_default().to_owned()
}

fn is_of(told: &str, member: MemberId) -> bool {
    told.split_once(' ')
        .is_some_and(|(_, id)| id.parse() == Ok(member.0))
}

#[cfg(test)]
mod tests {
    use rehull_core::domain::etcd::MemberAnswer;
    use rehull_core::domain::ids::EtcdClusterId;
    use rehull_core::domain::version::EtcdVersion;

    use super::*;

    #[test]
    fn reads_alarms_out_of_the_status_and_leaves_other_errors_alone() {
        let errors = [
            "etcdserver: no leader",
            "memberID:11 alarm:NOSPACE ",
            "memberID:12 alarm:NOSPACE ",
            "memberID:12 alarm:CORRUPT ",
        ];
        let told = told(&errors.map(str::to_owned));
        assert_eq!(told, ["CORRUPT 12", "NOSPACE 11", "NOSPACE 12"]);
        assert!(super::told(&[]).is_empty());
    }

    fn answered(id: u64, alarms: &[&str]) -> Endpoint {
        Endpoint::Answered(Box::new(MemberAnswer {
            id: MemberId(id),
            cluster: EtcdClusterId(1),
            leader: None,
            term: 1,
            raft_index: 1,
            applied_index: 1,
            version: EtcdVersion::new(3, 6, 14),
            cluster_version: None,
            learner: false,
            alarms: alarms.iter().map(|alarm| (*alarm).to_owned()).collect(),
            db_size: 1,
            db_quota: None,
            members: None,
            serves: true,
            unready: Vec::new(),
            cert_until: None,
            downgrade_to: None,
        }))
    }

    fn alarms(endpoints: &BTreeMap<SlotName, Endpoint>) -> Vec<Vec<String>> {
        let answers = endpoints.values().filter_map(Endpoint::answer);
        answers.map(|answer| answer.alarms.clone()).collect()
    }

    #[test]
    fn an_alarm_is_told_of_the_member_that_has_it_and_of_all_while_that_one_does_not_tell_it() {
        let all = ["CORRUPT 12", "NOSPACE 13"];
        let mut endpoints = BTreeMap::from([
            (SlotName::new("etcd-a"), answered(11, &all)),
            (SlotName::new("etcd-b"), answered(12, &all)),
            (SlotName::new("etcd-c"), Endpoint::Refused),
        ]);
        at_home(&mut endpoints);
        assert_eq!(alarms(&endpoints), [vec!["NOSPACE"], vec!["CORRUPT", "NOSPACE"]]);
        // One that lags behind does not know yet that it has one.
        let mut endpoints = BTreeMap::from([
            (SlotName::new("etcd-a"), answered(11, &["CORRUPT 12"])),
            (SlotName::new("etcd-b"), answered(12, &[])),
        ]);
        at_home(&mut endpoints);
        assert_eq!(alarms(&endpoints), [vec!["CORRUPT".to_owned()], Vec::new()]);
    }
}
