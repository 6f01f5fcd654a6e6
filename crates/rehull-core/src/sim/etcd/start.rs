//! What becomes of an etcd process that is started: etcd.md §1.4.

use jiff::Timestamp;

use super::rule::EtcdRule;
use super::{Data, Etcd, Member, Process};
use crate::domain::ids::{InstanceId, MemberId, SlotName};
use crate::domain::version::EtcdVersion;

/// `--initial-cluster-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialState {
    /// Of a cluster that begins; ignored where there is data.
    New,
    /// Of a cluster that runs.
    Existing,
}

/// How an etcd is started.
#[derive(Clone, Debug)]
pub struct StartRequest<'a> {
    /// Slot whose address it gets; also its name.
    pub slot: &'a SlotName,
    /// Its own peer URL.
    pub url: &'a str,
    /// Machine that it runs on.
    pub machine: &'a InstanceId,
    /// Release of its binary.
    pub version: EtcdVersion,
    /// Flag.
    pub state: InitialState,
    /// `--initial-cluster`: names and peer URLs.
    pub initial: &'a [(String, String)],
    /// What lies in its data directory.
    pub data: Option<Data>,
}

/// Why it did not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Died {
    /// Its member is not one any more.
    Removed,
    /// Its release is below the cluster version that its data knows.
    Downgraded,
    /// Its release is below the cluster version that the others tell.
    Incompatible,
    /// It was told of more or fewer members than there are.
    CountUnequal,
    /// It was told of other peer URLs than there are.
    UrlsUnmatched,
    /// It was told to begin, and the others know it already.
    AlreadyBootstrapped,
    /// It has the id of a member, and not its log.
    LogLost,
    /// Nobody told it the membership: no peer answers.
    NoPeer,
    /// It cannot read what a release two minors below wrote.
    Skipped,
    /// It is 3.4 and cannot read what 3.6 wrote.
    Outdated,
    /// It runs for ever in a cluster of its own, which has no quorum and is not modelled.
    Foreign,
}

impl Died {
    /// Every one.
    pub const ALL: &[Self] = &[
        Self::Removed,
        Self::Downgraded,
        Self::Incompatible,
        Self::CountUnequal,
        Self::UrlsUnmatched,
        Self::AlreadyBootstrapped,
        Self::LogLost,
        Self::NoPeer,
        Self::Skipped,
        Self::Outdated,
        Self::Foreign,
    ];

    /// Exit codes that it may have. Who is removed has 0; but who finds out while it still starts has 0 or 1: etcd
    /// picks either of two channels.
    #[must_use]
    pub const fn codes(self) -> &'static [i32] {
        match self {
            Self::Removed => &[0, 1],
            Self::LogLost | Self::Skipped | Self::Outdated => &[2],
            Self::Downgraded
            | Self::Incompatible
            | Self::CountUnequal
            | Self::UrlsUnmatched
            | Self::AlreadyBootstrapped
            | Self::NoPeer => &[1],
            Self::Foreign => &[],
        }
    }

    /// Part of the last words of a release; empty if it does not end.
    #[must_use]
    pub fn words(self, of: EtcdVersion) -> &'static str {
        match self {
            Self::Removed => "the member has been permanently removed from the cluster",
            // The storage has a version of its own from 3.6 on.
            Self::Downgraded if of.line() >= (3, 6) => "is not supported",
            Self::Downgraded => "invalid downgrade; server version is lower than determined cluster version",
            Self::Incompatible => "incompatible with current running cluster",
            Self::CountUnequal => "member count is unequal",
            Self::UrlsUnmatched => "PeerURLs: no match found for existing member",
            Self::AlreadyBootstrapped => "has already been bootstrapped",
            Self::LogLost => "is out of range [lastIndex(",
            Self::NoPeer => "could not retrieve cluster information from the given URLs",
            Self::Skipped if of.line() >= (3, 7) => "unmarshal should never fail",
            Self::Skipped => "removed all voters",
            Self::Outdated => "panic: not implemented",
            Self::Foreign => "",
        }
    }

    const fn rule(self) -> EtcdRule {
        match self {
            Self::Removed => EtcdRule::RemovedStaysOut,
            Self::Downgraded => EtcdRule::Downgraded,
            Self::Incompatible => EtcdRule::Incompatible,
            Self::CountUnequal => EtcdRule::CountUnequal,
            Self::UrlsUnmatched => EtcdRule::UrlsUnmatched,
            Self::AlreadyBootstrapped => EtcdRule::AlreadyBootstrapped,
            Self::LogLost => EtcdRule::LogLost,
            Self::NoPeer => EtcdRule::NoPeer,
            Self::Skipped => EtcdRule::Skipped,
            Self::Outdated => EtcdRule::SkippedByOthers,
            Self::Foreign => EtcdRule::Foreign,
        }
    }
}

impl Etcd {
    /// Starts a process in a slot.
    ///
    /// # Errors
    /// Why it does not stay.
    pub fn start(&mut self, now: Timestamp, asked: &StartRequest<'_>) -> Result<(), Died> {
        self.advance(now);
        let data = match asked.data.clone() {
            Some(data) => self.restart(asked, data),
            None => self.first_start(asked),
        };
        let data = data.inspect_err(|died| self.follow(died.rule()))?;
        if self.newer_runs(asked.version) {
            self.follow(EtcdRule::OldMayReturn);
        }
        if let Some(member) = self.members.get_mut(&data.member) {
            asked.slot.as_str().clone_into(&mut member.name);
            member.published = true;
        }
        let process = Process {
            machine: asked.machine.clone(),
            version: asked.version,
            data,
            since: now,
            frozen: false,
            cut: false,
            silent_since: None,
            snapshot_until: None,
        };
        self.processes.insert(asked.slot.clone(), process);
        self.settle(now);
        Ok(())
    }

    fn restart(&mut self, asked: &StartRequest<'_>, data: Data) -> Result<Data, Died> {
        let known = data.cluster == self.cluster && self.members.contains_key(&data.member);
        if !known {
            return Err(Died::Removed);
        }
        if self.is_too_old(asked.version) {
            return Err(Died::Downgraded);
        }
        if self.too_new && is_outdated(asked.version) {
            return Err(Died::Outdated);
        }
        if self.line.is_some_and(|line| skips(line, asked.version)) {
            return Err(Died::Skipped);
        }
        if self
            .matched
            .get(&data.member)
            .is_some_and(|seen| data.log < *seen)
        {
            // Before the panic it can vote without what it had acknowledged.
            self.breaks(format!(
                "member {} started on an old copy of its log",
                data.member
            ));
            return Err(Died::LogLost);
        }
        let twice = self
            .processes
            .iter()
            .any(|(_, process)| process.data.member == data.member);
        if twice {
            self.breaks(format!("member {} runs twice", data.member));
        }
        Ok(data)
    }

    fn first_start(&mut self, asked: &StartRequest<'_>) -> Result<Data, Died> {
        if self.members.is_empty() {
            return match asked.state {
                InitialState::New => Ok(self.bootstrap(asked)),
                InitialState::Existing => Err(Died::NoPeer),
            };
        }
        let listed = self.members.values().find(|member| member.url == asked.url);
        let listed = listed.map(|member| (member.id, member.published));
        match (asked.state, listed) {
            // The last one of a new cluster may come when the others have formed it.
            (InitialState::New, Some((id, false))) => Ok(self.empty(id)),
            (InitialState::New, Some(_)) => Err(Died::AlreadyBootstrapped),
            // The ids of founders are made of the list alone: it comes back as the member that was removed.
            (InitialState::New, None) if self.are_founders(asked.initial) => Err(Died::Removed),
            (InitialState::New, None) => Err(Died::Foreign),
            (InitialState::Existing, listed) => {
                if self.connected().next().is_none() {
                    return Err(Died::NoPeer);
                }
                self.same_members(asked)?;
                let Some((id, published)) = listed else {
                    return Err(Died::CountUnequal);
                };
                if self.is_too_old(asked.version) {
                    return Err(Died::Incompatible);
                }
                if asked.version.line() >= (3, 7) && self.line.is_some_and(|line| skips(line, asked.version))
                {
                    return Err(Died::Skipped);
                }
                if published {
                    // Before the panic it can vote without its log.
                    self.breaks(format!("member {id} started with an empty log under its old id"));
                    return Err(Died::LogLost);
                }
                Ok(self.empty(id))
            }
        }
    }

    /// The first process of a new cluster makes its members; the others find theirs.
    fn bootstrap(&mut self, asked: &StartRequest<'_>) -> Data {
        for (name, url) in asked.initial {
            self.founders.insert(url.clone());
            let id = self.new_member_id();
            let member = Member {
                id,
                name: name.clone(),
                url: url.clone(),
                published: false,
                learner: false,
            };
            self.members.insert(id, member);
        }
        let own = self
            .members
            .values()
            .find(|member| member.url == asked.url)
            .map(|member| member.id);
        self.empty(own.unwrap_or(MemberId(0)))
    }

    fn empty(&self, member: MemberId) -> Data {
        Data {
            member,
            cluster: self.cluster,
            log: 0,
        }
    }

    fn same_members(&self, asked: &StartRequest<'_>) -> Result<(), Died> {
        if asked.initial.len() != self.members.len() {
            return Err(Died::CountUnequal);
        }
        let told = |member: &Member| asked.initial.iter().any(|(_, url)| *url == member.url);
        if self.members.values().all(told) {
            Ok(())
        } else {
            Err(Died::UrlsUnmatched)
        }
    }

    fn are_founders(&self, told: &[(String, String)]) -> bool {
        told.len() == self.founders.len() && told.iter().all(|(_, url)| self.founders.contains(url))
    }

    /// What 3.6 writes as it starts ends every 3.4 that reads it, now and whenever it starts again.
    pub(super) fn end_the_outdated(&mut self) {
        let newest = self.connected().map(|(_, process)| process.version.line()).max();
        self.too_new |= self.leader.is_some() && newest >= Some((3, 6));
        let slots = self.slots_of(|process| is_outdated(process.version));
        if self.too_new && !slots.is_empty() {
            self.follow(EtcdRule::SkippedByOthers);
            self.end(slots, Died::Outdated);
        }
    }

    fn is_too_old(&self, version: EtcdVersion) -> bool {
        self.line.is_some_and(|line| version.line() < line)
    }

    fn newer_runs(&self, version: EtcdVersion) -> bool {
        self.connected()
            .any(|(_, process)| process.version.line() > version.line())
    }

    fn breaks(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }
}

fn is_outdated(version: EtcdVersion) -> bool {
    version.line() <= (3, 4)
}

/// Two minors above the cluster version. A cluster that has just begun has none yet.
fn skips(line: (u32, u32), version: EtcdVersion) -> bool {
    line.1 > 0 && (line.0, line.1.saturating_add(1)) < version.line()
}
