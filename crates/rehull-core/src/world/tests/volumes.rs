use super::bench::{Bench, ZONE_A, ZONE_C};
use crate::domain::ids::VolumeId;
use crate::world::interface::AttachmentState;
use crate::world::{Deed, Effect, Fact, Switch};

fn attachment_state(bench: &mut Bench, volume: &str) -> Option<AttachmentState> {
    bench.see_volume(volume).attachment.map(|at| at.state)
}

fn next(bench: &mut Bench) -> Effect {
    let [effect] = std::mem::take(&mut bench.effects).try_into().unwrap();
    effect
}

#[test]
fn a_volume_is_attached_first_and_visible_to_the_guest_later() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    bench.attach(&volume, &id).unwrap();
    assert_eq!(
        attachment_state(&mut bench, &volume),
        Some(AttachmentState::Attaching)
    );
    bench.pass(1_000);
    assert_eq!(
        attachment_state(&mut bench, &volume),
        Some(AttachmentState::Attached)
    );
    assert_eq!(bench.deeds(), [Deed::Expose(VolumeId::new(&volume))]);
}

/// `ebs-multi-attach`, `ebs-attach-needs-running`, `az-binding`
#[test]
fn an_attach_is_refused_for_every_reason_that_ec2_has() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    let foreign = bench.volume(ZONE_C);
    assert_eq!(
        bench.attach(&foreign, &id).unwrap_err().code,
        "InvalidVolume.ZoneMismatch"
    );
    assert_eq!(
        bench.attach("vol-none", &id).unwrap_err().code,
        "InvalidVolume.NotFound"
    );
    let pending = bench.run(|_| {}).unwrap();
    bench.pass(170);
    assert_eq!(bench.state(&pending), "pending");
    assert_eq!(
        bench.attach(&volume, &pending).unwrap_err().code,
        "IncorrectState"
    );
    bench.attach(&volume, &id).unwrap();
    assert_eq!(bench.attach(&volume, &id).unwrap_err().code, "VolumeInUse");
    let second = bench.volume(ZONE_A);
    assert_eq!(
        bench.attach(&second, &id).unwrap_err().code,
        "InvalidParameterValue",
        "the device name is taken"
    );
}

/// `ebs-busy`
#[test]
fn a_mounted_volume_is_busy_until_the_guest_lets_go() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    bench.attach(&volume, &id).unwrap();
    bench.live(1_000);
    bench.detach(&volume).unwrap();
    assert_eq!(
        attachment_state(&mut bench, &volume),
        Some(AttachmentState::Detaching)
    );
    for _ in 0..3 {
        bench.pass(300);
        let asked = next(&mut bench);
        assert_eq!(asked.deed, Deed::Withdraw(VolumeId::new(&volume)));
        bench.report(Fact::StillMounted(asked.id));
        assert_eq!(attachment_state(&mut bench, &volume), Some(AttachmentState::Busy));
    }
    bench.pass(300);
    let asked = next(&mut bench);
    bench.report(Fact::Performed(asked.id));
    assert_eq!(bench.see_volume(&volume).state(), "available");
}

#[test]
fn a_volume_that_no_guest_has_seen_is_simply_free() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    bench.attach(&volume, &id).unwrap();
    bench.detach(&volume).unwrap();
    bench.pass(1_000);
    assert_eq!(bench.see_volume(&volume).state(), "available");
    assert_eq!(bench.deeds(), []);
    assert_eq!(bench.detach(&volume).unwrap_err().code, "IncorrectState");
}

#[test]
fn a_stuck_volume_stays_detaching_until_the_fault_is_off() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    bench.attach(&volume, &id).unwrap();
    bench.live(1_000);
    let stuck = |on| Switch::StuckVolume {
        volume: volume.clone(),
        on,
    };
    bench.switch(stuck(true));
    bench.detach(&volume).unwrap();
    bench.live(60_000);
    assert_eq!(
        attachment_state(&mut bench, &volume),
        Some(AttachmentState::Detaching)
    );
    bench.switch(stuck(false));
    bench.live(1_000);
    assert_eq!(bench.see_volume(&volume).state(), "available");
}

/// `ebs-terminate-before-detach`
#[test]
fn with_terminate_before_detach_the_volume_waits_for_terminated() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    bench.attach(&volume, &id).unwrap();
    bench.live(1_000);
    let boot = bench.boot(&id);
    bench.terminate(&id);
    bench.pass(5_000);
    assert_eq!(bench.see_volume(&volume).state(), "in-use");
    bench.report(Fact::Exited { boot });
    assert_eq!(bench.see_volume(&volume).state(), "available");
}

#[test]
fn after_a_reboot_the_guest_sees_its_volumes_again() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    bench.attach(&volume, &id).unwrap();
    bench.live(1_000);
    bench.switch(Switch::PowerCut { instance: id.clone() });
    let cut = next(&mut bench);
    bench.obey(&cut);
    bench
        .ec2(crate::world::api::ec2::Request::RebootInstances { ids: vec![id] })
        .unwrap();
    bench.pass(1_000);
    let deeds = bench.deeds();
    assert!(
        matches!(deeds.as_slice(), [Deed::Start(_), Deed::Expose(_)]),
        "{deeds:?}"
    );
}
