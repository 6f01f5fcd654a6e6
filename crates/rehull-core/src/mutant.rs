//! Bugs on purpose, for the tests of the checkers: a checker that has never caught anything proves nothing.
//!
//! `mutant!` asks, at the place that a bug would sit in, whether a test has switched that bug on in its own thread.
//! Outside of tests nothing is left of it, not even the names: see docs/decisions/0010.

/// `mutant!(Name)` is true while this bug is on, for conditions. `mutant!(Name => statement)` is the bug itself.
#[cfg(test)]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutant::is_on($crate::mutant::Mutant::$name)
    };
    ($name:ident => $wrong:expr) => {
        if $crate::mutant::is_on($crate::mutant::Mutant::$name) {
            $wrong;
        }
    };
}

#[cfg(not(test))]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
    ($name:ident => $wrong:expr) => {};
}

pub(crate) use mutant;

#[cfg(test)]
pub(crate) use switch::{Mutant, is_on, switched_on};

#[cfg(test)]
mod switch {
    use std::cell::Cell;

    macro_rules! bugs {
        ($($(#[$doc:meta])* $name:ident,)*) => {
            /// Every bug that can be switched on.
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(crate) enum Mutant {
                $($(#[$doc])* $name,)*
            }

            impl Mutant {
                /// All of them.
                pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
            }
        };
    }

    bugs! {
        /// Members that do not answer are no reason to wait: no gate asks for them, and nobody waits until they have settled.
        /// Either of the two alone holds a step back while a member is out.
        SkipHealth,
        /// A member whose process has ended counts as steady as soon as it is up again.
        FallenIsSteady,
        /// Raised alarms are no reason to wait: no gate asks for them, and no tick is restrained by them. Either of the two
        /// alone holds a step back.
        SkipAlarms,
        /// Data is called equal without having been compared.
        SkipCompare,
        /// A learner is promoted as soon as it answers.
        PromoteAtOnce,
        /// No watch before the last old member.
        SkipBake,
        /// The first member is taken out without a snapshot.
        ForgetSnapshot,
        /// Half of the voters count as a quorum.
        HalfIsAQuorum,
        /// The leader's slot is replaced before the others.
        LeaderFirst,
        /// A leader is stopped without handing over.
        KeepLeadership,
        /// Two members are asked to stop in one tick.
        TwoAtOnce,
        /// The next member is asked to stop when the last one got its go.
        HastyNext,
        /// A member's step is over as soon as it got its go.
        NextBeforeJoined,
        /// Who was asked to stop has stopped: the phase is remembered, not looked at.
        ResumeByPosition,
        /// A member is removed while it runs.
        RemoveFirst,
        /// A silent member has lost its machine.
        SilentIsLost,
        /// A new member starts on the data directory of the removed one.
        ReuseGeneration,
        /// A machine gets its go before volume and interface are at it.
        GoBeforeParts,
        /// The old machine goes before the new member serves.
        TerminateBeforeJoined,
        /// A machine that was asked to stop is ended at once.
        EndAtOnce,
        /// The old machine is left over.
        ForgetOldMachine,
        /// On the way to rest a machine that waits for its go is left over.
        ForgetSurplus,
        /// The spare stays when all is done.
        KeepSpare,
        /// Whatever version the launch template has is launched.
        AnyTemplateVersion,
        /// A machine of a slot that the plan leaves alone is stopped as well.
        OutsideThePlan,
        /// A machine that has not joined is given up whenever nothing is heard of it.
        GiveUpAtOnce,
        /// What could not be read counts as empty.
        UnreadIsEmpty,
        /// A wish in the mailbox changes nothing.
        IgnoreAbort,
        /// The intent is written down after the act.
        AppendAfterAct,
        /// Whoever was fenced appends behind whatever is there.
        AppendPastTheFence,
        /// What failed, or may have, is written down as done.
        FailedIsDone,
        /// A launch without an answer is repeated on the spot, under another token.
        LaunchAgain,
        /// An action in doubt has failed: it is tried anew, under another token.
        DoubtIsFailure,
        /// A volume goes to a machine of another slot.
        AttachElsewhere,
        /// What is not visible yet is gone.
        NotVisibleIsGone,
        /// Calls are sent whatever is left of the lease. That it was long enough before they were written down is no help.
        SendWithoutLease,
        /// Another holder's lease is taken without waiting.
        TakeOverAtOnce,
        /// A machine is launched while the run of Terraform that has made its version still goes on.
        LaunchBesideTerraform,
        /// A run of Terraform that was begun, and of which nothing is heard any more, counts as applied.
        BegunIsApplied,
        /// How a run of Terraform has ended is of no interest where EC2 lists all versions.
        FailedRunIsApplied,
        /// A deregistered server is ended as soon as its load balancer's API has forgotten it.
        StopAtOnce,
        /// Whoever is `unused` has left its load balancer, whatever the reason.
        UnusedIsGone,
        /// An old server leaves before a new one serves.
        LeaveFirst,
        /// The group goes on launching what nobody has seen serve.
        KeepUnproven,
        /// What was suspended stays suspended.
        ForgetRelease,
        /// A node is drained without a cordon.
        SkipCordon,
        /// A pod that its budget holds counts as gone.
        BlockedIsGone,
        /// A machine is ended when its node is cordoned.
        TerminateUndrained,
        /// At rest a node of ours stays cordoned.
        ForgetUncordon,
        /// A group is given back though one of its zones has two machines more than another.
        LeaveCrowded,
        /// Every group drains as if it were alone.
        ExceedBudget,
        /// Workloads are moved in any order.
        SkipOrder,
        /// Workers are rolled before the apiservers that they ask.
        WorkersFirst,
        /// Whatever cluster the identity record names is taken.
        AnyIdentity,
    }

    thread_local! {
        static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// This bug is on in this thread.
    pub(crate) fn is_on(mutant: Mutant) -> bool {
        ON.get() == Some(mutant)
    }

    /// Runs `work` with this bug; other threads, and what follows, are without.
    pub(crate) fn switched_on<T>(mutant: Mutant, work: impl FnOnce() -> T) -> T {
        struct Off;
        impl Drop for Off {
            fn drop(&mut self) {
                ON.set(None);
            }
        }
        ON.set(Some(mutant));
        let _off = Off;
        work()
    }

    #[test]
    fn a_bug_is_on_only_inside_and_only_in_its_own_thread() {
        let elsewhere = || {
            std::thread::spawn(|| is_on(Mutant::SkipBake))
                .join()
                .unwrap_or(true)
        };
        let inside = switched_on(Mutant::SkipBake, || (is_on(Mutant::SkipBake), elsewhere()));
        assert_eq!(inside, (true, false));
        assert!(!is_on(Mutant::SkipBake));
    }
}
