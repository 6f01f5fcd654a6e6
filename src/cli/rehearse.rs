//! `rehull rehearse FILE`: the plan of a cluster file, carried out in the simulator again and again. Offline.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use rehull_core::catalog::etcd::usual_before;
use rehull_core::domain::ids::GroupName;
use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::rehearse::{AsItIs, Part, Performance, Rehearsal, Report, median};
use rehull_core::sim::{GroundError, Unplanned};

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::planning;
use super::wish::{Format, Rehearsing};
use crate::report::json;
use crate::report::numbers::plural;
use crate::report::rehearsal::{self, Told};

/// Rehearses and shows what came of it. A rehearsal that does not finish, or breaks a promise, needs a person.
///
/// # Errors
/// The cluster file is wrong, there is no plan, or nobody knows what runs now.
pub fn run(console: &Console, asked: &Rehearsing) -> Result<Exit, Failure> {
    let file = ClusterFile::read(&asked.file)?;
    // What does not render cannot be rehearsed either, and this says it with the place in the template.
    file.render()?;
    file.render_groups()?;
    let as_it_is = as_it_is(&file, asked)?;
    let report = rehearse(console, &file, &as_it_is, asked)?;
    let told = Told {
        report: &report,
        file: &file.path,
        from_is_assumed: asked.from.is_none() && as_it_is.parts.contains(&Part::Etcd),
    };
    match console.format {
        Format::Json => console.answer_json(&json::rehearsal(&report, told.from_is_assumed))?,
        Format::Text | Format::Markdown => {
            console.answer(&rehearsal::text(&told, console.out_paint()))?;
        }
    }
    Ok(if report.unfinished.is_empty() && report.breaches.is_empty() {
        Exit::Ok
    } else {
        Exit::NeedsPerson
    })
}

/// What was said of the cluster as it is now.
fn as_it_is(file: &ClusterFile, asked: &Rehearsing) -> Result<AsItIs, Failure> {
    let parts: BTreeSet<Part> = if asked.only.is_empty() {
        Part::ALL.into()
    } else {
        asked.only.clone()
    };
    for part in &asked.only {
        if !is_there(file, *part) {
            return Err(no_part(file, *part));
        }
    }
    let etcd = match asked.from {
        Some(from) => from,
        None if !parts.contains(&Part::Etcd) => file.desired.etcd.version,
        None => usual(file)?,
    };
    for group in asked.machines.keys() {
        if groups(file).all(|known| known != group) {
            return Err(no_group(file, group));
        }
    }
    Ok(AsItIs {
        etcd,
        kubernetes: asked.kubernetes,
        machines: asked.machines.clone(),
        deregistration_delay_s: asked.deregistration_delay_s,
        parts,
    })
}

fn is_there(file: &ClusterFile, part: Part) -> bool {
    match part {
        Part::Etcd => true,
        Part::ControlPlane => file.desired.control_plane.is_some(),
        Part::Workers => file.desired.workers.is_some(),
    }
}

fn groups(file: &ClusterFile) -> impl Iterator<Item = &GroupName> {
    let servers = file.desired.control_plane.iter().map(|role| &role.group);
    let workers = file.desired.workers.iter().flat_map(|workers| &workers.groups);
    servers.chain(workers.map(|role| &role.group))
}

fn no_part(file: &ClusterFile, part: Part) -> Failure {
    let message = format!("{} has no {}", file.path.display(), part.word());
    Failure::new(Exit::Usage, "rehearse::part", message)
}

fn no_group(file: &ClusterFile, group: &GroupName) -> Failure {
    let message = format!("{} has no group `{group}`", file.path.display());
    let known: Vec<&str> = groups(file).map(GroupName::as_str).collect();
    let failure = Failure::new(Exit::Usage, "rehearse::group", message);
    if known.is_empty() {
        failure
    } else {
        failure.help(format!("its groups are {}", known.join(", ")))
    }
}

/// The cluster file says what is to become of a cluster, not what it is.
fn usual(file: &ClusterFile) -> Result<EtcdVersion, Failure> {
    let pinned = file.desired.etcd.version;
    usual_before(pinned).ok_or_else(|| {
        let message = format!("nothing is known of what runs before etcd {pinned}");
        let again = format!("rehull rehearse {} --from VERSION", file.path.display());
        Failure::new(Exit::Usage, "rehearse::from", message)
            .help(format!("say what the members run now: `{again}`"))
    })
}

fn rehearse(
    console: &Console,
    file: &ClusterFile,
    as_it_is: &AsItIs,
    asked: &Rehearsing,
) -> Result<Report, Failure> {
    let rehearsal =
        Rehearsal::of(&file.desired, as_it_is).map_err(|unplanned| unplanned_failure(unplanned, file))?;
    if !rehearsal.plan().envelope.replaces() {
        return Ok(rehearsal.report(&[], None));
    }
    let seeds: Vec<u64> = (1..=u64::from(asked.seeds)).collect();
    let runs: Vec<Performance> = each(console, "undisturbed", &seeds, |seed| rehearsal.perform(*seed))?;
    let what_ifs = match median(&runs).filter(|_| asked.faults) {
        Some(run) => rehearsal.what_ifs(run.seed).map_err(|error| broken(&error))?,
        None => None,
    };
    let tried = match &what_ifs {
        Some(of) => {
            let tried = each(console, "with a fault", &of.all, |what_if| {
                rehearsal.try_out(of, what_if)
            })?;
            Some((of, tried))
        }
        None => None,
    };
    Ok(rehearsal.report(&runs, tried))
}

fn unplanned_failure(unplanned: Unplanned, file: &ClusterFile) -> Failure {
    let name = file.path.to_string_lossy();
    match unplanned {
        Unplanned::Refused(mut refusals) => {
            for refusal in &mut refusals {
                planning::name_file(&mut refusal.help, &name);
            }
            Failure::refusals(refusals, &name, &file.text)
        }
        Unplanned::Ground(error) => broken(&error),
    }
}

/// Not the fault of whoever rehearses.
fn broken(error: &GroundError) -> Failure {
    let failure = Failure::new(
        Exit::Refused,
        "rehearse::ground",
        "this cluster cannot be simulated",
    );
    failure
        .because(error)
        .help("this is a bug of rehull's simulator: please report it, with the cluster file")
}

/// One run for each of these, on every processor, in the order of the list.
fn each<I: Sync, T: Send>(
    console: &Console,
    what: &'static str,
    all: &[I],
    run: impl Fn(&I) -> Result<T, GroundError> + Sync,
) -> Result<Vec<T>, Failure> {
    let progress = Progress::begin(console, what, all.len());
    let workers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(all.len());
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        for _ in 0..workers {
            let (tell, next, run) = (tell.clone(), &next, &run);
            scope.spawn(move || {
                while let Some((nth, one)) = take(all, next) {
                    // Whoever listened has heard of an error and needs no more.
                    if tell.send(run(one).map(|came| (nth, came))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        let told = told.into_iter().inspect(|_| progress.one());
        told.collect::<Result<_, _>>()
    })
    .map_err(|error| broken(&error))?;
    progress.end();
    done.sort_by_key(|(nth, _)| *nth);
    Ok(done.into_iter().map(|(_, came)| came).collect())
}

fn take<'a, I>(all: &'a [I], next: &AtomicUsize) -> Option<(usize, &'a I)> {
    let nth = next.fetch_add(1, Ordering::Relaxed);
    all.get(nth).map(|one| (nth, one))
}

/// How many runs are done: a bar for a person, a line at the beginning for a log.
struct Progress(ProgressBar);

impl Progress {
    fn begin(console: &Console, what: &'static str, count: usize) -> Self {
        if console.quiet || !console.is_live() {
            console.say(&format!("{} {what}", plural(count, "run", "runs")));
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX)).with_message(what);
        let style = ProgressStyle::with_template("{pos} of {len} runs {msg}");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    fn one(&self) {
        self.0.inc(1);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
