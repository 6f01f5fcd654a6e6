//! A member that has just come back is no reason to take out the next one.

use super::model::{Model, plan, slot_name};
use super::stories::upgraded;
use super::{End, walk};
use crate::domain::ids::InstanceId;
use crate::domain::policy::EtcdStrategy;
use crate::rollout::Goal;

const SETTLE: i64 = 6;

fn asked_to_stop(model: &Model) -> bool {
    model.story.iter().any(|key| key.starts_with("ask-stop"))
}

/// Everything is ready to take the first member out, but for one second.
fn about_to_begin(strategy: EtcdStrategy) -> Model {
    let plan = plan(3, strategy);
    let seconds = (1..300)
        .find(|seconds| {
            let mut model = Model::healthy(3);
            walk(&mut model, &plan, Goal::Finish, *seconds);
            asked_to_stop(&model)
        })
        .unwrap();
    let mut model = Model::healthy(3);
    walk(&mut model, &plan, Goal::Finish, seconds - 1);
    assert!(!asked_to_stop(&model));
    model
}

#[test]
fn while_another_member_falls_and_rises_no_member_is_taken_out() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let plan = plan(3, strategy);
        let mut model = about_to_begin(strategy);
        for _ in 0..20 {
            model.down.insert(slot_name(2));
            walk(&mut model, &plan, Goal::Finish, 2);
            model.down.clear();
            walk(&mut model, &plan, Goal::Finish, 4);
            assert!(!asked_to_stop(&model), "{strategy:?}: {:#?}", model.story);
        }
        assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
        upgraded(&model, 3);
    }
}

#[test]
fn a_member_that_is_back_has_its_settling_time_before_the_next_one_is_taken_out() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = about_to_begin(EtcdStrategy::RemoveThenAdd);
    model.kill_machine(&InstanceId::new("i-old-2"));
    while model.healthy_voters() < 3 {
        walk(&mut model, &plan, Goal::Finish, 1);
        assert!(!asked_to_stop(&model));
    }
    let back = model.at;
    while !asked_to_stop(&model) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    let waited = model.at.duration_since(back).as_secs();
    assert!(waited >= SETTLE, "{waited} s: {:#?}", model.story);
}

#[test]
fn a_process_that_has_just_taken_over_looks_for_a_settling_time_before_it_takes_a_member_out() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = about_to_begin(EtcdStrategy::RemoveThenAdd);
    model.attach();
    let attached = model.at;
    while !asked_to_stop(&model) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    let waited = model.at.duration_since(attached).as_secs();
    assert!((SETTLE..SETTLE + 5).contains(&waited), "{waited} s");
}

#[test]
fn a_clock_that_goes_back_begins_waits_anew_and_none_of_them_lasts_as_long_as_the_jump() {
    let jump = std::time::Duration::from_secs(7_200);
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let plan = plan(3, strategy);
        for second in (1..150).step_by(4) {
            let mut model = Model::healthy(3);
            model.attach();
            walk(&mut model, &plan, Goal::Finish, second);
            model.at = model.at.checked_sub(jump).unwrap();
            let end = walk(&mut model, &plan, Goal::Finish, 600);
            assert_eq!(end, End::Done, "{strategy:?}, at {second}: {:#?}", model.story);
            upgraded(&model, 3);
        }
    }
}

/// Slots that a rollout leaves alone: those of a replacement, and those that an earlier rollout has done.
#[test]
fn a_member_that_the_rollout_leaves_alone_is_watched_like_any_other() {
    for unchanged in [&[0, 2][..], &[2]] {
        let mut plan = plan(3, EtcdStrategy::RemoveThenAdd);
        let mut model = Model::healthy(3);
        for n in unchanged {
            let slot = &mut plan.envelope.slots[*n];
            slot.reasons.clear();
            // Its machine carries what the plan wants, and no record of this rollout says since when.
            slot.to = slot.from.clone().unwrap();
        }
        model.attach();
        // Longer than the first settling time of a process.
        for _ in 0..20 {
            model.down.insert(slot_name(2));
            walk(&mut model, &plan, Goal::Finish, 2);
            model.down.clear();
            walk(&mut model, &plan, Goal::Finish, 4);
            assert!(!asked_to_stop(&model), "{unchanged:?}: {:#?}", model.story);
        }
        assert_eq!(walk(&mut model, &plan, Goal::Finish, 1200), End::Done);
    }
}

/// etcd that ends some seconds after each start is up for longer than peer links take to be trusted.
#[test]
fn a_member_whose_process_ends_again_and_again_has_to_stay_up_longer_each_time() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    for up in [9, 20, 45] {
        let mut model = about_to_begin(EtcdStrategy::RemoveThenAdd);
        for _ in 0..12 {
            let version = model.running.remove(&slot_name(2)).unwrap();
            walk(&mut model, &plan, Goal::Finish, 2);
            model.running.insert(slot_name(2), version);
            walk(&mut model, &plan, Goal::Finish, up);
            assert!(!asked_to_stop(&model), "up for {up} s: {:#?}", model.story);
        }
        let back = model.at;
        while !asked_to_stop(&model) {
            walk(&mut model, &plan, Goal::Finish, 5);
        }
        let waited = model.at.duration_since(back).as_secs();
        assert!(
            (500..=600).contains(&waited),
            "at most a hundred settling times: {waited} s"
        );
        assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    }
}

/// A slow answer ends no process: it costs the settling time, and a little more each time.
#[test]
fn a_member_that_only_answers_late_is_waited_for_a_little_longer_each_time() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = about_to_begin(EtcdStrategy::RemoveThenAdd);
    for seconds in [5, 11, 17] {
        model.down.insert(slot_name(2));
        walk(&mut model, &plan, Goal::Finish, 2);
        model.down.clear();
        walk(&mut model, &plan, Goal::Finish, seconds);
        assert!(!asked_to_stop(&model), "{seconds} s: {:#?}", model.story);
    }
    walk(&mut model, &plan, Goal::Finish, 5);
    assert!(asked_to_stop(&model), "{:#?}", model.story);
}

/// EC2 throttles just while another member ends: what was seen of etcd is written down all the same.
#[test]
fn a_member_that_falls_while_ec2_cannot_be_read_has_fallen_all_the_same() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = about_to_begin(EtcdStrategy::RemoveThenAdd);
    model.blind = true;
    let version = model.running.remove(&slot_name(2)).unwrap();
    walk(&mut model, &plan, Goal::Finish, 2);
    model.running.insert(slot_name(2), version);
    walk(&mut model, &plan, Goal::Finish, 1);
    model.blind = false;
    let back = model.at;
    while !asked_to_stop(&model) {
        walk(&mut model, &plan, Goal::Finish, 1);
    }
    let waited = model.at.duration_since(back).as_secs();
    assert!(waited >= 9 * SETTLE, "{waited} s: {:#?}", model.story);
}

/// A member that rehull has out is no member that falls, also in a look that does not show its machine.
#[test]
fn who_is_out_by_our_doing_is_no_member_that_falls_while_ec2_cannot_be_read() {
    for strategy in [EtcdStrategy::RemoveThenAdd, EtcdStrategy::Reattach] {
        let plan = plan(3, strategy);
        let mut model = about_to_begin(strategy);
        let mut looks = 0;
        while !model.story.iter().any(|key| key.starts_with("go ")) {
            walk(&mut model, &plan, Goal::Finish, 1);
            model.blind = asked_to_stop(&model);
            walk(&mut model, &plan, Goal::Finish, 1);
            looks += usize::from(model.blind && model.healthy_voters() < 3);
            model.blind = false;
        }
        assert!(looks > 0, "{strategy:?}: {:#?}", model.story);
        let journal = model.journal();
        let fallen: Vec<&str> = journal.marks().filter(|mark| mark.starts_with("out ")).collect();
        assert!(fallen.is_empty(), "{strategy:?}: {fallen:?}");
    }
}
