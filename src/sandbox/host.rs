//! Performs effects: one task per machine, in the order in which the world handed them out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rehull_core::domain::ids::{InstanceId, VolumeId};
use rehull_core::world::{BootId, Deed, Effect, Fact, Hardware, Powered};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::clock;
use super::daemon::{Host, Mailbox};
use super::layout::{Layout, METADATA_PORT, REGION};
use super::machine::{MachineHandle, MachineProcess, MachineSpec, Withdrawn, expose_volume, withdraw_volume};
use super::metadata::Metadata;

/// How often a machine is looked at: the delay with which the world hears that a guest has shut down.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// SIGKILL to the first process of a pid namespace ends everything in it within milliseconds.
const DIES_WITHIN_LOOKS: u32 = 100;

/// The machines of a sandbox.
pub(super) struct Machines {
    shared: Arc<Shared>,
    workers: BTreeMap<InstanceId, mpsc::UnboundedSender<Task>>,
}

struct Shared {
    places: Places,
    layout: Layout,
    mailbox: Mailbox,
    /// The rehull whose hidden commands machines run.
    rehull: PathBuf,
}

/// Where machines and volumes are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    state: PathBuf,
}

impl Places {
    pub(super) fn new(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
        }
    }

    pub(super) fn machines(&self) -> PathBuf {
        self.state.join("machines")
    }

    pub(super) fn machine(&self, instance: &InstanceId) -> PathBuf {
        self.machines().join(instance.as_str())
    }

    fn volume(&self, volume: &VolumeId) -> PathBuf {
        self.state.join("volumes").join(volume.as_str())
    }
}

enum Task {
    Perform(Effect),
    /// After a restart of the daemon: find the process again.
    Adopt(Powered),
}

impl Machines {
    pub(super) fn new(places: Places, layout: Layout, mailbox: Mailbox, rehull: PathBuf) -> Self {
        Self {
            shared: Arc::new(Shared {
                places,
                layout,
                mailbox,
                rehull,
            }),
            workers: BTreeMap::new(),
        }
    }

    /// Takes over what an earlier daemon started; a machine that died meanwhile is reported.
    pub(super) fn adopt(&mut self, powered: Vec<Powered>) {
        for one in powered {
            self.hand(one.instance.clone(), Task::Adopt(one));
        }
    }

    fn hand(&mut self, instance: InstanceId, task: Task) {
        let worker = self.workers.entry(instance.clone()).or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            let dir = self.shared.places.machine(&instance);
            let worker = Worker {
                shared: Arc::clone(&self.shared),
                instance,
                dir,
                running: None,
            };
            tokio::spawn(worker.run(receiver));
            sender
        });
        // A worker only ends when its sender is dropped.
        drop(worker.send(task));
    }
}

impl Host for Machines {
    fn perform(&mut self, effect: Effect) {
        self.hand(effect.instance.clone(), Task::Perform(effect));
    }
}

/// One machine.
struct Worker {
    shared: Arc<Shared>,
    instance: InstanceId,
    dir: PathBuf,
    running: Option<Running>,
}

struct Running {
    boot: BootId,
    process: MachineProcess,
    metadata: JoinHandle<Infallible>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metadata.abort();
    }
}

impl Worker {
    async fn run(mut self, mut tasks: mpsc::UnboundedReceiver<Task>) {
        loop {
            tokio::select! {
                biased;
                task = tasks.recv() => match task {
                    Some(Task::Perform(effect)) => self.perform(effect).await,
                    Some(Task::Adopt(powered)) => self.adopt(powered).await,
                    None => return,
                },
                () = clock::sleep(LOOK_EVERY), if self.running.is_some() => self.look(),
            }
        }
    }

    fn report(&self, fact: Fact) {
        self.shared.mailbox.report(fact);
    }

    /// Notices that a machine has ended by itself.
    fn look(&mut self) {
        if let Some(ended) = self.running.take_if(|running| !running.process.is_running()) {
            self.report(Fact::Exited { boot: ended.boot });
        }
    }

    async fn perform(&mut self, effect: Effect) {
        let outcome = match &effect.deed {
            Deed::Start(hardware) => self.start(effect.boot, hardware).await,
            Deed::Shutdown => self.shut_down(effect.boot),
            Deed::PowerCut => self.cut_power(effect.boot).await,
            Deed::Expose(volume) => self.expose(volume),
            Deed::Withdraw(volume) => match withdraw_volume(&self.dir, volume.as_str()) {
                Ok(Withdrawn::Done) => Ok(()),
                Ok(Withdrawn::StillMounted) => return self.report(Fact::StillMounted(effect.id)),
                Err(error) => Err(error),
            },
        };
        match outcome {
            Ok(()) => self.report(Fact::Performed(effect.id)),
            Err(error) => {
                tracing::warn!(instance = %self.instance, %error, deed = ?effect.deed, "not performed");
                self.report(Fact::Failed(effect.id, error.to_string()));
            }
        }
    }

    /// Starts the machine, unless an earlier daemon did so and died before it could say so.
    async fn start(&mut self, boot: BootId, hardware: &Hardware) -> io::Result<()> {
        if self.running.as_ref().is_some_and(|running| running.boot == boot) {
            return Ok(());
        }
        let metadata = self.serve_metadata(hardware.address).await?;
        let process = match self.process_on_disk() {
            Some(process) => process,
            None => MachineProcess::start_with(&self.spec(hardware), &self.shared.rehull).await?,
        };
        self.running = Some(Running {
            boot,
            process,
            metadata,
        });
        Ok(())
    }

    async fn adopt(&mut self, powered: Powered) {
        let metadata = self.serve_metadata(powered.hardware.address).await;
        match (self.process_on_disk(), metadata) {
            (Some(process), Ok(metadata)) => {
                self.running = Some(Running {
                    boot: powered.boot,
                    process,
                    metadata,
                });
            }
            (None, _) => self.report(Fact::Exited { boot: powered.boot }),
            (Some(_), Err(error)) => {
                tracing::error!(instance = %self.instance, %error, "runs without its metadata service");
            }
        }
    }

    fn spec(&self, hardware: &Hardware) -> MachineSpec {
        let metadata = self.shared.layout.metadata_address(hardware.address);
        MachineSpec {
            dir: self.dir.clone(),
            instance: self.instance.to_string(),
            hostname: hardware.hostname.clone(),
            user_data: hardware.user_data.to_string(),
            imds_endpoint: format!("http://{metadata}:{METADATA_PORT}"),
            s3_endpoint: self.shared.layout.endpoint(),
            region: REGION.to_owned(),
        }
    }

    async fn serve_metadata(&self, machine: Ipv4Addr) -> io::Result<JoinHandle<Infallible>> {
        let address = self.shared.layout.metadata_address(machine);
        let service = Metadata {
            instance: self.instance.clone(),
            mailbox: self.shared.mailbox.clone(),
            secret: self.shared.layout.seed,
        };
        let serving = service.listen(SocketAddr::from((address, METADATA_PORT))).await?;
        Ok(tokio::spawn(serving))
    }

    fn shut_down(&self, boot: BootId) -> io::Result<()> {
        match self.running.as_ref().filter(|running| running.boot == boot) {
            Some(running) => running.process.ask_shutdown(),
            None => Ok(()),
        }
    }

    /// Returns when the process is dead: what it held is free then.
    async fn cut_power(&mut self, boot: BootId) -> io::Result<()> {
        if let Some(process) = self.process_on_disk() {
            process.power_cut()?;
            for _ in 0..DIES_WITHIN_LOOKS {
                if !process.is_running() {
                    break;
                }
                clock::sleep(LOOK_EVERY).await;
            }
            if process.is_running() {
                return Err(io::Error::other("the machine does not die"));
            }
        }
        self.running.take_if(|running| running.boot == boot);
        self.report(Fact::Exited { boot });
        Ok(())
    }

    fn expose(&self, volume: &VolumeId) -> io::Result<()> {
        let place = self.shared.places.volume(volume);
        fs::create_dir_all(&place)?;
        expose_volume(&self.dir, volume.as_str(), &place)
    }

    fn process_on_disk(&self) -> Option<MachineProcess> {
        find(&self.dir)
    }
}

/// The running process of a machine's directory: the agent writes its handle there.
pub(super) fn find(machine: &Path) -> Option<MachineProcess> {
    let handle: MachineHandle = serde_json::from_slice(&fs::read(machine.join("agent.json")).ok()?).ok()?;
    MachineProcess::adopt(handle)
}
