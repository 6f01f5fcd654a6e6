//! Files that people write: the cluster file, scenarios, templates of user data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rehull_core::config::{self, Spans};
use rehull_core::domain::desired::Desired;
use rehull_core::render::{
    RenderedGroups, USER_DATA_MAX, builtin_control_plane, builtin_template, render_control_plane,
    render_slot, tfvars,
};
use rehull_core::sim::{read_scenario, write_scenario};

use super::{Answer, limits};

const EXAMPLE: &str = include_str!("../../examples/three-etcd/cluster.yaml");

static CLUSTER: LazyLock<Desired> = LazyLock::new(|| match config::parse("example", EXAMPLE) {
    Ok(desired) => desired,
    Err(mistakes) => panic!("the example has mistakes: {mistakes:#?}"),
});

/// A cluster file, and what is made of a good one before anybody is asked.
pub(super) fn cluster(input: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(input) else {
        return Answer::Refused;
    };
    let desired = match config::parse("cluster.yaml", text) {
        Ok(desired) => desired,
        Err(mistakes) => {
            limits::mistakes(text, &mistakes);
            return Answer::Refused;
        }
    };
    let spans = Spans::of(text);
    assert!(
        spans.value("/etcd/version").is_some(),
        "a good file whose places are not known"
    );
    let template = builtin_template(1).unwrap_or_default();
    let mut rendered = BTreeMap::new();
    for slot in desired.etcd.rendered() {
        match render_slot(&desired, slot, template) {
            Ok(done) => {
                assert!(done.user_data.len() <= USER_DATA_MAX);
                rendered.insert(slot.name.clone(), done);
            }
            Err(error) => limits::reason(&error.to_string()),
        }
    }
    let servers = desired.control_plane.as_ref().and_then(|role| {
        let text = builtin_control_plane(1).unwrap_or_default();
        match render_control_plane(&desired, role, text) {
            Ok(done) => Some(done),
            Err(error) => {
                limits::reason(&error.to_string());
                None
            }
        }
    });
    let groups = RenderedGroups {
        servers,
        ..RenderedGroups::default()
    };
    assert!(tfvars(&desired, &rendered, &groups).ends_with("}\n"));
    Answer::Taken
}

/// A scenario; a good one reads the same when it is written down.
pub(super) fn scenario(input: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(input) else {
        return Answer::Refused;
    };
    match read_scenario("scenario.yaml", text) {
        Ok(scenario) => {
            let written = write_scenario(&scenario);
            assert_eq!(read_scenario("written.yaml", &written), Ok(scenario), "{written}");
            Answer::Taken
        }
        Err(mistakes) => {
            limits::mistakes(text, &mistakes);
            Answer::Refused
        }
    }
}

/// A template of user data, and the cloud-config that it becomes.
pub(super) fn template(input: &[u8]) -> Answer {
    let Ok(text) = std::str::from_utf8(input) else {
        return Answer::Refused;
    };
    let Some(slot) = CLUSTER.etcd.slots.first() else {
        panic!("the example has no slot");
    };
    match render_slot(&CLUSTER, slot, text) {
        Ok(rendered) => {
            assert!(rendered.user_data.len() <= USER_DATA_MAX);
            Answer::Taken
        }
        Err(error) => {
            limits::reason(&error.to_string());
            Answer::Refused
        }
    }
}
