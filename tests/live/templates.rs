//! The built-in user data outside a machine: its shell, its files, and the part that needs a network of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::e2e::legs::say;

fn sets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/user-data/etcd")
}

/// The boot script of every built-in set: each is what some machine boots, whatever set is the newest.
fn boot_scripts() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(sets()).unwrap().flatten();
    let mut scripts: Vec<PathBuf> = folders
        .map(|set| set.path().join("boot.sh"))
        .filter(|script| script.is_file())
        .collect();
    scripts.sort();
    assert!(scripts.len() >= 2, "{scripts:?}");
    scripts
}

/// Says past the harness, which holds back what green tests print, that something was not tested.
fn skipped(why: &str) {
    say(&format!("skipped: {why}"));
}

/// A tool that can be installed is no reason to be green where CI (and `make test`) ask for everything.
fn lacks(tool: &str, why: &str) {
    let why = format!("{tool}: {why}");
    assert!(std::env::var_os("REHULL_REQUIRE_TOOLBOX").is_none(), "{why}");
    skipped(&why);
}

#[test]
fn shellcheck_has_nothing_to_say_about_any_boot_script() {
    let scripts = boot_scripts();
    for script in &scripts {
        let parsed = Command::new("bash").arg("-n").arg(script).status().unwrap();
        assert!(parsed.success(), "{}", script.display());
    }
    match Command::new("shellcheck").args(&scripts).output() {
        Ok(checked) => assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stdout)
        ),
        Err(error) => lacks("shellcheck", &error.to_string()),
    }
}

#[test]
fn every_file_of_a_set_is_among_the_released_sums() {
    let sums = std::fs::read_to_string(sets().join("SHA256SUMS")).unwrap();
    let listed: BTreeSet<String> = sums
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(_, file)| file.to_owned())
        .collect();
    let mut found = BTreeSet::new();
    for set in std::fs::read_dir(sets())
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        for file in std::fs::read_dir(set.path()).unwrap().flatten() {
            found.insert(format!(
                "{}/{}",
                set.file_name().display(),
                file.file_name().display()
            ));
        }
    }
    assert_eq!(found, listed);
}

/// Two interfaces as EC2 gives them: the machine's own with the default route, the slot's without an address.
const ROUTING: &str = r#"
set -eu
mount -t tmpfs none /mnt
mkdir /mnt/rehull
cp "$2" /mnt/rehull/machine.env
sed -i '$d' "$1/boot.sh"
sed -i 's|^\. /etc/rehull/machine.env|. /mnt/rehull/machine.env|' "$1/boot.sh"
mount -t sysfs none /sys
ip link set lo up
ip link add own type veth peer name far1
ip link add slot type veth peer name far2
for device in own far1 far2; do ip link set "$device" up; done
ip address add 10.0.1.5/24 dev own
ip route add default via 10.0.1.1
. "$1/boot.sh"
slot_mac=$(cat /sys/class/net/slot/address)
imds() {
    case $1 in
        */macs/) REPLY=$'02:00:00:00:00:01/\n'$slot_mac/ ;;
        *02:00:00:00:00:01/local-ipv4s) REPLY=10.0.1.5 ;;
        *"$slot_mac"/local-ipv4s) REPLY=10.0.1.10 ;;
        *"$slot_mac"/subnet-ipv4-cidr-block) REPLY=10.0.1.0/24 ;;
        *) return 1 ;;
    esac
}
! address_is_local
route_by_source
route_by_source
address_is_local
for route in 10.0.2.10 10.0.1.99 8.8.8.8 '8.8.8.8 from 10.0.1.10'; do
    # shellcheck disable=SC2086
    ip route get $route | head -n 1 | tr -s ' '
done
"#;

const MACHINE: &str =
    "REHULL_ADDRESS=10.0.1.10\nREHULL_VOLUME=vol-1\nREHULL_PEERS=\"10.0.2.10 10.0.1.99\"\nREHULL_S3=x\n";

#[test]
fn members_are_reached_from_the_slots_address_and_everybody_else_from_the_machines_own() {
    // A right that nobody can install.
    if !rustix::process::geteuid().is_root() {
        return skipped("a network of its own needs root");
    }
    for script in boot_scripts() {
        routes_by_source(&script);
    }
}

fn routes_by_source(script: &Path) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(script, dir.path().join("boot.sh")).unwrap();
    std::fs::write(dir.path().join("machine.env"), MACHINE).unwrap();
    let run = match Command::new("unshare")
        .args(["--net", "--mount", "bash", "-c", ROUTING, "routing"])
        .arg(dir.path())
        .arg(dir.path().join("machine.env"))
        .output()
    {
        Ok(run) => run,
        Err(error) => return lacks("unshare", &error.to_string()),
    };
    let (said, erred) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    if erred.contains("RTNETLINK answers: Operation not supported") || erred.contains("Unknown device type") {
        return skipped("this kernel has no veth");
    }
    let name = script.display();
    assert!(run.status.success(), "{name}: {said}{erred}");
    let routes: Vec<String> = said
        .lines()
        .map(|line| line.split(" uid ").next().unwrap().trim().to_owned())
        .collect();
    assert_eq!(
        routes,
        [
            "10.0.2.10 via 10.0.1.1 dev slot table 2379 src 10.0.1.10",
            "10.0.1.99 dev slot table 2379 src 10.0.1.10",
            "8.8.8.8 via 10.0.1.1 dev own src 10.0.1.5",
            "8.8.8.8 from 10.0.1.10 via 10.0.1.1 dev slot table 2379",
        ],
        "{name}"
    );
}
