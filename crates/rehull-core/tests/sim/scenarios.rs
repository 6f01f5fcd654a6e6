//! Each scenario and its story.

use rehull_core::sim::{End, Ended, read_scenario, story, write_scenario};

use crate::bench::{PLAYED, Played, folder};

#[test]
fn every_scenario_tells_its_story_in_forty_lines() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder("scenarios/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, Played { scenario, verdict }) in PLAYED.iter() {
            let story = story(scenario, verdict);
            assert!(story.lines().count() <= 40, "{name}:\n{story}");
            insta::assert_snapshot!(name.as_str(), story);
        }
    });
}

#[test]
fn no_scenario_breaks_a_promise_and_each_ends_or_stops_for_a_named_reason() {
    for (name, Played { scenario, verdict }) in PLAYED.iter() {
        let story = story(scenario, verdict);
        assert_eq!(verdict.breaches, [], "{name}:\n{story}");
        let named = match &verdict.end {
            End::Finished | End::Aborted | End::WentBack | End::NoWayBack(_) => true,
            End::Stopped(ended) => {
                assert!(story.contains("next: "), "{name}:\n{story}");
                matches!(ended.as_ref(), Ended::Stopped { .. })
            }
            End::Endless(_) => false,
        };
        assert!(named, "{name}:\n{story}");
    }
}

#[test]
fn a_scenario_that_is_written_down_reads_the_same() {
    for (name, Played { scenario, .. }) in PLAYED.iter() {
        assert_eq!(&read_scenario(name, &write_scenario(scenario)).unwrap(), scenario);
    }
}
