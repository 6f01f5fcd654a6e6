//! Whether a run of Terraform lives on this machine, as far as the system lets this process see.

use std::fs;
use std::path::Path;

use super::lock::Owner;

/// The process namespace that a machine begins with (`PROC_PID_INIT_INO` of the kernel): whoever is in another one sees the
/// processes of its container, whatever the name of the host is in there.
const OF_THE_MACHINE: &str = "pid:[4026531836]";

/// Where the system tells of processes in files, normally `/proc`; elsewhere nothing is known, which is said. `folder`: of the
/// module.
pub(super) fn on_this_machine(proc: &Path, folder: Option<&Path>, program: &str) -> Owner {
    let unseen = |why: &str| Owner::Unknown(format!("the processes of this machine cannot be seen: {why}"));
    let Ok(processes) = fs::read_dir(proc) else {
        return unseen("there is no /proc");
    };
    // Who is seen is there, whoever else is not.
    let mut found = match sees_all(proc) {
        Ok(()) => Owner::Gone,
        Err(why) => unseen(why),
    };
    for process in processes.flatten() {
        let number = process.file_name().to_string_lossy().into_owned();
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let line = match fs::read(process.path().join("cmdline")) {
            Ok(line) => line,
            // It has just ended.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(_) if !process.path().exists() => continue,
            Err(_) => {
                found = unseen("one of them does not let itself be read");
                continue;
            }
        };
        if !is_terraform(&line, program) {
            continue;
        }
        let words = format!(
            "process {number} ({})",
            String::from_utf8_lossy(&line).replace('\0', " ").trim()
        );
        let place = fs::read_link(process.path().join("cwd")).ok();
        if place.is_some() && place.as_deref() == folder {
            return Owner::Lives(words);
        }
        found = Owner::Unknown(format!("{words} may be the one that has it"));
    }
    found
}

/// A process that is not listed is no proof that there is none, unless all are listed.
fn sees_all(proc: &Path) -> Result<(), &'static str> {
    let namespace = fs::read_link(proc.join("self/ns/pid"));
    if !namespace.is_ok_and(|namespace| namespace == Path::new(OF_THE_MACHINE)) {
        return Err("this one runs in a container, and sees only what runs in there");
    }
    let mounts = fs::read_to_string(proc.join("self/mountinfo")).unwrap_or_default();
    // What is mounted over another one comes later.
    let options = mounts.lines().filter_map(options_of_proc).next_back();
    match options {
        None => Err("how /proc is mounted cannot be read"),
        Some(options) if options.split(',').any(hides) => {
            Err("/proc is mounted with `hidepid`, which leaves out those of other users")
        }
        Some(_) => Ok(()),
    }
}

/// Options of the file system, if the line is that of `/proc`: number, parent, device, root, mount point, options, …, `-`, type,
/// source, options of the file system.
fn options_of_proc(line: &str) -> Option<&str> {
    let (mount, file_system) = line.split_once(" - ")?;
    if mount.split(' ').nth(4) != Some("/proc") {
        return None;
    }
    file_system.split(' ').nth(2)
}

fn hides(option: &str) -> bool {
    let value = option.strip_prefix("hidepid=");
    value.is_some_and(|value| !["0", "off"].contains(&value))
}

fn is_terraform(line: &[u8], program: &str) -> bool {
    let words = String::from_utf8_lossy(line).into_owned();
    let mut parts = words.split('\0').take(2);
    // A script that runs it has its own name second.
    parts.any(|part| {
        let name = part.rsplit('/').next().unwrap_or_default();
        name == program || name.starts_with("terraform") || name.starts_with("tofu")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    const PLAIN: &str = "22 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw";

    /// A `/proc` with nothing in it but this process's own and two others.
    fn proc(namespace: &str, mounts: &str) -> TempDir {
        let proc = TempDir::new().unwrap();
        fs::create_dir_all(proc.path().join("self/ns")).unwrap();
        symlink(namespace, proc.path().join("self/ns/pid")).unwrap();
        fs::write(proc.path().join("self/mountinfo"), mounts).unwrap();
        runs(&proc, 1, "/sbin/init");
        runs(&proc, 7, "rehull\0unlock");
        proc
    }

    fn runs(proc: &TempDir, number: u32, line: &str) {
        let process = proc.path().join(number.to_string());
        fs::create_dir(&process).unwrap();
        fs::write(process.join("cmdline"), line).unwrap();
    }

    /// `None`: nobody runs Terraform here.
    fn found(proc: &TempDir) -> Option<String> {
        match on_this_machine(proc.path(), Some(Path::new("/module")), "terraform") {
            Owner::Gone => None,
            Owner::Lives(words) => Some(format!("lives: {words}")),
            Owner::Unknown(why) => Some(why),
        }
    }

    #[test]
    fn that_nobody_is_listed_proves_something_only_where_everybody_is() {
        assert_eq!(found(&proc(OF_THE_MACHINE, PLAIN)), None);
        for off in ["0", "off"] {
            let mounts = format!("{PLAIN},hidepid={off}");
            assert_eq!(found(&proc(OF_THE_MACHINE, &mounts)), None, "{off}");
        }
        for hides in ["1", "2", "4", "noaccess", "invisible", "ptraceable"] {
            let why = found(&proc(OF_THE_MACHINE, &format!("{PLAIN},hidepid={hides}"))).unwrap();
            assert!(why.contains("mounted with `hidepid`"), "{hides}: {why}");
        }
        let why = found(&proc("pid:[4026532201]", PLAIN)).unwrap();
        assert!(why.contains("runs in a container"), "{why}");
        let why = found(&proc(OF_THE_MACHINE, "")).unwrap();
        assert!(why.contains("how /proc is mounted cannot be read"), "{why}");
        let nowhere = on_this_machine(Path::new("/no/proc"), None, "terraform");
        assert!(matches!(nowhere, Owner::Unknown(_)));
    }

    #[test]
    fn the_mount_that_lies_on_top_counts() {
        let hidden = format!("{PLAIN},hidepid=2");
        assert!(found(&proc(OF_THE_MACHINE, &format!("{PLAIN}\n{hidden}\n"))).is_some());
        assert_eq!(
            found(&proc(OF_THE_MACHINE, &format!("{hidden}\n{PLAIN}\n"))),
            None
        );
        let elsewhere = PLAIN.replace("/proc rw", "/srv/proc rw");
        assert_eq!(
            found(&proc(
                OF_THE_MACHINE,
                &format!("{PLAIN}\n{elsewhere},hidepid=2\n")
            )),
            None
        );
    }

    #[test]
    fn a_run_in_the_module_lives_and_one_elsewhere_may_be_it() {
        let all = proc(OF_THE_MACHINE, PLAIN);
        runs(&all, 9, "/usr/bin/terraform\0apply");
        assert_eq!(
            found(&all).unwrap(),
            "process 9 (/usr/bin/terraform apply) may be the one that has it"
        );
        symlink("/module", all.path().join("9/cwd")).unwrap();
        assert_eq!(
            found(&all).unwrap(),
            "lives: process 9 (/usr/bin/terraform apply)"
        );
    }
}
