//! The AWS adapters against the sandbox's APIs, inside this process.

use std::sync::Arc;

use rehull::adapters::aws::AccessKeys;
use rehull::adapters::store_s3::S3Store;
use rehull::sandbox::layout::{ACCOUNT, IMAGE};

use crate::account::{Account, Double, location};
use crate::lease_contract::{of_many_one_gets_the_lease, the_lease_has_one_holder_at_a_time};
use crate::sandbox::{Sandbox, layout, start};
use crate::store_contract::{obeys_the_contract, one_of_many_wins};
use crate::{aws_artefacts, aws_groups, aws_machines, aws_parts, aws_snapshots};

/// A world of its own for every scenario.
pub(crate) async fn furnished(cluster: &str) -> (Sandbox, Account) {
    let sandbox = start().await;
    let operator = layout().operator();
    let double = Double {
        endpoint: sandbox.api.endpoint().to_owned(),
        account: ACCOUNT.to_owned(),
        keys: AccessKeys {
            id: operator.id,
            secret: operator.secret,
        },
        image: IMAGE.to_owned(),
        profile: "dev-etcd".to_owned(),
    };
    let account = Account::furnish(&double, cluster).await;
    (sandbox, account)
}

macro_rules! on_the_sandbox {
    ($($from:ident::$scenario:ident;)*) => {$(
        #[tokio::test]
        async fn $scenario() {
            let (_sandbox, account) = furnished(&stringify!($scenario).replace('_', "-")).await;
            $from::$scenario(&account).await;
        }
    )*};
}

on_the_sandbox! {
    aws_machines::the_caller_learns_account_and_region;
    aws_machines::a_template_gets_one_version_per_content;
    aws_machines::a_template_says_what_a_machine_needs_and_keeps_its_default;
    aws_machines::a_machine_is_launched_told_and_terminated;
    aws_machines::a_machine_knows_the_template_version_it_came_from;
    aws_machines::the_same_token_launches_once;
    aws_machines::a_tag_for_a_machine_that_nobody_knows_is_not_set;
    aws_machines::what_does_not_exist_is_said_in_its_own_way;
    aws_machines::a_launch_from_a_version_that_is_not_there_is_not_a_launch;
    aws_machines::a_machine_s_own_report_is_joined_in;
    aws_groups::a_group_launches_what_it_is_told_and_as_many;
    aws_groups::processes_are_suspended_and_resumed_by_name;
    aws_groups::a_member_that_is_terminated_is_not_made_up_for;
    aws_groups::a_machine_of_no_group_is_gone;
    aws_groups::whoever_is_no_target_is_deregistered_already;
    aws_groups::a_member_is_a_target_until_it_is_deregistered;
    aws_groups::what_is_not_there_is_no_group_and_no_empty_list_of_targets;
    aws_parts::parts_move_from_machine_to_machine;
    aws_parts::a_volume_of_another_zone_is_refused;
    aws_parts::a_terminated_machine_gives_its_volume_back;
    aws_parts::a_terminated_machine_gives_its_interface_back;
    aws_artefacts::an_artefact_is_published_once_and_fetched_whole;
    aws_artefacts::a_file_that_is_not_the_pinned_one_is_not_published;
    aws_artefacts::an_object_that_lies_about_its_content_is_found_out;
    aws_artefacts::a_pin_that_is_no_digest_is_named;
    aws_snapshots::a_snapshot_arrives_whole_and_is_never_written_over;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_s3_store_obeys_the_contract() {
    let (_sandbox, account) = furnished("contract").await;
    let store = Arc::new(S3Store::new(account.clients(), location("contract/store/")));
    obeys_the_contract(&*store).await;
    one_of_many_wins(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_s3_store_carries_the_lease() {
    let (_sandbox, account) = furnished("lease").await;
    let store = |prefix: &str| Arc::new(S3Store::new(account.clients(), location(prefix)));
    the_lease_has_one_holder_at_a_time(store("lease/one/")).await;
    of_many_one_gets_the_lease(store("lease/many/")).await;
}
