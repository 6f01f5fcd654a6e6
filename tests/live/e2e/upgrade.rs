//! The main job: a cluster under load goes to the next minor, machine by machine.

use rehull_core::domain::action::Action;
use rehull_core::domain::etcd::Endpoint;
use rehull_core::ports::EtcdView as _;

use super::load::{Load, pool, slots};
use super::rig::Sandbox;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_go_to_the_next_minor_under_load_and_nothing_is_lost() {
    let Some(sandbox) = Sandbox::cluster("upgrade", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    sandbox.is_settled_at("3.5.33").await;
    let load = Load::on(&sandbox).await;
    let term = term(&sandbox).await;

    sandbox.pin("3.6.14");
    sandbox.run(&["plan", "cluster.yaml"]).await.exits(0).says(&[
        "etcd 3.5.33 → 3.6.14 on 3 machines, remove-then-add",
        "leads, so it goes last",
        "point of no return",
    ]);
    let run = sandbox
        .run(&["apply", "cluster.yaml", "--yes", "--output", "json"])
        .await
        .exits(0);

    load.ends_unharmed().await;
    // That never two were out is what the ports say (`ends_unharmed`). What rehull tells counts a late answer as out.
    assert!(run.lowest_margin() <= 0, "one was out, and that was told: {run}");
    let steps = steps(&run.actions());
    let (moves, others): (Vec<&str>, Vec<&str>) = steps.iter().partition(|word| **word == "leader");
    assert_eq!(others, ONE_STEP.repeat(3), "{run}");
    // A handover raises the term by one, and so does an election that etcd holds by itself, as it does on a computer that
    // stands still: then another one leads, and where the handover belongs is anybody's guess.
    let risen = self::term(&sandbox).await.saturating_sub(term);
    if usize::try_from(risen).unwrap() == moves.len() {
        assert_eq!(steps, [ONE_STEP, ONE_STEP, &with_leader()].concat(), "{run}");
    } else {
        eprintln!(
            "the term rose by {risen} with {} handovers: not judged who led when",
            moves.len()
        );
    }
    sandbox.is_settled_at("3.6.14").await;
    let rollout = sandbox.newest_rollout();
    sandbox
        .run(&["report", &rollout])
        .await
        .exits(0)
        .says(&["3 of 3 machines replaced", "stall"]);

    // The cluster version has risen: there is no way back, and it is said before anything is touched.
    let refused = sandbox.run(&["rollback", &rollout, "--yes"]).await.exits(1);
    refused.says(&[
        "cluster version is 3.6",
        "this rollout cannot go back",
        "downgrade",
        "snapshot",
    ]);
    assert_eq!(sandbox.newest_rollout(), rollout);
    sandbox.runs("3.6.14").await;
    sandbox.down().await;
}

/// The order inside a step: the replacement waits, the old etcd is stopped before it is removed, and its machine goes
/// last of all.
const ONE_STEP: &[&str] = &[
    "launch",
    "stop",
    "remove",
    "detach",
    "detach",
    "attach",
    "attach",
    "add",
    "go",
    "verify",
    "terminate",
];

fn with_leader() -> Vec<&'static str> {
    let mut step = ONE_STEP.to_vec();
    step.insert(1, "leader");
    step
}

/// The newest that any member knows of.
async fn term(sandbox: &Sandbox) -> u64 {
    let view = pool(sandbox).observe(&slots(sandbox)).await;
    let answers = view.endpoints.values().filter_map(Endpoint::answer);
    answers.map(|answer| answer.term).max().expect("somebody answers")
}

/// What was done to members and machines, in order.
fn steps(actions: &[Action]) -> Vec<&'static str> {
    let word = |action: &Action| match action {
        Action::StartSnapshot
        | Action::Preflight { .. }
        | Action::CreateTemplateVersion { .. }
        | Action::ApplyTerraform { .. }
        | Action::RecordIdentity { .. }
        | Action::Group(_)
        | Action::Node(_) => None,
        Action::LaunchMachine { .. } => Some("launch"),
        Action::MoveLeader { .. } => Some("leader"),
        Action::AskStop { .. } => Some("stop"),
        Action::RemoveMember { .. } => Some("remove"),
        Action::DetachInterface { .. } | Action::DetachVolume { .. } => Some("detach"),
        Action::AttachInterface { .. } | Action::AttachVolume { .. } => Some("attach"),
        Action::AddMember { .. } => Some("add"),
        Action::PromoteMember { .. } => Some("promote"),
        Action::Go { .. } => Some("go"),
        Action::VerifyData { .. } => Some("verify"),
        Action::TerminateMachine { .. } => Some("terminate"),
    };
    actions.iter().filter_map(word).collect()
}
