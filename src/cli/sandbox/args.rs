//! What was typed about sandboxes, as values.

use std::str::FromStr;

use rehull_core::domain::policy::EtcdStrategy;
use rehull_core::domain::version::NotARelease;
use rehull_core::world::Timing;

use crate::cli::typed::{self, Sandbox, SandboxStrategy, SandboxTiming};
use crate::cli::wish::{Demo, Harmed, Pin, Place, SandboxWish, Up};
use crate::sandbox::Harm;

fn place(typed: typed::SandboxPlace) -> Place {
    Place {
        name: typed.name,
        dir: typed.dir,
    }
}

fn strategy(typed: SandboxStrategy) -> EtcdStrategy {
    match typed {
        SandboxStrategy::RemoveThenAdd => EtcdStrategy::RemoveThenAdd,
        SandboxStrategy::Reattach => EtcdStrategy::Reattach,
        SandboxStrategy::LearnerFirst => EtcdStrategy::LearnerFirst,
    }
}

fn harmed(typed: typed::SandboxMember, harm: Harm) -> SandboxWish {
    SandboxWish::Harm(Harmed {
        place: place(typed.place),
        member: typed.member,
        harm,
    })
}

fn release<Release: FromStr<Err = NotARelease>>(text: &str) -> Result<Release, String> {
    text.parse().map_err(|error: NotARelease| error.to_string())
}

/// What a command about sandboxes means.
///
/// # Errors
/// A release is none.
pub(in crate::cli) fn wish(command: Sandbox) -> Result<SandboxWish, String> {
    Ok(match command {
        Sandbox::Down(typed) => SandboxWish::Down(place(typed)),
        Sandbox::Status(typed) => SandboxWish::Status(place(typed)),
        Sandbox::Terminate(typed) => harmed(typed, Harm::Terminate),
        Sandbox::PowerCut(typed) => harmed(typed, Harm::PowerCut),
        Sandbox::Freeze(typed) => harmed(typed, Harm::Freeze),
        Sandbox::Thaw(typed) => harmed(typed, Harm::Thaw),
        Sandbox::Pin(typed) => SandboxWish::Pin(Pin {
            place: place(typed.place),
            etcd: typed.etcd.as_deref().map(release).transpose()?,
            kubernetes: typed.kubernetes.as_deref().map(release).transpose()?,
            toolbox: typed.toolbox,
        }),
        Sandbox::Up(typed) => SandboxWish::Up(Up {
            place: place(typed.place),
            members: typed.members,
            strategy: typed.strategy.map(strategy),
            etcd: release(&typed.etcd)?,
            toolbox: typed.toolbox,
            timing: match typed.timing {
                SandboxTiming::Fast => Timing::Fast,
                SandboxTiming::Aws => Timing::Aws,
            },
            terraform: typed.terraform,
            control_plane: typed.control_plane,
            empty: typed.empty,
        }),
        Sandbox::Demo(typed) => SandboxWish::Demo(Demo {
            place: Place {
                name: typed.name,
                dir: typed.dir,
            },
            members: typed.members,
            from: release(&typed.from)?,
            to: release(&typed.to)?,
            toolbox: typed.toolbox,
            keep: typed.keep,
        }),
    })
}
