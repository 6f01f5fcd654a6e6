//! Units of one machine: started, restarted and stopped as systemd would. A stand-in: no cgroups, no ordering, no
//! sandboxing directives; a unit's processes are its process group.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use rustix::process::Signal;
use tokio::sync::watch;

use super::agent::Console;
use super::reaper::{Exit, Reaper, Running};
use super::unit::{Kind, Restart, UnitFile, environment_file};
use crate::sandbox::clock;

/// What `systemctl is-active` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Inactive,
    Active,
    Activating,
    Deactivating,
    Failed,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Activating => "activating",
            Self::Deactivating => "deactivating",
            Self::Failed => "failed",
        }
    }

    fn is_over(self) -> bool {
        matches!(self, Self::Inactive | Self::Failed)
    }
}

#[derive(Debug)]
struct Unit {
    state: watch::Sender<State>,
    stop: watch::Sender<bool>,
}

/// All units that were ever started, in the order of their first start.
#[derive(Debug)]
pub(super) struct Supervisor {
    root: PathBuf,
    environment: BTreeMap<String, String>,
    reaper: Rc<Reaper>,
    console: Rc<Console>,
    units: RefCell<Vec<(String, Rc<Unit>)>>,
}

impl Supervisor {
    pub(super) fn new(
        root: PathBuf,
        environment: BTreeMap<String, String>,
        reaper: Rc<Reaper>,
        console: Rc<Console>,
    ) -> Rc<Self> {
        Rc::new(Self {
            root,
            environment,
            reaper,
            console,
            units: RefCell::default(),
        })
    }

    /// What the unit is doing; a unit that was never started is inactive.
    pub(super) fn state(&self, name: &str) -> State {
        self.unit(name)
            .map_or(State::Inactive, |unit| *unit.state.borrow())
    }

    /// Starts a unit unless it runs; a oneshot has ended well when this returns.
    pub(super) async fn start(self: &Rc<Self>, name: &str) -> Result<(), String> {
        let unit = self.unit_or_new(name);
        match *unit.state.borrow() {
            State::Active | State::Activating => return Ok(()),
            State::Inactive | State::Failed | State::Deactivating => {}
        }
        until_over(&unit).await;
        let file = self.load(name)?;
        for directive in &file.ignored {
            self.console.say(&format!("{name}: {directive} is ignored"));
        }
        unit.stop.send_replace(false);
        let child = self.spawn(name, &file).inspect_err(|why| {
            self.console.say(&format!("{name}: {why}"));
            unit.state.send_replace(State::Failed);
        })?;
        if file.kind == Kind::Oneshot {
            return self.one_shot(name, &unit, child).await;
        }
        unit.state.send_replace(State::Active);
        self.console.say(&format!("{name}: started"));
        tokio::task::spawn_local(Rc::clone(self).supervise(name.to_owned(), unit, file, child));
        Ok(())
    }

    /// Stops a unit and waits for its end; an inactive one is stopped already.
    pub(super) async fn stop(&self, name: &str) {
        let Some(unit) = self.unit(name) else { return };
        if unit.state.borrow().is_over() {
            return;
        }
        unit.stop.send_replace(true);
        until_over(&unit).await;
    }

    /// Stops everything, last started first.
    pub(super) async fn stop_all(&self) {
        let names: Vec<String> = self
            .units
            .borrow()
            .iter()
            .rev()
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            self.stop(&name).await;
        }
    }

    /// Links the unit into the targets that want it.
    pub(super) fn enable(&self, name: &str) -> Result<(), String> {
        for target in self.load(name)?.wanted_by {
            let wants = self.root.join(format!("etc/systemd/system/{target}.wants"));
            fs::create_dir_all(&wants).map_err(|error| error.to_string())?;
            match std::os::unix::fs::symlink(format!("../{name}"), wants.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts what is enabled: a reboot.
    pub(super) async fn start_enabled(self: &Rc<Self>) {
        let wants = self.root.join("etc/systemd/system/multi-user.target.wants");
        let found = fs::read_dir(wants).into_iter().flatten().flatten();
        let mut names: Vec<String> = found
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        for name in names {
            // The reason is on the console; the other units start all the same.
            let _ = self.start(&name).await;
        }
    }

    /// Runs a program of the machine to its end; its output goes to `log` below `/var/log`.
    pub(super) async fn run(&self, command: &[String], log: &str) -> Result<Exit, String> {
        let running = self.in_root(command, &self.environment, None, log)?;
        running.ended.await.map_err(|_| "nobody saw it end".to_owned())
    }

    async fn one_shot(&self, name: &str, unit: &Unit, child: Running) -> Result<(), String> {
        unit.state.send_replace(State::Activating);
        let exit = child.ended.await.unwrap_or(Exit::Code(1));
        self.console.say(&format!("{name}: ended with {exit:?}"));
        let done = exit == Exit::Code(0);
        unit.state
            .send_replace(if done { State::Inactive } else { State::Failed });
        if done {
            Ok(())
        } else {
            Err(format!("{name} ended with {exit:?}"))
        }
    }

    async fn supervise(self: Rc<Self>, name: String, unit: Rc<Unit>, file: UnitFile, child: Running) {
        let mut child = child;
        let mut stop = unit.stop.subscribe();
        loop {
            let exit = tokio::select! {
                exit = &mut child.ended => exit.unwrap_or(Exit::Code(1)),
                _ = stop.wait_for(|wanted| *wanted) => {
                    unit.state.send_replace(State::Deactivating);
                    self.end(&name, &file, &mut child).await;
                    unit.state.send_replace(State::Inactive);
                    return;
                }
            };
            child.signal(Signal::KILL); // what the main process left behind
            self.console.say(&format!("{name}: ended with {exit:?}"));
            if !restarts(file.restart, exit) {
                unit.state.send_replace(if is_failure(exit) {
                    State::Failed
                } else {
                    State::Inactive
                });
                return;
            }
            unit.state.send_replace(State::Activating);
            child = loop {
                tokio::select! {
                    () = clock::sleep(file.restart_after) => {}
                    _ = stop.wait_for(|wanted| *wanted) => {
                        unit.state.send_replace(State::Inactive);
                        return;
                    }
                }
                match self.spawn(&name, &file) {
                    Ok(child) => break child,
                    Err(why) => self.console.say(&format!("{name}: {why}")),
                }
            };
            unit.state.send_replace(State::Active);
            self.console.say(&format!("{name}: restarted"));
        }
    }

    async fn end(&self, name: &str, file: &UnitFile, child: &mut Running) {
        child.signal(file.kill_signal);
        let in_time = tokio::select! {
            _ = &mut child.ended => true,
            () = clock::sleep(file.stop_timeout) => false,
        };
        child.signal(Signal::KILL);
        if in_time {
            self.console.say(&format!("{name}: stopped"));
        } else {
            let _ = (&mut child.ended).await;
            self.console
                .say(&format!("{name}: killed after {} s", file.stop_timeout.as_secs()));
        }
    }

    fn spawn(&self, name: &str, file: &UnitFile) -> Result<Running, String> {
        for place in &file.mount_points {
            if !is_mount_point(&self.root.join(place.trim_start_matches('/'))) {
                return Err(format!("{place} is no mount point"));
            }
        }
        let mut environment = self.environment.clone();
        environment.extend(file.environment.iter().cloned());
        for (path, may_be_missing) in &file.environment_files {
            match fs::read_to_string(self.root.join(path.trim_start_matches('/'))) {
                Ok(text) => environment.extend(environment_file(&text)),
                Err(_) if *may_be_missing => {}
                Err(error) => return Err(format!("{path}: {error}")),
            }
        }
        let command = file.command(&environment);
        let program = command.first().map(String::as_str).unwrap_or_default();
        if !self.root.join(program.trim_start_matches('/')).is_file() {
            return Err(format!("{program} does not exist"));
        }
        self.in_root(
            &command,
            &environment,
            file.working_directory.as_deref(),
            &format!("{name}.log"),
        )
    }

    /// In the machine's root, without the capabilities that would reach the host through what both share.
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox owns the processes of its machines"
    )]
    fn in_root(
        &self,
        command: &[String],
        environment: &BTreeMap<String, String>,
        directory: Option<&str>,
        log: &str,
    ) -> Result<Running, String> {
        let log = self.root.join("var/log").join(log);
        let open = || {
            File::options()
                .create(true)
                .append(true)
                .open(&log)
                .map_err(|error| error.to_string())
        };
        let mut child = Command::new("setpriv");
        child.args([
            "--bounding-set",
            "-net_admin,-sys_module,-sys_time,-sys_boot,-sys_rawio,-mknod",
            "chroot",
        ]);
        child.arg(&self.root);
        if let Some(directory) = directory {
            child.args(["env", "-C", directory]);
        }
        child.args(command).env_clear().envs(environment).current_dir("/");
        child.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
        self.reaper
            .spawn(&mut child)
            .map_err(|error| format!("setpriv (util-linux): {error}"))
    }

    fn load(&self, name: &str) -> Result<UnitFile, String> {
        let text = ["etc/systemd/system", "run/systemd/system"]
            .iter()
            .find_map(|place| fs::read_to_string(self.root.join(place).join(name)).ok());
        let text = text.ok_or_else(|| format!("Unit {name} could not be found."))?;
        UnitFile::parse(&text).map_err(|why| format!("{name}: {why}"))
    }

    fn unit(&self, name: &str) -> Option<Rc<Unit>> {
        self.units
            .borrow()
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, unit)| Rc::clone(unit))
    }

    fn unit_or_new(&self, name: &str) -> Rc<Unit> {
        self.unit(name).unwrap_or_else(|| {
            let unit = Rc::new(Unit {
                state: watch::Sender::new(State::Inactive),
                stop: watch::Sender::new(false),
            });
            self.units.borrow_mut().push((name.to_owned(), Rc::clone(&unit)));
            unit
        })
    }
}

async fn until_over(unit: &Unit) {
    // The sender lives in `unit`, so this cannot fail.
    let _ = unit.state.subscribe().wait_for(|state| state.is_over()).await;
}

/// Exit codes and signals that systemd counts as failures (systemd.service, "Restart=").
fn is_failure(exit: Exit) -> bool {
    match exit {
        Exit::Code(code) => code != 0,
        Exit::Signal(signal) => ![Signal::HUP, Signal::INT, Signal::TERM, Signal::PIPE]
            .iter()
            .any(|clean| clean.as_raw() == signal),
    }
}

fn restarts(policy: Restart, exit: Exit) -> bool {
    match policy {
        Restart::No => false,
        Restart::Always => true,
        Restart::OnFailure => is_failure(exit),
    }
}

pub(super) fn is_mount_point(path: &Path) -> bool {
    // The agent's own root is the host's, so its table names the whole path.
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let wanted = path.to_string_lossy().replace(' ', "\\040");
    table
        .lines()
        .any(|line| line.split(' ').nth(4) == Some(wanted.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_end_is_restarted_only_when_always_is_asked() {
        let (clean, crash) = (Exit::Code(0), Exit::Code(2));
        let (term, kill) = (
            Exit::Signal(Signal::TERM.as_raw()),
            Exit::Signal(Signal::KILL.as_raw()),
        );
        for (policy, exit, expected) in [
            (Restart::OnFailure, clean, false),
            (Restart::OnFailure, term, false),
            (Restart::OnFailure, crash, true),
            (Restart::OnFailure, kill, true),
            (Restart::Always, clean, true),
            (Restart::No, crash, false),
        ] {
            assert_eq!(restarts(policy, exit), expected, "{policy:?} {exit:?}");
        }
    }

    #[test]
    fn proc_is_a_mount_point_and_an_ordinary_directory_is_none() {
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self")));
    }
}
