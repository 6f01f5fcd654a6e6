//! Lays out the directory that a machine sees as `/`: this host's programs read-only, everything else its own.
//!
//! Runs in the machine's own mount namespace, so nothing of it is seen outside and all of it goes when the machine goes.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{MountFlags, mount, mount_bind_recursive, mount_remount};

/// Programs and libraries: shared with the host, read-only.
const SHARED: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// The machine's own, empty at first.
const OWN: [&str; 13] = [
    "etc",
    "opt",
    "var/log",
    "var/lib",
    "var/tmp",
    "root",
    "home",
    "mnt",
    "srv",
    "tmp",
    "dev/disk/by-id",
    "dev/shm",
    "etc/systemd/system",
];
/// Files of the host that programs expect to find; copied, so that user data may change them.
const COPIED: [&str; 12] = [
    "etc/passwd",
    "etc/group",
    "etc/nsswitch.conf",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/localtime",
    "etc/os-release",
    "etc/ld.so.cache",
    "etc/ld.so.conf",
    "etc/mke2fs.conf",
    "etc/protocols",
    "etc/services",
];
/// Directories of the host under `/etc`: certificates and the links that distributions use for their programs.
const SHARED_ETC: [&str; 4] = ["etc/ssl", "etc/pki", "etc/ca-certificates", "etc/alternatives"];
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Where this program is inside the machine; the stand-ins call it.
const REHULL: &str = ".sandbox/rehull";

/// Programs that only work with a real kernel device or a real systemd; each asks the agent instead.
const ASK_THE_AGENT: [&str; 5] = ["systemctl", "mount", "umount", "blkid", "mkfs.ext4"];

/// Machines share the network of the host, so reading is real and changing is refused.
const IP: &str = r#"#!/bin/sh
# Stand-in for ip: a sandbox machine shares the network of its host, so it may look and not change.
for word in "$@"; do
    case $word in
        get | show | list | ls)
            for real in /usr/sbin/ip /sbin/ip /usr/bin/ip /bin/ip; do
                [ ! -x "$real" ] || exec "$real" "$@"
            done
            # Without iproute2: all of 127/8 is local, nothing else is.
            case " $* " in *" get 127."*) echo "local" "$4" "dev lo" ;; esac
            exit 0
            ;;
    esac
done
echo "ip (stand-in): not done in a sandbox machine: $*" >&2
"#;

/// Lays out `<dir>/root` and returns it.
pub(super) fn build(dir: &Path, rehull: &Path) -> io::Result<PathBuf> {
    let root = dir.join("root");
    for own in OWN {
        fs::create_dir_all(root.join(own))?;
    }
    for open in ["tmp", "var/tmp", "dev/shm"] {
        fs::set_permissions(root.join(open), fs::Permissions::from_mode(0o1777))?;
    }
    // What a reboot forgets.
    for volatile in ["run", "tmp"] {
        clear(&root.join(volatile))?;
    }
    link(&root.join("var/run"), "/run")?;
    for shared in SHARED {
        share(&Path::new("/").join(shared), &root.join(shared))?;
    }
    own_usr_local(dir, &root)?;
    for file in COPIED {
        copy_once(&Path::new("/").join(file), &root.join(file))?;
    }
    for directory in SHARED_ETC {
        share(&Path::new("/").join(directory), &root.join(directory))?;
    }
    for device in DEVICES {
        bind_file(&Path::new("/dev").join(device), &root.join("dev").join(device))?;
    }
    for (name, target) in [
        ("fd", "self/fd"),
        ("stdin", "self/fd/0"),
        ("stdout", "self/fd/1"),
        ("stderr", "self/fd/2"),
    ] {
        link(&root.join("dev").join(name), &format!("/proc/{target}"))?;
    }
    mount_proc(&root)?;
    bind_file(rehull, &root.join(REHULL))?;
    Ok(root)
}

/// `/usr/local` comes first in the search path and is the machine's own: that is where an image puts its tools.
fn own_usr_local(dir: &Path, root: &Path) -> io::Result<()> {
    let own = dir.join("usr-local");
    fs::create_dir_all(own.join("sbin"))?;
    fs::create_dir_all(own.join("bin"))?;
    for tool in ASK_THE_AGENT {
        let script = format!(
            "#!/bin/sh\n# Stand-in for {tool}: the agent of the sandbox machine does it.\nexec /{REHULL} sandbox guest {tool} \"$@\"\n"
        );
        write_program(&own.join("sbin").join(tool), &script)?;
    }
    write_program(&own.join("sbin/ip"), IP)?;
    mount_bind_recursive(&own, root.join("usr/local"))
        .map_err(|error| named(&error.into(), "bind /usr/local"))
}

fn write_program(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// A link of the host stays a link; a directory is mounted read-only; what the host does not have is left out.
fn share(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(from) {
        Err(_) => Ok(()),
        Ok(found) if found.file_type().is_symlink() => link(to, &fs::read_link(from)?.to_string_lossy()),
        Ok(_) => {
            fs::create_dir_all(to)?;
            bind_read_only(from, to)
        }
    }
}

fn bind_read_only(from: &Path, to: &Path) -> io::Result<()> {
    let what = format!("bind {} read-only", from.display());
    mount_bind_recursive(from, to).map_err(|error| named(&error.into(), &what))?;
    // In a user namespace the flags of the host's mount are locked: leaving one out is refused.
    let host = statvfs(to)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    for (had, keep) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
    ] {
        if host.contains(had) {
            flags |= keep;
        }
    }
    mount_remount(to, flags, c"").map_err(|error| named(&error.into(), &what))
}

fn bind_file(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::File::options().create(true).append(true).open(to)?;
    mount_bind_recursive(from, to).map_err(|error| named(&error.into(), &format!("bind {}", from.display())))
}

fn mount_proc(root: &Path) -> io::Result<()> {
    let proc = root.join("proc");
    fs::create_dir_all(&proc)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    if mount("proc", &proc, "proc", flags, c"").is_err() {
        // A container with parts of /proc covered refuses a new one; then the host's processes are seen.
        mount_bind_recursive("/proc", &proc).map_err(|error| named(&error.into(), "mount /proc"))?;
    }
    // Kernel settings are the host's.
    bind_read_only(&proc.join("sys"), &proc.join("sys"))
}

/// Copied at the first boot only; later the file is the machine's.
fn copy_once(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() || !from.exists() {
        return Ok(());
    }
    fs::copy(from, to).map(drop)
}

fn link(at: &Path, target: &str) -> io::Result<()> {
    match symlink(target, at) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn clear(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn named(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
