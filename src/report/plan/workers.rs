//! Groups of workers in the text of a plan.

use rehull_core::domain::machine::MachineContent;
use std::time::Duration;

use rehull_core::domain::ids::{ContentDigest, GroupName, LaunchTemplateName, StepId};
use rehull_core::domain::version::KubernetesVersion;
use rehull_core::plan::{ServerContent, WorkerGroupPlan, WorkerPolicy, WorkersForecast, WorkersPlan};

use super::super::fixture;
use super::*;

fn planned() -> RolloutPlan {
    let mut plan = fixture::plan();
    for slot in &mut plan.envelope.slots {
        slot.reasons.clear();
    }
    plan.forecast.order.clear();
    let group = WorkerGroupPlan {
        step: StepId::new("workers/dev-general"),
        group: GroupName::new("dev-general"),
        targets: Vec::new(),
        launch_template: LaunchTemplateName::new("dev-general"),
        from: None,
        to: ServerContent {
            version: KubernetesVersion::new(1, 34, 2),
            digest: ContentDigest::new("sha256:b"),
        },
        machine: MachineContent::default(),
        reasons: vec!["kubelet 1.33.13 → 1.34.2".to_owned()],
        policy: WorkerPolicy::default(),
    };
    plan.forecast.workers = vec![WorkersForecast {
        step: group.step.clone(),
        group: group.group.clone(),
        leaving: 6,
        desired: 6,
        about: Duration::from_secs(1380),
    }];
    plan.envelope.workers = Some(WorkersPlan {
        groups: vec![group],
        budget: 2,
        order: Vec::new(),
    });
    plan
}

#[test]
fn a_group_of_workers_has_a_line_with_its_nodes_its_reason_and_how_many_are_drained_at_once() {
    let mut plan = planned();
    plan.forecast.blockers = vec!["shop/cart: it allows nobody to go → a looser budget".to_owned()];
    let offer = Offer {
        apply: None,
        all_notes: false,
    };
    let told = text(&plan, &offer, Paint::Plain);
    assert!(
        told.contains("kubelet 1.34.2 on 6 workers of dev-general"),
        "{told}"
    );
    let line = told
        .lines()
        .find(|line| line.contains("dev-general") && line.contains("drained before"));
    let line = line.unwrap_or_else(|| panic!("{told}"));
    assert!(
        line.contains("6 nodes, each drained before it ends; kubelet 1.33.13 → 1.34.2"),
        "{line}"
    );
    assert!(line.contains("≤ 2 drained"), "{line}");
    assert!(told.contains("✗ shop/cart: it allows nobody to go"), "{told}");
}

#[test]
fn a_cluster_whose_workers_are_what_the_file_says_is_told_so_with_their_groups() {
    let mut plan = planned();
    if let Some(workers) = &mut plan.envelope.workers {
        workers.groups.iter_mut().for_each(|group| group.reasons.clear());
    }
    plan.forecast.workers.clear();
    plan.forecast.blockers.clear();
    let offer = Offer {
        apply: None,
        all_notes: false,
    };
    let told = text(&plan, &offer, Paint::Plain);
    assert!(
        told.contains("machines, and those of dev-general, are what the cluster file says"),
        "{told}"
    );
}
