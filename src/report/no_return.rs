//! The point of no return in a rollout that is under way: whether its nearest resting place lies behind it, or it has
//! passed. The plan says it before the approval; whoever resumes, pauses or aborts later has not read the plan.

use super::timeline::{StepStory, Timeline};

/// What there is to say before anything drives on to the nearest resting place; `None`: nothing is lost by it.
#[must_use]
pub fn ahead(timeline: &Timeline) -> Option<String> {
    let step = last_old(timeline)?;
    let slot = &step.outline.slot;
    let which = match step.outline.from {
        Some(from) => format!("the last {}.{} member", from.major, from.minor),
        None => "the last old member".to_owned(),
    };
    Some(format!(
        "the nearest resting place is behind the point of no return: {slot}, {which}, has been told to stop; after it nothing goes back by rollback"
    ))
}

/// What there is to say when it has passed.
#[must_use]
pub fn passed(timeline: &Timeline) -> Option<&'static str> {
    (timeline.ends_old_minor && members(timeline).all(|step| step.done_at.is_some())).then_some(
        "the point of no return has passed: nothing goes back by rollback (docs/runbooks/rollback-refused.md)",
    )
}

/// The member that is being switched while no other one of the old minor is left.
fn last_old(timeline: &Timeline) -> Option<&StepStory> {
    let step = timeline.in_switch().filter(|step| !step.outline.spare)?;
    let mut others = members(timeline).filter(|other| other.outline.step != step.outline.step);
    (timeline.ends_old_minor && others.all(|other| other.done_at.is_some())).then_some(step)
}

fn members(timeline: &Timeline) -> impl Iterator<Item = &StepStory> {
    timeline.steps.iter().filter(|step| !step.outline.spare)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    /// The rollout up to this second; its third and last member is told to stop at 28.1 s.
    fn until(seconds: f64) -> Timeline {
        let events = fixture::whole_rollout().into_iter();
        let told: Vec<_> = events.filter(|event| event.at <= fixture::at(seconds)).collect();
        Timeline::of(&told).of_plan(&fixture::plan())
    }

    #[test]
    fn the_last_old_member_told_to_stop_puts_every_resting_place_behind_the_point_of_no_return() {
        let said = ahead(&until(28.2)).expect("its switch has begun");
        assert_eq!(
            said,
            "the nearest resting place is behind the point of no return: etcd-a, the last 3.5 member, has been told to stop; after it nothing goes back by rollback"
        );
    }

    #[test]
    fn before_the_last_switch_every_resting_place_has_a_way_back() {
        // In the windows of the first two, at rest between them, and in the bake with the leader moved already.
        for seconds in [0.0, 3.3, 11.2, 13.0, 22.9, 28.0] {
            assert_eq!(ahead(&until(seconds)), None, "at {seconds} s");
            assert_eq!(passed(&until(seconds)), None, "at {seconds} s");
        }
    }

    #[test]
    fn after_the_last_member_it_has_passed() {
        let done = until(36.6);
        assert_eq!(ahead(&done), None);
        assert!(passed(&done).is_some_and(|said| said.contains("nothing goes back by rollback")));
    }

    #[test]
    fn a_rollout_within_one_minor_has_no_such_point() {
        let mut within = until(28.2);
        within.ends_old_minor = false;
        assert_eq!((ahead(&within), passed(&within)), (None, None));
    }

    #[test]
    fn a_single_member_is_the_last_old_one() {
        let mut single = until(3.3);
        single.steps.retain(|step| step.outline.slot.as_str() == "etcd-b");
        assert!(ahead(&single).is_some_and(|said| said.contains("etcd-b, the last 3.5 member")));
    }
}
