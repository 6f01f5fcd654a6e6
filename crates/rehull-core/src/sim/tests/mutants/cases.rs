//! What brings each bug to light, and which rule has to say so.

use super::*;
use crate::domain::policy::EtcdStrategy::{LearnerFirst, RemoveThenAdd};
use Trouble::{
    AbortedBefore, AsleepBefore, At, ByTerraform, ControlPlane, None as Nothing, OfAnother, SucceededBefore,
    Workers, World,
};

/// What happens while a bug is on.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    None,
    /// From this second on, for so many.
    World(u64, u64, Happening),
    /// At the first request of this kind.
    At(&'static str, RequestTrouble),
    /// rehull sleeps while it writes down the intent to it, for two lives of its lease.
    AsleepBefore(&'static str),
    /// The same, and another process has taken over when it wakes up.
    SucceededBefore(&'static str),
    /// An upgrade of before was aborted after its first member: the plan of this one leaves that slot alone.
    AbortedBefore,
    /// The identity record is that of another cluster.
    OfAnother,
    /// The control plane follows, and this happens at the first request of this kind.
    ControlPlane(Option<(&'static str, RequestTrouble, WorldFault)>),
    /// Workers follow, and this happens.
    Workers(Vec<WorldFault>),
    /// Workers of one group in three zones follow.
    OverZones,
    /// The control plane follows, and then the workers.
    ServersThenWorkers,
    /// Terraform makes the versions, and from this second on this happens.
    ByTerraform(u64, Happening),
}

/// Whose business a bug is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The world: this invariant is broken, and these words are said.
    Broken(u8, &'static str),
    /// The run ends in another way than it should.
    Liveness,
    /// It ends as it should, and not everything is as it should be: these words are said.
    Convergence(&'static str),
}

/// One surrounding of a bug.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) strategy: EtcdStrategy,
    pub(super) trouble: Trouble,
    pub(super) rule: Rule,
}

fn case(strategy: EtcdStrategy, trouble: Trouble, rule: Rule) -> Vec<Case> {
    vec![Case {
        strategy,
        trouble,
        rule,
    }]
}

fn plain(invariant: u8, words: &'static str) -> Vec<Case> {
    case(RemoveThenAdd, Nothing, Rule::Broken(invariant, words))
}

fn one(trouble: Trouble, invariant: u8, words: &'static str) -> Vec<Case> {
    case(RemoveThenAdd, trouble, Rule::Broken(invariant, words))
}

const LAUNCH: &str = "RunInstances";
const NO_RUN: &str = "which no finished run has made";

fn slot() -> SlotName {
    SlotName::new("etcd-c")
}

/// Every surrounding in which a bug has to be found.
pub(super) fn cases(mutant: Mutant) -> Vec<Case> {
    of_members(mutant)
        .or_else(|| of_journal(mutant))
        .or_else(|| of_terraform(mutant))
        .or_else(|| of_groups(mutant))
        .unwrap_or_else(|| panic!("nobody says what brings {mutant:?} to light"))
}

fn of_members(mutant: Mutant) -> Option<Vec<Case>> {
    let freeze = || World(1, 600, Happening::Freeze { slot: slot() });
    let alarm = "NOSPACE".to_owned();
    let abort = |at_s| World(at_s, 0, Happening::AskAbort);
    let surplus = Rule::Convergence("machines instead of");
    Some(match mutant {
        Mutant::SkipHealth => one(freeze(), 3, "leaves 1 of 3 voters"),
        Mutant::SilentIsLost => one(freeze(), 3, "whose etcd runs"),
        Mutant::FallenIsSteady => {
            let slot = slot();
            // While the first replacement boots: etcd is up again before it is ready.
            one(World(15, 0, Happening::KillProcess { slot }), 3, "had ended")
        }
        Mutant::SkipAlarms => {
            let slot = slot();
            one(
                World(1, 600, Happening::Alarm { slot, alarm }),
                3,
                "while an alarm is raised",
            )
        }
        Mutant::SkipCompare => plain(3, "was compared"),
        Mutant::PromoteAtOnce => case(LearnerFirst, Nothing, Rule::Broken(3, "which lacks")),
        Mutant::KeepSpare => case(LearnerFirst, Nothing, surplus),
        Mutant::SkipBake => plain(8, "before the bake was over"),
        Mutant::ForgetSnapshot => plain(8, "before there was a snapshot"),
        // Whatever else that number holds back is held back by gates, by audit or by etcd itself as well.
        Mutant::HalfIsAQuorum => plain(3, "people were told a margin"),
        Mutant::LeaderFirst => plain(1, "has to go before"),
        Mutant::KeepLeadership => plain(4, "while it leads"),
        Mutant::TwoAtOnce | Mutant::HastyNext => plain(3, "leaves 1 of 3 voters"),
        Mutant::NextBeforeJoined => plain(3, "before the data of etcd-b was compared"),
        Mutant::ResumeByPosition => plain(3, "whose etcd runs"),
        Mutant::RemoveFirst => plain(3, "which runs"),
        Mutant::ReuseGeneration => plain(3, "on the data of the removed member"),
        Mutant::GoBeforeParts => plain(3, "without its volume and interface"),
        Mutant::TerminateBeforeJoined => plain(8, "while no member runs in"),
        Mutant::EndAtOnce => plain(9, "before its time to stop was over"),
        Mutant::GiveUpAtOnce => plain(9, "before its time to join was over"),
        Mutant::ForgetOldMachine => plain(6, "was told to stop and is left beside"),
        Mutant::ForgetSurplus => case(RemoveThenAdd, abort(20), surplus),
        Mutant::IgnoreAbort => one(abort(5), 6, "after somebody had asked for rest"),
        Mutant::AnyTemplateVersion => plain(1, "boots something that was not approved"),
        Mutant::OutsideThePlan => one(AbortedBefore, 1, "which the plan does not change"),
        Mutant::UnreadIsEmpty => one(
            World(20, 60, Happening::ExpiredCredentials),
            9,
            "people were told that the quorum is lost",
        ),
        Mutant::AnyIdentity => one(OfAnother, 12, "sent to another cluster"),
        _ => return None,
    })
}

fn of_journal(mutant: Mutant) -> Option<Vec<Case>> {
    Some(match mutant {
        Mutant::AppendAfterAct => plain(2, "without a durable intent"),
        Mutant::AppendPastTheFence => one(SucceededBefore(LAUNCH), 7, "after it had been succeeded"),
        Mutant::SendWithoutLease => one(AsleepBefore(LAUNCH), 7, "after its lease had run out"),
        Mutant::TakeOverAtOnce => one(World(60, 0, Happening::SecondRehull), 7, "which lives"),
        Mutant::FailedIsDone => one(At("HashKV", RequestTrouble::LoseRequest), 3, "was compared"),
        Mutant::LaunchAgain => one(
            At(LAUNCH, RequestTrouble::LoseAnswer),
            2,
            "without a durable intent",
        ),
        Mutant::DoubtIsFailure => one(At(LAUNCH, RequestTrouble::LoseRequest), 2, "gets another token"),
        Mutant::AttachElsewhere => plain(1, "a part of another slot"),
        Mutant::NotVisibleIsGone => plain(2, "a second machine"),
        _ => return None,
    })
}

fn of_terraform(mutant: Mutant) -> Option<Vec<Case>> {
    Some(match mutant {
        Mutant::LaunchBesideTerraform => {
            let seconds = 5;
            one(ByTerraform(0, Happening::TerraformSlow { seconds }), 9, NO_RUN)
        }
        // Behind the last version in some of the seeds.
        Mutant::BegunIsApplied => one(ByTerraform(30, Happening::ComputerLost), 9, NO_RUN),
        Mutant::FailedRunIsApplied => {
            let slot = slot();
            one(ByTerraform(0, Happening::ApplyDies { slot }), 9, NO_RUN)
        }
        _ => return None,
    })
}

fn of_groups(mutant: Mutant) -> Option<Vec<Case>> {
    let servers = |words| one(ControlPlane(None), 4, words);
    let workers = |words| one(Workers(Vec::new()), 4, words);
    let blocks = |for_s| world_fault(0, for_s, Happening::BudgetBlocks);
    Some(match mutant {
        Mutant::StopAtOnce => servers("new connections are still sent to it"),
        Mutant::UnusedIsGone => {
            let gone = world_fault(0, 300, Happening::ListenerGone);
            let lost = ("DeregisterTargets", RequestTrouble::LoseRequest, gone);
            one(
                ControlPlane(Some(lost)),
                4,
                "is ended, and its load balancer has it registered",
            )
        }
        Mutant::LeaveFirst => servers("leaves, and 2 of 3 serve"),
        Mutant::KeepUnproven => {
            let mut cases = servers("is launched, though none was watched long enough");
            cases.extend(workers("though none was watched long enough"));
            cases
        }
        Mutant::ForgetRelease => {
            let mut cases = one(ControlPlane(None), 6, "are left suspended");
            cases.extend(one(Workers(Vec::new()), 6, "of sim-workers"));
            cases
        }
        Mutant::SkipCordon => workers("is not cordoned"),
        Mutant::BlockedIsGone => one(Workers(vec![blocks(600)]), 4, "is ended under"),
        Mutant::TerminateUndrained => workers("is ended under"),
        Mutant::ForgetUncordon => {
            let abort = world_fault(500, 0, Happening::AskAbort);
            one(Workers(vec![blocks(0), abort]), 6, "are left cordoned or tainted")
        }
        Mutant::LeaveCrowded => one(Trouble::OverZones, 6, "is left uneven"),
        Mutant::ExceedBudget => workers("are cordoned at once"),
        Mutant::SkipOrder => workers("is moved from"),
        Mutant::WorkersFirst => one(Trouble::ServersThenWorkers, 5, "a kubelet of 1.34.2"),
        _ => return None,
    })
}
