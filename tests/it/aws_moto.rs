//! The AWS adapters against `moto_server`, for every operation that it has.
//!
//! Where moto does not do what AWS documents, a test holds what it does instead: the day moto is right, that test fails
//! and the scenario it replaces moves up into the list. docs/fidelity.md says who is right, and why.

use std::collections::BTreeMap;
use std::sync::Arc;

use rehull::adapters::aws::{AwsGroups, AwsTargets};
use rehull::adapters::store_s3::S3Store;
use rehull_core::domain::fleet::{Attachment, MachineState};
use rehull_core::domain::ids::Generation;
use rehull_core::ports::{Groups, Machines, PortError, SlotParts, Targets};

use crate::account::{Account, location};
use crate::lease_contract::the_lease_has_one_holder_at_a_time;
use crate::store_contract::obeys_the_contract;
use crate::{aws_artefacts, aws_groups, aws_machines, aws_parts, aws_snapshots, moto};

macro_rules! on_moto {
    ($($from:ident::$scenario:ident;)*) => {$(
        #[tokio::test]
        async fn $scenario() {
            let name = stringify!($scenario);
            let Some(double) = moto::double(name).await else { return };
            $from::$scenario(&Account::furnish(double, &name.replace('_', "-")).await).await;
        }
    )*};
}

on_moto! {
    aws_machines::the_caller_learns_account_and_region;
    aws_machines::a_template_gets_one_version_per_content;
    aws_machines::a_template_says_what_a_machine_needs_and_keeps_its_default;
    aws_machines::a_machine_is_launched_told_and_terminated;
    aws_machines::a_machine_knows_the_template_version_it_came_from;
    aws_machines::what_does_not_exist_is_said_in_its_own_way;
    aws_machines::a_launch_from_a_version_that_is_not_there_is_not_a_launch;
    aws_groups::processes_are_suspended_and_resumed_by_name;
    aws_groups::a_member_is_a_target_until_it_is_deregistered;
    aws_groups::what_is_not_there_is_no_group_and_no_empty_list_of_targets;
    aws_parts::parts_move_from_machine_to_machine;
    aws_parts::a_terminated_machine_gives_its_volume_back;
    aws_machines::a_machine_s_own_report_is_joined_in;
    aws_artefacts::an_artefact_is_published_once_and_fetched_whole;
    aws_artefacts::a_file_that_is_not_the_pinned_one_is_not_published;
    aws_artefacts::an_object_that_lies_about_its_content_is_found_out;
    aws_artefacts::a_pin_that_is_no_digest_is_named;
    aws_snapshots::a_snapshot_arrives_whole_and_is_never_written_over;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_s3_store_obeys_the_contract() {
    let Some(double) = moto::double("an_s3_store_obeys_the_contract").await else {
        return;
    };
    let account = Account::furnish(double, "contract").await;
    obeys_the_contract(&S3Store::new(account.clients(), location("contract/store/"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_s3_store_carries_the_lease() {
    let Some(double) = moto::double("an_s3_store_carries_the_lease").await else {
        return;
    };
    let account = Account::furnish(double, "lease").await;
    let store = |prefix: &str| Arc::new(S3Store::new(account.clients(), location(prefix)));
    the_lease_has_one_holder_at_a_time(store("lease/one/")).await;
}

#[tokio::test]
async fn moto_differs_it_fails_inside_when_a_group_is_set() {
    let Some(double) = moto::double("moto_differs_it_fails_inside_when_a_group_is_set").await else {
        return;
    };
    let account = Account::furnish(double, "differs-set").await;
    let told = aws_groups::is_told_twice(&account).await;
    let fails = |outcome: &Result<(), PortError>| matches!(outcome, Err(PortError::OutcomeUnknown { .. }));
    assert!(told.iter().any(fails), "{told:?}");
}

#[tokio::test]
async fn moto_differs_it_fails_inside_when_a_machine_is_of_no_group() {
    let Some(double) = moto::double("moto_differs_it_fails_inside_when_a_machine_is_of_no_group").await
    else {
        return;
    };
    let account = Account::furnish(double, "differs-nobody").await;
    let told = AwsGroups::new(account.clients())
        .terminate(&aws_machines::nobody())
        .await;
    assert!(matches!(told, Err(PortError::OutcomeUnknown { .. })), "{told:?}");
}

#[tokio::test]
async fn moto_differs_it_refuses_to_deregister_whoever_is_no_target() {
    let Some(double) = moto::double("moto_differs_it_refuses_to_deregister_whoever_is_no_target").await
    else {
        return;
    };
    let account = Account::furnish(double, "differs-target").await;
    let arn = aws_groups::target_group(&account).await;
    let machine = account.running(0).await;
    let told = AwsTargets::new(account.clients())
        .deregister(&arn, &machine)
        .await;
    assert!(matches!(told, Err(PortError::Refused { .. })), "{told:?}");
}

#[tokio::test]
async fn moto_differs_it_launches_twice_for_one_client_token() {
    let Some(double) = moto::double("moto_differs_it_launches_twice_for_one_client_token").await else {
        return;
    };
    let account = Account::furnish(double, "differs-token").await;
    let first = account.running(0).await;
    let again = account.launch_request(account.version(1).await, 1000);
    assert_ne!(account.machines().launch(&again).await, Ok(first));
}

#[tokio::test]
async fn moto_differs_it_attaches_volumes_across_zones() {
    let Some(double) = moto::double("moto_differs_it_attaches_volumes_across_zones").await else {
        return;
    };
    let account = Account::furnish(double, "differs-zone").await;
    let machine = account.running(0).await;
    assert_eq!(
        account
            .parts()
            .attach_volume(&account.far_volume, &machine, Generation(1))
            .await,
        Ok(())
    );
}

#[tokio::test]
async fn moto_differs_it_tags_what_does_not_exist() {
    let Some(double) = moto::double("moto_differs_it_tags_what_does_not_exist").await else {
        return;
    };
    let account = Account::furnish(double, "differs-tags").await;
    let go = BTreeMap::from([("rehull:go".to_owned(), "1".to_owned())]);
    assert_eq!(account.machines().tag(&aws_machines::nobody(), &go).await, Ok(()));
}

#[tokio::test]
async fn moto_differs_it_leaves_interfaces_at_terminated_machines() {
    let Some(double) = moto::double("moto_differs_it_leaves_interfaces_at_terminated_machines").await else {
        return;
    };
    let account = Account::furnish(double, "differs-interface").await;
    let machine = account.running(0).await;
    account
        .parts()
        .attach_interface(&account.slot.interface, &machine)
        .await
        .unwrap();
    account.machines().terminate(&machine).await.unwrap();
    account
        .seen(&machine, "terminated", |machine| {
            machine.state == MachineState::Terminated
        })
        .await;
    assert_eq!(
        account.parts_seen().await.interface.attachment,
        Attachment::Attached(machine)
    );
}
