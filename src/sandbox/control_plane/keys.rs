//! Certificates of a control plane: an authority of its own, the apiservers' serving certificate, a client certificate for
//! whoever talks to them, one for them to talk to etcd, and the keys of service accounts.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::sandbox::layout::{Layout, REGION};
use crate::sandbox::pki::{Authority, Names, Pair, folder, key_pair, write, write_authority, write_pair};

/// What a machine fetches from below `control-plane/<revision>/`.
pub(in crate::sandbox) const FILES: [&str; 12] = [
    "ca.crt",
    "apiserver.crt",
    "apiserver.key",
    "etcd-ca.crt",
    "etcd-client.crt",
    "etcd-client.key",
    "service-account.key",
    "service-account.pub",
    "controller-manager.crt",
    "controller-manager.key",
    "scheduler.crt",
    "scheduler.key",
];

/// First address of the service network: the `kubernetes` service itself.
const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);

/// Fills `pki/control-plane` with [`FILES`], the authority's key, and `admin.{crt,key}`, which stay with the operator.
pub(in crate::sandbox) fn lay(pki: &Path, layout: &Layout) -> io::Result<()> {
    let dir = pki.join("control-plane");
    folder(&dir)?;
    let etcd = Authority::load(pki)?;
    let authority = Authority::new("Kubernetes of a sandbox").map_err(io::Error::other)?;
    write_authority(&dir, &authority)?;
    write(&dir.join("etcd-ca.crt"), etcd.certificate())?;
    let client = etcd.issue_named(&Names::client("kube-apiserver", None));
    write_pair(&dir, "etcd-client", &signed(client)?)?;
    write_pair(
        &dir,
        "apiserver",
        &signed(authority.issue_named(&serving(layout)))?,
    )?;
    for (file, user, group) in [
        ("controller-manager", "system:kube-controller-manager", None),
        ("scheduler", "system:kube-scheduler", None),
        ("admin", "admin", Some("system:masters")),
    ] {
        let pair = authority.issue_named(&Names::client(user, group));
        write_pair(&dir, file, &signed(pair)?)?;
    }
    let (private, public) = key_pair().map_err(io::Error::other)?;
    write(&dir.join("service-account.key"), &private)?;
    write(&dir.join("service-account.pub"), &public)?;
    fs::metadata(&dir).map(drop)
}

fn signed(pair: Result<Pair, rcgen::Error>) -> io::Result<Pair> {
    pair.map_err(io::Error::other)
}

/// One certificate for all apiservers, the load balancer before them, and what pods call them: a machine that is launched
/// later has one of these addresses, too.
fn serving(layout: &Layout) -> Names {
    let machines = layout.control_plane_addresses();
    let addresses = machines.chain([layout.balancer_address(0), SERVICE, Ipv4Addr::LOCALHOST]);
    let names = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    ];
    let balancer = format!("*.elb.{REGION}.amazonaws.com");
    Names {
        common_name: "kube-apiserver".to_owned(),
        organization: None,
        alternative: addresses
            .map(|address| address.to_string())
            .chain(names.map(str::to_owned))
            .chain([balancer])
            .collect(),
    }
}
