//! What the stand-ins inside a machine ask of its agent: systemctl, and the tools that need a block device.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use rustix::mount::{UnmountFlags, mount_bind, unmount};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::supervisor::{State, Supervisor, is_mount_point};
use super::volumes::{Attached, Volume};

/// The agent's socket, below the machine's root.
pub(super) const SOCKET: &str = "run/.sandbox.sock";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) tool: String,
    pub(super) arguments: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl Reply {
    fn ok() -> Self {
        Self::out(0, "")
    }

    fn out(code: u8, out: &str) -> Self {
        Self {
            code,
            out: out.to_owned(),
            err: String::new(),
        }
    }

    fn err(code: u8, err: impl std::fmt::Display) -> Self {
        Self {
            code,
            out: String::new(),
            err: format!("{err}\n"),
        }
    }
}

/// Answers stand-ins.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) root: PathBuf,
    pub(super) supervisor: Rc<Supervisor>,
    pub(super) attached: Attached,
}

impl Control {
    /// Serves until the machine ends. The listener is bound by a relative path: absolute ones can be too long for a
    /// socket.
    pub(super) async fn serve(self: Rc<Self>, listener: UnixListener) {
        loop {
            // A caller that is gone again is no reason to stop listening.
            if let Ok((caller, _)) = listener.accept().await {
                let control = Rc::clone(&self);
                tokio::task::spawn_local(async move { control.converse(caller).await });
            }
        }
    }

    async fn converse(&self, mut caller: UnixStream) -> io::Result<()> {
        let mut request = Vec::new();
        caller.read_to_end(&mut request).await?;
        let reply = match serde_json::from_slice::<Request>(&request) {
            Ok(request) => self.answer(&request).await,
            Err(error) => Reply::err(1, error),
        };
        caller.write_all(&serde_json::to_vec(&reply)?).await
    }

    async fn answer(&self, request: &Request) -> Reply {
        let arguments: Vec<&str> = request.arguments.iter().map(String::as_str).collect();
        match request.tool.as_str() {
            "systemctl" => self.systemctl(&arguments).await,
            "mount" => self.mount(&arguments),
            "umount" => self.umount(&arguments),
            "blkid" => self.blkid(&arguments),
            "mkfs.ext4" => self.mkfs(&arguments),
            other => Reply::err(127, format!("{other} has no stand-in")),
        }
    }

    async fn systemctl(&self, arguments: &[&str]) -> Reply {
        let is_flag = |word: &&&str| word.starts_with('-');
        let has = |flags: &[&str]| arguments.iter().any(|word| flags.contains(word));
        let mut words = arguments.iter().filter(|word| !is_flag(word)).copied();
        let verb = words.next().unwrap_or_default();
        let names: Vec<String> = words
            .map(|name| {
                if name.contains('.') {
                    name.to_owned()
                } else {
                    format!("{name}.service")
                }
            })
            .collect();
        if names.is_empty() {
            // Unit files are read at every start, so there is nothing to reload.
            return if verb == "daemon-reload" {
                Reply::ok()
            } else {
                Reply::err(1, "Too few arguments.")
            };
        }
        let mut last = Reply::ok();
        for name in &names {
            let done = match verb {
                "start" => self.supervisor.start(name).await,
                "stop" => {
                    self.supervisor.stop(name).await;
                    Ok(())
                }
                "restart" => {
                    self.supervisor.stop(name).await;
                    self.supervisor.start(name).await
                }
                "enable" => match self.supervisor.enable(name) {
                    Ok(()) if has(&["--now"]) => self.supervisor.start(name).await,
                    done => done,
                },
                "is-active" | "status" => {
                    last = self.is_active(name, has(&["-q", "--quiet"]));
                    Ok(())
                }
                other => Err(format!("systemctl {other} has no stand-in")),
            };
            if let Err(why) = done {
                return Reply::err(1, why);
            }
        }
        last
    }

    fn is_active(&self, name: &str, quiet: bool) -> Reply {
        let state = self.supervisor.state(name);
        let code = if state == State::Active { 0 } else { 3 };
        if quiet {
            Reply::out(code, "")
        } else {
            Reply::out(code, &format!("{}\n", state.as_str()))
        }
    }

    /// `mount [-o …] [-t …] DEVICE DIRECTORY`
    fn mount(&self, arguments: &[&str]) -> Reply {
        let [device, directory] = operands(arguments)[..] else {
            return Reply::err(1, "mount (stand-in): takes a device and a directory");
        };
        let volume = match self.volume(device) {
            Ok(volume) => volume,
            Err(why) => return Reply::err(32, format!("mount: {directory}: {why}")),
        };
        if volume.is_blank() {
            return Reply::err(
                32,
                format!("mount: {directory}: wrong fs type, bad option, bad superblock on {device}"),
            );
        }
        let target = self.inside(directory);
        if !target.is_dir() {
            return Reply::err(32, format!("mount: {directory}: mount point does not exist."));
        }
        let bind = || mount_bind(volume.file_system(), &target).map_err(io::Error::from);
        match self.attached.mount(&volume, bind) {
            Ok(()) => Reply::ok(),
            Err(error) => Reply::err(32, format!("mount: {directory}: {error}")),
        }
    }

    /// `umount DIRECTORY`
    fn umount(&self, arguments: &[&str]) -> Reply {
        let [directory] = operands(arguments)[..] else {
            return Reply::err(1, "umount (stand-in): takes a directory");
        };
        let target = self.inside(directory);
        let Some(volume) = self.volume_at(&target) else {
            return Reply::err(32, format!("umount: {directory}: not mounted."));
        };
        match unmount(&target, UnmountFlags::empty()) {
            Ok(()) => match self.attached.unmounted(&volume) {
                Ok(()) => Reply::ok(),
                Err(error) => Reply::err(1, error),
            },
            Err(rustix::io::Errno::BUSY) => Reply::err(32, format!("umount: {directory}: target is busy.")),
            Err(error) => Reply::err(32, format!("umount: {directory}: {error}")),
        }
    }

    /// `blkid [-p] [-o value] [-s TAG] DEVICE`: 2 and silence for a blank device, as the real one.
    fn blkid(&self, arguments: &[&str]) -> Reply {
        let Some(device) = operands(arguments).first().copied() else {
            return Reply::err(4, "blkid (stand-in): takes a device");
        };
        match self.volume(device) {
            Err(why) => Reply::err(2, format!("blkid: error: {device}: {why}")),
            Ok(volume) if volume.is_blank() => Reply::out(2, ""),
            Ok(_) if arguments.contains(&"value") => Reply::out(0, "ext4\n"),
            Ok(_) => Reply::out(0, &format!("{device}: TYPE=\"ext4\" USAGE=\"filesystem\"\n")),
        }
    }

    /// `mkfs.ext4 [-q] [-F] DEVICE`: a file system that is there is kept unless `-F` says otherwise.
    fn mkfs(&self, arguments: &[&str]) -> Reply {
        let Some(device) = operands(arguments).first().copied() else {
            return Reply::err(1, "mkfs.ext4 (stand-in): takes a device");
        };
        let volume = match self.volume(device) {
            Ok(volume) => volume,
            Err(why) => return Reply::err(1, format!("{device}: {why}")),
        };
        if !volume.is_blank() && !arguments.contains(&"-F") {
            return Reply::err(1, format!("{device} contains a ext4 file system"));
        }
        match volume.format() {
            Ok(()) => Reply::ok(),
            Err(error) => Reply::err(1, error),
        }
    }

    fn volume(&self, device: &str) -> Result<Volume, String> {
        match self.attached.by_device(device) {
            Ok(Some(volume)) => Ok(volume),
            Ok(None) => Err("special device does not exist.".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Id of the volume that is mounted there.
    fn volume_at(&self, target: &std::path::Path) -> Option<String> {
        if !is_mount_point(target) {
            return None;
        }
        let here = fs::metadata(target).ok()?;
        self.attached.find(|volume| {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(volume.file_system())
                .is_ok_and(|it| (it.dev(), it.ino()) == (here.dev(), here.ino()))
        })
    }

    fn inside(&self, path: &str) -> PathBuf {
        // `..` would lead out of the machine.
        let parts = path.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
        parts.fold(self.root.clone(), |place, part| place.join(part))
    }
}

/// What is no option and no option's value.
fn operands<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut operands = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "-o" | "-t" | "-s" | "-L" | "-O" => drop(words.next()),
            flag if flag.starts_with('-') => {}
            operand => operands.push(operand),
        }
    }
    operands
}

#[cfg(test)]
mod tests {
    use super::operands;

    #[test]
    fn options_and_their_values_are_no_operands() {
        assert_eq!(
            operands(&["-o", "noatime", "/dev/x", "-q", "/mnt"]),
            ["/dev/x", "/mnt"]
        );
        assert_eq!(
            operands(&["-p", "-o", "value", "-s", "TYPE", "/dev/x"]),
            ["/dev/x"]
        );
    }
}
