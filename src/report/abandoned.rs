//! A rollout that is neither over nor stopped: whether it may be left like this, and what to type.

use super::no_return;
use super::paint::{Paint, Tone};
use super::timeline::Timeline;

/// The lines of a halt for a process that ended without one: nobody has looked, so nothing is called at rest. Each ends in
/// a newline. `takes_over`: after how long a resume goes on, where a lease is still in its way.
#[must_use]
pub fn text(timeline: &Timeline, takes_over: Option<&str>, paint: Paint) -> String {
    let id = timeline.rollout.as_ref().map_or("", |id| id.as_str());
    let place = match timeline.in_switch() {
        Some(step) => {
            let text = format!(
                "NOT at rest  the switch of {} has begun and is not over: its member may be out",
                step.outline.slot
            );
            paint.tone(Tone::Bad, &text)
        }
        None => "at rest?     nobody has looked since its process ended".to_owned(),
    };
    let takes_over = takes_over.unwrap_or_default();
    let no_return = no_return::ahead(timeline);
    let no_return = no_return.map_or_else(String::new, |said| format!("  no return    {said}\n"));
    format!("  {place}\n{no_return}  next         rehull resume {id}{takes_over}   |   rehull abort {id}\n")
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_rollout_killed_in_the_window_is_not_at_rest_and_names_the_way_on() {
        let events = fixture::whole_rollout();
        let until = |seconds: f64| {
            let told: Vec<_> = events
                .iter()
                .filter(|event| event.at <= fixture::at(seconds))
                .cloned()
                .collect();
            text(&Timeline::of(&told), Some(" (takes over)"), Paint::Plain)
        };
        let id = fixture::ROLLOUT;
        let next = format!("  next         rehull resume {id} (takes over)   |   rehull abort {id}\n");
        let killed = until(3.3);
        assert_eq!(
            killed,
            format!(
                "  NOT at rest  the switch of etcd-b has begun and is not over: its member may be out\n{next}"
            )
        );
        assert_eq!(
            until(1.0),
            format!("  at rest?     nobody has looked since its process ended\n{next}")
        );
    }
}
