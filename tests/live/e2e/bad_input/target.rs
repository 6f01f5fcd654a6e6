//! The wrong target: another account, region or cluster, certificates that nobody trusts, addresses where nobody is.

use std::time::Duration;

use rehull::sandbox::pki;
use rehull_core::world::Switch;
use rustix::process::Signal;

use super::{Desk, Row};
use crate::support::pki::{Authority, Validity};
use crate::support::process::Process;
use crate::support::{eventually, toolbox};

pub(super) fn rows(desk: &Desk) -> Vec<Row> {
    let mut rows = aws(desk);
    rows.extend(certificates(desk));
    rows
}

fn aws(desk: &Desk) -> Vec<Row> {
    let (endpoint, interface) = (desk.sandbox.info.endpoint.clone(), desk.value("interface", 0));
    let address = desk.value("address", 0);
    let none = "eni-00000000000000000";
    vec![
        Row::new("credentials of another account", 2)
            .edit("account: \"111122223333\"", "account: \"999988887777\"")
            .says(&[
                "these credentials are of account 111122223333, the cluster file is for 999988887777",
                "log in to the account of the file",
            ])
            .at("999988887777"),
        Row::new("another region than that of the endpoint", 2)
            .edit("ap-northeast-1", "us-east-1")
            .says(&[
                "this endpoint is not one of region us-east-1",
                "correct the region",
            ])
            .at("region: us-east-1"),
        Row::new("another region than that of the zones", 2)
            .edit("region: ap-northeast-1", "region: us-east-1")
            .says(&["zone `ap-northeast-1a` is not in region `us-east-1`"])
            .at("zone: ap-northeast-1a"),
        Row::new("an endpoint where nobody listens", 1)
            .edit(&endpoint, &endpoint.replace(":4566", ":4599"))
            .says(&[":4599", "connection refused", "check the network, `aws.endpoint`"]),
        Row::new("an endpoint of somebody else", 2)
            .edit(&endpoint, "http://10.0.0.1:4566")
            .says(&["neither this machine nor AWS", "leave `endpoint` out"])
            .at("10.0.0.1"),
        Row::new("a bucket that does not exist", 1)
            .edit(
                "local: { path: store }",
                "s3: { bucket: rehull-nowhere, prefix: store/ }",
            )
            .says(&["NoSuchBucket", "check bucket"]),
        Row::new("an interface that does not exist", 1)
            .edit(&interface, none)
            .says(&["the interface of etcd-a does not exist", "pin its id"])
            .at(none),
        Row::new("an address that is not the interface's", 1)
            .edit(&format!("address: {address}\n"), "address: 127.9.9.9\n")
            .says(&["the file says 127.9.9.9", &format!("the interface has {address}")])
            .at("127.9.9.9"),
    ]
}

fn certificates(desk: &Desk) -> Vec<Row> {
    let put = |name: &str, text: &str| std::fs::write(desk.dir().join(name), text).unwrap();
    let ours = pki::Authority::load(&desk.sandbox.info.pki_dir()).unwrap();
    let expired = ours.issue("rehull", &[], pki::Validity::Expired).unwrap();
    let stranger = Authority::new("somebody else");
    let foreign = stranger.client(Validity::Now);
    put("expired.crt", &expired.certificate);
    put("expired.key", &expired.key);
    put("foreign.crt", &foreign.cert);
    put("foreign.key", &foreign.key);
    put("foreign-ca.crt", &stranger.ca);
    put("empty.crt", "");
    let with = |row: Row, cert: &str, key: &str| row.edit("pki/client.crt", cert).edit("pki/client.key", key);
    let all = "all members were asked with this";
    vec![
        with(
            Row::new("an expired certificate", 3),
            "expired.crt",
            "expired.key",
        )
        .says(&[
            "no member answers",
            "our certificate",
            "expired",
            all,
            "openssl x509",
        ])
        .at("clientTls:"),
        with(
            Row::new("a certificate of another authority", 3),
            "foreign.crt",
            "foreign.key",
        )
        .says(&["etcd-a: answers, but not as a member", "our certificate", all])
        .at("clientTls:"),
        Row::new("an authority that did not issue the members' certificates", 3)
            .edit("pki/ca.crt", "foreign-ca.crt")
            .says(&["issued by an authority we do not trust", all])
            .at("clientTls:"),
        Row::new("a key of another certificate", 2)
            .edit("pki/client.key", "foreign.key")
            .says(&["tls::unusable", "belong together"])
            .at("clientTls:"),
        Row::new("a certificate that is none", 2)
            .edit("pki/client.crt", "empty.crt")
            .says(&["tls::unusable"])
            .at("clientTls:"),
        Row::new("a certificate that is not there", 2)
            .edit("pki/client.crt", "pki/nowhere.crt")
            .says(&["cannot read `pki/nowhere.crt`", "`etcd.clientTls` of "]),
        // What needs no pin is no less careful.
        with(
            Row::new("healing with a foreign certificate", 3),
            "foreign.crt",
            "foreign.key",
        )
        .typed("etcd heal etcd-a FILE --yes")
        .says(&["no member answers"]),
    ]
}

/// One of three hangs: nothing is begun, although the file asks for nothing.
pub(super) async fn a_silent_member_is_named(desk: &Desk) {
    let before = desk.witness().await;
    desk.sandbox.signal_etcd("etcd-b", Signal::STOP);
    let run = desk.sandbox.run(&["apply", "cluster.yaml", "--yes"]).await;
    desk.sandbox.signal_etcd("etcd-b", Signal::CONT);
    run.exits(3)
        .says(&["etcd-b is out: no answer", "rehull etcd heal etcd-b"]);
    eventually("all members as before", Duration::from_secs(20), async || {
        (desk.witness().await == before).then_some(())
    })
    .await;
}

/// The last: the member of this slot does not come back. Another etcd with certificates of the same authority listens
/// at its address.
pub(super) async fn another_cluster_behind_an_address_is_named(desk: &Desk) {
    let Some(etcd) = toolbox::binary("3.5.33", "etcd") else {
        return;
    };
    let instance = desk.sandbox.machine("etcd-c").await;
    desk.sandbox.switch(Switch::PowerCut { instance }).await;
    eventually("its port", Duration::from_secs(10), async || {
        desk.sandbox.etcd("etcd-c").is_none().then_some(())
    })
    .await;
    let (pki, data) = (
        desk.sandbox.info.pki_dir().join("etcd-c"),
        desk.dir().join("stranger"),
    );
    let own = |name: &str| pki.join(name).display().to_string();
    let url = format!("https://{}:2379", desk.sandbox.address("etcd-c"));
    let arguments = [
        "--name=stranger".to_owned(),
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        format!("--cert-file={}", own("server.crt")),
        format!("--key-file={}", own("server.key")),
    ];
    let mut stranger = Process::start(&etcd, &arguments, desk.dir().join("stranger.log"));
    let machines = desk.cloud.all_machines().await;
    let mut run = None;
    eventually("an answer of the stranger", Duration::from_secs(20), async || {
        let answer = desk.sandbox.run(&["apply", "cluster.yaml", "--yes"]).await;
        let is_known = answer.err.contains("plan::other_etcd");
        run = Some(answer);
        is_known.then_some(())
    })
    .await;
    let run = run.expect("it was run").exits(3);
    run.says(&[
        "etcd-c answers for etcd cluster",
        "the identity record says",
        "correct the slot's address",
    ]);
    assert_eq!(desk.cloud.all_machines().await, machines);
    stranger.stop().await;
}
