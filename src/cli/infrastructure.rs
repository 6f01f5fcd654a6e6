//! `plan` and `apply` with `--infrastructure`: a root module around the machines. No rollout, no machine; the lease all the same,
//! so that nothing is rolled meanwhile.

use std::path::Path;
use std::sync::Arc;

use rehull_core::domain::ids::ContentDigest;
use rehull_core::tfplan::{Decision, Manifest, Verdict};
use serde_json::json;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::identity::Identity;
use super::lease::{self, Kept};
use super::signals::Signals;
use super::wire::terraform::{self as wired, AtWork, Done, Infrastructure};
use super::wire::{self, World};
use super::wish::{Format, InfrastructureChange};
use crate::report::infrastructure::text;
use crate::report::json::OUTPUT_FORMAT;

/// Shows what Terraform would do in a module, and with consent does it.
///
/// # Errors
/// The plan is refused, is not the approved one, or does not come to its end.
pub fn run(
    console: &Console,
    environment: &Environment,
    asked: &InfrastructureChange,
) -> Result<Exit, Failure> {
    let file = ClusterFile::read(&asked.file)?;
    let module = Infrastructure::of(&file, environment, &asked.module)?;
    wire::runtime()?.block_on(async {
        let Some(decision) = wired::judge(console, &module).await? else {
            show_nothing(console, &asked.module)?;
            return Ok(Exit::Ok);
        };
        let Some(consent) = &asked.consent else {
            show(console, &decision, asked)?;
            return Ok(exit(&decision));
        };
        console.say(&text(&decision, None, console.err_paint()));
        let Some(manifest) = &decision.manifest else {
            return Ok(exit(&decision));
        };
        if !agreed(
            console,
            asked,
            &manifest.digest(),
            consent.digest.as_ref(),
            consent.yes,
        )? {
            console.say("not agreed: nothing was touched");
            return Ok(Exit::Refused);
        }
        let identity = Identity::of_this_process(environment)?;
        let world = World::connect(&file, environment).await?;
        let mut lease = lease::take(console, &world, &file, &identity).await?;
        let applied = apply(console, &module, manifest, &mut lease).await;
        // What goes on without this process keeps the lease until it runs out, as in a rollout.
        let goes_on = applied
            .as_ref()
            .is_err_and(|failure| failure.exit == Exit::Interrupted);
        if goes_on {
            lease.leave();
        } else {
            lease.give_back().await;
        }
        console.say(words(applied?));
        Ok(Exit::Ok)
    })
}

/// The first signal interrupts Terraform once: before its apply nothing is begun any more, in it the end is waited for. So
/// does a lease that is lost: somebody may begin to roll machines.
async fn apply(
    console: &Console,
    module: &Infrastructure,
    manifest: &Manifest,
    lease: &mut Kept,
) -> Result<Done, Failure> {
    let quiet = console.clone();
    let signals = Signals::listen(move |name| {
        quiet.say(&format!(
            "{name}: terraform is asked to wind up; once more ends at once"
        ));
    })?;
    let at_work = AtWork::default();
    let keeper = Arc::clone(&lease.keeper);
    let mut work = Box::pin(wired::apply(module, manifest, keeper.as_ref(), &at_work));
    let (exit, why) = tokio::select! {
        done = &mut work => return done,
        () = signals.first() => (Exit::StopPoint, "stopped"),
        () = lease.lost() => (Exit::LeaseHeld, "the lease was lost: stopped"),
    };
    if !at_work.interrupt().await {
        let message = format!("{why} before anything was applied");
        return Err(Failure::new(exit, "terraform::not_begun", message));
    }
    if exit == Exit::LeaseHeld {
        console.say("the lease was lost: terraform is asked to wind up, and its end is waited for");
    }
    tokio::select! {
        done = work => done,
        () = signals.second() => {
            let message = "ended at once: terraform goes on without this process";
            let failure = Failure::new(Exit::Interrupted, "terraform::left", message);
            Err(failure.help("look at it when it has ended: the same with `plan` instead of `apply`"))
        }
    }
}

const fn words(done: Done) -> &'static str {
    match done {
        Done::Applied => "applied, and a second plan is empty",
        Done::NothingLeft => {
            "nothing was applied: when it was planned again, nothing was left to do; somebody else has done it meanwhile, or taken it back"
        }
    }
}

fn exit(decision: &Decision) -> Exit {
    match decision.verdict {
        Verdict::Refused => Exit::Refused,
        Verdict::Allowed | Verdict::Nothing => Exit::Ok,
    }
}

fn command(asked: &InfrastructureChange) -> String {
    format!(
        "rehull apply {} --infrastructure {}",
        asked.file.display(),
        asked.module.display()
    )
}

fn agreed(
    console: &Console,
    asked: &InfrastructureChange,
    digest: &ContentDigest,
    approved: Option<&ContentDigest>,
    yes: bool,
) -> Result<bool, Failure> {
    if let Some(approved) = approved
        && approved != digest
    {
        return Err(Failure::other_digest(digest, approved));
    }
    if yes || approved.is_some() {
        return Ok(true);
    }
    console.consents(&command(asked), digest)
}

fn show_nothing(console: &Console, module: &Path) -> Result<(), Failure> {
    match console.format {
        Format::Json => console.answer_json(&json!({ "format": OUTPUT_FORMAT, "kind": "nothing-to-do" })),
        Format::Text | Format::Markdown => console.answer(&format!(
            "nothing to do: {} is as it is written\n",
            module.display()
        )),
    }
}

fn show(console: &Console, decision: &Decision, asked: &InfrastructureChange) -> Result<(), Failure> {
    let digest = decision
        .manifest
        .as_ref()
        .map(rehull_core::tfplan::Manifest::digest);
    match console.format {
        Format::Json => console.answer_json(&json!({
            "format": OUTPUT_FORMAT,
            "kind": "infrastructure",
            "digest": digest,
            "verdict": decision.verdict,
            "findings": decision.findings,
            "changes": decision.changes,
            "counts": decision.counts,
        })),
        Format::Text | Format::Markdown => {
            console.answer(&text(decision, Some(&command(asked)), console.out_paint()))
        }
    }
}
