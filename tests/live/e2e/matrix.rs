//! Every hop between the minors that are known, by every strategy that is legal there, for every size.

use rehull_core::domain::action::Action;
use rustix::process::Signal;

use super::legs::legs;
use super::load::Load;
use super::rig::Sandbox;

/// One upgrade under load from and to these releases.
async fn goes(from: &str, to: &str, strategy: &str, members: u8) {
    let Some(sandbox) = Sandbox::cluster("matrix", &[from, to], members).await else {
        return;
    };
    if members > 1 {
        sandbox.edit("strategy: remove-then-add", &format!("strategy: {strategy}"));
    }
    sandbox.pin(to);
    let load = if members > 1 {
        Some(Load::on(&sandbox).await)
    } else {
        None
    };
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    if let Some(load) = load {
        load.ends_unharmed().await;
    }
    sandbox.is_settled_at(to).await;
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_go_from_3_4_to_3_5() {
    goes("3.4.23", "3.5.33", "remove-then-add", 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_go_from_3_6_to_3_7_on_their_own_data() {
    goes("3.6.14", "3.7.1", "reattach", 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_go_from_3_5_to_3_6_by_learners_and_nothing_is_lost() {
    let Some(sandbox) = Sandbox::cluster("learners", &["3.5.33", "3.6.14"], 3).await else {
        return;
    };
    let load = Load::on(&sandbox).await;
    sandbox.edit("strategy: remove-then-add", "strategy: learner-first");
    sandbox.pin("3.6.14");
    sandbox.run(&["plan", "cluster.yaml"]).await.exits(0).says(&[
        "etcd 3.5.33 → 3.6.14 on 3 machines, learner-first",
        "spare: enters as a learner, leaves last",
    ]);
    let run = sandbox
        .run(&["apply", "cluster.yaml", "--yes", "--output", "json"])
        .await
        .exits(0);
    load.ends_unharmed().await;
    let actions = run.actions();
    let promoted = actions
        .iter()
        .filter(|action| matches!(action, Action::PromoteMember { .. }));
    assert_eq!(promoted.count(), 4, "the spare and every newcomer: {run}");
    // Nothing of the spare is left: the list has the members of the file, and each has the one machine.
    sandbox.is_settled_at("3.6.14").await;
    let rollout = sandbox.newest_rollout();
    sandbox.run(&["report", &rollout]).await.exits(0).says(&[
        "3 of 3 machines replaced",
        "promote",
        "etcd-spare",
    ]);
    sandbox.down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_member_goes_by_reattaching_and_every_other_strategy_is_refused_with_the_reason() {
    let Some(sandbox) = Sandbox::cluster("single", &["3.5.33", "3.6.14"], 1).await else {
        return;
    };
    sandbox.pin("3.6.14");
    for strategy in ["remove-then-add", "learner-first"] {
        sandbox.edit("strategy: reattach", &format!("strategy: {strategy}"));
        let refused = sandbox.run(&["apply", "cluster.yaml", "--yes"]).await;
        assert!(matches!(refused.code, Some(1 | 2)), "{refused}");
        refused.says(&[strategy, "reattach"]);
        sandbox.edit(&format!("strategy: {strategy}"), "strategy: reattach");
    }
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}

/// It hangs after an upgrade, and nobody else can say what the cluster version is: no way back, but it comes up as it was.
async fn hangs_alone() {
    let Some(sandbox) = Sandbox::cluster("alone", &["3.5.33", "3.6.14"], 1).await else {
        return;
    };
    sandbox.pin("3.6.14");
    sandbox.run(&["apply", "cluster.yaml", "--yes"]).await.exits(0);
    let upgrade = sandbox.newest_rollout();
    sandbox.signal_etcd("etcd-a", Signal::STOP);
    let back = sandbox.run(&["rollback", &upgrade, "--yes"]).await;
    back.exits(1).says(&[
        "has served in this rollout",
        "rehull etcd heal etcd-a cluster.yaml",
    ]);
    let heal = ["etcd", "heal", "etcd-a", "cluster.yaml", "--yes"];
    sandbox.run(&heal).await.exits(0).says(&["3.6.14"]);
    sandbox.is_settled_at("3.6.14").await;
    sandbox.down().await;
}

// Below 3.5.24 a promotion can be forgotten, so learners begin with 3.5.
legs! {
    a_single_member_that_hangs_is_healed_and_not_taken_back => hangs_alone();
    from_3_4_to_3_5_by_remove_then_add_with_three_members => goes("3.4.23", "3.5.33", "remove-then-add", 3);
    from_3_4_to_3_5_by_reattach_with_three_members => goes("3.4.23", "3.5.33", "reattach", 3);
    from_3_4_to_3_5_by_remove_then_add_with_five_members => goes("3.4.23", "3.5.33", "remove-then-add", 5);
    from_3_4_to_3_5_by_reattach_with_five_members => goes("3.4.23", "3.5.33", "reattach", 5);
    from_3_4_to_3_5_by_reattach_with_a_single_member => goes("3.4.23", "3.5.33", "reattach", 1);
    from_3_5_to_3_6_by_remove_then_add_with_three_members => goes("3.5.33", "3.6.14", "remove-then-add", 3);
    from_3_5_to_3_6_by_reattach_with_three_members => goes("3.5.33", "3.6.14", "reattach", 3);
    from_3_5_to_3_6_by_remove_then_add_with_five_members => goes("3.5.33", "3.6.14", "remove-then-add", 5);
    from_3_5_to_3_6_by_reattach_with_five_members => goes("3.5.33", "3.6.14", "reattach", 5);
    from_3_5_to_3_6_by_learner_first_with_three_members => goes("3.5.33", "3.6.14", "learner-first", 3);
    from_3_5_to_3_6_by_learner_first_with_five_members => goes("3.5.33", "3.6.14", "learner-first", 5);
    from_3_5_to_3_6_by_reattach_with_a_single_member => goes("3.5.33", "3.6.14", "reattach", 1);
    from_3_6_to_3_7_by_remove_then_add_with_three_members => goes("3.6.14", "3.7.1", "remove-then-add", 3);
    from_3_6_to_3_7_by_reattach_with_three_members => goes("3.6.14", "3.7.1", "reattach", 3);
    from_3_6_to_3_7_by_remove_then_add_with_five_members => goes("3.6.14", "3.7.1", "remove-then-add", 5);
    from_3_6_to_3_7_by_reattach_with_five_members => goes("3.6.14", "3.7.1", "reattach", 5);
    from_3_6_to_3_7_by_learner_first_with_three_members => goes("3.6.14", "3.7.1", "learner-first", 3);
    from_3_6_to_3_7_by_learner_first_with_five_members => goes("3.6.14", "3.7.1", "learner-first", 5);
    from_3_6_to_3_7_by_reattach_with_a_single_member => goes("3.6.14", "3.7.1", "reattach", 1);
}
