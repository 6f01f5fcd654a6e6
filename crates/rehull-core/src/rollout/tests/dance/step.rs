//! One step of a path, in words.

use super::scene::Scene;
use super::state::Act;

/// One edge of the graph, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// rehull looks, decides and writes down.
    Tick,
    /// It stops with a name; a person resumes.
    Resume,
    Done(Act),
    AnswerLost(Act),
    CameToNothing(Act),
    Crash,
    CrashWithStray(Act),
    Stray(Act),
    StrayEnded(Act),
    Boots(u8),
    Refuses(u8),
    Starts(u8),
    Stops(u8),
    Ends(u8),
    CatchesUp(u8),
    Leads(u8),
    LeadsUnasked(u8),
    Freezes(u8),
    Thaws(u8),
    IsLost(u8),
    AskedToRest,
    PatienceEnds,
    PatienceEndsEarly,
    TimePasses,
}

impl Step {
    /// Something goes wrong by it.
    pub(super) fn is_fault(self) -> bool {
        matches!(
            self,
            Self::AnswerLost(_)
                | Self::CameToNothing(_)
                | Self::Crash
                | Self::CrashWithStray(_)
                | Self::Refuses(_)
                | Self::LeadsUnasked(_)
                | Self::Freezes(_)
                | Self::IsLost(_)
                | Self::AskedToRest
                | Self::PatienceEndsEarly
        )
    }

    pub(super) fn words(self, scene: &Scene) -> String {
        let name = |slot: u8| scene.name(slot);
        match self {
            Self::Tick => "the holder decides".to_owned(),
            Self::Resume => "the holder stops; a person resumes".to_owned(),
            Self::Done(act) => format!("    {}", scene.words(act)),
            Self::AnswerLost(act) => format!("    {}: done, the answer is lost", scene.words(act)),
            Self::CameToNothing(act) => format!("    {}: comes to nothing", scene.words(act)),
            Self::Crash => "the holder is killed and begins again".to_owned(),
            Self::CrashWithStray(act) => {
                format!("another rehull takes over; on its way: {}", scene.words(act))
            }
            Self::Stray(act) => format!("the late request comes true: {}", scene.words(act)),
            Self::StrayEnded(act) => format!("the late request is dead: {}", scene.words(act)),
            Self::Boots(slot) => format!("machine of {} becomes warm", name(slot)),
            Self::Refuses(slot) => format!("machine of {} refuses to boot", name(slot)),
            Self::Starts(slot) => format!("{} starts", name(slot)),
            Self::Stops(slot) => format!("{} has stopped", name(slot)),
            Self::Ends(slot) => format!("machine of {} is terminated", name(slot)),
            Self::CatchesUp(slot) => format!("{} catches up", name(slot)),
            Self::Leads(slot) => format!("{} is elected", name(slot)),
            Self::LeadsUnasked(slot) => format!("{} is elected out of the blue", name(slot)),
            Self::Freezes(slot) => format!("{} FREEZES", name(slot)),
            Self::Thaws(slot) => format!("{} answers again", name(slot)),
            Self::IsLost(slot) => format!("machine of {} IS LOST", name(slot)),
            Self::AskedToRest => "a person asks for the nearest resting place".to_owned(),
            Self::PatienceEnds => "patience ends".to_owned(),
            Self::PatienceEndsEarly => "patience ends early".to_owned(),
            Self::TimePasses => "time passes".to_owned(),
        }
    }
}
