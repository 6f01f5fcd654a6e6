//! `rehull rehearse FILE`: the plan of a cluster file, carried out in the simulator again and again. Offline.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use rehull_core::catalog::etcd::usual_before;
use rehull_core::domain::version::EtcdVersion;
use rehull_core::sim::rehearse::{Performance, Rehearsal, Report, median};
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
    let from = match asked.from {
        Some(from) => from,
        None => usual(&file)?,
    };
    let report = rehearse(console, &file, from, asked)?;
    let told = Told {
        report: &report,
        file: &file.path,
        from_is_assumed: asked.from.is_none(),
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
    from: EtcdVersion,
    asked: &Rehearsing,
) -> Result<Report, Failure> {
    let rehearsal =
        Rehearsal::of(&file.desired, from).map_err(|unplanned| unplanned_failure(unplanned, file))?;
    if rehearsal.plan().forecast.order.is_empty() {
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
