//! A rollout that is not over, beside something new that is planned: it is named first, with what ends it, and nothing is
//! offered that would be refused because of it.

use rehull_core::domain::ids::RolloutId;

use super::exit::Exit;
use super::failure::{Failure, Problem};
use super::planning::Planned;
use crate::report::no_return;
use crate::report::timeline::Timeline;

/// What was planned, behind the rollout that is open.
///
/// # Errors
/// There is no plan; the rollout that is open is named before the reasons.
pub fn first(planned: Result<Planned, Failure>, open: &RolloutId) -> Result<Planned, Failure> {
    match planned {
        Ok(mut planned) => {
            name_first(&mut planned.plan.forecast.blockers, open);
            Ok(planned)
        }
        Err(mut failure) => {
            failure.problems.insert(
                0,
                Problem::Plain {
                    code: "rollout::unfinished",
                    message: format!("rollout `{open}` is not over: it comes before anything new"),
                    because: Vec::new(),
                    help: Some(ways_out(open)),
                },
            );
            Err(failure)
        }
    }
}

fn name_first(blockers: &mut Vec<String>, open: &RolloutId) {
    for blocker in blockers.iter_mut() {
        // Beside an open rollout no other one may begin: the command of such a hint would be refused.
        if let Some((what, fix)) = blocker.rsplit_once(" → ")
            && fix.contains("rehull ")
        {
            *blocker = what.to_owned();
        }
    }
    blockers.insert(0, format!("rollout {open} is not over → {}", ways_out(open)));
}

fn ways_out(open: &RolloutId) -> String {
    format!("rehull resume {open}   |   rehull abort {open}")
}

/// No machine has another content to go back to, but the rollout is open: a machine of it may wait for its go, or its one
/// member may be out between both machines.
#[must_use]
pub fn nothing_to_go_back_to(open: &RolloutId, timeline: &Timeline) -> Failure {
    let Some(step) = timeline.in_switch() else {
        let message = format!("`{open}` has not switched any member yet: there is nothing to go back from");
        let failure = Failure::new(Exit::Refused, "rollback::nothing_switched", message);
        return failure.help(format!(
            "end it, and what it has launched goes: rehull abort {open}"
        ));
    };
    let slot = &step.outline.slot;
    let message =
        format!("`{open}` has begun to switch {slot} and not ended it: a way back begins when {slot} is in");
    let mut failure = Failure::new(Exit::Refused, "rollback::in_switch", message);
    if let Some(ahead) = no_return::ahead(timeline) {
        failure = failure.note(ahead);
        return failure.help(format!("rehull resume {open}   |   rehull abort {open}"));
    }
    failure.help(format!(
        "bring {slot} in first: rehull abort {open}, then rehull rollback {open}   |   rehull resume {open}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::diagnostics::Look;
    use crate::report::fixture;

    fn plain(failure: &Failure) -> String {
        let text = failure.text(Look::Plain);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn open() -> RolloutId {
        RolloutId::new(fixture::ROLLOUT)
    }

    #[test]
    fn an_open_rollout_is_named_first_and_no_command_is_offered_that_it_would_refuse() {
        let mut plan = fixture::plan();
        plan.forecast.blockers = vec![
            "etcd-a is out → rehull etcd heal etcd-a dev.yaml".to_owned(),
            "alarm NOSPACE on etcd-b → free space, then disarm it".to_owned(),
        ];
        let planned = Planned {
            plan,
            rollout: RolloutId::new("dev-2026-11-21-02"),
        };
        let planned = first(Ok(planned), &open()).expect("there is a plan");
        let id = fixture::ROLLOUT;
        assert_eq!(
            planned.plan.forecast.blockers,
            [
                format!("rollout {id} is not over → rehull resume {id}   |   rehull abort {id}"),
                "etcd-a is out".to_owned(),
                "alarm NOSPACE on etcd-b → free space, then disarm it".to_owned(),
            ]
        );
    }

    #[test]
    fn where_there_is_no_plan_the_open_rollout_stands_before_the_reasons() {
        let refused = Failure::new(Exit::Refused, "plan::refused", "no");
        let failure = first(Err(refused), &open()).err().expect("no plan");
        assert_eq!((failure.exit, failure.problems.len()), (Exit::Refused, 2));
        let text = plain(&failure);
        let place = |what: &str| text.find(what).expect(what);
        assert!(place("is not over") < place("plan::refused"), "{text}");
    }

    #[test]
    fn a_rollback_in_the_window_does_not_say_that_nothing_was_switched() {
        let events = fixture::whole_rollout();
        let until = |seconds: f64| {
            let told: Vec<_> = events
                .iter()
                .filter(|event| event.at <= fixture::at(seconds))
                .cloned()
                .collect();
            plain(&nothing_to_go_back_to(&open(), &Timeline::of(&told)))
        };
        assert!(
            until(2.6).contains("has not switched any member yet"),
            "{}",
            until(2.6)
        );
        // Its old member was removed at 3.2 s, and its volume is on the way.
        let window = until(3.4);
        assert!(window.contains("has begun to switch etcd-b"), "{window}");
        let id = fixture::ROLLOUT;
        assert!(
            window.contains(&format!("rehull abort {id}, then rehull rollback {id}")),
            "{window}"
        );
        assert!(!window.contains("not switched any member"), "{window}");
    }
}
