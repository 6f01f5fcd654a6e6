//! What the adapter of interfaces and volumes must do, whatever stands behind the wire.

use rehull_core::domain::fleet::Attachment;
use rehull_core::domain::ids::Generation;
use rehull_core::ports::{Machines, PortError, Rule, SlotParts};

use crate::account::Account;

pub(crate) async fn parts_move_from_machine_to_machine(account: &Account) {
    let (old, new) = (account.running(0).await, account.running(1).await);
    let (parts, slot) = (account.parts(), account.slot.clone());
    let before = account.parts_seen().await;
    assert_eq!(
        (&before.volume.attachment, before.volume_generation),
        (&Attachment::Available, None)
    );
    assert_eq!(before.volume_cluster.as_deref(), Some(account.cluster.as_str()));
    assert_eq!(before.interface_address, Some(slot.address));
    assert_eq!(before.interface.zone, Some(slot.zone.clone()));

    for _ in 0..2 {
        parts.attach_interface(&slot.interface, &old).await.unwrap();
        parts
            .attach_volume(&slot.volume, &old, Generation(4))
            .await
            .unwrap();
    }
    account
        .volume_seen("the volume is attached", |at| at.is_attached_to(&old))
        .await;
    account
        .interface_seen("the interface is attached", |at| at.is_attached_to(&old))
        .await;
    assert_eq!(account.parts_seen().await.volume_generation, Some(Generation(4)));

    let stolen = parts.attach_volume(&slot.volume, &new, Generation(5)).await;
    assert!(
        matches!(stolen, Err(PortError::Refused { rule: Rule::Busy, .. })),
        "{stolen:?}"
    );
    let stolen = parts.attach_interface(&slot.interface, &new).await;
    assert!(
        matches!(stolen, Err(PortError::Refused { rule: Rule::Busy, .. })),
        "{stolen:?}"
    );
    assert_eq!(
        account.parts_seen().await.volume_generation,
        Some(Generation(4)),
        "a refusal changes no tag"
    );
    // Detaching from a machine that does not have it changes nothing at the one that has.
    parts.detach_volume(&slot.volume, &new).await.unwrap();
    account
        .volume_seen("the volume is still attached", |at| at.is_attached_to(&old))
        .await;

    for _ in 0..2 {
        parts.detach_interface(&slot.interface, &old).await.unwrap();
        parts.detach_volume(&slot.volume, &old).await.unwrap();
    }
    account
        .volume_seen("the volume is free", |at| *at == Attachment::Available)
        .await;
    account
        .interface_seen("the interface is free", |at| *at == Attachment::Available)
        .await;

    parts
        .attach_volume(&slot.volume, &new, Generation(5))
        .await
        .unwrap();
    account
        .volume_seen("the volume has moved", |at| at.is_attached_to(&new))
        .await;
    assert_eq!(account.parts_seen().await.volume_generation, Some(Generation(5)));
}

pub(crate) async fn a_volume_of_another_zone_is_refused(account: &Account) {
    let machine = account.running(0).await;
    let refused = account
        .parts()
        .attach_volume(&account.far_volume, &machine, Generation(1))
        .await;
    assert!(
        matches!(
            refused,
            Err(PortError::Refused {
                rule: Rule::Invalid,
                ..
            })
        ),
        "{refused:?}"
    );
}

pub(crate) async fn a_terminated_machine_gives_its_volume_back(account: &Account) {
    let machine = account.running(0).await;
    let (parts, slot) = (account.parts(), account.slot.clone());
    parts
        .attach_volume(&slot.volume, &machine, Generation(1))
        .await
        .unwrap();
    account
        .volume_seen("the volume is attached", |at| at.is_attached_to(&machine))
        .await;
    account.machines().terminate(&machine).await.unwrap();
    account
        .volume_seen("the volume is free", |at| *at == Attachment::Available)
        .await;
    parts.detach_volume(&slot.volume, &machine).await.unwrap();
}

pub(crate) async fn a_terminated_machine_gives_its_interface_back(account: &Account) {
    let machine = account.running(0).await;
    let (parts, slot) = (account.parts(), account.slot.clone());
    parts.attach_interface(&slot.interface, &machine).await.unwrap();
    account
        .interface_seen("the interface is attached", |at| at.is_attached_to(&machine))
        .await;
    account.machines().terminate(&machine).await.unwrap();
    account
        .interface_seen("the interface is free", |at| *at == Attachment::Available)
        .await;
    parts.detach_interface(&slot.interface, &machine).await.unwrap();
}
