//! The journal on S3, as the sandbox and as `moto_server` understand it.

use std::sync::Arc;

use rehull::adapters::store_s3::S3Store;

use crate::account::{Account, location};
use crate::aws_sandbox::furnished;
use crate::journal_contract::{a_journal_has_one_writer_at_a_time, of_many_writers_every_segment_has_one};
use crate::moto;

async fn carries_the_fence(account: &Account) {
    let store = |prefix: &str| Arc::new(S3Store::new(account.clients(), location(prefix)));
    a_journal_has_one_writer_at_a_time(store("journal/one/")).await;
    of_many_writers_every_segment_has_one(store("journal/many/")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sandbox_carries_the_fence() {
    let (_sandbox, account) = furnished("journal").await;
    carries_the_fence(&account).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn moto_carries_the_fence() {
    let Some(double) = moto::double("moto_carries_the_fence").await else {
        return;
    };
    carries_the_fence(&Account::furnish(double, "journal").await).await;
}
