//! The catalogue's flag lists against the binaries they were asked of.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rehull_core::catalog::etcd::{all_flags, flags_of, known_minors};

use crate::support::toolbox::binary;

/// etcd parses its flags before it prints its version, and refuses the first that it does not know.
fn takes(etcd: &Path, flag: &str) -> bool {
    let asked = Command::new(etcd)
        .arg(format!("--{flag}=x"))
        .arg("--version")
        .output()
        .unwrap();
    !String::from_utf8_lossy(&asked.stderr).contains("flag provided but not defined")
}

fn in_help(etcd: &Path) -> BTreeSet<String> {
    let help = Command::new(etcd).arg("--help").output().unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&help.stdout),
        String::from_utf8_lossy(&help.stderr)
    );
    let lines = text.lines().filter_map(|line| line.strip_prefix("  --"));
    lines
        .map(|line| {
            line.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect()
        })
        .collect()
}

#[test]
fn the_catalogue_lists_exactly_the_flags_that_the_binaries_take() {
    for minor in known_minors() {
        let (asked, listed) = flags_of(&minor).unwrap();
        let Some(etcd) = binary(&asked.to_string(), "etcd") else {
            continue;
        };
        let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
        let help = in_help(&etcd);
        assert!(help.len() > 50, "{minor}: {help:?}");
        // Help is not the truth: it leaves some out (hidden) and keeps some that are gone.
        for flag in listed.difference(&help) {
            assert!(
                takes(&etcd, flag),
                "etcd {asked} does not take --{flag}, but the catalogue lists it"
            );
        }
        for flag in help.difference(&listed) {
            assert!(
                !takes(&etcd, flag),
                "etcd {asked} takes --{flag}, but the catalogue does not list it"
            );
        }
    }
}

#[test]
fn a_flag_of_another_minor_is_really_refused() {
    let (asked, listed) = flags_of("3.7").unwrap();
    let Some(etcd) = binary(&asked.to_string(), "etcd") else {
        return;
    };
    for flag in all_flags().into_iter().filter(|flag| !listed.contains(flag)) {
        assert!(!takes(&etcd, flag), "etcd {asked} takes --{flag}");
    }
}
