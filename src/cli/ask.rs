//! `rehull abort` and `rehull pause`: a wish in the mailbox. A living holder fulfils it; without one, this process does.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use rehull_core::domain::observed::{Request, Wish};
use rehull_core::executor::{NOT_AT_REST, mailbox, open};
use rehull_core::journal::Scope;
use serde_json::json;

use super::cluster_file::ClusterFile;
use super::console::Console;
use super::drive::{Entry, Session, View};
use super::environment::Environment;
use super::exit::Exit;
use super::failure::Failure;
use super::identity::Identity;
use super::wire::{self, World};
use super::wish::{Format, OfRollout};
use super::{lease, local, rollouts};
use crate::report::json::OUTPUT_FORMAT;
use crate::report::no_return;

/// How often the journal is asked for the answer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Posts the wish and waits until it is fulfilled, by whomever.
///
/// # Errors
/// The rollout is over, or can be neither asked nor worked on.
pub fn run(
    console: &Console,
    environment: &Environment,
    of: &OfRollout,
    wish: Wish,
) -> Result<Exit, Failure> {
    let file = ClusterFile::read(&local::cluster_file(&of.rollout, of.file.as_deref())?)?;
    let runtime = wire::runtime()?;
    let ended = runtime.block_on(async {
        let identity = Identity::of_this_process(environment)?;
        let world = World::connect(&file, environment).await?;
        let rollout = of.rollout.clone();
        let session = Session {
            console,
            world: &world,
            file: &file,
            rollout,
            identity: &identity,
            view: View::Events,
        };
        ask(&session, wish).await
    });
    runtime.shutdown_background();
    ended
}

async fn ask(session: &Session<'_>, wish: Wish) -> Result<Exit, Failure> {
    let Session {
        world,
        file,
        rollout,
        identity,
        ..
    } = session;
    let scope = Scope {
        cluster: file.desired.cluster.clone(),
        rollout: rollout.clone(),
    };
    let view = rollouts::view(world, &scope).await?;
    if view.opened().is_none() {
        // Whoever began it was killed between the plan and the first record: it is ended like any other.
        let plan = open::read_plan(world.store().as_ref(), &scope).await;
        if plan.map_err(|error| Failure::open(&error))?.is_none() {
            return Err(Failure::unknown_rollout(rollout));
        }
    }
    if let Some((outcome, at)) = view.closed() {
        let message = format!("rollout `{rollout}` is over since {at}: {outcome}");
        return Err(Failure::new(Exit::Refused, "rollout::closed", message));
    }
    if !warned(session, &scope, wish).await {
        session.console.say("not agreed: nothing was asked");
        return Ok(Exit::Refused);
    }
    let now = world.clock().now().strftime("%Y%m%dT%H%M%S");
    let nonce: String = identity.nonce.chars().take(8).collect();
    let request = Request {
        id: format!("{now}-{nonce}"),
        wish,
        by: identity.holder.clone(),
    };
    mailbox::post(world.store().as_ref(), rollout, &request)
        .await
        .map_err(|error| Failure::store(&error))?;
    match wait(session, &scope, &request).await? {
        Answered::ByHolder => fulfilled(session, &scope, &request).await,
        Answered::Nobody => {
            let exit = session.run(Entry::Rest(request)).await?;
            // What stops a rollout is what was wanted here; not that a member is out at its end.
            let over = rollouts::view(world, &scope).await?.closed().is_some();
            if let Some(said) = passed(session, &scope).await {
                session.console.say(said);
            }
            let wanted = exit == Exit::StopPoint || over && exit != Exit::NeedsPerson;
            Ok(if wanted { Exit::Ok } else { exit })
        }
    }
}

/// Says what this wish would pass before anything is asked; `false`: a person at a terminal does not want it then. A
/// pause comes back to the same rollout, so it is only told.
async fn warned(session: &Session<'_>, scope: &Scope, wish: Wish) -> bool {
    let history = rollouts::history(session.world, scope).await;
    let ahead = history
        .ok()
        .and_then(|history| no_return::ahead(&history.timeline()));
    let Some(ahead) = ahead else {
        return true;
    };
    let console = session.console;
    console.say(&ahead);
    let asks = wish == Wish::Abort && io::stdin().is_terminal() && console.is_live() && !console.quiet;
    !asks || console.agrees("abort it all the same?")
}

async fn passed(session: &Session<'_>, scope: &Scope) -> Option<&'static str> {
    let history = rollouts::history(session.world, scope).await.ok()?;
    no_return::passed(&history.timeline())
}

enum Answered {
    ByHolder,
    Nobody,
}

/// Until the holder has answered, or has stopped renewing its lease.
async fn wait(session: &Session<'_>, scope: &Scope, request: &Request) -> Result<Answered, Failure> {
    let Session { console, world, .. } = session;
    let mut seen: Option<(u64, Duration)> = None;
    loop {
        // In this order: a holder writes its answer first and gives the lease back afterwards.
        let held = lease::held(world.store().as_ref()).await?;
        let view = rollouts::view(world, scope).await?;
        if view.is_answered(&request.id) || view.closed().is_some() {
            return Ok(Answered::ByHolder);
        }
        let Some(held) = held else {
            return Ok(Answered::Nobody);
        };
        let now = world.clock().monotonic();
        match seen {
            None => {
                console.say(&format!(
                    "asked {}; if it lives it drives to a resting place first",
                    held.holder
                ));
                seen = Some((held.beat, now));
            }
            Some((beat, _)) if beat != held.beat => seen = Some((held.beat, now)),
            // Silent for longer than two renewals take: `resume` finds out for certain.
            Some((_, since)) if now.saturating_sub(since) > held.ttl() / 2 => return Ok(Answered::Nobody),
            Some(_) => {}
        }
        world.clock().sleep(LOOK_EVERY).await;
    }
}

async fn fulfilled(session: &Session<'_>, scope: &Scope, request: &Request) -> Result<Exit, Failure> {
    let view = rollouts::view(session.world, scope).await?;
    let rollout = &scope.rollout;
    let at_rest = view
        .answer_to(&request.id)
        .is_none_or(|answer| answer != NOT_AT_REST);
    let (word, text) = match (view.closed(), view.halt()) {
        (Some((outcome, _)), _) if !at_rest => (
            "not-at-rest".to_owned(),
            format!(
                "{rollout} is over ({outcome}), NOT at rest: rehull report {rollout} says what is out, and rehull etcd heal MEMBER FILE brings it back"
            ),
        ),
        (Some((outcome, _)), _) => (outcome.to_owned(), format!("{rollout} is over: {outcome}")),
        (None, Some(halt)) if halt.at_rest => ("at-rest".to_owned(), format!("{rollout} is at rest")),
        (None, _) => (
            "stopped".to_owned(),
            format!("{rollout} has stopped, NOT at rest: rehull resume {rollout}"),
        ),
    };
    let note = passed(session, scope).await;
    match session.console.format {
        Format::Json => {
            let document = json!({ "format": OUTPUT_FORMAT, "kind": "asked", "rollout": rollout, "outcome": word, "note": note });
            session.console.answer_json(&document)?;
        }
        Format::Text | Format::Markdown => {
            let note = note.map_or_else(String::new, |note| format!("{note}\n"));
            session.console.answer(&format!("{text}\n{note}"))?;
        }
    }
    Ok(if word == "stopped" || word == "not-at-rest" {
        Exit::NeedsPerson
    } else {
        Exit::Ok
    })
}
