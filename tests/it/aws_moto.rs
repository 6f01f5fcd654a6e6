//! The AWS adapters against `moto_server`.

use std::sync::Arc;

use rehull::adapters::store_s3::S3Store;
use rehull_core::domain::desired::ObjectLocation;

use crate::moto;
use crate::store_contract::obeys_the_contract;

fn location(bucket: &str, prefix: &str) -> ObjectLocation {
    ObjectLocation {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_s3_store_obeys_the_contract_on_moto() {
    let Some(endpoint) = moto::endpoint("an_s3_store_obeys_the_contract_on_moto") else {
        return;
    };
    moto::make_bucket(endpoint, "contract").await;
    let store = S3Store::new(moto::clients(endpoint).await, location("contract", "store/"));
    obeys_the_contract(Arc::new(store)).await;
}
