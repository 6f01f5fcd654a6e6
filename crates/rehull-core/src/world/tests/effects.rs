use super::bench::{Bench, ZONE_A};
use crate::world::{Deed, Fact, World};

/// What a daemon does that was killed: the world from its file, the rest forgotten.
fn restarted(bench: &Bench) -> Bench {
    let text = serde_json::to_string(&bench.world).unwrap();
    let world: World = serde_json::from_str(&text).unwrap();
    Bench {
        world,
        now: bench.now,
        effects: Vec::new(),
    }
}

#[test]
fn an_effect_that_nobody_settled_is_handed_out_again_after_a_restart() {
    let mut bench = Bench::fast();
    let id = bench.run(|_| {}).unwrap();
    bench.pass(1_000);
    let handed = bench.effects.clone();
    let mut bench = restarted(&bench);
    assert_eq!(bench.world.open_effects(), handed);
    assert!(bench.world.powered().is_empty(), "its start is still open");
    bench.obey(&handed[0]);
    let bench = restarted(&bench);
    assert!(bench.world.open_effects().is_empty());
    let powered = bench.world.powered();
    assert_eq!(
        (powered[0].instance.as_str(), powered[0].boot),
        (id.as_str(), handed[0].boot)
    );
}

#[test]
fn settling_an_effect_twice_changes_nothing() {
    let mut bench = Bench::fast();
    let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
    bench.attach(&volume, &id).unwrap();
    bench.live(1_000);
    bench.detach(&volume).unwrap();
    bench.pass(500);
    let [withdraw] = std::mem::take(&mut bench.effects).try_into().unwrap();
    bench.report(Fact::Performed(withdraw.id));
    bench.attach(&volume, &id).unwrap();
    bench.live(1_000);
    bench.report(Fact::Performed(withdraw.id));
    bench.report(Fact::StillMounted(withdraw.id));
    assert_eq!(bench.see_volume(&volume).state(), "in-use");
}

#[test]
fn a_machine_that_cannot_be_started_is_terminated_with_the_reason() {
    let mut bench = Bench::fast();
    let id = bench.run(|_| {}).unwrap();
    bench.pass(1_000);
    let start = bench.effects[0].clone();
    assert!(matches!(start.deed, Deed::Start(_)));
    bench.report(Fact::Failed(start.id, "no namespaces".to_owned()));
    let instance = bench.describe(&id).unwrap().instance;
    assert_eq!(instance.state.name(), "terminated");
    assert_eq!(instance.state_reason.unwrap().1, "no namespaces");
}

#[test]
fn the_same_seed_and_the_same_calls_give_the_same_bytes() {
    let story = || {
        let mut bench = Bench::fast();
        let (id, volume) = (bench.running(ZONE_A), bench.volume(ZONE_A));
        bench.attach(&volume, &id).unwrap();
        bench.live(700);
        bench.terminate(&id);
        bench.live(3_000);
        serde_json::to_string(&bench.world).unwrap()
    };
    assert_eq!(story(), story());
}

#[test]
fn only_changes_need_a_new_snapshot() {
    let mut bench = Bench::fast();
    let id = bench.running(ZONE_A);
    let before = bench.world.revision();
    bench.describe(&id).unwrap();
    bench.pass(10);
    assert_eq!(bench.world.revision(), before);
    bench.terminate(&id);
    assert_ne!(bench.world.revision(), before);
}
