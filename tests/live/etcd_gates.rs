//! Health gates that are asked of real etcd, one test each.

use rehull_core::ports::{EtcdView, PortError};
use rustix::process::Signal;

use crate::support::{Cluster, Setup};

#[tokio::test]
async fn data_is_not_called_the_same_while_a_voter_is_late() {
    let Some(cluster) = Cluster::up(Setup::new("3.5.33", 3)).await else {
        return;
    };
    let late = (cluster.leader().await + 1) % 3;
    cluster.signal(late, Signal::STOP);
    let compared = cluster.pool.compare_hashes(cluster.members()).await;
    cluster.signal(late, Signal::CONT);
    let url = cluster.slot(late).client_url();
    assert!(
        matches!(&compared, Err(PortError::NotSent { why }) if why.contains(&url)),
        "{compared:?}"
    );
    cluster.pool.compare_hashes(cluster.members()).await.unwrap();
}
