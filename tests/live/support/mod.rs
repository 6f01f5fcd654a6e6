//! Real etcd clusters for live tests: certificates, addresses and processes that end with the test.

pub(crate) mod addresses;
pub(crate) mod cluster;
pub(crate) mod pki;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod toolbox;

#[cfg_attr(
    not(test),
    expect(unused_imports, reason = "the benchmark shares this folder")
)]
pub(crate) use cluster::{Cluster, Setup};

use std::time::Duration;

/// Waits until something is so; says what it waited for if it never is.
pub(crate) async fn eventually<T, Look>(what: &str, limit: Duration, mut look: Look) -> T
where
    Look: AsyncFnMut() -> Option<T>,
{
    let search = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(limit, search)
        .await
        .unwrap_or_else(|_| panic!("waited {limit:?} for: {what}"))
}
