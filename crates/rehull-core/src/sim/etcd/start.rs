//! What becomes of an etcd process that is started: etcd.md §1.4.

use jiff::Timestamp;

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

/// Why it ended at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Died {
    /// Exit 0: "the member has been permanently removed from the cluster".
    Removed,
    /// "incompatible with current running cluster".
    Incompatible,
    /// "error validating peerURLs … member count is unequal".
    CountUnequal,
    /// "member … has already been bootstrapped".
    AlreadyBootstrapped,
    /// It took the id of a member whose log it does not have: "tocommit is out of range".
    OutOfRange,
    /// Nobody told it the membership: no peer answers.
    NoPeer,
}

impl Etcd {
    /// Starts a process in a slot.
    ///
    /// # Errors
    /// Why it does not stay.
    pub fn start(&mut self, now: Timestamp, asked: &StartRequest<'_>) -> Result<(), Died> {
        self.advance(now);
        let data = match asked.data.clone() {
            Some(data) => self.restart(asked, data)?,
            None => self.first_start(asked)?,
        };
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
        self.refuse_old(asked.version)?;
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
            // It would run as a cluster of its own; no member of ours is started so.
            (InitialState::New, None) => Err(Died::CountUnequal),
            (InitialState::Existing, listed) => {
                if self.connected().next().is_none() {
                    return Err(Died::NoPeer);
                }
                self.same_members(asked)?;
                let Some((id, published)) = listed else {
                    return Err(Died::CountUnequal);
                };
                if published {
                    // Before the panic it can vote without its log.
                    self.breaks(format!("member {id} started with an empty log under its old id"));
                    return Err(Died::OutOfRange);
                }
                self.refuse_old(asked.version)?;
                Ok(self.empty(id))
            }
        }
    }

    /// The first process of a new cluster makes its members; the others find theirs.
    fn bootstrap(&mut self, asked: &StartRequest<'_>) -> Data {
        for (name, url) in asked.initial {
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
        let listed = self
            .members
            .values()
            .all(|member| asked.initial.iter().any(|(_, url)| *url == member.url));
        if listed && asked.initial.len() == self.members.len() {
            Ok(())
        } else {
            Err(Died::CountUnequal)
        }
    }

    fn refuse_old(&self, version: EtcdVersion) -> Result<(), Died> {
        match self.line {
            Some(line) if version.line() < line => Err(Died::Incompatible),
            Some(_) | None => Ok(()),
        }
    }

    fn breaks(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }
}
