//! From what was typed to what is meant: the command line, read once and turned into a [`Wish`].

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};
use rehull_core::adopt::Root;
use rehull_core::domain::ids::{ContentDigest, GroupName, RolloutId, SlotName};
use rehull_core::domain::observed::Wish as Asked;
use rehull_core::domain::version::{NotAMinor, NotARelease};
use rehull_core::plan::RolloutKind;
use rehull_core::sim::rehearse::Part;
use rehull_core::tfplan::Tool;

use super::console::Console;
use super::rollouts::cluster_of;
use super::sandbox;
use super::typed::{self, Command, Etcd, HandoverRoot, Output, PlanTool, RehearsedPart, Typed};
use super::wish::{
    Adopting, Agreed, Change, Format, InfrastructureChange, Initialising, LookingUp, OfRollout, Planning,
    Rehearsing, Rendering, Replaying, Subject, Unlocking, Verifying, Wish,
};
use crate::sandbox::faults::Fault;

/// One run of the program.
#[derive(Debug)]
pub struct Invocation {
    /// Where and how to write.
    pub console: Console,
    /// Debug log, if asked for.
    pub log: Option<PathBuf>,
    /// What goes wrong on purpose, in a sandbox.
    pub fault: Option<Fault>,
    /// What to do.
    pub wish: Wish,
}

/// Reads a command line. What clap says by itself (help, version, misspelt options) comes back as its error.
///
/// # Errors
/// Help and version texts, and everything that is no command line.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let typed = Typed::try_parse_from(&arguments)?;
    let format = match typed.global.output {
        Output::Text => Format::Text,
        Output::Json => Format::Json,
        Output::Markdown => Format::Markdown,
    };
    let console = Console::new(format, typed.global.quiet, typed.global.no_color);
    let wish = wish(typed.command).map_err(|message| {
        let kind = clap::error::ErrorKind::ValueValidation;
        typed_command(&arguments).error(kind, message)
    })?;
    Ok(Invocation {
        console,
        log: typed.global.log,
        fault: typed.global.fault,
        wish,
    })
}

/// The command among these words: its usage stands below what is wrong with its values.
fn typed_command(words: &[OsString]) -> clap::Command {
    let mut root = Typed::command();
    // Only then does a subcommand know the names before its own.
    root.build();
    words.iter().skip(1).fold(root, |command, word| {
        let below = command.find_subcommand(word).cloned();
        below.unwrap_or(command)
    })
}

fn wish(command: Command) -> Result<Wish, String> {
    Ok(match command {
        Command::Check(check) => Wish::Check(check.files),
        Command::Schema => Wish::Schema,
        Command::Catalog(catalog) => looking_up(catalog)?,
        Command::Render(render) => rendering(render),
        Command::Plan(typed::Plan {
            infrastructure: Some(module),
            file,
            ..
        }) => Wish::Infrastructure(InfrastructureChange {
            file,
            module,
            consent: None,
        }),
        Command::Apply(typed::Apply {
            infrastructure: Some(module),
            file,
            consent,
            ..
        }) => Wish::Infrastructure(InfrastructureChange {
            file,
            module,
            consent: Some(Agreed {
                digest: consent.plan_digest.map(digest).transpose()?,
                yes: consent.yes,
            }),
        }),
        Command::Plan(plan) => Wish::Plan(Planning {
            kind: kind(plan.bootstrap),
            again: plan.again,
            file: plan.file,
            all_notes: plan.all,
        }),
        Command::Rehearse(rehearse) => rehearsal(rehearse)?,
        Command::Apply(apply) => {
            let kind = kind(apply.bootstrap);
            let change = change(Some(apply.file), kind, apply.consent)?;
            Wish::Apply(Change {
                again: apply.again,
                ..change
            })
        }
        Command::Status(status) => Wish::Status(subject(status)?),
        Command::Resume(of) => Wish::Resume(of_rollout(of)?),
        Command::Abort(of) => Wish::Ask(of_rollout(of)?, Asked::Abort),
        Command::Pause(of) => Wish::Ask(of_rollout(of)?, Asked::Pause),
        Command::Rollback(rollback) => {
            let of = of_rollout(rollback.of)?;
            let kind = RolloutKind::Rollback {
                of: of.rollout.to_string(),
            };
            Wish::Apply(change(of.file, kind, rollback.consent)?)
        }
        Command::Report(of) => Wish::Report(of_rollout(of)?),
        Command::Etcd(etcd) => etcd_wish(etcd)?,
        Command::Init(init) => Wish::Init(Initialising {
            dir: init.dir,
            dry_run: init.dry_run,
        }),
        Command::Adopt(adopt) => adoption(adopt),
        Command::Unlock(unlock) => Wish::Unlock(Unlocking {
            file: unlock.file,
            lock: unlock.lock,
            destroyed: unlock.destroyed,
        }),
        Command::Sandbox(sandbox) => Wish::Sandbox(sandbox::args::wish(sandbox)?),
        Command::Version => Wish::Version,
    })
}

fn looking_up(typed: typed::Catalog) -> Result<Wish, String> {
    let minor = |text: String| text.parse().map_err(|error: NotAMinor| error.to_string());
    Ok(Wish::LookUp(LookingUp {
        words: typed.words,
        from: typed.from.map(minor).transpose()?,
        to: typed.to.map(minor).transpose()?,
    }))
}

fn adoption(typed: typed::Adopt) -> Wish {
    match (typed.verify_plan, typed.root) {
        (Some(plan), Some(root)) => Wish::VerifyHandover(Verifying {
            plan,
            root: match root {
                HandoverRoot::Old => Root::Old,
                HandoverRoot::New => Root::New,
            },
            tool: match typed.tool {
                PlanTool::Terraform => Tool::Terraform,
                PlanTool::OpenTofu => Tool::OpenTofu,
            },
            out: typed.out,
        }),
        // clap asks for a mapping or for both of those.
        (None, _) | (Some(_), None) => Wish::Adopt(Adopting {
            mapping: typed.mapping.unwrap_or_default(),
            state: typed.state,
            out: typed.out,
        }),
    }
}

/// A group has so many machines in a rehearsal at most: more would take longer than anybody waits.
const MACHINES_MAX: u32 = 500;

/// `GROUP=N`.
fn machines(text: &str) -> Result<(GroupName, u32), String> {
    let read = text.split_once('=').and_then(|(group, count)| {
        let count: u32 = count.parse().ok()?;
        let fits = !group.is_empty() && (1..=MACHINES_MAX).contains(&count);
        fits.then(|| (GroupName::new(group), count))
    });
    read.ok_or_else(|| {
        format!("`--machines {text}`: not the name of an Auto Scaling group, `=` and 1 to {MACHINES_MAX}")
    })
}

const fn part(typed: RehearsedPart) -> Part {
    match typed {
        RehearsedPart::Etcd => Part::Etcd,
        RehearsedPart::ControlPlane => Part::ControlPlane,
        RehearsedPart::Workers => Part::Workers,
    }
}

fn rehearsal(typed: typed::Rehearse) -> Result<Wish, String> {
    let release = |text: String| text.parse().map_err(|error: NotARelease| error.to_string());
    let kubernetes = |text: String| text.parse().map_err(|error: NotARelease| error.to_string());
    // clap asks for one of the two.
    Ok(match (typed.file, typed.scenario) {
        (Some(file), _) => Wish::Rehearse(Rehearsing {
            file,
            from: typed.from.map(release).transpose()?,
            kubernetes: typed.kubernetes.map(kubernetes).transpose()?,
            machines: typed
                .machines
                .iter()
                .map(|text| machines(text))
                .collect::<Result<_, _>>()?,
            deregistration_delay_s: typed.deregistration_delay,
            only: typed.only.into_iter().map(part).collect(),
            seeds: typed.seeds,
            faults: !typed.no_faults,
        }),
        (None, scenario) => Wish::Replay(Replaying {
            scenario: scenario.unwrap_or_default(),
            seed: typed.seed,
        }),
    })
}

fn etcd_wish(command: Etcd) -> Result<Wish, String> {
    Ok(match command {
        Etcd::Status(only) => Wish::EtcdStatus(only.file),
        Etcd::Snapshot(only) => Wish::EtcdSnapshot(only.file),
        Etcd::Replace(one) => {
            let kind = RolloutKind::Replace {
                slot: SlotName::new(one.member),
            };
            Wish::Apply(change(Some(one.file), kind, one.consent)?)
        }
        Etcd::Heal(one) => {
            let kind = RolloutKind::Heal {
                slot: SlotName::new(one.member),
            };
            Wish::Apply(change(Some(one.file), kind, one.consent)?)
        }
    })
}

fn kind(bootstrap: bool) -> RolloutKind {
    if bootstrap {
        RolloutKind::Bootstrap
    } else {
        RolloutKind::Upgrade
    }
}

fn change(file: Option<PathBuf>, kind: RolloutKind, consent: typed::Consent) -> Result<Change, String> {
    let plan_digest = consent.plan_digest.map(digest).transpose()?;
    Ok(Change {
        file,
        kind,
        again: false,
        plan_digest,
        yes: consent.yes,
        toolbox: consent.toolbox,
    })
}

fn digest(text: String) -> Result<ContentDigest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(ContentDigest::new(text))
    } else {
        Err(format!(
            "`{text}` is no plan digest: `rehull plan` prints it, `sha256:` and 64 hexadecimal digits"
        ))
    }
}

fn of_rollout(typed: typed::OfRollout) -> Result<OfRollout, String> {
    Ok(OfRollout {
        rollout: rollout(&typed.rollout)?,
        file: typed.file,
    })
}

fn rollout(text: &str) -> Result<RolloutId, String> {
    match cluster_of(text) {
        Some(_) => Ok(RolloutId::new(text)),
        None => Err(format!(
            "`{text}` is no rollout: they are called like `dev-2026-11-21-01`"
        )),
    }
}

/// A rollout if it is called like one, otherwise a cluster file.
fn subject(typed: typed::Status) -> Result<Subject, String> {
    match cluster_of(&typed.subject) {
        Some(_) if typed.all => {
            Err("`--all` lists the rollouts of a cluster: name its cluster file".to_owned())
        }
        None if typed.all => Ok(Subject::Rollouts(typed.subject.into())),
        Some(_) => Ok(Subject::Rollout(OfRollout {
            rollout: rollout(&typed.subject)?,
            file: typed.file,
        })),
        None => Ok(Subject::Cluster(typed.subject.into())),
    }
}

fn rendering(typed: typed::Render) -> Wish {
    let rendering = match (typed.slot, typed.tfvars) {
        (Some(slot), _) => Rendering::Slot(SlotName::new(slot)),
        (None, true) => Rendering::Tfvars,
        (None, false) => Rendering::Overview,
    };
    // clap lets `--variables` stand only without a file, and nothing else without one.
    typed
        .file
        .map_or(Wish::ListVariables, |file| Wish::Render(file, rendering))
}
