//! Certificates that are expired or of another authority, on either side, in plain words.

use std::time::Duration;

use rehull::adapters::etcd::{EtcdPool, PemTls};
use rehull_core::domain::desired::Slot;
use rehull_core::domain::etcd::Endpoint;
use rehull_core::ports::EtcdView;

use crate::support::pki::{Authority, Validity, client_tls};
use crate::support::proxy::Proxy;
use crate::support::{Cluster, Setup};

async fn strange(cluster: &Cluster, tls: &PemTls) -> String {
    let view = EtcdPool::new(tls).unwrap().observe(cluster.members()).await;
    let endpoint = &view.endpoints[&cluster.slot(0).name];
    let Endpoint::Strange(words) = endpoint else {
        panic!("{endpoint:?} is not strange");
    };
    eprintln!("{words}");
    words.clone()
}

#[tokio::test]
async fn a_client_certificate_that_is_expired_or_foreign_is_named_as_ours() {
    for version in ["3.4.23", "3.5.33"] {
        let Some(cluster) = Cluster::up(Setup::new(version, 1)).await else {
            return;
        };
        let expired = cluster.authority.client(Validity::Expired);
        let words = strange(&cluster, &client_tls(&cluster.authority, &expired)).await;
        assert!(
            words.contains("our certificate") && words.contains("expired"),
            "{words}"
        );

        let foreign = Authority::new("somebody else").client(Validity::Now);
        let words = strange(&cluster, &client_tls(&cluster.authority, &foreign)).await;
        assert!(
            words.contains("our certificate") && words.contains("authority"),
            "{words}"
        );
    }
}

#[tokio::test]
async fn a_server_certificate_of_another_authority_is_named_as_its_own() {
    let Some(cluster) = Cluster::up(Setup::new("3.5.33", 1)).await else {
        return;
    };
    let client = cluster.authority.client(Validity::Now);
    let words = strange(&cluster, &client_tls(&Authority::new("somebody else"), &client)).await;
    assert!(
        words.starts_with("its certificate was issued by an authority we do not trust"),
        "{words}"
    );
}

#[tokio::test]
async fn an_expired_server_certificate_is_named_with_its_date() {
    let setup = Setup {
        validity: Validity::Expired,
        ..Setup::new("3.5.33", 1)
    };
    let Some(cluster) = Cluster::up_unseen(setup).await else {
        return;
    };
    let client = cluster.authority.client(Validity::Now);
    let words = strange(&cluster, &client_tls(&cluster.authority, &client)).await;
    assert_eq!(
        words,
        "its certificate has expired (it was valid until 2021-01-01T00:00:00Z)"
    );
}

#[test]
fn certificate_and_key_that_do_not_belong_together_are_refused_before_anything_is_dialled() {
    let authority = Authority::new("live test");
    let mut tls = client_tls(&authority, &authority.client(Validity::Now));
    tls.key = authority.client(Validity::Now).key.into_bytes();
    let error = EtcdPool::new(&tls).err().map(|error| error.to_string());
    assert!(
        error.as_ref().is_some_and(|text| text.contains("cannot be used")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_certificate_without_the_slots_address_is_named_as_that_of_another() {
    let Some(cluster) = Cluster::up(Setup::new("3.5.33", 1)).await else {
        return;
    };
    // The first two stand-ins are in every member's certificate, this one is in none.
    let elsewhere = Slot {
        address: cluster.stand_in(2),
        ..cluster.slot(0).clone()
    };
    let _proxy = Proxy::start(elsewhere.address, cluster.slot(0).address, Duration::ZERO).await;
    let endpoint = cluster.endpoint(&elsewhere).await;
    assert!(
        matches!(&endpoint, Endpoint::Strange(words) if words.starts_with("its certificate is for another address")),
        "{endpoint:?}"
    );
}
