//! Workers: single values, text → a thing that has been checked; and what several of them say together.

use std::collections::BTreeMap;

use super::file;
use super::mistake::{Mistakes, Wrong, quoted};
use super::read::Parts;
use super::spans::Pointer;
use super::value::check;
use crate::catalog::kubernetes::KubeletSkew;
use crate::domain::version::KubernetesVersion;

/// As the schema has it: a slip of the keyboard is found here.
const COUNT_MAX: i64 = 1000;

/// Scheme, host and perhaps a port; nothing that a request would have to carry along.
pub(super) fn server(text: &str) -> Result<(), Wrong> {
    let inner = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '?' | '#' | '@');
    let fits = text
        .strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(inner));
    let message = format!("{} is no address of an API", quoted(text));
    let wrong = Wrong::new("config::server", message, "not an https URL");
    check(
        fits,
        wrong.help("scheme, host and port alone, for example `https://api.dev.example:6443`"),
    )
}

/// `namespace/name`.
pub(super) fn workload(text: &str) -> Result<(), Wrong> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |text: &str, most: usize, dots: bool| {
        let inner = |c: char| edge(c) || c == '-' || dots && c == '.';
        (1..=most).contains(&text.len())
            && text.chars().all(inner)
            && text.starts_with(edge)
            && text.ends_with(edge)
    };
    let fits = text
        .split_once('/')
        .is_some_and(|(namespace, name)| label(namespace, 63, false) && label(name, 253, true));
    let message = format!("{} names no workload", quoted(text));
    let wrong = Wrong::new("config::workload", message, "not namespace/name");
    check(
        fits,
        wrong
            .help("its namespace and the name of the Deployment or StatefulSet, for example `default/redis`"),
    )
}

pub(super) fn binary(name: &str) -> Result<(), Wrong> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(edge)
        && name.chars().all(|c| edge(c) || matches!(c, '.' | '_' | '-'));
    let message = format!("{} is no file name", quoted(name));
    let wrong = Wrong::new("config::file_name", message, "not a file name");
    check(
        fits,
        wrong.help("lower-case letters, digits and ._-, for example `kubelet`"),
    )
}

pub(super) fn count(key: &str, count: i64, least: u32) -> Result<u32, Wrong> {
    let fits = (i64::from(least)..=COUNT_MAX).contains(&count);
    let read = u32::try_from(count).ok().filter(|_| fits);
    read.ok_or_else(|| {
        let message = format!("`{key}` is {least} to {COUNT_MAX}");
        Wrong::new("config::count", message, "not so many")
    })
}

/// What no single group can tell.
pub(super) fn rules(file: &file::Cluster, parts: &Parts, mistakes: &mut Mistakes<'_>) {
    let Some(workers) = &file.workers else { return };
    let at = Pointer::from("/workers");
    if file.control_plane.is_none() && mistakes.none_under(&"/controlPlane".into()) {
        let message = "`workers` need `controlPlane`";
        let wrong = Wrong::new("config::workers_alone", message, "no apiservers are named").help(
            "a kubelet may not be newer than the apiservers, so rehull has to ask each of them: describe them in `controlPlane`",
        );
        mistakes.add_at_key(&at, wrong);
    }
    let groups = workers.groups.as_deref().unwrap_or_default();
    own_names(file, groups, mistakes);
    for (index, kubelet) in parts.kubelets.iter().enumerate() {
        if let Some((kubelet, apiserver)) = kubelet.zip(parts.kubernetes) {
            let at = at.key("groups").index(index).key("version");
            skew(&at, kubelet, apiserver, mistakes);
        }
    }
}

/// Two groups of one name, or of one template, would take each other's machines for their own.
fn own_names(file: &file::Cluster, groups: &[Option<file::WorkerGroup>], mistakes: &mut Mistakes<'_>) {
    let servers = file.control_plane.as_ref();
    let of_servers = [
        servers.and_then(|servers| servers.auto_scaling_group.as_ref()),
        servers.and_then(|servers| servers.launch_template.as_ref()),
    ];
    let keys = ["autoScalingGroup", "launchTemplate"];
    for (key, of_servers) in keys.into_iter().zip(of_servers) {
        let mut first_of: BTreeMap<&String, Pointer> = of_servers
            .map(|name| (name, Pointer::from("/controlPlane").key(key)))
            .into_iter()
            .collect();
        for (index, group) in groups.iter().enumerate() {
            let name = group.as_ref().and_then(|group| match key {
                "launchTemplate" => group.launch_template.as_ref(),
                _ => group.auto_scaling_group.as_ref(),
            });
            let Some(name) = name else { continue };
            let at = Pointer::from("/workers/groups").index(index).key(key);
            if let Some(first) = first_of.get(name) {
                let message = format!("`{key}` {} is used twice", quoted(name));
                let wrong = Wrong::new("config::duplicate", message, "again here")
                    .help("machines of one content have a group and a launch template of their own");
                mistakes.add_with(&at, wrong, &[(first.clone(), "first here".to_owned())]);
            } else {
                first_of.insert(name, at);
            }
        }
    }
}

fn skew(at: &Pointer, kubelet: KubernetesVersion, apiserver: KubernetesVersion, mistakes: &mut Mistakes<'_>) {
    let pinned = [(
        Pointer::from("/controlPlane/version"),
        format!("the apiservers are to be {apiserver}"),
    )];
    let wrong = match KubeletSkew::of(kubelet, apiserver) {
        KubeletSkew::Fits => return,
        KubeletSkew::TooNew => {
            let message = format!("kubelet {kubelet} is newer than the control plane");
            Wrong::new("config::kubelet_skew", message, "too new")
                .help("a kubelet may be older than the apiservers, never newer: pin the control plane first")
        }
        KubeletSkew::TooOld { most } => {
            let message = format!("kubelet {kubelet} is too old for apiservers of {apiserver}");
            Wrong::new("config::kubelet_skew", message, "too old").help(format!(
                "at most {most} minors behind: go on with the workers before the next hop of the control plane"
            ))
        }
    };
    mistakes.add_with(at, wrong, &pinned);
}
