//! Plans that the real Terraform 1.11.4 wrote; `tools/record-plans.sh` records them again.

use super::*;

macro_rules! recorded {
    ($($name:literal => $upgrade:expr, $infrastructure:expr;)+) => {
        /// Name, text, rules that refuse it as an upgrade of stand-ins, and as infrastructure. Empty: not refused.
        const RECORDED: &[(&str, &str, &[&str], &[&str])] =
            &[$(($name, include_str!(concat!("../fixtures/recorded/", $name, ".json")), &$upgrade, &$infrastructure)),+];
    };
}

recorded! {
    "check-fails" => ["gate::missing", "gate::value", "plan::check"], ["plan::check"];
    "create" => ["gate::missing", "gate::value"], [];
    "deferred-read" => ["gate::missing", "gate::read", "gate::value"], [];
    "delete-count-index" => ["gate::missing", "gate::value"], ["gate::value"];
    "delete-each-key" => ["gate::missing", "gate::value"], ["gate::value"];
    "delete-no-config" => ["gate::missing", "gate::value"], ["gate::value"];
    "delete-no-module" => ["gate::missing", "gate::value"], ["gate::value"];
    "delete-wrong-repetition" => ["gate::missing", "gate::value"], ["gate::value"];
    "deposed" => ["gate::deposed", "gate::missing", "gate::value"], ["gate::deposed", "gate::value"];
    "destroy-mode" => ["gate::missing", "gate::value"], ["gate::value"];
    "errored" => ["gate::missing", "gate::value", "plan::errored", "plan::incomplete"], ["gate::value", "plan::errored", "plan::incomplete"];
    "forget" => ["gate::forget", "gate::missing"], [];
    "import" => ["gate::import", "gate::missing"], [];
    "move" => ["gate::missing", "gate::move"], [];
    "no-change" => ["gate::missing"], [];
    "output-only" => ["gate::missing", "gate::output"], [];
    "provisioner" => ["gate::code", "gate::missing", "gate::value"], ["gate::code"];
    "replace-by-request" => ["gate::missing", "gate::value"], ["gate::value"];
    "replace-by-triggers" => ["gate::missing", "gate::role", "gate::value"], ["gate::value"];
    "replace-cannot-update" => ["gate::missing", "gate::value"], ["gate::value"];
    "replace-create-first" => ["gate::missing", "gate::value"], ["gate::value"];
    "replace-tainted" => ["gate::missing", "gate::value"], ["gate::value"];
    "sensitive" => ["gate::missing", "gate::output", "gate::role"], [];
    "targeted" => ["gate::missing", "gate::value", "plan::incomplete"], ["plan::incomplete"];
    "update" => ["gate::missing", "gate::role"], [];
    "upgrade" => [], [];
    "upgrade-adds-another" => ["gate::value"], [];
    "upgrade-done" => [], [];
    "upgrade-of-others-content" => ["gate::content"], [];
    "upgrade-sensitive" => [], [];
}

#[test]
fn every_recorded_plan_has_its_verdict_in_both_modes() {
    for (name, text, upgrade, infrastructure_rules) in RECORDED {
        let as_upgrade = decide(text.as_bytes(), &upgrade_of_stand_ins(), &keyed()).unwrap();
        assert_eq!(
            rules(&as_upgrade),
            upgrade.iter().copied().collect(),
            "{name} as an upgrade"
        );
        let as_infrastructure = decide(text.as_bytes(), &infrastructure(), &keyed()).unwrap();
        let expected = infrastructure_rules.iter().copied().collect();
        assert_eq!(rules(&as_infrastructure), expected, "{name} as infrastructure");
    }
}

fn text(name: &str) -> &'static str {
    RECORDED.iter().find(|(of, ..)| *of == name).unwrap().1
}

fn decided(name: &str) -> Decision {
    decide(text(name).as_bytes(), &upgrade_of_stand_ins(), &keyed()).unwrap()
}

#[test]
fn an_upgrade_says_which_role_goes_from_where_to_where() {
    let decision = decided("upgrade-sensitive");
    assert_eq!(decision.verdict, Verdict::Allowed);
    let first = RoleChange {
        role: "etcd-a".to_owned(),
        address: Address::new("module.etcd.terraform_data.launch_template[\"etcd-a\"]"),
        from: Some(content("1")),
        to: ContentDigest::new(content("2")),
        changes: true,
    };
    assert_eq!(decision.roles[0], first);
    assert_eq!(
        decision.counts,
        Counts {
            entries: 3,
            changes: 3,
            outputs: 1,
            drifted: 0
        }
    );
}

#[test]
fn a_finished_upgrade_is_nothing_to_apply_because_an_apply_would_still_write_the_state() {
    let decision = decided("upgrade-done");
    assert_eq!(decision.verdict, Verdict::Nothing);
    assert!(decision.roles.iter().all(|role| !role.changes) && decision.roles.len() == 3);
    assert!(decision.changes.is_empty());
}

#[test]
fn moves_imports_and_forgotten_objects_are_seen_although_nothing_is_made_changed_or_destroyed() {
    let shown = |name: &str| {
        let decision = decide(text(name).as_bytes(), &infrastructure(), &keyed()).unwrap();
        assert_eq!(decision.verdict, Verdict::Allowed, "{name}");
        decision.changes[0].clone()
    };
    assert_eq!(shown("move").moved_from, Some(Address::new("terraform_data.a")));
    assert_eq!(shown("move").action, Action::NoOp);
    assert!(shown("import").imported);
    assert_eq!(shown("forget").action, Action::Forget);
}

#[test]
fn a_sensitive_value_without_a_key_is_refused_and_not_hashed() {
    let no_key = setting(None);
    let decision = decide(
        text("upgrade-sensitive").as_bytes(),
        &upgrade_of_stand_ins(),
        &no_key,
    )
    .unwrap();
    assert_eq!(rules(&decision), ["digest::no_key"].into());
    assert_eq!(decision.findings.len(), 3, "one per launch template");
    let open = decide(text("upgrade").as_bytes(), &upgrade_of_stand_ins(), &no_key).unwrap();
    assert_eq!(open.verdict, Verdict::Allowed, "nothing in it is sensitive");
}
