//! Volumes: directories of this host that appear in one machine as a block device would.
//!
//! `<volume>/fs` is the file system; without it the volume is blank. `<machine>/volumes/<id>` says that the volume is
//! attached and where it is, `<id>.mounted` who has it mounted. Both sides hold one lock while they look and change.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::handle::MachineHandle;

/// What came of taking a volume away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// The guest does not see it any more.
    Done,
    /// The guest has it mounted: EC2 says `busy` until it is unmounted.
    StillMounted,
}

/// Makes a volume appear in the guest as `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol…`. Repeatable.
///
/// # Errors
/// The machine's directory cannot be written.
pub fn expose_volume(machine_dir: &Path, volume_id: &str, volume_dir: &Path) -> io::Result<()> {
    fs::create_dir_all(volume_dir)?;
    let _lock = lock(machine_dir)?;
    let place = volume_dir.canonicalize()?;
    fs::write(
        machine_dir.join("volumes").join(volume_id),
        place.as_os_str().as_encoded_bytes(),
    )?;
    let node = machine_dir
        .join("root")
        .join(node_path(volume_id).trim_start_matches('/'));
    if let Some(parent) = node.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(node, volume_id)
}

/// Takes a volume away again, unless it is mounted. Repeatable.
///
/// # Errors
/// The machine's directory cannot be written.
pub fn withdraw_volume(machine_dir: &Path, volume_id: &str) -> io::Result<Withdrawn> {
    let _lock = lock(machine_dir)?;
    let volumes = machine_dir.join("volumes");
    let mounted = volumes.join(format!("{volume_id}.mounted"));
    let by: Option<MachineHandle> = fs::read(&mounted)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    if by.is_some_and(MachineHandle::is_running) {
        return Ok(Withdrawn::StillMounted);
    }
    let node = machine_dir
        .join("root")
        .join(node_path(volume_id).trim_start_matches('/'));
    for file in [mounted, volumes.join(volume_id), node] {
        remove_if_there(&file)?;
    }
    Ok(Withdrawn::Done)
}

/// Path of the device in the guest: udev's name for an EBS volume on a Nitro instance.
pub(super) fn node_path(volume_id: &str) -> String {
    format!(
        "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{}",
        volume_id.replace('-', "")
    )
}

/// The volumes of the machine that the agent runs in.
#[derive(Debug)]
pub(super) struct Attached {
    machine_dir: PathBuf,
    me: MachineHandle,
}

/// A volume that is attached.
#[derive(Debug)]
pub(super) struct Volume {
    id: String,
    place: PathBuf,
}

impl Volume {
    /// Where its file system is; it exists unless the volume is blank.
    pub(super) fn file_system(&self) -> PathBuf {
        self.place.join("fs")
    }

    pub(super) fn is_blank(&self) -> bool {
        !self.file_system().is_dir()
    }

    /// Appears complete or not at all, as a power cut may come at any time.
    pub(super) fn format(&self) -> io::Result<()> {
        let new = self.place.join("fs.new");
        for old in [&new, &self.file_system()] {
            match fs::remove_dir_all(old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::create_dir_all(new.join("lost+found"))?;
        fs::rename(new, self.file_system())
    }
}

impl Attached {
    pub(super) fn new(machine_dir: &Path, me: MachineHandle) -> Self {
        Self {
            machine_dir: machine_dir.to_owned(),
            me,
        }
    }

    /// The volume behind a device path of the guest.
    pub(super) fn by_device(&self, device: &str) -> io::Result<Option<Volume>> {
        Ok(self
            .all()?
            .into_iter()
            .find(|volume| node_path(&volume.id) == device))
    }

    /// Id of the first volume that is as wanted.
    pub(super) fn find(&self, wanted: impl Fn(&Volume) -> bool) -> Option<String> {
        self.all()
            .ok()?
            .into_iter()
            .find(|volume| wanted(volume))
            .map(|volume| volume.id)
    }

    fn all(&self) -> io::Result<Vec<Volume>> {
        let _lock = lock(&self.machine_dir)?;
        let mut volumes = Vec::new();
        for entry in fs::read_dir(self.machine_dir.join("volumes"))? {
            let entry = entry?;
            let id = entry.file_name().to_string_lossy().into_owned();
            if id.starts_with("vol-") && !id.ends_with(".mounted") {
                volumes.push(Volume {
                    id,
                    place: PathBuf::from(fs::read_to_string(entry.path())?),
                });
            }
        }
        Ok(volumes)
    }

    /// Runs `mount` while nobody can take the volume away, and notes that it is mounted.
    pub(super) fn mount(&self, volume: &Volume, mount: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let _lock = lock(&self.machine_dir)?;
        if !self.machine_dir.join("volumes").join(&volume.id).exists() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the volume was just detached",
            ));
        }
        mount()?;
        fs::write(self.note(&volume.id), serde_json::to_vec(&self.me)?)
    }

    /// Notes that it is not mounted any more.
    pub(super) fn unmounted(&self, volume_id: &str) -> io::Result<()> {
        let _lock = lock(&self.machine_dir)?;
        remove_if_there(&self.note(volume_id))
    }

    fn note(&self, volume_id: &str) -> PathBuf {
        self.machine_dir
            .join("volumes")
            .join(format!("{volume_id}.mounted"))
    }
}

fn lock(machine_dir: &Path) -> io::Result<File> {
    let volumes = machine_dir.join("volumes");
    fs::create_dir_all(&volumes)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(volumes.join(".lock"))?;
    lock.lock()?;
    Ok(lock)
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_volume_stays_until_the_machine_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (machine, place) = (dir.path().join("m"), dir.path().join("v"));
        expose_volume(&machine, "vol-1", &place).unwrap();
        expose_volume(&machine, "vol-1", &place).unwrap();
        let me = MachineHandle::of_this_process().unwrap();
        let attached = Attached::new(&machine, me);
        let volume = attached.by_device(&node_path("vol-1")).unwrap().unwrap();
        assert!(volume.is_blank());
        volume.format().unwrap();
        assert!(!volume.is_blank());
        attached.mount(&volume, || Ok(())).unwrap();
        assert_eq!(
            withdraw_volume(&machine, "vol-1").unwrap(),
            Withdrawn::StillMounted
        );
        // The note of a machine that lost its power holds nothing back.
        Attached::new(&machine, MachineHandle { start_ticks: 0, ..me })
            .mount(&volume, || Ok(()))
            .unwrap();
        assert_eq!(withdraw_volume(&machine, "vol-1").unwrap(), Withdrawn::Done);
        assert_eq!(withdraw_volume(&machine, "vol-1").unwrap(), Withdrawn::Done);
        assert!(attached.by_device(&node_path("vol-1")).unwrap().is_none());
        assert!(!volume.is_blank(), "the data stays on the volume");
    }
}
