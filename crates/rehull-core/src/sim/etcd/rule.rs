//! What this model believes of etcd, one name each. `docs/fidelity.md` lists them with the tests that compare them.

use crate::ports::Rule;

/// A name in `docs/fidelity.md` each; where a client is told it, the words, and what decisions know them by.
macro_rules! etcd_rules {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal $(, says $words:literal $(as $rule:path)?)?;)+) => {
        /// A rule of etcd that the model follows. A test asks that each is followed in a sequence that real processes
        /// run, too.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum EtcdRule {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl EtcdRule {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name in `docs/fidelity.md`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What a client is told.
            #[must_use]
            pub const fn words(self) -> Option<&'static str> {
                let words: &[&'static str] = match self {
                    $(Self::$variant => &[$($words)?],)+
                };
                words.first().copied()
            }

            /// What decisions know the refusal by.
            #[must_use]
            pub const fn refusal(self) -> Option<Rule> {
                let rules: &[Rule] = match self {
                    $(Self::$variant => &[$($($rule)?)?],)+
                };
                rules.first().copied()
            }
        }
    };
}

etcd_rules! {
    /// Started voters must be a quorum of the membership that results.
    NotEnoughStarted = "not enough started members",
        says "etcdserver: re-configuration failed due to not enough started members" as Rule::NotEnoughStarted;
    /// A member is added only where enough voters are connected: all of them, before 3.5.30 and 3.6.11; a quorum of
    /// the membership that results, since.
    UnhealthyForAdd = "too few links for an addition",
        says "etcdserver: unhealthy cluster" as Rule::UnhealthyCluster;
    /// Voters connected for 5 s, without one, must be a quorum of the membership that results.
    UnhealthyForRemove = "too few links for a removal",
        says "etcdserver: unhealthy cluster" as Rule::UnhealthyCluster;
    /// Links younger than 5 s count as down.
    YoungLink = "young links count as down";
    /// Who hangs counts as connected: for another 5 s in 3.4, for as long as it hangs since.
    HungLink = "who hangs counts as connected";
    /// A voter that is not connected may always go.
    DownMayGo = "who is down may go";
    /// A learner may always go.
    LearnerMayGo = "a learner may go";
    /// A single voter may add a second one, although that one has not started.
    OneMayGrow = "a single voter may grow";
    /// One learner at a time.
    TooManyLearners = "one learner at a time",
        says "etcdserver: too many learner members in cluster" as Rule::TooManyLearners;
    /// A peer URL belongs to one member.
    UrlTaken = "a peer URL belongs to one member",
        says "etcdserver: Peer URLs already exists" as Rule::MemberExists;
    /// The same URL within the same second makes the same id, which is taken.
    IdTaken = "an id is made of URL and second",
        says "etcdserver: member ID already exist" as Rule::MemberExists;
    /// Once it is removed, that id is never taken again.
    SameSecond = "a removed id is never taken again",
        says "etcdserver: member not found";
    /// Nobody has this id.
    NotFound = "an unknown id is not found",
        says "etcdserver: member not found";
    /// Only learners are promoted.
    NotALearner = "a voter is not promoted",
        says "etcdserver: can only promote a learner member" as Rule::Other;
    /// A learner needs nine tenths of the leader's log, as far as the leader knows.
    LearnerBehind = "a learner that lags is not promoted",
        says "etcdserver: can only promote a learner member which is in sync with leader" as Rule::LearnerNotReady;
    /// A learner that had caught up may be promoted although it does not run any more.
    DeadLearnerPromoted = "a learner that has died may be promoted";
    /// A learner answers Status and reads of its own copy, nothing else.
    NotForLearners = "a learner serves nothing",
        says "etcdserver: rpc not supported for learner" as Rule::Other;
    /// Leadership is only given away by who has it.
    NotLeader = "only the leader gives leadership away",
        says "etcdserver: not leader" as Rule::NotLeader;
    /// Leadership is only given to voters.
    BadTransferee = "leadership goes to voters",
        says "etcdserver: bad leader transferee" as Rule::NotLeader;
    /// A voter that does not run is not refused as a leader; the call hangs.
    TransferHangs = "leadership for a dead voter hangs";
    /// Without a quorum nothing is agreed on.
    NoQuorum = "no quorum, no service",
        says "etcdserver: request timed out";
    /// A member that hears no peer knows of no leader; it answers from its own copy.
    CutOff = "who is cut off follows nobody";
    /// A change of the membership waits for a quorum as long as the client does.
    ChangeHangs = "no quorum, no end of a change";
    /// A quorum that lost its leader elects another.
    Election = "a quorum elects a leader";
    /// NOSPACE refuses writes of data.
    NoSpace = "NOSPACE refuses writes",
        says "etcdserver: mvcc: database space exceeded" as Rule::Other;
    /// CORRUPT refuses writes of data.
    Corrupt = "CORRUPT refuses writes",
        says "etcdserver: corrupt cluster" as Rule::Other;
    /// A process whose member is removed ends by itself.
    RemovedEnds = "a removed member ends";
    /// It ends again on its old data.
    RemovedStaysOut = "a removed member stays out";
    /// An empty process must be told of as many members as there are.
    CountUnequal = "the membership is counted at the start";
    /// And of their peer URLs.
    UrlsUnmatched = "the membership is compared at the start";
    /// A member that had started cannot begin as new.
    AlreadyBootstrapped = "who had started is not new";
    /// Nobody told it the membership.
    NoPeer = "an empty process needs a peer";
    /// Without its founders' list, an empty process that is told to begin makes a cluster of its own.
    Foreign = "another list of founders is another cluster";
    /// A log that ends before what the leader has seen of it.
    LogLost = "a log that was lost ends the process";
    /// Below the cluster version nothing starts on its data.
    Downgraded = "no older release on its data";
    /// Below the cluster version nothing joins.
    Incompatible = "no older release joins";
    /// While the cluster version is the old one, an old release may come back.
    OldMayReturn = "an older release until the version rises";
    /// A release two minors above the cluster's ends on what the others wrote.
    Skipped = "no minor is left out";
    /// 3.4 ends on what 3.6 and later write.
    SkippedByOthers = "3.4 does not live with 3.6";
    /// A cluster that begins without all of its members has the version 3.0.
    VersionOfBeginners = "a cluster that is not complete has version 3.0";
    /// The cluster version is the lowest of all members; the leader looks every 4 s.
    VersionRises = "the cluster version rises when all are new";
}
