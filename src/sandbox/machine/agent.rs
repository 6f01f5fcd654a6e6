//! First process of a machine: lays out its root, executes its user data once, then is its supervisor until the end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::cloud_init::{DONE, Steps};
use super::control::{Control, SOCKET};
use super::handle::MachineHandle;
use super::process::MachineSpec;
use super::reaper::{Exit, Reaper};
use super::root;
use super::supervisor::Supervisor;
use super::volumes::Attached;
use crate::sandbox::clock;

/// Search path of every program of a machine: the image's own tools come first.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the agent says, one line per event, in `<dir>/console.log`.
#[derive(Debug)]
pub(super) struct Console(RefCell<File>);

impl Console {
    fn open(dir: &Path) -> io::Result<Self> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(dir.join("console.log"))?;
        Ok(Self(RefCell::new(file)))
    }

    pub(super) fn say(&self, what: &str) {
        // A full disk must not end the machine.
        let _ = writeln!(self.0.borrow_mut(), "{} {what}", clock::now());
    }
}

/// `rehull sandbox machine DIR`: must be the first process of fresh mount, uts and pid namespaces.
#[must_use]
pub fn agent_main(dir: &Path) -> ExitCode {
    let Ok(console) = Console::open(dir).map(Rc::new) else {
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.and_then(|runtime| LocalSet::new().block_on(&runtime, live(dir, &console)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn live(dir: &Path, console: &Rc<Console>) -> io::Result<()> {
    // Before the machine has a /proc of its own: this is how the host numbers us.
    let me = MachineHandle::of_this_process()?;
    if std::process::id() != 1 {
        return Err(io::Error::other(
            "not the first process of a pid namespace: start it with unshare",
        ));
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let spec: MachineSpec = serde_json::from_slice(&fs::read(dir.join("machine.json"))?)?;
    let root = root::build(dir, &std::env::current_exe()?)?;
    rustix::system::sethostname(spec.hostname.as_bytes())?;
    fs::write(root.join("etc/hostname"), format!("{}\n", spec.hostname))?;

    let mut shutdown = signal(SignalKind::terminate())?;
    let reaper = Rc::new(Reaper::default());
    let reaping = Rc::clone(&reaper);
    let children = signal(SignalKind::child())?;
    tokio::task::spawn_local(async move { reaping.run(children).await });
    let supervisor = Supervisor::new(
        root.clone(),
        environment(&spec),
        Rc::clone(&reaper),
        Rc::clone(console),
    );
    let control = Control {
        root: root.clone(),
        supervisor: Rc::clone(&supervisor),
        attached: Attached::new(dir, me),
    };
    std::env::set_current_dir(&root)?;
    tokio::task::spawn_local(Rc::new(control).serve(UnixListener::bind(SOCKET)?));
    publish(dir, me)?;
    console.say(&format!("{} is up as {}", spec.instance, spec.hostname));

    tokio::select! {
        () = boot(&root, &spec, &supervisor, console) => {
            shutdown.recv().await;
        }
        _ = shutdown.recv() => {}
    }
    console.say("shutting down");
    supervisor.stop_all().await;
    console.say("power off");
    Ok(())
}

/// User data at the first boot, enabled units at every later one.
async fn boot(root: &Path, spec: &MachineSpec, supervisor: &Rc<Supervisor>, console: &Console) {
    if root.join(DONE).exists() {
        return supervisor.start_enabled().await;
    }
    let steps = match Steps::of(&spec.user_data) {
        Ok(steps) => steps,
        Err(why) => return console.say(&format!("user data is ignored: {why}")),
    };
    for key in &steps.ignored {
        console.say(&format!("user data: {key} is ignored"));
    }
    let scripts = match steps.stage(root) {
        Ok(scripts) => scripts,
        Err(error) => return console.say(&format!("user data cannot be written: {error}")),
    };
    for ((name, text), path) in steps.scripts.iter().zip(scripts) {
        let shell = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("#!"))
            .unwrap_or("/bin/sh")
            .trim();
        match supervisor
            .run(&[shell.to_owned(), path], "cloud-init-output.log")
            .await
        {
            Ok(Exit::Code(0)) => console.say(&format!("user data: {name} done")),
            Ok(exit) => console.say(&format!(
                "user data: {name} ended with {exit:?}, see cloud-init-output.log"
            )),
            Err(why) => console.say(&format!("user data: {name}: {why}")),
        }
    }
    if let Err(error) = fs::write(root.join(DONE), "") {
        console.say(&format!("user data would run again at a reboot: {error}"));
    }
}

/// What the image sets for every process; nothing else of the host's environment comes in.
fn environment(spec: &MachineSpec) -> BTreeMap<String, String> {
    [
        ("PATH", PATH),
        ("LANG", "C.UTF-8"),
        ("HOME", "/root"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &spec.imds_endpoint),
        ("AWS_ENDPOINT_URL_S3", &spec.s3_endpoint),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Says outside that the machine is up; complete or not at all.
fn publish(dir: &Path, me: MachineHandle) -> io::Result<()> {
    let new = dir.join("agent.json.new");
    fs::write(&new, serde_json::to_vec(&me)?)?;
    fs::rename(new, dir.join("agent.json"))
}
