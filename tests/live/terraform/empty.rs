//! A plan that changes nothing: of an upgrade it is judged like any other.

use rehull::adapters::terraform::{Attempt, Proposal};
use rehull_core::domain::ids::{ContentDigest, ImageId, LaunchTemplateName};
use rehull_core::domain::terraform::RoleContent;
use rehull_core::tfplan::{Belongs, Contract, Mode, Templates, Verdict};

use super::rig::Module;

/// What somebody has applied by hand: one template, of which nothing was rendered.
const ROOT: &str = r#"
resource "terraform_data" "template" {
  input = {
    name      = "dev-etcd-a"
    user_data = "IyEvYmluL3NoCg=="
  }
}
"#;

fn upgrade() -> Mode {
    let digest = |letter: &str| ContentDigest::new(format!("sha256:{}", letter.repeat(64)));
    let role = RoleContent {
        role: "etcd-a".to_owned(),
        launch_template: LaunchTemplateName::new("dev-etcd-a"),
        version: "3.6.14".to_owned(),
        user_data: digest("a"),
        content: digest("b"),
        image: ImageId::new("ami-1"),
        instance_type: "t3.small".to_owned(),
        instance_profile: "etcd".to_owned(),
        security_groups: ["sg-1".to_owned()].into(),
        subnet: None,
    };
    Mode::Upgrade(Contract {
        templates: Templates::StandIn,
        roles: vec![role],
    })
}

#[tokio::test]
async fn templates_that_were_made_by_hand_are_judged_though_nothing_is_left_to_change() {
    let Some(module) = Module::new(ROOT) else {
        return;
    };
    let begin = || Attempt::begin(&module.terraform, &module.run(), None, &|_, _, _| {}).unwrap();
    begin().make().await.unwrap();
    let proposal = begin().propose(upgrade(), Belongs::Nothing, None).await.unwrap();
    let Proposal::Plan(decision, _) = proposal else {
        panic!("nobody looked at what the templates say");
    };
    assert_eq!(decision.verdict, Verdict::Refused);
    let rules: Vec<&str> = decision.findings.iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&"gate::content"), "{:#?}", decision.findings);
    let nothing = begin()
        .propose(Mode::Infrastructure, Belongs::Nothing, None)
        .await;
    assert!(matches!(nothing, Ok(Proposal::Nothing)));
}
