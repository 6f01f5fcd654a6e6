//! Flags of the control plane's programs: which ones are rehull's own.

use std::collections::BTreeMap;

use super::file::Flags;
use super::flags;
use super::mistake::{Mistakes, Wrong};
use super::spans::Pointer;

/// Why a flag is not the user's to set.
fn owned(component: &str, name: &str) -> Option<&'static str> {
    let of_all = match name {
        "bind-address" | "secure-port" => Some("it follows from the address of the machine"),
        "leader-elect" => Some("one of several always leads"),
        "tls-cert-file" | "tls-private-key-file" | "client-ca-file" => {
            Some("certificates come from `machineTls`")
        }
        "config" => Some("the program would ignore flags that rehull sets"),
        "version" | "help" => Some("the program would print something and end"),
        "kubeconfig" | "authentication-kubeconfig" | "authorization-kubeconfig" | "master" => Some(
            "a program of a control-plane machine talks to the apiserver beside it, never through the load balancer",
        ),
        _ => None,
    };
    let own = match (component, name) {
        ("kube-apiserver", "etcd-servers") => Some("it follows from the slots of `etcd`"),
        ("kube-apiserver", "etcd-cafile" | "etcd-certfile" | "etcd-keyfile") => {
            Some("certificates come from `machineTls`")
        }
        ("kube-apiserver", "advertise-address") => Some("it follows from the address of the machine"),
        ("kube-apiserver", "service-account-issuer") => Some("write `serviceAccountIssuer`"),
        ("kube-apiserver", "service-cluster-ip-range") => Some("write `serviceCidr`"),
        ("kube-apiserver", "service-account-key-file" | "service-account-signing-key-file")
        | (
            "kube-controller-manager",
            "service-account-private-key-file" | "root-ca-file" | "use-service-account-credentials",
        ) => Some("keys come from `machineTls`"),
        _ => None,
    };
    of_all.or(own)
}

/// Names and values that are good; mistakes for the others.
pub(super) fn read(
    component: &str,
    at: &Pointer,
    typed: &Flags,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, String> {
    flags::read_owned(at, typed, &|name| owned(component, name), mistakes)
}

/// Without either of the two kube-apiserver lets everybody do everything (`--authorization-mode`, "AlwaysAllow").
pub(super) fn authorizes(at: &Pointer, typed: &Flags, mistakes: &mut Mistakes<'_>) {
    if typed.contains_key("authorization-mode") || typed.contains_key("authorization-config") {
        return;
    }
    let message = "no `authorization-mode`: kube-apiserver would let everybody do everything";
    let wrong = Wrong::new("config::authorization", message, "neither mode nor config");
    mistakes.add(at, wrong.help("write `authorization-mode: Node,RBAC`"));
}
