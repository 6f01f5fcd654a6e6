//! What must be true of all members before one of them is taken out.

use super::model::{Model, plan, slot_name};
use super::stories::upgraded;
use super::{End, Outcome, tick, walk};
use crate::domain::action::Action;
use crate::domain::etcd::Endpoint;
use crate::domain::ids::InstanceId;
use crate::domain::observed::Observed;
use crate::domain::policy::EtcdStrategy;
use crate::domain::waiting::RedGate;
use crate::rollout::situation::Situation;
use crate::rollout::{Goal, gates};

/// The gates that stand against taking the first member out.
fn red_gates(seen: &Observed) -> Vec<RedGate> {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    gates::red(&Situation::read(&plan, seen), &slot_name(0))
}

#[test]
fn a_member_that_is_not_ready_is_a_red_gate_with_the_names_of_its_failing_checks() {
    let mut seen = Model::healthy(3).observe();
    assert_eq!(red_gates(&seen), []);
    let last = slot_name(2);
    let Some(Endpoint::Answered(answer)) = seen.etcd.endpoints.get_mut(&last) else {
        panic!("{last} answers in the model");
    };
    answer.unready = vec!["data_corruption".to_owned(), "serializable_read".to_owned()];
    let red = RedGate {
        slot: Some(last),
        gate: "readyz".to_owned(),
        seen: "`/readyz`: data_corruption, serializable_read".to_owned(),
        until: None,
    };
    assert_eq!(red_gates(&seen), [red]);
}

fn preflights(model: &Model) -> Vec<&str> {
    let preflight = |key: &&str| key.starts_with("preflight ");
    model.story.iter().map(String::as_str).filter(preflight).collect()
}

/// Whatever takes a member out or changes the list.
fn first_change(model: &Model) -> usize {
    let changes = |key: &String| {
        ["ask-stop ", "move-leader ", "add-member ", "remove-member "]
            .iter()
            .any(|verb| key.starts_with(verb))
    };
    model.story.iter().position(changes).unwrap()
}

#[test]
fn every_member_takes_a_write_and_has_the_same_data_once_before_the_first_is_touched() {
    for strategy in [
        EtcdStrategy::RemoveThenAdd,
        EtcdStrategy::Reattach,
        EtcdStrategy::LearnerFirst,
    ] {
        let plan = plan(3, strategy);
        let mut model = Model::ready_for(strategy, 3);
        for _ in 0..60 {
            // Another process each time: what the journal tells is not asked again.
            model.attach();
            walk(&mut model, &plan, Goal::Finish, 30);
        }
        upgraded(&model, 3);
        assert_eq!(
            preflights(&model),
            ["preflight writes", "preflight data"],
            "{strategy:?}"
        );
        let asked = model.story.iter().position(|key| key == "preflight data");
        assert!(asked.unwrap() < first_change(&model), "{:#?}", model.story);
    }
}

#[test]
fn whoever_forbids_the_probe_to_write_is_only_asked_for_the_same_data() {
    let mut plan = plan(3, EtcdStrategy::RemoveThenAdd);
    plan.envelope.policy.probe = false;
    let mut model = Model::healthy(3);
    assert_eq!(walk(&mut model, &plan, Goal::Finish, 900), End::Done);
    assert_eq!(preflights(&model), ["preflight data"]);
}

#[test]
fn nothing_is_touched_while_a_preflight_is_not_passed() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    for _ in 0..120 {
        let end = tick(&mut model, &plan, Goal::Finish, &mut |action| match action {
            Action::Preflight { .. } => Outcome::KilledBefore,
            _ => Outcome::Done,
        });
        assert_eq!(end, Ok(None));
        model.advance();
    }
    assert!(preflights(&model).is_empty());
    assert!(
        !model.story.iter().any(|key| key.starts_with("ask-stop ")),
        "{:#?}",
        model.story
    );
}

#[test]
fn a_member_that_is_out_is_brought_back_without_asking_it_for_a_write() {
    let plan = plan(3, EtcdStrategy::RemoveThenAdd);
    let mut model = Model::healthy(3);
    model.kill_machine(&InstanceId::new("i-old-1"));
    assert_eq!(
        walk(&mut model, &plan, Goal::Finish, 1200),
        End::Done,
        "{:#?}",
        model.story
    );
    upgraded(&model, 3);
}
