//! What etcd says, endpoint by endpoint. Nothing is merged here: who disagrees must stay visible.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{EtcdClusterId, MemberId, SlotName};
use super::version::EtcdVersion;

/// The alarm that refuses writes of keys and leases, and nothing else; any other one casts doubt on the data of a member.
pub const NOSPACE: &str = "NOSPACE";

/// One entry per slot of the cluster file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdView {
    /// Answers by slot (asked at the slot's address).
    pub endpoints: BTreeMap<SlotName, Endpoint>,
    /// When the certificate that the members were asked with ends; `None`: nobody can tell.
    pub client_cert_until: Option<Timestamp>,
}

impl EtcdView {
    /// `(major, minor)` that etcd's own downgrade is enabled for, as any member tells. Until it is cancelled, or every member
    /// runs that minor, nobody newer can join.
    #[must_use]
    pub fn downgrade_to(&self) -> Option<(u32, u32)> {
        let answers = self.endpoints.values().filter_map(Endpoint::answer);
        answers.filter_map(|answer| answer.downgrade_to).min()
    }
}

/// What came back from one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A member answered.
    Answered(Box<MemberAnswer>),
    /// The port refuses connections: no process listens.
    Refused,
    /// Nothing came back in time; it may be alive.
    Silent(String),
    /// It answered, but not as a member of ours would (TLS, garbage).
    Strange(String),
}

impl Endpoint {
    /// The answer, if there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&MemberAnswer> {
        match self {
            Self::Answered(answer) => Some(answer),
            Self::Refused | Self::Silent(_) | Self::Strange(_) => None,
        }
    }

    /// What a person needs to know of it.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Answered(answer) if !answer.serves => "answers, but serves no linearizable read".to_owned(),
            Self::Answered(_) => "answers".to_owned(),
            Self::Refused => "its port refuses connections".to_owned(),
            Self::Silent(why) if why.is_empty() => "no answer".to_owned(),
            Self::Silent(why) => format!("no answer: {why}"),
            Self::Strange(why) => format!("answers, but not as a member of this cluster: {why}"),
        }
    }
}

/// Status, member list and a linearizable read of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAnswer {
    /// Its own id.
    pub id: MemberId,
    /// Cluster it belongs to.
    pub cluster: EtcdClusterId,
    /// Leader as it sees it; `None` during an election.
    pub leader: Option<MemberId>,
    /// Raft term.
    pub term: u64,
    /// Raft index known to it.
    pub raft_index: u64,
    /// Raft index applied by it.
    pub applied_index: u64,
    /// Server version.
    pub version: EtcdVersion,
    /// Cluster version `(major, minor)` from `/version`; `None` when not yet decided.
    pub cluster_version: Option<(u32, u32)>,
    /// Still a learner.
    pub learner: bool,
    /// Names of raised alarms: `NOSPACE`, `CORRUPT`.
    pub alarms: Vec<String>,
    /// Database size in bytes.
    pub db_size: u64,
    /// Quota in bytes, where the version tells (3.6 on).
    pub db_quota: Option<u64>,
    /// Member list as this member sees it, after a linearizable read; sorted by id. `None`: no such read came back
    /// (`serves` is false), or the list was refused (learner).
    pub members: Option<Arc<Vec<ListedMember>>>,
    /// A linearizable read through this member came back in time.
    pub serves: bool,
    /// Checks of its own `/readyz` that fail, by name; empty: all pass, or its version has no such page.
    pub unready: Vec<String>,
    /// `(major, minor)` that etcd's own downgrade is enabled for; `None`: it is not, or the release does not tell (below
    /// 3.6).
    pub downgrade_to: Option<(u32, u32)>,
    /// When the certificate that it shows to clients ends; `None`: nobody can tell.
    pub cert_until: Option<Timestamp>,
}

/// One line of a member list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedMember {
    /// Member id.
    pub id: MemberId,
    /// Empty until it has started for the first time.
    pub name: String,
    /// Peer URLs.
    pub peer_urls: Vec<String>,
    /// Learner flag.
    pub learner: bool,
}
