//! The AWS adapters when AWS has a bad day. Only the sandbox can be told to have one.

use std::sync::Arc;

use rehull::adapters::store_s3::S3Store;
use rehull_core::domain::fleet::Attachment;
use rehull_core::domain::ids::{AccountId, Generation, Region};
use rehull_core::ports::{LaunchTemplates, Machines, PortError, Rule, SlotParts, Store, StoreError};
use rehull_core::world::{Principal, Switch};

use crate::account::{REGION, clients, location};
use crate::aws_machines::token;
use crate::aws_sandbox::furnished;
use crate::lease_contract::the_lease_has_one_holder_at_a_time;
use crate::sandbox::layout;

fn lose(action: &str) -> Switch {
    Switch::LoseAnswers {
        action: action.to_owned(),
        calls: 1,
    }
}

fn is_unknown<T>(answer: &Result<T, PortError>) -> bool {
    matches!(answer, Err(PortError::OutcomeUnknown { .. }))
}

#[tokio::test]
async fn a_lost_answer_to_a_launch_is_repaired_by_the_same_token() {
    let (sandbox, account) = furnished("lost-launch").await;
    let known = account.running(0).await;
    let request = account.launch_request(account.version(1).await, 7);
    sandbox.api.switch(lose("RunInstances")).await.unwrap();
    let lost = account.machines().launch(&request).await;
    assert!(is_unknown(&lost), "{lost:?}");

    let found = account.machines().launch(&request).await.unwrap();
    assert_ne!(found, known);
    account.seen(&found, "launched", |_| true).await;
    assert_eq!(
        account.machines().observe(&account.cluster).await.value.len(),
        2,
        "one launch, one machine"
    );
}

#[tokio::test]
async fn a_lost_answer_to_a_template_version_makes_no_second_one() {
    let (sandbox, account) = furnished("lost-version").await;
    let (templates, name, content) = (
        account.templates(),
        &account.slot.launch_template,
        account.content(1),
    );
    for (action, mark) in [("CreateLaunchTemplate", 1), ("CreateLaunchTemplateVersion", 2)] {
        let content = account.content(mark);
        sandbox.api.switch(lose(action)).await.unwrap();
        let lost = templates
            .create_version(name, &content, &token(mark.into()))
            .await;
        assert!(is_unknown(&lost), "{action}: {lost:?}");
        assert_eq!(account.version(mark).await.to_string(), mark.to_string());
    }
    let seen = templates.observe(std::slice::from_ref(name)).await;
    assert_eq!(seen.value[name].len(), 2);
    assert_eq!(seen.value[name][0].digest, Some(content.digest));
}

#[tokio::test]
async fn a_lost_answer_to_a_move_is_settled_by_looking() {
    let (sandbox, account) = furnished("lost-move").await;
    let machine = account.running(0).await;
    let (parts, slot) = (account.parts(), account.slot.clone());
    sandbox.api.switch(lose("AttachVolume")).await.unwrap();
    let lost = parts.attach_volume(&slot.volume, &machine, Generation(1)).await;
    assert!(is_unknown(&lost), "{lost:?}");
    assert_eq!(
        parts.attach_volume(&slot.volume, &machine, Generation(1)).await,
        Ok(())
    );
    account
        .volume_seen("the volume is attached", |at| at.is_attached_to(&machine))
        .await;

    sandbox.api.switch(lose("DetachVolume")).await.unwrap();
    let lost = parts.detach_volume(&slot.volume, &machine).await;
    assert!(is_unknown(&lost), "{lost:?}");
    assert_eq!(parts.detach_volume(&slot.volume, &machine).await, Ok(()));
    account
        .volume_seen("the volume is free", |at| *at == Attachment::Available)
        .await;
}

#[tokio::test]
async fn a_zone_without_capacity_is_said_and_nothing_is_launched() {
    let (sandbox, account) = furnished("no-capacity").await;
    let request = account.launch_request(account.version(1).await, 7);
    sandbox
        .api
        .switch(Switch::NoCapacity {
            zone: "*".to_owned(),
            on: true,
        })
        .await
        .unwrap();
    let refused = account.machines().launch(&request).await;
    assert!(
        matches!(
            refused,
            Err(PortError::Refused {
                rule: Rule::InsufficientCapacity,
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(account.machines().observe(&account.cluster).await.value, []);
}

#[tokio::test]
async fn a_throttled_mutation_is_not_repeated_and_a_throttled_read_is() {
    let (sandbox, account) = furnished("throttled").await;
    let request = account.launch_request(account.version(1).await, 7);
    for action in ["RunInstances", "DescribeInstances"] {
        sandbox
            .api
            .switch(Switch::Throttle {
                action: action.to_owned(),
                calls: 1,
            })
            .await
            .unwrap();
    }
    let throttled = account.machines().launch(&request).await;
    assert!(
        matches!(throttled, Err(PortError::Throttled { .. })),
        "{throttled:?}"
    );
    let seen = account.machines().observe(&account.cluster).await;
    assert!(seen.gaps.is_empty() && seen.value.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn a_volume_that_does_not_come_off_is_seen_as_leaving() {
    let (sandbox, account) = furnished("stuck").await;
    let (old, new) = (account.running(0).await, account.running(1).await);
    let (parts, slot) = (account.parts(), account.slot.clone());
    parts
        .attach_volume(&slot.volume, &old, Generation(1))
        .await
        .unwrap();
    account
        .volume_seen("the volume is attached", |at| at.is_attached_to(&old))
        .await;
    let stuck = |on| Switch::StuckVolume {
        volume: slot.volume.as_str().to_owned(),
        on,
    };
    sandbox.api.switch(stuck(true)).await.unwrap();
    parts.detach_volume(&slot.volume, &old).await.unwrap();
    account
        .volume_seen("the volume is leaving", |at| {
            *at == Attachment::Detaching(old.clone())
        })
        .await;
    parts.detach_volume(&slot.volume, &old).await.unwrap();
    let taken = parts.attach_volume(&slot.volume, &new, Generation(2)).await;
    assert!(
        matches!(taken, Err(PortError::Refused { rule: Rule::Busy, .. })),
        "{taken:?}"
    );
    assert_eq!(account.parts_seen().await.volume_generation, Some(Generation(1)));
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_conflicts_with_its_own_success() {
    let (sandbox, account) = furnished("lost-write").await;
    let store = S3Store::new(account.clients(), location("lost/"));
    sandbox.api.switch(lose("PutObject")).await.unwrap();
    let lost = store.create("journal/000001.jsonl", b"nonce 1").await;
    assert!(matches!(lost, Err(StoreError::OutcomeUnknown { .. })), "{lost:?}");
    let again = store.create("journal/000001.jsonl", b"nonce 1").await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    assert_eq!(
        store.get("journal/000001.jsonl").await.unwrap().unwrap().bytes,
        b"nonce 1"
    );
}

#[tokio::test]
async fn two_writes_that_met_leave_the_outcome_to_a_look() {
    let (sandbox, account) = furnished("met").await;
    let store = S3Store::new(account.clients(), location("met/"));
    sandbox
        .api
        .switch(Switch::WriteConflict { calls: 1 })
        .await
        .unwrap();
    let met = store.create("lease.json", b"one").await;
    assert!(matches!(met, Err(StoreError::OutcomeUnknown { .. })), "{met:?}");
    assert_eq!(store.get("lease.json").await.unwrap(), None);
    store.create("lease.json", b"one").await.unwrap();
}

#[tokio::test]
async fn the_lease_is_had_all_the_same() {
    for switch in [
        lose("PutObject"),
        Switch::WriteConflict { calls: 2 },
        lose("GetObject"),
    ] {
        let (sandbox, account) = furnished("lease-faults").await;
        sandbox.api.switch(switch).await.unwrap();
        let store = S3Store::new(account.clients(), location("lease-faults/"));
        the_lease_has_one_holder_at_a_time(Arc::new(store)).await;
    }
}

#[tokio::test]
async fn expired_credentials_are_called_expired_everywhere() {
    let (sandbox, account) = furnished("expired").await;
    let machine = account.running(0).await;
    let access_key = account.double.keys.id.clone();
    sandbox
        .api
        .switch(Switch::Expire { access_key, on: true })
        .await
        .unwrap();
    for answer in [
        account.machines().whoami().await.map(drop),
        account.machines().terminate(&machine).await,
    ] {
        let Err(PortError::NotSent { why }) = &answer else {
            panic!("{answer:?}")
        };
        assert!(why.contains("have expired"), "{why}");
    }
    let written = S3Store::new(account.clients(), location("expired/"))
        .create("lease.json", b"x")
        .await;
    let Err(StoreError::Unavailable { why, .. }) = &written else {
        panic!("{written:?}")
    };
    assert!(why.contains("have expired"), "{why}");
}

#[tokio::test]
async fn credentials_of_another_account_say_so_themselves() {
    let (sandbox, account) = furnished("stranger").await;
    let mut key = layout().operator();
    let stranger = AccountId::new("999988887777");
    key.id = "AKIASTRANGER0000".to_owned();
    key.principal = Principal::Operator {
        account: stranger.as_str().to_owned(),
        user: "stranger".to_owned(),
    };
    let mut double = account.double.clone();
    double.keys.id.clone_from(&key.id);
    sandbox.api.switch(Switch::AddKey { key }).await.unwrap();
    let who = clients(&double).await.whoami().await;
    assert_eq!(who, Ok((stranger, Region::new(REGION))));
}
