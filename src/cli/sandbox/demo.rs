//! `rehull sandbox demo`: a real cluster, a real load, a real upgrade, in a minute, and then nothing is left of it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rehull_core::domain::desired::Slot;
use rehull_core::domain::ids::RolloutId;
use rehull_core::plan::{Reversible, RolloutKind, RolloutPlan};
use rehull_core::world::Timing;
use serde_json::json;

use super::down::take_down;
use super::up::{create, lay};
use crate::cli::cluster_file::ClusterFile;
use crate::cli::console::Console;
use crate::cli::drive::{Approved, Ended, Entry, Session, View};
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::identity::Identity;
use crate::cli::planning::{self, Asked, Planned};
use crate::cli::toolbox;
use crate::cli::wire::{self, World};
use crate::cli::wish::{Demo, Format, Place, Up};
use crate::report::json::{OUTPUT_FORMAT, summary as summary_json};
use crate::report::numbers::{duration, millis, plural, short_digest};
use crate::report::paint::Tone;
use crate::report::summary::{self, LoadVerdict};
use crate::report::{halt, timeline::Timeline};
use crate::sandbox::{Info, Outs};

/// Runs it. The exit code is 0 only if nothing was lost and no more than one member was ever out.
///
/// # Errors
/// A part of it failed; the sandbox is left up then, to look at.
pub fn run(console: &Console, environment: &Environment, demo: &Demo) -> Result<Exit, Failure> {
    let toolbox = toolbox::root(environment, demo.toolbox.as_ref());
    down(&demo.place)?;
    let clock = wire::clock();
    let begun = clock.monotonic();
    let up = Up {
        place: demo.place.clone(),
        members: demo.members,
        strategy: None,
        etcd: demo.from,
        toolbox: Some(toolbox.clone()),
        timing: Timing::Fast,
        terraform: false,
        control_plane: None,
        empty: false,
    };
    let info = lay(&up, &toolbox)?;
    let exit = create(&console.muted(), environment, &info, toolbox.clone())?;
    if exit != Exit::Ok {
        return Ok(exit);
    }
    let took = clock.monotonic().saturating_sub(begun);
    info.pin(demo.to, &toolbox)
        .map_err(|error| Failure::sandbox(&error))?;
    let stage = Stage {
        console,
        environment,
        demo,
        info: &info,
        toolbox: &toolbox,
    };
    stage.tell_sandbox(took)?;
    let runtime = wire::runtime()?;
    let shown = runtime.block_on(stage.play());
    runtime.shutdown_background();
    let exit = stage.show(&shown?)?;
    if exit == Exit::Ok && !demo.keep {
        down(&demo.place)?;
    } else {
        console.say(&format!(
            "the sandbox is still up; end it with: rehull sandbox down --name {}",
            demo.place.name
        ));
    }
    Ok(exit)
}

fn down(place: &Place) -> Result<(), Failure> {
    take_down(place).map(drop)
}

/// What the play needs.
struct Stage<'a> {
    console: &'a Console,
    environment: &'a Environment,
    demo: &'a Demo,
    info: &'a Info,
    toolbox: &'a Path,
}

/// What was seen.
struct Shown {
    exit: Exit,
    timeline: Timeline,
    load: LoadVerdict,
    /// The most members whose port refused at the same time.
    out_at_once: Option<usize>,
    /// Longest stall when a running leader is removed without ceremony; `None` if it was not tried.
    naive: Option<Duration>,
}

impl Stage<'_> {
    async fn play(&self) -> Result<Shown, Failure> {
        let file = ClusterFile::read(&super::up::readable(self.info.cluster_file()))?;
        let world = World::connect(&file, self.environment).await?;
        let asked = Asked {
            kind: RolloutKind::Upgrade,
            again: false,
        };
        let Planned { plan, rollout } = planning::plan(self.console, &world, &file, &asked).await?;
        let folder = self.toolbox.join("etcd").join(self.demo.to.to_string());
        let pins = wire::Pins::of_etcd(&file);
        world.publish((&file, pins), Some(&folder), &|_: &str| {}).await?;
        let slots = &file.desired.etcd.slots;
        let load = world.load("demo", slots).await?;
        let outs = Outs::watch(slots.iter().map(client_port).collect());
        self.tell_plan(
            &plan,
            &format!("{} writers, {} watches", load.writers, load.watches),
        )?;
        let identity = Identity::of_this_process(self.environment)?;
        let view = View::Steps;
        let approved = Approved {
            plan: Box::new(plan),
            again: asked.again,
        };
        let session = Session {
            console: self.console,
            world: &world,
            file: &file,
            rollout,
            identity: &identity,
            view,
        };
        let ended = session.run_untold(Entry::Begin(approved)).await?;
        let out_at_once = outs.most();
        drop(outs);
        let load = load.finish().await?;
        let Some(Ended { exit, timeline, .. }) = ended else {
            let failure = Failure::new(Exit::Interrupted, "demo::interrupted", "the demo was interrupted");
            return Err(failure.help(format!("rehull sandbox down --name {}", self.demo.place.name)));
        };
        let exit = exit?;
        let naive = if exit == Exit::Ok {
            remove_the_leader(&world, &file).await?
        } else {
            None
        };
        Ok(Shown {
            exit,
            timeline,
            load,
            out_at_once,
            naive,
        })
    }

    fn tell_sandbox(&self, took: Duration) -> Result<(), Failure> {
        if self.console.format == Format::Json {
            return Ok(());
        }
        let Demo { members, from, .. } = self.demo;
        let machines = plural(usize::from(*members), "machine", "machines");
        let text = format!(
            "sandbox  {machines} with real etcd {from}, mutual TLS   up in {}\n",
            duration(took)
        );
        self.console.answer(&text)
    }

    fn tell_plan(&self, plan: &RolloutPlan, load: &str) -> Result<(), Failure> {
        if self.console.format == Format::Json {
            return Ok(());
        }
        let digest = short_digest(plan.envelope.digest().as_str());
        let revert = match &plan.envelope.reversible {
            Reversible::Always => "can be reverted any time".to_owned(),
            Reversible::UntilLastOldMember { why } => {
                let last = plan.forecast.order.len();
                format!("can be reverted until step {last} of {last}: {why}")
            }
            Reversible::Never { why } => format!("cannot be reverted: {why}"),
        };
        let headline = self.console.out_paint().tone(Tone::Strong, &plan.headline());
        self.console.answer(&format!(
            "load     {load}\nplan     {headline}   {digest}\n         {revert}\n\n"
        ))
    }

    fn show(&self, shown: &Shown) -> Result<Exit, Failure> {
        let sound = shown.load.lost == 0
            && shown.load.watches_broken == 0
            && shown.out_at_once.is_some_and(|most| most <= 1);
        if self.console.format == Format::Json {
            let document = json!({
                "format": OUTPUT_FORMAT,
                "kind": "demo",
                "sound": sound,
                "membersOutAtOnce": shown.out_at_once,
                "summary": summary_json(&shown.timeline, Some(&shown.load)),
                "naiveStallMs": shown.naive.map(|stall| u64::try_from(stall.as_millis()).unwrap_or(u64::MAX)),
            });
            self.console.answer(&format!("{document}\n"))?;
        } else {
            self.console.answer(&self.text(shown))?;
        }
        Ok(if shown.exit == Exit::Ok && !sound {
            Exit::Refused
        } else {
            shown.exit
        })
    }

    fn text(&self, shown: &Shown) -> String {
        let paint = self.console.out_paint();
        let mut out = format!(
            "\n{}",
            summary::verdict(&shown.timeline, Some(&shown.load), paint)
        );
        let out_at_once = match shown.out_at_once {
            Some(most) => format!("at most {} out at a time", plural(most, "member", "members")),
            None => "how many members were out at a time is not known".to_owned(),
        };
        out.push_str(&format!("         {out_at_once}\n"));
        if shown.exit == Exit::Ok && shown.timeline.worked() > UPGRADE_MAX {
            let slow = format!("an idle computer needs less than {}", duration(UPGRADE_MAX));
            out.push_str(&format!("         {}\n", paint.tone(Tone::Care, &slow)));
        }
        if let Some(naive) = shown.naive {
            let text = format!(
                "removing the running leader instead: longest write stall {}",
                millis(naive)
            );
            out.push_str(&format!("         {}\n", paint.tone(Tone::Faint, &text)));
        }
        if let Some(halt) = halt::text(&shown.timeline, paint) {
            out.push_str(&format!("\n{halt}"));
        }
        if let Some(id) = &shown.timeline.rollout
            && self.demo.keep
        {
            out.push_str(&format!("report   rehull report {id}\n"));
        }
        out
    }
}

/// Where clients of this slot's member come in.
fn client_port(slot: &Slot) -> SocketAddr {
    SocketAddr::from((slot.address, CLIENT_PORT))
}

/// What the upgrade of three members may take here.
const UPGRADE_MAX: Duration = Duration::from_secs(90);
/// As etcd is started in a sandbox.
const CLIENT_PORT: u16 = 2379;

/// How long clients wait until everybody has found the next leader, with room to spare.
const AFTER_REMOVAL: Duration = Duration::from_secs(6);

/// What the dance is for: the same load, and the leader removed while it leads. The cluster is thrown away afterwards.
async fn remove_the_leader(world: &World, file: &ClusterFile) -> Result<Option<Duration>, Failure> {
    let slots = &file.desired.etcd.slots;
    let seen = planning::look(world, file, &RolloutId::new("demo")).await;
    let leader = seen
        .etcd
        .endpoints
        .values()
        .filter_map(|end| end.answer())
        .find(|a| a.leader == Some(a.id));
    let other = slots.iter().find(|slot| {
        let answer = seen.etcd.endpoints.get(&slot.name).and_then(|end| end.answer());
        answer.is_some_and(|answer| answer.leader.is_some() && answer.leader != Some(answer.id))
    });
    let (Some(leader), Some(via)) = (leader, other) else {
        return Ok(None);
    };
    let load = world.load("naive", slots).await?;
    let removed = world.ports().membership.remove(via, leader.id).await;
    world.clock().sleep(AFTER_REMOVAL).await;
    let verdict = load.finish().await?;
    Ok(removed.is_ok().then_some(verdict.stall_max))
}
